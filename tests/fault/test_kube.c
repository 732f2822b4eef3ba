/* SPDX-License-Identifier: Apache-2.0 */
/* The Kubernetes client when the server and the memory fail: against the sandbox, with faults. */
#include "base/buf.h"
#include "kube/watch.h"

#include "support/sandbox.h"
#include "support/torture.h"

#include <llmd/llmd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT_MS 60000

static struct sandbox_process *sandbox;

static int start(void **state)
{
    (void)state;
    sandbox = sandbox_process_start((const char *const[]){"--profile", "empty", NULL});
    return sandbox ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    sandbox_process_stop(sandbox);
    return 0;
}

static void fault(const char *json)
{
    assert_true(sandbox_process_command(sandbox, "faults", json));
}

static llmd_kube *open_kube(void)
{
    llmd_kube *kube = NULL;

    assert_null(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    return kube;
}

static void succeed(llmd_error *error)
{
    if (error)
        fail_msg("%s", llmd_error_message(error));
}

static llmd_error *run(llmd_task *task)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_error *error;

    llmd_context_set_timeout_ms(ctx, LIMIT_MS);
    error = llmd_task_run(ctx, task, NULL, NULL);
    llmd_task_free(task);
    return error;
}

/* A query may hold what is nobody else's business. */
static void an_error_of_the_proxy_has_no_query(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    char *body = NULL;

    (void)state;
    LLMD_AUTO(llmd_error)
    error = llmd_kube_proxy_get(NULL, kube, NULL, "services/none:80", "/v1?key=abc", &body);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), "services/none:80/v1"));
    assert_null(strstr(llmd_error_message(error), "abc"));
}

static llmd_error *apply(const llmd_kube *kube, const char *manifests)
{
    llmd_task *task = NULL;

    TRY(llmd_kube_apply(kube, manifests, NULL, &task));
    return run(task);
}

static llmd_error *delete (const llmd_kube *kube, const char *resource, const char *name)
{
    llmd_task *task = NULL;

    TRY(llmd_kube_delete(kube, resource, NULL, name, &task));
    return run(task);
}

static void note_result(void *result, const llmd_event *event)
{
    const char *json = strstr(llmd_event_json(event), "\"result\":");

    if (json)
        snprintf(result, 64, "%s", json);
}

static void assert_deleted(const char *result)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    LLMD_AUTO(llmd_task) task = NULL;
    char told[64] = "";

    succeed(llmd_kube_delete(kube, "configmaps", NULL, "gone", &task));
    succeed(llmd_task_run(NULL, task, note_result, told));
    if (!strstr(told, result))
        fail_msg("%s, not %s", told, result);
}

/* What went while the answer was on its way is not there at the second try: it did exist. */
static void a_delete_whose_answer_is_lost(void **state)
{
    (void)state;
    assert_deleted("{\"existed\":false}");
    fault("{\"match\":\"DELETE\",\"fault\":\"429\",\"count\":1}");
    assert_deleted("{\"existed\":false}");
    fault("{\"match\":\"DELETE\",\"fault\":\"reset\",\"count\":2}");
    assert_deleted("{\"existed\":true}");
    fault("{\"match\":\"DELETE\",\"fault\":\"reset\",\"count\":1}"); /* curl tries again itself */
    assert_deleted("{\"existed\":true}");
}

static llmd_error *wait_for(const llmd_kube *kube, const char *resource, const char *name,
                            const char *condition)
{
    llmd_task *task = NULL;

    TRY(llmd_kube_wait(kube, resource, NULL, name, condition, &task));
    return run(task);
}

static llmd_error *list_all(const llmd_kube *kube, const char *labels, int *count)
{
    LLMD_AUTO(llmd_kube_list) list = NULL;
    char *json = NULL;

    TRY(llmd_kube_list_open(kube, "configmaps", NULL, labels, NULL, &list));
    for (*count = 0;; ++*count) {
        TRY(llmd_kube_list_next(NULL, list, &json));
        if (!json)
            return NULL;
        llmd_free(json);
    }
}

#define CM(name, value)                                                                            \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name                                     \
    ", namespace: default, labels: {set: fault}}, data: {x: '" value "'}}\n---\n"

