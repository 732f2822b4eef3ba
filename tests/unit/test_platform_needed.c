/* SPDX-License-Identifier: Apache-2.0 */
/* What a bundle's text is, and whether it is a whole release: wherever it was cut, it is told. */
#include "base/file.h"
#include "platform/bundle_text.h"
#include "platform/needed_objects.h"
#include "support/errors.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RELEASES SOURCE_DIR "/tests/scenario/platform/"

/* As the check before an apply reads a file. */
static llmd_error *check(enum component component, const char *text)
{
    AUTO(json) struct json *documents = llmd__json_array();
    struct origin origin = {"a.yaml", llmd__bundle_open_line(text)};

    CHECK_MEMORY(documents);
    TRY(llmd__bundle_read(text, "a.yaml", documents));
    return llmd__needed_check(component, component == COMPONENT_LWS, documents, &origin);
}

/* ---- causes ---- */

static void test_causes(void **state)
{
    static const struct {
        const char *text, *reason, *words;
    } rows[] = {
        {"", "BundleEmpty", "a.yaml: is empty"},
        {" \n\r\n\t", "BundleEmpty", "a.yaml: is empty"},
        {"<!DOCTYPE html>\n<html><body>Log in</body></html>\n", "NotManifests",
         "a.yaml: is a web page, not manifests"},
        {"\xEF\xBB\xBF\n  <html>", "NotManifests", "a.yaml: is a web page"},
        {"<?xml version='1.0'?><Error/>", "NotManifests", "a.yaml: is a web page"},
        {"Not Found\n", "NotManifests", "a.yaml:1: is no manifest: want an object, got a string"},
        {"kind: A\n---\n- b\n---\nkind: C\n", "NotManifests", "a.yaml:3: is no manifest"},
        {"# nothing\n", "BundleIncomplete", "it lacks CustomResourceDefinition"},
        {"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  na", "BundleCut",
         "a.yaml: ends in the middle, at line 4"},
        {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a,\n", "BundleCut",
         "a.yaml: ends in the middle, at line 3"},
        {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"a\n b\n", "BundleCut",
         "a.yaml: ends in the middle, at line 4"},
        {"apiVersion: v1\nkind: ConfigMap\n", "BundleCut", "a.yaml: ends in the middle, at line 2"},
        {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}", "BundleIncomplete",
         "its last line 4 has no end, so it may have been cut"},
        {"{\"apiVersion\": \"v1\", \"kind\": ", "BundleCut", "at line 1"},
        /* What is wrong before the end is as it ever was. */
        {"a: {b: c d: e}\n", "", "a.yaml:1: YAML:"},
        {"a: b: c\nd: e\n", "", "a.yaml:1: YAML:"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        LLMD_AUTO(llmd_error) error = check(COMPONENT_KSERVE, rows[i].text);

        if (llmd_error_code(error) != LLMD_E_INVALID ||
            strcmp(llmd_error_reason(error), rows[i].reason) != 0 ||
            !strstr(llmd_error_message(error), rows[i].words) || !*llmd_error_advice(error))
            fail_msg("row %zu: %s: %s (%s)", i, llmd_error_reason(error), llmd_error_message(error),
                     llmd_error_advice(error));
    }
}

/* ---- releases ---- */

static void read_release(const char *name, struct buf *text)
{
    AUTO(str) char *path = llmd__format(RELEASES "%s", name);

    none(llmd__file_read(path, 1 << 20, text));
}

static void expect_refused(enum component component, const char *text, size_t len)
{
    AUTO(str) char *prefix = llmd__strndup(text, len);
    LLMD_AUTO(llmd_error) error = check(component, prefix);

    if (llmd_error_code(error) != LLMD_E_INVALID ||
        strncmp(llmd_error_reason(error), "Bundle", 6) != 0)
        fail_msg("cut to %zu bytes: %s: %s", len, llmd_error_reason(error),
                 llmd_error_message(error));
}

