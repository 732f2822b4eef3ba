/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters and their pools on the Google side of llmd-sandbox: made, adopted, changed. */
#include "support/folder.h"
#include "support/gke.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void P20_a_cluster_is_made_and_its_chips_can_be_had(void **state)
{
    struct gke_rig *rig = *state;
    char phase[32];
    int at;

    gke_good(rig, gke_try_apply(rig, FIXED_TPU));
    assert_string_equal(llmd__json_str(gke_result_of(rig), "status"), "RUNNING");
    assert_string_equal(llmd__json_str(gke_pool_of(rig, "tpu"), "status"), "RUNNING");
    assert_true(gke_index_of(rig, "Nodes", "1 of 1 nodes are Ready and have google.com/tpu") >
                gke_index_of(rig, "CREATE_NODE_POOL", "DONE"));
    /* Whoever needs no pool begins here. */
    assert_true(gke_index_of(rig, "Creating", "is being made") >= 0);
    at = gke_index_of(rig, "RUNNING", "the control plane serves");
    assert_true(at >= 0 && at < gke_index_of(rig, "CREATE_NODE_POOL", ""));
    snprintf(phase, sizeof(phase), "[%d].phase", at);
    assert_string_equal(llmd__json_str(rig->events, phase), "serving");
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
    assert_int_equal(gke_count_of(rig, "pools"), 2);
    gke_nothing_is_left(rig);
}

static void again_changes_nothing(void **state)
{
    struct gke_rig *rig = *state;

    gke_good(rig, gke_try_apply(rig, WITH_TPU));
    gke_good(rig, gke_try_apply(rig, WITH_TPU));
    assert_int_equal(gke_index_of(rig, "Creating", ""), -1);
    assert_int_equal(gke_index_of(rig, "Changing", ""), -1);
    assert_int_equal(gke_count_of(rig, "pools"), 2);
}

static void what_is_gone_already_is_proven_gone(void **state)
{
    struct gke_rig *rig = *state;

    gke_good(rig, gke_try_delete(rig, false));
    assert_false(llmd__json_bool(gke_result_of(rig), "existed", true));
    assert_true(llmd__json_bool(gke_result_of(rig), "leak.clean", false));
}

/* ---- the calls that only read ---- */

static void it_can_be_read_and_connected_to(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_cluster) cluster = NULL;
    LLMD_AUTO(llmd_cluster_list) list = NULL;
    LLMD_AUTO(llmd_kube) kube = NULL;
    llmd_cluster *listed = NULL;
    llmd_task *task = NULL;
    char *version = NULL;

    gke_good(rig, gke_try_apply(rig, PLAIN));
    gke_good(rig, llmd_cluster_get(rig->ctx, rig->gke, "llm", &cluster));
    assert_string_equal(llmd_cluster_name(cluster), "llm");
    assert_string_equal(llmd_cluster_location(cluster), "europe-west4-a");
    assert_string_equal(llmd_cluster_status(cluster), "RUNNING");
    assert_string_not_equal(llmd_cluster_version(cluster), "");
    assert_string_not_equal(llmd_cluster_endpoint(cluster), "");
    assert_non_null(strstr(llmd_cluster_json(cluster), "nodePools"));
    gke_good(rig, llmd_cluster_list_open(rig->gke, &list));
    gke_good(rig, llmd_cluster_list_next(rig->ctx, list, &listed));
    assert_string_equal(llmd_cluster_name(listed), "llm");
    llmd_cluster_free(listed);
    gke_good(rig, llmd_cluster_list_next(rig->ctx, list, &listed));
    assert_null(listed);
    llmd_error *error = llmd_cluster_wait(rig->gke, "llm", &task);
    gke_good(rig, gke_run(rig, error, task));
    assert_string_equal(llmd__json_str(gke_result_of(rig), "name"), "llm");
    gke_good(rig, llmd_cluster_connect(rig->ctx, rig->gke, "llm", &kube));
    assert_string_equal(llmd_kube_context(kube), "gke_my-project_europe-west4-a_llm");
    gke_good(rig, llmd_kube_version(rig->ctx, kube, &version));
    assert_non_null(strstr(version, "gitVersion"));
    llmd_free(version);
}

