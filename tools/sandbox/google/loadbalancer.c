/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each programmed Gateway has a forwarding rule, a target proxy, a URL map, and for each backend of
 * its routes a backend service, a health check and a network endpoint group. They go some time
 * after the Gateway. A cluster that is deleted first takes its controller along: they stay.
 */
#include "sandbox/google/loadbalancer.h"

#include "sandbox/google/clusters.h"
#include "sandbox/google/resources.h"
#include "sandbox/gateways.h"

#include <stdio.h>
#include <string.h>

#define GONE_TIME (45 * SECONDS)

struct programming {
    struct google *google;
    const struct gke_cluster *cluster;
    const struct object *gateway;
    char key[256];
    char scope[48];
    bool global;
};

static const char *region_of(const struct gke_cluster *cluster)
{
    const struct zone *zone = catalog_zone(cluster->location);
    return zone ? zone->region : cluster->location;
}

static unsigned hash(const char *text)
{
    unsigned value = 2166136261u;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * 16777619u;
    return value;
}

/* gkegw1-CCCC-NAMESPACE-NAME[-PORT]-HASH: the names hold no cluster's name. */
static char *object_name(const struct programming *programming, const char *ns, const char *name,
                         int port)
{
    AUTO(str) char *full = llmd__format("%s/%s/%s/%d", programming->cluster->id, ns, name, port);
    if (port)
        return llmd__format("gkegw1-%.4s-%.12s-%.16s-%d-%08x%04x", programming->cluster->id, ns,
                            name, port, hash(full), hash(full + 1) & 0xffff);
    return llmd__format("gkegw1-%.4s-%.12s-%.16s-%08x%04x", programming->cluster->id, ns, name,
                        hash(full), hash(full + 1) & 0xffff);
}

/* Adds it unless it is there; json is taken. */
static void ensure(const struct programming *programming, const char *collection, const char *scope,
                   const char *name, struct json *json)
{
    struct resource *resource = resource_find(programming->google, collection, scope, name);
    if (resource) {
        llmd__json_free(json);
    } else {
        resource = resource_add(programming->google, collection, scope, name, json);
        snprintf(resource->gateway, sizeof(resource->gateway), "%s", programming->key);
    }
    resource->gone_at = 0;
}

static char *description_of(const struct programming *programming)
{
    return llmd__format("{\"k8sCluster\":\"/projects/" PROJECT_NUMBER "/locations/%s/clusters/%s\","
                        "\"k8sResource\":\"/namespaces/%s/gateways/%s\"}",
                        programming->cluster->location, programming->cluster->name,
                        programming->gateway->ns, programming->gateway->name);
}

static char *link_to(const struct programming *programming, const char *collection,
                     const char *name)
{
    return resource_link(programming->google, programming->scope, collection, name);
}

static void add_front(const struct programming *programming)
{
    const struct object *gateway = programming->gateway;
    const char *scope = programming->scope;
    AUTO(str) char *name = object_name(programming, gateway->ns, gateway->name, 0);
    AUTO(str) char *words = description_of(programming);
    AUTO(str) char *proxy = link_to(programming, "targetHttpProxies", name);
    AUTO(str) char *map = link_to(programming, "urlMaps", name);
    bool inside = strstr(object_str(gateway, "spec.gatewayClassName"), "rilb") != NULL;
    ensure(programming, "forwardingRules", scope, name,
           MAKE("{'IPAddress':%s,'IPProtocol':'TCP','portRange':'80-80','target':%s,"
                "'loadBalancingScheme':%s,'description':%s,'networkTier':'PREMIUM'}",
                object_str(gateway, "status.addresses[0].value"), proxy,
                inside ? "INTERNAL_MANAGED" : "EXTERNAL_MANAGED", words));
    ensure(programming, "targetHttpProxies", scope, name,
           MAKE("{'urlMap':%s,'description':%s}", map, words));
    ensure(programming, "urlMaps", scope, name,
           MAKE("{'description':%s,'hostRules':[],'pathMatchers':[]}", words));
}

/* The address is that of a reservation where the Gateway names one. */
static void mark_address(const struct programming *programming)
{
    JSON_EACH(address, llmd__json_get(object_json(programming->gateway), "spec.addresses")) {
        struct resource *resource = resource_find(
            programming->google, "addresses", programming->scope, llmd__json_str(address, "value"));
        if (resource)
            llmd__json_set_str(resource->json, "status", "IN_USE");
    }
}

static struct json *health_of(struct sandbox *kube, const char *ns, const char *name, bool pool)
{
    bool healthy = !pool || pool_is_healthy(kube, ns, name);
    return MAKE("[{'ipAddress':'10.4.0.5','port':8000,'healthState':%s}]",
                healthy ? "HEALTHY" : "UNHEALTHY");
}

