/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file cluster.h
 * GKE clusters with TPU or GPU nodes, over Google's REST interfaces: no gcloud, no kubectl, no
 * plugin.
 *
 *     llmd_credentials_google() -> llmd_gke_open() -> llmd_cluster_preflight()
 *         -> llmd_cluster_apply() -> llmd_cluster_connect() -> a llmd_kube
 *
 * A cluster and its node pools are one spec. Applying is resumable: the server's state says how far
 * it is, nothing is kept on the machine. What the library makes carries the label
 * `managed-by=libllmd`; what does not carry it is changed only when asked and never deleted.
 *
 * Where Google is: `LLMD_GOOGLE_URL` (one base URL for all of Google's services, each below its
 * host name, as llmd-sandbox serves them), or gcloud's `CLOUDSDK_API_ENDPOINT_OVERRIDES_<SERVICE>`,
 * read by llmd_gke_open(); otherwise `https://<service>.googleapis.com`.
 */
#ifndef LLMD_CLUSTER_H
#define LLMD_CLUSTER_H

#include <llmd/credentials.h>
#include <llmd/kube.h>

LLMD_BEGIN

/** A handle: one project and location of Google Cloud. Immutable, any thread. */
typedef struct llmd_gke llmd_gke;
/** A spec: a cluster and its node pools. One thread at a time. */
typedef struct llmd_cluster_spec llmd_cluster_spec;
/** A spec: what a GKE Gateway needs of the network. One thread at a time. */
typedef struct llmd_network_spec llmd_network_spec;
/** A snapshot: what GKE said of a cluster. Any thread. */
typedef struct llmd_cluster llmd_cluster;
/** An iterator over snapshots. */
typedef struct llmd_cluster_list llmd_cluster_list;

/**
 * Opens a place. Sends nothing.
 * @param credentials  llmd_credentials_google() or any other; kept
 * @param project      project id, or NULL for llmd_credentials_project()
 * @param location     a zone ("europe-west4-a": zonal clusters) or a region ("europe-west4":
 *                     regional ones)
 * @param out          llmd_gke_free()
 * @return NULL, or LLMD_E_INVALID: no project anywhere, or what cannot be a project's id or a
 *         location
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_gke_open(const llmd_credentials *credentials, const char *project,
                                       const char *location, llmd_gke **out);
/** Its project id. @threads any @since 0.1 */
LLMD_API const char *llmd_gke_project(const llmd_gke *gke);
/** Its zone or region. @threads any @since 0.1 */
LLMD_API const char *llmd_gke_location(const llmd_gke *gke);
/** Frees the handle; objects made with it keep what they need. NULL is allowed. @since 0.1 */
LLMD_API void llmd_gke_free(llmd_gke *gke);

/**
 * A cluster with a system pool of two e2-standard-4 nodes, release channel regular, Dataplane V2,
 * Gateway API, Workload Identity and shielded nodes. Never NULL.
 * @param name  at most 40 lower case letters, digits and '-'
 * @threads any
 * @since 0.1
 */
LLMD_API llmd_cluster_spec *llmd_cluster_spec_new(const char *name);
/**
 * Reads a spec from YAML or JSON text (keys: docs/spec.md).
 *
 *     name: llm
 *     nodePools:
 *       - preset: tpu-v6e-4t
 *         minNodes: 0
 *         maxNodes: 3
 *         fallbacks: [{zones: [europe-west4-b]}, {spot: false}]
 *
 * @return NULL, or LLMD_E_INVALID with key and line: unknown key with the nearest known one, and
 *         what GKE would refuse (a topology on a single host, a reserved label, spot with a
 *         reservation, a network policy with Dataplane V2)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_spec_parse(const char *text, llmd_cluster_spec **out);
/** As llmd_cluster_spec_parse(), from a file; also LLMD_E_NOT_FOUND with the path. @since 0.1 */
LLMD_CHECKED llmd_error *llmd_cluster_spec_parse_file(const char *path, llmd_cluster_spec **out);
/**
 * Sets one key of docs/spec.md; a bad key or value is reported by the call that uses the spec.
 * @param value  as the key's type reads it (nodePools: a YAML or JSON list); NULL unsets
 * @since 0.1
 */
