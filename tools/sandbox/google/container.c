/* SPDX-License-Identifier: Apache-2.0 */
/* container v1: clusters, node pools and the server's versions. Updates: updates.c. */
#include "sandbox/google/operations.h"
#include "sandbox/google/schema.h"
#include "sandbox/google/updates.h"

#include <stdlib.h>
#include <string.h>

/* ---- checks that come before a handler's own ---- */

struct json *container_check_body(struct api_call *call, const char *message)
{
    struct violations violations = {.entries = NULL};
    struct json *error = NULL;
    if (!call->body)
        call->body = llmd__json_object();
    if (!schema_check(&container_schema, message, call->body, &violations)) {
        error = api_invalid(call, "%s", llmd__buf_text(&violations.text));
        llmd__json_add(llmd__json_edit(error, "error.details"),
                       MAKE("{'@type':'type.googleapis.com/google.rpc.BadRequest',"
                            "'fieldViolations':%j}",
                            violations.entries));
    }
    violations_free(&violations);
    return error;
}

static struct json *denied(struct api_call *call, const char *permission)
{
    return api_info(api_error(call, 403, "PERMISSION_DENIED", NULL,
                              "Required \"%s\" permission(s) for \"projects/%s\".", permission,
                              google_project(call->google)),
                    "IAM_PERMISSION_DENIED", "container.googleapis.com",
                    MAKE("{'permission':%s}", permission));
}

struct json *container_check_permission(struct api_call *call, const char *permission)
{
    const struct named_fault *fault = fault_on(call->google, "wrong-permissions", permission);
    return fault && *fault->match ? denied(call, permission) : NULL;
}

struct gke_cluster *container_cluster(struct api_call *call, struct json **error)
{
    const char *location = api_segment(call, 3);
    const char *name = api_segment(call, 5);
    struct gke_cluster *cluster = cluster_find(call->google, location, name);
    *error = cluster ? NULL
                     : api_not_found(call, "Not found: projects/%s/locations/%s/clusters/%s.",
                                     google_project(call->google), location, name);
    return cluster;
}

struct gke_pool *container_pool(struct api_call *call, struct gke_cluster **cluster,
                                struct json **error)
{
    *cluster = container_cluster(call, error);
    if (!*cluster)
        return NULL;
    struct gke_pool *pool = pool_find(*cluster, api_segment(call, 7));
    if (!pool)
        *error =
            api_not_found(call, "Not found: projects/%s/locations/%s/clusters/%s/nodePools/%s.",
                          google_project(call->google), (*cluster)->location, (*cluster)->name,
                          api_segment(call, 7));
    return pool;
}

/* ---- clusters ---- */

static void add_missing_zones(struct api_call *call, struct json *json)
{
    struct named_fault *fault = fault_on(call->google, "missing-zones", "");
    if (fault)
        llmd__json_set(json, "missingZones",
                       MAKE("[%s]", *fault->match ? fault->match : "europe-west4-a"));
}

static bool is_missing(struct google *google, const char *location)
{
    struct named_fault *fault = fault_on(google, "missing-zones", "");
    return fault && strstr(location, *fault->match ? fault->match : "europe-west4-a");
}

static struct json *list_clusters(struct api_call *call)
{
    const char *location = api_segment(call, 3);
    struct json *json = llmd__json_object();
    struct json *list = NULL;
    for (struct gke_cluster *cluster = call->google->clusters; cluster; cluster = cluster->next) {
        if ((strcmp(location, "-") != 0 && strcmp(location, cluster->location) != 0) ||
            is_missing(call->google, cluster->location))
            continue;
        if (!list)
            list = llmd__json_set_array(json, "clusters");
        llmd__json_add(list, cluster_show(call->google, cluster));
    }
    add_missing_zones(call, json);
    return json;
}

static struct json *get_cluster(struct api_call *call)
{
    struct json *error = container_check_permission(call, "container.clusters.get");
    struct gke_cluster *cluster = error ? NULL : container_cluster(call, &error);
    return cluster ? cluster_show(call->google, cluster) : error;
}

