/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real release files, filtered and rewritten. They are those that the rig keeps in its cache
 * (tests/rig/README.md); where that is empty, these tests are skipped. The golden files list what
 * is kept and which of its values are changed, nothing else of the releases.
 */
#include "base/file.h"
#include "base/yaml.h"
#include "kube/object.h"
#include "platform/release.h"
#include "support/errors.h"
#include "support/golden.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GOLDEN SOURCE_DIR "/tests/unit/golden/platform-"
#define MAX_FILE ((size_t)64 << 20)
#define SHOWN 60 /* of a long value */

static char rendered[] = "/tmp/llmd-render-XXXXXX"; /* the rig's manifests */

/* ---- the release files ----
   Where they are not, the test is skipped: asked for before anything is made, which a skip would
   leave. */

static void read_documents(const char *path, struct json *documents)
{
    struct buf text = BUF_INIT;
    struct json *read = NULL, *document;

    none(llmd__file_read(path, MAX_FILE, &text));
    none(llmd__yaml_parse_all(llmd__buf_text(&text), path, &read));
    while ((document = llmd__json_shift(read)))
        llmd__json_add(documents, document);
    llmd__json_free(read);
    llmd__buf_free(&text);
}

static void cache_pattern(char *out, size_t size, const char *rest)
{
    const char *cache = getenv("LLMD_RIG_CACHE"), *home = getenv("HOME");

    if (cache)
        snprintf(out, size, "%s/%s", cache, rest);
    else
        snprintf(out, size, "%s/.cache/llmd-rig/%s", home ? home : "", rest);
}

/* Several versions may be there: each tells its own. */
static bool is_version(const char *path, const char *version)
{
    struct buf text = BUF_INIT;
    char image[64];
    bool found;

    snprintf(image, sizeof(image), "llmisvc-controller:v%s\n", version);
    none(llmd__file_read(path, MAX_FILE, &text));
    found = strstr(llmd__buf_text(&text), image);
    llmd__buf_free(&text);
    return found;
}

static struct json *kserve(const char *version)
{
    char pattern[512];
    glob_t found;
    struct json *documents = NULL;

    cache_pattern(pattern, sizeof(pattern), "kserve-*/manifests/install*/kserve.yaml");
    if (glob(pattern, 0, NULL, &found) != 0)
        skip();
    for (size_t i = 0; i < found.gl_pathc && !documents; i++) {
        char *path = found.gl_pathv[i], resources[600];

        if (!is_version(path, version))
            continue;
        documents = llmd__json_array();
        read_documents(path, documents);
        snprintf(resources, sizeof(resources), "%.*s/kserve-cluster-resources.yaml",
                 (int)(strrchr(path, '/') - path), path);
        read_documents(resources, documents);
    }
    globfree(&found);
    if (!documents)
        skip();
    return documents;
}

/* What the rig renders from the charts of the very modules that it runs. */
static struct json *from_rig(const char *name)
{
    char command[256], path[128];
    struct json *documents;

    if (strstr(rendered, "XXXXXX")) {
        char pattern[512];
        glob_t found;

        cache_pattern(pattern, sizeof(pattern), "helm-*/bin/helm");
        if (glob(pattern, 0, NULL, &found) != 0)
            skip();
        globfree(&found);
        assert_non_null(mkdtemp(rendered));
        snprintf(command, sizeof(command), SOURCE_DIR "/tests/rig/render.sh %s >/dev/null 2>&1",
                 rendered);
        if (system(command) != 0)
            skip();
    }
    snprintf(path, sizeof(path), "%s/%s", rendered, name);
    if (access(path, R_OK) != 0)
        skip();
    documents = llmd__json_array();
    read_documents(path, documents);
    return documents;
}

static int remove_rendered(void **state)
{
    char command[128];

    (void)state;
    if (strstr(rendered, "XXXXXX"))
        return 0;
    snprintf(command, sizeof(command), "rm -r %s", rendered);
    return system(command);
}

/* ---- what came of them ---- */

static void show(struct buf *out, const struct json *value)
{
    char *text = NULL;

    if (!value) {
        llmd__buf_str(out, "-");
        return;
    }
    none(llmd__json_print(value, &text));
    if (strlen(text) > SHOWN)
        llmd__buf_format(out, "%.*s... (%zu)", SHOWN, text, strlen(text));
    else
        llmd__buf_str(out, text);
    llmd__free(text);
}

static void changes(struct buf *out, const char *path, const struct json *old,
                    const struct json *new);

