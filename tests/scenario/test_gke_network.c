/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a Gateway, made and removed at the sandbox's Google. */
#include "base/json.h"
#include "support/events.h"
#include "support/cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REGION "/compute/v1/projects/my-project/regions/europe-west4"

static struct cloud *google;
static struct log told;
static struct json *result;

static int set_up(void **state)
{
    (void)state;
    google = cloud_start("europe-west4-a", "0.001");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clear(&told);
    llmd__json_free(TAKE(result));
    cloud_stop(google);
    return 0;
}

static void take_result(void)
{
    AUTO(json) struct json *event = NULL;

    llmd__json_free(TAKE(result));
    if (!told.result)
        return;
    none(llmd__json_parse(told.result, strlen(told.result), "result", &event));
    result = llmd__json_detach(event, "result");
}

typedef llmd_error *(*network_fn)(const llmd_gke *, const llmd_network_spec *, llmd_task **);

static llmd_error *do_it(network_fn call, const char *text)
{
    LLMD_AUTO(llmd_network_spec) spec = NULL;
    llmd_task *task = NULL;
    llmd_error *error;

    clear(&told);
    none(llmd_network_spec_parse(text, &spec));
    error = call(google->gke, spec, &task);
    error = run(error, task, 30000, &told);
    take_result();
    return error;
}

static struct json *get(const char *path, int *status)
{
    AUTO(str) char *text = NULL;
    struct json *json = NULL;

    *status = cloud_ask(google, GOOGLE_COMPUTE, "GET", path, NULL, &text);
    llmd_error_free(llmd__json_parse(text, strlen(text), path, &json));
    return json;
}

/* ---- found ---- */

static void test_P11_what_is_there_is_taken(void **state)
{
    (void)state;
    none(do_it(llmd_network_apply, "{}"));
    assert_non_null(find(&told, "proxy-only", "FOUND"));
    assert_string_equal(llmd__json_str(result, "subnet.name"), "proxy-only");
    assert_false(llmd__json_bool(result, "subnet.made", true));
    assert_false(llmd__json_bool(result, "subnet.ours", true));
    none(do_it(llmd_network_delete, "{}"));
    assert_non_null(find(&told, "proxy-only", "NOT_OURS"));
    assert_null(llmd__json_member(result, "deleted"));
}

/* ---- made ---- */

static void make(const char *spec)
{
    cloud_fault(google, "no-proxy-subnet", "", 0);
    none(do_it(llmd_network_apply, spec));
}

/* P11, P12: in a free range, of the network, active, with our mark; a second run finds it. */
static void test_P12_a_subnet_is_made_once(void **state)
{
    AUTO(json) struct json *subnet = NULL;
    int status;

    (void)state;
    make("subnet: gw\n");
    assert_true(llmd__json_bool(result, "subnet.made", false));
    subnet = get(REGION "/subnetworks/gw", &status);
    assert_int_equal(status, 200);
    assert_string_equal(llmd__json_str(subnet, "purpose"), "REGIONAL_MANAGED_PROXY");
    assert_string_equal(llmd__json_str(subnet, "role"), "ACTIVE");
    assert_string_equal(llmd__json_str(subnet, "ipCidrRange"), "192.168.0.0/23");
    none(do_it(llmd_network_apply, "subnet: gw\n"));
    assert_false(llmd__json_bool(result, "subnet.made", true));
    assert_true(llmd__json_bool(result, "subnet.ours", false));
    none(do_it(llmd_network_delete, "subnet: gw\n"));
    assert_non_null(find(&told, "gw", "DELETED"));
    llmd__json_free(TAKE(subnet));
    subnet = get(REGION "/subnetworks/gw", &status);
    assert_int_equal(status, 404);
    none(do_it(llmd_network_delete, "subnet: gw\n")); /* again is no error */
}

static void test_a_range_that_is_taken_is_refused(void **state)
{
    llmd_error *error;

    (void)state;
    cloud_fault(google, "no-proxy-subnet", "", 0);
    error = do_it(llmd_network_apply, "range: 10.128.0.0/23\n");
    assert_string_equal(llmd_error_reason(error), "RANGE_IN_USE");
    assert_non_null(strstr(llmd_error_message(error), "10.128.0.0/20"));
    llmd_error_free(error);
}

static void test_addresses(void **state)
{
    int status;

    (void)state;
    none(do_it(llmd_network_apply, "address: edge\n"));
    assert_true(*llmd__json_str(result, "address.address") != '\0');
    assert_true(llmd__json_bool(result, "address.made", false));
    none(do_it(llmd_network_apply, "address: edge\n"));
    assert_false(llmd__json_bool(result, "address.made", true));
    none(do_it(llmd_network_delete, "address: edge\n"));
    assert_non_null(find(&told, "edge", "DELETED"));
    llmd__json_free(get(REGION "/addresses/edge", &status));
    assert_int_equal(status, 404);
}

