/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms that do not start: each ends with its cause and what to do, or is repaired. */
#include "support/events.h"
#include "support/platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct wanted {
    llmd_code code;
    const char *reason, *message, *advice; /* parts of them */
};

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" lacks \"%s\"", text, part);
}

static void expect(llmd_error *error, struct wanted wanted)
{
    LLMD_AUTO(llmd_error) owned = error;

    if (llmd_error_code(owned) != wanted.code)
        fail_msg("code %d: %s", llmd_error_code(owned), llmd_error_message(owned));
    assert_string_equal(llmd_error_reason(owned), wanted.reason);
    has(llmd_error_message(owned), wanted.message);
    has(llmd_error_advice(owned), wanted.advice);
}

/* ---- images, quotas, rights ---- */

static void test_image_that_does_not_exist(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "image-missing", "llmisvc-controller");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_FAILED, "ImageNotFound", "KServe does not start",
                           "check the image's repository and tag"});
}

static void test_no_cert_manager_webhook(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "image-missing", "cert-manager-webhook");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_FAILED, "ImageNotFound",
                           "cert-manager does not start: Pod/cert-manager/cert-manager-webhook-",
                           "check the image"});
}

static void test_no_right_to_pull(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "image-private", "cert-manager-cainjector");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_FAILED, "ImagePullDenied", "401 Unauthorized", "pullSecret"});
}

static void test_quota(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "quota", "llmisvc-controller-manager");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_FAILED, "PodsNotCreated", "exceeded quota", "ResourceQuota"});
}

static void test_cluster_role_forbidden(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "forbidden",
                   "clusterroles.rbac.authorization.k8s.io kserve-llmisvc-manager-role");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_DENIED, "Forbidden",
                           "apply ClusterRole/kserve-llmisvc-manager-role", "cluster-admin"});
}

/* What never gets ready has no cause that the cluster knows: the deadline says who it was. */
static void test_never_ready(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;

    platform_fault(platform, "never-ready", "cert-manager-webhook");
    error = platform_apply_within(platform, NULL, 3000);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    has(llmd_error_message(error),
        "Deployment cert-manager/cert-manager-webhook of cert-manager to be available");
}

/* ---- what stands there already ---- */

static void test_fields_of_another_manager(void **state)
{
    struct platform *platform = *state;

    platform_put(
        platform, "/api/v1/namespaces/kserve",
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"kserve\"}}");
    platform_put_as(platform, "gitops",
                    "/api/v1/namespaces/kserve/configmaps/inferenceservice-config",
                    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                    "\"inferenceservice-config\"},\"data\":{\"ingress\":\"{}\"}}");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_CONFLICT, "Conflict", "\"gitops\" owns .data.ingress", ""});
    none(platform_apply(platform, "adopt: true"));
}

#define HELM                                                                                       \
    "\"annotations\":{\"meta.helm.sh/release-name\":\"kserve\","                                   \
    "\"meta.helm.sh/release-namespace\":\"kserve\"}"
#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

/* A release of helm that broke off after its CRDs, here of another version, too. */
static void test_half_installed_by_helm(void **state)
{
    struct platform *platform = *state;

    platform_put_as(
        platform, "helm", CRDS "llminferenceservices.serving.kserve.io",
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"llminferenceservices.serving.kserve.io\"," HELM "},\"spec\":{"
        "\"group\":\"serving.kserve.io\",\"scope\":\"Namespaced\",\"names\":{\"plural\":"
        "\"llminferenceservices\",\"singular\":\"llminferenceservice\",\"kind\":"
        "\"LLMInferenceService\",\"listKind\":\"LLMInferenceServiceList\"},\"versions\":[{"
        "\"name\":\"v1alpha1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{"
        "\"type\":\"object\"}}}]}}");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_CONFLICT, "HalfInstalled", "helm release kserve/kserve",
                           "adopt: true"});
    none(platform_apply(platform, "adopt: true"));
    assert_non_null(strstr(platform->log.result, "\"ready\":true"));
}

#define HOOK                                                                                       \
    "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":"                                \
    "\"ValidatingWebhookConfiguration\",\"metadata\":{\"name\":\"old.kserve.io\"},\"webhooks\":[{" \
    "\"name\":"                                                                                    \
    "\"old.kserve.io\",\"failurePolicy\":\"Fail\",\"sideEffects\":\"None\","                       \
    "\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"service\":{\"name\":\"old\","        \
    "\"namespace\":\"opendatahub\",\"path\":\"/v\"}},\"rules\":[{\"apiGroups\":["                  \
    "\"serving.kserve.io\"],\"apiVersions\":[\"*\"],\"operations\":[\"CREATE\",\"UPDATE\"],"       \
    "\"resources\":[\"llminferenceserviceconfigs\"]}]}]}"
#define HOOKS "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/"

static void test_webhook_of_an_old_installation(void **state)
{
    struct platform *platform = *state;

    platform_put(platform, HOOKS "old.kserve.io", HOOK);
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_CONFLICT, "WebhookLeftOver", "the Service opendatahub/old",
                           "kubectl delete ValidatingWebhookConfiguration old.kserve.io"});
    platform_remove(platform, HOOKS "old.kserve.io");
    none(platform_apply(platform, NULL));
}

/* A namespace that is still on its way out is waited for, and made again. */
static void test_namespace_that_is_terminating(void **state)
{
    struct platform *platform = *state;

    platform_put(
        platform, "/api/v1/namespaces/kserve",
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"kserve\"}}");
    platform_put(platform, "/api/v1/namespaces/kserve/configmaps/held",
                 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"held\","
                 "\"finalizers\":[\"example.com/hold\"]}}");
    platform_remove(platform, "/api/v1/namespaces/kserve");
    expect(platform_apply_within(platform, NULL, 2000),
           (struct wanted){LLMD_E_TIMEOUT, "", "", ""});
    assert_non_null(find(&platform->log, "kserve", "NamespaceTerminating"));
    platform_patch(platform, "/api/v1/namespaces/kserve/configmaps/held",
                   "{\"metadata\":{\"finalizers\":null}}");
    none(platform_apply(platform, NULL));
}

#define PLATFORM_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, platform_set_up, platform_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLATFORM_TEST(test_image_that_does_not_exist),
        PLATFORM_TEST(test_no_cert_manager_webhook),
        PLATFORM_TEST(test_no_right_to_pull),
        PLATFORM_TEST(test_quota),
        PLATFORM_TEST(test_cluster_role_forbidden),
        PLATFORM_TEST(test_never_ready),
        PLATFORM_TEST(test_fields_of_another_manager),
        PLATFORM_TEST(test_half_installed_by_helm),
        PLATFORM_TEST(test_webhook_of_an_old_installation),
        PLATFORM_TEST(test_namespace_that_is_terminating),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
