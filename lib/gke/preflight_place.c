/* SPDX-License-Identifier: Apache-2.0 */
/* The weekly look without a spec: quotas that fill up, addresses and forwarding rules that cost. */
#include "gke/preflight.h"

#include "gke/network.h"

#include <stdio.h>
#include <string.h>

#define FULL_PERCENT 80
#define CONSOLE "https://console.cloud.google.com/iam-admin/quotas"

/* ---- quotas ---- */

static llmd_error *tell_full(struct preflight_ask *ask, struct graph *graph,
                             const struct json *quota)
{
    const char *metric = llmd__json_str(quota, "metric");
    int64_t limit = (int64_t)llmd__json_double(quota, "limit", 0);
    int64_t used = (int64_t)llmd__json_double(quota, "usage", 0);
    char subject[200];
    struct check check = {LLMD_LEVEL_WARNING,
                          subject,
                          "QUOTA_TIGHT",
                          "ask for more at " CONSOLE ", or free some",
                          metric,
                          limit,
                          used,
                          0};

    if (limit <= 0 || used * 100 < limit * FULL_PERCENT)
        return NULL;
    snprintf(subject, sizeof(subject), "%.150s/%.40s", ask->subject, metric);
    return llmd__preflight_tell(ask->preflight, graph, &check, "limit %lld, used %lld (%lld %%)",
                                (long long)limit, (long long)used, (long long)(used * 100 / limit));
}

static llmd_error *on_quotas(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "QUOTAS", ""};
    size_t in_use = 0;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    JSON_EACH(quota, llmd__json_member(answer->json, "quotas")) {
        in_use += llmd__json_double(quota, "usage", 0) > 0;
        TRY(tell_full(ask, graph, quota));
    }
    return llmd__preflight_tell(
        ask->preflight, graph, &check, "%zu of %zu quotas are in use; told are those over %d %%",
        in_use, llmd__json_count(llmd__json_member(answer->json, "quotas")), FULL_PERCENT);
}

/* ---- addresses ---- */

static llmd_error *tell_address(struct preflight_ask *ask, struct graph *graph,
                                const struct json *address)
{
    bool idle = strcmp(llmd__json_str(address, "status"), "RESERVED") == 0;
    char subject[160];
    struct check check = {idle ? LLMD_LEVEL_WARNING : LLMD_LEVEL_INFO, subject,
                          idle ? "ADDRESS_IDLE" : "ADDRESS",
                          idle ? "release it if nobody needs it: idle addresses are billed" : ""};

    snprintf(subject, sizeof(subject), "Address/%s", llmd__json_str(address, "name"));
    return llmd__preflight_tell(ask->preflight, graph, &check, "%s, %s",
                                llmd__json_str(address, "address"),
                                idle ? "reserved and used by nothing" : "in use");
}

static llmd_error *on_addresses(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    JSON_EACH(address, llmd__json_member(answer->json, "items")) {
        TRY(tell_address(ask, graph, address));
    }
    return NULL;
}

/* ---- forwarding rules and subnets ---- */

static llmd_error *on_rules(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    JSON_EACH(rule, llmd__json_member(answer->json, "items")) {
        char subject[160];
        struct check check = {LLMD_LEVEL_INFO, subject, "FORWARDING_RULE", ""};

        snprintf(subject, sizeof(subject), "ForwardingRule/%s", llmd__json_str(rule, "name"));
        TRY(llmd__preflight_tell(ask->preflight, graph, &check, "%s, %s, billed while it is there",
                                 llmd__json_str(rule, "IPAddress"),
                                 llmd__json_str(rule, "loadBalancingScheme")));
    }
    return NULL;
}

static llmd_error *on_subnets(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    JSON_EACH(subnet, llmd__json_member(answer->json, "items")) {
        char subject[160];
        struct check check = {LLMD_LEVEL_INFO, subject, "PROXY_ONLY_SUBNET", ""};

        if (!llmd__is_proxy_subnet(subnet, NULL))
            continue;
        snprintf(subject, sizeof(subject), "ProxyOnlySubnet/%s", llmd__json_str(subnet, "name"));
        TRY(llmd__preflight_tell(ask->preflight, graph, &check, "%s%s",
                                 llmd__json_str(subnet, "ipCidrRange"),
                                 llmd__network_is_ours(subnet) ? ", made by libllmd" : ""));
    }
    return NULL;
}

/* scope: "global", "regions/R", or "" for the project itself. */
static llmd_error *ask(struct preflight *preflight, struct graph *graph, const char *kind,
                       const char *scope, const char *collection, look_fn on_answer)
{
    char subject[160];

    snprintf(subject, sizeof(subject), "%s/%s", kind,
             *scope ? llmd__last_part(scope) : llmd_gke_project(preflight->gke));
    return llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, 0, on_answer, NULL, NULL,
                                "/compute/v1/projects/%s%s%s%s", llmd_gke_project(preflight->gke),
                                *scope ? "/" : "", scope, collection);
}

llmd_error *llmd__preflight_place(struct preflight *preflight, struct graph *graph)
{
    char region[96];

    snprintf(region, sizeof(region), "regions/%s", llmd__gke_region(preflight->gke));
    TRY(ask(preflight, graph, "Quota", "", "", on_quotas));
    TRY(ask(preflight, graph, "Quota", region, "", on_quotas));
    TRY(llmd__preflight_place_quotas(preflight, graph));
    TRY(ask(preflight, graph, "Address", region, "/addresses", on_addresses));
    TRY(ask(preflight, graph, "Address", "global", "/addresses", on_addresses));
    TRY(ask(preflight, graph, "ForwardingRule", region, "/forwardingRules", on_rules));
    TRY(ask(preflight, graph, "ForwardingRule", "global", "/forwardingRules", on_rules));
    return ask(preflight, graph, "ProxyOnlySubnet", region, "/subnetworks", on_subnets);
}
