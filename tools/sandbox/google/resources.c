/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/google/resources.h"

#include "sandbox/google/catalog.h"
#include "sandbox/conn.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct collection collections[] = {
    {"networks", "compute#network", "Network", 20 * SECONDS},
    {"subnetworks", "compute#subnetwork", "Subnetwork", SUBNET_TIME},
    {"addresses", "compute#address", "Address", 5 * SECONDS},
    {"routers", "compute#router", "Router", 15 * SECONDS},
    {"firewalls", "compute#firewall", "Firewall", 10 * SECONDS},
    {"disks", "compute#disk", "Disk", 10 * SECONDS},
    {"healthChecks", "compute#healthCheck", "HealthCheck", 10 * SECONDS},
    {"forwardingRules", "compute#forwardingRule", NULL, 10 * SECONDS},
    {"targetHttpProxies", "compute#targetHttpProxy", NULL, 10 * SECONDS},
    {"targetHttpsProxies", "compute#targetHttpsProxy", NULL, 10 * SECONDS},
    {"urlMaps", "compute#urlMap", NULL, 10 * SECONDS},
    {"backendServices", "compute#backendService", NULL, 10 * SECONDS},
    {"networkEndpointGroups", "compute#networkEndpointGroup", NULL, 10 * SECONDS},
    {"sslCertificates", "compute#sslCertificate", NULL, 10 * SECONDS},
    {"routes", "compute#route", NULL, 10 * SECONDS},
    {"reservations", "compute#reservation", NULL, 10 * SECONDS},
    {"instanceTemplates", "compute#instanceTemplate", NULL, 10 * SECONDS},
    {"instances", "compute#instance", NULL, 30 * SECONDS},
    {"instanceGroups", "compute#instanceGroup", NULL, 30 * SECONDS},
    {"instanceGroupManagers", "compute#instanceGroupManager", NULL, 30 * SECONDS},
    {"operations", "compute#operation", NULL, 0},
};

const struct collection *collection_find(const char *name)
{
    for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++)
        if (strcmp(collections[i].name, name) == 0)
            return &collections[i];
    return NULL;
}

char *resource_link(const struct google *google, const char *scope, const char *collection,
                    const char *name)
{
    return llmd__format("https://www.googleapis.com/compute/v1/projects/%s/%s/%s/%s",
                        google_project(google), scope, collection, name);
}

static void add_common(struct google *google, struct resource *resource)
{
    const char *scope = resource->scope;
    struct json *json = resource->json;
    char stamp[40];
    const char *part = strchr(scope, '/');
    AUTO(str) char *id = llmd__format("%" PRId64, 4611686018427387904 + google->resource_id++);
    AUTO(str)
    char *link = resource_link(google, scope, resource->collection, resource->name);
    clock_stamp(stamp);
    llmd__json_set_str(json, "kind", collection_find(resource->collection)->kind);
    llmd__json_set_str(json, "id", id);
    llmd__json_set_str(json, "name", resource->name);
    llmd__json_set_str(json, "selfLink", link);
    if (!llmd__json_get(json, "creationTimestamp"))
        llmd__json_set_str(json, "creationTimestamp", stamp);
    if (!part)
        return;
    AUTO(str)
    char *place = llmd__format("https://www.googleapis.com/compute/v1/projects/%s/%s",
                               google_project(google), scope);
    llmd__json_set_str(json, strncmp(scope, "zones", 5) == 0 ? "zone" : "region", place);
}

struct resource *resource_add(struct google *google, const char *collection, const char *scope,
                              const char *name, struct json *json)
{
    struct resource *resource = must_alloc(sizeof(*resource));
    struct resource **end = &google->resources;
    *resource = (struct resource){.collection = collection_find(collection)->name, .json = json};
    snprintf(resource->scope, sizeof(resource->scope), "%s", scope);
    snprintf(resource->name, sizeof(resource->name), "%s", name);
    add_common(google, resource);
    while (*end)
        end = &(*end)->next;
    *end = resource;
    return resource;
}

