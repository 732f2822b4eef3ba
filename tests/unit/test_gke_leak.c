/* SPDX-License-Identifier: Apache-2.0 */
/* Whose it is, of all that is left after a cluster (P139). */
#include "gke/leak_survey.h"

#include "base/yaml.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define P "https://www.googleapis.com/compute/v1/projects/p/"
#define R P "regions/europe-west4/"
#define Z P "zones/europe-west4-a/"
/* Links between things often have another host. */
#define OTHER_R "https://compute.googleapis.com/compute/v1/projects/p/regions/europe-west4/"

static const char project[] =
    "forwardingRules:\n"
    "- {name: gkegw1-abcd-llm-edge-x1, region: regions/europe-west4, IPAddress: 34.90.1.2, "
    "target: " OTHER_R "targetHttpProxies/gkegw1-abcd-llm-edge-x1, selfLink: " R
    "forwardingRules/gkegw1-abcd-llm-edge-x1}\n"
    "- {name: gkegw1-zzzz-web-site-x2, region: regions/europe-west4, IPAddress: 34.90.9.9, "
    "description: "
    "'{\"k8sCluster\":\"/projects/1/locations/europe-west4-a/clusters/web\"}', selfLink: " R
    "forwardingRules/gkegw1-zzzz-web-site-x2}\n"
    "- {name: shop, region: regions/europe-west4, IPAddress: 34.90.7.7, selfLink: " R
    "forwardingRules/shop}\n"
    "- {name: gkegw1-abcd-llm-edge-x1, region: regions/us-east5, selfLink: " P
    "regions/us-east5/forwardingRules/far}\n"
    "targetHttpProxies:\n"
    "- {name: gkegw1-abcd-llm-edge-x1, region: regions/europe-west4, urlMap: " OTHER_R
    "urlMaps/map-of-another-name, selfLink: " R "targetHttpProxies/gkegw1-abcd-llm-edge-x1}\n"
    "urlMaps:\n"
    "- {name: k8s2-um-1, region: regions/europe-west4, defaultService: " R
    "backendServices/k8s1-bs, selfLink: " R "urlMaps/map-of-another-name}\n"
    "backendServices:\n"
    "- {name: k8s1-bs, region: regions/europe-west4, healthChecks: [" OTHER_R
    "healthChecks/k8s1-hc], backends: "
    "[{group: " Z "networkEndpointGroups/k8s1-neg}], selfLink: " R "backendServices/k8s1-bs}\n"
    "- {name: k8s1-stray, region: regions/europe-west4, selfLink: " R
    "backendServices/k8s1-stray}\n"
    "healthChecks:\n"
    "- {name: k8s1-hc, region: regions/europe-west4, selfLink: " R "healthChecks/k8s1-hc}\n"
    "networkEndpointGroups:\n"
    "- {name: k8s1-neg, zone: zones/europe-west4-a, selfLink: " Z
    "networkEndpointGroups/k8s1-neg}\n"
    "addresses:\n"
    "- {name: edge, region: regions/europe-west4, status: RESERVED, description: "
    "managed-by=libllmd, selfLink: " R "addresses/edge}\n"
    "- {name: shop, region: regions/europe-west4, status: IN_USE, selfLink: " R "addresses/shop}\n"
    "instances:\n"
    "- {name: gke-llm-tpu-1a2b3c4d-x9z1, zone: zones/europe-west4-a, labels: "
    "{goog-k8s-cluster-name: llm, "
    "goog-k8s-cluster-location: europe-west4-a}, selfLink: " Z "instances/n1}\n"
    "- {name: gke-llm-tpu-9f9f9f9f-aaaa, zone: zones/europe-west4-a, labels: "
    "{goog-k8s-cluster-name: llm, "
    "goog-k8s-cluster-location: europe-west4-b}, selfLink: " Z "instances/n2}\n"
    "- {name: gke-llm-two-pool-77777777-bbbb, zone: zones/europe-west4-a, selfLink: " Z
    "instances/n3}\n"
    "disks:\n"
    "- {name: pvc-1, zone: zones/europe-west4-a, labels: {goog-k8s-cluster-name: llm}, selfLink: " Z
    "disks/pvc-1}\n"
    "- {name: pvc-2, zone: zones/europe-west4-a, selfLink: " Z "disks/pvc-2}\n"
    "- {name: database, zone: zones/europe-west4-a, selfLink: " Z "disks/database}\n";

static struct json *json_of(const char *text)
{
    struct json *json = NULL;
    llmd_error *error = llmd__yaml_parse(text, "test", &json);

