/* SPDX-License-Identifier: Apache-2.0 */
/* A preflight against the sandbox's Google: what is fine, every obstacle, and that it only reads.
 */
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

static struct cloud *google;
static struct log told;

static int set_up(void **state)
{
    (void)state;
    google = cloud_start("europe-west4-a", "0.01");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clear(&told);
    cloud_stop(google);
    return 0;
}

static const char tpu_spec[] = "name: llm\n"
                               "version: '1.34'\n"
                               "nodePools:\n"
                               "- preset: tpu-v6e-4t\n"
                               "  nodes: 1\n"
                               "  minNodes: 0\n"
                               "  maxNodes: 3\n";

static llmd_level preflight(const char *text)
{
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_task *task = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_level worst;

    clear(&told);
    if (text)
        none(llmd_cluster_spec_parse(text, &spec));
    none(llmd_cluster_preflight(google->gke, spec, &task));
    llmd_context_set_timeout_ms(ctx, 30000);
    none(llmd_task_run(ctx, task, note, &told));
    worst = llmd_task_worst(task);
    llmd_task_free(task);
    return worst;
}

static void expect_told(const char *subject, const char *reason, llmd_level level)
{
    const struct seen *seen = find(&told, subject, reason);

    if (!seen || seen->level != level || (level > LLMD_LEVEL_INFO && !*seen->advice)) {
        print(&told);
        fail_msg("%s %s: %s", subject, reason, seen ? "another level, or no advice" : "not told");
    }
}

/* ---- nothing in the way ---- */

static void test_all_is_well(void **state)
{
    (void)state;
    if (preflight(tpu_spec) > LLMD_LEVEL_INFO) {
        print(&told);
        fail_msg("a warning without a reason");
    }
    expect_told("Project/my-project", "PROJECT", LLMD_LEVEL_INFO);
    expect_told("MachineType/europe-west4-a/ct6e-standard-4t", "MACHINE_TYPE", LLMD_LEVEL_INFO);
    expect_told("TPUS-PER-TPU-FAMILY-per-project-region/CT6E", "QUOTA", LLMD_LEVEL_INFO);
    expect_told("Capacity", "CAPACITY_UNKNOWN", LLMD_LEVEL_INFO);
}

/* P8: the shape is what machineTypes.get says, and the numbers are in the result. */
static void test_P8_numbers(void **state)
{
    AUTO(json) struct json *result = NULL;
    const struct seen *machine;
    bool found = false;

    (void)state;
    preflight(tpu_spec);
    machine = find(&told, "MachineType/europe-west4-a/ct6e-standard-4t", "MACHINE_TYPE");
    assert_non_null(strstr(machine->message, "180 vCPU, 720 GB, 4 x ct6e"));
    assert_non_null(told.result);
    none(llmd__json_parse(told.result, strlen(told.result), "result", &result));
    JSON_EACH(check, llmd__json_member(result, "result")) {
        if (strncmp(llmd__json_str(check, "metric"), "TPUS-PER", 8) != 0)
            continue;
        found = true;
        assert_int_equal(llmd__json_int(check, "limit", -1), 64);
        assert_int_equal(llmd__json_int(check, "used", -1), 0);
        assert_int_equal(llmd__json_int(check, "needed", -1), 4);
    }
    assert_true(found);
}

/* ---- obstacles ---- */

