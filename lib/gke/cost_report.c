/* SPDX-License-Identifier: Apache-2.0 */
/* From items and prices to the report. Pure. */
#include "gke/cost.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define HOURS_A_DAY 24

#define CATALOGUE "Cloud Billing catalogue of Google (list prices)"

static const char *const way_names[WAY_COUNT] = {"on demand", "spot", "flex-start"};

/* Six digits behind the point are enough for money. */
static double rounded(double value)
{
    return (double)(int64_t)(value * 1e6 + (value < 0 ? -0.5 : 0.5)) / 1e6;
}

static bool given_node_price(const struct cost *cost, const struct cost_item *item,
                             enum price_way way, double *hourly)
{
    double gpu;

    if (!llmd__given_price(cost->given, item->kind.machine, way, hourly))
        return false;
    if (!item->kind.tpu && item->kind.chips &&
        llmd__given_price(cost->given, item->kind.accelerator, way, &gpu))
        *hourly += gpu * item->kind.chips;
    return true;
}

/* One node, or the fee of one cluster. */
static bool price_of(const struct cost *cost, const struct cost_item *item, enum price_way way,
                     double *hourly)
{
    if (!cost->given)
        return llmd__price_sum(&item->parts, &cost->prices, way, hourly);
    if (item->fee)
        return llmd__given_price(cost->given, "cluster", WAY_ON_DEMAND, hourly);
    return given_node_price(cost, item, way, hourly);
}

struct totals {
    double on_demand, spot, wanted, wanted_at_most, so_far;
    bool complete;
};

static void add_to_totals(const struct cost *cost, const struct cost_item *item,
                          struct totals *totals)
{
    double on_demand = 0, spot = 0, wanted = 0;
    bool priced = price_of(cost, item, item->way, &wanted);
    bool known = price_of(cost, item, WAY_ON_DEMAND, &on_demand);

    totals->complete = totals->complete && priced && !item->count_unknown;
    if (!price_of(cost, item, WAY_SPOT, &spot))
        spot = known ? on_demand : wanted; /* what has no spot price costs what it costs */
    totals->on_demand += on_demand * (double)item->count;
    totals->spot += spot * (double)item->count;
    totals->wanted += wanted * (double)item->count;
    totals->wanted_at_most += wanted * (double)item->at_most;
    totals->so_far += wanted * item->hours;
}

/* ---- an item ---- */

static void show_parts(const struct cost *cost, const struct cost_item *item, struct json *shown)
{
    struct json *parts = llmd__json_set_array(shown, "parts");

    for (size_t i = 0; i < item->parts.count; i++) {
        const struct price_part *part = &item->parts.items[i];
        const struct price *price =
            part->price[item->way] < 0 ? NULL : &cost->prices.items[part->price[item->way]];
        struct json *line = llmd__json_add_object(parts);

        llmd__json_set_str(line, "what", part->what);
        llmd__json_set_double(line, "quantity", part->quantity);
        if (!price || !price->found)
            continue;
        llmd__json_set_str(line, "sku", price->sku);
        llmd__json_set_double(line, "hourly", price->hourly);
    }
}

static void show_time(const struct cost_item *item, double hourly, bool priced, struct json *shown)
{
    char since[32];

    if (item->since_ms) {
        llmd__clock_format(item->since_ms, since);
        llmd__json_set_str(shown, "since", since);
    }
    llmd__json_set_double(shown, "hours", rounded(item->hours));
    if (priced)
        llmd__json_set_double(shown, "so_far", rounded(hourly * item->hours));
}

static void show_item(const struct cost *cost, const struct cost_item *item, struct json *items)
{
    struct json *shown = llmd__json_add_object(items);
    double hourly, on_demand;
    bool priced = price_of(cost, item, item->way, &hourly);

    llmd__json_set_str(shown, "cluster", item->cluster);
    if (*item->name)
        llmd__json_set_str(shown, "pool", item->name);
    llmd__json_set_str(shown, "what", item->what);
    llmd__json_set_str(shown, "price", item->fee ? "fee" : way_names[item->way]);
    llmd__json_set_int(shown, "count", item->count);
    if (!cost->meter)
        llmd__json_set_int(shown, "at_most", item->at_most);
    if (priced)
        llmd__json_set_double(shown, "hourly", rounded(hourly));
    if (price_of(cost, item, WAY_ON_DEMAND, &on_demand))
        llmd__json_set_double(shown, "hourly_on_demand", rounded(on_demand));
    if (!item->fee && price_of(cost, item, WAY_SPOT, &on_demand))
        llmd__json_set_double(shown, "hourly_spot", rounded(on_demand));
    if (!cost->given)
        show_parts(cost, item, shown);
    if (cost->meter)
        show_time(item, hourly, priced, shown);
}

