/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster and its pools as one task. */
#include "gke/apply.h"

#include <string.h>

static void pool_free(struct apply_pool *pool)
{
    llmd__making_free(&pool->making);
    llmd__free(pool->problem);
    llmd__pool_spec_free(&pool->spec);
    llmd__pool_spec_free(&pool->tried);
}

void llmd__apply_free(void *data)
{
    struct apply *apply = data;

    if (!apply)
        return;
    for (size_t i = 0; i < apply->pool_count; i++)
        pool_free(&apply->pools[i]);
    llmd__free(apply->pools);
    llmd__making_free(&apply->making);
    llmd_error_free(apply->unplaced);
    llmd__json_free(apply->cluster);
    llmd_cluster_spec_free(apply->spec);
    llmd_kube_free(apply->kube);
    llmd_gke_free(apply->gke);
    llmd__free(apply->name);
    llmd__free(apply);
}

llmd_error *llmd__apply_new(const llmd_gke *gke, const llmd_cluster_spec *spec, const char *name,
                            struct apply **out)
{
    AUTO(apply) struct apply *apply = llmd__calloc(1, sizeof(*apply));

    *out = NULL;
    CHECK_MEMORY(apply);
    apply->gke = llmd__gke_ref(gke);
    apply->name = llmd__strdup(name);
    CHECK_MEMORY(apply->name);
    if (spec) {
        TRY(llmd__cluster_spec_copy(spec, &apply->spec));
        apply->adopt = apply->change_others = spec->adopt;
    }
    *out = TAKE(apply);
    return NULL;
}

llmd_error *llmd__apply_pools(struct apply *apply, size_t count)
{
    apply->pools = llmd__calloc(count ? count : 1, sizeof(*apply->pools));
    CHECK_MEMORY(apply->pools);
    for (size_t i = 0; i < count; i++)
        apply->pools[i] = (struct apply_pool){.apply = apply, .step = -1, .capacity = -1};
    apply->pool_count = count;
    return NULL;
}

/* ---- the end: the cluster or the pool as it is now ---- */

static llmd_error *take_result(struct graph *graph, const struct making *made,
                               const struct step_input *input, struct step_action *action)
{
    struct json *result = NULL;
    enum trouble class;
    llmd_error *error = llmd__answer(input, made->what, &result, &class);

    if (error && llmd__passes(error, class)) { /* all is made: it will be seen */
        llmd_error_free(error);
        action->kind = ACTION_SLEEP;
        action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
        return NULL;
    }
    TRY(error);
    llmd__graph_result(graph, result);
    action->kind = ACTION_FINISH;
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = made->subject,
                                                         .reason = "Ready",
                                                         .message = "is as wanted"});
}

static llmd_error *finish_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    const struct apply *apply = state;

    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK)
        llmd__ask(action, apply->gke, GOOGLE_CONTAINER, apply->result->path);
    if (input->kind == INPUT_REPLY || input->kind == INPUT_ERROR)
        return take_result(graph, apply->result, input, action);
    return NULL;
}

static const struct step_class finish_class = {.name = "finish", .advance = finish_advance};

llmd_error *llmd__finish_step(struct graph *graph, struct apply *apply, const struct making *made)
{
    apply->result = made;
    return llmd__graph_add(graph, &finish_class, apply, &apply->finish);
}

/* ---- the graph ---- */

/* All of it but services. */
static llmd_error *add_steps(struct graph *graph, struct apply *apply, step_id *cluster)
{
    TRY(llmd__cluster_step(graph, apply, cluster));
    TRY(llmd__finish_step(graph, apply, &apply->making));
    TRY(llmd__graph_need(graph, apply->finish, *cluster));
    for (size_t i = 0; i < apply->pool_count; i++) {
        step_id pool = -1;

        TRY(llmd__pool_step(graph, &apply->pools[i], &pool));
        TRY(llmd__graph_need(graph, pool, *cluster));
        TRY(llmd__graph_need(graph, apply->finish, pool));
    }
    return NULL;
}

static llmd_error *read_pools(struct apply *apply)
{
    size_t count = llmd__cluster_spec_pools(apply->spec);

    TRY(llmd__apply_pools(apply, count));
    for (size_t i = 0; i < count; i++)
        TRY(llmd__cluster_spec_pool(apply->spec, i, &apply->pools[i].spec));
    return NULL;
}

/* The bodies of all that may have to be made: what is wrong with them is said before anything is
   sent. */
static llmd_error *check_bodies(const struct apply *apply)
{
    AUTO(json) struct json *body = NULL;
    struct gke_place place = {llmd_gke_project(apply->gke), llmd_gke_location(apply->gke)};

    TRY(llmd__cluster_body(apply->spec, &place, &body));
    for (size_t i = 0; i < apply->pool_count; i++) {
        AUTO(json) struct json *pool = NULL;

        TRY(llmd__pool_body(&apply->pools[i].spec, &place, &pool));
    }
    return NULL;
}

llmd_error *llmd_cluster_apply(const llmd_gke *gke, const llmd_cluster_spec *spec, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    AUTO(apply) struct apply *owned = NULL;
    struct apply *apply;
    step_id services = -1, cluster = -1;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE(spec);
    TRY(llmd__cluster_spec_check(spec));
    TRY(llmd__apply_new(gke, spec, llmd_cluster_spec_name(spec), &owned));
    TRY(read_pools(owned));
    TRY(check_bodies(owned));
    apply = TAKE(owned);
    TRY(llmd__graph_new(apply, llmd__apply_free, &graph));
    if (spec->enable_missing)
        TRY(llmd__services_step(graph, apply, &services));
    TRY(add_steps(graph, apply, &cluster));
    if (services >= 0)
        TRY(llmd__graph_need(graph, cluster, services));
    return llmd__task_new(TAKE(graph), out);
}
