/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that wait for their whole answer. net/ repeats them where no byte can have been acted on,
 * or where the server asked to come later; generating is not idempotent, so nothing else is
 * repeated.
 */
#include "openai/answer.h"
#include "openai/call.h"
#include "openai/refusal.h"
#include "openai/reply.h"

#include <string.h>

static llmd_error *read_reply(const struct http_reply *http, llmd_reply **out)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(json) struct json *tree = NULL;
    struct reply_times times = {
        .sent_us = http->sent_us ? http->sent_us : http->start_us,
        .first_us = http->first_byte_us,
        .end_us = http->end_us,
    };
    TRY(llmd__answer_parse(llmd__buf_text(&http->body), http->body.len, "the answer", &tree,
                           &text));
    return llmd__reply_new(tree, text.data, &times, out);
}

llmd_error *llmd_endpoint_send(llmd_context *ctx, const llmd_endpoint *endpoint,
                               const llmd_request *request, llmd_reply **out)
{
    AUTO(call) struct call call = {0};
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(endpoint);
    REQUIRE(request);
    TRY(llmd__call_prepare(ctx, endpoint, request, false, &call));
    TRY(llmd__error_wrap(llmd__http_send(ctx, llmd__endpoint_http(endpoint), &call.http, &reply),
                         "%s", call.subject));
    if (reply.status / 100 != 2)
        return llmd__refusal(call.subject, &reply);
    return llmd__error_wrap(read_reply(&reply, out), "%s", call.subject);
}

/* A path is ours to append: one that leaves the base URL or breaks the request line is refused. */
static llmd_error *check_path(const char *path)
{
    if (*path != '/' || strstr(path, "/../"))
        return llmd__error(LLMD_E_INVALID,
                           "path \"%s\" must begin with / and stay below the base "
                           "URL",
                           path);
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7F || *at == '#')
            return llmd__error(LLMD_E_INVALID, "path \"%s\" must be escaped", path);
    return NULL;
}

llmd_error *llmd_endpoint_post(llmd_context *ctx, const llmd_endpoint *endpoint, const char *path,
                               const char *json, char **out)
{
    AUTO(json) struct json *checked = NULL;
    AUTO(str) char *subject = NULL;
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(endpoint);
    REQUIRE(path);
    REQUIRE(json);
    TRY(check_path(path));
    TRY(llmd__json_parse(json, strlen(json), "body", &checked));
    subject = llmd__format("endpoint %s: POST %s", llmd_endpoint_url(endpoint), path);
    CHECK_MEMORY(subject);
    struct http_request request = {
        .method = "POST",
        .path = path,
        .content_type = "application/json",
        .body = json,
        .body_len = strlen(json),
        .first_byte_timeout_ms = llmd__endpoint_first_event_timeout_ms(endpoint),
        .idle_timeout_ms = llmd__endpoint_idle_timeout_ms(endpoint),
    };
    TRY(llmd__error_wrap(llmd__http_send(ctx, llmd__endpoint_http(endpoint), &request, &reply),
                         "%s", subject));
    if (reply.status / 100 != 2)
        return llmd__refusal(subject, &reply);
    return llmd__buf_take(&reply.body, out);
}