static void a_busy_server_is_asked_again(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    int count = 0;

    (void)state;
    fault("{\"match\":\"PATCH\",\"fault\":\"429\",\"count\":1}");
    succeed(apply(kube, CM("busy", "1")));
    fault("{\"match\":\"PATCH\",\"fault\":\"503\",\"count\":1}");
    succeed(apply(kube, CM("busy", "2")));
    fault("{\"match\":\"GET /api/v1/namespaces/default/configmaps\",\"fault\":\"reset\","
          "\"count\":1}");
    succeed(list_all(kube, "set=fault", &count));
    assert_int_equal(count, 1);
    fault("{\"match\":\"DELETE\",\"fault\":\"503\",\"count\":1}");
    succeed(delete (kube, "configmaps", "busy"));
}

static void a_broken_answer_is_an_error(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    llmd_error *error;
    int count;

    (void)state;
    fault("{\"match\":\"configmaps?limit\",\"fault\":\"bad-json\",\"count\":1}");
    error = list_all(kube, NULL, &count);
    assert_non_null(error);
    llmd_error_free(error);
    fault("{\"match\":\"PATCH\",\"fault\":\"500\",\"count\":3}");
    error = apply(kube, CM("broken", "1"));
    assert_int_equal(llmd_error_code(error), LLMD_E_REMOTE);
    assert_int_equal(llmd_error_http_status(error), 500);
    assert_non_null(strstr(llmd_error_message(error), "apply ConfigMap/default/broken: "));
    llmd_error_free(error);
}

/* Each fault meets the list or the stream of one watch; the changes must come all the same. */
static const char *const watch_faults[] = {
    "{\"match\":\"configmaps?limit\",\"fault\":\"reset\",\"count\":2}",
    "{\"match\":\"configmaps?limit\",\"fault\":\"503\",\"count\":2}",
    "{\"match\":\"configmaps?limit\",\"fault\":\"429\",\"count\":1}",
    "{\"match\":\"watch=1\",\"fault\":\"reset\",\"count\":2}",
    "{\"match\":\"watch=1\",\"fault\":\"close\",\"count\":2}",
    "{\"match\":\"watch=1\",\"fault\":\"close-after-headers\",\"count\":2}",
    "{\"match\":\"watch=1\",\"fault\":\"410\",\"count\":2}",
    "{\"match\":\"watch=1\",\"fault\":\"500\",\"count\":2}",
    "{\"match\":\"watch=1\",\"fault\":\"reset-mid\",\"count\":2}",
    "{\"match\":\"watch=1\",\"fault\":\"bad-json\",\"count\":1}",
};

/* The values of one object, in the order in which a watch tells them. */
static void next_value(llmd_kube_watch *watch, llmd_change_type type, const char *value)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_kube_change) change = NULL;
    char wanted[32];

    llmd_context_set_timeout_ms(ctx, LIMIT_MS);
    succeed(llmd_kube_watch_next(ctx, watch, &change));
    assert_int_equal(llmd_kube_change_type(change), type);
    snprintf(wanted, sizeof(wanted), "\"x\":\"%s\"", value);
    if (*value)
        assert_non_null(strstr(llmd_kube_change_json(change), wanted));
}

static void watch_through(const llmd_kube *kube, const char *json)
{
    LLMD_AUTO(llmd_kube_watch) watch = NULL;

    succeed(apply(kube, CM("seen", "1")));
    fault(json);
    succeed(llmd_kube_watch_open(kube, "configmaps", NULL, "set=fault", NULL, &watch));
    next_value(watch, LLMD_CHANGE_ADDED, "1");
    next_value(watch, LLMD_CHANGE_SYNCED, "");
    for (int i = 2; i < 5; i++) {
        static const char *const values[] = {"", "", CM("seen", "2"), CM("seen", "3"),
                                             CM("seen", "4")};
        char value[8];
        snprintf(value, sizeof(value), "%d", i);
        succeed(apply(kube, values[i]));
        next_value(watch, LLMD_CHANGE_MODIFIED, value);
        sandbox_process_command(sandbox, i % 2 ? "cut-watches" : "compact", "");
    }
    succeed(delete (kube, "configmaps", "seen"));
    next_value(watch, LLMD_CHANGE_DELETED, "");
    sandbox_process_command(sandbox, "faults/clear", "");
}

