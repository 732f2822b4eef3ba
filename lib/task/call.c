/* SPDX-License-Identifier: Apache-2.0 */
#include "task/call.h"

#include "net/retry.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* An object in etcd is at most 1.5 MB, a log line 16 kB; this leaves room for what is odd. */
#define MAX_LINE ((size_t)16 << 20)

static void free_strings(const char *const *strings)
{
    for (const char *const *at = strings; at && *at; at++)
        llmd__free((void *)(uintptr_t)*at);
    llmd__free((void *)(uintptr_t)strings);
}

static void free_const(const char *text)
{
    llmd__free((void *)(uintptr_t)text);
}

static void request_free(struct http_request *request)
{
    free_const(request->method);
    free_const(request->path);
    free_const(request->content_type);
    free_const(request->accept);
    llmd__wipe((void *)(uintptr_t)request->body, request->body_len); /* it may be a Secret */
    free_const(request->body);
    free_strings(request->headers);
    *request = (struct http_request){0};
}

static llmd_error *copy(const char *text, const char **out)
{
    *out = llmd__strdup(text);
    return text && !*out ? NO_MEMORY : NULL;
}

static llmd_error *copy_headers(const char *const *headers, const char *const **out)
{
    size_t count = 0;

    while (headers && headers[count])
        count++;
    if (!count)
        return NULL;
    const char **copies = llmd__calloc(count + 1, sizeof *copies);
    CHECK_MEMORY(copies);
    *out = copies;
    for (size_t i = 0; i < count; i++)
        TRY(copy(headers[i], &copies[i]));
    return NULL;
}

/* out holds nothing but copies, also after an error. */
static llmd_error *request_copy(const struct http_request *request, struct http_request *out)
{
    *out = *request;
    out->method = out->path = out->content_type = out->accept = out->body = NULL;
    out->body_len = 0;
    out->headers = NULL;
    TRY(copy(request->method ? request->method : "GET", &out->method));
    TRY(copy(request->path, &out->path));
    TRY(copy(request->content_type, &out->content_type));
    TRY(copy(request->accept, &out->accept));
    TRY(copy_headers(request->headers, &out->headers));
    if (!request->body)
        return NULL;
    char *body = llmd__malloc(request->body_len + 1);
    CHECK_MEMORY(body);
    memcpy(body, request->body, request->body_len);
    body[request->body_len] = '\0';
    out->body = body;
    out->body_len = request->body_len;
    return NULL;
}

static void forget_answer(struct call *call)
{
    llmd__http_reply_free(&call->reply);
    call->reply = HTTP_REPLY_INIT;
    llmd_error_free(TAKE(call->error));
    llmd__lines_free(&call->lines);
    call->lines = (struct lines){.rest = {.max = MAX_LINE}, .cut = call->cut_lines};
    call->opened = call->told_open = false;
}

void llmd__call_stop(struct call *call)
{
    if (call->transfer)
        llmd__transfer_stop(TAKE(call->transfer));
    forget_answer(call);
    request_free(&call->request);
    llmd__http_put(TAKE(call->http));
    call->state = CALL_IDLE;
    call->tries = 0;
    call->refreshed = call->lost = false;
    call->last[0] = call->last_advice[0] = '\0';
}

llmd_error *llmd__call_begin(struct call *call, struct http *http,
                             const struct http_request *request, bool streaming)
{
    struct http_request fresh;

    llmd_error *error = request_copy(request, &fresh);
    if (error) {
        request_free(&fresh);
        return error;
    }
    llmd__http_get(http);
    llmd__call_stop(call);
    call->http = http;
    call->request = fresh;
    call->streaming = streaming;
    call->state = CALL_DUE;
    call->due_ms = 0;
    return NULL;
}

static void on_open(void *data, const struct http_reply *reply)
{
    struct call *call = data;

    call->opened = true;
    call->reply.status = reply->status;
    memcpy(call->reply.content_type, reply->content_type, sizeof reply->content_type);
}

static llmd_error *on_data(void *data, const char *bytes, size_t len)
{
    struct call *call = data;

    llmd__lines_add(&call->lines, bytes, len);
    llmd_error *error = llmd__lines_check(&call->lines);
    return llmd__error_wrap(error, "%s %s: a line", call->request.method, call->request.path);
}

static void set_answer(struct call *call, llmd_error *error, int class)
{
    call->state = CALL_ANSWERED;
    call->error = error;
    call->class = class;
}

static void on_done(void *data, struct http_reply *reply, llmd_error *error)
{
    struct call *call = data;

    call->transfer = NULL;
    set_answer(call, error, llmd__group_class(call->group));
    if (!reply)
        return;
    llmd__http_reply_free(&call->reply);
    call->reply = *reply;
    reply->body = BUF_INIT;
}

static llmd_error *start(llmd_context *ctx, struct call *call)
{
    struct transfer_events events = {.on_done = on_done, .data = call};

    if (call->streaming) {
        events.on_data = on_data;
        events.on_open = on_open;
    }
    return llmd__group_start(ctx, call->group, call->http, &call->request, &events,
                             &call->transfer);
}

