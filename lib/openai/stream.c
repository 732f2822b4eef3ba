/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream: bytes from net/, deltas from the decoder. Deltas that came in one piece are handed out
 * one by one; the network is only asked when there are none, so a slow reader slows the server and
 * not our memory.
 *
 * Three things may end a wait: the caller's context (the stream lives on), the limit for the first
 * event (it ends), and llmd_stream_free() on another thread (the one inside frees). A context of
 * our own brings them together, as the caller's must not be cancelled by us.
 */
#include "base/clock.h"
#include "base/guard.h"
#include "openai/assembly.h"
#include "openai/call.h"
#include "openai/decoder.h"
#include "openai/refusal.h"
#include "openai/reply.h"

/* After [DONE] the end of the body follows at once; waiting for it keeps the connection usable. A
   server that does not end its body costs this much and its connection. */
#define DRAIN_MS 50

struct llmd_stream {
    struct guard guard;
    char *subject;            /* "endpoint http://h/llm/qwen: chat" */
    struct http_stream *body; /* NULL once it has ended */
    struct decoder decoder;
    struct assembly assembly;
    struct buf bytes;
    llmd_error *error; /* what ended the stream, or NULL */
    int64_t sent_us;
    int64_t end_us;
    int64_t first_event_timeout_ms;
    int64_t first_event_deadline_ms; /* INT64_MAX: none */
};

static llmd_error *read_bytes(llmd_context *ctx, llmd_stream *stream, int64_t deadline_ms,
                              bool *end)
{
    struct context_join wait;
    llmd__buf_reset(&stream->bytes);
    llmd__guard_join(&stream->guard, &wait, ctx, deadline_ms);
    llmd_error *error = llmd__http_stream_read(wait.inner, stream->body, &stream->bytes, end);
    llmd__guard_part(&stream->guard, &wait);
    return error;
}

/* Gives the connection back, or cuts it so that the server stops generating. */
static void close_body(llmd_stream *stream)
{
    llmd__http_stream_free(TAKE(stream->body));
    stream->end_us = llmd__clock_mono_us();
}

static void end(llmd_stream *stream, llmd_error *error)
{
    close_body(stream);
    stream->error = llmd__error_wrap(error, "%s", stream->subject);
}

static void end_after_done(llmd_stream *stream)
{
    int64_t deadline_ms = llmd__clock_mono_ms() + DRAIN_MS;
    bool over = false;
    llmd_error *error = NULL;
    while (!over && !error)
        error = read_bytes(NULL, stream, deadline_ms, &over);
    llmd_error_free(error);
    end(stream, NULL);
}

/* What the caller's context ended comes back as the error of this call; everything else ends the
   stream: the answer's own end, its limits, the connection's faults. */
static llmd_error *after_read(llmd_context *ctx, llmd_stream *stream, llmd_error *error, bool over)
{
    llmd_code code = llmd_error_code(error);
    if (code == LLMD_E_TIMEOUT || code == LLMD_E_CANCELED) {
        llmd_error *callers = llmd__context_check(ctx);
        if (callers || llmd__busy_to_be_freed(&stream->guard.busy)) {
            llmd_error *told = callers ? callers : llmd__error_copy(error);
            llmd_error_free(error);
            return llmd__error_wrap(told, "%s", stream->subject);
        }
        if (llmd__clock_mono_ms() >= stream->first_event_deadline_ms) {
            llmd_error_free(error);
            error = llmd__error(LLMD_E_TIMEOUT, "no event within %lld ms",
                                (long long)stream->first_event_timeout_ms);
        }
    }
    if (!error && over)
        error = llmd__decoder_end(&stream->decoder);
    if (error && llmd__decoder_complete(&stream->decoder)) {
        llmd_error_free(error); /* cut after its end: nothing is missing */
        error = NULL;
        over = true;
    }
    if (error || over)
        end(stream, error);
    return NULL;
}

static llmd_error *read_some(llmd_context *ctx, llmd_stream *stream)
{
    bool over = false;
    llmd_error *error = read_bytes(ctx, stream, stream->first_event_deadline_ms, &over);
    stream->assembly.now_us = llmd__clock_mono_us();
    if (!error && stream->bytes.len)
        error = llmd__decoder_feed(&stream->decoder, stream->bytes.data, stream->bytes.len);
    if (stream->decoder.heard)
        stream->first_event_deadline_ms = INT64_MAX;
    return after_read(ctx, stream, error, over);
}

