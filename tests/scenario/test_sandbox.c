/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox as a client sees it, by plain HTTP and not by the library: what it refuses, how it
 * watches, and that deployments go the way of the real stack.
 */
#include "support/api.h"
#include "sandbox/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int start(const char *profile)
{
    const char *const arguments[] = {"--profile", profile, "--time-scale", "0.005", NULL};
    return api_start(arguments);
}

static int start_ready(void **state)
{
    (void)state;
    if (start("ready") != 0)
        return -1;
    api_apply_namespace();
    return 0;
}

static int start_gke(void **state)
{
    (void)state;
    if (start("gke") != 0)
        return -1;
    api_apply_namespace();
    return 0;
}

static int start_empty(void **state)
{
    (void)state;
    return start("empty");
}

static int stop(void **state)
{
    (void)state;
    api_stop();
    return 0;
}

/* ---- the API ---- */

static void refuses_in_kubernetes_words(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *path;
        const char *body;
        int status;
        const char *reason;
        const char *words;
    } rows[] = {
        {"GET", PODS "/nobody", NULL, 404, "NotFound", "pods \"nobody\" not found"},
        {"GET", "/apis/apps/v1/namespaces/llm/deployments/x", NULL, 404, "NotFound",
         "deployments.apps \"x\" not found"},
        {"POST", "/api/v1/namespaces/nowhere/configmaps", "{\"metadata\":{\"name\":\"a\"}}", 404,
         "NotFound", "namespaces \"nowhere\" not found"},
        {"POST", "/api/v1/namespaces/llm/configmaps", "{\"metadata\":{\"name\":\"Big_Name\"}}", 422,
         "Invalid", "a lowercase RFC 1123 subdomain must consist of"},
        {"POST", "/api/v1/namespaces/llm/services", "{\"metadata\":{\"name\":\"1st\"}}", 422,
         "Invalid", "a DNS-1035 label must consist of"},
        {"POST", "/api/v1/namespaces/llm/configmaps", "{broken", 400, "BadRequest", "decoding"},
        {"PATCH", "/api/v1/namespaces/llm/configmaps/a", "{}", 415, "UnsupportedMediaType",
         "media"},
        {"POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"default\"}}", 409,
         "AlreadyExists", "namespaces \"default\" already exists"},
        {"PUT", "/api/v1/namespaces/llm/configmaps/kube-root-ca.crt",
         "{\"metadata\":{\"name\":\"kube-root-ca.crt\",\"resourceVersion\":\"1\"}}", 409,
         "Conflict",
         "the object has been modified; please apply your changes to the latest version"},
        {"GET", PODS "/nobody/log", NULL, 404, "NotFound", "pods \"nobody\" not found"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status;
        AUTO(json)
        struct json *json = api_ask(rows[i].method, rows[i].path, NULL, rows[i].body, &status);
        if (status != rows[i].status ||
            strcmp(llmd__json_str(json, "reason"), rows[i].reason) != 0 ||
            !strstr(llmd__json_str(json, "message"), rows[i].words))
            fail_msg("%s %s: %d %s", rows[i].method, rows[i].path, status,
                     llmd__json_str(json, "message"));
    }
}

static void serves_no_kind_that_is_not_installed(void **state)
{
    (void)state;
    int status;
    llmd__json_free(api_ask("GET", SERVICES, NULL, NULL, &status));
    assert_int_equal(status, 404);
    AUTO(json) struct json *groups = api_ask("GET", "/apis", NULL, NULL, &status);
    JSON_EACH(group, llmd__json_get(groups, "groups")) {
        assert_string_not_equal(llmd__json_str(group, "name"), "serving.kserve.io");
    }
}

static void a_crd_makes_a_kind(void **state)
{
    (void)state;
    int status;
    api_apply(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/toys.example.com",
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"toys.example.com\"},\"spec\":{\"group\":\"example.com\","
        "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"toys\",\"kind\":\"Toy\"},\"versions\":["
        "{\"name\":\"v1\",\"served\":true,\"storage\":true},{\"name\":\"v1beta1\",\"served\":"
        "true,\"storage\":false}]}}");
    llmd__json_free(
        api_await("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/toys.example.com",
                  "Established", "True", "InitialNamesAccepted"));
    api_apply("/apis/example.com/v1beta1/namespaces/default/toys/bear",
              "{\"apiVersion\":\"example.com/v1beta1\",\"kind\":\"Toy\",\"metadata\":{\"name\":"
              "\"bear\"}}");
    AUTO(json)
    struct json *toy =
        api_ask("GET", "/apis/example.com/v1/namespaces/default/toys/bear", NULL, NULL, &status);
    assert_string_equal(llmd__json_str(toy, "apiVersion"), "example.com/v1");
}

