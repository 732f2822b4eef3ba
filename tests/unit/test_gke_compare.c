/* SPDX-License-Identifier: Apache-2.0 */
/* What there is against what is wanted: which calls, one change each, and what no call changes. */
#include "base/yaml.h"
#include "gke/compare.h"
#include "gke/cluster_manifest.h"
#include "gke/version.h"
#include "support/errors.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json *read(const char *yaml)
{
    struct json *json = NULL;

    none(llmd__yaml_parse(yaml, "test", &json));
    return json;
}

/* One line a change: "PUT |{body}", with the warning's first word behind it. */
static void describe(const struct json *changes, struct buf *out)
{
    JSON_EACH(change, changes) {
        AUTO(str) char *body = NULL;
        const char *warning = llmd__json_str(change, "warning");

        assert_true(*llmd__json_str(change, "what"));
        none(llmd__json_print(llmd__json_member(change, "body"), &body));
        llmd__buf_format(out, "%s%s %s %s%s", out->len ? "\n" : "",
                         llmd__json_str(change, "method"), llmd__json_str(change, "path"), body,
                         *warning ? " !" : "");
    }
}

static void assert_changes(const char *spec, const struct json *changes, const char *wanted)
{
    struct buf text = BUF_INIT;
    struct buf quoted = BUF_INIT;

    describe(changes, &text);
    for (; *wanted; wanted++)
        llmd__buf_char(&quoted, *wanted == '\'' ? '"' : *wanted);
    if (strcmp(llmd__buf_text(&text), llmd__buf_text(&quoted)) != 0)
        fail_msg("%s:\nwant %s\ngot  %s", spec, llmd__buf_text(&quoted), llmd__buf_text(&text));
    llmd__buf_free(&text);
    llmd__buf_free(&quoted);
}

/* ---- clusters ---- */

/* As GKE answers for a cluster that lacks nothing. */
#define FULL                                                                                       \
    "currentMasterVersion: 1.34.1-gke.100\n"                                                       \
    "releaseChannel: {channel: REGULAR}\n"                                                         \
    "network: default\nsubnetwork: default\nlocations: [europe-west4-a]\n"                         \
    "ipAllocationPolicy: {useIpAliases: true}\n"
#define GATEWAY "gatewayApiConfig: {channel: CHANNEL_STANDARD}"
#define DATAPLANE "datapathProvider: ADVANCED_DATAPATH"
#define READY FULL "networkConfig: {" GATEWAY ", " DATAPLANE "}\naddonsConfig: {}\n"

struct cluster_row {
    const char *id, *spec, *cluster;
    const char *changes;    /* ' stands for " */
    const char *difference; /* "" none */
    const char *missing;    /* a part of it; "" none at all */
};

#define MISSING "enableMissing: true\n"

