/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters and pools as they are, and as the API shows them. */
#include "sandbox/google/clusters.h"

#include "sandbox/google/kubernetes.h"
#include "sandbox/google/operations.h"
#include "sandbox/conn.h"
#include "base/base64.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK "https://container.googleapis.com/v1/projects/" PROJECT_NUMBER

struct gke_cluster *cluster_find(struct google *google, const char *location, const char *name)
{
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next)
        if (strcmp(cluster->name, name) == 0 && strcmp(cluster->location, location) == 0)
            return cluster;
    return NULL;
}

struct gke_pool *pool_find(const struct gke_cluster *cluster, const char *name)
{
    for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next)
        if (strcmp(pool->name, name) == 0)
            return pool;
    return NULL;
}

bool cluster_has_gateway_api(const struct gke_cluster *cluster)
{
    const char *channel = llmd__json_str(cluster->spec, "networkConfig.gatewayApiConfig.channel");
    return strcmp(channel, "CHANNEL_STANDARD") == 0 || strcmp(channel, "CHANNEL_EXPERIMENTAL") == 0;
}

const struct machine *pool_machine(const struct gke_pool *pool)
{
    return catalog_machine(llmd__json_str(pool->spec, "config.machineType"));
}

const char *pool_topology(const struct gke_pool *pool)
{
    const char *topology = llmd__json_str(pool->spec, "placementPolicy.tpuTopology");
    const struct machine *machine = pool_machine(pool);
    return *topology || !machine || !machine->topology ? topology : machine->topology;
}

int pool_slice(const struct gke_pool *pool)
{
    const struct machine *machine = pool_machine(pool);
    const char *topology = pool_topology(pool);
    return machine_is_multi_host(machine, topology) ? topology_chips(topology) / machine->chips : 1;
}

const struct json *pool_zones(const struct gke_pool *pool)
{
    return llmd__json_get(pool->spec, "locations");
}

bool pool_autoscales(const struct gke_pool *pool)
{
    return llmd__json_bool(pool->spec, "autoscaling.enabled", false);
}

/* ---- making and removing ---- */

void cluster_touch(struct gke_cluster *cluster)
{
    cluster->etag++;
}

struct gke_cluster *cluster_add(struct google *google, const char *location,
                                const struct json *spec)
{
    struct gke_cluster *cluster = must_alloc(sizeof(*cluster));
    *cluster = (struct gke_cluster){.status = "PROVISIONING", .next = google->clusters};
    snprintf(cluster->name, sizeof(cluster->name), "%s", llmd__json_str(spec, "name"));
    snprintf(cluster->location, sizeof(cluster->location), "%s", location);
    for (int i = 0; i < 4; i++)
        snprintf(cluster->id + (size_t)i * 16, 17, "%016" PRIx64, google_random(google));
    clock_stamp(cluster->created);
    cluster->spec = cluster_defaults(google, location, spec);
    google->clusters = cluster;
    return cluster;
}

struct gke_pool *pool_add(struct google *google, struct gke_cluster *cluster,
                          const struct json *spec)
{
    struct gke_pool *pool = must_alloc(sizeof(*pool));
    struct gke_pool **end = &cluster->pools;
    *pool = (struct gke_pool){.status = "PROVISIONING"};
    snprintf(pool->name, sizeof(pool->name), "%s", llmd__json_str(spec, "name"));
    snprintf(pool->hash, sizeof(pool->hash), "%08x", (unsigned)google_random(google));
    pool->spec = pool_defaults(cluster, spec);
    while (*end)
        end = &(*end)->next;
    *end = pool;
    return pool;
}

static void free_pool(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool)
{
    nodes_free(google, cluster, pool);
    llmd__json_free(pool->spec);
    llmd__free(pool->message);
    free(pool);
}

void pool_remove(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool)
{
    struct gke_pool **at = &cluster->pools;
    while (*at && *at != pool)
        at = &(*at)->next;
    if (*at)
        *at = pool->next;
    free_pool(google, cluster, pool);
}

