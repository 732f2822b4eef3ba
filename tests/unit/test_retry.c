/* SPDX-License-Identifier: Apache-2.0 */
/* The retry policy as tables. */
#include "net/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static void test_class(void **state)
{
    static const struct {
        int status;
        bool answered, sent, retry_after;
        enum retry_class want;
    } rows[] = {
        {0, false, false, false, RETRY_NOT_SENT},  {0, false, true, false, RETRY_TRANSIENT},
        {200, true, true, false, RETRY_NEVER},     {201, true, true, false, RETRY_NEVER},
        {400, true, true, false, RETRY_NEVER},     {401, true, true, false, RETRY_NEVER},
        {403, true, true, false, RETRY_NEVER},     {404, true, true, false, RETRY_NEVER},
        {409, true, true, false, RETRY_NEVER},     {410, true, true, false, RETRY_NEVER},
        {422, true, true, false, RETRY_NEVER},     {429, true, true, false, RETRY_THROTTLED},
        {429, true, true, true, RETRY_THROTTLED},  {500, true, true, false, RETRY_SERVER},
        {501, true, true, false, RETRY_NEVER},     {502, true, true, false, RETRY_TRANSIENT},
        {503, true, true, false, RETRY_TRANSIENT}, {503, true, true, true, RETRY_THROTTLED},
        {504, true, true, false, RETRY_TRANSIENT},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(
            llmd__retry_class(rows[i].status, rows[i].answered, rows[i].sent, rows[i].retry_after),
            rows[i].want);
}

static void test_allowed(void **state)
{
    static const struct {
        enum retry_class class;
        bool post, get;
    } rows[] = {
        {RETRY_NEVER, false, false},   {RETRY_NOT_SENT, true, true}, {RETRY_TRANSIENT, false, true},
        {RETRY_THROTTLED, true, true}, {RETRY_SERVER, false, true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(llmd__retry_allowed(rows[i].class, false), rows[i].post);
        assert_int_equal(llmd__retry_allowed(rows[i].class, true), rows[i].get);
    }
}

static void test_tries(void **state)
{
    (void)state;
    assert_int_equal(llmd__retry_tries(RETRY_TRANSIENT, true, false), 3);
    assert_int_equal(llmd__retry_tries(RETRY_SERVER, true, true), 3);
    assert_true(llmd__retry_tries(RETRY_TRANSIENT, false, true) > 1000000);
    assert_true(llmd__retry_tries(RETRY_THROTTLED, true, true) > 1000000);
    /* Who has answered once may only restart. */
    assert_true(llmd__retry_tries(RETRY_NOT_SENT, true, true) > 1000000);
    assert_int_equal(llmd__retry_tries(RETRY_NOT_SENT, false, true), 6);
    assert_int_equal(llmd__retry_tries(RETRY_NOT_SENT, false, false), 3);
}

static void test_delay(void **state)
{
    static const struct {
        int attempt;
        int64_t retry_after_ms;
        double random;
        int64_t want;
    } rows[] = {
        {0, -1, 0.0, 0},          {0, -1, 0.5, 250},
        {1, -1, 0.5, 500},        {2, -1, 0.5, 1000},
        {3, -1, 0.5, 2000},       {4, -1, 0.5, 4000},
        {40, -1, 0.5, 4000},      {0, 0, 0.5, 0},
        {1, 0, 0.5, 500},         {0, 1500, 0.9, 1500},
        {3, 1500, 0.9, 3600},     {0, 120000, 0.5, 120000},
        {0, 999999, 0.5, 120000}, {9, INT64_MAX, 0.9, 120000},
        {-1, -1, 0.5, 250},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(
            llmd__retry_delay_ms(rows[i].attempt, rows[i].retry_after_ms, rows[i].random),
            rows[i].want);
}

static void test_retry_after(void **state)
{
    /* 784111777 is RFC 9110's example: Sun, 06 Nov 1994 08:49:37 GMT. */
    const int64_t now = INT64_C(784111777000);
    static const struct {
        const char *header;
        int64_t want;
    } rows[] = {
        {NULL, -1},
        {"", -1},
        {"0", 0},
        {"3", 3000},
        {" 3 ", 3000},
        {"1.5", 1500},
        {"0.25", 250},
        {"2.0004", 2000},
        {"99999999999999999999", INT64_C(9999999990) * 1000},
        {"-1", -1},
        {"3x", -1},
        {"soon", -1},
        {"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
        {"Sunday, 06-Nov-94 08:49:47 GMT", 10000},
        {"Sun Nov  6 08:49:47 1994", 10000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:00:00 GMT", 0},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int64_t got = llmd__retry_after_ms(rows[i].header, now);
        if (rows[i].want > 1000000) /* capped somewhere huge, and never negative */
            assert_true(got > 1000000);
        else
            assert_int_equal(got, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class),       cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_tries),       cmocka_unit_test(test_delay),
        cmocka_unit_test(test_retry_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
