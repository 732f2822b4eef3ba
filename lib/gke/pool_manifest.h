/* SPDX-License-Identifier: Apache-2.0 */
/* GKE's NodePool from a pool spec. Pure. */
#ifndef LLMD_GKE_POOL_MANIFEST_H
#define LLMD_GKE_POOL_MANIFEST_H

#include "gke/cluster_manifest.h"

/* Without the "nodePool" around it. */
llmd_error *llmd__pool_manifest(const struct pool_spec *pool, const struct gke_place *place,
                                struct json **out);
/* Sets the members of a NodePoolAutoscaling. */
void llmd__pool_set_autoscaling(struct json *autoscaling, const struct pool_spec *pool);

#endif
