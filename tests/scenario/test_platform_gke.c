/* SPDX-License-Identifier: Apache-2.0 */
/* A platform on a new GKE cluster: what GKE manages counts as installed, and is never written. */
#include "support/events.h"
#include "support/platform.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
#define POOLS "inferencepools.inference.networking.k8s.io"

static int set_up(void **state)
{
    *state = platform_start_with((const char *const[]){"--profile", "gke", "--bare", NULL});
    return 0;
}

static void expect_untouched(struct platform *platform, const char *crd)
{
    AUTO(str) char *path = llmd__format(CRDS "%s", crd);
    char *text = NULL;

    assert_int_equal(platform_read(platform, path, &text), 200);
    assert_non_null(strstr(text, "kube-addon-manager"));
    if (strstr(text, "libllmd"))
        fail_msg("%s was written", crd);
    free(text);
}

/* An existing CRD that serves what the release needs is installed, whoever asks to adopt it. */
static void P22_existing_crds_of_gke_count_as_installed(void **state)
{
    static const char *const more[] = {NULL, "adopt: true"};
    struct platform *platform = *state;

    for (size_t i = 0; i < 2; i++) {
        const struct seen *left;

        none(platform_apply(platform, more[i]));
        left = find(&platform->log, "CustomResourceDefinition/" POOLS, "LeftAlone");
        assert_non_null(left);
        assert_non_null(strstr(left->message, "serves what is needed"));
        assert_non_null(strstr(platform->log.result, "\"ready\":true"));
        assert_non_null(strstr(platform->log.result, "\"installer\":\"gke\""));
        expect_untouched(platform, POOLS);
        expect_untouched(platform, "gateways.gateway.networking.k8s.io");
    }
    none(platform_delete(platform, NULL));
    expect_untouched(platform, POOLS);
}

/* As Envoy Gateway's release has them: experimental kinds, and newer ones than GKE's. */
#define BUNDLE                                                                                     \
    "gatewayController:\n"                                                                         \
    "  manifests: |\n"                                                                             \
    "    apiVersion: apiextensions.k8s.io/v1\n"                                                    \
    "    kind: CustomResourceDefinition\n"                                                         \
    "    metadata:\n"                                                                              \
    "      name: tcproutes.gateway.networking.k8s.io\n"                                            \
    "      annotations: {gateway.networking.k8s.io/channel: experimental}\n"                       \
    "    spec:\n"                                                                                  \
    "      group: gateway.networking.k8s.io\n"                                                     \
    "      scope: Namespaced\n"                                                                    \
    "      names: {kind: TCPRoute, plural: tcproutes}\n"                                           \
    "      versions: [{name: v1alpha2, served: true, storage: true,\n"                             \
    "                  schema: {openAPIV3Schema: {type: object}}}]\n"                              \
    "    ---\n"                                                                                    \
    "    apiVersion: apps/v1\n"                                                                    \
    "    kind: Deployment\n"                                                                       \
    "    metadata: {name: envoy-gateway, namespace: gateways}\n"                                   \
    "    spec:\n"                                                                                  \
    "      selector: {matchLabels: {app: gateway}}\n"                                              \
    "      template:\n"                                                                            \
    "        metadata: {labels: {app: gateway}}\n"                                                 \
    "        spec:\n"                                                                              \
    "          containers: [{name: main, image: \"docker.io/envoyproxy/gateway:v1.8.1\"}]\n"

/* GKE refuses them, so that they are filtered out of any bundle there, and only there. */
static void P17_gateway_api_crds_are_filtered_out_of_any_bundle(void **state)
{
    struct platform *platform = *state;
    const struct seen *left;

    none(platform_apply(platform, BUNDLE));
    left = find(&platform->log, "CustomResourceDefinition/tcproutes.gateway.networking.k8s.io",
                "LeftAlone");
    assert_non_null(left);
    assert_non_null(strstr(left->message, "GKE brings Gateway API itself"));
    assert_int_equal(platform_get(platform, CRDS "tcproutes.gateway.networking.k8s.io"), 404);
    assert_int_equal(
        platform_get(platform, "/apis/apps/v1/namespaces/gateways/deployments/envoy-gateway"), 200);
}

static void P17_elsewhere_they_are_installed(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, BUNDLE));
    assert_int_equal(platform_get(platform, CRDS "tcproutes.gateway.networking.k8s.io"), 200);
}

/* A cluster whose Gateway API is off: its CRDs are GKE's to bring, ours would stand in their way.
 */
static void P17_where_gateway_api_is_off_it_is_not_installed(void **state)
{
    struct platform *platform = *state;
    const struct seen *skipped;

    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"gateways", "gatewayclasses", "httproutes",
                                            "referencegrants"};
        AUTO(str)
        char *path = llmd__format(CRDS "%s.gateway.networking.k8s.io", names[i]);

        if (platform_get(platform, path) == 200)
            platform_remove(platform, path);
    }
    none(platform_apply(platform, NULL));
    skipped = find(&platform->log, "Gateway API", "Skip");
    assert_non_null(skipped);
    assert_non_null(strstr(skipped->message, "switch Gateway API on"));
    assert_int_equal(platform_get(platform, CRDS "gateways.gateway.networking.k8s.io"), 404);
    assert_non_null(find(&platform->log, "platform", "Incomplete"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, platform_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(P22_existing_crds_of_gke_count_as_installed),
        TEST(P17_gateway_api_crds_are_filtered_out_of_any_bundle),
        cmocka_unit_test_setup_teardown(P17_elsewhere_they_are_installed, platform_set_up,
                                        platform_tear_down),
        TEST(P17_where_gateway_api_is_off_it_is_not_installed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
