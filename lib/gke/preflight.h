/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a preflight: independent looks side by side, each judged by a pure function and
 * told as one event; one step at the end knows that all have spoken.
 */
#ifndef LLMD_GKE_PREFLIGHT_H
#define LLMD_GKE_PREFLIGHT_H

#include "gke/cluster_spec.h"
#include "gke/look.h"

/* A machine type in a zone, as Compute Engine describes it (P8: never from a table). */
struct shape {
    char machine[64], zone[64]; /* zone "": any of the region */
    bool needed;                /* false: only a fall-back wants it */
    bool known;                 /* it was read */
    bool absent;                /* it is not there */
    int zones;                  /* of the region that have it; 1 for a zone */
    int cpus;
    int64_t memory_mb;
    int accelerators;
    char accelerator[48];
    int chips_wanted; /* per node by the spec; 0: none */
};

/* How much of a quota the spec wants: at creation, and at most with autoscaling. */
struct demand {
    char metric[80];   /* "CPUS"; or a Cloud Quotas id, with family set */
    char family[32];   /* "CT6E", "NVIDIA_H100"; "": no such dimension */
    char usage[64];    /* Monitoring's metric of a Cloud Quota: "tpus_per_tpu_family" */
    char instead[48];  /* the metric that counts where the region has none of this; or "" */
    bool cloud;        /* by Cloud Quotas, not by regions.get */
    bool project_wide; /* of projects.get */
    bool optional;     /* where the region does not know it, it is not told */
    int64_t at_once, at_most;
};

struct demands {
    struct demand items[32];
    size_t count;
    bool cut; /* there was no room for all */
};

/* A limit of Cloud Quotas and its use by Monitoring, which know nothing of each other. */
struct cloud_quota {
    char id[80], family[32], metric[64];
    bool limit_known, usage_known;
    int64_t limit, usage;
};

/* What Google says of a quota that is wanted. */
struct quota {
    const char *metric;  /* that counts: the wanted one, or the one instead of it */
    int64_t limit, used; /* limit INT64_MAX: none */
    bool used_known;
};

#define LLMD__QUOTA_CONSOLE "https://console.cloud.google.com/iam-admin/quotas"
#define MAX_SHAPES 64
#define MAX_CLOUD_QUOTAS 8

struct preflight {
    llmd_gke *gke;
    llmd_cluster_spec *spec; /* NULL: the look at the place alone */
    struct pool_spec *pools;
    size_t pool_count;
    struct json *checks;     /* the result */
    bool silent;             /* an apply's: checks are kept, and no refused look is an error */
    bool answered;           /* some look was */
    struct json *held;       /* refusals of looks until then */
    llmd_error *unreachable; /* the first of those that met no server */
    size_t unreached;        /* how many did */
    step_id verdict, quotas;
    struct shape shapes[MAX_SHAPES];
    size_t shape_count;
    struct cloud_quota clouds[MAX_CLOUD_QUOTAS];
    size_t cloud_count;
    struct json *region, *project; /* compute's, with their quotas; NULL: not read */
    struct json *cluster;          /* of this name, if there is one */
    int64_t project_number;
    bool cut;         /* not all that is wanted could be looked at */
    int subnets_seen; /* proxy-only ones of the network */
    int nats_seen;
};

/* What one check found. */
struct check {
    llmd_level level;
    const char *subject, *reason, *advice;
    const char *metric; /* NULL: no numbers */
    int64_t limit, used, needed;
};

/* Without parts. spec NULL: the place alone. */
llmd_error *llmd__preflight_new(const llmd_gke *gke, const llmd_cluster_spec *spec,
                                struct preflight **out);
