/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits asks three things each turn: was it cancelled, has the deadline passed, does the poll
 * hook want out (llmd__context_check); how long the next sleep may be (llmd__context_wait_ms); and
 * leaves a waker, so that cancel ends that sleep from another thread. The flag is set before the
 * wakers are called and looked at after a waker is added: no order of the two loses a wake-up.
 *
 * Wakers are called under the lock. That makes removing one wait for a wake in progress, and the
 * waker may live on the sleeper's stack.
 */
#include "base/clock.h"
#include "base/context.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct llmd_context {
    pthread_mutex_t lock;  /* guards wakers; wakes happen under it */
    pthread_cond_t wakeup; /* on the monotonic clock */
    atomic_bool canceled;
    int64_t timeout_ms; /* as given, for the message; < 0: none */
    int64_t deadline_ms;
    llmd_poll_fn poll;
    void *poll_data;
    struct context_waker *wakers;
};

/* What new() returns without memory. It is never written to. */
static llmd_context no_memory = {.timeout_ms = -1, .deadline_ms = INT64_MAX};

static bool fixed(const llmd_context *ctx)
{
    return !ctx || ctx == &no_memory;
}

llmd_context *llmd_context_new(void)
{
    pthread_condattr_t attributes;
    llmd_context *ctx = llmd__calloc(1, sizeof(*ctx));

    if (!ctx)
        return &no_memory;
    pthread_mutex_init(&ctx->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ctx->wakeup, &attributes);
    pthread_condattr_destroy(&attributes);
    atomic_init(&ctx->canceled, false);
    ctx->timeout_ms = -1;
    ctx->deadline_ms = INT64_MAX;
    return ctx;
}

void llmd_context_free(llmd_context *ctx)
{
    if (fixed(ctx))
        return;
    pthread_cond_destroy(&ctx->wakeup);
    pthread_mutex_destroy(&ctx->lock);
    llmd__free(ctx);
}

void llmd_context_set_timeout_ms(llmd_context *ctx, int64_t timeout_ms)
{
    if (fixed(ctx))
        return;
    /* Monotonic: a wall clock that is set must not end or prolong a call. */
    int64_t now = llmd__clock_mono_ms();
    ctx->timeout_ms = timeout_ms < 0 ? -1 : timeout_ms;
    ctx->deadline_ms =
        timeout_ms < 0 || timeout_ms > INT64_MAX - now ? INT64_MAX : now + timeout_ms;
}

void llmd_context_set_poll(llmd_context *ctx, llmd_poll_fn poll, void *data)
{
    if (fixed(ctx))
        return;
    ctx->poll = poll;
    ctx->poll_data = data;
}

void llmd_context_cancel(llmd_context *ctx)
{
    if (fixed(ctx))
        return;
    atomic_store(&ctx->canceled, true);
    pthread_mutex_lock(&ctx->lock);
    pthread_cond_broadcast(&ctx->wakeup);
    for (struct context_waker *waker = ctx->wakers; waker; waker = waker->next)
        waker->wake(waker->data);
    pthread_mutex_unlock(&ctx->lock);
}

bool llmd_context_canceled(const llmd_context *ctx)
{
    return ctx && atomic_load(&ctx->canceled);
}

void llmd__context_add_waker(llmd_context *ctx, struct context_waker *waker)
{
    if (fixed(ctx))
        return;
    pthread_mutex_lock(&ctx->lock);
    waker->next = ctx->wakers;
    ctx->wakers = waker;
    /* A cancel between the caller's check and here would otherwise be slept through. */
    if (atomic_load(&ctx->canceled))
        waker->wake(waker->data);
    pthread_mutex_unlock(&ctx->lock);
}

void llmd__context_remove_waker(llmd_context *ctx, struct context_waker *waker)
{
    if (fixed(ctx))
        return;
    pthread_mutex_lock(&ctx->lock);
    for (struct context_waker **at = &ctx->wakers; *at; at = &(*at)->next) {
        if (*at == waker) {
            *at = waker->next;
            break;
        }
    }
    pthread_mutex_unlock(&ctx->lock);
}

