/* SPDX-License-Identifier: Apache-2.0 */
#include "service/service_manifest.h"
#include "service/policies.h"
#include "service/secrets.h"

#include <string.h>

/* KServe's own names for what it makes of a service, where they are short enough to stay whole. */
char *llmd__service_child(const char *service, const char *suffix)
{
    return llmd__format("%s%s", service, suffix);
}

/* ---- the pod ---- */

/* "key=value,key=value" */
static struct json *selector_of(const char *text)
{
    struct json *selector = llmd__json_object();

    while (*text) {
        const char *equals = strchr(text, '=');
        const char *end = strchr(equals, ',');
        char *key = llmd__strndup(text, (size_t)(equals - text));
        size_t len = end ? (size_t)(end - equals - 1) : strlen(equals + 1);

        llmd__json_set(selector, key ? key : "", llmd__json_new_str(equals + 1, len));
        llmd__free(key);
        text = end ? end + 1 : equals + 1 + len;
    }
    return selector;
}

/* `{}` is said: any node. Nothing said: the preset's. */
static llmd_error *node_selector(const llmd_service_spec *spec, const struct server *server,
                                 struct json **out)
{
    if (llmd__json_count(spec->node_selector))
        return llmd__json_copy(spec->node_selector, out);
    if (spec->node_selector || !server->preset->selector)
        return NULL;
    *out = selector_of(server->preset->selector);
    CHECK_MEMORY(*out);
    return llmd__json_check(*out);
}

/* GKE adds this toleration by an admission plugin; other clusters do not. */
static llmd_error *tolerations(const llmd_service_spec *spec, const struct server *server,
                               struct json **out)
{
    if (llmd__json_count(spec->tolerations))
        return llmd__json_copy(spec->tolerations, out);
    if (spec->tolerations || !server->preset->resource)
        return NULL;
    return llmd__json_make(out, "[{'key': %s, 'operator': 'Exists', 'effect': 'NoSchedule'}]",
                           server->preset->resource);
}

/* The download reads the token too, or a gated model is refused before vLLM starts. KServe merges
   an init container of this name since 0.20. */
static llmd_error *init_containers(const llmd_service_spec *spec, const struct server *server,
                                   struct json **out)
{
    AUTO(json) struct json *token = NULL;

    if (!server->download || server->release < KSERVE_0_20)
        return NULL;
    TRY(llmd__secret_token_env(spec, &token));
    if (!token)
        return NULL;
    return llmd__json_make(out, "[{'name': 'storage-initializer', 'env': [%j]}]", token);
}

/* Containers are merged by name with KServe's preset, so only what we set is written: "main" is the
   model server there. */
static llmd_error *pod_template(const llmd_service_spec *spec, const struct server *server,
                                struct json **out)
{
    AUTO(json) struct json *container = NULL;
    AUTO(json) struct json *init = NULL;
    AUTO(json) struct json *selector = NULL;
    AUTO(json) struct json *tolerated = NULL;
    AUTO(json) struct json *pull = NULL;

    TRY(llmd__server_container(server, spec, &container));
    TRY(init_containers(spec, server, &init));
    TRY(node_selector(spec, server, &selector));
    TRY(tolerations(spec, server, &tolerated));
    TRY(llmd__secret_pull_refs(spec, &pull));
    return llmd__json_make(out,
                           "{'nodeSelector': %j, 'tolerations': %j, 'imagePullSecrets': %j,"
                           " 'initContainers': %j, 'containers': [%j]}",
                           selector, tolerated, pull, init, container);
}

/* ---- the router ---- */

/* The preset's half a minute is long where a picker starts in two seconds. */
static llmd_error *picker_probe(const llmd_service_spec *spec, struct json **out)
{
    if (!spec->scheduler.readiness_delay_s)
        return NULL;
    return llmd__json_make(out, "{'initialDelaySeconds': %d}", spec->scheduler.readiness_delay_s);
}

static llmd_error *picker_template(const llmd_service_spec *spec, struct json **out)
{
    const struct scheduler_spec *scheduler = &spec->scheduler;
    AUTO(json) struct json *probe = NULL;

    if (!scheduler->resources && !scheduler->image && !scheduler->readiness_delay_s)
        return NULL;
    TRY(picker_probe(spec, &probe));
    return llmd__json_make(out,
                           "{'containers': [{'name': 'main', 'image': %s, 'resources': %j,"
                           " 'readinessProbe': %j}]}",
                           scheduler->image, scheduler->resources, probe);
}

