/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service from outside in: one look at everything that has to do with it, judged by the same
 * rules as a wait (without patience: what lasts is told at once), then calls through its own front
 * door.
 */
#include "findings/findings.h"
#include "findings/progress.h"
#include "health/check.h"
#include "kube/kube.h"
#include "service/connect.h"

#include <llmd/health.h>
#include <string.h>

struct health {
    llmd_kube *kube;
    char *ns, *name;
    struct scene scene;
    struct findings findings;
    struct progress progress;
    size_t at; /* the list that is being read */
    char *path;
};

static void health_free(void *data)
{
    struct health *health = data;

    llmd__scene_free(&health->scene);
    llmd__findings_free(&health->findings);
    llmd__progress_free(&health->progress);
    llmd__free(health->path);
    llmd__free(health->ns);
    llmd__free(health->name);
    llmd_kube_free(health->kube);
    llmd__free(health);
}
DEFINE_AUTO(health, struct health *, health_free)

/* ---- looking ---- */

static const struct {
    enum scene_kind kind;
    const char *resource;
    bool by_label, everywhere;
} looked_at[] = {
    {SCENE_SERVICE, "llminferenceservices.serving.kserve.io", false, false},
    {SCENE_POD, "pods", true, false},
    {SCENE_DEPLOYMENT, "deployments.apps", true, false},
    {SCENE_REPLICASET, "replicasets.apps", true, false},
    {SCENE_EVENT, "events", false, false},
    {SCENE_ROUTE, "httproutes.gateway.networking.k8s.io", true, false},
    {SCENE_POOL, "inferencepools.inference.networking.k8s.io", true, false},
    {SCENE_GATEWAY, "gateways.gateway.networking.k8s.io", false, true},
    {SCENE_CLASS, "gatewayclasses.gateway.networking.k8s.io", false, true},
    {SCENE_NODE, "nodes", false, true},
};
#define LOOKED_AT (sizeof(looked_at) / sizeof(looked_at[0]))

/* A thousand is what one look is worth; more Nodes or Events would not change the verdict. */
static llmd_error *query_of(const struct health *health, char **out)
{
    if (looked_at[health->at].by_label)
        *out = llmd__format("labelSelector=app.kubernetes.io%%2Fname%%3D%s", health->name);
    else if (looked_at[health->at].kind == SCENE_SERVICE)
        *out = llmd__format("fieldSelector=metadata.name%%3D%s", health->name);
    else
        *out = llmd__strdup("limit=1000");
    CHECK_MEMORY(*out);
    return NULL;
}

static llmd_error *next_path(struct health *health)
{
    __attribute__((cleanup(llmd__auto_buf))) struct buf path = BUF_INIT;
    AUTO(str) char *query = NULL;
    struct resource resource;

    llmd__free(TAKE(health->path));
    if (!llmd__discovery_lookup(health->kube, looked_at[health->at].resource, &resource))
        return NULL;
    TRY(query_of(health, &query));
    llmd__resource_path(&path, &resource, looked_at[health->at].everywhere ? NULL : health->ns,
                        NULL, NULL, query);
    return llmd__buf_take(&path, &health->path);
}

/* What may not be read is left out, and rules that would need it are silent. */
static llmd_error *take_list(struct health *health, const struct step_input *input)
{
    struct scene_set *set = &health->scene.sets[looked_at[health->at].kind];
    AUTO(json) struct json *answer = NULL;

    set->denied = input->kind != INPUT_REPLY || input->status / 100 != 2;
    set->synced = true;
    if (set->denied)
        return NULL;
    TRY(llmd__json_parse(input->text, input->text_len, "Kubernetes answer", &answer));
    JSON_EACH(item, llmd__json_get(answer, "items")) {
        TRY(llmd__scene_put(&health->scene, looked_at[health->at].kind, item));
    }
    return NULL;
}

/* ---- telling ---- */

/* Where a wait would go on, a check has found a fault: no grace, and errors instead of warnings. */
static llmd_error *tell_findings(struct graph *graph, const struct health *health)
{
    for (size_t i = 0; i < health->findings.count; i++) {
        const struct finding *finding = &health->findings.items[i];
        llmd_level level = finding->rule->progress ? LLMD_LEVEL_INFO : LLMD_LEVEL_ERROR;

        TRY(llmd__check_tell(graph, level, finding->subject, finding->rule->code, finding->message,
                             finding->rule->advice));
    }
    return NULL;
}

static llmd_error *tell_object(struct graph *graph, const struct json *object, const char *what,
                               bool good, const char *message)
{
    AUTO(str) char *subject = object ? llmd__scene_subject(object) : llmd__strdup(what);

    CHECK_MEMORY(subject);
    return llmd__check_tell(graph, good ? LLMD_LEVEL_INFO : LLMD_LEVEL_WARNING, subject, what,
                            message, good ? "" : "see the findings above");
}

static bool is_true(const struct json *owner, const char *type)
{
    return !strcmp(llmd__json_str(llmd__scene_condition(owner, type), "status"), "True");
}

