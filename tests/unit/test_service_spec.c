/* SPDX-License-Identifier: Apache-2.0 */
/* Specs and their manifests: golden files, refusals, and what each KServe release is given. */
#include "base/file.h"
#include "gateway/spec.h"
#include "service/policies.h"
#include "service/service_manifest.h"
#include "support/errors.h"
#include "support/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN SOURCE_DIR "/tests/unit/golden/"

/* ---- golden files ---- */

static void golden_service(const char *name)
{
    llmd_service_spec *spec = NULL;
    char path[512], *text = NULL;

    snprintf(path, sizeof(path), GOLDEN "service-%s.yaml", name);
    none(llmd_service_spec_parse_file(path, &spec));
    none(llmd_service_spec_manifest(spec, &text));
    assert_null(strstr(text, "secret_"));
    snprintf(path, sizeof(path), GOLDEN "service-%s.json", name);
    golden_compare(path, text);
    llmd_free(text);
    llmd_service_spec_free(spec);
}

static void golden_gateway(const char *name)
{
    llmd_gateway_spec *spec = NULL;
    char path[512], *text = NULL;

    snprintf(path, sizeof(path), GOLDEN "gateway-%s.yaml", name);
    none(llmd_gateway_spec_parse_file(path, &spec));
    none(llmd_gateway_spec_manifest(spec, &text));
    snprintf(path, sizeof(path), GOLDEN "gateway-%s.json", name);
    golden_compare(path, text);
    llmd_free(text);
    llmd_gateway_spec_free(spec);
}

static void test_golden(void **state)
{
    (void)state;
    golden_service("tpu");
    golden_service("gpu");
    golden_service("cpu");
    golden_service("simulator");
    golden_gateway("regional");
    golden_gateway("tls");
    golden_gateway("ip");
}

/* ---- refusals ---- */

struct refusal {
    const char *text;
    const char *says[3]; /* all in message or advice */
};

static const struct refusal refusals[] = {
    {"model: hf://a/b\n", {"name is missing"}},
    {"name: a\n", {"model is missing"}},
    {"name: a\nmodel: hf://a/b\nreplcas: 1\n", {"replcas", "replicas", "3"}},
    {"name: a\nmodel: hf://a/b\nreplicas: many\n", {"replicas", "3", "integer"}},
    {"name: a\nmodel: hf://a/b\nreplicas: -1\n", {"replicas", "3"}},
    {"name: a\nmodel: hf://a/b\nargs: one\n", {"args", "3"}},
    {"name: A_b\nmodel: hf://a/b\n", {"name", "1", "A_b"}},
    {"name: a\nmodel: gs://bucket/model\n", {"gs://", "2", "pvc://"}},
    {"name: a\nmodel: /mnt/models\n", {"model", "2", "hf://"}},
    {"name: a\nmodel: hf://\n", {"model", "2"}},
    {"name: a\nmodel: hf://a/b\npreset: tpu-v6e\n", {"preset", "3", "tpu-v6e-4t"}},
    {"name: a\nmodel: hf://a/b\npreset: cpu\n", {"image", "cpu"}},
    {"name: a\nmodel: hf://a/b\npreset: tpu-v6e-4t\ntensorParallel: 3\n",
     {"tensorParallel", "tpu-v6e-4t", "divisor"}},
    {"name: a\nmodel: hf://a/b\npreset: tpu-v6e-4t\nimage: vllm-cuda-rhel9:3\n", {"CUDA", "TPU"}},
    {"name: a\nmodel: hf://a/b\nargs: ['--prefix-cache-block-size=16']\n",
     {"--prefix-cache-block-size", "--block-size"}},
    {"name: a\nmodel: hf://a/b\nargs: [--port, '9000']\n", {"--port", "8000"}},
    {"name: a\nmodel: hf://a/b\nargs: ['--served-model-name=x']\n", {"modelName"}},
    {"name: a\nmodel: hf://a/b\nenv: {'1A': b}\n", {"1A", "3"}},
    {"name: a\nmodel: hf://a/b\npullSecret: {registry: x}\n", {"pullSecret", "password"}},
    {"name: a\nmodel: hf://a/b\ngateway: {namespace: x}\n", {"gateway", "name"}},
    {"name: a\nmodel: hf://a/b\nscheduler: {enabled: 3}\n", {"enabled", "true or false"}},
    {"apiVersion: serving.kserve.io/v1alpha2\nkind: LLMInferenceService\n",
     {"manifest", "kube apply", "service wait"}},
    {"- a\n", {"service spec"}},
};

