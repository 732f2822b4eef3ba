/* SPDX-License-Identifier: Apache-2.0 */
/* What the service's own status and Events say first hand. */
#include "findings/findings.h"

#include <string.h>

static bool is_false(const struct json *condition)
{
    return condition && !strcmp(llmd__json_str(condition, "status"), "False");
}

static llmd_error *add_condition(const struct json *owner, const struct json *condition,
                                 struct sightings *out)
{
    return llmd__sighting_add(out, llmd__scene_subject(owner), llmd__json_str(condition, "reason"),
                              1, "%s", llmd__json_str(condition, "message"));
}

#define UNSEEN "PresetUnseen"

/* How the controller says that it cannot even begin: nothing below the service exists then. It is
   not rolled up into Ready, which stays Unknown for ever. */
static llmd_error *observe_presets(const struct scene *scene, struct sightings *out)
{
    const struct json *service = llmd__scene_service(scene);
    const struct json *condition =
        llmd__scene_condition(llmd__json_member(service, "status"), "PresetsCombined");

    if (!llmd__scene_fresh(scene) || !is_false(condition))
        return NULL;
    if (scene->refuted && !strcmp(scene->refuted, llmd__json_str(condition, "message")))
        return llmd__sighting_add(out, llmd__scene_subject(service), UNSEEN, 1,
                                  "KServe's controller has not seen yet what is there: %s",
                                  scene->refuted);
    return add_condition(service, condition, out);
}

/* KServe answers RefsInvalid for a Gateway or HTTPRoute by name that is not there. */
static llmd_error *observe_refs(const struct scene *scene, struct sightings *out)
{
    static const char *const types[] = {"GatewaysReady", "HTTPRoutesReady"};
    const struct json *service = llmd__scene_service(scene);

    for (size_t i = 0; i < 2 && llmd__scene_fresh(scene); i++) {
        const struct json *condition =
            llmd__scene_condition(llmd__json_member(service, "status"), types[i]);

        if (is_false(condition) && !strcmp(llmd__json_str(condition, "reason"), "RefsInvalid"))
            return add_condition(service, condition, out);
    }
    return NULL;
}

/* The newest Warning of the controller itself, while the service is not ready. */
static const struct json *reconcile_error(const struct scene *scene, const struct json *service)
{
    const struct scene_set *events = &scene->sets[SCENE_EVENT];

    for (size_t i = events->count; i-- > 0;) {
        const struct json *event = events->items[i];

        if (!strcmp(llmd__json_str(event, "type"), "Warning") &&
            llmd__event_is(event, "Error", service))
            return event;
    }
    return NULL;
}

/* An error that stopped the controller is in no condition: its Events are all there is. They stay
   for an hour, so those of a service that became ready are history. */
static llmd_error *observe_reconcile(const struct scene *scene, struct sightings *out)
{
    const struct json *service = llmd__scene_service(scene);
    const struct json *ready = llmd__scene_condition(llmd__json_member(service, "status"), "Ready");
    const struct json *event = service ? reconcile_error(scene, service) : NULL;

    if (!event || !strcmp(llmd__json_str(ready, "status"), "True"))
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(service), "Error", llmd__event_count(event),
                              "%s", llmd__json_str(event, "message"));
}

/* A controller lets be what is on its way out, and so does whoever reads its conditions. */
static llmd_error *observe_leaving(const struct scene *scene, struct sightings *out)
{
    const struct json *object =
        scene->name ? llmd__scene_service(scene) : llmd__scene_gateway(scene);
    const char *holder = llmd__json_str(object, "metadata.finalizers[0]");

    if (!llmd__scene_is_leaving(object))
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(object), "", 1, "is being deleted%s%s",
                              *holder ? ", held by " : "", holder);
}

const struct rule llmd__rules_service[] = {
    {.code = "BeingDeleted",
     .observe = observe_leaving,
     .advice = "apply again when it is gone: see that who owns its finalizers runs",
     .end_ms = FINDING_NEVER},
    {.code = "Stopped",
     .observe = observe_presets,
     .texts = "Stopped",
     .advice = "remove the annotation serving.kserve.io/stop from the service",
     .end_ms = 0},
    /* Its cache is behind for a moment after presets were written. */
    {.code = UNSEEN,
     .observe = observe_presets,
     .texts = UNSEEN,
     .advice = "restart KServe's controller (llmisvc-controller-manager) if it stays like this",
     .grace_ms = 5000,
     .end_ms = FINDING_NEVER},
    /* Ends at once: only another spec, or a change of what is installed, cures it. */
    {.code = "PresetMissing",
     .observe = observe_presets,
     .texts = "ConfigNotFound|not found",
     .advice = "correct the name in baseRefs, or install KServe's presets "
               "(kserve-cluster-resources.yaml) into its namespace",
     .end_ms = 0},
    {.code = "PresetsNotCombined",
     .observe = observe_presets,
     .advice = "the spec does not fit KServe's presets; read the message",
     .end_ms = 0},
    {.code = "GatewayMissing",
     .observe = observe_refs,
     .advice = "make this Gateway (gateway apply), or name one that exists",
     .end_ms = FINDING_NEVER},
    /* A write that met another one is repeated by the controller: of no interest to anybody. */
    {.code = "Retrying",
     .observe = observe_reconcile,
     .texts = "the object has been modified|AlreadyExists",
     .advice = "",
     .grace_ms = 600000,
     .end_ms = FINDING_NEVER,
     .progress = true},
    {.code = "GatewayMissing",
     .observe = observe_reconcile,
     .texts = "does not exist",
     .advice = "make this Gateway (gateway apply), or name one that exists",
     .end_ms = FINDING_NEVER},
    {.code = "ModelAddress",
     .observe = observe_reconcile,
     .texts = "unsupported schema in model URI|invalid model URI",
     .advice = "use hf://, pvc://, oci:// or s3://",
     .end_ms = FINDING_NEVER},
    {.code = "KserveConfig",
     .observe = observe_reconcile,
     .texts = "failed to parse resource configuration|invalid ingress config",
     .advice = "complete KServe's ConfigMap inferenceservice-config: storageInitializer needs all "
               "four quantities",
     .end_ms = FINDING_NEVER},
    {.code = "CaKey",
     .observe = observe_reconcile,
     .texts = "not an RSA key",
     .advice = "KServe's certificate authority must have an RSA key",
     .end_ms = FINDING_NEVER},
    /* KServe's webhook comes up after its controller: a moment of this is a cold start. */
    {.code = "WebhookDown",
     .observe = observe_reconcile,
     .texts = "failed calling webhook|no endpoints available",
     .advice = "KServe's webhook does not answer yet; look at its controller's pod",
     .grace_ms = 20000,
     .end_ms = FINDING_NEVER},
    {.code = "KindMissing",
     .observe = observe_reconcile,
     .texts = "no matches for kind",
     .advice = "install the named CRD and restart KServe's controller, which looks for kinds only "
               "when it starts",
     .grace_ms = 20000,
     .end_ms = FINDING_NEVER},
    {.code = "ReconcileFailed",
     .observe = observe_reconcile,
     .advice = "KServe's controller cannot go on; read the message",
     .grace_ms = 5000,
     .end_ms = FINDING_NEVER,
     .consequence = true},
    {.code = NULL},
};

