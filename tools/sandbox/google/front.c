/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to the API that answers it: which host, who asks, which faults are on. */
#include "sandbox/google/call.h"
#include "sandbox/google/tokens.h"
#include "sandbox/conn.h"
#include "sandbox/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api {
    const char *host;
    api_handler handler;
    bool open; /* without a bearer token */
};

static const struct api apis[] = {
    {"container.googleapis.com", container_serve, false},
    {"compute.googleapis.com", compute_serve, false},
    {"serviceusage.googleapis.com", services_serve, false},
    {"cloudresourcemanager.googleapis.com", projects_serve, false},
    {"cloudquotas.googleapis.com", quotas_serve, false},
    {"monitoring.googleapis.com", monitoring_serve, false},
    {"orgpolicy.googleapis.com", policies_serve, false},
    {"iam.googleapis.com", iam_serve, false},
    {"cloudbilling.googleapis.com", billing_serve, false},
    {"gkerecommender.googleapis.com", recommender_serve, false},
    {"iamcredentials.googleapis.com", credentials_serve, false},
    {"oauth2.googleapis.com", oauth_serve, true},
    {"sts.googleapis.com", sts_serve, true},
};

static const struct api *find_api(const char *host, size_t len)
{
    for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++)
        if (strlen(apis[i].host) == len && memcmp(apis[i].host, host, len) == 0)
            return &apis[i];
    return NULL;
}

/* ---- which API a path without a host means; the first row that matches ---- */

static const struct {
    const char *start;
    const char *part; /* somewhere in the path; "" anything */
    const char *host;
} guesses[] = {
    {"/compute/v1/", "", "compute.googleapis.com"},
    {"/token", "", "oauth2.googleapis.com"},
    {"/v1/token", "", "sts.googleapis.com"},
    {"/v1/projects/", "/quotaInfos", "cloudquotas.googleapis.com"},
    {"/v1/projects/", "/quotaPreferences", "cloudquotas.googleapis.com"},
    {"/v1/projects/-/serviceAccounts/", ":generate", "iamcredentials.googleapis.com"},
    {"/v1/projects/", "/serviceAccounts", "iam.googleapis.com"},
    {"/v1/projects/", "/billingInfo", "cloudbilling.googleapis.com"},
    {"/v1/projects/", "/locations/", "container.googleapis.com"},
    {"/v1/projects/", "/zones/", "container.googleapis.com"},
    {"/v1/projects/", "/aggregated/", "container.googleapis.com"},
    {"/v1/projects/", "/services", "serviceusage.googleapis.com"},
    {"/v1/projects/", "", "cloudresourcemanager.googleapis.com"},
    {"/v1/operations/", "", "serviceusage.googleapis.com"},
    {"/v1/services/", "/skus", "cloudbilling.googleapis.com"},
    {"/v1/services", "", "cloudbilling.googleapis.com"},
    {"/v1/", ":fetch", "gkerecommender.googleapis.com"},
    {"/v1/optimizedManifest:generate", "", "gkerecommender.googleapis.com"},
    {"/v2/projects/", "", "orgpolicy.googleapis.com"},
    {"/v3/projects/", "/timeSeries", "monitoring.googleapis.com"},
    {"/v3/projects/", "", "cloudresourcemanager.googleapis.com"},
};

static const struct api *guess_api(const char *path)
{
    for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++)
        if (strncmp(path, guesses[i].start, strlen(guesses[i].start)) == 0 &&
            strstr(path, guesses[i].part))
            return find_api(guesses[i].host, strlen(guesses[i].host));
    return NULL;
}

static const struct api *resolve(const char **path)
{
    size_t len = strcspn(*path + 1, "/");
    const struct api *api = find_api(*path + 1, len);
    if (api)
        *path += len + 1;
    return api ? api : guess_api(*path);
}

/* Drops "/v1", or "/compute/v1", and splits the rest. */
static void split(struct api_call *call, const char *path)
{
    const char *at = path;
    if (strncmp(at, "/compute/", 9) == 0)
        at += 8;
    if (at[0] == '/' && at[1] == 'v' && at[2] >= '1' && at[2] <= '9')
        at += 1 + strcspn(at + 1, "/");
    snprintf(call->path, sizeof(call->path), "%s", *at == '/' ? at + 1 : at);
    char *rest = NULL;
    for (char *part = strtok_r(call->path, "/", &rest); part && call->count < MAX_SEGMENTS;
         part = strtok_r(NULL, "/", &rest))
        call->segments[call->count++] = part;
}

/* ---- who asks ---- */