static const struct cluster_row clusters[] = {
    {"as wanted", "", READY, "", "", ""},
    {"version of one control plane alone", "version: '1.35'", READY "location: europe-west4-a\n",
     "PUT  {'update':{'desiredMasterVersion':'1.35'}} !", "", ""},
    {"version", "version: '1.35'", READY, "PUT  {'update':{'desiredMasterVersion':'1.35'}}", "",
     ""},
    {"version, met", "version: '1.34'", READY, "", "", ""},
    {"version, newer by itself", "version: '1.33'", READY, "", "", ""},
    {"channel", "releaseChannel: rapid", READY,
     "PUT  {'update':{'desiredReleaseChannel':{'channel':'RAPID'}}}", "", ""},
    {"channel, met", "releaseChannel: regular", READY, "", "", ""},
    {"DNS endpoint", "dnsEndpoint: true", READY,
     "PUT  {'update':{'desiredControlPlaneEndpointsConfig':{'dnsEndpointConfig':{"
     "'allowExternalTraffic':true}}}}",
     "", ""},
    {"DNS endpoint, met", "dnsEndpoint: true",
     READY "controlPlaneEndpointsConfig: {dnsEndpointConfig: {allowExternalTraffic: true}}\n", "",
     "", ""},
    {"authorized networks", "authorizedNetworks: [10.0.0.0/8]", READY,
     "PUT  {'update':{'desiredControlPlaneEndpointsConfig':{'ipEndpointsConfig':{"
     "'authorizedNetworksConfig':{'enabled':true,'cidrBlocks':[{'cidrBlock':'10.0.0.0/8'}]}}}}}",
     "", ""},
    {"authorized networks, met, by the old key", "authorizedNetworks: [10.0.0.0/8]",
     READY "masterAuthorizedNetworksConfig: {enabled: true, cidrBlocks: [{cidrBlock: "
           "10.0.0.0/8}]}\n",
     "", "", ""},
    {"authorized networks, one too many", "authorizedNetworks: [10.0.0.0/8]",
     READY "masterAuthorizedNetworksConfig: {enabled: true, cidrBlocks: [{cidrBlock: "
           "10.0.0.0/8}, {cidrBlock: 0.0.0.0/0}]}\n",
     "PUT  {'update':{'desiredControlPlaneEndpointsConfig':{'ipEndpointsConfig':{"
     "'authorizedNetworksConfig':{'enabled':true,'cidrBlocks':[{'cidrBlock':'10.0.0.0/8'}]}}}}}",
     "", ""},
    {"labels, others stay", "labels: {team: ml}",
     READY "resourceLabels: {managed-by: libllmd, by: hand}\nlabelFingerprint: abc\n",
     "POST :setResourceLabels {'resourceLabels':{'managed-by':'libllmd','by':'hand','team':'ml'},"
     "'labelFingerprint':'abc'}",
     "", ""},
    {"labels, met", "labels: {team: ml}", READY "resourceLabels: {team: ml, by: hand}\n", "", "",
     ""},
    /* P13, P18: the path is networkConfig.gatewayApiConfig.channel. */
    {"P13", MISSING, FULL "networkConfig: {" DATAPLANE "}\n",
     "PUT  {'update':{'desiredGatewayApiConfig':{'channel':'CHANNEL_STANDARD'}}} !", "", ""},
    {"P18", MISSING,
     FULL "networkConfig: {" DATAPLANE "}\n"
          "addonsConfig: {gatewayApiConfig: {channel: CHANNEL_STANDARD}}\n",
     "PUT  {'update':{'desiredGatewayApiConfig':{'channel':'CHANNEL_STANDARD'}}} !", "", ""},
    {"P13, disabled", MISSING,
     FULL "networkConfig: {" DATAPLANE ", gatewayApiConfig: {channel: CHANNEL_DISABLED}}\n",
     "PUT  {'update':{'desiredGatewayApiConfig':{'channel':'CHANNEL_STANDARD'}}} !", "", ""},
    {"P14", MISSING, READY "addonsConfig: {httpLoadBalancing: {disabled: true}}\n",
     "PUT  {'update':{'desiredAddonsConfig':{'httpLoadBalancing':{'disabled':false}}}}", "", ""},
    {"P13 and P14, in their order", MISSING,
     FULL "networkConfig: {" DATAPLANE "}\naddonsConfig: {httpLoadBalancing: {disabled: true}}\n",
     "PUT  {'update':{'desiredAddonsConfig':{'httpLoadBalancing':{'disabled':false}}}}\n"
     "PUT  {'update':{'desiredGatewayApiConfig':{'channel':'CHANNEL_STANDARD'}}} !",
     "", ""},
    {"P13, not asked", "", FULL "networkConfig: {" DATAPLANE "}\n", "", "", "Gateway API is off"},
    {"P14, not asked", "",
     FULL "networkConfig: {" GATEWAY "}\naddonsConfig: {httpLoadBalancing: {disabled: true}}\n", "",
     "", "HTTP load balancing is off"},
    {"no gateway wanted", "gatewayApi: false\n" MISSING, FULL, "", "", ""},
    {"P106", "",
     FULL "networkConfig: {" GATEWAY "}\n"
          "addonsConfig: {horizontalPodAutoscaling: {disabled: true}}\n",
     "", "", "horizontal pod autoscaling is off"},
    {"not VPC-native", "", "networkConfig: {" GATEWAY "}\nipAllocationPolicy: {useRoutes: true}\n",
     "", "", "not VPC-native"},
    {"P19", MISSING "dataplaneV2: false\nnetworkPolicy: true\n",
     FULL "networkConfig: {" GATEWAY "}\n",
     "PUT  {'update':{'desiredAddonsConfig':{'networkPolicyConfig':{'disabled':false}}}}\n"
     "POST :setNetworkPolicy {'networkPolicy':{'enabled':true,'provider':'CALICO'}} !",
     "", ""},
    {"P19, add-on there", MISSING "dataplaneV2: false\nnetworkPolicy: true\n",
     FULL "networkConfig: {" GATEWAY "}\naddonsConfig: {networkPolicyConfig: {disabled: false}}\n",
     "POST :setNetworkPolicy {'networkPolicy':{'enabled':true,'provider':'CALICO'}} !", "", ""},
    {"P19, not asked", "dataplaneV2: false\nnetworkPolicy: true\n",
     FULL "networkConfig: {" GATEWAY "}\n", "", "", "network policies are not enforced"},
    {"network", "network: vpc\nsubnetwork: nodes", READY, "",
     "network default, wanted vpc; subnetwork default, wanted nodes", ""},
    {"network by its path", "network: projects/p/global/networks/default", READY, "", "", ""},
    {"Dataplane V2", "dataplaneV2: true", FULL "networkConfig: {" GATEWAY "}\n", "",
     "Dataplane V2 off, wanted on", ""},
    {"Dataplane V2, by default only", "", FULL "networkConfig: {" GATEWAY "}\n", "", "", ""},
    {"private nodes", "privateNodes: true", READY, "", "private nodes off, wanted on", ""},
    {"private nodes, by the old key", "privateNodes: true",
     READY "privateClusterConfig: {enablePrivateNodes: true}\n", "", "", ""},
    {"zones", "zones: [europe-west4-a, europe-west4-b]", READY, "",
     "zones europe-west4-a, wanted europe-west4-a, europe-west4-b", ""},
    {"Autopilot", "", READY "autopilot: {enabled: true}\n", "",
     "an Autopilot cluster, which makes its own nodes", ""},
};

