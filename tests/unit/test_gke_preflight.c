/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of a preflight: what a pool needs of which quota, and what Google's answers say.
 */
#include "gke/preflight.h"

#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct json *json_of(const char *text)
{
    struct json *json = NULL;
    llmd_error *error = llmd__yaml_parse(text, "test", &json);

    if (error)
        fail_msg("%s", llmd_error_message(error));
    return json;
}

/* "CPUS 8/16, ..." of a pool in one zone, machines of 4 CPUs. */
static void demand_text(const char *text, int zones, bool addresses, char *out, size_t size)
{
    AUTO(json) struct json *json = json_of(text);
    struct pool_spec pool = {0};
    struct shape shape = {.known = true, .cpus = 4};
    struct demands demands = {0};
    llmd_error *error = llmd__pool_spec_read(json, "pool", &pool);
    int len = 0;

    if (error)
        fail_msg("%s: %s", text, llmd_error_message(error));
    llmd__demand_add_pool(&demands, &pool, &shape, zones, addresses);
    *out = '\0';
    for (size_t i = 0; i < demands.count; i++) {
        const struct demand *item = &demands.items[i];

        if (item->optional)
            continue;
        len += snprintf(out + len, size - (size_t)len, "%s%s%s%s %lld/%lld", len ? ", " : "",
                        item->metric, *item->family ? ":" : "", item->family,
                        (long long)item->at_once, (long long)item->at_most);
    }
    llmd__pool_spec_free(&pool);
}

