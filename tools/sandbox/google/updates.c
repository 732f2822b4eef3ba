/* SPDX-License-Identifier: Apache-2.0 */
/* Updates of clusters and pools. What changes is shown once the operation is DONE. */
#include "sandbox/google/updates.h"

#include "sandbox/google/operations.h"

#include <string.h>

/* Refuses by permission, conflict, status and etag; NULL: go on. */
static struct json *refusal(struct api_call *call, const struct gke_cluster *cluster,
                            const char *etag)
{
    struct json *refused = container_check_permission(call, "container.clusters.update");
    AUTO(str) char *own = llmd__format("%.8s-%d", cluster->id, cluster->etag);
    if (!refused && *etag && strcmp(etag, own) != 0)
        refused = api_error(call, 409, "ABORTED", NULL,
                            "The etag \"%s\" does not match that of the resource.", etag);
    if (!refused && strcmp(cluster->status, "RUNNING") != 0)
        refused = api_error(call, 400, "FAILED_PRECONDITION", NULL, "Cluster %s has status %s.",
                            cluster->name, cluster->status);
    return refused ? refused : operation_conflict(call, cluster, false);
}

/* Begins an update; patch is taken. */
static struct json *begin(struct api_call *call, const char *type, struct gke_cluster *cluster,
                          struct gke_pool *pool, struct json *patch, int64_t duration)
{
    struct gke_operation *operation = operation_begin(
        call->google, type, pool ? WORK_UPDATE_POOL : WORK_UPDATE_CLUSTER, cluster, pool, duration);
    operation->patch = patch;
    if (pool)
        pool->status = "RECONCILING";
    return operation_answer(call, operation);
}

/* ---- PUT cluster ---- */

/* Where each field of ClusterUpdate ends up in the cluster, and how long that takes. */
static const struct {
    const char *field;
    const char *parent; /* member of the cluster, or NULL: the cluster itself */
    const char *member;
    const char *type;
    int64_t duration;
} targets[] = {
    {"desiredGatewayApiConfig", "networkConfig", "gatewayApiConfig", "UPDATE_CLUSTER",
     CLUSTER_UPDATE_TIME},
    {"desiredAddonsConfig", NULL, "addonsConfig", "UPDATE_CLUSTER", CLUSTER_UPDATE_TIME},
    {"desiredMasterVersion", NULL, "currentMasterVersion", "UPGRADE_MASTER", UPGRADE_TIME},
    {"desiredLocations", NULL, "locations", "UPDATE_CLUSTER", CLUSTER_UPDATE_TIME},
    {"desiredReleaseChannel", NULL, "releaseChannel", "UPDATE_CLUSTER", SMALL_UPDATE_TIME},
    {"desiredShieldedNodes", NULL, "shieldedNodes", "UPDATE_CLUSTER", SMALL_UPDATE_TIME},
    {"desiredWorkloadIdentityConfig", NULL, "workloadIdentityConfig", "UPDATE_CLUSTER",
     CLUSTER_UPDATE_TIME},
    {"desiredMonitoringConfig", NULL, "monitoringConfig", "UPDATE_CLUSTER", SMALL_UPDATE_TIME},
    {"desiredLoggingConfig", NULL, "loggingConfig", "UPDATE_CLUSTER", SMALL_UPDATE_TIME},
    {"desiredMonitoringService", NULL, "monitoringService", "UPDATE_CLUSTER", SMALL_UPDATE_TIME},
    {"desiredLoggingService", NULL, "loggingService", "UPDATE_CLUSTER", SMALL_UPDATE_TIME},
    {"desiredControlPlaneEndpointsConfig", NULL, "controlPlaneEndpointsConfig", "UPDATE_CLUSTER",
     SMALL_UPDATE_TIME},
    {"desiredDefaultEnablePrivateNodes", "networkConfig", "defaultEnablePrivateNodes",
     "UPDATE_CLUSTER", CLUSTER_UPDATE_TIME},
    {"desiredDatapathProvider", "networkConfig", "datapathProvider", "UPDATE_CLUSTER",
     CLUSTER_UPDATE_TIME},
    {"desiredVerticalPodAutoscaling", NULL, "verticalPodAutoscaling", "UPDATE_CLUSTER",
     SMALL_UPDATE_TIME},
    {"desiredClusterAutoscaling", NULL, "autoscaling", "UPDATE_CLUSTER", SMALL_UPDATE_TIME},
    {"desiredCostManagementConfig", NULL, "costManagementConfig", "UPDATE_CLUSTER",
     SMALL_UPDATE_TIME},
};

