/* SPDX-License-Identifier: Apache-2.0 */
/* Google's codes, and what else programs read in its errors. */
#include "gke/google_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct json *parse(const char *text)
{
    struct json *json = NULL;
    llmd_error *error = llmd__json_make(&json, text);

    if (error)
        fail_msg("%s: %s", text, llmd_error_message(error));
    return json;
}

static void test_codes_of_instances(void **state)
{
    static const struct {
        const char *code;
        enum trouble class;
    } codes[] = {
        {"RESOURCE_POOL_EXHAUSTED", TROUBLE_STOCKOUT},
        {"ZONE_RESOURCE_POOL_EXHAUSTED", TROUBLE_STOCKOUT},
        {"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", TROUBLE_STOCKOUT},
        {"INSUFFICIENT_CAPACITY", TROUBLE_STOCKOUT},
        {"QUOTA_EXCEEDED", TROUBLE_QUOTA},
        {"ZONE_QUOTA_LIMIT", TROUBLE_QUOTA},
        {"IP_SPACE_EXHAUSTED", TROUBLE_IP_EXHAUSTED},
        {"IP_SPACE_EXHAUSTED_WITH_DETAILS", TROUBLE_IP_EXHAUSTED},
        {"PERMISSIONS_ERROR", TROUBLE_PERMISSION},
        {"CONDITION_NOT_MET", TROUBLE_CONFIG},
        {"INVALID_ARGUMENT", TROUBLE_CONFIG},
        {"RESOURCE_NOT_FOUND_IN_A_NEWER_API", TROUBLE_UNKNOWN},
        {"", TROUBLE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_int_equal(llmd__trouble_of(codes[i].code), codes[i].class);
}

static void test_zones_of_compute_engine(void **state)
{
    struct json *json = parse(
        "{'errors':[{'code':'ZONE_RESOURCE_POOL_EXHAUSTED','errorDetails':[{'errorInfo':{"
        "'reason':'resource_availability','metadatas':{'zone':'a','zonesAvailable':'b,c'}}}]}]}");
    struct json *list = parse("{'metadata':{'zonesAvailable':['b','c']}}");
    struct buf zones = BUF_INIT;

    (void)state;
    llmd__google_zones_available(json, &zones);
    assert_string_equal(llmd__buf_text(&zones), "b,c");
    llmd__google_zones_available(list, &zones);
    assert_string_equal(llmd__buf_text(&zones), "b, c");
    llmd__google_zones_available(NULL, &zones);
    assert_string_equal(llmd__buf_text(&zones), "");
    llmd__buf_free(&zones);
    llmd__json_free(json);
    llmd__json_free(list);
}

/* P107: the operation to wait for stands in the text. */
static void test_p107_running_operation(void **state)
{
    char name[80];

    (void)state;
    assert_true(llmd__google_running_operation(
        "Cluster is running incompatible operation operation-17-0a1b-cc.", name, sizeof(name)));
    assert_string_equal(name, "operation-17-0a1b-cc");
    assert_false(llmd__google_running_operation("no operation here", name, sizeof(name)));
    assert_false(llmd__google_running_operation("operation-", name, sizeof(name)));
    assert_false(llmd__google_running_operation("operation-1234567890", name, 12));
}

static void test_codes_by_name(void **state)
{
    (void)state;
    assert_int_equal(llmd__trouble_of_status("UNAUTHENTICATED"), TROUBLE_AUTH);
    assert_int_equal(llmd__trouble_of_status(""), TROUBLE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_of_instances),
        cmocka_unit_test(test_zones_of_compute_engine),
        cmocka_unit_test(test_p107_running_operation),
        cmocka_unit_test(test_codes_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
