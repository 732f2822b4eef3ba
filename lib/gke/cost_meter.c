/* SPDX-License-Identifier: Apache-2.0 */
/* What runs now: clusters, their pools, and each node with the time at which it was made. */
#include "gke/cost.h"

#include "base/clock.h"
#include "base/url.h"
#include "gke/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_HOUR 3600000.0
#define MAX_PAGES 100

static double hours_since(const struct cost *cost, const char *created, int64_t *since_ms)
{
    int64_t made_ms;

    if (!llmd__clock_parse(created, &made_ms) || made_ms > cost->now_ms)
        return 0;
    if (!*since_ms || made_ms < *since_ms)
        *since_ms = made_ms;
    return (double)(cost->now_ms - made_ms) / MS_PER_HOUR;
}

/* ---- nodes ---- */

/* ".../zones/Z/instanceGroupManagers/gke-llm-pool-1a2b-grp": nodes are named by it, whatever GKE
   cut off of long names. */
static bool read_group(const char *url, char *zone, size_t zone_size, char *prefix,
                       size_t prefix_size)
{
    const char *at = strstr(url, "/zones/"), *name = llmd__last_part(url);
    size_t len = strlen(name);

    if (!at || len < 5 || strcmp(name + len - 4, "-grp") != 0 || len - 2 > prefix_size)
        return false;
    at += strlen("/zones/");
    snprintf(zone, zone_size, "%.*s", (int)strcspn(at, "/"), at);
    snprintf(prefix, prefix_size, "%.*s", (int)(len - 3), name);
    return true;
}

static void count_nodes(const struct cost *cost, const struct json *page, const char *prefix,
                        struct cost_item *item)
{
    JSON_EACH(instance, llmd__json_member(page, "items")) {
        if (strncmp(llmd__json_str(instance, "name"), prefix, strlen(prefix)) != 0 ||
            strcmp(llmd__json_str(instance, "status"), "TERMINATED") == 0)
            continue;
        item->count++;
        item->hours +=
            hours_since(cost, llmd__json_str(instance, "creationTimestamp"), &item->since_ms);
    }
}

static llmd_error *list_nodes(llmd_context *ctx, const struct cost *cost, const char *zone,
                              const char *prefix, struct cost_item *item)
{
    AUTO(json) struct json *page = NULL;
    const char *token = "";

    for (int i = 0; i < MAX_PAGES; i++) {
        AUTO(buf) struct buf path = BUF_INIT;

        llmd__buf_format(&path, "/compute/v1/projects/%s/zones/%s/instances?maxResults=500",
                         llmd_gke_project(cost->gke), zone);
        if (*token) {
            llmd__buf_str(&path, "&pageToken=");
            llmd__url_escape(&path, token);
        }
        TRY(llmd__buf_check(&path));
        llmd__json_free(TAKE(page));
        TRY(llmd__gke_get(ctx, cost->gke, GOOGLE_COMPUTE, path.data, "instances", &page));
        count_nodes(cost, page, prefix, item);
        token = llmd__json_str(page, "nextPageToken");
        if (!*token)
            return NULL;
    }
    return NULL;
}

/* Who may not list instances still hears what the cluster itself costs. */
static llmd_error *count_pool(llmd_context *ctx, const struct cost *cost, const struct json *pool,
                              struct cost_item *item)
{
    JSON_EACH(url, llmd__json_member(pool, "instanceGroupUrls")) {
        char zone[64], prefix[128];
        llmd_error *error;

        if (!read_group(llmd__json_text(url), zone, sizeof(zone), prefix, sizeof(prefix)))
            continue;
        error = list_nodes(ctx, cost, zone, prefix, item);
        if (llmd_error_code(error) == LLMD_E_DENIED) {
            item->count_unknown = true;
            llmd_error_free(TAKE(error));
        }
        TRY(error);
    }
    return NULL;
}

/* ---- pools and clusters ---- */

