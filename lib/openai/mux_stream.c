/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream of a mux, from its start to its last delta. Runs on the pump's thread, much of it in
 * handlers inside llmd__group_turn().
 *
 * A stream is closed when its last delta is queued, taken when that delta has left the mux, and
 * freed when it is taken and its transfer is over: after [DONE] the transfer stays a moment longer,
 * so that its connection can serve the next one.
 */
#include "openai/mux.h"

#include "openai/models.h"
#include "openai/refusal.h"

void llmd__mux_stream_free(struct mux_stream *stream)
{
    llmd__call_free(&stream->call);
    llmd__decoder_free(&stream->decoder);
    llmd_delta_free(stream->last);
    llmd__free(stream->subject);
    llmd__free(stream);
}

void llmd__mux_release(struct mux_stream *stream)
{
    llmd_mux *mux = stream->mux;
    if (!stream->taken || stream->transfer)
        return;
    pthread_mutex_lock(&mux->lock);
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        mux->all = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    pthread_mutex_unlock(&mux->lock);
    llmd__mux_stream_free(stream);
}

static void queue_deltas(struct mux_stream *stream)
{
    for (llmd_delta *delta; (delta = llmd__deltas_take(&stream->decoder.deltas));) {
        delta->tag = stream->tagged.tag;
        llmd__deltas_add(&stream->mux->ready, delta);
    }
}

void llmd__mux_close(struct mux_stream *stream, llmd_error *error)
{
    llmd_mux *mux = stream->mux;
    queue_deltas(stream);
    llmd_delta *last = TAKE(stream->last);
    last->error = error;
    llmd__deltas_add(&mux->ready, last);
    pthread_mutex_lock(&mux->lock);
    stream->closed = true;
    mux->open--;
    pthread_mutex_unlock(&mux->lock);
}

static llmd_error *about(const struct mux_stream *stream, llmd_error *error)
{
    return llmd__error_wrap(error, "%s", stream->subject);
}

static llmd_error *on_data(void *data, const char *bytes, size_t len)
{
    struct mux_stream *stream = data;
    if (stream->closed)
        return NULL; /* after [DONE]: only the end of the body is awaited, to keep the connection */
    llmd_error *error = llmd__decoder_feed(&stream->decoder, bytes, len);
    queue_deltas(stream);
    if (!error && stream->decoder.done)
        llmd__mux_close(stream, NULL);
    return error;
}

static void on_done(void *data, struct http_reply *reply, llmd_error *error)
{
    struct mux_stream *stream = data;
    stream->transfer = NULL;
    if (stream->closed || llmd__decoder_complete(&stream->decoder)) {
        llmd_error_free(error); /* cut after its end: nothing is missing */
        error = NULL;
    } else if (!error && reply->status / 100 != 2) {
        error = llmd__refusal(stream->subject, reply);
    } else {
        error = about(stream, error ? error : llmd__decoder_end(&stream->decoder));
    }
    if (!stream->closed)
        llmd__mux_close(stream, error);
    llmd__mux_release(stream);
}

static llmd_error *send(llmd_context *ctx, struct mux_stream *stream)
{
    struct transfer_events events = {.on_data = on_data, .on_done = on_done, .data = stream};
    if (!stream->call.body) /* written already where a context's end broke it off */
        TRY(llmd__call_finish(&stream->call));
    TRY(llmd__group_start(ctx, stream->mux->group, llmd__endpoint_http(stream->call.endpoint),
                          &stream->call.http, &events, &stream->transfer));
    llmd__call_free(&stream->call); /* the group has its own copy */
    return NULL;
}

static void question_free(struct model_question *question)
{
    llmd_endpoint_free(question->endpoint);
    llmd__free(question);
}

static void forget_question(struct model_question *question)
{
    struct model_question **at = &question->mux->questions;
    while (*at != question)
        at = &(*at)->next;
    *at = question->next;
}

static void on_models(void *data, struct http_reply *reply, llmd_error *error)
{
    struct model_question *question = data;
    if (!error)
        error = llmd__models_learn(question->endpoint, reply);
    else
        error =
            llmd__error_wrap(error, "endpoint %s: models", llmd_endpoint_url(question->endpoint));
    forget_question(question);
    for (struct mux_stream *stream = question->askers, *next; stream; stream = next) {
        next = stream->next_asker;
        stream->question = NULL;
        if (error)
            llmd__mux_close(stream, llmd__error_copy(error));
        else
            llmd__mux_put_back(stream); /* to be sent by whoever turns the group, in his time */
    }
    llmd_error_free(error);
    question_free(question);
}

static llmd_error *ask(llmd_context *ctx, llmd_mux *mux, const llmd_endpoint *endpoint,
                       struct model_question **out)
{
    struct model_question *question = llmd__calloc(1, sizeof *question);
    CHECK_MEMORY(question);
    *question = (struct model_question){.mux = mux, .endpoint = llmd__endpoint_get(endpoint)};
    struct http_request request = llmd__models_request(endpoint);
    struct transfer_events events = {.on_done = on_models, .data = question};
    llmd_error *error = llmd__group_start(ctx, mux->group, llmd__endpoint_http(endpoint), &request,
                                          &events, &question->transfer);
    if (error) {
        question_free(question);
        return error;
    }
    question->next = mux->questions;
    mux->questions = question;
    *out = question;
    return NULL;
}

/* Thousands of streams to one new endpoint ask it once. */
static llmd_error *wait_for_model(llmd_context *ctx, struct mux_stream *stream)
{
    struct model_question *question = stream->mux->questions;
    while (question && question->endpoint != stream->call.endpoint)
        question = question->next;
    if (!question)
        TRY(ask(ctx, stream->mux, stream->call.endpoint, &question));
    stream->question = question;
    stream->next_asker = question->askers;
    question->askers = stream;
    return NULL;
}

static llmd_error *send_or_ask(llmd_context *ctx, struct mux_stream *stream)
{
    AUTO(str) char *model = NULL;
    bool asks = !stream->call.body && llmd__call_needs_model(&stream->call);
    if (asks)
        TRY(llmd__endpoint_known_model(stream->call.endpoint, &model));
    return asks && !model ? wait_for_model(ctx, stream) : send(ctx, stream);
}

/* A context's end ends the caller's call, not the stream: that waits for the next one. */
void llmd__mux_start(llmd_context *ctx, struct mux_stream *stream)
{
    llmd_error *error = send_or_ask(ctx, stream);
    AUTO(error) llmd_error *ended = error ? llmd__context_check(ctx) : NULL;
    if (ended) {
        llmd_error_free(error);
        llmd__mux_put_back(stream);
    } else if (error) {
        llmd__mux_close(stream, about(stream, error));
    }
}

static void leave_question(struct mux_stream *stream)
{
    struct mux_stream **at = &stream->question->askers;
    while (*at != stream)
        at = &(*at)->next_asker;
    *at = stream->next_asker;
    stream->question = NULL;
}

void llmd__mux_stop(struct mux_stream *stream)
{
    if (stream->question)
        leave_question(stream);
    if (stream->transfer)
        llmd__transfer_stop(TAKE(stream->transfer));
}

void llmd__mux_questions_free(llmd_mux *mux)
{
    for (struct model_question *question; (question = mux->questions);) {
        mux->questions = question->next;
        question_free(question);
    }
}
