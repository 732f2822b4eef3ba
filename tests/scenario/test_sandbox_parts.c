/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the sandbox: selectors, field sets, server-side apply, patches, tokens. */
#include "sandbox/containers.h"
#include "sandbox/fieldset.h"
#include "sandbox/llmisvc.h"
#include "sandbox/managed.h"
#include "sandbox/route.h"
#include "sandbox/scheduler.h"
#include "sandbox/selector.h"
#include "sandbox/tokens.h"
#include "sandbox/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct json *parse(const char *text)
{
    struct json *json = NULL;
    must(llmd__json_parse(text, strlen(text), "test", &json));
    return json;
}

static void assert_json(const struct json *json, const char *expected)
{
    AUTO(json) struct json *wanted = parse(expected);
    if (llmd__json_equal(json, wanted))
        return;
    char *text;
    must(llmd__json_print(json, &text));
    fail_msg("got %s\nwant %s", text, expected);
}

static void selects_by_labels(void **state)
{
    (void)state;
    static const struct {
        const char *selector;
        bool matches;
    } rows[] = {{"", true},
                {"a=1", true},
                {"a==1", true},
                {"a=2", false},
                {"a!=2", true},
                {"a!=1", false},
                {"c!=1", true},
                {"a", true},
                {"c", false},
                {"!c", true},
                {"!a", false},
                {"a=1,b=2", true},
                {"a=1,b=3", false},
                {"a in (1, 7)", true},
                {"a in (7),b=2", false},
                {"a notin (7,8),b=2", true},
                {"c notin (7)", true}};
    AUTO(json) struct json *object = parse("{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (selector_labels(rows[i].selector, object) != rows[i].matches)
            fail_msg("%s", rows[i].selector);
}

static void selects_by_fields(void **state)
{
    (void)state;
    AUTO(json)
    struct json *object =
        parse("{\"metadata\":{\"name\":\"x\"},\"status\":{\"phase\":\"Running\"}}");
    assert_true(selector_fields("metadata.name=x", object));
    assert_true(selector_fields("metadata.name=x,status.phase!=Failed", object));
    assert_false(selector_fields("metadata.name=y", object));
    assert_false(selector_fields("status.phase!=Running", object));
}

static void finds_the_fields_of_an_object(void **state)
{
    (void)state;
    AUTO(json)
    struct json *object =
        parse("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\",\"labels\":{"
              "\"a\":\"b\"}},"
              "\"spec\":{\"containers\":[{\"name\":\"main\",\"args\":[\"-a\"]}]}}");
    AUTO(json) struct json *set = fieldset_of(object);
    assert_json(set, "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}},\"f:spec\":{\"f:containers\":{"
                     "\"k:{\\\"name\\\":\\\"main\\\"}\":{\".\":{},\"f:name\":{},\"f:args\":{}}}}}");
}

static const struct apply_request by_a = {"a", "apps/v1", "", false};
static const struct apply_request by_b = {"b", "apps/v1", "", false};
static const struct apply_request by_b_forced = {"b", "apps/v1", "", true};

static struct json *apply(const struct json *live, const char *text,
                          const struct apply_request *request)
{
    AUTO(json) struct json *applied = parse(text);
    struct json *out = NULL;
    struct answer refused = managed_apply(live, applied, request, &out);
    assert_int_equal(refused.status, 0);
    return out;
}

static void apply_names_the_other_manager_and_field(void **state)
{
    (void)state;
    AUTO(json) struct json *live = apply(NULL, "{\"spec\":{\"replicas\":1,\"x\":1}}", &by_a);
    AUTO(json) struct json *wanted = parse("{\"spec\":{\"replicas\":2}}");
    struct json *out = NULL;
    struct answer refused = managed_apply(live, wanted, &by_b, &out);
    assert_int_equal(refused.status, 409);
    assert_null(out);
    assert_non_null(strstr(refused.text, "Apply failed with 1 conflict: conflict with \\\"a\\\": "
                                         ".spec.replicas"));
    assert_non_null(strstr(refused.text, "FieldManagerConflict"));
    llmd__free(refused.text);
}

static void apply_with_force_takes_the_field(void **state)
{
    (void)state;
    AUTO(json) struct json *live = apply(NULL, "{\"spec\":{\"replicas\":1,\"x\":1}}", &by_a);
    AUTO(json) struct json *forced = apply(live, "{\"spec\":{\"replicas\":2}}", &by_b_forced);
    assert_int_equal(llmd__json_int(forced, "spec.replicas", 0), 2);
    assert_json(llmd__json_get(forced, "metadata.managedFields[0].fieldsV1"),
                "{\"f:spec\":{\"f:x\":{}}}");
    assert_json(llmd__json_get(forced, "metadata.managedFields[1].fieldsV1"),
                "{\"f:spec\":{\"f:replicas\":{}}}");
}

static void apply_of_equal_values_shares_them(void **state)
{
    (void)state;
    AUTO(json) struct json *live = apply(NULL, "{\"spec\":{\"replicas\":1}}", &by_a);
    AUTO(json) struct json *shared = apply(live, "{\"spec\":{\"replicas\":1}}", &by_b);
    AUTO(json) struct json *dropped = apply(shared, "{\"spec\":{}}", &by_a);
    assert_int_equal(llmd__json_int(dropped, "spec.replicas", 0), 1);
}

static void apply_removes_what_it_no_longer_wants(void **state)
{
    (void)state;
    AUTO(json)
    struct json *live =
        apply(NULL,
              "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}},\"spec\":{"
              "\"containers\":[{\"name\":\"m\",\"image\":\"i\"},{\"name\":\"n\"}]}}",
              &by_a);
    AUTO(json)
    struct json *next = apply(live,
                              "{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":{\"containers\":["
                              "{\"name\":\"m\"}]}}",
                              &by_a);
    assert_json(llmd__json_get(next, "metadata.labels"), "{\"a\":\"1\"}");
    assert_json(llmd__json_get(next, "spec"), "{\"containers\":[{\"name\":\"m\"}]}");
}

static void apply_twice_changes_nothing(void **state)
{
    (void)state;
    const char *text =
        "{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":{\"containers\":[{\"name\":"
        "\"m\",\"env\":[{\"name\":\"X\",\"value\":\"1\"}]}],\"list\":[1,2]}}";
    AUTO(json) struct json *live = apply(NULL, text, &by_a);
    AUTO(json) struct json *again = apply(live, text, &by_a);
    assert_true(llmd__json_equal(live, again));
}

static void patches_in_three_ways(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *patch;
        const char *result;
    } rows[] = {
        {"application/merge-patch+json", "{\"a\":null,\"l\":[9]}",
         "{\"b\":{\"c\":1},\"l\":[9],\"env\":[{\"name\":\"X\",\"value\":\"1\"}]}"},
        {"application/strategic-merge-patch+json",
         "{\"env\":[{\"name\":\"Y\",\"value\":\"2\"}],\"b\":{\"d\":2}}",
         "{\"a\":1,\"b\":{\"c\":1,\"d\":2},\"l\":[1,2],\"env\":[{\"name\":\"X\",\"value\":\"1\"},{"
         "\"name\":\"Y\",\"value\":\"2\"}]}"},
        {"application/strategic-merge-patch+json",
         "{\"env\":[{\"name\":\"X\",\"$patch\":\"delete\"}]}",
         "{\"a\":1,\"b\":{\"c\":1},\"l\":[1,2],\"env\":[]}"},
        {"application/json-patch+json",
         "[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":3},{\"op\":\"remove\",\"path\":\"/"
         "a\"},{\"op\":"
         "\"replace\",\"path\":\"/b/c\",\"value\":7},{\"op\":\"add\",\"path\":\"/b/"
         "x~1y\",\"value\":1}]",
         "{\"b\":{\"c\":7,\"x/y\":1},\"l\":[1,2,3],\"env\":[{\"name\":\"X\",\"value\":\"1\"}]}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json *object = parse("{\"a\":1,\"b\":{\"c\":1},\"l\":[1,2],\"env\":[{\"name\":\"X\","
                                    "\"value\":\"1\"}]}");
        AUTO(json) struct json *patch = parse(rows[i].patch);
        struct answer refused = patch_apply(rows[i].type, patch, &object);
        assert_int_equal(refused.status, 0);
        assert_json(object, rows[i].result);
        llmd__json_free(object);
    }
}

static void refuses_a_patch_of_nothing(void **state)
{
    (void)state;
    struct json *object = parse("{\"a\":1}");
    AUTO(json) struct json *patch = parse("[{\"op\":\"remove\",\"path\":\"/b\"}]");
    struct answer refused = patch_apply("application/json-patch+json", patch, &object);
    assert_int_equal(refused.status, 422);
    llmd__free(refused.text);
    llmd__json_free(object);
}

static void reads_api_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *plural;
        const char *ns;
        const char *name;
        const char *subresource;
    } rows[] = {
        {"/api/v1/pods", "pods", "", "", ""},
        {"/api/v1/namespaces", "namespaces", "", "", ""},
        {"/api/v1/namespaces/x", "namespaces", "", "x", ""},
        {"/api/v1/namespaces/x/status", "namespaces", "", "x", "status"},
        {"/api/v1/namespaces/x/pods", "pods", "x", "", ""},
        {"/api/v1/namespaces/x/pods/y/log", "pods", "x", "y", "log"},
        {"/api/v1/namespaces/x/services/y:8000/proxy/v1/models", "services", "x", "y:8000",
         "proxy"},
        {"/apis/apps/v1/namespaces/x/deployments/y/status", "deployments", "x", "y", "status"},
    };
    struct kind *kinds = NULL;
    kinds_add_builtin(&kinds);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct route route;
        assert_true(route_parse(kinds, rows[i].path, &route));
        assert_non_null(route.kind);
        assert_string_equal(route.kind->plural, rows[i].plural);
        assert_string_equal(route.ns, rows[i].ns);
        assert_string_equal(route.name, rows[i].name);
        assert_string_equal(route.subresource, rows[i].subresource);
    }
    struct route route;
    assert_true(route_parse(kinds, "/apis/apps/v9/deployments", &route));
    assert_null(route.kind);
    assert_false(route_parse(kinds, "/nothing", &route));
    kinds_free(&kinds);
}

