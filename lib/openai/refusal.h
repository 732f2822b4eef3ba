/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server says when it refuses, as an error. Seven shapes are in use: OpenAI's and vLLM's
 * {"error":{...}}, vLLM's {"error":"text"}, the flat object of older vLLM, FastAPI's {"detail"},
 * plain text of an endpoint picker or a proxy, an HTML page, nothing at all. Pure.
 */
#ifndef LLMD_OPENAI_REFUSAL_H
#define LLMD_OPENAI_REFUSAL_H

#include "base/json.h"
#include "net/http.h"

/* Never NULL for a status outside 2xx. subject: "endpoint http://10.0.0.1/llm/qwen: chat". */
llmd_error *llmd__refusal(const char *subject, const struct http_reply *reply);
/* Whether an event of a stream is a refusal: an error that came after HTTP 200. */
bool llmd__refusal_is(const struct json *event);
/* That error, without a subject. */
llmd_error *llmd__refusal_event(const struct json *event);

#endif