static void expect_refusal(llmd_error *error, const struct refusal *row)
{
    assert_non_null(error);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    for (size_t i = 0; i < 3 && row->says[i]; i++)
        if (!strstr(llmd_error_message(error), row->says[i]) &&
            !strstr(llmd_error_advice(error), row->says[i]))
            fail_msg("%s: \"%s\" (%s) lacks \"%s\"", row->text, llmd_error_message(error),
                     llmd_error_advice(error), row->says[i]);
    llmd_error_free(error);
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        llmd_service_spec *spec = (llmd_service_spec *)1;

        expect_refusal(llmd_service_spec_parse(refusals[i].text, &spec), &refusals[i]);
        assert_null(spec);
    }
}

static const struct refusal gateway_refusals[] = {
    {"namespace: a\n", {"name is missing"}},
    {"name: a\nclass: gke-l7-global-external-managed\n",
     {"InferencePool", "gke-l7-regional-external-managed", "2"}},
    {"name: a\nclas: x\n", {"clas", "class", "2"}},
    {"name: a\ntls: {hostname: x}\n", {"secret"}},
    {"apiVersion: v1\nkind: Gateway\n", {"kube apply", "gateway wait"}},
};

static void test_gateway_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(gateway_refusals) / sizeof(gateway_refusals[0]); i++) {
        llmd_gateway_spec *spec = (llmd_gateway_spec *)1;

        expect_refusal(llmd_gateway_spec_parse(gateway_refusals[i].text, &spec),
                       &gateway_refusals[i]);
        assert_null(spec);
    }
}

/* ---- setters ---- */

static void test_setters_equal_yaml(void **state)
{
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    LLMD_AUTO(llmd_service_spec) parsed = NULL;
    char *one = NULL, *two = NULL;

    (void)state;
    llmd_service_spec_set(spec, "preset", "tpu-v6e-8t");
    llmd_service_spec_set(spec, "replicas", "0");
    llmd_service_spec_set(spec, "modelName", "b");
    llmd_service_spec_set(spec, "image", "i");
    llmd_service_spec_set(spec, "args", "[--seed=1, --x]");
    llmd_service_spec_set(spec, "env.A", "1");
    llmd_service_spec_set(spec, "gateway.name", "edge");
    llmd_service_spec_set(spec, "warmup", "2");
    llmd_service_spec_set(spec, "overlay", "{\"metadata\": {\"labels\": {\"x\": \"y\"}}}");
    none(llmd_service_spec_json(spec, &one));
    none(llmd_service_spec_parse("name: qwen\nnamespace: llm\nmodel: hf://a/b\npreset: tpu-v6e-8t\n"
                                 "replicas: 0\nmodelName: b\nimage: i\nargs: [--seed=1, --x]\n"
                                 "env: {A: '1'}\ngateway: {name: edge}\nwarmup: 2\n"
                                 "overlay: {metadata: {labels: {x: y}}}\n",
                                 &parsed));
    none(llmd_service_spec_json(parsed, &two));
    assert_string_equal(one, two);
    assert_string_equal(llmd_service_spec_name(spec), "qwen");
    assert_string_equal(llmd_service_spec_ns(spec), "llm");
    llmd_free(one);
    llmd_free(two);
}

static void test_first_bad_value_is_kept(void **state)
{
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new(NULL, "qwen", "hf://a/b");
    LLMD_AUTO(llmd_error) error = NULL;
    char *text = NULL;

    (void)state;
    llmd_service_spec_set(spec, "preset", "tpu-v9");
    llmd_service_spec_set(spec, "env.1 bad", "x");
    llmd_service_spec_set(spec, "overlay", "[");
    error = llmd_service_spec_manifest(spec, &text);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "tpu-v9"));
    assert_null(text);
}

/* "hfToken: $(cat token)" brings the file's newline along. */
static void test_token_with_a_newline(void **state)
{
    static const char *const tokens[] = {"hf_verysecret\n", "hf_very secret", "\thf_verysecret"};

    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
        char *text = NULL;

        llmd_service_spec_set(spec, "hfToken", tokens[i]);
        LLMD_AUTO(llmd_error) error = llmd_service_spec_manifest(spec, &text);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        assert_non_null(strstr(llmd_error_message(error), "hfToken"));
        assert_null(strstr(llmd_error_message(error), "very"));
        assert_non_null(strstr(llmd_error_advice(error), "newline"));
    }
}

