/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles: releases whose parts have other names and ways. They run on the sandbox only, which is
 * what llmd_platform_bundles() says of them.
 */
#include "support/events.h"
#include "support/platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RELEASES SOURCE_DIR "/tests/scenario/platform/"
#define ODH "kserve: {bundle: " RELEASES "odh.yaml}"

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" lacks \"%s\"", text, part);
}

/* Installed with its CA, the same again, looked at, and removed until nothing is left. */
static void test_open_data_hub(void **state)
{
    struct platform *platform = *state;
    char *before = platform_objects(platform), *after, *version;

    none(platform_apply(platform, ODH));
    has(platform->log.result, "\"ready\":true");
    has(platform->log.result, "\"kserve\":{\"version\":\"0.15-latest\",\"installer\":\"libllmd\","
                              "\"namespace\":\"opendatahub\"");
    assert_int_equal(platform_get(platform, "/api/v1/namespaces/cert-manager/secrets/"
                                            "opendatahub-ca"),
                     200);
    version = platform_version(platform);
    none(platform_apply(platform, ODH));
    after = platform_version(platform);
    assert_string_equal(after, version);
    free(version);
    free(after);
    none(platform_status(platform));
    assert_non_null(find(&platform->log, "KServe", "Ready"));
    none(platform_delete(platform, NULL));
    after = platform_objects(platform);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* Another's is used as it is. */
static void test_open_data_hub_of_others(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, ODH));
    platform_patch(platform,
                   "/apis/apps/v1/namespaces/opendatahub/deployments/kserve-controller-manager",
                   "{\"metadata\":{\"labels\":{\"app.kubernetes.io/managed-by\":"
                   "\"kustomize-v5.8.0\"}}}");
    none(platform_apply(platform, "kserve: {install: auto}"));
    assert_non_null(find(&platform->log, "KServe", "Use"));
    has(platform->log.result, "\"installer\":\"kustomize\"");
}

/* ---- Istio as the gateway ---- */

#define ISTIO                                                                                      \
    "istio: {enabled: true, gateway: edge, ca: \"-----BEGIN CERTIFICATE-----\", "                  \
    "routes: [llm/qwen]}"

#define FILTER "/apis/networking.istio.io/v1alpha3/namespaces/kserve/envoyfilters/llm-qwen-bodies"

/* The service comes after the platform; the next apply sees its route. */
static void P50_the_filter_comes_after_the_route(void **state)
{
    struct platform *platform = *state;
    const struct seen *seen;

    platform_add_istio(platform, "1.27.5");
    none(platform_apply(platform, ISTIO));
    seen = find(&platform->log, "llm/qwen", "RouteMissing");
    assert_non_null(seen);
    assert_int_equal(seen->level, LLMD_LEVEL_WARNING);
    assert_int_equal(platform_get(platform, FILTER), 404);
    assert_int_equal(platform_get(platform, "/api/v1/namespaces/kserve/configmaps/edge-ca"), 200);
    platform_add_route(platform, "llm", "qwen");
    none(platform_apply(platform, ISTIO));
    assert_null(find(&platform->log, "", "RouteMissing"));
    assert_int_equal(platform_get(platform, FILTER), 200);
}

static void P79_istio_is_too_old(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;

    platform_add_istio(platform, "1.26.2");
    error = platform_apply(platform, ISTIO);
    assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
    assert_string_equal(llmd_error_reason(error), "IstioTooOld");
    has(llmd_error_message(error), "1.26.2");
    assert_int_equal(platform_get(platform, "/api/v1/namespaces/kserve"), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_data_hub, platform_set_up, platform_tear_down),
        cmocka_unit_test_setup_teardown(test_open_data_hub_of_others, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(P50_the_filter_comes_after_the_route, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(P79_istio_is_too_old, platform_set_up, platform_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
