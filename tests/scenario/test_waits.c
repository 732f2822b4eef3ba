/* SPDX-License-Identifier: Apache-2.0 */
/* Waits whose ground is taken away, or was never there. */
#include "support/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct scene {
    struct sandbox_process *sandbox;
    llmd_kube *kube;
    struct log log;
};

static int set_up(void **state)
{
    static struct scene scene;

    memset(&scene, 0, sizeof(scene));
    scene.sandbox = start("ready");
    none(llmd_kube_open(sandbox_process_kubeconfig(scene.sandbox), NULL, &scene.kube));
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    clear(&scene->log);
    llmd_kube_free(scene->kube);
    sandbox_process_stop(scene->sandbox);
    return 0;
}

/* Until this reason was told, which the caller then looks at. */
static void run_until(llmd_task *task, const char *reason, struct log *log)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    llmd_context_set_timeout_ms(ctx, 20000);
    while (!find(log, "", reason)) {
        llmd_event *event = NULL;

        none(llmd_task_next(ctx, task, &event));
        if (!event) {
            print(log);
            fail_msg("%s was not told", reason);
        }
        note(log, event);
        llmd_event_free(event);
    }
}

/* A class of nobody's keeps the wait going for ten seconds: time to delete. */
static void test_gateway_deleted_while_waiting(void **state)
{
    struct scene *scene = *state;
    LLMD_AUTO(llmd_gateway_spec) spec = llmd_gateway_spec_new("llm", "edge");
    LLMD_AUTO(llmd_task) task = NULL;
    LLMD_AUTO(llmd_error) error = NULL;
    struct log log = {0};
    llmd_task *deletion = NULL;

    llmd_gateway_spec_set(spec, "class", "nobody");
    none(llmd_gateway_apply(scene->kube, spec, &task));
    run_until(task, "GatewayClassMissing", &scene->log);
    llmd_error *made = llmd_gateway_delete(scene->kube, "llm", "edge", &deletion);
    none(run(made, deletion, 20000, &log));
    error = llmd_task_run(NULL, task, note, &log);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_reason(error), "Deleted");
    assert_string_equal(llmd_error_message(error), "gateway llm/edge was deleted while we waited");
    assert_string_equal(llmd_error_advice(error), "apply it again if it is still wanted");
    clear(&log);
}

static void expect_missing(struct scene *scene, const char *gateway, const char *message,
                           const char *advice)
{
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    LLMD_AUTO(llmd_task) task = NULL;
    const struct seen *seen;

    llmd_service_spec_set(spec, "preset", "simulator");
    llmd_service_spec_set(spec, "gateway.name", gateway);
    none(llmd_service_apply(scene->kube, spec, &task));
    run_until(task, "GatewayMissing", &scene->log);
    seen = find(&scene->log, "LLMInferenceService/llm/qwen", "GatewayMissing");
    assert_non_null(seen);
    assert_int_equal(seen->level, LLMD_LEVEL_WARNING);
    assert_string_equal(seen->message, message);
    assert_non_null(strstr(seen->advice, advice));
}

static void test_gateway_of_service_missing(void **state)
{
    expect_missing(*state, "nowhere", "Gateway llm/nowhere does not exist", "gateway apply");
}

static void test_default_gateway_missing(void **state)
{
    expect_missing(*state, NULL, "Gateway kserve/kserve-ingress-gateway does not exist",
                   "gateway.name");
}

/* A deadline names the cause that holds it up, and what to do, as the warning did. */
static void test_deadline_names_the_cause(void **state)
{
    struct scene *scene = *state;
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    LLMD_AUTO(llmd_error) error = NULL;
    llmd_task *task = NULL;

    llmd_service_spec_set(spec, "preset", "simulator");
    llmd_service_spec_set(spec, "gateway.name", "nowhere");
    llmd_error *made = llmd_service_apply(scene->kube, spec, &task);
    error = run(made, task, 4000, &scene->log);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_non_null(strstr(llmd_error_message(error), "Gateway llm/nowhere does not exist"));
    assert_string_equal(
        llmd_error_advice(error),
        find(&scene->log, "LLMInferenceService/llm/qwen", "GatewayMissing")->advice);
}

/* Where nothing is wrong, a deadline names what was told last. */
static void test_deadline_names_what_was_told_last(void **state)
{
    struct scene *scene = *state;
    LLMD_AUTO(llmd_gateway_spec) gateway = llmd_gateway_spec_new("llm", "edge");
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_error) error = NULL;
    llmd_task *task = NULL;

    none(llmd_gateway_apply(scene->kube, gateway, &task));
    none(run(NULL, task, 20000, &scene->log));
    llmd_service_spec_set(spec, "preset", "simulator");
    llmd_service_spec_set(spec, "gateway.name", "edge");
    none(llmd_service_apply(scene->kube, spec, &task));
    run_until(task, "PreparingContainer", &scene->log);
    llmd_context_set_timeout_ms(ctx, 0);
    error = llmd_task_run(ctx, task, NULL, NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    if (!strstr(llmd_error_message(error), "service llm/qwen, told last: ") ||
        !strstr(llmd_error_message(error), "/llm/qwen"))
        fail_msg("%s", llmd_error_message(error));
    llmd_task_free(task);
}

