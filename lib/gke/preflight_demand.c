/* SPDX-License-Identifier: Apache-2.0 */
/* What a spec needs of each quota, and what Google's answers say of it. Pure. */
#include "gke/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names of quotas ---- */

/* Families with a CPU quota of their own; all others draw on CPUS. */
static const struct {
    const char *prefix, *metric;
} cpu_metrics[] = {
    {"n2-", "N2_CPUS"}, {"n2d-", "N2D_CPUS"}, {"c2-", "C2_CPUS"},   {"c2d-", "C2D_CPUS"},
    {"c3-", "C3_CPUS"}, {"a2-", "A2_CPUS"},   {"m1-", "M1_CPUS"},   {"m2-", "M2_CPUS"},
    {"m3-", "M3_CPUS"}, {"t2a-", "T2A_CPUS"}, {"t2d-", "T2D_CPUS"},
};

static const char *cpu_metric(const char *machine)
{
    for (size_t i = 0; i < sizeof(cpu_metrics) / sizeof(cpu_metrics[0]); i++)
        if (strncmp(machine, cpu_metrics[i].prefix, strlen(cpu_metrics[i].prefix)) == 0)
            return cpu_metrics[i].metric;
    return "CPUS";
}

/* ---- demand ---- */

static void add(struct demands *demands, const struct demand *wanted)
{
    struct demand *item = NULL;

    if (wanted->at_most <= 0 && wanted->at_once <= 0)
        return;
    for (size_t i = 0; i < demands->count && !item; i++)
        if (strcmp(demands->items[i].metric, wanted->metric) == 0 &&
            strcmp(demands->items[i].family, wanted->family) == 0)
            item = &demands->items[i];
    if (!item) {
        demands->cut = demands->count >= sizeof(demands->items) / sizeof(demands->items[0]);
        if (demands->cut)
            return;
        demands->items[demands->count++] = *wanted;
        return;
    }
    item->at_once += wanted->at_once;
    item->at_most += wanted->at_most;
}

/* How many nodes of a pool there are at creation and at most, in all its zones. */
struct nodes {
    int64_t at_once, at_most;
};

static struct demand times(const struct nodes *nodes, int64_t each, const char *metric)
{
    struct demand wanted = {.at_once = nodes->at_once * each, .at_most = nodes->at_most * each};

    snprintf(wanted.metric, sizeof(wanted.metric), "%s", metric);
    return wanted;
}

static bool preemptible(const struct pool_spec *pool)
{
    return llmd__pool_spot(pool) || pool->flex_start;
}

static void name_quota(struct demand *wanted, const struct chip *chip, const char *otherwise,
                       bool spot)
{
    const struct chip_quota *quota = spot ? &chip->spot : &chip->on_demand;
    const char *slash = quota->metric ? strrchr(quota->metric, '/') : NULL;

    wanted->cloud = !quota->region && quota->id;
    snprintf(wanted->metric, sizeof(wanted->metric), "%s",
             quota->region ? quota->region
             : quota->id   ? quota->id
                           : otherwise);
    snprintf(wanted->family, sizeof(wanted->family), "%s",
             wanted->cloud && quota->dimension ? quota->family : "");
    snprintf(wanted->usage, sizeof(wanted->usage), "%s", slash ? slash + 1 : "");
    /* A project without a preemptible quota for its GPUs draws on the common one. */
    if (spot && chip->kind == ACCELERATOR_GPU && quota->region && chip->on_demand.region)
        snprintf(wanted->instead, sizeof(wanted->instead), "%s", chip->on_demand.region);
}

/* v6e chips are counted by Cloud Quotas alone, under two names (C46); most others by the region. */
static void add_chips(struct demands *demands, const struct pool_spec *pool,
                      const struct nodes *nodes)
{
    const struct chip *chip = llmd__pool_chip(pool);
    const char *type = pool->accelerator.type ? pool->accelerator.type : pool->machine;
    struct demand wanted = times(nodes, llmd__pool_chips_per_node(pool), type);

    if (chip)
        name_quota(&wanted, chip, type, preemptible(pool));
    add(demands, &wanted);
    if (llmd__pool_accelerator(pool) != ACCELERATOR_GPU)
        return;
    wanted = times(nodes, llmd__pool_chips_per_node(pool), "GPUS_ALL_REGIONS");
    wanted.project_wide = wanted.optional = true;
    add(demands, &wanted);
}

static void add_cpus(struct demands *demands, const struct pool_spec *pool,
                     const struct shape *shape, const struct nodes *nodes)
{
    struct demand wanted;

    if (!shape || !shape->known || llmd__pool_accelerator(pool) == ACCELERATOR_TPU)
        return; /* the CPUs of TPU machines come with their chips */
    wanted = times(nodes, shape->cpus, "CPUS_ALL_REGIONS");
    wanted.project_wide = wanted.optional = true;
    add(demands, &wanted);
    wanted = times(nodes, shape->cpus, cpu_metric(pool->machine));
    if (preemptible(pool)) {
        snprintf(wanted.instead, sizeof(wanted.instead), "%s", cpu_metric(pool->machine));
        snprintf(wanted.metric, sizeof(wanted.metric), "PREEMPTIBLE_CPUS");
    }
    add(demands, &wanted);
}

