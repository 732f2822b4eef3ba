/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server explains refusals in a Status object. Its words are kept; what they do not say is
 * added: who owns a conflicting field, which right is missing, what to do next.
 */
#include "kube/status.h"

#include "net/http.h"

#include <string.h>

#define MESSAGE_MAX 2048 /* admission webhooks may answer with pages */
#define CAUSES_MAX 12

static const struct {
    int status;
    llmd_code code;
    const char *phrase;
    bool retryable;
} statuses[] = {
    {400, LLMD_E_INVALID, "Bad Request", false},
    {401, LLMD_E_DENIED, "Unauthorized", false},
    {403, LLMD_E_DENIED, "Forbidden", false},
    {404, LLMD_E_NOT_FOUND, "Not Found", false},
    {405, LLMD_E_INVALID, "Method Not Allowed", false},
    {406, LLMD_E_PROTOCOL, "Not Acceptable", false},
    {409, LLMD_E_CONFLICT, "Conflict", false},
    {410, LLMD_E_CONFLICT, "Gone", false},
    {413, LLMD_E_TOO_LARGE, "Content Too Large", false},
    {415, LLMD_E_PROTOCOL, "Unsupported Media Type", false},
    {422, LLMD_E_INVALID, "Unprocessable Entity", false},
    {429, LLMD_E_BUSY, "Too Many Requests", true},
    {500, LLMD_E_REMOTE, "Internal Server Error", true},
    {502, LLMD_E_REMOTE, "Bad Gateway", true},
    {503, LLMD_E_REMOTE, "Service Unavailable", true},
    {504, LLMD_E_REMOTE, "Gateway Timeout", true},
};

struct verdict {
    llmd_code code;
    const char *phrase;
    bool retryable;
};

static struct verdict verdict_of(int http_status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == http_status)
            return (struct verdict){statuses[i].code, statuses[i].phrase, statuses[i].retryable};
    }
    if (http_status >= 500)
        return (struct verdict){LLMD_E_REMOTE, "", false};
    return (struct verdict){http_status >= 400 ? LLMD_E_INVALID : LLMD_E_PROTOCOL, "", false};
}

/* One line, at most MESSAGE_MAX bytes, never cut inside a UTF-8 character. */
static void add_line(struct buf *buf, const char *text)
{
    size_t len = strnlen(text, MESSAGE_MAX + 1);
    bool cut = len > MESSAGE_MAX;
    bool space = true;

    len = cut ? MESSAGE_MAX : len;
    while (cut && len && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++) {
        bool white = (unsigned char)text[i] <= ' ' || text[i] == 0x7F;
        if (!white)
            llmd__buf_char(buf, text[i]);
        else if (!space)
            llmd__buf_char(buf, ' ');
        space = white;
    }
    if (cut)
        llmd__buf_str(buf, "...");
}

/* The manager in a cause's message: conflict with "kubectl-edit" using apps/v1 */
static const char *cause_manager(const struct json *cause, size_t *len)
{
    const char *message = llmd__json_str(cause, "message");
    const char *begin = strchr(message, '"');
    const char *end = begin ? strchr(begin + 1, '"') : NULL;

    *len = end ? (size_t)(end - begin) - 1 : strlen(message);
    return end ? begin + 1 : message;
}

static bool is_field_conflict(const struct json *cause)
{
    return strcmp(llmd__json_str(cause, "reason"), "FieldManagerConflict") == 0;
}

/* "kubectl" owns .spec.replicas, .spec.paused; "helm" owns .metadata.labels.app */
static bool add_field_conflicts(struct buf *buf, const struct json *causes)
{
    const char *last = NULL;
    size_t last_len = 0;
    int count = 0;

    JSON_EACH(cause, causes) {
        size_t len;
        const char *manager = cause_manager(cause, &len);
        if (!is_field_conflict(cause) || ++count > CAUSES_MAX)
            continue;
        if (last && len == last_len && memcmp(last, manager, len) == 0)
            llmd__buf_format(buf, ", %s", llmd__json_str(cause, "field"));
        else
            llmd__buf_format(buf, "%s\"%.*s\" owns %s", last ? "; " : "", (int)len, manager,
                             llmd__json_str(cause, "field"));
        last = manager;
        last_len = len;
    }
    if (count > CAUSES_MAX)
        llmd__buf_format(buf, " and %d more", count - CAUSES_MAX);
    return count > 0;
}

