/* SPDX-License-Identifier: Apache-2.0 */
/* Making a gateway and waiting until it is programmed: watches fill a scene, one step judges it. */
#include "findings/findings.h"
#include "gateway/spec.h"

#include "kube/apply.h"
#include "kube/kube.h"
#include "kube/watch.h"

#include <string.h>

#define GATEWAYS "gateways.gateway.networking.k8s.io"
#define CLASSES "gatewayclasses.gateway.networking.k8s.io"

struct wait;

struct wait_watch {
    struct wait *wait;
    enum scene_kind kind;
};

struct wait {
    llmd_kube *kube;
    char *ns, *name;
    struct json *manifest; /* NULL: a wait alone */
    struct scene scene;
    struct findings findings;
    struct wait_watch watches[3];
    step_id judge;
    int look_at;
    char *look_path;
    bool no_namespace; /* it is made with the gateway */
    char told[64];     /* the last progress that was told */
};

static void wait_free(void *data)
{
    struct wait *wait = data;

    llmd__scene_free(&wait->scene);
    llmd__findings_free(&wait->findings);
    llmd__json_free(wait->manifest);
    llmd__free(wait->look_path);
    llmd__free(wait->ns);
    llmd__free(wait->name);
    llmd_kube_free(wait->kube);
    llmd__free(wait);
}
DEFINE_AUTO(wait, struct wait *, wait_free)

static llmd_error *wait_new(const llmd_kube *kube, const char *ns, const char *name,
                            struct wait **out)
{
    AUTO(wait) struct wait *wait = llmd__calloc(1, sizeof(*wait));

    CHECK_MEMORY(wait);
    wait->kube = llmd__kube_ref(kube);
    wait->ns = llmd__strdup(llmd__kube_ns(kube, ns));
    wait->name = llmd__strdup(name);
    if (!wait->ns || !wait->name)
        return NO_MEMORY;
    TRY(llmd__scene_init(&wait->scene, NULL, NULL));
    wait->scene.gateway_ns = llmd__strdup(wait->ns);
    wait->scene.gateway = llmd__strdup(wait->name);
    if (!wait->scene.gateway_ns || !wait->scene.gateway)
        return NO_MEMORY;
    *out = TAKE(wait);
    return NULL;
}

/* ---- watches ---- */

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct wait_watch *watch = data;
    struct wait *wait = watch->wait;

    (void)action;
    if (change->type == LLMD_CHANGE_SYNCED)
        wait->scene.sets[watch->kind].synced = true;
    else if (change->type == LLMD_CHANGE_DELETED)
        llmd__scene_remove(&wait->scene, watch->kind, change->object);
    else
        TRY(llmd__scene_put(&wait->scene, watch->kind, change->object));
    llmd__graph_poke(graph, wait->judge);
    return NULL;
}

static llmd_error *add_watch(struct graph *graph, struct wait *wait, struct wait_watch *watch,
                             const char *resource, const char *fields, step_id discovery)
{
    bool gateway = watch->kind == SCENE_GATEWAY;
    struct watch_wish wish = {.resource = resource,
                              .ns = wait->ns,
                              .fields = fields,
                              .optional = !gateway,
                              .missing_is_empty = !gateway,
                              .on_change = on_change,
                              .data = watch};
    step_id step = -1;

    TRY(llmd__watch_step(graph, wait->kube, &wish, &step));
    return llmd__graph_need(graph, step, discovery);
}

static llmd_error *add_watches(struct graph *graph, struct wait *wait, step_id discovery)
{
    AUTO(str) char *named = llmd__format("metadata.name=%s", wait->name);
    AUTO(str)
    char *about = llmd__format("involvedObject.kind=Gateway,involvedObject.name=%s", wait->name);

    if (!named || !about)
        return NO_MEMORY;
    wait->watches[0] = (struct wait_watch){wait, SCENE_GATEWAY};
    wait->watches[1] = (struct wait_watch){wait, SCENE_CLASS};
    wait->watches[2] = (struct wait_watch){wait, SCENE_EVENT};
    TRY(add_watch(graph, wait, &wait->watches[0], GATEWAYS, named, discovery));
    TRY(add_watch(graph, wait, &wait->watches[1], CLASSES, NULL, discovery));
    return add_watch(graph, wait, &wait->watches[2], "events", about, discovery);
}