LLMD_API void llmd_cluster_spec_set(llmd_cluster_spec *spec, const char *key, const char *value);
/** The cluster's name. @since 0.1 */
LLMD_API const char *llmd_cluster_spec_name(const llmd_cluster_spec *spec);
/** The spec as JSON, as _parse() takes it. @param out llmd_free() @since 0.1 */
LLMD_CHECKED llmd_error *llmd_cluster_spec_json(const llmd_cluster_spec *spec, char **out);
/**
 * The bodies that apply would send, `{"cluster": {...}, "nodePools": [{...}]}`: pure, for review.
 * @param project   project id
 * @param location  zone or region
 * @param out       llmd_free()
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_spec_manifest(const llmd_cluster_spec *spec,
                                                    const char *project, const char *location,
                                                    char **out);
/** Frees the spec; NULL is allowed. @since 0.1 */
LLMD_API void llmd_cluster_spec_free(llmd_cluster_spec *spec);

/**
 * Looks whether the cluster can be had, before a cent is spent: credentials, permissions, services,
 * organisation policies, zones, machine types, quotas, addresses, network. Reads only. Each check
 * is an event: info (fine), warning, or error (a refusal) with the number in the message (limit,
 * used, needed) and the next step as advice. Free capacity cannot be asked for, and it says so.
 *
 * @param spec  what is wanted, or NULL for a look at the place: quotas in use, addresses,
 *              forwarding rules, proxy-only subnets
 * @param out   a task; llmd_task_worst() is the verdict, the result lists all checks. Where Google,
 *              or whoever gives the token, cannot be reached it fails with LLMD_E_UNREACHABLE
 * @return NULL, or LLMD_E_INVALID for a bad spec
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_preflight(const llmd_gke *gke, const llmd_cluster_spec *spec,
                                                llmd_task **out);
/**
 * What it costs, by Google's public catalogue of now or the caller's prices. A reckoning, not a
 * bill: no discounts, network traffic or logging.
 *
 * @param spec    an estimate for this spec; or NULL for a running meter: what exists in the
 * handle's location, per hour, and since it was made
 * @param prices  NULL for the catalogue, or JSON `{"currency": "USD", "date": "2026-11-25",
 *                "source": "contract", "hourly": {"ct6e-standard-4t": 11.88,
 *                "ct6e-standard-4t spot": 7.13, "cluster": 0.1}}`
 * @param out     JSON: items with count and hourly price, totals per hour and day on demand and
 *                spot, currency, source and date; what has no price is listed. llmd_free()
 * @return NULL, or LLMD_E_INVALID (spec or prices), LLMD_E_DENIED, LLMD_E_UNREACHABLE, ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_cost(llmd_context *ctx, const llmd_gke *gke,
                                           const llmd_cluster_spec *spec, const char *prices,
                                           char **out);
/**
 * Accelerators and settings that GKE's inference quickstart has measured for a model.
 * @param model  "Qwen/Qwen2.5-3B-Instruct", or NULL for the models that it knows
 * @param out    JSON as Google sends it, with the preset of ours where one fits; llmd_free()
 * @return NULL, or LLMD_E_NOT_FOUND (it has nothing of this model; the advice names those that it
 *         knows), LLMD_E_DENIED, LLMD_E_UNREACHABLE, ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_recommend(llmd_context *ctx, const llmd_gke *gke,
                                                const char *model, char **out);
/**
 * Makes the cluster and its node pools match the spec, and waits until they serve: operations done
 * without error, nodes Ready, accelerators allocatable.
 *
 * Adopts what is there and goes on where another process stopped. A running operation is waited
 * for, and so is a free place among those that GKE allows at once.
 *
 * A stock-out is told within two minutes (a warning, reason GCE_STOCKOUT) and the pool's fall-backs
 * are tried in their order; so they are where the zone has no such machine type. GKE itself goes on
 * trying for about 35 minutes, and lets nobody cancel that: operations.cancel takes upgrades only,
 * and a pool has one operation at a time. So the pool is deleted as soon as the stock-out is known
 * (a warning, reason GivenUp). If GKE takes that, the next fall-back begins when the pool is gone,
 * after about two minutes more; if it refuses (a warning, reason StillTried), when GKE has given
 * up. Without a fall-back left nothing is deleted: the machines may still come.
 *
 * On a cluster that exists, sizes, autoscaling, versions, release channel, labels and endpoints
 * that the spec names are changed; services, Gateway API, load balancing and network policies are
 * switched on if the spec says `enableMissing`. A pool that the spec does not name is left alone.
 *
 * A cluster costs from the moment it is made. So the machine types of its pools are looked up right
 * before: where neither a pool's own nor one of its fall-backs' is there, nothing is made
 * (LLMD_E_INVALID, reason MACHINE_TYPE_NOT_FOUND or ZONE_NOT_FOUND; the advice names what is). What
 * cannot be looked up is a warning, reason UNKNOWN.
 *
 * An event of phase "serving" says that the control plane serves: from then on
 * llmd_cluster_connect() works, and whoever needs no node pool of the spec can begin while they are
 * made.
 *
 * What a failed create of ours left is deleted, so that nothing of it comes to cost money later;
 * what once worked never is. Where the cluster's Kubernetes API cannot be reached from here, its
 * nodes are not waited for, and a warning says so. A task that is freed leaves Google's operations
 * running: the next apply follows them.
 *
 * @param out  a task; the result is the cluster as GKE sends it
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_EXISTS (a cluster of this name that is
 *         not ours, or one that differs where nothing can be changed: `adopt` uses it as it is),
 *         LLMD_E_DENIED, LLMD_E_FAILED (reason GCE_STOCKOUT, QUOTA_EXCEEDED, ORG_POLICY, ...)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_apply(const llmd_gke *gke, const llmd_cluster_spec *spec,
                                            llmd_task **out);
/**
 * Follows a cluster until it is RUNNING, or DEGRADED, and has no operation under way.
 * @param out  a task; the result is the cluster as GKE sends it
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_NOT_FOUND, LLMD_E_FAILED (it is in
 *         status ERROR), ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_wait(const llmd_gke *gke, const char *name, llmd_task **out);
/** One cluster. @return NULL, or LLMD_E_NOT_FOUND (the advice names those that there are), ...
 * @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_cluster_get(llmd_context *ctx, const llmd_gke *gke, const char *name,
                                          llmd_cluster **out);
/** Clusters of the project, all locations; asked for by the first _next.
 * @return NULL, or LLMD_E_INVALID @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_cluster_list_open(const llmd_gke *gke, llmd_cluster_list **out);
/**
 * The next one, llmd_cluster_free(); NULL at the end. Zones that did not answer are an error at the
 * end (LLMD_E_UNREACHABLE, their names): absence proves nothing then.
 * @return NULL, or LLMD_E_DENIED, LLMD_E_UNREACHABLE, ...
 * @threads any, one at a time
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_list_next(llmd_context *ctx, llmd_cluster_list *list,
                                                llmd_cluster **out);
/** Frees the iterator; NULL is allowed. @since 0.1 */
LLMD_API void llmd_cluster_list_free(llmd_cluster_list *list);
/**
 * Deletes a cluster and proves that nothing billable is left: forwarding rules, addresses, endpoint
 * groups, disks, instances. What is left and is not ours is told as a warning, not touched. A
 * cluster that is gone already gets the proof alone.
 *
 * Either way it waits for the forwarding rules of Gateways that were deleted just before.
 *
 * @param drain  true: first deletes what holds load balancers, which Google would orphan: the
 *               LLMInferenceServices, Gateways, Ingresses and Services of type LoadBalancer in it;
 *               if its Kubernetes API cannot be asked, or a finalizer holds one for ten minutes,
 *               warns what may be left and goes on. false: refuses with their list if there are any
 * @param out    a task; the result lists what was looked for and what was found
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_CONFLICT (drain is false and there are
 *         any), LLMD_E_UNREACHABLE (drain is false and whether there are any cannot be asked),
 *         LLMD_E_DENIED (the label is not ours), LLMD_E_FAILED (reason LEFTOVERS: their names)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_delete(const llmd_gke *gke, const char *name, bool drain,
                                             llmd_task **out);
/**
 * A connection to the cluster's Kubernetes with the same credentials, refreshed as they age. By the
 * DNS endpoint where it takes traffic from outside, otherwise the public address, otherwise the
 * private one. No file, no plugin.
 * @param out  llmd_kube_free()
 * @return NULL, or LLMD_E_NOT_FOUND (the advice names the clusters that there are), LLMD_E_BUSY (no
 *         endpoint yet: llmd_cluster_wait()), ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_cluster_connect(llmd_context *ctx, const llmd_gke *gke,
                                              const char *name, llmd_kube **out);

/**
 * Makes one node pool of a cluster match: makes it, or changes size, autoscaling and version.
 * @param pool  YAML or JSON, one item of a cluster spec's nodePools
 * @param out   a task; the result is the node pool as GKE sends it
 * @return as llmd_cluster_apply()
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_node_pool_apply(const llmd_gke *gke, const char *cluster,
                                              const char *pool, llmd_task **out);
/**
 * Deletes a node pool and waits; one that is gone is no error.
 * @param out  a task, without a result
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_DENIED (its label is not ours), ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_node_pool_delete(const llmd_gke *gke, const char *cluster,
                                               const char *pool, llmd_task **out);

/**
 * Follows a node pool until it is RUNNING, or RUNNING_WITH_ERROR, and has no operation under way.
 * @param out  a task; the result is the node pool as GKE sends it
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_NOT_FOUND, LLMD_E_FAILED (it is in
 *         status ERROR), ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_node_pool_wait(const llmd_gke *gke, const char *cluster,
                                             const char *pool, llmd_task **out);
/**
 * One node pool.
 * @param out  JSON as GKE sends it: `name`, `status` ("PROVISIONING", "RUNNING",
 *             "RUNNING_WITH_ERROR", "RECONCILING", "STOPPING", "ERROR", or a newer word), `config`,
 *             `autoscaling`, ...; llmd_free()
 * @return NULL, or LLMD_E_NOT_FOUND (the advice names the pools or clusters that there are), ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_node_pool_get(llmd_context *ctx, const llmd_gke *gke,
                                            const char *cluster, const char *pool, char **out);
/**
 * The node pools of a cluster, with those that libllmd did not make.
 * @param out  a JSON array of what llmd_node_pool_get() gives; llmd_free()
 * @return NULL, or LLMD_E_NOT_FOUND (no such cluster), ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_node_pool_list(llmd_context *ctx, const llmd_gke *gke,
                                             const char *cluster, char **out);

/** Its name. @threads any @since 0.1 */
LLMD_API const char *llmd_cluster_name(const llmd_cluster *cluster);
/** Its zone or region. @threads any @since 0.1 */
LLMD_API const char *llmd_cluster_location(const llmd_cluster *cluster);
/** "PROVISIONING", "RUNNING", "RECONCILING", "STOPPING", "ERROR", "DEGRADED", or a newer word.
 * @threads any @since 0.1 */
