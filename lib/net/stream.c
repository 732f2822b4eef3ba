/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body that is read as it comes. The stream keeps its worker, so nothing is received while the
 * reader is elsewhere: the kernel's buffer, and then the server, wait for it.
 */
#include "net/send.h"

#include "net/fault.h"

#include "base/clock.h"

#include <unistd.h>

struct http_stream {
    struct worker *worker;
    struct exchange *exchange;
    struct buf came;   /* received, not yet read */
    llmd_error *error; /* how it ended, repeated */
    bool attached;
    bool end;
};

static llmd_error *on_data(void *data, const char *bytes, size_t len)
{
    struct http_stream *stream = data;

    llmd__buf_add(&stream->came, bytes, len);
    return stream->came.failed ? NO_MEMORY : NULL;
}

static bool headers_came(const struct exchange *exchange)
{
    return exchange->has_headers && llmd__is_success(exchange->reply.status);
}

static bool data_came(const struct exchange *exchange)
{
    const struct http_stream *stream = exchange->sink.data;

    return stream->came.len > 0;
}

/* In a forked child, which would take what comes away from its parent. */
static bool inherited(const struct http_stream *stream)
{
    return stream->attached && stream->worker->pid != getpid();
}

void llmd__http_stream_free(struct http_stream *stream)
{
    if (!stream)
        return;
    if (inherited(stream))
        stream->exchange->easy = NULL; /* cleaning it would end the parent's transfer */
    else if (stream->attached)
        llmd__worker_detach(stream->worker, stream->exchange);
    if (stream->worker)
        llmd__pool_return(stream->exchange->http, stream->worker);
    llmd__exchange_free(stream->exchange);
    llmd__buf_free(&stream->came);
    llmd_error_free(stream->error);
    llmd__free(stream);
}

/* The transfer is over. *class: whether the opening may be tried again. */
static llmd_error *conclude(struct http_stream *stream, enum retry_class *class)
{
    llmd__worker_detach(stream->worker, stream->exchange);
    stream->attached = false;
    stream->end = true;
    return llmd__exchange_result(stream->exchange, class);
}

static llmd_error *start(struct attempt *attempt, struct http_stream *stream)
{
    const struct exchange_sink sink = {.on_data = on_data, .data = stream};

    TRY(llmd__exchange_open(attempt->ctx, attempt->http, attempt->request, true, &sink,
                            &stream->exchange));
    TRY(llmd__pool_borrow(attempt->http, &stream->worker));
    TRY(llmd__worker_attach(stream->worker, stream->exchange));
    stream->attached = true;
    return NULL;
}

/* The body moves only when there will be no stream: otherwise the exchange goes on with its reply.
 */
static llmd_error *judge(struct attempt *attempt, struct http_stream **stream)
{
    struct exchange *exchange = (*stream)->exchange;

    if (exchange->over) {
        llmd_error *error = conclude(*stream, &attempt->class);
        if (error && !headers_came(exchange))
            return error;
        (*stream)->error = error; /* cut after the headers: told by the first read */
    }
    *attempt->reply = exchange->reply;
    attempt->reply->body = BUF_INIT;
    if (llmd__is_success(exchange->reply.status)) {
        attempt->class = RETRY_NEVER;
        return NULL;
    }
    attempt->reply->body = exchange->reply.body;
    exchange->reply.body = BUF_INIT;
    return NULL;
}

static llmd_error *open_once(struct attempt *attempt, void *data)
{
    struct http_stream **out = data;
    AUTO(http_stream) struct http_stream *stream = llmd__calloc(1, sizeof *stream);

    CHECK_MEMORY(stream);
    TRY(start(attempt, stream));
    llmd_error *error =
        llmd__worker_drive(attempt->ctx, stream->worker, stream->exchange, headers_came);
    attempt->ended = error != NULL;
    TRY(error);
    TRY(judge(attempt, &stream));
    if (llmd__is_success(attempt->reply->status))
        *out = TAKE(stream);
    return NULL;
}

llmd_error *llmd__http_stream_open(llmd_context *ctx, struct http *http,
                                   const struct http_request *request, struct http_reply *reply,
                                   struct http_stream **out)
{
    struct attempt attempt = {.ctx = ctx, .http = http, .request = request, .reply = reply};

    *out = NULL;
    *reply = HTTP_REPLY_INIT;
    TRY(llmd__context_check(ctx));
    return llmd__attempt_run(&attempt, open_once, out);
}

static llmd_error *hand_over(struct http_stream *stream, struct buf *into)
{
    llmd__buf_add(into, stream->came.data, stream->came.len);
    llmd__buf_reset(&stream->came);
    return llmd__buf_check(into);
}

/* What came before a cut is handed over first, then the error is told. */
llmd_error *llmd__http_stream_read(llmd_context *ctx, struct http_stream *stream, struct buf *into,
                                   bool *end)
{
    enum retry_class class;

    *end = false;
    if (inherited(stream))
        return llmd__opened_before_fork();
    if (!stream->end && !stream->came.len) {
        TRY(llmd__context_check(ctx));
        TRY(llmd__worker_drive(ctx, stream->worker, stream->exchange, data_came));
        if (stream->exchange->over)
            stream->error = conclude(stream, &class);
    }
    if (stream->came.len)
        return hand_over(stream, into);
    *end = stream->end && !stream->error;
    return llmd__error_copy(stream->error);
}

int64_t llmd__http_stream_first_byte_us(const struct http_stream *stream)
{
    return stream->exchange->reply.first_byte_us;
}