/* spec.router.scheduler.config came with 0.17. */
static llmd_error *scheduler_of(const llmd_service_spec *spec, const struct server *server,
                                struct json **out)
{
    AUTO(json) struct json *picker = NULL;
    AUTO(json) struct json *config = NULL;

    if (!spec->scheduler.enabled)
        return NULL;
    TRY(picker_template(spec, &picker));
    if (spec->scheduler.config && server->release >= KSERVE_0_17)
        TRY(llmd__json_make(&config, "{'inline': %j}", spec->scheduler.config));
    return llmd__json_make(out, "{'config': %j, 'template': %j}", config, picker);
}

/* An empty object asks for KServe's default Gateway; leaving it out asks for none. */
static llmd_error *gateway_of(const llmd_service_spec *spec, const char *ns, struct json **out)
{
    if (!spec->gateway.name)
        return llmd__json_make(out, "{}");
    return llmd__json_make(out, "{'refs': [{'name': %s, 'namespace': %s}]}", spec->gateway.name,
                           spec->gateway.ns ? spec->gateway.ns : ns);
}

/* route is always set: without one, 0.20 waits for ever with WaitingForGateway. */
static llmd_error *router_of(const llmd_service_spec *spec, const char *ns,
                             const struct server *server, struct json **out)
{
    AUTO(json) struct json *gateway = NULL;
    AUTO(json) struct json *scheduler = NULL;

    TRY(gateway_of(spec, ns, &gateway));
    TRY(scheduler_of(spec, server, &scheduler));
    return llmd__json_make(out, "{'gateway': %j, 'route': {}, 'scheduler': %j}", gateway,
                           scheduler);
}

/* ---- the object ---- */

/* A field since 0.20, before that an argument: see llmd__server_args(). */
static llmd_error *parallelism(const struct server *server, struct json **out)
{
    if (!server->parallel_field)
        return NULL;
    return llmd__json_make(out, "{'tensor': %d}", server->parallel);
}

/* On is KServe's default: nothing to say. */
static llmd_error *storage(const struct server *server, struct json **out)
{
    if (server->download)
        return NULL;
    return llmd__json_make(out, "{'enabled': false}");
}

/* Unset is left out, or an autoscaler would be set back with each apply. */
static llmd_error *replicas_of(const llmd_service_spec *spec, struct json **out)
{
    AUTO(str) char *text = NULL;

    if (spec->replicas < 0)
        return NULL;
    text = llmd__format("%d", spec->replicas);
    CHECK_MEMORY(text);
    *out = llmd__json_new_number(text);
    CHECK_MEMORY(*out);
    return NULL;
}

static llmd_error *spec_of(const llmd_service_spec *spec, const char *ns,
                           const struct server *server, struct json **out)
{
    AUTO(json) struct json *router = NULL;
    AUTO(json) struct json *template = NULL;
    AUTO(json) struct json *parallel = NULL;
    AUTO(json) struct json *initializer = NULL;
    AUTO(json) struct json *replicas = NULL;

    TRY(replicas_of(spec, &replicas));
    TRY(router_of(spec, ns, server, &router));
    TRY(pod_template(spec, server, &template));
    TRY(parallelism(server, &parallel));
    TRY(storage(server, &initializer));
    return llmd__json_make(out,
                           "{'model': {'uri': %s, 'name': %s}, 'replicas': %j,"
                           " 'parallelism': %j, 'router': %j, 'storageInitializer': %j,"
                           " 'template': %j}",
                           spec->model, server->model_name, replicas, parallel, router, initializer,
                           template);
}

static llmd_error *metadata_of(const llmd_service_spec *spec, const char *ns, struct json **out)
{
    AUTO(json) struct json *metadata = NULL;
    struct json *labels;

    TRY(llmd__json_make(&metadata, "{'name': %s, 'namespace': %s, 'labels': {%s: 'libllmd'}}",
                        spec->name, ns, LLMD__KSERVE_MANAGED_BY));
    labels = llmd__json_edit(metadata, "labels");
    JSON_EACH(item, spec->labels) {
        llmd__json_set_str(labels, llmd__json_key(item), llmd__json_text(item));
    }
    if (spec->annotations) {
        struct json *annotations = NULL;

        TRY(llmd__json_copy(spec->annotations, &annotations));
        llmd__json_set(metadata, "annotations", annotations);
    }
    *out = TAKE(metadata);
    return NULL;
}

