/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Google's kinds of credentials as sources of tokens. Each checks what it can without a network and
 * takes the file's contents over (they are moved out), also on failure.
 */
#ifndef LLMD_AUTH_GOOGLE_SOURCE_H
#define LLMD_AUTH_GOOGLE_SOURCE_H

#include "auth/access_token.h"
#include "auth/google_file.h"

#include "net/http.h"

#define GOOGLE_UNIVERSE "googleapis.com"
#define GOOGLE_TOKEN_URL "https://oauth2.googleapis.com/token"
/* With the second one the RBAC of a GKE cluster sees the e-mail instead of a number. */
#define GOOGLE_SCOPE_CLOUD "https://www.googleapis.com/auth/cloud-platform"
#define GOOGLE_SCOPE_EMAIL "https://www.googleapis.com/auth/userinfo.email"
#define GOOGLE_SCOPES GOOGLE_SCOPE_CLOUD " " GOOGLE_SCOPE_EMAIL

llmd_error *llmd__service_account_open(struct google_file *file, struct token_source *out);
/* authorized_user and external_account_authorized_user */
llmd_error *llmd__authorized_user_open(struct google_file *file, struct token_source *out);
/* Up to the federated token; a service account is impersonated with it by the next one. */
llmd_error *llmd__external_account_open(struct google_file *file, struct token_source *out);

/* Asks `url` for the token of another service account in the name of `caller`, which is taken. */
struct impersonation {
    const char *url;
    const struct json *delegates; /* array of e-mails, or NULL */
    int64_t lifetime_s;           /* 0: an hour */
    struct http_auth caller;
};
llmd_error *llmd__impersonated_open(const struct impersonation *impersonation,
                                    struct token_source *out);
/* The e-mail in ".../serviceAccounts/EMAIL:generateAccessToken"; NULL in *out when there is none.
 */
llmd_error *llmd__impersonated_email(const char *url, char **out);

#endif
