/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/pool_spec.h"

#include <limits.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct pool_spec, member)
#define MAX_NODES 1000 /* of a pool and zone, GKE's own limit */

static const struct field accelerator_fields[] = {
    {.name = "type",
     .type = FIELD_STRING,
     .offset = offsetof(struct pool_accelerator, type),
     .doc = "As GKE names it: `nvidia-tesla-t4`."},
    {.name = "count",
     .type = FIELD_INT,
     .offset = offsetof(struct pool_accelerator, count),
     .min = 1,
     .max = 16,
     .doc = "A node; 1 by default."},
    FIELD_END,
};

const struct field llmd__pool_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     AT(name),
     .check = llmd__pool_check_name,
     .doc = "At most 40 lower case letters, digits and `-`; that of preset or machine by default."},
    {.name = "preset",
     .type = FIELD_STRING,
     AT(preset),
     .values = LLMD__POOL_PRESET_NAMES,
     .doc = "The hardware"},
    {.name = "machine",
     .type = FIELD_STRING,
     AT(machine),
     .check = llmd__pool_check_machine,
     .doc = "A machine type, instead of the preset's."},
    {.name = "accelerator",
     .type = FIELD_OBJECT,
     AT(accelerator),
     .fields = accelerator_fields,
     .doc = "GPUs of machine types that do not say theirs."},
    {.name = "topology",
     .type = FIELD_STRING,
     AT(topology),
     .check = llmd__pool_check_topology,
     .doc = "TPUs of several hosts only: `4x4`. The pool is one slice."},
    {.name = "nodes",
     .type = FIELD_INT,
     AT(nodes),
     .unset = -1,
     .max = MAX_NODES,
     .doc = "Nodes per zone, with autoscaling at first; `minNodes` by default, without "
            "autoscaling 1 or the slice."},
    {.name = "minNodes",
     .type = FIELD_INT,
     AT(min_nodes),
     .unset = -1,
     .max = MAX_NODES,
     .doc = "Autoscaling: at least, per zone; 0 by default."},
    {.name = "maxNodes",
     .type = FIELD_INT,
     AT(max_nodes),
     .unset = -1,
     .min = 1,
     .max = MAX_NODES,
     .doc = "Autoscaling: at most, per zone; of several hosts the slice."},
    {.name = "zones",
     .type = FIELD_STRINGS,
     AT(zones),
     .check = llmd__pool_check_zones,
     .doc = "Zones of the nodes; those of the cluster by default."},
    {.name = "locationPolicy",
     .type = FIELD_STRING,
     AT(location_policy),
     .values = "any|balanced",
     .doc = "Autoscaling over zones; `any` takes scarce hardware where it is"},
    {.name = "spot",
     .type = FIELD_JSON,
     AT(spot),
     .json = JSON_BOOL,
     .doc = "`true`: spot nodes, which may be taken away."},
    {.name = "flexStart",
     .type = FIELD_BOOL,
     AT(flex_start),
     .doc = "Queued capacity for at most a week; begins at 0 nodes and needs `maxNodes`."},
    {.name = "maxRunDuration",
     .type = FIELD_STRING,
     AT(max_run_duration),
     .check = llmd__pool_check_duration,
     .doc = "How long a node lives: `2h`, `90m`, `1d`."},
    {.name = "reservation",
     .type = FIELD_STRING,
     AT(reservation),
     .doc = "The name of the reservation to take nodes from."},
    {.name = "diskType",
     .type = FIELD_STRING,
     AT(disk_type),
     .doc = "Boot disk, such as `hyperdisk-balanced`; GKE's choice by default."},
    {.name = "diskGb", .type = FIELD_INT, AT(disk_gb), .min = 10, .max = 65536, .doc = "Its size."},
    {.name = "serviceAccount",
     .type = FIELD_STRING,
     AT(service_account),
     .check = llmd__pool_check_account,
     .doc = "The nodes' account; Compute Engine's default one by default."},
    {.name = "labels",
     .type = FIELD_MAP,
     AT(labels),
     .check = llmd__pool_check_labels,
     .doc = "Kubernetes labels of the nodes; GKE sets those of accelerators."},
    {.name = "taints",
     .type = FIELD_STRINGS,
     AT(taints),
     .check = llmd__pool_check_taints,
     .doc = "`key=value:NoSchedule`; GKE sets those of accelerators."},
    {.name = "maxPodsPerNode",
     .type = FIELD_INT,
     AT(max_pods_per_node),
     .min = 8,
     .max = 256,
     .doc = "Fewer of them save pod addresses; GKE's default is 110."},
    {.name = "version",
     .type = FIELD_STRING,
     AT(version),
     .check = llmd__pool_check_version,
     .doc = "Kubernetes version of the nodes; the cluster's by default."},
    {.name = "secureBoot",
     .type = FIELD_JSON,
     AT(secure_boot),
     .json = JSON_BOOL,
     .doc = "Only signed code boots; on for the preset `cpu`."},
    {.name = "overlay",
     .type = FIELD_JSON,
     AT(overlay),
     .json = JSON_OBJECT,
     .doc = "A merge patch (RFC 7396) for GKE's NodePool; has the last word."},
    {.name = "fallbacks",
     .type = FIELD_JSON,
     AT(fallbacks),
     .json = JSON_ARRAY,
     .doc = "Pools with only what is different, tried in this order when there is no capacity: "
            "`[{zones: [europe-west4-b]}, {spot: false}]`."},
    FIELD_END,
};

