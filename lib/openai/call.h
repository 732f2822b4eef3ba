/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way to an endpoint: the one place where the two become an HTTP request. */
#ifndef LLMD_OPENAI_CALL_H
#define LLMD_OPENAI_CALL_H

#include "openai/endpoint.h"
#include "openai/request.h"

struct call {
    llmd_endpoint *endpoint; /* a reference */
    struct json *tree;       /* until the body is printed */
    char *body;
    char *subject; /* "endpoint http://h/llm/qwen: chat", for errors */
    bool chat;
    struct http_request http;
};

llmd_error *llmd__call_make(const llmd_endpoint *endpoint, const llmd_request *request, bool stream,
                            struct call *out);
bool llmd__call_needs_model(const struct call *call);
/* Puts the endpoint's model in where none is named (it must be known), prints the body and fills
   http. */
llmd_error *llmd__call_finish(struct call *call);
/* Both, asking the server for its model when needed. */
llmd_error *llmd__call_prepare(llmd_context *ctx, const llmd_endpoint *endpoint,
                               const llmd_request *request, bool stream, struct call *out);
void llmd__call_free(struct call *call);

static inline void llmd__auto_call(struct call *call)
{
    llmd__call_free(call);
}

#endif
