/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles from a loopback server: ranges, cuts, wrong bytes, redirects, proxies, the cache. */
#include "auth/crypto.h"
#include "platform/bundle.h"
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

#define PIECE (1 << 20)
#define BIG (2 * PIECE + 12345)
#define PATH "/release/big.yaml"
#define CACHE "/cache/libllmd/bundles/"

struct site {
    struct server *server;
    char *text; /* what it serves */
    size_t len;
    char sha256[65];
    bool ranges; /* it knows them */
};

/* ---- the server ---- */

static void serve(struct conn *conn, const struct request *request, void *data)
{
    struct site *site = data;
    const char *range = request_header(request, "Range");
    size_t from = 0, to = site->len - 1;
    char where[64];

    if (!site->ranges || !range || sscanf(range, "bytes=%zu-%zu", &from, &to) != 2) {
        reply(conn, 200, "text/yaml", site->text, site->len);
        return;
    }
    if (from >= site->len) {
        reply_text(conn, 416, "text/plain", "nothing there");
        return;
    }
    if (to >= site->len)
        to = site->len - 1;
    snprintf(where, sizeof(where), "bytes %zu-%zu/%zu", from, to, site->len);
    reply_header(conn, "Content-Range", where);
    reply(conn, 206, "text/yaml", site->text + from, to - from + 1);
}

/* Documents that are YAML, and longer than two pieces. */
static char *big_text(void)
{
    char *text = malloc(BIG + 1);
    size_t len = (size_t)snprintf(
        text, BIG + 1, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: \"");

    memset(text + len, 'x', BIG - len);
    memcpy(text + BIG - 3, "\"}\n", 4);
    return text;
}

static void digest_of(const char *text, size_t len, char hex[65])
{
    unsigned char digest[SHA256_SIZE];

    assert_null(llmd__sha256(text, len, digest));
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

/* LLMD_BUNDLES of one KServe at this address. */
static void list_bundles(const char *url, const char *sha256)
{
    char text[1024], path[256];

    snprintf(text, sizeof(text),
             "[{\"component\": \"kserve\", \"version\": \"9.9.9\", \"proven\": \"rig\","
             " \"files\": [{\"url\": \"%s" PATH "\", \"sha256\": \"%s\"}]}]",
             url, sha256);
    folder_write("list.json", text, 0644);
    snprintf(path, sizeof(path), "%s/list.json", folder);
    setenv("LLMD_BUNDLES", path, 1);
}

static int set_up(void **state)
{
    struct site *site = calloc(1, sizeof(*site));
    char cache[256];

    folder_set_up(state);
    snprintf(cache, sizeof(cache), "%s/cache", folder);
    setenv("XDG_CACHE_HOME", cache, 1);
    site->text = big_text();
    site->len = BIG;
    site->ranges = true;
    digest_of(site->text, site->len, site->sha256);
    site->server = server_start(NULL, NULL);
    server_on(site->server, "GET", PATH, serve, site);
    list_bundles(server_url(site->server), site->sha256);
    *state = site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;

    server_stop(site->server);
    free(site->text);
    free(site);
    unsetenv("LLMD_BUNDLES");
    unsetenv("http_proxy");
    return folder_tear_down(state);
}
#define SITE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- fetching ---- */

struct told {
    int events;
    int64_t done, total;
};

static void note(void *data, const llmd_event *event)
{
    struct told *told = data;

    told->events++;
    /* It gives up after a few tries, whatever the deadline. */
    assert_null(strstr(llmd_event_advice(event), "until the deadline"));
    if (strcmp(llmd_event_reason(event), "Downloaded") != 0)
        return;
    /* What was whole and wrong begins once more. */
    assert_true(llmd_event_done(event) > told->done || told->done == llmd_event_total(event));
    told->done = llmd_event_done(event);
    told->total = llmd_event_total(event);
}

/* Of KServe alone, into the subfolder `out`. */
static llmd_error *fetch(struct told *told)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_platform_spec *spec = NULL;
    llmd_task *task = NULL;
    struct told none = {0};
    char into[256];
    llmd_error *error =
        llmd_platform_spec_parse("{certManager: {install: never}, gatewayApi: {install: never},"
                                 " leaderWorkerSet: {install: never}}",
                                 &spec);

    llmd_context_set_timeout_ms(ctx, 60000);
    snprintf(into, sizeof(into), "%s/out/deep", folder);
    if (!error)
        error = llmd_platform_fetch(spec, into, &task);
    llmd_platform_spec_free(spec);
    if (!error)
        error = llmd_task_run(ctx, task, note, told ? told : &none);
    llmd_task_free(task);
    return error;
}