static struct json *location_refusal(struct api_call *call, const char *location)
{
    if (catalog_zone(location) || catalog_region(location))
        return NULL;
    return api_invalid(call, "Location \"%s\" does not exist.", location);
}

static struct json *check_pools(struct api_call *call, const char *location,
                                const struct json *cluster)
{
    struct json *refused = NULL;
    JSON_EACH(pool, llmd__json_get(cluster, "nodePools")) {
        if (!refused)
            refused = pool_rules(call, cluster, location, pool);
        if (!refused)
            refused = pool_capacity(call, location, cluster, pool);
    }
    return refused;
}

static struct json *create_refusal(struct api_call *call, const char *location,
                                   const struct json *cluster)
{
    struct google *google = call->google;
    const char *name = llmd__json_str(cluster, "name");
    struct json *refused = container_check_permission(call, "container.clusters.create");
    if (!refused)
        refused = location_refusal(call, location);
    if (!refused)
        refused = cluster_rules(call, cluster);
    if (!refused && cluster_find(google, location, name))
        refused = api_error(
            call, 409, "ALREADY_EXISTS", NULL, "Already exists: projects/%s/%s/%s/clusters/%s.",
            google_project(google), catalog_zone(location) ? "zones" : "locations", location, name);
    return refused ? refused : check_pools(call, location, cluster);
}

/* The older form, initialNodeCount and nodeConfig, makes a pool of this name. */
static void add_default_pool(struct api_call *call, struct gke_cluster *cluster,
                             const struct json *spec)
{
    if (llmd__json_get(spec, "nodePools") || llmd__json_bool(spec, "autopilot.enabled", false))
        return;
    AUTO(json)
    struct json *pool =
        MAKE("{'name':'default-pool','initialNodeCount':%d,'config':%j}",
             (int)llmd__json_int(spec, "initialNodeCount", 1), llmd__json_get(spec, "nodeConfig"));
    pool_add(call->google, cluster, pool);
}

/* Google goes on trying for a long time where there are no machines. */
static int64_t lengthened(const struct gke_pool *pool, int64_t duration)
{
    const char *stuck = nodes_stuck(pool);
    if (!stuck)
        return duration;
    if (strcmp(stuck, "ZONE_RESOURCE_POOL_EXHAUSTED") == 0)
        return STOCKOUT_TIME;
    return duration < 2 * MINUTES ? duration : 2 * MINUTES;
}

static struct json *create_cluster(struct api_call *call)
{
    const char *location = api_segment(call, 3);
    struct json *refused = container_check_body(call, "CreateClusterRequest");
    const struct json *spec = llmd__json_get(call->body, "cluster");
    int64_t duration = CLUSTER_CREATE_TIME;
    if (!refused && !spec)
        refused = api_invalid(call, "Required field 'cluster' is not set.");
    if (!refused)
        refused = create_refusal(call, location, spec);
    if (refused)
        return refused;
    struct gke_cluster *cluster = cluster_add(call->google, location, spec);
    add_default_pool(call, cluster, spec);
    JSON_EACH(pool, llmd__json_get(spec, "nodePools"))
        pool_add(call->google, cluster, pool);
    for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next) {
        nodes_want(call->google, cluster, pool,
                   (int)llmd__json_int(pool->spec, "initialNodeCount", 0));
        duration = lengthened(pool, duration);
    }
    return operation_answer(call, operation_begin(call->google, "CREATE_CLUSTER",
                                                  WORK_CREATE_CLUSTER, cluster, NULL, duration));
}

static void operation_cancel(struct gke_operation *operation, const char *why)
{
    operation->done = true;
    operation->error_code = 1;
    operation->error = llmd__format("The operation was cancelled: %s.", why);
    clock_stamp(operation->ended);
}

/* A cluster that is being made may be deleted: that stops its making. */
static void stop_creation(struct google *google, const struct gke_cluster *cluster)
{
    struct gke_operation *operation = operation_running(google, cluster);
    if (!operation || operation->work != WORK_CREATE_CLUSTER)
        return;
    operation_cancel(operation, "the cluster is being deleted");
}