static void add_disks(struct demands *demands, const struct pool_spec *pool,
                      const struct nodes *nodes)
{
    const char *type =
        pool->disk_type && *pool->disk_type ? pool->disk_type : llmd__machine_disk(pool->machine);
    struct demand wanted =
        times(nodes, pool->disk_gb > 0 ? pool->disk_gb : LLMD__DISK_GB,
              strcmp(type, "pd-standard") == 0 ? "DISKS_TOTAL_GB" : "SSD_TOTAL_GB");

    if (strncmp(type, "hyperdisk", 9) != 0) /* has quotas of its own, which are large */
        add(demands, &wanted);
}

void llmd__demand_add_pool(struct demands *demands, const struct pool_spec *pool,
                           const struct shape *shape, int zones, bool public_addresses)
{
    int at_once = llmd__pool_nodes_at_once(pool), at_most = llmd__pool_nodes_at_most(pool);
    struct nodes nodes = {(int64_t)at_once * zones,
                          (int64_t)(at_most > at_once ? at_most : at_once) * zones};
    struct demand wanted = times(&nodes, 1, "INSTANCES");

    if (llmd__pool_accelerator(pool) != ACCELERATOR_NONE)
        add_chips(demands, pool, &nodes);
    add_cpus(demands, pool, shape, &nodes);
    add_disks(demands, pool, &nodes);
    wanted.optional = true;
    add(demands, &wanted);
    if (!public_addresses)
        return;
    wanted = times(&nodes, 1, "IN_USE_ADDRESSES");
    add(demands, &wanted);
}

/* ---- answers ---- */

static bool dimension_fits(const struct json *dimension, const char *region, const char *family)
{
    const char *key = llmd__json_key(dimension), *value = llmd__json_text(dimension);

    if (strcmp(key, "region") == 0)
        return strcmp(value, region) == 0;
    if (strcmp(key, "tpu_family") == 0 || strcmp(key, "gpu_family") == 0)
        return !*family || strcmp(value, family) == 0; /* the id alone may name the chip */
    return false; /* a dimension that we do not know is about something else */
}

static bool entry_fits(const struct json *entry, const char *region, const char *family)
{
    bool family_given = false;

    JSON_EACH(dimension, llmd__json_member(entry, "dimensions")) {
        if (!dimension_fits(dimension, region, family))
            return false;
        family_given = family_given || strstr(llmd__json_key(dimension), "_family");
    }
    /* The entry for all families says nothing of one that has to be granted by name. */
    return !*family || family_given;
}

/* int64 is a string in Google's JSON. */
static int64_t number(const struct json *value, int64_t otherwise)
{
    const char *text = llmd__json_text(value);

    return *text ? strtoll(text, NULL, 10) : otherwise;
}

int64_t llmd__cloud_quota_limit(const struct json *info, const char *region, const char *family)
{
    int64_t limit;

    /* Most specific first, by Google's own word. */
    JSON_EACH(entry, llmd__json_member(info, "dimensionsInfos")) {
        if (!entry_fits(entry, region, family))
            continue;
        limit = number(llmd__json_get(entry, "details.value"), 0);
        return limit < 0 ? INT64_MAX : limit;
    }
    return 0;
}

static bool series_fits(const struct json *series, const char *region, const char *family)
{
    const char *labelled = llmd__json_str(series, "metric.labels.tpu_family");
    const char *location = llmd__json_str(series, "resource.labels.location");

    if (!*labelled)
        labelled = llmd__json_str(series, "metric.labels.gpu_family");
    return (!*location || strcmp(location, region) == 0) &&
           (!*family || !*labelled || strcmp(labelled, family) == 0);
}

int64_t llmd__cloud_quota_usage(const struct json *series, const char *region, const char *family)
{
    int64_t most = 0;

    JSON_EACH(one, llmd__json_member(series, "timeSeries")) {
        int64_t used = number(llmd__json_get(one, "points[0].value.int64Value"), 0);

        if (series_fits(one, region, family) && used > most)
            most = used;
    }
    return most;
}

bool llmd__region_quota(const struct json *region, const char *metric, int64_t *limit,
                        int64_t *used)
{
    JSON_EACH(quota, llmd__json_member(region, "quotas")) {
        if (strcmp(llmd__json_str(quota, "metric"), metric) != 0)
            continue;
        *limit = (int64_t)llmd__json_double(quota, "limit", 0);
        *used = (int64_t)llmd__json_double(quota, "usage", 0);
        return true;
    }
    return false;
}
