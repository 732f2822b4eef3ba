/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a cluster spec. Unset is not zero: what nobody said is NULL, "" or the unset mark
   of the field table. Presets are resolved into each pool when the spec is checked. */
#ifndef LLMD_GKE_CLUSTER_SPEC_H
#define LLMD_GKE_CLUSTER_SPEC_H

#include "base/fields.h"

#include <llmd/cluster.h>

/* One node pool, one of its fall-backs, or a preset: what is unset comes from the next. */
struct pool_spec {
    char *name;
    char *preset;  /* see gke/presets.h */
    char *machine; /* "ct6e-standard-4t" */
    struct {
        char *type; /* "nvidia-tesla-t4" */
        int count;
    } accelerator;
    char *topology;                  /* only of several hosts: "4x4" */
    int nodes, min_nodes, max_nodes; /* per zone; -1 unset */
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
    struct json *overlay;
    struct json *fallbacks; /* partial pools, in the order in which they are tried */
};

struct llmd_cluster_spec {
    char *name;
    char *version, *release_channel; /* "rapid", "regular", "stable", "extended" */
    char *network, *subnetwork;
    struct json *zones;                                                           /* of the nodes */
    struct json *dataplane_v2, *gateway_api, *workload_identity, *shielded_nodes; /* bool or NULL */
    bool private_nodes, dns_endpoint;
    struct json *authorized_networks; /* CIDR strings */
    char *monitoring;                 /* "system", "full", "off" */
    struct json *labels;
    struct json *node_pools; /* objects; llmd__cluster_spec_pool() reads them */
    bool enable_missing, adopt;
    struct json *overlay;
    llmd_error *bad; /* the first bad value of a setter */
    bool fixed;      /* the static one of a call without memory */
};

extern const struct field llmd__cluster_fields[];
extern const struct field llmd__pool_fields[];

/* NULL, or why this spec cannot be used. */
llmd_error *llmd__cluster_spec_check(const llmd_cluster_spec *spec);
llmd_error *llmd__cluster_spec_copy(const llmd_cluster_spec *spec, llmd_cluster_spec **out);

/* The pools as they are to be made, presets resolved, a system pool first if the spec names none
   without an accelerator. */
size_t llmd__cluster_spec_pools(const llmd_cluster_spec *spec);
llmd_error *llmd__cluster_spec_pool(const llmd_cluster_spec *spec, size_t index,
                                    struct pool_spec *out); /* llmd__pool_spec_free() */
/* One item of node_pools, from text or JSON, preset resolved and checked. */
llmd_error *llmd__pool_spec_read(const struct json *pool, const char *what, struct pool_spec *out);
/* The pool with its nth fall-back laid over it (0: the pool itself); NOT_FOUND past the last. */
llmd_error *llmd__pool_spec_fallback(const struct pool_spec *pool, size_t nth,
                                     struct pool_spec *out);
void llmd__pool_spec_free(struct pool_spec *pool);

/* What a pool is made of, for quotas, prices and waits. */
enum accelerator_kind { ACCELERATOR_NONE, ACCELERATOR_TPU, ACCELERATOR_GPU };
enum accelerator_kind llmd__pool_accelerator(const struct pool_spec *pool);
int llmd__pool_chips_per_node(const struct pool_spec *pool); /* TPU chips or GPUs */
bool llmd__pool_multi_host(const struct pool_spec *pool);    /* one pool is one slice */
bool llmd__pool_spot(const struct pool_spec *pool);
int llmd__pool_nodes_at_once(const struct pool_spec *pool); /* made at creation, per zone */
int llmd__pool_nodes_at_most(const struct pool_spec *pool); /* with autoscaling, per zone */

DEFINE_AUTO(cluster_spec, llmd_cluster_spec *, llmd_cluster_spec_free)
static inline void llmd__auto_pool_spec(struct pool_spec *pool)
{
    llmd__pool_spec_free(pool);
}

#endif
