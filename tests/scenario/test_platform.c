/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A platform on an empty cluster: installed in the order that works, again without any change,
 * looked at, and removed until nothing is left of it.
 */
#include "support/events.h"
#include "support/platform.h"
#include "support/torture.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- installing ---- */

/* Nothing was refused, mounted too early or tried again: that is what the order is for. */
static void expect_no_warning(const struct log *log)
{
    for (size_t i = 0; i < log->count; i++)
        if (log->items[i].level > LLMD_LEVEL_INFO) {
            print(log);
            fail_msg("%s: %s", log->items[i].subject, log->items[i].message);
        }
}

static size_t place_of(const struct log *log, const char *subject, const char *reason)
{
    const struct seen *seen = find(log, subject, reason);

    if (!seen) {
        print(log);
        fail_msg("%s %s was not told", subject, reason);
    }
    return (size_t)(seen - log->items);
}

static void expect_before(const struct log *log, const char *first, const char *first_reason,
                          const char *second)
{
    if (place_of(log, first, first_reason) > place_of(log, second, "created")) {
        print(log);
        fail_msg("%s comes after %s", first, second);
    }
}

static void test_empty_cluster(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, NULL));
    expect_no_warning(&platform->log);
    /* Whoever starts finds what it looks for; whoever judges is there before what it judges. */
    expect_before(&platform->log, "CustomResourceDefinition/gateways.gateway.networking.k8s.io",
                  "created", "Deployment/kserve/llmisvc-controller-manager");
    expect_before(&platform->log, "Certificate/kserve/llmisvc-serving-cert", "created",
                  "Deployment/kserve/llmisvc-controller-manager");
    expect_before(&platform->log, "cert-manager", "Ready", "Issuer/kserve/selfsigned-issuer");
    expect_before(&platform->log, "ValidatingWebhookConfiguration/llminferenceserviceconfig",
                  "created", "LLMInferenceServiceConfig/kserve/kserve-config-llm-template");
    assert_non_null(strstr(platform->log.result, "\"ready\":true"));
    assert_non_null(strstr(platform->log.result, "\"kserve\":{\"version\":\"0.20.0\""));
}

static void test_serves_a_service(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_service_spec)
    spec = llmd_service_spec_new("llm", "qwen", "hf://Qwen/Qwen3-0.6B");
    llmd_task *task = NULL;
    llmd_error *made;

    none(platform_apply(platform, NULL));
    platform_add_gateway(platform);
    llmd_service_spec_set(spec, "gateway.namespace", "kserve");
    llmd_service_spec_set(spec, "gateway.name", "kserve-ingress-gateway");
    made = llmd_service_apply(platform->kube, spec, &task);
    none(run(made, task, 30000, &platform->log));
}

static void test_second_apply_changes_nothing(void **state)
{
    struct platform *platform = *state;
    char *before, *after;

    none(platform_apply(platform, NULL));
    before = platform_version(platform);
    none(platform_apply(platform, NULL));
    after = platform_version(platform);
    assert_string_equal(after, before);
    assert_null(find(&platform->log, "", "configured"));
    assert_null(find(&platform->log, "", "created"));
    free(before);
    free(after);
}

/* The controller decides its watches when it starts: it is restarted, and only it. */
static void test_crds_that_came_later(void **state)
{
    struct platform *platform = *state;
    const struct seen *seen;

    none(platform_apply(platform, "gatewayApi: {install: never}"));
    platform_wait_a_second();
    none(platform_apply(platform, NULL));
    seen = find(&platform->log, "Deployment/kserve/llmisvc-controller-manager", "Restarted");
    assert_non_null(seen);
    platform_wait_a_second();
    none(platform_apply(platform, NULL));
    assert_null(find(&platform->log, "", "Restarted"));
}

