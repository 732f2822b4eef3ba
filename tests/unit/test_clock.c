/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct row {
    const char *text;
    bool valid;
    int64_t ms;
};

/* Values from `date -u -d TEXT +%s`. */
static const struct row rfc3339[] = {
    {"1970-01-01T00:00:00Z", true, 0},
    {"2026-11-24T10:00:00Z", true, 1795514400000},
    {"2026-11-24t10:00:00z", true, 1795514400000},
    {"2026-11-24 10:00:00Z", true, 1795514400000},
    {"2026-11-24T10:00:00.5Z", true, 1795514400500},
    {"2026-11-24T10:00:00.123456789Z", true, 1795514400123},
    {"2026-11-24T12:00:00+02:00", true, 1795514400000},
    {"2026-11-24T04:30:00-05:30", true, 1795514400000},
    {"2024-02-29T23:59:59Z", true, 1709251199000},
    {"2000-02-29T00:00:00Z", true, 951782400000},
    {"2016-12-31T23:59:60Z", true, 1483228800000},
    {"1969-12-31T23:59:59.999Z", true, -1},
    {"0001-01-01T00:00:00Z", true, -62135596800000},
    {"2023-02-29T00:00:00Z", false, 0},
    {"1900-02-29T00:00:00Z", false, 0},
    {"2026-13-01T00:00:00Z", false, 0},
    {"2026-00-01T00:00:00Z", false, 0},
    {"2026-11-31T00:00:00Z", false, 0},
    {"2026-11-24T24:00:00Z", false, 0},
    {"2026-11-24T10:60:00Z", false, 0},
    {"2026-11-24T10:00:61Z", false, 0},
    {"2026-11-24T10:00:00", false, 0},
    {"2026-11-24T10:00:00.Z", false, 0},
    {"2026-11-24T10:00:00+0200", false, 0},
    {"2026-11-24T10:00:00+24:00", false, 0},
    {"2026-11-24T10:00:00Zx", false, 0},
    {"2026-11-24", false, 0},
    {"26-11-24T10:00:00Z", false, 0},
    {"", false, 0},
    {NULL, false, 0},
};

/* The three examples of RFC 9110 5.6.7, and what is near them. */
static const struct row http[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", true, 784111777000},
    {"Sunday, 06-Nov-94 08:49:37 GMT", true, 784111777000},
    {"Sun Nov  6 08:49:37 1994", true, 784111777000},
    {"Wed Nov 16 08:49:37 1994", true, 784975777000},
    {"Tue, 24-Nov-26 10:00:00 GMT", true, 1795514400000},
    {"Sun, 06 Nov 1994 08:49:37", false, 0},
    {"Sun, 06 Nov 1994 08:49:37 UTC", false, 0},
    {"Sun, 6 Nov 1994 08:49:37 GMT", false, 0},
    {"Sun, 06 Xyz 1994 08:49:37 GMT", false, 0},
    {"Sun, 31 Feb 1994 08:49:37 GMT", false, 0},
    {"Sun Nov  6 08:49:37 1994 x", false, 0},
    {"120", false, 0},
    {"", false, 0},
    {NULL, false, 0},
};

static void check(const struct row *row, bool (*parse)(const char *, int64_t *))
{
    int64_t ms = 0;

    if (parse(row->text, &ms) != row->valid || ms != row->ms)
        fail_msg("%s: got %lld", row->text ? row->text : "NULL", (long long)ms);
}

static void test_rfc3339(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rfc3339) / sizeof(*rfc3339); i++)
        check(&rfc3339[i], llmd__clock_parse);
}

static void test_http_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(http) / sizeof(*http); i++)
        check(&http[i], llmd__clock_parse_http);
}

static void test_format(void **state)
{
    char text[32];
    int64_t back;

    (void)state;
    llmd__clock_format(1795514400123, text);
    assert_string_equal(text, "2026-11-24T10:00:00.123Z");
    llmd__clock_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    llmd__clock_format(INT64_MAX, text);
    for (int64_t ms = -5000000000000; ms < 5000000000000; ms += 123456789123) {
        llmd__clock_format(ms, text);
        assert_true(llmd__clock_parse(text, &back));
        assert_int_equal(back, ms);
    }
}

static void test_clocks_run(void **state)
{
    int64_t before = llmd__clock_mono_us();

    (void)state;
    assert_true(llmd__clock_mono_us() >= before);
    assert_true(llmd__clock_mono_ms() >= before / 1000);
    /* Not before this was written. */
    assert_true(llmd__clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3339),
        cmocka_unit_test(test_http_dates),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_clocks_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
