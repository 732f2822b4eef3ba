/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/manifest_check.h"

#include <string.h>

/* A member, or a member with this value ("a.b=VALUE"). */
struct exclusion {
    const char *one, *other, *advice;
};

static const struct exclusion pool_exclusions[] = {
    {"config.spot=true", "config.preemptible=true", "spot is preemptible's successor"},
    {"config.spot=true", "config.flexStart=true", NULL},
    {"autoscaling.maxNodeCount", "autoscaling.totalMaxNodeCount",
     "counts are per zone or for the whole pool, not both"},
    {"autoscaling.minNodeCount", "autoscaling.totalMinNodeCount",
     "counts are per zone or for the whole pool, not both"},
    {"placementPolicy.type=COMPACT", "upgradeSettings.strategy=BLUE_GREEN", NULL},
};

static const struct exclusion cluster_exclusions[] = {
    /* Even {enabled: false} is refused (P105). */
    {"networkConfig.datapathProvider=ADVANCED_DATAPATH", "networkPolicy",
     "Dataplane V2 enforces network policies itself"},
    {"networkConfig.datapathProvider=ADVANCED_DATAPATH",
     "addonsConfig.networkPolicyConfig.disabled=false",
     "Dataplane V2 enforces network policies itself"},
    {"networkPolicy.enabled=true", "addonsConfig.networkPolicyConfig.disabled=true", NULL},
    {"networkConfig.gatewayApiConfig.channel=CHANNEL_STANDARD",
     "addonsConfig.httpLoadBalancing.disabled=true", "a Gateway needs HTTP load balancing"},
    {"networkConfig.gatewayApiConfig.channel=CHANNEL_STANDARD",
     "ipAllocationPolicy.useIpAliases=false", "a Gateway needs a VPC-native cluster"},
    {"ipAllocationPolicy.useIpAliases=true", "ipAllocationPolicy.useRoutes=true", NULL},
    {"nodePools", "initialNodeCount", "counts stand in the pools"},
    {"nodePools", "nodeConfig", "configurations stand in the pools"},
    {"nodePools", "autopilot.enabled=true", "an Autopilot cluster makes its own nodes"},
};

static bool has_value(const struct json *value, const char *wanted)
{
    if (llmd__json_type(value) == JSON_BOOL)
        return strcmp(wanted, llmd__json_bool(value, NULL, false) ? "true" : "false") == 0;
    return strcmp(wanted, llmd__json_text(value)) == 0;
}

static bool has(const struct json *body, const char *condition)
{
    size_t len = strcspn(condition, "=");
    const struct json *value;
    char path[80];

    if (len >= sizeof(path))
        return false;
    memcpy(path, condition, len);
    path[len] = '\0';
    value = llmd__json_get(body, path);
    return value && (!condition[len] || has_value(value, condition + len + 1));
}

static llmd_error *check(const struct json *body, const struct exclusion *exclusions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct exclusion *pair = &exclusions[i];

        if (has(body, pair->one) && has(body, pair->other))
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "GKE refuses %s together with %s", pair->one,
                            pair->other),
                "%s", pair->advice ? pair->advice : "look at the overlay");
    }
    return NULL;
}

llmd_error *llmd__manifest_check_pool(const struct json *node_pool)
{
    return check(node_pool, pool_exclusions, sizeof(pool_exclusions) / sizeof(pool_exclusions[0]));
}

llmd_error *llmd__manifest_check_cluster(const struct json *cluster)
{
    return check(cluster, cluster_exclusions,
                 sizeof(cluster_exclusions) / sizeof(cluster_exclusions[0]));
}
