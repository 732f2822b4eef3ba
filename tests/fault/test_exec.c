/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run, and exec plugins: small shell scripts in a folder of their own. */
#include "auth/exec.h"
#include "auth/process.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/llmd-exec-XXXXXX";

static void write_file(const char *name, const char *text, int mode)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, (mode_t)mode);
}

static void write_script(const char *name, const char *body)
{
    char text[4096];

    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
    write_file(name, text, 0755);
}

static size_t file_size(const char *name)
{
    char path[256];
    struct stat info;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &info) ? 0 : (size_t)info.st_size;
}

static int set_up_group(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down_group(void **state)
{
    DIR *open = opendir(folder);
    struct dirent *entry;
    char path[512];

    (void)state;
    while (open && (entry = readdir(open)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(open);
    return rmdir(folder);
}

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

/* Only the three standard descriptors; ls itself opens one more. */
static void test_descriptors(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;
    int leaked = dup(STDOUT_FILENO);

    (void)state;
    assert_null(shell(NULL, "ls /proc/$$/fd | tr '\\n' ' '", &out));
    assert_string_equal(llmd__buf_text(&out), "0 1 2 ");
    close(leaked);
}

static void assert_error(llmd_error *error, llmd_code code, const char *words)
{
    assert_non_null(error);
    if (llmd_error_code(error) != code || !strstr(llmd_error_message(error), words))
        print_error("got %s: %s\n", llmd_code_name(llmd_error_code(error)),
                    llmd_error_message(error));
    assert_int_equal(llmd_error_code(error), code);
    assert_non_null(strstr(llmd_error_message(error), words));
    llmd_error_free(error);
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
    write_file("plain.txt", "text", 0644);
    snprintf(path, sizeof path, "%s/plain.txt", folder);
    const char *const plain[] = {path, NULL};
    assert_error(llmd__process_run(NULL, &(struct process){.argv = plain}, &out), LLMD_E_DENIED,
                 "may not be run");
}

/* The program and what it started are killed, and nothing is left to wait for. */
static void test_killed_with_the_context(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    int64_t before = llmd__clock_mono_ms();

    (void)state;
    llmd_context_set_timeout_ms(ctx, 300);
    assert_error(shell(ctx, "sleep 60 & echo $! > grandchild; wait", &out), LLMD_E_TIMEOUT, "sh: ");
    assert_true(llmd__clock_mono_ms() - before < 20000);
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
}

/* A daemon that keeps the pipe open does not keep us. */
static void test_left_behind(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;

    (void)state;
    assert_null(shell(NULL, "sleep 3 & echo done", &out));
    assert_string_equal(llmd__buf_text(&out), "done\n");
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
    write_script("plugin", script);
    write_file("runs", "", 0644);
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
    assert_int_equal(file_size("runs"), strlen("run\n"));
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
    assert_true(file_size("runs") < 5 * strlen("run\n"));
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
    while (file_size("runs") == 0)
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
    while (file_size("runs") == 0)
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
    assert_null(shell(NULL, "cat args profile; echo; cat info", &seen));
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
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_killed_with_the_context),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_bad_specs),
        cmocka_unit_test(test_cached_until_it_expires),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_one_run_for_many_threads),
        cmocka_unit_test(test_one_failure_for_many_threads),
        cmocka_unit_test(test_runner_gives_up),
        cmocka_unit_test(test_waiter_gives_up),
        cmocka_unit_test(test_plugin_failures),
        cmocka_unit_test(test_what_the_plugin_sees),
        cmocka_unit_test(test_certificate),
    };

    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
