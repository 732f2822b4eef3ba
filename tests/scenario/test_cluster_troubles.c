/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters on the sandbox with troubles on the way, resumed, and deleted. */
#include "support/folder.h"
#include "support/gke.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- faults ---- */

static void P109_P111_what_a_failed_create_left_is_made_good(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "create-fails", "", 1);
    llmd_error *error = gke_try_apply(rig, PLAIN);
    assert_int_equal(llmd_error_code(error), LLMD_E_FAILED);
    assert_non_null(strstr(llmd_error_message(error), "is unhealthy"));
    llmd_error_free(error);
    assert_int_equal(gke_count_of(rig, "clusters"), 0);
    gke_good(rig, gke_try_apply(rig, PLAIN));
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
}

/* GKE's word for it is DONE, and what stands looks whole. */
static void P111_an_operation_that_failed_is_told_and_gone_on_with(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "operation-fails", "nodePools", 1);
    llmd_error *error = gke_try_apply(rig, FIXED_TPU);
    assert_int_equal(llmd_error_code(error), LLMD_E_FAILED);
    assert_non_null(strstr(llmd_error_message(error), "Internal error"));
    llmd_error_free(error);
    gke_good(rig, gke_try_apply(rig, FIXED_TPU));
    assert_int_equal(gke_count_of(rig, "pools"), 2);
}

/* The cluster that was made for it is there, and costs. */
static void a_refused_pool_tells_of_the_cluster_that_stands(void **state)
{
    struct gke_rig *rig = *state;
    AUTO(error) llmd_error *error = NULL;

    gke_fault(rig, "operation-fails", "nodePools", 1);
    error = gke_try_apply(rig, FIXED_TPU);
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
    assert_non_null(strstr(llmd_error_advice(error), "cluster llm stands and is billed"));
    assert_non_null(strstr(llmd_error_advice(error), "delete the cluster"));
}

/* A cluster costs from the moment it is made: what cannot become whole is not begun. */
static void P1_P113_an_impossible_machine_makes_no_cluster(void **state)
{
    static const struct {
        const char *pool, *says, *advice;
    } rows[] = {
        {"machine: ct6e-standard-3t",
         "cluster llm: not made: node pool tpu: ct6e-standard-3t in europe-west4-a: "
         "ct6e-standard-3t "
         "does not exist",
         "ct6e-standard-1t, ct6e-standard-4t, ct6e-standard-8t"},
        {"machine: z9-standard-4", "z9-standard-4 does not exist",
         "no zone of this project has it"},
        {"machine: ct5lp-hightpu-4t", "ct5lp-hightpu-4t does not exist in europe-west4-a",
         "zones that have it: europe-west4-b"},
        {"preset: tpu-v6e-4t, zones: [europe-west4-x]",
         "ct6e-standard-4t in europe-west4-x: there is no such zone",
         "zones europe-west4-a, europe-west4-b, europe-west4-c"},
        {"machine: ct6e-standard-3t, fallbacks: [{machine: ct6e-standard-5t}]",
         "nor can its fall-backs be had", "ct6e-standard-4t"},
        /* A plain pool is made with the cluster, by its first choice. */
        {"machine: z9-standard-4, fallbacks: [{machine: e2-standard-4}]",
         "z9-standard-4 does not exist", "no zone of this project has it"},
    };
    struct gke_rig *rig = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(error) llmd_error *error = NULL;
        char spec[300];

        snprintf(spec, sizeof(spec), LLM "nodePools: [{name: tpu, nodes: 1, %s}]\n", rows[i].pool);
        error = gke_try_apply(rig, spec);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        if (!strstr(llmd_error_message(error), rows[i].says) ||
            !strstr(llmd_error_advice(error), rows[i].advice))
            fail_msg("%s (%s)", llmd_error_message(error), llmd_error_advice(error));
        assert_int_equal(gke_index_of(rig, "Creating", ""), -1);
        assert_int_equal(gke_count_of(rig, "clusters"), 0);
    }
}