/* The server's message usually holds the causes already; those that it leaves out are added. */
static void add_causes(struct buf *buf, const char *message, const struct json *causes)
{
    int count = 0;

    JSON_EACH(cause, causes) {
        const char *text = llmd__json_str(cause, "message");
        const char *field = llmd__json_str(cause, "field");
        if (!*text || strstr(message, text) || ++count > CAUSES_MAX)
            continue;
        llmd__buf_str(buf, "; ");
        if (*field)
            llmd__buf_format(buf, "%s: ", field);
        add_line(buf, text);
    }
}

static void add_message(struct buf *buf, const struct json *status)
{
    const struct json *causes = llmd__json_get(status, "details.causes");
    const char *message = llmd__json_str(status, "message");

    if (add_field_conflicts(buf, causes))
        return;
    add_line(buf, *message ? message : llmd__json_str(status, "reason"));
    add_causes(buf, message, causes);
}

/* The text between two marks of the server's sentence, cut out into buf. */
static bool add_between(struct buf *buf, const char *text, const char *before, const char *after)
{
    const char *begin = strstr(text, before);
    const char *end;

    if (!begin)
        return false;
    begin += strlen(before);
    end = strstr(begin, after);
    if (!end)
        return false;
    llmd__buf_add(buf, begin, (size_t)(end - begin));
    return true;
}

/* User "x" cannot create resource "deployments" in API group "apps" in the namespace "llm" */
static llmd_error *advise_rights(llmd_error *error, const char *message)
{
    AUTO(buf) struct buf advice = BUF_INIT;

    llmd__buf_str(&advice, "let an administrator allow \"");
    if (!add_between(&advice, message, "cannot ", " resource"))
        return llmd__error_set_advice(error,
                                      "an admission rule of the cluster refuses this: change the "
                                      "object or ask who set the rule");
    llmd__buf_str(&advice, "\" on \"");
    add_between(&advice, message, "resource \"", "\"");
    llmd__buf_str(&advice, "\" in API group \"");
    add_between(&advice, message, "API group \"", "\"");
    llmd__buf_str(&advice, "\" to \"");
    add_between(&advice, message, "User \"", "\"");
    llmd__buf_str(&advice, "\" (a Role and a RoleBinding), or use another kubeconfig context");
    return llmd__error_set_advice(error, "%s", llmd__buf_text(&advice));
}

static const struct {
    const char *words; /* in the server's message */
    const char *advice;
} known_refusals[] = {
    {"\"kube-addon-manager\"",
     "GKE looks after this object and would undo the change: leave it out "
     "of what you apply, and use what is there"},
    {"All Gateway API CRDs", "GKE brings Gateway API itself: leave the CRDs of "
                             "gateway.networking.k8s.io out of what you apply"},
    {"attempting to grant RBAC permissions",
     "nobody may grant rights that he does not have: let an administrator bind "
     "cluster-admin to the one who applies this"},
    {"exceeded quota", "free something in the namespace or raise its ResourceQuota"},
    {"is being terminated", "wait until the namespace is gone, then apply again"},
    {"x509:", "the webhook's certificate is not trusted yet: wait until its caBundle is set "
              "(cert-manager's cainjector does it), then apply again"},
    {"failed calling webhook", "the webhook's pods must be running before objects that it checks "
                               "can be written: wait for its Deployment, then apply again"},
    {"conversion webhook", "the CRD's conversion webhook must be running before its objects can "
                           "be read or written: wait for its Deployment, then try again"},
    {"no endpoints available", "no ready pod stands behind the service: look at its pods"},
    {"field not declared in schema", "this version of the kind has no such field: correct the "
                                     "manifest or install the CRD that has it"},
    {"unknown field", "this version of the kind has no such field: correct the manifest or "
                      "install the CRD that has it"},
};

static const char *known_advice(const char *message)
{
    for (size_t i = 0; i < sizeof(known_refusals) / sizeof(known_refusals[0]); i++) {
        if (strstr(message, known_refusals[i].words))
            return known_refusals[i].advice;
    }
    return NULL;
}