/* ---- what is only told when nothing before explains it ---- */

/* Either there is no service yet, or no controller that looks at it. */
static llmd_error *observe_silence(const struct scene *scene, struct sightings *out)
{
    const struct json *service = llmd__scene_service(scene);

    if (!service && scene->name && scene->sets[SCENE_SERVICE].synced)
        return llmd__sighting_add(out,
                                  llmd__format("LLMInferenceService/%s/%s", scene->ns, scene->name),
                                  "Missing", 1, "the service does not exist yet");
    if (!service || llmd__scene_fresh(scene))
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(service), "", 1,
                              "KServe's controller has not looked at the service yet");
}

/* Kubernetes stops counting after progressDeadlineSeconds, but goes on trying: a warning only. */
static llmd_error *observe_deadline(const struct scene *scene, struct sightings *out)
{
    SCENE_EACH(deployment, scene, SCENE_DEPLOYMENT)
    {
        const struct json *condition =
            llmd__scene_condition(llmd__json_member(deployment, "status"), "Progressing");

        if (is_false(condition))
            TRY(add_condition(deployment, condition, out));
    }
    return NULL;
}

/* The three left out only repeat the others. What nothing else explains is told in KServe's words.
 */
static llmd_error *observe_not_ready(const struct scene *scene, struct sightings *out)
{
    const struct json *service = llmd__scene_service(scene);

    if (!llmd__scene_fresh(scene))
        return NULL;
    JSON_EACH(condition, llmd__json_get(service, "status.conditions")) {
        const char *type = llmd__json_str(condition, "type");

        if (is_false(condition) && strcmp(type, "Ready") && strcmp(type, "RouterReady") &&
            strcmp(type, "WorkloadsReady"))
            return llmd__sighting_add(out, llmd__scene_subject(service),
                                      llmd__json_str(condition, "reason"), 1, "%s is False: %s",
                                      type, llmd__json_str(condition, "message"));
    }
    return NULL;
}

/* Ready stays True with no replica at all. */
static llmd_error *observe_no_replicas(const struct scene *scene, struct sightings *out)
{
    const struct json *service = llmd__scene_service(scene);

    if (!service || llmd__json_int(service, "spec.replicas", 1) != 0)
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(service), "", 1,
                              "replicas is 0: nothing will answer");
}

const struct rule llmd__rules_late[] = {
    {.code = "NoReplicas",
     .observe = observe_no_replicas,
     .advice = "set replicas to 1 or more",
     .end_ms = FINDING_NEVER},
    {.code = "ServiceMissing",
     .observe = observe_silence,
     .texts = "Missing",
     .advice = "make it (service apply); the wait goes on until then",
     .grace_ms = 1000,
     .end_ms = FINDING_NEVER,
     .progress = true},
    {.code = "ControllerSilent",
     .observe = observe_silence,
     .advice = "check that llmisvc-controller-manager runs in KServe's namespace and that its CPU "
               "limit is not the shipped 100m",
     .grace_ms = 60000,
     .end_ms = FINDING_NEVER,
     .consequence = true},
    {.code = "ProgressDeadline",
     .observe = observe_deadline,
     .advice = "look at the Deployment's pods",
     .end_ms = FINDING_NEVER,
     .consequence = true},
    {.code = "WaitingForGateway",
     .observe = observe_not_ready,
     .texts = "WaitingForGateway",
     .advice = "no Gateway controller has accepted the inference pool: check that the GatewayClass "
               "supports InferencePool and that the service has a route",
     .grace_ms = 120000,
     .end_ms = FINDING_NEVER,
     .consequence = true},
    /* A large model on a cold node loads for a quarter of an hour; before that it is no finding. */
    {.code = "NotReady",
     .observe = observe_not_ready,
     .texts = "MinimumReplicasUnavailable|Progressing",
     .advice = "the model may still be loading; look at the pod's log",
     .grace_ms = 1200000,
     .end_ms = FINDING_NEVER,
     .consequence = true},
    {.code = "NotReady",
     .observe = observe_not_ready,
     .advice = "read the condition's message",
     .grace_ms = 120000,
     .end_ms = FINDING_NEVER,
     .consequence = true},
    {.code = NULL},
};
