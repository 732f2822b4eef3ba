/* SPDX-License-Identifier: Apache-2.0 */
/* What the sandbox makes of its command line: a wrong word stops it, it does not guess. */
#include "sandbox/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <getopt.h>
#include <stdint.h>

static int parse(struct options *options, const char *name, const char *value)
{
    char *argv[] = {(char *)(uintptr_t) "llmd-sandbox", (char *)(uintptr_t)name,
                    (char *)(uintptr_t)value, NULL};

    optind = 0; /* glibc: begin anew */
    return options_parse(options, value ? 3 : 2, argv);
}

static void test_taken(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse(&options, "--port", "65535"), 0);
    assert_int_equal(options.port, 65535);
    assert_int_equal(parse(&options, "--ttft-ms", "70000"), 0);
    assert_int_equal(options.ttft_ms, 70000);
    assert_false(options.gke_pace);
    assert_int_equal(parse(&options, "--pace", "gke"), 0);
    assert_true(options.gke_pace);
    assert_int_equal(parse(&options, "--google-fault", "stockout=ct6e"), 0);
    assert_true(options.google);
    assert_int_equal(options.google_fault_count, 1);
}

static void test_refused(void **state)
{
    static const char *const rows[][2] = {
        {"--port", "65536"},
        {"--port", "99999999"},
        {"--model-port", "80000"},
        {"--port", "-1"},
        {"--port", "abc"},
        {"--port", ""},
        {"--tpu-chips", "1.5"},
        {"--ttft-ms", "9999999999"},
        {"--time-scale", "nan"},
        {"--profile", "foo"},
        {"--pace", "fast"},
        {"--google-fault", "stock"},
        {"--google-fault", "stockouts"},
        {"--google-fault", "=x"},
        {"--nope", NULL},
        {"extra", NULL},
    };
    struct options options;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (parse(&options, rows[i][0], rows[i][1]) != 3)
            fail_msg("%s %s was taken", rows[i][0], rows[i][1] ? rows[i][1] : "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
