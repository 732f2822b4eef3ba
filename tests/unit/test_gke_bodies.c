/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies for GKE: against what gcloud sends for the same wishes, flag by flag and as a whole. */
#include "base/file.h"
#include "base/yaml.h"
#include "gke/cluster_manifest.h"
#include "support/errors.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN SOURCE_DIR "/tests/unit/golden/gke/"
#define PROJECT "my-project"
#define ZONE "europe-west4-a"

static struct json *parse(const char *text)
{
    struct json *json = NULL;

    none(llmd__json_parse(text, strlen(text), "test", &json));
    return json;
}

static struct json *parse_file(const char *name)
{
    struct buf text = BUF_INIT;
    struct json *json = NULL;
    char path[512];

    snprintf(path, sizeof(path), GOLDEN "%s", name);
    none(llmd__file_read(path, 1 << 20, &text));
    json = parse(llmd__buf_text(&text));
    llmd__buf_free(&text);
    return json;
}

/* ---- the script of the reference, done by one spec ---- */

/* Removes the value at a path of members and elements; the last part is a member. */
static void cut(struct json *json, const char *path)
{
    const char *dot = strrchr(path, '.');
    char parent[200] = "";

    if (dot)
        snprintf(parent, sizeof(parent), "%.*s", (int)(dot - path), path);
    llmd__json_remove(llmd__json_edit(json, parent), dot ? dot + 1 : path);
}

/* Exactly what the list says, and of no use if it says what is not so. */
static void take_out(struct json *json, const char *path, const struct json *listed,
                     const char *whose)
{
    const struct json *found = llmd__json_get(json, path);

    if (!listed && found)
        fail_msg("%s: only the other one is said to have %s", whose, path);
    if (listed && !llmd__json_equal(found, listed))
        fail_msg("%s: %s is not what the list of differences says", whose, path);
    if (listed)
        cut(json, path);
}

static void assert_same(const struct json *gcloud, const struct json *ours)
{
    char *left = NULL, *right = NULL;

    if (llmd__json_equal(gcloud, ours))
        return;
    none(llmd__json_print_pretty(gcloud, &left));
    none(llmd__json_print_pretty(ours, &right));
    fail_msg("not in the list of differences:\ngcloud %s\nours %s", left, right);
}

static void compare_with_gcloud(const char *of, const char *capture, struct json *ours)
{
    struct json *gcloud = parse_file(capture);
    struct json *differences = parse_file("script.differences.json");

    JSON_EACH(difference, differences) {
        const char *path = llmd__json_str(difference, "path");

        if (strcmp(llmd__json_str(difference, "of"), of) != 0)
            continue;
        assert_true(*llmd__json_str(difference, "why"));
        take_out(gcloud, path, llmd__json_member(difference, "gcloud"), "gcloud");
        take_out(ours, path, llmd__json_member(difference, "ours"), "ours");
    }
    assert_same(gcloud, ours);
    llmd__json_free(gcloud);
    llmd__json_free(differences);
}

static void test_script_of_the_reference(void **state)
{
    struct json *manifest = NULL, *cluster = llmd__json_object(), *pool = llmd__json_object();
    llmd_cluster_spec *spec = NULL;
    char *text = NULL;

    (void)state;
    none(llmd_cluster_spec_parse_file(GOLDEN "script.yaml", &spec));
    none(llmd_cluster_spec_manifest(spec, PROJECT, ZONE, &text));
    manifest = parse(text);
    llmd__json_set(cluster, "cluster", llmd__json_detach(manifest, "cluster"));
    assert_int_equal(llmd__json_count(llmd__json_member(manifest, "nodePools")), 1);
    llmd__json_set(pool, "nodePool", llmd__json_shift(llmd__json_edit(manifest, "nodePools")));
    compare_with_gcloud("cluster", "script-cluster.gcloud.json", cluster);
    compare_with_gcloud("pool", "script-pool.gcloud.json", pool);
    llmd__json_free(manifest);
    llmd__json_free(cluster);
    llmd__json_free(pool);
    llmd_free(text);
    llmd_cluster_spec_free(spec);
}

/* ---- flag by flag ---- */

struct flag {
    const char *flag;  /* gcloud's */
    const char *yaml;  /* ours, besides name */
    const char *path;  /* in {"cluster": ..., "nodePools": [...]} */
    const char *value; /* JSON; NULL: not sent */
};

#define TPU(more) "nodePools: [{preset: tpu-v6e-4t" more "}]"
#define POOL "nodePools[0]."