static const char *advice_by_status(int http_status, const struct json *status)
{
    bool named = *llmd__json_str(status, "details.name") != '\0';

    if (http_status == 401)
        return "the credentials were not accepted: log in again, or check the user of the "
               "kubeconfig's context";
    if (http_status == 404 && strcmp(llmd__json_str(status, "details.kind"), "namespaces") == 0)
        return "create the namespace first";
    if (http_status == 404 && !named)
        return "the server does not serve this: install the CRD, or check the API version";
    if (http_status == 409 && is_field_conflict(llmd__json_get(status, "details.causes[0]")))
        return LLMD__CONFLICT_ADVICE;
    if (http_status == 410)
        return "what was being read is too old for the server: begin again";
    if (http_status == 429)
        return "the server is busy: try again later";
    return NULL;
}

static llmd_error *set_advice(llmd_error *error, int http_status, const struct json *status)
{
    const char *message = llmd__json_str(status, "message");
    const char *advice = known_advice(message);

    if (!advice)
        advice = advice_by_status(http_status, status);
    if (advice)
        return llmd__error_set_advice(error, "%s", advice);
    return http_status == 403 ? advise_rights(error, message) : error;
}

static llmd_error *error_from_status(int http_status, const struct json *status, const char *what)
{
    AUTO(buf) struct buf message = BUF_INIT;
    struct verdict verdict = verdict_of(http_status);
    const char *reason = llmd__json_str(status, "reason");
    int64_t seconds = llmd__json_int(status, "details.retryAfterSeconds", 0);
    int64_t retry_after_ms = seconds > 0 && seconds < INT32_MAX ? seconds * 1000 : 0;
    llmd_error *error;

    if (strcmp(reason, "AlreadyExists") == 0)
        verdict.code = LLMD_E_EXISTS;
    add_message(&message, status);
    TRY(llmd__buf_check(&message));
    error = llmd__error(verdict.code, "%s: %d %s%s%s", what, http_status, verdict.phrase,
                        message.len ? ": " : "", llmd__buf_text(&message));
    error = llmd__error_set_reason(error, reason);
    error = llmd__error_set_http_status(error, http_status);
    error = llmd__error_set_retry(error, verdict.retryable, retry_after_ms);
    return set_advice(error, http_status, status);
}

llmd_error *llmd__status_error(int http_status, const char *body, const char *what)
{
    AUTO(json) struct json *status = NULL;
    AUTO(error) llmd_error *unreadable = NULL;

    body = body ? body : "";
    if (*body == '{') /* proxies and load balancers answer in HTML */
        unreadable = llmd__json_parse(body, strlen(body), "status", &status);
    if (llmd_error_code(unreadable) == LLMD_E_NO_MEMORY)
        return NO_MEMORY;
    if (status && strcmp(llmd__json_str(status, "kind"), "Status") == 0)
        return error_from_status(http_status, status, what);
    return llmd__error_wrap(llmd__http_status_error(http_status, body), "%s", what);
}

/* A webhook refuses because it starts, in the API server's words: */
static const char *const webhook_starts[] = {
    "connection refused",
    "no endpoints available",
    "x509:",
    "no route to host",
    "i/o timeout",
    "context deadline exceeded",
    "connection reset",
    "EOF",
    "service unavailable",
    "no service port",
    "not found",
    "the server is currently unable",
};

static bool webhook_is_starting(const char *body)
{
    if (!strstr(body, "failed calling webhook") && !strstr(body, "conversion webhook for"))
        return false;
    for (size_t i = 0; i < sizeof(webhook_starts) / sizeof(webhook_starts[0]); i++) {
        if (strstr(body, webhook_starts[i]))
            return true;
    }
    return false;
}

enum status_passing llmd__status_passing(int http_status, const char *body)
{
    if (http_status >= 500 && webhook_is_starting(body))
        return PASSING_WEBHOOK;
    if (http_status >= 500 && strstr(body, "etcdserver:"))
        return PASSING_STORE;
    if (http_status == 403 && strstr(body, "error looking up service account"))
        return PASSING_ACCOUNT;
    if (http_status == 409 && strstr(body, "the object has been modified"))
        return PASSING_CHANGED;
    return PASSING_NO;
}
