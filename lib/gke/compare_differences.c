/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be changed, and what is off. */
#include "gke/compare.h"

#include <stdio.h>
#include <string.h>

static bool said(const char *text)
{
    return text && *text;
}

static void begin(struct buf *out)
{
    if (out->len)
        llmd__buf_str(out, "; ");
}

/* "machine type n1-standard-4, wanted ct6e-standard-4t"; nothing if wanted is "" or the same. */
static void differ(struct buf *out, const char *what, const char *have, const char *wanted)
{
    if (!said(wanted) || strcmp(have, wanted) == 0)
        return;
    begin(out);
    llmd__buf_format(out, "%s %s, wanted %s", what, *have ? have : "(none)", wanted);
}

/* "" counts as a value: what is there and not wanted differs too. */
static void differ_exactly(struct buf *out, const char *what, const char *have, const char *wanted)
{
    if (said(wanted) || !*have) {
        differ(out, what, have, wanted);
        return;
    }
    begin(out);
    llmd__buf_format(out, "%s %s, wanted none", what, have);
}

static const char *last_part(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path;
}

static const char *yes_no(bool value)
{
    return value ? "on" : "off";
}

/* ---- clusters ---- */

static bool has_private_nodes(const struct json *cluster)
{
    return llmd__json_bool(cluster, "networkConfig.defaultEnablePrivateNodes", false) ||
           llmd__json_bool(cluster, "privateClusterConfig.enablePrivateNodes", false);
}

static bool has_dataplane(const struct json *cluster)
{
    return strcmp(llmd__json_str(cluster, "networkConfig.datapathProvider"), "ADVANCED_DATAPATH") ==
           0;
}

static void list(struct buf *out, const struct json *array)
{
    JSON_EACH(item, array) {
        llmd__buf_format(out, "%s%s", item == llmd__json_first(array) ? "" : ", ",
                         llmd__json_text(item));
    }
}

/* Changing them would move nodes, so it is left to people. */
static void differ_zones(struct buf *out, const struct json *have, const struct json *wanted)
{
    bool same = llmd__json_count(have) == llmd__json_count(wanted);

    if (!wanted)
        return;
    JSON_EACH(zone, wanted) {
        same = same && llmd__json_holds(have, llmd__json_text(zone));
    }
    if (same)
        return;
    begin(out);
    llmd__buf_str(out, "zones ");
    list(out, have);
    llmd__buf_str(out, ", wanted ");
    list(out, wanted);
}

void llmd__cluster_difference(const llmd_cluster_spec *spec, const struct json *cluster,
                              struct buf *out)
{
    if (llmd__json_bool(cluster, "autopilot.enabled", false)) {
        begin(out);
        llmd__buf_str(out, "an Autopilot cluster, which makes its own nodes");
    }
    differ(out, "network", last_part(llmd__json_str(cluster, "network")), last_part(spec->network));
    differ(out, "subnetwork", last_part(llmd__json_str(cluster, "subnetwork")),
           last_part(spec->subnetwork));
    differ_zones(out, llmd__json_member(cluster, "locations"), spec->zones);
    if (spec->dataplane_v2)
        differ(out, "Dataplane V2", yes_no(has_dataplane(cluster)),
               yes_no(llmd__cluster_spec_on(spec->dataplane_v2)));
    if (spec->private_nodes)
        differ(out, "private nodes", yes_no(has_private_nodes(cluster)), yes_no(true));
}

/* ---- what is off ---- */

bool llmd__cluster_no_gateway_api(const struct json *cluster)
{
    /* Not addonsConfig.gatewayApiConfig: there is no such path (P18). */
    const char *channel = llmd__json_str(cluster, "networkConfig.gatewayApiConfig.channel");

    return strcmp(channel, "CHANNEL_STANDARD") != 0 && strcmp(channel, "CHANNEL_EXPERIMENTAL") != 0;
}

bool llmd__cluster_no_load_balancing(const struct json *cluster)
{
    return llmd__json_bool(cluster, "addonsConfig.httpLoadBalancing.disabled", false);
}

bool llmd__cluster_no_network_policy(const struct json *cluster)
{
    return !has_dataplane(cluster) && !llmd__json_bool(cluster, "networkPolicy.enabled", false);
}

static void miss(struct buf *out, bool missing, const char *text)
{
    if (!missing)
        return;
    begin(out);
    llmd__buf_str(out, text);
}

void llmd__cluster_missing(const llmd_cluster_spec *spec, const struct json *cluster,
                           struct buf *out)
{
    bool gateway = llmd__cluster_spec_on(spec->gateway_api);
    bool told = !spec->enable_missing;

