/* SPDX-License-Identifier: Apache-2.0 */
/* Instance groups and machines of node pools, as Compute Engine shows them. */
#include "sandbox/google/clusters.h"
#include "sandbox/google/resources.h"

#include <string.h>

typedef void (*group_fn)(struct google *google, const struct gke_cluster *cluster,
                         const struct gke_pool *pool, const char *zone, const char *name,
                         void *data);

static bool has_zone(const struct gke_pool *pool, const char *zone)
{
    JSON_EACH(item, pool_zones(pool))
        if (strcmp(llmd__json_text(item), zone) == 0)
            return true;
    return false;
}

static void each_group(struct google *google, const char *zone, group_fn visit, void *data)
{
    char name[128];
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next)
        for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next)
            if (has_zone(pool, zone)) {
                group_name(cluster, pool, name, sizeof(name));
                visit(google, cluster, pool, zone, name, data);
            }
}

static int in_zone(const struct gke_pool *pool, const char *zone, bool up_only)
{
    int count = 0;
    for (const struct gke_node *node = pool->nodes; node; node = node->next)
        count += strcmp(node->zone, zone) == 0 && (node->up || !up_only);
    return count;
}

static struct json *group_json(struct google *google, const struct gke_pool *pool, const char *zone,
                               const char *name)
{
    AUTO(str) char *scope = llmd__format("zones/%s", zone);
    AUTO(str) char *link = resource_link(google, scope, "instanceGroupManagers", name);
    AUTO(str) char *group = resource_link(google, scope, "instanceGroups", name);
    int wanted = in_zone(pool, zone, false);
    int up = in_zone(pool, zone, true);
    return MAKE("{'kind':'compute#instanceGroupManager','name':%s,'selfLink':%s,'zone':%s,"
                "'instanceGroup':%s,'targetSize':%d,'baseInstanceName':%s,'currentActions':{"
                "'none':%d,'creating':%d},'status':{'isStable':%b}}",
                name, link, zone, group, wanted, name, up, wanted - up, up == wanted);
}

static struct json *instance_json(struct google *google, const struct gke_cluster *cluster,
                                  const struct gke_pool *pool, const struct gke_node *node)
{
    AUTO(str) char *scope = llmd__format("zones/%s", node->zone);
    AUTO(str) char *link = resource_link(google, scope, "instances", node->name);
    AUTO(str)
    char *machine = resource_link(google, scope, "machineTypes",
                                  llmd__json_str(pool->spec, "config.machineType"));
    return MAKE("{'kind':'compute#instance','name':%s,'selfLink':%s,'zone':%s,'status':'RUNNING',"
                "'machineType':%s,'creationTimestamp':%s,'labels':{'goog-gke-node':'',"
                "'goog-k8s-cluster-name':%s,'goog-k8s-node-pool-name':%s},'scheduling':{"
                "'provisioningModel':%s}}",
                node->name, link, node->zone, machine, cluster->created, cluster->name, pool->name,
                llmd__json_bool(pool->spec, "config.spot", false) ? "SPOT" : "STANDARD");
}

struct gathered {
    const char *collection;
    struct json *items;
};

static void gather(struct google *google, const struct gke_cluster *cluster,
                   const struct gke_pool *pool, const char *zone, const char *name, void *data)
{
    struct gathered *gathered = data;
    if (strcmp(gathered->collection, "instances") != 0) {
        llmd__json_add(gathered->items, group_json(google, pool, zone, name));
        return;
    }
    for (const struct gke_node *node = pool->nodes; node; node = node->next)
        if (node->up && strcmp(node->zone, zone) == 0)
            llmd__json_add(gathered->items, instance_json(google, cluster, pool, node));
}

void groups_list(struct google *google, const char *collection, const char *scope,
                 struct json *items)
{
    struct gathered gathered = {collection, items};
    bool ours = strcmp(collection, "instances") == 0 || strcmp(collection, "instanceGroups") == 0 ||
                strcmp(collection, "instanceGroupManagers") == 0;
    if (ours && strncmp(scope, "zones/", 6) == 0)
        each_group(google, scope + 6, gather, &gathered);
}

/* ---- one group ---- */

struct sought {
    const char *name;
    const struct gke_pool *pool;
};