LLMD_API const char *llmd_cluster_status(const llmd_cluster *cluster);
/** The control plane's Kubernetes version. @threads any @since 0.1 */
LLMD_API const char *llmd_cluster_version(const llmd_cluster *cluster);
/** The control plane's address, or "". @threads any @since 0.1 */
LLMD_API const char *llmd_cluster_endpoint(const llmd_cluster *cluster);
/** The cluster as GKE sent it, with its nodePools. @threads any @since 0.1 */
LLMD_API const char *llmd_cluster_json(const llmd_cluster *cluster);
/** Frees the snapshot; NULL is allowed. @since 0.1 */
LLMD_API void llmd_cluster_free(llmd_cluster *cluster);

/** A spec that asks for nothing but the proxy-only subnet of network `default`. Never NULL.
 * @threads any @since 0.1 */
LLMD_API llmd_network_spec *llmd_network_spec_new(void);
/**
 * Reads a network spec from YAML or JSON text (keys: docs/spec.md): `network`, `subnet` and `range`
 * of the proxy-only subnet, `address` and `addressType` of a static address.
 * @return NULL, or LLMD_E_INVALID with key and line
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_network_spec_parse(const char *text, llmd_network_spec **out);
/** As llmd_network_spec_parse(), from a file; also LLMD_E_NOT_FOUND with the path. @since 0.1 */
LLMD_CHECKED llmd_error *llmd_network_spec_parse_file(const char *path, llmd_network_spec **out);
/** Sets one key of docs/spec.md; a bad key or value is reported by the call that uses the spec.
 * NULL unsets. @since 0.1 */
