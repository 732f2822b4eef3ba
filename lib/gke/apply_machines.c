/* SPDX-License-Identifier: Apache-2.0 */
/* Before a cluster is made: whether the machine types of its pools are there, by the looks of a
   preflight. What could not be looked at is told and refuses nothing. */
#include "gke/apply.h"
#include "gke/preflight.h"

#include <stdio.h>
#include <string.h>

struct machines {
    struct apply *apply;
    struct preflight *preflight;
};

static void machines_free(void *state)
{
    struct machines *machines = state;

    llmd__preflight_free(machines->preflight);
    llmd__free(machines);
}
DEFINE_AUTO(machines, struct machines *, machines_free)

/* ---- the verdict on a pool ---- */

/* The first of its zones that has no such machines; NULL: it can be had. */
static llmd_error *find_absent(struct preflight *preflight, const struct pool_spec *pool,
                               const struct shape **out)
{
    AUTO(json) struct json *zones = NULL;

    TRY(llmd__pool_zones(preflight, pool, &zones));
    if (!llmd__json_count(zones))
        llmd__json_add_str(zones, ""); /* GKE chooses */
    TRY(llmd__json_check(zones));
    *out = NULL;
    JSON_EACH(zone, zones) {
        const struct shape *shape =
            llmd__preflight_shape(preflight, pool->machine, llmd__json_text(zone));

        if (shape && shape->absent && !*out)
            *out = shape;
    }
    return NULL;
}

/* The system pool is made with the cluster, by its first choice. */
static size_t choices_after_the_first(const struct preflight *preflight,
                                      const struct pool_spec *pool)
{
    bool is_system = pool == &preflight->pools[llmd__cluster_spec_system_pool(preflight->spec)];

    return is_system ? 0 : llmd__json_count(pool->fallbacks);
}

/* Whether one of its fall-backs can. */
static llmd_error *has_other(struct preflight *preflight, const struct pool_spec *pool, bool *other)
{
    size_t count = choices_after_the_first(preflight, pool);

    *other = false;
    for (size_t nth = 1; nth <= count && !*other; nth++) {
        AUTO(pool_spec) struct pool_spec fallback = {0};
        const struct shape *absent = NULL;

        TRY(llmd__pool_spec_fallback(pool, nth, &fallback));
        TRY(find_absent(preflight, &fallback, &absent));
        *other = !absent;
    }
    return NULL;
}

static const struct json *find_check(const struct preflight *preflight, const char *subject,
                                     const char *reason)
{
    JSON_EACH(check, preflight->checks) {
        if (strcmp(llmd__json_str(check, "subject"), subject) == 0 &&
            strcmp(llmd__json_str(check, "reason"), reason) == 0)
            return check;
    }
    return NULL;
}

/* Where the zone itself is not there, that is why. */
static llmd_error *refuse(const struct machines *machines, const struct pool_spec *pool,
                          const struct shape *absent)
{
    const char *place = *absent->zone ? absent->zone : llmd__gke_region(machines->apply->gke);
    char zone[160], machine[160];
    const struct json *check;
    llmd_error *error;

    snprintf(zone, sizeof(zone), "Zone/%s", place);
    snprintf(machine, sizeof(machine), "MachineType/%s/%s", place, absent->machine);
    check = find_check(machines->preflight, zone, "ZONE_NOT_FOUND");
    if (!check)
        check = find_check(machines->preflight, machine, "MACHINE_TYPE_NOT_FOUND");
    error = llmd__error(
        LLMD_E_INVALID, "%s: not made: node pool %s: %s in %s: %s%s", machines->apply->making.what,
        pool->name, absent->machine, place, llmd__json_str(check, "message"),
        choices_after_the_first(machines->preflight, pool) ? "; nor can its fall-backs be had"
                                                           : "");
    llmd__error_set_reason(error, llmd__json_str(check, "reason"));
    return llmd__error_set_advice(error, "%s", llmd__json_str(check, "advice"));
}

static llmd_error *judge(const struct machines *machines)
{
    struct preflight *preflight = machines->preflight;

    for (size_t i = 0; i < preflight->pool_count; i++) {
        const struct pool_spec *pool = &preflight->pools[i];
        const struct shape *absent = NULL;
        bool other = false;

        TRY(find_absent(preflight, pool, &absent));
        if (absent)
            TRY(has_other(preflight, pool, &other));
        if (absent && !other)
            return refuse(machines, pool, absent);
    }
    return NULL;
}

/* ---- the step ---- */

static llmd_error *tell_unknown(const struct machines *machines, struct graph *graph)
{
    const struct json *first = NULL;
    AUTO(str) char *message = NULL;
    size_t more = 0;

    JSON_EACH(check, machines->preflight->checks) {
        const char *reason = llmd__json_str(check, "reason");

        if (strcmp(reason, "UNKNOWN") != 0 && strcmp(reason, "QUOTA_PROJECT") != 0)
            continue;
        more += first != NULL;
        first = first ? first : check;
    }
    if (!first)
        return NULL;
    message = llmd__format("not all machine types could be looked up before it is made: %s%s",
                           llmd__json_str(first, "message"), more ? " (and others alike)" : "");
    CHECK_MEMORY(message);
    return llmd__graph_event(graph,
                             &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                                  .subject = machines->apply->making.subject,
                                                  .reason = "UNKNOWN",
                                                  .message = message,
                                                  .advice = llmd__json_str(first, "advice")});
}

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    const struct machines *machines = state;

    (void)input;
    TRY(judge(machines));
    TRY(tell_unknown(machines, graph));
    machines->apply->machines_known = true;
    llmd__graph_poke(graph, machines->apply->step);
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class machines_class = {
    .name = "machines", .advance = advance, .free = machines_free};

llmd_error *llmd__machines_step(struct graph *graph, struct apply *apply)
{
    AUTO(machines) struct machines *owned = llmd__calloc(1, sizeof(*owned));
    struct preflight *preflight;

    CHECK_MEMORY(owned);
    owned->apply = apply;
    TRY(llmd__preflight_new(apply->gke, apply->spec, &owned->preflight));
    preflight = owned->preflight;
    preflight->silent = preflight->answered = true; /* the cluster's look was */
    TRY(llmd__graph_add(graph, &machines_class, TAKE(owned), &preflight->verdict));
    preflight->quotas = preflight->verdict;
    apply->machines_asked = true;
    return llmd__preflight_machines(preflight, graph);
}
