/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ref.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define THREADS 4
#define ROUNDS 20000

static struct ref ref;
static atomic_int last_ones;

static void *get_and_put(void *data)
{
    (void)data;
    for (int i = 0; i < ROUNDS; i++) {
        llmd__ref_get(&ref);
        atomic_fetch_add(&last_ones, llmd__ref_put(&ref));
    }
    return NULL;
}

static void test_the_last_one_frees(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    llmd__ref_init(&ref);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, get_and_put, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(last_ones, 0);
    assert_true(llmd__ref_put(&ref));
}

static void test_one_inside_at_a_time(void **state)
{
    struct busy busy = {0};

    (void)state;
    assert_true(llmd__busy_enter(&busy));
    assert_false(llmd__busy_enter(&busy));
    assert_false(llmd__busy_leave(&busy));
    assert_true(llmd__busy_enter(&busy));
    /* Freed while busy: the one inside frees, and nobody else gets in. */
    assert_false(llmd__busy_free(&busy));
    assert_false(llmd__busy_enter(&busy));
    assert_true(llmd__busy_leave(&busy));
}

static void test_free_while_idle(void **state)
{
    struct busy busy = {0};

    (void)state;
    assert_true(llmd__busy_free(&busy));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_one_frees),
        cmocka_unit_test(test_one_inside_at_a_time),
        cmocka_unit_test(test_free_while_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
