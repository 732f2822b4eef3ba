/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The discovery cache of a handle and how it is filled. A walk asks for documents one after the
 * other: two in the aggregated form, one per API version in the old form. Blocking calls and steps
 * drive the same walk.
 */
#include "kube/discovery.h"

#include "kube/kube.h"
#include "kube/status.h"

#include <pthread.h>
#include <string.h>

/* The newest form first; a server that knows none of them answers the old lists. */
#define DISCOVERY_ACCEPT                                                                           \
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"                        \
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

struct discovery {
    pthread_mutex_t lock;
    struct texts texts; /* never shrinks: resources point into it */
    struct served served;
    bool filled;
};

llmd_error *llmd__discovery_new(struct discovery **out)
{
    struct discovery *discovery = llmd__calloc(1, sizeof(*discovery));

    CHECK_MEMORY(discovery);
    pthread_mutex_init(&discovery->lock, NULL);
    *out = discovery;
    return NULL;
}

void llmd__discovery_free(struct discovery *discovery)
{
    if (!discovery)
        return;
    llmd__served_free(&discovery->served);
    llmd__texts_free(&discovery->texts);
    pthread_mutex_destroy(&discovery->lock);
    llmd__free(discovery);
}

bool llmd__discovery_filled(const llmd_kube *kube)
{
    struct discovery *discovery = llmd__kube_discovery(kube);
    bool filled;

    pthread_mutex_lock(&discovery->lock);
    filled = discovery->filled;
    pthread_mutex_unlock(&discovery->lock);
    return filled;
}

bool llmd__discovery_lookup(const llmd_kube *kube, const char *resource, struct resource *out)
{
    struct discovery *discovery = llmd__kube_discovery(kube);
    const struct served_entry *entry;

    pthread_mutex_lock(&discovery->lock);
    entry = llmd__served_find(&discovery->served, resource);
    if (entry)
        *out = entry->resource;
    pthread_mutex_unlock(&discovery->lock);
    return entry != NULL;
}

bool llmd__discovery_lookup_kind(const llmd_kube *kube, const char *api_version, const char *kind,
                                 struct resource *out)
{
    struct discovery *discovery = llmd__kube_discovery(kube);
    const struct served_entry *entry;

    pthread_mutex_lock(&discovery->lock);
    entry = llmd__served_find_kind(&discovery->served, api_version, kind);
    if (entry)
        *out = entry->resource;
    pthread_mutex_unlock(&discovery->lock);
    return entry != NULL;
}

llmd_error *llmd__discovery_missing(const llmd_kube *kube, const char *resource)
{
    struct discovery *discovery = llmd__kube_discovery(kube);
    llmd_error *error;

    pthread_mutex_lock(&discovery->lock);
    error = llmd__served_missing(&discovery->served, resource);
    pthread_mutex_unlock(&discovery->lock);
    return error;
}

llmd_error *llmd__discovery_begin(struct discovery_walk *walk)
{
    llmd__discovery_walk_free(walk);
    TRY(llmd__served_paths_add(&walk->paths, "/api"));
    TRY(llmd__served_paths_add(&walk->paths, "/apis"));
    walk->running = true;
    return NULL;
}

void llmd__discovery_walk_free(struct discovery_walk *walk)
{
    llmd__served_free(&walk->served);
    llmd__served_paths_free(&walk->paths);
    *walk = (struct discovery_walk){0};
}

static llmd_error *refused(const llmd_kube *kube, int status, const char *text)
{
    /* Nobody has named the server yet, and people have several. */
    AUTO(str) char *what = llmd__format("discovery of %s", llmd_kube_server(kube));

    CHECK_MEMORY(what);
    return llmd__status_error(status, text, what);
}

/* A group whose server is away (503) or gone (404) hides no other group. */
static llmd_error *take_document(struct discovery_walk *walk, const llmd_kube *kube, int status,
                                 const char *text, size_t len)
{
    struct discovery *discovery = llmd__kube_discovery(kube);
    bool is_root = walk->next < 2;
    llmd_error *error;

    if (status != 200 && !is_root)
        return NULL;
    if (status == 404)
        return NULL;
    if (status != 200)
        return refused(kube, status, text);
    pthread_mutex_lock(&discovery->lock);
    error = llmd__served_read(&walk->served, &discovery->texts, text, len, &walk->paths);
    pthread_mutex_unlock(&discovery->lock);
    return error;
}

static void fill_cache(struct discovery_walk *walk, const llmd_kube *kube)
{
    struct discovery *discovery = llmd__kube_discovery(kube);

    pthread_mutex_lock(&discovery->lock);
    llmd__served_free(&discovery->served);
    discovery->served = walk->served;
    discovery->filled = true;
    pthread_mutex_unlock(&discovery->lock);
    walk->served = (struct served){0};
    llmd__discovery_walk_free(walk);
}

