/* SPDX-License-Identifier: Apache-2.0 */
/* Where tokens come from, as an http_auth; and how the kinds of credentials make the handle. */
#ifndef LLMD_AUTH_CREDENTIALS_H
#define LLMD_AUTH_CREDENTIALS_H

#include "net/http.h"

#include <llmd/credentials.h>

/* An http_auth that holds a reference; authorize stays NULL for NULL credentials. */
struct http_auth llmd__credentials_auth(const llmd_credentials *credentials);

/* What is known of them, none of it secret; NULL and "" are unknown. Copied. */
struct credentials_about {
    const char *kind;
    const char *account;
    const char *project; /* of their own; the environment's comes before it and the next */
    const char *quota_project;
    const char *source;
    const char *universe; /* NULL: not Google's */
    bool person;          /* somebody's own, not a service's */
};

/* Takes auth, also on failure. */
llmd_error *llmd__credentials_new(const struct http_auth *auth,
                                  const struct credentials_about *about, llmd_credentials **out);
/* from_token and from_file under the name of the place that told of them (NULL: their own). */
llmd_error *llmd__credentials_token(const char *token, const char *source, llmd_credentials **out);
llmd_error *llmd__credentials_file(const char *path, const char *source, llmd_credentials **out);

#endif