static void P114_a_partial_list_is_an_error(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_cluster_list) list = NULL;
    llmd_cluster *cluster = NULL;

    gke_good(rig, gke_try_apply(rig, PLAIN));
    gke_fault(rig, "missing-zones", "europe-west4-a", -1);
    gke_good(rig, llmd_cluster_list_open(rig->gke, &list));
    llmd_error *error = llmd_cluster_list_next(rig->ctx, list, &cluster);
    if (!error && cluster) {
        llmd_cluster_free(cluster);
        error = llmd_cluster_list_next(rig->ctx, list, &cluster);
    }
    assert_int_equal(llmd_error_code(error), LLMD_E_UNREACHABLE);
    assert_non_null(strstr(llmd_error_message(error), "europe-west4-a"));
    llmd_error_free(error);
    gke_good(rig, gke_try_apply(rig, PLAIN)); /* which asks directly */
    assert_int_equal(gke_count_of(rig, "clusters"), 1);
}

/* The list of one cluster's pools, and one of them. */
static void pools_can_be_read_and_waited_for(void **state)
{
    struct gke_rig *rig = *state;
    AUTO(json) struct json *pools = NULL;
    llmd_task *task = NULL;
    char *json = NULL;

    gke_good(rig, gke_try_apply(rig, FIXED_TPU));
    gke_good(rig, llmd_node_pool_list(rig->ctx, rig->gke, "llm", &json));
    assert_null(llmd__json_parse(json, strlen(json), "pools", &pools));
    assert_int_equal(llmd__json_count(pools), 2);
    assert_string_equal(llmd__json_str(llmd__json_next(llmd__json_first(pools)), "name"), "tpu");
    llmd_free(json);
    gke_good(rig, llmd_node_pool_get(rig->ctx, rig->gke, "llm", "tpu", &json));
    assert_non_null(strstr(json, "\"machineType\":\"ct6e-standard-4t\""));
    llmd_free(json);
    llmd_error *error = llmd_node_pool_wait(rig->gke, "llm", "tpu", &task);
    gke_good(rig, gke_run(rig, error, task));
    assert_string_equal(llmd__json_str(gke_result_of(rig), "name"), "tpu");
    error = llmd_node_pool_get(rig->ctx, rig->gke, "llm", "gpu", &json);
    assert_null(json);
    assert_string_equal(llmd_error_advice(error), "cluster llm has the node pools system, tpu");
    gke_bad(rig, error, LLMD_E_NOT_FOUND, "node pool llm/gpu: 404");
    error = llmd_node_pool_wait(rig->gke, "llm", "gpu", &task);
    gke_bad(rig, gke_run(rig, error, task), LLMD_E_NOT_FOUND, "node pool llm/gpu: 404");
    gke_bad(rig, llmd_node_pool_list(rig->ctx, rig->gke, "none", &json), LLMD_E_NOT_FOUND,
            "cluster none: 404");
    gke_bad(rig, llmd_node_pool_get(rig->ctx, rig->gke, "none", "tpu", &json), LLMD_E_NOT_FOUND,
            "cluster none: 404");
}

static void refused(llmd_error *error, const char *words)
{
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), words));
    llmd_error_free(error);
}