    if (error)
        fail_msg("%s", llmd_error_message(error));
    return json;
}

static struct json *list_of(const char *text)
{
    AUTO(str) char *whole = llmd__format("list: %s", text);
    AUTO(json) struct json *json = json_of(whole);

    return llmd__json_detach(json, "list");
}

static const char *owner_of(const struct json *finds, const char *kind, const char *name)
{
    JSON_EACH(find, finds) {
        if (strcmp(llmd__json_str(find, "kind"), kind) == 0 &&
            strcmp(llmd__json_str(find, "name"), name) == 0)
            return llmd__json_str(find, "owner");
    }
    return "-";
}

static struct json *survey(const struct leak_cluster *cluster)
{
    AUTO(json) struct json *lists = json_of(project);
    struct json *finds = NULL;

    assert_null(llmd__leak_survey(lists, cluster, &finds));
    return finds;
}

static void expect(const struct json *finds, const char *const rows[][3], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(owner_of(finds, rows[i][0], rows[i][1]), rows[i][2]) != 0)
            fail_msg("%s %s: %s, want %s", rows[i][0], rows[i][1],
                     owner_of(finds, rows[i][0], rows[i][1]), rows[i][2]);
}

/* While it stands the Gateway's address is known, and everything hangs on it. */
static void test_P139_a_gateway_owns_its_chain(void **state)
{
    static const char *const rows[][3] = {
        {"forwardingRules", "gkegw1-abcd-llm-edge-x1", "ours"},
        {"targetHttpProxies", "gkegw1-abcd-llm-edge-x1", "ours"},
        {"urlMaps", "k8s2-um-1", "ours"},
        {"backendServices", "k8s1-bs", "ours"},
        {"healthChecks", "k8s1-hc", "ours"},
        {"networkEndpointGroups", "k8s1-neg", "ours"},
        {"backendServices", "k8s1-stray", "unknown"},
        {"forwardingRules", "gkegw1-zzzz-web-site-x2", "-"}, /* another cluster's */
        {"forwardingRules", "shop", "-"},
        {"instances", "gke-llm-tpu-1a2b3c4d-x9z1", "ours"},
        {"instances", "gke-llm-tpu-9f9f9f9f-aaaa", "-"},            /* same name, other zone */
        {"instances", "gke-llm-two-pool-77777777-bbbb", "unknown"}, /* cluster llm, or llm-two? */
        {"disks", "pvc-1", "ours"},
        {"disks", "pvc-2", "unknown"},
        {"disks", "database", "-"},
        {"addresses", "edge", "other"}, /* idle, and llmd_network_delete()'s matter */
        {"addresses", "shop", "-"},
    };
    AUTO(json) struct json *addresses = list_of("[34.90.1.2]");
    struct leak_cluster cluster = {.name = "llm",
                                   .location = "europe-west4-a",
                                   .region = "europe-west4",
                                   .addresses = addresses};
    AUTO(json) struct json *finds = survey(&cluster);

    (void)state;
    expect(finds, rows, sizeof(rows) / sizeof(rows[0]));
}

/* Afterwards the record remembers; the far region's rule of the same name is not in reach. */
static void test_P139_the_record_remembers(void **state)
{
    static const char *const rows[][3] = {
        {"forwardingRules", "gkegw1-abcd-llm-edge-x1", "ours"},
        {"healthChecks", "k8s1-hc", "ours"},
        {"backendServices", "k8s1-stray", "unknown"},
    };
    AUTO(json)
    struct json *recorded = list_of("[{link: " R "forwardingRules/gkegw1-abcd-llm-edge-x1}]");
    struct leak_cluster cluster = {.name = "llm",
                                   .location = "europe-west4-a",
                                   .region = "europe-west4",
                                   .recorded = recorded};
    AUTO(json) struct json *finds = survey(&cluster);
    size_t rules = 0;

    (void)state;
    expect(finds, rows, sizeof(rows) / sizeof(rows[0]));
    JSON_EACH(find, finds) {
        rules += strcmp(llmd__json_str(find, "kind"), "forwardingRules") == 0;
    }
    assert_int_equal(rules, 1);
}

