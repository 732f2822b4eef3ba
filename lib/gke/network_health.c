/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a GKE Gateway's load balancer can reach an InferencePool: its health checks ask what a
 * HealthCheckPolicy says, or "/", which a model server answers with 404 (P40). A policy that GKE
 * took up too early does nothing (P103): it is made anew, once.
 *
 *     pool -> its Gateways -> policies -> forwarding rules
 *         -> backend services -> health of each -> health check -> again, or the verdict
 */
#include "gke/verification.h"

#include "kube/object.h"

#include <string.h>

#define MANAGED_BY "app.kubernetes.io/managed-by"
/* 90 s of polls: a health check of two times 15 s, and what GKE needs to take up a policy. */
#define ROUNDS_MAX 18

static void verification_free(void *data)
{
    struct verification *check = data;

    llmd__buf_free(&check->path);
    llmd__buf_free(&check->body);
    llmd__buf_free(&check->holes);
    llmd__json_free(check->gateways);
    llmd__json_free(check->addresses);
    llmd__json_free(check->policy);
    llmd__json_free(check->services);
    llmd__json_free(check->groups);
    llmd__free(check->page_token);
    llmd__free(check->asked_path);
    llmd__free(check->pool);
    llmd__free(check->ns);
    llmd__free(check->service);
    llmd__free(check->subject);
    llmd_kube_free(check->kube);
    llmd_gke_free(check->gke);
    llmd__free(check);
}

DEFINE_AUTO(verification, struct verification *, verification_free)

static llmd_error *tell(struct graph *graph, const struct verification *check, llmd_level level,
                        const char *reason, const char *advice, const char *message)
{
    return llmd__graph_event(graph, &(struct event_text){.level = level,
                                                         .subject = check->subject,
                                                         .reason = reason,
                                                         .message = message,
                                                         .advice = advice,
                                                         .done = check->health.healthy,
                                                         .total = check->health.total});
}

/* ---- the end ---- */

static llmd_error *finish(struct verification *check, struct graph *graph, llmd_level level,
                          const char *reason, const char *advice, const char *message,
                          struct step_action *action)
{
    struct json *result = NULL;

    TRY(llmd__json_make(&result,
                        "{'pool': %s, 'healthy': %I, 'total': %I, 'requestPath': %s, 'policy': %s, "
                        "'recreated': %b}",
                        check->pool, check->health.healthy, check->health.total,
                        check->asked_path ? check->asked_path : "",
                        check->policy ? llmd__object_name(check->policy) : "", check->again));
    llmd__graph_result(graph, result);
    action->kind = ACTION_FINISH;
    return tell(graph, check, level, reason, advice, message);
}

static const char *unhealthy_advice(const struct verification *check)
{
    if (!check->policy)
        return "no HealthCheckPolicy targets the pool: apply the service again, which makes one";
    if (!check->asked_path)
        return "the backend service names no health check: look at it in Compute Engine, or delete "
               "the service and apply it again";
    if (llmd__policy_ignored(check->policy, check->asked_path))
        return "GKE does not do what the HealthCheckPolicy of the pool says: delete the service "
               "and apply it again, which makes the pool and then the policy anew";
    return "the pods do not answer that with 200: look at their logs, and whether the firewall "
           "lets 35.191.0.0/16 and 130.211.0.0/22 in";
}

static llmd_error *unhealthy(struct verification *check, struct graph *graph,
                             struct step_action *action)
{
    AUTO(str)
    char *what =
        check->asked_path
            ? llmd__format("Google asks %s for \"%s\"", check->health.unhealthy, check->asked_path)
            : llmd__format("Google has no health check for %s", check->health.unhealthy);
    AUTO(str)
    char *message =
        llmd__format("%lld of %lld backends are HEALTHY: %s", (long long)check->health.healthy,
                     (long long)check->health.total, what ? what : "");

    CHECK_MEMORY(what);
    CHECK_MEMORY(message);
    return finish(check, graph, LLMD_LEVEL_ERROR, "Unhealthy", unhealthy_advice(check), message,
                  action);
}

