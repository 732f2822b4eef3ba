/* SPDX-License-Identifier: Apache-2.0 */
/* The handle: an http_auth, and what can be said of it. */
#include "auth/credentials.h"

#include "auth/google.h"

#include "base/json.h"
#include "base/ref.h"

#include <stdlib.h>

struct llmd_credentials {
    struct ref ref;
    struct http_auth auth;
    char *description;
    char *project;
    char *quota_project;
    char *universe;
    bool person;
};

static llmd_credentials *credentials_get(const llmd_credentials *credentials)
{
    /* Handles are const for their users; the count is not part of what they see. */
    llmd_credentials *own = (llmd_credentials *)(uintptr_t)credentials;

    llmd__ref_get(&own->ref);
    return own;
}

void llmd_credentials_free(llmd_credentials *credentials)
{
    if (!credentials || !llmd__ref_put(&credentials->ref))
        return;
    if (credentials->auth.free)
        credentials->auth.free(credentials->auth.data);
    llmd__free(credentials->description);
    llmd__free(credentials->project);
    llmd__free(credentials->quota_project);
    llmd__free(credentials->universe);
    llmd__free(credentials);
}

static const char *known(const char *text)
{
    return text && text[0] ? text : NULL;
}

static const char *first_known(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (known(texts[i]))
            return texts[i];
    return "";
}

#define FIRST_KNOWN(...)                                                                           \
    first_known((const char *const[]){__VA_ARGS__},                                                \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static const char *quota_project_of(const struct credentials_about *about)
{
    return FIRST_KNOWN(getenv("GOOGLE_CLOUD_QUOTA_PROJECT"), about->quota_project);
}

static const char *project_of(const struct credentials_about *about)
{
    return FIRST_KNOWN(getenv("GOOGLE_CLOUD_PROJECT"), getenv("GCLOUD_PROJECT"), about->project,
                       about->person ? quota_project_of(about) : NULL);
}

/* Of a token that somebody else looks after only the environment knows. */
static const char *universe_of(const struct credentials_about *about)
{
    return FIRST_KNOWN(about->universe, getenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN"), "googleapis.com");
}

static llmd_error *describe(llmd_credentials *credentials, const struct credentials_about *about)
{
    AUTO(json) struct json *description = NULL;

    TRY(llmd__json_make(&description,
                        "{'kind': %s, 'account': %s, 'project': %s, 'quota_project': %s,"
                        " 'source': %s, 'universe': %s}",
                        about->kind, known(about->account), known(credentials->project),
                        known(credentials->quota_project), known(about->source),
                        known(about->universe)));
    return llmd__json_print(description, &credentials->description);
}

static llmd_error *fill(llmd_credentials *credentials, const struct credentials_about *about)
{
    credentials->person = about->person;
    credentials->project = llmd__strdup(project_of(about));
    credentials->quota_project = llmd__strdup(quota_project_of(about));
    credentials->universe = llmd__strdup(universe_of(about));
    if (!credentials->project || !credentials->quota_project || !credentials->universe)
        return NO_MEMORY;
    return describe(credentials, about);
}

llmd_error *llmd__credentials_new(const struct http_auth *auth,
                                  const struct credentials_about *about, llmd_credentials **out)
{
    *out = NULL;
    LLMD_AUTO(llmd_credentials) credentials = llmd__calloc(1, sizeof *credentials);
    if (!credentials) {
        if (auth->free)
            auth->free(auth->data);
        return NO_MEMORY;
    }
    llmd__ref_init(&credentials->ref);
    credentials->auth = *auth;
    TRY(fill(credentials, about));
    *out = TAKE(credentials);
    return NULL;
}

static llmd_error *authorize(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    const llmd_credentials *credentials = data;

    return credentials->auth.authorize(ctx, credentials->auth.data, refresh, header);
}

static void release(void *data)
{
    llmd_credentials_free(data);
}

struct http_auth llmd__credentials_auth(const llmd_credentials *credentials)
{
    if (!credentials)
        return (struct http_auth){0};
    return (struct http_auth){authorize, release, credentials_get(credentials)};
}

const char *llmd_credentials_describe(const llmd_credentials *credentials)
{
    return credentials ? credentials->description : "";
}

const char *llmd_credentials_project(const llmd_credentials *credentials)
{
    return credentials ? credentials->project : "";
}

const char *llmd__credentials_quota_project(const llmd_credentials *credentials,
                                            const char *otherwise)
{
    if (!credentials)
        return "";
    if (credentials->quota_project[0])
        return credentials->quota_project;
    return credentials->person && otherwise ? otherwise : "";
}

const char *llmd__credentials_universe(const llmd_credentials *credentials)
{
    return credentials ? credentials->universe : "googleapis.com";
}
