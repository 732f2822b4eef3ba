/* SPDX-License-Identifier: Apache-2.0 */
/* Application Default Credentials: which there are, and what is made of a file. */
#include "auth/google.h"

#include "auth/adc.h"
#include "auth/credentials.h"
#include "auth/google_source.h"
#include "auth/metadata.h"
#include "auth/secret.h"
#include "auth/token_cache.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)1 << 20)

static bool has(const char *text)
{
    return text && text[0];
}

static bool is_type(const struct google_file *file, const char *type)
{
    return strcmp(file->type, type) == 0;
}

/* Everything but impersonation, which stands on one of these. */
static llmd_error *open_plain(struct google_file *file, struct token_source *out)
{
    if (is_type(file, "service_account"))
        return llmd__service_account_open(file, out);
    if (is_type(file, "external_account"))
        return llmd__external_account_open(file, out);
    if (is_type(file, "impersonated_service_account"))
        return llmd__error(LLMD_E_INVALID, "source_credentials are impersonated themselves: name "
                                           "the accounts in between as delegates");
    return llmd__authorized_user_open(file, out);
}

/* Takes caller. */
static llmd_error *impersonate(const char *url, const struct json *delegates, int64_t lifetime_s,
                               struct google_file *caller, struct token_source *out)
{
    struct token_source source;
    struct impersonation impersonation = {
        .url = url, .delegates = delegates, .lifetime_s = lifetime_s};

    TRY(open_plain(caller, &source));
    TRY(llmd__token_cache_open(&source, NULL, &impersonation.caller));
    return llmd__impersonated_open(&impersonation, out);
}

static llmd_error *open_source(struct google_file *file, const char *what, struct token_source *out)
{
    AUTO(google_file) struct google_file caller = {0};

    if (is_type(file, "impersonated_service_account")) {
        AUTO(str) char *inner = llmd__format("%s: source_credentials", what);
        CHECK_MEMORY(inner);
        TRY(llmd__google_file_read(file->source_credentials, inner, &caller));
        return llmd__error_wrap(
            impersonate(file->impersonation_url, file->delegates, 0, &caller, out), "%s", what);
    }
    if (is_type(file, "external_account") && has(file->impersonation_url)) {
        AUTO(str) char *url = llmd__strdup(file->impersonation_url);
        CHECK_MEMORY(url);
        return llmd__error_wrap(impersonate(url, NULL, file->token_lifetime_s, file, out), "%s",
                                what);
    }
    return llmd__error_wrap(open_plain(file, out), "%s", what);
}

/* A token of one universe is worth nothing in another, and must not be sent there. */
static llmd_error *check_universe(const char *universe)
{
    const char *wanted = getenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    const char *own = has(universe) ? universe : GOOGLE_UNIVERSE;

    if (!has(wanted) || strcmp(wanted, own) == 0)
        return NULL;
    return llmd__error(LLMD_E_INVALID,
                       "the credentials are for the universe %s, but "
                       "GOOGLE_CLOUD_UNIVERSE_DOMAIN says %s",
                       own, wanted);
}

/* A copy of what describes the file, whose contents go to the source. */
struct file_about {
    struct credentials_about about;
    char *kind, *account, *project, *quota_project, *universe;
};

static void file_about_free(struct file_about *copy)
{
    llmd__free(copy->kind);
    llmd__free(copy->account);
    llmd__free(copy->project);
    llmd__free(copy->quota_project);
    llmd__free(copy->universe);
}

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

static llmd_error *account_of(const struct google_file *file, char **out)
{
    TRY(llmd__impersonated_email(file->impersonation_url, out));
    if (*out)
        return NULL;
    *out = llmd__strdup(has(file->client_email) ? file->client_email : or_nothing(file->account));
    return *out ? NULL : NO_MEMORY;
}

static bool is_person(const struct google_file *file)
{
    return is_type(file, "authorized_user") || is_type(file, "external_account_authorized_user") ||
           (is_type(file, "external_account") && has(file->workforce_pool_user_project));
}

