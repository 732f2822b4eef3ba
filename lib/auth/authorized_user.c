/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person's refresh token, from "gcloud auth application-default login", is exchanged for an
 * access token (RFC 6749 6). For workforce identities the client shows itself by basic
 * authentication, and the refresh token may change with each use.
 */
#include "auth/google_source.h"
#include "auth/google_url.h"
#include "auth/secret.h"
#include "auth/token_request.h"

#include "base/clock.h"

#include <string.h>

struct authorized_user {
    struct google_file file;
    struct token_url url;
    char *basic; /* "Authorization: Basic ..."; NULL: the client stands in the form */
};

static void user_free(struct authorized_user *user)
{
    llmd__google_file_free(&user->file);
    llmd__token_url_close(&user->url);
    llmd__free_secret(user->basic);
    llmd__free(user);
}

DEFINE_AUTO(user, struct authorized_user *, user_free)

static void release(void *data)
{
    user_free(data);
}

/* Which command mends it. */
static llmd_error *advise(const struct authorized_user *user, llmd_error *error)
{
    const char *reason = llmd_error_reason(error);

    if (user->basic && strcmp(reason, "invalid_grant") == 0)
        return llmd__error_set_advice(
            error, "the login has ended; run: gcloud auth application-default login "
                   "--login-config=FILE");
    if (strcmp(reason, "invalid_rapt") == 0 || strcmp(reason, "rapt_required") == 0)
        return llmd__error_set_advice(
            error, "your organisation wants you to log in again; run: gcloud auth "
                   "application-default login");
    if (strcmp(reason, "invalid_grant") == 0)
        return llmd__error_set_advice(error, "the login has ended or was revoked; run: gcloud auth "
                                             "application-default login");
    if (strcmp(reason, "invalid_client") == 0 || strcmp(reason, "deleted_client") == 0)
        return llmd__error_set_advice(
            error, "the OAuth client of this login does not exist any more; run: gcloud auth "
                   "application-default login");
    return error;
}

static llmd_error *keep_refresh_token(struct authorized_user *user, const struct json *answer)
{
    const char *rotated = llmd__json_str(answer, "refresh_token");

    if (!rotated[0])
        return NULL;
    char *copy = llmd__strdup(rotated);
    CHECK_MEMORY(copy);
    llmd__free_secret(user->file.refresh_token);
    user->file.refresh_token = copy;
    return NULL;
}

static llmd_error *exchange(llmd_context *ctx, struct authorized_user *user,
                            struct access_token *out)
{
    const char *const headers[] = {user->basic, NULL};
    AUTO(buf) struct buf form = BUF_SECRET;
    AUTO(secret_json) struct json *answer = NULL;

    llmd__form_add(&form, "grant_type", "refresh_token");
    llmd__form_add(&form, "refresh_token", user->file.refresh_token);
    llmd__form_add(&form, "client_id", user->basic ? NULL : user->file.client_id);
    llmd__form_add(&form, "client_secret", user->basic ? NULL : user->file.client_secret);
    TRY(llmd__buf_check(&form));
    const struct token_request request = {.body = llmd__buf_text(&form), .headers = headers};
    TRY(llmd__token_ask(ctx, &user->url, &request, &answer));
    TRY(keep_refresh_token(user, answer));
    return llmd__access_token_read(answer, llmd__clock_wall_ms(), out);
}

static llmd_error *fetch(llmd_context *ctx, void *data, struct access_token *out)
{
    struct authorized_user *user = data;

    llmd_error *error = exchange(ctx, user, out);
    if (!error)
        return NULL;
    return llmd__error_wrap(advise(user, error), "credentials of type %s", user->file.type);
}

static llmd_error *set_url(struct authorized_user *user)
{
    const struct google_file *file = &user->file;
    bool is_workforce = strcmp(file->type, "external_account_authorized_user") == 0;
    const char *url = file->token_uri && file->token_uri[0] ? file->token_uri : GOOGLE_TOKEN_URL;

    if (is_workforce) {
        url = file->token_url;
        TRY(llmd__form_basic(file->client_id, file->client_secret, &user->basic));
    }
    TRY(llmd__url_check_secure(url, is_workforce ? "token_url" : "token_uri"));
    return llmd__token_url_open(url, NULL, false, &user->url);
}

llmd_error *llmd__authorized_user_open(struct google_file *file, struct token_source *out)
{
    AUTO(google_file) struct google_file taken = *file;

    *file = (struct google_file){0};
    AUTO(user) struct authorized_user *user = llmd__calloc(1, sizeof *user);
    CHECK_MEMORY(user);
    user->file = taken;
    taken = (struct google_file){0};
    TRY(set_url(user));
    *out = (struct token_source){fetch, release, TAKE(user)};
    return NULL;
}
