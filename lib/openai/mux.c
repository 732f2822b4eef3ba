/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside of a mux: what any thread may call, and the pump.
 *
 * Adding builds the whole stream on the caller's thread, so bad requests are told there, then hands
 * it over by a list and a wake-up. The pump is whoever is inside llmd_mux_next() or
 * llmd_mux_take(); it alone touches the group, the running streams and the queue of deltas, so none
 * of that needs a lock. A stream is tried once: whether an answer may be asked for again is its
 * owner's to judge, who sees the error of its last delta.
 */
#include "openai/mux.h"

static void destroy(llmd_mux *mux)
{
    llmd__group_free(mux->group); /* first: no handler runs after this */
    llmd__mux_questions_free(mux);
    for (struct mux_stream *stream = mux->all, *next; stream; stream = next) {
        next = stream->next;
        llmd__mux_stream_free(stream);
    }
    llmd__deltas_free(&mux->ready);
    llmd__tags_free(&mux->tags);
    pthread_mutex_destroy(&mux->lock);
    llmd__free(mux);
}

llmd_error *llmd_mux_open(llmd_mux **out)
{
    REQUIRE(out);
    *out = NULL;
    llmd_mux *mux = llmd__calloc(1, sizeof *mux);
    CHECK_MEMORY(mux);
    pthread_mutex_init(&mux->lock, NULL);
    mux->end_new = &mux->first_new;
    llmd_error *error = llmd__group_open(&mux->group);
    if (error) {
        pthread_mutex_destroy(&mux->lock);
        llmd__free(mux);
        return llmd__error_wrap(error, "mux");
    }
    *out = mux;
    return NULL;
}

void llmd_mux_free(llmd_mux *mux)
{
    if (!mux)
        return;
    pthread_mutex_lock(&mux->lock);
    bool idle = llmd__busy_free(&mux->busy);
    if (!idle)
        llmd__group_wake(mux->group);
    pthread_mutex_unlock(&mux->lock);
    if (idle)
        destroy(mux);
}

static llmd_error *new_stream(llmd_mux *mux, const llmd_endpoint *endpoint,
                              const llmd_request *request, uint64_t tag, struct mux_stream **out)
{
    struct mux_stream *stream = llmd__calloc(1, sizeof *stream);
    CHECK_MEMORY(stream);
    stream->mux = mux;
    stream->tagged.tag = tag;
    struct chunk nothing = CHUNK_INIT;
    llmd_error *error = llmd__delta_new(&nothing, "", 0, &stream->last);
    if (!error)
        error = llmd__call_make(endpoint, request, true, &stream->call);
    if (error) {
        llmd__mux_stream_free(stream);
        return error;
    }
    stream->subject = TAKE(stream->call.subject);
    stream->last->tag = tag;
    stream->last->last = true;
    *out = stream;
    return NULL;
}

static llmd_error *enqueue(llmd_mux *mux, struct mux_stream *stream)
{
    pthread_mutex_lock(&mux->lock);
    llmd_error *error = llmd__tags_add(&mux->tags, &stream->tagged);
    if (!error) {
        stream->next = mux->all;
        if (mux->all)
            mux->all->previous = stream;
        mux->all = stream;
        *mux->end_new = stream;
        mux->end_new = &stream->next_new;
        mux->open++;
    }
    pthread_mutex_unlock(&mux->lock);
    return error;
}

llmd_error *llmd_mux_add(llmd_mux *mux, const llmd_endpoint *endpoint, const llmd_request *request,
                         uint64_t tag)
{
    struct mux_stream *stream = NULL;
    REQUIRE(mux);
    REQUIRE(endpoint);
    REQUIRE(request);
    TRY(new_stream(mux, endpoint, request, tag, &stream));
    llmd_error *error = enqueue(mux, stream);
    if (error)
        llmd__mux_stream_free(stream);
    else
        llmd__group_wake(mux->group);
    return error;
}

void llmd_mux_cancel(llmd_mux *mux, uint64_t tag)
{
    if (!mux)
        return;
    pthread_mutex_lock(&mux->lock);
    struct mux_stream *stream = (struct mux_stream *)llmd__tags_find(&mux->tags, tag);
    if (stream && !stream->closed && !stream->canceled) {
        stream->canceled = true;
        stream->next_canceled = mux->canceled;
        mux->canceled = stream;
    }
    pthread_mutex_unlock(&mux->lock);
    llmd__group_wake(mux->group);
}

/* The next one to start; those canceled before are left out, take_canceled() has them. */
static struct mux_stream *take_new(llmd_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    struct mux_stream *stream = mux->first_new;
    while (stream && stream->canceled)
        stream = stream->next_new;
    mux->first_new = stream ? stream->next_new : NULL;
    if (!mux->first_new)
        mux->end_new = &mux->first_new;
    pthread_mutex_unlock(&mux->lock);
    return stream;
}