static const struct obstacle {
    const char *fault, *match;
    int number;
    const char *subject, *reason;
    llmd_level level;
} obstacles[] = {
    {"wrong-permissions", "container.clusterRoles.create", 0, "Permissions/my-project",
     "PERMISSION_DENIED", LLMD_LEVEL_ERROR}, /* P9 */
    {"api-disabled", "networkservices.googleapis.com", 0, "Service/networkservices",
     "SERVICE_DISABLED", LLMD_LEVEL_ERROR}, /* P10 */
    {"billing-disabled", "", 0, "Billing/my-project", "BILLING_DISABLED", LLMD_LEVEL_ERROR},
    {"no-service-account", "", 0, "NodeAccount/", "NODE_ACCOUNT_MISSING", LLMD_LEVEL_ERROR},
    {"org-policy", "", 0, "Policy/custom", "ORG_POLICY", LLMD_LEVEL_WARNING}, /* P5 */
    {"zone-down", "europe-west4-a", 0, "Zone/europe-west4-a", "ZONE_DOWN", LLMD_LEVEL_ERROR},
    {"machine-type-absent", "ct6e-standard-4t europe-west4-a", 0,
     "MachineType/europe-west4-a/ct6e-standard-4t", "MACHINE_TYPE_NOT_FOUND",
     LLMD_LEVEL_ERROR}, /* P1, P3 */
    {"tpu-quota", "europe-west4", 0, "TPUS-PER-TPU-FAMILY", "QUOTA_EXCEEDED",
     LLMD_LEVEL_ERROR}, /* P4, C46 */
    {"cpu-quota", "europe-west4", 4, "Quota/europe-west4/CPUS", "QUOTA_EXCEEDED", LLMD_LEVEL_ERROR},
    {"address-quota", "europe-west4", 1, "Quota/europe-west4/IN_USE_ADDRESSES", "QUOTA_EXCEEDED",
     LLMD_LEVEL_ERROR},
    {"no-proxy-subnet", "", 0, "ProxyOnlySubnet/europe-west4", "NO_PROXY_ONLY_SUBNET",
     LLMD_LEVEL_WARNING},                                                                 /* P11 */
    {"missing-zones", "europe-west4-a", 0, "Cluster/llm", "UNKNOWN", LLMD_LEVEL_WARNING}, /* P114 */
};
#define OBSTACLES (sizeof(obstacles) / sizeof(obstacles[0]))

/* A thirteenth and fourteenth need no fault: they stand in the spec. */
static const char obstructed[] = "name: llm\n"
                                 "version: '1.12'\n"
                                 "privateNodes: false\n"
                                 "nodePools:\n"
                                 "- name: system\n"
                                 "  machine: z9-standard-4\n"
                                 "  nodes: 1\n"
                                 "- name: cpus\n"
                                 "  machine: e2-standard-4\n"
                                 "  nodes: 2\n"
                                 "- preset: tpu-v6e-4t\n"
                                 "  nodes: 1\n";

static void set_all(void)
{
    for (size_t i = 0; i < OBSTACLES; i++)
        cloud_fault(google, obstacles[i].fault, obstacles[i].match, obstacles[i].number);
}

static void expect_all(void)
{
    for (size_t i = 0; i < OBSTACLES; i++)
        expect_told(obstacles[i].subject, obstacles[i].reason, obstacles[i].level);
}

static void test_P1_P3_P4_P5_P9_P10_P11_P113_P114_in_one_run(void **state)
{
    (void)state;
    set_all();
    assert_int_equal(preflight(obstructed), LLMD_LEVEL_ERROR);
    expect_all();
    expect_told("Version/1.12", "VERSION_NOT_OFFERED", LLMD_LEVEL_ERROR);
    expect_told("MachineType/europe-west4-a/z9-standard-4", "MACHINE_TYPE_NOT_FOUND",
                LLMD_LEVEL_ERROR); /* P113 */
    assert_non_null(strstr(find(&told, "a/ct6e-standard-4t", "MACHINE_TYPE_NOT_FOUND")->advice,
                           "us-east5-a")); /* P3: where it is */
}

