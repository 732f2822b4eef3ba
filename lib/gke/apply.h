/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of one apply share.
 *
 *     services -> cluster, before which machines -> pool, pool, ... -> nodes of each -> finish
 *                                                   capacity of each looks on while it is made
 */
#ifndef LLMD_GKE_APPLY_H
#define LLMD_GKE_APPLY_H

#include "gke/compare.h"
#include "gke/cluster_manifest.h"
#include "gke/making.h"
#include "kube/kube.h"

/* Of five operations that GKE allows a cluster at once one is left to its autoscaler (P108). */
#define LLMD__POOLS_AT_ONCE 4

struct apply;

struct apply_pool {
    struct apply *apply;
    struct pool_spec spec;  /* as wanted */
    struct pool_spec tried; /* with the fall-back that is made or was found */
    size_t nth;             /* that fall-back; 0: none */
    struct making making;
    bool runs; /* has a place among those that run */
    bool told; /* that it differs and is used as it is */
    step_id step, capacity;
    enum trouble seen; /* what its instance groups said while it is made */
    char *problem;     /* their words for it, as told last; NULL */
    bool hopeless;     /* that is a stock-out, and machines are missing */
    size_t left;       /* fall-backs, from 1, that were to be left early */
};

struct apply {
    llmd_gke *gke;
    llmd_cluster_spec *spec; /* NULL: the cluster is given */
    char *name;              /* the cluster's */
    bool adopt;              /* what is not ours, and what differs, is used as it is */
    bool change_others;      /* pools that are not ours may be changed */
    bool patient;            /* a service was just enabled */
    bool told_adopted, told_missing;
    bool machines_asked, machines_known;
    struct making making; /* of the cluster */
    step_id step;         /* that one's */
    llmd_error *unplaced; /* there is no such location: kept until its region's zones are known */
    bool zones_known;
    struct json *cluster; /* as read last */
    llmd_kube *kube;      /* NULL: it has no endpoint that we could use */
    struct apply_pool *pools;
    size_t pool_count;
    int running; /* pools */
    step_id finish;
    const struct making *result; /* the cluster's, or that of the one pool that was asked for */
};

/* name and spec are copied. */
llmd_error *llmd__apply_new(const llmd_gke *gke, const llmd_cluster_spec *spec, const char *name,
                            struct apply **out);
void llmd__apply_free(void *apply);
/* Room for so many pools, whose specs the caller then fills. */
llmd_error *llmd__apply_pools(struct apply *apply, size_t count);
/* The end of the task: what `made` made, as it is now, is the result. */
llmd_error *llmd__finish_step(struct graph *graph, struct apply *apply, const struct making *made);

llmd_error *llmd__services_step(struct graph *graph, struct apply *apply, step_id *out);
llmd_error *llmd__cluster_step(struct graph *graph, struct apply *apply, step_id *out);
/* Before a cluster is made, which is billed: whether the machine types of its pools are there. An
   error if a pool cannot be had at all, fall-backs neither; pokes the cluster's step. */
llmd_error *llmd__machines_step(struct graph *graph, struct apply *apply);
/* Its capacity step, too. */
llmd_error *llmd__pool_step(struct graph *graph, struct apply_pool *pool, step_id *out);

/* Whether a fall-back is left behind the one that is made. */
bool llmd__pool_may_fall_back(const struct apply_pool *pool);

/* Looks into the pool's instance groups whenever it is poked: tells what keeps its machines away
   (P2, P110) and how many run, and pokes the pool's step where that is hopeless. Never done by
   itself. */
llmd_error *llmd__capacity_step(struct graph *graph, struct apply_pool *pool, step_id *out);

struct nodes_wish {
    const llmd_kube *kube;
    const char *cluster, *pool;
    int64_t count;        /* so many at least, in all zones */
    int64_t least;        /* to which an autoscaler may take it down meanwhile; -1: none may */
    const char *resource; /* that each must have to give, "google.com/tpu"; NULL: none */
    int64_t per_node;
};
/* What is waited for once a pool is there as GKE sent it. Texts are the pool's. Pure. */
struct nodes_wish llmd__nodes_wish(const struct apply_pool *pool, const struct json *there);
/* Done when so many nodes of the pool are Ready and can be had with their accelerators (P20). An
   API that cannot be reached from here is told as a warning and ends it, too. */
llmd_error *llmd__nodes_step(struct graph *graph, const struct nodes_wish *wish, step_id *out);

DEFINE_AUTO(apply, struct apply *, llmd__apply_free)

#endif
