/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read from the internet, and what need not be: the small releases of
 * tests/scenario/platform/ stand on a loopback server, and its requests are counted. Every call
 * is from a machine that has never seen them: the cache is emptied before.
 */
#include "auth/crypto.h"
#include "base/file.h"
#include "support/events.h"
#include "support/folder.h"
#include "support/platform.h"
#include "support/server.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RELEASES SOURCE_DIR "/tests/scenario/platform/"

static const struct {
    const char *component, *version, *file;
} releases[] = {{"gatewayApi", "1.5.1", "gateway-api.yaml"},
                {"certManager", "1.17.0", "cert-manager.yaml"},
                {"kserve", "0.20.0", "kserve.yaml"},
                {"leaderWorkerSet", "0.8.0", "lws.yaml"}};
#define RELEASE_COUNT (sizeof(releases) / sizeof(releases[0]))

struct world {
    struct platform *platform;
    struct server *server;
    struct buf texts[RELEASE_COUNT];
    int calls;
};

/* ---- the world ---- */

static void add_entry(struct buf *list, struct world *world, size_t nth)
{
    struct buf *text = &world->texts[nth];
    unsigned char digest[SHA256_SIZE];

    none(llmd__sha256(text->data, text->len, digest));
    llmd__buf_format(list,
                     "- {component: %s, version: %s, proven: rig, files: [{url: \"%s/%s\","
                     " sha256: \"",
                     releases[nth].component, releases[nth].version, server_url(world->server),
                     releases[nth].file);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        llmd__buf_format(list, "%02x", digest[i]);
    llmd__buf_str(list, "\"}]}\n");
}

static void serve_releases(struct world *world)
{
    struct buf list = BUF_INIT;
    char path[256];

    for (size_t i = 0; i < RELEASE_COUNT; i++) {
        char file[512], at[64];

        snprintf(file, sizeof(file), RELEASES "%s", releases[i].file);
        snprintf(at, sizeof(at), "/%s", releases[i].file);
        none(llmd__file_read(file, 1 << 20, &world->texts[i]));
        server_on_text(world->server, "GET", at, 200, "text/yaml",
                       llmd__buf_text(&world->texts[i]));
        add_entry(&list, world, i);
    }
    folder_write("list.json", llmd__buf_text(&list), 0644);
    llmd__buf_free(&list);
    snprintf(path, sizeof(path), "%s/list.json", folder);
    setenv("LLMD_BUNDLES", path, 1);
}

static int set_up_as(void **state, const char *profile)
{
    struct world *world = calloc(1, sizeof(*world));

    folder_set_up(state);
    world->platform = platform_start(profile);
    world->server = server_start(NULL, NULL);
    serve_releases(world);
    *state = world;
    return 0;
}

static int set_up(void **state)
{
    return set_up_as(state, "empty");
}

static int set_up_ready(void **state)
{
    return set_up_as(state, "ready");
}

static int tear_down(void **state)
{
    struct world *world = *state;

    unsetenv("LLMD_BUNDLES");
    platform_stop(world->platform);
    server_stop(world->server);
    for (size_t i = 0; i < RELEASE_COUNT; i++)
        llmd__buf_free(&world->texts[i]);
    free(world);
    return folder_tear_down(state);
}

/* As from a machine of its own. */
static void forget(struct world *world)
{
    char cache[256];

    snprintf(cache, sizeof(cache), "%s/cache-%d", folder, world->calls++);
    setenv("XDG_CACHE_HOME", cache, 1);
    server_forget(world->server);
}

static void apply(struct world *world, const char *spec)
{
    forget(world);
    none(platform_apply_plain(world->platform, spec));
}

static void status(struct world *world, const char *spec)
{
    forget(world);
    none(platform_status_plain(world->platform, spec));
}

static unsigned requests_of(struct world *world, const char *file)
{
    return server_requests_of(world->server, "GET", file);
}

/* ---- what is not needed ---- */

/* Others have installed all of it; LeaderWorkerSet would be for a KServe of ours. */
static void test_a_cluster_that_is_ready(void **state)
{
    struct world *world = *state;
    const struct seen *seen;

    apply(world, NULL);
    assert_int_equal(server_requests(world->server), 0);
    seen = find(&world->platform->log, "LeaderWorkerSet", "Skip");
    assert_non_null(seen);
    assert_non_null(strstr(seen->message, "only services with workers need it"));
    assert_non_null(strstr(world->platform->log.result, "\"ready\":true"));
    status(world, NULL);
    assert_int_equal(server_requests(world->server), 0);
}

