/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file service.h
 * A served LLM: KServe's LLMInferenceService, made, watched and explained.
 */
#ifndef LLMD_SERVICE_H
#define LLMD_SERVICE_H

#include <llmd/inference.h>
#include <llmd/kube.h>

LLMD_BEGIN

/** A spec: what you want. One thread at a time. */
typedef struct llmd_service_spec llmd_service_spec;
/** A snapshot: what the server said. Any thread. */
typedef struct llmd_service llmd_service;
/** An iterator over snapshots. */
typedef struct llmd_service_list llmd_service_list;

/**
 * A service of one replica on the cluster's default hardware preset. Never NULL.
 * @param ns     namespace, or NULL for the kubeconfig's
 * @param name   a DNS label
 * @param model  where the weights are: "hf://Qwen/Qwen2.5-3B-Instruct", "pvc://claim/path",
 *               "oci://...", "s3://..."
 * @threads any
 * @since 0.1
 */
LLMD_API llmd_service_spec *llmd_service_spec_new(const char *ns, const char *name,
                                                  const char *model);

/**
 * Reads a spec from YAML or JSON text (keys: docs/spec.md).
 * @return NULL, or LLMD_E_INVALID: unknown key with the nearest known one, wrong type with its
 *         line, a name Kubernetes would refuse, a value the preset forbids, a gs:// model; a KServe
 *         manifest is refused with a pointer to llmd_kube_apply() and llmd_service_wait()
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_service_spec_parse(const char *text, llmd_service_spec **out);
/** As llmd_service_spec_parse(), from a file; also LLMD_E_NOT_FOUND with the path. @since 0.1 */
LLMD_CHECKED llmd_error *llmd_service_spec_parse_file(const char *path, llmd_service_spec **out);

/**
 * Sets one field by its key of docs/spec.md, nested by dots: "preset", "gateway.name".
 *
 * The text is read as the field's type says: a string is taken as it is; numbers, true and false
 * are read strictly; lists, maps and objects are JSON or YAML and replace what was there. Behind a
 * map's key and a dot stands an entry's own key, and only that entry changes: "env.HF_HOME". NULL
 * unsets. The first bad key or value is kept, and the call that uses the spec reports it.
 *
 *     llmd_service_spec_set(spec, "preset", "tpu-v6e-4t");
 *     llmd_service_spec_set(spec, "replicas", "3");
 *     llmd_service_spec_set(spec, "args", "[--seed=1, --enable-prefix-caching]");
 *
 * Secrets ("hfToken", "pullSecret.password") are wiped on free and never printed.
 *
 * @param key    such as "replicas"
 * @param value  its text, or NULL
 * @since 0.1
 */
LLMD_API void llmd_service_spec_set(llmd_service_spec *spec, const char *key, const char *value);
/** The service's name. @since 0.1 */
LLMD_API const char *llmd_service_spec_name(const llmd_service_spec *spec);
/** The service's namespace, or "" for the kubeconfig's. @since 0.1 */
LLMD_API const char *llmd_service_spec_ns(const llmd_service_spec *spec);
/**
 * The spec as JSON, as _parse() takes it; but secrets are "***", which it refuses.
 * @param out  llmd_free()
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_service_spec_json(const llmd_service_spec *spec, char **out);
/**
 * The objects that apply would write on a cluster with KServe 0.20, as a JSON List, secrets as
 * "***"; pure, for review and golden tests. The policies of GKE's load balancer are in it where the
 * preset is one of GKE's hardware; the copy of the route preset, which needs a look at the cluster,
 * is not. An unnamed namespace is shown as "default".
 * @param out  llmd_free()
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_service_spec_manifest(const llmd_service_spec *spec, char **out);
/** Frees the spec, wiping its secrets; NULL is allowed. @since 0.1 */
LLMD_API void llmd_service_spec_free(llmd_service_spec *spec);