    miss(out, told && gateway && llmd__cluster_no_load_balancing(cluster),
         "HTTP load balancing is off, so that no Gateway is served");
    miss(out, told && gateway && llmd__cluster_no_gateway_api(cluster),
         "Gateway API is off, so that there are no GatewayClasses");
    miss(out, gateway && !llmd__json_bool(cluster, "ipAllocationPolicy.useIpAliases", false),
         "the cluster is not VPC-native, so that no Gateway reaches its pods");
    miss(out, told && spec->network_policy && llmd__cluster_no_network_policy(cluster),
         "network policies are not enforced");
    /* gcloud's --addons does that in passing (P106). */
    miss(out, llmd__json_bool(cluster, "addonsConfig.horizontalPodAutoscaling.disabled", false),
         "horizontal pod autoscaling is off, so that no replicas are added");
}

/* ---- pools ---- */

static void differ_accelerator(struct buf *out, const struct pool_spec *pool,
                               const struct json *config)
{
    const struct json *item = llmd__json_get(config, "accelerators[0]");
    const char *count = llmd__json_text(llmd__json_member(item, "acceleratorCount"));
    char wanted[24];

    if (!item && !said(pool->accelerator.type))
        return;
    differ_exactly(out, "accelerator", llmd__json_str(item, "acceleratorType"),
                   pool->accelerator.type);
    snprintf(wanted, sizeof(wanted), "%d", pool->accelerator.count);
    if (said(pool->accelerator.type))
        differ(out, "accelerators a node", count, wanted);
}

static void differ_number(struct buf *out, const char *what, const struct json *have, int wanted)
{
    char text[24];

    if (wanted <= 0)
        return;
    snprintf(text, sizeof(text), "%d", wanted);
    differ(out, what, llmd__json_text(have), text);
}

static void differ_labels(struct buf *out, const struct json *have, const struct json *wanted)
{
    JSON_EACH(label, wanted) {
        const struct json *found = llmd__json_member(have, llmd__json_key(label));

        if (found && llmd__json_equal(found, label))
            continue;
        begin(out);
        llmd__buf_format(out, "label %s %s, wanted %s", llmd__json_key(label),
                         found ? llmd__json_text(found) : "(none)", llmd__json_text(label));
    }
}

static bool has_taint(const struct json *taints, const struct taint *wanted)
{
    JSON_EACH(taint, taints) {
        if (strcmp(llmd__json_str(taint, "key"), wanted->key) == 0 &&
            strcmp(llmd__json_str(taint, "value"), wanted->value) == 0 &&
            strcmp(llmd__json_str(taint, "effect"), wanted->effect) == 0)
            return true;
    }
    return false;
}

static void differ_taint(struct buf *out, const struct json *have, const char *text)
{
    struct taint wanted;
    llmd_error *error = llmd__taint_parse(text, &wanted);

    if (error) { /* the taint was checked: no memory */
        out->failed = true;
        llmd_error_free(error);
        return;
    }
    miss(out, !has_taint(have, &wanted), "no taint ");
    if (!has_taint(have, &wanted))
        llmd__buf_str(out, text);
    llmd__free(wanted.key);
    llmd__free(wanted.value);
}

static void differ_disk(struct buf *out, const struct pool_spec *pool, const struct json *config)
{
    const char *type = llmd__json_str(config, "diskType");
    const struct json *size = llmd__json_member(config, "diskSizeGb");

    differ(out, "disk", *type ? type : llmd__json_str(config, "bootDisk.diskType"),
           pool->disk_type);
    differ_number(out, "disk of GB", size ? size : llmd__json_get(config, "bootDisk.sizeGb"),
                  pool->disk_gb);
}

static void differ_capacity(struct buf *out, const struct pool_spec *pool,
                            const struct json *config)
{
    bool spot =
        llmd__json_bool(config, "spot", false) || llmd__json_bool(config, "preemptible", false);

    differ(out, "spot", yes_no(spot), yes_no(llmd__pool_spot(pool)));
    differ(out, "flex-start", yes_no(llmd__json_bool(config, "flexStart", false)),
           yes_no(pool->flex_start));
    differ_exactly(out, "reservation", llmd__json_str(config, "reservationAffinity.values[0]"),
                   pool->reservation);
}

void llmd__pool_difference(const struct pool_spec *pool, const struct json *node_pool,
                           struct buf *out)
{
    const struct json *config = llmd__json_member(node_pool, "config");

    differ(out, "machine type", llmd__json_str(config, "machineType"), pool->machine);
    differ_accelerator(out, pool, config);
    differ_exactly(out, "topology", llmd__json_str(node_pool, "placementPolicy.tpuTopology"),
                   pool->topology);
    differ_zones(out, llmd__json_member(node_pool, "locations"), pool->zones);
    differ_capacity(out, pool, config);
    differ_disk(out, pool, config);
    differ(out, "service account", llmd__json_str(config, "serviceAccount"), pool->service_account);
    differ_number(out, "pods a node", llmd__json_get(node_pool, "maxPodsConstraint.maxPodsPerNode"),
                  pool->max_pods_per_node);
    differ_labels(out, llmd__json_member(config, "labels"), pool->labels);
    JSON_EACH(taint, pool->taints) {
        differ_taint(out, llmd__json_member(config, "taints"), llmd__json_text(taint));
    }
}
