/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a cluster spec. Unset is not zero: what nobody said is NULL, "" or the unset mark
   of the field table. */
#ifndef LLMD_GKE_CLUSTER_SPEC_H
#define LLMD_GKE_CLUSTER_SPEC_H

#include "base/spec.h"
#include "gke/pool_spec.h"

#include <llmd/cluster.h>

struct llmd_cluster_spec {
    struct spec head;
    char *name;
    char *version, *release_channel; /* "rapid", "regular", "stable", "extended" */
    char *network, *subnetwork;
    struct json *zones;                                                           /* of the nodes */
    struct json *dataplane_v2, *gateway_api, *workload_identity, *shielded_nodes; /* bool or NULL */
    bool network_policy; /* Calico; excludes Dataplane V2 */
    bool private_nodes, dns_endpoint;
    struct json *authorized_networks; /* CIDR strings */
    char *monitoring;                 /* "system", "full", "off" */
    struct json *labels;
    struct field_list node_pools; /* struct pool_spec, presets not resolved */
    bool enable_missing, adopt;
    struct json *overlay;
};

extern const struct spec_type llmd__cluster_spec_type;

/* NULL, or why this spec cannot be used. */
llmd_error *llmd__cluster_spec_check(const llmd_cluster_spec *spec);
llmd_error *llmd__cluster_spec_copy(const llmd_cluster_spec *spec, llmd_cluster_spec **out);

/* A switch that is on unless the spec says false: dataplane_v2, gateway_api, ... */
bool llmd__cluster_spec_on(const struct json *value);

/* The pools as they are to be made, presets resolved, a system pool first if the spec names none
   without an accelerator. */
size_t llmd__cluster_spec_pools(const llmd_cluster_spec *spec);
llmd_error *llmd__cluster_spec_pool(const llmd_cluster_spec *spec, size_t index,
                                    struct pool_spec *out); /* llmd__pool_spec_free() */
/* The index of the pool that is made together with the cluster. */
size_t llmd__cluster_spec_system_pool(const llmd_cluster_spec *spec);

DEFINE_AUTO(cluster_spec, llmd_cluster_spec *, llmd_cluster_spec_free)

#endif
