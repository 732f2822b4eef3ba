/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From (endpoint, request) to an HTTP request, in two steps: making checks what the caller asked
 * and can be done on any thread without waiting; finishing needs the model's name, which a mux may
 * have to ask for first.
 */
#include "openai/call.h"

#include <string.h>

static const char *path_of(llmd_request_kind kind)
{
    return kind == LLMD_REQUEST_CHAT ? "/v1/chat/completions" : "/v1/completions";
}

static const char *name_of(llmd_request_kind kind)
{
    return kind == LLMD_REQUEST_CHAT ? "chat" : "completion";
}

static llmd_error *fill(struct call *call, const llmd_request *request, bool stream)
{
    llmd_request_kind kind = llmd__request_kind(request);
    TRY(llmd__request_body(request, stream, &call->tree));
    call->subject =
        llmd__format("endpoint %s: %s", llmd_endpoint_url(call->endpoint), name_of(kind));
    CHECK_MEMORY(call->subject);
    call->chat = kind == LLMD_REQUEST_CHAT;
    call->http = (struct http_request){
        .method = "POST",
        .path = path_of(kind),
        .content_type = "application/json",
        .accept = stream ? "text/event-stream, application/json" : NULL,
        .first_byte_timeout_ms = llmd__endpoint_first_event_timeout_ms(call->endpoint),
        .idle_timeout_ms = llmd__endpoint_idle_timeout_ms(call->endpoint),
    };
    return NULL;
}

llmd_error *llmd__call_make(const llmd_endpoint *endpoint, const llmd_request *request, bool stream,
                            struct call *out)
{
    *out = (struct call){.endpoint = llmd__endpoint_get(endpoint)};
    llmd_error *error = fill(out, request, stream);
    if (error)
        llmd__call_free(out);
    return error;
}

bool llmd__call_needs_model(const struct call *call)
{
    return call->tree && !llmd__json_member(call->tree, "model");
}

llmd_error *llmd__call_finish(struct call *call)
{
    AUTO(str) char *model = NULL;
    if (llmd__call_needs_model(call)) {
        TRY(llmd__endpoint_known_model(call->endpoint, &model));
        llmd__json_set_str(call->tree, "model", model);
    }
    TRY(llmd__json_print(call->tree, &call->body));
    llmd__json_free(TAKE(call->tree));
    call->http.body = call->body;
    call->http.body_len = strlen(call->body);
    return NULL;
}

llmd_error *llmd__call_prepare(llmd_context *ctx, const llmd_endpoint *endpoint,
                               const llmd_request *request, bool stream, struct call *out)
{
    AUTO(str) char *model = NULL;
    TRY(llmd__call_make(endpoint, request, stream, out));
    llmd_error *error = NULL;
    if (llmd__call_needs_model(out))
        error = llmd_endpoint_model(ctx, endpoint, &model);
    if (!error)
        error = llmd__call_finish(out);
    if (error)
        llmd__call_free(out);
    return error;
}

void llmd__call_free(struct call *call)
{
    llmd_endpoint_free(call->endpoint);
    llmd__json_free(call->tree);
    llmd__free(call->body);
    llmd__free(call->subject);
    *call = (struct call){0};
}