/* The letter of the zone is wrong: which there are is said. */
static void an_unknown_location_names_its_zones(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_cluster_spec) spec = llmd_cluster_spec_new("llm");
    LLMD_AUTO(llmd_gke) gke = NULL;
    AUTO(error) llmd_error *error = NULL;
    llmd_task *task = NULL;
    char advice[32];

    gke_good(rig, llmd_gke_open(rig->credentials, "my-project", "europe-west4-x", &gke));
    error = llmd_cluster_apply(gke, spec, &task);
    error = gke_run(rig, error, task);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "europe-west4-x"));
    assert_non_null(strstr(llmd_error_advice(error), "europe-west4-a, europe-west4-b"));
    task = NULL;
    gke_good(rig, llmd_cluster_preflight(gke, spec, &task));
    gke_good(rig, gke_run(rig, NULL, task));
    snprintf(advice, sizeof(advice), "[%d].advice",
             gke_index_of(rig, "ZONE_NOT_FOUND", "there is no such zone"));
    assert_string_equal(llmd__json_str(rig->events, advice),
                        "its region has the zones europe-west4-a, europe-west4-b, europe-west4-c");
}

static void a_fallback_takes_the_place_of_an_impossible_machine(void **state)
{
    struct gke_rig *rig = *state;

    gke_good(rig,
             gke_try_apply(rig, LLM "nodePools: [{machine: ct6e-standard-3t, name: tpu, nodes: "
                                    "1, fallbacks: [{machine: ct6e-standard-4t}]}]\n"));
    assert_true(gke_index_of(rig, "Fallback", "no such machine type: tries fall-back 1") >= 0);
    assert_string_equal(llmd__json_str(gke_pool_of(rig, "tpu"), "config.machineType"),
                        "ct6e-standard-4t");
}

static void machines_that_cannot_be_looked_up_refuse_nothing(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "503-burst", "machineTypes", 50);
    gke_good(rig, gke_try_apply(rig, PLAIN));
    assert_true(gke_index_of(rig, "UNKNOWN", "not all machine types could be looked up") >= 0);
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
}

/* One each time: whatever happens on the way, there is one cluster with its pools in the end. */
static void P107_P108_P112_troubles_on_the_way(void **state)
{
    static const struct {
        const char *name, *match;
        int count;
    } troubles[] = {
        {"ambiguous-create", "clusters", 1},    {"ambiguous-create", "nodePools", 1},
        {"operation-conflict", "nodePools", 2}, {"too-many-operations", "nodePools", 2},
        {"reconciling-after-create", "", 1},    {"503-burst", "operations/", 4},
        {"html-502", "GET /container", 2},      {"html-502", "POST /container", 1},
        {"503-burst", "POST /container", 1},    {"rate-limit", "nodePools", 1},
        {"operation-404-first", "clusters", 1}, {"unknown-enum", "", -1},
        {"bad-token-once", "container", 1},
    };
    struct gke_rig *rig = *state;

    for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        print_message("%s %s\n", troubles[i].name, troubles[i].match);
        gke_fault(rig, troubles[i].name, troubles[i].match, troubles[i].count);
        gke_good(rig, gke_try_apply(rig, FIXED_TPU));
        assert_int_equal(gke_count_of(rig, "clusters"), 1);
        assert_int_equal(gke_count_of(rig, "pools"), 2);
        gke_clear_faults(rig);
        gke_nothing_is_left(rig);
    }
}

static void P10_services_are_enabled_when_asked(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "api-disabled", "container.googleapis.com", 1);
    gke_bad(rig, gke_try_apply(rig, PLAIN), LLMD_E_DENIED, "403");
    gke_good(rig, gke_try_apply(rig, PLAIN "enableMissing: true\n"));
    assert_true(gke_index_of(rig, "Enabling", "container.googleapis.com") >= 0);
    assert_true(gke_index_of(rig, "Enabled", "") >= 0);
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
}

/* ---- resuming ---- */

