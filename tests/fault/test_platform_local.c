/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known of a spec's bundles from the machine alone is told before the API server hears
 * a single request.
 */
#include "base/file.h"
#include "platform/bundle.h"
#include "support/errors.h"
#include "support/folder.h"
#include "support/server.h"
#include "support/torture.h"

#include <llmd/llmd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define RELEASES SOURCE_DIR "/tests/scenario/platform/"

struct world {
    struct server *server;
    llmd_kube *kube;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    char text[512], path[256];

    folder_set_up(NULL);
    unsetenv("LLMD_BUNDLES");
    world->server = server_start(NULL, NULL);
    snprintf(text, sizeof(text),
             "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: "
             "{server: '%s'}}], contexts: [{name: c, context: {cluster: c}}]}",
             server_url(world->server));
    folder_write("kubeconfig", text, 0600);
    snprintf(path, sizeof(path), "%s/kubeconfig", folder);
    none(llmd_kube_open(path, NULL, &world->kube));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    llmd_kube_free(world->kube);
    server_stop(world->server);
    free(world);
    return folder_tear_down(NULL);
}

static llmd_error *apply(struct world *world, const char *text)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;
    LLMD_AUTO(llmd_task) task = NULL;

    TRY(llmd_platform_spec_parse(text, &spec));
    TRY(llmd_platform_apply(world->kube, spec, &task));
    return llmd_task_run(NULL, task, NULL, NULL);
}

static void refuse(struct world *world, const char *spec, llmd_code code, const char *reason,
                   const char *const *words)
{
    LLMD_AUTO(llmd_error) error = apply(world, spec);

    if (llmd_error_code(error) != code || strcmp(llmd_error_reason(error), reason) != 0)
        fail_msg("%s: %s: %s", spec, llmd_error_reason(error), llmd_error_message(error));
    for (; *words; words++)
        if (!strstr(llmd_error_message(error), *words) && !strstr(llmd_error_advice(error), *words))
            fail_msg("%s (%s) lacks %s", llmd_error_message(error), llmd_error_advice(error),
                     *words);
    assert_int_equal(server_requests(world->server), 0);
}

/* The release of this name up to where `before` stands, as FOLDER/cut.yaml. */
static void write_cut(const char *release, const char *before)
{
    AUTO(str) char *path = llmd__format(RELEASES "%s", release);
    struct buf text = BUF_INIT;
    char *end;

    none(llmd__file_read(path, 1 << 20, &text));
    end = strstr(llmd__buf_text(&text), before);
    assert_non_null(end);
    *end = '\0';
    folder_write("cut.yaml", text.data, 0644);
    llmd__buf_free(&text);
}

#define CUT "cut.yaml: is not a whole release of "

