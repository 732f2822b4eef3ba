/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges, network specs and judgements of subnets. */
#include "gke/network.h"

#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct json *strings(const char *list)
{
    struct json *json = llmd__json_array();

    while (*list) {
        size_t len = strcspn(list, " ");

        llmd__json_add(json, llmd__json_new_str(list, len));
        list += len + (list[len] == ' ');
    }
    return json;
}

/* P12: on auto mode 10.128.0.0/9 is Google's; nothing in it is ever chosen. */
static void test_P12_free_ranges(void **state)
{
    static const struct {
        const char *used;
        int prefix;
        const char *free; /* "": none */
    } cases[] = {
        {"", 23, "192.168.0.0/23"},
        {"10.128.0.0/20 10.132.0.0/20", 23, "192.168.0.0/23"},
        {"192.168.0.0/24", 23, "192.168.2.0/23"},
        {"192.168.1.128/26", 23, "192.168.2.0/23"},
        {"192.168.0.0/23 192.168.4.0/23", 23, "192.168.2.0/23"},
        {"192.168.0.0/24", 26, "192.168.1.0/26"},
        {"192.168.0.0/16", 23, "172.16.0.0/23"},
        {"192.168.0.0/16 172.16.0.0/16", 23, "172.18.0.0/23"}, /* 172.17 is Docker's */
        {"192.168.0.0/16 172.16.0.0/12", 23, "10.0.0.0/23"},
        {"192.168.0.0/16 172.16.0.0/12 10.0.0.0/9", 23, ""}, /* never 10.128.0.0/9 */
        {"192.168.0.0/16 172.16.0.0/12 10.0.0.0/10", 24, "10.64.0.0/24"},
        {"0.0.0.0/0", 23, "192.168.0.0/23"},                      /* the default route */
        {"fd20::/20 nonsense 300.1.1.1/8", 23, "192.168.0.0/23"}, /* passed over */
        {"192.0.0.0/8", 23, "172.16.0.0/23"},
        {"192.168.255.254/32", 16, "172.16.0.0/16"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(json) struct json *used = strings(cases[i].used);
        char out[20] = "";
        bool found = llmd__range_free(used, cases[i].prefix, out);

        assert_int_equal(found, *cases[i].free != '\0');
        if (found && strcmp(out, cases[i].free) != 0)
            fail_msg("/%d with %s in use: %s, want %s", cases[i].prefix, cases[i].used, out,
                     cases[i].free);
    }
}

static void test_sizes_that_are_none(void **state)
{
    char out[20];

    (void)state;
    assert_false(llmd__range_free(NULL, 0, out));
    assert_false(llmd__range_free(NULL, 33, out));
}

static void test_taken(void **state)
{
    AUTO(json) struct json *used = strings("10.0.0.0/8 192.168.4.0/24");

    (void)state;
    assert_string_equal(llmd__range_taken(used, "192.168.4.0/23"), "192.168.4.0/24");
    assert_string_equal(llmd__range_taken(used, "10.1.2.0/24"), "10.0.0.0/8");
    assert_null(llmd__range_taken(used, "192.168.0.0/22"));
    assert_null(llmd__range_taken(used, "no range"));
}

static void test_parse_range(void **state)
{
    static const char *const bad[] = {
        "",          "10.0.0.0",    "10.0.0/8",  "256.0.0.0/8", "10.0.0.0/33",
        "10.0.0.0/", "10.0.0.0/8 ", "a.b.c.d/8", "10.0.0.0/-1"};
    uint32_t address;
    int prefix;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(llmd__range_parse(bad[i], &address, &prefix));
    assert_true(llmd__range_parse("192.168.4.0/23", &address, &prefix));
    assert_int_equal(address, 0xc0a80400);
    assert_int_equal(prefix, 23);
}

/* ---- subnets ---- */

#define URL "https://www.googleapis.com/compute/v1/projects/p/global/networks/"

static void test_P11_proxy_only_subnets(void **state)
{
    static const struct {
        const char *purpose, *role, *network;
        bool fits;
    } cases[] = {
        {"REGIONAL_MANAGED_PROXY", "ACTIVE", URL "default", true},
        {"INTERNAL_HTTPS_LOAD_BALANCER", "ACTIVE", URL "default", true}, /* the old purpose */
        {"REGIONAL_MANAGED_PROXY", "BACKUP", URL "default", false},
        {"REGIONAL_MANAGED_PROXY", "ACTIVE", URL "other", false},
        {"REGIONAL_MANAGED_PROXY", "ACTIVE", URL "not-default", false},
        {"GLOBAL_MANAGED_PROXY", "ACTIVE", URL "default", false},
        {"PRIVATE", "", URL "default", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(json) struct json *subnet = NULL;

        assert_null(llmd__json_make(&subnet, "{'purpose': %s, 'role': %s, 'network': %s}",
                                    cases[i].purpose, cases[i].role, cases[i].network));
        assert_int_equal(llmd__is_proxy_subnet(subnet, "default"), cases[i].fits);
    }
}

static void test_whose(void **state)
{
    AUTO(json) struct json *ours = NULL;
    AUTO(json) struct json *labelled = NULL;
    AUTO(json) struct json *theirs = NULL;

    (void)state;
    assert_null(llmd__json_make(&ours, "{'description': 'managed-by=libllmd'}"));
    assert_null(llmd__json_make(&labelled, "{'labels': {'managed-by': 'libllmd'}}"));
    assert_null(llmd__json_make(&theirs, "{'labels': {'managed-by': 'someone'}}"));
    assert_true(llmd__network_is_ours(ours));
    assert_true(llmd__network_is_ours(labelled));
    assert_false(llmd__network_is_ours(theirs));
    assert_false(llmd__network_is_ours(NULL));
}

/* ---- the spec ---- */

static void test_spec(void **state)
{
    static const struct {
        const char *text, *words; /* NULL: fine */
    } cases[] = {
        {"network: prod\nrange: 192.168.4.0/23\naddress: edge\naddressType: internal\n", NULL},
        {"range: /24\n", NULL},
        {"{}", NULL},
        {"range: 192.168.4.0\n", "is no range"},
        {"range: 192.168.4.0/27\n", "too small"},
        {"range: /27\n", "too small"},
        {"range: zone-a\n", "is no range"},
        {"range: 10.0.0.0/33\n", "\"10.0.0.0/33\" is no range"},
        {"range: 10.0.0.300/24\n", "each from 0 to 255"},
        {"range: 10.0.0.0/0000000000000024\n", "too long"},
        {"range: /24x\n", "a number of bits from 0 to 32"},
        {"range: '2001:db8::/20'\n", "is no range of IPv4"},
        {"range: 10.0.0.0/4\n", "too large"},
        {"adress: edge\n", "unknown key"},
        {"addressType: global\n", "addressType"},
        {"network: Prod\n", "name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        llmd_network_spec *spec = NULL;
        llmd_error *error = llmd_network_spec_parse(cases[i].text, &spec);

        if (!cases[i].words)
            assert_null(error);
        else if (!error || !strstr(llmd_error_message(error), cases[i].words))
            fail_msg("%s: %s", cases[i].text, error ? llmd_error_message(error) : "no error");
        llmd_error_free(error);
        llmd_network_spec_free(spec);
    }
}

static llmd_error *parse(void *data)
{
    llmd_network_spec *spec = NULL;
    llmd_error *error = llmd_network_spec_parse(data, &spec);

    llmd_network_spec_free(spec);
    return error;
}

static void test_spec_without_memory(void **state)
{
    (void)state;
    torture(parse, "network: prod\nrange: 192.168.4.0/23\naddress: edge\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_P12_free_ranges),
        cmocka_unit_test(test_sizes_that_are_none),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_parse_range),
        cmocka_unit_test(test_P11_proxy_only_subnets),
        cmocka_unit_test(test_whose),
        cmocka_unit_test(test_spec),
        cmocka_unit_test(test_spec_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
