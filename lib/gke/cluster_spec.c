/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/cluster_spec.h"

#include "gke/cluster_spec_check.h"
#include "gke/spec_line.h"

#include <string.h>

#define SYSTEM_POOL "system"
#define SYSTEM_NODES 2

#define AT(member) .offset = offsetof(llmd_cluster_spec, member)
#define SWITCH(key, member, text)                                                                  \
    {                                                                                              \
        .name = key, .type = FIELD_JSON, AT(member), .json = JSON_BOOL, .doc = text                \
    }

static const struct field cluster_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     AT(name),
     .check = llmd__pool_check_name,
     .doc = "Required. At most 40 lower case letters, digits and `-`."},
    {.name = "version",
     .type = FIELD_STRING,
     AT(version),
     .check = llmd__pool_check_version,
     .doc = "Kubernetes version: `1.34`, `1.34.1-gke.1829001` or `latest`; the release channel's "
            "own by default. A cluster that is newer stays."},
    {.name = "releaseChannel",
     .type = FIELD_STRING,
     AT(release_channel),
     .values = "rapid|regular|stable|extended",
     .doc = "`regular` by default"},
    {.name = "network",
     .type = FIELD_STRING,
     AT(network),
     .doc = "The VPC network; `default` by default. Another project's as "
            "`projects/P/global/networks/N`."},
    {.name = "subnetwork",
     .type = FIELD_STRING,
     AT(subnetwork),
     .doc = "Its subnetwork in the region; needed unless the network makes its own."},
    {.name = "zones",
     .type = FIELD_STRINGS,
     AT(zones),
     .check = llmd__pool_check_zones,
     .doc = "Zones of the nodes; by default the zone of the cluster, or three of its region."},
    SWITCH("dataplaneV2", dataplane_v2,
           "Dataplane V2, which enforces network policies; on by default. Only at "
           "creation."),
    {.name = "networkPolicy",
     .type = FIELD_BOOL,
     AT(network_policy),
     .doc = "Network policies by Calico, for clusters without Dataplane V2."},
    SWITCH("gatewayApi", gateway_api,
           "GKE's Gateway controller and HTTP load balancing; on by default."),
    SWITCH("workloadIdentity", workload_identity,
           "Pods act as Google accounts of their own; on by default."),
    SWITCH("shieldedNodes", shielded_nodes, "Nodes prove what they are; on by default."),
    {.name = "privateNodes",
     .type = FIELD_BOOL,
     AT(private_nodes),
     .doc = "Nodes without public addresses; images from elsewhere than Google then need a Cloud "
            "NAT."},
    {.name = "dnsEndpoint",
     .type = FIELD_BOOL,
     AT(dns_endpoint),
     .doc = "The control plane answers under a DNS name, from outside too."},
    {.name = "authorizedNetworks",
     .type = FIELD_STRINGS,
     AT(authorized_networks),
     .check = llmd__cluster_check_networks,
     .doc = "The only ranges (CIDR) that reach the control plane's address."},
    {.name = "monitoring",
     .type = FIELD_STRING,
     AT(monitoring),
     .values = "system|full|off",
     .doc = "Metrics in Cloud Monitoring; GKE's choice by default"},
    {.name = "labels",
     .type = FIELD_MAP,
     AT(labels),
     .check = llmd__cluster_check_labels,
     .doc = "Google's resource labels of the cluster; the library adds `managed-by`."},
    {.name = "nodePools",
     .type = FIELD_LIST,
     AT(node_pools),
     .fields = llmd__pool_fields,
     .size = sizeof(struct pool_spec),
     .doc = "Pools of nodes. Without one that has no accelerator, two e2-standard-4 are added, "
            "named `" SYSTEM_POOL "`."},
    {.name = "enableMissing",
     .type = FIELD_BOOL,
     AT(enable_missing),
     .doc = "Switches on what is off and needed: services of the project, and on a cluster that "
            "exists Gateway API, HTTP load balancing and network policies."},
    {.name = "adopt",
     .type = FIELD_BOOL,
     AT(adopt),
     .doc = "Takes a cluster of this name that the library did not make."},
    {.name = "overlay",
     .type = FIELD_JSON,
     AT(overlay),
     .json = JSON_OBJECT,
     .doc = "A merge patch (RFC 7396) for GKE's Cluster; has the last word."},
    FIELD_END,
};