/* Ready, but the gateway does not let the warm-up through. */
static void test_deadline_of_a_warm_up(void **state)
{
    struct scene *scene = *state;
    LLMD_AUTO(llmd_gateway_spec) gateway = llmd_gateway_spec_new("llm", "edge");
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    LLMD_AUTO(llmd_error) error = NULL;
    llmd_task *task = NULL;

    llmd_error *made = llmd_gateway_apply(scene->kube, gateway, &task);
    none(run(made, task, 20000, &scene->log));
    assert_true(sandbox_process_command(
        scene->sandbox, "faults",
        "{\"match\":\"/v1/completions\",\"fault\":\"503\",\"count\":1000}"));
    llmd_service_spec_set(spec, "preset", "simulator");
    llmd_service_spec_set(spec, "gateway.name", "edge");
    llmd_service_spec_set(spec, "warmup", "1");
    made = llmd_service_apply(scene->kube, spec, &task);
    error = run(made, task, 8000, &scene->log);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_non_null(find(&scene->log, "LLMInferenceService/llm/qwen", "WaitingForRoute"));
    assert_non_null(strstr(llmd_error_message(error), "service llm/qwen: ready, but the gateway"));
}

/* ---- KServe's cache is behind the API server ---- */

/* What was written a moment ago is there, whatever the controller says: no end, and no word that it
   is missing. */
static void test_preset_not_seen_yet(void **state)
{
    struct scene *scene = *state;
    LLMD_AUTO(llmd_gateway_spec) gateway = llmd_gateway_spec_new("llm", "edge");
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    const struct seen *seen;
    llmd_task *task = NULL;
    llmd_error *made = llmd_gateway_apply(scene->kube, gateway, &task);

    none(run(made, task, 20000, &scene->log));
    assert_true(sandbox_process_command(
        scene->sandbox, "faults",
        "{\"fault\":\"preset-unseen\",\"match\":\"kserve-config-llm-template\"}"));
    llmd_service_spec_set(spec, "preset", "simulator");
    llmd_service_spec_set(spec, "gateway.name", "edge");
    none(llmd_service_apply(scene->kube, spec, &task));
    run_until(task, "PresetUnseen", &scene->log);
    seen = find(&scene->log, "LLMInferenceService/llm/qwen", "PresetUnseen");
    assert_non_null(strstr(seen->message, "has not seen yet what is there: LLMInferenceService"
                                          "Config \"kserve-config-llm-template\" not found"));
    assert_true(sandbox_process_command(scene->sandbox, "faults/clear", "{}"));
    none(run(NULL, task, 20000, &scene->log));
    assert_null(find(&scene->log, "", "PresetMissing"));
}

/* ---- somebody deletes what is applied, and a finalizer holds it ---- */

static void apply(struct scene *scene, const char *text)
{
    llmd_task *task = NULL;
    llmd_error *made = llmd_kube_apply(scene->kube, text, NULL, &task);

    none(run(made, task, 20000, &scene->log));
}

static void delete_held(struct scene *scene, const char *resource, const char *name)
{
    struct log log = {0};
    llmd_task *task = NULL;
    llmd_error *made = llmd_kube_delete(scene->kube, resource, "llm", name, &task);
    LLMD_AUTO(llmd_error) error = run(made, task, 1500, &log);

    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_non_null(strstr(llmd_error_message(error), "held by example.com/hold"));
    clear(&log);
}

static void expect_leaving(const struct seen *seen)
{
    assert_non_null(seen);
    assert_int_equal(seen->level, LLMD_LEVEL_WARNING);
    assert_string_equal(seen->message, "is being deleted, held by example.com/hold");
    assert_non_null(strstr(seen->advice, "finalizer"));
}

static void test_apply_to_what_is_being_deleted(void **state)
{
    static const char map[] = "{apiVersion: v1, kind: Namespace, metadata: {name: llm}}\n---\n"
                              "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: "
                              "llm, finalizers: [example.com/hold]}}";
    struct scene *scene = *state;

    apply(scene, map);
    assert_null(find(&scene->log, "", "BeingDeleted"));
    delete_held(scene, "configmaps", "m");
    apply(scene, map);
    expect_leaving(find(&scene->log, "ConfigMap/llm/m", "BeingDeleted"));
}

static void test_service_that_is_being_deleted(void **state)
{
    struct scene *scene = *state;
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    LLMD_AUTO(llmd_error) error = NULL;
    LLMD_AUTO(llmd_gateway_spec) gateway = llmd_gateway_spec_new("llm", "edge");
    llmd_task *task = NULL;
    llmd_error *made = llmd_gateway_apply(scene->kube, gateway, &task);

    none(run(made, task, 20000, &scene->log));
    llmd_service_spec_set(spec, "preset", "simulator");
    llmd_service_spec_set(spec, "gateway.name", "edge");
    llmd_service_spec_set(spec, "overlay", "{metadata: {finalizers: [example.com/hold]}}");
    made = llmd_service_apply(scene->kube, spec, &task);
    none(run(made, task, 20000, &scene->log));
    delete_held(scene, "llminferenceservices", "qwen");
    made = llmd_service_wait(scene->kube, "llm", "qwen", &task);
    error = run(made, task, 3000, &scene->log);
    expect_leaving(find(&scene->log, "LLMInferenceService/llm/qwen", "BeingDeleted"));
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_non_null(strstr(llmd_error_message(error), "is being deleted, held by"));
    assert_non_null(strstr(llmd_error_advice(error), "finalizer"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gateway_deleted_while_waiting),
        TEST(test_gateway_of_service_missing),
        TEST(test_default_gateway_missing),
        TEST(test_deadline_names_the_cause),
        TEST(test_deadline_names_what_was_told_last),
        TEST(test_deadline_of_a_warm_up),
        TEST(test_preset_not_seen_yet),
        TEST(test_apply_to_what_is_being_deleted),
        TEST(test_service_that_is_being_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
