/* SPDX-License-Identifier: Apache-2.0 */
/* Exec plugins: small shell scripts that count how often they are run. */
#include "auth/exec.h"
#include "base/file.h"
#include "support/folder.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_into(const char *name, struct buf *seen)
{
    AUTO(str) char *path = llmd__format("%s/%s", folder, name);
    struct buf text = BUF_INIT;

    assert_null(llmd__file_read(path, 65536, &text));
    llmd__buf_str(seen, llmd__buf_text(&text));
    llmd__buf_free(&text);
}

static void *cancel_soon(void *ctx)
{
    usleep(50000);
    llmd_context_cancel(ctx);
    return NULL;
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        const char *token;
        const char *cert;
        int64_t expires_ms;
        const char *words; /* of the error; NULL: none */
    } rows[] = {
        {"{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
         "\"status\":{\"token\":\"abc\",\"expirationTimestamp\":\"1970-01-01T00:00:10Z\"}}",
         "abc", NULL, 10000, NULL},
        {"{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"abc\"}}", "abc", NULL, 0, NULL},
        {"{\"kind\":\"ExecCredential\",\"status\":{\"clientCertificateData\":\"C\","
         "\"clientKeyData\":\"K\"}}",
         NULL, "C", 0, NULL},
        {"{\"kind\":\"ExecCredential\",\"status\":{\"clientCertificateData\":\"C\"}}", NULL, NULL,
         0, "go together"},
        {"{\"kind\":\"ExecCredential\",\"status\":{}}", NULL, NULL, 0, "neither a token"},
        {"{\"kind\":\"ExecCredential\"}", NULL, NULL, 0, "neither a token"},
        {"{\"kind\":\"Secret\",\"status\":{\"token\":\"abc\"}}", NULL, NULL, 0,
         "not an ExecCredential"},
        {"{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"a\\nb\"}}", NULL, NULL, 0,
         "line break"},
        {"{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"abc\",\"expirationTimestamp\":"
         "\"soon\"}}",
         NULL, NULL, 0, "not a time"},
        {"{\"token\":\"secret-token\",\"token\":\"secret-token\"}", NULL, NULL, 0, "not JSON"},
        {"secret-token", NULL, NULL, 0, "not JSON"},
        {"", NULL, NULL, 0, "not JSON"},
        {"[]", NULL, NULL, 0, "not an ExecCredential"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exec_credential credential;
        llmd_error *error = llmd__exec_parse(rows[i].text, strlen(rows[i].text), &credential);
        if (rows[i].words) {
            assert_null(strstr(llmd_error_message(error), "secret-token"));
            assert_error(error, LLMD_E_PROTOCOL, rows[i].words);
            assert_null(credential.token);
            continue;
        }
        assert_null(error);
        assert_int_equal(credential.token != NULL, rows[i].token != NULL);
        if (rows[i].token)
            assert_string_equal(credential.token, rows[i].token);
        if (rows[i].cert)
            assert_string_equal(credential.cert_pem, rows[i].cert);
        assert_int_equal(credential.expires_wall_ms, rows[i].expires_ms);
        llmd__exec_credential_free(&credential);
    }
}

#define V1 "'apiVersion':'client.authentication.k8s.io/v1','interactiveMode':'IfAvailable'"

/* Quotes are single in the tables. */
static struct json *json_of(const char *text)
{
    AUTO(str) char *copy = llmd__strdup(text);
    struct json *json = NULL;

    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    assert_null(llmd__json_parse(copy, strlen(copy), "test", &json));
    return json;
}

static llmd_error *open_plugin(const char *spec, const char *cluster, struct exec_plugin **out)
{
    AUTO(json) struct json *json = json_of(spec);
    AUTO(json) struct json *info = cluster ? json_of(cluster) : NULL;

    return llmd__exec_open(json, folder, info, out);
}

