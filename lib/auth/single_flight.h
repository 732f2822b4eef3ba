/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run for many threads: who wants what is being fetched waits for that fetch.
 *
 *     llmd__flight_enter(&flight, ctx, &waker);        // takes the lock
 *     error = llmd__flight_join(ctx, &flight, &joined);
 *     if (!error && !joined) {
 *         llmd__flight_begin(&flight);                 // lets go of the lock
 *         error = fetch(...);
 *         llmd__flight_end(&flight, error);            // has the lock again: keep what came
 *     }
 *     llmd__flight_leave(&flight, ctx, &waker);
 *
 * The lock of a context may be held while ours is taken (to wake a waiter), never the other way.
 */
#ifndef LLMD_AUTH_SINGLE_FLIGHT_H
#define LLMD_AUTH_SINGLE_FLIGHT_H

#include "base/context.h"

#include <pthread.h>

struct single_flight {
    pthread_mutex_t lock; /* of what follows, and of what the runs bring */
    pthread_cond_t changed;
    bool running;
    unsigned runs;     /* that ended */
    llmd_error *error; /* of the last one */
};

void llmd__flight_init(struct single_flight *flight);
void llmd__flight_destroy(struct single_flight *flight);
void llmd__flight_enter(struct single_flight *flight, llmd_context *ctx,
                        struct context_waker *waker);
void llmd__flight_leave(struct single_flight *flight, llmd_context *ctx,
                        struct context_waker *waker);
/* Waits while another thread runs. *joined: its run succeeded meanwhile. A failure is for all who
   waited, unless it was that thread's own giving up: then NULL, and it is our turn. */
llmd_error *llmd__flight_join(llmd_context *ctx, struct single_flight *flight, bool *joined);
void llmd__flight_begin(struct single_flight *flight);
void llmd__flight_end(struct single_flight *flight, const llmd_error *error); /* copied */

#endif
