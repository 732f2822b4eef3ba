/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here measures time: a wait that cancel does not end would last for ever, and ctest's
   limit makes that a failure. */
#include "base/clock.h"
#include "base/context.h"
#include "support/torture.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <cmocka.h>

static llmd_code check(llmd_context *ctx)
{
    AUTO(error) llmd_error *error = llmd__context_check(ctx);

    return llmd_error_code(error);
}

static llmd_code sleep_for(llmd_context *ctx, int64_t ms)
{
    AUTO(error) llmd_error *error = llmd__context_sleep(ctx, ms);

    return llmd_error_code(error);
}

static void test_null_has_no_limits(void **state)
{
    (void)state;
    assert_int_equal(check(NULL), LLMD_OK);
    assert_int_equal(sleep_for(NULL, 1), LLMD_OK);
    assert_int_equal(llmd__context_wait_ms(NULL, -1), INT_MAX);
    assert_int_equal(llmd__context_wait_ms(NULL, 7), 7);
    assert_false(llmd__context_has_deadline(NULL));
    assert_false(llmd_context_canceled(NULL));
    llmd__context_add_waker(NULL, &(struct context_waker){0});
    llmd__context_remove_waker(NULL, &(struct context_waker){0});
    llmd_context_cancel(NULL);
    llmd_context_free(NULL);
}

static void test_deadline(void **state)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    (void)state;
    assert_int_equal(llmd__context_deadline_ms(ctx), INT64_MAX);
    llmd_context_set_timeout_ms(ctx, 3600000);
    assert_true(llmd__context_has_deadline(ctx));
    assert_int_equal(check(ctx), LLMD_OK);
    assert_in_range(llmd__context_wait_ms(ctx, -1), 3500000, 3600000);
    assert_int_equal(llmd__context_wait_ms(ctx, 5), 5);
    llmd_context_set_timeout_ms(ctx, 0);
    assert_int_equal(check(ctx), LLMD_E_TIMEOUT);
    assert_int_equal(llmd__context_wait_ms(ctx, 100), 0);
    llmd_context_set_timeout_ms(ctx, -1);
    assert_int_equal(check(ctx), LLMD_OK);
    llmd_context_set_timeout_ms(ctx, INT64_MAX);
    assert_int_equal(check(ctx), LLMD_OK);
}

static void test_sleep_ends_at_the_deadline(void **state)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    (void)state;
    assert_int_equal(sleep_for(ctx, 2), LLMD_OK);
    llmd_context_set_timeout_ms(ctx, 20);
    assert_int_equal(sleep_for(ctx, INT64_MAX), LLMD_E_TIMEOUT);
    assert_int_equal(sleep_for(ctx, -1), LLMD_E_TIMEOUT);
}

static void test_cancel_is_sticky(void **state)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    (void)state;
    assert_false(llmd_context_canceled(ctx));
    llmd_context_cancel(ctx);
    llmd_context_cancel(ctx);
    assert_true(llmd_context_canceled(ctx));
    assert_int_equal(check(ctx), LLMD_E_CANCELED);
    assert_int_equal(check(ctx), LLMD_E_CANCELED);
    assert_int_equal(sleep_for(ctx, -1), LLMD_E_CANCELED);
}

static void *cancel_soon(void *data)
{
    llmd__context_sleep(NULL, 20);
    llmd_context_cancel(data);
    return NULL;
}

static void test_cancel_ends_a_sleep(void **state)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, cancel_soon, ctx);
    assert_int_equal(sleep_for(ctx, -1), LLMD_E_CANCELED);
    pthread_join(thread, NULL);
}

static bool third_time(void *data)
{
    return ++*(int *)data == 3;
}

static void test_poll_hook_cancels(void **state)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    int asked = 0;

    (void)state;
    llmd_context_set_poll(ctx, third_time, &asked);
    assert_int_equal(llmd__context_wait_ms(ctx, -1), LLMD__POLL_SLICE_MS);
    assert_int_equal(sleep_for(ctx, -1), LLMD_E_CANCELED);
    assert_int_equal(asked, 3);
    assert_int_equal(check(ctx), LLMD_E_CANCELED);
    assert_int_equal(asked, 3);
}

static void count_wake(void *data)
{
    atomic_fetch_add((atomic_int *)data, 1);
}

static void test_wakers(void **state)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    atomic_int wakes[3] = {0};
    struct context_waker wakers[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        wakers[i] = (struct context_waker){.wake = count_wake, .data = &wakes[i]};
        llmd__context_add_waker(ctx, &wakers[i]);
    }
    llmd__context_remove_waker(ctx, &wakers[1]);
    llmd__context_remove_waker(ctx, &wakers[1]);
    llmd_context_cancel(ctx);
    assert_int_equal(wakes[0], 1);
    assert_int_equal(wakes[1], 0);
    assert_int_equal(wakes[2], 1);
    /* Who comes too late is woken at once. */
    llmd__context_add_waker(ctx, &wakers[1]);
    assert_int_equal(wakes[1], 1);
    for (int i = 0; i < 3; i++)
        llmd__context_remove_waker(ctx, &wakers[i]);
}

