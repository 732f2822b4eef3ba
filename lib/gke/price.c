/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/price.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOURS_A_MONTH 730 /* Google's own divisor */

/* ---- the catalogue ---- */

int llmd__price_want(struct prices *prices, const char *begins, enum price_way way)
{
    struct price *price;

    for (size_t i = 0; i < prices->count; i++)
        if (prices->items[i].way == way && strcmp(prices->items[i].begins, begins) == 0)
            return (int)i;
    if (prices->count >= sizeof(prices->items) / sizeof(prices->items[0]))
        return -1;
    price = &prices->items[prices->count];
    *price = (struct price){.way = way};
    snprintf(price->begins, sizeof(price->begins), "%s", begins);
    return (int)prices->count++;
}

static bool serves(const struct json *sku, const char *region)
{
    JSON_EACH(served, llmd__json_member(sku, "serviceRegions")) {
        if (strcmp(llmd__json_text(served), region) == 0 ||
            strcmp(llmd__json_text(served), "global") == 0)
            return true;
    }
    return false;
}

/* Anchored at both sides: "Capacity Optimized TpuV6e ...", "Commitment v1: ..." and "Nvidia L4 GPU
   attached to ..." are other things. The place's name follows, or nothing in the United States. */
static bool describes(const char *description, const char *begins)
{
    size_t len = strlen(begins);

    if (strncasecmp(description, "Nvidia ", 7) == 0 && strncasecmp(begins, "Nvidia ", 7) != 0)
        description += 7;
    if (strncasecmp(description, begins, len) != 0)
        return false;
    description += len;
    return !*description || strncmp(description, " running in ", 12) == 0 ||
           strncmp(description, " in ", 4) == 0;
}

static bool used_so(const struct json *sku, enum price_way way)
{
    const char *usage = llmd__json_str(sku, "category.usageType");

    if (way == WAY_ON_DEMAND)
        return strcmp(usage, "OnDemand") == 0;
    return strncmp(usage, "Commit", 6) != 0;
}

static double money(const struct json *unit_price)
{
    const char *units = llmd__json_text(llmd__json_member(unit_price, "units"));

    return (double)strtoll(*units ? units : "0", NULL, 10) +
           (double)llmd__json_int(unit_price, "nanos", 0) / 1e9;
}

/* A first tier may be free of charge; what a cluster uses is beyond it. */
static double rate_of(const struct json *expression)
{
    double rate = 0;

    JSON_EACH(tier, llmd__json_member(expression, "tieredRates")) {
        double price = money(llmd__json_member(tier, "unitPrice"));

        if (price > 0 && rate <= 0)
            rate = price;
    }
    return rate;
}

bool llmd__sku_hourly(const struct json *sku, double *hourly)
{
    const struct json *newest = NULL;
    const char *unit;

    JSON_EACH(info, llmd__json_member(sku, "pricingInfo")) {
        newest = info;
    }
    newest = llmd__json_member(newest, "pricingExpression");
    unit = llmd__json_str(newest, "usageUnit");
    *hourly = rate_of(newest);
    if (strcmp(unit, "GiBy.mo") == 0 || strcmp(unit, "mo") == 0)
        *hourly /= HOURS_A_MONTH;
    else if (strcmp(unit, "h") != 0 && strcmp(unit, "GiBy.h") != 0)
        return false;
    return newest != NULL;
}

static void take(struct prices *prices, const struct json *sku)
{
    const char *description = llmd__json_str(sku, "description");

    if (!serves(sku, prices->region))
        return;
    for (size_t i = 0; i < prices->count; i++) {
        struct price *price = &prices->items[i];

        if (price->found || !describes(description, price->begins) || !used_so(sku, price->way) ||
            !llmd__sku_hourly(sku, &price->hourly))
            continue;
        price->found = true;
        snprintf(price->sku, sizeof(price->sku), "%s", description);
    }
}

void llmd__prices_read(struct prices *prices, const struct json *page)
{
    JSON_EACH(sku, llmd__json_member(page, "skus")) {
        take(prices, sku);
    }
}