static llmd_error *next(llmd_context *ctx, llmd_stream *stream, llmd_delta **out)
{
    while (!(*out = llmd__deltas_take(&stream->decoder.deltas))) {
        if (!stream->body)
            return llmd__error_copy(stream->error);
        if (stream->decoder.done)
            end_after_done(stream);
        else
            TRY(read_some(ctx, stream));
    }
    return NULL;
}

static void destroy(llmd_stream *stream)
{
    llmd__http_stream_free(stream->body);
    llmd__decoder_free(&stream->decoder);
    llmd__assembly_free(&stream->assembly);
    llmd__buf_free(&stream->bytes);
    llmd_error_free(stream->error);
    llmd__free(stream->subject);
    llmd__guard_destroy(&stream->guard);
    llmd__free(stream);
}

static llmd_error *enter(llmd_stream *stream)
{
    if (llmd__busy_enter(&stream->guard.busy))
        return NULL;
    return llmd__error_in_use("the stream");
}

/* True: it was freed while we were inside, and is gone now. */
static bool leave(llmd_stream *stream)
{
    if (!llmd__guard_leave(&stream->guard))
        return false;
    destroy(stream);
    return true;
}

llmd_error *llmd_stream_next(llmd_context *ctx, llmd_stream *stream, llmd_delta **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(stream);
    TRY(enter(stream));
    llmd_error *error = next(ctx, stream, out);
    if (!leave(stream))
        return error;
    llmd_delta_free(TAKE(*out));
    return error ? error : llmd__error(LLMD_E_CANCELED, "stream: freed");
}

static llmd_error *reply_so_far(const llmd_stream *stream, llmd_reply **out)
{
    AUTO(json) struct json *tree = NULL;
    struct reply_times times = {
        .sent_us = stream->sent_us,
        .first_us = stream->assembly.first_text_us,
        .end_us = stream->end_us ? stream->end_us : llmd__clock_mono_us(),
    };
    TRY(llmd__assembly_json(&stream->assembly, &tree));
    return llmd__reply_new(tree, NULL, &times, out);
}

llmd_error *llmd_stream_reply(const llmd_stream *stream, llmd_reply **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(stream);
    llmd_stream *entered = (llmd_stream *)(uintptr_t)stream; /* only its guard changes */
    TRY(enter(entered));
    llmd_error *error = reply_so_far(stream, out);
    if (!leave(entered))
        return error;
    llmd_reply_free(TAKE(*out));
    return error ? error : llmd__error(LLMD_E_CANCELED, "stream: freed");
}

void llmd_stream_free(llmd_stream *stream)
{
    if (stream && llmd__guard_free(&stream->guard))
        destroy(stream);
}

static llmd_stream *new_stream(struct call *call, const struct http_reply *reply,
                               struct http_stream *body)
{
    llmd_stream *stream = llmd__calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    llmd__guard_init(&stream->guard);
    stream->assembly = ASSEMBLY_INIT;
    stream->assembly.chat = call->chat;
    stream->decoder.assembly = &stream->assembly;
    stream->subject = TAKE(call->subject);
    stream->body = body;
    stream->sent_us = reply->sent_us ? reply->sent_us : reply->start_us;
    stream->first_event_timeout_ms = call->http.first_byte_timeout_ms;
    stream->first_event_deadline_ms = stream->first_event_timeout_ms > 0
                                          ? stream->sent_us / 1000 + stream->first_event_timeout_ms
                                          : INT64_MAX;
    return stream;
}

llmd_error *llmd_endpoint_stream(llmd_context *ctx, const llmd_endpoint *endpoint,
                                 const llmd_request *request, llmd_stream **out)
{
    AUTO(call) struct call call = {0};
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    AUTO(http_stream) struct http_stream *body = NULL;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(endpoint);
    REQUIRE(request);
    TRY(llmd__call_prepare(ctx, endpoint, request, true, &call));
    TRY(llmd__error_wrap(
        llmd__http_stream_open(ctx, llmd__endpoint_http(endpoint), &call.http, &reply, &body), "%s",
        call.subject));
    if (!body)
        return llmd__refusal(call.subject, &reply);
    *out = new_stream(&call, &reply, body);
    CHECK_MEMORY(*out);
    body = NULL;
    return NULL;
}
