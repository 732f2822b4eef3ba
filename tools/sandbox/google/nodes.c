/* SPDX-License-Identifier: Apache-2.0 */
/* The machines of a pool: when they come, what they look like, and why some never do. */
#include "sandbox/google/clusters.h"

#include "sandbox/google/kubernetes.h"
#include "sandbox/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void group_name(const struct gke_cluster *cluster, const struct gke_pool *pool, char *out,
                size_t size)
{
    snprintf(out, size, "gke-%.20s-%.20s-%s-grp", cluster->name, pool->name, pool->hash);
}

const char *nodes_stuck(const struct gke_pool *pool)
{
    for (const struct gke_node *node = pool->nodes; node; node = node->next)
        if (node->stuck)
            return node->stuck;
    return NULL;
}

int nodes_count(const struct gke_pool *pool)
{
    int count = 0;
    for (const struct gke_node *node = pool->nodes; node; node = node->next)
        count += node->up;
    return count;
}

/* ---- what a node looks like ---- */

static const char *kubernetes_effect(const char *effect)
{
    if (strcmp(effect, "NO_EXECUTE") == 0)
        return "NoExecute";
    return strcmp(effect, "PREFER_NO_SCHEDULE") == 0 ? "PreferNoSchedule" : "NoSchedule";
}

static struct json *node_taints(const struct gke_pool *pool, bool gpu)
{
    struct json *list = llmd__json_array();
    JSON_EACH(taint, llmd__json_get(pool->spec, "config.taints"))
        llmd__json_add(list, MAKE("{'key':%s,'value':%s,'effect':%s}", llmd__json_str(taint, "key"),
                                  llmd__json_str(taint, "value"),
                                  kubernetes_effect(llmd__json_str(taint, "effect"))));
    if (gpu)
        llmd__json_add(list,
                       MAKE("{'key':'nvidia.com/gpu','value':'present','effect':'NoSchedule'}"));
    return list;
}

struct accelerator {
    const char *resource; /* NULL: none */
    const char *label;
    int count;
};

static struct accelerator accelerator_of(const struct gke_pool *pool)
{
    const struct machine *machine = pool_machine(pool);
    const struct json *gpu = llmd__json_get(pool->spec, "config.accelerators[0]");
    if (machine_is_tpu(machine))
        return (struct accelerator){"google.com/tpu", machine->label, machine->chips};
    if (gpu)
        return (struct accelerator){
            "nvidia.com/gpu", llmd__json_str(gpu, "acceleratorType"),
            (int)strtol(llmd__json_text(llmd__json_get(gpu, "acceleratorCount")), NULL, 10)};
    return (struct accelerator){NULL, NULL, 0};
}

static void label_accelerator(struct json *labels, const struct gke_pool *pool,
                              const struct accelerator *accelerator)
{
    AUTO(str) char *count = llmd__format("%d", accelerator->count);
    if (!accelerator->resource)
        return;
    if (machine_is_tpu(pool_machine(pool))) {
        llmd__json_set_str(labels, "cloud.google.com/gke-tpu-accelerator", accelerator->label);
        llmd__json_set_str(labels, "cloud.google.com/gke-tpu-topology", pool_topology(pool));
    } else {
        llmd__json_set_str(labels, "cloud.google.com/gke-accelerator", accelerator->label);
    }
    llmd__json_set_str(labels, "cloud.google.com/gke-accelerator-count", count);
}

static struct json *node_labels(const struct gke_cluster *cluster, const struct gke_pool *pool,
                                const char *name, const char *zone)
{
    const struct zone *known = catalog_zone(zone);
    struct accelerator accelerator = accelerator_of(pool);
    struct json *labels =
        MAKE("{'kubernetes.io/hostname':%s,'kubernetes.io/os':'linux','kubernetes.io/arch':'amd64',"
             "'node.kubernetes.io/instance-type':%s,'topology.kubernetes.io/zone':%s,"
             "'topology.kubernetes.io/region':%s,'cloud.google.com/gke-nodepool':%s,"
             "'cloud.google.com/gke-os-distribution':'cos'}",
             name, llmd__json_str(pool->spec, "config.machineType"), zone,
             known ? known->region : cluster->location, pool->name);
    if (llmd__json_bool(pool->spec, "config.spot", false))
        llmd__json_set_str(labels, "cloud.google.com/gke-spot", "true");
    JSON_EACH(label, llmd__json_get(pool->spec, "config.labels"))
        llmd__json_set_str(labels, llmd__json_key(label), llmd__json_text(label));
    label_accelerator(labels, pool, &accelerator);
    return labels;
}

