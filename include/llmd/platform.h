/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file platform.h
 * What a cluster needs before it can serve an LLMInferenceService: cert-manager, KServe's llmisvc
 * controller with its presets, the CRDs of Gateway API, inference pools and LeaderWorkerSet, and a
 * gateway controller where the cluster brings none (GKE does).
 */
#ifndef LLMD_PLATFORM_H
#define LLMD_PLATFORM_H

#include <llmd/kube.h>

LLMD_BEGIN

/** A spec: what is to be installed. One thread at a time. */
typedef struct llmd_platform_spec llmd_platform_spec;

/**
 * The newest proven release of each component that the cluster lacks. Never NULL.
 * @threads any
 * @since 0.1
 */
LLMD_API llmd_platform_spec *llmd_platform_spec_new(void);

/**
 * Reads a spec from YAML or JSON text (keys: docs/spec.md).
 *
 *     kserve: {version: 0.20.0, namespace: kserve}
 *     certManager: {bundle: ./cert-manager.yaml}
 *     imageMirror: mirror.example.com/cache
 *     pullSecret: {registry: quay.io, user: me, password: secret}
 *
 * @return NULL, or LLMD_E_INVALID with key and line: unknown key with the nearest known one, a URL
 *         without its sha256, two sources for one component
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_spec_parse(const char *text, llmd_platform_spec **out);

/** As llmd_platform_spec_parse(), from a file; also LLMD_E_NOT_FOUND with the path. @since 0.1 */
LLMD_CHECKED llmd_error *llmd_platform_spec_parse_file(const char *path, llmd_platform_spec **out);

/** Sets one key of docs/spec.md: "kserve.version"; see llmd_gateway_spec_set(). @since 0.1 */
LLMD_API void llmd_platform_spec_set(llmd_platform_spec *spec, const char *key, const char *value);
/**
 * The spec as JSON, as _parse() takes it; but secrets are "***", which it refuses.
 * @param out  llmd_free()
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_spec_json(const llmd_platform_spec *spec, char **out);
/** Frees the spec, wiping its secrets; NULL is allowed. @since 0.1 */
LLMD_API void llmd_platform_spec_free(llmd_platform_spec *spec);

