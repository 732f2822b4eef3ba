/* SPDX-License-Identifier: Apache-2.0 */
/* The list of known bundles, what a file may add to it, and which of them a spec means. */
#include "platform/bundle.h"
#include "platform/known_bundles.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/torture.h"

#include <fcntl.h>
#include <llmd/platform.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int set_up(void **state)
{
    unsetenv("LLMD_BUNDLES");
    return folder_set_up(state);
}

static void use_list(const char *text)
{
    char path[256];

    folder_write("list.json", text, 0644);
    snprintf(path, sizeof(path), "%s/list.json", folder);
    setenv("LLMD_BUNDLES", path, 1);
}

static void test_versions(void **state)
{
    static const struct {
        const char *older, *newer;
    } rows[] = {
        {"0.9.0", "0.10.0"},          {"v0.19.0", "0.20.0"}, {"1.5.0-rc.2", "1.5.0"},
        {"1.5.0-rc.1", "1.5.0-rc.2"}, {"1.5", "1.5.1"},      {"", "0.1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (llmd__version_compare(rows[i].older, rows[i].newer) >= 0 ||
            llmd__version_compare(rows[i].newer, rows[i].older) <= 0)
            fail_msg("%s is not before %s", rows[i].older, rows[i].newer);
    }
    assert_int_equal(llmd__version_compare("v1.2.3", "1.2.3"), 0);
}

static void test_known_versions(const struct json *list)
{
    static const struct {
        enum component component;
        const char *version, *proven;
    } rows[] = {
        {COMPONENT_KSERVE, "0.17.0", ""},
        {COMPONENT_KSERVE, "0.18.0", ""},
        {COMPONENT_KSERVE, "0.19.0", ""},
        {COMPONENT_KSERVE, "0.20.0", "rig"},
        {COMPONENT_KSERVE, "0.15-odh", "sandbox"},
        {COMPONENT_CERT_MANAGER, "1.16.2", ""},
        {COMPONENT_CERT_MANAGER, "1.17.0", ""},
        {COMPONENT_LWS, "0.8.0", ""},
        {COMPONENT_GATEWAY_API, "1.5.1", "rig"},
        {COMPONENT_CERT_MANAGER, "1.15.5-redhat", "sandbox"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct json *bundle = llmd__bundles_find(list, rows[i].component, rows[i].version);

        if (!bundle)
            fail_msg("%s is not known", rows[i].version);
        assert_string_equal(llmd__json_str(bundle, "proven"), rows[i].proven);
    }
}

/* Whatever is installed by default must be known. */
static void test_the_built_in_list(void **state)
{
    AUTO(json) struct json *list = NULL;
    AUTO(str) char *text = NULL;

    (void)state;
    none(llmd__bundles_known(NULL, &list));
    for (int i = 0; i < COMPONENT_GATEWAY_CONTROLLER; i++)
        assert_non_null(llmd__bundles_find(list, (enum component)i, NULL));
    assert_null(llmd__bundles_find(list, COMPONENT_GATEWAY_CONTROLLER, NULL));
    assert_string_equal(llmd__json_str(llmd__bundles_find(list, COMPONENT_KSERVE, NULL), "version"),
                        "0.20.0");
    JSON_EACH(bundle, list) {
        JSON_EACH(file, llmd__json_member(bundle, "files")) {
            assert_true(!strncmp(llmd__json_str(file, "url"), "https://", 8));
            /* Who downloaded a file knows its size; a digest of hearsay says that it is one. */
            assert_true(llmd__json_member(file, "size") || *llmd__json_str(bundle, "note"));
            assert_true(strcmp(llmd__json_str(file, "sha256"), "unknown") != 0 ||
                        *llmd__json_str(bundle, "note"));
        }
        /* What no publisher offers as a file says how it is had. */
        if (!llmd__json_count(llmd__json_member(bundle, "files"))) {
            assert_true(*llmd__json_str(bundle, "profile") && *llmd__json_str(bundle, "note"));
            assert_string_equal(llmd__json_str(bundle, "proven"), "sandbox");
        }
    }
    test_known_versions(list);
    none(llmd_platform_bundles(&text));
    assert_non_null(strstr(text, "\"version\": \"0.17.0\""));
}

static void test_a_file_adds_and_replaces(void **state)
{
    AUTO(json) struct json *list = NULL;
    const struct json *found;
    char path[256];

    (void)state;
    use_list("[{component: kserve, version: 0.20.0, files: [{path: a/b.yaml}]},\n"
             " {component: gatewayController, version: 1.8.1, proven: rig,\n"
             "  files: [{url: \"https://example.com/eg.yaml\", sha256: " SHA "}]}]");
    none(llmd__bundles_known(NULL, &list));
    found = llmd__bundles_find(list, COMPONENT_KSERVE, "v0.20.0");
    snprintf(path, sizeof(path), "%s/a/b.yaml", folder);
    assert_string_equal(llmd__json_str(found, "files[0].path"), path);
    assert_non_null(llmd__bundles_find(list, COMPONENT_KSERVE, "0.19.0"));
    assert_non_null(llmd__bundles_find(list, COMPONENT_GATEWAY_CONTROLLER, NULL));
}

/* A task that runs later may run in another folder than it was made in. */
static void test_a_list_of_a_relative_path(void **state)
{
    AUTO(json) struct json *list = NULL;
    int before = open(".", O_RDONLY | O_DIRECTORY);
    char path[256];

    (void)state;
    folder_write("list.json", "[{component: kserve, version: 9.9.9, files: [{path: a.yaml}]}]",
                 0644);
    setenv("LLMD_BUNDLES", "list.json", 1);
    assert_int_equal(chdir(folder), 0);
    none(llmd__bundles_known(NULL, &list));
    assert_int_equal(fchdir(before), 0);
    close(before);
    snprintf(path, sizeof(path), "%s/a.yaml", folder);
    assert_string_equal(
        llmd__json_str(llmd__bundles_find(list, COMPONENT_KSERVE, "9.9.9"), "files[0].path"), path);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"{}", "want one list of bundles"},
        {"[3]", "list.json:1: want an object, got an integer"},
        {"[{component: kserv, files: [{path: a}]}]", "kserve"},
        {"[\n{component: kserve, version: 1.0.0}]", "list.json:2: want component and files"},
        {"[{component: kserve, files: [{size: 3}]}]", "files[0]: want url or path"},
        {"[{component: kserve, files: [{url: \"https://a.b\"}]}]", "https://a.b needs its sha256"},
        {"[{component: kserve, files: [{path: a, sha256: 12x}]}]", "64 hex digits"},
        {"[{component: kserve, version: 1.0.0, profile: odh, files: []}]", "want a note"},
        {"[{component: kserve, version: 1.0.0, profile: mine, note: a}]", "odh"},
        {"[{component: kserve, file: []}]", "file: unknown key"},
        {"[{component: kserve, version: ../../x, files: [{path: a}]}]",
         "list.json:1: version: \"../../x\" is no plain name"},
        {"[{component: kserve, version: \"1\\n2\", files: [{path: a}]}]", "is no plain name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *out = NULL;
        llmd_error *error;

        use_list(rows[i].text);
        error = llmd_platform_bundles(&out);
        assert_null(out);
        if (!error || llmd_error_code(error) != LLMD_E_INVALID ||
            !strstr(llmd_error_message(error), rows[i].words))
            fail_msg("%s: %s", rows[i].text, llmd_error_message(error));
        llmd_error_free(error);
    }
}

