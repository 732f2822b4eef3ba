/* SPDX-License-Identifier: Apache-2.0 */
/* The proof after a delete, against the sandbox's Google, whose load balancers outlive a cluster
   that is deleted before its Gateways. */
#include "base/json.h"
#include "gke/leak.h"
#include "support/cloud.h"
#include "support/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLUSTERS "/v1/projects/my-project/locations/europe-west4-a/clusters"
#define COMPUTE "/compute/v1/projects/my-project"

static struct cloud *google;
static struct log told;
static struct leak *leak;

static int set_up(void **state)
{
    (void)state;
    google = cloud_start("europe-west4-a", "0.001");
    none(llmd__leak_new(google->gke, "llm", &leak));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    llmd__leak_free(TAKE(leak));
    clear(&told);
    cloud_stop(google);
    return 0;
}

static llmd_error *run_step(llmd_error *(*add)(struct graph *, struct leak *, step_id *))
{
    AUTO(graph) struct graph *graph = NULL;
    llmd_task *task = NULL;
    step_id step;

    clear(&told);
    none(llmd__graph_new(NULL, NULL, &graph));
    none(add(graph, leak, &step));
    none(llmd__task_new(TAKE(graph), &task));
    return run(NULL, task, 30000, &told);
}

/* ---- a cluster with a Gateway ---- */

static bool is_running(void)
{
    AUTO(str) char *text = NULL;

    return cloud_ask(google, GOOGLE_CONTAINER, "GET", CLUSTERS "/llm", NULL, &text) == 200 &&
           strstr(text, "\n  \"status\": \"RUNNING\"");
}

static bool is_gone(void)
{
    return cloud_ask(google, GOOGLE_CONTAINER, "GET", CLUSTERS "/llm", NULL, NULL) == 404;
}

static size_t count_rules(void)
{
    AUTO(str) char *text = NULL;
    AUTO(json) struct json *list = NULL;

    cloud_ask(google, GOOGLE_COMPUTE, "GET", COMPUTE "/regions/europe-west4/forwardingRules", NULL,
              &text);
    none(llmd__json_parse(text, strlen(text), "rules", &list));
    return llmd__json_count(llmd__json_member(list, "items"));
}

static bool has_rule(void)
{
    return count_rules() == 1;
}

static void await(bool (*condition)(void))
{
    for (int i = 0; i < 500; i++) {
        if (condition())
            return;
        none(llmd__context_sleep(NULL, 20));
    }
    fail_msg("it never came");
}

static void make_cluster(void)
{
    assert_int_equal(cloud_ask(google, GOOGLE_CONTAINER, "POST", CLUSTERS,
                               "{\"cluster\":{\"name\":\"llm\",\"resourceLabels\":{"
                               "\"managed-by\":\"libllmd\"},\"networkConfig\":{"
                               "\"gatewayApiConfig\":{\"channel\":\"CHANNEL_STANDARD\"}},"
                               "\"nodePools\":[{\"name\":\"system\",\"initialNodeCount\":1,"
                               "\"config\":{\"machineType\":\"e2-standard-4\"}}]}}",
                               NULL),
                     200);
    await(is_running);
}

static void make_gateway(void)
{
    LLMD_AUTO(llmd_gateway_spec) spec = NULL;
    LLMD_AUTO(llmd_kube) kube = NULL;
    llmd_task *task = NULL;

    none(llmd_cluster_connect(NULL, google->gke, "llm", &kube));
    none(llmd_gateway_spec_parse("{name: edge, namespace: llm}", &spec));
    none(llmd_gateway_apply(kube, spec, &task));
    none(run(NULL, task, 30000, &told));
}

static void delete_cluster(void)
{
    assert_int_equal(cloud_ask(google, GOOGLE_CONTAINER, "DELETE", CLUSTERS "/llm", NULL, NULL),
                     200);
    await(is_gone);
}

/* ---- proofs ---- */

static void test_nothing_was_there(void **state)
{
    (void)state;
    none(run_step(llmd__leak_proof_step));
    assert_non_null(find(&told, "llm", "NOTHING_LEFT"));
    assert_true(llmd__json_bool(llmd__leak_result(leak), "clean", false));
    assert_int_equal(llmd__json_int(llmd__leak_result(leak), "looked.forwardingRules", -1), 0);
}

