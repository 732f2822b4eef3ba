/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters and pools of the sandbox's Google side, and the Kubernetes side that they come with. */
#include "support/google.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER CONTAINER "/clusters/edge"

static int start(void **state)
{
    (void)state;
    return google_start(NULL);
}

static int make_cluster_with(const char *const *arguments)
{
    if (google_start(arguments) != 0)
        return -1;
    google_make_cluster();
    return 0;
}

static int start_with_cluster(void **state)
{
    (void)state;
    return make_cluster_with(NULL);
}

/* Where an operation must still run when the next request comes, also on a slow machine. */
static int start_slowly_with_cluster(void **state)
{
    (void)state;
    return make_cluster_with((const char *const[]){"--time-scale", "0.01", NULL});
}

static int stop(void **state)
{
    (void)state;
    api_stop();
    return 0;
}

/* ---- clusters ---- */

static void demands_a_token(void **state)
{
    (void)state;
    int status;
    AUTO(json) struct json *none = api_ask("GET", CONTAINER "/clusters", NULL, NULL, &status);
    assert_int_equal(status, 401);
    assert_string_equal(llmd__json_str(none, "error.status"), "UNAUTHENTICATED");
    assert_string_equal(llmd__json_str(none, "error.details[1].reason"), "CREDENTIALS_MISSING");
}

static void a_cluster_comes_by_its_operation(void **state)
{
    (void)state;
    AUTO(json)
    struct json *begun = google_send("POST", CONTAINER "/clusters",
                                     "{\"cluster\":{\"name\":\"edge\",\"initialNodeCount\":1}}");
    assert_string_equal(llmd__json_str(begun, "operationType"), "CREATE_CLUSTER");
    AUTO(json) struct json *young = google_get(CLUSTER);
    assert_string_equal(llmd__json_str(young, "status"), "PROVISIONING");
    assert_null(llmd__json_get(young, "endpoint"));
    AUTO(json) struct json *done = google_await(llmd__json_str(begun, "name"));
    assert_null(llmd__json_get(done, "error"));
    assert_true(*llmd__json_str(done, "endTime"));
    /* int64 is a string on the wire, and the last phase may end short. */
    assert_string_equal(llmd__json_str(done, "progress.metrics[2].intValue"), "12");
    assert_string_equal(llmd__json_str(done, "progress.metrics[4].intValue"), "1");
    AUTO(json) struct json *ready = google_get(CLUSTER);
    assert_string_equal(llmd__json_str(ready, "status"), "RUNNING");
    assert_true(*llmd__json_str(ready, "endpoint"));
    assert_true(*llmd__json_str(ready, "masterAuth.clusterCaCertificate"));
    assert_string_equal(llmd__json_str(ready, "nodePools[0].name"), "default-pool");
    /* Links hold the project's number, whatever was asked with. */
    assert_non_null(strstr(llmd__json_str(ready, "selfLink"), "/projects/123456789012/zones/"));
}

