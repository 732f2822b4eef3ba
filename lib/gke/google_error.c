/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/google_error.h"

#include "net/http.h"

#include <stdio.h>
#include <string.h>

#define CONSOLE "https://console.cloud.google.com"

static const struct {
    const char *reason;
    llmd_code code;
    bool retryable;
    const char *advice;
} classes[] = {
    [TROUBLE_UNKNOWN] = {"", LLMD_E_REMOTE, false, NULL},
    [TROUBLE_STOCKOUT] = {"GCE_STOCKOUT", LLMD_E_FAILED, true,
                          "no capacity now: name other zones or machine types in the pool's "
                          "fallbacks, use a reservation, or try later"},
    [TROUBLE_QUOTA] = {"QUOTA_EXCEEDED", LLMD_E_FAILED, false,
                       "ask for more at " CONSOLE "/iam-admin/quotas, or want less"},
    [TROUBLE_IP_EXHAUSTED] = {"IP_SPACE_EXHAUSTED", LLMD_E_FAILED, false,
                              "give the subnet a larger range, or fewer maxPodsPerNode"},
    [TROUBLE_PERMISSION] =
        {"PERMISSION_DENIED", LLMD_E_DENIED, false,
         "grant the account roles/container.admin (and roles/compute.viewer), or "
         "the permission named above"},
    [TROUBLE_CONFIG] = {"INVALID_ARGUMENT", LLMD_E_INVALID, false, NULL},
    [TROUBLE_RESERVATION] = {"RESERVATION", LLMD_E_FAILED, false,
                             "look at the reservation's state, zone and machine type"},
    [TROUBLE_RUNNING] = {"CLUSTER_ALREADY_HAS_OPERATION", LLMD_E_BUSY, true,
                         "wait for the operation that runs"},
    [TROUBLE_CONFLICT] = {"ABORTED", LLMD_E_CONFLICT, true, "read again and retry"},
    [TROUBLE_NOT_FOUND] = {"NOT_FOUND", LLMD_E_NOT_FOUND, false, NULL},
    [TROUBLE_EXISTS] = {"ALREADY_EXISTS", LLMD_E_EXISTS, false, NULL},
    [TROUBLE_TRANSIENT] = {"UNAVAILABLE", LLMD_E_REMOTE, true, "try again"},
    [TROUBLE_THROTTLED] = {"RESOURCE_EXHAUSTED", LLMD_E_BUSY, true, "try again more slowly"},
    [TROUBLE_AUTH] = {"UNAUTHENTICATED", LLMD_E_DENIED, false,
                      "run `gcloud auth application-default login`, or give other credentials"},
    [TROUBLE_SERVICE_DISABLED] = {"SERVICE_DISABLED", LLMD_E_DENIED, true,
                                  "set enableMissing in the spec, or enable the service"},
    [TROUBLE_ORG_POLICY] =
        {"ORG_POLICY", LLMD_E_DENIED, false,
         "ask the organisation's administrator about the constraint named above"},
    [TROUBLE_PROJECT] = {"PROJECT", LLMD_E_DENIED, false,
                         "look at the project's billing and state"},
};

/* ErrorInfo reasons, and the words of texts that carry none; the first that fits. */
static const struct {
    const char *word;
    enum trouble class;
} words[] = {
    {"CLUSTER_ALREADY_HAS_OPERATION", TROUBLE_RUNNING},
    {"running incompatible operation", TROUBLE_RUNNING},
    {"Please wait and try again once it is done", TROUBLE_RUNNING},
    {"Another activation or deactivation is in progress", TROUBLE_RUNNING},
    {"concurrent operations quota", TROUBLE_THROTTLED},
    {"RATE_LIMIT_EXCEEDED", TROUBLE_THROTTLED},
    {"rateLimitExceeded", TROUBLE_THROTTLED},
    {"SERVICE_DISABLED", TROUBLE_SERVICE_DISABLED},
    {"API is not enabled", TROUBLE_SERVICE_DISABLED},
    {"LOCATION_ORG_POLICY_VIOLATED", TROUBLE_ORG_POLICY},
    {"ORG_POLICY", TROUBLE_ORG_POLICY},
    {"customConstraints/", TROUBLE_ORG_POLICY},
    {"constraints/", TROUBLE_ORG_POLICY},
    {"BILLING_DISABLED", TROUBLE_PROJECT},
    {"CONSUMER_INVALID", TROUBLE_PROJECT},
    {"CONSUMER_SUSPENDED", TROUBLE_PROJECT},
    {"RESOURCE_PROJECT_INVALID", TROUBLE_PROJECT},
    {"USER_PROJECT_DENIED", TROUBLE_PROJECT},
    {"requires a quota project", TROUBLE_PROJECT},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", TROUBLE_PERMISSION},
    {"ACCESS_TOKEN", TROUBLE_AUTH},
    {"CREDENTIALS_MISSING", TROUBLE_AUTH},
    {"STOCKOUT", TROUBLE_STOCKOUT},
    {"RESOURCE_POOL_EXHAUSTED", TROUBLE_STOCKOUT},
    {"INSUFFICIENT_CAPACITY", TROUBLE_STOCKOUT},
    {"resource_availability", TROUBLE_STOCKOUT},
    {"does not have enough resources available", TROUBLE_STOCKOUT},
    {"IP_SPACE_EXHAUSTED", TROUBLE_IP_EXHAUSTED},
    {"CONDITION_NOT_MET", TROUBLE_CONFIG},
    {"Unsupported TPU configuration", TROUBLE_CONFIG},
    {"GCE_NOT_FOUND", TROUBLE_CONFIG},
    {"QUOTA", TROUBLE_QUOTA},
    {"nsufficient regional quota", TROUBLE_QUOTA},
    {"' exceeded. Limit:", TROUBLE_QUOTA},
    {"eservation", TROUBLE_RESERVATION},
    {"PERMISSIONS_ERROR", TROUBLE_PERMISSION},
    {"IAM_PERMISSION_DENIED", TROUBLE_PERMISSION},
};