static void seek(struct google *google, const struct gke_cluster *cluster,
                 const struct gke_pool *pool, const char *zone, const char *name, void *data)
{
    struct sought *sought = data;
    (void)google;
    (void)cluster;
    (void)zone;
    if (strcmp(name, sought->name) == 0)
        sought->pool = pool;
}

static bool shows_stuck(const struct google *google, const struct gke_node *node)
{
    return node->stuck && node->stuck_at <= google_now(google);
}

static char *error_words(const struct gke_node *node)
{
    if (strcmp(node->stuck, "ZONE_RESOURCE_POOL_EXHAUSTED") == 0)
        return llmd__format(
            "Instance '%s' creation failed: The zone 'projects/my-project/zones/%s' "
            "does not have enough resources available to fulfill the request.  "
            "Try a different zone, or try again later.",
            node->name, node->zone);
    if (strcmp(node->stuck, "QUOTA_EXCEEDED") == 0)
        return llmd__format("Instance '%s' creation failed: Quota 'TPUS_PER_TPU_FAMILY' exceeded.  "
                            "Limit: 0.0 in region.",
                            node->name);
    return llmd__format("Instance '%s' creation failed: Unsupported TPU configuration.",
                        node->name);
}

static struct json *managed_instance(struct google *google, const struct gke_node *node)
{
    AUTO(str) char *scope = llmd__format("zones/%s", node->zone);
    AUTO(str) char *link = resource_link(google, scope, "instances", node->name);
    struct json *json =
        MAKE("{'instance':%s,'name':%s,'currentAction':%s,'instanceStatus':%s}", link, node->name,
             node->up ? "NONE" : "CREATING", node->up ? "RUNNING" : NULL);
    if (shows_stuck(google, node)) {
        AUTO(str) char *words = error_words(node);
        llmd__json_set(
            json, "lastAttempt",
            MAKE("{'errors':{'errors':[{'code':%s,'message':%s}]}}", node->stuck, words));
    }
    return json;
}

static struct json *managed_error(struct google *google, const struct gke_node *node)
{
    AUTO(str) char *scope = llmd__format("zones/%s", node->zone);
    AUTO(str) char *link = resource_link(google, scope, "instances", node->name);
    AUTO(str) char *words = error_words(node);
    char stamp[40];
    clock_stamp(stamp);
    return MAKE("{'timestamp':%s,'error':{'code':%s,'message':%s},'instanceActionDetails':{"
                "'instance':%s,'action':'CREATING'}}",
                stamp, node->stuck, words, link);
}

static struct json *answer_for(struct google *google, const struct gke_pool *pool, const char *zone,
                               const char *name, const char *verb)
{
    bool errors = strcmp(verb, "listErrors") == 0;
    if (!*verb)
        return group_json(google, pool, zone, name);
    struct json *json = llmd__json_object();
    for (const struct gke_node *node = pool->nodes; node; node = node->next) {
        const char *member = errors ? "items" : "managedInstances";
        if (strcmp(node->zone, zone) != 0 || (errors && !shows_stuck(google, node)))
            continue;
        struct json *list = llmd__json_edit(json, member);
        llmd__json_add(list ? list : llmd__json_set_array(json, member),
                       errors ? managed_error(google, node) : managed_instance(google, node));
    }
    return json;
}

struct json *groups_serve(struct api_call *call, bool *mine)
{
    struct sought sought = {.name = ""};
    bool one = api_matches(call, "GET", "projects/*/zones/*/instanceGroupManagers/*");
    *mine = one ||
            api_matches(call, "GET", "projects/*/zones/*/instanceGroupManagers/*/listErrors") ||
            api_matches(call, "POST",
                        "projects/*/zones/*/instanceGroupManagers/*/listManagedInstances");
    if (!*mine)
        return NULL;
    sought.name = api_segment(call, 5);
    each_group(call->google, api_segment(call, 3), seek, &sought);
    if (!sought.pool)
        return api_not_found(call,
                             "The resource 'projects/%s/zones/%s/instanceGroupManagers/%s' was not "
                             "found",
                             google_project(call->google), api_segment(call, 3), sought.name);
    return answer_for(call->google, sought.pool, api_segment(call, 3), sought.name,
                      one ? "" : api_segment(call, 6));
}
