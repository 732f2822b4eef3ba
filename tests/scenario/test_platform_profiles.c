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

/* ---- Red Hat's cert-manager ---- */

#define REDHAT "certManager: {bundle: " RELEASES "redhat.yaml}\n"
#define LOGIN "pullSecret: {registry: registry.redhat.io, user: \"123|me\", password: secret}\n"
#define OPERATOR                                                                                   \
    "/apis/apps/v1/namespaces/cert-manager-operator/deployments/"                                  \
    "cert-manager-operator-controller-manager"
#define OPERATED "/apis/operator.openshift.io/v1alpha1/certmanagers/cluster"
#define OPERATED_CRD                                                                               \
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/certmanagers.operator.openshift.io"

/* Where in the log a subject is told of in this phase ("": any). */
static size_t when(const struct platform *platform, const char *subject, const char *phase)
{
    for (size_t i = 0; i < platform->log.count; i++) {
        const struct seen *seen = &platform->log.items[i];

        if (!strcmp(seen->subject, subject) && (!*phase || !strcmp(seen->phase, phase)))
            return i;
    }
    fail_msg("%s is not told of", subject);
    return 0;
}

/* Again, it moves nothing. */
static void test_red_hat(void **state)
{
    struct platform *platform = *state;
    char *before = platform_objects(platform), *after, *version;

    none(platform_apply(platform, REDHAT LOGIN));
    /* The operator, what it works on, what it makes of that, and only then certificates. */
    assert_true(when(platform, "cert-manager", "controllers") <
                when(platform, "CertManager/cluster", ""));
    assert_true(when(platform, "cert-manager", "presets") <
                when(platform, "Certificate/kserve/llmisvc-serving-cert", ""));
    has(platform->log.result, "\"ready\":true");
    has(platform->log.result, "\"certManager\":{\"version\":\"1.15.5\",\"installer\":\"libllmd\","
                              "\"by\":\"libllmd through its operator\","
                              "\"namespace\":\"cert-manager\"");
    assert_int_equal(platform_get(platform, OPERATED), 200);
    version = platform_version(platform);
    none(platform_apply(platform, REDHAT LOGIN));
    after = platform_version(platform);
    assert_string_equal(after, version);
    free(version);
    free(after);
    none(platform_status(platform));
    has(find(&platform->log, "cert-manager", "Ready")->message, "1.15.5, by libllmd through");
    none(platform_status_plain(platform, REDHAT LOGIN "kserve: {install: never}\n"
                                                      "gatewayApi: {install: never}\n"
                                                      "leaderWorkerSet: {install: never}"));
    has(platform->log.result, "\"ready\":true,\"differs\":[]");
    none(platform_delete(platform, NULL));
    after = platform_objects(platform);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* Neither the operator nor what it makes can be pulled without a login; both are told by name. */
static void P36_red_hat_without_a_login(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;
    char *before = platform_objects(platform), *after;

    error = platform_apply(platform, REDHAT);
    assert_string_equal(llmd_error_reason(error), "ImagePullDenied");
    has(llmd_error_message(error), "cert-manager-operator-controller-manager");
    has(llmd_error_advice(error), "pullSecret");
    assert_int_equal(platform_get(platform, OPERATED), 404);
    none(platform_delete(platform, NULL));
    after = platform_objects(platform);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* Nor is anything of cert-manager's tried before all that is made is there. */
static void test_red_hat_lacks_an_image(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;

    platform_fault(platform, "forbidden", "issuers.cert-manager.io selfsigned-issuer");
    platform_fault(platform, "image-missing", "jetstack-cert-manager-webhook-rhel9");
    error = platform_apply(platform, REDHAT LOGIN);
    assert_string_equal(llmd_error_reason(error), "ImageNotFound");
    has(llmd_error_message(error), "Pod/cert-manager/cert-manager-webhook-");
}

/* By OLM, by its own label; what its operator made is its work, too. */
static void test_red_hat_of_others(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, REDHAT LOGIN));
    platform_patch(platform, OPERATOR,
                   "{\"metadata\":{\"labels\":{\"app.kubernetes.io/managed-by\":null,"
                   "\"olm.owner\":\"cert-manager-operator.v1.15.2\"}}}");
    none(platform_apply(platform, "certManager: {install: auto}"));
    assert_non_null(find(&platform->log, "cert-manager", "Use"));
    has(platform->log.result, "\"certManager\":{\"version\":\"1.15.5\",\"installer\":\"other\","
                              "\"by\":\"operator cert-manager-operator.v1.15.2\"");
}

