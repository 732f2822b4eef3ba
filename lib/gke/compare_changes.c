/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that change what is there. A ClusterUpdate takes one change a request, so each is a call of
 * its own; Google runs one after the other anyway.
 */
#include "gke/compare.h"

#include "gke/cluster_manifest.h"
#include "gke/gke.h"
#include "gke/pool_manifest.h"
#include "gke/version.h"

#include <string.h>

struct update {
    const char *method, *path, *what, *warning;
    bool unseen;
};

/* Takes the body over. */
static void add(struct json *changes, const struct update *update, struct json *body)
{
    struct json *object = llmd__json_add_object(changes);

    llmd__json_set_str(object, "method", update->method);
    llmd__json_set_str(object, "path", update->path);
    llmd__json_set_str(object, "what", update->what);
    llmd__json_set_str(object, "warning", update->warning);
    if (update->unseen)
        llmd__json_set_bool(object, "unseen", true);
    llmd__json_set(object, "body", body);
}

static bool said(const char *text)
{
    return text && *text;
}

/* ---- clusters ---- */

static llmd_error *add_version(const llmd_cluster_spec *spec, const struct json *cluster,
                               struct json *changes)
{
    static const struct update regional = {"PUT", "", "control plane version"};
    static const struct update zonal = {
        "PUT", "", "control plane version",
        "a zonal cluster has one control plane: its Kubernetes API is away for some minutes, while "
        "pods run on"};
    const char *location = llmd__json_str(cluster, "location");
    bool is_zonal = llmd__region_len(location) < strlen(location);
    struct json *body = NULL;

    if (!llmd__version_newer(spec->version, llmd__json_str(cluster, "currentMasterVersion")))
        return NULL;
    TRY(llmd__json_make(&body, "{'update': {'desiredMasterVersion': %s}}", spec->version));
    add(changes, is_zonal ? &zonal : &regional, body);
    return NULL;
}

static llmd_error *add_channel(const llmd_cluster_spec *spec, const struct json *cluster,
                               struct json *changes)
{
    static const struct update change = {"PUT", "", "release channel"};
    AUTO(json) struct json *channel = llmd__json_object();
    struct json *body = NULL;

    if (!said(spec->release_channel))
        return NULL;
    llmd__set_enum(channel, "channel", spec->release_channel);
    TRY(llmd__json_check(channel));
    if (strcmp(llmd__json_str(channel, "channel"),
               llmd__json_str(cluster, "releaseChannel.channel")) == 0)
        return NULL;
    TRY(llmd__json_make(&body, "{'update': {'desiredReleaseChannel': %j}}", channel));
    add(changes, &change, body);
    return NULL;
}

static bool has_range(const struct json *config, const char *range)
{
    JSON_EACH(block, llmd__json_member(config, "cidrBlocks")) {
        if (strcmp(llmd__json_str(block, "cidrBlock"), range) == 0)
            return true;
    }
    return false;
}

static bool has_networks(const struct json *cluster, const struct json *ranges)
{
    const struct json *config = llmd__json_get(
        cluster, "controlPlaneEndpointsConfig.ipEndpointsConfig.authorizedNetworksConfig");

    if (!config) /* older clusters */
        config = llmd__json_member(cluster, "masterAuthorizedNetworksConfig");
    JSON_EACH(range, ranges) {
        if (!has_range(config, llmd__json_text(range)))
            return false;
    }
    return llmd__json_bool(config, "enabled", false) &&
           llmd__json_count(llmd__json_member(config, "cidrBlocks")) == llmd__json_count(ranges);
}

static void add_endpoints(const llmd_cluster_spec *spec, const struct json *cluster,
                          struct json *changes)
{
    static const struct update change = {"PUT", "", "endpoints of the control plane"};
    bool dns = llmd__json_bool(
        cluster, "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic", false);
    bool same = (!spec->dns_endpoint || dns) &&
                (!spec->authorized_networks || has_networks(cluster, spec->authorized_networks));
    struct json *body = NULL;

    if (same)
        return;
    body = llmd__json_object();
    llmd__cluster_set_endpoints(llmd__json_set_object(body, "update"),
                                "desiredControlPlaneEndpointsConfig", spec);
    add(changes, &change, body);
}

