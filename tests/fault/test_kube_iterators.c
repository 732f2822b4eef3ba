/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, logs and waits against a scripted API server: freed meanwhile, overlong lines, deadlines.
 */
#include "support/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/kube_fixture.h"

#define PODS "/api/v1/namespaces/llm/pods"

struct rig {
    struct server *server;
    llmd_kube *kube;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    AUTO(str) char *config = NULL;

    rig->server = server_start(NULL, NULL);
    server_on_json(rig->server, "GET", "/api", 200, FIXTURE_CORE);
    server_on_json(rig->server, "GET", "/apis", 200, FIXTURE_GROUPS);
    config = llmd__format("{current-context: c, clusters: [{name: c, cluster: {server: '%s'}}], "
                          "contexts: [{name: c, context: {cluster: c, namespace: llm}}]}",
                          server_url(rig->server));
    assert_null(llmd_kube_open_text(config, NULL, &rig->kube));
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    llmd_kube_free(rig->kube);
    server_stop(rig->server);
    free(rig);
    return 0;
}

struct freeing {
    struct server *server;
    llmd_kube_list *list;
};

static void *free_when_asked(void *data)
{
    struct freeing *freeing = data;

    server_await(freeing->server, 3, 10000); /* discovery, and the list that nobody answers */
    llmd_kube_list_free(freeing->list);
    return NULL;
}

static void a_list_that_is_freed_wakes_who_is_inside(void **state)
{
    struct rig *rig = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    struct freeing freeing = {.server = rig->server};
    char *json = NULL;
    pthread_t thread;

    server_fault(rig->server, PODS "*", FAULT_STALL, 0, -1);
    assert_null(llmd_kube_list_open(rig->kube, "pods", NULL, NULL, NULL, &freeing.list));
    pthread_create(&thread, NULL, free_when_asked, &freeing);
    llmd_context_set_timeout_ms(ctx, 30000);
    LLMD_AUTO(llmd_error) error = llmd_kube_list_next(ctx, freeing.list, &json);
    pthread_join(thread, NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_CANCELED);
    assert_null(json);
}

static void a_deadline_ends_the_call_and_not_the_list(void **state)
{
    struct rig *rig = *state;
    LLMD_AUTO(llmd_kube_list) list = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    char *json = NULL;

    server_on_json(rig->server, "GET", PODS "*", 200,
                   "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[{"
                   "\"metadata\":{\"name\":\"a\"}}]}");
    server_fault(rig->server, PODS "*", FAULT_STALL, 0, 1);
    assert_null(llmd_kube_list_open(rig->kube, "pods", NULL, NULL, NULL, &list));
    llmd_context_set_timeout_ms(ctx, 100);
    LLMD_AUTO(llmd_error) error = llmd_kube_list_next(ctx, list, &json);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_null(llmd_kube_list_next(NULL, list, &json));
    assert_non_null(strstr(json, "\"kind\":\"Pod\""));
    llmd_free(json);
}

/* "x", then 17 MiB of e acute, then a short line. */
static void say_much(struct conn *conn, const struct request *request, void *data)
{
    static char piece[1 << 16];

    (void)request, (void)data;
    for (size_t i = 0; i < sizeof(piece); i += 2)
        memcpy(piece + i, "\xc3\xa9", 2);
    reply_begin_stream(conn, 200, "text/plain");
    reply_chunk(conn, "x", 1);
    for (int i = 0; i < 17 * 16; i++)
        reply_chunk(conn, piece, sizeof(piece));
    reply_chunk(conn, "\nshort\n", 7);
    reply_end_stream(conn);
}

static void a_very_long_line_is_cut(void **state)
{
    struct rig *rig = *state;
    LLMD_AUTO(llmd_kube_logs) logs = NULL;
    char *line = NULL;

    server_on(rig->server, "GET", PODS "/qwen-0/log*", say_much, NULL);
    assert_null(llmd_kube_logs_open(rig->kube, NULL, "qwen-0", NULL, false, false, -1, &logs));
    assert_null(llmd_kube_logs_next(NULL, logs, &line));
    assert_int_equal(strlen(line), (1 << 20) - 1); /* no half a character */
    assert_memory_equal(line, "x\xc3\xa9", 3);
    llmd_free(line);
    assert_null(llmd_kube_logs_next(NULL, logs, &line));
    assert_string_equal(line, "short");
    llmd_free(line);
    assert_null(llmd_kube_logs_next(NULL, logs, &line));
    assert_null(line);
}

static void say_nothing(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_begin_stream(conn, 200, "application/json");
    while (conn_wait(conn, 1000))
        continue;
}