static void refuses_in_googles_words(void **state)
{
    (void)state;
    static const struct {
        const char *cluster;
        const char *words;
    } rows[] = {
        {"\"nodePool\":1", "Unknown name \"nodePool\" at 'cluster': Cannot find field."},
        {"\"addonsConfig\":{\"gatewayApiConfig\":{}}",
         "Unknown name \"gatewayApiConfig\" at 'cluster.addons_config'"},
        {"\"releaseChannel\":{\"channel\":\"regular\"}",
         "Invalid value at 'cluster.release_channel.channel' "
         "(type.googleapis.com/google.container.v1.ReleaseChannel.Channel), \"regular\""},
        {"\"shieldedNodes\":{\"enabled\":\"true\"}", "(TYPE_BOOL), \"true\""},
        {"\"initialClusterVersion\":\"9.9\"", "Master version \"9.9\" is unsupported."},
        {"\"networkPolicy\":{\"enabled\":false},\"networkConfig\":{\"datapathProvider\":"
         "\"ADVANCED_DATAPATH\"}",
         "Enabling NetworkPolicy for clusters with DatapathProvider=ADVANCED_DATAPATH is not "
         "allowed."},
        {"\"nodePools\":[{\"name\":\"p\"}]", "mutually exclusive"},
        {"\"autopilot\":{\"enabled\":true},\"enableTpu\":true", "enable_tpu"},
        {"\"workloadIdentityConfig\":{\"workloadPool\":\"else.svc.id.goog\"}", "only supported"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[600];
        snprintf(body, sizeof(body), "{\"cluster\":{\"name\":\"x\",\"initialNodeCount\":1,%s}}",
                 rows[i].cluster);
        google_refuses("POST", CONTAINER "/clusters", body, 400, rows[i].words);
    }
    google_refuses("GET", CONTAINER "/clusters/none", NULL, 404,
                   "Not found: projects/my-project/locations/europe-west4-a/clusters/none.");
    google_refuses("POST", CLUSTER "/nodePools", "{\"nodePool\":{\"name\":\"p\"}}", 404,
                   "Not found");
}

static void one_mutation_at_a_time(void **state)
{
    (void)state;
    AUTO(json)
    struct json *first = google_send("POST", CLUSTER ":setResourceLabels",
                                     "{\"labelFingerprint\":\"a9dc16a7\","
                                     "\"resourceLabels\":{\"a\":\"b\"}}");
    int status;
    AUTO(json)
    struct json *second = google_ask(
        "PUT", CLUSTER, "{\"update\":{\"desiredShieldedNodes\":{\"enabled\":true}}}", &status);
    assert_int_equal(status, 400);
    assert_string_equal(llmd__json_str(second, "error.status"), "FAILED_PRECONDITION");
    assert_non_null(strstr(llmd__json_str(second, "error.message"), llmd__json_str(first, "name")));
    assert_string_equal(llmd__json_str(second, "error.details[1].reason"),
                        "CLUSTER_ALREADY_HAS_OPERATION");
    llmd__json_free(google_await(llmd__json_str(first, "name")));
    AUTO(json) struct json *cluster = google_get(CLUSTER);
    assert_string_equal(llmd__json_str(cluster, "resourceLabels.a"), "b");
    assert_string_not_equal(llmd__json_str(cluster, "labelFingerprint"), "a9dc16a7");
    google_refuses("PUT", CLUSTER,
                   "{\"update\":{\"desiredShieldedNodes\":{\"enabled\":true},\"desiredLocations\":"
                   "[\"europe-west4-a\"]}}",
                   400, "Exactly one update");
    google_refuses("POST", CONTAINER "/clusters",
                   "{\"cluster\":{\"name\":\"edge\",\"initialNodeCount\":1}}", 409,
                   "Already exists: projects/my-project/zones/europe-west4-a/clusters/edge.");
}

/* ---- pools ---- */

#define TPU_POOL(more)                                                                             \
    "{\"nodePool\":{\"name\":\"tpu\",\"config\":{\"machineType\":\"ct6e-standard-4t\"}" more "}}"

static void refuses_pools_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *pool;
        int status;
        const char *words;
    } rows[] = {
        {TPU_POOL(",\"placementPolicy\":{\"tpuTopology\":\"2x2\"}"), 400,
         "TPU topology can't be specified with single-host TPU slice pool"},
        {TPU_POOL(",\"placementPolicy\":{\"type\":\"COMPACT\",\"tpuTopology\":\"4x4\"},"
                  "\"initialNodeCount\":3"),
         400, "Node count 3 is not a valid size of TPU pod slice with topology 4x4"},
        {TPU_POOL(",\"placementPolicy\":{\"type\":\"COMPACT\",\"tpuTopology\":\"4x4\"},"
                  "\"autoscaling\":{\"enabled\":true,\"totalMaxNodeCount\":4}"),
         400, "Maximum node count 0 is not a valid size"},
        {TPU_POOL(",\"autoscaling\":{\"enabled\":true,\"maxNodeCount\":1,\"totalMaxNodeCount\":1}"),
         400, "mutually exclusive"},
        {TPU_POOL(",\"management\":{\"autoUpgrade\":false}"), 400, "Auto_upgrade must be true"},
        {TPU_POOL(",\"locations\":[\"us-east1-d\"]"), 400, "is not in region"},
        {TPU_POOL(",\"initialNodeCount\":40"), 403, "Quota 'TPUS_PER_TPU_FAMILY' exceeded"},
        {"{\"nodePool\":{\"name\":\"p\",\"config\":{\"machineType\":\"ct6e-standard-4t\",\"spot\":"
         "true,\"flexStart\":true}}}",
         400, "Spot and flex start"},
        {"{\"nodePool\":{\"name\":\"p\",\"config\":{\"flexStart\":true}}}", 400,
         "Flex start node pools require autoscaling enabled."},
        {"{\"nodePool\":{\"name\":\"p\",\"config\":{\"maxRunDuration\":\"2h\"}}}", 400,
         "google.protobuf.Duration"},
        {"{\"nodePool\":{\"name\":\"p\",\"config\":{\"taints\":[{\"effect\":\"NoSchedule\"}]}}}",
         400, "node_pool.config.taints[0].effect"},
        {"{\"nodePool\":{\"name\":\"p\",\"config\":{\"labels\":{\"cloud.google.com/compute-class\":"
         "\"x\"}}}}",
         400, "are managed by GKE or Kubernetes"},
        {"{\"nodePool\":{\"name\":\"p\",\"config\":{\"machineType\":\"z9-standard-1\"}}}", 400,
         "GCE_NOT_FOUND"},
        {"{\"nodePool\":{\"name\":\"p\",\"initialNodeCount\":30,\"config\":{\"machineType\":"
         "\"e2-standard-8\"}}}",
         403,
         "Insufficient regional quota to satisfy request: resource \"CPUS\": request requires "
         "'240.0' and is short '48.0'."},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        google_refuses("POST", CLUSTER "/nodePools", rows[i].pool, rows[i].status, rows[i].words);
}

