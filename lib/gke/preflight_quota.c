/* SPDX-License-Identifier: Apache-2.0 */
/* Quotas: limits and uses from the three places that know them, held against what is wanted. */
#include "gke/preflight.h"

#include "base/clock.h"
#include "base/url.h"
#include "gke/network.h"

#include <stdio.h>
#include <string.h>

#define CONSOLE LLMD__QUOTA_CONSOLE
#define USAGE_WINDOW_MS                                                                            \
    ((int64_t)24 * 3600 * 1000) /* quota use is sampled once in a while only                       \
                                 */

/* ---- demand of the whole spec ---- */

static bool exists_already(const struct preflight *preflight, const struct pool_spec *pool)
{
    JSON_EACH(there, llmd__json_member(preflight->cluster, "nodePools")) {
        if (strcmp(llmd__json_str(there, "name"), pool->name) == 0)
            return true;
    }
    return false;
}

static const struct shape *shape_of(const struct preflight *preflight, const char *machine)
{
    for (size_t i = 0; i < preflight->shape_count; i++)
        if (preflight->shapes[i].known && strcmp(preflight->shapes[i].machine, machine) == 0)
            return &preflight->shapes[i];
    return NULL;
}

static int zones_of(const struct shape *shape, const struct json *zones)
{
    size_t count = llmd__json_count(zones);

    if (count)
        return (int)count;
    return shape && shape->zones < 3 ? shape->zones : 3; /* GKE chooses three */
}

llmd_error *llmd__preflight_demand(const struct preflight *preflight,
                                   const struct pool_spec *replaced, const struct pool_spec *other,
                                   struct demands *demands)
{
    *demands = (struct demands){0};
    for (size_t i = 0; i < preflight->pool_count; i++) {
        const struct pool_spec *pool = &preflight->pools[i];
        const struct shape *shape;
        AUTO(json) struct json *zones = NULL;

        if (exists_already(preflight, pool))
            continue;
        if (pool == replaced)
            pool = other;
        shape = shape_of(preflight, pool->machine);
        TRY(llmd__pool_zones(preflight, pool, &zones));
        llmd__demand_add_pool(demands, pool, shape, zones_of(shape, zones),
                              !preflight->spec->private_nodes);
    }
    return NULL;
}

/* ---- Cloud Quotas and Monitoring ---- */

static llmd_error *on_limit(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct cloud_quota *quota = &ask->preflight->clouds[ask->index];

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    quota->limit_known = true;
    quota->limit =
        llmd__cloud_quota_limit(answer->json, llmd__gke_region(ask->preflight->gke), quota->family);
    return NULL;
}

static llmd_error *on_usage(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct cloud_quota *quota = &ask->preflight->clouds[ask->index];
    int64_t used;

    (void)graph;
    /* The judge says "in use: unknown": one event for a quota. */
    if (answer->refusal)
        return NULL;
    used =
        llmd__cloud_quota_usage(answer->json, llmd__gke_region(ask->preflight->gke), quota->family);
    quota->usage_known = true;
    quota->usage = used > quota->usage ? used : quota->usage;
    return NULL;
}

static void usage_query(const struct cloud_quota *quota, struct buf *query)
{
    int64_t now_ms = llmd__clock_wall_ms();
    char begin[32], end[32];
    AUTO(str)
    char *filter =
        llmd__format("metric.type=\"compute.googleapis.com/quota/%s/usage\"", quota->metric);

    llmd__clock_format(now_ms - USAGE_WINDOW_MS, begin);
    llmd__clock_format(now_ms, end);
    llmd__buf_str(query, "filter=");
    llmd__url_escape(query, filter ? filter : "");
    query->failed = query->failed || !filter;
    llmd__buf_format(query, "&interval.startTime=%s&interval.endTime=%s", begin, end);
}

