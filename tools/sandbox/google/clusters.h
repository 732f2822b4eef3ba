/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters and node pools: what exists and what it looks like from outside. */
#ifndef SANDBOX_GOOGLE_CLUSTERS_H
#define SANDBOX_GOOGLE_CLUSTERS_H

#include "sandbox/google/call.h"
#include "sandbox/google/catalog.h"

struct gke_cluster *cluster_find(struct google *google, const char *location, const char *name);
struct gke_pool *pool_find(const struct gke_cluster *cluster, const char *name);
struct json *cluster_show(struct google *google, const struct gke_cluster *cluster);
struct json *pool_show(struct google *google, const struct gke_cluster *cluster,
                       const struct gke_pool *pool);
/* Takes the checked body's parts; the operation makes the rest. */
struct gke_cluster *cluster_add(struct google *google, const char *location,
                                const struct json *spec);
struct gke_pool *pool_add(struct google *google, struct gke_cluster *cluster,
                          const struct json *spec);
void cluster_remove(struct google *google, struct gke_cluster *cluster);
void pool_remove(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool);
void clusters_advance(struct google *google);
void clusters_free(struct google *google);
/* The control plane answers from now on. */
void cluster_open(struct google *google, struct gke_cluster *cluster);
void cluster_touch(struct gke_cluster *cluster); /* a new etag */
bool cluster_has_gateway_api(const struct gke_cluster *cluster);
const struct machine *pool_machine(const struct gke_pool *pool);
const char *pool_topology(const struct gke_pool *pool);
int pool_slice(const struct gke_pool *pool); /* nodes of one slice; 1 for all but multi-host */
const struct json *pool_zones(const struct gke_pool *pool);
bool pool_autoscales(const struct gke_pool *pool);

/* defaults.c: what the server adds to what was asked. */
struct json *cluster_defaults(struct google *google, const char *location, const struct json *spec);
/* What an alias means for nodes: the control plane's version where it fits, else the newest that
   its channel has; NULL: unsupported. */
const char *node_version(const struct gke_cluster *cluster, const char *wanted);
struct json *pool_defaults(const struct gke_cluster *cluster, const struct json *spec);

/* nodes.c: nodes of a pool, their virtual machines and Kubernetes objects. */
void nodes_want(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool,
                int size);
/* So many more, where there are fewest. */
void nodes_add(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool,
               int count);
void nodes_remove(struct gke_cluster *cluster, struct gke_pool *pool, struct gke_node *node);
void nodes_drop_stuck(struct gke_cluster *cluster, struct gke_pool *pool);
bool nodes_advance(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool);
void nodes_free(struct google *google, struct gke_cluster *cluster, struct gke_pool *pool);
const char *nodes_stuck(const struct gke_pool *pool); /* the code of the first that never comes */
int nodes_count(const struct gke_pool *pool);
struct json *node_template(const struct gke_cluster *cluster, const struct gke_pool *pool,
                           const char *name, const char *zone, bool device);
void group_name(const struct gke_cluster *cluster, const struct gke_pool *pool, char *out,
                size_t size);

/* rules.c: exclusions of the API, in Google's words; NULL: none violated. */
struct json *cluster_rules(struct api_call *call, const struct json *cluster);
struct json *pool_rules(struct api_call *call, const struct json *cluster, const char *location,
                        const struct json *pool);
/* capacity.c: quotas, machine types, policies. */
struct json *pool_capacity(struct api_call *call, const char *location, const struct json *cluster,
                           const struct json *pool);
double region_usage(struct google *google, const char *region, const char *metric);
double region_limit(struct google *google, const char *region, const char *metric);
int tpu_usage(struct google *google, const char *region, const char *family, bool spot);

#endif
