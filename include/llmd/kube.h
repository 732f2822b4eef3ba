/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file kube.h
 * A connection to a Kubernetes API server, by client-go's rules, and what people do with kubectl:
 * apply, get, list, watch, wait, delete, logs, proxy.
 *
 * A resource is one string, as kubectl takes it: "pods", "deploy" (short names and singulars work),
 * "gateways.gateway.networking.k8s.io", "llminferenceservices.v1alpha2.serving.kserve.io".
 * An empty or NULL @p ns means the kubeconfig's namespace, else "default"; it is ignored for
 * cluster-scoped resources. "*" in list and watch means all namespaces.
 */
#ifndef LLMD_KUBE_H
#define LLMD_KUBE_H

#include <llmd/task.h>

LLMD_BEGIN

/** A handle: immutable, any thread. */
typedef struct llmd_kube llmd_kube;
/** A spec: how llmd_kube_apply() behaves. One thread at a time. */
typedef struct llmd_apply_spec llmd_apply_spec;
/** Iterators: any thread, one at a time. */
typedef struct llmd_kube_list llmd_kube_list;
typedef struct llmd_kube_watch llmd_kube_watch;
typedef struct llmd_kube_logs llmd_kube_logs;
/** A snapshot: one change that a watch saw. */
typedef struct llmd_kube_change llmd_kube_change;

/** What a change is. May grow: keep a default branch. */
typedef enum llmd_change_type {
    LLMD_CHANGE_ADDED = 1,
    LLMD_CHANGE_MODIFIED = 2,
    LLMD_CHANGE_DELETED = 3,
    LLMD_CHANGE_SYNCED = 4 /**< everything that existed at the start has been told; no object */
} llmd_change_type;

/**
 * Opens a cluster by a kubeconfig; touches files, not the network.
 *
 * With NULL: the files of $KUBECONFIG (merged as client-go does), else ~/.kube/config, else the
 * service account of the pod we run in. Client certificates, tokens, token files, exec plugins,
 * tls-server-name and proxy-url are understood.
 *
 * @param kubeconfig   path of a file, or NULL
 * @param kubecontext  name of a context in it, or NULL for the current one
 * @param out          the handle, llmd_kube_free()
 * @return NULL, or LLMD_E_NOT_FOUND (no such file, with the path; no such context, with those that
 *         exist), LLMD_E_INVALID (empty or malformed, with file and line), LLMD_E_SYSTEM
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_open(const char *kubeconfig, const char *kubecontext,
                                        llmd_kube **out);

/** As llmd_kube_open(), from the text of a kubeconfig. @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_kube_open_text(const char *kubeconfig_text, const char *kubecontext,
                                             llmd_kube **out);

/** The server's URL. @threads any @since 0.1 */
LLMD_API const char *llmd_kube_server(const llmd_kube *kube);

/** The namespace used where none is given. @threads any @since 0.1 */
LLMD_API const char *llmd_kube_namespace(const llmd_kube *kube);

/** The name of the kubeconfig's context in use, or "". @threads any @since 0.1 */
LLMD_API const char *llmd_kube_context(const llmd_kube *kube);

/** Frees the handle; iterators and tasks made with it live on. NULL is allowed. @since 0.1 */
LLMD_API void llmd_kube_free(llmd_kube *kube);

/**
 * The API server's version document as JSON ({"gitVersion": "v1.34.10", ...}).
 * @param out  JSON text, llmd_free()
 * @return NULL, or LLMD_E_UNREACHABLE, LLMD_E_DENIED, ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_version(llmd_context *ctx, const llmd_kube *kube, char **out);

/** An empty apply spec: fail on conflicts, the kubeconfig's namespace. Never NULL. @since 0.1 */
LLMD_API llmd_apply_spec *llmd_apply_spec_new(void);