static int node_count(const char *selector)
{
    int status;
    char path[256];
    snprintf(path, sizeof(path), "/api/v1/nodes?labelSelector=%s", selector);
    AUTO(json) struct json *nodes = google_kube("GET", path, NULL, &status);
    return (int)llmd__json_count(llmd__json_get(nodes, "items"));
}

/* The pool's only node: its name in `name`. */
static void await_node(char *name, size_t size)
{
    for (int i = 0; i < 1000; i++) {
        int status;
        AUTO(json)
        struct json *nodes = google_kube(
            "GET", "/api/v1/nodes?labelSelector=cloud.google.com/gke-nodepool=tpu", NULL, &status);
        snprintf(name, size, "%s", llmd__json_str(nodes, "items[0].metadata.name"));
        if (*name)
            return;
        pause_ms(5);
    }
    fail_msg("no TPU node came");
}

static void chips_come_after_the_node(void **state)
{
    (void)state;
    char name[128];
    char path[256];
    int status;
    AUTO(json)
    struct json *begun =
        google_send("POST", CLUSTER "/nodePools", TPU_POOL(",\"initialNodeCount\":1"));
    await_node(name, sizeof(name));
    snprintf(path, sizeof(path), "/api/v1/nodes/%s", name);
    google_kube_await(path, "status.allocatable.\"google.com/tpu\"", "4");
    AUTO(json) struct json *node = google_kube("GET", path, NULL, &status);
    assert_string_equal(
        llmd__json_str(node, "metadata.labels.\"cloud.google.com/gke-tpu-topology\""), "2x2");
    assert_string_equal(
        llmd__json_str(node, "metadata.labels.\"cloud.google.com/gke-tpu-accelerator\""),
        "tpu-v6e-slice");
    assert_string_equal(llmd__json_str(node, "spec.taints[0].key"), "google.com/tpu");
    assert_string_equal(llmd__json_str(node, "spec.taints[0].effect"), "NoSchedule");
    llmd__json_free(google_await(llmd__json_str(begun, "name")));
}