/* In YAML a key stands once; rows add to what READY has. */
static struct json *read_cluster(const char *yaml)
{
    struct buf text = BUF_INIT;
    const char *again = strstr(yaml, "addonsConfig: {}\n");
    struct json *json;

    llmd__buf_str(&text, yaml);
    if (again) {
        llmd__buf_reset(&text);
        llmd__buf_add(&text, yaml, (size_t)(again - yaml));
        llmd__buf_str(&text, again + strlen("addonsConfig: {}\n"));
    }
    json = read(llmd__buf_text(&text));
    llmd__buf_free(&text);
    return json;
}

static void check_cluster(const struct cluster_row *row)
{
    struct json *cluster = read_cluster(row->cluster), *changes = NULL;
    struct buf difference = BUF_INIT, missing = BUF_INIT;
    llmd_cluster_spec *spec = NULL;
    char text[400];

    snprintf(text, sizeof(text), "name: llm\n%s\n", row->spec);
    none(llmd_cluster_spec_parse(text, &spec));
    none(llmd__cluster_changes(spec, cluster, &changes));
    assert_changes(row->id, changes, row->changes);
    llmd__cluster_difference(spec, cluster, &difference);
    if (strcmp(llmd__buf_text(&difference), row->difference) != 0)
        fail_msg("%s: %s", row->id, llmd__buf_text(&difference));
    llmd__cluster_missing(spec, cluster, &missing);
    if (*row->missing ? !strstr(llmd__buf_text(&missing), row->missing) : missing.len > 0)
        fail_msg("%s: \"%s\"", row->id, llmd__buf_text(&missing));
    llmd__buf_free(&difference);
    llmd__buf_free(&missing);
    llmd__json_free(changes);
    llmd__json_free(cluster);
    llmd_cluster_spec_free(spec);
}

static void test_clusters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clusters) / sizeof(clusters[0]); i++)
        check_cluster(&clusters[i]);
}

/* ---- pools ---- */

#define TPU_POOL                                                                                   \
    "name: tpu\nversion: 1.34.1-gke.100\ninitialNodeCount: 1\nlocations: [europe-west4-a]\n"
#define CONFIG(more) "config: {machineType: ct6e-standard-4t" more "}\n"

struct pool_row {
    const char *id, *spec, *pool;
    const char *changes, *difference;
};

