/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void collect(void *data, llmd_level level, const char *area, const char *line)
{
    llmd__buf_format(data, "%d %s [%s]", (int)level, area, line);
}

static void test_the_hook_gets_every_line(void **state)
{
    AUTO(buf) struct buf seen = BUF_INIT;

    (void)state;
    llmd_log_set(collect, &seen);
    assert_true(llmd__log_on("kube"));
    llmd__log(LLMD_LEVEL_WARNING, "kube", "a %s", "line");
    llmd_log_set(NULL, NULL);
    assert_string_equal(llmd__buf_text(&seen), "2 kube [a line]");
}

/* A server's words must not forge lines or drive the terminal. */
static void test_lines_stay_lines(void **state)
{
    AUTO(buf) struct buf seen = BUF_INIT;

    (void)state;
    llmd_log_set(collect, &seen);
    llmd__log(LLMD_LEVEL_DEBUG, "http", "%s", "one\ntwo\r\x1b[31m\x7f");
    llmd_log_set(NULL, NULL);
    assert_string_equal(llmd__buf_text(&seen), "0 http [one two  [31m ]");
}

/* Runs with LLMD_DEBUG=http,kube (set in main, before the first look). */
static void test_areas_of_the_environment(void **state)
{
    (void)state;
    assert_true(llmd__log_on("http"));
    assert_true(llmd__log_on("kube"));
    assert_false(llmd__log_on("ku"));
    assert_false(llmd__log_on("kubeconfig"));
    assert_false(llmd__log_on("auth"));
    assert_false(llmd__log_on(""));
}

static void test_standard_error_is_the_default(void **state)
{
    char text[200] = "";
    int ends[2];
    int saved = dup(STDERR_FILENO);

    (void)state;
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    llmd__log(LLMD_LEVEL_INFO, "http", "%d", 42);
    llmd__log(LLMD_LEVEL_INFO, "auth", "silent");
    dup2(saved, STDERR_FILENO);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "llmd: http: 42\n");
    close(ends[0]);
    close(ends[1]);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hook_gets_every_line),
        cmocka_unit_test(test_lines_stay_lines),
        cmocka_unit_test(test_areas_of_the_environment),
        cmocka_unit_test(test_standard_error_is_the_default),
    };

    setenv("LLMD_DEBUG", "http,kube", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
