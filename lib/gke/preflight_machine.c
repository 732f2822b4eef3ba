/* SPDX-License-Identifier: Apache-2.0 */
/* Zones and machine types: what is offered where, read from Compute Engine and never from a table
   (P1, P3, P8, P113, C47). */
#include "gke/calls.h"
#include "gke/network.h"
#include "gke/preflight.h"

#include <stdio.h>
#include <string.h>

#define ZONES_TOLD 12
#define TYPES_TOLD 12
#define NOWHERE "choose another machine type: no zone of this project has it"

/* ---- zones ---- */

void llmd__region_zones(const struct json *region, struct buf *out)
{
    JSON_EACH(zone, llmd__json_member(region, "zones")) {
        llmd__buf_format(out, "%s%s", out->len ? ", " : "its region has the zones ",
                         llmd__last_part(llmd__json_text(zone)));
    }
}

/* Whoever mistyped a zone's letter reads which there are. */
static llmd_error *on_zones(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_ERROR, ask->subject, "ZONE_NOT_FOUND", "choose another zone"};
    AUTO(buf) struct buf advice = BUF_INIT;

    llmd__region_zones(answer->json, &advice);
    TRY(llmd__buf_check(&advice));
    if (advice.len)
        check.advice = advice.data;
    return llmd__preflight_tell(ask->preflight, graph, &check, "there is no such zone");
}

static llmd_error *ask_zones_of(struct preflight_ask *ask, struct graph *graph)
{
    const char *zone = llmd__last_part(ask->subject);

    return llmd__preflight_look(ask->preflight, graph, GOOGLE_COMPUTE, ask->subject, 0, on_zones,
                                NULL, NULL, "/compute/v1/projects/%s/regions/%.*s",
                                llmd_gke_project(ask->preflight->gke), (int)llmd__region_len(zone),
                                zone);
}

static llmd_error *on_zone(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    const char *status = llmd__json_str(answer->json, "status");
    struct check check = {LLMD_LEVEL_ERROR, ask->subject, "ZONE", "choose another zone"};

    if (answer->trouble == TROUBLE_NOT_FOUND)
        return ask_zones_of(ask, graph);
    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    if (strcmp(status, "UP") != 0) {
        check.reason = "ZONE_DOWN";
        return llmd__preflight_tell(ask->preflight, graph, &check, "the zone is %s", status);
    }
    check.level = LLMD_LEVEL_INFO;
    check.advice = "";
    return llmd__preflight_tell(ask->preflight, graph, &check, "up");
}

static llmd_error *ask_zone(struct preflight *preflight, struct graph *graph, const char *zone)
{
    char subject[160];

    snprintf(subject, sizeof(subject), "Zone/%s", zone);
    return llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, 0, on_zone, NULL, NULL,
                                "/compute/v1/projects/%s/zones/%s",
                                llmd_gke_project(preflight->gke), zone);
}

llmd_error *llmd__pool_zones(const struct preflight *preflight, const struct pool_spec *pool,
                             struct json **out)
{
    struct json *alone;

    if (llmd__json_count(pool->zones))
        return llmd__json_copy(pool->zones, out);
    if (llmd__json_count(preflight->spec->zones))
        return llmd__json_copy(preflight->spec->zones, out);
    alone = llmd__json_array();
    if (llmd__gke_zonal(preflight->gke))
        llmd__json_add_str(alone, llmd_gke_location(preflight->gke));
    *out = alone;
    return llmd__json_check(alone);
}

/* ---- where a machine type is ---- */

static bool in_region(const struct preflight *preflight, const char *zone)
{
    const char *region = llmd__gke_region(preflight->gke);
    size_t len = llmd__region_len(zone);

    return strlen(region) == len && strncmp(zone, region, len) == 0;
}

/* items: {"zones/Z": {"machineTypes": [...]}}. Those of our region come first. */
static llmd_error *gather_zones(struct preflight_ask *ask, const struct json *page)
{
    AUTO(buf) struct buf holes = BUF_INIT;

    llmd__list_holes(page, llmd__gke_region(ask->preflight->gke), &holes);
    TRY(llmd__buf_check(&holes));
    ask->holes = ask->holes || holes.len;
    if (!ask->seen)
        ask->seen = llmd__json_array();
    JSON_EACH(item, llmd__json_member(page, "items")) {
        const char *zone = llmd__json_key(item);

        if (strncmp(zone, "zones/", 6) == 0 &&
            llmd__json_count(llmd__json_member(item, "machineTypes")))
            llmd__json_add_str(ask->seen, zone + 6);
    }
    return llmd__json_check(ask->seen);
}

