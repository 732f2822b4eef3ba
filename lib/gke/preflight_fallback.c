/* SPDX-License-Identifier: Apache-2.0 */
/* Quotas of fall-backs: what would be wanted if one took the place of its pool. Only warnings, for
   nobody knows whether it will. */
#include "gke/preflight.h"

#include <stdio.h>
#include <string.h>

struct turn {
    struct preflight *preflight;
    const struct pool_spec *pool;
    size_t nth;          /* of its fall-backs */
    struct demands base; /* of the spec as it stands */
};

static const struct demand *same_quota(const struct demands *demands, const struct demand *wanted)
{
    for (size_t i = 0; i < demands->count; i++) {
        if (strcmp(demands->items[i].metric, wanted->metric) == 0 &&
            strcmp(demands->items[i].family, wanted->family) == 0)
            return &demands->items[i];
    }
    return NULL;
}

/* Of the rest the verdict on the spec itself has told. */
static bool wants_more(const struct turn *turn, const struct demand *demand)
{
    const struct demand *before = same_quota(&turn->base, demand);

    return !before || demand->at_once > before->at_once || demand->at_most > before->at_most;
}

static llmd_error *judge_demand(const struct turn *turn, struct graph *graph,
                                const struct demand *demand)
{
    struct quota quota = {0};
    char subject[160];
    struct check check = {LLMD_LEVEL_WARNING, subject, "FALLBACK_QUOTA",
                          "ask for more at " LLMD__QUOTA_CONSOLE ", or name another fall-back"};

    if (!wants_more(turn, demand) || !llmd__preflight_quota(turn->preflight, demand, &quota) ||
        (quota.limit > 0 && demand->at_once <= quota.limit - quota.used))
        return NULL;
    snprintf(subject, sizeof(subject), "NodePool/%s/%s/fallbacks[%zu]", turn->preflight->spec->name,
             turn->pool->name, turn->nth - 1);
    check.metric = quota.metric;
    check.limit = quota.limit;
    check.used = quota.used;
    check.needed = demand->at_once;
    return llmd__preflight_tell(turn->preflight, graph, &check,
                                "%s: limit %lld, used %lld, needed %lld, at most %lld",
                                quota.metric, (long long)quota.limit, (long long)quota.used,
                                (long long)demand->at_once, (long long)demand->at_most);
}

static llmd_error *judge(void *data, struct graph *graph, const struct pool_spec *pool, size_t nth,
                         const struct demands *demands)
{
    struct turn *turn = data;

    turn->pool = pool;
    turn->nth = nth;
    for (size_t i = 0; i < demands->count; i++)
        TRY(judge_demand(turn, graph, &demands->items[i]));
    return NULL;
}

llmd_error *llmd__preflight_each_fallback(struct preflight *preflight, struct graph *graph,
                                          fallback_fn on_fallback, void *data)
{
    for (size_t i = 0; i < preflight->pool_count; i++) {
        const struct pool_spec *pool = &preflight->pools[i];

        for (size_t nth = 1; nth <= llmd__json_count(pool->fallbacks); nth++) {
            AUTO(pool_spec) struct pool_spec other;
            struct demands demands;

            TRY(llmd__pool_spec_fallback(pool, nth, &other));
            TRY(llmd__preflight_demand(preflight, pool, &other, &demands));
            TRY(on_fallback(data, graph, pool, nth, &demands));
        }
    }
    return NULL;
}

llmd_error *llmd__preflight_judge_fallbacks(struct preflight *preflight, struct graph *graph)
{
    struct turn turn = {.preflight = preflight};

    TRY(llmd__preflight_demand(preflight, NULL, NULL, &turn.base));
    return llmd__preflight_each_fallback(preflight, graph, judge, &turn);
}