static bool is_wish(const char *field)
{
    return strncmp(field, "desired", 7) == 0 && strcmp(field, "desiredNodePoolId") != 0;
}

static int count_wishes(const struct json *update, const struct json **first)
{
    int count = 0;
    JSON_EACH(item, update)
        if (is_wish(llmd__json_key(item))) {
            count++;
            if (!*first)
                *first = item;
        }
    return count;
}

static struct json *patch_for(const char *parent, const char *member, const struct json *value)
{
    struct json *patch = llmd__json_object();
    struct json *into = parent ? llmd__json_set_object(patch, parent) : patch;
    llmd__json_set(into, member, must_copy(value));
    return patch;
}

static struct json *pool_of_update(struct api_call *call, const struct json *update,
                                   struct gke_cluster *cluster, struct gke_pool **pool)
{
    const char *name = llmd__json_str(update, "desiredNodePoolId");
    *pool = pool_find(cluster, name);
    if (!*pool && !*name && cluster->pools && !cluster->pools->next)
        *pool = cluster->pools;
    if (*pool)
        return NULL;
    return api_invalid(call, "Node pool \"%s\" not found in cluster \"%s\".", name, cluster->name);
}

static struct json *update_a_pool(struct api_call *call, struct gke_cluster *cluster,
                                  const struct json *update, const struct json *wish)
{
    struct gke_pool *pool;
    struct json *refused = pool_of_update(call, update, cluster, &pool);
    const char *field = llmd__json_key(wish);
    if (refused)
        return refused;
    if (strcmp(field, "desiredNodeVersion") == 0)
        return begin(call, "UPGRADE_NODES", cluster, pool, patch_for(NULL, "version", wish),
                     UPGRADE_TIME);
    if (strcmp(field, "desiredImageType") == 0)
        return begin(call, "UPGRADE_NODES", cluster, pool, patch_for("config", "imageType", wish),
                     UPGRADE_TIME);
    /* A new autoscaling replaces the old one; an absent member is its zero. */
    AUTO(json)
    struct json *old = MAKE("{'enabled':false,'minNodeCount':0,'maxNodeCount':0,"
                            "'totalMinNodeCount':0,'totalMaxNodeCount':0}");
    must(llmd__json_merge(&old, wish));
    return begin(call, "UPDATE_CLUSTER", cluster, pool, patch_for(NULL, "autoscaling", old),
                 SMALL_UPDATE_TIME);
}

static struct json *version_refusal(struct api_call *call, const struct gke_cluster *cluster,
                                    const struct json *wish)
{
    const char *channel = llmd__json_str(cluster->spec, "releaseChannel.channel");
    if (strcmp(llmd__json_key(wish), "desiredMasterVersion") != 0 ||
        catalog_version(channel, llmd__json_text(wish)))
        return NULL;
    return api_invalid(call, "Master version \"%s\" is unsupported.", llmd__json_text(wish));
}

static struct json *apply_wish(struct api_call *call, struct gke_cluster *cluster,
                               const struct json *update, const struct json *wish)
{
    const char *field = llmd__json_key(wish);
    struct json *refused = version_refusal(call, cluster, wish);
    if (refused)
        return refused;
    if (strcmp(field, "desiredNodePoolAutoscaling") == 0 ||
        strcmp(field, "desiredNodeVersion") == 0 || strcmp(field, "desiredImageType") == 0)
        return update_a_pool(call, cluster, update, wish);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (strcmp(targets[i].field, field) != 0)
            continue;
        struct json *patch = patch_for(targets[i].parent, targets[i].member, wish);
        if (strcmp(field, "desiredMasterVersion") == 0)
            llmd__json_set_str(
                patch, targets[i].member,
                catalog_version(llmd__json_str(cluster->spec, "releaseChannel.channel"),
                                llmd__json_text(wish)));
        return begin(call, targets[i].type, cluster, NULL, patch, targets[i].duration);
    }
    /* A field of the API that changes nothing that anybody here looks at. */
    return begin(call, "UPDATE_CLUSTER", cluster, NULL, NULL, SMALL_UPDATE_TIME);
}