static void reads_quantities(void **state)
{
    (void)state;
    assert_int_equal(quantity_milli("100m"), 100);
    assert_int_equal(quantity_milli("2"), 2000);
    assert_int_equal(quantity_milli("512Mi"), 512LL * 1048576 * 1000);
    assert_int_equal(quantity_milli("two"), -1);
}

static void knows_the_flags_of_vllm(void **state)
{
    (void)state;
    AUTO(json)
    struct json *good = parse("{\"image\":\"vllm/vllm-openai:v1\",\"args\":[\"--max-model-len\","
                              "\"2048\",\"--tensor_parallel_size=4\"]}");
    AUTO(json)
    struct json *bad = parse("{\"image\":\"vllm/vllm-openai:v1\",\"args\":[\"--no-such-flag\"]}");
    assert_null(unknown_vllm_flag(good));
    assert_string_equal(unknown_vllm_flag(bad), "--no-such-flag");
    assert_string_equal(container_flag(good, "--max-model-len"), "2048");
    assert_string_equal(container_flag(good, "--tensor_parallel_size"), "4");
}

static void caches_whole_blocks_of_a_prefix(void **state)
{
    (void)state;
    struct prefix_cache *cache = calloc(1, sizeof(*cache));
    char prompt[2048] = "";
    for (int i = 0; i < 300; i++)
        memcpy(prompt + 3 * i, i % 2 ? " ab" : " cd", 4);
    assert_int_equal(token_count(prompt), 300);
    assert_int_equal(cache_hits(cache, prompt, ""), 0);
    cache_store(cache, prompt, "");
    assert_int_equal(cache_hits(cache, prompt, ""), 256);
    assert_int_equal(cache_hits(cache, prompt, "other salt"), 0);
    prompt[3 * 200] = '!';
    assert_int_equal(cache_hits(cache, prompt, ""), 128);
    /* A prompt of exactly one block computes its last token anew: no hit. */
    prompt[3 * 128] = '\0';
    assert_int_equal(cache_hits(cache, prompt, ""), 0);
    free(cache);
}

static void tokens_never_split_a_character(void **state)
{
    (void)state;
    const char *text = "caf\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 \xe2\x9c\x93 ok";
    for (size_t len; (len = token_length(text)) > 0; text += len)
        assert_int_not_equal((unsigned char)text[len] & 0xc0, 0x80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects_by_labels),
        cmocka_unit_test(selects_by_fields),
        cmocka_unit_test(finds_the_fields_of_an_object),
        cmocka_unit_test(apply_names_the_other_manager_and_field),
        cmocka_unit_test(apply_with_force_takes_the_field),
        cmocka_unit_test(apply_of_equal_values_shares_them),
        cmocka_unit_test(apply_removes_what_it_no_longer_wants),
        cmocka_unit_test(apply_twice_changes_nothing),
        cmocka_unit_test(patches_in_three_ways),
        cmocka_unit_test(refuses_a_patch_of_nothing),
        cmocka_unit_test(reads_api_paths),
        cmocka_unit_test(reads_quantities),
        cmocka_unit_test(knows_the_flags_of_vllm),
        cmocka_unit_test(caches_whole_blocks_of_a_prefix),
        cmocka_unit_test(tokens_never_split_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
