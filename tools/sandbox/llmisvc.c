/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run of the controller: look for presets, make the children one after the other, then follow
 * them. Times are those of a controller with two CPUs; with the 100m that KServe ships the same
 * steps take twenty times as long.
 */
#include "sandbox/llmisvc.h"

#include "sandbox/controllers.h"
#include "sandbox/images.h"
#include "sandbox/pace.h"
#include "sandbox/verbs.h"

#include <string.h>

#define FINALIZER "serving.kserve.io/llmisvc-finalizer"
#define PRESET_FINALIZER "serving.kserve.io/llmisvcconfig-finalizer"

enum step {
    STEP_NEW,
    STEP_PLAN,     /* look for presets and baseRefs */
    STEP_CHILDREN, /* one child a beat */
    STEP_WATCH,    /* follow the children */
    STEP_RUN       /* something changed: a run is on its way */
};

static int64_t go(struct object *service, enum step step, int64_t at)
{
    service->step = (int)step;
    service->since = at;
    return at;
}

static void add_finalizer(struct sandbox *sandbox, struct object *service, const char *finalizer)
{
    struct json *json = store_edit(service);
    struct json *metadata = llmd__json_edit(json, "metadata");
    struct json *list = (struct json *)llmd__json_member(metadata, "finalizers");
    JSON_EACH(item, list)
        if (strcmp(llmd__json_text(item), finalizer) == 0) {
            llmd__json_free(json);
            return;
        }
    llmd__json_add_str(list ? list : llmd__json_set_array(metadata, "finalizers"), finalizer);
    store_commit(&sandbox->store, service, json);
}

static void write_missing(struct sandbox *sandbox, struct object *service, const char *config)
{
    struct json *json = store_edit(service);
    struct json *conditions = conditions_edit(json);
    AUTO(str)
    char *words = llmd__format("LLMInferenceServiceConfig \"%s\" not found in namespaces [%s %s]",
                               config, service->ns, SYSTEM_NAMESPACE);
    condition_set(conditions, "PresetsCombined", "False", "ConfigNotFound", words, 0);
    condition_set(conditions, "Ready", "Unknown", "NewObservedGenFailure",
                  "unsuccessfully observed a new generation", 0);
    condition_set(conditions, "RouterReady", "Unknown", NULL, NULL, 0);
    condition_set(conditions, "WorkloadsReady", "Unknown", NULL, NULL, 0);
    llmd__json_set_int(member_object(json, "status"), "observedGeneration",
                       llmd__json_int(json, "metadata.generation", 1));
    store_commit(&sandbox->store, service, json);
}

