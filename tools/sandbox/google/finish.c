/* SPDX-License-Identifier: Apache-2.0 */
/* What is true once an operation is DONE. */
#include "sandbox/google/operations.h"

#include "sandbox/google/kubernetes.h"

#include <string.h>

static void fail(struct gke_operation *operation, int code, char *message)
{
    llmd__free(operation->error);
    operation->error_code = code;
    operation->error = message;
}

static void mark_pool(struct gke_pool *pool, const char *status, const char *message,
                      const char *condition)
{
    pool->status = status;
    llmd__free(pool->message);
    pool->message = message ? llmd__format("%s", message) : NULL;
    pool->condition = condition;
}

static struct gke_node *first_stuck(const struct gke_pool *pool)
{
    struct gke_node *node = pool->nodes;
    while (node && !node->stuck)
        node = node->next;
    return node;
}

static char *stuck_words(const struct gke_pool *pool, const struct gke_node *node)
{
    int expected = 0;
    int running = 0;
    for (const struct gke_node *each = pool->nodes; each; each = each->next) {
        expected++;
        running += each->up;
    }
    if (strcmp(node->stuck, "CONDITION_NOT_MET") == 0)
        return llmd__format("Google Compute Engine: Unsupported TPU configuration.");
    if (strcmp(node->stuck, "QUOTA_EXCEEDED") == 0)
        return llmd__format("Google Compute Engine: Not all instances running in IGM after "
                            "2m17.1s. Expected %d, running %d, transitioning %d. Current errors: "
                            "[GCE_QUOTA_EXCEEDED]: Instance '%s' creation failed: Quota "
                            "'TPUS_PER_TPU_FAMILY' exceeded. Limit: 0.0 in region.",
                            expected, running, expected - running, node->name);
    if (pool_slice(pool) > 1)
        return llmd__format("Google Compute Engine: Atomic resize failed with [GCE_STOCKOUT]: "
                            "Instance '%s' creation failed: The zone '%s' does not have enough "
                            "resources available to fulfill the request.",
                            node->name, node->zone);
    return llmd__format("Google Compute Engine: Not all instances running in IGM after 35m4.6s. "
                        "Expected %d, running %d, transitioning %d. Current errors: "
                        "[GCE_STOCKOUT]: Instance '%s' creation failed: The zone "
                        "'projects/my-project/zones/%s' does not have enough resources available "
                        "to fulfill the request. '(resource type:compute)'.",
                        expected, running, expected - running, node->name, node->zone);
}

/* True: machines of this pool never came, which is the operation's error now. */
static bool fail_if_stuck(struct gke_operation *operation, struct gke_pool *pool)
{
    struct gke_node *node = first_stuck(pool);
    if (!node)
        return false;
    bool stockout = strcmp(node->stuck, "ZONE_RESOURCE_POOL_EXHAUSTED") == 0;
    bool quota = strcmp(node->stuck, "QUOTA_EXCEEDED") == 0;
    fail(operation, stockout || quota ? 8 : 9, stuck_words(pool, node));
    operation->condition = stockout ? "GCE_STOCKOUT" : quota ? "GCE_QUOTA_EXCEEDED" : NULL;
    mark_pool(pool, nodes_count(pool) ? "RUNNING_WITH_ERROR" : "ERROR", operation->error,
              operation->condition);
    return true;
}

static void finish_create(struct google *google, struct gke_operation *operation,
                          struct gke_cluster *cluster)
{
    int number = 0;
    if (fault_take(google, "create-fails", "", &number))
        fail(operation, 13,
             llmd__format("All cluster resources were brought up, but: component "
                          "\"konnectivity-proxy\" from endpoint is unhealthy."));
    if (!operation->error_code)
        cluster_open(google, cluster);
    for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next) {
        nodes_advance(google, cluster, pool);
        if (!fail_if_stuck(operation, pool))
            mark_pool(pool, operation->error_code ? "ERROR" : "RUNNING", operation->error, NULL);
    }
    cluster->status = operation->error_code ? "ERROR" : "RUNNING";
    if (operation->error_code)
        cluster->message = llmd__format("%s", operation->error);
    else if (fault_take(google, "reconciling-after-create", "", &number))
        cluster->reconciling_until =
            google_now(google) + (number > 0 ? number * SECONDS : 2 * MINUTES);
}

static void finish_pool(struct google *google, struct gke_operation *operation,
                        struct gke_cluster *cluster, struct gke_pool *pool)
{
    nodes_advance(google, cluster, pool);
    if (fail_if_stuck(operation, pool))
        return;
    if (operation->error_code)
        mark_pool(pool, "ERROR", operation->error, NULL);
    else
        mark_pool(pool, "RUNNING", NULL, NULL);
}

static void finish_update(struct google *google, struct gke_operation *operation,
                          struct gke_cluster *cluster)
{
    bool had = cluster_has_gateway_api(cluster);
    if (operation->error_code || !operation->patch)
        return;
    must(llmd__json_merge(&cluster->spec, operation->patch));
    cluster_touch(cluster);
    if (!had && cluster_has_gateway_api(cluster) && cluster->kube) {
        kubernetes_add_gateway_api(cluster->kube);
        cluster_open(google, cluster);
    }
}

static void finish_pool_update(struct gke_operation *operation, struct gke_cluster *cluster,
                               struct gke_pool *pool)
{
    if (!operation->error_code && operation->patch)
        must(llmd__json_merge(&pool->spec, operation->patch));
    mark_pool(pool, "RUNNING", NULL, NULL);
    cluster_touch(cluster);
}

/* A delete that failed leaves what it found. */
static void finish_delete(struct google *google, struct gke_operation *operation,
                          struct gke_cluster *cluster, struct gke_pool *pool)
{
    if (operation->error_code && pool)
        mark_pool(pool, "ERROR", operation->error, NULL);
    else if (operation->error_code)
        cluster->status = "ERROR";
    else if (pool)
        pool_remove(google, cluster, pool);
    else
        cluster_remove(google, cluster);
}

void operation_finish(struct google *google, struct gke_operation *operation)
{
    struct gke_cluster *cluster = cluster_find(google, operation->location, operation->cluster);
    struct gke_pool *pool = cluster ? pool_find(cluster, operation->pool) : NULL;
    if (!cluster)
        return;
    switch (operation->work) {
    case WORK_CREATE_CLUSTER:
        finish_create(google, operation, cluster);
        return;
    case WORK_UPDATE_CLUSTER:
        finish_update(google, operation, cluster);
        return;
    case WORK_DELETE_CLUSTER:
        finish_delete(google, operation, cluster, NULL);
        return;
    default:
        break;
    }
    if (!pool)
        return;
    if (operation->work == WORK_CREATE_POOL)
        finish_pool(google, operation, cluster, pool);
    else if (operation->work == WORK_UPDATE_POOL)
        finish_pool_update(operation, cluster, pool);
    else if (operation->work == WORK_DELETE_POOL)
        finish_delete(google, operation, cluster, pool);
}