/* Who names it gets it, and nothing else is read for that. */
static void test_what_is_named_on_a_cluster_that_is_ready(void **state)
{
    struct world *world = *state;

    apply(world, "leaderWorkerSet: {version: 0.8.0}");
    assert_int_equal(server_requests(world->server), 1);
    assert_int_equal(requests_of(world, "/lws.yaml"), 1);
}

/* Ours, complete and unchanged: neither an apply nor a status reads its bundle, nor is anything
   written. */
static void test_what_stands_as_it_was_applied(void **state)
{
    struct world *world = *state;
    char *before, *after;

    apply(world, NULL);
    assert_int_equal(server_requests(world->server), RELEASE_COUNT);
    before = platform_version(world->platform);
    apply(world, NULL);
    assert_int_equal(server_requests(world->server), 0);
    assert_non_null(find(&world->platform->log, "KServe", "Keep"));
    assert_non_null(strstr(world->platform->log.result, "\"ready\":true"));
    status(world, NULL);
    assert_int_equal(server_requests(world->server), 0);
    assert_non_null(strstr(world->platform->log.result, "\"differs\":[]"));
    assert_null(find(&world->platform->log, "", "Differs"));
    after = platform_version(world->platform);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* ---- what is ---- */

/* A record is a help for the next run, which reads one bundle more: this one has done its work. */
static void test_a_record_that_is_not_written(void **state)
{
    struct world *world = *state;

    platform_fault(world->platform, "bad-header", "fieldManager=libllmd-record"); /* one */
    apply(world, NULL);
    assert_non_null(strstr(world->platform->log.result, "\"ready\":true"));
    apply(world, NULL);
    assert_int_equal(server_requests(world->server), 1);
    apply(world, NULL);
    assert_int_equal(server_requests(world->server), 0);
}

/* Only the bundle of what changed is read, to compare and to repair. */
static void test_what_somebody_changed(void **state)
{
    struct world *world = *state;
    const struct seen *seen;

    apply(world, NULL);
    platform_patch(world->platform,
                   "/apis/apps/v1/namespaces/cert-manager/deployments/cert-manager-webhook",
                   "{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":\"mine\"}}}}");
    status(world, NULL);
    assert_int_equal(server_requests(world->server), 1);
    assert_int_equal(requests_of(world, "/cert-manager.yaml"), 1);
    seen = find(&world->platform->log, "cert-manager", "Differs");
    assert_non_null(seen);
    assert_non_null(strstr(seen->message, ".spec.template.spec.serviceAccountName"));
    platform_remove(world->platform, "/api/v1/namespaces/kserve/services/"
                                     "llmisvc-webhook-server-service");
    apply(world, "adopt: true");
    assert_int_equal(server_requests(world->server), 2);
    assert_int_equal(requests_of(world, "/kserve.yaml"), 1);
    status(world, NULL);
    assert_int_equal(server_requests(world->server), 0);
    assert_null(find(&world->platform->log, "", "Differs"));
}

/* Another spec writes other values into the same fields, whose owner stays the same: the record
   must not be believed after that, nor when the run was killed. */
static void test_another_spec(void **state)
{
    static const char other[] = "kserve: {resources: {limits: {cpu: 3}}}";
    struct world *world = *state;

    apply(world, "kserve: {resources: {limits: {cpu: 2}}}");
    apply(world, other);
    assert_int_equal(server_requests(world->server), 1);
    assert_int_equal(requests_of(world, "/kserve.yaml"), 1);
    status(world, other);
    assert_int_equal(server_requests(world->server), 0);
    apply(world, "kserve: {resources: {limits: {cpu: 2}}}");
    assert_int_equal(requests_of(world, "/kserve.yaml"), 1);
    status(world, other);
    assert_non_null(find(&world->platform->log, "KServe", "Differs"));
}

/* A path has no digest: what it wrote is not taken for what an address would. */
static void test_a_path_between(void **state)
{
    struct world *world = *state;

    apply(world, NULL);
    apply(world, "kserve: {bundle: " RELEASES "kserve.yaml, resources: {limits: {cpu: 3}}}");
    apply(world, NULL);
    assert_int_equal(requests_of(world, "/kserve.yaml"), 1);
    assert_int_equal(server_requests(world->server), 1);
}

/* What was left out for want of a route is written when it is there. */
static void P50_a_route_that_came_later(void **state)
{
    static const char spec[] = "istio: {enabled: true, routes: [llm/qwen]}";
    struct world *world = *state;

    platform_add_istio(world->platform, "1.27.5");
    apply(world, spec);
    apply(world, spec);
    assert_int_equal(server_requests(world->server), 0);
    platform_add_route(world->platform, "llm", "qwen");
    apply(world, spec);
    assert_int_equal(server_requests(world->server), 1);
    assert_int_equal(platform_get(world->platform,
                                  "/apis/networking.istio.io/v1alpha3/namespaces/kserve/"
                                  "envoyfilters/llm-qwen-bodies"),
                     200);
}

/* A password could be guessed from its digest, so that nothing is recorded of it. */
static void test_a_pull_secret_is_always_written(void **state)
{
    struct world *world = *state;

    apply(world, "pullSecret: {registry: r.example.com, user: me, password: one}");
    apply(world, "pullSecret: {registry: r.example.com, user: me, password: two}");
    assert_int_equal(server_requests(world->server), RELEASE_COUNT);
    assert_non_null(find(&world->platform->log, "Secret/kserve/libllmd-pull", "configured"));
}

/* Where the bundle cannot be had, the rest is told all the same. */
static void test_status_without_the_bundle(void **state)
{
    struct world *world = *state;
    const struct seen *seen;

    apply(world, NULL);
    platform_remove(world->platform, "/api/v1/namespaces/kserve/services/"
                                     "llmisvc-webhook-server-service");
    server_on_json(world->server, "GET", "/kserve.yaml", 404, "{}");
    status(world, NULL);
    seen = find(&world->platform->log, "KServe", "NotCompared");
    assert_non_null(seen);
    assert_non_null(strstr(seen->message, "kserve.yaml"));
    assert_non_null(strstr(world->platform->log.result, "\"kserve\":{\"version\":\"0.20.0\""));
    assert_non_null(strstr(world->platform->log.result, "\"differs\":[]")); /* of the others */
}

/* Nor does a path that cannot be looked at end what is told of the others. */
static void test_status_without_the_path(void **state)
{
    struct world *world = *state;
    const struct seen *seen;
    char spec[512];

    apply(world, NULL);
    snprintf(spec, sizeof(spec), "certManager: {bundle: %s/list.json/none}", folder);
    status(world, spec);
    seen = find(&world->platform->log, "cert-manager", "NotCompared");
    assert_non_null(seen);
    assert_non_null(strstr(seen->message, "list.json/none"));
    assert_non_null(strstr(world->platform->log.result, "\"kserve\":{\"version\":\"0.20.0\""));
}

/* ---- without memory ---- */

static llmd_error *look_and_apply(void *data)
{
    struct world *world = data;

    TRY(platform_status_plain(world->platform, NULL));
    return platform_apply_plain(world->platform, NULL);
}

static llmd_error *look_and_compare(void *data)
{
    struct world *world = data;

    return platform_status_plain(world->platform, NULL);
}

/* Kept as it is first, then with one component that must be read again each time. */
static void test_without_memory(void **state)
{
    struct world *world = *state;

    apply(world, NULL);
    torture_sample(look_and_apply, world, 7, 40);
    platform_patch(world->platform,
                   "/apis/apps/v1/namespaces/cert-manager/deployments/cert-manager-webhook",
                   "{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":\"mine\"}}}}");
    torture_sample(look_and_compare, world, 8, 40);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define READY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_ready, tear_down)
    const struct CMUnitTest tests[] = {
        READY_TEST(test_a_cluster_that_is_ready),
        READY_TEST(test_what_is_named_on_a_cluster_that_is_ready),
        TEST(test_what_stands_as_it_was_applied),
        TEST(test_a_record_that_is_not_written),
        TEST(test_what_somebody_changed),
        TEST(test_another_spec),
        TEST(test_a_path_between),
        TEST(P50_a_route_that_came_later),
        TEST(test_a_pull_secret_is_always_written),
        TEST(test_status_without_the_bundle),
        TEST(test_status_without_the_path),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