/* Members of both, by key; elements of both, by place. */
static void member_changes(struct buf *out, const char *path, const struct json *old,
                           const struct json *new)
{
    bool array = llmd__json_type(old) == JSON_ARRAY;
    size_t index = 0;

    JSON_EACH(item, array && llmd__json_count(new) > llmd__json_count(old) ? new : old) {
        char *at = llmd__format("[%zu]", index++), *name;
        const char *key = llmd__json_key(item);

        name = array ? llmd__format("%s%s", path, at) : llmd__format("%s.%s", path, key);
        changes(out, name, array ? llmd__json_get(old, at) : item,
                array ? llmd__json_get(new, at) : llmd__json_member(new, key));
        llmd__free(name);
        llmd__free(at);
    }
    JSON_EACH(item, array ? NULL : new) {
        char *name = llmd__format("%s.%s", path, llmd__json_key(item));

        if (!llmd__json_member(old, llmd__json_key(item)))
            changes(out, name, NULL, item);
        llmd__free(name);
    }
}

static void changes(struct buf *out, const char *path, const struct json *old,
                    const struct json *new)
{
    enum json_type type = llmd__json_type(old);

    if (llmd__json_equal(old, new))
        return;
    if ((type == JSON_OBJECT || type == JSON_ARRAY) && llmd__json_type(new) == type) {
        member_changes(out, path, old, new);
        return;
    }
    llmd__buf_format(out, "        %s: ", path[0] == '.' ? path + 1 : path);
    show(out, old);
    llmd__buf_str(out, " -> ");
    show(out, new);
    llmd__buf_char(out, '\n');
}

/* By kind and name: its namespace may have changed. */
static const struct json *find(const struct json *documents, const struct json *like)
{
    JSON_EACH(item, documents) {
        if (!strcmp(llmd__json_str(item, "kind"), llmd__json_str(like, "kind")) &&
            !strcmp(llmd__object_name(item), llmd__object_name(like)))
            return item;
    }
    return NULL;
}

static void describe(const struct release *release, const struct json *before, struct buf *out)
{
    llmd__buf_format(out, "version %s, namespace %s\n", release->version ? release->version : "?",
                     release->ns ? release->ns : "-");
    for (int i = 0; i < PHASE_COUNT; i++) {
        if (llmd__json_count(release->phases[i]))
            llmd__buf_format(out, "%s\n", llmd__phase_name((enum phase)i));
        JSON_EACH(object, release->phases[i]) {
            char *subject = llmd__object_subject(object);
            const struct json *old = find(before, object);

            llmd__buf_format(out, "    %s%s\n", subject, old ? "" : " (added)");
            if (old)
                changes(out, "", old, object);
            llmd__free(subject);
        }
    }
    if (llmd__json_count(release->left))
        llmd__buf_str(out, "left alone\n");
    JSON_EACH(item, release->left) {
        llmd__buf_format(out, "    %s: %s, %s\n", llmd__json_str(item, "subject"),
                         llmd__json_str(item, "by"), llmd__json_str(item, "why"));
    }
}

/* The labels are the same in all: told once, by a test. */
static void without_our_labels(struct json *array)
{
    JSON_EACH(item, array) {
        struct json *metadata = llmd__json_edit((struct json *)(uintptr_t)item, "metadata");
        struct json *labels = llmd__json_edit(metadata, "labels");

        assert_string_equal(llmd__json_str(labels, "\"app.kubernetes.io/managed-by\""), "libllmd");
        assert_true(llmd__json_str(labels, "\"" LLMD__PLATFORM_COMPONENT_LABEL "\"")[0]);
        llmd__json_remove(labels, "app.kubernetes.io/managed-by");
        llmd__json_remove(labels, LLMD__PLATFORM_COMPONENT_LABEL);
        if (llmd__json_count(labels) == 0)
            llmd__json_remove(metadata, "labels");
    }
}

static void drop_managed_by(struct json *documents)
{
    JSON_EACH(item, documents) {
        struct json *metadata = llmd__json_edit((struct json *)(uintptr_t)item, "metadata");

        llmd__json_remove(llmd__json_edit(metadata, "labels"), "app.kubernetes.io/managed-by");
    }
}

/* Takes documents. */
static void golden(const char *name, enum component component, const char *spec_text,
                   const struct platform_found *found, struct json *documents)
{
    AUTO(platform_spec) llmd_platform_spec *spec = NULL;
    AUTO(release) struct release release = {0};
    AUTO(json) struct json *before = NULL;
    struct buf text = BUF_INIT;
    char path[256];

    none(llmd_platform_spec_parse(spec_text, &spec));
    none(llmd__json_copy(documents, &before));
    none(llmd__release_make(spec, component, found, documents, &release));
    for (int i = 0; i < PHASE_COUNT; i++)
        without_our_labels(release.phases[i]);
    drop_managed_by(before);
    describe(&release, before, &text);
    snprintf(path, sizeof(path), GOLDEN "%s.txt", name);
    golden_compare(path, llmd__buf_text(&text));
    llmd__buf_free(&text);
}

/* ---- KServe ---- */