static void list_zones(const struct preflight_ask *ask, bool ours, struct buf *out, size_t *count)
{
    JSON_EACH(zone, ask->seen) {
        if (in_region(ask->preflight, llmd__json_text(zone)) != ours || *count >= ZONES_TOLD)
            continue;
        llmd__buf_format(out, "%s%s", *count ? ", " : "", llmd__json_text(zone));
        ++*count;
    }
}

static size_t zones_in_region(const struct preflight_ask *ask)
{
    size_t count = 0;

    JSON_EACH(zone, ask->seen) {
        if (in_region(ask->preflight, llmd__json_text(zone)))
            count++;
    }
    return count;
}

static llmd_error *say_absent(struct preflight_ask *ask, struct graph *graph, const char *advice)
{
    const struct shape *shape = &ask->preflight->shapes[ask->index];
    struct check check = {shape->needed ? LLMD_LEVEL_ERROR : LLMD_LEVEL_WARNING, ask->subject,
                          "MACHINE_TYPE_NOT_FOUND", advice};

    return llmd__preflight_tell(ask->preflight, graph, &check,
                                "%s does not exist in %s for GKE nodes%s", shape->machine,
                                *shape->zone ? shape->zone : llmd__gke_region(ask->preflight->gke),
                                shape->needed ? "" : " (a fall-back names it)");
}

/* "ct6e-standard-3t": those of the zone that begin with "ct6e-standard-", else with "ct6e-". What
   ends in -tpu is for TPU VMs, which GKE does not make. */
static void list_types(const struct json *names, const char *wanted, size_t begin, struct buf *out)
{
    size_t count = 0;

    JSON_EACH(name, names) {
        const char *text = llmd__json_text(name);
        size_t len = strlen(text);
        bool vm = len > 4 && strcmp(text + len - 4, "-tpu") == 0;

        if (vm || strncmp(text, wanted, begin) != 0 || count++ >= TYPES_TOLD)
            continue;
        llmd__buf_format(out, "%s%s", out->len ? ", " : "", text);
    }
}

static llmd_error *on_types(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    const struct shape *shape = &ask->preflight->shapes[ask->index];
    const char *family = strrchr(shape->machine, '-');
    AUTO(buf) struct buf types = BUF_INIT;
    AUTO(str) char *advice = NULL;

    if (!ask->seen)
        ask->seen = llmd__json_array();
    JSON_EACH(machine, llmd__json_member(answer->json, "items")) {
        llmd__json_add_str(ask->seen, llmd__json_str(machine, "name"));
    }
    TRY(llmd__json_check(ask->seen));
    if (!answer->last)
        return NULL;
    if (family)
        list_types(ask->seen, shape->machine, (size_t)(family - shape->machine) + 1, &types);
    if (!types.len)
        list_types(ask->seen, shape->machine, strcspn(shape->machine, "-") + 1, &types);
    TRY(llmd__buf_check(&types));
    advice = types.len ? llmd__format("use one of those that %s has: %s", shape->zone, types.data)
                       : llmd__strdup(NOWHERE);
    CHECK_MEMORY(advice);
    return say_absent(ask, graph, advice);
}

static llmd_error *ask_types(struct preflight_ask *ask, struct graph *graph, const char *zone)
{
    return llmd__preflight_look(ask->preflight, graph, GOOGLE_COMPUTE, ask->subject, ask->index,
                                on_types, NULL, NULL,
                                "/compute/v1/projects/%s/zones/%s/machineTypes?maxResults=500",
                                llmd_gke_project(ask->preflight->gke), zone);
}

static llmd_error *tell_absent(struct preflight_ask *ask, struct graph *graph)
{
    struct shape *shape = &ask->preflight->shapes[ask->index];
    AUTO(buf) struct buf advice = BUF_INIT;
    size_t count = 0;

    shape->absent = true;
    llmd__buf_str(&advice, "use one of the zones that have it: ");
    list_zones(ask, true, &advice, &count);
    list_zones(ask, false, &advice, &count);
    TRY(llmd__buf_check(&advice));
    if (count)
        return say_absent(ask, graph, advice.data);
    return *shape->zone ? ask_types(ask, graph, shape->zone) : say_absent(ask, graph, NOWHERE);
}