static void test_somebody_elses_address_is_left(void **state)
{
    int status;

    (void)state;
    assert_int_equal(
        cloud_ask(google, GOOGLE_COMPUTE, "POST", REGION "/addresses", "{\"name\":\"shop\"}", NULL),
        200);
    none(llmd__context_sleep(NULL, 100));
    none(do_it(llmd_network_delete, "address: shop\n"));
    assert_non_null(find(&told, "shop", "NOT_OURS"));
    llmd__json_free(get(REGION "/addresses/shop", &status));
    assert_int_equal(status, 200);
}

static void test_an_internal_address(void **state)
{
    (void)state;
    none(do_it(llmd_network_apply, "{address: inner, addressType: internal}"));
    assert_string_equal(llmd__json_str(result, "address.type"), "internal");
}

/* ---- faults ---- */

static size_t count_subnets(void)
{
    int status;
    AUTO(json) struct json *list = get(REGION "/subnetworks", &status);
    size_t count = 0;

    JSON_EACH(subnet, llmd__json_member(list, "items")) {
        count += strcmp(llmd__json_str(subnet, "purpose"), "REGIONAL_MANAGED_PROXY") == 0;
    }
    return count;
}

/* Requests of this method whose target holds the text; the last one's target in *last. */
static size_t count_requests(const char *method, const char *text, char last[512])
{
    FILE *file = fopen(google->record, "r");
    char line[8192];
    size_t count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        AUTO(json) struct json *request = NULL;
        const char *target;

        none(llmd__json_parse(line, strlen(line), "record", &request));
        target = llmd__json_str(request, "target");
        if (strcmp(llmd__json_str(request, "method"), method) != 0 || !strstr(target, text))
            continue;
        if (count && strcmp(last, target) != 0)
            fail_msg("another requestId: %s, then %s", last, target);
        snprintf(last, 512, "%s", target);
        count++;
    }
    fclose(file);
    return count;
}

/* P112: the server acted, the connection was cut: the same requestId brings the first operation. */
static void test_P112_cut_after_the_server_acted(void **state)
{
    char last[512];

    (void)state;
    cloud_fault(google, "ambiguous", "POST", 0);
    make("subnet: gw\n");
    assert_true(llmd__json_bool(result, "subnet.ours", false));
    assert_int_equal(count_subnets(), 1);
    assert_int_equal(count_requests("POST", "/subnetworks?requestId=", last), 2);
}

static void test_a_burst_of_503_is_lived_through(void **state)
{
    (void)state;
    cloud_fault(google, "503-burst", "subnetworks", 0);
    cloud_fault(google, "html-502", "POST", 0);
    make("subnet: gw\n");
    assert_int_equal(count_subnets(), 1);
}

/* ---- NAT ---- */

static void test_private_nodes_without_nat(void **state)
{
    (void)state;
    none(do_it(llmd_network_apply, "privateNodes: true\n"));
    assert_non_null(find(&told, "CloudNat", "NO_CLOUD_NAT"));
    assert_int_equal(
        cloud_ask(google, GOOGLE_COMPUTE, "POST", REGION "/routers",
                  "{\"name\":\"r\",\"network\":\"projects/my-project/global/networks/"
                  "default\",\"nats\":[{\"name\":\"n\",\"natIpAllocateOption\":\"AUTO_ONLY\","
                  "\"sourceSubnetworkIpRangesToNat\":\"ALL_SUBNETWORKS_ALL_IP_RANGES\"}]}",
                  NULL),
        200);
    none(llmd__context_sleep(NULL, 200));
    none(do_it(llmd_network_apply, "privateNodes: true\n"));
    assert_null(find(&told, "CloudNat", "NO_CLOUD_NAT"));
    assert_true(llmd__json_bool(result, "nat", false));
}

static void test_a_network_that_is_not_there(void **state)
{
    llmd_error *error;

    (void)state;
    error = do_it(llmd_network_apply, "network: nowhere\n");
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_true(*llmd_error_advice(error) != '\0');
    llmd_error_free(error);
}

#define SCENARIO(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(test_P11_what_is_there_is_taken),
        SCENARIO(test_P12_a_subnet_is_made_once),
        SCENARIO(test_a_range_that_is_taken_is_refused),
        SCENARIO(test_addresses),
        SCENARIO(test_somebody_elses_address_is_left),
        SCENARIO(test_an_internal_address),
        SCENARIO(test_P112_cut_after_the_server_acted),
        SCENARIO(test_a_burst_of_503_is_lived_through),
        SCENARIO(test_private_nodes_without_nat),
        SCENARIO(test_a_network_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
