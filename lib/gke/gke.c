/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/gke.h"

#include "auth/credentials.h"
#include "auth/google.h"
#include "base/environment.h"
#include "base/ref.h"
#include "gke/google_error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct llmd_gke {
    struct ref ref;
    char *project, *location, *region;
    const llmd_credentials *credentials; /* kept alive by every http's auth */
    struct http *http[GOOGLE_API_COUNT];
};

/* The host's first label, and gcloud's name for it in CLOUDSDK_API_ENDPOINT_OVERRIDES_. */
static const struct {
    const char *host, *override;
    const char *version; /* gcloud's value ends with it, ours does not */
} apis[GOOGLE_API_COUNT] = {
    [GOOGLE_CONTAINER] = {"container", "CONTAINER", ""},
    [GOOGLE_COMPUTE] = {"compute", "COMPUTE", "/compute/v1"},
    [GOOGLE_SERVICE_USAGE] = {"serviceusage", "SERVICEUSAGE", ""},
    [GOOGLE_RESOURCE_MANAGER] = {"cloudresourcemanager", "CLOUDRESOURCEMANAGER", ""},
    [GOOGLE_QUOTAS] = {"cloudquotas", "CLOUDQUOTAS", ""},
    [GOOGLE_MONITORING] = {"monitoring", "MONITORING", ""},
    [GOOGLE_ORG_POLICY] = {"orgpolicy", "ORGPOLICY", ""},
    [GOOGLE_IAM] = {"iam", "IAM", ""},
    [GOOGLE_BILLING] = {"cloudbilling", "CLOUDBILLING", ""},
    [GOOGLE_RECOMMENDER] = {"gkerecommender", "GKERECOMMENDER", ""},
};

size_t llmd__region_len(const char *location)
{
    size_t len = strlen(location);

    /* A zone is its region, '-' and one letter. */
    return len > 2 && location[len - 2] == '-' && isalpha((unsigned char)location[len - 1])
               ? len - 2
               : len;
}

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* "my-project", "example.com:my-project" of an organisation's domain, or its number. */
static llmd_error *check_project(const char *project)
{
    if (!*project)
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "project is missing"),
                                      "give the id of a project of Google Cloud");
    if (strspn(project, NAME_CHARACTERS ".:") == strlen(project))
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "\"%.80s\" is no project's id", project),
        "give the id (my-project-1234), not the name that the console shows");
}

static llmd_error *check_location(const char *location)
{
    size_t len = llmd__region_len(location);

    if (len && isdigit((unsigned char)location[len - 1]) && strchr(location, '-') &&
        strspn(location, NAME_CHARACTERS) == strlen(location))
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "location \"%.80s\" is no zone and no region", location),
        "give a zone (europe-west4-a) or a region (europe-west4); clusters are never global");
}

llmd_error *llmd__place_names_check(const char *project, const char *location)
{
    TRY(check_project(project));
    return check_location(location);
}

static void override_url(struct buf *url, const char *value, const char *version)
{
    size_t len = strlen(value), tail = strlen(version);

    while (len && value[len - 1] == '/')
        len--;
    if (tail && len >= tail && strncmp(value + len - tail, version, tail) == 0)
        len -= tail;
    llmd__buf_add(url, value, len);
}

static void base_url(struct buf *url, enum google_api api, const char *universe)
{
    char name[80];
    const char *value;

    snprintf(name, sizeof(name), "CLOUDSDK_API_ENDPOINT_OVERRIDES_%s", apis[api].override);
    value = llmd__environment(name);
    if (value) {
        override_url(url, value, apis[api].version);
        return;
    }
    value = llmd__environment("LLMD_GOOGLE_URL");
    if (value) {
        override_url(url, value, "");
        llmd__buf_format(url, "/%s.googleapis.com", apis[api].host);
        return;
    }
    llmd__buf_format(url, "https://%s.%s", apis[api].host, universe);
}

