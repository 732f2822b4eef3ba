/* SPDX-License-Identifier: Apache-2.0 */
/* The version, and a cluster that has this name already. */
#include "gke/preflight.h"

#include "gke/compare.h"
#include "gke/cluster_manifest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- version ---- */

/* "1.34" is an alias of the newest 1.34.x-gke.y, "1.34.1" of its newest build. */
static bool is_alias_of(const char *alias, const char *version)
{
    size_t len = strlen(alias);

    return strncmp(alias, version, len) == 0 &&
           (version[len] == '\0' || version[len] == '.' || version[len] == '-');
}

static bool any_alias_of(const char *alias, const struct json *versions)
{
    JSON_EACH(version, versions) {
        if (is_alias_of(alias, llmd__json_text(version)))
            return true;
    }
    return false;
}

/* By name: the order of channels is nobody's promise. */
static const struct json *channel_of(const struct json *config, const char *name)
{
    JSON_EACH(channel, llmd__json_member(config, "channels")) {
        if (strcasecmp(llmd__json_str(channel, "channel"), name) == 0)
            return channel;
    }
    return NULL;
}

bool llmd__version_offered(const struct json *config, const char *channel, const char *version)
{
    const struct json *versions = llmd__json_member(config, "validMasterVersions");

    if (!version || !*version || strcmp(version, "-") == 0 || strcmp(version, "latest") == 0)
        return true;
    if (channel && *channel)
        versions = llmd__json_member(channel_of(config, channel), "validVersions");
    return any_alias_of(version, versions);
}

static const char *wanted_channel(const struct preflight *preflight)
{
    const char *channel = preflight->spec->release_channel;

    return channel && *channel ? channel : "regular";
}

static llmd_error *on_versions(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    const char *version = ask->preflight->spec->version ? ask->preflight->spec->version : "";
    const char *channel = wanted_channel(ask->preflight), *standard;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "VERSION", ""};
    AUTO(str) char *advice = NULL;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    standard = llmd__json_str(channel_of(answer->json, channel), "defaultVersion");
    if (!*version)
        return llmd__preflight_tell(ask->preflight, graph, &check, "channel %s gives %s", channel,
                                    *standard ? standard : "its default");
    if (llmd__version_offered(answer->json, channel, version))
        return llmd__preflight_tell(ask->preflight, graph, &check, "offered in channel %s",
                                    channel);
    check.level = LLMD_LEVEL_ERROR;
    check.reason = "VERSION_NOT_OFFERED";
    advice = llmd__format("leave version out (channel %s gives %s), or choose another channel",
                          channel, *standard ? standard : "its default");
    CHECK_MEMORY(advice);
    check.advice = advice;
    return llmd__preflight_tell(ask->preflight, graph, &check,
                                "version %s is not offered in channel %s here", version, channel);
}

/* ---- a cluster of this name ---- */

static const struct json *find_cluster(const struct preflight *preflight, const struct json *answer,
                                       bool here)
{
    const char *location = llmd_gke_location(preflight->gke);

    JSON_EACH(cluster, llmd__json_member(answer, "clusters")) {
        bool in_place = strcmp(llmd__json_str(cluster, "location"), location) == 0;

        if (strcmp(llmd__json_str(cluster, "name"), preflight->spec->name) == 0 && in_place == here)
            return cluster;
    }
    return NULL;
}

static bool is_missing(const struct preflight *preflight, const struct json *answer)
{
    JSON_EACH(zone, llmd__json_member(answer, "missingZones")) {
        const char *name = llmd__json_text(zone);

        if (strcmp(name, llmd_gke_location(preflight->gke)) == 0 ||
            strcmp(name, llmd__gke_region(preflight->gke)) == 0)
            return true;
    }
    return false;
}

static bool no_vpc_native(const struct json *cluster)
{
    return !llmd__json_bool(cluster, "ipAllocationPolicy.useIpAliases", false);
}

static bool no_autoscaling_of_pods(const struct json *cluster)
{
    return llmd__json_bool(cluster, "addonsConfig.horizontalPodAutoscaling.disabled", false);
}

enum cure { CURE_NONE, CURE_ENABLE, CURE_BY_HAND };

/* What a Gateway (P13, P14) and scaling (P106) need of a cluster that is there. */
static const struct {
    bool (*missing)(const struct json *cluster);
    bool of_gateway;
    enum cure cure;
    const char *reason, *message;
} features[] = {
    {llmd__cluster_no_gateway_api, true, CURE_ENABLE, "GATEWAY_API_DISABLED",
     "Gateway API is off: there are no GatewayClasses"},
    {llmd__cluster_no_load_balancing, true, CURE_ENABLE, "HTTP_LOAD_BALANCING_DISABLED",
     "the HttpLoadBalancing addon is off: no Gateway is served"},
    {no_vpc_native, true, CURE_NONE, "NOT_VPC_NATIVE",
     "the cluster is not VPC-native: no Gateway reaches its pods"},
    {no_autoscaling_of_pods, false, CURE_BY_HAND, "HPA_DISABLED",
     "the HorizontalPodAutoscaling addon is off: autoscalers of pods do nothing"},
};