void llmd__pool_spec_free(struct pool_spec *pool)
{
    llmd__fields_free(llmd__pool_fields, pool);
    llmd__json_free(TAKE(pool->said));
}

static bool said(const char *text)
{
    return text && *text;
}

/* ---- what a pool is made of ---- */

static const struct chip *chip_of(const char *machine, const char *accelerator)
{
    return said(accelerator) ? llmd__chip_of_accelerator(accelerator)
                             : llmd__chip_of_machine(machine);
}

const struct chip *llmd__pool_chip(const struct pool_spec *pool)
{
    return chip_of(pool->machine, pool->accelerator.type);
}

enum accelerator_kind llmd__pool_accelerator(const struct pool_spec *pool)
{
    const struct chip *chip = llmd__pool_chip(pool);

    if (chip)
        return chip->kind;
    if (said(pool->accelerator.type))
        return ACCELERATOR_GPU;
    return llmd__machine_is_tpu(pool->machine) ? ACCELERATOR_TPU : ACCELERATOR_NONE;
}

int llmd__pool_chips_per_node(const struct pool_spec *pool)
{
    switch (llmd__pool_accelerator(pool)) {
    case ACCELERATOR_TPU:
        return llmd__machine_chips(pool->machine);
    case ACCELERATOR_GPU:
        return pool->accelerator.count > 0 ? pool->accelerator.count : 1;
    default:
        return 0;
    }
}

bool llmd__pool_multi_host(const struct pool_spec *pool)
{
    return said(pool->topology);
}

int llmd__pool_hosts(const struct pool_spec *pool)
{
    int chips = llmd__pool_chips_per_node(pool);
    int slice = llmd__pool_multi_host(pool) ? llmd__topology_chips(pool->topology, NULL) : 0;

    return chips > 0 && slice > chips ? slice / chips : 1;
}

bool llmd__pool_spot(const struct pool_spec *pool)
{
    return llmd__json_bool(pool->spot, NULL, false);
}

bool llmd__pool_autoscaled(const struct pool_spec *pool)
{
    return pool->min_nodes >= 0 || pool->max_nodes >= 0;
}

int llmd__pool_nodes_at_least(const struct pool_spec *pool)
{
    if (!llmd__pool_autoscaled(pool))
        return llmd__pool_nodes_at_once(pool);
    return pool->min_nodes > 0 ? pool->min_nodes : 0;
}

int llmd__pool_nodes_at_once(const struct pool_spec *pool)
{
    if (pool->nodes >= 0)
        return pool->nodes;
    return llmd__pool_autoscaled(pool) ? llmd__pool_nodes_at_least(pool) : llmd__pool_hosts(pool);
}

int llmd__pool_nodes_at_most(const struct pool_spec *pool)
{
    if (!llmd__pool_autoscaled(pool))
        return llmd__pool_nodes_at_once(pool);
    return pool->max_nodes >= 0 ? pool->max_nodes : llmd__pool_hosts(pool);
}

/* ---- presets ---- */

static llmd_error *fill(char **member, const char *value)
{
    if (said(*member) || !value)
        return NULL;
    llmd__free(*member);
    *member = llmd__strdup(value);
    CHECK_MEMORY(*member);
    return NULL;
}

static llmd_error *fill_preset(struct pool_spec *pool)
{
    const struct pool_preset *preset = llmd__pool_preset(pool->preset);

    if (!preset)
        return NULL;
    TRY(fill(&pool->machine, preset->machine));
    if (preset->hosts > 1)
        TRY(fill(&pool->topology, preset->topology));
    if (preset->chip && !preset->chip->machines) /* n1: the machine type does not say it */
        TRY(fill(&pool->accelerator.type, preset->chip->accelerator));
    if (preset->secure_boot && !pool->secure_boot) {
        pool->secure_boot = llmd__json_new_bool(true);
        CHECK_MEMORY(pool->secure_boot);
    }
    return NULL;
}

/* GKE wants the GPUs of a g2, a2 or a3 said again, though the machine type has no others. */
static llmd_error *fill_accelerator(struct pool_spec *pool)
{
    const struct chip *chip = llmd__chip_of_machine(pool->machine);

    if (chip && !said(pool->accelerator.type))
        TRY(fill(&pool->accelerator.type, chip->accelerator));
    if (!said(pool->accelerator.type) || pool->accelerator.count > 0)
        return NULL;
    pool->accelerator.count = llmd__machine_chips(pool->machine);
    if (pool->accelerator.count < 1)
        pool->accelerator.count = 1;
    return NULL;
}

