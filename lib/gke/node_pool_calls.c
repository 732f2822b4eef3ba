/* SPDX-License-Identifier: Apache-2.0 */
/* One node pool of a cluster that is given. */
#include "base/yaml.h"
#include "gke/apply.h"
#include "gke/removal.h"

static llmd_error *read_pool(struct apply *apply, const char *text)
{
    AUTO(json) struct json *json = NULL, *body = NULL;
    struct gke_place place = {llmd_gke_project(apply->gke), llmd_gke_location(apply->gke)};

    TRY(llmd__yaml_parse(text, "node pool", &json));
    TRY(llmd__apply_pools(apply, 1));
    TRY(llmd__pool_spec_read(json, "node pool", &apply->pools[0].spec));
    return llmd__pool_body(&apply->pools[0].spec, &place, &body);
}

static llmd_error *add_steps(struct graph *graph, struct apply *apply)
{
    step_id cluster = -1, pool = -1;

    TRY(llmd__cluster_step(graph, apply, &cluster));
    TRY(llmd__pool_step(graph, &apply->pools[0], &pool));
    TRY(llmd__graph_need(graph, pool, cluster));
    TRY(llmd__finish_step(graph, apply, &apply->pools[0].making));
    return llmd__graph_need(graph, apply->finish, pool);
}

llmd_error *llmd_node_pool_apply(const llmd_gke *gke, const char *cluster, const char *pool,
                                 llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    AUTO(apply) struct apply *owned = NULL;
    struct apply *apply;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE(cluster);
    REQUIRE(pool);
    TRY(llmd__cluster_name_check(cluster, __func__));
    TRY(llmd__apply_new(gke, NULL, cluster, &owned));
    owned->change_others = true; /* it was named */
    TRY(read_pool(owned, pool));
    apply = TAKE(owned);
    TRY(llmd__graph_new(apply, llmd__apply_free, &graph));
    TRY(add_steps(graph, apply));
    return llmd__task_new(TAKE(graph), out);
}

llmd_error *llmd_node_pool_delete(const llmd_gke *gke, const char *cluster, const char *pool,
                                  llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct removal_wish wish = {.gke = gke, .cluster = cluster, .pool = pool};
    step_id look = -1, gone = -1;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE(cluster);
    REQUIRE(pool);
    TRY(llmd__cluster_name_check(cluster, __func__));
    TRY(llmd__cluster_name_check(pool, __func__));
    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(llmd__removal_steps(graph, &wish, &look, &gone));
    return llmd__task_new(TAKE(graph), out);
}
