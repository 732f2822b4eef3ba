/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service account's key signs an assertion, for which the token endpoint gives an access token
 * (RFC 7523). In other universes than Google's own the signed text is the token (AIP-4111).
 */
#include "auth/google_source.h"
#include "auth/google_url.h"
#include "auth/jwt.h"
#include "auth/secret.h"
#include "auth/token_request.h"

#include "base/clock.h"

#include <string.h>

/* Google refuses an assertion that lives longer. */
#define LIFETIME_S 3600
/* ... and one from the future, which the clocks of two machines can make of a fresh one. */
#define CLOCK_SKEW_S 10
#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:jwt-bearer"

struct service_account {
    struct google_file file;
    struct private_key *key;
    struct token_url url; /* closed: self-signed */
};

static void account_free(struct service_account *account)
{
    llmd__google_file_free(&account->file);
    llmd__private_key_free(account->key);
    llmd__token_url_close(&account->url);
    llmd__free(account);
}

DEFINE_AUTO(account, struct service_account *, account_free)

static void release(void *data)
{
    account_free(data);
}

static llmd_error *sign(const struct service_account *account, bool self_signed, int64_t now_s,
                        struct buf *out)
{
    const struct google_file *file = &account->file;
    const struct jwt_claims claims = {.issuer = file->client_email,
                                      .subject = self_signed ? file->client_email : NULL,
                                      .audience = self_signed ? NULL : file->token_uri,
                                      .scope = GOOGLE_SCOPES,
                                      .issued_s = now_s - CLOCK_SKEW_S,
                                      .expires_s = now_s - CLOCK_SKEW_S + LIFETIME_S};

    return llmd__jwt_sign(&claims, file->private_key_id, account->key, out);
}

static llmd_error *advise(const struct google_file *file, llmd_error *error)
{
    const char *message = llmd_error_message(error);
    const char *key = file->private_key_id ? file->private_key_id : "";
    char now[32];

    llmd__clock_format(llmd__clock_wall_ms(), now);
    if (strstr(message, "reasonable timeframe"))
        return llmd__error_set_advice(error, "check the clock of this machine, which says %s", now);
    if (strstr(message, "Invalid JWT Signature"))
        return llmd__error_set_advice(
            error, "the key %s was deleted or does not belong to the account: make a new one", key);
    if (strcmp(llmd_error_reason(error), "invalid_grant") == 0)
        return llmd__error_set_advice(
            error, "check that the account %s exists and is enabled, and the clock, which says %s",
            file->client_email, now);
    return error;
}

static llmd_error *exchange(llmd_context *ctx, const struct service_account *account,
                            struct access_token *out)
{
    AUTO(buf) struct buf assertion = BUF_SECRET;
    AUTO(buf) struct buf form = BUF_SECRET;

    TRY(sign(account, false, llmd__clock_wall_ms() / 1000, &assertion));
    llmd__form_add(&form, "grant_type", GRANT_TYPE);
    llmd__form_add(&form, "assertion", llmd__buf_text(&assertion));
    TRY(llmd__buf_check(&form));
    const struct token_request request = {.body = llmd__buf_text(&form)};
    return llmd__token_fetch(ctx, &account->url, &request, out);
}

static llmd_error *self_sign(const struct service_account *account, struct access_token *out)
{
    AUTO(buf) struct buf token = BUF_SECRET;
    int64_t now_s = llmd__clock_wall_ms() / 1000;

    TRY(sign(account, true, now_s, &token));
    TRY(llmd__buf_take(&token, &out->value));
    out->expires_wall_ms = (now_s - CLOCK_SKEW_S + LIFETIME_S) * 1000;
    return NULL;
}

static llmd_error *fetch(llmd_context *ctx, void *data, struct access_token *out)
{
    const struct service_account *account = data;

    llmd_error *error = account->url.http ? exchange(ctx, account, out) : self_sign(account, out);
    if (!error)
        return NULL;
    return llmd__error_wrap(advise(&account->file, error), "service account %s",
                            account->file.client_email);
}

static llmd_error *set_token_url(struct service_account *account)
{
    struct google_file *file = &account->file;
    bool is_google = !file->universe_domain || !file->universe_domain[0] ||
                     strcmp(file->universe_domain, GOOGLE_UNIVERSE) == 0;

    if (!is_google)
        return NULL;
    if (!file->token_uri || !file->token_uri[0]) {
        llmd__free(file->token_uri);
        file->token_uri = llmd__strdup(GOOGLE_TOKEN_URL);
        CHECK_MEMORY(file->token_uri);
    }
    TRY(llmd__url_check_secure(file->token_uri, "token_uri"));
    return llmd__token_url_open(file->token_uri, NULL, false, &account->url);
}

llmd_error *llmd__service_account_open(struct google_file *file, struct token_source *out)
{
    AUTO(google_file) struct google_file taken = *file;

    *file = (struct google_file){0};
    AUTO(account) struct service_account *account = llmd__calloc(1, sizeof *account);
    CHECK_MEMORY(account);
    account->file = taken;
    taken = (struct google_file){0};
    TRY(llmd__error_wrap(llmd__private_key_parse(account->file.private_key, &account->key),
                         "private_key"));
    /* OpenSSL has it now. */
    llmd__free_secret(TAKE(account->file.private_key));
    TRY(set_token_url(account));
    *out = (struct token_source){fetch, release, TAKE(account)};
    return NULL;
}
