/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting one thing of GKE, a cluster or a node pool, and waiting until it is gone, as a step: one
 * DELETE, as a cluster takes its pools along. What is gone already, or is being deleted by others,
 * is no error; what is not ours is.
 */
#ifndef LLMD_GKE_REMOVAL_H
#define LLMD_GKE_REMOVAL_H

#include "gke/change.h"

/* Of a first look, once, before anything is done: there NULL: it is gone. May add steps, and let
   the step that deletes need them. */
typedef llmd_error *(*removal_fn)(void *data, struct graph *graph, const struct json *there);

struct removal_wish {
    const llmd_gke *gke;
    const char *cluster, *pool; /* pool NULL: the cluster */
    removal_fn on_look;         /* NULL: nobody asks */
    void *data;                 /* not owned */
};

/* *look tells what is there and refuses what is not ours; *gone is done when it is gone. */
llmd_error *llmd__removal_steps(struct graph *graph, const struct removal_wish *wish, step_id *look,
                                step_id *gone);

#endif
