/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/cost.h"

#include "base/clock.h"
#include "base/url.h"
#include "gke/cluster_spec.h"

#include <stdio.h>
#include <string.h>

#define COMPUTE_SERVICE "6F81-5844-456A"
#define GKE_SERVICE "CCD8-9BF1-090E"
/* Only what is read of a SKU: whole pages weigh ten megabytes. */
#define SKU_FIELDS "nextPageToken,skus(description,category/usageType,serviceRegions,pricingInfo)"
#define MAX_PAGES 100

void llmd__cost_free(struct cost *cost)
{
    llmd__json_free(cost->given);
    llmd__json_free(cost->kept);
    llmd__free(cost->items);
}

llmd_error *llmd__cost_add(struct cost *cost, const struct cost_item *item)
{
    struct cost_item *items = llmd__realloc(cost->items, (cost->count + 1) * sizeof(*items));

    CHECK_MEMORY(items);
    cost->items = items;
    items[cost->count] = *item;
    if (item->fee)
        llmd__price_cluster_parts(llmd__gke_zonal(cost->gke), &cost->prices,
                                  &items[cost->count].parts);
    else
        llmd__price_node_parts(&item->kind, &cost->prices, &items[cost->count].parts);
    cost->count++;
    return NULL;
}

/* ---- shapes ---- */

static const struct json *machine_in_region(const struct cost *cost, const struct json *answer)
{
    const char *region = llmd__gke_region(cost->gke);

    JSON_EACH(scope, llmd__json_member(answer, "items")) {
        const char *zone = llmd__json_key(scope);

        if (strncmp(zone, "zones/", 6) == 0 && strlen(region) == llmd__region_len(zone + 6) &&
            strncmp(zone + 6, region, strlen(region)) == 0 &&
            llmd__json_get(scope, "machineTypes[0]"))
            return llmd__json_get(scope, "machineTypes[0]");
    }
    return NULL;
}

static llmd_error *machine_path(const struct cost *cost, const struct node_kind *kind,
                                const char *zone, struct buf *path)
{
    llmd__buf_format(path, "/compute/v1/projects/%s/", llmd_gke_project(cost->gke));
    if (zone)
        llmd__buf_format(path, "zones/%s/machineTypes/%s", zone, kind->machine);
    else
        llmd__buf_format(path,
                         "aggregated/machineTypes?filter=name%%3D%s&returnPartialSuccess=true",
                         kind->machine);
    return llmd__buf_check(path);
}

llmd_error *llmd__cost_shape(llmd_context *ctx, const struct cost *cost, struct node_kind *kind,
                             const char *zone)
{
    AUTO(buf) struct buf path = BUF_INIT;
    AUTO(json) struct json *answer = NULL;
    const struct json *machine;
    llmd_error *error;

    if (kind->tpu || cost->given)
        return NULL;
    TRY(machine_path(cost, kind, zone, &path));
    error = llmd__gke_get(ctx, cost->gke, GOOGLE_COMPUTE, path.data, kind->machine, &answer);
    if (llmd_error_code(error) == LLMD_E_NOT_FOUND) {
        llmd_error_free(error);
        return NULL; /* it is told as without a price */
    }
    TRY(error);
    machine = zone ? answer : machine_in_region(cost, answer);
    kind->cpus = (double)llmd__json_int(machine, "guestCpus", 0);
    kind->memory_gb = (double)llmd__json_int(machine, "memoryMb", 0) / 1024;
    return NULL;
}

/* ---- the spec ---- */

static void kind_of_pool(const struct pool_spec *pool, struct node_kind *kind)
{
    const struct chip *chip = llmd__pool_chip(pool);

    *kind = (struct node_kind){.accelerator = ""};
    snprintf(kind->machine, sizeof(kind->machine), "%s", pool->machine);
    kind->tpu = llmd__pool_accelerator(pool) == ACCELERATOR_TPU;
    kind->chips = llmd__pool_chips_per_node(pool);
    if (llmd__pool_accelerator(pool) == ACCELERATOR_GPU)
        kind->accelerator = pool->accelerator.type      ? pool->accelerator.type
                            : chip && chip->accelerator ? chip->accelerator
                                                        : "";
    kind->disk_gb = pool->disk_gb > 0 ? pool->disk_gb : LLMD__DISK_GB;
    kind->disk_type =
        pool->disk_type && *pool->disk_type ? pool->disk_type : llmd__machine_disk(pool->machine);
}

static enum price_way way_of_pool(const struct pool_spec *pool)
{
    if (pool->flex_start)
        return WAY_FLEX;
    return llmd__pool_spot(pool) ? WAY_SPOT : WAY_ON_DEMAND;
}

/* A region's pool without zones gets three of them. */
static int64_t zones_of(const struct cost *cost, const llmd_cluster_spec *spec,
                        const struct pool_spec *pool, const char **first)
{
    const struct json *zones = llmd__json_count(pool->zones) ? pool->zones : spec->zones;

    *first = llmd__json_text(llmd__json_first(zones));
    if (llmd__json_count(zones))
        return (int64_t)llmd__json_count(zones);
    *first = llmd__gke_zonal(cost->gke) ? llmd_gke_location(cost->gke) : NULL;
    return llmd__gke_zonal(cost->gke) ? 1 : 3;
}