/* Also what is right is told, one line a part: a check is read from top to bottom. */
static llmd_error *tell_parts(struct graph *graph, const struct health *health)
{
    const struct scene *scene = &health->scene;
    const struct json *gateway = llmd__scene_gateway(scene);

    if (gateway)
        TRY(tell_object(graph, gateway, "Gateway",
                        is_true(llmd__json_member(gateway, "status"), "Programmed"),
                        llmd__json_str(gateway, "status.addresses[0].value")));
    SCENE_EACH(route, scene, SCENE_ROUTE)
    {
        const struct json *parent = llmd__json_get(route, "status.parents[0]");

        TRY(tell_object(graph, route, "Route",
                        is_true(parent, "Accepted") && is_true(parent, "ResolvedRefs"),
                        "accepted, its backends resolved"));
    }
    SCENE_EACH(pool, scene, SCENE_POOL)
    {
        TRY(tell_object(graph, pool, "Pool",
                        is_true(llmd__json_get(pool, "status.parents[0]"), "Accepted"),
                        "accepted by the gateway"));
    }
    return NULL;
}

/* Ready with no replica at all is KServe's word, not ours. */
static llmd_error *tell_service(struct graph *graph, const struct health *health)
{
    const struct json *service = llmd__scene_service(&health->scene);
    const struct progress *progress = &health->progress;
    AUTO(str)
    char *replicas = llmd__format("%lld of %lld replicas answer", (long long)progress->done,
                                  (long long)progress->total);
    bool ready = is_true(llmd__json_member(service, "status"), "Ready");

    CHECK_MEMORY(replicas);
    TRY(tell_object(graph, service, "Ready", ready && llmd__scene_fresh(&health->scene),
                    ready ? "Ready is True" : "Ready is not True"));
    return tell_object(graph, service, "Replicas",
                       progress->done == progress->total && progress->total > 0, replicas);
}

/* ---- the steps ---- */

static llmd_error *missing(const struct health *health)
{
    return llmd__error_set_reason(
        llmd__error(LLMD_E_NOT_FOUND, "service %s/%s does not exist", health->ns, health->name),
        "NotFound");
}

/* Through the Gateway, as a client would: everything before this was only said by controllers. */
static llmd_error *add_calls(struct graph *graph, struct health *health)
{
    AUTO(str) char *url = NULL;
    llmd_endpoint *endpoint = NULL;
    step_id calls = -1;

    TRY(llmd__service_address(llmd__scene_service(&health->scene),
                              llmd__scene_gateway(&health->scene), &url));
    if (!url)
        return tell_object(graph, llmd__scene_service(&health->scene), "Address", false,
                           "it has no address yet");
    TRY(llmd__endpoint_open_at(NULL, &(struct endpoint_place){.url = url}, NULL, &endpoint));
    return llmd__check_calls(graph, endpoint, false, &calls);
}

/* Causes first, parts after, calls last: the first bad line is the one to read. */
static llmd_error *conclude(struct graph *graph, struct health *health, int64_t now_ms)
{
    struct resource found;

    if (!llmd__scene_service(&health->scene))
        return missing(health);
    health->scene.gke =
        llmd__discovery_lookup(health->kube, "healthcheckpolicies.networking.gke.io", &found);
    TRY(llmd__progress_look(&health->progress, &health->scene));
    TRY(llmd__findings_judge(&health->findings, &health->scene, now_ms, false));
    TRY(tell_findings(graph, health));
    TRY(tell_service(graph, health));
    TRY(tell_parts(graph, health));
    return add_calls(graph, health);
}

static llmd_error *look_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct health *health = llmd__graph_data(graph);

    (void)state;
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "health of service %s/%s",
                                health->ns, health->name);
    if (input->kind == INPUT_REPLY) {
        TRY(take_list(health, input));
        health->at++;
    }
    for (; health->at < LOOKED_AT; health->at++) {
        TRY(next_path(health));
        if (!health->path)
            continue;
        action->kind = ACTION_SEND;
        action->http = llmd__kube_http(health->kube);
        action->request =
            (struct http_request){.method = "GET", .path = health->path, .idempotent = true};
        return NULL;
    }
    action->kind = ACTION_DONE;
    return conclude(graph, health, input->now_ms);
}

static const struct step_class look_class = {.name = "look", .advance = look_advance};

/* Nothing is sent before the first llmd_task_next(). */
static llmd_error *health_new(const llmd_kube *kube, const char *ns, const char *name,
                              struct health **out)
{
    AUTO(health) struct health *health = llmd__calloc(1, sizeof(*health));

    CHECK_MEMORY(health);
    TRY(llmd__kube_check_name("health of service", ns, name));
    health->kube = llmd__kube_ref(kube);
    health->ns = llmd__strdup(llmd__kube_ns(kube, ns));
    health->name = llmd__strdup(name);
    if (!health->ns || !health->name)
        return NO_MEMORY;
    TRY(llmd__scene_init(&health->scene, health->ns, health->name));
    TRY(llmd__progress_init(&health->progress));
    *out = TAKE(health);
    return NULL;
}

llmd_error *llmd_health_service(const llmd_kube *kube, const char *ns, const char *name,
                                llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct health *health = NULL;
    step_id discovery = -1, look = -1;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(name);
    TRY(health_new(kube, ns, name, &health));
    TRY(llmd__graph_new(health, health_free, &graph));
    TRY(llmd__discovery_step(graph, kube, false, &discovery));
    TRY(llmd__graph_add(graph, &look_class, NULL, &look));
    TRY(llmd__graph_need(graph, look, discovery));
    return llmd__task_new(TAKE(graph), out);
}
