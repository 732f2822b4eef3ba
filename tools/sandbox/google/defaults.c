/* SPDX-License-Identifier: Apache-2.0 */
/* What GKE adds to what was asked: the answer of a get holds far more than the create sent. */
#include "sandbox/google/clusters.h"

#include <inttypes.h>
#include <string.h>

/* Members of `defaults` (taken) where spec has none, at every depth. */
static struct json *under(struct json *defaults, const struct json *spec)
{
    must(llmd__json_merge(&defaults, spec));
    return defaults;
}

static void node_zones(struct json *json, const char *location)
{
    struct json *list = llmd__json_set_array(json, "locations");
    size_t count = 0;
    if (catalog_zone(location)) {
        llmd__json_add_str(list, location);
        return;
    }
    /* A regional cluster spreads over three zones. */
    for (size_t i = 0; i < catalog_zone_count && count < 3; i++)
        if (strcmp(catalog_zones[i].region, location) == 0) {
            llmd__json_add_str(list, catalog_zones[i].name);
            count++;
        }
}

static struct json *standard_cluster(struct google *google)
{
    AUTO(str) char *pods = llmd__format("10.%d.0.0/14", 4 * (int)(google_random(google) % 30) + 4);
    return MAKE(
        "{'loggingService':'logging.googleapis.com/kubernetes','monitoringService':"
        "'monitoring.googleapis.com/kubernetes','network':'default','subnetwork':'default',"
        "'clusterIpv4Cidr':%s,'servicesIpv4Cidr':'34.118.224.0/20','addonsConfig':{"
        "'kubernetesDashboard':{'disabled':true},'networkPolicyConfig':{'disabled':true},"
        "'dnsCacheConfig':{'enabled':true},'gcePersistentDiskCsiDriverConfig':{'enabled':true}},"
        "'ipAllocationPolicy':{'useIpAliases':true,'clusterIpv4CidrBlock':%s,"
        "'servicesIpv4CidrBlock':'34.118.224.0/20','stackType':'IPV4'},'legacyAbac':{},"
        "'networkConfig':{'network':'projects/my-project/global/networks/default','subnetwork':"
        "'projects/my-project/regions/REGION/subnetworks/default','defaultSnatStatus':{}},"
        "'databaseEncryption':{'state':'DECRYPTED'},'shieldedNodes':{'enabled':true},"
        "'releaseChannel':{'channel':'REGULAR'},'labelFingerprint':'a9dc16a7','autopilot':{},"
        "'notificationConfig':{'pubsub':{}},'clusterTelemetry':{'type':'ENABLED'},"
        "'protectConfig':{'workloadConfig':{'auditMode':'BASIC'}},"
        "'privateClusterConfig':{},'autoscaling':{'autoscalingProfile':'BALANCED'}}",
        pods, pods);
}

static void set_network(struct google *google, const char *location, struct json *json)
{
    const struct zone *zone = catalog_zone(location);
    const char *network = strrchr(llmd__json_str(json, "network"), '/');
    const char *subnetwork = strrchr(llmd__json_str(json, "subnetwork"), '/');
    AUTO(str)
    char *net = llmd__format("projects/%s/global/networks/%s", google_project(google),
                             network ? network + 1 : llmd__json_str(json, "network"));
    AUTO(str)
    char *sub = llmd__format("projects/%s/regions/%s/subnetworks/%s", google_project(google),
                             zone ? zone->region : location,
                             subnetwork ? subnetwork + 1 : llmd__json_str(json, "subnetwork"));
    struct json *config = llmd__json_edit(json, "networkConfig");
    llmd__json_set_str(config, "network", net);
    llmd__json_set_str(config, "subnetwork", sub);
}