static llmd_error *on_places(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (!answer->refusal)
        TRY(gather_zones(ask, answer->json));
    if (!answer->last)
        return NULL;
    return tell_absent(ask, graph);
}

static llmd_error *ask_places(struct preflight *preflight, struct graph *graph, const char *subject,
                              size_t index, look_fn on_answer, step_id *out)
{
    return llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, index, on_answer, NULL,
                                out,
                                "/compute/v1/projects/%s/aggregated/machineTypes?filter=name%%3D%s"
                                "&returnPartialSuccess=true&maxResults=500",
                                llmd_gke_project(preflight->gke), preflight->shapes[index].machine);
}

/* ---- a machine type in a zone ---- */

static void read_shape(struct shape *shape, const struct json *machine)
{
    shape->known = true;
    shape->cpus = (int)llmd__json_int(machine, "guestCpus", 0);
    shape->memory_mb = llmd__json_int(machine, "memoryMb", 0);
    shape->accelerators = (int)llmd__json_int(machine, "accelerators[0].guestAcceleratorCount", 0);
    snprintf(shape->accelerator, sizeof(shape->accelerator), "%s",
             llmd__json_str(machine, "accelerators[0].guestAcceleratorType"));
}

static llmd_error *tell_shape(struct preflight_ask *ask, struct graph *graph,
                              const struct json *machine)
{
    const struct shape *shape = &ask->preflight->shapes[ask->index];
    const char *deprecated = llmd__json_str(machine, "deprecated.state");
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "MACHINE_TYPE", ""};
    char chips[96] = "";

    if (shape->accelerators)
        snprintf(chips, sizeof(chips), ", %d x %s", shape->accelerators, shape->accelerator);
    if (shape->accelerators && shape->chips_wanted && shape->accelerators != shape->chips_wanted) {
        check.level = LLMD_LEVEL_WARNING;
        check.reason = "MACHINE_TYPE_DIFFERS";
        check.advice = "the spec counts on another number of chips per node";
    } else if (*deprecated) {
        check.level = LLMD_LEVEL_WARNING;
        check.reason = "MACHINE_TYPE_DEPRECATED";
        check.advice = "choose a newer machine type";
    }
    return llmd__preflight_tell(ask->preflight, graph, &check, "there: %d vCPU, %lld GB%s%s%s",
                                shape->cpus, (long long)shape->memory_mb / 1024, chips,
                                *deprecated ? ", " : "", deprecated);
}

static llmd_error *on_machine(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (answer->trouble == TROUBLE_NOT_FOUND)
        return ask_places(ask->preflight, graph, ask->subject, ask->index, on_places, NULL);
    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    read_shape(&ask->preflight->shapes[ask->index], answer->json);
    return tell_shape(ask, graph, answer->json);
}

static const struct json *first_machine(const struct preflight *preflight, const struct json *page)
{
    JSON_EACH(item, llmd__json_member(page, "items")) {
        const struct json *machine = llmd__json_get(item, "machineTypes[0]");

        if (machine && strncmp(llmd__json_key(item), "zones/", 6) == 0 &&
            in_region(preflight, llmd__json_key(item) + 6))
            return machine;
    }
    return NULL;
}

/* A regional cluster whose zones GKE chooses: the machine type must be in its region. */
static llmd_error *on_region(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct shape *shape = &ask->preflight->shapes[ask->index];
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "MACHINE_TYPE", ""};
    const struct json *machine;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    TRY(gather_zones(ask, answer->json));
    machine = first_machine(ask->preflight, answer->json);
    if (machine)
        read_shape(shape, machine);
    if (!answer->last)
        return NULL;
    shape->zones = (int)zones_in_region(ask);
    if (!shape->known && !ask->holes)
        return tell_absent(ask, graph);
    if (shape->zones >= 3)
        return llmd__preflight_tell(ask->preflight, graph, &check, "in %d zones of the region",
                                    shape->zones);
    check.level = LLMD_LEVEL_WARNING;
    if (ask->holes) {
        check.reason = "UNKNOWN";
        check.advice = "try again: not all zones of the region answered";
        return llmd__preflight_tell(ask->preflight, graph, &check,
                                    "in %d of the zones that answered", shape->zones);
    }
    check.reason = "MACHINE_TYPE_IN_FEW_ZONES";
    check.advice = "name the pool's zones: GKE chooses three of the region, and this type is not "
                   "in all of them";
    return llmd__preflight_tell(ask->preflight, graph, &check, "in %d zones of the region only",
                                shape->zones);
}