/* P4, C46: each kind of pool against the quota that GKE really draws on. */
static void test_P4_demand(void **state)
{
    static const struct {
        const char *pool;
        int zones;
        bool addresses;
        const char *want;
    } cases[] = {
        {"{machine: e2-standard-4, nodes: 2}", 1, true,
         "CPUS 8/8, SSD_TOTAL_GB 200/200, IN_USE_ADDRESSES 2/2"},
        {"{machine: e2-standard-4, nodes: 1, minNodes: 1, maxNodes: 3}", 3, false,
         "CPUS 12/36, SSD_TOTAL_GB 300/900"},
        {"{machine: n2-standard-4, nodes: 1, diskType: pd-standard, diskGb: 50}", 1, false,
         "N2_CPUS 4/4, DISKS_TOTAL_GB 50/50"},
        {"{machine: e2-standard-4, nodes: 1, spot: true}", 1, false,
         "PREEMPTIBLE_CPUS 4/4, SSD_TOTAL_GB 100/100"},
        /* The CPUs of TPU machines come with the chips; hyperdisks have quotas of their own. */
        {"{preset: tpu-v6e-4t, nodes: 1}", 1, false,
         "TPUS-PER-TPU-FAMILY-per-project-region:CT6E 4/4"},
        {"{preset: tpu-v6e-4t, nodes: 1, minNodes: 0, maxNodes: 3, diskType: "
         "hyperdisk-balanced}",
         1, true, "TPUS-PER-TPU-FAMILY-per-project-region:CT6E 4/12, IN_USE_ADDRESSES 1/3"},
        {"{preset: tpu-v6e-4t, nodes: 1, spot: true, diskType: hyperdisk-balanced}", 1, false,
         "PREEMPTIBLE-TPU-V6E-per-project-region 4/4"},
        {"{preset: tpu-v6e-4x4, nodes: 4, diskType: hyperdisk-balanced}", 1, false,
         "TPUS-PER-TPU-FAMILY-per-project-region:CT6E 16/16"},
        {"{preset: tpu-v5e-4t, nodes: 1, diskType: hyperdisk-balanced}", 1, false,
         "TPU_LITE_PODSLICE_V5 4/4"},
        {"{preset: nvidia-l4, nodes: 2, diskType: hyperdisk-balanced}", 1, false,
         "NVIDIA_L4_GPUS 2/2, CPUS 8/8"},
        {"{preset: nvidia-l4, nodes: 2, spot: true, diskType: hyperdisk-balanced}", 1, false,
         "PREEMPTIBLE_NVIDIA_L4_GPUS 2/2, PREEMPTIBLE_CPUS 8/8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[512];

        demand_text(cases[i].pool, cases[i].zones, cases[i].addresses, out, sizeof(out));
        if (strcmp(out, cases[i].want) != 0)
            fail_msg("%s:\n got %s\nwant %s", cases[i].pool, out, cases[i].want);
    }
}

static void test_H100_is_counted_by_family(void **state)
{
    char out[512];

    (void)state;
    demand_text("{preset: nvidia-h100, nodes: 1, diskType: hyperdisk-balanced}", 1, false, out,
                sizeof(out));
    if (!strstr(out, "GPUS-PER-GPU-FAMILY-per-project-region:NVIDIA_H100 "))
        fail_msg("%s", out);
}

/* ---- Cloud Quotas ---- */

#define ENTRY(dimensions, value) "{dimensions: {" dimensions "}, details: {value: '" value "'}}"

static void test_P4_cloud_quota_limits(void **state)
{
    static const struct {
        const char *infos, *family;
        int64_t limit;
    } cases[] = {
        {ENTRY("region: europe-west4, tpu_family: CT6E", "16"), "CT6E", 16},
        /* Most specific first; the first one that fits counts. */
        {ENTRY("region: us-east5, tpu_family: CT6E",
               "64") ", " ENTRY("region: europe-west4, tpu_family: CT5P",
                                "8") ", " ENTRY("region: europe-west4, tpu_family: CT6E",
                                                "4") ", " ENTRY("tpu_family: CT6E", "1"),
         "CT6E", 4},
        {ENTRY("region: us-east5, tpu_family: CT6E", "64") ", " ENTRY("tpu_family: CT6E", "1"),
         "CT6E", 1},
        {ENTRY("region: us-east5, tpu_family: CT6E", "64"), "CT6E", 0}, /* no entry is 0 */
        {"", "CT6E", 0},
        {ENTRY("region: europe-west4, tpu_family: CT6E", "-1"), "CT6E", INT64_MAX},
        {ENTRY("region: europe-west4, tpu_family: CT6E, zone: a", "16"), "CT6E", 0},
        {ENTRY("region: europe-west4", "100"), "CT6E", 0}, /* of no family is not of this one */
        {ENTRY("region: europe-west4", "8"), "", 8},
        {ENTRY("", "2"), "", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(str) char *text = llmd__format("{dimensionsInfos: [%s]}", cases[i].infos);
        AUTO(json) struct json *info = json_of(text);
        int64_t limit = llmd__cloud_quota_limit(info, "europe-west4", cases[i].family);

        if (limit != cases[i].limit)
            fail_msg("%s: %lld", text, (long long)limit);
    }
}

static void test_usage_of_time_series(void **state)
{
    AUTO(json)
    struct json *series = json_of(
        "{timeSeries: [{metric: {labels: {tpu_family: CT6E}}, resource: {labels: {location: "
        "us-east5}}, points: [{value: {int64Value: '60'}}]},"
        "{metric: {labels: {tpu_family: CT5P}}, resource: {labels: {location: europe-west4}}, "
        "points: [{value: {int64Value: '50'}}]},"
        "{metric: {labels: {tpu_family: CT6E}}, resource: {labels: {location: europe-west4}}, "
        "points: [{value: {int64Value: '4'}}, {value: {int64Value: '99'}}]}]}");

    (void)state;
    assert_int_equal(llmd__cloud_quota_usage(series, "europe-west4", "CT6E"), 4);
    assert_int_equal(llmd__cloud_quota_usage(series, "europe-west1", "CT6E"), 0);
    assert_int_equal(llmd__cloud_quota_usage(NULL, "europe-west4", "CT6E"), 0);
}

static void test_region_quotas(void **state)
{
    AUTO(json)
    struct json *region =
        json_of("{quotas: [{metric: CPUS, limit: 24.0, usage: 8.5}, {metric: N2_CPUS, limit: 8}]}");
    int64_t limit, used;

    (void)state;
    assert_true(llmd__region_quota(region, "CPUS", &limit, &used));
    assert_int_equal(limit, 24);
    assert_int_equal(used, 8);
    assert_true(llmd__region_quota(region, "N2_CPUS", &limit, &used));
    assert_int_equal(used, 0);
    assert_false(llmd__region_quota(region, "SSD_TOTAL_GB", &limit, &used));
    assert_false(llmd__region_quota(NULL, "CPUS", &limit, &used));
}

/* ---- versions ---- */

static void test_versions_by_channel(void **state)
{
    AUTO(json)
    struct json *config = json_of(
        "{validMasterVersions: [1.33.5-gke.1], channels: [{channel: RAPID, validVersions: "
        "[1.35.0-gke.7]}, {channel: REGULAR, validVersions: [1.34.1-gke.1829001, 1.33.5-gke.1]}]}");
    static const struct {
        const char *channel, *version;
        bool offered;
    } cases[] = {
        {"regular", "1.34", true},
        {"regular", "1.34.1", true},
        {"regular", "1.34.1-gke.1829001", true},
        {"regular", "1.3", false}, /* no prefix of text */
        {"regular", "1.35", false},
        {"rapid", "1.35", true},
        {"regular", "", true},
        {"regular", "latest", true},
        {"regular", "-", true},
        {"stable", "1.34", false},
        {"", "1.33", true},
        {"", "1.34", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (llmd__version_offered(config, cases[i].channel, cases[i].version) != cases[i].offered)
            fail_msg("%s in %s", cases[i].version, cases[i].channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_P4_demand),
        cmocka_unit_test(test_H100_is_counted_by_family),
        cmocka_unit_test(test_P4_cloud_quota_limits),
        cmocka_unit_test(test_usage_of_time_series),
        cmocka_unit_test(test_region_quotas),
        cmocka_unit_test(test_versions_by_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
