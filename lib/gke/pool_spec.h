/* SPDX-License-Identifier: Apache-2.0 */
/* One node pool of a cluster spec. Unset is not zero: what nobody said is NULL, "" or the unset
   mark of the field table. Presets are resolved when a pool is read. */
#ifndef LLMD_GKE_POOL_SPEC_H
#define LLMD_GKE_POOL_SPEC_H

#include "base/fields.h"
#include "gke/presets.h"

struct pool_accelerator {
    char *type; /* "nvidia-tesla-t4"; of GPUs only */
    int count;
};

struct pool_spec {
    char *name;    /* by default that of the preset or machine type */
    char *preset;  /* see gke/presets.h */
    char *machine; /* "ct6e-standard-4t" */
    struct pool_accelerator accelerator;
    char *topology;                  /* only of several hosts: "4x4" */
    int nodes, min_nodes, max_nodes; /* per zone; -1 unset. See llmd__pool_nodes_at_once() */
    struct json *zones;              /* strings */
    char *location_policy;           /* "any", "balanced" */
    struct json *spot;               /* bool; NULL unset: a fall-back may say false */
    bool flex_start;
    char *max_run_duration; /* "2h" here, "7200s" in the body */
    char *reservation;
    char *disk_type;
    int disk_gb;
    char *service_account;
    struct json *labels, *taints; /* taints: "key=value:NoSchedule" */
    int max_pods_per_node;
    char *version;
    struct json *secure_boot; /* bool; NULL unset */
    struct json *overlay;
    struct json *fallbacks; /* partial pools, in the order in which they are tried */
    struct json *said;      /* the pool as it was read, before its preset: not in the table */
};

extern const struct field llmd__pool_fields[];

/* One item of node_pools, preset resolved and checked with its fall-backs. what: "node pool". After
   an error out is empty. */
llmd_error *llmd__pool_spec_read(const struct json *pool, const char *what, struct pool_spec *out);
/* The same from an item that was read by the table and says only what its author said. */
llmd_error *llmd__pool_spec_resolve(const struct pool_spec *said, struct pool_spec *out);
/* The pool with its nth fall-back laid over it (0: the pool itself); NOT_FOUND past the last. A
   fall-back that names a preset or machine drops machine, accelerator and topology of the pool. */
llmd_error *llmd__pool_spec_fallback(const struct pool_spec *pool, size_t nth,
                                     struct pool_spec *out);
void llmd__pool_spec_free(struct pool_spec *pool);

/* Checks of pool_spec_check.c: of values (field tables), and of a resolved pool. */
llmd_error *llmd__pool_check_name(const struct json *value);
llmd_error *llmd__pool_check_machine(const struct json *value);
llmd_error *llmd__pool_check_topology(const struct json *value);
llmd_error *llmd__pool_check_zones(const struct json *value);
llmd_error *llmd__pool_check_duration(const struct json *value);
llmd_error *llmd__pool_check_account(const struct json *value);
llmd_error *llmd__pool_check_labels(const struct json *value);
llmd_error *llmd__pool_check_taints(const struct json *value);
llmd_error *llmd__pool_check_version(const struct json *value);
llmd_error *llmd__pool_check(const struct pool_spec *pool);

/* "2h", "90m", "1h30m", "7200s" in seconds; -1 if it is none. */
int64_t llmd__duration_seconds(const char *text);
/* "key=value:NoSchedule" in its parts, effect in Google's words; false if it is none. */
struct taint {
    char *key, *value; /* value may be "" */
    const char *effect;
};
llmd_error *llmd__taint_parse(const char *text, struct taint *out); /* free key and value */

/* What a pool is made of, for quotas, prices and waits. */
enum accelerator_kind llmd__pool_accelerator(const struct pool_spec *pool);
const struct chip *llmd__pool_chip(const struct pool_spec *pool); /* NULL: none, or unknown */
int llmd__pool_chips_per_node(const struct pool_spec *pool);      /* TPU chips or GPUs */
bool llmd__pool_multi_host(const struct pool_spec *pool);         /* one pool is one slice */
int llmd__pool_hosts(const struct pool_spec *pool);               /* nodes of a slice, or 1 */
bool llmd__pool_spot(const struct pool_spec *pool);
bool llmd__pool_autoscaled(const struct pool_spec *pool);
int llmd__pool_nodes_at_once(const struct pool_spec *pool);  /* made at creation, per zone */
int llmd__pool_nodes_at_least(const struct pool_spec *pool); /* with autoscaling, per zone */
int llmd__pool_nodes_at_most(const struct pool_spec *pool);  /* with autoscaling, per zone */

static inline void llmd__auto_pool_spec(struct pool_spec *pool)
{
    llmd__pool_spec_free(pool);
}

#endif