struct json *update_cluster(struct api_call *call)
{
    struct json *refused = container_check_body(call, "UpdateClusterRequest");
    struct gke_cluster *cluster = refused ? NULL : container_cluster(call, &refused);
    const struct json *update = llmd__json_get(call->body, "update");
    const struct json *wish = NULL;
    int wishes = count_wishes(update, &wish);
    if (!refused && wishes == 0)
        refused = api_invalid(call, "Must specify a field to update.");
    if (!refused && wishes > 1)
        refused = api_invalid(call,
                              "Exactly one update can be applied to a cluster with each request, "
                              "received %d.",
                              wishes);
    if (!refused)
        refused = refusal(call, cluster, llmd__json_str(update, "etag"));
    return refused ? refused : apply_wish(call, cluster, update, wish);
}

/* ---- verbs of a cluster ---- */

struct json *set_labels(struct api_call *call)
{
    struct json *refused = container_check_body(call, "SetLabelsRequest");
    struct gke_cluster *cluster = refused ? NULL : container_cluster(call, &refused);
    if (!refused)
        refused = refusal(call, cluster, "");
    if (!refused && strcmp(llmd__json_str(call->body, "labelFingerprint"),
                           llmd__json_str(cluster->spec, "labelFingerprint")) != 0)
        refused = api_error(call, 412, "FAILED_PRECONDITION", "conditionNotMet",
                            "Labels could not be set due to fingerprint mismatch.");
    if (refused)
        return refused;
    AUTO(str) char *print = llmd__format("%08x", (unsigned)google_random(call->google));
    struct json *patch = MAKE("{'labelFingerprint':%s,'resourceLabels':{}}", print);
    struct json *labels = llmd__json_edit(patch, "resourceLabels");
    /* The whole map is replaced: null takes a label away. */
    JSON_EACH(old, llmd__json_get(cluster->spec, "resourceLabels"))
        llmd__json_set_null(labels, llmd__json_key(old));
    JSON_EACH(label, llmd__json_get(call->body, "resourceLabels"))
        llmd__json_set_str(labels, llmd__json_key(label), llmd__json_text(label));
    return begin(call, "UPDATE_CLUSTER", cluster, NULL, patch, SMALL_UPDATE_TIME);
}

static struct json *set_member(struct api_call *call, const char *message, const char *from,
                               const char *to, const char *type, int64_t duration)
{
    struct json *refused = container_check_body(call, message);
    struct gke_cluster *cluster = refused ? NULL : container_cluster(call, &refused);
    const struct json *value = llmd__json_get(call->body, from);
    if (!refused && !value)
        refused = api_invalid(call, "Required field '%s' is not set.", from);
    if (!refused)
        refused = refusal(call, cluster, "");
    return refused ? refused
                   : begin(call, type, cluster, NULL, patch_for(NULL, to, value), duration);
}

struct json *set_addons(struct api_call *call)
{
    return set_member(call, "SetAddonsConfigRequest", "addonsConfig", "addonsConfig",
                      "UPDATE_CLUSTER", CLUSTER_UPDATE_TIME);
}

struct json *set_locations(struct api_call *call)
{
    return set_member(call, "SetLocationsRequest", "locations", "locations", "UPDATE_CLUSTER",
                      CLUSTER_UPDATE_TIME);
}

struct json *update_master(struct api_call *call)
{
    return set_member(call, "UpdateMasterRequest", "masterVersion", "currentMasterVersion",
                      "UPGRADE_MASTER", UPGRADE_TIME);
}

/* ---- pools ---- */

static struct gke_pool *pool_for(struct api_call *call, const char *message,
                                 struct gke_cluster **cluster, struct json **refused)
{
    struct gke_pool *pool = NULL;
    *refused = container_check_body(call, message);
    if (!*refused)
        pool = container_pool(call, cluster, refused);
    if (!*refused)
        *refused = refusal(call, *cluster, "");
    return pool;
}

/* Members that stand in the pool itself; the others belong to its config. */
static bool is_of_pool(const char *field)
{
    static const char *const own[] = {"locations", "upgradeSettings", "queuedProvisioning"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i], field) == 0)
            return true;
    return false;
}