/* Whole it is good; cut anywhere before the body of the last object that is needed it is not. */
static void test_releases(void **state)
{
    static const struct {
        enum component component;
        const char *file, *last;
    } rows[] = {
        {COMPONENT_GATEWAY_API, "gateway-api.yaml", "name: httproutes"},
        {COMPONENT_CERT_MANAGER, "cert-manager.yaml", "kind: ValidatingWebhookConfiguration"},
        {COMPONENT_CERT_MANAGER, "redhat.yaml", "name: OPERAND_IMAGE_VERSION"},
        {COMPONENT_LWS, "lws.yaml", "versions:"},
        {COMPONENT_KSERVE, "kserve.yaml", "name: kserve-config-llm-router-route"},
        {COMPONENT_KSERVE, "odh.yaml", "name: kserve-config-llm-router-route"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(buf) struct buf text = BUF_INIT;
        const char *whole, *last;

        read_release(rows[i].file, &text);
        whole = llmd__buf_text(&text);
        none(check(rows[i].component, whole));
        last = strstr(whole, rows[i].last);
        assert_non_null(last);
        for (size_t len = (size_t)(strstr(whole, "\nkind:") - whole); len < (size_t)(last - whole);
             len += 37)
            expect_refused(rows[i].component, whole, len);
        /* At the ends of documents too. */
        for (const char *end = strstr(whole, "\n---\n"); end && end < last;
             end = strstr(end + 1, "\n---\n"))
            expect_refused(rows[i].component, whole, (size_t)(end + 1 - whole));
    }
}

/* What is missing is named, with what to do. */
static void test_what_is_missing(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(json) struct json *documents = llmd__json_array();
    LLMD_AUTO(llmd_error) error = NULL;
    char *presets;

    (void)state;
    read_release("kserve.yaml", &text);
    presets = strstr(llmd__buf_text(&text), "---\napiVersion: serving.kserve.io/v1alpha2\n"
                                            "kind: LLMInferenceServiceConfig");
    assert_non_null(presets);
    *presets = '\0';
    none(llmd__bundle_read(text.data, "kserve.yaml", documents));
    error = llmd__needed_check(COMPONENT_KSERVE, false, documents,
                               &(struct origin){.place = "kserve.yaml"});
    assert_string_equal(llmd_error_reason(error), "BundleIncomplete");
    assert_string_equal(llmd_error_message(error),
                        "kserve.yaml: is not a whole release of KServe: it lacks "
                        "LLMInferenceServiceConfig kserve-config-llm-router-route, "
                        "LLMInferenceServiceConfig kserve-config-llm-template");
    assert_non_null(strstr(llmd_error_advice(error), "kserve-cluster-resources.yaml"));
    assert_non_null(strstr(llmd_error_advice(error), "kserve.bundle"));
}

static void test_of_something_else(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;
    LLMD_AUTO(llmd_error) error = NULL;

    (void)state;
    read_release("lws.yaml", &text);
    error = check(COMPONENT_CERT_MANAGER, llmd__buf_text(&text));
    assert_non_null(strstr(llmd_error_message(error), "a.yaml: is not a whole release of "
                                                      "cert-manager: it lacks "));
    assert_non_null(strstr(llmd_error_message(error), " and 5 more"));
}

/* The controller of the same name that upstream has for other kinds is none of them. */
static void test_a_controller_without_the_kind(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;
    LLMD_AUTO(llmd_error) error = NULL;
    char *env;

    (void)state;
    read_release("odh.yaml", &text);
    env = strstr(llmd__buf_text(&text), "ENABLE_LLMISVC_CONTROLLER");
    assert_non_null(env);
    *env = 'X';
    error = check(COMPONENT_KSERVE, text.data);
    assert_non_null(strstr(llmd_error_message(error), "Deployment llmisvc-controller-manager"));
}

/* Lists are read; LeaderWorkerSet's controller is asked for where it is wanted. */
static void test_leader_worker_set(void **state)
{
    static const char crd[] =
        "{apiVersion: v1, kind: List, items: [{apiVersion: apiextensions.k8s.io/v1, kind: "
        "CustomResourceDefinition, metadata: {name: leaderworkersets.leaderworkerset.x-k8s.io}, "
        "spec: {versions: [{name: v1}]}}]}\n";
    AUTO(json) struct json *documents = llmd__json_array();
    LLMD_AUTO(llmd_error) error = NULL;

    (void)state;
    none(llmd__bundle_read(crd, "a.yaml", documents));
    none(llmd__needed_check(COMPONENT_LWS, true, documents, &(struct origin){"a.yaml", 0}));
    error = llmd__needed_check(COMPONENT_LWS, false, documents, &(struct origin){"a.yaml", 0});
    assert_non_null(strstr(llmd_error_message(error),
                           "lacks Deployment lws-controller-manager, MutatingWebhookConfiguration, "
                           "ValidatingWebhookConfiguration"));
}

/* ---- without memory ---- */

static llmd_error *check_work(void *data)
{
    return check(COMPONENT_KSERVE, data);
}

static void test_without_memory(void **state)
{
    static const char *const texts[] = {"apiVersion: v1\nkind: C\nmetadata: {name: \"a\n",
                                        "apiVersion: v1\nkind: C\nmetadata: {name: a}\n"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        torture(check_work, (void *)(uintptr_t)texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_releases),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_of_something_else),
        cmocka_unit_test(test_a_controller_without_the_kind),
        cmocka_unit_test(test_leader_worker_set),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