static bool uri_is_supported(const struct json *spec)
{
    static const char *const schemes[] = {"hf://", "s3://", "pvc://", "oci://", "oci+native://"};
    const char *uri = llmd__json_str(spec, "model.uri");
    if (!llmd__json_bool(spec, "storageInitializer.enabled", true))
        return true;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncmp(uri, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static void refuse_uri(struct sandbox *sandbox, struct object *service, const struct json *spec)
{
    const char *uri = llmd__json_str(spec, "model.uri");
    AUTO(str)
    char *words = llmd__format(
        strstr(uri, "://") ? "failed to reconcile workload: failed to reconcile single node "
                             "workload: unsupported schema in model URI: %s"
                           : "failed to reconcile workload: invalid model URI: %s",
        uri);
    struct json *json = store_edit(service);
    struct json *conditions = conditions_edit(json);
    condition_set(conditions, "PresetsCombined", "True", NULL, NULL, 0);
    static const char *const types[] = {"MainWorkloadReady", "WorkloadsReady", "Ready"};
    for (int i = 0; i < 3; i++)
        condition_set(conditions, types[i], "False", "ReconcileSingleNodeWorkloadError", words, 0);
    llmd__json_set_int(member_object(json, "status"), "observedGeneration",
                       llmd__json_int(json, "metadata.generation", 1));
    if (store_commit(&sandbox->store, service, json))
        event_emit(sandbox, service, "Warning", "Error", LLMISVC_COMPONENT,
                   "Reconciliation failed: %s", words);
}

static void write_status(struct sandbox *sandbox, struct object *service, const struct json *spec)
{
    bool was_ready = strcmp(condition_status(object_json(service), "Ready"), "True") == 0;
    store_commit(&sandbox->store, service, llmisvc_status(sandbox, service, spec));
    bool is_ready = strcmp(condition_status(object_json(service), "Ready"), "True") == 0;
    if (is_ready && !was_ready)
        event_emit(sandbox, service, "Normal", "LLMInferenceServiceReady", LLMISVC_COMPONENT,
                   "LLMInferenceService [%s] is Ready", service->name);
    if (was_ready && !is_ready)
        event_emit(sandbox, service, "Warning", "LLMInferenceServiceNotReady", LLMISVC_COMPONENT,
                   "LLMInferenceService [%s] is no longer Ready", service->name);
}

static void tell_missing_gateway(struct sandbox *sandbox, struct object *service)
{
    AUTO(str) char *missing = llmisvc_missing_gateway(sandbox, service);
    if (missing)
        event_emit(sandbox, service, "Warning", "Error", LLMISVC_COMPONENT,
                   "Reconciliation failed: failed to reconcile networking: Gateway %s does not "
                   "exist",
                   missing);
}

/* Another number when a preset or a config of its namespace comes or is edited. */
static int64_t configs_of(struct sandbox *sandbox, const struct object *service)
{
    struct kind *kind =
        kinds_find(sandbox->store.kinds, SERVING_GROUP, "llminferenceserviceconfigs");
    int64_t sum = 0;
    for (struct object *config = kind->objects; config; config = config->next)
        if (strcmp(config->ns, service->ns) == 0 || strcmp(config->ns, SYSTEM_NAMESPACE) == 0)
            sum += llmd__json_int(object_json(config), "metadata.generation", 1);
    return sum;
}

/* One child; the service's `count` numbers them. */
static int64_t make_children(struct sandbox *sandbox, struct object *service,
                             const struct json *spec, int64_t now)
{
    AUTO(str) char *missing = llmisvc_missing_gateway(sandbox, service);
    bool stop = llmisvc_network_child(service->count) && missing;
    if (!stop && llmisvc_child(sandbox, service, spec, service->count)) {
        service->count++;
        return go(service, STEP_CHILDREN, now + 60);
    }
    service->configs = configs_of(sandbox, service);
    tell_missing_gateway(sandbox, service);
    write_status(sandbox, service, spec);
    return go(service, STEP_WATCH, now);
}

static bool status_is_stale(struct sandbox *sandbox, struct object *service,
                            const struct json *spec)
{
    AUTO(json) struct json *wanted = llmisvc_status(sandbox, service, spec);
    return !llmd__json_equal(wanted, object_json(service));
}

/* Each run makes the certificate anew while addresses come (pods, services): that takes its time.
 */
static int64_t watch_children(struct sandbox *sandbox, struct object *service,
                              const struct json *spec, int64_t now)
{
    bool renewed = service->probe_at < 2;
    if (!status_is_stale(sandbox, service, spec) &&
        service->configs == configs_of(sandbox, service))
        return 0;
    return go(service, STEP_RUN, now + (renewed ? 1200 : 400));
}

static int64_t run(struct sandbox *sandbox, struct object *service, const struct json *spec,
                   int64_t now)
{
    AUTO(str) char *missing = llmisvc_missing_gateway(sandbox, service);
    service->configs = configs_of(sandbox, service);
    if (service->probe_at < 2) {
        service->probe_at++;
        event_emit(sandbox, service, "Normal", "Updated", LLMISVC_COMPONENT,
                   "Updated v1.Secret %s/%s-kserve-self-signed-certs", service->ns, service->name);
    }
    /* The child that waited for its gateway, or a changed spec, goes first. */
    if (!missing && !llmisvc_migrate_route(sandbox, service))
        for (int i = 1; llmisvc_child(sandbox, service, spec, i); i++)
            continue;
    tell_missing_gateway(sandbox, service);
    write_status(sandbox, service, spec);
    return go(service, STEP_WATCH, now + 60);
}

static void delete_cluster_binding(struct sandbox *sandbox, const struct object *service)
{
    AUTO(str) char *name = llmd__format("%s-%s-epp-auth-rb", service->ns, service->name);
    struct object *binding =
        store_get(&sandbox->store, "rbac.authorization.k8s.io", "clusterrolebindings", "", name);
    if (binding)
        object_delete(sandbox, binding, "Background");
}

static int64_t finalize(struct sandbox *sandbox, struct object *service, int64_t now)
{
    if (service->step != -1) {
        service->step = -1;
        service->since = now + 300;
    }
    if (now < service->since)
        return service->since;
    delete_cluster_binding(sandbox, service);
    deletion_let_go(sandbox, service, FINALIZER);
    return 0;
}

static int64_t plan(struct sandbox *sandbox, struct object *service, int64_t now)
{
    char *missing;
    AUTO(json) struct json *spec = llmisvc_merged_spec(sandbox, service, &missing);
    if (!spec) {
        write_missing(sandbox, service, missing);
        llmd__free(missing);
        return 0;
    }
    if (!uri_is_supported(spec)) {
        refuse_uri(sandbox, service, spec);
        return 0;
    }
    if (service->step == STEP_PLAN)
        return go(service, STEP_CHILDREN, now + pace_ms(&sandbox->options, PACE_CHILDREN, 1200));
    if (service->step == STEP_CHILDREN)
        return make_children(sandbox, service, spec, now);
    return service->step == STEP_RUN ? run(sandbox, service, spec, now)
                                     : watch_children(sandbox, service, spec, now);
}

/* Without these at its start the controller has no watches that would tell it of a service's
   children. */
static const char *const watched[] = {"llminferenceservices.serving.kserve.io",
                                      "httproutes.gateway.networking.k8s.io",
                                      "inferencepools.inference.networking.k8s.io", NULL};

int64_t reconcile_llmisvc(struct sandbox *sandbox, struct object *object, int64_t now)
{
    if (!operator_watches(sandbox, ROLE_LLMISVC, watched))
        return 0;
    if (*object_str(object, "metadata.deletionTimestamp"))
        return finalize(sandbox, object, now);
    if (now < object->since)
        return object->since;
    if (object->step != STEP_NEW)
        return plan(sandbox, object, now);
    add_finalizer(sandbox, object, FINALIZER);
    return go(object, STEP_PLAN, now + 150);
}

/* 0.20 holds every preset by a finalizer that only its controller takes off. */
int64_t reconcile_preset(struct sandbox *sandbox, struct object *object, int64_t now)
{
    (void)now;
    if (!operator_runs(sandbox, ROLE_LLMISVC))
        return 0;
    if (*object_str(object, "metadata.deletionTimestamp"))
        deletion_let_go(sandbox, object, PRESET_FINALIZER);
    else
        add_finalizer(sandbox, object, PRESET_FINALIZER);
    return 0;
}