static const struct pool_row pools[] = {
    {"as wanted", "preset: tpu-v6e-4t", TPU_POOL CONFIG(""), "", ""},
    {"size", "preset: tpu-v6e-4t, nodes: 3", TPU_POOL CONFIG(""), "POST :setSize {'nodeCount':3}",
     ""},
    {"size, not said", "preset: tpu-v6e-4t", TPU_POOL CONFIG("") "autoscaling: {enabled: true}\n",
     "", ""},
    {"size, met", "preset: tpu-v6e-4t, nodes: 1", TPU_POOL CONFIG(""), "", ""},
    {"size without limits", "preset: tpu-v6e-4t, nodes: 1",
     TPU_POOL CONFIG("") "autoscaling: {enabled: true, maxNodeCount: 3}\n",
     "POST :setAutoscaling {'autoscaling':{'enabled':false}}\nPOST :setSize {'nodeCount':1}", ""},
    {"autoscaling", "preset: tpu-v6e-4t, maxNodes: 3", TPU_POOL CONFIG(""),
     "POST :setAutoscaling {'autoscaling':{'enabled':true,'minNodeCount':0,'maxNodeCount':3}}", ""},
    {"autoscaling, met", "preset: tpu-v6e-4t, nodes: 0, maxNodes: 3",
     TPU_POOL CONFIG("") "autoscaling: {enabled: true, maxNodeCount: 3}\n", "", ""},
    {"autoscaling, policy stays", "preset: tpu-v6e-4t, maxNodes: 4",
     TPU_POOL CONFIG("") "autoscaling: {enabled: true, maxNodeCount: 3, locationPolicy: ANY}\n",
     "POST :setAutoscaling {'autoscaling':{'enabled':true,'maxNodeCount':4,'locationPolicy':'ANY',"
     "'minNodeCount':0}}",
     ""},
    {"autoscaling for the whole pool", "preset: tpu-v6e-4t, maxNodes: 3",
     TPU_POOL CONFIG("") "autoscaling: {enabled: true, totalMaxNodeCount: 3}\n",
     "POST :setAutoscaling {'autoscaling':{'enabled':true,'minNodeCount':0,'maxNodeCount':3}}", ""},
    {"version", "preset: tpu-v6e-4t, version: '1.35'",
     TPU_POOL CONFIG(", imageType: COS_CONTAINERD"),
     "PUT  {'nodeVersion':'1.35','imageType':'COS_CONTAINERD'} !", ""},
    {"version, image unknown", "preset: tpu-v6e-4t, version: '1.35'", TPU_POOL CONFIG(""),
     "PUT  {'nodeVersion':'1.35'} !", ""},
    {"version, met", "preset: tpu-v6e-4t, version: '1.34'", TPU_POOL CONFIG(""), "", ""},
    {"machine", "preset: tpu-v6e-8t", TPU_POOL CONFIG(""), "",
     "machine type ct6e-standard-4t, wanted ct6e-standard-8t"},
    {"topology", "preset: tpu-v6e-4x4", TPU_POOL CONFIG(""), "", "topology (none), wanted 4x4"},
    {"topology, not wanted", "preset: tpu-v6e-4t",
     TPU_POOL CONFIG("") "placementPolicy: {type: COMPACT, tpuTopology: 4x4}\n", "",
     "topology 4x4, wanted none"},
    {"zones", "preset: tpu-v6e-4t, zones: [europe-west4-b]", TPU_POOL CONFIG(""), "",
     "zones europe-west4-a, wanted europe-west4-b"},
    {"spot", "preset: tpu-v6e-4t, spot: true", TPU_POOL CONFIG(""), "", "spot off, wanted on"},
    {"on demand", "preset: tpu-v6e-4t", TPU_POOL CONFIG(", spot: true"), "", "spot on, wanted off"},
    {"preemptible is spot", "preset: tpu-v6e-4t, spot: true",
     TPU_POOL CONFIG(", preemptible: true"), "", ""},
    {"flex-start", "preset: tpu-v6e-4t, flexStart: true, maxNodes: 1",
     TPU_POOL CONFIG("") "autoscaling: {enabled: true, maxNodeCount: 1}\n", "",
     "flex-start off, wanted on"},
    {"reservation", "preset: tpu-v6e-4t, reservation: r", TPU_POOL CONFIG(""), "",
     "reservation (none), wanted r"},
    {"disk", "preset: tpu-v6e-4t, diskType: pd-ssd, diskGb: 200",
     TPU_POOL CONFIG(", diskType: hyperdisk-balanced, diskSizeGb: 100"), "",
     "disk hyperdisk-balanced, wanted pd-ssd; disk of GB 100, wanted 200"},
    {"disk, by the newer key", "preset: tpu-v6e-4t, diskGb: 200",
     TPU_POOL CONFIG(", bootDisk: {sizeGb: '200'}"), "", ""},
    {"account", "preset: tpu-v6e-4t, serviceAccount: a@b", TPU_POOL CONFIG(""), "",
     "service account (none), wanted a@b"},
    {"pods", "preset: tpu-v6e-4t, maxPodsPerNode: 15",
     TPU_POOL CONFIG("") "maxPodsConstraint: {maxPodsPerNode: '110'}\n", "",
     "pods a node 110, wanted 15"},
    {"labels", "preset: tpu-v6e-4t, labels: {a: b, c: d, e: f}",
     TPU_POOL CONFIG(", labels: {a: b, c: x, more: too}"), "",
     "label c x, wanted d; label e (none), wanted f"},
    {"taints", "preset: tpu-v6e-4t, taints: ['a=b:NoSchedule', 'c=d:NoExecute']",
     TPU_POOL CONFIG(", taints: [{key: a, value: b, effect: NO_SCHEDULE}]"), "",
     "no taint c=d:NoExecute"},
    {"accelerator", "preset: nvidia-t4",
     TPU_POOL "config: {machineType: n1-standard-4, accelerators: [{acceleratorCount: '2', "
              "acceleratorType: nvidia-tesla-t4}]}\n",
     "", "accelerators a node 2, wanted 1"},
    {"accelerator, met", "preset: nvidia-t4",
     TPU_POOL "config: {machineType: n1-standard-4, accelerators: [{acceleratorCount: '1', "
              "acceleratorType: nvidia-tesla-t4}]}\n",
     "", ""},
    {"accelerator, none", "preset: nvidia-t4", TPU_POOL "config: {machineType: n1-standard-4}\n",
     "", "accelerator (none), wanted nvidia-tesla-t4; accelerators a node (none), wanted 1"},
};