/* In a path they would be the list, or something else than was meant. */
static void a_name_that_leads_elsewhere_is_refused(void **state)
{
    static const char *const names[] = {"",          ".",       "llm/nodePools/system",
                                        "../../llm", "llm?x=y", "llm%2FnodePools%2Fsystem",
                                        "a%s\n",     "LLM"};
    struct gke_rig *rig = *state;
    llmd_cluster *cluster = NULL;
    llmd_kube *kube = NULL;
    llmd_task *task = NULL;
    char *json = NULL;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *name = names[i];

        refused(llmd_cluster_get(rig->ctx, rig->gke, name, &cluster), "cluster");
        refused(llmd_cluster_delete(rig->gke, name, true, &task), "cluster");
        refused(llmd_cluster_wait(rig->gke, name, &task), "cluster");
        refused(llmd_cluster_connect(rig->ctx, rig->gke, name, &kube), "cluster");
        refused(llmd_node_pool_get(rig->ctx, rig->gke, "llm", name, &json), "node pool");
        refused(llmd_node_pool_delete(rig->gke, "llm", name, &task), "node pool");
        refused(llmd_node_pool_list(rig->ctx, rig->gke, name, &json), "cluster");
    }
}

/* Where it was looked for, and what there is. */
static void a_cluster_that_is_not_found_comes_with_those_that_are(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_gke) elsewhere = NULL;
    llmd_cluster *cluster = NULL;
    llmd_kube *kube = NULL;
    llmd_error *error = llmd_cluster_get(rig->ctx, rig->gke, "llm", &cluster);

    assert_string_equal(llmd_error_advice(error),
                        "project my-project has no cluster; cluster apply makes one");
    gke_bad(rig, error, LLMD_E_NOT_FOUND, "cluster llm: 404");
    gke_good(rig, gke_try_apply(rig, PLAIN));
    error = llmd_cluster_connect(rig->ctx, rig->gke, "llms", &kube);
    assert_string_equal(llmd_error_advice(error),
                        "looked in europe-west4-a of project my-project, which has llm in "
                        "europe-west4-a");
    gke_bad(rig, error, LLMD_E_NOT_FOUND, "cluster llms: 404");
    gke_good(rig, llmd_gke_open(rig->credentials, "my-project", "us-east5-b", &elsewhere));
    error = llmd_cluster_get(rig->ctx, elsewhere, "llm", &cluster);
    assert_string_equal(llmd_error_advice(error),
                        "it is in europe-west4-a of project my-project: open that location");
    gke_bad(rig, error, LLMD_E_NOT_FOUND, "cluster llm: 404");
    gke_fault(rig, "html-502", "locations/-/clusters", -1);
    error = llmd_cluster_get(rig->ctx, elsewhere, "llm", &cluster);
    assert_string_equal(llmd_error_advice(error),
                        "looked in us-east5-b of project my-project: check the name, the project "
                        "and the location");
    gke_bad(rig, error, LLMD_E_NOT_FOUND, "cluster llm: 404");
}

static void what_is_not_there_is_not_found(void **state)
{
    struct gke_rig *rig = *state;
    llmd_cluster *cluster = NULL;
    llmd_kube *kube = NULL;
    llmd_task *task = NULL;
    llmd_error *error = llmd_cluster_get(rig->ctx, rig->gke, "none", &cluster);

    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    llmd_error_free(error);
    error = llmd_cluster_connect(rig->ctx, rig->gke, "none", &kube);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    llmd_error_free(error);
    error = llmd_cluster_wait(rig->gke, "none", &task);
    error = gke_run(rig, error, task);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    llmd_error_free(error);
}

/* ---- what others made ---- */

static void P21_what_others_made_is_adopted_only_when_asked(void **state)
{
    struct gke_rig *rig = *state;

    gke_good(rig, gke_try_apply(rig, PLAIN
                                "adopt: true\noverlay: {resourceLabels: {managed-by: me}}\n"));
    gke_bad(rig, gke_try_apply(rig, PLAIN), LLMD_E_EXISTS, "libllmd did not make it");
    gke_bad(rig, gke_try_delete(rig, true), LLMD_E_DENIED, "is not libllmd's");
    gke_good(rig, gke_try_apply(rig, WITH_TPU "adopt: true\n"));
    assert_true(gke_index_of(rig, "Adopted", "") >= 0);
    assert_int_equal(gke_count_of(rig, "pools"), 3);
}