static llmd_cluster_spec no_memory;

const struct spec_type llmd__cluster_spec_type = {
    .what = "cluster spec",
    .size = sizeof(llmd_cluster_spec),
    .fields = cluster_fields,
    .none = &no_memory,
    .check = llmd__cluster_check,
    .locate = llmd__error_with_line,
    .follow = "cluster wait",
};

SPEC_FUNCTIONS(llmd_cluster_spec, llmd__cluster_spec_type)
SPEC_FILE_FUNCTIONS(llmd_cluster_spec, llmd__cluster_spec_type)

llmd_cluster_spec *llmd_cluster_spec_new(const char *name)
{
    llmd_cluster_spec *spec = llmd__spec_new(&llmd__cluster_spec_type);

    llmd__spec_text(spec, &spec->name, name);
    return spec;
}

const char *llmd_cluster_spec_name(const llmd_cluster_spec *spec)
{
    return spec && spec->name ? spec->name : "";
}

llmd_error *llmd__cluster_spec_check(const llmd_cluster_spec *spec)
{
    return llmd__spec_check(spec);
}

llmd_error *llmd__cluster_spec_copy(const llmd_cluster_spec *spec, llmd_cluster_spec **out)
{
    void *copy = NULL;

    *out = NULL;
    TRY(llmd__spec_copy(spec, &copy));
    *out = copy;
    return NULL;
}

bool llmd__cluster_spec_on(const struct json *value)
{
    return llmd__json_bool(value, NULL, true);
}

/* ---- pools ---- */

static const struct pool_spec *said_pool(const llmd_cluster_spec *spec, size_t index)
{
    return (const struct pool_spec *)spec->node_pools.items + index;
}

/* Good for GKE's own pods: without an accelerator, which would be too dear for them. */
static bool is_plain(const struct pool_spec *pool)
{
    const struct pool_preset *preset = llmd__pool_preset(pool->preset);

    return llmd__pool_accelerator(pool) == ACCELERATOR_NONE && !(preset && preset->chip);
}

/* The first plain pool of the spec, or their number. */
static size_t first_plain(const llmd_cluster_spec *spec)
{
    size_t index = 0;

    while (index < spec->node_pools.count && !is_plain(said_pool(spec, index)))
        index++;
    return index;
}

static bool lacks_system_pool(const llmd_cluster_spec *spec)
{
    return first_plain(spec) == spec->node_pools.count;
}

size_t llmd__cluster_spec_pools(const llmd_cluster_spec *spec)
{
    return spec->node_pools.count + lacks_system_pool(spec);
}

size_t llmd__cluster_spec_system_pool(const llmd_cluster_spec *spec)
{
    return lacks_system_pool(spec) ? 0 : first_plain(spec);
}

static llmd_error *system_pool(struct pool_spec *out)
{
    AUTO(json) struct json *json = NULL;

    *out = (struct pool_spec){0};
    TRY(llmd__json_make(&json, "{'name': %s, 'preset': 'cpu', 'nodes': %d}", SYSTEM_POOL,
                        SYSTEM_NODES));
    return llmd__pool_spec_read(json, "system pool", out);
}

llmd_error *llmd__cluster_spec_pool(const llmd_cluster_spec *spec, size_t index,
                                    struct pool_spec *out)
{
    bool added = lacks_system_pool(spec);

    if (added && index == 0)
        return system_pool(out);
    index -= added;
    if (index < spec->node_pools.count)
        return llmd__pool_spec_resolve(said_pool(spec, index), out);
    *out = (struct pool_spec){0};
    return llmd__error(LLMD_E_NOT_FOUND, "cluster spec %s has %zu node pools",
                       llmd_cluster_spec_name(spec), llmd__cluster_spec_pools(spec));
}