static void apply_definition(void)
{
    api_apply(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
        "llminferenceservices.serving.kserve.io",
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"llminferenceservices.serving.kserve.io\"},\"spec\":{\"group\":"
        "\"serving.kserve.io\",\"scope\":\"Namespaced\",\"names\":{\"plural\":"
        "\"llminferenceservices\",\"kind\":\"LLMInferenceService\"},\"versions\":[{\"name\":"
        "\"v1alpha2\",\"served\":true,\"storage\":true,\"subresources\":{\"status\":{}}}]}}");
    llmd__json_free(api_await("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
                              "llminferenceservices.serving.kserve.io",
                              "Established", "True", NULL));
}

static void a_service_is_inert_without_its_controller(void **state)
{
    (void)state;
    int status;
    apply_definition();
    api_apply_namespace();
    api_apply_service("alone", "", "\"image\":\"vllm/vllm-tpu:v1\",");
    pause_ms(200);
    AUTO(json) struct json *service = api_ask("GET", SERVICES "/alone", NULL, NULL, &status);
    assert_int_equal(status, 200);
    assert_null(llmd__json_get(service, "status"));
    assert_null(llmd__json_get(service, "metadata.finalizers"));
}

static void a_webhook_without_its_pods_refuses(void **state)
{
    (void)state;
    int status;
    api_apply(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/guard",
        "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":"
        "\"ValidatingWebhookConfiguration\",\"metadata\":{\"name\":\"guard\"},\"webhooks\":[{"
        "\"name\":\"guard.example.com\",\"failurePolicy\":\"Fail\",\"clientConfig\":{\"service\":{"
        "\"name\":\"guard\",\"namespace\":\"default\",\"path\":\"/check\"}},\"rules\":[{"
        "\"apiGroups\":[\"serving.kserve.io\"],\"operations\":[\"CREATE\"],\"resources\":["
        "\"llminferenceservices\"]}]}]}");
    AUTO(json)
    struct json *refused =
        api_ask("POST", SERVICES, NULL, "{\"metadata\":{\"name\":\"guarded\"}}", &status);
    assert_int_equal(status, 500);
    assert_string_equal(
        llmd__json_str(refused, "message"),
        "Internal error occurred: failed calling webhook \"guard.example.com\": "
        "failed to call webhook: Post "
        "\"https://guard.default.svc:443/check?timeout=10s\": service \"guard\" not "
        "found");
}

static void lists_in_pages(void **state)
{
    (void)state;
    char token[512] = "";
    int seen = 0;
    for (int i = 0; i < 7; i++) {
        char path[200];
        char body[300];
        const char *name = &"xxxxxxx"[i]; /* a token of every length */
        snprintf(path, sizeof(path), "/api/v1/namespaces/llm/configmaps/%s", name);
        snprintf(body, sizeof(body),
                 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\","
                 "\"labels\":{\"paged\":\"yes\"}}}",
                 name);
        api_apply(path, body);
    }
    do {
        char path[900];
        int status;
        snprintf(path, sizeof(path),
                 "/api/v1/namespaces/llm/configmaps?labelSelector=paged%%3Dyes&limit=1%s%s",
                 *token ? "&continue=" : "", token);
        AUTO(json) struct json *page = api_ask("GET", path, NULL, NULL, &status);
        assert_int_equal(status, 200);
        seen += (int)llmd__json_count(llmd__json_get(page, "items"));
        snprintf(token, sizeof(token), "%s", llmd__json_str(page, "metadata.continue"));
    } while (*token);
    assert_int_equal(seen, 7);
}