void cluster_remove(struct google *google, struct gke_cluster *cluster)
{
    struct gke_cluster **at = &google->clusters;
    while (*at && *at != cluster)
        at = &(*at)->next;
    if (*at)
        *at = cluster->next;
    struct sandbox *kube = cluster->kube;
    cluster->kube = NULL;
    while (cluster->pools)
        pool_remove(google, cluster, cluster->pools);
    if (kube)
        sandbox_stop(kube);
    llmd__json_free(cluster->spec);
    llmd__free(cluster->message);
    free(cluster);
}

void clusters_free(struct google *google)
{
    while (google->clusters)
        cluster_remove(google, google->clusters);
}

void cluster_open(struct google *google, struct gke_cluster *cluster)
{
    int number = 0;
    if (!google->outside && !cluster->kube)
        cluster->kube = kubernetes_start(google, cluster_has_gateway_api(cluster));
    int64_t delay = CLASSES_TIME;
    if (fault_take(google, "no-gateway-class", "", &number))
        delay = number > 0 ? number * SECONDS : 0;
    if (cluster_has_gateway_api(cluster) && delay)
        cluster->classes_at = google_now(google) + delay;
}

void clusters_advance(struct google *google)
{
    int64_t now = google_now(google);
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next) {
        for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next)
            nodes_advance(google, cluster, pool);
        if (cluster->classes_at && cluster->classes_at <= now && cluster->kube) {
            kubernetes_add_classes(cluster->kube);
            cluster->classes_at = 0;
        }
        if (cluster->reconciling_until && cluster->reconciling_until <= now)
            cluster->reconciling_until = 0;
    }
}

/* ---- showing ---- */

static const char *collection_of(const char *location)
{
    return catalog_zone(location) ? "zones" : "locations";
}

static void add_condition(struct json *object, const char *code, const char *message)
{
    if (code)
        llmd__json_set(
            object, "conditions",
            MAKE("[{'code':%s,'canonicalCode':%s,'message':%s}]", code,
                 strcmp(code, "GCE_STOCKOUT") == 0 || strcmp(code, "GCE_QUOTA_EXCEEDED") == 0
                     ? "RESOURCE_EXHAUSTED"
                     : "UNKNOWN",
                 message));
}

static struct json *group_urls(struct google *google, const struct gke_cluster *cluster,
                               const struct gke_pool *pool)
{
    struct json *urls = llmd__json_array();
    char group[128];
    group_name(cluster, pool, group, sizeof(group));
    JSON_EACH(zone, pool_zones(pool)) {
        AUTO(str)
        char *url = llmd__format("https://www.googleapis.com/compute/v1/projects/%s/zones/%s/"
                                 "instanceGroupManagers/%s",
                                 google_project(google), llmd__json_text(zone), group);
        llmd__json_add_str(urls, url);
    }
    return urls;
}

struct json *pool_show(struct google *google, const struct gke_cluster *cluster,
                       const struct gke_pool *pool)
{
    struct json *json = must_copy(pool->spec);
    AUTO(str)
    char *link =
        llmd__format(LINK "/%s/%s/clusters/%s/nodePools/%s", collection_of(cluster->location),
                     cluster->location, cluster->name, pool->name);
    AUTO(str) char *etag = llmd__format("%s-%d", pool->hash, cluster->etag);
    llmd__json_set_str(json, "selfLink", link);
    llmd__json_set_str(json, "etag", etag);
    llmd__json_set_str(json, "status", pool->status);
    llmd__json_set_int(json, "podIpv4CidrSize", 24);
    llmd__json_set(json, "instanceGroupUrls", group_urls(google, cluster, pool));
    if (pool->message)
        llmd__json_set_str(json, "statusMessage", pool->message);
    add_condition(json, pool->condition, pool->message);
    if (fault_on(google, "unknown-enum", ""))
        llmd__json_set_str(json, "status", "STATUS_OF_THE_FUTURE");
    return json;
}