/* ---- writing ---- */

/* Only what is said about the generation that we wrote counts. */
static llmd_error *on_applied(void *data, struct graph *graph, const struct json *object)
{
    struct wait *wait = data;

    (void)graph;
    wait->scene.min_generation = llmd__json_int(object, "metadata.generation", 0);
    return NULL;
}

static llmd_error *write_namespace(struct graph *graph, struct wait *wait, step_id *out)
{
    AUTO(json) struct json *object = NULL;
    struct apply_options options = {0};

    TRY(llmd__json_make(
        &object, "{'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': %s}}", wait->ns));
    return llmd__apply_step(graph, wait->kube, object, &options, NULL, NULL, out);
}

static llmd_error *write_all(struct graph *graph, struct wait *wait)
{
    struct apply_options options = {.ns = wait->ns};
    step_id made = -1, applied = -1;

    TRY(llmd__apply_step(graph, wait->kube, wait->manifest, &options, on_applied, wait, &applied));
    TRY(llmd__graph_need(graph, wait->judge, applied));
    if (!wait->no_namespace)
        return NULL;
    TRY(write_namespace(graph, wait, &made));
    return llmd__graph_need(graph, applied, made);
}

/* ---- the look: is there a namespace, may classes be read, is this GKE ---- */

enum look_at { LOOK_NAMESPACE, LOOK_CLASSES, LOOK_END };

static llmd_error *look_path(struct wait *wait)
{
    __attribute__((cleanup(llmd__auto_buf))) struct buf path = BUF_INIT;
    bool namespaces = wait->look_at == LOOK_NAMESPACE;
    struct resource resource;

    llmd__free(TAKE(wait->look_path));
    if (namespaces && !wait->manifest)
        return NULL;
    if (!llmd__discovery_lookup(wait->kube, namespaces ? "namespaces" : CLASSES, &resource))
        return NULL;
    llmd__resource_path(&path, &resource, NULL, namespaces ? wait->ns : NULL, NULL,
                        namespaces ? NULL : "limit=1");
    return llmd__buf_take(&path, &wait->look_path);
}

static void take_look(struct wait *wait, const struct step_input *input)
{
    if (wait->look_at == LOOK_NAMESPACE)
        wait->no_namespace = input->status == 404;
    else
        wait->scene.sets[SCENE_CLASS].denied = input->status / 100 != 2;
    wait->look_at++;
}

static llmd_error *look_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct wait *wait = llmd__graph_data(graph);

    (void)state;
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "gateway %s/%s", wait->ns,
                                wait->name);
    if (input->kind == INPUT_REPLY)
        take_look(wait, input);
    for (; wait->look_at < LOOK_END; wait->look_at++) {
        TRY(look_path(wait));
        if (!wait->look_path)
            continue;
        action->kind = ACTION_SEND;
        action->http = llmd__kube_http(wait->kube);
        action->request =
            (struct http_request){.method = "GET", .path = wait->look_path, .idempotent = true};
        return NULL;
    }
    wait->scene.gke = llmd__discovery_lookup(wait->kube, "healthcheckpolicies.networking.gke.io",
                                             &(struct resource){0});
    action->kind = ACTION_DONE;
    return wait->manifest ? write_all(graph, wait) : NULL;
}

static const struct step_class look_class = {.name = "look", .advance = look_advance};

/* ---- the judge ---- */

static llmd_error *tell(struct graph *graph, const struct wait *wait)
{
    for (size_t i = 0; i < wait->findings.count; i++) {
        const struct finding *finding = &wait->findings.items[i];

        if (finding->is_new)
            TRY(llmd__graph_event(graph, &(struct event_text){.level = finding->rule->progress
                                                                           ? LLMD_LEVEL_INFO
                                                                           : LLMD_LEVEL_WARNING,
                                                              .subject = finding->subject,
                                                              .reason = finding->rule->code,
                                                              .message = finding->message,
                                                              .advice = finding->rule->advice}));
    }
    return NULL;
}