static void weigh(enum cure cure, bool enable, struct check *check)
{
    check->level = LLMD_LEVEL_ERROR;
    if (cure == CURE_NONE) {
        check->advice = "this is fixed when a cluster is made: make another one";
    } else if (cure == CURE_BY_HAND) {
        check->level = LLMD_LEVEL_WARNING;
        check->advice = "switch the addon on if replicas shall scale by load";
    } else if (enable) {
        check->level = LLMD_LEVEL_WARNING;
        check->advice = "cluster apply switches it on";
    } else {
        check->advice = "set enableMissing, and it is switched on";
    }
}

static llmd_error *tell_features(struct preflight_ask *ask, struct graph *graph,
                                 const struct json *cluster)
{
    const llmd_cluster_spec *spec = ask->preflight->spec;

    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        struct check check = {.subject = ask->subject, .reason = features[i].reason};

        if (!features[i].missing(cluster) ||
            (features[i].of_gateway && !llmd__cluster_spec_on(spec->gateway_api)))
            continue;
        weigh(features[i].cure, spec->enable_missing, &check);
        TRY(llmd__preflight_tell(ask->preflight, graph, &check, "%s", features[i].message));
    }
    return NULL;
}

/* What no update can change. */
static llmd_error *tell_difference(struct preflight_ask *ask, struct graph *graph,
                                   const struct json *cluster)
{
    AUTO(buf) struct buf difference = BUF_INIT;
    const struct check check = {LLMD_LEVEL_ERROR, ask->subject, "CLUSTER_DIFFERS",
                                "choose another name, or want what is there"};

    llmd__cluster_difference(ask->preflight->spec, cluster, &difference);
    TRY(llmd__buf_check(&difference));
    if (!difference.len)
        return NULL;
    return llmd__preflight_tell(ask->preflight, graph, &check, "cannot be changed: %s",
                                difference.data);
}

static llmd_error *tell_existing(struct preflight_ask *ask, struct graph *graph,
                                 const struct json *cluster)
{
    const char *status = llmd__json_str(cluster, "status");
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "CLUSTER_EXISTS", ""};

    TRY(llmd__json_copy(cluster, &ask->preflight->cluster));
    if (!llmd__is_ours(cluster)) {
        check.level = ask->preflight->spec->adopt ? LLMD_LEVEL_WARNING : LLMD_LEVEL_ERROR;
        check.reason = "CLUSTER_NOT_OURS";
        check.advice = ask->preflight->spec->adopt
                           ? "it is adopted, as the spec says: its settings are changed, and it is "
                             "never deleted by us"
                           : "choose another name, or set adopt";
        TRY(llmd__preflight_tell(ask->preflight, graph, &check,
                                 "a cluster of this name is there (%s) and is not ours", status));
    } else if (strcmp(status, "ERROR") == 0 || strcmp(status, "DEGRADED") == 0 ||
               strcmp(status, "STOPPING") == 0) {
        check.level = LLMD_LEVEL_WARNING;
        check.advice = "delete it, or wait until it is gone";
        TRY(llmd__preflight_tell(ask->preflight, graph, &check, "it is ours and %s: %s", status,
                                 llmd__json_str(cluster, "statusMessage")));
    } else {
        TRY(llmd__preflight_tell(ask->preflight, graph, &check,
                                 "it is ours and %s: apply goes on with it", status));
    }
    TRY(tell_difference(ask, graph, cluster));
    return tell_features(ask, graph, cluster);
}

static llmd_error *on_clusters(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "CLUSTER", ""};
    const struct json *cluster;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    cluster = find_cluster(ask->preflight, answer->json, true);
    if (cluster)
        return tell_existing(ask, graph, cluster);
    check.level = LLMD_LEVEL_WARNING;
    /* A list with holes proves no absence (P114). */
    if (is_missing(ask->preflight, answer->json)) {
        check.reason = "UNKNOWN";
        check.advice = "try again: GKE did not answer for this location";
        return llmd__preflight_tell(ask->preflight, graph, &check,
                                    "whether a cluster of this name is there is not known: "
                                    "missingZones names %s",
                                    llmd_gke_location(ask->preflight->gke));
    }
    cluster = find_cluster(ask->preflight, answer->json, false);
    if (cluster) {
        check.reason = "CLUSTER_ELSEWHERE";
        check.advice = "check that a second one is meant";
        return llmd__preflight_tell(ask->preflight, graph, &check,
                                    "a cluster of this name is in %s; another one will be made",
                                    llmd__json_str(cluster, "location"));
    }
    check.level = LLMD_LEVEL_INFO;
    return llmd__preflight_tell(ask->preflight, graph, &check, "the name is free");
}

llmd_error *llmd__preflight_cluster(struct preflight *preflight, struct graph *graph)
{
    const char *project = llmd_gke_project(preflight->gke);
    const char *version = preflight->spec->version;
    char subject[160];
    step_id step = -1;

    snprintf(subject, sizeof(subject), "Version/%s",
             version && *version ? version : wanted_channel(preflight));
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_CONTAINER, subject, 0, on_versions, NULL,
                             NULL, "/v1/projects/%s/locations/%s/serverConfig", project,
                             llmd_gke_location(preflight->gke)));
    snprintf(subject, sizeof(subject), "Cluster/%s", preflight->spec->name);
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_CONTAINER, subject, 0, on_clusters, NULL,
                             &step, "/v1/projects/%s/locations/-/clusters", project));
    return llmd__preflight_quota_needs(preflight, graph, step);
}
