/* SPDX-License-Identifier: Apache-2.0 */
/* What there is against what is wanted. Only what the spec names counts. Pure. */
#ifndef LLMD_GKE_COMPARE_H
#define LLMD_GKE_COMPARE_H

#include "gke/cluster_spec.h"

/* What differs and can be changed in place, as the calls that change it, in their order; each
   {"method", "path" (behind the cluster's or the pool's own; "" itself), "body", "what" ("Gateway
   API on"), "warning" (only where one is due), "unseen" (true: once the one before it is made, what
   is there does not tell that this one is left)}. One change a request, as Google demands. An empty
   array: nothing. */
llmd_error *llmd__cluster_changes(const llmd_cluster_spec *spec, const struct json *cluster,
                                  struct json **out);
llmd_error *llmd__pool_changes(const struct pool_spec *pool, const struct json *node_pool,
                               struct json **out);
/* What differs and cannot be changed ("machine type n1-standard-4, wanted ct6e-standard-4t"), or
   "". The cluster or pool is then another one than wanted. A pool may have been made by one of its
   fall-backs: ask for each. */
void llmd__cluster_difference(const llmd_cluster_spec *spec, const struct json *cluster,
                              struct buf *out);
void llmd__pool_difference(const struct pool_spec *pool, const struct json *node_pool,
                           struct buf *out);
/* What a Gateway or an autoscaler would miss on this cluster, and llmd__cluster_changes() leaves
   off because the spec does not say enable_missing, or because nobody asked; or "". */
void llmd__cluster_missing(const llmd_cluster_spec *spec, const struct json *cluster,
                           struct buf *out);
bool llmd__cluster_no_gateway_api(const struct json *cluster);
bool llmd__cluster_no_load_balancing(const struct json *cluster);
bool llmd__cluster_no_network_policy(const struct json *cluster);

#endif