static llmd_error *none(struct verification *check, struct graph *graph, struct step_action *action)
{
    if (!check->mark[0] || !llmd__json_count(check->services))
        return finish(check, graph, LLMD_LEVEL_ERROR, "NoBackend",
                      "look at the route and its Gateway: the service's health check does",
                      "Google has no backend service for the pool", action);
    return finish(check, graph, LLMD_LEVEL_ERROR, "NoEndpoint",
                  "wait until the service is ready, with service wait",
                  "no pod is behind the load balancer", action);
}

/* ---- the policy anew ---- */

/* One that is followed does no more when it is made anew; what others made is theirs to do so. */
static bool may_make_anew(const struct verification *check)
{
    const struct json *labels = llmd__json_get(check->policy, "metadata.labels");

    return !check->again && llmd__policy_ignored(check->policy, check->asked_path) &&
           strcmp(llmd__json_text(llmd__json_member(labels, MANAGED_BY)), LLMD__OWNER) == 0;
}

static llmd_error *make_anew(struct verification *check, struct graph *graph)
{
    AUTO(str)
    char *message = llmd__format("HealthCheckPolicy %s is being made anew: Google asks for \"%s\"",
                                 llmd__object_name(check->policy), check->asked_path);

    CHECK_MEMORY(message);
    TRY(llmd__policy_anew_steps(graph, check));
    check->again = check->waits = true;
    check->rounds = 0;
    return tell(graph, check, LLMD_LEVEL_WARNING, "PolicyAnew",
                "the pool was not known when GKE took the policy up", message);
}

/* ---- one round ---- */

static llmd_error *tell_health(struct graph *graph, struct verification *check)
{
    if (check->told_healthy == check->health.healthy && check->told_total == check->health.total)
        return NULL;
    check->told_healthy = check->health.healthy;
    check->told_total = check->health.total;
    return tell(graph, check, LLMD_LEVEL_INFO, "Backends", "", "backends are HEALTHY");
}

static llmd_error *rest(struct verification *check, const struct step_input *input,
                        struct step_action *action)
{
    check->rounds++;
    action->kind = ACTION_SLEEP;
    action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
    return NULL;
}

static llmd_error *judge(struct verification *check, struct graph *graph,
                         const struct step_input *input, struct step_action *action)
{
    const struct backend_health *health = &check->health;
    AUTO(str) char *good = NULL;

    if (health->total && health->healthy == health->total) {
        good = check->asked_path ? llmd__format("all backends are HEALTHY: Google asks for \"%s\"",
                                                check->asked_path)
                                 : llmd__strdup("all backends are HEALTHY");
        CHECK_MEMORY(good);
        return finish(check, graph, LLMD_LEVEL_INFO, "Healthy", "", good, action);
    }
    TRY(tell_health(graph, check));
    if (check->rounds < ROUNDS_MAX)
        return rest(check, input, action);
    if (!health->total)
        return none(check, graph, action);
    return may_make_anew(check) ? make_anew(check, graph) : unhealthy(check, graph, action);
}

/* The check of the first backend service; all of a pool ask for the same. */
static llmd_error *ask_check(struct verification *check, struct graph *graph,
                             const struct step_input *input, struct step_action *action)
{
    if (!*llmd__json_str(llmd__json_first(check->services), "check"))
        return judge(check, graph, input, action);
    return llmd__ask_check(check, action);
}

static llmd_error *after_services(struct verification *check, struct graph *graph,
                                  const struct step_input *input, struct step_action *action)
{
    if (llmd__json_count(check->groups))
        return llmd__ask_health(check, action);
    return ask_check(check, graph, input, action);
}

/* ---- what is answered ---- */

static llmd_error *take_pool(struct verification *check, const struct json *list,
                             struct step_action *action)
{
    const struct json *pool = llmd__json_first(llmd__json_member(list, "items"));

    if (!pool)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_NOT_FOUND, "service %s/%s: has no InferencePool", check->ns,
                        check->service),
            "check the name and namespace; a service without a scheduler has no pool, and its "
            "Gateway asks the Service");
    check->pool = llmd__strdup(llmd__object_name(pool));
    CHECK_MEMORY(check->pool);
    JSON_EACH(parent, llmd__json_get(pool, "status.parents")) {
        const char *ns = llmd__json_str(parent, "parentRef.namespace");
        struct json *gateway = llmd__json_add_object(check->gateways);

        llmd__json_set_str(gateway, "ns", *ns ? ns : check->ns);
        llmd__json_set_str(gateway, "name", llmd__json_str(parent, "parentRef.name"));
    }
    TRY(llmd__json_check(check->gateways));
    return llmd__ask_gateway(check, action);
}