static void P21_another_network_is_a_difference(void **state)
{
    struct gke_rig *rig = *state;

    gke_good(rig, gke_try_apply(rig, PLAIN));
    gke_bad(rig, gke_try_apply(rig, PLAIN "dataplaneV2: false\n"), LLMD_E_EXISTS,
            "otherwise than wanted");
    gke_bad(
        rig,
        gke_try_apply(rig, LLM "nodePools: [{preset: cpu, name: work, machine: e2-standard-8}]"),
        LLMD_E_EXISTS, "machine type");
}

/* ---- changes ---- */

static void sizes_and_autoscaling_are_changed(void **state)
{
    struct gke_rig *rig = *state;
    const char *wide = LLM "nodePools: [{preset: tpu-v6e-4t, name: tpu, nodes: 1, minNodes: 0, "
                           "maxNodes: 5}]\n";

    gke_good(rig, gke_try_apply(rig, WITH_TPU));
    gke_good(rig, gke_try_apply(rig, wide));
    assert_true(gke_index_of(rig, "Changing", "") >= 0);
    assert_int_equal(llmd__json_int(gke_pool_of(rig, "tpu"), "autoscaling.maxNodeCount", 0), 5);
    gke_good(rig, gke_try_apply(rig, wide));
    assert_int_equal(gke_index_of(rig, "Changing", ""), -1);
}

#define VERSIONED(channel, version)                                                                \
    LLM "releaseChannel: " channel "\nversion: '" version                                          \
        "'\nnodePools: [{preset: cpu, name: work, nodes: 1, version: '" version "'}]\n"

/* The channel first, which offers the version; the control plane next; then the nodes. */
static void channel_and_versions_are_changed_in_their_order(void **state)
{
    struct gke_rig *rig = *state;
    int channel, plane, nodes;

    gke_good(rig, gke_try_apply(rig, VERSIONED("regular", "1.33")));
    gke_good(rig, gke_try_apply(rig, VERSIONED("rapid", "1.35")));
    channel = gke_index_of(rig, "Changing", "release channel");
    plane = gke_index_of(rig, "Changing", "control plane version");
    nodes = gke_index_of(rig, "Changing", "version of the nodes");
    assert_true(0 <= channel && channel < plane && plane < nodes);
    assert_string_equal(llmd__json_str(gke_result_of(rig), "releaseChannel.channel"), "RAPID");
    assert_non_null(strstr(llmd__json_str(gke_result_of(rig), "currentMasterVersion"), "1.35."));
    assert_non_null(strstr(llmd__json_str(gke_pool_of(rig, "work"), "version"), "1.35."));
    /* What is newer than the spec stays, and nothing else is changed either. */
    gke_good(rig, gke_try_apply(rig, VERSIONED("rapid", "1.34")));
    assert_int_equal(gke_index_of(rig, "Changing", ""), -1);
    gke_bad(rig, gke_try_apply(rig, VERSIONED("rapid", "1.99")), LLMD_E_INVALID,
            "Master version \"1.99\" is unsupported");
}

static void P13_P14_gateway_api_is_switched_on_when_asked(void **state)
{
    struct gke_rig *rig = *state;

    gke_good(rig, gke_try_apply(rig, PLAIN "gatewayApi: false\n"));
    gke_good(rig, gke_try_apply(rig, PLAIN));
    assert_true(gke_index_of(rig, "Missing", "") >= 0);
    gke_good(rig, gke_try_apply(rig, PLAIN "enableMissing: true\n"));
    assert_true(gke_index_of(rig, "Changing", "") >= 0);
    assert_string_equal(
        llmd__json_str(gke_result_of(rig), "networkConfig.gatewayApiConfig.channel"),
        "CHANNEL_STANDARD");
}