static const struct flag flags[] = {
    {"(nothing)", "", "cluster.nodePools[0].name", "'system'"},
    {"(nothing)", "", "cluster.nodePools[0].initialNodeCount", "2"},
    {"(nothing)", "", "cluster.nodePools[0].config.machineType", "'e2-standard-4'"},
    {"(nothing)", "", "cluster.initialClusterVersion", NULL},
    {"(nothing)", "", "cluster.releaseChannel", "{'channel':'REGULAR'}"},
    {"(P105)", "", "cluster.networkPolicy", NULL},
    {"(P106)", "", "cluster.addonsConfig", "{'httpLoadBalancing':{'disabled':false}}"},
    {"--cluster-version=1.34", "version: '1.34'", "cluster.initialClusterVersion", "'1.34'"},
    {"--release-channel=rapid", "releaseChannel: rapid", "cluster.releaseChannel.channel",
     "'RAPID'"},
    {"--gateway-api=standard", "", "cluster.networkConfig.gatewayApiConfig.channel",
     "'CHANNEL_STANDARD'"},
    {"(P137)", "", "cluster.addonsConfig.gatewayApiConfig", NULL},
    {"(no gateway)", "gatewayApi: false", "cluster.networkConfig.gatewayApiConfig", NULL},
    {"--enable-dataplane-v2", "", "cluster.networkConfig.datapathProvider", "'ADVANCED_DATAPATH'"},
    {"--no-enable-dataplane-v2", "dataplaneV2: false", "cluster.networkConfig.datapathProvider",
     NULL},
    {"--enable-network-policy", "dataplaneV2: false\nnetworkPolicy: true", "cluster.networkPolicy",
     "{'enabled':true,'provider':'CALICO'}"},
    {"--workload-pool", "", "cluster.workloadIdentityConfig",
     "{'workloadPool':'my-project.svc.id.goog'}"},
    {"--workload-pool", "workloadIdentity: false", "cluster.workloadIdentityConfig", NULL},
    {"--enable-shielded-nodes", "", "cluster.shieldedNodes.enabled", "true"},
    {"--enable-ip-alias", "", "cluster.ipAllocationPolicy", "{'useIpAliases':true}"},
    {"--network", "network: vpc\nsubnetwork: nodes", "cluster.network", "'vpc'"},
    {"--subnetwork", "network: vpc\nsubnetwork: nodes", "cluster.subnetwork", "'nodes'"},
    {"--node-locations", "zones: [europe-west4-a, europe-west4-b]", "cluster.locations",
     "['europe-west4-a','europe-west4-b']"},
    {"--enable-private-nodes", "privateNodes: true",
     "cluster.networkConfig.defaultEnablePrivateNodes", "true"},
    {"--enable-dns-access", "dnsEndpoint: true",
     "cluster.controlPlaneEndpointsConfig.dnsEndpointConfig", "{'allowExternalTraffic':true}"},
    {"--master-authorized-networks", "authorizedNetworks: [203.0.113.0/24]",
     "cluster.controlPlaneEndpointsConfig.ipEndpointsConfig.authorizedNetworksConfig",
     "{'enabled':true,'cidrBlocks':[{'cidrBlock':'203.0.113.0/24'}]}"},
    {"--monitoring=SYSTEM", "monitoring: system",
     "cluster.monitoringConfig.componentConfig.enableComponents", "['SYSTEM_COMPONENTS']"},
    {"--monitoring=NONE", "monitoring: 'off'",
     "cluster.monitoringConfig.componentConfig.enableComponents", "[]"},
    {"--labels", "labels: {team: ml}", "cluster.resourceLabels",
     "{'team':'ml','managed-by':'libllmd'}"},
    {"(overlay)", "overlay: {releaseChannel: null, description: mine}", "cluster.releaseChannel",
     NULL},
    {"(overlay)", "overlay: {releaseChannel: null, description: mine}", "cluster.description",
     "'mine'"},
    {"--machine-type", TPU(""), POOL "config.machineType", "'ct6e-standard-4t'"},
    {"(name)", TPU(""), POOL "name", "'tpu-v6e-4t'"},
    {"(P104)", TPU(""), POOL "placementPolicy", NULL},
    {"(P104)", "nodePools: [{preset: tpu-v6e-1t}]", POOL "placementPolicy", NULL},
    {"(P104)", "nodePools: [{preset: tpu-v6e-8t}]", POOL "placementPolicy", NULL},
    {"(C48)", TPU(""), POOL "config.taints", NULL},
    {"(C48)", TPU(""), POOL "config.labels", NULL},
    {"--tpu-topology=4x4", "nodePools: [{preset: tpu-v6e-4x4}]", POOL "placementPolicy",
     "{'type':'COMPACT','tpuTopology':'4x4'}"},
    {"(one slice)", "nodePools: [{preset: tpu-v6e-4x4}]", POOL "initialNodeCount", "4"},
    {"(one slice)", "nodePools: [{preset: tpu-v6e-16x16, minNodes: 0}]", POOL "autoscaling",
     "{'enabled':true,'minNodeCount':0,'maxNodeCount':64}"},
    {"(one slice)", "nodePools: [{machine: ct5lp-hightpu-4t, topology: 2x4}]",
     POOL "initialNodeCount", "2"},
    {"--num-nodes=3", TPU(", nodes: 3"), POOL "initialNodeCount", "3"},
    {"(no nodes said)", TPU(", maxNodes: 3"), POOL "initialNodeCount", "0"},
    {"--enable-autoscaling", TPU(", maxNodes: 3, locationPolicy: any"), POOL "autoscaling",
     "{'enabled':true,'minNodeCount':0,'maxNodeCount':3,'locationPolicy':'ANY'}"},
    {"(no autoscaling)", TPU(""), POOL "autoscaling", NULL},
    {"--node-locations", TPU(", zones: [europe-west4-b]"), POOL "locations", "['europe-west4-b']"},
    {"--node-taints", TPU(", taints: ['a=b:NoSchedule', 'c:NoExecute']"), POOL "config.taints",
     "[{'key':'a','value':'b','effect':'NO_SCHEDULE'},{'key':'c','effect':'NO_EXECUTE'}]"},
    {"--node-labels", TPU(", labels: {pool: tpu}"), POOL "config.labels", "{'pool':'tpu'}"},
    {"--spot", TPU(", spot: true"), POOL "config.spot", "true"},
    {"(not spot)", TPU(", spot: false"), POOL "config.spot", NULL},
    {"--flex-start", TPU(", flexStart: true, maxNodes: 1"), POOL "config.flexStart", "true"},
    {"--reservation-affinity=none", TPU(", flexStart: true, maxNodes: 1"),
     POOL "config.reservationAffinity", "{'consumeReservationType':'NO_RESERVATION'}"},
    {"--max-run-duration=2h", TPU(", maxRunDuration: 2h"), POOL "config.maxRunDuration", "'7200s'"},
    {"--reservation=r", TPU(", reservation: r"), POOL "config.reservationAffinity",
     "{'consumeReservationType':'SPECIFIC_RESERVATION',"
     "'key':'compute.googleapis.com/reservation-name','values':['r']}"},
    {"--max-pods-per-node=15", TPU(", maxPodsPerNode: 15"), POOL "maxPodsConstraint",
     "{'maxPodsPerNode':'15'}"},
    {"--disk-type", TPU(", diskType: hyperdisk-balanced"), POOL "config.diskType",
     "'hyperdisk-balanced'"},
    {"--disk-size", TPU(", diskGb: 100"), POOL "config.diskSizeGb", "100"},
    {"--service-account", TPU(", serviceAccount: n@p.iam.gserviceaccount.com"),
     POOL "config.serviceAccount", "'n@p.iam.gserviceaccount.com'"},
    {"--service-account", TPU(", serviceAccount: n@p.iam.gserviceaccount.com"),
     POOL "config.oauthScopes", "['https://www.googleapis.com/auth/cloud-platform']"},
    {"--shielded-secure-boot", TPU(", secureBoot: true"), POOL "config.shieldedInstanceConfig",
     "{'enableSecureBoot':true,'enableIntegrityMonitoring':true}"},
    {"(no shielded TPU)", TPU(""), POOL "config.shieldedInstanceConfig", NULL},
    {"--node-version", TPU(", version: '1.34.1-gke.1829001'"), POOL "version",
     "'1.34.1-gke.1829001'"},
    {"--accelerator", "nodePools: [{preset: nvidia-t4}]", POOL "config.accelerators",
     "[{'acceleratorCount':'1','acceleratorType':'nvidia-tesla-t4'}]"},
    {"--accelerator", "nodePools: [{preset: nvidia-t4}]", POOL "config.machineType",
     "'n1-standard-4'"},
    {"--accelerator", "nodePools: [{machine: g2-standard-24}]", POOL "config.accelerators",
     "[{'acceleratorCount':'2','acceleratorType':'nvidia-l4'}]"},
    {"--accelerator", "nodePools: [{preset: nvidia-h100}]", POOL "config.accelerators",
     "[{'acceleratorCount':'8','acceleratorType':'nvidia-h100-80gb'}]"},
    {"(TPU: none)", TPU(""), POOL "config.accelerators", NULL},
    {"(owner)", TPU(""), POOL "config.resourceLabels", "{'managed-by':'libllmd'}"},
    {"(overlay)", TPU(", overlay: {management: {autoRepair: false}}"), POOL "management",
     "{'autoRepair':false,'autoUpgrade':true}"},
};