static struct json *node_resources(const struct gke_pool *pool, bool device)
{
    const struct machine *machine = pool_machine(pool);
    struct accelerator accelerator = accelerator_of(pool);
    AUTO(str) char *cpus = llmd__format("%d", machine ? machine->cpus : 2);
    AUTO(str) char *memory = llmd__format("%dMi", machine ? machine->memory_mb : 4096);
    AUTO(str) char *count = llmd__format("%d", device ? accelerator.count : 0);
    AUTO(str)
    char *pods = llmd__format(
        "%s", llmd__json_text(llmd__json_get(pool->spec, "maxPodsConstraint.maxPodsPerNode")));
    struct json *list =
        MAKE("{'cpu':%s,'memory':%s,'pods':%s,'ephemeral-storage':'94Gi'}", cpus, memory, pods);
    if (accelerator.resource)
        llmd__json_set_str(list, accelerator.resource, count);
    return list;
}

struct json *node_template(const struct gke_cluster *cluster, const struct gke_pool *pool,
                           const char *name, const char *zone, bool device)
{
    struct accelerator accelerator = accelerator_of(pool);
    bool gpu = accelerator.resource && strcmp(accelerator.resource, "nvidia.com/gpu") == 0;
    AUTO(json) struct json *labels = node_labels(cluster, pool, name, zone);
    AUTO(json) struct json *taints = node_taints(pool, gpu);
    AUTO(json) struct json *resources = node_resources(pool, device);
    AUTO(str) char *provider = llmd__format("gce://my-project/%s/%s", zone, name);
    char stamp[40];
    clock_stamp(stamp);
    return MAKE("{'metadata':{'name':%s,'labels':%j},'spec':{'providerID':%s,'taints':%j},"
                "'status':{'capacity':%j,'allocatable':%j,'addresses':[{'type':'InternalIP',"
                "'address':'10.164.0.2'},{'type':'Hostname','address':%s}],'conditions':[{'type':"
                "'Ready','status':'True','reason':'KubeletReady','message':"
                "'kubelet is posting ready status','lastHeartbeatTime':%s,"
                "'lastTransitionTime':%s}],'nodeInfo':{'kubeletVersion':'v1.34.1-gke.3355002',"
                "'containerRuntimeVersion':'containerd://2.1.4','operatingSystem':'linux',"
                "'architecture':'amd64'}}}",
                name, labels, provider, taints, resources, resources, name, stamp, stamp);
}

/* ---- more and fewer ---- */

static const char *why_stuck(struct google *google, const struct gke_pool *pool, const char *zone)
{
    const struct machine *machine = pool_machine(pool);
    bool spot = llmd__json_bool(pool->spec, "config.spot", false);
    AUTO(str)
    char *line = llmd__format("%s %s %s", zone, llmd__json_str(pool->spec, "config.machineType"),
                              spot ? "spot" : "on-demand");
    int number = 0;
    if (machine && !machine_in_zone(machine, zone))
        return "CONDITION_NOT_MET";
    /* A stock-out takes accelerators unless it names something else. */
    struct named_fault *fault = fault_on(google, "stockout", line);
    if (fault && (*fault->match || accelerator_of(pool).resource))
        return "ZONE_RESOURCE_POOL_EXHAUSTED";
    if (fault_take(google, "tpu-quota", "", &number) && number == 1 && machine_is_tpu(machine))
        return "QUOTA_EXCEEDED";
    return NULL;
}