#define TPU_POD(selector)                                                                          \
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"chips\"},\"spec\":{"         \
    "\"nodeSelector\":{\"cloud.google.com/gke-tpu-accelerator\":\"tpu-v6e-slice\"" selector "},"   \
    "\"containers\":[{\"name\":\"main\",\"image\":\"vllm/"                                         \
    "vllm-tpu:v1\",\"resources\":{\"limits\":{"                                                    \
    "\"google.com/tpu\":\"4\"}}}]}}"

static void pools_scale_for_pods_and_back(void **state)
{
    (void)state;
    int status;
    google_do("POST", CLUSTER "/nodePools",
              TPU_POOL(",\"autoscaling\":{\"enabled\":true,\"maxNodeCount\":2}"));
    assert_int_equal(node_count("cloud.google.com/gke-nodepool=tpu"), 0);
    AUTO(json)
    struct json *refused =
        google_kube("POST", "/api/v1/namespaces/default/pods", TPU_POD(""), &status);
    assert_int_equal(status, 400);
    assert_non_null(strstr(llmd__json_str(refused, "message"), "GKE Warden rejected the request"));
    AUTO(json)
    struct json *taken =
        google_kube("POST", "/api/v1/namespaces/default/pods",
                    TPU_POD(",\"cloud.google.com/gke-tpu-topology\":\"2x2\""), &status);
    assert_int_equal(status, 201);
    google_kube_await("/api/v1/namespaces/default/pods/chips", "status.phase", "Running");
    assert_int_equal(node_count("cloud.google.com/gke-nodepool=tpu"), 1);
    AUTO(json)
    struct json *events = google_kube("GET", "/api/v1/namespaces/default/events", NULL, &status);
    bool triggered = false;
    JSON_EACH(event, llmd__json_get(events, "items")) {
        triggered = triggered || strcmp(llmd__json_str(event, "reason"), "TriggeredScaleUp") == 0;
    }
    assert_true(triggered);
    llmd__json_free(google_kube("DELETE", "/api/v1/namespaces/default/pods/chips", NULL, &status));
    for (int i = 0; i < 1000 && node_count("cloud.google.com/gke-nodepool=tpu") > 0; i++)
        pause_ms(10);
    assert_int_equal(node_count("cloud.google.com/gke-nodepool=tpu"), 0);
}

static void a_pod_that_fits_nowhere_is_told_so(void **state)
{
    (void)state;
    int status;
    google_do("POST", CLUSTER "/nodePools",
              TPU_POOL(",\"autoscaling\":{\"enabled\":true,\"maxNodeCount\":2}"));
    llmd__json_free(google_kube("POST", "/api/v1/namespaces/default/pods",
                                TPU_POD(",\"cloud.google.com/gke-tpu-topology\":\"4x4\""),
                                &status));
    for (int i = 0; i < 1000; i++) {
        AUTO(json)
        struct json *events =
            google_kube("GET", "/api/v1/namespaces/default/events", NULL, &status);
        JSON_EACH(event, llmd__json_get(events, "items")) {
            if (strcmp(llmd__json_str(event, "reason"), "NotTriggerScaleUp") == 0) {
                assert_string_equal(llmd__json_str(event, "message"),
                                    "pod didn't trigger scale-up: 1 node(s) didn't match Pod's "
                                    "node affinity/selector");
                return;
            }
        }
        pause_ms(10);
    }
    fail_msg("no NotTriggerScaleUp");
}