static void patch_member(struct json *patch, const struct json *value)
{
    const char *field = llmd__json_key(value);
    struct json *config = llmd__json_edit(patch, "config");
    if (strcmp(field, "nodeVersion") == 0)
        return; /* what its alias means is set by the caller */
    if (strcmp(field, "labels") == 0 || strcmp(field, "resourceLabels") == 0)
        llmd__json_set(config, field, must_copy(llmd__json_get(value, "labels")));
    else if (strcmp(field, "taints") == 0)
        llmd__json_set(config, field, must_copy(llmd__json_get(value, "taints")));
    else if (is_of_pool(field))
        llmd__json_set(patch, field, must_copy(value));
    else if (strcmp(field, "name") != 0 && strcmp(field, "etag") != 0)
        llmd__json_set(config, field, must_copy(value));
}

struct json *update_pool(struct api_call *call)
{
    struct json *refused;
    struct gke_cluster *cluster;
    struct gke_pool *pool = pool_for(call, "UpdateNodePoolRequest", &cluster, &refused);
    if (refused)
        return refused;
    struct json *patch = MAKE("{'config':{}}");
    bool upgrade = llmd__json_get(call->body, "nodeVersion") != NULL;
    const char *version = node_version(cluster, llmd__json_str(call->body, "nodeVersion"));
    if (!version) {
        llmd__json_free(patch);
        return api_invalid(call, "Node version \"%s\" is unsupported.",
                           llmd__json_str(call->body, "nodeVersion"));
    }
    JSON_EACH(value, call->body)
        patch_member(patch, value);
    if (upgrade)
        llmd__json_set_str(patch, "version", version);
    return begin(call, upgrade ? "UPGRADE_NODES" : "UPDATE_CLUSTER", cluster, pool, patch,
                 upgrade ? UPGRADE_TIME : CLUSTER_UPDATE_TIME);
}

static struct json *size_refusal(struct api_call *call, const struct gke_cluster *cluster,
                                 const struct gke_pool *pool, int size)
{
    int slice = pool_slice(pool);
    if (size < 0)
        return api_invalid(call, "node_count must not be negative.");
    if (slice > 1 && size != 0 && size != slice)
        return api_invalid(call,
                           "Node count %d is not a valid size of TPU pod slice with topology %s.",
                           size, pool_topology(pool));
    AUTO(json) struct json *more = must_copy(pool->spec);
    llmd__json_set_int(more, "initialNodeCount", size > pool->size ? size - pool->size : 0);
    return pool_capacity(call, cluster->location, cluster->spec, more);
}

struct json *set_size(struct api_call *call)
{
    struct json *refused;
    struct gke_cluster *cluster;
    struct gke_pool *pool = pool_for(call, "SetNodePoolSizeRequest", &cluster, &refused);
    int size = (int)llmd__json_int(call->body, "nodeCount", 0);
    if (!refused)
        refused = size_refusal(call, cluster, pool, size);
    if (refused)
        return refused;
    /* GKE shows the size that was asked for as the initial one from then on. */
    llmd__json_set_int(pool->spec, "initialNodeCount", size);
    nodes_want(call->google, cluster, pool, size);
    int64_t duration = nodes_stuck(pool) ? STOCKOUT_TIME : RESIZE_TIME;
    struct gke_operation *operation = operation_begin(call->google, "SET_NODE_POOL_SIZE",
                                                      WORK_CREATE_POOL, cluster, pool, duration);
    pool->status = "RECONCILING";
    return operation_answer(call, operation);
}

struct json *set_autoscaling(struct api_call *call)
{
    struct json *refused;
    struct gke_cluster *cluster;
    struct gke_pool *pool = pool_for(call, "SetNodePoolAutoscalingRequest", &cluster, &refused);
    if (refused)
        return refused;
    return begin(call, "UPDATE_CLUSTER", cluster, pool,
                 patch_for(NULL, "autoscaling", llmd__json_get(call->body, "autoscaling")),
                 SMALL_UPDATE_TIME);
}

struct json *set_management(struct api_call *call)
{
    struct json *refused;
    struct gke_cluster *cluster;
    struct gke_pool *pool = pool_for(call, "SetNodePoolManagementRequest", &cluster, &refused);
    if (refused)
        return refused;
    return begin(call, "SET_NODE_POOL_MANAGEMENT", cluster, pool,
                 patch_for(NULL, "management", llmd__json_get(call->body, "management")),
                 SMALL_UPDATE_TIME);
}