static struct json *delete_cluster(struct api_call *call)
{
    struct json *error = container_check_permission(call, "container.clusters.delete");
    struct gke_cluster *cluster = error ? NULL : container_cluster(call, &error);
    if (!cluster)
        return error;
    stop_creation(call->google, cluster);
    error = operation_conflict(call, cluster, false);
    if (error)
        return error;
    cluster->status = "STOPPING";
    return operation_answer(call,
                            operation_begin(call->google, "DELETE_CLUSTER", WORK_DELETE_CLUSTER,
                                            cluster, NULL, CLUSTER_DELETE_TIME));
}

/* ---- pools ---- */

static struct json *list_pools(struct api_call *call)
{
    struct json *error;
    struct gke_cluster *cluster = container_cluster(call, &error);
    if (!cluster)
        return error;
    struct json *json = MAKE("{'nodePools':[]}");
    for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next)
        llmd__json_add(llmd__json_edit(json, "nodePools"), pool_show(call->google, cluster, pool));
    return json;
}

static struct json *get_pool(struct api_call *call)
{
    struct json *error;
    struct gke_cluster *cluster;
    struct gke_pool *pool = container_pool(call, &cluster, &error);
    return pool ? pool_show(call->google, cluster, pool) : error;
}

static struct json *pool_refusal(struct api_call *call, const struct gke_cluster *cluster,
                                 const struct json *spec)
{
    struct json *refused = container_check_permission(call, "container.clusters.update");
    if (!refused)
        refused = pool_rules(call, cluster->spec, cluster->location, spec);
    if (!refused && pool_find(cluster, llmd__json_str(spec, "name")))
        refused = api_error(call, 409, "ALREADY_EXISTS", NULL,
                            "Already exists: projects/%s/%s/%s/clusters/%s/nodePools/%s.",
                            google_project(call->google),
                            catalog_zone(cluster->location) ? "zones" : "locations",
                            cluster->location, cluster->name, llmd__json_str(spec, "name"));
    if (!refused && strcmp(cluster->status, "RUNNING") != 0)
        refused = api_error(call, 400, "FAILED_PRECONDITION", NULL,
                            "Cluster %s has status %s: node pools can be created in running "
                            "clusters only.",
                            cluster->name, cluster->status);
    if (!refused)
        refused = operation_conflict(call, cluster, true);
    return refused ? refused : pool_capacity(call, cluster->location, cluster->spec, spec);
}

static struct json *create_pool(struct api_call *call)
{
    struct json *refused = container_check_body(call, "CreateNodePoolRequest");
    const struct json *spec = llmd__json_get(call->body, "nodePool");
    struct gke_cluster *cluster = refused ? NULL : container_cluster(call, &refused);
    if (!refused && !spec)
        refused = api_invalid(call, "Required field 'node_pool' is not set.");
    if (!refused)
        refused = pool_refusal(call, cluster, spec);
    if (refused)
        return refused;
    struct gke_pool *pool = pool_add(call->google, cluster, spec);
    nodes_want(call->google, cluster, pool, (int)llmd__json_int(pool->spec, "initialNodeCount", 0));
    cluster_touch(cluster);
    return operation_answer(call,
                            operation_begin(call->google, "CREATE_NODE_POOL", WORK_CREATE_POOL,
                                            cluster, pool, lengthened(pool, POOL_CREATE_TIME)));
}

/* Whether Google takes the delete of a pool that it makes is written nowhere: it says that a pool
   has one operation at a time, and so does this, unless told otherwise. */
static void stop_pool_creation(struct api_call *call, const struct gke_cluster *cluster,
                               const struct gke_pool *pool)
{
    if (!fault_on(call->google, "delete-stops-create", pool->name))
        return;
    for (struct gke_operation *operation = call->google->operations; operation;
         operation = operation->next)
        if (!operation->done && operation->work == WORK_CREATE_POOL &&
            strcmp(operation->cluster, cluster->name) == 0 &&
            strcmp(operation->pool, pool->name) == 0)
            operation_cancel(operation, "the node pool is being deleted");
}