/**
 * The known bundles, a JSON array of `{"component", "version", "proven", "files": [{"url",
 * "sha256", "size"}]}`. `proven` says where the library ran it: "rig" (a real cluster), "sandbox",
 * or "". Some have a `note`, a sentence on what is not certain about them. A sha256 that nobody
 * here has held against its publisher's word is "unknown": such a version wants the spec's own
 * `sha256` beside it. One with a `profile` ("odh": Open Data Hub; "redhat": Red Hat's operator) has
 * parts and ways of its own, and may have no files: then the note says how they are made, and the
 * spec names them as `bundle`.
 *
 * `LLMD_BUNDLES` names a file of the same shape that adds to them and replaces those of the same
 * component and version. A file in it may have a `path`, beside that file, instead of a `url`.
 *
 * @param out  llmd_free()
 * @return NULL, or for that file LLMD_E_NOT_FOUND, LLMD_E_INVALID with its line
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_bundles(char **out);

/**
 * Brings the bundles of a spec into a folder, for a machine without internet: there a spec with
 * `bundles: FOLDER` downloads nothing. Several fetches may fill one folder. What the spec, or the
 * file of LLMD_BUNDLES, names by a path is copied: the same spec with `bundles: FOLDER` reads the
 * copy where the path is not. Text (`manifests`) goes along in the spec.
 *
 * Each file is held against its sha256 and kept in a cache ($XDG_CACHE_HOME/libllmd or
 * ~/.cache/libllmd), as every download of the library is; one that was cut goes on where it
 * stopped. Proxies are those of the environment: HTTPS_PROXY, NO_PROXY.
 *
 * @param spec    whose bundles, or NULL for llmd_platform_spec_new()'s
 * @param folder  made if it does not exist
 * @param out     a task, llmd_task_free(); events tell file, bytes done and total; its result is
 *                the folder and the list of its bundles
 * @return NULL, or LLMD_E_INVALID for a bad spec, LLMD_E_NOT_FOUND for an unknown version with the
 *         known ones. The task ends with LLMD_E_INVALID for what is no whole release (see
 *         llmd_platform_apply()), LLMD_E_FAILED and reason "DigestMismatch",
 *         LLMD_E_NOT_FOUND (an address that is not there), LLMD_E_UNREACHABLE (reason
 *         "ProxyUnreachable" where a proxy stands between, "DownloadCut" where the answer ended in
 *         its middle time after time), LLMD_E_SYSTEM (the folder)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_fetch(const llmd_platform_spec *spec, const char *folder,
                                             llmd_task **out);

/**
 * Makes the cluster able to serve LLMInferenceServices, and waits until it is: CRDs are served,
 * webhooks answer and are trusted, controllers are available, presets are there.
 *
 * It looks first, goes by conditions in the order that works, and does side by side what is
 * independent; run again it changes nothing, and after a crash it goes on. What stands as the same
 * spec left it is neither downloaded nor written again (docs/platform.md tells how that is known).
 * Objects are written by server-side apply and carry `app.kubernetes.io/managed-by: libllmd`.
 * Controllers that are older than CRDs which they look for at their start are restarted. CRDs that
 * GKE or others manage are left alone and named; so are installations by others (helm, kustomize,
 * an add-on) that serve the needed version, unless `adopt: true` takes them over.
 *
 * An upgrade of KServe changes pods of running services: their endpoint pickers would end before
 * the new ones start, so each running one is taken out of its ReplicaSet by its label
 * pod-template-hash, and labelled `libllmd.dev/kept` (event PickerKept); when its successor is
 * ready it leaves its Service, answers what it was asked and is deleted (PickerReplaced). Who may
 * not change pods gets KServe's own way.
 *
 * It has no end of its own while a controller, or a new picker, starts and does not become ready:
 * run it with a deadline, whose error says what was waited for.
 *
 * @param kube  the cluster
 * @param spec  what is wanted, or NULL for llmd_platform_spec_new()
 * @param out   a task, llmd_task_free(); events: one per object, one per phase of a component with
 *              phases done and total, and what keeps a controller from starting. The result is as
 *              llmd_platform_status()'s
 * @return NULL, LLMD_E_INVALID for a bad spec, or LLMD_E_NOT_FOUND for a version that is not known,
 *         with the known ones, or a path that is not there. Before anything is sent the task ends
 *         with LLMD_E_INVALID for a file or a text without a digest that is no whole release:
 *         "BundleIncomplete" with what it lacks, "BundleCut" with the line at which it ends,
 *         "BundleEmpty", "NotManifests" (a web page). Later it ends with LLMD_E_FAILED and
 *         the cause as reason ("ImageNotFound", "ImagePullDenied", "PodsNotCreated" for a quota,
 *         ...), LLMD_E_DENIED (a right that is missing), LLMD_E_CONFLICT (fields of another
 *         manager; another's installation of another version; "HalfInstalled": of another's only
 *         a part is there; "VersionNotServed": another's CRD does not serve what the release
 *         stores;
 *         "OtherProfile": what is here is another project's release of the same, of which nothing
 *         is changed, nor of anything else unless its bundle has a digest, which is read later;
 *         "IstioTooOld": it does not know the pools that KServe makes; "WebhookLeftOver": an old
 *         installation's webhook would refuse everything), LLMD_E_INVALID with reason
 *         "DigestUnknown" (nobody here knows the digest of a bundle: the spec must give it), and
 *         as llmd_platform_fetch()'s for downloads
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_apply(const llmd_kube *kube, const llmd_platform_spec *spec,
                                             llmd_task **out);

/**
 * What is installed, by whom, whether it works, and what differs from its bundle. Reads only. Each
 * component is an event: info (as wanted, "Ready"), warning ("OtherVersion" than is wanted), error
 * ("Missing" or "NotAvailable", with advice); and one with reason "Differs" for each that differs
 * from its bundle.
 *
 * What the library installed is compared with the spec's bundle, object by object; what others
 * installed is where the spec names the component's version, bundle or manifests, or says `adopt`.
 * A bundle that is neither here nor in the cache is downloaded for it; if it cannot be had, an
 * event with reason "NotCompared" says so. What the server, its controllers and autoscalers write
 * is no difference: defaults, `caBundle`, the number of replicas, finalizers, the status. Another
 * version than the bundle's is told as such, and not compared.
 *
 * @param kube  the cluster
 * @param spec  what is compared with, or NULL
 * @param out   a task, llmd_task_free(); the result is JSON: `{"ready", "gke", "components":
 *              {KEY: {"version", "installer", "by", "namespace", "ready", "differs": [{"object":
 *              "ConfigMap/kserve/inferenceservice-config", "field": ".data.ingress"}]}}, "left"}`.
 *              installer is "libllmd", "helm", "kustomize", "gke" (an add-on of the provider),
 *              "other" (by says who) or "unknown"; without "differs" it was not compared; without
 *              "field" the whole object is missing
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_status(const llmd_kube *kube, const llmd_platform_spec *spec,
                                              llmd_task **out);

/**
 * Removes what the library installed, in the order that ends: webhook configurations, presets,
 * certificates, controllers, the rest, CRDs, namespaces; then looks whether nothing of it is left.
 * What others installed stays. A namespace that holds something of others stays with it, as a
 * warning.
 *
 * @param kube  the cluster
 * @param spec  NULL, or `stripFinalizers: true`, which allows the finalizers of a controller to be
 *              taken off when it is gone already: KServe's two, and those of Red Hat's operator
 *              of cert-manager
 * @param out   a task, llmd_task_free(); the result is `{"removed": ["Deployment/kserve/..."],
 *              "left": [{"subject", "why"}]}`: left are namespaces that hold what is not ours, and
 *              what others installed, each told as an event with reason "Kept" too
 * @return NULL, or LLMD_E_INVALID. The task ends with LLMD_E_CONFLICT and reason "InUse" with the
 *         list of what others made of our CRDs (services, gateways, certificates), or
 *         "FinalizersHeld"; LLMD_E_FAILED "LeftOver" if something is there still or again, each
 *         an event that says why (a finalizer, or who made it again); LLMD_E_DENIED
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_platform_delete(const llmd_kube *kube, const llmd_platform_spec *spec,
                                              llmd_task **out);

LLMD_DEFINE_AUTO(llmd_platform_spec)

LLMD_END

#endif