/* P139: the orphaned forwarding rule is billed, so that no success is reported. */
static void test_P139_an_orphan_of_ours_fails_the_proof(void **state)
{
    llmd_error *error;

    (void)state;
    make_cluster();
    make_gateway();
    await(has_rule);
    none(run_step(llmd__leak_record_step));
    delete_cluster();
    assert_true(has_rule());
    error = run_step(llmd__leak_proof_step);
    assert_string_equal(llmd_error_reason(error), "LEFTOVERS");
    assert_non_null(strstr(llmd_error_message(error), "forwardingRules gkegw1-"));
    llmd_error_free(error);
    assert_non_null(find(&told, "forwardingRules/gkegw1-", "LEFTOVER"));
    assert_non_null(find(&told, "targetHttpProxies/gkegw1-", "LEFTOVER"));
    assert_false(llmd__json_bool(llmd__leak_result(leak), "clean", true));
    assert_true(has_rule()); /* told, and not touched */
}

/* The same by the call that people use; and with draining there is nothing to tell. */
static void test_P139_draining_leaves_nothing(void **state)
{
    llmd_task *task = NULL;
    llmd_error *error;

    (void)state;
    make_cluster();
    make_gateway();
    await(has_rule);
    none(llmd_cluster_delete(google->gke, "llm", false, &task));
    error = run(NULL, task, 60000, &told);
    assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
    llmd_error_free(error);
    none(llmd_cluster_delete(google->gke, "llm", true, &task));
    none(run(NULL, task, 60000, &told));
    assert_int_equal(count_rules(), 0);
    assert_non_null(find(&told, "llm", "NOTHING_LEFT"));
}

/* Somebody's idle address is told and stays; a disk of a claim names its cluster. */
static void test_what_is_not_ours_is_told_and_left(void **state)
{
    llmd_error *error;

    (void)state;
    assert_int_equal(cloud_ask(google, GOOGLE_COMPUTE, "POST",
                               COMPUTE "/regions/europe-west4/addresses", "{\"name\":\"shop\"}",
                               NULL),
                     200);
    assert_int_equal(cloud_ask(google, GOOGLE_COMPUTE, "POST",
                               COMPUTE "/zones/europe-west4-a/disks",
                               "{\"name\":\"pvc-1\",\"sizeGb\":\"10\",\"labels\":{"
                               "\"goog-k8s-cluster-name\":\"llm\"}}",
                               NULL),
                     200);
    none(llmd__context_sleep(NULL, 200));
    error = run_step(llmd__leak_proof_step);
    assert_non_null(strstr(llmd_error_message(error), "disks pvc-1"));
    llmd_error_free(error);
    assert_non_null(find(&told, "addresses/shop", "NOT_OURS"));
    assert_non_null(find(&told, "disks/pvc-1", "LEFTOVER"));
}

/* What Google goes on tidying up is waited for. */
static void test_nodes_that_are_going_are_waited_for(void **state)
{
    (void)state;
    make_cluster();
    assert_int_equal(cloud_ask(google, GOOGLE_CONTAINER, "DELETE", CLUSTERS "/llm", NULL, NULL),
                     200);
    none(run_step(llmd__leak_proof_step));
    assert_non_null(find(&told, "llm", "NOTHING_LEFT"));
}

/* A list that cannot be had is no proof. */
static void test_a_failed_list_is_unknown(void **state)
{
    (void)state;
    assert_true(sandbox_process_command(google->sandbox, "faults",
                                        "{\"fault\":\"503-burst\",\"match\":\"aggregated/disks\","
                                        "\"count\":9}"));
    none(run_step(llmd__leak_proof_step));
    assert_non_null(find(&told, "disks", "UNKNOWN"));
    assert_false(llmd__json_bool(llmd__leak_result(leak), "clean", true));
    assert_string_equal(llmd__json_str(llmd__leak_result(leak), "unknown[0]"), "disks");
}

#define SCENARIO(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(test_nothing_was_there),
        SCENARIO(test_P139_an_orphan_of_ours_fails_the_proof),
        SCENARIO(test_P139_draining_leaves_nothing),
        SCENARIO(test_what_is_not_ours_is_told_and_left),
        SCENARIO(test_nodes_that_are_going_are_waited_for),
        SCENARIO(test_a_failed_list_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
