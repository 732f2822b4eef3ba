/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What in a cluster holds things outside of it: its LLMInferenceServices and Gateways, and what
 * else has load balancers, Ingresses and Services. Google orphans a load balancer whose owner is
 * still there when its cluster goes.
 */
#ifndef LLMD_GKE_DRAIN_H
#define LLMD_GKE_DRAIN_H

#include "gke/gke.h"
#include "gke/leak.h"
#include "kube/kube.h"

struct drain {
    const llmd_gke *gke;    /* not owned, as all here */
    const char *name;       /* the cluster's */
    struct leak *leak;      /* is told the addresses */
    bool drain;             /* false: refuse if there is anything */
    llmd_kube *kube;        /* set by the time the step begins; NULL: */
    bool hidden;            /* it runs and cannot be connected to; false: nothing can be in it */
    step_id then;           /* begins when all is gone; needs this step already */
    struct json *found;     /* owned: [{"resource", "kind", "ns", "name"}] */
    struct json *addresses; /* owned: of the load balancers, as keys */
};

/* drain outlives the graph's steps. */
llmd_error *llmd__drain_step(struct graph *graph, struct drain *drain, step_id *out);
void llmd__drain_free(struct drain *drain); /* what it owns */
/* Waits until no forwarding rule has one of these addresses. */
llmd_error *llmd__rules_step(struct graph *graph, const struct drain *drain, step_id *out);

#endif