static llmd_error *keep_text(struct cost *cost, const char **text)
{
    struct json *kept = llmd__json_add_str(cost->kept, *text);

    CHECK_MEMORY(kept);
    *text = llmd__json_text(kept);
    return NULL;
}

static llmd_error *add_pool(llmd_context *ctx, struct cost *cost, const llmd_cluster_spec *spec,
                            const struct pool_spec *pool)
{
    struct cost_item item = {.way = way_of_pool(pool)};
    const char *zone;
    int64_t zones = zones_of(cost, spec, pool, &zone);
    int at_once = llmd__pool_nodes_at_once(pool), at_most = llmd__pool_nodes_at_most(pool);

    snprintf(item.cluster, sizeof(item.cluster), "%s", spec->name);
    snprintf(item.name, sizeof(item.name), "%s", pool->name);
    item.count = zones * at_once;
    item.at_most = zones * (at_most > at_once ? at_most : at_once);
    kind_of_pool(pool, &item.kind);
    TRY(keep_text(cost, &item.kind.accelerator));
    TRY(keep_text(cost, &item.kind.disk_type));
    snprintf(item.what, sizeof(item.what), "%s%s%s", item.kind.machine,
             *item.kind.accelerator ? " with " : "", item.kind.accelerator);
    TRY(llmd__cost_shape(ctx, cost, &item.kind, zone));
    return llmd__cost_add(cost, &item);
}

static llmd_error *add_fee(struct cost *cost, const char *cluster)
{
    struct cost_item item = {.fee = true, .count = 1, .at_most = 1};

    snprintf(item.cluster, sizeof(item.cluster), "%s", cluster);
    snprintf(item.what, sizeof(item.what), "%s cluster",
             llmd__gke_zonal(cost->gke) ? "zonal" : "regional");
    return llmd__cost_add(cost, &item);
}

static llmd_error *add_spec(llmd_context *ctx, struct cost *cost, const llmd_cluster_spec *spec)
{
    TRY(add_fee(cost, spec->name));
    for (size_t i = 0; i < llmd__cluster_spec_pools(spec); i++) {
        struct pool_spec pool = {0};
        llmd_error *error = llmd__cluster_spec_pool(spec, i, &pool);

        if (!error)
            error = add_pool(ctx, cost, spec, &pool);
        llmd__pool_spec_free(&pool);
        TRY(error);
    }
    return NULL;
}

/* ---- the catalogue ---- */

static llmd_error *page_path(const char *service, const char *token, struct buf *path)
{
    llmd__buf_format(path, "/v1/services/%s/skus?currencyCode=USD&pageSize=5000&fields=%s", service,
                     SKU_FIELDS);
    if (*token) {
        llmd__buf_str(path, "&pageToken=");
        llmd__url_escape(path, token);
    }
    return llmd__buf_check(path);
}

/* A page at a time, and nothing of it is kept but prices that are wanted. */
static llmd_error *read_service(llmd_context *ctx, struct cost *cost, const char *service)
{
    AUTO(json) struct json *page = NULL;
    const char *token = "";

    for (int i = 0; i < MAX_PAGES && !llmd__prices_complete(&cost->prices); i++) {
        AUTO(buf) struct buf path = BUF_INIT;

        TRY(page_path(service, token, &path));
        llmd__json_free(TAKE(page));
        TRY(llmd__gke_get(ctx, cost->gke, GOOGLE_BILLING, path.data, "price catalogue", &page));
        llmd__prices_read(&cost->prices, page);
        token = llmd__json_str(page, "nextPageToken");
        if (!*token)
            return NULL;
    }
    return NULL;
}

static llmd_error *read_catalogue(llmd_context *ctx, struct cost *cost)
{
    TRY(read_service(ctx, cost, GKE_SERVICE));
    return read_service(ctx, cost, COMPUTE_SERVICE);
}

/* ---- the call ---- */

static llmd_error *read_given(const char *prices, struct json **out)
{
    AUTO(json) struct json *given = NULL;

    TRY(llmd__json_parse(prices, strlen(prices), "prices", &given));
    if (llmd__json_type(llmd__json_member(given, "hourly")) != JSON_OBJECT)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "prices: \"hourly\" is missing"),
            "give {\"currency\": \"USD\", \"date\": ..., \"source\": ..., \"hourly\": "
            "{\"ct6e-standard-4t\": 11.88, \"cluster\": 0.1}}");
    *out = TAKE(given);
    return NULL;
}

llmd_error *llmd_cluster_cost(llmd_context *ctx, const llmd_gke *gke, const llmd_cluster_spec *spec,
                              const char *prices, char **out)
{
    AUTO(cost) struct cost cost = {.gke = gke, .meter = !spec, .now_ms = llmd__clock_wall_ms()};
    AUTO(json) struct json *report = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    cost.prices.region = llmd__gke_region(gke);
    cost.kept = llmd__json_array();
    CHECK_MEMORY(cost.kept);
    if (prices)
        TRY(read_given(prices, &cost.given));
    if (spec)
        TRY(llmd__cluster_spec_check(spec));
    TRY(spec ? add_spec(ctx, &cost, spec) : llmd__cost_meter(ctx, &cost));
    if (!cost.given)
        TRY(read_catalogue(ctx, &cost));
    TRY(llmd__cost_report(&cost, &report));
    return llmd__json_print(report, out);
}