static llmd_error *open_api(llmd_gke *gke, enum google_api api)
{
    AUTO(buf) struct buf url = BUF_INIT, quota = BUF_INIT;
    const char *quota_project = llmd__credentials_quota_project(gke->credentials, gke->project);
    const char *headers[] = {NULL, NULL};
    struct http_config config = {.http2 = true, .headers = headers};

    base_url(&url, api, llmd__credentials_universe(gke->credentials));
    llmd__buf_format(&quota, "x-goog-user-project: %s", quota_project);
    TRY(llmd__buf_check(&url));
    TRY(llmd__buf_check(&quota));
    if (*quota_project)
        headers[0] = quota.data;
    config.base_url = url.data;
    config.auth = llmd__credentials_auth(gke->credentials);
    return llmd__http_open(&config, &gke->http[api]);
}

static llmd_error *fill(llmd_gke *gke, const llmd_credentials *credentials, const char *project,
                        const char *location)
{
    gke->project = llmd__strdup(project);
    gke->location = llmd__strdup(location);
    gke->region = llmd__strndup(location, llmd__region_len(location));
    gke->credentials = credentials;
    if (!gke->project || !gke->location || !gke->region)
        return NO_MEMORY;
    for (int api = 0; api < GOOGLE_API_COUNT; api++)
        TRY(open_api(gke, api));
    return NULL;
}

llmd_error *llmd_gke_open(const llmd_credentials *credentials, const char *project,
                          const char *location, llmd_gke **out)
{
    AUTO(gke) llmd_gke *gke = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(credentials);
    REQUIRE(location);
    if (!project || !*project)
        project = llmd_credentials_project(credentials);
    if (!*project)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID,
                        "no project: neither an argument, nor GOOGLE_CLOUD_PROJECT, "
                        "nor one of the credentials'"),
            "set GOOGLE_CLOUD_PROJECT to the project's id");
    TRY(llmd__place_names_check(project, location));
    gke = llmd__calloc(1, sizeof(*gke));
    CHECK_MEMORY(gke);
    llmd__ref_init(&gke->ref);
    TRY(fill(gke, credentials, project, location));
    *out = TAKE(gke);
    return NULL;
}

llmd_gke *llmd__gke_ref(const llmd_gke *gke)
{
    llmd_gke *counted = (llmd_gke *)gke; /* only the count changes */

    llmd__ref_get(&counted->ref);
    return counted;
}

void llmd_gke_free(llmd_gke *gke)
{
    if (!gke || !llmd__ref_put(&gke->ref))
        return;
    for (int api = 0; api < GOOGLE_API_COUNT; api++)
        llmd__http_put(gke->http[api]);
    llmd__free(gke->project);
    llmd__free(gke->location);
    llmd__free(gke->region);
    llmd__free(gke);
}

struct http *llmd__gke_http(const llmd_gke *gke, enum google_api api)
{
    return gke->http[api];
}

const llmd_credentials *llmd__gke_credentials(const llmd_gke *gke)
{
    return gke->credentials;
}

const char *llmd_gke_project(const llmd_gke *gke)
{
    return gke ? gke->project : "";
}

const char *llmd_gke_location(const llmd_gke *gke)
{
    return gke ? gke->location : "";
}

const char *llmd__gke_region(const llmd_gke *gke)
{
    return gke->region;
}

bool llmd__gke_zonal(const llmd_gke *gke)
{
    return strcmp(gke->location, gke->region) != 0;
}

llmd_error *llmd__gke_get(llmd_context *ctx, const llmd_gke *gke, enum google_api api,
                          const char *path, const char *what, struct json **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    struct http_request request = {.method = "GET",
                                   .path = path,
                                   .idempotent = true,
                                   .first_byte_timeout_ms = LLMD__READ_TIMEOUT_MS};
    llmd_error *error;

    *out = NULL;
    TRY(llmd__error_wrap(llmd__http_send(ctx, gke->http[api], &request, &reply), "%s", what));
    if (reply.status < 200 || reply.status >= 300)
        return llmd__google_refusal(reply.status, llmd__buf_text(&reply.body), what, NULL);
    error = llmd__json_parse(reply.body.data, reply.body.len, what, out);
    return error ? llmd__error_set_code(error, LLMD_E_PROTOCOL) : NULL;
}