/**
 * Makes the service match @p spec and waits until it serves, as llmd_service_wait() does.
 *
 * Looks first (which KServe, which API version, which policies the cluster knows), then writes by
 * server-side apply. A namespace that does not exist is made. The same spec again changes nothing.
 * Of a changed one it waits for the new pods, while the old ones serve on, until none of those is
 * left.
 *
 * @param out  a task, llmd_task_free(); its result is the LLMInferenceService
 * @return NULL, or LLMD_E_INVALID. The task ends as that of llmd_service_wait(), or with
 *         LLMD_E_CONFLICT (another field manager owns what the spec sets), LLMD_E_INVALID (the
 *         cluster refuses the object, in its own words)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_service_apply(const llmd_kube *kube, const llmd_service_spec *spec,
                                            llmd_task **out);

/**
 * Waits until the service serves, telling progress by phase and each problem at once, with cause
 * and advice. Ends with LLMD_E_FAILED only when nothing that runs can cure it; the reason is the
 * finding's code, such as "ImageNotFound".
 *
 * @param out  a task, llmd_task_free()
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_FAILED, LLMD_E_NOT_FOUND (the cluster
 *         serves no LLMInferenceService, or it was deleted meanwhile), LLMD_E_DENIED,
 *         LLMD_E_UNREACHABLE
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_service_wait(const llmd_kube *kube, const char *ns, const char *name,
                                           llmd_task **out);
/** One service. @return NULL, or LLMD_E_NOT_FOUND, ... @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_service_get(llmd_context *ctx, const llmd_kube *kube, const char *ns,
                                          const char *name, llmd_service **out);
/** Services of a namespace, "*" for all. @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_service_list_open(const llmd_kube *kube, const char *ns,
                                                llmd_service_list **out);
/** The next one, llmd_service_free(); NULL at the end. @threads any, one at a time @since 0.1 */
LLMD_CHECKED llmd_error *llmd_service_list_next(llmd_context *ctx, llmd_service_list *list,
                                                llmd_service **out);
/** Frees the iterator; NULL is allowed. @since 0.1 */
LLMD_API void llmd_service_list_free(llmd_service_list *list);
/** Deletes it and what the library made for it, and waits until it is gone; one that does not exist
 * is no error. @return NULL, or LLMD_E_INVALID; the task ends with LLMD_E_DENIED, ...
 * @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_service_delete(const llmd_kube *kube, const char *ns,
                                             const char *name, llmd_task **out);

/**
 * An endpoint for the service: the URL from its status or from Gateway and route, the model's id
 * from the server.
 * @param spec  limits, headers, a URL of your own; or NULL
 * @param out   the endpoint, llmd_endpoint_free()
 * @return NULL, or LLMD_E_NOT_FOUND (no service; no address yet), LLMD_E_UNREACHABLE, ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_service_connect(llmd_context *ctx, const llmd_kube *kube,
                                              const char *ns, const char *name,
                                              const llmd_endpoint_spec *spec, llmd_endpoint **out);

/** Its name. @threads any @since 0.1 */
LLMD_API const char *llmd_service_name(const llmd_service *service);
/** Its namespace. @threads any @since 0.1 */
LLMD_API const char *llmd_service_ns(const llmd_service *service);
/** The name clients use in "model", or "". @threads any @since 0.1 */
LLMD_API const char *llmd_service_model(const llmd_service *service);
/** Its URL, or "" while there is none. @threads any @since 0.1 */
LLMD_API const char *llmd_service_url(const llmd_service *service);
/** Whether its Ready condition is True for the newest generation. @threads any @since 0.1 */
LLMD_API bool llmd_service_ready(const llmd_service *service);
/** How many replicas it wants. @threads any @since 0.1 */
LLMD_API int llmd_service_replicas(const llmd_service *service);
/** The object as the server sent it. @threads any @since 0.1 */
LLMD_API const char *llmd_service_json(const llmd_service *service);
/** Frees the snapshot; NULL is allowed. @since 0.1 */
LLMD_API void llmd_service_free(llmd_service *service);

LLMD_DEFINE_AUTO(llmd_service_spec)
LLMD_DEFINE_AUTO(llmd_service)
LLMD_DEFINE_AUTO(llmd_service_list)

LLMD_END

#endif
