/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file credentials.h
 * Where a bearer token comes from. Kubernetes credentials are read from the kubeconfig; these are
 * for inference endpoints (and, later, Google's APIs). Secrets are wiped when freed and never
 * printed.
 */
#ifndef LLMD_CREDENTIALS_H
#define LLMD_CREDENTIALS_H

#include <llmd/context.h>

LLMD_BEGIN

/** A handle: immutable, any thread. */
typedef struct llmd_credentials llmd_credentials;

/**
 * A fixed token, sent as `Authorization: Bearer <token>`.
 * @param token  the secret; copied
 * @param out    the credentials, llmd_credentials_free()
 * @return NULL, or LLMD_E_INVALID for an empty token or one with a line break
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_credentials_from_token(const char *token, llmd_credentials **out);

/**
 * A token in a file, read again when the file changes (rotated service account tokens).
 * @param path  the file; it must exist now
 * @param out   the credentials, llmd_credentials_free()
 * @return NULL, or LLMD_E_NOT_FOUND with the path, LLMD_E_SYSTEM
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_credentials_from_file(const char *path, llmd_credentials **out);

/** Frees the handle; objects made with it keep what they need. NULL is allowed. @since 0.1 */
LLMD_API void llmd_credentials_free(llmd_credentials *credentials);

LLMD_DEFINE_AUTO(llmd_credentials)

LLMD_END

#endif
