/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a credentials file of any of Google's types. Reading it is pure. */
#ifndef LLMD_AUTH_GOOGLE_FILE_H
#define LLMD_AUTH_GOOGLE_FILE_H

#include "base/json.h"

struct google_file {
    char *type;
    char *project_id;
    char *quota_project_id;
    char *universe_domain;
    /* service_account */
    char *client_email;
    char *private_key;
    char *private_key_id;
    char *token_uri;
    /* authorized_user, external_account_authorized_user */
    char *account;
    char *client_id;
    char *client_secret;
    char *refresh_token;
    /* external_account */
    char *audience;
    char *subject_token_type;
    char *token_url;
    char *workforce_pool_user_project;
    int64_t token_lifetime_s; /* 0: not said */
    struct json *credential_source;
    /* impersonated_service_account, external_account */
    char *impersonation_url;
    struct json *delegates;
    struct json *source_credentials;
};

/* what: names the text in errors. INVALID tells the missing field, or the supported types. */
llmd_error *llmd__google_file_parse(const char *text, size_t len, const char *what,
                                    struct google_file *out);
llmd_error *llmd__google_file_read(const struct json *object, const char *what,
                                   struct google_file *out);
void llmd__google_file_free(struct google_file *file); /* wipes */

static inline void llmd__auto_google_file(struct google_file *file)
{
    llmd__google_file_free(file);
}

#endif
