/* SPDX-License-Identifier: Apache-2.0 */
/* Machine types, quotas and policies that a new pool meets; what the project uses already. */
#include "sandbox/google/clusters.h"
#include "sandbox/google/quotas.h"

#include <stdio.h>
#include <string.h>

static int pool_machines(const struct gke_pool *pool)
{
    int count = 0;
    for (const struct gke_node *node = pool->nodes; node; node = node->next)
        count += !node->stuck;
    return count;
}

static bool in_region(const struct gke_cluster *cluster, const char *region)
{
    const struct zone *zone = catalog_zone(cluster->location);
    return strcmp(zone ? zone->region : cluster->location, region) == 0;
}

static double units_of(const struct gke_pool *pool, const char *metric)
{
    const struct machine *machine = pool_machine(pool);
    bool tpu = machine_is_tpu(machine);
    if (strcmp(metric, "IN_USE_ADDRESSES") == 0)
        return 1;
    if (strcmp(metric, "SSD_TOTAL_GB") == 0)
        return (double)llmd__json_int(pool->spec, "config.diskSizeGb", 100);
    if (!machine || !machine->quota || strcmp(machine->quota, metric) != 0)
        return 0;
    return tpu || machine->accelerator ? machine->chips : machine->cpus;
}

double region_usage(struct google *google, const char *region, const char *metric)
{
    double sum = 0;
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next)
        for (struct gke_pool *pool = cluster->pools; pool && in_region(cluster, region);
             pool = pool->next)
            sum += units_of(pool, metric) * pool_machines(pool);
    return sum;
}

int tpu_usage(struct google *google, const char *region, const char *family, bool spot)
{
    int sum = 0;
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next)
        for (struct gke_pool *pool = cluster->pools; pool && in_region(cluster, region);
             pool = pool->next) {
            const struct machine *machine = pool_machine(pool);
            bool own = machine_is_tpu(machine) && strncmp(family, "CT6E", 4) == 0 &&
                       strcmp(machine->accelerator, "ct6e") == 0;
            if (own && llmd__json_bool(pool->spec, "config.spot", false) == spot)
                sum += machine->chips * pool_machines(pool);
        }
    return sum;
}

/* ---- refusals ---- */

static struct json *machine_refusal(struct api_call *call, const char *type, const char *zone)
{
    const struct machine *machine = catalog_machine(type);
    AUTO(str) char *line = llmd__format("%s %s", type, zone);
    struct named_fault *fault = fault_on(call->google, "machine-type-absent", line);
    if (machine && machine_in_zone(machine, zone) && !(fault && *fault->match))
        return NULL;
    /* A zone without this TPU for GKE shows only when machines are made. */
    if (machine_is_tpu(machine) && !fault)
        return NULL;
    return api_invalid(call, "Invalid machine type \"%s\" in zone \"%s\": GCE_NOT_FOUND", type,
                       zone);
}

static struct json *policy_refusal(struct api_call *call, const char *location,
                                   const struct json *pool)
{
    AUTO(str)
    char *line = llmd__format("%s %s", location, llmd__json_str(pool, "config.machineType"));
    if (!fault_on(call->google, "org-policy", line))
        return NULL;
    return api_info(
        api_error(call, 400, "FAILED_PRECONDITION", NULL,
                  "Operation denied by org policy on resource 'projects/" PROJECT_NUMBER
                  "/locations/%s': [\"customConstraints/custom.denyCostlyMachineTypes\": \"Costly "
                  "machine types are not allowed.\"]",
                  location),
        "CUSTOM_ORG_POLICY_VIOLATION", "googleapis.com",
        MAKE("{'customConstraints':'customConstraints/custom.denyCostlyMachineTypes','service':"
             "'container.googleapis.com'}"));
}

static struct json *cpu_refusal(struct api_call *call, const char *region, const char *metric,
                                double need)
{
    double limit = region_limit(call->google, region, metric);
    double used = region_usage(call->google, region, metric);
    if (need <= limit - used)
        return NULL;
    return api_error(call, 403, "PERMISSION_DENIED", NULL,
                     "Insufficient regional quota to satisfy request: resource \"%s\": request "
                     "requires '%.1f' and is short '%.1f'. project has a quota of '%.1f' with "
                     "'%.1f' available. View and manage quotas at "
                     "https://console.cloud.google.com/iam-admin/quotas?usage=USED&project=%s.",
                     metric, need, need - (limit - used), limit, limit - used,
                     google_project(call->google));
}

static struct json *tpu_refusal(struct api_call *call, const char *region, const struct json *pool,
                                int chips)
{
    bool spot = llmd__json_bool(pool, "config.spot", false);
    int limit = quota_tpu_limit(call->google, region, "CT6E", spot);
    int number = 0;
    /* With number 1 the quota shows only at the machines, long after the call. */
    if (fault_take(call->google, "tpu-quota", "", &number) && number == 1)
        return NULL;
    if (tpu_usage(call->google, region, "CT6E", spot) + chips <= limit)
        return NULL;
    return api_error(call, 403, "PERMISSION_DENIED", NULL,
                     "Insufficient quota to satisfy the request: Quota 'TPUS_PER_TPU_FAMILY' "
                     "exceeded. Limit: %d.0 in region %s.",
                     limit, region);
}

static struct json *quota_refusal(struct api_call *call, const char *location,
                                  const struct json *pool, int nodes)
{
    const struct machine *machine = catalog_machine(llmd__json_str(pool, "config.machineType"));
    const struct zone *zone = catalog_zone(location);
    const char *region = zone ? zone->region : location;
    struct json *refused = NULL;
    if (!machine || nodes == 0)
        return NULL;
    if (machine_is_tpu(machine) && strcmp(machine->accelerator, "ct6e") == 0)
        refused = tpu_refusal(call, region, pool, machine->chips * nodes);
    else if (machine->quota)
        refused =
            cpu_refusal(call, region, machine->quota,
                        (double)(machine->accelerator ? machine->chips : machine->cpus) * nodes);
    return refused ? refused : cpu_refusal(call, region, "IN_USE_ADDRESSES", nodes);
}

struct json *pool_capacity(struct api_call *call, const char *location, const struct json *cluster,
                           const struct json *pool)
{
    const char *type = llmd__json_str(pool, "config.machineType");
    const struct json *zones = llmd__json_get(pool, "locations");
    int per_zone = (int)llmd__json_int(pool, "initialNodeCount", 0);
    int count = 0;
    if (!zones)
        zones = llmd__json_get(cluster, "locations");
    struct json *refused = policy_refusal(call, location, pool);
    JSON_EACH(zone, zones) {
        count++;
        if (!refused)
            refused = machine_refusal(call, *type ? type : "e2-medium", llmd__json_text(zone));
    }
    if (!zones && !refused && catalog_zone(location))
        refused = machine_refusal(call, *type ? type : "e2-medium", location);
    if (count == 0)
        count = catalog_zone(location) ? 1 : 3;
    return refused ? refused : quota_refusal(call, location, pool, per_zone * count);
}