void llmd__preflight_free(void *preflight);
llmd_error *llmd__preflight_tell(struct preflight *preflight, struct graph *graph,
                                 const struct check *check, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* A look that failed is never silent. */
llmd_error *llmd__preflight_unknown(struct preflight *preflight, struct graph *graph,
                                    const char *subject, const struct look_answer *answer);
/* Tells of a refused look; but until one has been answered it is held back, because what stands in
   the way of all is told once: `check->reason` "UNKNOWN" is one of many, others are the cause. */
llmd_error *llmd__preflight_refused(struct preflight *preflight, struct graph *graph,
                                    const struct check *check, const struct look_answer *answer);
/* Google answered a look: what was held back is told, each by itself. */
llmd_error *llmd__preflight_answered(struct preflight *preflight, struct graph *graph);
/* All looks are done: what is held back yet is told as one, and an error where no look met a
   server. */
llmd_error *llmd__preflight_tell_held(struct preflight *preflight, struct graph *graph);
/* Adds a look that the verdict waits for; on: what its handler gets, freed with it. Takes on. */
struct preflight_ask {
    struct preflight *preflight;
    size_t index;
    look_fn on_answer;
    char subject[160];
    struct json *seen; /* gathered over the pages */
    bool holes;        /* a place of the region did not answer (P114) */
};
llmd_error *llmd__preflight_look(struct preflight *preflight, struct graph *graph,
                                 enum google_api api, const char *subject, size_t index,
                                 look_fn on_answer, const char *body, step_id *out,
                                 const char *path_format, ...) PRINTF_LIKE(9, 10);
/* What the pools that are not there yet want; `other` in the place of `pool` (NULL: as they are).
 */
llmd_error *llmd__preflight_demand(const struct preflight *preflight, const struct pool_spec *pool,
                                   const struct pool_spec *other, struct demands *demands);
/* False: not known. */
bool llmd__preflight_quota(const struct preflight *preflight, const struct demand *demand,
                           struct quota *quota);
typedef llmd_error *(*fallback_fn)(void *data, struct graph *graph, const struct pool_spec *pool,
                                   size_t nth, const struct demands *demands);
/* Of each fall-back of each pool: what all want with it in its pool's place. */
llmd_error *llmd__preflight_each_fallback(struct preflight *preflight, struct graph *graph,
                                          fallback_fn on_fallback, void *data);
llmd_error *llmd__preflight_judge_fallbacks(struct preflight *preflight, struct graph *graph);
/* The quotas are judged when this look is done, too. */
llmd_error *llmd__preflight_quota_needs(struct preflight *preflight, struct graph *graph,
                                        step_id look);

/* The parts; each adds its looks. */
llmd_error *llmd__preflight_project(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_services(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_policies(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_machines(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_quotas(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_reservations(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_cluster(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_network(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_place_quotas(struct preflight *preflight, struct graph *graph);
llmd_error *llmd__preflight_place(struct preflight *preflight, struct graph *graph);

/* ---- pure ---- */

/* "its region has the zones R-a, R-b", of Compute Engine's region; nothing of none. */
void llmd__region_zones(const struct json *region, struct buf *out);
/* NULL: it is not among those that are looked at. */
struct shape *llmd__preflight_shape(struct preflight *preflight, const char *machine,
                                    const char *zone);
/* The zones of a pool's nodes; empty: GKE chooses among the region's. */
llmd_error *llmd__pool_zones(const struct preflight *preflight, const struct pool_spec *pool,
                             struct json **out);
/* Adds what a pool needs in `zones` zones. shape NULL: not known. */
void llmd__demand_add_pool(struct demands *demands, const struct pool_spec *pool,
                           const struct shape *shape, int zones, bool public_addresses);
/* The limit of a quota in a region by Cloud Quotas' answer: the first entry whose dimensions all
   fit; none: 0; unlimited: INT64_MAX. family "": quotas without that dimension. */
int64_t llmd__cloud_quota_limit(const struct json *info, const char *region, const char *family);
/* The newest use of a time series of the region; 0 without one. */
int64_t llmd__cloud_quota_usage(const struct json *series, const char *region, const char *family);
/* limit and used of a metric in quotas[]; false: not there. */
bool llmd__region_quota(const struct json *region, const char *metric, int64_t *limit,
                        int64_t *used);
/* Whether a channel of serverConfig ("" or NULL: none) can make this version, an alias too. */
bool llmd__version_offered(const struct json *config, const char *channel, const char *version);

DEFINE_AUTO(preflight, struct preflight *, llmd__preflight_free)

#endif