enum trouble llmd__trouble_of(const char *code_or_text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(code_or_text, words[i].word))
            return words[i].class;
    }
    return TROUBLE_UNKNOWN;
}

const char *llmd__trouble_reason(enum trouble class)
{
    return classes[class].reason;
}

static enum trouble class_of_status(int status)
{
    switch (status) {
    case 400:
    case 412:
        return TROUBLE_CONFIG;
    case 401:
        return TROUBLE_AUTH;
    case 403:
        return TROUBLE_PERMISSION;
    case 404:
        return TROUBLE_NOT_FOUND;
    case 409:
        return TROUBLE_EXISTS;
    case 429:
        return TROUBLE_THROTTLED;
    default:
        return status >= 500 ? TROUBLE_TRANSIENT : TROUBLE_UNKNOWN;
    }
}

static const struct json *error_info(const struct json *error)
{
    JSON_EACH(detail, llmd__json_member(error, "details")) {
        if (*llmd__json_str(detail, "reason"))
            return detail;
    }
    return NULL;
}

/* ErrorInfo is made for programs; texts are for people and change; the number says least. */
static enum trouble class_of_answer(int status, const struct json *error)
{
    const char *texts[] = {llmd__json_str(error_info(error), "reason"),
                           llmd__json_str(error, "message"),
                           llmd__json_str(error, "errors[0].reason")};

    if (status == 409 && strcmp(llmd__json_str(error, "status"), "ABORTED") == 0)
        return TROUBLE_CONFLICT;
    if (status == 404 || status == 409 || status == 401)
        return class_of_status(status);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        enum trouble class = llmd__trouble_of(texts[i]);

        if (class != TROUBLE_UNKNOWN)
            return class;
    }
    return class_of_status(status);
}

static llmd_error *dress(llmd_error *error, enum trouble class, const char *reason,
                         const struct json *info)
{
    const char *activation = llmd__json_str(info, "metadata.activationUrl");

    llmd__error_set_reason(error, *reason ? reason : classes[class].reason);
    if (class == TROUBLE_SERVICE_DISABLED && *activation)
        llmd__error_set_advice(error, "set enableMissing in the spec, or enable the service: %s",
                               activation);
    else if (classes[class].advice)
        llmd__error_set_advice(error, "%s", classes[class].advice);
    return llmd__error_set_retry(error, classes[class].retryable, -1);
}

llmd_error *llmd__google_refusal(int status, const char *body, const char *what,
                                 enum trouble *class)
{
    AUTO(json) struct json *answer = NULL;
    const struct json *error, *info;
    enum trouble found;
    llmd_error *refusal;

    llmd_error_free(llmd__json_parse(body, strlen(body), what, &answer));
    error = llmd__json_member(answer, "error");
    if (llmd__json_type(error) != JSON_OBJECT) { /* a proxy's page */
        if (class)
            *class = class_of_status(status);
        return llmd__error_wrap(llmd__http_status_error(status, body), "%s", what);
    }
    info = error_info(error);
    found = class_of_answer(status, error);
    if (class)
        *class = found;
    refusal = llmd__error(classes[found].code, "%s: %d %s: %.2000s", what, status,
                          llmd__json_str(error, "status"), llmd__json_str(error, "message"));
    llmd__error_set_http_status(refusal, status);
    return dress(refusal, found, llmd__json_str(info, "reason"), info);
}

static const char *condition_text(const struct json *operation, const char *list)
{
    JSON_EACH(condition, llmd__json_member(operation, list)) {
        if (*llmd__json_str(condition, "message"))
            return llmd__json_str(condition, "message");
    }
    return "";
}

llmd_error *llmd__google_operation_error(const struct json *operation, const char *what,
                                         enum trouble *class)
{
    const char *text = llmd__json_str(operation, "error.message");
    enum trouble found;

    /* statusMessage is deprecated and still the only place of some failures (P111). */
    if (!*text)
        text = llmd__json_str(operation, "statusMessage");
    if (!*text)
        text = condition_text(operation, "nodepoolConditions");
    if (!*text)
        text = condition_text(operation, "clusterConditions");
    if (!*text && !llmd__json_get(operation, "error"))
        return NULL;
    found = llmd__trouble_of(text);
    if (class)
        *class = found;
    return dress(llmd__error(found == TROUBLE_UNKNOWN ? LLMD_E_FAILED : classes[found].code,
                             "%s: %.2000s", what, *text ? text : "the operation failed"),
                 found, "", NULL);
}

bool llmd__google_running_operation(const char *message, char *name, size_t size)
{
    const char *at = strstr(message, "operation-");
    size_t len = at ? strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;

    if (len <= strlen("operation-") || len >= size)
        return false;
    snprintf(name, size, "%.*s", (int)len, at);
    return true;
}
