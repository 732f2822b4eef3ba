/* SPDX-License-Identifier: Apache-2.0 */
/* Making a gateway and waiting until it is programmed: watches fill a scene, one step judges it. */
#include "gateway/spec.h"

#include "kube/apply.h"
#include "wait/scene_wait.h"

#include <string.h>

#define GATEWAYS "gateways.gateway.networking.k8s.io"
#define CLASSES "gatewayclasses.gateway.networking.k8s.io"

struct wait {
    struct scene_wait base;
    struct json *manifest; /* NULL: a wait alone */
    char *look_path;
    char told[64]; /* the last progress that was told */
};

static void wait_free(void *data)
{
    struct wait *wait = data;

    llmd__scene_wait_close(&wait->base);
    llmd__json_free(wait->manifest);
    llmd__free(wait->look_path);
    llmd__free(wait);
}
DEFINE_AUTO(wait, struct wait *, wait_free)

static llmd_error *wait_new(const llmd_kube *kube, const char *ns, const char *name,
                            struct wait **out)
{
    AUTO(wait) struct wait *wait = llmd__calloc(1, sizeof(*wait));

    CHECK_MEMORY(wait);
    TRY(llmd__scene_wait_init(&wait->base, "gateway", SCENE_GATEWAY, kube, ns, name));
    *out = TAKE(wait);
    return NULL;
}

/* The Gateway itself must be readable; classes and Events only make the answers better. */
static llmd_error *add_watches(struct graph *graph, struct wait *wait, step_id discovery)
{
    const char *ns = wait->base.ns, *name = wait->base.name;
    AUTO(str) char *named = llmd__format("metadata.name=%s", name);
    AUTO(str)
    char *about = llmd__format("involvedObject.kind=Gateway,involvedObject.name=%s", name);
    struct watch_wish gateway = {.resource = GATEWAYS, .ns = ns, .fields = named};
    struct watch_wish classes = {
        .resource = CLASSES, .ns = ns, .optional = true, .missing_is_empty = true};
    struct watch_wish events = {.resource = "events",
                                .ns = ns,
                                .fields = about,
                                .optional = true,
                                .missing_is_empty = true};

    if (!named || !about)
        return NO_MEMORY;
    TRY(llmd__scene_wait_watch(graph, &wait->base, SCENE_GATEWAY, &gateway, discovery));
    TRY(llmd__scene_wait_watch(graph, &wait->base, SCENE_CLASS, &classes, discovery));
    return llmd__scene_wait_watch(graph, &wait->base, SCENE_EVENT, &events, discovery);
}

/* ---- writing ---- */

/* The judge begins when the Gateway was applied: the state before is not what was asked for. */
static llmd_error *write_all(struct graph *graph, struct wait *wait)
{
    AUTO(json) struct json *list = llmd__json_array();
    struct apply_options options = {.ns = wait->base.ns};
    step_id first = -1, made = -1, applied = -1;

    CHECK_MEMORY(list);
    TRY(llmd__apply_step(graph, wait->base.kube, wait->manifest, &options, llmd__scene_wait_applied,
                         &wait->base, &applied));
    TRY(llmd__graph_need(graph, wait->base.judge, applied));
    TRY(llmd__scene_wait_namespace(&wait->base, list));
    if (!llmd__json_count(list))
        return NULL;
    TRY(llmd__apply_steps(graph, wait->base.kube, list, &options, &first, &made));
    return llmd__graph_need(graph, applied, made);
}

/* ---- the look: is there a namespace, is this GKE ---- */

/* Who may not read namespaces is answered 403, which is no 404: then the apply says what is wrong.
 */
static llmd_error *ask_namespace(struct wait *wait, struct step_action *action)
{
    AUTO(buf) struct buf path = BUF_INIT;
    struct resource resource;

    if (!llmd__discovery_lookup(wait->base.kube, "namespaces", &resource))
        return NULL;
    llmd__resource_path(&path, &resource, NULL, wait->base.ns, NULL, NULL);
    TRY(llmd__buf_take(&path, &wait->look_path));
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(wait->base.kube);
    action->request =
        (struct http_request){.method = "GET", .path = wait->look_path, .idempotent = true};
    return NULL;
}

static llmd_error *look_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct wait *wait = llmd__graph_data(graph);
    struct resource policies;

    (void)state;
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "gateway %s/%s", wait->base.ns,
                                wait->base.name);
    if (input->kind == INPUT_BEGIN && wait->manifest)
        TRY(ask_namespace(wait, action));
    if (action->kind == ACTION_SEND)
        return NULL;
    /* Who may not look at namespaces has one already. */
    wait->base.no_namespace = input->kind == INPUT_REPLY && input->status == 404;
    wait->base.scene.gke =
        llmd__discovery_lookup(wait->base.kube, "healthcheckpolicies.networking.gke.io", &policies);
    action->kind = ACTION_DONE;
    return wait->manifest ? write_all(graph, wait) : NULL;
}

