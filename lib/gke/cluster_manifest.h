/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of container v1 from specs: what gcloud sends for the same wishes, minus its known
   mistakes. Pure. */
#ifndef LLMD_GKE_CLUSTER_MANIFEST_H
#define LLMD_GKE_CLUSTER_MANIFEST_H

#include "gke/cluster_spec.h"

struct gke_place { /* where, for bodies and paths */
    const char *project, *location;
};

/* {"cluster": {...}}: with the system pool, without the others, which are made after it: the
   stock-out of an accelerator would take the cluster with it. INVALID: zones outside the region. */
llmd_error *llmd__cluster_body(const llmd_cluster_spec *spec, const struct gke_place *place,
                               struct json **out);
/* {"nodePool": {...}} */
llmd_error *llmd__pool_body(const struct pool_spec *pool, const struct gke_place *place,
                            struct json **out);
/* A project, a zone or region, and zones (may be NULL) that lie in it. */
llmd_error *llmd__place_check(const struct gke_place *place, const struct json *zones);

/* A ControlPlaneEndpointsConfig under this key, if the spec says anything of it. */
void llmd__cluster_set_endpoints(struct json *object, const char *key,
                                 const llmd_cluster_spec *spec);
/* Google's spelling of one of our words: "regular" becomes REGULAR; NULL and "" set nothing. */
void llmd__set_enum(struct json *object, const char *key, const char *text);

bool llmd__is_ours(const struct json *cluster_or_pool); /* carries the owner label */

#endif