/* A cluster that was gone already: GKE's things whose owner no name tells are told as such. */
static void test_P139_without_a_record(void **state)
{
    static const char *const rows[][3] = {
        {"forwardingRules", "gkegw1-abcd-llm-edge-x1", "unknown"},
        {"urlMaps", "k8s2-um-1", "unknown"},
        {"forwardingRules", "gkegw1-zzzz-web-site-x2", "-"},
        {"instances", "gke-llm-tpu-1a2b3c4d-x9z1", "ours"},
    };
    struct leak_cluster cluster = {
        .name = "llm", .location = "europe-west4-a", .region = "europe-west4"};
    AUTO(json) struct json *finds = survey(&cluster);

    (void)state;
    expect(finds, rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_descriptions_and_groups(void **state)
{
    static const struct {
        const char *description, *name, *owner;
    } cases[] = {
        {"{\"k8sCluster\":\"/projects/1/locations/europe-west4-a/clusters/llm\"}", "a", "ours"},
        {"{\"k8sCluster\":\"/projects/1/locations/europe-west4-a/clusters/llm-two\"}", "b", "-"},
        {"{\"k8sCluster\":\"/projects/1/locations/europe-west4-b/clusters/llm\"}", "c", "-"},
        {"{\"k8sCluster\":\"/projects/1/locations/xeurope-west4-a/clusters/llm\"}", "d", "-"},
        {"", "gke-llm-odd-12345678-node", "ours"}, /* of a group that the cluster had */
        {"", "gke-llm-odd-99999999-node", "unknown"},
        {"", "mine", "-"},
    };
    AUTO(json) struct json *groups = list_of("[gke-llm-odd-12345678-grp]");
    struct leak_cluster cluster = {
        .name = "llm", .location = "europe-west4-a", .region = "europe-west4", .groups = groups};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(json) struct json *lists = NULL;
        AUTO(json) struct json *finds = NULL;

        assert_null(llmd__json_make(&lists,
                                    "{'instances': [{'name': %s, 'description': %s, 'zone': "
                                    "'zones/europe-west4-a', 'selfLink': 'x'}]}",
                                    cases[i].name, cases[i].description));
        assert_null(llmd__leak_survey(lists, &cluster, &finds));
        if (strcmp(owner_of(finds, "instances", cases[i].name), cases[i].owner) != 0)
            fail_msg("%s %s: %s", cases[i].name, cases[i].description,
                     owner_of(finds, "instances", cases[i].name));
    }
}

/* Neighbours: what hangs on their load balancers or bears the name of their nodes is theirs. */
static void test_neighbours_are_no_riddle(void **state)
{
    static const char *const rows[][3] = {
        {"firewalls", "gke-web-12345678-all", "-"},
        {"firewalls", "gke-webshop-12345678-all", "unknown"}, /* of no cluster that is seen */
        {"healthChecks", "gkegw1-zzzz-hc", "-"},
        {"healthChecks", "k8s1-hc-of-web", "-"},
        {"healthChecks", "k8s1-hc-of-nobody", "unknown"},
    };
    AUTO(json)
    struct json *lists = json_of(
        "forwardingRules: [{name: gkegw1-zzzz-rule, description: "
        "'/locations/europe-west4-a/clusters/web', target: 'https://x/projects/p/hc/1', selfLink: "
        "'https://x/projects/p/rule'}]\n"
        "healthChecks: [{name: gkegw1-zzzz-hc, selfLink: 'https://x/projects/p/hc/0'}, {name: "
        "k8s1-hc-of-web, selfLink: 'https://y/projects/p/hc/1'}, {name: k8s1-hc-of-nobody, "
        "selfLink: 'https://y/projects/p/hc/2'}]\n"
        "firewalls: [{name: gke-web-12345678-all, selfLink: f1}, {name: gke-webshop-12345678-all, "
        "selfLink: f2}]\n"
        "instances: [{name: gke-web-pool-1, labels: {goog-k8s-cluster-name: web}, selfLink: "
        "i1}]\n");
    struct leak_cluster cluster = {
        .name = "llm", .location = "europe-west4-a", .region = "europe-west4"};
    AUTO(json) struct json *finds = NULL;

    (void)state;
    assert_null(llmd__leak_survey(lists, &cluster, &finds));
    expect(finds, rows, sizeof(rows) / sizeof(rows[0]));
}

static llmd_error *survey_once(void *data)
{
    struct leak_cluster cluster = {
        .name = "llm", .location = "europe-west4-a", .region = "europe-west4"};
    AUTO(json) struct json *lists = NULL;
    AUTO(json) struct json *finds = NULL;

    TRY(llmd__yaml_parse(data, "test", &lists));
    return llmd__leak_survey(lists, &cluster, &finds);
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(survey_once, (void *)(uintptr_t)project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_P139_a_gateway_owns_its_chain),
        cmocka_unit_test(test_P139_the_record_remembers),
        cmocka_unit_test(test_P139_without_a_record),
        cmocka_unit_test(test_descriptions_and_groups),
        cmocka_unit_test(test_neighbours_are_no_riddle),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
