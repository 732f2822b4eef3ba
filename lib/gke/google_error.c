/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/google_error.h"

#include "gke/google_advice.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
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
    [TROUBLE_CONFIG] = {"INVALID_ARGUMENT", LLMD_E_INVALID, false,
                        "Google will refuse it again: change the spec, or its overlay"},
    [TROUBLE_RESERVATION] = {"RESERVATION", LLMD_E_FAILED, false,
                             "look at the reservation's state, zone and machine type"},
    [TROUBLE_RUNNING] = {"CLUSTER_ALREADY_HAS_OPERATION", LLMD_E_BUSY, true,
                         "wait for the operation that runs"},
    [TROUBLE_CONFLICT] = {"ABORTED", LLMD_E_CONFLICT, true, "read again and retry"},
    [TROUBLE_NOT_FOUND] = {"NOT_FOUND", LLMD_E_NOT_FOUND, false,
                           "check its name, the project and the location"},
    [TROUBLE_EXISTS] = {"ALREADY_EXISTS", LLMD_E_EXISTS, false,
                        "look at what is there under that name, or choose another one"},
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

/* ErrorInfo reasons, and the words of texts that carry none; the first that fits. "Unsupported TPU
   configuration" stands before stock-outs, with which it was once filed: no zone list helps
   against it (P1). */
static const struct {
    const char *word, *also; /* both in the text; also may be NULL */
    enum trouble class;
} words[] = {
    {"CLUSTER_ALREADY_HAS_OPERATION", NULL, TROUBLE_RUNNING},
    {"running incompatible operation", NULL, TROUBLE_RUNNING},
    {"Please wait and try again once it is done", NULL, TROUBLE_RUNNING},
    {"Another activation or deactivation is in progress", NULL, TROUBLE_RUNNING},
    {"operationInProgress", NULL, TROUBLE_RUNNING},
    {"concurrent operations quota", NULL, TROUBLE_THROTTLED},
    {"RATE_LIMIT_EXCEEDED", NULL, TROUBLE_THROTTLED},
    {"rateLimitExceeded", NULL, TROUBLE_THROTTLED},
    {"uota exceeded", "per minute", TROUBLE_THROTTLED},
    {"requires a quota project", NULL, TROUBLE_PROJECT},
    {"SERVICE_DISABLED", NULL, TROUBLE_SERVICE_DISABLED},
    {"API is not enabled", NULL, TROUBLE_SERVICE_DISABLED},
    {"LOCATION_ORG_POLICY_VIOLATED", NULL, TROUBLE_ORG_POLICY},
    {"ORG_POLICY", NULL, TROUBLE_ORG_POLICY},
    {"customConstraints/", NULL, TROUBLE_ORG_POLICY},
    {"constraints/", NULL, TROUBLE_ORG_POLICY},
    {"BILLING_DISABLED", NULL, TROUBLE_PROJECT},
    {"CONSUMER_INVALID", NULL, TROUBLE_PROJECT},
    {"CONSUMER_SUSPENDED", NULL, TROUBLE_PROJECT},
    {"RESOURCE_PROJECT_INVALID", NULL, TROUBLE_PROJECT},
    {"USER_PROJECT_DENIED", NULL, TROUBLE_PROJECT},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", NULL, TROUBLE_PERMISSION},
    {"ACCESS_TOKEN", NULL, TROUBLE_AUTH},
    {"CREDENTIALS_MISSING", NULL, TROUBLE_AUTH},
    {"Unsupported TPU configuration", NULL, TROUBLE_CONFIG},
    {"STOCKOUT", NULL, TROUBLE_STOCKOUT},
    {"RESOURCE_POOL_EXHAUSTED", NULL, TROUBLE_STOCKOUT},
    {"INSUFFICIENT_CAPACITY", NULL, TROUBLE_STOCKOUT},
    {"resource_availability", NULL, TROUBLE_STOCKOUT},
    {"does not have enough resources available", NULL, TROUBLE_STOCKOUT},
    {"IP_SPACE_EXHAUSTED", NULL, TROUBLE_IP_EXHAUSTED},
    {"CONDITION_NOT_MET", NULL, TROUBLE_CONFIG},
    {"GCE_NOT_FOUND", NULL, TROUBLE_CONFIG},
    {"INVALID_ARGUMENT", NULL, TROUBLE_CONFIG},
    {"QUOTA", NULL, TROUBLE_QUOTA},
    {"nsufficient regional quota", NULL, TROUBLE_QUOTA},
    {"' exceeded. Limit:", NULL, TROUBLE_QUOTA},
    {"eservation", "READY", TROUBLE_RESERVATION},
    {"eservation", "does not exist", TROUBLE_RESERVATION},
    {"eservation", "not found", TROUBLE_RESERVATION},
    {"PERMISSIONS_ERROR", NULL, TROUBLE_PERMISSION},
    {"MISSING_PERMISSIONS", NULL, TROUBLE_PERMISSION},
    {"SERVICE_ACCOUNT_DELETED", NULL, TROUBLE_PERMISSION},
    {"IAM_PERMISSION_DENIED", NULL, TROUBLE_PERMISSION},
};