static void a_second_apply_changes_nothing(void **state)
{
    (void)state;
    const char *path = "/api/v1/namespaces/llm/configmaps/twice";
    const char *body =
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"twice\"},"
        "\"data\":{\"a\":\"1\"}}";
    int status;
    api_apply(path, body);
    AUTO(json) struct json *first = api_ask("GET", path, NULL, NULL, &status);
    api_apply(path, body);
    AUTO(json) struct json *second = api_ask("GET", path, NULL, NULL, &status);
    assert_string_equal(llmd__json_str(first, "metadata.resourceVersion"),
                        llmd__json_str(second, "metadata.resourceVersion"));
}

static void conflicts_name_manager_and_field(void **state)
{
    (void)state;
    const char *path = "/api/v1/namespaces/llm/configmaps/mine";
    int status;
    api_apply(path,
              "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"mine\"},"
              "\"data\":{\"a\":\"1\"}}");
    AUTO(json)
    struct json *refused =
        api_ask("PATCH", "/api/v1/namespaces/llm/configmaps/mine?fieldManager=thief", APPLY,
                "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                "\"mine\"},\"data\":{\"a\":\"2\"}}",
                &status);
    assert_int_equal(status, 409);
    assert_string_equal(llmd__json_str(refused, "message"),
                        "Apply failed with 1 conflict: conflict with \"test\": .data.a");
}

/* ---- watches ---- */

/* The types of events that a watch from this version sends within a second. */
static char *watch_types(const char *version, char out[4096])
{
    char path[300];
    char url[600];
    char *text;
    snprintf(path, sizeof(path),
             "/api/v1/namespaces/llm/configmaps?watch=1&timeoutSeconds=1&allowWatchBookmarks=true"
             "&labelSelector=watched&resourceVersion=%s",
             version);
    snprintf(url, sizeof(url), "%s%s", sandbox_process_url(api_sandbox), path);
    sandbox_process_http("GET", url, NULL, NULL, &text);
    out[0] = '\0';
    for (char *at = text ? strstr(text, "{\"type\":\"") : NULL; at;
         at = strstr(at + 9, "{\"type\":\"")) {
        size_t used = strlen(out);
        snprintf(out + used, 4096 - used, "%s%.*s", used ? " " : "", (int)strcspn(at + 9, "\""),
                 at + 9);
    }
    free(text);
    return out;
}

static void put_watched(const char *labels, const char *value)
{
    char body[400];
    snprintf(body, sizeof(body),
             "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"seen\","
             "\"labels\":%s},"
             "\"data\":{\"a\":\"%s\"}}",
             labels, value);
    api_apply("/api/v1/namespaces/llm/configmaps/seen", body);
}

static void watches_miss_and_double_nothing(void **state)
{
    (void)state;
    char types[4096];
    int status;
    AUTO(json)
    struct json *list = api_ask("GET", "/api/v1/namespaces/llm/configmaps", NULL, NULL, &status);
    const char *version = llmd__json_str(list, "metadata.resourceVersion");
    put_watched("{\"watched\":\"1\"}", "1");
    put_watched("{\"watched\":\"1\"}", "2");
    put_watched("{\"other\":\"1\"}", "3");
    put_watched("{\"watched\":\"1\"}", "4");
    llmd__json_free(
        api_ask("DELETE", "/api/v1/namespaces/llm/configmaps/seen", NULL, NULL, &status));
    /* Without its label the object is gone for this watch, with it again it is new. */
    assert_string_equal(watch_types(version, types), "ADDED MODIFIED DELETED ADDED DELETED");
    assert_true(sandbox_process_command(api_sandbox, "compact", NULL));
    assert_string_equal(watch_types(version, types), "ERROR");
}

static void faults_come_on_command(void **state)
{
    (void)state;
    int status;
    const char *path = "/api/v1/namespaces/llm/configmaps";
    assert_true(sandbox_process_command(
        api_sandbox, "faults",
        "{\"match\":\"configmaps\",\"fault\":\"429\",\"number\":3,\"count\":1}"));
    assert_true(sandbox_process_command(
        api_sandbox, "faults", "{\"match\":\"configmaps\",\"fault\":\"reset\",\"count\":1}"));
    assert_false(sandbox_process_command(api_sandbox, "faults", "{\"fault\":\"sneeze\"}"));
    llmd__json_free(api_ask("GET", path, NULL, NULL, &status));
    assert_int_equal(status, 429);
    llmd__json_free(api_ask("GET", path, NULL, NULL, &status));
    assert_int_equal(status, 0);
    llmd__json_free(api_ask("GET", path, NULL, NULL, &status));
    assert_int_equal(status, 200);
}