/* The hook is asked outside the lock: it runs an interpreter's signal handlers. */
llmd_error *llmd__context_check(llmd_context *ctx)
{
    if (!ctx)
        return NULL;
    if (ctx == &no_memory)
        return NO_MEMORY;
    if (!atomic_load(&ctx->canceled) && ctx->poll && ctx->poll(ctx->poll_data))
        llmd_context_cancel(ctx);
    if (atomic_load(&ctx->canceled))
        return llmd__error(LLMD_E_CANCELED, "canceled");
    if (llmd__clock_mono_ms() >= ctx->deadline_ms)
        return llmd__error(LLMD_E_TIMEOUT, "the deadline of %lld ms has passed",
                           (long long)ctx->timeout_ms);
    return NULL;
}

int64_t llmd__context_deadline_ms(const llmd_context *ctx)
{
    return ctx ? ctx->deadline_ms : INT64_MAX;
}

bool llmd__context_has_deadline(const llmd_context *ctx)
{
    return llmd__context_deadline_ms(ctx) != INT64_MAX;
}

int llmd__context_wait_ms(llmd_context *ctx, int64_t want_ms)
{
    int64_t wait = want_ms < 0 ? INT_MAX : want_ms;

    if (llmd__context_has_deadline(ctx)) {
        int64_t left = ctx->deadline_ms - llmd__clock_mono_ms();
        wait = left < wait ? left : wait;
    }
    if (ctx && ctx->poll && wait > LLMD__POLL_SLICE_MS)
        wait = LLMD__POLL_SLICE_MS;
    if (wait < 0)
        return 0;
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static struct timespec monotonic_after(int ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

/* One wait, ended by time or by cancel. */
static void doze(llmd_context *ctx, int ms)
{
    struct timespec until = monotonic_after(ms);

    if (!ctx) {
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
            ;
        return;
    }
    pthread_mutex_lock(&ctx->lock);
    while (!atomic_load(&ctx->canceled) &&
           pthread_cond_timedwait(&ctx->wakeup, &ctx->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&ctx->lock);
}

llmd_error *llmd__context_sleep(llmd_context *ctx, int64_t ms)
{
    int64_t now = llmd__clock_mono_ms();
    int64_t end = ms < 0 || ms > INT64_MAX - now ? INT64_MAX : now + ms;

    for (;;) {
        TRY(llmd__context_check(ctx));
        int64_t left = end - llmd__clock_mono_ms();
        if (left <= 0)
            return NULL;
        doze(ctx, llmd__context_wait_ms(ctx, left));
    }
}

/* The hook's word cancels the context that has it, and by the waker the one that waits. */
static bool ask_outer(void *data)
{
    llmd_context *outer = data;
    bool wants_out = outer->poll(outer->poll_data);

    if (wants_out)
        llmd_context_cancel(outer);
    return wants_out;
}

static void cancel_inner(void *inner)
{
    llmd_context_cancel(inner);
}

static void take_over(llmd_context *inner, llmd_context *outer)
{
    inner->timeout_ms = outer->timeout_ms;
    inner->deadline_ms = outer->deadline_ms;
    if (outer->poll)
        llmd_context_set_poll(inner, ask_outer, outer);
}

void llmd__context_join(struct context_join *join, llmd_context *outer, int64_t deadline_ms)
{
    llmd_context *inner = outer == &no_memory ? outer : llmd_context_new();

    *join = (struct context_join){.outer = outer, .inner = inner};
    join->waker = (struct context_waker){.wake = cancel_inner, .data = inner};
    if (inner == &no_memory)
        return;
    if (outer)
        take_over(inner, outer);
    if (deadline_ms < inner->deadline_ms) {
        int64_t left_ms = deadline_ms - llmd__clock_mono_ms();
        llmd_context_set_timeout_ms(inner, left_ms > 0 ? left_ms : 0);
    }
    llmd__context_add_waker(outer, &join->waker);
}

void llmd__context_part(struct context_join *join)
{
    llmd__context_remove_waker(join->outer, &join->waker);
    llmd_context_free(join->inner);
}
