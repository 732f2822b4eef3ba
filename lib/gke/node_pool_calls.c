/* SPDX-License-Identifier: Apache-2.0 */
/* One node pool of a cluster that is given. */
#include "base/yaml.h"
#include "gke/apply.h"
#include "gke/cluster.h"
#include "gke/removal.h"
#include "gke/spec_line.h"

static llmd_error *read_pool(struct apply *apply, const char *text)
{
    AUTO(json) struct json *json = NULL, *body = NULL;
    struct gke_place place = {llmd_gke_project(apply->gke), llmd_gke_location(apply->gke)};

    TRY(llmd__yaml_parse(text, "node pool", &json));
    TRY(llmd__apply_pools(apply, 1));
    TRY(llmd__error_with_line(llmd__pool_spec_read(json, "node pool", &apply->pools[0].spec),
                              "node pool", json));
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
    REQUIRE_CLUSTER(cluster);
    REQUIRE(pool);
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
    REQUIRE_CLUSTER(cluster);
    REQUIRE_POOL(pool);
    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(llmd__removal_steps(graph, &wish, &look, &gone));
    return llmd__task_new(TAKE(graph), out);
}

/* ---- what is there ---- */

static llmd_error *read_path(llmd_context *ctx, const llmd_gke *gke, const char *cluster,
                             const char *pool, const char *what, struct json **out)
{
    AUTO(buf) struct buf path = BUF_INIT;

    llmd__pool_path(&path, gke, cluster, pool, "");
    TRY(llmd__buf_check(&path));
    return llmd__gke_get(ctx, gke, GOOGLE_CONTAINER, path.data, what, out);
}

/* Without the pool it may be the cluster that is not there, which is told instead; otherwise it has
   others. */
static llmd_error *missing(llmd_context *ctx, const llmd_gke *gke, const char *cluster,
                           llmd_error *not_found)
{
    AUTO(error) llmd_error *owned = not_found;
    AUTO(error) llmd_error *error = NULL;
    AUTO(json) struct json *there = NULL;
    AUTO(buf) struct buf names = BUF_INIT;

    error = llmd__cluster_read(ctx, gke, cluster, &there);
    if (llmd_error_code(error) == LLMD_E_NOT_FOUND)
        return TAKE(error);
    JSON_EACH(pool, llmd__json_member(there, "nodePools")) {
        llmd__buf_format(&names, "%s%s", names.len ? ", " : "", llmd__json_str(pool, "name"));
    }
    if (names.len)
        llmd__error_set_advice(owned, "cluster %s has the node pools %s", cluster,
                               llmd__buf_text(&names));
    return TAKE(owned);
}

static llmd_error *read_or_say(llmd_context *ctx, const llmd_gke *gke, const char *cluster,
                               const char *pool, struct json **out)
{
    AUTO(str)
    char *what = *pool ? llmd__format("node pool %s/%s", cluster, pool)
                       : llmd__format("node pools of %s", cluster);
    llmd_error *error;

    CHECK_MEMORY(what);
    error = read_path(ctx, gke, cluster, pool, what, out);
    return llmd_error_code(error) == LLMD_E_NOT_FOUND ? missing(ctx, gke, cluster, error) : error;
}

llmd_error *llmd_node_pool_get(llmd_context *ctx, const llmd_gke *gke, const char *cluster,
                               const char *pool, char **out)
{
    AUTO(json) struct json *json = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE_CLUSTER(cluster);
    REQUIRE_POOL(pool);
    TRY(read_or_say(ctx, gke, cluster, pool, &json));
    return llmd__json_print(json, out);
}

llmd_error *llmd_node_pool_list(llmd_context *ctx, const llmd_gke *gke, const char *cluster,
                                char **out)
{
    AUTO(json) struct json *json = NULL, *none = NULL;
    const struct json *pools;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE_CLUSTER(cluster);
    TRY(read_or_say(ctx, gke, cluster, "", &json));
    none = llmd__json_array();
    CHECK_MEMORY(none);
    pools = llmd__json_member(json, "nodePools");
    return llmd__json_print(pools ? pools : none, out);
}
