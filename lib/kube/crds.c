/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/crds.h"

#include "kube/object.h"
#include "kube/watch.h"

#include <string.h>

#define CRDS "customresourcedefinitions.apiextensions.k8s.io"

struct listener {
    step_id step;
    char *name; /* NULL: any */
};

struct crds {
    llmd_kube *kube;
    struct watch *watch; /* NULL: nobody listens, or it may not be watched */
    bool failed, blind;
    struct listener *listeners;
    size_t count, cap;
};

static void crds_free(void *data)
{
    struct crds *crds = data;

    llmd__watch_free(crds->watch);
    for (size_t i = 0; i < crds->count; i++)
        llmd__free(crds->listeners[i].name);
    llmd__free(crds->listeners);
    llmd_kube_free(crds->kube);
    llmd__free(crds);
}

static void poke(const struct crds *crds, struct graph *graph, const char *name)
{
    for (size_t i = 0; i < crds->count; i++) {
        const char *wanted = crds->listeners[i].name;
        if (!wanted || !name || strcmp(wanted, name) == 0)
            llmd__graph_poke(graph, crds->listeners[i].step);
    }
}

static void set_blind(struct crds *crds, struct graph *graph, bool blind)
{
    if (blind && !crds->blind)
        poke(crds, graph, NULL);
    crds->blind = blind;
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct crds *crds = data;

    (void)action;
    if (change->type == LLMD_CHANGE_SYNCED)
        set_blind(crds, graph, change->denied);
    else
        poke(crds, graph, llmd__object_name(change->object));
    return NULL;
}

static llmd_error *advance_watch(struct crds *crds, struct graph *graph,
                                 const struct step_input *input, struct step_action *action)
{
    static const struct watch_wish wish = {.resource = CRDS,
                                           .metadata_only = true,
                                           .names_only = true,
                                           .missing_is_empty = true,
                                           .on_change = on_change};
    struct watch_wish mine = wish;
    struct step_input begin = {.kind = INPUT_BEGIN, .text = "", .now_ms = input->now_ms};

    if (crds->watch)
        return llmd__watch_advance(crds->watch, graph, input, action);
    mine.data = crds;
    TRY(llmd__watch_new(crds->kube, &mine, &crds->watch));
    return llmd__watch_advance(crds->watch, graph, &begin, action);
}

/* This is a help for others: what it meets ends no task. */
static llmd_error *crds_advance(void *data, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct crds *crds = data;
    llmd_error *error = NULL;

    if (crds->count && !crds->failed)
        error = advance_watch(crds, graph, input, action);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    crds->failed = crds->failed || error;
    if (error)
        set_blind(crds, graph, true);
    llmd_error_free(error);
    if (crds->count && !crds->failed)
        return NULL;
    llmd__watch_free(TAKE(crds->watch));
    *action = (struct step_action){.kind = ACTION_SLEEP};
    return NULL;
}

static const struct step_class crds_class = {"crds", crds_advance, crds_free};

static struct crds *find(struct graph *graph, const llmd_kube *kube, step_id *step)
{
    struct crds *crds;

    *step = -1;
    while ((crds = llmd__graph_find(graph, &crds_class, step)) != NULL)
        if (llmd__kube_http(crds->kube) == llmd__kube_http(kube))
            return crds;
    return NULL;
}

static llmd_error *find_or_add(struct graph *graph, const llmd_kube *kube, step_id *step,
                               struct crds **out)
{
    *out = find(graph, kube, step);
    if (*out)
        return NULL;
    struct crds *crds = llmd__calloc(1, sizeof(*crds));
    CHECK_MEMORY(crds);
    crds->kube = llmd__kube_ref(kube);
    *out = crds;
    return llmd__graph_add_background(graph, &crds_class, crds, step);
}

static llmd_error *add(struct crds *crds, step_id step, char *name)
{
    if (crds->count == crds->cap) {
        size_t cap = crds->cap ? 2 * crds->cap : 8;
        struct listener *grown = llmd__realloc(crds->listeners, cap * sizeof(*grown));
        CHECK_MEMORY(grown);
        crds->listeners = grown;
        crds->cap = cap;
    }
    crds->listeners[crds->count++] = (struct listener){step, name};
    return NULL;
}

static void drop(struct crds *crds, step_id step)
{
    size_t kept = 0;

    for (size_t i = 0; i < crds->count; i++) {
        if (crds->listeners[i].step == step)
            llmd__free(crds->listeners[i].name);
        else
            crds->listeners[kept++] = crds->listeners[i];
    }
    crds->count = kept;
}

llmd_error *llmd__crds_listen(struct graph *graph, const llmd_kube *kube, const char *name)
{
    step_id listener = llmd__graph_current(graph), self;
    AUTO(str) char *copy = NULL;
    struct crds *crds;

    if (listener < 0)
        return NULL;
    copy = llmd__strdup(name);
    if (name && !copy)
        return NO_MEMORY;
    TRY(find_or_add(graph, kube, &self, &crds));
    drop(crds, listener);
    TRY(add(crds, listener, copy));
    copy = NULL;
    llmd__graph_poke(graph, self);
    return NULL;
}

void llmd__crds_ignore(struct graph *graph, const llmd_kube *kube)
{
    step_id listener = llmd__graph_current(graph), self;
    struct crds *crds = listener < 0 ? NULL : find(graph, kube, &self);

    if (!crds)
        return;
    drop(crds, listener);
    llmd__graph_poke(graph, self);
}

bool llmd__crds_blind(struct graph *graph, const llmd_kube *kube)
{
    step_id self;
    const struct crds *crds = graph ? find(graph, kube, &self) : NULL;

    return crds && crds->blind;
}