static void add_backend(const struct programming *programming, const char *ns,
                        const struct json *ref)
{
    bool pool = strcmp(llmd__json_str(ref, "kind"), "InferencePool") == 0;
    const char *backend = llmd__json_str(ref, "name");
    int port = pool ? 54321 : (int)llmd__json_int(ref, "port", 8000);
    AUTO(str) char *name = object_name(programming, ns, backend, port);
    AUTO(str) char *check = link_to(programming, "healthChecks", name);
    AUTO(str)
    char *group_scope = llmd__format(
        "zones/%s",
        llmd__json_text(llmd__json_first(llmd__json_get(programming->cluster->spec, "locations"))));
    AUTO(str) char *group_name = llmd__format("k8s1-%s", name + strlen("gkegw1-"));
    AUTO(str)
    char *group =
        resource_link(programming->google, group_scope, "networkEndpointGroups", group_name);
    ensure(programming, "healthChecks", programming->scope, name,
           MAKE("{'type':'HTTP','checkIntervalSec':15,'httpHealthCheck':{'requestPath':'/',"
                "'portSpecification':'USE_SERVING_PORT'}}"));
    ensure(programming, "networkEndpointGroups", group_scope, group_name,
           MAKE("{'networkEndpointType':'GCE_VM_IP_PORT','size':1}"));
    ensure(programming, "backendServices", programming->scope, name,
           MAKE("{'protocol':'HTTP','healthChecks':[%s],'backends':[{'group':%s,'balancingMode':"
                "'RATE'}]}",
                check, group));
    if (pool) {
        struct resource *asks =
            resource_find(programming->google, "healthChecks", programming->scope, name);
        llmd__json_set_str(llmd__json_edit(asks->json, "httpHealthCheck"), "requestPath",
                           pool_request_path(programming->cluster->kube, ns, backend));
    }
    struct resource *service =
        resource_find(programming->google, "backendServices", programming->scope, name);
    llmd__json_set(service->json, "healthOfSandbox",
                   health_of(programming->cluster->kube, ns, backend, pool));
}

static bool names_gateway(const struct object *route, const struct object *gateway)
{
    JSON_EACH(parent, llmd__json_get(object_json(route), "spec.parentRefs")) {
        const char *ns = llmd__json_str(parent, "namespace");
        if (strcmp(llmd__json_str(parent, "name"), gateway->name) == 0 &&
            strcmp(*ns ? ns : route->ns, gateway->ns) == 0)
            return true;
    }
    return false;
}

static void add_backends_of(const struct programming *programming, const struct object *route)
{
    JSON_EACH(rule, llmd__json_get(object_json(route), "spec.rules")) {
        JSON_EACH(ref, llmd__json_get(rule, "backendRefs"))
            add_backend(programming, route->ns, ref);
    }
}

static void add_backends(const struct programming *programming, struct sandbox *kube)
{
    struct kind *routes = kinds_find(kube->store.kinds, GATEWAY_GROUP, "httproutes");
    for (struct object *route = routes ? routes->objects : NULL; route; route = route->next)
        if (names_gateway(route, programming->gateway))
            add_backends_of(programming, route);
}

static void program(struct google *google, struct gke_cluster *cluster, struct object *gateway)
{
    struct programming programming = {.google = google, .cluster = cluster, .gateway = gateway};
    bool global = strstr(object_str(gateway, "spec.gatewayClassName"), "global") != NULL;
    if (strcmp(condition_status(object_json(gateway), "Programmed"), "True") != 0)
        return;
    snprintf(programming.key, sizeof(programming.key), "%.64s/%s/%s", cluster->id, gateway->ns,
             gateway->name);
    if (global)
        snprintf(programming.scope, sizeof(programming.scope), "global");
    else
        snprintf(programming.scope, sizeof(programming.scope), "regions/%s", region_of(cluster));
    add_front(&programming);
    add_backends(&programming, cluster->kube);
    mark_address(&programming);
}

static bool has_proxy_subnet(struct google *google, const char *region)
{
    for (struct resource *resource = google->resources; resource; resource = resource->next)
        if (strcmp(resource->collection, "subnetworks") == 0 &&
            strncmp(resource->scope, "regions/", 8) == 0 &&
            strcmp(resource->scope + 8, region) == 0 &&
            strcmp(llmd__json_str(resource->json, "purpose"), "REGIONAL_MANAGED_PROXY") == 0 &&
            resource_is_visible(google, resource))
            return true;
    return false;
}

/* Objects of the cluster's Gateways begin to go; those that are still wanted are saved by
   ensure(). */
static void doom(struct google *google, const struct gke_cluster *cluster)
{
    for (struct resource *resource = google->resources; resource; resource = resource->next)
        if (strncmp(resource->gateway, cluster->id, strlen(cluster->id)) == 0 && !resource->gone_at)
            resource->gone_at = google_now(google) + GONE_TIME;
}

static void remove_gone(struct google *google)
{
    int64_t now = google_now(google);
    for (struct resource *resource = google->resources, *next; resource; resource = next) {
        next = resource->next;
        if (resource->gone_at && resource->gone_at <= now)
            resource_remove(google, resource);
    }
}

static void free_addresses(struct google *google)
{
    for (struct resource *resource = google->resources; resource; resource = resource->next)
        if (strcmp(resource->collection, "addresses") == 0)
            llmd__json_set_str(resource->json, "status", "RESERVED");
}

void loadbalancer_sync(struct google *google)
{
    free_addresses(google);
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next) {
        if (!cluster->kube || strcmp(cluster->status, "STOPPING") == 0)
            continue;
        doom(google, cluster);
        sandbox_lock(cluster->kube);
        cluster->kube->no_proxy_subnet = !has_proxy_subnet(google, region_of(cluster));
        struct kind *gateways = kinds_find(cluster->kube->store.kinds, GATEWAY_GROUP, "gateways");
        for (struct object *gateway = gateways ? gateways->objects : NULL; gateway;
             gateway = gateway->next)
            program(google, cluster, gateway);
        sandbox_unlock(cluster->kube);
    }
    remove_gone(google);
}