/* ---- deployments ---- */

#define ROUTER                                                                                     \
    "\"router\":{\"gateway\":{\"refs\":[{\"name\":\"edge\"}]},\"route\":{},\"scheduler\":{}},"
#define IMAGE "\"image\":\"vllm/vllm-tpu:v1\","

static void deploys_and_answers(void **state)
{
    (void)state;
    int status;
    char url[300];
    api_apply_gateway("gke-l7-rilb");
    api_apply_service("good", ROUTER, IMAGE);
    AUTO(json) struct json *service = api_await(SERVICES "/good", "Ready", "True", NULL);
    snprintf(url, sizeof(url), "%s/v1/chat/completions", llmd__json_str(service, "status.url"));
    AUTO(json)
    struct json *reply = api_ask("POST", url, NULL,
                                 "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":"
                                 "\"ping\"}],\"max_tokens\":5}",
                                 &status);
    assert_int_equal(status, 200);
    assert_int_equal(llmd__json_int(reply, "usage.completion_tokens", 0), 5);
    assert_string_equal(llmd__json_str(reply, "choices[0].finish_reason"), "length");
    assert_non_null(strstr(llmd__json_str(reply, "choices[0].message.content"), "ping"));
    AUTO(json)
    struct json *unknown = api_ask(
        "POST", url, NULL,
        "{\"model\":\"nope\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", &status);
    assert_int_equal(status, 404);
    assert_string_equal(llmd__json_str(unknown, "error.param"), "model");
    AUTO(json)
    struct json *models =
        api_ask("GET",
                "/api/v1/namespaces/llm/services/good-kserve-workload-svc:8000/proxy"
                "/v1/models",
                NULL, NULL, &status);
    assert_string_equal(llmd__json_str(models, "data[0].id"), "tiny");
}

static void drop_service(const char *name)
{
    char path[300];
    int status;
    snprintf(path, sizeof(path), SERVICES "/%s", name);
    llmd__json_free(api_ask("DELETE", path, NULL, NULL, &status));
    assert_int_equal(status, 200);
    for (int i = 0; i < 1000; i++) {
        AUTO(json) struct json *pods = api_ask("GET", PODS, NULL, NULL, &status);
        if (llmd__json_count(llmd__json_get(pods, "items")) == 0)
            return;
        pause_ms(10);
    }
    fail_msg("pods are left");
}

static void deletes_with_all_children(void **state)
{
    (void)state;
    drop_service("good");
}

/* The words of a pod's container while it waits, or "". */
static const char *waiting_reason(const struct json *pods, const char *prefix)
{
    JSON_EACH(pod, llmd__json_get(pods, "items")) {
        const char *name = llmd__json_str(pod, "metadata.name");
        if (strncmp(name, prefix, strlen(prefix)) == 0 && !strstr(name, "router"))
            return llmd__json_str(pod, "status.containerStatuses[0].state.waiting.reason");
    }
    return "";
}

static void await_waiting(const char *prefix, const char *reason)
{
    for (int i = 0; i < 1000; i++) {
        int status;
        AUTO(json) struct json *pods = api_ask("GET", PODS, NULL, NULL, &status);
        if (strcmp(waiting_reason(pods, prefix), reason) == 0)
            return;
        pause_ms(5);
    }
    fail_msg("%s: no container is waiting for %s", prefix, reason);
}

static void await_event(const char *reason, const char *words)
{
    for (int i = 0; i < 1000; i++) {
        int status;
        AUTO(json)
        struct json *events = api_ask("GET", "/api/v1/namespaces/llm/events", NULL, NULL, &status);
        JSON_EACH(event, llmd__json_get(events, "items")) {
            if (strcmp(llmd__json_str(event, "reason"), reason) == 0 &&
                strstr(llmd__json_str(event, "message"), words))
                return;
        }
        pause_ms(10);
    }
    fail_msg("no event %s with \"%s\"", reason, words);
}