/* All labels are replaced: those that others gave it are sent again. */
static llmd_error *add_labels(const llmd_cluster_spec *spec, const struct json *cluster,
                              struct json *changes)
{
    static const struct update change = {"POST", ":setResourceLabels", "labels"};
    const struct json *before = llmd__json_member(cluster, "resourceLabels");
    AUTO(json) struct json *labels = llmd__json_object();
    struct json *body = NULL;

    if (!spec->labels)
        return NULL;
    CHECK_MEMORY(labels);
    if (before)
        TRY(llmd__json_merge(&labels, before));
    TRY(llmd__json_merge(&labels, spec->labels));
    if (llmd__json_equal(labels, before))
        return NULL;
    TRY(llmd__json_make(&body, "{'resourceLabels': %j, 'labelFingerprint': %s}", labels,
                        llmd__json_str(cluster, "labelFingerprint")));
    add(changes, &change, body);
    return NULL;
}

static llmd_error *add_load_balancing(const struct json *cluster, struct json *changes)
{
    static const struct update change = {"PUT", "", "HTTP load balancing on"};
    struct json *body = NULL;

    if (!llmd__cluster_no_load_balancing(cluster))
        return NULL;
    TRY(llmd__json_make(
        &body, "{'update': {'desiredAddonsConfig': {'httpLoadBalancing': {'disabled': false}}}}"));
    add(changes, &change, body);
    return NULL;
}

static llmd_error *add_gateway_api(const struct json *cluster, struct json *changes)
{
    static const struct update change = {
        "PUT", "", "Gateway API on", "GatewayClasses may take up to 45 minutes to appear after it"};
    struct json *body = NULL;

    if (!llmd__cluster_no_gateway_api(cluster))
        return NULL;
    TRY(llmd__json_make(
        &body, "{'update': {'desiredGatewayApiConfig': {'channel': 'CHANNEL_STANDARD'}}}"));
    add(changes, &change, body);
    return NULL;
}

/* The add-on first, then the enforcement; the other way round is refused. */
static llmd_error *add_network_policy(const struct json *cluster, struct json *changes)
{
    static const struct update addon = {"PUT", "", "add-on of network policies on"};
    static const struct update enforce = {
        "POST", ":setNetworkPolicy", "network policies on",
        "every node of the cluster is made anew: 5 to 10 minutes in which pods move or are away"};
    struct json *body = NULL;

    if (!llmd__cluster_no_network_policy(cluster))
        return NULL;
    TRY(llmd__json_make(
        &body,
        "{'update': {'desiredAddonsConfig': {'networkPolicyConfig': {'disabled': false}}}}"));
    if (llmd__json_bool(cluster, "addonsConfig.networkPolicyConfig.disabled", true))
        add(changes, &addon, TAKE(body));
    llmd__json_free(TAKE(body));
    TRY(llmd__json_make(&body, "{'networkPolicy': {'enabled': true, 'provider': 'CALICO'}}"));
    add(changes, &enforce, body);
    return NULL;
}

static llmd_error *add_missing(const llmd_cluster_spec *spec, const struct json *cluster,
                               struct json *changes)
{
    if (!spec->enable_missing)
        return NULL;
    if (llmd__cluster_spec_on(spec->gateway_api)) {
        TRY(add_load_balancing(cluster, changes));
        TRY(add_gateway_api(cluster, changes));
    }
    return spec->network_policy ? add_network_policy(cluster, changes) : NULL;
}

llmd_error *llmd__cluster_changes(const llmd_cluster_spec *spec, const struct json *cluster,
                                  struct json **out)
{
    AUTO(json) struct json *changes = llmd__json_array();

    *out = NULL;
    CHECK_MEMORY(changes);
    TRY(add_channel(spec, cluster, changes));
    TRY(add_version(spec, cluster, changes));
    add_endpoints(spec, cluster, changes);
    TRY(add_labels(spec, cluster, changes));
    TRY(add_missing(spec, cluster, changes));
    TRY(llmd__json_check(changes));
    *out = TAKE(changes);
    return NULL;
}

/* ---- pools ---- */

/* The schema demands the image type too, which gcloud leaves out: the one that is there says
   nothing new. */