struct resource *resource_find(struct google *google, const char *collection, const char *scope,
                               const char *name)
{
    for (struct resource *resource = google->resources; resource; resource = resource->next)
        if (strcmp(resource->collection, collection) == 0 && strcmp(resource->scope, scope) == 0 &&
            strcmp(resource->name, name) == 0)
            return resource;
    return NULL;
}

void resource_remove(struct google *google, struct resource *resource)
{
    struct resource **at = &google->resources;
    while (*at && *at != resource)
        at = &(*at)->next;
    if (*at)
        *at = resource->next;
    llmd__json_free(resource->json);
    free(resource);
}

/* The subnet that is there from the start is what the fault takes away. */
bool resource_is_visible(struct google *google, const struct resource *resource)
{
    if (resource->ready_at > google_now(google) && strcmp(resource->collection, "operations") != 0)
        return false;
    return strcmp(resource->gateway, "preset") != 0 || !fault_on(google, "no-proxy-subnet", "");
}

void resources_free(struct google *google)
{
    while (google->resources)
        resource_remove(google, google->resources);
}

/* ---- ranges ---- */

static bool parse_range(const char *text, uint32_t *start, uint32_t *mask)
{
    char address[32];
    int bits;
    struct in_addr in;
    if (sscanf(text, "%31[0-9.]/%d", address, &bits) != 2 || bits < 0 || bits > 32 ||
        inet_pton(AF_INET, address, &in) != 1)
        return false;
    *mask = bits ? ~0u << (32 - bits) : 0;
    *start = ntohl(in.s_addr) & *mask;
    return true;
}

bool ranges_overlap(const char *a, const char *b)
{
    uint32_t start[2];
    uint32_t mask[2];
    if (!parse_range(a, &start[0], &mask[0]) || !parse_range(b, &start[1], &mask[1]))
        return false;
    uint32_t wider = mask[0] < mask[1] ? mask[0] : mask[1];
    return (start[0] & wider) == (start[1] & wider);
}

/* ---- what a new project has ---- */

static void add_subnets(struct google *google, const char *region, int index)
{
    AUTO(str) char *scope = llmd__format("regions/%s", region);
    AUTO(str) char *range = llmd__format("10.%d.0.0/20", 128 + 2 * index);
    AUTO(str) char *proxies = llmd__format("192.168.%d.0/23", 100 + 2 * index);
    AUTO(str) char *network = resource_link(google, "global", "networks", "default");
    resource_add(google, "subnetworks", scope, "default",
                 MAKE("{'network':%s,'ipCidrRange':%s,'gatewayAddress':'10.128.0.1','purpose':"
                      "'PRIVATE','stackType':'IPV4_ONLY','privateIpGoogleAccess':false}",
                      network, range));
    struct resource *proxy = resource_add(
        google, "subnetworks", scope, "proxy-only",
        MAKE("{'network':%s,'ipCidrRange':%s,'purpose':'REGIONAL_MANAGED_PROXY','role':'ACTIVE',"
             "'state':'READY'}",
             network, proxies));
    snprintf(proxy->gateway, sizeof(proxy->gateway), "preset");
}

void resources_install(struct google *google)
{
    const char *last = "";
    int index = 0;
    AUTO(str) char *network = resource_link(google, "global", "networks", "default");
    resource_add(google, "networks", "global", "default",
                 MAKE("{'autoCreateSubnetworks':true,'description':'Default network for the "
                      "project','routingConfig':{'routingMode':'REGIONAL'},'subnetworks':[]}"));
    resource_add(google, "routes", "global", "default-route-internet",
                 MAKE("{'network':%s,'destRange':'0.0.0.0/0','priority':1000}", network));
    resource_add(google, "firewalls", "global", "default-allow-internal",
                 MAKE("{'network':%s,'sourceRanges':['10.128.0.0/9'],'direction':'INGRESS',"
                      "'priority':65534,'allowed':[{'IPProtocol':'tcp','ports':['0-65535']}]}",
                      network));
    for (size_t i = 0; i < catalog_zone_count; i++) {
        if (strcmp(catalog_zones[i].region, last) == 0)
            continue;
        last = catalog_zones[i].region;
        add_subnets(google, last, index++);
    }
}