/* Each alone, so that none is found by another one's symptom. */
static void test_each_obstacle_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < OBSTACLES; i++) {
        bool disabled = strcmp(obstacles[i].fault, "api-disabled") == 0;

        if (disabled)
            continue; /* a state that only enabling ends */
        cloud_fault(google, obstacles[i].fault, obstacles[i].match, obstacles[i].number);
        preflight(obstructed);
        expect_told(obstacles[i].subject, obstacles[i].reason, obstacles[i].level);
        for (size_t j = 0; j < OBSTACLES; j++)
            if (j != i && find(&told, obstacles[j].subject, obstacles[j].reason))
                fail_msg("%s alone tells of %s too", obstacles[i].fault, obstacles[j].fault);
        cloud_no_faults(google);
    }
}

/* ---- it only reads ---- */

static char *record_text(void)
{
    FILE *file = fopen(google->record, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static bool reads(const struct json *request)
{
    const char *method = llmd__json_str(request, "method");
    const char *path = llmd__json_str(request, "target");

    return strcmp(method, "GET") == 0 || strstr(path, ":testIamPermissions") ||
           strstr(path, "oauth2.googleapis.com/token") || strstr(path, "/sandbox/");
}

static void test_nothing_is_changed(void **state)
{
    char *text, *save = NULL;
    size_t requests = 0;

    (void)state;
    set_all();
    preflight(obstructed);
    preflight(NULL);
    text = record_text();
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        AUTO(json) struct json *request = NULL;

        none(llmd__json_parse(line, strlen(line), "record", &request));
        if (!reads(request))
            fail_msg("not a read: %.300s", line);
        requests++;
    }
    free(text);
    assert_true(requests > 50);
}

#define LATENCY_MS 500

/* How many calls of the record, from this byte on, came strictly one after another: each was sent
   when the one before it had been answered. What is asked side by side overlaps, and counts once,
   however long a busy machine takes; only a stall as long as a call's latency would split it. */
static int rounds_from(size_t begin)
{
    char *text = record_text(), *save = NULL;
    int64_t last_end_ms = 0;
    int rounds = 0, calls = 0;

    assert_true(begin < strlen(text));
    for (char *line = strtok_r(text + begin, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save), calls++) {
        AUTO(json) struct json *request = NULL;
        int64_t end_ms;

        none(llmd__json_parse(line, strlen(line), "record", &request));
        end_ms = llmd__json_int(request, "t_ms", 0); /* written when it is answered */
        if (end_ms - LATENCY_MS < last_end_ms)
            continue;
        rounds++;
        last_end_ms = end_ms;
    }
    free(text);
    print_message("%d calls in %d rounds\n", calls, rounds);
    assert_true(calls > 20);
    return rounds;
}

/* Side by side: the longest chain of calls that need each other is project -> permissions on the
   node account -> that account: three. */
static void test_latency_is_that_of_the_longest_chain(void **state)
{
    char *text;
    size_t begin;
    int rounds;

    (void)state;
    preflight(tpu_spec); /* has the token and the connections' first use behind it */
    cloud_fault(google, "slow", "", LATENCY_MS);
    cloud_fault(google, "no-service-account", "", 0);
    text = record_text();
    begin = strlen(text);
    free(text);
    preflight(tpu_spec);
    expect_told("NodeAccount/", "NODE_ACCOUNT_MISSING", LLMD_LEVEL_ERROR);
    rounds = rounds_from(begin);
    assert_true(rounds >= 3); /* else the record shows no chain at all */
    assert_true(rounds <= 2 * 3);
}

/* ---- what is there ---- */

#define CLUSTERS "/v1/projects/my-project/locations/europe-west4-a/clusters"

/* A cluster of this name that is not ours, and what it lacks. */
static void test_P13_P14_P21_P106_a_cluster_that_is_not_ours(void **state)
{
    (void)state;
    assert_int_equal(cloud_ask(google, GOOGLE_CONTAINER, "POST", CLUSTERS,
                               "{\"cluster\":{\"name\":\"llm\",\"nodePools\":[{\"name\":"
                               "\"default-pool\",\"initialNodeCount\":1}],\"addonsConfig\":{"
                               "\"httpLoadBalancing\":{\"disabled\":true},"
                               "\"horizontalPodAutoscaling\":{\"disabled\":true}}}}",
                               NULL),
                     200);
    assert_int_equal(preflight(tpu_spec), LLMD_LEVEL_ERROR);
    expect_told("Cluster/llm", "CLUSTER_NOT_OURS", LLMD_LEVEL_ERROR);
    expect_told("Cluster/llm", "GATEWAY_API_DISABLED", LLMD_LEVEL_ERROR);
    expect_told("Cluster/llm", "HTTP_LOAD_BALANCING_DISABLED", LLMD_LEVEL_ERROR);
    expect_told("Cluster/llm", "HPA_DISABLED", LLMD_LEVEL_WARNING);
}

static void test_the_weekly_look(void **state)
{
    (void)state;
    assert_int_equal(cloud_ask(google, GOOGLE_COMPUTE, "POST",
                               "/compute/v1/projects/my-project/regions/europe-west4/addresses",
                               "{\"name\":\"idle\"}", NULL),
                     200);
    for (int i = 0; i < 50 && cloud_ask(google, GOOGLE_COMPUTE, "GET",
                                        "/compute/v1/projects/my-project/regions/europe-west4/"
                                        "addresses/idle",
                                        NULL, NULL) != 200;
         i++)
        none(llmd__context_sleep(NULL, 50));
    preflight(NULL);
    expect_told("Address/idle", "ADDRESS_IDLE", LLMD_LEVEL_WARNING);
    expect_told("ProxyOnlySubnet/proxy-only", "PROXY_ONLY_SUBNET", LLMD_LEVEL_INFO);
    expect_told("Quota/europe-west4", "QUOTAS", LLMD_LEVEL_INFO);
    expect_told("Quota/europe-west4/TPUS-PER-TPU-FAMILY", "QUOTA", LLMD_LEVEL_INFO);
}

/* Reserved capacity can be asked for: whether it is there, for this machine, and free. */
static void test_reservations(void **state)
{
    static const char spec[] = "name: llm\nnodePools:\n- {preset: tpu-v6e-4t, nodes: 2, "
                               "reservation: kept}\n";

    (void)state;
    preflight(spec);
    expect_told("Reservation/europe-west4-a/kept", "RESERVATION_NOT_FOUND", LLMD_LEVEL_ERROR);
}

/* GPUs, a region and no zones: GKE chooses, and the machine type is looked for in all of it. */
static void test_a_region_with_gpus(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    llmd_gke *zone = google->gke;

    (void)state;
    none(llmd_credentials_google(NULL, google->credentials, &credentials));
    none(llmd_gke_open(credentials, "my-project", "europe-west4", &google->gke));
    preflight("name: llm\nnodePools:\n- {preset: nvidia-l4, nodes: 1}\n"
              "- {preset: nvidia-a100, nodes: 1, spot: true}\n");
    expect_told("MachineType/europe-west4/g2-standard", "MACHINE_TYPE", LLMD_LEVEL_INFO);
    expect_told("MachineType/europe-west4/a2-highgpu-1g", "MACHINE_TYPE_IN_FEW_ZONES",
                LLMD_LEVEL_WARNING);
    expect_told("Quota/europe-west4/NVIDIA_L4_GPUS", "QUOTA", LLMD_LEVEL_INFO);
    llmd_gke_free(google->gke);
    google->gke = zone;
}

#define SCENARIO(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(test_all_is_well),
        SCENARIO(test_P8_numbers),
        SCENARIO(test_P1_P3_P4_P5_P9_P10_P11_P113_P114_in_one_run),
        SCENARIO(test_each_obstacle_alone),
        SCENARIO(test_nothing_is_changed),
        SCENARIO(test_latency_is_that_of_the_longest_chain),
        SCENARIO(test_P13_P14_P21_P106_a_cluster_that_is_not_ours),
        SCENARIO(test_the_weekly_look),
        SCENARIO(test_reservations),
        SCENARIO(test_a_region_with_gpus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
