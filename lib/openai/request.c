/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is a JSON body from the beginning: setters and a parsed body meet in the same tree, and
 * members that we do not know travel along. vLLM ignores misspelt members, so what can be checked
 * here is checked before anything is sent.
 */
#include "openai/request.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

struct llmd_request {
    llmd_request_kind kind;
    struct json *body;
    struct json *overlay;
    llmd_error *error; /* the first bad value, told by the call that uses the request */
};

/* Stands for every request that there was no memory for. */
static llmd_request no_memory_request;

llmd_request *llmd_request_new(llmd_request_kind kind)
{
    llmd_request *request = llmd__calloc(1, sizeof *request);
    if (!request)
        return &no_memory_request;
    request->kind = kind;
    request->body = llmd__json_object();
    if (!request->body)
        request->error = NO_MEMORY;
    else if (kind != LLMD_REQUEST_CHAT && kind != LLMD_REQUEST_COMPLETION)
        request->error = llmd__error(LLMD_E_INVALID, "request: unknown kind %d", (int)kind);
    return request;
}

void llmd_request_free(llmd_request *request)
{
    if (!request || request == &no_memory_request)
        return;
    llmd__json_free(request->body);
    llmd__json_free(request->overlay);
    llmd_error_free(request->error);
    llmd__free(request);
}

/* Whether a setter may write. */
static bool writable(llmd_request *request)
{
    return request && request != &no_memory_request && !request->error;
}

/* As above for a text. NULL is the caller's mistake; what is not UTF-8 is no JSON, and servers
   answer it with anything from a 400 to a dropped connection. Both are told later. */
static bool takes(llmd_request *request, const char *text, const char *what)
{
    if (!writable(request))
        return false;
    if (!text)
        request->error = llmd__error(LLMD_E_INVALID, "request: the %s is NULL", what);
    else if (!llmd__utf8_valid(text, strlen(text)))
        request->error = llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "request: the %s is not UTF-8", what),
            "convert the text to UTF-8 first");
    return !request->error;
}

static void keep(llmd_request *request, llmd_error *error)
{
    if (request->error)
        llmd_error_free(error);
    else
        request->error = error;
}

static void need(llmd_request *request, const void *added)
{
    if (!added)
        keep(request, NO_MEMORY);
}

void llmd_request_add_message(llmd_request *request, const char *role, const char *content)
{
    if (!takes(request, role, "role") || !takes(request, content, "content"))
        return;
    if (request->kind != LLMD_REQUEST_CHAT || !*role) {
        keep(request, llmd__error(LLMD_E_INVALID, *role ? "request: a completion has no messages"
                                                        : "request: a message has no role"));
        return;
    }
    struct json *messages = llmd__json_edit(request->body, "messages");
    if (!messages)
        messages = llmd__json_set_array(request->body, "messages");
    struct json *message = llmd__json_add_object(messages);
    llmd__json_set_str(message, "role", role);
    need(request, llmd__json_set_str(message, "content", content));
}

void llmd_request_set_prompt(llmd_request *request, const char *prompt)
{
    if (!takes(request, prompt, "prompt"))
        return;
    if (request->kind == LLMD_REQUEST_COMPLETION)
        need(request, llmd__json_set_str(request->body, "prompt", prompt));
    else
        keep(request, llmd__error(LLMD_E_INVALID, "request: a chat has messages, no prompt"));
}

void llmd_request_set_model(llmd_request *request, const char *model)
{
    if (!takes(request, model, "model"))
        return;
    if (*model)
        need(request, llmd__json_set_str(request->body, "model", model));
    else
        llmd__json_remove(request->body, "model");
}

void llmd_request_set_max_tokens(llmd_request *request, int64_t max_tokens)
{
    if (!writable(request))
        return;
    /* Not max_completion_tokens: every server knows max_tokens, only newer ones the other. */
    if (max_tokens > 0)
        need(request, llmd__json_set_int(request->body, "max_tokens", max_tokens));
    else
        keep(request, llmd__error(LLMD_E_INVALID, "request: max_tokens is %lld, must be at least 1",
                                  (long long)max_tokens));
}

void llmd_request_set_temperature(llmd_request *request, double temperature)
{
    if (!writable(request))
        return;
    if (isfinite(temperature) && temperature >= 0)
        need(request, llmd__json_set_double(request->body, "temperature", temperature));
    else
        keep(request, llmd__error(LLMD_E_INVALID, "request: temperature is %g, must be 0 or more",
                                  temperature));
}

void llmd_request_set_overlay(llmd_request *request, const char *json)
{
    AUTO(json) struct json *overlay = NULL;
    if (!takes(request, json, "overlay"))
        return;
    llmd_error *error = llmd__json_parse(json, strlen(json), "request overlay", &overlay);
    if (!error && llmd__json_type(overlay) != JSON_OBJECT)
        error = llmd__error(LLMD_E_INVALID, "request overlay: want an object, got %s",
                            llmd__json_type_name(llmd__json_type(overlay)));
    if (error) {
        keep(request, error);
        return;
    }
    llmd__json_free(request->overlay);
    request->overlay = TAKE(overlay);
}

