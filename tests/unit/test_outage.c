/* SPDX-License-Identifier: Apache-2.0 */
/* When a task says that a server is away. */
#include "task/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char one[] = "one";
static const char two[] = "two";

/* A wrong address is no hiccup. */
static void test_never_heard(void **state)
{
    struct outage outage = {0};

    (void)state;
    assert_true(llmd__outage_failed(&outage, one, true, 1000));
    assert_false(llmd__outage_failed(&outage, one, true, 5000));
    assert_true(llmd__outage_failed(&outage, one, true, 61000));
    assert_true(llmd__outage_answered(&outage, one));
}

/* A server that was there may only restart. */
static void test_heard_before(void **state)
{
    struct outage outage = {0};

    (void)state;
    assert_false(llmd__outage_answered(&outage, one));
    assert_false(llmd__outage_failed(&outage, one, true, 1000));
    assert_false(llmd__outage_failed(&outage, one, true, 2999));
    assert_true(llmd__outage_failed(&outage, one, true, 3000));
    assert_true(llmd__outage_answered(&outage, one));
    assert_false(llmd__outage_failed(&outage, one, true, 4000));
    assert_false(llmd__outage_answered(&outage, one));
}

/* Without a deadline three tries are all, and the error itself comes soon. */
static void test_few_tries(void **state)
{
    struct outage outage = {0};

    (void)state;
    assert_false(llmd__outage_failed(&outage, one, false, 1000));
    assert_true(llmd__outage_failed(&outage, one, false, 3000));
}

static void test_one_at_a_time(void **state)
{
    struct outage outage = {0};

    (void)state;
    assert_true(llmd__outage_failed(&outage, one, true, 1000));
    assert_false(llmd__outage_failed(&outage, two, true, 9000));
    assert_false(llmd__outage_answered(&outage, two));
    assert_true(llmd__outage_answered(&outage, one));
}

static void test_off(void **state)
{
    struct outage outage = {.off = true};

    (void)state;
    assert_false(llmd__outage_failed(&outage, one, true, 1000));
    assert_false(llmd__outage_failed(&outage, one, true, 90000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_heard), cmocka_unit_test(test_heard_before),
        cmocka_unit_test(test_few_tries),   cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
