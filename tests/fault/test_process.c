/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run: what they get, how they end, and that nothing is left of them. */
#include "auth/process.h"
#include "support/folder.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static llmd_error *shell(llmd_context *ctx, const char *script, struct buf *out)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const char *const env[] = {"LLMD_TEST_ADDED=one two", "HOME=/nowhere", NULL};
    const struct process process = {.argv = argv, .env = env, .dir = folder};

    return llmd__process_run(ctx, &process, out);
}

static void test_output(void **state)
{
    static const struct {
        const char *script;
        const char *want;
    } rows[] = {
        {"echo hello", "hello\n"},
        {"printf '%s' \"$LLMD_TEST_ADDED\"", "one two"},
        {"printf '%s' \"$HOME\"", "/nowhere"},
        {"env | grep -c '^HOME='", "1\n"},
        {"cat", ""},
        {"echo noise >&2; echo fine", "fine\n"},
        {"exec 1>&-; sleep 0.05", ""},
        {"i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; "
         "i=$((i+1)); done | tail -c 5",
         "6789\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(buf) struct buf out = BUF_INIT;
        llmd_error *error = shell(NULL, rows[i].script, &out);
        if (error)
            print_error("%s: %s\n", rows[i].script, llmd_error_message(error));
        assert_null(error);
        assert_string_equal(llmd__buf_text(&out), rows[i].want);
    }
}

static void test_folder(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;

    (void)state;
    assert_null(shell(NULL, "pwd", &out));
    assert_int_equal(strncmp(llmd__buf_text(&out), folder, strlen(folder)), 0);
}

/* Only the three standard descriptors. Looked for one by one, because listing opens some. */
static void test_descriptors(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;
    int leaked = dup(STDOUT_FILENO);

    (void)state;
    assert_true(leaked > 2 && leaked < 256);
    assert_null(shell(NULL,
                      "i=0; while [ $i -lt 256 ]; do "
                      "[ -e /proc/$$/fd/$i ] && printf '%s ' $i; i=$((i+1)); done",
                      &out));
    assert_string_equal(llmd__buf_text(&out), "0 1 2 ");
    close(leaked);
}

static void test_failures(void **state)
{
    static const struct {
        const char *script;
        llmd_code code;
        const char *words;
    } rows[] = {
        {"exit 3", LLMD_E_FAILED, "sh: exit status 3"},
        {"echo one >&2; echo 'two words' >&2; exit 1", LLMD_E_FAILED, "exit status 1: two words"},
        {"echo 'F1 ERROR: no account. Run:' >&2; echo '  login' >&2; echo ')' >&2; exit 1",
         LLMD_E_FAILED, "exit status 1: F1 ERROR: no account. Run:"},
        {"echo reason >&2; echo ')' >&2; exit 1", LLMD_E_FAILED, "exit status 1: reason"},
        {"kill -9 $$", LLMD_E_FAILED, "signal 9"},
        {"head -c 2000000 /dev/zero | tr '\\0' x", LLMD_E_TOO_LARGE, "sh"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(buf) struct buf out = BUF_INIT;
        assert_error(shell(NULL, rows[i].script, &out), rows[i].code, rows[i].words);
    }
    const char *const missing[] = {"llmd-no-such-program", NULL};
    AUTO(buf) struct buf out = BUF_INIT;
    assert_error(llmd__process_run(NULL, &(struct process){.argv = missing}, &out),
                 LLMD_E_NOT_FOUND, "llmd-no-such-program: no such program in PATH");
    char path[256];
    folder_write("plain.txt", "text", 0644);
    snprintf(path, sizeof path, "%s/plain.txt", folder);
    const char *const plain[] = {path, NULL};
    assert_error(llmd__process_run(NULL, &(struct process){.argv = plain}, &out), LLMD_E_DENIED,
                 "may not be run");
}

static void *cancel_with_grandchild(void *ctx)
{
    while (folder_size("grandchild") == 0)
        usleep(1000);
    llmd_context_cancel(ctx);
    return NULL;
}

/* The program and what it started are killed, and nothing is left to wait for. */
static void test_killed_with_the_context(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, cancel_with_grandchild, ctx);
    assert_error(shell(ctx, "sleep 60 & echo $! > grandchild; wait", &out), LLMD_E_CANCELED,
                 "sh: ");
    pthread_join(thread, NULL);
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    char path[256];
    snprintf(path, sizeof path, "%s/grandchild", folder);
    FILE *file = fopen(path, "r");
    int pid = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    /* Gone, or a zombie that init has not yet collected. */
    for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++) {
        char stat_path[64], line[256] = "";
        snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", pid);
        file = fopen(stat_path, "r");
        if (file && fgets(line, sizeof line, file) && strstr(line, ") Z")) {
            fclose(file);
            return;
        }
        if (file)
            fclose(file);
        usleep(1000);
    }
    assert_int_not_equal(kill(pid, 0), 0);
}

static void *cancel_soon(void *ctx)
{
    usleep(50000);
    llmd_context_cancel(ctx);
    return NULL;
}

static void test_canceled(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, cancel_soon, ctx);
    assert_error(shell(ctx, "sleep 60", &out), LLMD_E_CANCELED, "sh: ");
    pthread_join(thread, NULL);
    LLMD_AUTO(llmd_context) late = llmd_context_new();
    llmd_context_set_timeout_ms(late, 30);
    assert_error(shell(late, "sleep 60", &out), LLMD_E_TIMEOUT, "sh: ");
}

/* Its own time limit is not the caller's: the program is at fault. */
static void test_too_slow(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;
    const char *const argv[] = {"sh", "-c", "echo begun; sleep 60", NULL};
    const struct process process = {.argv = argv, .timeout_ms = 100};

    (void)state;
    assert_error(llmd__process_run(NULL, &process, &out), LLMD_E_FAILED, "sh: not done after");
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* A daemon that keeps the pipe open does not keep us. */
static void test_left_behind(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;

    (void)state;
    assert_null(shell(NULL, "sleep 3 & echo done", &out));
    assert_string_equal(llmd__buf_text(&out), "done\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_killed_with_the_context),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_too_slow),
        cmocka_unit_test(test_left_behind),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
