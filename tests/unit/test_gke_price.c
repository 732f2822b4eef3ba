/* SPDX-License-Identifier: Apache-2.0 */
/* Prices out of catalogue pages: which SKU is meant, and what it costs an hour. */
#include "gke/price.h"

#include "base/yaml.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static struct json *sku(const char *description, const char *region, const char *usage,
                        const char *unit, const char *units, int nanos)
{
    struct json *json = NULL;

    assert_null(llmd__json_make(
        &json,
        "{'description': %s, 'serviceRegions': [%s], 'category': {'usageType': %s}, "
        "'pricingInfo': [{'pricingExpression': {'usageUnit': 'h', 'tieredRates': [{'unitPrice': "
        "{'units': '999'}}]}}, {'pricingExpression': {'usageUnit': %s, 'tieredRates': "
        "[{'unitPrice': {'units': '0', 'nanos': 0}}, {'unitPrice': {'units': %s, 'nanos': "
        "%d}}]}}]}",
        description, region, usage, unit, units, nanos));
    return json;
}

static struct json *page_of(const char *const descriptions[][3], size_t count)
{
    struct json *page = llmd__json_object();
    struct json *skus = llmd__json_set_array(page, "skus");

    for (size_t i = 0; i < count; i++)
        llmd__json_add(skus, sku(descriptions[i][0], descriptions[i][1], descriptions[i][2], "h",
                                 "1", (int)i * 10000000));
    assert_null(llmd__json_check(page));
    return page;
}

/* P116: the decoys hold the same words and cost something else. */
static void test_P116_decoys(void **state)
{
    static const char *const catalogue[][3] = {
        {"Capacity Optimized TpuV6e running in Netherlands", "europe-west4", "OnDemand"},
        {"Reserved V6e TPU in Netherlands Calendar Mode", "europe-west4", "OnDemand"},
        {"Commitment v1: TpuV6e in Netherlands for 1 Year", "europe-west4", "Commit1Yr"},
        {"TpuV6e running in Columbus", "us-east5", "OnDemand"},
        {"TpuV6e running in Netherlands", "europe-west4", "Commit1Yr"},
        {"TpuV6eX running in Netherlands", "europe-west4", "OnDemand"},
        {"TpuV6e attached to Spot Preemptible VMs running in Netherlands", "europe-west4",
         "Preemptible"},
        {"TpuV6e running in Netherlands", "europe-west4", "OnDemand"},
        {"DWS Defined Duration V6e running in Netherlands", "europe-west4", "OnDemand"},
    };
    struct prices prices = {.region = "europe-west4"};
    struct price_parts parts;
    struct node_kind kind = {
        .machine = "ct6e-standard-4t", .tpu = true, .chips = 4, .accelerator = "", .disk_type = ""};
    AUTO(json) struct json *page = page_of(catalogue, sizeof(catalogue) / sizeof(catalogue[0]));
    double hourly;

    (void)state;
    llmd__price_node_parts(&kind, &prices, &parts);
    assert_false(llmd__price_sum(&parts, &prices, WAY_ON_DEMAND, &hourly));
    llmd__prices_read(&prices, page);
    assert_true(llmd__price_sum(&parts, &prices, WAY_ON_DEMAND, &hourly));
    assert_true(near(hourly, 4 * 1.07));
    assert_true(llmd__price_sum(&parts, &prices, WAY_SPOT, &hourly));
    assert_true(near(hourly, 4 * 1.06));
    assert_true(llmd__price_sum(&parts, &prices, WAY_FLEX, &hourly));
    assert_true(near(hourly, 4 * 1.08));
    assert_true(llmd__prices_complete(&prices));
}