llmd_error *llmd__service_manifest(const llmd_service_spec *spec, const char *ns,
                                   const struct kserve *kserve, const struct server *server,
                                   struct json **out)
{
    AUTO(json) struct json *metadata = NULL;
    AUTO(json) struct json *body = NULL;
    AUTO(json) struct json *object = NULL;

    TRY(metadata_of(spec, ns, &metadata));
    TRY(spec_of(spec, ns, server, &body));
    TRY(llmd__json_make(&object,
                        "{'apiVersion': %s, 'kind': 'LLMInferenceService',"
                        " 'metadata': %j, 'spec': %j}",
                        kserve->api_version, metadata, body));
    if (spec->overlay)
        TRY(llmd__json_merge(&object, spec->overlay));
    TRY(llmd__json_check(object));
    *out = TAKE(object);
    return NULL;
}

/* ---- the shadowed route preset ---- */

static bool wants_shadow(const llmd_service_spec *spec, const struct kserve *kserve)
{
    const char *timeouts = spec->route.timeouts ? spec->route.timeouts : "auto";

    if (!kserve->route_preset || kserve->shadowed || !strcmp(timeouts, "keep"))
        return false;
    return !strcmp(timeouts, "strip") || kserve->gke;
}

llmd_error *llmd__route_shadow(const llmd_service_spec *spec, const char *ns,
                               const struct kserve *kserve, struct json **out)
{
    AUTO(json) struct json *object = NULL;
    const struct json *rules;

    if (!wants_shadow(spec, kserve))
        return NULL;
    TRY(llmd__json_make(&object,
                        "{'apiVersion': %s, 'kind': 'LLMInferenceServiceConfig',"
                        " 'metadata': {'name': %s, 'namespace': %s, 'labels': {%s: 'libllmd'}},"
                        " 'spec': %j}",
                        kserve->api_version, LLMD__KSERVE_ROUTE_PRESET, ns, LLMD__KSERVE_MANAGED_BY,
                        llmd__json_get(kserve->route_preset, "spec")));
    rules = llmd__json_edit(object, "spec.router.route.http.spec.rules");
    JSON_EACH(rule, rules) {
        llmd__json_remove((struct json *)rule, "timeouts");
    }
    TRY(llmd__json_check(object));
    *out = TAKE(object);
    return NULL;
}

/* ---- all objects, for review ---- */

static llmd_error *add_policies(const llmd_service_spec *spec, const struct server *server,
                                const char *ns, struct json *items)
{
    AUTO(str) char *pool = llmd__service_child(spec->name, LLMD__POOL_SUFFIX);
    AUTO(str) char *workload = llmd__service_child(spec->name, LLMD__WORKLOAD_SUFFIX);

    if (!pool || !workload)
        return NO_MEMORY;
    return llmd__policies_manifests(spec, server, ns, !spec->scheduler.enabled ? NULL : pool,
                                    workload, items);
}

static llmd_error *review(const llmd_service_spec *spec, struct json *items)
{
    __attribute__((cleanup(llmd__auto_server))) struct server server = {0};
    const char *ns = spec->ns ? spec->ns : "default";
    struct kserve kserve = {0};
    struct json *service = NULL;

    llmd__kserve_read(NULL, ns, true, &kserve);
    TRY(llmd__server_new(spec, &kserve, &server));
    TRY(llmd__secrets_manifests(spec, ns, true, items));
    TRY(llmd__service_manifest(spec, ns, &kserve, &server, &service));
    llmd__json_add(items, service);
    if (!server.preset->selector)
        return NULL;
    return add_policies(spec, &server, ns, items);
}

llmd_error *llmd_service_spec_manifest(const llmd_service_spec *spec, char **out)
{
    AUTO(json) struct json *list = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(spec);
    TRY(llmd__spec_check(spec));
    TRY(llmd__json_make(&list, "{'apiVersion': 'v1', 'kind': 'List', 'items': []}"));
    TRY(review(spec, llmd__json_edit(list, "items")));
    TRY(llmd__json_check(list));
    return llmd__json_print_pretty(list, out);
}