static void fetch_good(struct told *told)
{
    llmd_error *error = fetch(told);

    if (error)
        fail_msg("%s (%s)", llmd_error_message(error), llmd_error_advice(error));
    assert_int_equal(folder_size("out/deep/kserve-9.9.9/big.yaml"), BIG);
}

static void fetch_bad(llmd_code code, const char *words)
{
    llmd_error *error = fetch(NULL);

    assert_non_null(error);
    if (!strstr(llmd_error_message(error), words) && !strstr(llmd_error_advice(error), words))
        fail_msg("%s (%s)", llmd_error_message(error), llmd_error_advice(error));
    assert_int_equal(llmd_error_code(error), code);
    assert_int_equal(folder_size("out/deep/bundles.json"), 0);
    llmd_error_free(error);
}

/* ---- the way it should go ---- */

static void test_pieces_and_cache(void **state)
{
    struct site *site = *state;
    struct told told = {0};

    fetch_good(&told);
    assert_int_equal(server_requests(site->server), 3);
    assert_string_equal(request_header(server_request(site->server, 1), "Range"),
                        "bytes=1048576-2097151");
    assert_string_equal(request_header(server_request(site->server, 1), "Accept-Encoding"),
                        "identity");
    assert_int_equal(told.done, BIG);
    assert_int_equal(told.total, BIG);
    assert_int_equal(server_connections(site->server), 1);
    fetch_good(NULL);
    assert_int_equal(server_requests(site->server), 3); /* from the cache */
}

static void test_a_server_without_ranges(void **state)
{
    struct site *site = *state;

    site->ranges = false;
    fetch_good(NULL);
    assert_int_equal(server_requests(site->server), 1);
}

/* ---- a folder instead of the internet ---- */

static llmd_error *on_loaded(void *data, struct graph *graph, enum component component,
                             struct json *documents)
{
    (void)graph;
    assert_int_equal(component, COMPONENT_KSERVE);
    *(size_t *)data = llmd__json_count(documents);
    llmd__json_free(documents);
    return NULL;
}

static llmd_error *load(const char *text, size_t *documents)
{
    AUTO(platform_spec) llmd_platform_spec *spec = NULL;
    AUTO(bundle) struct bundle bundle = {0};
    AUTO(graph) struct graph *graph = NULL;
    llmd_task *task = NULL;
    step_id step = -1;
    llmd_error *error;

    TRY(llmd_platform_spec_parse(text, &spec));
    TRY(llmd__bundle_choose(spec, COMPONENT_KSERVE, &bundle));
    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(llmd__bundle_step(graph, spec, &bundle,
                          &(struct bundle_user){.on_loaded = on_loaded, .data = documents}, &step));
    TRY(llmd__task_new(TAKE(graph), &task));
    error = llmd_task_run(NULL, task, NULL, NULL);
    llmd_task_free(task);
    return error;
}

static void test_a_folder_instead_of_the_internet(void **state)
{
    struct site *site = *state;
    char text[512], moved[256], deep[256];
    size_t documents = 0;

    fetch_good(NULL);
    fetch_good(NULL); /* the list stays one of relative paths */
    snprintf(deep, sizeof(deep), "%s/out/deep", folder);
    snprintf(moved, sizeof(moved), "%s/moved", folder);
    assert_int_equal(rename(deep, moved), 0);
    server_forget(site->server);
    snprintf(text, sizeof(text), "bundles: %s", moved);
    assert_null(load(text, &documents));
    assert_int_equal(documents, 1);
    snprintf(text, sizeof(text),
             "bundles: %s\nkserve: {bundle: \"https://elsewhere.example/a\", sha256: %s}", moved,
             site->sha256);
    assert_null(load(text, &documents));
    assert_int_equal(server_requests(site->server), 0);
}

static void expect_words(const llmd_error *error, const char *words)
{
    if (!strstr(llmd_error_message(error), words) && !strstr(llmd_error_advice(error), words))
        fail_msg("%s (%s) lacks: %s", llmd_error_message(error), llmd_error_advice(error), words);
}

static void test_a_spoiled_folder_is_told(void **state)
{
    struct site *site = *state;
    char text[512];
    size_t documents = 0;
    llmd_error *error;

    fetch_good(NULL);
    folder_write("out/deep/kserve-9.9.9/big.yaml", "kind: Secret", 0644);
    snprintf(text, sizeof(text), "bundles: %s/out/deep", folder);
    error = load(text, &documents);
    assert_string_equal(llmd_error_reason(error), "DigestMismatch");
    /* What came, what was wanted, and both ways on. */
    expect_words(error, "a67acb0abcccb9265e8a792f9025eb30c521b9e950b83bcbdbd23e858d9ca24e");
    expect_words(error, "12 bytes");
    expect_words(error, site->sha256);
    expect_words(error, "fetch it again");
    expect_words(error, "change the sha256");
    assert_int_equal(documents, 0);
    llmd_error_free(error);
}