/* The kind follows from the body, so a body with both or neither is none. */
static llmd_error *kind_of(const struct json *body, llmd_request_kind *kind)
{
    if (llmd__json_type(body) != JSON_OBJECT)
        return llmd__error(LLMD_E_INVALID, "request: want an object, got %s",
                           llmd__json_type_name(llmd__json_type(body)));
    bool chat = llmd__json_member(body, "messages") != NULL;
    bool completion = llmd__json_member(body, "prompt") != NULL;
    if (chat == completion)
        return llmd__error(LLMD_E_INVALID, "request: has %s \"messages\" %s \"prompt\"",
                           chat ? "both" : "neither", chat ? "and" : "nor");
    *kind = chat ? LLMD_REQUEST_CHAT : LLMD_REQUEST_COMPLETION;
    return NULL;
}

llmd_error *llmd_request_parse(const char *json, llmd_request **out)
{
    AUTO(json) struct json *body = NULL;
    llmd_request_kind kind = LLMD_REQUEST_CHAT;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(json);
    TRY(llmd__json_parse(json, strlen(json), "request", &body));
    TRY(kind_of(body, &kind));
    llmd_request *request = llmd__calloc(1, sizeof *request);
    CHECK_MEMORY(request);
    request->kind = kind;
    request->body = TAKE(body);
    *out = request;
    return NULL;
}

llmd_request_kind llmd__request_kind(const llmd_request *request)
{
    return request->kind;
}

/* What asks for a stream is ours to decide: the caller's choice of function did. The overlay has
   the last word on everything else, so the usage option is set before it and can be removed. */
static llmd_error *ask_for_usage(struct json *body)
{
    struct json *options = llmd__json_edit(body, "stream_options");
    if (!options)
        options = llmd__json_set_object(body, "stream_options");
    if (!llmd__json_member(options, "include_usage"))
        llmd__json_set_bool(options, "include_usage", true);
    return llmd__json_check(body);
}

/* A text where a message is wanted is the commonest slip, and servers tell it in pages of their
   validator's output. */
static llmd_error *check_messages(const struct json *messages)
{
    size_t index = 0;
    JSON_EACH(message, messages) {
        enum json_type type = llmd__json_type(message);
        if (type != JSON_OBJECT || !*llmd__json_str(message, "role"))
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID,
                            "request: messages[%zu]: want an object with a role, %s%s", index,
                            type == JSON_OBJECT ? "there is none" : "got ",
                            type == JSON_OBJECT ? "" : llmd__json_type_name(type)),
                "write {\"role\": \"user\", \"content\": \"...\"}");
        index++;
    }
    return NULL;
}

static llmd_error *check_asked(const llmd_request *request, const struct json *body)
{
    const struct json *messages = llmd__json_member(body, "messages");

    TRY(llmd__json_check(body)); /* a body cut short by memory would be told as the caller's */
    if (request->kind == LLMD_REQUEST_COMPLETION && !llmd__json_member(body, "prompt"))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "request: the completion has no prompt"), "set the prompt");
    if (request->kind == LLMD_REQUEST_CHAT && !llmd__json_count(messages))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "request: the chat has no messages"),
            "add at least one message, such as role \"user\" with the question");
    return request->kind == LLMD_REQUEST_CHAT ? check_messages(messages) : NULL;
}

static llmd_error *usable(const llmd_request *request)
{
    if (request == &no_memory_request)
        return NO_MEMORY;
    return llmd__error_copy(request->error);
}

static llmd_error *merged_body(const llmd_request *request, bool stream, struct json **out)
{
    AUTO(json) struct json *body = NULL;
    *out = NULL;
    TRY(usable(request));
    TRY(llmd__json_copy(request->body, &body));
    if (stream)
        TRY(ask_for_usage(body));
    if (request->overlay)
        TRY(llmd__json_merge(&body, request->overlay));
    *out = TAKE(body);
    return NULL;
}

llmd_error *llmd__request_body(const llmd_request *request, bool stream, struct json **out)
{
    AUTO(json) struct json *body = NULL;
    *out = NULL;
    TRY(merged_body(request, stream, &body));
    TRY(check_asked(request, body));
    llmd__json_remove(body, "stream");
    if (stream)
        llmd__json_set_bool(body, "stream", true);
    else
        llmd__json_remove(body, "stream_options"); /* refused by vLLM without "stream" */
    TRY(llmd__json_check(body));
    *out = TAKE(body);
    return NULL;
}

llmd_error *llmd_request_json(const llmd_request *request, char **out)
{
    AUTO(json) struct json *body = NULL;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(request);
    TRY(merged_body(request, false, &body));
    return llmd__json_print(body, out);
}
