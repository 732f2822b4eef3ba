/* SPDX-License-Identifier: Apache-2.0 */
/* Who installed what, and what is then done with it. */
#include "base/yaml.h"
#include "platform/plan.h"
#include "support/errors.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- who ---- */

static void test_installers(void **state)
{
    static const struct {
        const char *metadata;
        enum installer installer;
        const char *by;
    } rows[] = {
        {"labels: {app.kubernetes.io/managed-by: libllmd}", INSTALLER_US, NULL},
        {"annotations: {meta.helm.sh/release-name: cm, meta.helm.sh/release-namespace: a}",
         INSTALLER_HELM, "helm release a/cm"},
        {"labels: {app.kubernetes.io/managed-by: Helm, helm.sh/chart: cm-1}", INSTALLER_HELM,
         "helm"},
        /* The static manifests of cert-manager are rendered, not installed, by helm. */
        {"labels: {app.kubernetes.io/managed-by: Helm}", INSTALLER_UNKNOWN, NULL},
        {"labels: {addonmanager.kubernetes.io/mode: Reconcile}", INSTALLER_GKE,
         "GKE's addon manager"},
        {"managedFields: [{manager: kube-addon-manager}]", INSTALLER_GKE, "kube-addon-manager"},
        {"managedFields: [{manager: kubectl}, {manager: kube-controller-manager}]", INSTALLER_OTHER,
         "kubectl"},
        {"labels: {app.kubernetes.io/managed-by: kustomize-v5.8.0}, managedFields: [{manager: "
         "kubectl}]",
         INSTALLER_KUSTOMIZE, "kubectl"},
        {"annotations: {config.kubernetes.io/origin: 'repo: https://example.com/a'}",
         INSTALLER_KUSTOMIZE, NULL},
        {"labels: {kustomize.toolkit.fluxcd.io/name: infra}, managedFields: [{manager: "
         "kustomize-controller}]",
         INSTALLER_KUSTOMIZE, "Flux Kustomization infra"},
        {"annotations: {argocd.argoproj.io/tracking-id: 'llm:apps/Deployment:a/b'}",
         INSTALLER_OTHER, "Argo CD application llm"},
        {"labels: {olm.owner: cert-manager-operator.v1.15.1}", INSTALLER_OTHER,
         "operator cert-manager-operator.v1.15.1"},
        {"name: a", INSTALLER_UNKNOWN, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(str) char *text = llmd__format("metadata: {%s}", rows[i].metadata);
        AUTO(json) struct json *object = NULL;
        AUTO(str) char *by = NULL;

        none(llmd__yaml_parse(text, "row", &object));
        assert_int_equal(llmd__installer_of(object, &by), rows[i].installer);
        if (rows[i].by)
            assert_string_equal(by, rows[i].by);
        else
            assert_null(by);
        assert_int_equal(llmd__installer_of(object, NULL), rows[i].installer);
        assert_int_equal(llmd__installer_find(llmd__installer_name(rows[i].installer)),
                         rows[i].installer);
    }
}

static void test_crds(void **state)
{
    struct platform_found found = {0};
    AUTO(json) struct json *crd = NULL;

    (void)state;
    none(llmd__yaml_parse("metadata: {name: a.b.c}\nspec: {versions: [{name: v1, served: true},"
                          " {name: v1beta1, served: false}]}",
                          "crd", &crd));
    none(llmd__found_add_crd(&found, crd));
    assert_string_equal(llmd__json_str(found.crds, "\"a.b.c\".installer"), "unknown");
    assert_int_equal(llmd__json_count(llmd__json_get(found.crds, "\"a.b.c\".versions")), 1);
    llmd__found_free(&found);
}

/* ---- what then ---- */

struct row {
    const char *spec;
    enum component component;
    enum installer installer;
    const char *version;
    enum plan_action action; /* or an error with these words */
    const char *words;
};

static void check(const struct row *row)
{
    AUTO(platform_spec) llmd_platform_spec *spec = NULL;
    AUTO(found) struct platform_found found = {0};
    AUTO(plan) struct platform_plan plan = {0};
    llmd_error *error;

    none(llmd_platform_spec_parse(row->spec, &spec));
    found.components[row->component].installer = row->installer;
    if (row->version)
        found.components[row->component].version = llmd__strdup(row->version);
    error = llmd__plan_make(spec, &found, &plan);
    if (error) {
        if (!row->words || !strstr(llmd_error_message(error), row->words))
            fail_msg("%s: %s", row->spec, llmd_error_message(error));
        assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
        assert_true(llmd_error_advice(error)[0]);
        llmd_error_free(error);
        return;
    }
    if (plan.parts[row->component].action != row->action)
        fail_msg("%s: action %d", row->spec, plan.parts[row->component].action);
    if (row->words)
        assert_string_equal(plan.parts[row->component].why, row->words);
}

static void test_plans(void **state)
{
    static const struct row rows[] = {
        {"{}", COMPONENT_KSERVE, INSTALLER_NONE, NULL, PLAN_INSTALL, NULL},
        {"{}", COMPONENT_KSERVE, INSTALLER_US, "0.19.0", PLAN_INSTALL, NULL},
        {"{}", COMPONENT_KSERVE, INSTALLER_HELM, "0.19.0", PLAN_USE,
         "KServe 0.19.0 of others is used"},
        {"{adopt: true}", COMPONENT_KSERVE, INSTALLER_HELM, "0.19.0", PLAN_INSTALL, NULL},
        {"{kserve: {install: always}}", COMPONENT_KSERVE, INSTALLER_OTHER, NULL, PLAN_INSTALL,
         NULL},
        {"{kserve: {install: never}}", COMPONENT_KSERVE, INSTALLER_NONE, NULL, PLAN_SKIP,
         "the spec says install: never"},
        {"{kserve: {version: 0.20.0}}", COMPONENT_KSERVE, INSTALLER_HELM, "v0.20.0", PLAN_USE,
         NULL},
        {"{kserve: {version: 0.20.0}}", COMPONENT_KSERVE, INSTALLER_HELM, "0.19.0", PLAN_USE,
         "KServe 0.20.0 is wanted, and 0.19.0 of others is here"},
        {"{gatewayApi: {version: 1.5.1}}", COMPONENT_GATEWAY_API, INSTALLER_GKE, "1.4.0", PLAN_USE,
         "GKE manages 1.4.0 here"},
        {"{adopt: true, gatewayApi: {install: always}}", COMPONENT_GATEWAY_API, INSTALLER_GKE,
         "1.4.0", PLAN_USE, "Gateway API 1.4.0 of GKE is used"},
        {"{}", COMPONENT_GATEWAY_CONTROLLER, INSTALLER_NONE, NULL, PLAN_SKIP,
         "nobody asked for one"},
        /* The CRD that KServe's controller looks for when it starts: not without that (P34). */
        {"{}", COMPONENT_LWS, INSTALLER_NONE, NULL, PLAN_INSTALL, NULL},
        {"{kserve: {install: never}}", COMPONENT_LWS, INSTALLER_NONE, NULL, PLAN_SKIP,
         "only services with workers need it, and KServe is not installed here: name it in the "
         "spec to have it"},
        {"{kserve: {install: never}, leaderWorkerSet: {version: 0.8.0}}", COMPONENT_LWS,
         INSTALLER_NONE, NULL, PLAN_INSTALL, NULL},
        {"{kserve: {install: never}}", COMPONENT_LWS, INSTALLER_US, NULL, PLAN_INSTALL, NULL},
        {"{gatewayController: {manifests: a}}", COMPONENT_GATEWAY_CONTROLLER, INSTALLER_NONE, NULL,
         PLAN_INSTALL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i]);
}

/* Nothing is read or written of what stands as this spec left it, if it is ours. */
static void test_what_is_kept(void **state)
{
    static const struct {
        enum installer installer;
        const char *spec;
        enum plan_action action;
    } rows[] = {{INSTALLER_US, "{}", PLAN_KEEP},
                {INSTALLER_US, "{kserve: {install: always}}", PLAN_KEEP},
                {INSTALLER_US, "{kserve: {install: never}}", PLAN_SKIP},
                {INSTALLER_HELM, "{}", PLAN_USE}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(platform_spec) llmd_platform_spec *spec = NULL;
        AUTO(plan) struct platform_plan plan = {0};
        struct platform_found found = {
            .components[COMPONENT_KSERVE] = {.installer = rows[i].installer, .unchanged = true}};

        none(llmd_platform_spec_parse(rows[i].spec, &spec));
        none(llmd__plan_make(spec, &found, &plan));
        assert_int_equal(plan.parts[COMPONENT_KSERVE].action, rows[i].action);
    }
}

/* The pools that KServe makes must be of a version that the controller knows. */
static void P79_an_istio_that_does_not_know_the_pools(void **state)
{
    static const struct {
        const char *spec, *version;
        bool refused;
    } rows[] = {{"{istio: {enabled: true}}", "1.26.2", true},
                {"{istio: {enabled: true}}", "1.27.5", false},
                {"{istio: {enabled: true}}", NULL, false},
                {"{istio: {enabled: true, version: 1.27.5}}", "1.26.2", true},
                {"{}", "1.26.2", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(platform_spec) llmd_platform_spec *spec = NULL;
        AUTO(plan) struct platform_plan plan = {0};
        AUTO(found) struct platform_found found = {0};
        LLMD_AUTO(llmd_error) error = NULL;

        if (rows[i].version)
            found.istio_version = llmd__strdup(rows[i].version);
        none(llmd_platform_spec_parse(rows[i].spec, &spec));
        error = llmd__plan_make(spec, &found, &plan);
        assert_int_equal(llmd_error_code(error), rows[i].refused ? LLMD_E_CONFLICT : LLMD_OK);
        if (rows[i].refused)
            assert_string_equal(llmd_error_reason(error), "IstioTooOld");
    }
}

static llmd_error *plan_work(void *data)
{
    AUTO(plan) struct platform_plan plan = {0};
    struct platform_found found = {.components[COMPONENT_KSERVE] = {.installer = INSTALLER_HELM}};

    return llmd__plan_make(data, &found, &plan);
}

static void test_without_memory(void **state)
{
    llmd_platform_spec *spec = llmd_platform_spec_new();

    (void)state;
    torture(plan_work, spec);
    llmd_platform_spec_free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_installers),
        cmocka_unit_test(test_crds),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(P79_an_istio_that_does_not_know_the_pools),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
