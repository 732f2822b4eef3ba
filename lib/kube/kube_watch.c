/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public watch: a task of one watch step. Each change queues one event, so that the task comes
 * back for it; the change itself waits in a queue that outlives a free from another thread.
 */
#include "kube/watch.h"

#include "base/ref.h"
#include "kube/object.h"

#include <pthread.h>
#include <string.h>

struct llmd_kube_change {
    llmd_kube_change *next;
    llmd_change_type type;
    const char *ns, *name; /* behind the struct, with the text */
    const char *json;
    char memory[];
};

struct changes {
    struct ref ref;
    pthread_mutex_t lock;
    llmd_kube_change *first, **last;
};

struct llmd_kube_watch {
    llmd_task *task;
    struct changes *changes;
};

static struct changes *changes_get(struct changes *changes)
{
    llmd__ref_get(&changes->ref);
    return changes;
}

static void changes_put(void *data)
{
    struct changes *changes = data;

    if (!changes || !llmd__ref_put(&changes->ref))
        return;
    while (changes->first) {
        llmd_kube_change *change = changes->first;
        changes->first = change->next;
        llmd_kube_change_free(change);
    }
    pthread_mutex_destroy(&changes->lock);
    llmd__free(changes);
}

DEFINE_AUTO(changes, struct changes *, changes_put)

static llmd_error *changes_new(struct changes **out)
{
    struct changes *changes = llmd__calloc(1, sizeof(*changes));

    CHECK_MEMORY(changes);
    llmd__ref_init(&changes->ref);
    pthread_mutex_init(&changes->lock, NULL);
    changes->last = &changes->first;
    *out = changes;
    return NULL;
}

static void push(struct changes *changes, llmd_kube_change *change)
{
    pthread_mutex_lock(&changes->lock);
    *changes->last = change;
    changes->last = &change->next;
    pthread_mutex_unlock(&changes->lock);
}

static llmd_kube_change *pop(struct changes *changes)
{
    llmd_kube_change *change;

    pthread_mutex_lock(&changes->lock);
    change = changes->first;
    if (change) {
        changes->first = change->next;
        if (!change->next)
            changes->last = &changes->first;
        change->next = NULL;
    }
    pthread_mutex_unlock(&changes->lock);
    return change;
}

static const char *append(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    const char *begin = *at;

    memcpy(*at, text, size);
    *at += size;
    return begin;
}

static llmd_kube_change *change_new(const struct watch_change *seen)
{
    const char *ns = llmd__object_ns(seen->object);
    const char *name = llmd__object_name(seen->object);
    size_t size = strlen(ns) + strlen(name) + strlen(seen->text) + 3;
    llmd_kube_change *change = llmd__malloc(sizeof(*change) + size);
    char *at;

    if (!change)
        return NULL;
    at = change->memory;
    change->next = NULL;
    change->type = seen->type;
    change->ns = append(&at, ns);
    change->name = append(&at, name);
    change->json = append(&at, seen->text);
    return change;
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *seen,
                             struct step_action *action)
{
    static const struct event_text event = {.reason = "Change"};
    llmd_kube_change *change;

    (void)action;
    /* First, so that no event comes without its change: that would look like an end. */
    change = change_new(seen);
    CHECK_MEMORY(change);
    push(data, change);
    return llmd__graph_event(graph, &event);
}

static llmd_error *new_task(const llmd_kube *kube, struct watch_wish *wish, struct changes *changes,
                            llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    step_id step;

    wish->on_change = on_change;
    wish->data = changes;
    TRY(llmd__graph_new(changes_get(changes), changes_put, &graph));
    TRY(llmd__watch_step(graph, kube, wish, &step));
    llmd__graph_own_events_only(graph);
    return llmd__task_new(TAKE(graph), out);
}

llmd_error *llmd_kube_watch_open(const llmd_kube *kube, const char *resource, const char *ns,
                                 const char *labels, const char *fields, llmd_kube_watch **out)
{
    struct watch_wish wish = {
        .resource = resource, .ns = ns, .labels = labels, .fields = fields, .keeps_trying = true};
    AUTO(changes) struct changes *changes = NULL;
    llmd_kube_watch *watch;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(resource);
    TRY(changes_new(&changes));
    watch = llmd__calloc(1, sizeof(*watch));
    CHECK_MEMORY(watch);
    llmd_error *error = new_task(kube, &wish, changes, &watch->task);
    if (error) {
        llmd__free(watch);
        return error;
    }
    watch->changes = TAKE(changes);
    *out = watch;
    return NULL;
}

/* Nothing of the watch is touched once the task is entered: it may be freed meanwhile. */
llmd_error *llmd_kube_watch_next(llmd_context *ctx, llmd_kube_watch *watch, llmd_kube_change **out)
{
    LLMD_AUTO(llmd_event) event = NULL;
    AUTO(changes) struct changes *changes = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(watch);
    changes = changes_get(watch->changes);
    TRY(llmd_task_next(ctx, watch->task, &event));
    *out = pop(changes);
    return NULL;
}

void llmd_kube_watch_free(llmd_kube_watch *watch)
{
    if (!watch)
        return;
    llmd_task_free(watch->task);
    changes_put(watch->changes);
    llmd__free(watch);
}

llmd_change_type llmd_kube_change_type(const llmd_kube_change *change)
{
    return change ? change->type : LLMD_CHANGE_SYNCED;
}

const char *llmd_kube_change_ns(const llmd_kube_change *change)
{
    return change ? change->ns : "";
}

const char *llmd_kube_change_name(const llmd_kube_change *change)
{
    return change ? change->name : "";
}

const char *llmd_kube_change_json(const llmd_kube_change *change)
{
    return change ? change->json : "";
}

void llmd_kube_change_free(llmd_kube_change *change)
{
    llmd__free(change);
}