#define TWO_DOCUMENTS                                                                              \
    "kserve: {manifests: \"{apiVersion: v1, kind: A, metadata: {name: a}}\\n---\\n"                \
    "{apiVersion: v1, kind: B, metadata: {name: b}}\\n\"}"

static void test_text_of_the_spec(void **state)
{
    size_t documents = 0;
    llmd_error *error;

    (void)state;
    assert_null(load(TWO_DOCUMENTS, &documents));
    assert_int_equal(documents, 2);
    error = load("kserve: {manifests: \"kind: [\"}", &documents);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "kserve.manifests:"));
    llmd_error_free(error);
}

/* ---- troubles ---- */

static void test_what_was_cut_goes_on(void **state)
{
    struct site *site = *state;

    server_fault_after(site->server, PATH, FAULT_RESET_MID, 1000, 1, -1);
    fetch_bad(LLMD_E_UNREACHABLE, "big.yaml");
    server_clear_faults(site->server);
    server_forget(site->server);
    fetch_good(NULL);
    assert_string_equal(request_header(server_request(site->server, 0), "Range"),
                        "bytes=1048576-2097151");
    assert_int_equal(server_requests(site->server), 2);
}

static void test_one_cut_is_no_news(void **state)
{
    struct site *site = *state;

    server_fault_after(site->server, PATH, FAULT_CLOSE_MID, 1000, 1, 1);
    fetch_good(NULL);
    assert_int_equal(server_requests(site->server), 4);
}

static void test_wrong_bytes(void **state)
{
    struct site *site = *state;

    site->text[BIG / 2] = 'y';
    fetch_bad(LLMD_E_FAILED, "its sha256 is ");
    assert_int_equal(server_requests(site->server), 6); /* once more from its beginning */
    assert_int_equal(folder_size("out/deep/kserve-9.9.9/big.yaml"), 0);
    site->text[BIG / 2] = 'x';
    fetch_good(NULL); /* nothing of it was kept */
}

/* A proxy's login page, with the status of a file. */
static void test_a_web_page(void **state)
{
    struct site *site = *state;

    server_on_text(site->server, "GET", PATH, 200, "text/html", "<html>Log in</html>\n");
    fetch_bad(LLMD_E_FAILED, PATH ": is a web page, and is not the file that was published");
    server_on_text(site->server, "GET", PATH, 200, "text/yaml", "");
    fetch_bad(LLMD_E_FAILED, PATH ": is empty, and is not the file that was published");
}

static void spoil_part(const struct site *site, const char *suffix, const char *text)
{
    char name[256];

    snprintf(name, sizeof(name), CACHE "%s%s", site->sha256, suffix);
    folder_write(name, text, 0644);
}

static void test_a_spoiled_cache(void **state)
{
    struct site *site = *state;

    fetch_good(NULL);
    spoil_part(site, "", "half of it");
    spoil_part(site, ".part", "of another day");
    fetch_good(NULL);
    fetch_good(NULL);
}

static void test_without_a_place_for_a_cache(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    fetch_good(NULL);
    setenv("XDG_CACHE_HOME", "", 1);
    setenv("HOME", "", 1);
    fetch_good(NULL);
}

static void test_an_address_that_is_gone(void **state)
{
    struct site *site = *state;

    server_on_text(site->server, "GET", PATH, 404, "text/plain", "Not Found");
    fetch_bad(LLMD_E_NOT_FOUND, PATH);
}

static void redirect(struct conn *conn, const struct request *request, void *data)
{
    (void)request;
    reply_header(conn, "Location", data);
    reply_text(conn, 302, "text/html", "<a>elsewhere</a>");
}

static void test_redirects(void **state)
{
    struct site *site = *state;
    struct server *other = server_start(serve, site);
    char where[256];

    snprintf(where, sizeof(where), "%s/signed?token=1", server_url(other));
    server_on(site->server, "GET", PATH, redirect, where);
    fetch_good(NULL);
    assert_int_equal(server_requests(other), 3);
    server_stop(other);
}

/* Which part it was, and what to do where there is no internet. */
static void test_without_internet(void **state)
{
    struct site *site = *state;

    server_refuse(site->server, true);
    fetch_bad(LLMD_E_UNREACHABLE, "KServe 9.9.9: GET http://127.0.0.1:");
    fetch_bad(LLMD_E_UNREACHABLE, "; without internet, let platform fetch fill a folder");
    fetch_bad(LLMD_E_UNREACHABLE, "LLMD_BUNDLES");
}