static llmd_error *resolve(struct pool_spec *pool)
{
    TRY(llmd__fields_json(llmd__pool_fields, pool, &pool->said));
    TRY(fill_preset(pool));
    TRY(fill_accelerator(pool));
    TRY(fill(&pool->name, pool->preset));
    TRY(fill(&pool->name, pool->machine));
    return llmd__pool_check(pool);
}

static void blank(struct pool_spec *pool)
{
    *pool = (struct pool_spec){0};
    llmd__fields_init(llmd__pool_fields, pool);
}

/* Everything but the fall-backs. */
static llmd_error *read_one(const struct json *json, const char *what, struct pool_spec *out)
{
    AUTO(pool_spec) struct pool_spec pool;

    blank(out);
    blank(&pool);
    TRY(llmd__fields_read(llmd__pool_fields, json, what, &pool));
    TRY(llmd__error_wrap(resolve(&pool), "%s", what));
    *out = pool;
    blank(&pool);
    return NULL;
}

/* ---- fall-backs ---- */

/* A machine type of the same chip keeps what the pool says of it, another one replaces it. */
static bool is_other_hardware(const struct json *pool, const struct json *fallback)
{
    const struct pool_preset *preset = llmd__pool_preset(llmd__json_str(pool, "preset"));
    const struct chip *before = llmd__chip_of_machine(llmd__json_str(pool, "machine"));

    if (*llmd__json_str(fallback, "preset"))
        return true;
    if (!*llmd__json_str(fallback, "machine"))
        return false;
    if (preset)
        before = preset->chip && preset->chip->machines ? preset->chip : NULL;
    return llmd__chip_of_machine(llmd__json_str(fallback, "machine")) != before;
}

static llmd_error *lay_over(const struct pool_spec *pool, const struct json *fallback,
                            struct json **out)
{
    AUTO(json) struct json *merged = NULL;

    TRY(llmd__json_copy(pool->said, &merged));
    if (is_other_hardware(merged, fallback)) {
        static const char *const hardware[] = {"preset", "machine", "accelerator", "topology"};

        for (size_t i = 0; i < sizeof(hardware) / sizeof(hardware[0]); i++)
            llmd__json_remove(merged, hardware[i]);
    }
    TRY(llmd__json_merge(&merged, fallback));
    llmd__json_remove(merged, "fallbacks");
    llmd__json_set_str(merged, "name", pool->name);
    TRY(llmd__json_check(merged));
    *out = TAKE(merged);
    return NULL;
}

static const struct json *nth_fallback(const struct pool_spec *pool, size_t nth)
{
    const struct json *fallback = llmd__json_first(pool->fallbacks);

    while (fallback && --nth)
        fallback = llmd__json_next(fallback);
    return fallback;
}

static llmd_error *check_fallback(const struct json *fallback)
{
    if (llmd__json_type(fallback) != JSON_OBJECT)
        return llmd__error(LLMD_E_INVALID, "want an object, got %s",
                           llmd__json_type_name(llmd__json_type(fallback)));
    if (llmd__json_member(fallback, "name") || llmd__json_member(fallback, "fallbacks"))
        return llmd__error(LLMD_E_INVALID, "a fall-back has no name and no fall-backs of its own");
    return NULL;
}

llmd_error *llmd__pool_spec_fallback(const struct pool_spec *pool, size_t nth,
                                     struct pool_spec *out)
{
    AUTO(json) struct json *merged = NULL;
    AUTO(str) char *what = llmd__format("fallbacks[%zu]", nth - 1);
    const struct json *fallback = NULL;

    blank(out);
    CHECK_MEMORY(what);
    if (nth == 0)
        return read_one(pool->said, pool->name, out);
    fallback = nth_fallback(pool, nth);
    if (!fallback)
        return llmd__error(LLMD_E_NOT_FOUND, "node pool %s has %zu fall-backs", pool->name,
                           llmd__json_count(pool->fallbacks));
    TRY(llmd__error_wrap(check_fallback(fallback), "%s", what));
    TRY(lay_over(pool, fallback, &merged));
    return read_one(merged, what, out);
}

static llmd_error *check_fallbacks(const struct pool_spec *pool)
{
    for (size_t nth = 1; nth <= llmd__json_count(pool->fallbacks); nth++) {
        AUTO(pool_spec) struct pool_spec fallback;

        TRY(llmd__pool_spec_fallback(pool, nth, &fallback));
    }
    return NULL;
}

/* ---- reading ---- */

llmd_error *llmd__pool_spec_read(const struct json *json, const char *what, struct pool_spec *out)
{
    AUTO(pool_spec) struct pool_spec pool;

    blank(out);
    TRY(read_one(json, what, &pool));
    TRY(llmd__error_wrap(check_fallbacks(&pool), "%s", what));
    *out = pool;
    blank(&pool);
    return NULL;
}

llmd_error *llmd__pool_spec_resolve(const struct pool_spec *said_pool, struct pool_spec *out)
{
    AUTO(pool_spec) struct pool_spec pool = {0};

    blank(out);
    TRY(llmd__fields_copy(llmd__pool_fields, said_pool, &pool));
    TRY(resolve(&pool));
    TRY(check_fallbacks(&pool));
    *out = pool;
    blank(&pool);
    return NULL;
}