static void test_bad_specs(void **state)
{
    static const struct {
        const char *spec;
        const char *words;
    } rows[] = {
        {"{" V1 "}", "command is missing"},
        {"{'command':'x','apiVersion':'client.authentication.k8s.io/v1alpha1'}",
         "v1alpha1\" is not supported"},
        {"{'command':'x','apiVersion':'client.authentication.k8s.io/v1'}",
         "interactiveMode is missing"},
        {"{'command':'x','apiVersion':'client.authentication.k8s.io/v1','interactiveMode':"
         "'Always'}",
         "wants a terminal"},
        {"{'command':'x','apiVersion':'client.authentication.k8s.io/v1','interactiveMode':"
         "'Sometimes'}",
         "\"Sometimes\" is unknown"},
        {"{'command':'x'," V1 ",'env':[{'value':'v'}]}", "env"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exec_plugin *plugin = NULL;
        assert_error(open_plugin(rows[i].spec, NULL, &plugin), LLMD_E_INVALID, rows[i].words);
        assert_null(plugin);
    }
}

static void assert_token(struct exec_plugin *plugin, bool refresh, const char *want)
{
    AUTO(buf) struct buf header = BUF_INIT;
    llmd_error *error = llmd__exec_authorize(NULL, plugin, refresh, &header);

    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    assert_string_equal(llmd__buf_text(&header), want);
}

/* The token tells how often the script has run. */
#define COUNTING(expiry)                                                                           \
    "echo run >> runs\n"                                                                           \
    "echo \"{\\\"kind\\\":\\\"ExecCredential\\\",\\\"apiVersion\\\":"                              \
    "\\\"client.authentication.k8s.io/v1\\\",\\\"status\\\":{\\\"token\\\":\\\"t$(wc -l < "        \
    "runs)\\\"" expiry "}}\""

static struct exec_plugin *open_script(const char *body)
{
    struct exec_plugin *plugin = NULL;
    char script[4096];

    snprintf(script, sizeof script, "cd %s\n%s", folder, body);
    folder_script("plugin", script);
    folder_write("runs", "", 0644);
    assert_null(open_plugin("{'command':'./plugin'," V1 "}", NULL, &plugin));
    return plugin;
}

static void test_cached_until_it_expires(void **state)
{
    static const struct {
        const char *script;
        const char *second;
    } rows[] = {
        {COUNTING(""), "Bearer t1"},
        {COUNTING(",\\\"expirationTimestamp\\\":\\\"2999-01-01T00:00:00Z\\\""), "Bearer t1"},
        {COUNTING(",\\\"expirationTimestamp\\\":\\\"2001-01-01T00:00:00Z\\\""), "Bearer t2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exec_plugin *plugin = open_script(rows[i].script);
        assert_token(plugin, false, "Bearer t1");
        assert_token(plugin, false, rows[i].second);
        llmd__exec_free(plugin);
    }
}

/* A 401 right after a run is about the token from before it. */
static void test_refresh(void **state)
{
    struct exec_plugin *plugin = open_script(COUNTING(""));

    (void)state;
    assert_token(plugin, true, "Bearer t1");
    assert_token(plugin, true, "Bearer t1");
    llmd__exec_free(plugin);
}

static void *ask(void *plugin)
{
    assert_token(plugin, false, "Bearer t1");
    return NULL;
}

static void test_one_run_for_many_threads(void **state)
{
    struct exec_plugin *plugin = open_script("sleep 0.2\n" COUNTING(""));
    pthread_t threads[10];

    (void)state;
    for (int i = 0; i < 10; i++)
        pthread_create(&threads[i], NULL, ask, plugin);
    for (int i = 0; i < 10; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(folder_size("runs"), strlen("run\n"));
    llmd__exec_free(plugin);
}

struct failing {
    struct exec_plugin *plugin;
    llmd_context *ctx;
    llmd_code code;
};

static void *ask_in_vain(void *data)
{
    struct failing *failing = data;
    AUTO(buf) struct buf header = BUF_INIT;
    llmd_error *error = llmd__exec_authorize(failing->ctx, failing->plugin, false, &header);

    failing->code = llmd_error_code(error);
    llmd_error_free(error);
    return NULL;
}

static void test_one_failure_for_many_threads(void **state)
{
    struct exec_plugin *plugin = open_script("echo run >> runs; sleep 0.3; exit 1");
    struct failing failing[5] = {0};
    pthread_t threads[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        failing[i].plugin = plugin;
        pthread_create(&threads[i], NULL, ask_in_vain, &failing[i]);
    }
    for (int i = 0; i < 5; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failing[i].code, LLMD_E_FAILED);
    }
    assert_true(folder_size("runs") < 5 * strlen("run\n"));
    llmd__exec_free(plugin);
}

/* The one who runs it gives up; the one who waits runs it again. */
static void test_runner_gives_up(void **state)
{
    struct exec_plugin *plugin =
        open_script("[ -s runs ] || { echo run >> runs; sleep 60; }\n" COUNTING(""));
    struct failing failing = {.plugin = plugin, .ctx = llmd_context_new()};
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, ask_in_vain, &failing);
    while (folder_size("runs") == 0)
        usleep(1000);
    pthread_t canceler;
    pthread_create(&canceler, NULL, cancel_soon, failing.ctx);
    assert_token(plugin, false, "Bearer t2");
    pthread_join(thread, NULL);
    pthread_join(canceler, NULL);
    assert_int_equal(failing.code, LLMD_E_CANCELED);
    llmd_context_free(failing.ctx);
    llmd__exec_free(plugin);
}

static void test_waiter_gives_up(void **state)
{
    struct exec_plugin *plugin = open_script("echo run >> runs; sleep 60");
    struct failing runner = {.plugin = plugin, .ctx = llmd_context_new()};
    struct failing waiter = {.plugin = plugin, .ctx = llmd_context_new()};
    pthread_t thread;

    (void)state;
    pthread_create(&thread, NULL, ask_in_vain, &runner);
    while (folder_size("runs") == 0)
        usleep(1000);
    llmd_context_set_timeout_ms(waiter.ctx, 30);
    ask_in_vain(&waiter);
    assert_int_equal(waiter.code, LLMD_E_TIMEOUT);
    llmd_context_cancel(runner.ctx);
    pthread_join(thread, NULL);
    assert_int_equal(runner.code, LLMD_E_CANCELED);
    llmd_context_free(runner.ctx);
    llmd_context_free(waiter.ctx);
    llmd__exec_free(plugin);
}

static bool on_second_look(void *looks)
{
    return ++*(int *)looks > 1;
}

/* Ctrl-C in an interpreter: the hook cancels from inside the wait. */
static void test_waiter_is_interrupted(void **state)
{
    struct exec_plugin *plugin = open_script("echo run >> runs; sleep 60");
    struct failing runner = {.plugin = plugin, .ctx = llmd_context_new()};
    struct failing waiter = {.plugin = plugin, .ctx = llmd_context_new()};
    pthread_t thread;
    int looks = 0;

    (void)state;
    pthread_create(&thread, NULL, ask_in_vain, &runner);
    while (folder_size("runs") == 0)
        usleep(1000);
    llmd_context_set_poll(waiter.ctx, on_second_look, &looks);
    alarm(10); /* a waiter that locks itself out never comes back */
    ask_in_vain(&waiter);
    alarm(0);
    assert_int_equal(waiter.code, LLMD_E_CANCELED);
    llmd_context_cancel(runner.ctx);
    pthread_join(thread, NULL);
    llmd_context_free(runner.ctx);
    llmd_context_free(waiter.ctx);
    llmd__exec_free(plugin);
}

static void authorize_fails(struct exec_plugin *plugin, llmd_code code, const char *words,
                            const char *advice)
{
    AUTO(buf) struct buf header = BUF_INIT;
    llmd_error *error = llmd__exec_authorize(NULL, plugin, false, &header);

    assert_non_null(error);
    assert_non_null(strstr(llmd_error_advice(error), advice));
    assert_null(strstr(llmd_error_message(error), "secret"));
    assert_error(error, code, words);
    llmd__exec_free(plugin);
}

static void test_plugin_failures(void **state)
{
    struct exec_plugin *plugin = NULL;

    (void)state;
    assert_null(open_plugin(
        "{'command':'llmd-no-such-plugin'," V1 ",'installHint':'apt install it'}", NULL, &plugin));
    authorize_fails(plugin, LLMD_E_NOT_FOUND, "exec plugin: llmd-no-such-plugin: no such program",
                    "apt install it");
    assert_null(open_plugin("{'command':'llmd-no-such-plugin'," V1 "}", NULL, &plugin));
    authorize_fails(plugin, LLMD_E_NOT_FOUND, "no such program", "install it");
    authorize_fails(open_script("echo 'You are not logged in' >&2; exit 2"), LLMD_E_FAILED,
                    "exit status 2: You are not logged in", "log in");
    authorize_fails(open_script("echo '{\"secret'"), LLMD_E_PROTOCOL, "not JSON", "");
    authorize_fails(open_script("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                                "\"client.authentication.k8s.io/v1beta1\",\"status\":"
                                "{\"token\":\"secret\"}}'"),
                    LLMD_E_PROTOCOL, "configured for API version client.authentication.k8s.io/v1, ",
                    "apiVersion");
}

/* What the plugin gets: its arguments as they are, its variables, and the cluster's data. */
static void test_what_the_plugin_sees(void **state)
{
    static const char *const script = "printf '%s\\n' \"$@\" > args\n"
                                      "printf '%s' \"$KUBERNETES_EXEC_INFO\" > info\n"
                                      "printf '%s' \"$AWS_PROFILE\" > profile\n" COUNTING("");
    struct exec_plugin *plugin = open_script(script);
    AUTO(buf) struct buf seen = BUF_INIT;

    (void)state;
    llmd__exec_free(plugin);
    assert_null(open_plugin("{'command':'./plugin'," V1
                            ",'args':['get-token','a b','$HOME;'],'provideClusterInfo':true,"
                            "'env':[{'name':'AWS_PROFILE','value':'dev'}]}",
                            "{'server':'https://10.0.0.1'}", &plugin));
    assert_token(plugin, false, "Bearer t1");
    llmd__exec_free(plugin);
    read_into("args", &seen);
    read_into("profile", &seen);
    llmd__buf_char(&seen, '\n');
    read_into("info", &seen);
    assert_string_equal(llmd__buf_text(&seen),
                        "get-token\na b\n$HOME;\ndev\n"
                        "{\"apiVersion\":\"client.authentication.k8s.io/v1\","
                        "\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false,"
                        "\"cluster\":{\"server\":\"https://10.0.0.1\"}}}");
    assert_null(getenv("KUBERNETES_EXEC_INFO"));
}

static void test_certificate(void **state)
{
    struct exec_plugin *plugin = open_script(
        "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
        "\"status\":{\"clientCertificateData\":\"CERT\",\"clientKeyData\":\"KEY\"}}'");
    AUTO(buf) struct buf cert = BUF_INIT;
    AUTO(buf) struct buf key = BUF_INIT;

    (void)state;
    assert_int_equal(llmd__exec_certificates(plugin, &cert, &key), 0);
    assert_token(plugin, false, "");
    assert_int_equal(llmd__exec_certificates(plugin, &cert, &key), 1);
    assert_string_equal(llmd__buf_text(&cert), "CERT");
    assert_string_equal(llmd__buf_text(&key), "KEY");
    llmd__exec_free(plugin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_bad_specs),
        cmocka_unit_test(test_cached_until_it_expires),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_one_run_for_many_threads),
        cmocka_unit_test(test_waiter_is_interrupted),
        cmocka_unit_test(test_one_failure_for_many_threads),
        cmocka_unit_test(test_runner_gives_up),
        cmocka_unit_test(test_waiter_gives_up),
        cmocka_unit_test(test_plugin_failures),
        cmocka_unit_test(test_what_the_plugin_sees),
        cmocka_unit_test(test_certificate),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
