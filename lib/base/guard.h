/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards what gives one thing after another: one thread inside at a time. A free that comes
 * meanwhile ends what that thread waits for, and leaves the freeing to it.
 */
#ifndef LLMD_BASE_GUARD_H
#define LLMD_BASE_GUARD_H

#include "base/context.h"
#include "base/ref.h"

#include <pthread.h>

struct guard {
    struct busy busy;
    pthread_mutex_t lock; /* guards wait, and orders free against the thread inside */
    llmd_context *wait;   /* what the thread inside waits on; NULL: nothing */
};

static inline void llmd__guard_init(struct guard *guard)
{
    pthread_mutex_init(&guard->lock, NULL);
}

static inline void llmd__guard_destroy(struct guard *guard)
{
    pthread_mutex_destroy(&guard->lock);
}

/* By the one inside: a wait that the caller's context ends, or a free, also one that came before.
 */
void llmd__guard_join(struct guard *guard, struct context_join *join, llmd_context *outer,
                      int64_t deadline_ms);
void llmd__guard_part(struct guard *guard, struct context_join *join);
/* After llmd__busy_enter. True: free the object now, it was freed while we were inside. */
bool llmd__guard_leave(struct guard *guard);
/* True: nobody is inside, free now. False: the one inside will. */
bool llmd__guard_free(struct guard *guard);

#endif
