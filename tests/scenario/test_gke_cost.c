/* SPDX-License-Identifier: Apache-2.0 */
/* Reckonings and recommendations at the sandbox's Google. */
#include "base/clock.h"
#include "base/json.h"
#include "support/cloud.h"
#include "support/events.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cloud *google;
static struct json *report;

static int set_up(void **state)
{
    (void)state;
    google = cloud_start("europe-west4-a", "0.001");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    llmd__json_free(TAKE(report));
    cloud_stop(google);
    return 0;
}

static void reckon(const char *text, const char *prices)
{
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    AUTO(str) char *json = NULL;

    llmd__json_free(TAKE(report));
    if (text)
        none(llmd_cluster_spec_parse(text, &spec));
    none(llmd_cluster_cost(NULL, google->gke, spec, prices, &json));
    none(llmd__json_parse(json, strlen(json), "report", &report));
}

static void near(const char *path, double want)
{
    double have = llmd__json_double(report, path, -1);

    if (fabs(have - want) > 1e-5) {
        AUTO(str) char *text = NULL;

        none(llmd__json_print_pretty(report, &text));
        fail_msg("%s is %f, want %f\n%s", path, have, want, text);
    }
}

static const char tpu_spec[] = "name: llm\n"
                               "nodePools:\n"
                               "- preset: tpu-v6e-4t\n"
                               "  nodes: 1\n"
                               "  minNodes: 0\n"
                               "  maxNodes: 3\n"
                               "  diskType: hyperdisk-balanced\n"
                               "  diskGb: 100\n";

#define FEE 0.1
#define TPU_DISK (100 * 0.088 / 730)
#define TPU_NODE (4 * 2.97 + TPU_DISK)
#define TPU_SPOT (4 * 1.782 + TPU_DISK)
#define CPU_NODE (4 * 0.023992749 + 16 * 0.003215883 + 100 * 0.11 / 730)
#define CPU_SPOT (4 * 0.007197828 + 16 * 0.000964766 + 100 * 0.11 / 730)

/* P116, C45: by the catalogue of today, with date and source; never a constant of ours. */
static void test_P116_an_estimate_by_the_catalogue(void **state)
{
    char today[32];

    (void)state;
    reckon(tpu_spec, NULL);
    near("items[0].hourly", FEE);
    near("items[1].hourly", CPU_NODE);
    near("items[2].hourly", TPU_NODE);
    near("items[2].hourly_spot", TPU_SPOT);
    near("hourly.as_wanted", FEE + 2 * CPU_NODE + TPU_NODE);
    near("hourly.on_demand", FEE + 2 * CPU_NODE + TPU_NODE);
    near("hourly.spot", FEE + 2 * CPU_SPOT + TPU_SPOT);
    near("hourly.as_wanted_at_most", FEE + 2 * CPU_NODE + 3 * TPU_NODE);
    near("daily.as_wanted", 24 * (FEE + 2 * CPU_NODE + TPU_NODE));
    llmd__clock_format(llmd__clock_wall_ms(), today);
    today[10] = '\0';
    assert_string_equal(llmd__json_str(report, "date"), today);
    assert_non_null(strstr(llmd__json_str(report, "source"), "catalogue"));
    assert_string_equal(llmd__json_str(report, "currency"), "USD");
    assert_string_equal(llmd__json_str(report, "items[2].parts[0].sku"),
                        "TpuV6e running in Netherlands");
    assert_true(llmd__json_bool(report, "complete", false));
}

static void test_spot_and_flex_start(void **state)
{
    (void)state;
    reckon("name: llm\nnodePools:\n- {preset: tpu-v6e-4t, nodes: 1, spot: true, diskType: "
           "hyperdisk-balanced, diskGb: 100}\n",
           NULL);
    near("items[2].hourly", TPU_SPOT);
    near("hourly.as_wanted", FEE + 2 * CPU_NODE + TPU_SPOT);
    reckon("name: llm\nnodePools:\n- {preset: tpu-v6e-4t, nodes: 0, minNodes: 0, maxNodes: 1, "
           "flexStart: true, diskType: hyperdisk-balanced, diskGb: 100}\n",
           NULL);
    near("items[2].hourly", 4 * 1.485 + TPU_DISK);
    near("hourly.as_wanted", FEE + 2 * CPU_NODE);
}

static void test_gpus_are_machine_and_chip(void **state)
{
    (void)state;
    reckon("name: llm\nnodePools:\n- {machine: g2-standard-12, nodes: 2, diskGb: 100}\n", NULL);
    near("items[2].hourly", 12 * 0.0274868 + 48 * 0.0032197 + 0.6160044 + 100 * 0.11 / 730);
}

/* What the catalogue does not name is told, and the sum says that it is not whole. */
static void test_no_price_is_no_zero(void **state)
{
    (void)state;
    reckon("name: llm\nnodePools:\n- {machine: c3-standard-4, nodes: 1}\n", NULL);
    assert_false(llmd__json_bool(report, "complete", true));
    assert_non_null(strstr(llmd__json_str(report, "unpriced[0]"), "c3-standard-4"));
    assert_null(llmd__json_get(report, "items[2].hourly"));
}

static void test_prices_of_the_callers(void **state)
{
    (void)state;
    reckon(tpu_spec, "{\"currency\":\"EUR\",\"date\":\"2026-01-01\",\"source\":\"contract\","
                     "\"hourly\":{\"ct6e-standard-4t\":10,\"ct6e-standard-4t spot\":5,"
                     "\"e2-standard-4\":0.2,\"cluster\":0.1}}");
    near("hourly.as_wanted", 0.1 + 2 * 0.2 + 10);
    near("hourly.spot", 0.1 + 2 * 0.2 + 5);
    assert_string_equal(llmd__json_str(report, "currency"), "EUR");
    assert_string_equal(llmd__json_str(report, "source"), "contract");
    assert_string_equal(llmd__json_str(report, "date"), "2026-01-01");
}

