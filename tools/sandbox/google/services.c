/* SPDX-License-Identifier: Apache-2.0 */
/* Service Usage: which APIs are on, and what a call to one that is off gets. */
#include "sandbox/google/services.h"

#include "sandbox/conn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *title;
    bool on; /* in a new sandbox */
} known[] = {
    {"container.googleapis.com", "Kubernetes Engine API", true},
    {"compute.googleapis.com", "Compute Engine API", true},
    {"serviceusage.googleapis.com", "Service Usage API", true},
    {"cloudresourcemanager.googleapis.com", "Cloud Resource Manager API", true},
    {"cloudquotas.googleapis.com", "Cloud Quotas API", true},
    {"monitoring.googleapis.com", "Cloud Monitoring API", true},
    {"logging.googleapis.com", "Cloud Logging API", true},
    {"orgpolicy.googleapis.com", "Organization Policy API", true},
    {"iam.googleapis.com", "Identity and Access Management (IAM) API", true},
    {"iamcredentials.googleapis.com", "IAM Service Account Credentials API", true},
    {"cloudbilling.googleapis.com", "Cloud Billing API", true},
    {"artifactregistry.googleapis.com", "Artifact Registry API", true},
    {"networkservices.googleapis.com", "Network Services API", true},
    {"gkerecommender.googleapis.com", "GKE Recommender API", true},
    {"tpu.googleapis.com", "Cloud TPU API", false},
};

struct json *services_initial(void)
{
    struct json *services = llmd__json_object();
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        llmd__json_set(services, known[i].name,
                       MAKE("{'state':%s}", known[i].on ? "ENABLED" : "DISABLED"));
    return services;
}

static const char *title_of(const char *service)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].name, service) == 0)
            return known[i].title;
    return service;
}

/* An enabling under way ends when its time has come. */
static bool is_enabled(struct google *google, const char *service)
{
    struct json *entry = (struct json *)llmd__json_member(google->services, service);
    int64_t at = llmd__json_int(entry, "enabled_at", 0);
    if (at && at <= google_now(google))
        llmd__json_set_str(entry, "state", "ENABLED");
    return strcmp(llmd__json_str(entry, "state"), "ENABLED") == 0;
}

static bool is_usable(struct google *google, const char *service)
{
    const struct json *entry = llmd__json_member(google->services, service);
    return !entry || (is_enabled(google, service) &&
                      llmd__json_int(entry, "usable_at", 0) <= google_now(google));
}

/* ---- what every call meets first ---- */

static struct json *disabled(struct api_call *call)
{
    const char *title = title_of(call->host);
    AUTO(str)
    char *link = llmd__format(
        "https://console.developers.google.com/apis/api/%s/overview?project=" PROJECT_NUMBER,
        call->host);
    struct json *error = api_error(
        call, 403, "PERMISSION_DENIED", "accessNotConfigured",
        "%s has not been used in project " PROJECT_NUMBER " before or it is disabled. Enable it by "
        "visiting %s then retry. If you enabled this API recently, wait a few minutes for the "
        "action to propagate to our systems and retry.",
        title, link);
    return api_info(error, "SERVICE_DISABLED", "googleapis.com",
                    MAKE("{'service':%s,'serviceTitle':%s,'consumer':'projects/" PROJECT_NUMBER
                         "','containerInfo':'" PROJECT_NUMBER "','activationUrl':%s}",
                         call->host, title, link));
}

static struct json *billing_refusal(struct api_call *call)
{
    bool paid = strcmp(call->host, "container.googleapis.com") == 0 ||
                strcmp(call->host, "compute.googleapis.com") == 0;
    if (!paid || strcmp(call->method, "GET") == 0 ||
        !fault_on(call->google, "billing-disabled", ""))
        return NULL;
    return api_info(
        api_error(call, 403, "PERMISSION_DENIED", NULL,
                  "This API method requires billing to be enabled. Please enable billing on "
                  "project #" PROJECT_NUMBER " by visiting "
                  "https://console.developers.google.com/billing/enable?project=" PROJECT_NUMBER
                  " then retry. If you enabled billing for this project recently, wait a few "
                  "minutes for the action to propagate to our systems and retry."),
        "BILLING_DISABLED", "googleapis.com",
        MAKE("{'service':%s,'consumer':'projects/" PROJECT_NUMBER "'}", call->host));
}

static struct json *project_refusal(struct api_call *call)
{
    if (call->count < 2 || strcmp(call->segments[0], "projects") != 0)
        return NULL;
    size_t len = strcspn(call->segments[1], ":");
    const char *own = google_project(call->google);
    if ((strlen(own) == len && memcmp(own, call->segments[1], len) == 0) ||
        strncmp(call->segments[1], PROJECT_NUMBER, len) == 0 || call->segments[1][0] == '-')
        return NULL;
    if (strcmp(call->host, "compute.googleapis.com") == 0)
        return api_not_found(call, "The resource 'projects/%s' was not found", call->segments[1]);
    return api_info(api_error(call, 403, "PERMISSION_DENIED", NULL,
                              "Permission denied on resource project %.*s.", (int)len,
                              call->segments[1]),
                    "CONSUMER_INVALID", "googleapis.com",
                    MAKE("{'service':%s,'consumer':'projects/unknown'}", call->host));
}

struct json *service_check(struct api_call *call)
{
    if (strcmp(call->host, "serviceusage.googleapis.com") != 0 &&
        !is_usable(call->google, call->host))
        return disabled(call);
    struct json *refused = project_refusal(call);
    return refused ? refused : billing_refusal(call);
}

/* ---- the API ---- */