static void answer_pods(struct conn *conn, const struct request *request, void *data)
{
    static const char list[] =
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"7\"},"
        "\"items\":[{\"metadata\":{\"name\":\"qwen\",\"namespace\":\"llm\",\"uid\":\"u\","
        "\"resourceVersion\":\"5\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"
        "\"False\",\"reason\":\"Starting\",\"message\":\"pulls its image\"}]}}]}";

    if (strstr(request->query, "watch=1"))
        say_nothing(conn, request, data);
    else
        reply_json(conn, 200, list);
}

static void answer_namespaces(struct conn *conn, const struct request *request, void *data)
{
    if (strstr(request->query, "watch=1"))
        say_nothing(conn, request, data);
    else
        reply_json(conn, 200,
                   "{\"kind\":\"NamespaceList\",\"apiVersion\":\"v1\",\"metadata\":{"
                   "\"resourceVersion\":\"7\"},\"items\":[]}");
}

static void remember(void *data, const llmd_event *event)
{
    snprintf(data, 64, "%s", llmd_event_subject(event));
}

static void expect_deadline(const struct rig *rig, const char *resource, const char *name,
                            const char *words, const char *subject)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;
    char last[64] = "";

    assert_null(llmd_kube_wait(rig->kube, resource, NULL, name, "condition=Ready", &task));
    llmd_context_set_timeout_ms(ctx, 500);
    LLMD_AUTO(llmd_error) error = llmd_task_run(ctx, task, remember, last);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    if (!strstr(llmd_error_message(error), words))
        fail_msg("%s", llmd_error_message(error));
    assert_string_equal(last, subject);
}

static void a_deadline_says_what_was_waited_for_and_seen(void **state)
{
    struct rig *rig = *state;

    server_on(rig->server, "GET", PODS "*", answer_pods, NULL);
    server_on(rig->server, "GET", "/api/v1/namespaces", answer_namespaces, NULL);
    expect_deadline(rig, "pods", "qwen",
                    "waiting for condition=Ready of pods llm/qwen, seen last: Ready=False "
                    "(Starting): pulls its image",
                    "Pod/llm/qwen");
    expect_deadline(rig, "namespaces", "n",
                    "waiting for condition=Ready of namespaces n, which does not exist",
                    "namespaces n");
    server_refuse(rig->server, true);
    server_cut_all(rig->server);
    expect_deadline(rig, "pods", "qwen", "(the last try: ", server_url(rig->server));
}

/* Long before the deadline: the address may be wrong, or the cluster is not started. */
static void nobody_listens_is_said_within_seconds(void **state)
{
    struct rig *rig = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;
    LLMD_AUTO(llmd_event) event = NULL;

    server_refuse(rig->server, true);
    assert_null(llmd_kube_wait(rig->kube, "pods", NULL, "a", "condition=Ready", &task));
    llmd_context_set_timeout_ms(ctx, 40000);
    assert_null(llmd_task_next(ctx, task, &event));
    assert_string_equal(llmd_event_subject(event), server_url(rig->server));
    assert_non_null(strstr(llmd_event_message(event), "connection refused"));
    assert_non_null(strstr(llmd_event_advice(event), "check the address"));
    LLMD_AUTO(llmd_error) error = llmd_task_run(ctx, task, NULL, NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_UNREACHABLE);
    assert_non_null(strstr(llmd_error_message(error), "tried 6 times in "));
    assert_non_null(strstr(llmd_error_message(error), server_url(rig->server)));
    assert_non_null(strstr(llmd_error_advice(error), "kubectl cluster-info"));
}

static void whoever_is_refused_hears_by_which_server(void **state)
{
    struct rig *rig = *state;
    char *text = NULL;

    server_on_json(rig->server, "GET", "/api", 401, "{\"kind\":\"Status\",\"message\":\"no\"}");
    LLMD_AUTO(llmd_error) error = llmd_kube_get(NULL, rig->kube, "pods", NULL, "a", &text);
    assert_int_equal(llmd_error_code(error), LLMD_E_DENIED);
    if (!strstr(llmd_error_message(error), server_url(rig->server)))
        fail_msg("%s", llmd_error_message(error));
}

static void no_manifest_is_no_success(void **state)
{
    static const char *const texts[] = {"", "# nothing\n", "---\n---\n", "[]"};
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        llmd_task *task = NULL;
        LLMD_AUTO(llmd_error) error = llmd_kube_apply(rig->kube, texts[i], NULL, &task);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        assert_null(task);
    }
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_list_that_is_freed_wakes_who_is_inside),
        RIG_TEST(a_deadline_ends_the_call_and_not_the_list),
        RIG_TEST(a_very_long_line_is_cut),
        RIG_TEST(whoever_is_refused_hears_by_which_server),
        RIG_TEST(no_manifest_is_no_success),
        RIG_TEST(a_deadline_says_what_was_waited_for_and_seen),
        RIG_TEST(nobody_listens_is_said_within_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
