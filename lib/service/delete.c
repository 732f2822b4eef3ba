/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting a service and what the library made for it: Secrets and policies by
   their labels. The shadowed route preset stays, because other services of the
   namespace use it. */
#include "service/wait.h"

#include "kube/apply.h"

#include <string.h>

static const char *const made[] = {"secrets", LLMD__POLICIES,
                                   "gcpbackendpolicies.networking.gke.io"};
#define MADE_COUNT (sizeof(made) / sizeof(made[0]))

struct sweep {
    size_t at;
    char *path;
};

static void sweep_free(void *state)
{
    struct sweep *sweep = state;

    llmd__free(sweep->path);
    llmd__free(sweep);
}

/* By the labels that were given when they were made: a Secret of the same name that somebody else
   made is not touched. */
static llmd_error *list_path(const struct wait *wait, const char *resource, char **out)
{
    __attribute__((cleanup(llmd__auto_buf))) struct buf path = BUF_INIT;
    AUTO(str)
    char *query = llmd__format("labelSelector=app.kubernetes.io%%2Fmanaged-by%%3Dlibllmd"
                               "%%2Clibllmd.dev%%2Fservice%%3D%s",
                               wait->base.name);
    struct resource found;

    CHECK_MEMORY(query);
    if (!llmd__discovery_lookup(wait->base.kube, resource, &found))
        return NULL;
    llmd__resource_path(&path, &found, wait->base.ns, NULL, NULL, query);
    return llmd__buf_take(&path, out);
}

static llmd_error *delete_items(struct graph *graph, const struct wait *wait, const char *resource,
                                const struct step_input *input)
{
    AUTO(json) struct json *answer = NULL;
    step_id step = -1;

    /* Who may not list them did not make them here. */
    if (input->kind != INPUT_REPLY || input->status / 100 != 2)
        return NULL;
    TRY(llmd__json_parse(input->text, input->text_len, "Kubernetes answer", &answer));
    JSON_EACH(item, llmd__json_get(answer, "items")) {
        TRY(llmd__delete_step(graph, wait->base.kube, resource, wait->base.ns,
                              llmd__json_str(item, "metadata.name"), &step));
    }
    return NULL;
}

static llmd_error *sweep_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct sweep *sweep = state;
    struct wait *wait = llmd__graph_data(graph);

    if (input->kind != INPUT_BEGIN)
        TRY(delete_items(graph, wait, made[sweep->at++], input));
    /* GKE's kinds have no path on other clusters: passed over. */
    for (; sweep->at < MADE_COUNT; sweep->at++) {
        llmd__free(TAKE(sweep->path));
        TRY(list_path(wait, made[sweep->at], &sweep->path));
        if (!sweep->path)
            continue;
        action->kind = ACTION_SEND;
        action->http = llmd__kube_http(wait->base.kube);
        action->request =
            (struct http_request){.method = "GET", .path = sweep->path, .idempotent = true};
        return NULL;
    }
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class sweep_class = {
    .name = "sweep", .advance = sweep_advance, .free = sweep_free};

static llmd_error *add_sweep(struct graph *graph, step_id *out)
{
    struct sweep *sweep = llmd__calloc(1, sizeof(*sweep));

    CHECK_MEMORY(sweep);
    return llmd__graph_add(graph, &sweep_class, sweep, out);
}

/* The service first: as long as it runs its pods want the Secrets. */
static llmd_error *add_steps(struct graph *graph, struct wait *wait)
{
    step_id discovery = -1, service = -1, sweep = -1;

    TRY(llmd__discovery_step(graph, wait->base.kube, false, &discovery));
    TRY(llmd__delete_step(graph, wait->base.kube, LLMD__SERVICES, wait->base.ns, wait->base.name,
                          &service));
    TRY(llmd__graph_need(graph, service, discovery));
    TRY(add_sweep(graph, &sweep));
    return llmd__graph_need(graph, sweep, service);
}

llmd_error *llmd_service_delete(const llmd_kube *kube, const char *ns, const char *name,
                                llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct wait *wait = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(name);
    TRY(llmd__wait_new(kube, ns, name, &wait));
    TRY(llmd__graph_new(wait, llmd__wait_free, &graph));
    TRY(add_steps(graph, wait));
    return llmd__task_new(TAKE(graph), out);
}