static const char *shown_status(struct google *google, const struct gke_cluster *cluster)
{
    bool busy = cluster->reconciling_until || operation_running(google, cluster);
    return strcmp(cluster->status, "RUNNING") == 0 && busy ? "RECONCILING" : cluster->status;
}

static void add_endpoint(struct google *google, const struct gke_cluster *cluster,
                         struct json *json)
{
    AUTO(buf) struct buf ca = BUF_INIT;
    AUTO(str)
    char *dns =
        llmd__format("gke-%.16s-" PROJECT_NUMBER ".%s.gke.goog", cluster->id, cluster->location);
    const char *endpoint = llmd__json_str(google->outside, "endpoint");
    llmd__buf_str(&ca, llmd__json_str(google->outside, "ca"));
    struct json *dns_config =
        member_object(member_object(json, "controlPlaneEndpointsConfig"), "dnsEndpointConfig");
    llmd__json_set_str(dns_config, "endpoint", dns);
    if (cluster->kube) {
        const char *pem = httpd_ca(cluster->kube->api);
        endpoint = httpd_url(cluster->kube->api) + strlen("https://");
        llmd__base64_encode(pem, strlen(pem), false, &ca);
    } else if (!google->outside || strcmp(cluster->status, "PROVISIONING") == 0) {
        return;
    }
    llmd__json_set_str(json, "endpoint", endpoint);
    llmd__json_set(
        json, "masterAuth",
        MAKE("{'clientCertificateConfig':{},'clusterCaCertificate':%s}", llmd__buf_text(&ca)));
    struct json *ips =
        member_object(llmd__json_edit(json, "controlPlaneEndpointsConfig"), "ipEndpointsConfig");
    llmd__json_set_bool(ips, "enabled", true);
    llmd__json_set_bool(ips, "enablePublicEndpoint", true);
    llmd__json_set_str(ips, "publicEndpoint", endpoint);
    llmd__json_set_str(ips, "privateEndpoint", endpoint);
}

static void add_pools(struct google *google, const struct gke_cluster *cluster, struct json *json)
{
    int nodes = 0;
    struct json *list = llmd__json_set_array(json, "nodePools");
    struct json *groups = llmd__json_set_array(json, "instanceGroupUrls");
    for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next) {
        AUTO(json) struct json *urls = group_urls(google, cluster, pool);
        llmd__json_add(list, pool_show(google, cluster, pool));
        JSON_EACH(url, urls)
            llmd__json_add_str(groups, llmd__json_text(url));
        nodes += nodes_count(pool);
    }
    if (nodes)
        llmd__json_set_int(json, "currentNodeCount", nodes);
}

struct json *cluster_show(struct google *google, const struct gke_cluster *cluster)
{
    struct json *json = must_copy(cluster->spec);
    AUTO(str)
    char *link = llmd__format(LINK "/%s/%s/clusters/%s", collection_of(cluster->location),
                              cluster->location, cluster->name);
    AUTO(str) char *etag = llmd__format("%.8s-%d", cluster->id, cluster->etag);
    llmd__json_set_str(json, "selfLink", link);
    llmd__json_set_str(json, "etag", etag);
    llmd__json_set_str(json, "id", cluster->id);
    llmd__json_set_str(json, "createTime", cluster->created);
    llmd__json_set_str(json, "location", cluster->location);
    llmd__json_set_str(json, "zone", cluster->location);
    llmd__json_set_str(json, "status", shown_status(google, cluster));
    if (cluster->message)
        llmd__json_set_str(json, "statusMessage", cluster->message);
    add_endpoint(google, cluster, json);
    add_pools(google, cluster, json);
    if (fault_on(google, "unknown-enum", "")) {
        llmd__json_set_str(json, "status", "STATUS_OF_THE_FUTURE");
        llmd__json_set(json, "fieldOfTheFuture", MAKE("{'depth':['x',1,true]}"));
    }
    return json;
}
