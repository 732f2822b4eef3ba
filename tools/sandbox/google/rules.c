/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no schema says: fields that exclude one another and values that must fit together, with
 * Google's texts where those are known (facts of gke.md section 4).
 */
#include "sandbox/google/clusters.h"

#include <ctype.h>
#include <string.h>

static bool is_true(const struct json *json, const char *path)
{
    return llmd__json_bool(json, path, false);
}

static bool has(const struct json *json, const char *path)
{
    return llmd__json_get(json, path) != NULL;
}

static bool text_is(const struct json *json, const char *path, const char *text)
{
    return strcmp(llmd__json_str(json, path), text) == 0;
}

static bool name_is_good(const char *name, size_t max)
{
    size_t len = strlen(name);
    if (len == 0 || len > max || !islower((unsigned char)name[0]) || name[len - 1] == '-')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* ---- clusters ---- */

static const char *network_fault(const struct json *cluster)
{
    bool advanced = text_is(cluster, "networkConfig.datapathProvider", "ADVANCED_DATAPATH");
    const struct json *addon = llmd__json_get(cluster, "addonsConfig.networkPolicyConfig.disabled");
    bool addon_on = addon && !llmd__json_bool(addon, "", true);
    bool addon_off = llmd__json_bool(addon, "", false);
    const char *channel = llmd__json_str(cluster, "networkConfig.gatewayApiConfig.channel");
    bool gateway = *channel && strcmp(channel, "CHANNEL_DISABLED") != 0;
    if (advanced && (has(cluster, "networkPolicy") || addon_on))
        return "Enabling NetworkPolicy for clusters with DatapathProvider=ADVANCED_DATAPATH is not "
               "allowed.";
    if (is_true(cluster, "networkPolicy.enabled") && addon_off)
        return "Network policy must be enabled on the master (addonsConfig.networkPolicyConfig) "
               "before it is enforced on nodes.";
    if (is_true(cluster, "ipAllocationPolicy.useIpAliases") &&
        is_true(cluster, "ipAllocationPolicy.useRoutes"))
        return "ip_allocation_policy.use_ip_aliases and ip_allocation_policy.use_routes are "
               "mutually exclusive.";
    if (gateway && is_true(cluster, "ipAllocationPolicy.useRoutes"))
        return "Gateway API requires VPC-native (alias IP) clusters.";
    if (gateway && is_true(cluster, "addonsConfig.httpLoadBalancing.disabled"))
        return "Gateway API requires the HttpLoadBalancing add-on to be enabled.";
    return NULL;
}

static const char *cluster_fault(const struct json *cluster)
{
    if (has(cluster, "nodePools") &&
        (has(cluster, "initialNodeCount") || has(cluster, "nodeConfig")))
        return "Cluster.node_pools and Cluster.initial_node_count or Cluster.node_config are "
               "mutually exclusive.";
    if (is_true(cluster, "autopilot.enabled") && has(cluster, "nodePools"))
        return "Node pools cannot be specified for Autopilot clusters.";
    if (is_true(cluster, "enableTpu"))
        return "Cloud TPU (the TPU Node architecture) is no longer supported: enable_tpu must not "
               "be set.";
    if (has(cluster, "ipAllocationPolicy.clusterIpv4Cidr") &&
        has(cluster, "ipAllocationPolicy.clusterIpv4CidrBlock"))
        return "ip_allocation_policy.cluster_ipv4_cidr and cluster_ipv4_cidr_block are mutually "
               "exclusive.";
    return network_fault(cluster);
}

static struct json *version_rule(struct api_call *call, const struct json *cluster)
{
    const char *wanted = llmd__json_str(cluster, "initialClusterVersion");
    const char *channel = llmd__json_str(cluster, "releaseChannel.channel");
    if (catalog_version(*channel ? channel : "REGULAR", wanted))
        return NULL;
    return api_invalid(call, "Master version \"%s\" is unsupported.", wanted);
}

struct json *cluster_rules(struct api_call *call, const struct json *cluster)
{
    const char *name = llmd__json_str(cluster, "name");
    const char *pool = llmd__json_str(cluster, "workloadIdentityConfig.workloadPool");
    AUTO(str) char *own = llmd__format("%s.svc.id.goog", google_project(call->google));
    const char *fault = cluster_fault(cluster);
    if (!name_is_good(name, 40))
        return api_invalid(call,
                           "Invalid value for field \"cluster.name\": \"%s\". Cluster name must "
                           "start with a lowercase letter followed by up to 39 lowercase letters, "
                           "numbers, or hyphens, and cannot end with a hyphen.",
                           name);
    if (fault)
        return api_invalid(call, "%s", fault);
    if (*pool && strcmp(pool, own) != 0)
        return api_invalid(call,
                           "Invalid value for field \"cluster.workload_identity_config."
                           "workload_pool\": \"%s\". Currently the only supported value is "
                           "\"%s\".",
                           pool, own);
    if (!has(cluster, "nodePools") && !is_true(cluster, "autopilot.enabled") &&
        llmd__json_int(cluster, "initialNodeCount", 0) < 1)
        return api_invalid(call, "Cluster.initial_node_count must be greater than zero.");
    return version_rule(call, cluster);
}

/* ---- pools ---- */

static const char *purchase_fault(const struct json *pool)
{
    bool flex = is_true(pool, "config.flexStart");
    bool spot = is_true(pool, "config.spot");
    bool queued = is_true(pool, "queuedProvisioning.enabled");
    const struct machine *machine = catalog_machine(llmd__json_str(pool, "config.machineType"));
    const char *reservation =
        llmd__json_str(pool, "config.reservationAffinity.consumeReservationType");
    if (spot && is_true(pool, "config.preemptible"))
        return "Spot and preemptible cannot both be set on a node pool.";
    if (spot && flex)
        return "Spot and flex start cannot both be set on a node pool.";
    if (spot && *reservation && strcmp(reservation, "NO_RESERVATION") != 0)
        return "Spot VMs cannot consume reservations.";
    if (flex && !is_true(pool, "autoscaling.enabled"))
        return "Flex start node pools require autoscaling enabled.";
    if (flex && llmd__json_int(pool, "initialNodeCount", 0) > 0)
        return "Flex start node pools require initial node count to be set to 0.";
    if (flex && queued && machine_is_tpu(machine))
        return "Flex start node pools don't support TPUs with queued provisioning.";
    if ((flex || queued) && strcmp(reservation, "NO_RESERVATION") != 0)
        return "Flex start and queued provisioning require reservation affinity NO_RESERVATION.";
    return NULL;
}

static const char *autoscaling_fault(const struct json *pool)
{
    const struct json *scaling = llmd__json_get(pool, "autoscaling");
    int64_t low = llmd__json_int(scaling, "minNodeCount", 0);
    int64_t high = llmd__json_int(scaling, "maxNodeCount", 0);
    int64_t total = llmd__json_int(scaling, "totalMaxNodeCount", 0);
    if (!is_true(scaling, "enabled"))
        return NULL;
    if ((low || high) && (total || llmd__json_int(scaling, "totalMinNodeCount", 0)))
        return "min_node_count and max_node_count are mutually exclusive with "
               "total_min_node_count and total_max_node_count.";
    if (!high && !total)
        return "Maximum node count must be greater than zero when autoscaling is enabled.";
    if (high && low > high)
        return "Minimum node count must not be greater than maximum node count.";
    return NULL;
}

static struct json *tpu_rules(struct api_call *call, const struct json *pool)
{
    const struct machine *machine = catalog_machine(llmd__json_str(pool, "config.machineType"));
    const char *topology = llmd__json_str(pool, "placementPolicy.tpuTopology");
    int chips = topology_chips(topology);
    if (!machine_is_tpu(machine) || !*topology)
        return NULL;
    if (chips == machine->chips)
        return api_invalid(call, "TPU topology can't be specified with single-host TPU slice pool; "
                                 "please remove the tpu_topology from the node pool creation "
                                 "request");
    if (chips == 0 || chips % machine->chips != 0 || chips < machine->chips || machine->chips != 4)
        return api_invalid(call, "Unsupported TPU configuration: machine type %s with topology %s.",
                           machine->name, topology);
    int slice = chips / machine->chips;
    int64_t size = llmd__json_int(pool, "initialNodeCount", 0);
    int64_t high = llmd__json_int(pool, "autoscaling.maxNodeCount", 0);
    if (size != 0 && size != slice)
        return api_invalid(call,
                           "Node count %d is not a valid size of TPU pod slice with topology %s.",
                           (int)size, topology);
    if (is_true(pool, "autoscaling.enabled") && high != slice)
        return api_invalid(call,
                           "Maximum node count %d is not a valid size of TPU pod slice with "
                           "topology %s.",
                           (int)high, topology);
    if (!text_is(pool, "placementPolicy.type", "COMPACT"))
        return api_invalid(call, "TPU topology requires placement policy type COMPACT.");
    return NULL;
}

static struct json *label_rules(struct api_call *call, const struct json *pool)
{
    static const char *const managed[] = {
        "cloud.google.com/compute-class", "cloud.google.com/gke-nodepool",
        "cloud.google.com/gke-spot", "cloud.google.com/gke-accelerator-count"};
    JSON_EACH(label, llmd__json_get(pool, "config.labels")) {
        const char *key = llmd__json_key(label);
        for (size_t i = 0; i < sizeof(managed) / sizeof(managed[0]); i++)
            if (strcmp(managed[i], key) == 0)
                return api_invalid(call,
                                   "Node labels with key \"%s\" are managed by GKE or Kubernetes "
                                   "and must not be manually specified",
                                   key);
        if (strncmp(key, "kubernetes.io/", 14) == 0 || strstr(key, ".kubernetes.io/"))
            return api_invalid(call, "Applying kubernetes label is not allowed: %s", key);
    }
    return NULL;
}

static struct json *location_rules(struct api_call *call, const char *location,
                                   const struct json *pool)
{
    const struct zone *own = catalog_zone(location);
    const char *region = own ? own->region : location;
    JSON_EACH(item, llmd__json_get(pool, "locations")) {
        const struct zone *zone = catalog_zone(llmd__json_text(item));
        if (!zone || strcmp(zone->region, region) != 0)
            return api_invalid(call,
                               "Invalid value for field \"node_pool.locations\": zone \"%s\" "
                               "is not in region \"%s\".",
                               llmd__json_text(item), region);
    }
    return NULL;
}

struct json *pool_rules(struct api_call *call, const struct json *cluster, const char *location,
                        const struct json *pool)
{
    const char *name = llmd__json_str(pool, "name");
    const char *fault = purchase_fault(pool);
    struct json *refused = NULL;
    (void)cluster;
    if (!name_is_good(name, 40))
        return api_invalid(call, "Invalid value for field \"node_pool.name\": \"%s\".", name);
    if (!fault)
        fault = autoscaling_fault(pool);
    if (!fault && text_is(pool, "placementPolicy.type", "COMPACT") &&
        (llmd__json_count(llmd__json_get(pool, "locations")) > 1 ||
         text_is(pool, "upgradeSettings.strategy", "BLUE_GREEN")))
        fault =
            "Compact placement requires a single zone and does not support blue-green upgrades.";
    if (!fault && has(pool, "management.autoUpgrade") && !is_true(pool, "management.autoUpgrade"))
        fault = "Auto_upgrade must be true when release channel is set.";
    if (fault)
        return api_invalid(call, "%s", fault);
    refused = tpu_rules(call, pool);
    if (!refused)
        refused = label_rules(call, pool);
    return refused ? refused : location_rules(call, location, pool);
}