static const struct step_class look_class = {.name = "look", .advance = look_advance};

/* ---- the judge ---- */

/* Where the controller has none of its own. */
static const char *words_of(const struct json *gateway, const struct json *programmed)
{
    if (!gateway)
        return "the Gateway does not exist yet";
    return !strcmp(llmd__json_str(programmed, "status"), "True") ? "is programmed"
                                                                 : "is not programmed yet";
}

/* What the controller says while it works; each word once. */
static llmd_error *tell_progress(struct graph *graph, struct wait *wait, const struct json *gateway)
{
    const struct json *programmed =
        llmd__scene_condition(llmd__json_member(gateway, "status"), "Programmed");
    const char *reason = gateway ? llmd__json_str(programmed, "reason") : "Missing";
    const char *message = llmd__json_str(programmed, "message");
    AUTO(str) char *subject = llmd__format("Gateway/%s/%s", wait->base.ns, wait->base.name);

    CHECK_MEMORY(subject);
    if (!reason[0])
        reason = "Pending";
    if (!message[0])
        message = words_of(gateway, programmed);
    if (!strncmp(wait->told, reason, sizeof(wait->told) - 1))
        return NULL;
    strncpy(wait->told, reason, sizeof(wait->told) - 1);
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = subject,
                                                         .reason = reason,
                                                         .message = message});
}

/* Programmed without an address is a load balancer that is not there yet, and Programmed of an
   older generation is the one before our apply. */
static bool is_done(const struct wait *wait, const struct json *gateway)
{
    const struct json *programmed =
        llmd__scene_condition(llmd__json_member(gateway, "status"), "Programmed");
    int64_t generation = llmd__json_int(gateway, "metadata.generation", 0);

    return !strcmp(llmd__json_str(programmed, "status"), "True") &&
           !llmd__scene_is_leaving(gateway) && generation >= wait->base.scene.min_generation &&
           llmd__json_int(programmed, "observedGeneration", INT64_MAX) >= generation &&
           llmd__json_str(gateway, "status.addresses[0].value")[0];
}

static llmd_error *finish(struct graph *graph, const struct wait *wait, const struct json *gateway,
                          struct step_action *action)
{
    const char *address = llmd__json_str(gateway, "status.addresses[0].value");
    AUTO(str) char *subject = llmd__format("Gateway/%s/%s", wait->base.ns, wait->base.name);
    AUTO(str) char *message = llmd__format("has the address %s", address);
    struct json *result = NULL;

    if (!subject || !message)
        return NO_MEMORY;
    TRY(llmd__json_copy(gateway, &result));
    llmd__graph_result(graph, result);
    action->kind = ACTION_FINISH;
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = subject,
                                                         .reason = "Ready",
                                                         .message = message});
}

/* Told before it is ended, so that the last event names what the error says. */
static llmd_error *judge_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct wait *wait = llmd__graph_data(graph);
    const struct json *gateway = llmd__scene_gateway(&wait->base.scene);

    (void)state;
    TRY(llmd__findings_judge(&wait->base.findings, &wait->base.scene, input->now_ms, true));
    /* Between our apply and the watch's first word "does not exist" would be a lie. */
    if (gateway || (wait->base.scene.sets[SCENE_GATEWAY].synced && !wait->manifest))
        TRY(tell_progress(graph, wait, gateway));
    TRY(llmd__scene_wait_tell(graph, &wait->base, NULL));
    if (is_done(wait, gateway))
        return finish(graph, wait, gateway, action);
    TRY(llmd__scene_wait_end(&wait->base));
    action->kind = ACTION_SLEEP;
    action->wake_ms = wait->base.findings.wake_ms;
    return NULL;
}

static const struct step_class judge_class = {.name = "wait",
                                              .advance = judge_advance,
                                              .describe = llmd__scene_wait_describe,
                                              .advise = llmd__scene_wait_advise};

/* ---- the tasks ---- */

/* The watches begin with the discovery, not after the apply: what happens in between is seen. */
static llmd_error *add_steps(struct graph *graph, struct wait *wait)
{
    step_id discovery = -1, look = -1;

    TRY(llmd__discovery_step(graph, wait->base.kube, true, &discovery));
    TRY(llmd__graph_add(graph, &look_class, NULL, &look));
    TRY(llmd__graph_need(graph, look, discovery));
    TRY(llmd__graph_add(graph, &judge_class, NULL, &wait->base.judge));
    TRY(llmd__graph_need(graph, wait->base.judge, look));
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
    TRY(llmd__gateway_manifest(spec, wait->base.ns, &wait->manifest));
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