enum trouble llmd__trouble_of(const char *code_or_text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(code_or_text, words[i].word) &&
            (!words[i].also || strstr(code_or_text, words[i].also)))
            return words[i].class;
    }
    return TROUBLE_UNKNOWN;
}

const char *llmd__trouble_reason(enum trouble class)
{
    return classes[class].reason;
}

/* google.rpc.Code. What is exhausted (8) is told by the words; without any it is calls. */
static const struct {
    const char *name;
    enum trouble class;
} codes[] = {
    [3] = {"INVALID_ARGUMENT", TROUBLE_CONFIG},
    [4] = {"DEADLINE_EXCEEDED", TROUBLE_TRANSIENT},
    [5] = {"NOT_FOUND", TROUBLE_NOT_FOUND},
    [6] = {"ALREADY_EXISTS", TROUBLE_EXISTS},
    [7] = {"PERMISSION_DENIED", TROUBLE_PERMISSION},
    [8] = {"RESOURCE_EXHAUSTED", TROUBLE_THROTTLED},
    [9] = {"FAILED_PRECONDITION", TROUBLE_CONFIG},
    [10] = {"ABORTED", TROUBLE_CONFLICT},
    [11] = {"OUT_OF_RANGE", TROUBLE_CONFIG},
    [12] = {"UNIMPLEMENTED", TROUBLE_CONFIG},
    [13] = {"INTERNAL", TROUBLE_TRANSIENT},
    [14] = {"UNAVAILABLE", TROUBLE_TRANSIENT},
    [16] = {"UNAUTHENTICATED", TROUBLE_AUTH},
};

static bool is_code(int64_t code, const char *name)
{
    return code > 0 && code < (int64_t)(sizeof(codes) / sizeof(codes[0])) && codes[code].name &&
           strcmp(codes[code].name, name) == 0;
}

enum trouble llmd__trouble_of_status(const char *status)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].name && strcmp(codes[i].name, status) == 0)
            return codes[i].class;
    }
    return TROUBLE_UNKNOWN;
}

static enum trouble class_of_number(int status)
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
    case 408:
        return TROUBLE_TRANSIENT;
    case 409:
        return TROUBLE_EXISTS;
    case 429:
        return TROUBLE_THROTTLED;
    default:
        return status >= 500 ? TROUBLE_TRANSIENT : TROUBLE_UNKNOWN;
    }
}

/* ---- answers ---- */

/* The number says least: 409 is ABORTED as well as ALREADY_EXISTS. */
static enum trouble class_by_status(int number, const struct json *error)
{
    enum trouble class = llmd__trouble_of_status(llmd__json_str(error, "status"));

    return class == TROUBLE_UNKNOWN ? class_of_number(number) : class;
}

/* ErrorInfo is made for programs; texts are for people and change. What is not found or exists may
   have any of those words in its name, but not in its reason. */
static enum trouble class_of_answer(int number, const struct json *error)
{
    const char *message = llmd__json_str(error, "message");
    const char *info = llmd__json_str(llmd__google_error_info(error), "reason");
    const char *reason = llmd__json_str(error, "errors[0].reason");
    const char *texts[] = {info, message, reason};
    bool busy =
        llmd__trouble_of(info) == TROUBLE_RUNNING || llmd__trouble_of(reason) == TROUBLE_RUNNING;

    if (strstr(message, "requires a quota project")) /* its ErrorInfo says SERVICE_DISABLED */
        return TROUBLE_PROJECT;
    if (number == 404 || (number == 409 && !busy) || number == 401)
        return class_by_status(number, error);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        enum trouble class = llmd__trouble_of(texts[i]);

        if (class != TROUBLE_UNKNOWN)
            return class;
    }
    return class_by_status(number, error);
}

/* RetryInfo's "3.5s" in milliseconds; -1 if it has none. */
static int64_t retry_delay_ms(const struct json *status)
{
    JSON_EACH(detail, llmd__json_member(status, "details")) {
        const char *delay = llmd__json_str(detail, "retryDelay");
        double seconds = *delay ? strtod(delay, NULL) : -1;

        if (seconds >= 0 && seconds < 86400)
            return (int64_t)(seconds * 1000);
    }
    return -1;
}

/* Reasons that callers branch on are the class's; otherwise the server's word is the better one. */
static const char *reason_of(enum trouble class, const struct json *status)
{
    const char *reason = llmd__json_str(llmd__google_error_info(status), "reason");

    if (!*reason || class == TROUBLE_STOCKOUT || class == TROUBLE_QUOTA ||
        class == TROUBLE_ORG_POLICY)
        return classes[class].reason;
    return reason;
}