/* Versions are asked for by the names that the bundle has, whatever these are. */
static void test_a_crd_of_others_with_an_unusual_version(void **state)
{
#define ODD                                                                                        \
    "{\"apiVersion\":\"apiextensions.k8s.io/"                                                      \
    "v1\",\"kind\":\"CustomResourceDefinition\",\"metadata\":{"                                    \
    "\"name\":\"things.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":"              \
    "\"Namespaced\","                                                                              \
    "\"names\":{\"kind\":\"Thing\",\"listKind\":\"ThingList\",\"plural\":\"things\"},"             \
    "\"versions\":[{"                                                                              \
    "\"name\":\"v7beta3\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"      \
    "\"type\":\"object\"}}}]}}"
#define LWS                                                                                        \
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "      \
    "leaderworkersets.leaderworkerset.x-k8s.io}, spec: {group: leaderworkerset.x-k8s.io, scope: "  \
    "Namespaced, names: {kind: LeaderWorkerSet, listKind: LeaderWorkerSetList, plural: "           \
    "leaderworkersets}, versions: [{name: v1, served: true, storage: true, schema: "               \
    "{openAPIV3Schema: {type: object}}}]}}"
    struct platform *platform = *state;

    platform_put(platform,
                 "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com", ODD);
    none(platform_apply(platform,
                        "leaderWorkerSet:\n  manifests: |\n    " LWS "\n    ---\n    " ODD));
    assert_non_null(
        find(&platform->log, "CustomResourceDefinition/things.example.com", "LeftAlone"));
}

/* ---- status ---- */

static void test_status(void **state)
{
    struct platform *platform = *state;
    const struct seen *seen;

    none(platform_status(platform));
    seen = find(&platform->log, "KServe", "Missing");
    assert_non_null(seen);
    assert_int_equal(seen->level, LLMD_LEVEL_ERROR);
    assert_non_null(strstr(platform->log.result, "\"ready\":false"));
    none(platform_apply(platform, NULL));
    none(platform_status(platform));
    expect_no_warning(&platform->log);
    seen = find(&platform->log, "KServe", "Ready");
    assert_non_null(seen);
    assert_string_equal(seen->message, "0.20.0, by libllmd, in namespace kserve");
    assert_non_null(strstr(platform->log.result, "\"ready\":true"));
}

#define CONTROLLER "/apis/apps/v1/namespaces/kserve/deployments/llmisvc-controller-manager"

static void expect_part(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("%s lacks %s", text, part);
}

/* Objects and fields, and nothing that the server or its controllers wrote. */
static void test_status_names_what_differs(void **state)
{
    struct platform *platform = *state;
    const struct seen *seen;

    none(platform_apply(platform, NULL));
    none(platform_status(platform));
    expect_part(platform->log.result, "\"differs\":[]");
    platform_patch(platform, CONTROLLER, "{\"spec\":{\"replicas\":2,\"paused\":false}}");
    platform_patch(platform, "/api/v1/namespaces/kserve/configmaps/inferenceservice-config",
                   "{\"data\":{\"ingress\":\"{}\"}}");
    platform_remove(platform, "/api/v1/namespaces/kserve/services/llmisvc-webhook-server-service");
    none(platform_status(platform));
    seen = find(&platform->log, "KServe", "Differs");
    assert_non_null(seen);
    assert_int_equal(seen->level, LLMD_LEVEL_WARNING);
    expect_part(seen->message, "ConfigMap/kserve/inferenceservice-config .data.ingress");
    expect_part(seen->message, "Service/kserve/llmisvc-webhook-server-service (missing)");
    assert_null(find(&platform->log, "cert-manager", "Differs"));
    expect_part(platform->log.result,
                "\"differs\":[{\"object\":\"ConfigMap/kserve/inferenceservice-config\","
                "\"field\":\".data.ingress\"},"
                "{\"object\":\"Service/kserve/llmisvc-webhook-server-service\"}]");
    none(platform_apply(platform, "adopt: true"));
    none(platform_status(platform));
    expect_no_warning(&platform->log);
}