static struct json *unauthenticated(struct api_call *call, const char *reason, const char *words)
{
    struct json *error = api_error(
        call, 401, "UNAUTHENTICATED",
        strcmp(reason, "CREDENTIALS_MISSING") ? "authError" : "required",
        "Request %s. Expected OAuth 2 access token, login cookie or other valid authentication "
        "credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        words);
    return api_info(error, reason, "googleapis.com", MAKE("{'service':%s}", call->host));
}

static struct json *check_token(struct api_call *call)
{
    const char *header = request_header(call->request, "Authorization");
    if (!header || strncmp(header, "Bearer ", 7) != 0)
        return unauthenticated(call, "CREDENTIALS_MISSING",
                               "is missing required authentication credential");
    if (!tokens_good(call->google->tokens, header + 7))
        return unauthenticated(call, "ACCESS_TOKEN_EXPIRED",
                               "had invalid authentication credentials");
    if (fault_take(call->google, "bad-token-once", call->line, NULL))
        return unauthenticated(call, "ACCESS_TOKEN_EXPIRED",
                               "had invalid authentication credentials");
    return NULL;
}

/* ---- faults in front of everything ---- */

static struct json *front_fault(struct api_call *call)
{
    struct google *google = call->google;
    int number = 0;
    if (fault_take(google, "html-502", call->line, NULL)) {
        call->status = 502;
        call->html = llmd__format("<html><head><title>502 Server Error</title></head><body>"
                                  "<h1>Error: Server Error</h1><h2>The server encountered a "
                                  "temporary error and could not complete your request.<p>Please "
                                  "try again in 30 seconds.</h2></body></html>\n");
        return llmd__json_object();
    }
    if (fault_take(google, "503-burst", call->line, NULL))
        return api_error(call, 503, "UNAVAILABLE", NULL, "The service is currently unavailable.");
    if (!fault_take(google, "rate-limit", call->line, &number))
        return NULL;
    call->retry_after = number > 0 ? number : 1;
    return api_info(
        api_error(call, 429, "RESOURCE_EXHAUSTED", NULL,
                  "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of "
                  "service '%s' for consumer 'project_number:" PROJECT_NUMBER "'.",
                  call->host),
        "RATE_LIMIT_EXCEEDED", "googleapis.com",
        MAKE("{'service':%s,'consumer':'projects/" PROJECT_NUMBER "','quota_metric':%s,"
             "'quota_limit':'defaultPerMinutePerProject'}",
             call->host, call->host));
}

static void wait_slowly(struct google *google, struct conn *conn, const char *line)
{
    int ms = 0;
    pthread_mutex_lock(&google->mutex);
    bool slow = fault_take(google, "slow", line, &ms);
    pthread_mutex_unlock(&google->mutex);
    if (slow)
        conn_wait(conn, ms);
}

/* ---- the answer ---- */

/* Forms of the token endpoints are not JSON. */
static struct json *parse_body(struct api_call *call, const struct api *api)
{
    const struct request *request = call->request;
    if (!request->body_len || api->open)
        return NULL;
    AUTO(error)
    llmd_error *bad = llmd__json_parse(request->body, request->body_len, "body", &call->body);
    if (!bad && llmd__json_type(call->body) == JSON_OBJECT)
        return NULL;
    return api_invalid(call, "Invalid JSON payload received. %s",
                       bad ? llmd_error_message(bad) : "Root element must be a message.");
}

static struct json *answer(struct api_call *call, const struct api *api)
{
    struct json *refused = front_fault(call);
    if (!refused && !api->open)
        refused = check_token(call);
    if (!refused)
        refused = parse_body(call, api);
    if (!refused && !api->open)
        refused = service_check(call);
    return refused ? refused : api->handler(call);
}

/* Clients poll every five seconds of the time that passes here; only ours knows fractions. */
static bool reads_fractions(const struct api_call *call)
{
    const char *agent = request_header(call->request, "User-Agent");
    return agent && strncmp(agent, "libllmd", 7) == 0;
}

static void send_answer(struct conn *conn, const struct api_call *call, const struct json *json)
{
    char seconds[16];
    if (call->cut_afterwards) {
        conn_reset(conn);
        return;
    }
    if (call->retry_after) {
        snprintf(seconds, sizeof(seconds), "%d", call->retry_after);
        reply_header(conn, "Retry-After", seconds);
    } else if (call->google->clock.scale < 1 && call->status < 429 && reads_fractions(call)) {
        snprintf(seconds, sizeof(seconds), "%.3f", 5 * call->google->clock.scale);
        reply_header(conn, "Retry-After", seconds);
    }
    if (call->html) {
        reply_text(conn, call->status, "text/html; charset=UTF-8", call->html);
        return;
    }
    AUTO(str) char *text = NULL;
    if (json)
        must(llmd__json_print_pretty(json, &text));
    reply_text(conn, call->status, "application/json; charset=UTF-8", text ? text : "{}\n");
}

static void serve_call(struct google *google, struct conn *conn, const struct request *request,
                       const struct api *api, const char *path)
{
    struct api_call *call = must_alloc(sizeof(*call));
    *call = (struct api_call){.google = google,
                              .request = request,
                              .host = api->host,
                              .method = request->method,
                              .status = 200};
    split(call, path);
    snprintf(call->line, sizeof(call->line), "%s %s", request->method, request->target);
    wait_slowly(google, conn, call->line);
    pthread_mutex_lock(&google->mutex);
    google_advance(google);
    struct json *json = answer(call, api);
    pthread_cond_broadcast(&google->changed);
    pthread_mutex_unlock(&google->mutex);
    record_request(google->sandbox, request, api->host, call->status);
    send_answer(conn, call, json);
    llmd__json_free(json);
    llmd__json_free(call->body);
    llmd__free(call->html);
    free(call);
}

bool google_serve(struct google *google, struct conn *conn, const struct request *request)
{
    const char *path = request->path;
    if (!google || path[0] != '/')
        return false;
    if (strncmp(path, "/computeMetadata/", 17) == 0 || strcmp(path, "/") == 0)
        return metadata_serve(google, conn, request);
    /* google.api.HttpRule: servers leave "%2F" as it is, so no name leads to another resource. */
    char *names = request_path_of_names(request);
    path = names;
    const struct api *api = resolve(&path);
    if (api)
        serve_call(google, conn, request, api, path);
    free(names);
    return api != NULL;
}
