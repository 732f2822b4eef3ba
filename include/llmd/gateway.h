/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file gateway.h
 * The Gateway that inference traffic comes through.
 *
 * Right by default for GKE: the regional class, since the global one cannot route to an inference
 * pool and is refused with that reason.
 */
#ifndef LLMD_GATEWAY_H
#define LLMD_GATEWAY_H

#include <llmd/kube.h>

LLMD_BEGIN

/** A spec: what you want. One thread at a time. */
typedef struct llmd_gateway_spec llmd_gateway_spec;
/** A snapshot: what the server said. Any thread. */
typedef struct llmd_gateway llmd_gateway;
/** An iterator over snapshots. */
typedef struct llmd_gateway_list llmd_gateway_list;

/**
 * A gateway of class gke-l7-regional-external-managed with one HTTP listener on port 80, open to
 * routes of all namespaces. Never NULL.
 * @param ns    namespace, or NULL for the kubeconfig's
 * @param name  a DNS label
 * @threads any
 * @since 0.1
 */
LLMD_API llmd_gateway_spec *llmd_gateway_spec_new(const char *ns, const char *name);

/**
 * Reads a spec from YAML or JSON text (keys: docs/spec.md).
 * @return NULL, or LLMD_E_INVALID: unknown key with the nearest known one, wrong type with its
 *         line, a name Kubernetes would refuse; a Kubernetes manifest is refused with a pointer to
 *         llmd_kube_apply()
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_gateway_spec_parse(const char *text, llmd_gateway_spec **out);

/** As llmd_gateway_spec_parse(), from a file; also LLMD_E_NOT_FOUND with the path. @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_spec_parse_file(const char *path, llmd_gateway_spec **out);

/**
 * Sets one field by its key of docs/spec.md, nested by dots: "class", "tls.secret".
 *
 * The text is read as the field's type says: a string is taken as it is; numbers, true and false
 * are read strictly; lists, maps and objects are JSON or YAML and replace what was there. Behind a
 * map's key and a dot stands an entry's own key, and only that entry changes: "labels.team". NULL
 * unsets. The first bad key or value is kept, and the call that uses the spec reports it.
 *
 * @param key    such as "class"
 * @param value  its text, or NULL
 * @since 0.1
 */
LLMD_API void llmd_gateway_spec_set(llmd_gateway_spec *spec, const char *key, const char *value);
/** The gateway's name. @since 0.1 */
LLMD_API const char *llmd_gateway_spec_name(const llmd_gateway_spec *spec);
/** The gateway's namespace, or "" for the kubeconfig's. @since 0.1 */
LLMD_API const char *llmd_gateway_spec_ns(const llmd_gateway_spec *spec);
/** The spec as JSON, as _parse() takes it. @param out llmd_free() @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_spec_json(const llmd_gateway_spec *spec, char **out);
/** The objects that apply would write, as a JSON List; pure, for review. @param out llmd_free()
 * @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_spec_manifest(const llmd_gateway_spec *spec, char **out);
/** Frees the spec; NULL is allowed. @since 0.1 */
LLMD_API void llmd_gateway_spec_free(llmd_gateway_spec *spec);

/**
 * Makes the gateway match @p spec and waits until it is Programmed and has an address.
 *
 * Written with server-side apply: the same spec again changes nothing. A namespace that does not
 * exist is made. A class of GKE's that is not there yet is progress (it can take 45 minutes after
 * the cluster is made); any other missing class ends the task with the classes that exist.
 *
 * @param out  a task, llmd_task_free(); its result is the Gateway
 * @return NULL, or LLMD_E_INVALID (the global class, with the reason). The task ends with
 *         LLMD_E_FAILED (what nothing that runs can cure; the reason is the finding's code),
 *         LLMD_E_CONFLICT (another field manager owns what the spec sets), LLMD_E_DENIED,
 *         LLMD_E_NOT_FOUND (it was deleted meanwhile), LLMD_E_UNREACHABLE
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_gateway_apply(const llmd_kube *kube, const llmd_gateway_spec *spec,
                                            llmd_task **out);

/** Waits as llmd_gateway_apply() does, for a gateway that exists or will.
 * @return as llmd_gateway_apply() @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_wait(const llmd_kube *kube, const char *ns, const char *name,
                                           llmd_task **out);
/** One gateway. @return NULL, or LLMD_E_NOT_FOUND, ... @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_get(llmd_context *ctx, const llmd_kube *kube, const char *ns,
                                          const char *name, llmd_gateway **out);
/** Gateways of a namespace, "*" for all. @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_list_open(const llmd_kube *kube, const char *ns,
                                                llmd_gateway_list **out);
/** The next one, llmd_gateway_free(); NULL at the end. @threads any, one at a time @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_list_next(llmd_context *ctx, llmd_gateway_list *list,
                                                llmd_gateway **out);
/** Frees the iterator; NULL is allowed. @since 0.1 */
LLMD_API void llmd_gateway_list_free(llmd_gateway_list *list);
/** Deletes it and waits until it is gone; one that does not exist is no error.
 * @return NULL, or LLMD_E_INVALID; the task ends with LLMD_E_DENIED, ... @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_gateway_delete(const llmd_kube *kube, const char *ns,
                                             const char *name, llmd_task **out);

/** Its name. @threads any @since 0.1 */
LLMD_API const char *llmd_gateway_name(const llmd_gateway *gateway);
/** Its namespace. @threads any @since 0.1 */
LLMD_API const char *llmd_gateway_ns(const llmd_gateway *gateway);
/** Its gateway class. @threads any @since 0.1 */
LLMD_API const char *llmd_gateway_class(const llmd_gateway *gateway);
/** Its first address (IP or host name), or "". @threads any @since 0.1 */
LLMD_API const char *llmd_gateway_address(const llmd_gateway *gateway);
/** Whether its Programmed condition is True. @threads any @since 0.1 */
LLMD_API bool llmd_gateway_programmed(const llmd_gateway *gateway);
/** The object as the server sent it. @threads any @since 0.1 */
LLMD_API const char *llmd_gateway_json(const llmd_gateway *gateway);
/** Frees the snapshot; NULL is allowed. @since 0.1 */
LLMD_API void llmd_gateway_free(llmd_gateway *gateway);

LLMD_DEFINE_AUTO(llmd_gateway_spec)
LLMD_DEFINE_AUTO(llmd_gateway)
LLMD_DEFINE_AUTO(llmd_gateway_list)

LLMD_END

#endif