LLMD_API void llmd_network_spec_set(llmd_network_spec *spec, const char *key, const char *value);
/** The spec as JSON, as _parse() takes it. @param out llmd_free() @since 0.1 */
LLMD_CHECKED llmd_error *llmd_network_spec_json(const llmd_network_spec *spec, char **out);
/** Frees the spec; NULL is allowed. @since 0.1 */
LLMD_API void llmd_network_spec_free(llmd_network_spec *spec);
/**
 * What regional Gateway classes need: a proxy-only subnet of the region and network, found or made
 * in a free range, and the static address that the spec names. Warns where private nodes have no
 * way to pull images or models (no Cloud NAT).
 * @param out  a task; the result names subnet, range and address
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_NOT_FOUND (no such network),
 *         LLMD_E_CONFLICT (the range that the spec names is in use), LLMD_E_EXISTS (a name is taken
 *         by something else), LLMD_E_DENIED, ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_network_apply(const llmd_gke *gke, const llmd_network_spec *spec,
                                            llmd_task **out);
/**
 * Removes the subnet and address if libllmd made them and nothing uses them; the rest is told and
 * left.
 * @param out  a task; the result names what was deleted and what was left
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_network_delete(const llmd_gke *gke, const llmd_network_spec *spec,
                                             llmd_task **out);

/**
 * Whether the load balancer of a service's Gateways can reach its pods, as Compute Engine sees it:
 * the health of the backends of its InferencePool. Google asks each pod for what the pool's
 * HealthCheckPolicy says, and without one for "/", which a model server does not have; then every
 * call is answered with `no healthy upstream` while the pods are Ready.
 *
 * For a service that is ready. It looks for 90 s, which health checks need. Then a policy that
 * libllmd made and GKE does not follow (it asks for another path) is deleted and made anew, once,
 * and looked at for 90 s more; nothing else is changed. Unlike the other *_health calls it thus may
 * write. Between the two there is no policy: if applying it fails, the task ends with an error that
 * names the policy that is gone, and llmd_service_apply() makes it again, as it does after a
 * deadline, a cancel or a crash just then. Events are findings, as those of
 * llmd_health_service(): info (reason Healthy), warning (PolicyAnew: it was made anew), error
 * (Unhealthy with the path that Google asks for; NoBackend, NoEndpoint).
 *
 * @param kube     the cluster's, llmd_cluster_connect()
 * @param ns       NULL: the kubeconfig's namespace
 * @param service  name of the LLMInferenceService
 * @param out      a task; llmd_task_worst() is the verdict, the result is JSON: `{"pool": "...",
 *                 "healthy": 1, "total": 1, "requestPath": "/health", "policy": "...",
 *                 "recreated": false}`
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_NOT_FOUND (no such service or pool, or
 *         no cluster of GKE), LLMD_E_DENIED, LLMD_E_UNREACHABLE (the server, or Compute Engine has
 *         no answer from the region), ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_network_health(const llmd_gke *gke, const llmd_kube *kube,
                                             const char *ns, const char *service, llmd_task **out);

LLMD_DEFINE_AUTO(llmd_gke)
LLMD_DEFINE_AUTO(llmd_cluster_spec)
LLMD_DEFINE_AUTO(llmd_network_spec)
LLMD_DEFINE_AUTO(llmd_cluster)
LLMD_DEFINE_AUTO(llmd_cluster_list)

LLMD_END

#endif