/* What somebody else installed: by whom, and what an adoption would change. */
static void test_status_of_what_others_installed(void **state)
{
    struct platform *platform = *state;
    const struct seen *seen;

    none(platform_apply(platform, NULL));
    platform_patch(platform, CONTROLLER,
                   "{\"metadata\":{\"labels\":{\"app.kubernetes.io/managed-by\":\"Helm\"},"
                   "\"annotations\":{\"meta.helm.sh/release-name\":\"llm\","
                   "\"meta.helm.sh/release-namespace\":\"ops\"}}}");
    platform_patch(platform, "/api/v1/namespaces/kserve/configmaps/inferenceservice-config",
                   "{\"data\":{\"ingress\":\"{}\"}}");
    none(platform_status(platform));
    seen = find(&platform->log, "KServe", "Ready");
    assert_non_null(seen);
    assert_string_equal(seen->message, "0.20.0, by helm release ops/llm, in namespace kserve");
    seen = find(&platform->log, "KServe", "Differs");
    assert_non_null(seen);
    assert_int_equal(seen->level, LLMD_LEVEL_INFO);
    expect_part(seen->message, "ConfigMap/kserve/inferenceservice-config .data.ingress");
    expect_part(seen->advice, "adopt: true");
}

/* It has no name that is known beforehand: our label tells which it is. */
static void test_a_gateway_controller(void **state)
{
    static const char spec[] = "gatewayController:\n"
                               "  manifests: |\n"
                               "    apiVersion: apps/v1\n"
                               "    kind: Deployment\n"
                               "    metadata: {name: envoy-gateway, namespace: gateways}\n"
                               "    spec:\n"
                               "      selector: {matchLabels: {app: gateway}}\n"
                               "      template:\n"
                               "        metadata: {labels: {app: gateway}}\n"
                               "        spec:\n"
                               "          containers:\n"
                               "          - {name: main, image: "
                               "\"docker.io/envoyproxy/gateway:v1.8.1\"}\n";
    struct platform *platform = *state;

    none(platform_apply(platform, spec));
    assert_non_null(strstr(platform->log.result, "\"gatewayController\":{\"version\":\"1.8.1\""));
    none(platform_status(platform));
    expect_no_warning(&platform->log);
    assert_non_null(find(&platform->log, "the gateway controller", "Ready"));
    none(platform_delete(platform, NULL));
    assert_non_null(find(&platform->log, "Namespace/gateways", "deleted"));
}

/* ---- delete ---- */

static void test_delete_leaves_nothing(void **state)
{
    struct platform *platform = *state;
    char *before = platform_objects(platform), *after;

    none(platform_apply(platform, NULL));
    none(platform_delete(platform, NULL));
    assert_non_null(find(&platform->log, "platform", "Deleted"));
    after = platform_objects(platform);
    assert_string_equal(after, before);
    none(platform_apply(platform, NULL));
    none(platform_delete(platform, NULL));
    none(platform_delete(platform, NULL));
    assert_non_null(strstr(platform->log.result, "\"removed\":[]"));
    free(before);
    free(after);
}

/* What cert-manager's leader election makes on a real cluster; nothing of it carries a label. */
static void add_leases(struct platform *platform)
{
    static const char *const names[] = {"cert-manager-controller",
                                        "cert-manager-cainjector-leader-election"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        AUTO(str)
        char *path =
            llmd__format("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/%s", names[i]);
        AUTO(str)
        char *json = llmd__format("{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":"
                                  "\"Lease\",\"metadata\":{\"name\":\"%s\"}}",
                                  names[i]);
        platform_put_as(platform, "controller", path, json);
    }
}

/* Killed between the webhooks and the namespaces: what named the CA and what left the leases are
   gone, and the next delete ends with nothing left all the same. */
