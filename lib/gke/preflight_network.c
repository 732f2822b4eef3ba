/* SPDX-License-Identifier: Apache-2.0 */
/* Network and subnets: what nodes and a regional Gateway need of them (P11, P12). */
#include "gke/preflight.h"

#include "gke/network.h"

#include <stdio.h>
#include <string.h>

static const char *network_of(const struct preflight *preflight)
{
    const char *network = preflight->spec->network;
    const char *slash = network ? strrchr(network, '/') : NULL;

    if (!network || !*network)
        return "default";
    return slash ? slash + 1 : network;
}

/* A shared VPC belongs to another project, which its full name tells. */
static void network_path(const struct preflight *preflight, char *path, size_t size)
{
    const char *network = preflight->spec->network;
    const char *full = network ? strstr(network, "projects/") : NULL;

    if (full)
        snprintf(path, size, "/compute/v1/%s", full);
    else
        snprintf(path, size, "/compute/v1/projects/%s/global/networks/%s",
                 llmd_gke_project(preflight->gke), network_of(preflight));
}

static llmd_error *on_network(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "NETWORK", ""};

    if (answer->trouble == TROUBLE_NOT_FOUND) {
        check.level = LLMD_LEVEL_ERROR;
        check.reason = "NETWORK_NOT_FOUND";
        check.advice = "name a network of this project as network";
        return llmd__preflight_tell(ask->preflight, graph, &check, "there is no such network");
    }
    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    return llmd__preflight_tell(
        ask->preflight, graph, &check, "%s mode",
        llmd__json_bool(answer->json, "autoCreateSubnetworks", false) ? "auto" : "custom");
}

/* ---- subnets ---- */

static llmd_error *on_subnets(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct preflight *preflight = ask->preflight;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "PROXY_ONLY_SUBNET", ""};

    if (answer->refusal)
        return llmd__preflight_unknown(preflight, graph, ask->subject, answer);
    JSON_EACH(subnet, llmd__json_member(answer->json, "items")) {
        if (!llmd__is_proxy_subnet(subnet, network_of(preflight)))
            continue;
        preflight->subnets_seen++;
        TRY(llmd__preflight_tell(preflight, graph, &check, "%s (%s)",
                                 llmd__json_str(subnet, "name"),
                                 llmd__json_str(subnet, "ipCidrRange")));
    }
    if (!answer->last || preflight->subnets_seen)
        return NULL;
    check.level = LLMD_LEVEL_WARNING;
    check.reason = "NO_PROXY_ONLY_SUBNET";
    check.advice = "network apply makes one; the cluster does not need it, a regional "
                   "Gateway does";
    return llmd__preflight_tell(preflight, graph, &check,
                                "no active proxy-only subnet in %s for network %s",
                                llmd__gke_region(preflight->gke), network_of(preflight));
}

static llmd_error *on_routers(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct preflight *preflight = ask->preflight;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "CLOUD_NAT", ""};

    if (answer->refusal)
        return llmd__preflight_unknown(preflight, graph, ask->subject, answer);
    JSON_EACH(router, llmd__json_member(answer->json, "items")) {
        if (llmd__has_nat(router, network_of(preflight)))
            preflight->nats_seen++;
    }
    if (!answer->last)
        return NULL;
    if (preflight->nats_seen)
        return llmd__preflight_tell(preflight, graph, &check, "private nodes reach the internet");
    check.level = LLMD_LEVEL_WARNING;
    check.reason = "NO_CLOUD_NAT";
    check.advice = LLMD__NAT_ADVICE;
    return llmd__preflight_tell(preflight, graph, &check,
                                "no Cloud NAT in %s for network %s: private nodes can pull no "
                                "images or models from outside Google",
                                llmd__gke_region(preflight->gke), network_of(preflight));
}

static llmd_error *ask_subnets(struct preflight *preflight, struct graph *graph)
{
    char subject[160];

    snprintf(subject, sizeof(subject), "ProxyOnlySubnet/%s/%s", llmd__gke_region(preflight->gke),
             network_of(preflight));
    return llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, 0, on_subnets, NULL,
                                NULL, "/compute/v1/projects/%s/regions/%s/subnetworks",
                                llmd_gke_project(preflight->gke), llmd__gke_region(preflight->gke));
}

llmd_error *llmd__preflight_network(struct preflight *preflight, struct graph *graph)
{
    char subject[160], path[256];

    snprintf(subject, sizeof(subject), "Network/%s", network_of(preflight));
    network_path(preflight, path, sizeof(path));
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, 0, on_network, NULL, NULL,
                             "%s", path));
    if (llmd__cluster_spec_on(preflight->spec->gateway_api))
        TRY(ask_subnets(preflight, graph));
    if (!preflight->spec->private_nodes)
        return NULL;
    snprintf(subject, sizeof(subject), "CloudNat/%s/%s", llmd__gke_region(preflight->gke),
             network_of(preflight));
    return llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, 0, on_routers, NULL,
                                NULL, "/compute/v1/projects/%s/regions/%s/routers",
                                llmd_gke_project(preflight->gke), llmd__gke_region(preflight->gke));
}
