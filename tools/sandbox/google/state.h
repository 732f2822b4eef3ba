/* SPDX-License-Identifier: Apache-2.0 */
/* What exists at Google's side. All of it is guarded by google->mutex. */
#ifndef SANDBOX_GOOGLE_STATE_H
#define SANDBOX_GOOGLE_STATE_H

#include "sandbox/google/google.h"
#include "sandbox/sandbox.h"

#define PROJECT_NUMBER "123456789012"
#define SECONDS ((int64_t)1000)
#define MINUTES (60 * SECONDS)

/* Durations in cluster time: the realistic column of the deployment facts. */
#define CLUSTER_CREATE_TIME (7 * MINUTES)
#define CLUSTER_DELETE_TIME (4 * MINUTES)
#define CLUSTER_UPDATE_TIME (3 * MINUTES)
#define SMALL_UPDATE_TIME (15 * SECONDS)
#define POOL_CREATE_TIME (3 * MINUTES)
#define NODE_LEAD_TIME (15 * SECONDS) /* nodes are up before the operation is done */
#define POOL_DELETE_TIME (2 * MINUTES)
#define RESIZE_TIME (2 * MINUTES)
#define UPGRADE_TIME (8 * MINUTES)
#define NODE_BOOT_TIME (100 * SECONDS)
#define DEVICE_TIME (30 * SECONDS)   /* Ready, but google.com/tpu is still 0 */
#define STOCKOUT_TIME (35 * MINUTES) /* how long Google goes on trying */
#define STUCK_TIME (30 * SECONDS)    /* until an instance group tells why */
#define CLASSES_TIME (2 * MINUTES)
#define SCALE_UP_TIME (30 * SECONDS)
#define SCALE_DOWN_TIME (10 * MINUTES)
#define ENABLE_TIME (30 * SECONDS)
#define SUBNET_TIME (45 * SECONDS)
#define PROPAGATION_TIME (60 * SECONDS)

struct gke_node {
    struct gke_node *next;
    char name[128];
    char zone[40];
    int64_t up_at;
    int64_t device_at;
    bool up;
    bool device;        /* its chips are allocatable */
    const char *stuck;  /* code of why it never comes, or NULL */
    int64_t stuck_at;   /* when its group tells so */
    int64_t idle_since; /* 0: not idle */
};

struct gke_pool {
    struct gke_pool *next;
    char name[64];
    struct json *spec; /* a NodePool without what the server keeps */
    const char *status;
    char *message; /* NULL: none */
    const char *condition;
    char hash[9];
    int size; /* nodes wanted in each zone */
    struct gke_node *nodes;
    int64_t backoff_until; /* the autoscaler leaves it alone after a failure */
};

struct gke_cluster {
    struct gke_cluster *next;
    char name[64];
    char location[40];
    char id[65];
    struct json *spec; /* a Cluster without pools and without what the server keeps */
    const char *status;
    char *message;
    char created[40];
    struct gke_pool *pools;
    struct sandbox *kube;      /* NULL until the control plane answers */
    int64_t classes_at;        /* when GatewayClasses appear; 0: never */
    int64_t reconciling_until; /* RECONCILING by Google's own doing */
    int64_t autoscaled_at;
    int etag;
};

enum operation_work {
    WORK_NONE,
    WORK_CREATE_CLUSTER,
    WORK_DELETE_CLUSTER,
    WORK_UPDATE_CLUSTER,
    WORK_CREATE_POOL,
    WORK_DELETE_POOL,
    WORK_UPDATE_POOL
};

struct gke_operation {
    struct gke_operation *next;
    char name[96];
    const char *type; /* CREATE_CLUSTER, ... */
    enum operation_work work;
    char location[40];
    char cluster[64];
    char pool[64];
    int64_t begins;
    int64_t ends;
    int64_t made;
    bool done;
    char started[40];
    char ended[40];
    int error_code; /* google.rpc.Code; 0: none */
    char *error;
    const char *condition; /* GCE_STOCKOUT, ... */
    struct json *patch;    /* what an update sets at its end, or NULL */
    int not_found_left;    /* fault: polls that are still answered with 404 */
};

/* Anything of Compute Engine that can be listed. */
struct resource {
    struct resource *next;
    const char *collection; /* "addresses" */
    char scope[48];         /* "global", "regions/R", "zones/Z" */
    char name[128];
    struct json *json;
    int64_t ready_at;  /* of a mutation: shown from then on (operations: DONE) */
    char gateway[256]; /* who programmed it: "CLUSTER-ID/NAMESPACE/NAME", or "" */
    int64_t gone_at;   /* its Gateway was deleted: removed then; 0: not */
};

struct named_fault {
    struct named_fault *next;
    const char *name;
    char *match;
    int number;
    int skip;
    int left; /* -1: endless */
};

struct google_tokens;

struct google {
    struct sandbox *sandbox; /* the process: options, record */
    struct cluster_clock clock;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool runs;
    bool stopping;
    uint64_t random;
    struct google_tokens *tokens;
    struct named_fault *faults;
    struct gke_cluster *clusters;
    struct gke_operation *operations; /* newest first */
    struct resource *resources;
    struct json *services;    /* "container.googleapis.com": {"state","usable_at"} */
    struct json *outside;     /* --kubernetes: {"endpoint","ca","token"}, or NULL */
    struct json *preferences; /* quota preferences that were asked for */
    int64_t resource_id;
    char url[64];
};

/* google.c */
void google_advance(struct google *google); /* does what is due */
int64_t google_now(const struct google *google);
uint64_t google_random(struct google *google);
void google_uuid(struct google *google, char out[37]);
const char *google_project(const struct google *google);

/* faults.c: is this fault on (for this line, "" for states)? Uses it up. */
struct named_fault *fault_on(struct google *google, const char *name, const char *line);
bool fault_take(struct google *google, const char *name, const char *line, int *number);

#endif