bool llmd__prices_complete(const struct prices *prices)
{
    for (size_t i = 0; i < prices->count; i++)
        if (!prices->items[i].found)
            return false;
    return true;
}

/* ---- what a node is made of ---- */

static const struct {
    const char *prefix, *sku;
} families[] = {
    {"e2-", "E2"}, {"n1-", "N1 Predefined"},
    {"n2-", "N2"}, {"n2d-", "N2D AMD"},
    {"n4-", "N4"}, {"c3-", "C3"},
    {"a2-", "A2"}, {"a3-", "A3"},
    {"g2-", "G2"}, {"c4-", "C4"},
};

static const struct {
    const char *accelerator, *sku;
} gpus[] = {
    {"nvidia-tesla-t4", "Nvidia Tesla T4 GPU"},
    {"nvidia-l4", "Nvidia L4 GPU"},
    {"nvidia-tesla-a100", "Nvidia Tesla A100 GPU"},
    {"nvidia-a100-80gb", "Nvidia Tesla A100 80GB GPU"},
    {"nvidia-h100-80gb", "H100 80GB GPU"},
    {"nvidia-tesla-v100", "Nvidia Tesla V100 GPU"},
    {"nvidia-tesla-p4", "Nvidia Tesla P4 GPU"},
};

static const struct {
    const char *prefix, *on_demand, *flex;
} tpus[] = {
    {"ct6e-", "TpuV6e", "DWS Defined Duration V6e"},
    {"ct5lp-", "TpuV5e", "DWS Defined Duration V5e"},
    {"ct5p-", "TpuV5p", "DWS Defined Duration V5p"},
};

static const struct {
    const char *type, *sku;
} disks[] = {
    {"pd-standard", "Storage PD Capacity"},
    {"pd-balanced", "Balanced PD Capacity"},
    {"pd-ssd", "SSD backed PD Capacity"},
    {"hyperdisk-balanced", "Hyperdisk Balanced Capacity"},
};

static struct price_part *add(struct price_parts *parts, const char *what, double quantity)
{
    struct price_part *part = &parts->items[parts->count++];

    *part = (struct price_part){.quantity = quantity, .price = {-1, -1, -1}};
    snprintf(part->what, sizeof(part->what), "%s", what);
    return part;
}

static int want(struct prices *prices, enum price_way way, const char *before, const char *name,
                const char *behind)
{
    char begins[80];

    snprintf(begins, sizeof(begins), "%s%s%s", before, name, behind);
    return llmd__price_want(prices, begins, way);
}

static void add_tpu(const struct node_kind *kind, struct prices *prices, struct price_parts *out)
{
    struct price_part *part;

    for (size_t i = 0; i < sizeof(tpus) / sizeof(tpus[0]); i++) {
        if (strncmp(kind->machine, tpus[i].prefix, strlen(tpus[i].prefix)) != 0)
            continue;
        part = add(out, "TPU chip", kind->chips);
        part->price[WAY_ON_DEMAND] = want(prices, WAY_ON_DEMAND, "", tpus[i].on_demand, "");
        part->price[WAY_SPOT] =
            want(prices, WAY_SPOT, "", tpus[i].on_demand, " attached to Spot Preemptible VMs");
        part->price[WAY_FLEX] = want(prices, WAY_FLEX, "", tpus[i].flex, "");
        return;
    }
}

/* Shared-core machines show two vCPUs and are billed for less. */
static double billed_cpus(const struct node_kind *kind)
{
    if (strcmp(kind->machine, "e2-micro") == 0)
        return 0.25;
    if (strcmp(kind->machine, "e2-small") == 0)
        return 0.5;
    return strcmp(kind->machine, "e2-medium") == 0 ? 1 : kind->cpus;
}