static void test_cut_at_a_document(void **state)
{
    static const struct {
        const char *component, *release, *before, *words[3];
    } rows[] = {
        {"kserve",
         "kserve.yaml",
         "---\napiVersion: serving.kserve.io/v1alpha2\nkind: LLMInferenceServiceConfig",
         {CUT "KServe", "LLMInferenceServiceConfig kserve-config-llm-template"}},
        {"kserve",
         "kserve.yaml",
         "---\napiVersion: admissionregistration",
         {CUT "KServe", "ValidatingWebhookConfiguration llminferenceservice.serving.kserve.io"}},
        {"kserve",
         "kserve.yaml",
         "---\napiVersion: apps/v1",
         {CUT "KServe", "Deployment llmisvc-controller-manager"}},
        {"kserve",
         "odh.yaml",
         "---\napiVersion: admissionregistration",
         {CUT "KServe", "ValidatingWebhookConfiguration llminferenceserviceconfig"}},
        {"certManager",
         "cert-manager.yaml",
         "---\napiVersion: admissionregistration",
         {CUT "cert-manager", "ValidatingWebhookConfiguration cert-manager-webhook"}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(str)
        char *spec = llmd__format("%s: {bundle: %s/cut.yaml}", rows[i].component, folder);

        write_cut(rows[i].release, rows[i].before);
        refuse(*state, spec, LLMD_E_INVALID, "BundleIncomplete", rows[i].words);
    }
}

static void test_other_causes(void **state)
{
    static const struct {
        const char *text, *reason, *words;
    } rows[] = {
        {"", "BundleEmpty", "cut.yaml: is empty"},
        {"<html>Log in</html>", "NotManifests", "cut.yaml: is a web page"},
        {"kind: A\nmetadata:\n  na", "BundleCut", "cut.yaml: ends in the middle, at line 3"},
        {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}", "BundleIncomplete",
         "its last line 4 has no end, so it may have been cut"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(str) char *spec = llmd__format("kserve: {bundle: %s/cut.yaml}", folder);

        folder_write("cut.yaml", rows[i].text, 0644);
        refuse(*state, spec, LLMD_E_INVALID, rows[i].reason,
               (const char *const[]){folder, rows[i].words, NULL});
    }
}

static void test_a_text(void **state)
{
    refuse(*state, "kserve: {manifests: \"<html>\"}", LLMD_E_INVALID, "NotManifests",
           (const char *const[]){"kserve.manifests: is a web page", NULL});
    refuse(*state,
           "kserve: {manifests: \"apiVersion: v1\\nkind: Namespace\\nmetadata: {name: kserve}\"}",
           LLMD_E_INVALID, "BundleIncomplete",
           (const char *const[]){"kserve.manifests: is not a whole release of KServe", NULL});
}

/* One of the two files of a release; and one that a list names without a digest. */
static void test_folders_and_lists(void **state)
{
    AUTO(str) char *part = llmd__format("%s/part", folder);
    AUTO(str) char *spec = llmd__format("kserve: {bundle: %s}", part);
    AUTO(str) char *list = llmd__format("%s/list.json", folder);

    write_cut("kserve.yaml", "---\napiVersion: apps/v1");
    mkdir(part, 0755);
    folder_write("part/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", 0644);
    folder_write("part/b.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n", 0644);
    refuse(*state, spec, LLMD_E_INVALID, "BundleIncomplete",
           (const char *const[]){"/part: is not a whole release of KServe",
                                 "name the folder that holds them all as kserve.bundle", NULL});
    folder_write("list.json",
                 "[{component: kserve, version: 9.9.9, proven: rig, files: [{path: cut.yaml}]}]",
                 0644);
    setenv("LLMD_BUNDLES", list, 1);
    refuse(*state, "{}", LLMD_E_INVALID, "BundleIncomplete",
           (const char *const[]){CUT "KServe", NULL});
    unsetenv("LLMD_BUNDLES");
}

static void test_what_nobody_knows(void **state)
{
    refuse(*state, "kserve: {version: 0.99.0}", LLMD_E_NOT_FOUND, "",
           (const char *const[]){"kserve: no bundle of version 0.99.0 is known", "0.20.0", NULL});
    refuse(
        *state, "certManager: {version: 0.1.0}", LLMD_E_NOT_FOUND, "",
        (const char *const[]){"certManager: no bundle of version 0.1.0 is known", "1.16.2", NULL});
    refuse(*state, "kserve: {bundle: /nowhere.yaml}", LLMD_E_NOT_FOUND, "",
           (const char *const[]){"kserve: /nowhere.yaml", NULL});
}

/* What is whole is not held up. */
static void test_whole_releases(void **state)
{
    struct world *world = *state;
    LLMD_AUTO(llmd_error)
    error =
        apply(world, "{certManager: {bundle: " RELEASES "cert-manager.yaml}, kserve: {bundle: "
                     "" RELEASES "odh.yaml}, gatewayApi: {bundle: " RELEASES "gateway-api.yaml},"
                     " leaderWorkerSet: {bundle: " RELEASES "lws.yaml}}");

    assert_non_null(error); /* this server knows nothing */
    assert_null(strstr(llmd_error_reason(error), "Bundle"));
    assert_true(server_requests(world->server) > 0);
}

/* ---- into a folder for a machine without internet ---- */

static llmd_error *fetch(const char *text, const char *into)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;
    LLMD_AUTO(llmd_task) task = NULL;

    TRY(llmd_platform_spec_parse(text, &spec));
    TRY(llmd_platform_fetch(spec, into, &task));
    return llmd_task_run(NULL, task, NULL, NULL);
}

#define NO_OTHERS                                                                                  \
    "certManager: {install: never}\ngatewayApi: {install: never}\n"                                \
    "leaderWorkerSet: {install: never}\n"

static void copy_release(const char *release, const char *to)
{
    AUTO(str) char *from = llmd__format(RELEASES "%s", release);
    AUTO(buf) struct buf text = BUF_INIT;

    none(llmd__file_read(from, 1 << 20, &text));
    folder_write(to, llmd__buf_text(&text), 0644);
}

static void expect_copy(const char *name, const char *release)
{
    AUTO(str) char *from = llmd__format(RELEASES "%s", release);
    AUTO(str) char *to = llmd__format("%s/%s", folder, name);
    AUTO(buf) struct buf wanted = BUF_INIT;
    AUTO(buf) struct buf copied = BUF_INIT;

    none(llmd__file_read(from, 1 << 20, &wanted));
    none(llmd__file_read(to, 1 << 20, &copied));
    assert_string_equal(llmd__buf_text(&copied), llmd__buf_text(&wanted));
}

/* Not held up by its bundle: what this server answers is the first thing that is wrong. */
static void expect_usable(struct world *world, const char *spec)
{
    LLMD_AUTO(llmd_error) error = apply(world, spec);

    assert_non_null(error);
    if (server_requests(world->server) == 0 || strstr(llmd_error_reason(error), "Bundle"))
        fail_msg("%s: %s", spec, llmd_error_message(error));
    server_forget(world->server);
}