static struct json *manifest_of(const char *yaml, const char *location)
{
    llmd_cluster_spec *spec = NULL;
    struct json *manifest = NULL;
    char text[1000], *json = NULL;

    snprintf(text, sizeof(text), "name: llm\n%s\n", yaml);
    none(llmd_cluster_spec_parse(text, &spec));
    none(llmd_cluster_spec_manifest(spec, PROJECT, location, &json));
    manifest = parse(json);
    llmd_free(json);
    llmd_cluster_spec_free(spec);
    return manifest;
}

static void check_flag(const struct flag *flag)
{
    struct json *manifest = manifest_of(flag->yaml, ZONE);
    const struct json *found = llmd__json_get(manifest, flag->path);
    struct json *wanted = NULL;
    char *text = NULL;

    if (flag->value)
        none(llmd__json_make(&wanted, flag->value));
    if (!llmd__json_equal(found, wanted)) {
        none(llmd__json_print(manifest, &text));
        fail_msg("%s, %s: want %s to be %s in %s", flag->flag, flag->yaml, flag->path,
                 flag->value ? flag->value : "absent", text);
    }
    llmd__json_free(wanted);
    llmd__json_free(manifest);
}

static void test_flag_by_flag(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        check_flag(&flags[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_script_of_the_reference),
        cmocka_unit_test(test_flag_by_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