static void a_missing_image_backs_off(void **state)
{
    (void)state;
    api_apply_service("noimage", ROUTER, "\"image\":\"rig.local/does-not-exist:1\",");
    await_waiting("noimage-kserve-", "ImagePullBackOff");
    await_event("Failed", "rig.local/does-not-exist:1: not found");
    drop_service("noimage");
}

static void a_private_image_wants_a_secret(void **state)
{
    (void)state;
    api_apply_service("refused", ROUTER, "\"image\":\"private.rig/team/vllm:1\",");
    await_event("Failed", "401 Unauthorized");
    drop_service("refused");
}

static void too_many_chips_fit_nowhere(void **state)
{
    (void)state;
    api_apply(
        SERVICES "/big",
        "{\"apiVersion\":\"serving.kserve.io/v1alpha2\",\"kind\":\"LLMInferenceService\","
        "\"metadata\":{\"name\":\"big\"},\"spec\":{\"model\":{\"uri\":\"hf://x/y\"},\"replicas\":1,"
        "\"storageInitializer\":{\"enabled\":false},\"template\":{\"containers\":[{\"name\":"
        "\"main\",\"image\":\"vllm/vllm-tpu:v1\",\"resources\":{\"limits\":{\"google.com/tpu\":"
        "\"16\"}}}]}}}");
    await_event("FailedScheduling", "Insufficient google.com/tpu");
    drop_service("big");
}

static void an_unknown_flag_loops(void **state)
{
    (void)state;
    char path[400];
    int status;
    api_apply_service("loop", ROUTER, IMAGE "\"args\":[\"--no-such-flag\"],");
    await_waiting("loop-kserve-", "CrashLoopBackOff");
    AUTO(json)
    struct json *pods = api_ask("GET", PODS, NULL, NULL, &status);
    JSON_EACH(pod, llmd__json_get(pods, "items")) {
        const char *name = llmd__json_str(pod, "metadata.name");
        char url[600];
        char *log;
        if (strstr(name, "router"))
            continue;
        snprintf(path, sizeof(path), PODS "/%s/log?previous=true&tailLines=1", name);
        snprintf(url, sizeof(url), "%s%s", sandbox_process_url(api_sandbox), path);
        sandbox_process_http("GET", url, NULL, NULL, &log);
        assert_string_equal(log, "vllm: error: unrecognized arguments: --no-such-flag\n");
        free(log);
    }
    drop_service("loop");
}

static void a_missing_config_is_told(void **state)
{
    (void)state;
    api_apply_service("nopreset", "\"baseRefs\":[{\"name\":\"no-such-config\"}],", IMAGE);
    AUTO(json)
    struct json *service =
        api_await(SERVICES "/nopreset", "PresetsCombined", "False", "ConfigNotFound");
    assert_string_equal(llmd__json_str(api_condition(service, "Ready"), "reason"),
                        "NewObservedGenFailure");
    drop_service("nopreset");
}

static void a_refused_route_stays_refused(void **state)
{
    (void)state;
    api_apply_service(
        "route",
        "\"router\":{\"gateway\":{\"refs\":[{\"name\":\"edge\"}]},\"route\":{\"http\":{\"spec\":{"
        "\"rules\":[{\"backendRefs\":[{\"group\":\"example.com\",\"kind\":\"Toy\",\"name\":"
        "\"bear\"}]}]}}}},",
        IMAGE);
    for (int i = 0; i < 1000; i++) {
        int status;
        AUTO(json) struct json *service = api_ask("GET", SERVICES "/route", NULL, NULL, &status);
        const struct json *condition = api_condition(service, "HTTPRoutesReady");
        if (strstr(llmd__json_str(condition, "message"), "(reason \"InvalidKind\""))
            break;
        if (i == 999)
            fail_msg("the route is not refused: %s", llmd__json_str(condition, "message"));
        pause_ms(10);
    }
    drop_service("route");
}

static void a_class_nobody_knows_is_waited_for(void **state)
{
    (void)state;
    int status;
    api_apply("/apis/gateway.networking.k8s.io/v1/namespaces/llm/gateways/lost",
              "{\"apiVersion\":\"gateway.networking.k8s.io/v1\",\"kind\":\"Gateway\",\"metadata\":{"
              "\"name\":\"lost\"},\"spec\":{\"gatewayClassName\":\"nobody\",\"listeners\":[]}}");
    pause_ms(200);
    AUTO(json)
    struct json *json =
        api_ask("GET", "/apis/gateway.networking.k8s.io/v1/namespaces/llm/gateways/lost", NULL,
                NULL, &status);
    assert_string_equal(llmd__json_str(api_condition(json, "Accepted"), "status"), "Unknown");
    assert_string_equal(llmd__json_str(api_condition(json, "Accepted"), "reason"), "Pending");
}