static llmd_error *take_gateway(struct verification *check, const struct json *gateway,
                                struct step_action *action)
{
    JSON_EACH(address, llmd__json_get(gateway, "status.addresses")) {
        llmd__json_set_bool(check->addresses, llmd__json_str(address, "value"), true);
    }
    TRY(llmd__json_check(check->addresses));
    llmd__json_free(llmd__json_shift(check->gateways));
    return llmd__ask_gateway(check, action);
}

static llmd_error *take_policies(struct verification *check, const struct json *list,
                                 struct step_action *action)
{
    const struct json *policy = llmd__policy_of_pool(list, check->pool);

    if (policy)
        TRY(llmd__json_copy(policy, &check->policy));
    return llmd__ask_round(check, action);
}

/* Another network may have the same private address: those of GKE have such names. */
static void note_rule(struct verification *check, const struct json *rule)
{
    if (!check->mark[0] && llmd__json_member(check->addresses, llmd__json_str(rule, "IPAddress")))
        (void)llmd__backend_mark(llmd__json_str(rule, "name"), check->mark);
}

static llmd_error *note_service(struct verification *check, const char *scope,
                                const struct json *service)
{
    const char *name = llmd__json_str(service, "name");
    struct json *found;

    if (!llmd__is_pool_backend(name, check->mark, check->ns, check->pool))
        return NULL;
    found = llmd__json_add_object(check->services);
    llmd__json_set_str(found, "scope", scope);
    llmd__json_set_str(
        found, "check",
        llmd__json_text(llmd__json_first(llmd__json_member(service, "healthChecks"))));
    JSON_EACH(backend, llmd__json_member(service, "backends")) {
        struct json *group = llmd__json_add_object(check->groups);

        llmd__json_set_str(group, "scope", scope);
        llmd__json_set_str(group, "name", name);
        llmd__json_set_str(group, "group", llmd__json_str(backend, "group"));
    }
    TRY(llmd__json_check(check->services));
    return llmd__json_check(check->groups);
}

/* What is behind them may be there nevertheless: no verdict without it. */
static llmd_error *unseen(struct verification *check, const struct step_input *input,
                          struct step_action *action)
{
    llmd_error *error;

    if (check->rounds < ROUNDS_MAX)
        return rest(check, input, action);
    error = llmd__error(LLMD_E_UNREACHABLE, "health of backends: no answer from %s",
                        llmd__buf_text(&check->holes));
    llmd__error_set_retry(error, true, 0);
    return llmd__error_set_advice(error, "Compute Engine does not see this place now, and the "
                                         "pool's backends may be there: run it again later");
}

static llmd_error *note_holes(struct verification *check, const struct json *page)
{
    llmd__list_holes(page, llmd__gke_region(check->gke), &check->holes);
    llmd__list_holes(page, "global", &check->holes); /* of a global Gateway */
    return llmd__buf_check(&check->holes);
}

static llmd_error *take_page(struct verification *check, struct graph *graph,
                             const struct json *page, const struct step_input *input,
                             struct step_action *action)
{
    bool rules = check->phase == ASK_RULES;
    const char *token = llmd__json_str(page, "nextPageToken");

    JSON_EACH(scope, llmd__json_member(page, "items")) {
        JSON_EACH(item, llmd__json_member(scope, rules ? "forwardingRules" : "backendServices")) {
            if (rules)
                note_rule(check, item);
            else
                TRY(note_service(check, llmd__json_key(scope), item));
        }
    }
    TRY(note_holes(check, page));
    llmd__free(TAKE(check->page_token));
    if (*token) {
        check->page_token = llmd__strdup(token);
        CHECK_MEMORY(check->page_token);
        return llmd__ask_list(check, check->phase, action);
    }
    if (rules && check->mark[0])
        return llmd__ask_list(check, ASK_SERVICES, action);
    if (check->holes.len)
        return unseen(check, input, action);
    return rules ? judge(check, graph, input, action) : after_services(check, graph, input, action);
}

static llmd_error *take_health(struct verification *check, struct graph *graph,
                               const struct json *answer, const struct step_input *input,
                               struct step_action *action)
{
    llmd__backend_health(answer, &check->health);
    llmd__json_free(llmd__json_shift(check->groups));
    return after_services(check, graph, input, action);
}