/* Everything but the message; gives the class away. */
static llmd_error *dress(llmd_error *error, enum trouble class, const char *text,
                         const struct json *status, enum trouble *out)
{
    if (out)
        *out = class;
    llmd__error_set_reason(error, reason_of(class, status));
    llmd__google_advise(error, class, text, status, classes[class].advice);
    return llmd__error_set_retry(error, classes[class].retryable, retry_delay_ms(status));
}

/* Google's support asks for it. */
static const char *request_id(const struct json *status)
{
    JSON_EACH(detail, llmd__json_member(status, "details")) {
        if (*llmd__json_str(detail, "requestId"))
            return llmd__json_str(detail, "requestId");
    }
    return "";
}

static llmd_error *refuse(int number, const struct json *error, const char *what,
                          enum trouble class)
{
    const char *status = llmd__json_str(error, "status"), *id = request_id(error);
    const struct json *info = llmd__google_error_info(error);
    const char *metric = llmd__json_str(info, "metadata.quota_metric");
    const char *limit = llmd__json_str(info, "metadata.quota_limit");

    return llmd__error(classes[class].code, "%s: %d%s%s: %.2000s%s%.200s%s%.200s%s%s%.100s%s", what,
                       number, *status ? " " : "", status, llmd__json_str(error, "message"),
                       *metric ? " (" : "", metric, *limit ? ", " : "", limit, *metric ? ")" : "",
                       *id ? " [request " : "", id, *id ? "]" : "");
}

llmd_error *llmd__google_refusal(int status, const char *body, const char *what,
                                 enum trouble *class)
{
    AUTO(json) struct json *answer = NULL;
    const struct json *error;
    enum trouble found;
    llmd_error *refusal;

    refusal = llmd__json_parse(body, strlen(body), what, &answer);
    if (llmd_error_code(refusal) == LLMD_E_NO_MEMORY)
        return refusal;
    llmd_error_free(refusal);
    error = llmd__json_member(answer, "error");
    if (llmd__json_type(error) != JSON_OBJECT) { /* a proxy's page */
        if (class)
            *class = class_of_number(status);
        return llmd__error_wrap(llmd__http_status_error(status, body), "%s", what);
    }
    found = class_of_answer(status, error);
    refusal = refuse(status, error, what, found);
    llmd__error_set_http_status(refusal, status);
    return dress(refusal, found, llmd__json_str(error, "message"), error, class);
}

/* ---- operations ---- */

/* The first condition that says anything; its code may be all it says. */
static const struct json *first_condition(const struct json *operation)
{
    static const char *const lists[] = {"nodepoolConditions", "clusterConditions"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        JSON_EACH(condition, llmd__json_member(operation, lists[i])) {
            if (*llmd__json_str(condition, "message") || *llmd__json_str(condition, "code"))
                return condition;
        }
    }
    return NULL;
}

/* Without words the code tells little: 8 is a quota as well as a stock-out, 9, 10, 13 and 14 are
   anything, and none of them means that the same may just be sent again. */
static enum trouble class_of_code(int64_t code, const char *canonical)
{
    static const char *const clear[] = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS",
                                        "PERMISSION_DENIED", "UNAUTHENTICATED"};

    for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++) {
        enum trouble class = llmd__trouble_of_status(clear[i]);

        if (strcmp(canonical, clear[i]) == 0 || is_code(code, clear[i]))
            return class;
    }
    return TROUBLE_UNKNOWN;
}

static enum trouble class_of_operation(const struct json *operation, const char *text)
{
    const struct json *condition = first_condition(operation);
    const struct json *error = llmd__json_member(operation, "error");
    const char *texts[] = {llmd__json_str(llmd__google_error_info(error), "reason"), text,
                           llmd__json_str(condition, "code"), llmd__json_str(condition, "message")};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        enum trouble class = llmd__trouble_of(texts[i]);

        if (class != TROUBLE_UNKNOWN)
            return class;
    }
    return class_of_code(llmd__json_int(error, "code", 0),
                         llmd__json_str(condition, "canonicalCode"));
}

llmd_error *llmd__google_operation_error(const struct json *operation, const char *what,
                                         enum trouble *class)
{
    const char *text = llmd__json_str(operation, "error.message");
    const struct json *condition = first_condition(operation);
    enum trouble found;

    /* statusMessage is deprecated and still the only place of some failures (P111). */
    if (!*text)
        text = llmd__json_str(operation, "statusMessage");
    if (!*text)
        text = llmd__json_str(condition, "message");
    if (!*text)
        text = llmd__json_str(condition, "code");
    if (!*text && !llmd__json_get(operation, "error"))
        return NULL;
    found = class_of_operation(operation, text);
    return dress(llmd__error(found == TROUBLE_UNKNOWN ? LLMD_E_FAILED : classes[found].code,
                             "%s: %.2000s", what, *text ? text : "the operation failed"),
                 found, text, llmd__json_member(operation, "error"), class);
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

bool llmd__google_machine_absent(const char *message)
{
    return strstr(message, "Invalid machine type") != NULL;
}

bool llmd__google_location_absent(const char *message)
{
    return strstr(message, "Location \"") && strstr(message, "does not exist");
}