static llmd_error *ask_cloud(struct preflight *preflight, struct graph *graph, size_t index)
{
    const struct cloud_quota *quota = &preflight->clouds[index];
    const char *project = llmd_gke_project(preflight->gke);
    AUTO(buf) struct buf query = BUF_INIT;
    char subject[160];
    step_id limit = -1, usage = -1;

    snprintf(subject, sizeof(subject), "Quota/%s/%s%s%s", llmd__gke_region(preflight->gke),
             quota->id, *quota->family ? "/" : "", quota->family);
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_QUOTAS, subject, index, on_limit, NULL,
                             &limit,
                             "/v1/projects/%s/locations/global/services/compute.googleapis.com/"
                             "quotaInfos/%s",
                             project, quota->id));
    TRY(llmd__preflight_quota_needs(preflight, graph, limit));
    usage_query(quota, &query);
    TRY(llmd__buf_check(&query));
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_MONITORING, subject, index, on_usage, NULL,
                             &usage, "/v3/projects/%s/timeSeries?%s", project, query.data));
    return llmd__preflight_quota_needs(preflight, graph, usage);
}

static llmd_error *add_cloud(struct preflight *preflight, struct graph *graph, const char *id,
                             const char *family, const char *metric)
{
    struct cloud_quota *quota = &preflight->clouds[preflight->cloud_count];

    for (size_t i = 0; i < preflight->cloud_count; i++) {
        if (strcmp(preflight->clouds[i].id, id) == 0 &&
            strcmp(preflight->clouds[i].family, family) == 0)
            return NULL; /* asked already */
    }
    if (preflight->cloud_count >= MAX_CLOUD_QUOTAS) {
        preflight->cut = true;
        return NULL;
    }
    snprintf(quota->id, sizeof(quota->id), "%s", id);
    snprintf(quota->family, sizeof(quota->family), "%s", family);
    snprintf(quota->metric, sizeof(quota->metric), "%s", metric);
    return ask_cloud(preflight, graph, preflight->cloud_count++);
}

static llmd_error *add_clouds(void *data, struct graph *graph, const struct pool_spec *pool,
                              size_t nth, const struct demands *demands)
{
    struct preflight *preflight = data;

    (void)pool, (void)nth;
    for (size_t i = 0; i < demands->count; i++) {
        const struct demand *demand = &demands->items[i];

        if (demand->cloud)
            TRY(add_cloud(preflight, graph, demand->metric, demand->family, demand->usage));
    }
    return NULL;
}

static llmd_error *ask_clouds(struct preflight *preflight, struct graph *graph)
{
    struct demands demands;

    TRY(llmd__preflight_demand(preflight, NULL, NULL, &demands));
    TRY(add_clouds(preflight, graph, NULL, 0, &demands));
    return llmd__preflight_each_fallback(preflight, graph, add_clouds, preflight);
}

/* ---- the judge ---- */

static bool cloud_quota(const struct preflight *preflight, const struct demand *demand,
                        struct quota *out)
{
    for (size_t i = 0; i < preflight->cloud_count; i++) {
        const struct cloud_quota *quota = &preflight->clouds[i];

        if (strcmp(quota->id, demand->metric) != 0 || strcmp(quota->family, demand->family) != 0 ||
            !quota->limit_known)
            continue;
        *out = (struct quota){quota->id, quota->limit, quota->usage, quota->usage_known};
        return true;
    }
    return false;
}

static const struct json *place_of(const struct preflight *preflight, const struct demand *demand)
{
    return demand->project_wide ? preflight->project : preflight->region;
}

static bool region_quota(const struct preflight *preflight, const struct demand *demand,
                         struct quota *out)
{
    const struct json *place = place_of(preflight, demand);
    bool known;

    *out = (struct quota){.metric = demand->metric, .used_known = true};
    known = llmd__region_quota(place, out->metric, &out->limit, &out->used);
    if ((known && out->limit != 0) || !*demand->instead)
        return known;
    out->metric = demand->instead;
    return llmd__region_quota(place, out->metric, &out->limit, &out->used);
}