/** Reads an apply spec from YAML or JSON: {"force": true, "namespace": "llm", "dryRun": true}.
 * @return NULL, or LLMD_E_INVALID with line and key @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_apply_spec_parse(const char *text, llmd_apply_spec **out);

/**
 * Sets one field by its key: "force" takes over fields that other managers own, "namespace" is that
 * of objects that name none, "dryRun" lets the server check everything and change nothing. NULL
 * unsets. The first bad key or value is kept, and the call that uses the spec reports it.
 * @param key    such as "force"
 * @param value  its text ("true"), or NULL
 * @since 0.1
 */
LLMD_API void llmd_apply_spec_set(llmd_apply_spec *spec, const char *key, const char *value);

/** Frees the spec; NULL is allowed. @since 0.1 */
LLMD_API void llmd_apply_spec_free(llmd_apply_spec *spec);

/**
 * Makes the cluster hold these objects: any multi-document YAML or JSON, by server-side apply under
 * the field manager "libllmd". Namespaces and CRDs first; each other object, side by side, once its
 * namespace is there and its kind is served; workloads and webhook configurations once every CRD
 * is. Done means that every kind is served. Applying the same text again changes nothing.
 *
 * One event per object (reason "created", "configured" or "unchanged"); the last event's result
 * counts them.
 *
 * @param kube       the cluster
 * @param manifests  YAML or JSON text; `List` kinds are taken apart
 * @param spec       how, or NULL
 * @param out        a task, llmd_task_free(). Its errors: LLMD_E_CONFLICT (names the other manager
 *                   and the field), LLMD_E_DENIED, LLMD_E_INVALID (the server's own words),
 *                   LLMD_E_NOT_FOUND (a kind that the server does not serve), LLMD_E_UNREACHABLE
 * @return NULL, or LLMD_E_INVALID (not YAML, with the line; an object without apiVersion, kind or
 *         name; no object at all)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_apply(const llmd_kube *kube, const char *manifests,
                                         const llmd_apply_spec *spec, llmd_task **out);

/**
 * One object as JSON.
 * @param out  JSON text as the server sent it, llmd_free()
 * @return NULL, or LLMD_E_NOT_FOUND (the object, or a resource the server does not serve: the
 *         reason tells), LLMD_E_DENIED, LLMD_E_UNREACHABLE, ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_get(llmd_context *ctx, const llmd_kube *kube,
                                       const char *resource, const char *ns, const char *name,
                                       char **out);

/**
 * Begins a list; pages of 500 are fetched as they are needed.
 * @param labels  label selector, or NULL
 * @param fields  field selector, or NULL
 * @param out     an iterator, llmd_kube_list_free()
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_list_open(const llmd_kube *kube, const char *resource,
                                             const char *ns, const char *labels, const char *fields,
                                             llmd_kube_list **out);

/** The next object as JSON text (llmd_free()), with apiVersion and kind; NULL at the end. A list
 * whose pages expired (410) is an error LLMD_E_CONFLICT: open it again.
 * @threads any, one at a time @since 0.1 */
LLMD_CHECKED llmd_error *llmd_kube_list_next(llmd_context *ctx, llmd_kube_list *list, char **out);

/** Frees the iterator; NULL is allowed. @threads any @since 0.1 */
LLMD_API void llmd_kube_list_free(llmd_kube_list *list);

/**
 * Begins a watch that never loses a change: what exists first (ADDED), then one SYNCED, then each
 * change. A cut or stalled connection is resumed from the last resourceVersion; after 410 Gone the
 * list is read again and the difference is told as ADDED, MODIFIED and DELETED.
 * @param labels  label selector, or NULL
 * @param fields  field selector ("metadata.name=qwen"), or NULL
 * @param out     an iterator that has no end, llmd_kube_watch_free()
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_watch_open(const llmd_kube *kube, const char *resource,
                                              const char *ns, const char *labels,
                                              const char *fields, llmd_kube_watch **out);

/** Waits for the next change, llmd_kube_change_free(). A lost server is not an error: it is tried
 * again until the context ends; DENIED and NOT_FOUND (no such resource) are.
 * @threads any, one at a time @since 0.1 */