static void resizes_and_deletes(void **state)
{
    (void)state;
    int status;
    google_do("POST", CLUSTER "/nodePools/system:setSize", "{\"nodeCount\":3}");
    for (int i = 0; i < 500 && node_count("cloud.google.com/gke-nodepool=system") < 3; i++)
        pause_ms(10);
    assert_int_equal(node_count("cloud.google.com/gke-nodepool=system"), 3);
    google_do("PUT", CLUSTER,
              "{\"update\":{\"desiredNodePoolId\":\"system\",\"desiredNodePoolAutoscaling\":{"
              "\"enabled\":true,\"minNodeCount\":1,\"maxNodeCount\":4}}}");
    AUTO(json) struct json *pool = google_get(CLUSTER "/nodePools/system");
    assert_int_equal(llmd__json_int(pool, "autoscaling.maxNodeCount", 0), 4);
    google_do("DELETE", CLUSTER "/nodePools/system", NULL);
    google_refuses("GET", CLUSTER "/nodePools/system", NULL, 404, "Not found");
    google_do("DELETE", CLUSTER, NULL);
    google_refuses("GET", CLUSTER, NULL, 404, "Not found");
    AUTO(json) struct json *state_now = api_ask("GET", "/sandbox/google", NULL, NULL, &status);
    assert_int_equal(llmd__json_int(state_now, "clusters", -1), 0);
    assert_int_equal(llmd__json_int(state_now, "nodes", -1), 0);
}

/* google.api.HttpRule: "%2F" in a name is left as it is, and is no separator. */
static void a_slash_inside_a_name_leads_nowhere(void **state)
{
    (void)state;
    google_refuses("DELETE", CLUSTER "%2FnodePools%2Fsystem", NULL, 404, "Not found");
    google_refuses("GET", CONTAINER "/clusters%2fedge/nodePools", NULL, 404, "");
    llmd__json_free(google_get(CLUSTER "/nodePools/system"));
    llmd__json_free(google_get(CONTAINER "/clusters/%65dge"));
}

/* Also a disabled API, unless someone enabled it meanwhile. */
static void cleared_faults_leave_nothing_behind(void **state)
{
    int status;

    (void)state;
    google_fault("{\"fault\":\"api-disabled\",\"match\":\"container.googleapis.com\"}");
    llmd__json_free(google_ask("GET", CONTAINER "/clusters", NULL, &status));
    assert_int_equal(status, 403);
    assert_true(sandbox_process_command(api_sandbox, "faults/clear", "{}"));
    llmd__json_free(google_get(CONTAINER "/clusters"));
}

static void a_regional_cluster_has_three_zones(void **state)
{
    (void)state;
    AUTO(json)
    struct json *begun =
        google_send("POST", "/v1/projects/my-project/locations/europe-west4/clusters",
                    "{\"cluster\":{\"name\":\"wide\",\"initialNodeCount\":1}}");
    assert_string_equal(llmd__json_str(begun, "location"), "europe-west4");
    AUTO(json)
    struct json *cluster =
        google_get("/v1/projects/my-project/locations/europe-west4/clusters/wide");
    assert_int_equal(llmd__json_count(llmd__json_get(cluster, "locations")), 3);
    assert_int_equal(llmd__json_count(llmd__json_get(cluster, "nodePools[0].instanceGroupUrls")),
                     3);
    /* Also by the project's number, and in the list of all locations. */
    AUTO(json) struct json *list = google_get("/v1/projects/123456789012/locations/-/clusters");
    assert_int_equal(llmd__json_count(llmd__json_get(list, "clusters")), 1);
}

/* ---- load balancers ---- */

static int count_rules(void)
{
    AUTO(json)
    struct json *list = google_get(COMPUTE_API "/regions/europe-west4/forwardingRules");
    return (int)llmd__json_count(llmd__json_get(list, "items"));
}

static void await_rules(int wanted)
{
    for (int i = 0; i < 1000 && count_rules() != wanted; i++)
        pause_ms(10);
    assert_int_equal(count_rules(), wanted);
}

static void make_gateway(void)
{
    int status;
    google_kube_await("/apis/gateway.networking.k8s.io/v1/gatewayclasses/"
                      "gke-l7-regional-external-managed",
                      "status.conditions[0].status", "True");
    llmd__json_free(google_kube(
        "POST", "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways",
        "{\"metadata\":{\"name\":\"front\"},\"spec\":{\"gatewayClassName\":"
        "\"gke-l7-regional-external-managed\",\"listeners\":[{\"name\":\"http\",\"port\":80,"
        "\"protocol\":\"HTTP\"}]}}",
        &status));
    assert_int_equal(status, 201);
}