bool llmd__preflight_quota(const struct preflight *preflight, const struct demand *demand,
                           struct quota *quota)
{
    return demand->cloud ? cloud_quota(preflight, demand, quota)
                         : region_quota(preflight, demand, quota);
}

static llmd_error *tell_quota(struct preflight *preflight, struct graph *graph,
                              const struct demand *demand, const struct quota *quota)
{
    int64_t left = quota->limit - quota->used;
    const char *place = demand->project_wide ? "global" : llmd__gke_region(preflight->gke);
    char subject[160];
    struct check check = {LLMD_LEVEL_INFO, subject,      "QUOTA",     "",
                          quota->metric,   quota->limit, quota->used, demand->at_once};

    snprintf(subject, sizeof(subject), "Quota/%s/%s%s%s", place, quota->metric,
             *demand->family ? "/" : "", demand->family);
    if (quota->limit == INT64_MAX)
        return llmd__preflight_tell(preflight, graph, &check, "unlimited, needed %lld",
                                    (long long)demand->at_once);
    if (demand->at_once > left || quota->limit == 0) {
        check.level = LLMD_LEVEL_ERROR;
        check.reason = "QUOTA_EXCEEDED";
        check.advice = "ask for more at " CONSOLE ", want less, or choose another region";
    } else if (demand->at_most > left || !quota->used_known) {
        check.level = LLMD_LEVEL_WARNING;
        check.reason = quota->used_known ? "QUOTA_TIGHT" : "QUOTA_USE_UNKNOWN";
        check.advice = quota->used_known
                           ? "scaling up will stop at the quota: ask for more at " CONSOLE
                           : "needs monitoring.timeSeries.list and the Monitoring API; "
                             "look at " CONSOLE;
    }
    return llmd__preflight_tell(
        preflight, graph, &check, "limit %lld, used %lld%s, needed %lld, at most %lld",
        (long long)quota->limit, (long long)quota->used, quota->used_known ? "" : " (unknown)",
        (long long)demand->at_once, (long long)demand->at_most);
}

/* A look that failed has told so itself; what Compute Engine does not list nobody has. */
static llmd_error *tell_no_metric(struct preflight *preflight, struct graph *graph,
                                  const struct demand *demand)
{
    char subject[160];
    struct check check = {LLMD_LEVEL_WARNING, subject, "UNKNOWN", "look at " CONSOLE};

    if (demand->cloud || demand->optional || !place_of(preflight, demand))
        return NULL;
    snprintf(subject, sizeof(subject), "Quota/%s/%s", llmd__gke_region(preflight->gke),
             demand->metric);
    return llmd__preflight_tell(preflight, graph, &check,
                                "Compute Engine lists no such quota for the region; needed %lld",
                                (long long)demand->at_once);
}

/* What a Gateway needs beside the nodes. */
static void demand_of_gateway(struct demands *demands)
{
    static const char *const rules[] = {"FORWARDING_RULES", "EXTERNAL_MANAGED_FORWARDING_RULES"};

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct demand *rule = &demands->items[demands->count];

        if (demands->count >= sizeof(demands->items) / sizeof(demands->items[0]))
            return;
        *rule = (struct demand){.optional = true, .at_once = 1, .at_most = 1};
        snprintf(rule->metric, sizeof(rule->metric), "%s", rules[i]);
        demands->count++;
    }
}

static llmd_error *judge(void *data, struct graph *graph, const struct step_input *input,
                         struct step_action *action)
{
    struct preflight *preflight = data;
    struct demands demands;