/* ---- which ones ---- */

struct shape *llmd__preflight_shape(struct preflight *preflight, const char *machine,
                                    const char *zone)
{
    for (size_t i = 0; i < preflight->shape_count; i++)
        if (strcmp(preflight->shapes[i].machine, machine) == 0 &&
            strcmp(preflight->shapes[i].zone, zone) == 0)
            return &preflight->shapes[i];
    return NULL;
}

static void want(struct preflight *preflight, const struct pool_spec *pool, const char *zone,
                 bool needed)
{
    struct shape *shape = llmd__preflight_shape(preflight, pool->machine, zone);

    if (!shape && preflight->shape_count < MAX_SHAPES) {
        shape = &preflight->shapes[preflight->shape_count++];
        *shape = (struct shape){.zones = 1};
        snprintf(shape->machine, sizeof(shape->machine), "%s", pool->machine);
        snprintf(shape->zone, sizeof(shape->zone), "%s", zone);
        if (llmd__pool_accelerator(pool) == ACCELERATOR_TPU)
            shape->chips_wanted = llmd__pool_chips_per_node(pool);
    }
    if (!shape)
        preflight->cut = true;
    else
        shape->needed = shape->needed || needed;
}

static llmd_error *want_pool(struct preflight *preflight, const struct pool_spec *pool, bool needed)
{
    AUTO(json) struct json *zones = NULL;

    TRY(llmd__pool_zones(preflight, pool, &zones));
    if (!llmd__json_count(zones))
        want(preflight, pool, "", needed);
    JSON_EACH(zone, zones) {
        want(preflight, pool, llmd__json_text(zone), needed);
    }
    return NULL;
}

static llmd_error *want_fallbacks(struct preflight *preflight, const struct pool_spec *pool)
{
    size_t count = llmd__json_count(pool->fallbacks);

    for (size_t nth = 1; nth <= count; nth++) {
        struct pool_spec other = {0};
        llmd_error *error = llmd__pool_spec_fallback(pool, nth, &other);

        if (!error)
            error = want_pool(preflight, &other, false);
        llmd__pool_spec_free(&other);
        TRY(error);
    }
    return NULL;
}

static llmd_error *ask_machine(struct preflight *preflight, struct graph *graph, size_t index)
{
    const struct shape *shape = &preflight->shapes[index];
    char subject[160];
    step_id step = -1;

    snprintf(subject, sizeof(subject), "MachineType/%s/%s",
             *shape->zone ? shape->zone : llmd__gke_region(preflight->gke), shape->machine);
    if (!*shape->zone)
        TRY(ask_places(preflight, graph, subject, index, on_region, &step));
    else
        TRY(llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, index, on_machine, NULL,
                                 &step, "/compute/v1/projects/%s/zones/%s/machineTypes/%s",
                                 llmd_gke_project(preflight->gke), shape->zone, shape->machine));
    return llmd__preflight_quota_needs(preflight, graph, step);
}

/* Each zone once, whichever pools are in it. */
static llmd_error *ask_zones(struct preflight *preflight, struct graph *graph)
{
    for (size_t i = 0; i < preflight->shape_count; i++) {
        const char *zone = preflight->shapes[i].zone;
        bool before = !*zone;

        for (size_t j = 0; j < i; j++)
            before = before || strcmp(preflight->shapes[j].zone, zone) == 0;
        if (!before)
            TRY(ask_zone(preflight, graph, zone));
    }
    return NULL;
}

llmd_error *llmd__preflight_machines(struct preflight *preflight, struct graph *graph)
{
    for (size_t i = 0; i < preflight->pool_count; i++) {
        TRY(want_pool(preflight, &preflight->pools[i], true));
        TRY(want_fallbacks(preflight, &preflight->pools[i]));
    }
    for (size_t i = 0; i < preflight->shape_count; i++)
        TRY(ask_machine(preflight, graph, i));
    return ask_zones(preflight, graph);
}
