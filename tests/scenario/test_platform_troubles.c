/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Platforms that do not start: each ends with its cause and what to do, or is repaired. Twelve of
 * them by name, `broken_start_...`, and how soon: within 5 s of when the cluster knows it. Where
 * the cluster finds out on the way, it runs on real time, and the moment is that of its own Event;
 * where all stands from the start, the whole call takes no longer.
 */
#include "auth/crypto.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "support/events.h"
#include "support/folder.h"
#include "support/platform.h"
#include "support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

/* ---- how soon ---- */

#define SOON_MS 5000

static int64_t begun_ms; /* of the test */

static int set_up(void **state)
{
    platform_set_up(state);
    begun_ms = llmd__clock_wall_ms();
    return 0;
}

/* A minute of the cluster is a minute. */
static int set_up_real_time(void **state)
{
    *state =
        platform_start_with((const char *const[]){"--profile", "empty", "--time-scale", "1", NULL});
    return 0;
}

/* Of a cluster on which all stands from the start. */
static void expect_soon(void)
{
    int64_t took_ms = llmd__clock_wall_ms() - begun_ms;

    if (took_ms > SOON_MS)
        fail_msg("told after %lld ms", (long long)took_ms);
}

/* When the kubelet wrote down that it could not pull; its Events have whole seconds, so that this
   is up to a second early, never late. */
static int64_t pull_failed_ms(struct platform *platform, const char *image)
{
    AUTO(json) struct json *events = NULL;
    int64_t first_ms = 0;
    char *text = NULL;

    assert_int_equal(platform_read(platform, "/api/v1/events", &text), 200);
    none(llmd__json_parse(text, strlen(text), "events", &events));
    free(text);
    JSON_EACH(event, llmd__json_member(events, "items")) {
        int64_t at_ms;

        if (strcmp(llmd__json_str(event, "reason"), "Failed") != 0 ||
            !strstr(llmd__json_str(event, "message"), image))
            continue;
        assert_true(llmd__clock_parse(llmd__json_str(event, "firstTimestamp"), &at_ms));
        if (!first_ms || at_ms < first_ms)
            first_ms = at_ms;
    }
    assert_true(first_ms > 0);
    return first_ms;
}

static void expect_soon_after_pull(struct platform *platform, const char *image)
{
    int64_t took_ms = llmd__clock_wall_ms() - pull_failed_ms(platform, image);

    if (took_ms > SOON_MS)
        fail_msg("told %lld ms after the kubelet", (long long)took_ms);
}

/* ---- images ---- */

static void broken_start_1_no_cert_manager_webhook(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "image-missing", "cert-manager-webhook");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_FAILED, "ImageNotFound",
                           "cert-manager does not start: Pod/cert-manager/cert-manager-webhook-",
                           "check the image"});
    expect_soon_after_pull(platform, "cert-manager-webhook");
}

#define BY_HELM(name)                                                                              \
    "\"annotations\":{\"meta.helm.sh/release-name\":\"" name "\","                                 \
    "\"meta.helm.sh/release-namespace\":\"ops\"}"

/* Another's cert-manager runs, and has no webhook: nobody would wait for it to come. */
static void broken_start_1_no_cert_manager_webhook_of_others(void **state)
{
    struct platform *platform = *state;

    platform_put_as(platform, "helm", "/api/v1/namespaces/cert-manager",
                    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
                    "\"cert-manager\"}}");
    platform_put_as(
        platform, "helm", "/apis/apps/v1/namespaces/cert-manager/deployments/cert-manager",
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"
        "\"cert-manager\"," BY_HELM(
            "cm") "},\"spec\":{\"selector\":{\"matchLabels\":{"
                  "\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
                  "\"containers\":[{\"name\":\"main\",\"image\":"
                  "\"quay.io/jetstack/cert-manager-controller:v1.17.0\"}]}}}}");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_CONFLICT, "HalfInstalled",
                           "by helm release ops/cm: its Deployment cert-manager-webhook is not "
                           "there",
                           "adopt: true"});
    expect_soon();
    none(platform_apply(platform, "adopt: true"));
}

static void broken_start_2_wrong_image(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "image-missing", "llmisvc-controller");
    expect(platform_apply_within(platform, NULL, 60000),
           (struct wanted){LLMD_E_FAILED, "ImageNotFound", "KServe does not start",
                           "check the image's repository and tag"});
    expect_soon_after_pull(platform, "llmisvc-controller");
}

static void broken_start_3_no_pull_right(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "image-private", "cert-manager-cainjector");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_FAILED, "ImagePullDenied", "401 Unauthorized", "pullSecret"});
    expect_soon_after_pull(platform, "cert-manager-cainjector");
}