static void a_pool_comes_and_goes_alone(void **state)
{
    struct gke_rig *rig = *state;
    llmd_task *task = NULL;
    llmd_error *error;

    gke_good(rig, gke_try_apply(rig, PLAIN));
    error =
        llmd_node_pool_apply(rig->gke, "llm", "{preset: tpu-v6e-4t, name: tpu, nodes: 1}", &task);
    gke_good(rig, gke_run(rig, error, task));
    assert_string_equal(llmd__json_str(gke_result_of(rig), "name"), "tpu");
    assert_int_equal(gke_count_of(rig, "pools"), 2);
    error = llmd_node_pool_delete(rig->gke, "llm", "tpu", &task);
    gke_good(rig, gke_run(rig, error, task));
    assert_int_equal(gke_count_of(rig, "pools"), 1);
    error = llmd_node_pool_delete(rig->gke, "llm", "tpu", &task);
    gke_good(rig, gke_run(rig, error, task));
    assert_true(gke_index_of(rig, "NotFound", "gone already") >= 0);
    error = llmd_node_pool_apply(rig->gke, "none", "{preset: cpu, name: work}", &task);
    error = gke_run(rig, error, task);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    llmd_error_free(error);
}

/* ---- capacity ---- */

/* Each event with this reason says what to do. */
static void advised(const struct gke_rig *rig, const char *reason)
{
    JSON_EACH(event, rig->events) {
        if (strcmp(llmd__json_str(event, "reason"), reason) == 0 &&
            !*llmd__json_str(event, "advice"))
            fail_msg("%s without advice: %s", reason, llmd__json_str(event, "message"));
    }
}

static void P2_P110_a_stockout_is_told_early_and_the_next_fallback_made(void **state)
{
    struct gke_rig *rig = *state;
    int early, ended, next;

    gke_fault(rig, "stockout", "europe-west4-a ct6e-standard-4t spot", -1);
    gke_good(rig, gke_try_apply(rig, LLM TPU_POOL ", spot: true, fallbacks: [{spot: false}]}]\n"));
    early = gke_index_of(rig, "GCE_STOCKOUT", "ZONE_RESOURCE_POOL_EXHAUSTED");
    next = gke_index_of(rig, "Fallback", "fall-back 1");
    ended = gke_index_of(rig, "CREATE_NODE_POOL", "DONE");
    assert_true(early >= 0 && early < ended && ended < next);
    advised(rig, "GCE_STOCKOUT");
    assert_false(llmd__json_bool(gke_pool_of(rig, "tpu"), "config.spot", false));
    gke_good(rig, gke_try_apply(rig, LLM TPU_POOL ", spot: true, fallbacks: [{spot: false}]}]\n"));
    assert_int_equal(gke_index_of(rig, "Creating", ""), -1); /* the fall-back is known again */
    assert_int_equal(gke_count_of(rig, "pools"), 2);
    gke_nothing_is_left(rig);
}

/* Runs until an event says these words, and leaves the rest as a killed program does. */
static void stop_at(struct gke_rig *rig, const char *text, const char *words)
{
    LLMD_AUTO(llmd_task) task = NULL;
    bool said = false;

    gke_good(rig, gke_begin_apply(rig, text, &task));
    while (!said) {
        LLMD_AUTO(llmd_event) event = NULL;

        gke_good(rig, llmd_task_next(rig->ctx, task, &event));
        assert_non_null(event);
        said = strstr(llmd_event_message(event), words) != NULL;
    }
}

/* The first choice was tried for 35 minutes; nobody wants to try it again. */
static void P2_a_run_after_a_kill_goes_on_with_the_next_fallback(void **state)
{
    static const char *const spec =
        LLM TPU_POOL ", spot: true, fallbacks: [{spot: true, diskGb: 50}, {spot: false}]}]\n";
    struct gke_rig *rig = *state;

    gke_fault(rig, "stockout", "europe-west4-a ct6e-standard-4t spot", -1);
    stop_at(rig, spec, "Not all instances running in IGM");
    gke_good(rig, gke_try_apply(rig, spec));
    assert_true(gke_index_of(rig, "Fallback", "fall-back 1") >= 0);
    assert_true(gke_index_of(rig, "Fallback", "fall-back 1") < gke_index_of(rig, "Creating", ""));
    assert_true(gke_index_of(rig, "Fallback", "fall-back 2") > gke_index_of(rig, "Creating", ""));
    assert_int_equal(gke_count_of(rig, "pools"), 2);
}