static struct json *service_json(struct google *google, const char *service)
{
    AUTO(str) char *name = llmd__format("projects/" PROJECT_NUMBER "/services/%s", service);
    return MAKE("{'name':%s,'config':{'name':%s,'title':%s},'state':%s,'parent':"
                "'projects/" PROJECT_NUMBER "'}",
                name, service, title_of(service),
                is_enabled(google, service) ? "ENABLED" : "DISABLED");
}

static struct json *denied(struct api_call *call)
{
    return api_info(api_error(call, 403, "PERMISSION_DENIED", NULL,
                              "Permission denied to enable service [%s]", api_segment(call, 3)),
                    "AUTH_PERMISSION_DENIED", "googleapis.com", NULL);
}

static struct json *get_service(struct api_call *call)
{
    return service_json(call->google, api_segment(call, 3));
}

static struct json *list_services(struct api_call *call)
{
    char *filter = api_query(call, "filter");
    struct json *json = MAKE("{'services':[]}");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        bool on = is_enabled(call->google, known[i].name);
        bool wanted = !filter || !*filter || strstr(filter, on ? "ENABLED" : "DISABLED");
        if (wanted)
            llmd__json_add(llmd__json_edit(json, "services"),
                           service_json(call->google, known[i].name));
    }
    free(filter);
    return json;
}

static bool begin_enabling(struct google *google, const char *service)
{
    if (is_enabled(google, service))
        return false;
    struct json *entry = MAKE("{'state':'DISABLED'}");
    llmd__json_set_int(entry, "enabled_at", google_now(google) + ENABLE_TIME);
    llmd__json_set_int(entry, "usable_at", google_now(google) + ENABLE_TIME + PROPAGATION_TIME);
    llmd__json_set(google->services, service, entry);
    return true;
}

/* The operation's name holds when it ends, so that nothing needs to be kept. */
static struct json *enabling(struct api_call *call, bool any, struct json *response)
{
    AUTO(json) struct json *body = response;
    if (!any)
        return MAKE("{'name':'operations/noop.DONE_OPERATION','done':true,'response':%j}", body);
    AUTO(str)
    char *name = llmd__format("operations/acat.p2-" PROJECT_NUMBER "-%" PRId64,
                              google_now(call->google) + ENABLE_TIME);
    return MAKE("{'name':%s,'metadata':{'@type':"
                "'type.googleapis.com/google.api.serviceusage.v1.OperationMetadata'}}",
                name);
}

static struct json *enable(struct api_call *call)
{
    struct named_fault *fault =
        fault_on(call->google, "wrong-permissions", "serviceusage.services.enable");
    const char *service = api_segment(call, 3);
    if (fault && *fault->match)
        return denied(call);
    bool any = begin_enabling(call->google, service);
    struct json *json = service_json(call->google, service);
    struct json *response =
        MAKE("{'@type':'type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse',"
             "'service':%j}",
             json);
    llmd__json_free(json);
    return enabling(call, any, response);
}

static struct json *batch_enable(struct api_call *call)
{
    const struct json *ids = llmd__json_get(call->body, "serviceIds");
    bool any = false;
    if (llmd__json_count(ids) == 0 || llmd__json_count(ids) > 20)
        return api_invalid(call, "A batch enables 1 to 20 services, not %d.",
                           (int)llmd__json_count(ids));
    JSON_EACH(item, call->body)
        if (strcmp(llmd__json_key(item), "serviceIds") != 0)
            return api_invalid(call,
                               "Invalid JSON payload received. Unknown name \"%s\": Cannot find "
                               "field.",
                               llmd__json_key(item));
    JSON_EACH(id, ids)
        any = begin_enabling(call->google, llmd__json_text(id)) || any;
    return enabling(call, any,
                    MAKE("{'@type':'type.googleapis.com/google.api.serviceusage.v1."
                         "BatchEnableServicesResponse','services':[]}"));
}

static struct json *get_operation(struct api_call *call)
{
    const char *id = api_segment(call, 1);
    const char *at = strrchr(id, '-');
    AUTO(str) char *name = llmd__format("operations/%s", id);
    bool done = !at || strtoll(at + 1, NULL, 10) <= google_now(call->google);
    if (!done)
        return MAKE("{'name':%s}", name);
    return MAKE("{'name':%s,'done':true,'response':{'@type':"
                "'type.googleapis.com/google.api.serviceusage.v1.BatchEnableServicesResponse'}}",
                name);
}

static struct json *batch_get(struct api_call *call)
{
    struct json *json = MAKE("{'services':[]}");
    char *query = must_strndup(call->request->query, strlen(call->request->query));
    char *rest = NULL;
    for (char *part = strtok_r(query, "&", &rest); part; part = strtok_r(NULL, "&", &rest)) {
        const char *name = strstr(part, "services%2F");
        const char *plain = strstr(part, "services/");
        if (strncmp(part, "names=", 6) == 0 && (name || plain))
            llmd__json_add(llmd__json_edit(json, "services"),
                           service_json(call->google, name ? name + 11 : plain + 9));
    }
    free(query);
    return json;
}

struct json *services_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "projects/*/services", list_services},
        {"GET", "projects/*/services/*", get_service},
        {"POST", "projects/*/services/*:enable", enable},
        {"GET", "operations/*", get_operation},
    };
    if (call->count == 3 && strcmp(call->segments[2], "services:batchEnable") == 0)
        return batch_enable(call);
    if (call->count == 3 && strcmp(call->segments[2], "services:batchGet") == 0)
        return batch_get(call);
    return DISPATCH(call, routes);
}
