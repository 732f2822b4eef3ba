/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file credentials.h
 * Where a bearer token comes from. Kubernetes credentials are read from the kubeconfig; these are
 * for Google's APIs and for inference endpoints.
 *
 * Making credentials reads files and the environment, but gets no token: the first call that needs
 * one does. Tokens that age are renewed ahead of their end, by one thread for all, and once after a
 * server refused one (401). Secrets are wiped when freed and are in no log, error or description.
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

/**
 * A program that prints a token, such as `["gcloud", "auth", "print-access-token"]`. It is run
 * without a shell and without a terminal, when a token is needed for the first time and again when
 * that has expired. It prints the token on its first line, or a JSON object with `access_token` or
 * `token`, and an expiry where it knows one: `expires_in` in seconds, or `expiry`, `expires_at`,
 * `token_expiry` or `expireTime` as RFC 3339. What `gcloud config config-helper --format=json` and
 * kubectl's exec plugins print is understood, too. A token without an expiry is kept for five
 * minutes. The program is ended after two minutes, or with the call that wanted the token.
 * @param argv_json  the program and its arguments: a JSON array of strings. A name without a slash
 *                   is looked up in PATH. What stands here can be seen by other users of the
 *                   machine: no secret belongs into it
 * @param out        the credentials, llmd_credentials_free()
 * @return NULL, or LLMD_E_INVALID if that is no such array. The program's own failure is reported
 *         by the call that needs the token: LLMD_E_NOT_FOUND (no such program), LLMD_E_FAILED (its
 *         exit status and the line of its standard error that names an error, else the last),
 *         LLMD_E_PROTOCOL (no token)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_credentials_from_command(const char *argv_json,
                                                       llmd_credentials **out);

/**
 * Google's Application Default Credentials. Without a path the first of these that is there:
 *
 * 1. an access token in the environment variable `CLOUDSDK_AUTH_ACCESS_TOKEN`, or in the file that
 *    `CLOUDSDK_AUTH_ACCESS_TOKEN_FILE` names (read again when it changes);
 * 2. the file that `GOOGLE_APPLICATION_CREDENTIALS` names (if it cannot be read, that is an error);
 * 3. the file that `gcloud auth application-default login` writes:
 *    `application_default_credentials.json` in `$CLOUDSDK_CONFIG`, or in `~/.config/gcloud`;
 * 4. the metadata server of a Google machine, GKE pod or Cloud Run instance. `GCE_METADATA_HOST`
 *    (host[:port]) says where it is, `NO_GCE_CHECK=true` that there is none. Elsewhere than on
 *    Google's machines it is asked once (`GCE_METADATA_DETECT_RETRIES`), for a second at most
 *    (`GCE_METADATA_TIMEOUT`, seconds).
 *
 * `gcloud auth login` alone makes no such credentials; when it is all there is, the error says so.
 *
 * Files may be of type `service_account`, `authorized_user`, `external_account` (workload and
 * workforce identity federation: from a file, a URL, an executable, AWS),
 * `external_account_authorized_user` or `impersonated_service_account`. Only the metadata server
 * is asked anything now, for its account and project; no token is fetched.
 *
 * Further environment: `GOOGLE_CLOUD_QUOTA_PROJECT` (before the file's `quota_project_id`),
 * `GOOGLE_CLOUD_PROJECT` and `GCLOUD_PROJECT` (llmd_credentials_project()),
 * `GOOGLE_CLOUD_UNIVERSE_DOMAIN`, `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1`.
 *
 * An `external_account` file names URLs to ask, files to read and programs to run: use only one
 * that you trust. The tokens that it leads to are sent to https hosts of Google only; for tests,
 * `LLMD_ALLOW_LOOPBACK_TOKEN_URLS=1` also allows http to this very machine. The token URL of a file
 * that holds its own secret may be any https one, or http to this machine.
 * @param ctx   bounds the question to the metadata server; may be NULL
 * @param path  a credentials file; NULL or "" for the search above
 * @param out   the credentials, llmd_credentials_free()
 * @return NULL, or LLMD_E_NOT_FOUND with all places that were looked at, LLMD_E_INVALID for a file
 *         that is none of the above (it says which field), LLMD_E_DENIED (the file may not be
 *         read), LLMD_E_SYSTEM
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_credentials_google(llmd_context *ctx, const char *path,
                                                 llmd_credentials **out);

/**
 * The same from the text of a credentials file, as a secret store hands it out. The text is not
 * kept. Never give it a text that came from somebody you do not trust: an `external_account` names
 * URLs, files and programs.
 * @param json  what stands in such a file
 * @param out   the credentials, llmd_credentials_free()
 * @return NULL, or LLMD_E_INVALID: not JSON, an unknown type, a field that is missing
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_credentials_google_json(const char *json, llmd_credentials **out);

/**
 * What these credentials are, for people and logs, as JSON without secrets: `kind` (token, file,
 * command, service_account, authorized_user, external_account, external_account_authorized_user,
 * impersonated_service_account, metadata), and as far as they are known `account` (an e-mail
 * address), `project`, `quota_project`, `source` (the path or place that they come from) and, for
 * Google's, `universe`. Unknown members are absent.
 * @return a text that belongs to the credentials; "" for NULL
 * @threads any
 * @since 0.1
 */
LLMD_API const char *llmd_credentials_describe(const llmd_credentials *credentials);

/**
 * The Google project to work in when the caller names none: `GOOGLE_CLOUD_PROJECT`, or
 * `GCLOUD_PROJECT`, or the credentials' own (a service account's project, a user's quota project,
 * the metadata server's project), as it was when they were made.
 * @return a text that belongs to the credentials; "" when there is none
 * @threads any
 * @since 0.1
 */
LLMD_API const char *llmd_credentials_project(const llmd_credentials *credentials);

/** Frees the handle; objects made with it keep what they need. NULL is allowed. @since 0.1 */
LLMD_API void llmd_credentials_free(llmd_credentials *credentials);

LLMD_DEFINE_AUTO(llmd_credentials)

LLMD_END

#endif