void llmd__mux_put_back(struct mux_stream *stream)
{
    llmd_mux *mux = stream->mux;
    pthread_mutex_lock(&mux->lock);
    stream->next_new = mux->first_new;
    if (!mux->first_new)
        mux->end_new = &stream->next_new;
    mux->first_new = stream;
    pthread_mutex_unlock(&mux->lock);
}

/* One that was added and canceled since take_new() looked still waits to be started. Under the
 * lock.
 */
static void forget_new(llmd_mux *mux, const struct mux_stream *stream)
{
    struct mux_stream **at = &mux->first_new;
    while (*at && *at != stream)
        at = &(*at)->next_new;
    if (!*at)
        return;
    *at = stream->next_new;
    if (!*at)
        mux->end_new = at;
}

static struct mux_stream *take_canceled(llmd_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    struct mux_stream *stream = mux->canceled;
    if (stream) {
        mux->canceled = stream->next_canceled;
        forget_new(mux, stream);
    }
    pthread_mutex_unlock(&mux->lock);
    return stream;
}

/* What other threads asked for. */
static llmd_error *do_asked(llmd_context *ctx, llmd_mux *mux)
{
    for (struct mux_stream *stream; (stream = take_new(mux));) {
        llmd__mux_start(ctx, stream);
        TRY(llmd__context_check(ctx));
    }
    for (struct mux_stream *stream; (stream = take_canceled(mux));) {
        if (stream->closed)
            continue;
        llmd__mux_stop(stream);
        llmd__mux_close(stream, llmd__error(LLMD_E_CANCELED, "%s: canceled", stream->subject));
    }
    return NULL;
}

static bool anything_asked(llmd_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    bool asked = mux->first_new || mux->canceled;
    pthread_mutex_unlock(&mux->lock);
    return asked;
}

/* A cancel that came too late to be seen must not find the stream gone. Under the lock. */
static void forget_cancel(llmd_mux *mux, struct mux_stream *stream)
{
    struct mux_stream **at = &mux->canceled;
    while (*at && *at != stream)
        at = &(*at)->next_canceled;
    if (*at)
        *at = stream->next_canceled;
}

/* With a last delta its tag becomes free again. */
static llmd_delta *take_ready(llmd_mux *mux)
{
    llmd_delta *delta = llmd__deltas_take(&mux->ready);
    if (!delta || !delta->last)
        return delta;
    pthread_mutex_lock(&mux->lock);
    struct mux_stream *stream = (struct mux_stream *)llmd__tags_find(&mux->tags, delta->tag);
    llmd__tags_remove(&mux->tags, &stream->tagged);
    if (stream->canceled)
        forget_cancel(mux, stream);
    pthread_mutex_unlock(&mux->lock);
    stream->taken = true;
    llmd__mux_release(stream);
    return delta;
}

static bool any_open(llmd_mux *mux)
{
    pthread_mutex_lock(&mux->lock);
    bool open = mux->open > 0;
    pthread_mutex_unlock(&mux->lock);
    return open;
}

static bool freed(llmd_mux *mux)
{
    return llmd__busy_to_be_freed(&mux->busy);
}

/* wait: false never waits. */
static llmd_error *pump(llmd_context *ctx, llmd_mux *mux, bool wait, llmd_delta **out)
{
    while (!(*out = take_ready(mux)) && !freed(mux)) {
        TRY(do_asked(ctx, mux));
        if (mux->ready.first)
            continue;
        /* With nothing open, one look lets connections see the end of their last answer. */
        bool idle = !any_open(mux);
        TRY(llmd__group_turn(ctx, mux->group, wait && !idle ? -1 : 0));
        /* A wake-up that the turn took stands for something in the lists: look again. */
        if ((idle || !wait) && !mux->ready.first && !anything_asked(mux))
            return NULL;
    }
    return NULL;
}

static llmd_error *enter_and_pump(llmd_context *ctx, llmd_mux *mux, bool wait, llmd_delta **out)
{
    if (!llmd__busy_enter(&mux->busy))
        return llmd__error_in_use("the mux");
    llmd_error *error = pump(ctx, mux, wait, out);
    if (!llmd__busy_leave(&mux->busy))
        return error;
    /* Freed while we were inside; the one who freed it may still hold the lock. */
    pthread_mutex_lock(&mux->lock);
    pthread_mutex_unlock(&mux->lock);
    destroy(mux);
    llmd_delta_free(TAKE(*out));
    return error ? error : llmd__error(LLMD_E_CANCELED, "mux: freed");
}

llmd_error *llmd_mux_next(llmd_context *ctx, llmd_mux *mux, llmd_delta **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(mux);
    return enter_and_pump(ctx, mux, true, out);
}

llmd_error *llmd_mux_take(llmd_mux *mux, llmd_delta **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(mux);
    return enter_and_pump(NULL, mux, false, out);
}

int llmd_mux_fd(const llmd_mux *mux)
{
    return mux ? llmd__group_fd(mux->group) : -1;
}