static void a_gateway_shows_as_a_load_balancer(void **state)
{
    (void)state;
    int status;
    make_gateway();
    await_rules(1);
    AUTO(json)
    struct json *rules = google_get(COMPUTE_API "/regions/europe-west4/forwardingRules");
    assert_true(strncmp(llmd__json_str(rules, "items[0].name"), "gkegw1-", 7) == 0);
    assert_non_null(strstr(llmd__json_str(rules, "items[0].target"), "/targetHttpProxies/"));
    llmd__json_free(google_kube(
        "DELETE", "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/front", NULL,
        &status));
    await_rules(0);
}

static void a_cluster_deleted_first_leaves_it_behind(void **state)
{
    (void)state;
    make_gateway();
    await_rules(1);
    google_do("DELETE", CLUSTER, NULL);
    pause_ms(100);
    await_rules(1);
    AUTO(json)
    struct json *rules = google_get(COMPUTE_API "/regions/europe-west4/forwardingRules");
    char path[400];
    snprintf(path, sizeof(path), COMPUTE_API "/regions/europe-west4/forwardingRules/%s",
             llmd__json_str(rules, "items[0].name"));
    llmd__json_free(google_send("DELETE", path, NULL));
    await_rules(0);
}

static void a_gateway_needs_its_proxies_subnet(void **state)
{
    (void)state;
    google_fault("{\"fault\":\"no-proxy-subnet\"}");
    pause_ms(100);
    make_gateway();
    google_kube_await("/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/front",
                      "status.conditions[1].reason", "Invalid");
    assert_int_equal(count_rules(), 0);
    llmd__json_free(google_send(
        "POST", COMPUTE_API "/regions/europe-west4/subnetworks",
        "{\"name\":\"mine\",\"network\":\"projects/my-project/global/networks/default\","
        "\"ipCidrRange\":\"192.168.7.0/24\",\"purpose\":\"REGIONAL_MANAGED_PROXY\",\"role\":"
        "\"ACTIVE\"}"));
    google_kube_await("/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/front",
                      "status.conditions[1].status", "True");
    await_rules(1);
}

static void a_command_that_it_cannot_do_says_what_it_takes(void **state)
{
    static const struct {
        const char *command, *body, *said;
    } rows[] = {
        {"faults", "{}", "\"fault\": \"503\""},
        {"faults", "{\"fault\":\"no-such\"}", "\"match\": \"GET /api\""},
        {"pause", "{\"ms\":0}", "\"ms\": 300"},
        {"nonsense", "{}", "faults/clear"},
    };
    char path[64];
    int status;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(path, sizeof(path), "/sandbox/%s", rows[i].command);
        AUTO(json) struct json *answer = api_ask("POST", path, NULL, rows[i].body, &status);
        assert_int_equal(status, 400);
        assert_non_null(strstr(llmd__json_str(answer, "message"), rows[i].said));
    }
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, start, stop)
#define READY(test) cmocka_unit_test_setup_teardown(test, start_with_cluster, stop)
    const struct CMUnitTest tests[] = {
        FRESH(demands_a_token),
        FRESH(a_cluster_comes_by_its_operation),
        FRESH(refuses_in_googles_words),
        FRESH(a_command_that_it_cannot_do_says_what_it_takes),
        cmocka_unit_test_setup_teardown(one_mutation_at_a_time, start_slowly_with_cluster, stop),
        READY(refuses_pools_that_cannot_be),
        READY(chips_come_after_the_node),
        READY(pools_scale_for_pods_and_back),
        READY(a_pod_that_fits_nowhere_is_told_so),
        READY(resizes_and_deletes),
        READY(a_slash_inside_a_name_leads_nowhere),
        FRESH(cleared_faults_leave_nothing_behind),
        FRESH(a_regional_cluster_has_three_zones),
        READY(a_gateway_shows_as_a_load_balancer),
        READY(a_cluster_deleted_first_leaves_it_behind),
        READY(a_gateway_needs_its_proxies_subnet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
