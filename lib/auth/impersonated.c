/* SPDX-License-Identifier: Apache-2.0 */
/* The IAM Credentials API gives whoever may have it the token of another service account. */
#include "auth/google_source.h"
#include "auth/google_url.h"
#include "auth/secret.h"
#include "auth/token_request.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

#define LIFETIME_S 3600
#define ACCOUNTS "/serviceAccounts/"

struct impersonated {
    struct token_url url; /* with the caller's credentials */
    char *email;
    char *body;
};

static void impersonated_free(struct impersonated *impersonated)
{
    llmd__token_url_close(&impersonated->url);
    llmd__free(impersonated->email);
    llmd__free(impersonated->body);
    llmd__free(impersonated);
}

DEFINE_AUTO(impersonated, struct impersonated *, impersonated_free)

static void release(void *data)
{
    impersonated_free(data);
}

llmd_error *llmd__impersonated_email(const char *url, char **out)
{
    const char *begin = url ? strstr(url, ACCOUNTS) : NULL;

    *out = NULL;
    if (!begin)
        return NULL;
    begin += strlen(ACCOUNTS);
    *out = llmd__strndup(begin, strcspn(begin, ":/?"));
    return *out ? NULL : NO_MEMORY;
}

static llmd_error *advise(const struct impersonated *impersonated, llmd_error *error)
{
    if (strcmp(llmd_error_reason(error), "SERVICE_DISABLED") == 0)
        return llmd__error_set_advice(
            error, "enable the API: gcloud services enable iamcredentials.googleapis.com");
    if (llmd_error_http_status(error) == 403)
        return llmd__error_set_advice(
            error, "grant the caller roles/iam.serviceAccountTokenCreator on %s, and wait a minute",
            impersonated->email);
    if (llmd_error_http_status(error) == 404)
        return llmd__error_set_advice(error, "check that the service account %s exists",
                                      impersonated->email);
    return error;
}

static llmd_error *fetch(llmd_context *ctx, void *data, struct access_token *out)
{
    const struct impersonated *impersonated = data;
    const struct token_request request = {.type = "application/json", .body = impersonated->body};

    llmd_error *error = llmd__token_fetch(ctx, &impersonated->url, &request, out);
    if (!error)
        return NULL;
    return llmd__error_wrap(advise(impersonated, error), "impersonating %s", impersonated->email);
}

/* Delegates are e-mails in gcloud's files, resource names in the API. */
static llmd_error *add_delegates(struct json *list, const struct json *delegates)
{
    JSON_EACH(delegate, delegates) {
        const char *name = llmd__json_text(delegate);
        const char *prefix = strchr(name, '/') ? "" : "projects/-/serviceAccounts/";
        AUTO(str) char *full = llmd__format("%s%s", prefix, name);
        CHECK_MEMORY(full);
        llmd__json_add_str(list, full);
    }
    return llmd__json_check(list);
}

static llmd_error *make_body(const struct impersonation *impersonation, char **out)
{
    int64_t lifetime_s = impersonation->lifetime_s > 0 ? impersonation->lifetime_s : LIFETIME_S;
    AUTO(str) char *lifetime = llmd__format("%" PRId64 "s", lifetime_s);
    AUTO(json) struct json *delegates = llmd__json_array();
    AUTO(json) struct json *body = NULL;

    if (!lifetime || !delegates)
        return NO_MEMORY;
    TRY(add_delegates(delegates, impersonation->delegates));
    TRY(llmd__json_make(&body, "{'scope': [%s, %s], 'lifetime': %s, 'delegates': %j}",
                        GOOGLE_SCOPE_CLOUD, GOOGLE_SCOPE_EMAIL, lifetime,
                        llmd__json_count(delegates) ? delegates : NULL));
    return llmd__json_print(body, out);
}

static llmd_error *prepare(const struct impersonation *impersonation, struct impersonated **out)
{
    AUTO(impersonated) struct impersonated *impersonated = llmd__calloc(1, sizeof *impersonated);

    CHECK_MEMORY(impersonated);
    TRY(llmd__url_check_google(impersonation->url, "service_account_impersonation_url"));
    TRY(make_body(impersonation, &impersonated->body));
    TRY(llmd__impersonated_email(impersonation->url, &impersonated->email));
    if (!impersonated->email)
        return llmd__error(LLMD_E_INVALID,
                           "service_account_impersonation_url: it names no service account");
    *out = TAKE(impersonated);
    return NULL;
}

llmd_error *llmd__impersonated_open(const struct impersonation *impersonation,
                                    struct token_source *out)
{
    AUTO(impersonated) struct impersonated *impersonated = NULL;

    llmd_error *error = prepare(impersonation, &impersonated);
    if (error) {
        if (impersonation->caller.free)
            impersonation->caller.free(impersonation->caller.data);
        return error;
    }
    TRY(llmd__token_url_open(impersonation->url, &impersonation->caller, false,
                             &impersonated->url));
    *out = (struct token_source){fetch, release, TAKE(impersonated)};
    return NULL;
}