/* When all were tried, the next run begins with the first again. */
static void P2_after_the_last_fallback_all_begins_anew(void **state)
{
    static const char *const spec = LLM TPU_POOL ", spot: true}]\n";
    struct gke_rig *rig = *state;

    gke_fault(rig, "stockout", "europe-west4-a ct6e-standard-4t spot", -1);
    stop_at(rig, spec, "Not all instances running in IGM");
    gke_clear_faults(rig);
    gke_good(rig, gke_try_apply(rig, spec));
    assert_true(gke_index_of(rig, "Deleting", "failed create left") >= 0);
    assert_true(llmd__json_bool(gke_pool_of(rig, "tpu"), "config.spot", false));
}

static void P2_without_a_fallback_it_ends_and_leaves_no_pool(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "stockout", "", -1);
    gke_bad(rig, gke_try_apply(rig, WITH_TPU), LLMD_E_FAILED, "GCE_STOCKOUT");
    assert_int_equal(gke_count_of(rig, "pools"), 1);
    gke_clear_faults(rig);
    gke_good(rig, gke_try_apply(rig, WITH_TPU));
    assert_int_equal(gke_count_of(rig, "pools"), 2);
}

static void P4_quota_is_told_and_no_fallback_tried(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "tpu-quota", "europe-west4", -1);
    gke_bad(rig, gke_try_apply(rig, LLM TPU_POOL ", fallbacks: [{spot: true}]}]\n"), LLMD_E_FAILED,
            "TPUS_PER_TPU_FAMILY");
    assert_int_equal(gke_index_of(rig, "Fallback", ""), -1);
}

static void P5_a_policy_is_told_by_its_name(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "org-policy", "", -1);
    gke_bad(rig, gke_try_apply(rig, WITH_TPU), LLMD_E_DENIED, "customConstraints/");
}

static void P1_a_machine_that_the_zone_lacks_is_no_stockout(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "machine-type-absent", "ct6e-standard-4t", -1);
    llmd_error *error = gke_try_apply(rig, LLM TPU_POOL ", fallbacks: [{spot: true}]}]\n");
    assert_non_null(error);
    llmd_error_free(error);
    assert_int_equal(gke_index_of(rig, "Fallback", ""), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        GKE_TEST(P20_a_cluster_is_made_and_its_chips_can_be_had),
        GKE_TEST(again_changes_nothing),
        GKE_TEST(what_is_gone_already_is_proven_gone),
        GKE_TEST(it_can_be_read_and_connected_to),
        GKE_TEST(P114_a_partial_list_is_an_error),
        GKE_TEST(what_is_not_there_is_not_found),
        GKE_TEST(pools_can_be_read_and_waited_for),
        GKE_TEST(a_name_that_leads_elsewhere_is_refused),
        GKE_TEST(a_cluster_that_is_not_found_comes_with_those_that_are),
        GKE_TEST(P21_what_others_made_is_adopted_only_when_asked),
        GKE_TEST(P21_another_network_is_a_difference),
        GKE_TEST(sizes_and_autoscaling_are_changed),
        GKE_TEST(channel_and_versions_are_changed_in_their_order),
        GKE_TEST(P13_P14_gateway_api_is_switched_on_when_asked),
        GKE_TEST(a_pool_comes_and_goes_alone),
        GKE_TEST(P2_P110_a_stockout_is_told_early_and_the_next_fallback_made),
        GKE_TEST(P2_a_run_after_a_kill_goes_on_with_the_next_fallback),
        GKE_TEST(P2_after_the_last_fallback_all_begins_anew),
        GKE_TEST(P2_without_a_fallback_it_ends_and_leaves_no_pool),
        GKE_TEST(P4_quota_is_told_and_no_fallback_tried),
        GKE_TEST(P5_a_policy_is_told_by_its_name),
        GKE_TEST(P1_a_machine_that_the_zone_lacks_is_no_stockout),
    };

    if (argc > 1) /* "P2*": these alone */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