/* ---- the whole ---- */

/* Never silent: what has no price, and what could not be counted. */
static void show_gaps(const struct cost *cost, struct json *report)
{
    struct json *unpriced = llmd__json_set_array(report, "unpriced");

    JSON_EACH(zone, cost->missing) {
        char text[96];

        snprintf(text, sizeof(text), "zone %.60s did not answer", llmd__json_text(zone));
        llmd__json_add_str(unpriced, text);
    }
    for (size_t i = 0; i < cost->count; i++) {
        const struct cost_item *item = &cost->items[i];
        double hourly;
        char text[320];

        if (price_of(cost, item, item->way, &hourly) && !item->count_unknown)
            continue;
        snprintf(text, sizeof(text), "%s%s%s: %s (%s): %s", item->cluster, *item->name ? "/" : "",
                 item->name, item->what, item->fee ? "fee" : way_names[item->way],
                 item->count_unknown ? "its nodes could not be listed" : "no price found");
        llmd__json_add_str(unpriced, text);
    }
}

static void show_source(const struct cost *cost, struct json *report)
{
    char now[32];
    const char *currency = llmd__json_str(cost->given, "currency");
    const char *source = llmd__json_str(cost->given, "source");
    const char *date = llmd__json_str(cost->given, "date");

    llmd__clock_format(cost->now_ms, now);
    now[10] = '\0'; /* the day */
    llmd__json_set_str(report, "currency", *currency ? currency : "USD");
    llmd__json_set_str(report, "source",
                       cost->given ? (*source ? source : "the caller") : CATALOGUE);
    llmd__json_set_str(report, "date", cost->given ? date : now);
    llmd__json_set_str(report, "region", llmd__gke_region(cost->gke));
}

static void show_totals(const struct cost *cost, const struct totals *totals, struct json *report)
{
    struct json *hourly = llmd__json_set_object(report, "hourly");
    struct json *daily = llmd__json_set_object(report, "daily");
    const struct {
        const char *name;
        double value;
        bool meter_too;
    } sums[] = {{"as_wanted", totals->wanted, true},
                {"on_demand", totals->on_demand, false},
                {"spot", totals->spot, false},
                {"as_wanted_at_most", totals->wanted_at_most, false}};

    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        const char *name = cost->meter ? "now" : sums[i].name;

        if (cost->meter && !sums[i].meter_too)
            continue;
        llmd__json_set_double(hourly, name, rounded(sums[i].value));
        llmd__json_set_double(daily, name, rounded(sums[i].value * HOURS_A_DAY));
    }
    if (cost->meter)
        llmd__json_set_double(report, "so_far", rounded(totals->so_far));
    llmd__json_set_bool(report, "complete", totals->complete);
}

llmd_error *llmd__cost_report(const struct cost *cost, struct json **out)
{
    AUTO(json) struct json *report = llmd__json_object();
    struct totals totals = {.complete = !llmd__json_count(cost->missing)};
    struct json *items;

    *out = NULL;
    show_source(cost, report);
    items = llmd__json_set_array(report, "items");
    for (size_t i = 0; i < cost->count; i++) {
        show_item(cost, &cost->items[i], items);
        add_to_totals(cost, &cost->items[i], &totals);
    }
    show_totals(cost, &totals, report);
    show_gaps(cost, report);
    llmd__json_set_str(report, "note",
                       cost->meter
                           ? "a reckoning by creation times and today's prices, not Google's bill: "
                             "without discounts, network traffic, logging, load balancers, "
                             "addresses, and nodes that are gone"
                           : "a reckoning, not Google's bill: without discounts, network traffic, "
                             "logging, load balancers and addresses");
    TRY(llmd__json_check(report));
    *out = TAKE(report);
    return NULL;
}
