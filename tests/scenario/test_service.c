/* SPDX-License-Identifier: Apache-2.0 */
/* From a spec to an answer against the sandbox: make, wait, talk, delete; and seven that cannot
 * work. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "support/events.h"
#include "support/sandbox.h"
#include "support/torture.h"

#include <llmd/llmd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANIFESTS SOURCE_DIR "/tests/rig/manifests/"

/* ---- making ---- */

static void apply_gateway(const llmd_kube *kube, struct log *log)
{
    LLMD_AUTO(llmd_gateway_spec) spec = NULL;
    llmd_task *task = NULL;

    none(llmd_gateway_spec_parse_file(SOURCE_DIR "/examples/manifests/gateway.yaml", &spec));
    llmd_error *error = llmd_gateway_apply(kube, spec, &task);
    none(run(error, task, 30000, log));
}

static llmd_error *apply_service(const llmd_kube *kube, const char *text, struct log *log)
{
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    llmd_task *task = NULL;

    none(llmd_service_spec_parse(text, &spec));
    llmd_error *error = llmd_service_apply(kube, spec, &task);
    return run(error, task, 30000, log);
}

#define QWEN                                                                                       \
    "name: qwen\nnamespace: llm\nmodel: hf://Qwen/Qwen2.5-3B-Instruct\npreset: tpu-v6e-4t\n"       \
    "replicas: 1\ngateway: {name: edge}\nwarmup: 1\nhfToken: hf_x\n"

static void check_phases(const struct log *log)
{
    static const char *const phases[] = {"scheduling", "image", "compile", "serving"};
    size_t next = 0;

    for (size_t i = 0; i < log->count && next < 4; i++)
        if (!strcmp(log->items[i].phase, phases[next]))
            next++;
    if (next < 4) {
        print(log);
        fail_msg("phase %s was not told in order", phases[next]);
    }
}

static void chat(const llmd_kube *kube)
{
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    LLMD_AUTO(llmd_reply) reply = NULL;

    none(llmd_service_connect(NULL, kube, "llm", "qwen", NULL, &endpoint));
    llmd_request_add_message(request, "user", "Hello!");
    none(llmd_endpoint_send(NULL, endpoint, request, &reply));
    assert_true(strlen(llmd_reply_text(reply)) > 0);
    assert_string_equal(llmd_reply_model(reply), "Qwen/Qwen2.5-3B-Instruct");
}

static void check_snapshot(const llmd_kube *kube)
{
    LLMD_AUTO(llmd_service) service = NULL;
    LLMD_AUTO(llmd_gateway) gateway = NULL;

    none(llmd_service_get(NULL, kube, "llm", "qwen", &service));
    assert_string_equal(llmd_service_name(service), "qwen");
    assert_string_equal(llmd_service_ns(service), "llm");
    assert_string_equal(llmd_service_model(service), "Qwen/Qwen2.5-3B-Instruct");
    assert_true(llmd_service_ready(service));
    assert_int_equal(llmd_service_replicas(service), 1);
    assert_non_null(strstr(llmd_service_url(service), "/llm/qwen"));
    none(llmd_gateway_get(NULL, kube, "llm", "edge", &gateway));
    assert_true(llmd_gateway_programmed(gateway));
    assert_true(strlen(llmd_gateway_address(gateway)) > 0);
    assert_string_equal(llmd_gateway_class(gateway), "gke-l7-regional-external-managed");
}

static void check_health(const llmd_kube *kube)
{
    struct log log = {0};
    llmd_task *task = NULL;

    none(llmd_health_service(kube, "llm", "qwen", &task));
    none(llmd_task_run(NULL, task, note, &log));
    if (llmd_task_worst(task) != LLMD_LEVEL_INFO) {
        print(&log);
        fail_msg("not healthy");
    }
    assert_non_null(find(&log, "Gateway/", "Gateway"));
    assert_non_null(find(&log, "HTTPRoute/", "Route"));
    assert_non_null(find(&log, "InferencePool/", "Pool"));
    assert_non_null(find(&log, "endpoint", "Models"));
    assert_non_null(find(&log, "endpoint", "Call"));
    llmd_task_free(task);
    clear(&log);
}