static struct http_request document_request(const struct discovery_walk *walk)
{
    return (struct http_request){.method = "GET",
                                 .path = walk->paths.paths[walk->next],
                                 .accept = DISCOVERY_ACCEPT,
                                 .idempotent = true};
}

/* It is what every call begins with. */
static llmd_error *unreachable(const llmd_error *met)
{
    llmd_error *error = llmd__error_wrap(llmd__error_copy(met), "discovery");

    if (llmd_error_code(error) != LLMD_E_UNREACHABLE)
        return error;
    return llmd__error_set_advice(error, "%s; compare with kubectl cluster-info",
                                  llmd_error_advice(error));
}

llmd_error *llmd__discovery_advance(struct discovery_walk *walk, const llmd_kube *kube,
                                    const struct step_input *input, struct step_action *action,
                                    bool *done)
{
    *done = false;
    if (input->kind == INPUT_ERROR)
        return unreachable(input->error);
    if (input->kind == INPUT_REPLY) {
        TRY(take_document(walk, kube, input->status, input->text, input->text_len));
        walk->next++;
    }
    if (walk->next == walk->paths.count) {
        fill_cache(walk, kube);
        *done = true;
        return NULL;
    }
    if (input->kind == INPUT_POKE)
        return NULL; /* a request is on its way */
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(kube);
    action->request = document_request(walk);
    return NULL;
}

llmd_error *llmd__resolve_advance(struct resolve *resolve, const llmd_kube *kube, const char *name,
                                  const struct step_input *input, struct step_action *action,
                                  bool *finished, bool *served, struct resource *out)
{
    bool done;

    *finished = false;
    if (!resolve->walk.running) {
        *served = !resolve->renew && llmd__discovery_lookup(kube, name, out);
        *finished = *served;
        if (*served)
            return NULL;
        TRY(llmd__discovery_begin(&resolve->walk));
    }
    TRY(llmd__discovery_advance(&resolve->walk, kube, input, action, &done));
    if (!done)
        return NULL;
    resolve->renew = false;
    *finished = true;
    *served = llmd__discovery_lookup(kube, name, out);
    return NULL;
}

void llmd__resolve_free(struct resolve *resolve)
{
    llmd__discovery_walk_free(&resolve->walk);
}

struct discovery_state {
    llmd_kube *kube;
    bool renew;
    struct discovery_walk walk;
};

static llmd_error *discovery_step_advance(void *data, struct graph *graph,
                                          const struct step_input *input,
                                          struct step_action *action)
{
    struct discovery_state *state = data;
    bool done = false;

    (void)graph;
    if (input->kind == INPUT_BEGIN) {
        done = !state->renew && llmd__discovery_filled(state->kube);
        if (!done)
            TRY(llmd__discovery_begin(&state->walk));
    }
    if (!done)
        TRY(llmd__discovery_advance(&state->walk, state->kube, input, action, &done));
    if (done)
        action->kind = ACTION_DONE;
    return NULL;
}

static void discovery_step_free(void *data)
{
    struct discovery_state *state = data;

    llmd__discovery_walk_free(&state->walk);
    llmd_kube_free(state->kube);
    llmd__free(state);
}

static const struct step_class discovery_class = {"discovery", discovery_step_advance,
                                                  discovery_step_free};

llmd_error *llmd__discovery_step(struct graph *graph, const llmd_kube *kube, bool renew,
                                 step_id *out)
{
    struct discovery_state *state = llmd__calloc(1, sizeof(*state));

    CHECK_MEMORY(state);
    state->kube = llmd__kube_ref(kube);
    state->renew = renew;
    return llmd__graph_add(graph, &discovery_class, state, out);
}

static llmd_error *fetch(llmd_context *ctx, const llmd_kube *kube, struct discovery_walk *walk)
{
    TRY(llmd__discovery_begin(walk));
    while (walk->next < walk->paths.count) {
        AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
        struct http_request request = document_request(walk);
        TRY(llmd__error_wrap(llmd__http_send(ctx, llmd__kube_http(kube), &request, &reply),
                             "discovery"));
        TRY(take_document(walk, kube, reply.status, llmd__buf_text(&reply.body), reply.body.len));
        walk->next++;
    }
    fill_cache(walk, kube);
    return NULL;
}

llmd_error *llmd__discovery_find(llmd_context *ctx, const llmd_kube *kube, const char *resource,
                                 struct resource *out)
{
    struct discovery_walk walk = {0};
    llmd_error *error;

    if (llmd__discovery_lookup(kube, resource, out))
        return NULL;
    error = fetch(ctx, kube, &walk);
    llmd__discovery_walk_free(&walk);
    TRY(error);
    if (llmd__discovery_lookup(kube, resource, out))
        return NULL;
    return llmd__discovery_missing(kube, resource);
}
