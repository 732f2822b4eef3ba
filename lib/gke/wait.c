/* SPDX-License-Identifier: Apache-2.0 */
/* Following a cluster or a node pool that others make or change until it runs and rests. */
#include "gke/cluster.h"
#include "gke/operation.h"

#include <string.h>

enum wait_phase { WAIT_LOOKS, WAIT_FINDS, WAIT_FOLLOWS, WAIT_RESTS };

struct state_wait {
    llmd_gke *gke;
    enum wait_phase phase;
    char *subject, *what, *target;
    struct buf path, operations;
    struct json *there;
    struct operation operation;
    char told[32];
};

static void wait_free(void *state)
{
    struct state_wait *wait = state;

    llmd__operation_free(&wait->operation);
    llmd__json_free(wait->there);
    llmd__buf_free(&wait->path);
    llmd__buf_free(&wait->operations);
    llmd__free(wait->subject);
    llmd__free(wait->what);
    llmd__free(wait->target);
    llmd_gke_free(wait->gke);
    llmd__free(wait);
}

DEFINE_AUTO(state_wait, struct state_wait *, wait_free)

/* Runs, but not as it should. */
static bool is_degraded(const char *status)
{
    return strcmp(status, "DEGRADED") == 0 || strcmp(status, "RUNNING_WITH_ERROR") == 0;
}

static llmd_error *ask(struct state_wait *wait, enum wait_phase phase, struct step_action *action)
{
    wait->phase = phase;
    llmd__ask(action, wait->gke, GOOGLE_CONTAINER,
              phase == WAIT_LOOKS ? wait->path.data : wait->operations.data);
    return NULL;
}

static llmd_error *tell(struct graph *graph, struct state_wait *wait)
{
    const char *status = llmd__json_str(wait->there, "status");
    const char *words = llmd__json_str(wait->there, "statusMessage");
    AUTO(str) char *message = *words ? llmd__strdup(words) : llmd__format("is %s", status);

    CHECK_MEMORY(message);
    if (strncmp(wait->told, status, sizeof(wait->told) - 1) == 0)
        return NULL;
    strncpy(wait->told, status, sizeof(wait->told) - 1);
    return llmd__graph_event(
        graph,
        &(struct event_text){.level = is_degraded(status) ? LLMD_LEVEL_WARNING : LLMD_LEVEL_INFO,
                             .subject = wait->subject,
                             .reason = status,
                             .message = message});
}

static llmd_error *rest(struct state_wait *wait, const struct step_input *input,
                        struct step_action *action)
{
    wait->phase = WAIT_RESTS;
    action->kind = ACTION_SLEEP;
    action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
    return NULL;
}

/* What was seen once is looked at again: a bad minute of Google's does not end the wait. */
static llmd_error *not_seen(struct state_wait *wait, llmd_error *error, enum trouble class,
                            const struct step_input *input, struct step_action *action)
{
    if (!wait->there || !llmd__passes(error, class))
        return error;
    llmd_error_free(error);
    return rest(wait, input, action);
}

static llmd_error *take_there(struct state_wait *wait, struct graph *graph,
                              const struct step_input *input, struct step_action *action)
{
    struct json *there = NULL;
    enum trouble class;
    llmd_error *error = llmd__answer(input, wait->what, &there, &class);

    if (error)
        return not_seen(wait, error, class, input, action);
    llmd__json_free(wait->there);
    wait->there = there;
    TRY(tell(graph, wait));
    if (strcmp(llmd__json_str(there, "status"), "ERROR") == 0)
        return llmd__error(LLMD_E_FAILED, "%s: is in status ERROR: %.2000s", wait->what,
                           llmd__json_str(there, "statusMessage"));
    return ask(wait, WAIT_FINDS, action);
}

static llmd_error *finish(struct state_wait *wait, struct graph *graph, struct step_action *action)
{
    llmd__graph_result(graph, TAKE(wait->there));
    action->kind = ACTION_FINISH;
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = wait->subject,
                                                         .reason = "Ready",
                                                         .message = "no operation is under way"});
}

static llmd_error *take_operations(struct state_wait *wait, struct graph *graph,
                                   const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *list = NULL;
    const struct json *running;
    const char *status = llmd__json_str(wait->there, "status");
    enum trouble class;
    llmd_error *error = llmd__answer(input, wait->what, &list, &class);

    if (error)
        return not_seen(wait, error, class, input, action);
    running = llmd__busy_operation(list, wait->target);
    if (running) {
        wait->phase = WAIT_FOLLOWS;
        TRY(llmd__operation_begin(&wait->operation, wait->gke, llmd__json_str(running, "name"),
                                  wait->subject, wait->what));
        return llmd__operation_ask(&wait->operation, action);
    }
    if (strcmp(status, "RUNNING") == 0 || is_degraded(status))
        return finish(wait, graph, action);
    return rest(wait, input, action);
}