static void test_a_file_that_is_not_there(void **state)
{
    char *out = NULL;
    llmd_error *error;

    (void)state;
    setenv("LLMD_BUNDLES", "/nowhere/list.json", 1);
    error = llmd_platform_bundles(&out);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), "LLMD_BUNDLES: /nowhere/list.json"));
    llmd_error_free(error);
}

/* ---- choosing ---- */

static void choose(const char *key, const char *value, enum component component,
                   struct bundle *bundle)
{
    AUTO(platform_spec) llmd_platform_spec *spec = llmd_platform_spec_new();

    llmd_platform_spec_set(spec, key, value);
    none(llmd__bundle_choose(spec, component, bundle));
}

static void test_choosing(void **state)
{
    struct bundle bundle;
    char name[256];

    (void)state;
    choose("kserve.version", "v0.19.0", COMPONENT_KSERVE, &bundle);
    assert_string_equal(bundle.version, "0.19.0");
    assert_int_equal(bundle.count, 2);
    llmd__bundle_free(&bundle);

    snprintf(name, sizeof(name), "%s/set", folder);
    mkdir(name, 0755);
    folder_write("set/b.yml", "", 0644);
    folder_write("set/a.yaml", "", 0644);
    folder_write("set/README.md", "", 0644);
    folder_write("set/.hidden.yaml", "", 0644);
    choose("kserve.bundle", name, COMPONENT_KSERVE, &bundle);
    assert_int_equal(bundle.count, 2);
    assert_non_null(strstr(bundle.files[0].path, "/set/a.yaml"));
    assert_null(bundle.version);
    llmd__bundle_free(&bundle);
}