static void test_delete_after_one_that_was_killed(void **state)
{
    static const char *const last_words[] = {
        "ValidatingWebhookConfiguration/cert-manager-webhook",
        "Deployment/cert-manager/cert-manager",
        "CustomResourceDefinition/certificates.cert-manager.io"};
    struct platform *platform = *state;
    char *before = platform_objects(platform), *after;

    for (size_t i = 0; i < sizeof(last_words) / sizeof(last_words[0]); i++) {
        none(platform_apply(platform, NULL));
        add_leases(platform);
        platform_delete_until(platform, last_words[i]);
        none(platform_delete(platform, NULL));
        assert_null(find(&platform->log, "", "Kept"));
        after = platform_objects(platform);
        assert_string_equal(after, before);
        free(after);
    }
    free(before);
}

/* What a gateway controller's bundle may hold besides what the other releases do. */
static void test_delete_of_rarer_kinds(void **state)
{
#define OURS "\"labels\":{\"libllmd.dev/component\":\"gatewayController\"}"
    static const char *const paths[] = {
        "/apis/apps/v1/namespaces/default/statefulsets/cache",
        "/apis/apiregistration.k8s.io/v1/apiservices/v1.gateway.example.com"};
    struct platform *platform = *state;

    platform_put(platform, paths[0],
                 "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{"
                 "\"name\":\"cache\"," OURS "},\"spec\":{\"replicas\":0,\"serviceName\":\"c\","
                 "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{"
                 "\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[]}}}}");
    platform_put(platform, paths[1],
                 "{\"apiVersion\":\"apiregistration.k8s.io/v1\",\"kind\":\"APIService\","
                 "\"metadata\":{\"name\":\"v1.gateway.example.com\"," OURS "},\"spec\":{"
                 "\"group\":\"gateway.example.com\",\"version\":\"v1\"}}");
    none(platform_delete(platform, NULL));
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(platform_get(platform, paths[i]), 404);
}

static void test_delete_while_in_use(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;
    char *before, *after;

    none(platform_apply(platform, NULL));
    platform_put(platform, "/apis/cert-manager.io/v1/namespaces/default/issuers/mine",
                 "{\"apiVersion\":\"cert-manager.io/v1\",\"kind\":\"Issuer\",\"metadata\":{"
                 "\"name\":\"mine\"},\"spec\":{\"selfSigned\":{}}}");
    before = platform_objects(platform);
    error = platform_delete(platform, NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
    assert_string_equal(llmd_error_reason(error), "InUse");
    assert_non_null(strstr(llmd_error_message(error), "Issuer/default/mine"));
    after = platform_objects(platform);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* What people keep in the namespace is theirs. */
static void test_delete_keeps_what_is_not_ours(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, NULL));
    platform_put(platform, "/api/v1/namespaces/kserve/configmaps/mine",
                 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"mine\"}}");
    none(platform_delete(platform, NULL));
    assert_non_null(find(&platform->log, "Namespace/kserve", "Kept"));
    assert_null(find(&platform->log, "Namespace/kserve", "deleted"));
    assert_non_null(find(&platform->log, "Namespace/cert-manager", "deleted"));
    assert_int_equal(platform_get(platform, "/api/v1/namespaces/kserve/configmaps/mine"), 200);
    expect_part(platform->log.result,
                "\"left\":[{\"subject\":\"Namespace/kserve\",\"why\":\"it holds "
                "ConfigMap/kserve/mine\"}]");
}

/* What others installed is left, and named. */
static void test_delete_names_what_others_installed(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, NULL));
    platform_put_as(platform, "helm", "/api/v1/namespaces/lws-system",
                    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
                    "\"lws-system\"}}");
    platform_put_as(platform, "helm",
                    "/apis/apps/v1/namespaces/lws-system/deployments/lws-controller-manager",
                    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"
                    "\"lws-controller-manager\",\"annotations\":{\"meta.helm.sh/release-name\":"
                    "\"lws\"}},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":"
                    "{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[]}}}}");
    none(platform_delete(platform, NULL));
    expect_part(platform->log.result, "\"left\":[{\"subject\":\"LeaderWorkerSet\",\"why\":\"helm "
                                      "release lws installed it, and only what the library "
                                      "installed is removed\"}]");
    assert_non_null(find(&platform->log, "LeaderWorkerSet", "Kept"));
}