static void test_secrets_are_masked(void **state)
{
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
    char *text = NULL;

    (void)state;
    llmd_service_spec_set(spec, "hfToken", "hf_verysecret");
    llmd_service_spec_set(spec, "pullSecret.registry", "registry.redhat.io");
    llmd_service_spec_set(spec, "pullSecret.user", "me");
    llmd_service_spec_set(spec, "pullSecret.password", "alsosecret");
    none(llmd_service_spec_json(spec, &text));
    assert_null(strstr(text, "secret\""));
    assert_null(strstr(text, "verysecret"));
    assert_non_null(strstr(text, "***"));
    llmd_free(text);
    none(llmd_service_spec_manifest(spec, &text));
    assert_null(strstr(text, "verysecret"));
    assert_null(strstr(text, "alsosecret"));
    llmd_free(text);
}

/* ---- per KServe release ---- */

static void make(const char *yaml, const struct kserve *kserve, struct json **out)
{
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    struct server server = {0};

    none(llmd_service_spec_parse(yaml, &spec));
    none(llmd__server_new(spec, kserve, &server));
    none(llmd__service_manifest(spec, "llm", kserve, &server, out));
    llmd__server_free(&server);
}

#define MAIN "spec.template.containers[0]."
#define TPU "name: q\nmodel: hf://a/b\npreset: tpu-v6e-4t\nargs: [--seed=1]\n"

struct release_case {
    enum kserve_release release;
    bool tls; /* the cluster's */
    const char *extra;
    const char *command, *first_arg;
    size_t args;
    int64_t tensor;
    const char *readiness; /* scheme of ours; "": the preset's */
    const char *startup;
};

static const struct release_case releases[] = {
    {KSERVE_0_20, false, "", "", "--seed=1", 1, 4, "", "HTTP"},
    {KSERVE_0_20, true, "", "", "--seed=1", 1, 4, "", "HTTPS"},
    {KSERVE_0_20, false, "tls: true\n", "", "--ssl-certfile=/var/run/kserve/tls/tls.crt", 3, 4,
     "HTTPS", "HTTPS"},
    {KSERVE_0_18, false, "", "", "--tensor-parallel-size=4", 2, 0, "", "HTTP"},
    {KSERVE_0_17, false, "", "", "--tensor-parallel-size=4", 2, 0, "", "HTTP"},
    {KSERVE_0_16, false, "", "vllm", "--port=8000", 4, 0, "HTTP", "HTTP"},
    {KSERVE_ODH_0_15, false, "", "vllm", "--port=8000", 4, 0, "HTTP", "HTTP"},
    {KSERVE_ODH_0_15, false, "tls: true\n", "vllm", "--port=8000", 6, 0, "HTTPS", "HTTPS"},
};

static void test_releases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        const struct release_case *row = &releases[i];
        struct kserve kserve = {.release = row->release, .tls = row->tls, .api_version = "x/v1"};
        struct json *object = NULL;
        char yaml[512];

        snprintf(yaml, sizeof(yaml), "%s%s", TPU, row->extra);
        make(yaml, &kserve, &object);
        print_message("release row %zu\n", i);
        assert_string_equal(llmd__json_str(object, MAIN "command[0]"), row->command);
        assert_string_equal(llmd__json_str(object, MAIN "args[0]"), row->first_arg);
        assert_int_equal(llmd__json_count(llmd__json_get(object, MAIN "args")), row->args);
        assert_int_equal(llmd__json_int(object, "spec.parallelism.tensor", 0), row->tensor);
        assert_string_equal(llmd__json_str(object, MAIN "readinessProbe.httpGet.scheme"),
                            row->readiness);
        assert_string_equal(llmd__json_str(object, MAIN "startupProbe.httpGet.scheme"),
                            row->startup);
        llmd__json_free(object);
    }
}

/* ---- which KServe it is ---- */

static void parse(const char *text, struct json **out)
{
    none(llmd__json_parse(text, strlen(text), "test", out));
}

struct detect_case {
    const char *container, *more;
    bool v1alpha2;
    enum kserve_release release;
};