static llmd_error *end_of(const struct wait *wait)
{
    for (size_t i = 0; i < wait->findings.count; i++) {
        const struct finding *finding = &wait->findings.items[i];

        if (finding->ends)
            return llmd__error_set_advice(
                llmd__error_set_reason(llmd__error(LLMD_E_FAILED, "gateway %s/%s: %s", wait->ns,
                                                   wait->name, finding->message),
                                       finding->rule->code),
                "%s", finding->rule->advice);
    }
    return NULL;
}

/* What the controller says while it works; each word once. */
static llmd_error *tell_progress(struct graph *graph, struct wait *wait, const struct json *gateway)
{
    const struct json *programmed =
        llmd__scene_condition(llmd__json_member(gateway, "status"), "Programmed");
    const char *reason = gateway ? llmd__json_str(programmed, "reason") : "Missing";
    AUTO(str) char *subject = llmd__format("Gateway/%s/%s", wait->ns, wait->name);

    CHECK_MEMORY(subject);
    if (!reason[0])
        reason = "Pending";
    if (!strncmp(wait->told, reason, sizeof(wait->told) - 1))
        return NULL;
    strncpy(wait->told, reason, sizeof(wait->told) - 1);
    return llmd__graph_event(
        graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                    .subject = subject,
                                    .reason = reason,
                                    .message = gateway ? llmd__json_str(programmed, "message")
                                                       : "the Gateway does not exist yet"});
}

static bool is_done(const struct wait *wait, const struct json *gateway)
{
    const struct json *programmed =
        llmd__scene_condition(llmd__json_member(gateway, "status"), "Programmed");
    int64_t generation = llmd__json_int(gateway, "metadata.generation", 0);

    return !strcmp(llmd__json_str(programmed, "status"), "True") &&
           generation >= wait->scene.min_generation &&
           llmd__json_int(programmed, "observedGeneration", INT64_MAX) >= generation &&
           llmd__json_str(gateway, "status.addresses[0].value")[0];
}

static llmd_error *judge_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct wait *wait = llmd__graph_data(graph);
    const struct json *gateway = llmd__scene_gateway(&wait->scene);

    (void)state;
    TRY(llmd__findings_judge(&wait->findings, &wait->scene, input->now_ms, true));
    if (gateway || (wait->scene.sets[SCENE_GATEWAY].synced && !wait->manifest))
        TRY(tell_progress(graph, wait, gateway));
    TRY(tell(graph, wait));
    if (is_done(wait, gateway)) {
        struct json *result = NULL;

        TRY(llmd__json_copy(gateway, &result));
        llmd__graph_result(graph, result);
        action->kind = ACTION_FINISH;
        return NULL;
    }
    TRY(end_of(wait));
    action->kind = ACTION_SLEEP;
    action->wake_ms = wait->findings.wake_ms;
    return NULL;
}

static const struct step_class judge_class = {.name = "wait", .advance = judge_advance};

/* ---- the tasks ---- */

static llmd_error *add_steps(struct graph *graph, struct wait *wait)
{
    step_id discovery = -1, look = -1;

    TRY(llmd__discovery_step(graph, wait->kube, true, &discovery));
    TRY(llmd__graph_add(graph, &look_class, NULL, &look));
    TRY(llmd__graph_need(graph, look, discovery));
    TRY(llmd__graph_add(graph, &judge_class, NULL, &wait->judge));
    TRY(llmd__graph_need(graph, wait->judge, look));
    return add_watches(graph, wait, discovery);
}

/* Takes the wait. */
static llmd_error *make_task(struct wait *wait, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;

    TRY(llmd__graph_new(wait, wait_free, &graph));
    TRY(add_steps(graph, wait));
    return llmd__task_new(TAKE(graph), out);
}

llmd_error *llmd_gateway_apply(const llmd_kube *kube, const llmd_gateway_spec *spec,
                               llmd_task **out)
{
    AUTO(wait) struct wait *wait = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(spec);
    TRY(llmd__spec_check(spec));
    TRY(wait_new(kube, spec->ns, spec->name, &wait));
    TRY(llmd__gateway_manifest(spec, wait->ns, &wait->manifest));
    return make_task(TAKE(wait), out);
}

llmd_error *llmd_gateway_wait(const llmd_kube *kube, const char *ns, const char *name,
                              llmd_task **out)
{
    struct wait *wait = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(name);
    TRY(wait_new(kube, ns, name, &wait));
    return make_task(wait, out);
}
