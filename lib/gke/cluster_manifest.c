/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/cluster_manifest.h"

#include "gke/gke.h"
#include "gke/manifest_check.h"
#include "gke/pool_manifest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- the place ---- */

llmd_error *llmd__place_check(const struct gke_place *place, const struct json *zones)
{
    size_t region = llmd__region_len(place->location);

    TRY(llmd__place_names_check(place->project, place->location));
    JSON_EACH(item, zones) {
        const char *zone = llmd__json_text(item);

        if (llmd__region_len(zone) != region || strncmp(zone, place->location, region) != 0)
            return llmd__error_set_advice(llmd__error(LLMD_E_INVALID,
                                                      "zones: %s is not in the region %.*s", zone,
                                                      (int)region, place->location),
                                          "nodes lie in the region of their cluster");
    }
    return NULL;
}

/* A zonal cluster's own zone must be among those of its nodes. */
static llmd_error *check_zones(const llmd_cluster_spec *spec, const struct gke_place *place)
{
    bool zonal = llmd__region_len(place->location) < strlen(place->location);

    TRY(llmd__place_check(place, spec->zones));
    if (!zonal || !spec->zones || llmd__json_holds(spec->zones, place->location))
        return NULL;
    return llmd__error_set_advice(llmd__error(LLMD_E_INVALID,
                                              "zones: the cluster's own, %s, must be among them",
                                              place->location),
                                  "add %s to zones", place->location);
}

/* ---- parts ---- */

void llmd__set_enum(struct json *object, const char *key, const char *text)
{
    char upper[32];
    size_t len = text ? strlen(text) : 0;

    if (!len || len >= sizeof(upper))
        return;
    for (size_t i = 0; i <= len; i++)
        upper[i] = (char)toupper((unsigned char)text[i]);
    llmd__json_set_str(object, key, upper);
}

static void set_channel(struct json *cluster, const char *channel)
{
    llmd__set_enum(llmd__json_set_object(cluster, "releaseChannel"), "channel",
                   channel && *channel ? channel : "regular");
}

/* Addons that nobody asked for are left alone: gcloud switches HPA off in passing (P106). */
static void set_addons(struct json *cluster, const llmd_cluster_spec *spec)
{
    bool gateway = llmd__cluster_spec_on(spec->gateway_api);
    struct json *addons = NULL;

    if (!gateway && !spec->network_policy)
        return;
    addons = llmd__json_set_object(cluster, "addonsConfig");
    if (gateway)
        llmd__json_set_bool(llmd__json_set_object(addons, "httpLoadBalancing"), "disabled", false);
    if (spec->network_policy)
        llmd__json_set_bool(llmd__json_set_object(addons, "networkPolicyConfig"), "disabled",
                            false);
}

/* The legacy data path is GKE's default: like network policies under Dataplane V2 (P105), it is not
   sent at all. */
static void set_network(struct json *cluster, const llmd_cluster_spec *spec)
{
    bool dataplane = llmd__cluster_spec_on(spec->dataplane_v2);
    struct json *config = NULL;

    llmd__json_set_str(cluster, "network", spec->network);
    llmd__json_set_str(cluster, "subnetwork", spec->subnetwork);
    llmd__json_set_bool(llmd__json_set_object(cluster, "ipAllocationPolicy"), "useIpAliases", true);
    config = llmd__json_set_object(cluster, "networkConfig");
    if (dataplane)
        llmd__json_set_str(config, "datapathProvider", "ADVANCED_DATAPATH");
    if (llmd__cluster_spec_on(spec->gateway_api))
        llmd__json_set_str(llmd__json_set_object(config, "gatewayApiConfig"), "channel",
                           "CHANNEL_STANDARD");
    if (spec->private_nodes)
        llmd__json_set_bool(config, "defaultEnablePrivateNodes", true);
    if (!llmd__json_first(config))
        llmd__json_remove(cluster, "networkConfig");
    if (!spec->network_policy)
        return;
    struct json *policy = llmd__json_set_object(cluster, "networkPolicy");
    llmd__json_set_bool(policy, "enabled", true);
    llmd__json_set_str(policy, "provider", "CALICO");
}

static void set_identity(struct json *cluster, const llmd_cluster_spec *spec, const char *project)
{
    char pool[128];

    if (llmd__cluster_spec_on(spec->shielded_nodes))
        llmd__json_set_bool(llmd__json_set_object(cluster, "shieldedNodes"), "enabled", true);
    if (!llmd__cluster_spec_on(spec->workload_identity))
        return;
    snprintf(pool, sizeof(pool), "%s.svc.id.goog", project);
    llmd__json_set_str(llmd__json_set_object(cluster, "workloadIdentityConfig"), "workloadPool",
                       pool);
}

void llmd__cluster_set_endpoints(struct json *object, const char *key,
                                 const llmd_cluster_spec *spec)
{
    struct json *endpoints = NULL, *networks = NULL, *blocks = NULL;

    if (!spec->dns_endpoint && !spec->authorized_networks)
        return;
    endpoints = llmd__json_set_object(object, key);
    if (spec->dns_endpoint)
        llmd__json_set_bool(llmd__json_set_object(endpoints, "dnsEndpointConfig"),
                            "allowExternalTraffic", true);
    if (!spec->authorized_networks)
        return;
    networks = llmd__json_set_object(llmd__json_set_object(endpoints, "ipEndpointsConfig"),
                                     "authorizedNetworksConfig");
    llmd__json_set_bool(networks, "enabled", true);
    blocks = llmd__json_set_array(networks, "cidrBlocks");
    JSON_EACH(range, spec->authorized_networks) {
        llmd__json_set_str(llmd__json_add_object(blocks), "cidrBlock", llmd__json_text(range));
    }
}