static void read_pool(const char *keys, struct pool_spec *pool)
{
    struct json *json = NULL;
    char text[300];

    snprintf(text, sizeof(text), "{%s}", keys);
    json = read(text);
    none(llmd__pool_spec_read(json, "node pool", pool));
    llmd__json_free(json);
}

static void check_pool(const struct pool_row *row)
{
    struct json *node_pool = read(row->pool), *changes = NULL;
    struct buf difference = BUF_INIT;
    struct pool_spec pool;

    read_pool(row->spec, &pool);
    none(llmd__pool_changes(&pool, node_pool, &changes));
    assert_changes(row->id, changes, row->changes);
    llmd__pool_difference(&pool, node_pool, &difference);
    if (strcmp(llmd__buf_text(&difference), row->difference) != 0)
        fail_msg("%s: %s", row->id, llmd__buf_text(&difference));
    llmd__buf_free(&difference);
    llmd__json_free(changes);
    llmd__json_free(node_pool);
    llmd__pool_spec_free(&pool);
}

static void test_pools(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
        check_pool(&pools[i]);
}

/* What was just made as wanted differs in nothing, whatever the preset. */
static void test_what_is_made_is_what_is_wanted(void **state)
{
    char names[] = LLMD__POOL_PRESET_NAMES, *save = NULL;
    struct gke_place place = {"p", "europe-west4-a"};

    (void)state;
    for (char *name = strtok_r(names, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
        struct json *body = NULL, *changes = NULL;
        struct buf difference = BUF_INIT;
        struct pool_spec pool;
        char text[100];

        snprintf(text, sizeof(text), "preset: %s, spot: true, taints: ['a=b:NoExecute']", name);
        read_pool(text, &pool);
        none(llmd__pool_body(&pool, &place, &body));
        assert_true(llmd__is_ours(llmd__json_member(body, "nodePool")));
        none(llmd__pool_changes(&pool, llmd__json_member(body, "nodePool"), &changes));
        assert_int_equal(llmd__json_count(changes), 0);
        llmd__pool_difference(&pool, llmd__json_member(body, "nodePool"), &difference);
        assert_string_equal(llmd__buf_text(&difference), "");
        llmd__json_free(body);
        llmd__json_free(changes);
        llmd__pool_spec_free(&pool);
    }
}

/* P21: the label says whose it is. */
static void test_p21_owner(void **state)
{
    struct json *ours = read("resourceLabels: {managed-by: libllmd}");
    struct json *others = read("resourceLabels: {managed-by: terraform}");
    struct json *pool = read("config: {resourceLabels: {managed-by: libllmd}}");

    (void)state;
    assert_true(llmd__is_ours(ours));
    assert_true(llmd__is_ours(pool));
    assert_false(llmd__is_ours(others));
    assert_false(llmd__is_ours(NULL));
    llmd__json_free(ours);
    llmd__json_free(others);
    llmd__json_free(pool);
}

static void test_versions(void **state)
{
    (void)state;
    assert_true(llmd__version_newer("1.35", "1.34.9-gke.5"));
    assert_true(llmd__version_newer("1.34.2", "1.34.1-gke.100"));
    assert_true(llmd__version_newer("1.34.1-gke.200", "1.34.1-gke.100"));
    assert_false(llmd__version_newer("1.34.1-gke.100", "1.34.1-gke.100"));
    assert_false(llmd__version_newer("1.34", "1.34.1-gke.100"));
    assert_false(llmd__version_newer("1.9", "1.34.1-gke.100"));
    assert_false(llmd__version_newer("latest", "1.34.1-gke.100"));
    assert_false(llmd__version_newer("", "1.34.1-gke.100"));
    assert_false(llmd__version_newer(NULL, "1.34.1-gke.100"));
    assert_false(llmd__version_newer("1.35", ""));
}

/* ---- without memory ---- */

static llmd_error *compare_all(void *data)
{
    AUTO(cluster_spec) llmd_cluster_spec *spec = NULL;
    AUTO(json) struct json *cluster = NULL;
    AUTO(json) struct json *changes = NULL;
    AUTO(buf) struct buf text = BUF_INIT;

    (void)data;
    TRY(llmd_cluster_spec_parse("name: llm\nversion: '1.35'\nlabels: {a: b}\ndataplaneV2: false\n"
                                "networkPolicy: true\nenableMissing: true\nnetwork: vpc\n"
                                "releaseChannel: rapid\nauthorizedNetworks: [10.0.0.0/8]\n",
                                &spec));
    TRY(llmd__yaml_parse(FULL "addonsConfig: {httpLoadBalancing: {disabled: true}}\n", "cluster",
                         &cluster));
    TRY(llmd__cluster_changes(spec, cluster, &changes));
    llmd__cluster_difference(spec, cluster, &text);
    llmd__cluster_missing(spec, cluster, &text);
    return llmd__buf_check(&text);
}

static llmd_error *compare_pool(void *data)
{
    AUTO(pool_spec) struct pool_spec pool = {0};
    AUTO(json) struct json *wanted = NULL;
    AUTO(json) struct json *node_pool = NULL;
    AUTO(json) struct json *changes = NULL;
    AUTO(buf) struct buf text = BUF_INIT;

    (void)data;
    TRY(llmd__yaml_parse("{preset: tpu-v6e-4t, maxNodes: 3, version: '1.35', labels: {a: b}, "
                         "taints: ['a=b:NoSchedule'], zones: [europe-west4-b]}",
                         "pool", &wanted));
    TRY(llmd__pool_spec_read(wanted, "pool", &pool));
    TRY(llmd__yaml_parse(TPU_POOL CONFIG("") "autoscaling: {enabled: true}\n", "pool", &node_pool));
    TRY(llmd__pool_changes(&pool, node_pool, &changes));
    llmd__pool_difference(&pool, node_pool, &text);
    return llmd__buf_check(&text);
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(compare_all, NULL);
    torture(compare_pool, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_what_is_made_is_what_is_wanted),
        cmocka_unit_test(test_p21_owner),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
