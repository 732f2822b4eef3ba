/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside a mux. One thread at a time is the pump: whoever is in llmd_mux_next() or _take(). Streams
 * reach it through two lists under the lock (new, canceled); everything else is the pump's alone.
 */
#ifndef LLMD_OPENAI_MUX_H
#define LLMD_OPENAI_MUX_H

#include "base/ref.h"
#include "net/group.h"
#include "openai/call.h"
#include "openai/decoder.h"
#include "openai/tags.h"

#include <pthread.h>

struct mux_stream {
    struct tagged tagged;
    llmd_mux *mux;
    struct mux_stream *previous, *next; /* all streams of the mux */
    struct mux_stream *next_new;
    struct mux_stream *next_canceled;
    bool canceled;    /* under the lock */
    bool closed;      /* its last delta is queued */
    bool taken;       /* its last delta is gone: the tag is free again */
    struct call call; /* until it is sent */
    char *subject;
    struct transfer *transfer;
    struct decoder decoder;
    llmd_delta *last;                /* made early, so that an end can be told without memory */
    struct model_question *question; /* waits for its answer */
    struct mux_stream *next_asker;
};

/* GET /v1/models for streams whose request names no model; one an endpoint. */
struct model_question {
    llmd_mux *mux;
    llmd_endpoint *endpoint;
    struct transfer *transfer;
    struct mux_stream *askers;
    struct model_question *next;
};

struct llmd_mux {
    struct busy busy;
    struct group *group;
    pthread_mutex_t lock; /* guards the next five, and orders free against the pump */
    struct tags tags;
    struct mux_stream *all;
    struct mux_stream *first_new, **end_new;
    struct mux_stream *canceled;
    size_t open; /* streams whose last delta is not queued */
    struct deltas ready;
    struct model_question *questions;
};

/* Pump only. Starts the stream, closes it with why not, or puts it back where ctx has ended. */
void llmd__mux_start(llmd_context *ctx, struct mux_stream *stream);
/* Before all others that are to be started. */
void llmd__mux_put_back(struct mux_stream *stream);
/* Stops whatever the stream is doing. */
void llmd__mux_stop(struct mux_stream *stream);
/* Queues the stream's last delta; takes error. */
void llmd__mux_close(struct mux_stream *stream, llmd_error *error);
/* Frees the stream once nothing needs it any more. */
void llmd__mux_release(struct mux_stream *stream);
void llmd__mux_stream_free(struct mux_stream *stream);
void llmd__mux_questions_free(llmd_mux *mux);

#endif