/* How it ended shows in what the cluster or pool says of itself. */
static llmd_error *follow(struct state_wait *wait, struct graph *graph,
                          const struct step_input *input, struct step_action *action)
{
    enum operation_end end;

    TRY(llmd__operation_advance(&wait->operation, graph, input, action, &end));
    if (end == OPERATION_RUNS)
        return NULL;
    if (end == OPERATION_FAILED)
        TRY(llmd__graph_event(
            graph, &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                        .subject = wait->subject,
                                        .reason = llmd__trouble_reason(wait->operation.class),
                                        .message = llmd_error_message(wait->operation.error),
                                        .advice = llmd_error_advice(wait->operation.error)}));
    return ask(wait, WAIT_LOOKS, action);
}

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct state_wait *wait = state;

    if (wait->phase == WAIT_FOLLOWS)
        return follow(wait, graph, input, action);
    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK)
        return ask(wait, WAIT_LOOKS, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    return wait->phase == WAIT_LOOKS ? take_there(wait, graph, input, action)
                                     : take_operations(wait, graph, input, action);
}

/* "cluster llm: PROVISIONING: CREATE_CLUSTER operation-1: RUNNING for 60 s". */
static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct state_wait *wait = state;
    const char *words = wait->phase == WAIT_FOLLOWS ? wait->operation.said
                                                    : llmd__json_str(wait->there, "statusMessage");

    (void)graph;
    if (wait->there)
        llmd__buf_format(text, "%s: %s%s%s", wait->what, llmd__json_str(wait->there, "status"),
                         words && *words ? ": " : "", words ? words : "");
}

static const char *advise(const void *state, const struct graph *graph)
{
    (void)state;
    (void)graph;
    return "nothing is lost, GKE goes on by itself: wait again";
}

static const struct step_class wait_class = {
    .name = "wait", .advance = advance, .free = wait_free, .describe = describe, .advise = advise};

static llmd_error *name_it(struct state_wait *wait, const char *cluster, const char *pool)
{
    const char *slash = pool ? "/" : "", *kind = pool ? "NodePool" : "Cluster";

    if (!pool)
        pool = "";
    wait->subject = llmd__format("%s/%s%s%s", kind, cluster, slash, pool);
    wait->what = llmd__format("%s %s%s%s", *pool ? "node pool" : "cluster", cluster, slash, pool);
    wait->target = llmd__format("/clusters/%s%s%s", cluster, *pool ? "/nodePools/" : "", pool);
    return wait->subject && wait->what && wait->target ? NULL : NO_MEMORY;
}

llmd_error *llmd__wait_step(struct graph *graph, const llmd_gke *gke, const char *cluster,
                            const char *pool, step_id *out)
{
    AUTO(state_wait) struct state_wait *wait = llmd__calloc(1, sizeof(*wait));

    *out = -1;
    CHECK_MEMORY(wait);
    wait->gke = llmd__gke_ref(gke);
    TRY(name_it(wait, cluster, pool));
    if (pool)
        llmd__pool_path(&wait->path, gke, cluster, pool, "");
    else
        llmd__cluster_path(&wait->path, gke, cluster, "");
    llmd__operation_path(&wait->operations, gke, "");
    TRY(llmd__buf_check(&wait->path));
    TRY(llmd__buf_check(&wait->operations));
    return llmd__graph_add(graph, &wait_class, TAKE(wait), out);
}

static llmd_error *new_task(const llmd_gke *gke, const char *cluster, const char *pool,
                            llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    step_id step = -1;

    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(llmd__wait_step(graph, gke, cluster, pool, &step));
    return llmd__task_new(TAKE(graph), out);
}

llmd_error *llmd_cluster_wait(const llmd_gke *gke, const char *name, llmd_task **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE_CLUSTER(name);
    return new_task(gke, name, NULL, out);
}

llmd_error *llmd_node_pool_wait(const llmd_gke *gke, const char *cluster, const char *pool,
                                llmd_task **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE_CLUSTER(cluster);
    REQUIRE_POOL(pool);
    return new_task(gke, cluster, pool, out);
}