static void test_machines_are_cores_and_memory(void **state)
{
    static const char *const catalogue[][3] = {
        {"E2 Custom Instance Core running in Netherlands", "europe-west4", "OnDemand"},
        {"E2 Instance Core in Netherlands", "europe-west4", "OnDemand"}, /* 1.01, newer wording */
        {"E2 Instance RAM in Netherlands", "europe-west4", "OnDemand"},  /* 1.02 */
        {"Nvidia L4 GPU attached to Spot Preemptible VMs running in Netherlands", "europe-west4",
         "Preemptible"},
        {"Nvidia L4 GPU running in Netherlands", "europe-west4", "OnDemand"}, /* 1.04 */
        {"G2 Instance Core running in Netherlands", "europe-west4", "OnDemand"},
        {"G2 Instance Ram running in Netherlands", "europe-west4", "OnDemand"},
        {"Balanced PD Capacity in Netherlands", "europe-west4", "OnDemand"},
        {"Zonal Kubernetes Clusters", "europe-west4", "OnDemand"},
    };
    struct prices prices = {.region = "europe-west4"};
    struct price_parts e2, g2, fee;
    struct node_kind system = {
        .machine = "e2-standard-4", .cpus = 4, .memory_gb = 16, .accelerator = "", .disk_type = ""};
    struct node_kind gpu = {.machine = "g2-standard-4",
                            .cpus = 4,
                            .memory_gb = 16,
                            .chips = 1,
                            .accelerator = "nvidia-l4",
                            .disk_type = "pd-balanced",
                            .disk_gb = 100};
    AUTO(json) struct json *page = page_of(catalogue, sizeof(catalogue) / sizeof(catalogue[0]));
    double hourly;

    (void)state;
    llmd__price_node_parts(&system, &prices, &e2);
    llmd__price_node_parts(&gpu, &prices, &g2);
    llmd__price_cluster_parts(true, &prices, &fee);
    llmd__prices_read(&prices, page);
    assert_true(llmd__price_sum(&e2, &prices, WAY_ON_DEMAND, &hourly));
    assert_true(near(hourly, 4 * 1.01 + 16 * 1.02));
    assert_false(llmd__price_sum(&e2, &prices, WAY_SPOT, &hourly)); /* none in this catalogue */
    assert_true(llmd__price_sum(&g2, &prices, WAY_ON_DEMAND, &hourly));
    assert_true(near(hourly, 1.04 + 4 * 1.05 + 16 * 1.06 + 100 * 1.07));
    assert_true(llmd__price_sum(&fee, &prices, WAY_SPOT, &hourly));
    assert_true(near(hourly, 1.08));
}

static void test_unknown_machines_have_no_price(void **state)
{
    struct prices prices = {.region = "europe-west4"};
    struct price_parts parts;
    struct node_kind kind = {.machine = "z9-huge",
                             .cpus = 4,
                             .memory_gb = 4,
                             .accelerator = "",
                             .disk_type = "pd-balanced",
                             .disk_gb = 100};
    double hourly;

    (void)state;
    llmd__price_node_parts(&kind, &prices, &parts);
    assert_int_equal(parts.count, 0);
    assert_false(llmd__price_sum(&parts, &prices, WAY_ON_DEMAND, &hourly));
}

/* The newest price, the first tier that is not free, in hours. */
static void test_hourly(void **state)
{
    static const struct {
        const char *unit, *units;
        int nanos;
        bool known;
        double hourly;
    } cases[] = {
        {"h", "2", 970000000, true, 2.97},
        {"GiBy.h", "0", 3215883, true, 0.003215883},
        {"GiBy.mo", "0", 110000000, true, 0.11 / 730},
        {"mo", "73", 0, true, 0.1},
        {"count", "1", 0, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(json)
        struct json *one = sku("x", "r", "OnDemand", cases[i].unit, cases[i].units, cases[i].nanos);
        double hourly;

        assert_int_equal(llmd__sku_hourly(one, &hourly), cases[i].known);
        if (cases[i].known)
            assert_true(near(hourly, cases[i].hourly));
    }
}

static void test_given_prices(void **state)
{
    AUTO(json) struct json *given = NULL;
    double hourly;

    (void)state;
    assert_null(llmd__json_make(
        &given, "{'hourly': {'ct6e-standard-4t': 11.88, 'ct6e-standard-4t spot': 7.13, 'cluster': "
                "1, 'odd': 'x'}}"));
    assert_true(llmd__given_price(given, "ct6e-standard-4t", WAY_ON_DEMAND, &hourly));
    assert_true(near(hourly, 11.88));
    assert_true(llmd__given_price(given, "ct6e-standard-4t", WAY_SPOT, &hourly));
    assert_true(near(hourly, 7.13));
    assert_false(llmd__given_price(given, "ct6e-standard-4t", WAY_FLEX, &hourly));
    assert_true(llmd__given_price(given, "cluster", WAY_ON_DEMAND, &hourly));
    assert_false(llmd__given_price(given, "odd", WAY_ON_DEMAND, &hourly));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_P116_decoys),
        cmocka_unit_test(test_machines_are_cores_and_memory),
        cmocka_unit_test(test_unknown_machines_have_no_price),
        cmocka_unit_test(test_hourly),
        cmocka_unit_test(test_given_prices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