static void add_node(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool,
                     const char *zone, int64_t up_at)
{
    struct gke_node *node = must_alloc(sizeof(*node));
    struct gke_node **end = &pool->nodes;
    *node = (struct gke_node){.up_at = up_at, .device_at = up_at + DEVICE_TIME};
    snprintf(node->name, sizeof(node->name), "gke-%.20s-%.20s-%s-%04x", cluster->name, pool->name,
             pool->hash, (unsigned)(google_random(google) & 0xffff));
    snprintf(node->zone, sizeof(node->zone), "%s", zone);
    node->stuck = why_stuck(google, pool, zone);
    node->stuck_at = google_now(google) + STUCK_TIME;
    while (*end)
        end = &(*end)->next;
    *end = node;
}

void nodes_remove(struct gke_cluster *cluster, struct gke_pool *pool, struct gke_node *node)
{
    struct gke_node **at = &pool->nodes;
    while (*at && *at != node)
        at = &(*at)->next;
    if (*at)
        *at = node->next;
    if (cluster->kube && node->up)
        kubernetes_remove_node(cluster->kube, node->name);
    free(node);
}

static struct gke_node *last_in_zone(const struct gke_pool *pool, const char *zone, int *count)
{
    struct gke_node *last = NULL;
    *count = 0;
    for (struct gke_node *node = pool->nodes; node; node = node->next)
        if (strcmp(node->zone, zone) == 0) {
            last = node;
            ++*count;
        }
    return last;
}

void nodes_want(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool, int size)
{
    int64_t up_at = google_now(google) + NODE_BOOT_TIME;
    int count;
    pool->size = size;
    if (strcmp(pool->status, "PROVISIONING") == 0)
        up_at = google_now(google) + POOL_CREATE_TIME - NODE_LEAD_TIME;
    if (strcmp(cluster->status, "PROVISIONING") == 0)
        up_at = google_now(google) + CLUSTER_CREATE_TIME - NODE_LEAD_TIME;
    JSON_EACH(zone, pool_zones(pool)) {
        const char *name = llmd__json_text(zone);
        for (last_in_zone(pool, name, &count); count < size; count++)
            add_node(google, cluster, pool, name, up_at);
        for (struct gke_node *last = last_in_zone(pool, name, &count); count > size;
             last = last_in_zone(pool, name, &count))
            nodes_remove(cluster, pool, last);
    }
}

static const char *emptiest_zone(const struct gke_pool *pool)
{
    const char *zone = "";
    int fewest = 0;
    int count;
    JSON_EACH(item, pool_zones(pool)) {
        last_in_zone(pool, llmd__json_text(item), &count);
        if (!*zone || count < fewest) {
            zone = llmd__json_text(item);
            fewest = count;
        }
    }
    return zone;
}

void nodes_add(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool, int count)
{
    int64_t up_at = google_now(google) + NODE_BOOT_TIME;
    for (int i = 0; i < count; i++)
        add_node(google, cluster, pool, emptiest_zone(pool), up_at);
}

void nodes_drop_stuck(struct gke_cluster *cluster, struct gke_pool *pool)
{
    for (struct gke_node *node = pool->nodes, *next; node; node = next) {
        next = node->next;
        if (node->stuck)
            nodes_remove(cluster, pool, node);
    }
}

bool nodes_advance(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool)
{
    int64_t now = google_now(google);
    bool all_up = true;
    for (struct gke_node *node = pool->nodes; node; node = node->next) {
        bool reachable = cluster->kube || google->outside;
        if (!node->up && !node->stuck && node->up_at <= now && reachable) {
            node->up = true;
            if (cluster->kube)
                kubernetes_add_node(cluster->kube,
                                    node_template(cluster, pool, node->name, node->zone, false));
        }
        if (node->up && !node->device && node->device_at <= now) {
            AUTO(json) struct json *resources = node_resources(pool, true);
            node->device = true;
            if (cluster->kube)
                kubernetes_set_allocatable(cluster->kube, node->name, resources);
        }
        all_up = all_up && node->up;
    }
    return all_up;
}

void nodes_free(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool)
{
    (void)google;
    while (pool->nodes)
        nodes_remove(cluster, pool, pool->nodes);
}