static void test_redirects_in_a_circle(void **state)
{
    struct site *site = *state;

    server_on(site->server, "GET", PATH, redirect, PATH);
    fetch_bad(LLMD_E_PROTOCOL, "points on and on");
    assert_int_equal(server_requests(site->server), 6);
}

static void test_through_a_proxy(void **state)
{
    struct site *site = *state;

    list_bundles("http://releases.invalid", site->sha256);
    setenv("http_proxy", server_url(site->server), 1);
    server_on(site->server, "GET", "http://releases.invalid" PATH, serve, site);
    fetch_good(NULL);
    assert_string_equal(request_header(server_request(site->server, 0), "Host"),
                        "releases.invalid");
}

static void test_the_proxy_is_down(void **state)
{
    struct site *site = *state;

    list_bundles("http://releases.invalid", site->sha256);
    setenv("http_proxy", server_url(site->server), 1);
    server_refuse(site->server, true);
    fetch_bad(LLMD_E_UNREACHABLE, "through the proxy of http_proxy");
}

static void test_the_proxy_refuses(void **state)
{
    struct site *site = *state;

    list_bundles("http://releases.invalid", site->sha256);
    setenv("http_proxy", server_url(site->server), 1);
    server_on_text(site->server, NULL, NULL, 403, "text/plain", "policy");
    fetch_bad(LLMD_E_DENIED, "policy");
}

/* For https a tunnel is asked for first. */
static void test_the_proxy_refuses_a_tunnel(void **state)
{
    struct site *site = *state;

    list_bundles("https://releases.invalid", site->sha256);
    setenv("HTTPS_PROXY", server_url(site->server), 1);
    server_on_text(site->server, NULL, NULL, 403, "text/plain", "policy");
    fetch_bad(LLMD_E_DENIED, "response 403");
    fetch_bad(LLMD_E_DENIED, "must let this host through");
    assert_int_equal(server_requests(site->server), 2);
    server_on_text(site->server, NULL, NULL, 503, "text/plain", "busy");
    fetch_bad(LLMD_E_UNREACHABLE, "response 503");
    assert_int_equal(server_requests(site->server), 6);
    unsetenv("HTTPS_PROXY");
}

static void test_unknown_versions(void **state)
{
    llmd_platform_spec *spec = llmd_platform_spec_new();
    llmd_task *task = NULL;
    llmd_error *error;

    (void)state;
    llmd_platform_spec_set(spec, "kserve.version", "0.1.2");
    error = llmd_platform_fetch(spec, folder, &task);
    assert_null(task);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), "kserve: no bundle of version 0.1.2"));
    assert_non_null(strstr(llmd_error_advice(error), "0.20.0"));
    llmd_error_free(error);
    llmd_platform_spec_free(spec);
}

static llmd_error *fetch_work(void *data)
{
    struct site *site = data;
    char name[512];

    snprintf(name, sizeof(name), "%s" CACHE "%s", folder, site->sha256);
    remove(name);
    return fetch(NULL);
}

static void test_without_memory(void **state)
{
    struct site *site = *state;

    free(site->text);
    site->text = strdup("kind: ConfigMap\n");
    site->len = strlen(site->text);
    digest_of(site->text, site->len, site->sha256);
    list_bundles(server_url(site->server), site->sha256);
    torture_sample(fetch_work, site, 7, 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SITE_TEST(test_pieces_and_cache),
        SITE_TEST(test_a_server_without_ranges),
        SITE_TEST(test_a_folder_instead_of_the_internet),
        SITE_TEST(test_a_spoiled_folder_is_told),
        SITE_TEST(test_text_of_the_spec),
        SITE_TEST(test_what_was_cut_goes_on),
        SITE_TEST(test_one_cut_is_no_news),
        SITE_TEST(test_wrong_bytes),
        SITE_TEST(test_a_web_page),
        SITE_TEST(test_a_spoiled_cache),
        SITE_TEST(test_without_a_place_for_a_cache),
        SITE_TEST(test_an_address_that_is_gone),
        SITE_TEST(test_redirects),
        SITE_TEST(test_without_internet),
        SITE_TEST(test_redirects_in_a_circle),
        SITE_TEST(test_through_a_proxy),
        SITE_TEST(test_the_proxy_is_down),
        SITE_TEST(test_the_proxy_refuses),
        SITE_TEST(test_the_proxy_refuses_a_tunnel),
        SITE_TEST(test_unknown_versions),
        SITE_TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