LLMD_CHECKED llmd_error *llmd_kube_watch_next(llmd_context *ctx, llmd_kube_watch *watch,
                                              llmd_kube_change **out);

/** Frees the iterator; NULL is allowed. @threads any @since 0.1 */
LLMD_API void llmd_kube_watch_free(llmd_kube_watch *watch);

/** What happened. @threads any @since 0.1 */
LLMD_API llmd_change_type llmd_kube_change_type(const llmd_kube_change *change);
/** The object's namespace, or "". @threads any @since 0.1 */
LLMD_API const char *llmd_kube_change_ns(const llmd_kube_change *change);
/** The object's name, or "". @threads any @since 0.1 */
LLMD_API const char *llmd_kube_change_name(const llmd_kube_change *change);
/** The object as JSON, "" for SYNCED. @threads any @since 0.1 */
LLMD_API const char *llmd_kube_change_json(const llmd_kube_change *change);
/** Frees the change; NULL is allowed. @since 0.1 */
LLMD_API void llmd_kube_change_free(llmd_kube_change *change);

/**
 * Waits until an object is as wanted, on a watch.
 * @param condition  as kubectl's --for: "condition=Ready", "condition=Ready=False", "create",
 *                   "delete", "jsonpath={.status.phase}=Running"
 * @param out        a task whose events tell each change of the conditions, llmd_task_free()
 * @return NULL, or LLMD_E_INVALID (a condition we do not understand, with those we do)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_wait(const llmd_kube *kube, const char *resource, const char *ns,
                                        const char *name, const char *condition, llmd_task **out);

/**
 * Deletes an object and waits until it is gone. While it is held, events name the finalizers.
 * An object that does not exist is not an error: the result says {"existed": false}.
 * @param out  a task, llmd_task_free()
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_delete(const llmd_kube *kube, const char *resource,
                                          const char *ns, const char *name, llmd_task **out);

/**
 * Opens a container's log.
 * @param pod         the pod's name
 * @param container   the container, or NULL where the pod has one
 * @param follow      go on as lines are written, until the container ends
 * @param previous    the run before the last restart
 * @param tail_lines  only so many lines from the end; negative: all
 * @param out         an iterator, llmd_kube_logs_free()
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_logs_open(const llmd_kube *kube, const char *ns, const char *pod,
                                             const char *container, bool follow, bool previous,
                                             int64_t tail_lines, llmd_kube_logs **out);

/** The next line without its newline (llmd_free()); NULL at the end. Lines over 1 MiB are cut.
 * @threads any, one at a time @since 0.1 */
LLMD_CHECKED llmd_error *llmd_kube_logs_next(llmd_context *ctx, llmd_kube_logs *logs, char **out);

/** Frees the iterator; NULL is allowed. @threads any @since 0.1 */
LLMD_API void llmd_kube_logs_free(llmd_kube_logs *logs);

/**
 * GETs an HTTP path of a pod or service through the API server's proxy: it reaches /health and
 * /v1/models where a gateway cannot.
 * @param target  "services/NAME:PORT" or "pods/NAME:PORT"; "https:" before NAME for TLS
 * @param path    "/health", may hold a query
 * @param out     the body as text, at most 16 MiB, llmd_free()
 * @return NULL, or an error by the status that came back
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_kube_proxy_get(llmd_context *ctx, const llmd_kube *kube,
                                             const char *ns, const char *target, const char *path,
                                             char **out);

LLMD_DEFINE_AUTO(llmd_kube)
LLMD_DEFINE_AUTO(llmd_apply_spec)
LLMD_DEFINE_AUTO(llmd_kube_list)
LLMD_DEFINE_AUTO(llmd_kube_watch)
LLMD_DEFINE_AUTO(llmd_kube_logs)
LLMD_DEFINE_AUTO(llmd_kube_change)

LLMD_END

#endif
