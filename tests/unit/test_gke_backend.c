/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects of Compute Engine are an InferencePool's, and how they are. */
#include "gke/verification.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct json *parse(const char *text)
{
    struct json *json = NULL;

    assert_null(llmd__json_make(&json, text));
    return json;
}

static void P103_backends_are_known_by_their_names(void **state)
{
    static const struct {
        const char *name, *ns, *pool;
        bool is;
    } rows[] = {
        {"gkegw1-ab12-llm-qwen-inference-p-54321-0a1b2c3d", "llm", "qwen-inference-pool", true},
        {"gkegw1-ab12-llm-qwen-inference-pool-54321-0a1b", "llm", "qwen-inference-pool", true},
        {"gkegw1-ab12-llm-qwen-inference-pool-ip-9f-54321-0a1b", "llm", "qwen-inference-pool",
         true},
        {"gkegw1-ab12-l-q-54321-0a1b", "llm", "qwen-inference-pool", true}, /* cut short */
        {"gkegw1-ab12-my-team-qwen-i-54321-0a1b", "my-team", "qwen-inference-pool", true},
        {"gkegw1-cd34-llm-qwen-inference-p-54321-0a1b", "llm", "qwen-inference-pool", false},
        {"gkegw1-ab12-llm-qwen-kserve-work-8000-0a1b", "llm", "qwen-inference-pool", false},
        {"gkegw1-ab12-llm-qwen2-inference-54321-0a1b", "llm", "qwen-inference-pool", false},
        {"gkegw1-ab12-llm-qwen-inference-pool2-54321-0a1b", "llm", "qwen-inference-pool", false},
        {"gkegw1-ab12-other-qwen-inference-54321-0a1b", "llm", "qwen-inference-pool", false},
        {"gkegw1-ab12-llm-54321-0a1b", "llm", "qwen-inference-pool", false},
        {"gkegw1-ab12-54321-0a1b", "llm", "qwen-inference-pool", false},
        {"k8s1-ab12-llm-qwen-inference-p-54321-0a1b", "llm", "qwen-inference-pool", false},
        {"", "llm", "qwen-inference-pool", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool is = llmd__is_pool_backend(rows[i].name, "gkegw1-ab12-", rows[i].ns, rows[i].pool);

        if (is != rows[i].is)
            fail_msg("%s of %s/%s", rows[i].name, rows[i].ns, rows[i].pool);
    }
}

static void the_mark_of_a_cluster_stands_in_its_forwarding_rules(void **state)
{
    char mark[LLMD__BACKEND_MARK + 1] = "";

    (void)state;
    assert_false(llmd__backend_mark("k8s2-fr-ab12-llm-edge", mark));
    assert_false(llmd__backend_mark("gkegw1-", mark));
    assert_false(llmd__backend_mark("gkegw1-ab12-", mark));
    assert_false(llmd__backend_mark("gkegw1-ab123-x", mark));
    assert_string_equal(mark, "");
    assert_true(llmd__backend_mark("gkegw1-ab12-llm-edge-0a1b", mark));
    assert_string_equal(mark, "gkegw1-ab12-");
}

static void health_is_counted(void **state)
{
    struct backend_health health = {0};
    AUTO(json)
    struct json *one = parse("{'healthStatus': [{'ipAddress': '10.4.0.5', 'port': 8000, "
                             "'healthState': 'HEALTHY'}, {'ipAddress': '10.4.0.6', 'port': 8000, "
                             "'healthState': 'UNHEALTHY'}, {'healthState': 'WORDS_OF_TOMORROW'}]}");
    AUTO(json) struct json *none = parse("{'kind': 'compute#backendServiceGroupHealth'}");

    (void)state;
    llmd__backend_health(none, &health);
    assert_int_equal(health.total, 0);
    llmd__backend_health(one, &health);
    assert_int_equal(health.healthy, 1);
    assert_int_equal(health.total, 3);
    assert_string_equal(health.unhealthy, "10.4.0.6:8000");
}

static void P41_the_policy_is_that_of_the_pool(void **state)
{
    AUTO(json)
    struct json *list = parse(
        "{'items': [{'metadata': {'name': 'a'}, 'spec': {'targetRef': {'kind': 'Service', 'name': "
        "'qwen-inference-pool'}}}, {'metadata': {'name': 'b', 'namespace': 'llm', "
        "'resourceVersion': '7', 'uid': 'u', 'labels': {'x': 'y'}}, 'spec': {'default': {'config': "
        "{'httpsHealthCheck': {'requestPath': '/health'}}}, 'targetRef': {'kind': "
        "'InferencePool', 'name': 'qwen-inference-pool'}}, 'status': {}}]}");
    const struct json *policy = llmd__policy_of_pool(list, "qwen-inference-pool");
    AUTO(json) struct json *again = NULL;
    AUTO(str) char *text = NULL;

    (void)state;
    assert_null(llmd__policy_of_pool(list, "other"));
    assert_string_equal(llmd__json_str(policy, "metadata.name"), "b");
    assert_string_equal(llmd__policy_path(policy), "/health");
    assert_null(llmd__policy_again(policy, &again));
    assert_null(llmd__json_print(again, &text));
    assert_string_equal(
        text, "{\"apiVersion\":\"networking.gke.io/v1\",\"kind\":\"HealthCheckPolicy\","
              "\"metadata\":{\"name\":\"b\",\"namespace\":\"llm\",\"labels\":{\"x\":\"y\"}},"
              "\"spec\":{\"default\":{\"config\":{\"httpsHealthCheck\":{\"requestPath\":"
              "\"/health\"}}},\"targetRef\":{\"kind\":\"InferencePool\",\"name\":"
              "\"qwen-inference-pool\"}}}");
}

/* Only what Google is known to ask for can differ: a backend service that names no health check
   says nothing about the policy, which a user may need. */
static void P103_a_policy_is_ignored_only_where_the_path_is_known(void **state)
{
    AUTO(json)
    struct json *policy =
        parse("{'spec': {'default': {'config': {'httpHealthCheck': {'requestPath': '/health'}}}}}");

    (void)state;
    assert_false(llmd__policy_ignored(policy, NULL));
    assert_false(llmd__policy_ignored(policy, "/health"));
    assert_false(llmd__policy_ignored(NULL, "/"));
    assert_true(llmd__policy_ignored(policy, "/"));
    assert_true(llmd__policy_ignored(policy, "")); /* a check that asks for no path */
}

/* A page that did not come ends its list: the token of its page is of no other. */
static void a_round_begins_with_the_first_page(void **state)
{
    static const char *const marks[] = {"", "gkegw1-ab12-"};
    static const char *const lists[] = {"forwardingRules", "backendServices"};
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_gke) gke = NULL;

    (void)state;
    assert_null(llmd_credentials_from_token("secret", &credentials));
    assert_null(llmd_gke_open(credentials, "p", "europe-west4-a", &gke));
    for (size_t i = 0; i < 2; i++) {
        struct verification check = {.gke = gke,
                                     .page_token = llmd__strdup("second"),
                                     .asked_path = llmd__strdup("/of/the/last/round")};
        struct step_action action = {0};

        snprintf(check.mark, sizeof(check.mark), "%s", marks[i]);
        assert_null(llmd__ask_round(&check, &action));
        assert_non_null(strstr(action.request.path, lists[i]));
        assert_null(strstr(action.request.path, "pageToken"));
        assert_null(check.page_token);
        assert_null(check.asked_path);
        llmd__json_free(check.services);
        llmd__json_free(check.groups);
        llmd__buf_free(&check.path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_begins_with_the_first_page),
        cmocka_unit_test(P103_backends_are_known_by_their_names),
        cmocka_unit_test(the_mark_of_a_cluster_stands_in_its_forwarding_rules),
        cmocka_unit_test(health_is_counted),
        cmocka_unit_test(P103_a_policy_is_ignored_only_where_the_path_is_known),
        cmocka_unit_test(P41_the_policy_is_that_of_the_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