/* ---- quotas, rights ---- */

static void test_quota(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "quota", "llmisvc-controller-manager");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_FAILED, "PodsNotCreated", "exceeded quota", "ResourceQuota"});
}

static void broken_start_4_cluster_role_forbidden(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "forbidden",
                   "clusterroles.rbac.authorization.k8s.io kserve-llmisvc-manager-role");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_DENIED, "Forbidden",
                           "apply ClusterRole/kserve-llmisvc-manager-role", "cluster-admin"});
    expect_soon();
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

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

/* A CRD of KServe as others installed it, which serves this version only. */
static void put_crd(struct platform *platform, const char *manager, const char *plural,
                    const char *kind, const char *version)
{
    AUTO(str) char *path = llmd__format(CRDS "%s.serving.kserve.io", plural);
    AUTO(str)
    char *json = llmd__format(
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"%s.serving.kserve.io\"%s},\"spec\":{\"group\":"
        "\"serving.kserve.io\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"%s\",\"kind\":"
        "\"%s\",\"listKind\":\"%sList\"},\"versions\":[{\"name\":\"%s\",\"served\":true,"
        "\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}",
        plural, strcmp(manager, "helm") ? "" : "," BY_HELM("kserve"), plural, kind, kind, version);

    platform_put_as(platform, manager, path, json);
}

/* A release of helm that broke off after its CRDs. */
static void broken_start_5_half_installed_by_helm(void **state)
{
    struct platform *platform = *state;

    put_crd(platform, "helm", "llminferenceservices", "LLMInferenceService", "v1alpha1");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_CONFLICT, "HalfInstalled",
                           "by helm release ops/kserve: its Deployment llmisvc-controller-manager",
                           "adopt: true"});
    expect_soon();
    none(platform_apply(platform, "adopt: true"));
    has(platform->log.result, "\"ready\":true");
}

static void broken_start_6_crd_of_another_version(void **state)
{
    struct platform *platform = *state;

    put_crd(platform, "kubectl", "llminferenceserviceconfigs", "LLMInferenceServiceConfig",
            "v1alpha1");
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_CONFLICT, "VersionNotServed",
                           "llminferenceserviceconfigs.serving.kserve.io of kubectl does not serve "
                           "v1alpha2",
                           "adopt: true takes it over"});
    expect_soon();
    none(platform_apply(platform, "adopt: true"));
    has(platform->log.result, "\"ready\":true");
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

static void broken_start_7_webhook_left_over_from_an_old_install(void **state)
{
    struct platform *platform = *state;

    platform_put(platform, HOOKS "old.kserve.io", HOOK);
    expect(platform_apply(platform, NULL),
           (struct wanted){LLMD_E_CONFLICT, "WebhookLeftOver", "the Service opendatahub/old",
                           "kubectl delete ValidatingWebhookConfiguration old.kserve.io"});
    expect_soon();
    platform_remove(platform, HOOKS "old.kserve.io");
    none(platform_apply(platform, NULL));
}

/* Whoever holds it lets go when it was told: what the advice asks for. */
static void let_go(void *data, const llmd_event *event)
{
    struct platform *platform = data;

    note(&platform->log, event);
    if (strcmp(llmd_event_reason(event), "NamespaceTerminating") != 0)
        return;
    expect_soon();
    has(llmd_event_advice(event), "finalizers hold it");
    platform_patch(platform, "/api/v1/namespaces/kserve/configmaps/held",
                   "{\"metadata\":{\"finalizers\":null}}");
}

/* A namespace that is still on its way out is waited for, and made again by the same run. */
static void broken_start_8_namespace_terminating(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;

    platform_put(
        platform, "/api/v1/namespaces/kserve",
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"kserve\"}}");
    platform_put(platform, "/api/v1/namespaces/kserve/configmaps/held",
                 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"held\","
                 "\"finalizers\":[\"example.com/hold\"]}}");
    platform_remove(platform, "/api/v1/namespaces/kserve");
    none(platform_make_apply(platform, &task));
    llmd_context_set_timeout_ms(ctx, 30000);
    none(llmd_task_run(ctx, task, let_go, platform));
    assert_non_null(find(&platform->log, "kserve", "NamespaceTerminating"));
    has(platform->log.result, "\"ready\":true");
}

/* ---- bundles ---- */

#define RELEASE SOURCE_DIR "/tests/scenario/platform/kserve.yaml"

/* A server with KServe's release, and a spec that names it by the digest that it should have. */
struct site {
    struct server *server;
    struct buf text;
    char spec[512];
};

static int sites; /* each is new to its machine */

