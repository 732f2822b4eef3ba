/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the nodes of a pool by a watch: a node is Ready before its device plugin is, and of
   use only when its accelerators can be had (P20). */
#include "gke/apply.h"

#include "kube/object.h"
#include "kube/watch.h"

#include <stdlib.h>
#include <string.h>

/* A private endpoint is not reached from everywhere, and an API server that was just made answers
   after seconds. */
#define PATIENCE_MS 120000

struct nodes {
    llmd_kube *kube;
    struct watch *watch;
    char *subject, *resource; /* resource NULL: none */
    int64_t count, least, per_node;
    struct json *known, *usable; /* names of nodes */
    int64_t told;
    bool synced;
    int64_t give_up_ms;
};

static void nodes_free(void *state)
{
    struct nodes *nodes = state;

    llmd__watch_free(nodes->watch);
    llmd__json_free(nodes->known);
    llmd__json_free(nodes->usable);
    llmd__free(nodes->subject);
    llmd__free(nodes->resource);
    llmd_kube_free(nodes->kube);
    llmd__free(nodes);
}

DEFINE_AUTO(nodes, struct nodes *, nodes_free)

static bool is_usable(const struct nodes *nodes, const struct json *node)
{
    const struct json *allocatable = llmd__json_get(node, "status.allocatable");

    if (!llmd__object_condition_is(node, "Ready", "True"))
        return false;
    return !nodes->resource ||
           strtoll(llmd__json_text(llmd__json_member(allocatable, nodes->resource)), NULL, 10) >=
               nodes->per_node;
}

static llmd_error *tell(struct graph *graph, struct nodes *nodes)
{
    AUTO(str) char *message = NULL;
    struct event_text text = {.level = LLMD_LEVEL_INFO,
                              .subject = nodes->subject,
                              .reason = "Nodes",
                              .done = (int64_t)llmd__json_count(nodes->usable),
                              .total = nodes->count};

    if (text.done == nodes->told)
        return NULL;
    nodes->told = text.done;
    message = llmd__format("%lld of %lld nodes are Ready%s%s", (long long)text.done,
                           (long long)text.total, nodes->resource ? " and have " : "",
                           nodes->resource ? nodes->resource : "");
    CHECK_MEMORY(message);
    text.message = message;
    return llmd__graph_event(graph, &text);
}

static void note(struct json *names, const struct json *node, bool is_in)
{
    if (is_in)
        llmd__json_set_bool(names, llmd__object_name(node), true);
    else
        llmd__json_remove(names, llmd__object_name(node));
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct nodes *nodes = data;
    bool gone = change->type == LLMD_CHANGE_DELETED, enough;

    if (change->type == LLMD_CHANGE_SYNCED) {
        nodes->synced = true;
    } else {
        note(nodes->known, change->object, !gone);
        note(nodes->usable, change->object, !gone && is_usable(nodes, change->object));
    }
    TRY(llmd__json_check(nodes->known));
    TRY(llmd__json_check(nodes->usable));
    enough = (int64_t)llmd__json_count(nodes->usable) >= nodes->count;
    if (nodes->synced || enough)
        TRY(tell(graph, nodes));
    if (enough)
        action->kind = ACTION_DONE;
    return NULL;
}

static llmd_error *give_up(struct graph *graph, const struct nodes *nodes, llmd_error *error,
                           struct step_action *action)
{
    AUTO(error) llmd_error *owned = error;

    if (llmd_error_code(owned) == LLMD_E_NO_MEMORY)
        return TAKE(owned);
    *action = (struct step_action){.kind = ACTION_DONE};
    return llmd__graph_event(
        graph,
        &(struct event_text){
            .level = LLMD_LEVEL_WARNING,
            .subject = nodes->subject,
            .reason = "NodesNotSeen",
            .message = owned
                           ? llmd_error_message(owned)
                           : "the cluster's Kubernetes API does not answer from here: whether the "
                             "nodes are Ready is not known",
            .advice = "look from where the endpoint can be reached, or set dnsEndpoint"});
}

/* Nobody uses it, and the autoscaler was quicker than we. */
static llmd_error *scaled_down(struct graph *graph, const struct nodes *nodes,
                               struct step_action *action)
{
    *action = (struct step_action){.kind = ACTION_DONE};
    return llmd__graph_event(
        graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                    .subject = nodes->subject,
                                    .reason = "ScaledDown",
                                    .message = "has as few nodes as its autoscaler may leave it; "
                                               "pods that need more bring them"});
}

static bool may_be_scaled_down(const struct nodes *nodes)
{
    return nodes->synced && (int64_t)llmd__json_count(nodes->known) <= nodes->least &&
           llmd__json_count(nodes->usable) == llmd__json_count(nodes->known);
}

static llmd_error *nodes_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct nodes *nodes = state;
    llmd_error *error;
    int64_t wake_ms;

    if (!nodes->give_up_ms)
        nodes->give_up_ms = input->now_ms + PATIENCE_MS;
    if (!nodes->synced && input->now_ms >= nodes->give_up_ms)
        return give_up(graph, nodes, NULL, action);
    if (may_be_scaled_down(nodes) && input->now_ms >= nodes->give_up_ms)
        return scaled_down(graph, nodes, action);
    error = llmd__watch_advance(nodes->watch, graph, input, action);
    if (error && !nodes->synced)
        return give_up(graph, nodes, error, action);
    if (error || action->kind == ACTION_DONE)
        return error;
    wake_ms = llmd__watch_wake_ms(nodes->watch);
    if ((!nodes->synced || may_be_scaled_down(nodes)) && (!wake_ms || nodes->give_up_ms < wake_ms))
        wake_ms = nodes->give_up_ms;
    action->wake_ms = wake_ms;
    return NULL;
}

/* "NodePool/llm/tpu: 1 of 3 nodes are Ready and have google.com/tpu". */
static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct nodes *nodes = state;

    (void)graph;
    llmd__buf_format(text, "%s: %zu of %lld nodes are Ready%s%s", nodes->subject,
                     llmd__json_count(nodes->usable), (long long)nodes->count,
                     nodes->resource ? " and have " : "", nodes->resource ? nodes->resource : "");
}

static const struct step_class nodes_class = {"nodes", nodes_advance, nodes_free, describe};

static llmd_error *fill(struct nodes *nodes, const struct nodes_wish *wish)
{
    AUTO(str) char *labels = llmd__format("cloud.google.com/gke-nodepool=%s", wish->pool);
    struct watch_wish watch = {
        .resource = "nodes", .labels = labels, .on_change = on_change, .data = nodes};

    CHECK_MEMORY(labels);
    nodes->kube = llmd__kube_ref(wish->kube);
    nodes->subject = llmd__format("NodePool/%s/%s", wish->cluster, wish->pool);
    nodes->resource = llmd__strdup(wish->resource);
    nodes->known = llmd__json_object();
    nodes->usable = llmd__json_object();
    if (!nodes->subject || !nodes->known || !nodes->usable || (wish->resource && !nodes->resource))
        return NO_MEMORY;
    return llmd__watch_new(wish->kube, &watch, &nodes->watch);
}

llmd_error *llmd__nodes_step(struct graph *graph, const struct nodes_wish *wish, step_id *out)
{
    AUTO(nodes) struct nodes *nodes = llmd__calloc(1, sizeof(*nodes));

    *out = -1;
    CHECK_MEMORY(nodes);
    nodes->count = wish->count;
    nodes->least = wish->least;
    nodes->per_node = wish->per_node;
    nodes->told = -1;
    TRY(fill(nodes, wish));
    return llmd__graph_add(graph, &nodes_class, TAKE(nodes), out);
}