/* Nobody here has held it against its publisher's word, so that the caller must. */
static void test_a_digest_that_is_not_known(void **state)
{
    AUTO(platform_spec) llmd_platform_spec *spec = llmd_platform_spec_new();
    LLMD_AUTO(llmd_error) error = NULL;
    struct bundle bundle;

    (void)state;
    use_list("[{component: kserve, version: 3.0.0, proven: rig, note: a,\n"
             "  files: [{url: \"https://example.com/k.yaml\", sha256: unknown}]},\n"
             " {component: kserve, version: 4.0.0, profile: odh, note: render it, files: []}]");
    llmd_platform_spec_set(spec, "kserve.version", "3.0.0");
    error = llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_string_equal(llmd_error_reason(error), "DigestUnknown");
    assert_non_null(strstr(llmd_error_message(error), "https://example.com/k.yaml"));
    assert_non_null(strstr(llmd_error_advice(error), "kserve.sha256"));
    llmd_platform_spec_set(spec, "kserve.sha256", SHA);
    none(llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle));
    assert_string_equal(bundle.files[0].sha256, SHA);
    llmd__bundle_free(&bundle);
}

/* A digest that the caller states is never passed over: which of several files it means nobody
   can tell. */
static void test_one_digest_for_several_files(void **state)
{
    AUTO(platform_spec) llmd_platform_spec *spec = llmd_platform_spec_new();
    LLMD_AUTO(llmd_error) error = NULL;
    struct bundle bundle;

    (void)state;
    use_list("[{component: kserve, version: 3.0.0, files: [\n"
             "  {url: \"https://example.com/a.yaml\", sha256: " SHA "},\n"
             "  {url: \"https://example.com/b.yaml\", sha256: " SHA "}]}]");
    llmd_platform_spec_set(spec, "kserve.version", "3.0.0");
    llmd_platform_spec_set(spec, "kserve.sha256", SHA);
    error = llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "kserve: sha256"));
    assert_non_null(strstr(llmd_error_message(error), "2 files"));
    assert_int_equal(bundle.count, 0);
}

/* A profile's files are the caller's to make; and no default is one that cannot be had. */
static void test_a_profile(void **state)
{
    AUTO(platform_spec) llmd_platform_spec *spec = llmd_platform_spec_new();
    LLMD_AUTO(llmd_error) error = NULL;
    struct bundle bundle;

    (void)state;
    use_list("[{component: kserve, version: 3.0.0, proven: rig, note: a,\n"
             "  files: [{url: \"https://example.com/k.yaml\", sha256: unknown}]},\n"
             " {component: kserve, version: 4.0.0, proven: rig, profile: odh, note: render it}]");
    none(llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle));
    assert_string_equal(bundle.version, "0.20.0");
    llmd__bundle_free(&bundle);
    llmd_platform_spec_set(spec, "kserve.version", "4.0.0");
    error = llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), "render it"));
    assert_non_null(strstr(llmd_error_advice(error), "kserve.bundle"));
}

static void refuse(const char *path, llmd_code code, const char *words)
{
    AUTO(platform_spec) llmd_platform_spec *spec = llmd_platform_spec_new();
    struct bundle bundle;
    llmd_error *error;

    llmd_platform_spec_set(spec, "kserve.bundle", path);
    error = llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle);
    assert_int_equal(llmd_error_code(error), code);
    assert_non_null(strstr(llmd_error_message(error), words));
    assert_int_equal(bundle.count, 0);
    llmd_error_free(error);
}

static void test_choosing_what_is_not_there(void **state)
{
    char name[256];

    (void)state;
    refuse("/nowhere.yaml", LLMD_E_NOT_FOUND, "kserve: /nowhere.yaml");
    snprintf(name, sizeof(name), "%s/empty", folder);
    mkdir(name, 0755);
    refuse(name, LLMD_E_NOT_FOUND, "holds no .yaml");
}

static llmd_error *choose_work(void *data)
{
    struct bundle bundle;
    AUTO(bundle) struct bundle copy = {0};
    llmd_error *error = llmd__bundle_choose(data, COMPONENT_GATEWAY_API, &bundle);

    if (!error)
        error = llmd__bundle_copy(&bundle, &copy);
    llmd__bundle_free(&bundle);
    return error;
}

static void test_without_memory(void **state)
{
    llmd_platform_spec *spec = llmd_platform_spec_new();

    (void)state;
    use_list("[{component: gatewayApi, version: 9.0.0, proven: rig, files: [{path: a.yaml}]}]");
    torture_sample(choose_work, spec, 3, 200);
    llmd_platform_spec_free(spec);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, folder_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_versions),
        TEST(test_the_built_in_list),
        TEST(test_a_file_adds_and_replaces),
        TEST(test_a_list_of_a_relative_path),
        TEST(test_refusals),
        TEST(test_a_file_that_is_not_there),
        TEST(test_choosing),
        TEST(test_a_digest_that_is_not_known),
        TEST(test_one_digest_for_several_files),
        TEST(test_a_profile),
        TEST(test_choosing_what_is_not_there),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