static void add_core_and_ram(const struct node_kind *kind, struct prices *prices,
                             struct price_parts *out)
{
    struct price_part *core, *ram;

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (strncmp(kind->machine, families[i].prefix, strlen(families[i].prefix)) != 0)
            continue;
        core = add(out, "vCPU", billed_cpus(kind));
        core->price[WAY_ON_DEMAND] =
            want(prices, WAY_ON_DEMAND, "", families[i].sku, " Instance Core");
        core->price[WAY_SPOT] =
            want(prices, WAY_SPOT, "Spot Preemptible ", families[i].sku, " Instance Core");
        ram = add(out, "GiB of memory", kind->memory_gb);
        ram->price[WAY_ON_DEMAND] =
            want(prices, WAY_ON_DEMAND, "", families[i].sku, " Instance Ram");
        ram->price[WAY_SPOT] =
            want(prices, WAY_SPOT, "Spot Preemptible ", families[i].sku, " Instance Ram");
        return;
    }
}

static void add_gpus(const struct node_kind *kind, struct prices *prices, struct price_parts *out)
{
    struct price_part *part = add(out, kind->accelerator, kind->chips);

    for (size_t i = 0; i < sizeof(gpus) / sizeof(gpus[0]); i++) {
        if (strcmp(kind->accelerator, gpus[i].accelerator) != 0)
            continue;
        part->price[WAY_ON_DEMAND] = want(prices, WAY_ON_DEMAND, "", gpus[i].sku, "");
        part->price[WAY_SPOT] =
            want(prices, WAY_SPOT, "", gpus[i].sku, " attached to Spot Preemptible VMs");
    }
}

static void add_disk(const struct node_kind *kind, struct prices *prices, struct price_parts *out)
{
    struct price_part *part = add(out, "GiB of boot disk", kind->disk_gb);
    int price = -1;

    for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
        if (strcmp(kind->disk_type, disks[i].type) == 0)
            price = want(prices, WAY_ON_DEMAND, "", disks[i].sku, "");
    for (int way = 0; way < WAY_COUNT; way++)
        part->price[way] = price;
}

void llmd__price_node_parts(const struct node_kind *kind, struct prices *prices,
                            struct price_parts *out)
{
    *out = (struct price_parts){0};
    if (kind->tpu)
        add_tpu(kind, prices, out);
    else if (kind->cpus > 0)
        add_core_and_ram(kind, prices, out);
    if (!out->count)
        return;
    if (!kind->tpu && kind->chips)
        add_gpus(kind, prices, out);
    if (kind->disk_gb > 0)
        add_disk(kind, prices, out);
}

void llmd__price_cluster_parts(bool zonal, struct prices *prices, struct price_parts *out)
{
    struct price_part *part;
    int price;

    *out = (struct price_parts){0};
    part = add(out, "cluster", 1);
    price = want(prices, WAY_ON_DEMAND, "",
                 zonal ? "Zonal Kubernetes Clusters" : "Regional Kubernetes Clusters", "");
    for (int way = 0; way < WAY_COUNT; way++)
        part->price[way] = price;
}

bool llmd__price_sum(const struct price_parts *parts, const struct prices *prices,
                     enum price_way way, double *hourly)
{
    *hourly = 0;
    for (size_t i = 0; i < parts->count; i++) {
        int price = parts->items[i].price[way];

        if (price < 0 || !prices->items[price].found)
            return false;
        *hourly += parts->items[i].quantity * prices->items[price].hourly;
    }
    return parts->count > 0;
}

/* ---- the caller's prices ---- */

bool llmd__given_price(const struct json *given, const char *name, enum price_way way,
                       double *hourly)
{
    static const char *const behind[WAY_COUNT] = {"", " spot", " flex"};
    const struct json *price;
    char key[128];

    snprintf(key, sizeof(key), "%s%s", name, behind[way]);
    price = llmd__json_member(llmd__json_member(given, "hourly"), key);
    if (llmd__json_type(price) != JSON_INT && llmd__json_type(price) != JSON_DOUBLE)
        return false;
    *hourly = llmd__json_double(price, NULL, 0);
    return true;
}