static void test_prices_that_are_none(void **state)
{
    AUTO(str) char *json = NULL;
    llmd_error *error;

    (void)state;
    error = llmd_cluster_cost(NULL, google->gke, NULL, "{\"USD\":1}", &json);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_true(*llmd_error_advice(error) != '\0');
    llmd_error_free(error);
}

/* ---- the running meter ---- */

#define CLUSTERS "/v1/projects/my-project/locations/europe-west4-a/clusters"

static bool running(void)
{
    AUTO(str) char *text = NULL;

    return cloud_ask(google, GOOGLE_CONTAINER, "GET", CLUSTERS "/llm", NULL, &text) == 200 &&
           strstr(text, "\"status\": \"RUNNING\"");
}

static void make_cluster(void)
{
    assert_int_equal(
        cloud_ask(google, GOOGLE_CONTAINER, "POST", CLUSTERS,
                  "{\"cluster\":{\"name\":\"llm\",\"nodePools\":[{\"name\":\"system\","
                  "\"initialNodeCount\":2,\"config\":{\"machineType\":\"e2-standard-4\"}},{"
                  "\"name\":\"tpu\",\"initialNodeCount\":1,\"config\":{\"machineType\":"
                  "\"ct6e-standard-4t\"}}]}}",
                  NULL),
        200);
    for (int i = 0; i < 200 && !running(); i++)
        none(llmd__context_sleep(NULL, 20));
}

static void test_the_meter_runs(void **state)
{
    (void)state;
    make_cluster();
    reckon(NULL, NULL);
    assert_string_equal(llmd__json_str(report, "items[0].cluster"), "llm");
    assert_string_equal(llmd__json_str(report, "items[1].pool"), "system");
    assert_int_equal(llmd__json_int(report, "items[1].count", 0), 2);
    assert_int_equal(llmd__json_int(report, "items[2].count", 0), 1);
    near("items[2].parts[0].quantity", 4);
    near("items[2].parts[0].hourly", 2.97);
    assert_true(llmd__json_double(report, "hourly.now", 0) > FEE + 4 * 2.97);
    assert_true(*llmd__json_str(report, "items[1].since") != '\0');
    assert_true(llmd__json_double(report, "so_far", -1) >= 0);
    assert_non_null(strstr(llmd__json_str(report, "note"), "not Google's bill"));
}

static void test_nothing_runs(void **state)
{
    (void)state;
    reckon(NULL, NULL);
    near("hourly.now", 0);
    assert_int_equal(llmd__json_count(llmd__json_member(report, "items")), 0);
}

/* ---- recommendations ---- */

static void test_recommendations_name_our_presets(void **state)
{
    AUTO(str) char *text = NULL;
    AUTO(json) struct json *answer = NULL;
    bool found = false;

    (void)state;
    none(llmd_cluster_recommend(NULL, google->gke, "Qwen/Qwen2.5-3B-Instruct", &text));
    none(llmd__json_parse(text, strlen(text), "answer", &answer));
    JSON_EACH(profile, llmd__json_member(answer, "profile")) {
        if (strcmp(llmd__json_str(profile, "instanceType"), "ct6e-standard-4t") == 0) {
            assert_string_equal(llmd__json_str(profile, "preset"), "tpu-v6e-4t");
            found = true;
        }
    }
    assert_true(found);
}

static void test_models_of_the_quickstart(void **state)
{
    AUTO(str) char *text = NULL;

    (void)state;
    none(llmd_cluster_recommend(NULL, google->gke, NULL, &text));
    assert_non_null(strstr(text, "Qwen/Qwen2.5-3B-Instruct"));
}

static void test_an_unknown_model_is_named_with_the_known_ones(void **state)
{
    AUTO(str) char *text = NULL;
    LLMD_AUTO(llmd_error)
    error = llmd_cluster_recommend(NULL, google->gke, "Qwen/Qwen2.5-3B-Instrukt", &text);

    (void)state;
    assert_null(text);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), "no profile of Qwen/Qwen2.5-3B-Instrukt"));
    assert_non_null(strstr(llmd_error_advice(error), "did you mean Qwen/Qwen2.5-3B-Instruct?"));
    assert_non_null(strstr(llmd_error_advice(error), "google/gemma-3-27b-it"));
}

static void test_an_empty_model_is_refused(void **state)
{
    AUTO(str) char *text = NULL;
    LLMD_AUTO(llmd_error) error = llmd_cluster_recommend(NULL, google->gke, "", &text);

    (void)state;
    assert_null(text);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_advice(error), "ORG/NAME"));
}

#define SCENARIO(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(test_P116_an_estimate_by_the_catalogue),
        SCENARIO(test_spot_and_flex_start),
        SCENARIO(test_gpus_are_machine_and_chip),
        SCENARIO(test_no_price_is_no_zero),
        SCENARIO(test_prices_of_the_callers),
        SCENARIO(test_prices_that_are_none),
        SCENARIO(test_the_meter_runs),
        SCENARIO(test_nothing_runs),
        SCENARIO(test_recommendations_name_our_presets),
        SCENARIO(test_an_empty_model_is_refused),
        SCENARIO(test_models_of_the_quickstart),
        SCENARIO(test_an_unknown_model_is_named_with_the_known_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