static struct json *delete_pool(struct api_call *call)
{
    struct json *error;
    struct gke_cluster *cluster;
    struct gke_pool *pool = container_pool(call, &cluster, &error);
    if (!pool)
        return error;
    error = container_check_permission(call, "container.clusters.update");
    if (!error)
        stop_pool_creation(call, cluster, pool);
    if (!error)
        error = operation_conflict(call, cluster, false);
    if (error)
        return error;
    pool->status = "STOPPING";
    return operation_answer(call,
                            operation_begin(call->google, "DELETE_NODE_POOL", WORK_DELETE_POOL,
                                            cluster, pool, POOL_DELETE_TIME));
}

/* ---- versions ---- */

static struct json *server_config(struct api_call *call)
{
    struct json *refused = location_refusal(call, api_segment(call, 3));
    if (refused)
        return refused;
    struct json *json = MAKE("{'defaultClusterVersion':'1.34.1-gke.3355002','validMasterVersions':"
                             "[],'validNodeVersions':[],'defaultImageType':'COS_CONTAINERD',"
                             "'validImageTypes':['COS_CONTAINERD','UBUNTU_CONTAINERD'],"
                             "'channels':[]}");
    for (size_t i = 0; i < catalog_channel_count; i++) {
        const struct channel *channel = &catalog_channels[i];
        struct json *entry =
            llmd__json_add(llmd__json_edit(json, "channels"),
                           MAKE("{'channel':%s,'defaultVersion':%s,'validVersions':[],"
                                "'upgradeTargetVersion':%s}",
                                channel->name, channel->standard, channel->standard));
        for (int n = 0; channel->versions[n]; n++) {
            llmd__json_add_str(llmd__json_edit(entry, "validVersions"), channel->versions[n]);
            llmd__json_add_str(llmd__json_edit(json, "validMasterVersions"), channel->versions[n]);
            llmd__json_add_str(llmd__json_edit(json, "validNodeVersions"), channel->versions[n]);
        }
    }
    return json;
}

static struct json *usable_subnetworks(struct api_call *call)
{
    (void)call;
    return MAKE("{'subnetworks':[{'subnetwork':"
                "'projects/my-project/regions/europe-west4/subnetworks/default','network':"
                "'projects/my-project/global/networks/default','ipCidrRange':'10.164.0.0/20'}]}");
}

#define CLUSTERS "projects/*/locations/*/clusters"
#define CLUSTER CLUSTERS "/*"
#define POOL CLUSTER "/nodePools/*"

struct json *container_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", CLUSTERS, list_clusters},
        {"POST", CLUSTERS, create_cluster},
        {"GET", CLUSTER, get_cluster},
        {"PUT", CLUSTER, update_cluster},
        {"DELETE", CLUSTER, delete_cluster},
        {"POST", CLUSTERS "/*:setResourceLabels", set_labels},
        {"POST", CLUSTERS "/*:setAddons", set_addons},
        {"POST", CLUSTERS "/*:setLocations", set_locations},
        {"POST", CLUSTERS "/*:updateMaster", update_master},
        {"GET", CLUSTER "/nodePools", list_pools},
        {"POST", CLUSTER "/nodePools", create_pool},
        {"GET", POOL, get_pool},
        {"PUT", POOL, update_pool},
        {"DELETE", POOL, delete_pool},
        {"POST", CLUSTER "/nodePools/*:setSize", set_size},
        {"POST", CLUSTER "/nodePools/*:setAutoscaling", set_autoscaling},
        {"POST", CLUSTER "/nodePools/*:setManagement", set_management},
        {"GET", "projects/*/locations/*/operations", operations_list},
        {"GET", "projects/*/locations/*/operations/*", operations_get},
        {"POST", "projects/*/locations/*/operations/*:cancel", operations_cancel},
        {"GET", "projects/*/locations/*/serverConfig", server_config},
        {"GET", "projects/*/aggregated/usableSubnetworks", usable_subnetworks},
    };
    static char locations[] = "locations";
    /* The older form of the same paths. */
    if (call->count > 2 && strcmp(call->segments[2], "zones") == 0)
        call->segments[2] = locations;
    return DISPATCH(call, routes);
}
