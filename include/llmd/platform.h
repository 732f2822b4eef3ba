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
/** The spec as JSON, as _parse() takes it, secrets as "***". @param out llmd_free() @since 0.1 */
LLMD_CHECKED llmd_error *llmd_platform_spec_json(const llmd_platform_spec *spec, char **out);
/** Frees the spec, wiping its secrets; NULL is allowed. @since 0.1 */
LLMD_API void llmd_platform_spec_free(llmd_platform_spec *spec);

/**
 * The known bundles, a JSON array of `{"component", "version", "proven", "files": [{"url",
 * "sha256", "size"}]}`. `proven` says where the library ran it: "rig" (a real cluster), "sandbox",
 * or "".
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

LLMD_DEFINE_AUTO(llmd_platform_spec)

LLMD_END

#endif