static enum price_way way_of(const struct json *pool)
{
    if (llmd__json_bool(pool, "config.flexStart", false))
        return WAY_FLEX;
    return llmd__json_bool(pool, "config.spot", false) ||
                   llmd__json_bool(pool, "config.preemptible", false)
               ? WAY_SPOT
               : WAY_ON_DEMAND;
}

static void read_kind(const struct json *pool, struct node_kind *kind)
{
    const struct json *gb = llmd__json_get(pool, "config.bootDisk.sizeGb"); /* an int64: text */
    const char *disk;

    *kind = (struct node_kind){0};
    snprintf(kind->machine, sizeof(kind->machine), "%s",
             llmd__json_str(pool, "config.machineType"));
    kind->accelerator = llmd__json_str(pool, "config.accelerators[0].acceleratorType");
    kind->chips = (int)llmd__json_int(pool, "config.accelerators[0].acceleratorCount", 0);
    kind->tpu = llmd__machine_is_tpu(kind->machine);
    if (kind->tpu)
        kind->chips = llmd__machine_chips(kind->machine);
    disk = llmd__json_str(pool, "config.bootDisk.diskType");
    kind->disk_type = *disk ? disk : llmd__json_str(pool, "config.diskType");
    if (!*kind->disk_type)
        kind->disk_type = llmd__machine_disk(kind->machine);
    kind->disk_gb = gb ? (int)strtol(llmd__json_text(gb), NULL, 10)
                       : (int)llmd__json_int(pool, "config.diskSizeGb", LLMD__DISK_GB);
}

static llmd_error *meter_pool(llmd_context *ctx, struct cost *cost, const struct json *cluster,
                              const struct json *pool)
{
    struct cost_item item = {.way = way_of(pool)};
    const char *zone = llmd__json_str(pool, "locations[0]");

    snprintf(item.cluster, sizeof(item.cluster), "%s", llmd__json_str(cluster, "name"));
    snprintf(item.name, sizeof(item.name), "%s", llmd__json_str(pool, "name"));
    read_kind(pool, &item.kind);
    snprintf(item.what, sizeof(item.what), "%s%s%s", item.kind.machine,
             *item.kind.accelerator ? " with " : "", item.kind.accelerator);
    TRY(count_pool(ctx, cost, pool, &item));
    item.at_most = item.count;
    TRY(llmd__cost_shape(ctx, cost, &item.kind, *zone ? zone : NULL));
    return llmd__cost_add(cost, &item);
}

static llmd_error *meter_cluster(llmd_context *ctx, struct cost *cost, const struct json *cluster)
{
    struct cost_item fee = {.fee = true, .count = 1, .at_most = 1};

    snprintf(fee.cluster, sizeof(fee.cluster), "%s", llmd__json_str(cluster, "name"));
    snprintf(fee.what, sizeof(fee.what), "%s cluster, %s",
             llmd__gke_zonal(cost->gke) ? "zonal" : "regional", llmd__json_str(cluster, "status"));
    fee.hours = hours_since(cost, llmd__json_str(cluster, "createTime"), &fee.since_ms);
    TRY(llmd__cost_add(cost, &fee));
    JSON_EACH(pool, llmd__json_member(cluster, "nodePools")) {
        TRY(meter_pool(ctx, cost, cluster, pool));
    }
    return NULL;
}

llmd_error *llmd__cost_meter(llmd_context *ctx, struct cost *cost)
{
    AUTO(str)
    char *path = llmd__format("/v1/projects/%s/locations/%s/clusters", llmd_gke_project(cost->gke),
                              llmd_gke_location(cost->gke));
    struct json *answer = NULL;

    CHECK_MEMORY(path);
    TRY(llmd__gke_get(ctx, cost->gke, GOOGLE_CONTAINER, path, "clusters", &answer));
    /* The items' texts are this answer's. */
    llmd__json_add(cost->kept, answer);
    TRY(llmd__json_check(cost->kept));
    cost->missing = llmd__json_member(answer, "missingZones");
    JSON_EACH(cluster, llmd__json_member(answer, "clusters")) {
        TRY(meter_cluster(ctx, cost, cluster));
    }
    return NULL;
}