static llmd_error *add_pool_version(const struct pool_spec *pool, const struct json *node_pool,
                                    struct json *changes)
{
    static const struct update change = {"PUT", "", "version of the nodes",
                                         "its nodes are made anew, one after the other"};
    const char *image = llmd__json_str(node_pool, "config.imageType");
    struct json *body = NULL;

    if (!llmd__version_newer(pool->version, llmd__json_str(node_pool, "version")))
        return NULL;
    TRY(llmd__json_make(&body, "{'nodeVersion': %s, 'imageType': %s}", pool->version,
                        *image ? image : NULL));
    add(changes, &change, body);
    return NULL;
}

/* Counts for the whole pool exclude ours, which are per zone. */
static llmd_error *wanted_autoscaling(const struct pool_spec *pool, const struct json *before,
                                      struct json **out)
{
    AUTO(json) struct json *wanted = llmd__json_object();

    CHECK_MEMORY(wanted);
    if (before)
        TRY(llmd__json_merge(&wanted, before));
    llmd__json_remove(wanted, "totalMinNodeCount");
    llmd__json_remove(wanted, "totalMaxNodeCount");
    llmd__pool_set_autoscaling(wanted, pool);
    TRY(llmd__json_check(wanted));
    *out = TAKE(wanted);
    return NULL;
}

/* Google leaves zeros out of its answers. */
static bool same_autoscaling(const struct json *before, const struct json *wanted)
{
    static const char *const counts[] = {"minNodeCount", "maxNodeCount", "totalMinNodeCount",
                                         "totalMaxNodeCount"};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (llmd__json_int(before, counts[i], 0) != llmd__json_int(wanted, counts[i], 0))
            return false;
    }
    return llmd__json_bool(before, "enabled", false) &&
           strcmp(llmd__json_str(before, "locationPolicy"),
                  llmd__json_str(wanted, "locationPolicy")) == 0;
}

static llmd_error *add_autoscaling(const struct pool_spec *pool, const struct json *node_pool,
                                   struct json *changes)
{
    static const struct update change = {"POST", ":setAutoscaling", "autoscaling"};
    const struct json *before = llmd__json_member(node_pool, "autoscaling");
    AUTO(json) struct json *wanted = NULL;
    struct json *body = NULL;

    if (!llmd__pool_autoscaled(pool))
        return NULL;
    TRY(wanted_autoscaling(pool, before, &wanted));
    if (same_autoscaling(before, wanted))
        return NULL;
    TRY(llmd__json_make(&body, "{'autoscaling': %j}", wanted));
    add(changes, &change, body);
    return NULL;
}

/* A size without limits means just that size; an autoscaler would move it again. It has moved it,
   too, and initialNodeCount does not follow: so the size is set whatever that says. */
static llmd_error *add_size(const struct pool_spec *pool, const struct json *node_pool,
                            struct json *changes)
{
    static const struct update off = {"POST", ":setAutoscaling", "autoscaling off"};
    static const struct update size = {"POST", ":setSize", "number of nodes"};
    static const struct update size_then = {
        .method = "POST", .path = ":setSize", .what = "number of nodes", .unseen = true};
    bool autoscaled = llmd__json_bool(node_pool, "autoscaling.enabled", false);
    struct json *body = NULL;

    if (pool->nodes < 0 || llmd__pool_autoscaled(pool))
        return NULL;
    if (autoscaled) {
        TRY(llmd__json_make(&body, "{'autoscaling': {'enabled': false}}"));
        add(changes, &off, TAKE(body));
    } else if (llmd__json_int(node_pool, "initialNodeCount", 0) == pool->nodes) {
        return NULL;
    }
    TRY(llmd__json_make(&body, "{'nodeCount': %d}", pool->nodes));
    add(changes, autoscaled ? &size_then : &size, body);
    return NULL;
}

llmd_error *llmd__pool_changes(const struct pool_spec *pool, const struct json *node_pool,
                               struct json **out)
{
    AUTO(json) struct json *changes = llmd__json_array();

    *out = NULL;
    CHECK_MEMORY(changes);
    TRY(add_autoscaling(pool, node_pool, changes));
    TRY(add_size(pool, node_pool, changes));
    TRY(add_pool_version(pool, node_pool, changes));
    TRY(llmd__json_check(changes));
    *out = TAKE(changes);
    return NULL;
}
