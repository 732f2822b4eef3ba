/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a reckoning: what there is or will be, and the report that is made of it. */
#ifndef LLMD_GKE_COST_H
#define LLMD_GKE_COST_H

#include "gke/gke.h"
#include "gke/pool_spec.h"
#include "gke/price.h"

struct cost_item {
    char cluster[64], name[64];
    char what[128]; /* "ct6e-standard-4t", "zonal cluster" */
    bool fee;       /* of the cluster, not a node */
    enum price_way way;
    int64_t count, at_most;
    double hours;       /* of all nodes since they were made; a running meter's */
    int64_t since_ms;   /* the oldest's creation, wall clock; 0: not known */
    bool count_unknown; /* the nodes could not be listed */
    struct node_kind kind;
    struct price_parts parts;
};

struct cost {
    const llmd_gke *gke;
    struct json *given;         /* the caller's prices; NULL: the catalogue */
    struct json *kept;          /* clusters or pools that items borrow texts from */
    const struct json *missing; /* zones that did not answer: there may be more than is seen */
    struct prices prices;
    struct cost_item *items;
    size_t count;
    bool meter;
    int64_t now_ms; /* wall clock */
};

void llmd__cost_free(struct cost *cost);
llmd_error *llmd__cost_add(struct cost *cost, const struct cost_item *item);
/* Fills kind's cpus and memory from machineTypes.get. zone NULL: any of the region. A machine type
   that is not there leaves them 0. */
llmd_error *llmd__cost_shape(llmd_context *ctx, const struct cost *cost, struct node_kind *kind,
                             const char *zone);
/* Items of what exists in the location. */
llmd_error *llmd__cost_meter(llmd_context *ctx, struct cost *cost);
/* Pure: the report. */
llmd_error *llmd__cost_report(const struct cost *cost, struct json **out);

static inline void llmd__auto_cost(struct cost *cost)
{
    llmd__cost_free(cost);
}

#endif