#define EVERYTHING                                                                                 \
    "kserve: {namespace: serving, resources: {limits: {cpu: 4}, requests: {memory: 1Gi}}}\n"       \
    "certManager: {namespace: certs}\n"                                                            \
    "imageMirror: mirror.example.com/cache\n"                                                      \
    "imageMirrors: {docker.io/kserve: hub.example.com/k}\n"                                        \
    "imagePullPolicy: IfNotPresent\n"                                                              \
    "digests: {kserve/llmisvc-controller: "                                                        \
    "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}\n"               \
    "pullSecret: {registry: quay.io, user: me, password: hush}\n"                                  \
    "ca: \"-----BEGIN CERTIFICATE-----\"\n"                                                        \
    "config: {storageInitializer: {memoryLimit: 8Gi}, ingress: {urlScheme: https},\n"              \
    "         autoscaling-wva-controller-config: {a: 1}}\n"

static void test_kserve_020(void **state)
{
    (void)state;
    golden("kserve-0.20.0", COMPONENT_KSERVE, "{}", NULL, kserve("0.20.0"));
}

static void test_kserve_019(void **state)
{
    (void)state;
    golden("kserve-0.19.0", COMPONENT_KSERVE, "{}", NULL, kserve("0.19.0"));
}

static void test_kserve_018(void **state)
{
    (void)state;
    golden("kserve-0.18.0", COMPONENT_KSERVE, "{}", NULL, kserve("0.18.0"));
}

static void test_kserve_017(void **state)
{
    (void)state;
    golden("kserve-0.17.0", COMPONENT_KSERVE, "{}", NULL, kserve("0.17.0"));
}

static void add_crd(struct platform_found *found, const char *text)
{
    AUTO(json) struct json *crd = NULL;

    none(llmd__yaml_parse(text, "crd", &crd));
    none(llmd__found_add_crd(found, crd));
}

/* GKE brings the pools of v1, a helm release the objectives. */
static void test_kserve_with_everything_on_gke(void **state)
{
    struct json *documents = kserve("0.20.0");
    AUTO(found) struct platform_found found = {.gke = true};

    (void)state;
    add_crd(&found, "metadata: {name: inferencepools.inference.networking.k8s.io,"
                    " managedFields: [{manager: kube-addon-manager}]}\n"
                    "spec: {versions: [{name: v1, served: true}]}");
    add_crd(&found, "metadata: {name: inferenceobjectives.llm-d.ai,"
                    " annotations: {meta.helm.sh/release-name: gaie}}\n"
                    "spec: {versions: [{name: v1alpha2, served: true}]}");
    golden("kserve-0.20.0-gke", COMPONENT_KSERVE, EVERYTHING, &found, documents);
}

static void test_an_old_crd_of_others(void **state)
{
    struct json *documents = kserve("0.20.0");
    AUTO(platform_spec) llmd_platform_spec *spec = llmd_platform_spec_new();
    AUTO(found) struct platform_found found = {0};
    AUTO(release) struct release release = {0};
    llmd_error *error;

    (void)state;
    add_crd(&found, "metadata: {name: llminferenceservices.serving.kserve.io,"
                    " managedFields: [{manager: kubectl}]}\n"
                    "spec: {versions: [{name: v1alpha1, served: true}]}");
    error = llmd__release_make(spec, COMPONENT_KSERVE, &found, documents, &release);
    assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
    assert_string_equal(llmd_error_reason(error), "VersionNotServed");
    assert_non_null(strstr(llmd_error_message(error),
                           "llminferenceservices.serving.kserve.io of kubectl does not serve"));
    llmd_error_free(error);
    llmd_platform_spec_set(spec, "adopt", "true");
    none(llmd__release_make(spec, COMPONENT_KSERVE, &found, kserve("0.20.0"), &release));
}

/* ---- the others ---- */

static void test_cert_manager(void **state)
{
    (void)state;
    golden("cert-manager", COMPONENT_CERT_MANAGER, "{}", NULL, from_rig("10-cert-manager.yaml"));
}

static void test_cert_manager_with_everything(void **state)
{
    (void)state;
    golden("cert-manager-changed", COMPONENT_CERT_MANAGER, EVERYTHING, NULL,
           from_rig("10-cert-manager.yaml"));
}

static void test_gateway_api(void **state)
{
    (void)state;
    golden("gateway-api", COMPONENT_GATEWAY_API, "{}", NULL, from_rig("00-gateway-api-crds.yaml"));
}

static void test_a_gateway_controller(void **state)
{
    (void)state;
    golden("gateway-controller", COMPONENT_GATEWAY_CONTROLLER,
           "{gatewayController: {manifests: a}, imageMirror: mirror.example.com}", NULL,
           from_rig("31-envoy-gateway.yaml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kserve_020),
        cmocka_unit_test(test_kserve_019),
        cmocka_unit_test(test_kserve_018),
        cmocka_unit_test(test_kserve_017),
        cmocka_unit_test(test_kserve_with_everything_on_gke),
        cmocka_unit_test(test_an_old_crd_of_others),
        cmocka_unit_test(test_cert_manager),
        cmocka_unit_test(test_cert_manager_with_everything),
        cmocka_unit_test(test_gateway_api),
        cmocka_unit_test(test_a_gateway_controller),
    };

    return cmocka_run_group_tests(tests, NULL, remove_rendered);
}