static const struct detect_case detections[] = {
    {"{\"name\":\"main\",\"command\":[\"/bin/bash\",\"-c\"],\"args\":[\"eval vllm\"]}", "", false,
     KSERVE_ODH_0_15},
    {"{\"name\":\"main\",\"command\":[\"vllm\",\"serve\"],\"args\":[\"--port\"]}", "", false,
     KSERVE_0_16},
    {"{\"name\":\"main\",\"command\":[\"vllm\",\"serve\"]}", "", true, KSERVE_0_17},
    {"{\"name\":\"main\",\"command\":[\"/bin/bash\",\"-c\",\"x\",\"--\"]}", "", true, KSERVE_0_18},
    {"{\"name\":\"main\",\"command\":[\"/bin/bash\",\"-c\",\"x\",\"--\"]}",
     ",{\"metadata\":{\"name\":\"kserve-config-llm-tracing\",\"namespace\":\"kserve\"}}", true,
     KSERVE_0_20},
};

static void test_detection(void **state)
{
    struct kserve kserve = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(detections) / sizeof(detections[0]); i++) {
        struct json *configs = NULL;
        char text[1024];

        snprintf(
            text, sizeof(text),
            "[{\"metadata\":{\"name\":\"kserve-config-llm-template\",\"namespace\":\"kserve\"},"
            "\"spec\":{\"template\":{\"containers\":[%s]}}}%s]",
            detections[i].container, detections[i].more);
        parse(text, &configs);
        llmd__kserve_read(configs, "llm", detections[i].v1alpha2, &kserve);
        assert_int_equal(kserve.release, detections[i].release);
        assert_string_equal(llmd__kserve_system_ns(configs, "llm"), "kserve");
        llmd__json_free(configs);
    }
    llmd__kserve_read(NULL, "llm", true, &kserve);
    assert_int_equal(kserve.release, KSERVE_0_20);
    assert_null(llmd__kserve_system_ns(NULL, "llm"));
}

/* ---- the route preset without timeouts ---- */

#define ROUTE_PRESET(ns, labels)                                                                   \
    "{\"metadata\":{\"name\":\"kserve-config-llm-router-route\",\"namespace\":\"" ns "\"" labels   \
    "},\"spec\":{\"router\":{\"route\":{\"http\":{\"spec\":{\"rules\":["                           \
    "{\"name\":\"a\",\"timeouts\":{\"request\":\"0s\"}},"                                          \
    "{\"name\":\"b\",\"timeouts\":{\"request\":\"0s\"}}]}}}}}}"
#define OURS ",\"labels\":{\"app.kubernetes.io/managed-by\":\"libllmd\"}"

struct shadow_case {
    const char *configs, *extra;
    bool gke, wanted;
};

static const struct shadow_case shadows[] = {
    {"[" ROUTE_PRESET("kserve", "") "]", "", true, true},
    {"[" ROUTE_PRESET("kserve", "") "]", "", false, false},
    {"[" ROUTE_PRESET("kserve", "") "]", "route: {timeouts: strip}\n", false, true},
    {"[" ROUTE_PRESET("kserve", "") "]", "route: {timeouts: keep}\n", true, false},
    {"[" ROUTE_PRESET("kserve", "") "," ROUTE_PRESET("llm", OURS) "]", "", true, true},
    {"[" ROUTE_PRESET("kserve", "") "," ROUTE_PRESET("llm", "") "]", "", true, false},
    {"[]", "", true, false},
};

static void test_shadow(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shadows) / sizeof(shadows[0]); i++) {
        LLMD_AUTO(llmd_service_spec) spec = NULL;
        struct kserve kserve = {.gke = shadows[i].gke};
        struct json *configs = NULL, *shadow = NULL;
        char yaml[256];

        snprintf(yaml, sizeof(yaml), "name: q\nmodel: hf://a/b\n%s", shadows[i].extra);
        none(llmd_service_spec_parse(yaml, &spec));
        parse(shadows[i].configs, &configs);
        llmd__kserve_read(configs, "llm", true, &kserve);
        none(llmd__route_shadow(spec, "llm", &kserve, &shadow));
        print_message("shadow row %zu\n", i);
        assert_int_equal(shadow != NULL, shadows[i].wanted);
        if (shadow) {
            const struct json *rules = llmd__json_get(shadow, "spec.router.route.http.spec.rules");

            assert_int_equal(llmd__json_count(rules), 2);
            assert_null(llmd__json_get(rules, "[0].timeouts"));
            assert_null(llmd__json_get(rules, "[1].timeouts"));
            assert_string_equal(llmd__json_str(shadow, "metadata.namespace"), "llm");
            /* The system's own stays as it is. */
            assert_non_null(
                llmd__json_get(configs, "[0].spec.router.route.http.spec.rules[0].timeouts"));
        }
        llmd__json_free(shadow);
        llmd__json_free(configs);
    }
}