static void gke_has_no_healthy_upstream_without_a_policy(void **state)
{
    (void)state;
    char url[300];
    int status;
    api_apply_gateway("gke-l7-regional-external-managed");
    api_apply(
        "/apis/serving.kserve.io/v1alpha2/namespaces/llm/llminferenceserviceconfigs/"
        "kserve-config-llm-router-route",
        "{\"apiVersion\":\"serving.kserve.io/v1alpha2\",\"kind\":\"LLMInferenceServiceConfig\","
        "\"metadata\":{\"name\":\"kserve-config-llm-router-route\"},\"spec\":{\"router\":{"
        "\"route\":"
        "{\"http\":{\"spec\":{\"rules\":[{}]}}}}}}");
    api_apply_service("good", ROUTER, IMAGE);
    AUTO(json) struct json *service = api_await(SERVICES "/good", "Ready", "True", NULL);
    snprintf(url, sizeof(url), "%s/v1/completions", llmd__json_str(service, "status.url"));
    llmd__json_free(api_ask("POST", url, NULL, "{\"prompt\":\"x\",\"max_tokens\":1}", &status));
    assert_int_equal(status, 503);
    api_apply(
        "/apis/networking.gke.io/v1/namespaces/llm/healthcheckpolicies/good",
        "{\"apiVersion\":\"networking.gke.io/v1\",\"kind\":\"HealthCheckPolicy\",\"metadata\":{"
        "\"name\":\"good\"},\"spec\":{\"default\":{\"config\":{\"type\":\"HTTP\","
        "\"httpHealthCheck\":{"
        "\"requestPath\":\"/health\"}}},\"targetRef\":{\"group\":\"inference.networking.k8s.io\","
        "\"kind\":\"InferencePool\",\"name\":\"good-inference-pool\"}}}");
    llmd__json_free(api_await("/apis/networking.gke.io/v1/namespaces/llm/healthcheckpolicies/good",
                              "Attached", "True", NULL));
    llmd__json_free(api_ask("POST", url, NULL, "{\"prompt\":\"x\",\"max_tokens\":1}", &status));
    assert_int_equal(status, 200);
}

static int run_api(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_in_kubernetes_words),
        cmocka_unit_test(lists_in_pages),
        cmocka_unit_test(a_second_apply_changes_nothing),
        cmocka_unit_test(conflicts_name_manager_and_field),
        cmocka_unit_test(watches_miss_and_double_nothing),
        cmocka_unit_test(faults_come_on_command),
        cmocka_unit_test(deploys_and_answers),
        cmocka_unit_test(deletes_with_all_children),
        cmocka_unit_test(a_missing_image_backs_off),
        cmocka_unit_test(a_private_image_wants_a_secret),
        cmocka_unit_test(too_many_chips_fit_nowhere),
        cmocka_unit_test(an_unknown_flag_loops),
        cmocka_unit_test(a_missing_config_is_told),
        cmocka_unit_test(a_refused_route_stays_refused),
        cmocka_unit_test(a_class_nobody_knows_is_waited_for),
    };
    return cmocka_run_group_tests_name("ready", tests, start_ready, stop);
}

int main(void)
{
    const struct CMUnitTest empty[] = {
        cmocka_unit_test(serves_no_kind_that_is_not_installed),
        cmocka_unit_test(a_crd_makes_a_kind),
        cmocka_unit_test(a_service_is_inert_without_its_controller),
        cmocka_unit_test(a_webhook_without_its_pods_refuses),
    };
    const struct CMUnitTest gke[] = {
        cmocka_unit_test(gke_has_no_healthy_upstream_without_a_policy),
    };
    return cmocka_run_group_tests_name("empty", empty, start_empty, stop) + run_api() +
           cmocka_run_group_tests_name("gke", gke, start_gke, stop);
}
