/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity federation: the token of another identity provider is exchanged at Google's Security
 * Token Service for a federated one (RFC 8693).
 */
#include "auth/google_source.h"
#include "auth/google_url.h"
#include "auth/secret.h"
#include "auth/subject_token.h"
#include "auth/token_request.h"

#include <string.h>

#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
#define WORKFORCE "//iam.googleapis.com/locations/"

struct external_account {
    struct google_file file;
    struct subject_source subject;
    struct token_url url;
    char *basic;   /* "Authorization: Basic ..."; NULL: none */
    char *options; /* JSON; NULL: none */
};

static void external_free(struct external_account *external)
{
    if (external->subject.free)
        external->subject.free(external->subject.data);
    llmd__token_url_close(&external->url);
    llmd__free_secret(external->basic);
    llmd__free(external->options);
    llmd__google_file_free(&external->file);
    llmd__free(external);
}

DEFINE_AUTO(external, struct external_account *, external_free)

static void release(void *data)
{
    external_free(data);
}

static llmd_error *exchange(llmd_context *ctx, const struct external_account *external,
                            const char *subject_token, struct access_token *out)
{
    const struct google_file *file = &external->file;
    const char *const headers[] = {external->basic, NULL};
    AUTO(buf) struct buf form = BUF_SECRET;

    llmd__form_add(&form, "grant_type", GRANT_TYPE);
    llmd__form_add(&form, "audience", file->audience);
    llmd__form_add(&form, "scope", GOOGLE_SCOPES);
    llmd__form_add(&form, "requested_token_type", ACCESS_TOKEN);
    llmd__form_add(&form, "subject_token", subject_token);
    llmd__form_add(&form, "subject_token_type", file->subject_token_type);
    llmd__form_add(&form, "options", external->options);
    TRY(llmd__buf_check(&form));
    const struct token_request request = {.body = llmd__buf_text(&form), .headers = headers};
    return llmd__token_fetch(ctx, &external->url, &request, out);
}

static llmd_error *advise(const struct external_account *external, llmd_error *error)
{
    const char *reason = llmd_error_reason(error);

    if (!reason[0] || llmd_error_code(error) != LLMD_E_DENIED)
        return error;
    return llmd__error_set_advice(
        error,
        "check the provider %s: its issuer, its allowed audiences, and whether its attribute "
        "condition admits this identity",
        external->file.audience);
}

static llmd_error *fetch(llmd_context *ctx, void *data, struct access_token *out)
{
    const struct external_account *external = data;
    AUTO(buf) struct buf subject_token = BUF_SECRET;

    llmd_error *error = external->subject.get(ctx, external->subject.data, &subject_token);
    if (!error)
        error = advise(external, exchange(ctx, external, llmd__buf_text(&subject_token), out));
    return llmd__error_wrap(error, "identity federation");
}

static bool has(const char *text)
{
    return text && text[0];
}

/* Who pays for the exchange: a client by its own project, else the file says so. */
static llmd_error *set_payer(struct external_account *external)
{
    const struct google_file *file = &external->file;
    AUTO(json) struct json *options = NULL;

    if (has(file->client_id))
        return llmd__form_basic(file->client_id, file->client_secret ? file->client_secret : "",
                                &external->basic);
    if (!has(file->workforce_pool_user_project))
        return NULL;
    TRY(llmd__json_make(&options, "{'userProject': %s}", file->workforce_pool_user_project));
    return llmd__json_print(options, &external->options);
}

static llmd_error *check(const struct google_file *file)
{
    TRY(llmd__url_check_google(file->token_url, "token_url"));
    if (has(file->impersonation_url))
        TRY(llmd__url_check_google(file->impersonation_url, "service_account_impersonation_url"));
    if (has(file->workforce_pool_user_project) &&
        strncmp(file->audience, WORKFORCE, strlen(WORKFORCE)) != 0)
        return llmd__error(LLMD_E_INVALID, "workforce_pool_user_project is there, but the audience "
                                           "is no workforce pool");
    return NULL;
}

llmd_error *llmd__external_account_open(struct google_file *file, struct token_source *out)
{
    AUTO(google_file) struct google_file taken = *file;

    *file = (struct google_file){0};
    AUTO(external) struct external_account *external = llmd__calloc(1, sizeof *external);
    CHECK_MEMORY(external);
    external->file = taken;
    taken = (struct google_file){0};
    TRY(check(&external->file));
    TRY(set_payer(external));
    TRY(llmd__subject_open(&external->file, &external->subject));
    TRY(llmd__token_url_open(external->file.token_url, NULL, false, &external->url));
    *out = (struct token_source){fetch, release, TAKE(external)};
    return NULL;
}