static void site_start(struct site *site)
{
    unsigned char digest[SHA256_SIZE];
    char cache[256], hex[2 * SHA256_SIZE + 1];

    *site = (struct site){.server = server_start(NULL, NULL)};
    snprintf(cache, sizeof(cache), "%s/cache-%d", folder, ++sites);
    setenv("XDG_CACHE_HOME", cache, 1);
    none(llmd__file_read(RELEASE, 1 << 20, &site->text));
    none(llmd__sha256(site->text.data, site->text.len, digest));
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    server_on_text(site->server, "GET", "/kserve.yaml", 200, "text/yaml",
                   llmd__buf_text(&site->text));
    snprintf(site->spec, sizeof(site->spec), "kserve: {bundle: \"%s/kserve.yaml\", sha256: %s}",
             server_url(site->server), hex);
}

static void site_stop(struct site *site)
{
    server_stop(site->server);
    llmd__buf_free(&site->text);
}

static void broken_start_9_digest_mismatch(void **state)
{
    struct platform *platform = *state;
    struct site site;

    site_start(&site);
    server_on_text(site.server, "GET", "/kserve.yaml", 200, "text/yaml", "kind: Secret\n");
    expect(platform_apply(platform, site.spec),
           (struct wanted){LLMD_E_FAILED, "DigestMismatch", "/kserve.yaml: is not the file",
                           "compare what the publisher states"});
    expect_soon();
    assert_int_equal(platform_get(platform, "/api/v1/namespaces/kserve"), 404);
    server_on_text(site.server, "GET", "/kserve.yaml", 200, "text/yaml",
                   llmd__buf_text(&site.text));
    none(platform_apply(platform, site.spec));
    site_stop(&site);
}

static void broken_start_10_proxy_down(void **state)
{
    struct platform *platform = *state;
    struct server *proxy = server_start(NULL, NULL);
    struct site site;

    site_start(&site);
    setenv("http_proxy", server_url(proxy), 1);
    setenv("no_proxy", "127.0.0.1", 1); /* the cluster */
    server_refuse(proxy, true);
    expect(platform_apply(platform, "kserve: {bundle: \"http://releases.invalid/kserve.yaml\", "
                                    "sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123"
                                    "456789abcdef}"),
           (struct wanted){LLMD_E_UNREACHABLE, "ProxyUnreachable", "releases.invalid/kserve.yaml",
                           "through the proxy of http_proxy: check that it runs"});
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    expect_soon();
    none(platform_apply(platform, site.spec));
    site_stop(&site);
    server_stop(proxy);
}

/* Each answer ends in its middle; what came is kept, so that the next run goes on. */
static void broken_start_11_bundle_cut_short(void **state)
{
    struct platform *platform = *state;
    struct site site;

    site_start(&site);
    server_fault(site.server, "/kserve.yaml", FAULT_CLOSE_MID, 1000, -1);
    expect(platform_apply(platform, site.spec),
           (struct wanted){LLMD_E_UNREACHABLE, "DownloadCut", "/kserve.yaml",
                           "run it again: it goes on where it stopped"});
    expect_soon();
    server_clear_faults(site.server);
    none(platform_apply(platform, site.spec));
    site_stop(&site);
}

/* ---- fields ---- */

static void broken_start_12_conflict_with_another_field_manager(void **state)
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
           (struct wanted){LLMD_E_CONFLICT, "Conflict", "\"gitops\" owns .data.ingress", "adopt"});
    expect_soon();
    none(platform_apply(platform, "adopt: true"));
}

#define PLATFORM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, platform_tear_down)
#define REAL_TIME_TEST(name)                                                                       \
    cmocka_unit_test_setup_teardown(name, set_up_real_time, platform_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REAL_TIME_TEST(broken_start_1_no_cert_manager_webhook),
        PLATFORM_TEST(broken_start_1_no_cert_manager_webhook_of_others),
        REAL_TIME_TEST(broken_start_2_wrong_image),
        REAL_TIME_TEST(broken_start_3_no_pull_right),
        PLATFORM_TEST(broken_start_4_cluster_role_forbidden),
        PLATFORM_TEST(broken_start_5_half_installed_by_helm),
        PLATFORM_TEST(broken_start_6_crd_of_another_version),
        PLATFORM_TEST(broken_start_7_webhook_left_over_from_an_old_install),
        PLATFORM_TEST(broken_start_8_namespace_terminating),
        PLATFORM_TEST(broken_start_9_digest_mismatch),
        PLATFORM_TEST(broken_start_10_proxy_down),
        PLATFORM_TEST(broken_start_11_bundle_cut_short),
        PLATFORM_TEST(broken_start_12_conflict_with_another_field_manager),
        PLATFORM_TEST(test_quota),
        PLATFORM_TEST(test_never_ready),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
