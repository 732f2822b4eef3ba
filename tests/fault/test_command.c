/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens from programs: small shell scripts that count how often they are run. */
#include "auth/credentials.h"
#include "support/folder.h"
#include "support/place.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Each run leaves one byte in "runs". */
static char *argv_json(const char *body)
{
    AUTO(str) char *script = llmd__format("printf x >>%s/runs\n%s", folder, body);

    folder_script("program", script);
    return llmd__format("[\"%s/program\", \"one\", \"two words\"]", folder);
}

static int set_up(void **state)
{
    char path[256];

    (void)state;
    snprintf(path, sizeof path, "%s/runs", folder);
    unlink(path);
    return 0;
}

static llmd_error *token_of(const char *argv, bool refresh, struct buf *header)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    TRY(llmd_credentials_from_command(argv, &credentials));
    struct http_auth auth = llmd__credentials_auth(credentials);
    llmd_error *error = auth.authorize(NULL, auth.data, refresh, header);
    auth.free(auth.data);
    return error;
}

static void test_outputs(void **state)
{
    static const struct {
        const char *body;
        const char *header;
        llmd_code code;
        const char *words;
    } rows[] = {
        {"echo abc", "Bearer abc", LLMD_OK, NULL},
        {"echo; echo ' abc'; echo more", "Bearer abc", LLMD_OK, NULL},
        {"[ $# = 2 ] && [ \"$2\" = 'two words' ] && echo abc", "Bearer abc", LLMD_OK, NULL},
        {"echo '{\"access_token\":\"abc\"}'", "Bearer abc", LLMD_OK, NULL},
        {"echo '{\"credential\":{\"access_token\":\"abc\",\"token_expiry\":"
         "\"2100-01-01T00:00:00Z\"}}'",
         "Bearer abc", LLMD_OK, NULL},
        {"echo '{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"abc\"}}'", "Bearer abc",
         LLMD_OK, NULL},
        {"true", "", LLMD_E_PROTOCOL, "the first line of its output is empty"},
        {"echo 'not s3cret logged in'", "", LLMD_E_PROTOCOL,
         "first line of its output has a space"},
        {"echo '{\"access_token\":\"s3cret'", "", LLMD_E_PROTOCOL, "begins like JSON"},
        {"echo '{\"s3cret\":1}'", "", LLMD_E_PROTOCOL, "there is no token"},
        {"echo s3cret; echo 'You do not have an active account' >&2; exit 1", "", LLMD_E_FAILED,
         "exit status 1: You do not have an active account"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(str) char *argv = argv_json(rows[i].body);
        AUTO(buf) struct buf header = BUF_INIT;
        llmd_error *error = token_of(argv, false, &header);
        assert_null(strstr(llmd_error_message(error), "s3cret"));
        assert_string_equal(llmd__buf_text(&header), rows[i].header);
        if (rows[i].words)
            assert_error(error, rows[i].code, rows[i].words);
        else
            assert_null(error);
    }
}

static void test_bad_argv(void **state)
{
    static const struct {
        const char *argv;
        llmd_code code;
        const char *words;
    } rows[] = {
        {"gcloud auth", LLMD_E_INVALID, "token command"},
        {"\"gcloud\"", LLMD_E_INVALID, "want a JSON array of strings"},
        {"[]", LLMD_E_INVALID, "want a JSON array of strings"},
        {"[\"\"]", LLMD_E_INVALID, "want a JSON array of strings"},
        {"[\"a\", 1]", LLMD_E_INVALID, "want strings, got an integer"},
        {"[\"llmd-no-such-program\"]", LLMD_E_NOT_FOUND, "no such program in PATH"},
        {NULL, LLMD_E_INVALID, "argv_json is NULL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(buf) struct buf header = BUF_INIT;
        assert_error(token_of(rows[i].argv, false, &header), rows[i].code, rows[i].words);
    }
}

static void assert_token(const struct http_auth *auth, bool refresh, size_t runs)
{
    AUTO(buf) struct buf header = BUF_INIT;

    assert_null(auth->authorize(NULL, auth->data, refresh, &header));
    assert_int_equal(folder_size("runs"), runs);
}

/* Kept, since nothing is known of its end; run again after a refusal. */
static void test_runs(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    AUTO(str) char *argv = argv_json("echo abc");

    (void)state;
    assert_null(llmd_credentials_from_command(argv, &credentials));
    assert_int_equal(folder_size("runs"), 0);
    struct http_auth auth = llmd__credentials_auth(credentials);
    assert_token(&auth, false, 1);
    assert_token(&auth, false, 1);
    assert_token(&auth, true, 2);
    assert_token(&auth, false, 2);
    auth.free(auth.data);
    AUTO(str) char *want = llmd__format("{\"kind\":\"command\",\"source\":\"%s/program\"}", folder);
    assert_string_equal(llmd_credentials_describe(credentials), want);
}

static void *ask(void *data)
{
    struct http_auth *auth = data;
    struct buf header = BUF_INIT;

    llmd_error_free(auth->authorize(NULL, auth->data, false, &header));
    llmd__buf_free(&header);
    return NULL;
}

static void test_threads_cause_one_run(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    AUTO(str) char *argv = argv_json("sleep 0.2; echo abc");
    pthread_t threads[20];

    (void)state;
    assert_null(llmd_credentials_from_command(argv, &credentials));
    struct http_auth auth = llmd__credentials_auth(credentials);
    for (int i = 0; i < 20; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &auth), 0);
    for (int i = 0; i < 20; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(folder_size("runs"), 1);
    auth.free(auth.data);
}

static void test_deadline(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    AUTO(str) char *argv = argv_json("sleep 60; echo abc");
    AUTO(buf) struct buf header = BUF_INIT;

    (void)state;
    assert_null(llmd_credentials_from_command(argv, &credentials));
    llmd_context_set_timeout_ms(ctx, 100);
    struct http_auth auth = llmd__credentials_auth(credentials);
    assert_error(auth.authorize(ctx, auth.data, false, &header), LLMD_E_TIMEOUT, "token command");
    auth.free(auth.data);
}

static llmd_error *get_token(void *argv)
{
    AUTO(buf) struct buf header = BUF_INIT;

    return token_of(argv, false, &header);
}

static void test_without_memory(void **state)
{
    AUTO(str) char *argv = argv_json("echo '{\"token\":\"abc\",\"expires_in\":60}'");

    (void)state;
    assert_true(torture(get_token, argv) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_outputs, set_up),
        cmocka_unit_test_setup(test_bad_argv, set_up),
        cmocka_unit_test_setup(test_runs, set_up),
        cmocka_unit_test_setup(test_threads_cause_one_run, set_up),
        cmocka_unit_test_setup(test_deadline, set_up),
        cmocka_unit_test_setup(test_without_memory, set_up),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
