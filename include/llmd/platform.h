/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file platform.h
 * What a cluster needs before it can serve an LLMInferenceService: cert-manager, KServe's llmisvc
 * controller with its presets, the CRDs of Gateway API, inference pools and LeaderWorkerSet, and a
 * gateway controller where the cluster brings none (GKE does).
 *
 * One call installs, completes, repairs, upgrades and adopts: it looks first, goes by conditions in
 * the order that works, and does side by side what is independent. Objects are written by
 * server-side apply and carry `app.kubernetes.io/managed-by: libllmd`. CRDs that GKE manages are
 * left alone and named.
 *
 * Releases come as bundles: a file, a folder, or a URL with its sha256. llmd_platform_bundles()
 * lists the known ones; llmd_platform_fetch() brings them into a folder for a machine without
 * internet.
 */
#ifndef LLMD_PLATFORM_H
#define LLMD_PLATFORM_H

#include <llmd/kube.h>

LLMD_BEGIN

/** A spec: what is to be installed. One thread at a time. */
typedef struct llmd_platform_spec llmd_platform_spec;

/**
 * The newest known release of each component that the cluster lacks. Never NULL.
 * @threads any
 * @since 0.1
 */
LLMD_API llmd_platform_spec *llmd_platform_spec_new(void);
/**
 * Reads a spec from YAML or JSON text (keys: docs/spec.md).
 *
 *     kserve: {version: 0.20.0, namespace: kserve}
 *     certManager: {bundle: ./cert-manager.yaml}
 *     mirror: mirror.example.com/cache
 *     pullSecret: {registry: quay.io, user: me, password: secret}
 *
 * @return NULL, or LLMD_E_INVALID with key and line: unknown key with the nearest known one, an
 *         unknown version with the known ones, a URL without its sha256
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_spec_parse(const char *text, llmd_platform_spec **out);
/** As llmd_platform_spec_parse(), from a file; also LLMD_E_NOT_FOUND with the path. @since 0.1 */
LLMD_CHECKED llmd_error *llmd_platform_spec_parse_file(const char *path, llmd_platform_spec **out);
/** Sets one key of docs/spec.md: "kserve.version"; see llmd_service_spec_set(). @since 0.1 */
LLMD_API void llmd_platform_spec_set(llmd_platform_spec *spec, const char *key, const char *value);
/** The spec as JSON, as _parse() takes it, secrets as "***". @param out llmd_free() @since 0.1 */
LLMD_CHECKED llmd_error *llmd_platform_spec_json(const llmd_platform_spec *spec, char **out);
/** Frees the spec, wiping its secrets; NULL is allowed. @since 0.1 */
LLMD_API void llmd_platform_spec_free(llmd_platform_spec *spec);

/**
 * The known bundles, a JSON array of `{"component", "version", "url", "sha256", "proven"}`:
 * `proven` says where it was run ("rig", "sandbox"). `LLMD_BUNDLES` names a file of the same shape
 * that adds to them or replaces entries.
 * @param out  llmd_free()
 * @return NULL, or LLMD_E_INVALID, LLMD_E_NOT_FOUND for that file
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_bundles(char **out);
/**
 * Brings the bundles of a spec into a folder, checked by their sha256; a download that was cut goes
 * on where it stopped. A spec with `bundles: FOLDER` then needs no internet.
 * @param folder  made if it does not exist
 * @param out     a task; one event per bundle with bytes done and total
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_fetch(const llmd_platform_spec *spec, const char *folder,
                                             llmd_task **out);
/**
 * Makes the cluster able to serve LLMInferenceServices, and waits until it is: webhooks answer,
 * controllers are available, presets are there.
 *
 * Installations by others (helm, kustomize, an add-on) are left alone and used where they serve the
 * needed version; `adopt: true` takes them over. An upgrade keeps running services serving.
 *
 * @param spec  what is wanted, or NULL for llmd_platform_spec_new()
 * @param out   a task; the result is as llmd_platform_status()'s
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_FAILED and the cause: an image that
 *         cannot be pulled, a quota, a missing right, a conflict with another field manager
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_apply(const llmd_kube *kube, const llmd_platform_spec *spec,
                                             llmd_task **out);
/**
 * What is installed. Reads only. Each component is an event: info (as wanted), warning (differs,
 * with what), error (missing or not working, with cause and advice).
 * @param spec  what is compared with, or NULL
 * @param out   a task; the result is JSON: per component version, by whom (helm, kustomize, GKE,
 *              libllmd), ready, differences
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_status(const llmd_kube *kube, const llmd_platform_spec *spec,
                                              llmd_task **out);
/**
 * Removes what carries our label, in the order that ends: services are refused with their list,
 * then webhook configurations, presets, controllers, CRDs, namespaces; then proves that nothing of
 * ours is left. What others installed stays.
 * @param spec  as it was applied, or NULL; `stripFinalizers: true` allows the two finalizers of
 *              KServe to be removed when its controller is gone already
 * @param out   a task; the result lists what was removed and what was left
 * @return the task ends with LLMD_E_CONFLICT and the list while services exist
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_delete(const llmd_kube *kube, const llmd_platform_spec *spec,
                                              llmd_task **out);

LLMD_DEFINE_AUTO(llmd_platform_spec)

LLMD_END

#endif