static void expect_bundle(const char *folder_name, const char *spec_text, const char *words)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;
    AUTO(bundle) struct bundle bundle = {0};
    AUTO(str) char *text = llmd__format("bundles: %s/%s\n%s", folder, folder_name, spec_text);

    none(llmd_platform_spec_parse(text, &spec));
    none(llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle));
    assert_non_null(strstr(bundle.files[0].path, words));
    assert_int_equal(bundle.files[0].sha256 != NULL, strstr(words, "/out/") != NULL);
}

/* What a list names by a path is copied as what it names by an address is. */
static void test_fetch_of_listed_paths(void **state)
{
    AUTO(str) char *out = llmd__format("%s/out/deep", folder);
    AUTO(str) char *offline = llmd__format("bundles: %s\n" NO_OTHERS, out);

    setenv("LLMD_BUNDLES", RELEASES "bundles.json", 1);
    none(fetch(NO_OTHERS, out));
    unsetenv("LLMD_BUNDLES");
    expect_copy("out/deep/kserve-0.20.0/kserve.yaml", "kserve.yaml");
    expect_bundle("out/deep", "", "/out/deep/kserve-0.20.0/kserve.yaml");
    expect_usable(*state, offline);
}

/* The same spec reads the copy where its own path is not; one of another path does not. */
static void test_fetch_of_a_path(void **state)
{
    AUTO(str) char *here = llmd__format("%s/here", folder);
    AUTO(str) char *away = llmd__format("%s/away", folder);
    AUTO(str) char *out = llmd__format("%s/out", folder);
    AUTO(str) char *spec = llmd__format("kserve: {bundle: %s}\n" NO_OTHERS, here);
    AUTO(str) char *offline = llmd__format("bundles: %s\n%s", out, spec);
    AUTO(str)
    char *other = llmd__format("bundles: %s\nkserve: {bundle: %s/other}\n" NO_OTHERS, out, folder);
    LLMD_AUTO(llmd_error) error = NULL;

    assert_int_equal(mkdir(here, 0755), 0);
    copy_release("kserve.yaml", "here/kserve.yaml");
    none(fetch(spec, out));
    expect_bundle("out", spec, "/here/");
    assert_int_equal(rename(here, away), 0);
    expect_bundle("out", spec, "/out/kserve/");
    expect_usable(*state, offline);
    error = fetch(other, out);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), "/other"));
}

/* Two of one name are two; nothing to fetch is a folder too; what is cut is not taken along. */
static void test_other_fetches(void **state)
{
    AUTO(str) char *out = llmd__format("%s/out", folder);
    AUTO(str) char *list = llmd__format("%s/list.json", folder);
    AUTO(str) char *again = llmd__format("%s/again", folder);
    AUTO(str) char *cut_spec = llmd__format("kserve: {bundle: %s/cut.yaml}\n" NO_OTHERS, folder);
    LLMD_AUTO(llmd_error) error = NULL;

    (void)state;
    none(fetch("kserve: {install: never}\n" NO_OTHERS, out));
    assert_true(folder_size("out/bundles.json") > 0);
    folder_write("list.json",
                 "[{component: kserve, version: 9.9.9, proven: rig, files: [{path: \"" RELEASES
                 "kserve.yaml\"}, {path: \"again/kserve.yaml\"}]}]",
                 0644);
    mkdir(again, 0755);
    folder_write("again/kserve.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
                 0644);
    setenv("LLMD_BUNDLES", list, 1);
    none(fetch(NO_OTHERS, out));
    unsetenv("LLMD_BUNDLES");
    expect_copy("out/kserve-9.9.9/kserve.yaml", "kserve.yaml");
    assert_true(folder_size("out/kserve-9.9.9/1-kserve.yaml") > 0);

    write_cut("kserve.yaml", "---\napiVersion: apps/v1");
    error = fetch(cut_spec, out);
    assert_string_equal(llmd_error_reason(error), "BundleIncomplete");
    assert_int_equal(folder_size("out/kserve/cut.yaml"), 0);
}

static llmd_error *refuse_work(void *data)
{
    AUTO(str) char *spec = llmd__format("kserve: {bundle: %s/cut.yaml}", folder);

    CHECK_MEMORY(spec);
    return apply(data, spec);
}

static void test_without_memory(void **state)
{
    folder_write("cut.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", 0644);
    torture_sample(refuse_work, *state, 3, 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_cut_at_a_document),     TEST(test_other_causes),      TEST(test_a_text),
        TEST(test_folders_and_lists),     TEST(test_what_nobody_knows), TEST(test_whole_releases),
        TEST(test_fetch_of_listed_paths), TEST(test_fetch_of_a_path),   TEST(test_other_fetches),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
