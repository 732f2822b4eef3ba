/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a context: what waiting code asks, and how it is woken. */
#ifndef LLMD_BASE_CONTEXT_H
#define LLMD_BASE_CONTEXT_H

#include "base/error.h"

#include <llmd/context.h>

/* The longest a waiting loop may sleep before it calls llmd__context_check again when the context
   has a poll hook; without one only the deadline counts (cancel wakes). */
#define LLMD__POLL_SLICE_MS 50

/* Something that sleeps and can be woken from another thread. Embedded in the sleeper. The wake
   function must not call back into the context. Adding to a cancelled context wakes at once. */
struct context_waker {
    void (*wake)(void *data); /* called with the context's lock held */
    void *data;
    struct context_waker *next;
};

/* NULL, CANCELED, TIMEOUT, or NO_MEMORY for the static context. Asks the poll hook. */
llmd_error *llmd__context_check(llmd_context *ctx);
/* Milliseconds that a wait may last now: min(want, deadline, poll slice); want < 0 means for ever:
   INT_MAX. 0 when the deadline has passed. */
int llmd__context_wait_ms(llmd_context *ctx, int64_t want_ms);
int64_t llmd__context_deadline_ms(const llmd_context *ctx); /* monotonic ms, INT64_MAX for none */
bool llmd__context_has_deadline(const llmd_context *ctx);
void llmd__context_add_waker(llmd_context *ctx, struct context_waker *waker);    /* NULL ctx ok */
void llmd__context_remove_waker(llmd_context *ctx, struct context_waker *waker); /* waits for a wake
                                                                                   in progress */
/* Sleeps; ends early with an error when cancelled or when the deadline comes first. */
llmd_error *llmd__context_sleep(llmd_context *ctx, int64_t ms);

/*
 * A wait that the caller's context ends, or somebody else by cancelling `inner`: the free of an
 * iterator on another thread, which must not cancel what is the caller's.
 */
struct context_join {
    llmd_context *outer; /* the caller's; may be NULL */
    llmd_context *inner;
    struct context_waker waker;
};

/* deadline_ms: a further one, monotonic; INT64_MAX for none. */
void llmd__context_join(struct context_join *join, llmd_context *outer, int64_t deadline_ms);
void llmd__context_part(struct context_join *join);

#endif