    (void)input;
    TRY(llmd__preflight_demand(preflight, NULL, NULL, &demands));
    demand_of_gateway(&demands);
    preflight->cut = preflight->cut || demands.cut;
    for (size_t i = 0; i < demands.count; i++) {
        const struct demand *demand = &demands.items[i];
        struct quota quota;

        TRY(llmd__preflight_quota(preflight, demand, &quota)
                ? tell_quota(preflight, graph, demand, &quota)
                : tell_no_metric(preflight, graph, demand));
    }
    action->kind = ACTION_DONE;
    return llmd__preflight_judge_fallbacks(preflight, graph);
}

static const struct step_class judge_class = {"preflight", judge, NULL};

/* ---- regions.get and projects.get ---- */

static llmd_error *on_place(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    return llmd__json_copy(answer->json,
                           ask->index ? &ask->preflight->project : &ask->preflight->region);
}

llmd_error *llmd__preflight_quotas(struct preflight *preflight, struct graph *graph)
{
    const char *project = llmd_gke_project(preflight->gke);
    const char *region = llmd__gke_region(preflight->gke);
    char subject[160];
    step_id step = -1;

    TRY(llmd__graph_add(graph, &judge_class, preflight, &preflight->quotas));
    TRY(llmd__graph_need(graph, preflight->verdict, preflight->quotas));
    snprintf(subject, sizeof(subject), "Quota/%s", region);
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, 0, on_place, NULL, &step,
                             "/compute/v1/projects/%s/regions/%s", project, region));
    TRY(llmd__preflight_quota_needs(preflight, graph, step));
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, "Quota/global", 1, on_place, NULL,
                             &step, "/compute/v1/projects/%s", project));
    TRY(llmd__preflight_quota_needs(preflight, graph, step));
    return ask_clouds(preflight, graph);
}

/* ---- the weekly look ---- */

#define FULL_PERCENT 80

static llmd_error *tell_place(struct preflight *preflight, struct graph *graph,
                              const struct cloud_quota *quota)
{
    char subject[160];
    struct check check = {LLMD_LEVEL_INFO, subject,      "QUOTA",      "",
                          quota->id,       quota->limit, quota->usage, 0};

    if (!quota->limit_known || quota->limit == INT64_MAX)
        return NULL; /* told by the look, or nothing to tell */
    snprintf(subject, sizeof(subject), "Quota/%s/%s", llmd__gke_region(preflight->gke), quota->id);
    if (quota->limit > 0 && quota->usage * 100 >= quota->limit * FULL_PERCENT) {
        check.level = LLMD_LEVEL_WARNING;
        check.reason = "QUOTA_TIGHT";
        check.advice = "ask for more at " CONSOLE ", or free some";
    }
    return llmd__preflight_tell(preflight, graph, &check, "limit %lld, used %lld%s",
                                (long long)quota->limit, (long long)quota->usage,
                                quota->usage_known ? "" : " (unknown)");
}

static llmd_error *judge_place(void *data, struct graph *graph, const struct step_input *input,
                               struct step_action *action)
{
    struct preflight *preflight = data;

    (void)input;
    for (size_t i = 0; i < preflight->cloud_count; i++)
        TRY(tell_place(preflight, graph, &preflight->clouds[i]));
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class place_class = {"preflight", judge_place, NULL};

/* Quotas of v6e chips, which regions.get does not know. */
llmd_error *llmd__preflight_place_quotas(struct preflight *preflight, struct graph *graph)
{
    const struct chip *chip = llmd__chip_of_machine("ct6e-standard-4t");
    const struct chip_quota *quotas[] = {&chip->on_demand, &chip->spot};

    TRY(llmd__graph_add(graph, &place_class, preflight, &preflight->quotas));
    TRY(llmd__graph_need(graph, preflight->verdict, preflight->quotas));
    for (size_t i = 0; i < sizeof(quotas) / sizeof(quotas[0]); i++)
        TRY(add_cloud(preflight, graph, quotas[i]->id,
                      quotas[i]->dimension ? quotas[i]->family : "",
                      llmd__last_part(quotas[i]->metric)));
    return NULL;
}
