/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and error bodies, in the shape of Google's frontends. */
#include "sandbox/google/call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* "*" is one segment without a verb, "*:verb" one with it. */
static bool segment_matches(const char *segment, const char *pattern, size_t len)
{
    if (pattern[0] != '*')
        return strlen(segment) == len && memcmp(segment, pattern, len) == 0;
    const char *colon = strrchr(segment, ':');
    if (len == 1)
        return !colon;
    return colon && colon != segment && strlen(colon) == len - 1 &&
           memcmp(colon, pattern + 1, len - 1) == 0;
}

bool api_matches(const struct api_call *call, const char *method, const char *pattern)
{
    int at = 0;
    if (strcmp(call->method, method) != 0)
        return false;
    for (const char *part = pattern; *part; at++) {
        size_t len = strcspn(part, "/");
        if (at >= call->count || !segment_matches(call->segments[at], part, len))
            return false;
        part += len + (part[len] == '/');
    }
    return at == call->count;
}

struct json *api_dispatch(struct api_call *call, const struct api_route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (api_matches(call, routes[i].method, routes[i].pattern))
            return routes[i].handler(call);
    call->status = 404;
    /* The frontends answer unknown paths with a page. */
    call->html = llmd__format("<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1"
                              "</title>\n<p>The requested URL <code>%s</code> was not found on "
                              "this server.\n</html>\n",
                              call->request->path);
    return NULL;
}

const char *api_segment(struct api_call *call, int index)
{
    if (index >= call->count)
        return "";
    char *colon = strrchr(call->segments[index], ':');
    if (colon)
        *colon = '\0';
    return call->segments[index];
}

char *api_query(const struct api_call *call, const char *name)
{
    return request_query(call->request, name);
}

static const char *old_reason(const char *canonical)
{
    static const char *const reasons[][2] = {
        {"INVALID_ARGUMENT", "badRequest"},
        {"NOT_FOUND", "notFound"},
        {"ALREADY_EXISTS", "alreadyExists"},
        {"PERMISSION_DENIED", "forbidden"},
        {"UNAUTHENTICATED", "authError"},
        {"RESOURCE_EXHAUSTED", "rateLimitExceeded"},
        {"FAILED_PRECONDITION", "failedPrecondition"},
        {"UNAVAILABLE", "backendError"},
        {"ABORTED", "aborted"},
        {"INTERNAL", "backendError"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strcmp(reasons[i][0], canonical) == 0)
            return reasons[i][1];
    return "backendError";
}

static bool is_compute(const struct api_call *call)
{
    return strcmp(call->host, "compute.googleapis.com") == 0;
}

static struct json *error_body(struct api_call *call, int status, const char *canonical,
                               const char *reason, const char *message)
{
    struct json *error =
        MAKE("{'error':{'code':%d,'message':%s,'errors':[{'message':%s,'domain':'global',"
             "'reason':%s}],'status':%s}}",
             status, message, message, reason ? reason : old_reason(canonical),
             is_compute(call) ? NULL : canonical);
    call->status = status;
    if (is_compute(call))
        return error;
    AUTO(str)
    char *id = llmd__format("0x%" PRIx64, google_random(call->google));
    llmd__json_set(
        llmd__json_edit(error, "error"), "details",
        MAKE("[{'@type':'type.googleapis.com/google.rpc.RequestInfo','requestId':%s}]", id));
    return error;
}

struct json *api_error(struct api_call *call, int status, const char *canonical, const char *reason,
                       const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    va_list args;
    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    return error_body(call, status, canonical, reason, llmd__buf_text(&message));
}

struct json *api_invalid(struct api_call *call, const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    va_list args;
    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    return error_body(call, 400, "INVALID_ARGUMENT", is_compute(call) ? "invalid" : NULL,
                      llmd__buf_text(&message));
}

struct json *api_not_found(struct api_call *call, const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    va_list args;
    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    return error_body(call, 404, "NOT_FOUND", NULL, llmd__buf_text(&message));
}

struct json *api_info(struct json *error, const char *reason, const char *domain,
                      struct json *metadata)
{
    struct json *body = llmd__json_edit(error, "error");
    struct json *details = llmd__json_edit(body, "details");
    if (!details)
        details = llmd__json_set_array(body, "details");
    llmd__json_add(details, MAKE("{'@type':'type.googleapis.com/google.rpc.ErrorInfo','reason':%s,"
                                 "'domain':%s,'metadata':%j}",
                                 reason, domain, metadata));
    llmd__json_free(metadata);
    return error;
}
