/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster as GKE has it. */
#ifndef LLMD_GKE_CLUSTER_H
#define LLMD_GKE_CLUSTER_H

#include "gke/gke.h"
#include "task/graph.h"

/* Asks for it and waits for the answer; errors begin with "cluster NAME". */
llmd_error *llmd__cluster_read(llmd_context *ctx, const llmd_gke *gke, const char *name,
                               struct json **out);
/* Done, and the graph with it, when the cluster (pool NULL) or its pool runs and no operation works
   on it. */
llmd_error *llmd__wait_step(struct graph *graph, const llmd_gke *gke, const char *cluster,
                            const char *pool, step_id *out);

#endif