struct json *cluster_defaults(struct google *google, const char *location, const struct json *spec)
{
    struct json *json = under(standard_cluster(google), spec);
    const char *version = catalog_version(llmd__json_str(json, "releaseChannel.channel"),
                                          llmd__json_str(json, "initialClusterVersion"));
    llmd__json_remove(json, "nodePools");
    llmd__json_remove(json, "initialNodeCount");
    llmd__json_remove(json, "nodeConfig");
    llmd__json_set_str(json, "initialClusterVersion", version);
    llmd__json_set_str(json, "currentMasterVersion", version);
    llmd__json_set_str(json, "currentNodeVersion", version);
    if (llmd__json_count(llmd__json_get(json, "locations")) == 0)
        node_zones(json, location);
    set_network(google, location, json);
    return json;
}

static struct json *standard_pool(const struct gke_cluster *cluster)
{
    bool identity = *llmd__json_str(cluster->spec, "workloadIdentityConfig.workloadPool") != 0;
    AUTO(json) struct json *mode = identity ? MAKE("{'mode':'GKE_METADATA'}") : NULL;
    return MAKE(
        "{'config':{'machineType':'e2-medium','diskSizeGb':100,'diskType':'pd-balanced',"
        "'imageType':'COS_CONTAINERD','oauthScopes':["
        "'https://www.googleapis.com/auth/devstorage.read_only',"
        "'https://www.googleapis.com/auth/logging.write',"
        "'https://www.googleapis.com/auth/monitoring',"
        "'https://www.googleapis.com/auth/service.management.readonly',"
        "'https://www.googleapis.com/auth/servicecontrol',"
        "'https://www.googleapis.com/auth/trace.append'],'serviceAccount':'default',"
        "'metadata':{'disable-legacy-endpoints':'true'},'shieldedInstanceConfig':{"
        "'enableIntegrityMonitoring':true},'workloadMetadataConfig':%j,'resourceLabels':{"
        "'goog-gke-node-pool-provisioning-model':'on-demand'}},'management':{'autoRepair':true,"
        "'autoUpgrade':true},'maxPodsConstraint':{'maxPodsPerNode':'110'},'upgradeSettings':{"
        "'maxSurge':1,'strategy':'SURGE'},'autoscaling':{},'networkConfig':{'podRange':"
        "'gke-pods'}}",
        mode);
}

/* Labels and taint of accelerator nodes are in the answer as if they had been asked for. */
static void mark_accelerator(struct json *json)
{
    const struct machine *machine = catalog_machine(llmd__json_str(json, "config.machineType"));
    struct json *config = llmd__json_edit(json, "config");
    if (machine && machine->label && !machine_is_tpu(machine) &&
        !llmd__json_get(config, "accelerators")) {
        AUTO(str) char *count = llmd__format("%d", machine->chips);
        llmd__json_set(
            config, "accelerators",
            MAKE("[{'acceleratorCount':%s,'acceleratorType':%s}]", count, machine->accelerator));
    }
    if (!machine_is_tpu(machine) || llmd__json_count(llmd__json_get(config, "taints")) > 0)
        return;
    llmd__json_set(config, "taints",
                   MAKE("[{'key':'google.com/tpu','value':'present','effect':'NO_SCHEDULE'}]"));
}

const char *node_version(const struct gke_cluster *cluster, const char *wanted)
{
    const char *master = llmd__json_str(cluster->spec, "currentMasterVersion");
    size_t len = strlen(wanted);
    if (!len || strcmp(wanted, "-") == 0 ||
        (strncmp(master, wanted, len) == 0 && (!master[len] || strchr(".-", master[len]))))
        return master;
    return catalog_version(llmd__json_str(cluster->spec, "releaseChannel.channel"), wanted);
}

struct json *pool_defaults(const struct gke_cluster *cluster, const struct json *spec)
{
    struct json *json = under(standard_pool(cluster), spec);
    const char *version = node_version(cluster, llmd__json_str(json, "version"));
    if (version)
        llmd__json_set_str(json, "version", version);
    if (llmd__json_count(llmd__json_get(json, "locations")) == 0)
        llmd__json_set(json, "locations", must_copy(llmd__json_get(cluster->spec, "locations")));
    mark_accelerator(json);
    return json;
}
