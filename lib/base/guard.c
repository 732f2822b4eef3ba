/* SPDX-License-Identifier: Apache-2.0 */
#include "base/guard.h"

static void set_wait(struct guard *guard, llmd_context *wait)
{
    pthread_mutex_lock(&guard->lock);
    guard->wait = wait;
    if (wait && llmd__busy_to_be_freed(&guard->busy)) /* freed before there was what to cancel */
        llmd_context_cancel(wait);
    pthread_mutex_unlock(&guard->lock);
}

void llmd__guard_join(struct guard *guard, struct context_join *join, llmd_context *outer,
                      int64_t deadline_ms)
{
    llmd__context_join(join, outer, deadline_ms);
    set_wait(guard, join->inner);
}

void llmd__guard_part(struct guard *guard, struct context_join *join)
{
    set_wait(guard, NULL);
    llmd__context_part(join);
}

bool llmd__guard_leave(struct guard *guard)
{
    if (!llmd__busy_leave(&guard->busy))
        return false;
    /* The one who freed it may still hold the lock. */
    pthread_mutex_lock(&guard->lock);
    pthread_mutex_unlock(&guard->lock);
    return true;
}

bool llmd__guard_free(struct guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    bool idle = llmd__busy_free(&guard->busy);
    if (!idle && guard->wait)
        llmd_context_cancel(guard->wait);
    pthread_mutex_unlock(&guard->lock);
    return idle;
}