static int count_objects(const llmd_kube *kube, const char *resource)
{
    llmd_kube_list *list = NULL;
    char *text = NULL;
    int count = 0;

    none(llmd_kube_list_open(kube, resource, "llm", "app.kubernetes.io/managed-by=libllmd", NULL,
                             &list));
    do {
        llmd_free(text);
        none(llmd_kube_list_next(NULL, list, &text));
        count += text != NULL;
    } while (text);
    llmd_kube_list_free(list);
    return count;
}

static void delete_service(const llmd_kube *kube)
{
    LLMD_AUTO(llmd_service) service = NULL;
    LLMD_AUTO(llmd_error) error = NULL;
    struct log log = {0};
    llmd_task *task = NULL;
    llmd_error *made = llmd_service_delete(kube, "llm", "qwen", &task);

    none(run(made, task, 30000, &log));
    error = llmd_service_get(NULL, kube, "llm", "qwen", &service);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_int_equal(count_objects(kube, "secrets"), 0);
    clear(&log);
}

/* The same spec again changes nothing. */
static void check_unchanged(const llmd_kube *kube)
{
    struct log log = {0};

    none(apply_service(kube, QWEN, &log));
    for (size_t i = 0; i < log.count; i++)
        if (!strcmp(log.items[i].step, "apply"))
            assert_string_equal(log.items[i].reason, "unchanged");
    assert_non_null(find(&log, "LLMInferenceService/llm/qwen", "unchanged"));
    clear(&log);
}