/* A task that is freed leaves what it began at Google; the next one goes on. */
static void a_task_that_stopped_anywhere_is_gone_on_with(void **state)
{
    struct gke_rig *rig = *state;

    for (int stop = 1; stop < 60; stop += 4) {
        llmd_task *task = NULL;
        llmd_event *event = NULL;

        gke_good(rig, gke_begin_apply(rig, WITH_TPU, &task));
        for (int i = 0; i < stop; i++) {
            gke_good(rig, llmd_task_next(rig->ctx, task, &event));
            if (!event)
                break;
            llmd_event_free(event);
        }
        llmd_task_free(task);
        llmd_context_set_timeout_ms(rig->ctx, GKE_TIMEOUT_MS);
    }
    gke_good(rig, gke_try_apply(rig, WITH_TPU));
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
    assert_int_equal(gke_count_of(rig, "pools"), 2);
    for (int stop = 1; stop < 30; stop += 4) {
        llmd_task *task = NULL;
        llmd_event *event = NULL;

        gke_good(rig, llmd_cluster_delete(rig->gke, "llm", true, &task));
        for (int i = 0; i < stop; i++) {
            gke_good(rig, llmd_task_next(rig->ctx, task, &event));
            if (!event)
                break;
            llmd_event_free(event);
        }
        llmd_task_free(task);
    }
    gke_nothing_is_left(rig);
}

/* ---- deleting ---- */

#define GATEWAY                                                                                    \
    "apiVersion: gateway.networking.k8s.io/v1\n"                                                   \
    "kind: Gateway\n"                                                                              \
    "metadata: {name: edge, namespace: default}\n"                                                 \
    "spec:\n"                                                                                      \
    "  gatewayClassName: gke-l7-regional-external-managed\n"                                       \
    "  listeners: [{name: http, port: 80, protocol: HTTP}]\n"

static void put_gateway(struct gke_rig *rig, llmd_kube **kube)
{
    llmd_task *task = NULL;
    llmd_error *error;

    gke_good(rig, gke_try_apply(rig, PLAIN));
    gke_good(rig, llmd_cluster_connect(rig->ctx, rig->gke, "llm", kube));
    error = llmd_kube_wait(*kube, "gatewayclasses.gateway.networking.k8s.io", NULL,
                           "gke-l7-regional-external-managed", "create", &task);
    gke_good(rig, gke_run(rig, error, task));
    error = llmd_kube_apply(*kube, GATEWAY, false, &task);
    gke_good(rig, gke_run(rig, error, task));
    error = llmd_kube_wait(*kube, "gateways.gateway.networking.k8s.io", "default", "edge",
                           "condition=Programmed", &task);
    gke_good(rig, gke_run(rig, error, task));
}

static void a_gateway_is_drained_before_its_cluster_goes(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = NULL;

    put_gateway(rig, &kube);
    gke_bad(rig, gke_try_delete(rig, false), LLMD_E_CONFLICT, "Gateway default/edge");
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
    gke_nothing_is_left(rig);
    assert_true(gke_index_of(rig, "Drained", "") >= 0);
    assert_true(gke_index_of(rig, "Drained", "") <
                gke_index_of(rig, "Deleting", "is being deleted"));
    assert_int_equal(llmd__json_count(llmd__json_member(gke_result_of(rig), "drained")), 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        GKE_TEST(P109_P111_what_a_failed_create_left_is_made_good),
        GKE_TEST(P111_an_operation_that_failed_is_told_and_gone_on_with),
        GKE_TEST(a_refused_pool_tells_of_the_cluster_that_stands),
        GKE_TEST(P1_P113_an_impossible_machine_makes_no_cluster),
        GKE_TEST(an_unknown_location_names_its_zones),
        GKE_TEST(a_fallback_takes_the_place_of_an_impossible_machine),
        GKE_TEST(machines_that_cannot_be_looked_up_refuse_nothing),
        GKE_TEST(P107_P108_P112_troubles_on_the_way),
        GKE_TEST(P10_services_are_enabled_when_asked),
        GKE_TEST(a_task_that_stopped_anywhere_is_gone_on_with),
        GKE_TEST(a_gateway_is_drained_before_its_cluster_goes),
    };

    if (argc > 1) /* "P2*": these alone */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