#define ROLE "cert-manager-controller-certificates"

/* As tools do that keep a folder of manifests applied. */
static void make_again(void *data, const llmd_event *event)
{
    struct platform *platform = data;

    note(&platform->log, event);
    if (!strcmp(llmd_event_subject(event), "ClusterRole/" ROLE) &&
        !strcmp(llmd_event_reason(event), "deleted"))
        platform_put_as(platform, "gitops", "/apis/rbac.authorization.k8s.io/v1/clusterroles/" ROLE,
                        "{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"ClusterRole\","
                        "\"metadata\":{\"name\":\"" ROLE "\",\"labels\":{\"libllmd.dev/component\":"
                        "\"certManager\"}},\"rules\":[]}");
}

/* The proof says what is there again, and by whom. */
static void test_delete_that_leaves_something(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_task) task = NULL;
    LLMD_AUTO(llmd_error) error = NULL;
    const struct seen *seen;

    none(platform_apply(platform, NULL));
    clear(&platform->log);
    none(llmd_platform_delete(platform->kube, NULL, &task));
    error = llmd_task_run(NULL, task, make_again, platform);
    assert_int_equal(llmd_error_code(error), LLMD_E_FAILED);
    assert_string_equal(llmd_error_reason(error), "LeftOver");
    expect_part(llmd_error_message(error), "ClusterRole/" ROLE " (made again by gitops)");
    seen = find(&platform->log, "ClusterRole/" ROLE, "LeftOver");
    assert_non_null(seen);
    assert_string_equal(seen->message, "made again by gitops");
}

/* Without KServe's controller nobody takes its finalizers off. */
static void test_finalizers_of_a_controller_that_is_gone(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;

    none(platform_apply(platform, NULL));
    platform_remove(platform,
                    "/apis/apps/v1/namespaces/kserve/deployments/llmisvc-controller-manager");
    error = platform_delete(platform, NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
    assert_string_equal(llmd_error_reason(error), "FinalizersHeld");
    none(platform_delete(platform, "stripFinalizers: true"));
    assert_non_null(find(&platform->log, "LLMInferenceServiceConfig/kserve/", "FinalizerStripped"));
}

/* ---- without memory ---- */

static llmd_error *install_again_and_look(void *data)
{
    struct platform *platform = data;

    TRY(platform_apply(platform, NULL));
    return platform_status(platform);
}

static llmd_error *install_and_remove(void *data)
{
    struct platform *platform = data;

    TRY(platform_apply(platform, NULL));
    return platform_delete(platform, NULL);
}

static void test_without_memory(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, NULL));
    torture_sample(install_again_and_look, platform, 5, 60);
    none(platform_delete(platform, NULL));
    torture_sample(install_and_remove, platform, 6, 20);
}

#define PLATFORM_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, platform_set_up, platform_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLATFORM_TEST(test_empty_cluster),
        PLATFORM_TEST(test_serves_a_service),
        PLATFORM_TEST(test_second_apply_changes_nothing),
        PLATFORM_TEST(test_crds_that_came_later),
        PLATFORM_TEST(test_a_crd_of_others_with_an_unusual_version),
        PLATFORM_TEST(test_status),
        PLATFORM_TEST(test_status_names_what_differs),
        PLATFORM_TEST(test_status_of_what_others_installed),
        PLATFORM_TEST(test_a_gateway_controller),
        PLATFORM_TEST(test_delete_leaves_nothing),
        PLATFORM_TEST(test_delete_after_one_that_was_killed),
        PLATFORM_TEST(test_delete_of_rarer_kinds),
        PLATFORM_TEST(test_delete_while_in_use),
        PLATFORM_TEST(test_delete_keeps_what_is_not_ours),
        PLATFORM_TEST(test_delete_names_what_others_installed),
        PLATFORM_TEST(test_delete_that_leaves_something),
        PLATFORM_TEST(test_finalizers_of_a_controller_that_is_gone),
        PLATFORM_TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
