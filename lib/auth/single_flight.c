/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/single_flight.h"

#include "base/clock.h"

#include <time.h>

/* Nobody waits for ever without a look at his context. */
#define LONGEST_WAIT_MS 60000

void llmd__flight_init(struct single_flight *flight)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&flight->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&flight->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void llmd__flight_destroy(struct single_flight *flight)
{
    llmd_error_free(flight->error);
    pthread_cond_destroy(&flight->changed);
    pthread_mutex_destroy(&flight->lock);
}

static void wake(void *data)
{
    struct single_flight *flight = data;

    pthread_mutex_lock(&flight->lock);
    pthread_cond_broadcast(&flight->changed);
    pthread_mutex_unlock(&flight->lock);
}

void llmd__flight_enter(struct single_flight *flight, llmd_context *ctx,
                        struct context_waker *waker)
{
    *waker = (struct context_waker){.wake = wake, .data = flight};
    llmd__context_add_waker(ctx, waker);
    pthread_mutex_lock(&flight->lock);
}

void llmd__flight_leave(struct single_flight *flight, llmd_context *ctx,
                        struct context_waker *waker)
{
    pthread_mutex_unlock(&flight->lock);
    llmd__context_remove_waker(ctx, waker);
}

static void wait_a_while(llmd_context *ctx, struct single_flight *flight)
{
    int wait_ms = llmd__context_wait_ms(ctx, LONGEST_WAIT_MS);
    int64_t until_us = llmd__clock_mono_us() + (int64_t)wait_ms * 1000;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};

    pthread_cond_timedwait(&flight->changed, &flight->lock, &until);
}

/* A run that failed because its own caller gave up says nothing about ours. */
static bool failed_for_all(const struct single_flight *flight)
{
    llmd_code code = llmd_error_code(flight->error);

    return code != LLMD_OK && code != LLMD_E_CANCELED && code != LLMD_E_TIMEOUT;
}

/* The context's hook may cancel it, which wakes us under our own lock: it is asked without. */
static llmd_error *check_unlocked(llmd_context *ctx, struct single_flight *flight)
{
    pthread_mutex_unlock(&flight->lock);
    llmd_error *error = llmd__context_check(ctx);
    pthread_mutex_lock(&flight->lock);
    return error;
}

llmd_error *llmd__flight_join(llmd_context *ctx, struct single_flight *flight, bool *joined)
{
    *joined = false;
    while (flight->running) {
        unsigned seen = flight->runs;
        TRY(check_unlocked(ctx, flight));
        /* What happened meanwhile has had its wake-up. */
        if (flight->runs == seen && !llmd_context_canceled(ctx))
            wait_a_while(ctx, flight);
        if (flight->runs == seen)
            continue;
        if (failed_for_all(flight))
            return llmd__error_copy(flight->error);
        *joined = !flight->error;
    }
    return NULL;
}

void llmd__flight_begin(struct single_flight *flight)
{
    flight->running = true;
    pthread_mutex_unlock(&flight->lock);
}

void llmd__flight_end(struct single_flight *flight, const llmd_error *error)
{
    llmd_error *copy = llmd__error_copy(error);

    pthread_mutex_lock(&flight->lock);
    flight->running = false;
    flight->runs++;
    llmd_error_free(flight->error);
    flight->error = copy;
    pthread_cond_broadcast(&flight->changed);
}