struct slow_wake {
    atomic_bool entered;
    atomic_bool left;
};

static void wake_slowly(void *data)
{
    struct slow_wake *slow = data;

    atomic_store(&slow->entered, true);
    llmd__context_sleep(NULL, 50);
    atomic_store(&slow->left, true);
}

static void *cancel_now(void *data)
{
    llmd_context_cancel(data);
    return NULL;
}

/* The waker lives in the sleeper's stack frame: it must not go while a wake uses it. */
static void test_remove_waits_for_a_wake(void **state)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    struct slow_wake slow = {false, false};
    struct context_waker waker = {.wake = wake_slowly, .data = &slow};
    pthread_t thread;

    (void)state;
    llmd__context_add_waker(ctx, &waker);
    pthread_create(&thread, NULL, cancel_now, ctx);
    while (!atomic_load(&slow.entered))
        llmd__context_sleep(NULL, 1);
    llmd__context_remove_waker(ctx, &waker);
    assert_true(atomic_load(&slow.left));
    pthread_join(thread, NULL);
}

static llmd_error *use_context(void *data)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    (void)data;
    llmd_context_set_timeout_ms(ctx, 0);
    llmd_context_set_poll(ctx, third_time, &(int){0});
    return llmd__context_sleep(ctx, 1000);
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_int_equal(torture(use_context, NULL), 2);
}

static void test_static_context(void **state)
{
    (void)state;
    llmd__alloc_fail_at(1);
    llmd_context *ctx = llmd_context_new();
    llmd__alloc_fail_at(0);
    assert_non_null(ctx);
    assert_int_equal(check(ctx), LLMD_E_NO_MEMORY);
    llmd_context_cancel(ctx);
    assert_int_equal(sleep_for(ctx, 1), LLMD_E_NO_MEMORY);
    assert_false(llmd_context_canceled(ctx));
    llmd_context_free(ctx);
}

static bool wants_out(void *asked)
{
    return ++*(int *)asked > 1;
}

static llmd_code code_of(llmd_context *ctx)
{
    llmd_error *error = llmd__context_check(ctx);
    llmd_code code = llmd_error_code(error);

    llmd_error_free(error);
    return code;
}

/* What ends the outer one ends the inner one, and never the other way round. */
static void test_joined(void **state)
{
    struct context_join join;
    int asked = 0;
    LLMD_AUTO(llmd_context) outer = llmd_context_new();

    (void)state;
    llmd__context_join(&join, NULL, INT64_MAX);
    assert_int_equal(code_of(join.inner), LLMD_OK);
    llmd__context_part(&join);

    llmd__context_join(&join, outer, llmd__clock_mono_ms() - 1);
    assert_int_equal(code_of(join.inner), LLMD_E_TIMEOUT);
    llmd_context_cancel(join.inner);
    assert_int_equal(code_of(outer), LLMD_OK);
    llmd__context_part(&join);

    llmd_context_set_poll(outer, wants_out, &asked);
    llmd__context_join(&join, outer, INT64_MAX);
    assert_int_equal(code_of(join.inner), LLMD_OK);
    assert_int_equal(code_of(join.inner), LLMD_E_CANCELED);
    assert_true(llmd_context_canceled(outer));
    llmd__context_part(&join);
    llmd__context_join(&join, outer, INT64_MAX); /* canceled before */
    assert_int_equal(code_of(join.inner), LLMD_E_CANCELED);
    llmd__context_part(&join);
}

static void test_joined_to_a_deadline(void **state)
{
    struct context_join join;
    LLMD_AUTO(llmd_context) outer = llmd_context_new();

    (void)state;
    llmd_context_set_timeout_ms(outer, 0);
    llmd__context_join(&join, outer, INT64_MAX);
    assert_int_equal(code_of(join.inner), LLMD_E_TIMEOUT);
    llmd__context_part(&join);
    llmd__alloc_fail_at(1);
    llmd__context_join(&join, outer, INT64_MAX);
    llmd__alloc_fail_at(0);
    assert_int_equal(code_of(join.inner), LLMD_E_NO_MEMORY);
    llmd__context_part(&join);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_has_no_limits),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_sleep_ends_at_the_deadline),
        cmocka_unit_test(test_cancel_is_sticky),
        cmocka_unit_test(test_cancel_ends_a_sleep),
        cmocka_unit_test(test_poll_hook_cancels),
        cmocka_unit_test(test_wakers),
        cmocka_unit_test(test_remove_waits_for_a_wake),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_static_context),
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_joined_to_a_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
