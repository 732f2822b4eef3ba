/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of container v1 from specs: what gcloud sends for the same wishes, minus its known
   mistakes. Pure. */
#ifndef LLMD_GKE_CLUSTER_MANIFEST_H
#define LLMD_GKE_CLUSTER_MANIFEST_H

#include "gke/cluster_spec.h"

struct place { /* where, for bodies and paths */
    const char *project, *location;
};

/* {"cluster": {...}}: with the system pool, without pools that have accelerators, which are made
   after it: a stock-out would take the cluster with it. */
llmd_error *llmd__cluster_body(const llmd_cluster_spec *spec, const struct place *place,
                               struct json **out);
/* {"nodePool": {...}} */
llmd_error *llmd__pool_body(const struct pool_spec *pool, const struct place *place,
                            struct json **out);

/* What differs between what is there and what is wanted and can be changed in place, as the bodies
   of the calls that change it, each {"method", "path" (behind the cluster's or pool's), "body"};
   the path is "" for PUT on the cluster itself. An empty array: nothing. */
llmd_error *llmd__cluster_changes(const llmd_cluster_spec *spec, const struct json *cluster,
                                  struct json **out);
llmd_error *llmd__pool_changes(const struct pool_spec *pool, const struct json *node_pool,
                               struct json **out);
/* What differs and cannot be changed ("machine type n1-standard-4, wanted ct6e-standard-4t"), or
   "". The cluster or pool is then another one than wanted. */
void llmd__cluster_difference(const llmd_cluster_spec *spec, const struct json *cluster,
                              struct buf *out);
void llmd__pool_difference(const struct pool_spec *pool, const struct json *node_pool,
                           struct buf *out);
bool llmd__is_ours(const struct json *cluster_or_pool); /* carries the owner label */

#endif