static llmd_error *describe(const struct google_file *file, const char *source,
                            struct file_about *copy)
{
    TRY(account_of(file, &copy->account));
    copy->kind = llmd__strdup(file->type);
    copy->project = llmd__strdup(or_nothing(file->project_id));
    copy->quota_project = llmd__strdup(or_nothing(file->quota_project_id));
    copy->universe =
        llmd__strdup(has(file->universe_domain) ? file->universe_domain : GOOGLE_UNIVERSE);
    if (!copy->kind || !copy->project || !copy->quota_project || !copy->universe)
        return NO_MEMORY;
    copy->about = (struct credentials_about){.kind = copy->kind,
                                             .account = copy->account,
                                             .project = copy->project,
                                             .quota_project = copy->quota_project,
                                             .source = source,
                                             .universe = copy->universe,
                                             .person = is_person(file)};
    return NULL;
}

/* what: names the file in errors. */
static llmd_error *open_text(const struct buf *text, const char *what, const char *source,
                             llmd_credentials **out)
{
    AUTO(google_file) struct google_file file = {0};
    __attribute__((cleanup(file_about_free))) struct file_about copy = {0};
    struct token_source from;
    struct http_auth auth;

    TRY(llmd__google_file_parse(llmd__buf_text(text), text->len, what, &file));
    TRY(llmd__error_wrap(check_universe(file.universe_domain), "%s", what));
    TRY(describe(&file, source, &copy));
    TRY(open_source(&file, what, &from));
    TRY(llmd__token_cache_open(&from, NULL, &auth));
    return llmd__credentials_new(&auth, &copy.about, out);
}

static llmd_error *open_file(const char *path, const char *place, llmd_credentials **out)
{
    AUTO(buf) struct buf text = BUF_SECRET;
    AUTO(str) char *what = llmd__format("%s%s%s", place, place[0] ? " " : "", path);

    CHECK_MEMORY(what);
    llmd_error *error = llmd__file_read(path, MAX_FILE, &text);
    if (error)
        return llmd__error_wrap(error, "credentials file%s%s", place[0] ? " of " : "", place);
    return open_text(&text, what, path, out);
}

static llmd_error *open_metadata(llmd_context *ctx, llmd_credentials **out)
{
    __attribute__((cleanup(llmd__metadata_about_free))) struct metadata_about found = {0};
    AUTO(str) char *url = llmd__metadata_url();
    struct token_source from;
    struct http_auth auth;

    CHECK_MEMORY(url);
    TRY(llmd__metadata_open(ctx, &found, &from));
    const struct credentials_about about = {.kind = "metadata",
                                            .account = found.email,
                                            .project = found.project,
                                            .source = url,
                                            .universe = found.universe};
    TRY(llmd__token_cache_open(&from, NULL, &auth));
    llmd_error *error = check_universe(found.universe);
    if (error) {
        auth.free(auth.data);
        return error;
    }
    return llmd__credentials_new(&auth, &about, out);
}

static llmd_error *search(llmd_context *ctx, llmd_credentials **out)
{
    __attribute__((cleanup(llmd__adc_free))) struct adc adc = {0};

    TRY(llmd__adc_find(ctx, METADATA_DMI, &adc));
    switch (adc.kind) {
    case ADC_TOKEN:
        return llmd__credentials_token(adc.value, adc.place, out);
    case ADC_TOKEN_FILE:
        return llmd__error_wrap(llmd__credentials_file(adc.value, adc.value, out), "%s", adc.place);
    case ADC_FILE:
        return open_file(adc.value, adc.place, out);
    default:
        return open_metadata(ctx, out);
    }
}

llmd_error *llmd_credentials_google(llmd_context *ctx, const char *path, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    return has(path) ? open_file(path, "", out) : search(ctx, out);
}

llmd_error *llmd_credentials_google_json(const char *json, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(json);
    const struct buf text = {.data = (char *)(uintptr_t)json, .len = strlen(json)};
    return open_text(&text, "credentials", NULL, out);
}