static void life(const char *profile, bool gke)
{
    struct sandbox_process *sandbox;
    struct log log = {0};
    llmd_kube *kube = NULL;

    sandbox = start(profile);
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    assert_non_null(find(&log, "Namespace/llm", "created"));
    assert_non_null(find(&log, "Gateway/llm/edge", "Programmed"));
    clear(&log);
    none(apply_service(kube, QWEN, &log));
    check_phases(&log);
    assert_non_null(find(&log, "LLMInferenceService/llm/qwen", "WarmUp"));
    assert_non_null(strstr(log.result, "\"result\""));
    assert_non_null(strstr(log.result, "LLMInferenceService"));
    assert_int_equal(count_objects(kube, "secrets"), 1);
    if (gke)
        assert_int_equal(count_objects(kube, "healthcheckpolicies.networking.gke.io"), 2);
    chat(kube);
    check_snapshot(kube);
    check_health(kube);
    check_unchanged(kube);
    delete_service(kube);
    if (gke)
        assert_int_equal(count_objects(kube, "healthcheckpolicies.networking.gke.io"), 0);
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

static void test_life(void **state)
{
    (void)state;
    life("ready", false);
}

/* With GKE's kinds: no healthy upstream until the policy follows the pool, no timeouts in the
 * route. */
static void test_life_on_gke(void **state)
{
    (void)state;
    life("gke", true);
}

/* The service may be told as ready before the pool is told at all: its policies are made all the
 * same, or it would be ready for nobody.
 */
static void test_policies_of_a_ready_service(void **state)
{
    struct sandbox_process *sandbox = start("gke");
    struct log log = {0};
    llmd_kube *kube = NULL;
    llmd_task *deletion = NULL;
    llmd_error *error;

    (void)state;
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    none(apply_service(kube, QWEN, &log));
    error = llmd_kube_delete(kube, "healthcheckpolicies.networking.gke.io", "llm",
                             "qwen-pool-health", &deletion);
    none(run(error, deletion, 10000, &log));
    assert_true(sandbox_process_command(
        sandbox, "faults", "{\"match\":\"/inferencepools?\",\"fault\":\"503\",\"count\":1}"));
    none(apply_service(kube, QWEN, &log));
    assert_int_equal(count_objects(kube, "healthcheckpolicies.networking.gke.io"), 2);
    clear(&log);
    llmd_kube_free(kube);
    sandbox_process_stop(sandbox);
}

/* ---- a wait lives through what happens to its connections ---- */

struct trouble {
    struct sandbox_process *sandbox;
    struct log log;
    int done;
};

/* Watches are cut, made stale, and the server is away for a moment, each once on the way. */
static void make_trouble(void *data, const llmd_event *event)
{
    struct trouble *trouble = data;

    note(&trouble->log, event);
    if (trouble->done == 0 && !strcmp(llmd_event_phase(event), "scheduling")) {
        assert_true(sandbox_process_command(trouble->sandbox, "cut-watches", NULL));
        trouble->done = 1;
    } else if (trouble->done == 1 && !strcmp(llmd_event_phase(event), "image")) {
        assert_true(sandbox_process_command(trouble->sandbox, "compact", NULL));
        trouble->done = 2;
    } else if (trouble->done == 2 && strcmp(llmd_event_phase(event), "image") != 0) {
        /* Whichever comes: a slow machine lists again only when the compile is over. */
        assert_true(sandbox_process_command(trouble->sandbox, "pause", "{\"ms\":300}"));
        trouble->done = 3;
    }
}

static void test_wait_lives_on(void **state)
{
    struct trouble trouble = {0};
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    struct log log = {0};
    llmd_kube *kube = NULL;
    llmd_task *task = NULL;

    (void)state;
    trouble.sandbox = start("ready");
    none(llmd_kube_open(sandbox_process_kubeconfig(trouble.sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    none(llmd_service_spec_parse(QWEN, &spec));
    none(llmd_service_apply(kube, spec, &task));
    llmd_context_set_timeout_ms(ctx, 30000);
    none(llmd_task_run(ctx, task, make_trouble, &trouble));
    assert_int_equal(trouble.done, 3);
    assert_int_equal(llmd_task_worst(task), LLMD_LEVEL_INFO);
    llmd_task_free(task);
    llmd_kube_free(kube);
    clear(&log);
    clear(&trouble.log);
    sandbox_process_stop(trouble.sandbox);
}

static void test_refused_warm_up(void **state)
{
    struct sandbox_process *sandbox = start("ready");
    struct log log = {0};
    llmd_kube *kube = NULL;
    const struct seen *failed;

    (void)state;
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    assert_true(sandbox_process_command(
        sandbox, "faults", "{\"match\":\"/v1/completions\",\"fault\":\"400\",\"count\":1}"));
    none(apply_service(kube, QWEN, &log));
    failed = find(&log, "LLMInferenceService/llm/qwen", "WarmUpFailed");
    assert_non_null(failed);
    assert_non_null(strstr(failed->message, "the warm-up request"));
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

/* A server that says when to come again is not asked before: ours would be after two seconds. */
static void test_warm_up_that_is_put_off(void **state)
{
    struct sandbox_process *sandbox = start("ready");
    struct log log = {0};
    llmd_kube *kube = NULL;
    int64_t begun_ms;

    (void)state;
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    none(apply_service(kube, QWEN, &log));
    assert_true(sandbox_process_command(
        sandbox, "faults",
        "{\"match\":\"/v1/completions\",\"fault\":\"429\",\"number\":3,\"count\":1}"));
    clear(&log);
    begun_ms = llmd__clock_mono_ms();
    none(apply_service(kube, QWEN, &log));
    assert_true(llmd__clock_mono_ms() - begun_ms >= 3000);
    assert_non_null(find(&log, "LLMInferenceService/llm/qwen", "WaitingForRoute"));
    assert_non_null(find(&log, "LLMInferenceService/llm/qwen", "WarmUp"));
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

/* ---- another spec for a service that serves ---- */

/* The old pods serve on, and the service stays Ready meanwhile. */
static void test_changed_spec(void **state)
{
    struct sandbox_process *sandbox = start("ready");
    struct log log = {0};
    llmd_kube *kube = NULL;
    LLMD_AUTO(llmd_error) error = NULL;

    (void)state;
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    none(apply_service(kube, QWEN, &log));
    error = apply_service(kube, QWEN "image: registry.example/no/such:1\n", &log);
    assert_string_equal(llmd_error_reason(error), "ImageNotFound");
    assert_non_null(strstr(llmd_error_message(error), "no/such:1 of container main"));
    clear(&log);
    none(apply_service(kube, QWEN "maxModelLen: 4096\n", &log));
    assert_null(find(&log, "", "ImageNotFound"));
    assert_non_null(find(&log, "Pod/llm/qwen", "Ready"));
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

/* ---- parked, and taken away ---- */

static void test_no_replicas(void **state)
{
    struct sandbox_process *sandbox = start("ready");
    struct log log = {0};
    llmd_kube *kube = NULL;

    (void)state;
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    none(apply_service(kube,
                       "name: qwen\nnamespace: llm\nmodel: hf://a/b\nreplicas: 0\nwarmup: 1\n"
                       "gateway: {name: edge}\n",
                       &log));
    assert_non_null(find(&log, "LLMInferenceService/llm/qwen", "NoReplicas"));
    assert_null(find(&log, "", "WarmUp"));
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

static void delete_on_image(void *data, const llmd_event *event)
{
    const llmd_kube *kube = data;
    LLMD_AUTO(llmd_task) task = NULL;

    if (strcmp(llmd_event_phase(event), "image"))
        return;
    none(llmd_kube_delete(kube, "llminferenceservices.serving.kserve.io", "llm", "qwen", &task));
    none(llmd_task_run(NULL, task, NULL, NULL));
}

static void test_deleted_while_waiting(void **state)
{
    struct sandbox_process *sandbox = start("ready");
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_error) error = NULL;
    struct log log = {0};
    llmd_kube *kube = NULL;
    llmd_task *task = NULL;

    (void)state;
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    none(llmd_service_spec_parse(QWEN, &spec));
    none(llmd_service_apply(kube, spec, &task));
    llmd_context_set_timeout_ms(ctx, 30000);
    error = llmd_task_run(ctx, task, delete_on_image, kube);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_reason(error), "Deleted");
    llmd_task_free(task);
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

/* ---- without KServe ---- */

static void test_no_kserve(void **state)
{
    struct sandbox_process *sandbox;
    struct log log = {0};
    llmd_kube *kube = NULL;
    llmd_error *error;

    (void)state;
    sandbox = start("empty");
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    error = apply_service(kube, QWEN, &log);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_reason(error), "ResourceNotServed");
    llmd_error_free(error);
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

/* ---- seven that cannot work ---- */

struct broken {
    const char *name; /* of the manifest */
    const char *code;
    bool ends;
};

static const struct broken broken[] = {
    {"image", "ImageNotFound", true},          {"pull", "ImagePullDenied", true},
    {"unschedulable", "Unschedulable", false}, {"crash", "UnknownArgument", true},
    {"preset", "PresetMissing", true},         {"route", "RouteNotAllowed", false},
    {"class", "GatewayClassMissing", true},
};

static void kube_apply(const llmd_kube *kube, const char *text)
{
    struct log log = {0};
    llmd_task *task = NULL;
    llmd_error *error = llmd_kube_apply(kube, text, NULL, &task);

    none(run(error, task, 20000, &log));
    clear(&log);
}

static void kube_apply_file(const llmd_kube *kube, const char *name)
{
    struct buf text = BUF_INIT;
    char path[512];

    snprintf(path, sizeof(path), MANIFESTS "%s.yaml", name);
    none(llmd__file_read(path, 1 << 20, &text));
    kube_apply(kube, llmd__buf_text(&text));
    llmd__buf_free(&text);
}

/* The rig's server that refuses a flag is a program; the sandbox knows vLLM's flags. */
static void apply_crash(const llmd_kube *kube)
{
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "broken-crash", "hf://a/b");
    char *text = NULL;

    llmd_service_spec_set(spec, "gateway.name", "edge");
    llmd_service_spec_set(spec, "args", "[--no-such-flag]");
    none(llmd_service_spec_manifest(spec, &text));
    kube_apply(kube, text);
    llmd_free(text);
}

/* A wait that only warns, or ends late, is left when the cause was told. */
static llmd_error *wait_until_told(const llmd_kube *kube, const struct broken *row, struct log *log)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;
    char name[64];

    snprintf(name, sizeof(name), "broken-%s", row->name);
    none(llmd_service_wait(kube, "llm", name, &task));
    llmd_context_set_timeout_ms(ctx, 60000);
    for (;;) {
        llmd_event *event = NULL;
        llmd_error *error = llmd_task_next(ctx, task, &event);

        if (error || !event)
            return error;
        note(log, event);
        llmd_event_free(event);
        if (!row->ends && find(log, "", row->code))
            return NULL;
    }
}

static void check_broken(const struct broken *row)
{
    struct sandbox_process *sandbox;
    struct log log = {0};
    llmd_kube *kube = NULL;
    char name[64];

    sandbox = start("ready");
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    kube_apply_file(kube, "gateway");
    snprintf(name, sizeof(name), "broken-%s", row->name);
    if (!strcmp(row->name, "crash"))
        apply_crash(kube);
    else
        kube_apply_file(kube, name);
    llmd_error *error = wait_until_told(kube, row, &log);
    print_message("%s: %s\n", row->name, error ? llmd_error_message(error) : "goes on");
    if (!find(&log, "", row->code)) {
        print(&log);
        fail_msg("%s: %s was not told", row->name, row->code);
    }
    assert_int_equal(find(&log, "", row->code)->level, LLMD_LEVEL_WARNING);
    assert_true(strlen(find(&log, "", row->code)->advice) > 0);
    assert_int_equal(llmd_error_code(error), row->ends ? LLMD_E_FAILED : LLMD_OK);
    if (row->ends)
        assert_string_equal(llmd_error_reason(error), row->code);
    llmd_error_free(error);
    llmd_kube_free(kube);
    clear(&log);
    sandbox_process_stop(sandbox);
}

static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        check_broken(&broken[i]);
}

/* ---- out of memory ---- */

static llmd_error *deploy(void *data)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;
    llmd_error *error = llmd_kube_open(data, NULL, &kube);

    if (!error)
        error = llmd_service_spec_parse(QWEN, &spec);
    if (!error)
        error = llmd_service_apply(kube, spec, &task);
    llmd_context_set_timeout_ms(ctx, 20000);
    return error ? error : llmd_task_run(ctx, task, NULL, NULL);
}

static void test_deploy_without_memory(void **state)
{
    struct sandbox_process *sandbox;
    struct log log = {0};
    llmd_kube *kube = NULL;

    (void)state;
    sandbox = start("gke");
    none(llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube));
    apply_gateway(kube, &log);
    llmd_kube_free(kube);
    clear(&log);
    none(deploy((char *)sandbox_process_kubeconfig(sandbox)));
    torture_sample(deploy, (char *)sandbox_process_kubeconfig(sandbox), 7, 60);
    sandbox_process_stop(sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_life_on_gke),
        cmocka_unit_test(test_policies_of_a_ready_service),
        cmocka_unit_test(test_wait_lives_on),
        cmocka_unit_test(test_refused_warm_up),
        cmocka_unit_test(test_warm_up_that_is_put_off),
        cmocka_unit_test(test_changed_spec),
        cmocka_unit_test(test_no_replicas),
        cmocka_unit_test(test_deleted_while_waiting),
        cmocka_unit_test(test_no_kserve),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_deploy_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