static llmd_error *take_check(struct verification *check, struct graph *graph,
                              const struct json *answer, const struct step_input *input,
                              struct step_action *action)
{
    llmd__free(check->asked_path);
    check->asked_path = llmd__strdup(llmd__check_path(answer));
    CHECK_MEMORY(check->asked_path);
    return judge(check, graph, input, action);
}

static llmd_error *take(struct verification *check, struct graph *graph, const struct json *answer,
                        const struct step_input *input, struct step_action *action)
{
    switch (check->phase) {
    case ASK_POOL:
        return take_pool(check, answer, action);
    case ASK_GATEWAY:
        return take_gateway(check, answer, action);
    case ASK_POLICIES:
        return take_policies(check, answer, action);
    case ASK_RULES:
    case ASK_SERVICES:
        return take_page(check, graph, answer, input, action);
    case ASK_HEALTH:
        return take_health(check, graph, answer, input, action);
    case ASK_CHECK:
        return take_check(check, graph, answer, input, action);
    }
    return NULL;
}

static llmd_error *hear(struct verification *check, struct graph *graph,
                        const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *answer = NULL;
    enum trouble class = TROUBLE_UNKNOWN;
    llmd_error *error;

    if (check->phase < ASK_RULES) {
        TRY(llmd__verification_read(input, "health of backends", &answer));
        return take(check, graph, answer, input, action);
    }
    error = llmd__answer(input, "health of backends", &answer, &class);
    /* What is gone between two answers is looked for in the next round, as is what passes. */
    if (error && check->rounds < ROUNDS_MAX &&
        (class == TROUBLE_NOT_FOUND || llmd__passes(error, class))) {
        llmd_error_free(error);
        return rest(check, input, action);
    }
    TRY(error);
    return take(check, graph, answer, input, action);
}

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct verification *check = state;

    check->step = llmd__graph_current(graph);
    switch (input->kind) {
    case INPUT_BEGIN:
        return llmd__ask_pool(check, action);
    case INPUT_TICK:
        return llmd__ask_round(check, action);
    case INPUT_POKE: /* the policy was applied */
        return check->waits ? NULL : llmd__ask_round(check, action);
    case INPUT_REPLY:
    case INPUT_ERROR:
        return hear(check, graph, input, action);
    default:
        return NULL;
    }
}

static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct verification *check = state;

    (void)graph;
    llmd__buf_format(text, "%s: %lld of %lld backends are HEALTHY", check->subject,
                     (long long)check->told_healthy, (long long)check->told_total);
}

const struct step_class llmd__verification_class = {
    .name = "backends", .advance = advance, .describe = describe};

static llmd_error *verification_new(const llmd_gke *gke, const llmd_kube *kube, const char *ns,
                                    const char *service, struct verification **out)
{
    AUTO(verification) struct verification *check = llmd__calloc(1, sizeof(*check));

    CHECK_MEMORY(check);
    TRY(llmd__kube_check_name("network health", ns, service));
    check->gke = llmd__gke_ref(gke);
    check->kube = llmd__kube_ref(kube);
    check->ns = llmd__strdup(llmd__kube_ns(kube, ns));
    check->service = llmd__strdup(service);
    check->gateways = llmd__json_array();
    check->addresses = llmd__json_object();
    if (!check->ns || !check->service || !check->gateways || !check->addresses)
        return NO_MEMORY;
    check->subject = llmd__format("LLMInferenceService/%s/%s", check->ns, service);
    CHECK_MEMORY(check->subject);
    *out = TAKE(check);
    return NULL;
}

llmd_error *llmd_network_health(const llmd_gke *gke, const llmd_kube *kube, const char *ns,
                                const char *service, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct verification *check = NULL;
    step_id discovery = -1, verify = -1;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE(kube);
    REQUIRE(service);
    TRY(verification_new(gke, kube, ns, service, &check));
    TRY(llmd__graph_new(check, verification_free, &graph));
    TRY(llmd__discovery_step(graph, kube, false, &discovery));
    TRY(llmd__graph_add(graph, &llmd__verification_class, check, &verify));
    TRY(llmd__graph_need(graph, verify, discovery));
    return llmd__task_new(TAKE(graph), out);
}