static void set_monitoring(struct json *cluster, const char *monitoring)
{
    static const char *const full[] = {"SYSTEM_COMPONENTS",
                                       "APISERVER",
                                       "SCHEDULER",
                                       "CONTROLLER_MANAGER",
                                       "POD",
                                       "DEPLOYMENT",
                                       "STATEFULSET",
                                       "DAEMONSET",
                                       "HPA",
                                       "STORAGE",
                                       "CADVISOR",
                                       "KUBELET"};
    struct json *config = NULL, *components = NULL;
    size_t count = sizeof(full) / sizeof(full[0]);

    if (!monitoring || !*monitoring)
        return;
    config = llmd__json_set_object(cluster, "monitoringConfig");
    components =
        llmd__json_set_array(llmd__json_set_object(config, "componentConfig"), "enableComponents");
    if (strcmp(monitoring, "full") != 0)
        count = strcmp(monitoring, "system") == 0 ? 1 : 0;
    for (size_t i = 0; i < count; i++)
        llmd__json_add_str(components, full[i]);
    if (count != 1) /* gcloud's SYSTEM says nothing about Prometheus either */
        llmd__json_set_bool(llmd__json_set_object(config, "managedPrometheusConfig"), "enabled",
                            count > 1);
}

static void set_labels(struct json *cluster, const struct json *labels)
{
    struct json *all = llmd__json_set_object(cluster, "resourceLabels");

    JSON_EACH(label, labels) {
        llmd__json_set_str(all, llmd__json_key(label), llmd__json_text(label));
    }
    llmd__json_set_str(all, LLMD__OWNER_LABEL, LLMD__OWNER);
}

static llmd_error *add_system_pool(struct json *cluster, const llmd_cluster_spec *spec,
                                   const struct gke_place *place)
{
    AUTO(pool_spec) struct pool_spec pool = {0};
    struct json *manifest = NULL;

    TRY(llmd__cluster_spec_pool(spec, llmd__cluster_spec_system_pool(spec), &pool));
    TRY(llmd__pool_manifest(&pool, place, &manifest));
    llmd__json_add(llmd__json_set_array(cluster, "nodePools"), manifest);
    return NULL;
}

/* ---- the body ---- */

static llmd_error *build(const llmd_cluster_spec *spec, const struct gke_place *place,
                         struct json **out)
{
    struct json *cluster = NULL;

    *out = llmd__json_object();
    CHECK_MEMORY(*out);
    cluster = llmd__json_set_object(*out, "cluster");
    llmd__json_set_str(cluster, "name", spec->name);
    llmd__json_set_str(cluster, "initialClusterVersion", spec->version);
    set_channel(cluster, spec->release_channel);
    set_addons(cluster, spec);
    set_network(cluster, spec);
    set_identity(cluster, spec, place->project);
    llmd__cluster_set_endpoints(cluster, "controlPlaneEndpointsConfig", spec);
    set_monitoring(cluster, spec->monitoring);
    set_labels(cluster, spec->labels);
    if (spec->zones) {
        struct json *zones = NULL;
        TRY(llmd__json_copy(spec->zones, &zones));
        llmd__json_set(cluster, "locations", zones);
    }
    TRY(add_system_pool(cluster, spec, place));
    TRY(llmd__json_check(*out));
    TRY(llmd__json_merge(&cluster, spec->overlay));
    return llmd__manifest_check_cluster(cluster);
}

llmd_error *llmd__cluster_body(const llmd_cluster_spec *spec, const struct gke_place *place,
                               struct json **out)
{
    AUTO(json) struct json *body = NULL;

    *out = NULL;
    TRY(llmd__spec_check(spec));
    TRY(llmd__error_wrap(check_zones(spec, place), "cluster spec %s", spec->name));
    TRY(llmd__error_wrap(build(spec, place, &body), "cluster spec %s", spec->name));
    *out = TAKE(body);
    return NULL;
}

static llmd_error *add_pool(const llmd_cluster_spec *spec, size_t index,
                            const struct gke_place *place, struct json *pools)
{
    AUTO(pool_spec) struct pool_spec pool = {0};
    struct json *manifest = NULL;

    if (index == llmd__cluster_spec_system_pool(spec))
        return NULL;
    TRY(llmd__cluster_spec_pool(spec, index, &pool));
    TRY(llmd__pool_manifest(&pool, place, &manifest));
    llmd__json_add(pools, manifest);
    return NULL;
}

llmd_error *llmd_cluster_spec_manifest(const llmd_cluster_spec *spec, const char *project,
                                       const char *location, char **out)
{
    AUTO(json) struct json *body = NULL;
    struct gke_place place = {project, location};
    struct json *pools = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(spec);
    REQUIRE(project);
    REQUIRE(location);
    TRY(llmd__cluster_body(spec, &place, &body));
    pools = llmd__json_set_array(body, "nodePools");
    for (size_t index = 0; index < llmd__cluster_spec_pools(spec); index++)
        TRY(add_pool(spec, index, &place, pools));
    return llmd__json_print(body, out);
}

bool llmd__is_ours(const struct json *object)
{
    /* resourceLabels of a cluster; a pool has them in its configuration. */
    return strcmp(llmd__json_str(object, "resourceLabels." LLMD__OWNER_LABEL), LLMD__OWNER) == 0 ||
           strcmp(llmd__json_str(object, "config.resourceLabels." LLMD__OWNER_LABEL),
                  LLMD__OWNER) == 0;
}