static void a_watch_survives_every_fault(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();

    (void)state;
    for (size_t i = 0; i < sizeof(watch_faults) / sizeof(watch_faults[0]); i++)
        watch_through(kube, watch_faults[i]);
}

static llmd_error *watch_some(const llmd_kube *kube)
{
    LLMD_AUTO(llmd_kube_watch) watch = NULL;

    TRY(llmd_kube_watch_open(kube, "configmaps", NULL, "set=fault", NULL, &watch));
    for (llmd_change_type type = 0; type != LLMD_CHANGE_SYNCED;) {
        LLMD_AUTO(llmd_kube_change) change = NULL;
        TRY(llmd_kube_watch_next(NULL, watch, &change));
        type = llmd_kube_change_type(change);
    }
    return NULL;
}

#define WIDGETS                                                                                    \
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "      \
    "widgets.example.com}, spec: {group: example.com, scope: Namespaced, names: {plural: "         \
    "widgets, singular: widget, kind: Widget, listKind: WidgetList}, versions: [{name: v1, "       \
    "served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}}\n---\n"
#define WIDGET "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}\n---\n"

/* Tells what a step of the library sees, as events. */
static llmd_error *tell_change(void *data, struct graph *graph, const struct watch_change *change,
                               struct step_action *action)
{
    struct event_text text = {.reason = change->type == LLMD_CHANGE_SYNCED ? "Synced" : "Change"};

    (void)data, (void)action;
    return llmd__graph_event(graph, &text);
}

static llmd_task *watch_widgets(const llmd_kube *kube)
{
    struct watch_wish wish = {
        .resource = "widgets.example.com", .optional = true, .on_change = tell_change};
    struct graph *graph = NULL;
    llmd_task *task = NULL;
    step_id step;

    assert_null(llmd__graph_new(NULL, NULL, &graph));
    assert_null(llmd__watch_step(graph, kube, &wish, &step));
    assert_null(llmd__task_new(graph, &task));
    return task;
}

static void expect_event(llmd_task *task, const char *reason)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_event) event = NULL;

    llmd_context_set_timeout_ms(ctx, 30000); /* without a cause it would look after a minute */
    succeed(llmd_task_next(ctx, task, &event));
    assert_string_equal(llmd_event_reason(event), reason);
}

static void expect_silence(llmd_task *task)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_event *event = NULL;

    llmd_context_set_timeout_ms(ctx, 200);
    LLMD_AUTO(llmd_error) error = llmd_task_next(ctx, task, &event);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
}

static void a_kind_that_comes_later_is_told_by_its_crd(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    LLMD_AUTO(llmd_task) task = watch_widgets(kube);

    (void)state;
    expect_event(task, "Synced");
    expect_silence(task);
    succeed(apply(kube, WIDGETS WIDGET)); /* the kind is waited for, too */
    expect_event(task, "Change");
    succeed(delete (kube, "crd", "widgets.example.com"));
}

static llmd_error *live(void *data)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    char *json = NULL;
    int count;

    TRY(llmd_kube_open(data, NULL, &kube));
    TRY(apply(kube, CM("a", "1") CM("b", "1") WIDGETS WIDGET));
    TRY(delete (kube, "crd", "widgets.example.com"));
    TRY(llmd_kube_get(NULL, kube, "cm", NULL, "a", &json));
    llmd_free(json);
    TRY(list_all(kube, "set=fault", &count));
    TRY(watch_some(kube));
    TRY(wait_for(kube, "cm", "a", "jsonpath={.data.x}=1"));
    return delete (kube, "cm", "a");
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    torture_sample(live, (void *)(uintptr_t)sandbox_process_kubeconfig(sandbox), 11, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_server_is_asked_again),
        cmocka_unit_test(an_error_of_the_proxy_has_no_query),
        cmocka_unit_test(a_delete_whose_answer_is_lost),
        cmocka_unit_test(a_broken_answer_is_an_error),
        cmocka_unit_test(a_watch_survives_every_fault),
        cmocka_unit_test(a_kind_that_comes_later_is_told_by_its_crd),
        cmocka_unit_test(memory_may_end_anywhere),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