/* An error while the context has ended is the context's, whatever its words: what was begun waits
   for the next call. */
static llmd_error *if_ended(llmd_context *ctx, llmd_error **error)
{
    llmd_error *ended = llmd__context_check(ctx);

    if (ended)
        llmd_error_free(TAKE(*error));
    return ended;
}

llmd_error *llmd__call_send(llmd_context *ctx, struct call *call, struct group *group,
                            int64_t now_ms, bool *sent)
{
    *sent = false;
    if (call->state != CALL_DUE || call->due_ms > now_ms)
        return NULL;
    forget_answer(call);
    call->group = group;
    if (!call->tries)
        call->begun_ms = now_ms;
    llmd_error *error = start(ctx, call);
    if (error)
        TRY(if_ended(ctx, &error));
    if (error)
        set_answer(call, error, RETRY_NEVER);
    else
        call->state = CALL_FLYING;
    call->tries++;
    *sent = true;
    return NULL;
}

static llmd_error *refresh(llmd_context *ctx, struct call *call)
{
    bool changed = false;

    if (call->refreshed || call->error || call->reply.status != 401)
        return NULL;
    llmd_error *error = llmd__http_refresh(ctx, call->http, &changed);
    if (error)
        TRY(if_ended(ctx, &error));
    call->refreshed = true;
    call->error = error;
    if (changed) {
        call->state = CALL_DUE;
        call->due_ms = 0;
    }
    return NULL;
}

static void remember(struct call *call)
{
    if (call->error)
        snprintf(call->last, sizeof call->last, "%s", llmd_error_message(call->error));
    else
        snprintf(call->last, sizeof call->last, "status %d", call->reply.status);
    snprintf(call->last_advice, sizeof call->last_advice, "%s", llmd_error_advice(call->error));
}

static void plan_retry(llmd_context *ctx, struct call *call, int64_t now_ms)
{
    bool has_deadline = llmd__context_has_deadline(ctx);
    const struct http_request *request = &call->request;

    if (call->state != CALL_ANSWERED || request->no_retry ||
        !llmd__retry_allowed((enum retry_class)call->class, request->idempotent) ||
        call->tries >= llmd__retry_tries((enum retry_class)call->class,
                                         llmd__http_heard(call->http), has_deadline))
        return;
    remember(call);
    call->lost |= call->class == RETRY_TRANSIENT;
    call->due_ms = now_ms + llmd__retry_delay_ms(call->tries - 1, call->reply.retry_after_ms,
                                                 llmd__http_random());
    call->state = CALL_DUE;
    if (llmd__log_on("task"))
        llmd__log(LLMD_LEVEL_DEBUG, "task", "%s %s: %s: again in %d ms", request->method,
                  request->path ? request->path : "", call->last, (int)(call->due_ms - now_ms));
}

static void give_text(struct step_input *input, enum input_kind kind, const char *text, size_t len)
{
    input->kind = kind;
    input->text = text;
    input->text_len = len;
}

static bool take_line(struct call *call, struct step_input *input)
{
    size_t len = 0;
    const char *line = llmd__lines_next(&call->lines, &len);

    /* A line without an end counts when the stream ended as it should; a cut one is half a line. */
    if (!line && call->state == CALL_ANSWERED && !call->error)
        line = llmd__lines_last(&call->lines, &len);
    if (line)
        give_text(input, INPUT_LINE, line, len);
    return line != NULL;
}

static bool take_stream(struct call *call, struct step_input *input)
{
    input->status = call->reply.status;
    input->reply = &call->reply;
    if (!call->told_open) {
        call->told_open = true;
        give_text(input, INPUT_OPEN, "", 0);
        return true;
    }
    if (take_line(call, input))
        return true;
    if (call->state != CALL_ANSWERED)
        return false;
    call->state = CALL_IDLE;
    give_text(input, INPUT_END, "", 0);
    input->error = call->error;
    return true;
}

llmd_error *llmd__call_take(llmd_context *ctx, struct call *call, int64_t now_ms,
                            struct step_input *input, bool *given)
{
    *given = false;
    if (call->opened) {
        *given = take_stream(call, input);
        return NULL;
    }
    if (call->state != CALL_ANSWERED)
        return NULL;
    TRY(refresh(ctx, call));
    plan_retry(ctx, call, now_ms);
    if (call->state != CALL_ANSWERED)
        return NULL;
    call->state = CALL_IDLE;
    *given = true;
    if (call->tries > 1)
        call->error = llmd__error_wrap(call->error, "tried %d times in %d ms", call->tries,
                                       (int)(now_ms - call->begun_ms));
    input->error = call->error;
    input->lost = call->lost || call->reply.repeated;
    input->status = call->reply.status;
    input->reply = call->error ? NULL : &call->reply;
    give_text(input, call->error ? INPUT_ERROR : INPUT_REPLY, llmd__buf_text(&call->reply.body),
              call->reply.body.len);
    return NULL;
}

int64_t llmd__call_due_ms(const struct call *call)
{
    return call->state == CALL_DUE ? call->due_ms : INT64_MAX;
}