static void test_tls_setting(void **state)
{
    struct json *map = NULL;

    (void)state;
    parse("{\"data\":{\"ingress\":\"{\\\"enableLLMInferenceServiceTLS\\\": true}\"}}", &map);
    assert_true(llmd__kserve_tls(map));
    llmd__json_free(map);
    parse("{\"data\":{\"ingress\":\"no json\"}}", &map);
    assert_false(llmd__kserve_tls(map));
    llmd__json_free(map);
    assert_false(llmd__kserve_tls(NULL));
}

/* ---- a copy is whole ---- */

static void test_copy(void **state)
{
    static const char *const names[] = {"tpu", "gpu", "cpu", "simulator"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        LLMD_AUTO(llmd_service_spec) spec = NULL;
        LLMD_AUTO(llmd_service_spec) copy = NULL;
        char path[512], *one = NULL, *two = NULL;
        void *made = NULL;

        snprintf(path, sizeof(path), GOLDEN "service-%s.yaml", names[i]);
        none(llmd_service_spec_parse_file(path, &spec));
        none(llmd__spec_copy(spec, &made));
        copy = made;
        none(llmd_service_spec_json(spec, &one));
        none(llmd_service_spec_json(copy, &two));
        assert_string_equal(one, two);
        assert_true(!spec->hf_token || !strcmp(spec->hf_token, copy->hf_token));
        llmd_free(one);
        llmd_free(two);
    }
}

/* ---- out of memory: each allocation fails once ---- */

static void test_no_memory(void **state)
{
    (void)state;
    for (int64_t n = 1;; n++) {
        llmd_service_spec *spec = NULL;
        char *text = NULL;
        llmd_error *error;
        int64_t live = llmd__alloc_live();

        llmd__alloc_fail_at(n);
        error = llmd_service_spec_parse_file(GOLDEN "service-gpu.yaml", &spec);
        if (!error)
            error = llmd_service_spec_manifest(spec, &text);
        bool failed = llmd__alloc_count() >= n;
        llmd__alloc_fail_at(0);
        if (failed && error)
            assert_int_equal(llmd_error_code(error), LLMD_E_NO_MEMORY);
        if (error)
            assert_null(text);
        llmd_error_free(error);
        llmd_free(text);
        llmd_service_spec_free(spec);
        assert_int_equal(llmd__alloc_live(), live);
        if (!failed) {
            print_message("%lld allocations failed in turn\n", (long long)n - 1);
            return;
        }
    }
}

static void test_setters_without_memory(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 40; n++) {
        int64_t live = llmd__alloc_live();
        llmd_service_spec *spec;
        llmd_error *error;
        char *text = NULL;

        llmd__alloc_fail_at(n);
        spec = llmd_service_spec_new("llm", "qwen", "hf://a/b");
        llmd_service_spec_set(spec, "preset", "nvidia-l4");
        llmd_service_spec_set(spec, "replicas", "2");
        llmd_service_spec_set(spec, "args", "[--x]");
        llmd_service_spec_set(spec, "env.A", "b");
        llmd_service_spec_set(spec, "overlay", "{\"a\": 1}");
        bool failed = llmd__alloc_count() >= n;
        llmd__alloc_fail_at(0);
        error = llmd_service_spec_manifest(spec, &text);
        assert_int_equal(llmd_error_code(error), failed ? LLMD_E_NO_MEMORY : LLMD_OK);
        llmd_error_free(error);
        llmd_free(text);
        llmd_service_spec_free(spec);
        assert_int_equal(llmd__alloc_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_gateway_refusals),
        cmocka_unit_test(test_setters_equal_yaml),
        cmocka_unit_test(test_first_bad_value_is_kept),
        cmocka_unit_test(test_token_with_a_newline),
        cmocka_unit_test(test_secrets_are_masked),
        cmocka_unit_test(test_releases),
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_shadow),
        cmocka_unit_test(test_tls_setting),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_setters_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