/* Killed when the operator is gone: what it made is found all the same. */
static void test_red_hat_deleted_in_two(void **state)
{
    struct platform *platform = *state;
    char *before = platform_objects(platform), *after;

    none(platform_apply(platform, REDHAT LOGIN));
    platform_delete_until(platform, "Deployment/cert-manager-operator/"
                                    "cert-manager-operator-controller-manager");
    none(platform_delete(platform, NULL));
    after = platform_objects(platform);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* Without its operator nobody takes the finalizers off. */
static void P37_red_hat_without_its_operator(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;
    char *before = platform_objects(platform), *after;

    none(platform_apply(platform, REDHAT LOGIN));
    platform_remove(platform, OPERATOR);
    error = platform_delete(platform, NULL);
    assert_string_equal(llmd_error_reason(error), "FinalizersHeld");
    has(llmd_error_message(error), "1 objects, the first of them CertManager/cluster,");
    has(llmd_error_message(error), "finalizers of cert-manager");
    none(platform_delete(platform, "stripFinalizers: true"));
    after = platform_objects(platform);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* What somebody else holds is not what the operator is waited for. */
static void test_red_hat_held_by_others(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, REDHAT LOGIN));
    platform_patch(platform, OPERATED, "{\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}");
    none(platform_delete(platform, NULL));
}

#define NOT_OURS "{\"metadata\":{\"labels\":{\"libllmd.dev/component\":null}}}"

/* Its CRD is somebody else's, and so is what is made of it. */
static void test_red_hat_left_by_others(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, REDHAT LOGIN));
    platform_patch(platform, OPERATED, NOT_OURS);
    platform_patch(platform, OPERATED_CRD, NOT_OURS);
    platform_remove(platform, OPERATOR);
    none(platform_delete(platform, NULL));
    assert_int_equal(
        platform_get(platform, "/apis/apps/v1/namespaces/cert-manager/deployments/cert-manager"),
        200);
}

/* Over a CRD that others left, the operator is ours all the same. */
static void test_red_hat_over_a_crd_of_others(void **state)
{
    struct platform *platform = *state;

    none(platform_apply(platform, REDHAT LOGIN));
    platform_patch(platform, OPERATED_CRD, NOT_OURS);
    none(platform_delete(platform, NULL));
    assert_int_equal(
        platform_get(platform, "/apis/apps/v1/namespaces/cert-manager/deployments/cert-manager"),
        404);
}

#define CERTIFICATES                                                                               \
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/certificates.cert-manager.io"

/* Over the project's own, or under it, it would be half of each. */
static void test_red_hat_beside_the_projects_own(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;
    char *before, *after;

    none(platform_apply(platform, NULL));
    platform_patch(platform, CERTIFICATES,
                   "{\"metadata\":{\"annotations\":{\"libllmd.dev/applied\":\"x\"}}}");
    before = platform_version(platform);
    error = platform_apply(platform, REDHAT LOGIN "adopt: true");
    assert_string_equal(llmd_error_reason(error), "OtherProfile");
    has(llmd_error_message(error), "by the Deployment cert-manager, not by cert-manager-operator-");
    after = platform_version(platform); /* the record, and the others, too */
    assert_string_equal(after, before);
    free(before);
    free(after);
}

static void test_red_hat_in_a_namespace(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_error) error = NULL;

    error = platform_apply(platform, "certManager: {namespace: certs, bundle: " RELEASES
                                     "redhat.yaml}\n" LOGIN);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    has(llmd_error_message(error), "certManager.namespace");
    assert_int_equal(platform_get(platform, "/api/v1/namespaces/certs"), 404);
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
        cmocka_unit_test_setup_teardown(test_red_hat, platform_set_up, platform_tear_down),
        cmocka_unit_test_setup_teardown(P36_red_hat_without_a_login, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_lacks_an_image, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_of_others, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_deleted_in_two, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(P37_red_hat_without_its_operator, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_left_by_others, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_over_a_crd_of_others, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_held_by_others, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_beside_the_projects_own, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(test_red_hat_in_a_namespace, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(P50_the_filter_comes_after_the_route, platform_set_up,
                                        platform_tear_down),
        cmocka_unit_test_setup_teardown(P79_istio_is_too_old, platform_set_up, platform_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
