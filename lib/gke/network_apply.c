/* SPDX-License-Identifier: Apache-2.0 */
/* Finding or making the proxy-only subnet and the static address (P11, P12). */
#include "gke/network_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is taken ---- */

static bool of_network(const struct network_work *work, const struct json *resource)
{
    return strcmp(llmd__last_part(llmd__json_str(resource, "network")), llmd__network_name(work)) ==
           0;
}

static llmd_error *take_subnet(struct network_work *work, const struct json *subnet)
{
    struct json *copy = NULL;

    if (!of_network(work, subnet))
        return NULL;
    llmd__json_add_str(work->used, llmd__json_str(subnet, "ipCidrRange"));
    JSON_EACH(secondary, llmd__json_member(subnet, "secondaryIpRanges")) {
        llmd__json_add_str(work->used, llmd__json_str(secondary, "ipCidrRange"));
    }
    TRY(llmd__json_check(work->used));
    if (!llmd__is_proxy_subnet(subnet, NULL) ||
        strcmp(llmd__last_part(llmd__json_str(subnet, "region")), llmd__gke_region(work->gke)) != 0)
        return NULL;
    TRY(llmd__json_copy(subnet, &copy));
    llmd__json_add(work->subnets, copy);
    return llmd__json_check(work->subnets);
}

/* Subnets of a network may not overlap, wherever they are. */
static llmd_error *on_subnets(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    (void)graph;
    if (answer->refusal)
        return llmd__error_copy(answer->refusal);
    JSON_EACH(scope, llmd__json_member(answer->json, "items")) {
        JSON_EACH(subnet, llmd__json_member(scope, "subnetworks")) {
            TRY(take_subnet(work, subnet));
        }
    }
    return NULL;
}

/* Without these the range may be refused, which is then told; so they are no reason to stop. */
static llmd_error *partly_known(struct graph *graph, const struct look_answer *answer)
{
    return llmd__network_tell(graph, LLMD_LEVEL_WARNING, "Network", "UNKNOWN",
                              "name a free range in the spec, or grant roles/compute.networkViewer",
                              "%s", llmd_error_message(answer->refusal));
}

/* Routes show what peerings bring in as well. */
static llmd_error *on_routes(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    if (answer->refusal)
        return partly_known(graph, answer);
    JSON_EACH(route, llmd__json_member(answer->json, "items")) {
        if (of_network(work, route))
            llmd__json_add_str(work->used, llmd__json_str(route, "destRange"));
    }
    return llmd__json_check(work->used);
}

/* Ranges that are set aside for private services before anything is in them. */
static llmd_error *on_reserved(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    if (answer->refusal)
        return partly_known(graph, answer);
    JSON_EACH(address, llmd__json_member(answer->json, "items")) {
        int64_t prefix = llmd__json_int(address, "prefixLength", 0);
        char range[64];

        if (strcmp(llmd__json_str(address, "purpose"), "VPC_PEERING") != 0 || !prefix)
            continue;
        snprintf(range, sizeof(range), "%.40s/%d", llmd__json_str(address, "address"), (int)prefix);
        llmd__json_add_str(work->used, range);
    }
    return llmd__json_check(work->used);
}

static bool has_private_nodes(const struct json *cluster)
{
    return llmd__json_bool(cluster, "networkConfig.defaultEnablePrivateNodes", false) ||
           llmd__json_bool(cluster, "privateClusterConfig.enablePrivateNodes", false);
}

static void take_cluster(struct network_work *work, const struct json *cluster)
{
    static const char *const ranges[] = {"clusterIpv4Cidr", "servicesIpv4Cidr",
                                         "privateClusterConfig.masterIpv4CidrBlock"};
    const char *location = llmd__json_str(cluster, "location");
    size_t len = llmd__region_len(location);

    if (strcmp(llmd__last_part(llmd__json_str(cluster, "network")), llmd__network_name(work)) != 0)
        return;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        llmd__json_add_str(work->used, llmd__json_str(cluster, ranges[i]));
    if (strlen(llmd__gke_region(work->gke)) == len &&
        strncmp(location, llmd__gke_region(work->gke), len) == 0 && has_private_nodes(cluster))
        work->private_nodes = true;
}

static llmd_error *on_clusters(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    if (answer->refusal)
        return partly_known(graph, answer);
    JSON_EACH(cluster, llmd__json_member(answer->json, "clusters")) {
        take_cluster(work, cluster);
    }
    return llmd__json_check(work->used);
}

static llmd_error *on_routers(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    if (answer->refusal)
        return partly_known(graph, answer);
    JSON_EACH(router, llmd__json_member(answer->json, "items")) {
        work->nat = work->nat || llmd__has_nat(router, llmd__network_name(work));
    }
    return NULL;
}

static llmd_error *on_network(void *data, struct graph *graph, const struct look_answer *answer)
{
    (void)data;
    (void)graph;
    if (!answer->refusal)
        return NULL;
    if (answer->trouble != TROUBLE_NOT_FOUND)
        return llmd__error_copy(answer->refusal);
    return llmd__error_set_advice(llmd__error_copy(answer->refusal),
                                  "name a network that exists as network");
}

/* ---- the subnet ---- */

static llmd_error *choose_range(struct network_work *work)
{
    const char *range = work->spec->range ? work->spec->range : "", *taken;
    int prefix = *range == '/' ? (int)strtol(range + 1, NULL, 10) : LLMD__PROXY_PREFIX;

    if (*range && *range != '/') {
        taken = llmd__range_taken(work->used, range);
        snprintf(work->range, sizeof(work->range), "%s", range);
        if (!taken)
            return NULL;
        return llmd__error_set_reason(
            llmd__error_set_advice(llmd__error(LLMD_E_CONFLICT,
                                               "network %s: range %s touches %s, which is in use",
                                               llmd__network_name(work), range, taken),
                                   "leave range out, and a free one is taken"),
            "RANGE_IN_USE");
    }
    if (llmd__range_free(work->used, prefix, work->range))
        return NULL;
    return llmd__error_set_advice(llmd__error(LLMD_E_FAILED, "network %s: no free range of /%d",
                                              llmd__network_name(work), prefix),
                                  "want a smaller one (range: /26), or name one yourself");
}

static llmd_error *on_remade(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;
    struct json *copy = NULL;

    (void)graph;
    if (answer->refusal)
        return llmd__error_copy(answer->refusal);
    if (!llmd__is_proxy_subnet(answer->json, llmd__network_name(work)))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_EXISTS, "subnet %s is there and is no proxy-only subnet of %s",
                        llmd__network_subnet(work), llmd__network_name(work)),
            "choose another name as subnet");
    TRY(llmd__json_copy(answer->json, &copy));
    llmd__json_add(work->subnets, copy);
    return llmd__json_check(work->subnets);
}

/* Whatever the answer was, what is there decides: another process may have been faster. */
static llmd_error *on_subnet_made(void *data, struct graph *graph, llmd_error *failure,
                                  enum trouble trouble)
{
    struct network_work *work = data;

    work->made_subnet = !failure;
    if (failure && trouble != TROUBLE_EXISTS)
        return failure;
    llmd_error_free(failure);
    return llmd__network_look(work, graph, "proxy-only subnet", on_remade, NULL,
                              "/regions/%s/subnetworks/%s", llmd__gke_region(work->gke),
                              llmd__network_subnet(work));
}

static llmd_error *make_subnet(struct network_work *work, struct graph *graph)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *body = NULL;
    AUTO(str)
    char *network = llmd__format("projects/%s/global/networks/%s", llmd_gke_project(work->gke),
                                 llmd__network_name(work));
    AUTO(str) char *what = llmd__format("subnet %s", llmd__network_subnet(work));

    if (!network || !what)
        return NO_MEMORY;
    TRY(choose_range(work));
    TRY(llmd__json_make(&json,
                        "{'name': %s, 'network': %s, 'ipCidrRange': %s, 'description': %s, "
                        "'purpose': 'REGIONAL_MANAGED_PROXY', 'role': 'ACTIVE'}",
                        llmd__network_subnet(work), network, work->range,
                        LLMD__OWNER_LABEL "=" LLMD__OWNER));
    TRY(llmd__json_print(json, &body));
    TRY(llmd__network_tell(graph, LLMD_LEVEL_INFO, what, "MAKING", "",
                           "making the proxy-only subnet %s in %s", work->range,
                           llmd__gke_region(work->gke)));
    return llmd__network_change(work, graph,
                                &(struct mutation){.what = what,
                                                   .method = "POST",
                                                   .path = "/subnetworks",
                                                   .body = body,
                                                   .on_done = on_subnet_made});
}

static llmd_error *decide(void *data, struct graph *graph, const struct step_input *input,
                          struct step_action *action)
{
    struct network_work *work = data;
    const struct json *subnet = llmd__json_first(work->subnets);

    (void)input;
    action->kind = ACTION_DONE;
    if (!subnet)
        return make_subnet(work, graph);
    return llmd__network_tell(graph, LLMD_LEVEL_INFO, llmd__json_str(subnet, "name"), "FOUND", "",
                              "proxy-only subnet %s is there",
                              llmd__json_str(subnet, "ipCidrRange"));
}

static const struct step_class decide_class = {"network", decide, NULL};

/* ---- the address ---- */

static bool internal(const struct network_work *work)
{
    return work->spec->address_type && strcmp(work->spec->address_type, "internal") == 0;
}

static llmd_error *make_address(struct network_work *work, struct graph *graph);

static llmd_error *keep_address(struct network_work *work, struct graph *graph,
                                const struct json *address)
{
    const char *type = llmd__json_str(address, "addressType");
    const char *wanted = internal(work) ? "INTERNAL" : "EXTERNAL";

    if (*type && strcmp(type, wanted) != 0)
        return llmd__error_set_advice(llmd__error(LLMD_E_EXISTS, "address %s is %s, wanted %s",
                                                  work->spec->address, type, wanted),
                                      "choose another name, or change addressType");
    TRY(llmd__json_copy(address, &work->address));
    return llmd__network_tell(graph, LLMD_LEVEL_INFO, work->spec->address,
                              work->made_address ? "MADE" : "FOUND", "", "static address %s",
                              llmd__json_str(address, "address"));
}

static llmd_error *on_address(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    if (answer->trouble == TROUBLE_NOT_FOUND && !work->tried_address)
        return make_address(work, graph);
    if (answer->refusal)
        return llmd__error_copy(answer->refusal);
    return keep_address(work, graph, answer->json);
}

static llmd_error *look_for_address(struct network_work *work, struct graph *graph)
{
    return llmd__network_look(work, graph, "static address", on_address, NULL,
                              "/regions/%s/addresses/%s", llmd__gke_region(work->gke),
                              work->spec->address);
}

static llmd_error *on_address_made(void *data, struct graph *graph, llmd_error *failure,
                                   enum trouble trouble)
{
    struct network_work *work = data;

    work->made_address = !failure;
    work->tried_address = true;
    if (failure && trouble != TROUBLE_EXISTS)
        return failure;
    llmd_error_free(failure);
    return look_for_address(work, graph);
}

static llmd_error *address_body(const struct network_work *work, char **out)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *subnetwork = NULL;
    const char *name = work->spec->subnetwork ? work->spec->subnetwork : llmd__network_name(work);

    if (internal(work)) {
        subnetwork = llmd__format("projects/%s/regions/%s/subnetworks/%s",
                                  llmd_gke_project(work->gke), llmd__gke_region(work->gke), name);
        CHECK_MEMORY(subnetwork);
    }
    TRY(llmd__json_make(&json,
                        "{'name': %s, 'description': %s, 'addressType': %s, 'subnetwork': %s, "
                        "'purpose': %s}",
                        work->spec->address, LLMD__OWNER_LABEL "=" LLMD__OWNER,
                        internal(work) ? "INTERNAL" : "EXTERNAL", subnetwork,
                        internal(work) ? "SHARED_LOADBALANCER_VIP" : NULL));
    return llmd__json_print(json, out);
}

static llmd_error *make_address(struct network_work *work, struct graph *graph)
{
    AUTO(str) char *body = NULL;
    AUTO(str) char *what = llmd__format("address %s", work->spec->address);

    CHECK_MEMORY(what);
    TRY(address_body(work, &body));
    return llmd__network_change(work, graph,
                                &(struct mutation){.what = what,
                                                   .method = "POST",
                                                   .path = "/addresses",
                                                   .body = body,
                                                   .on_done = on_address_made});
}

/* ---- the end ---- */

static llmd_error *warn_without_nat(struct network_work *work, struct graph *graph)
{
    if (work->nat || !(work->private_nodes || work->spec->private_nodes))
        return NULL;
    return llmd__network_tell(graph, LLMD_LEVEL_WARNING, "CloudNat", "NO_CLOUD_NAT",
                              LLMD__NAT_ADVICE,
                              "no Cloud NAT in %s for network %s: private nodes can pull no images "
                              "or models from outside Google",
                              llmd__gke_region(work->gke), llmd__network_name(work));
}

static llmd_error *set_result(struct network_work *work, struct graph *graph)
{
    const struct json *subnet = llmd__json_first(work->subnets);
    struct json *result = NULL;

    TRY(llmd__json_make(
        &result,
        "{'network': %s, 'subnet': {'name': %s, 'range': %s, 'made': %b, 'ours': %b}, 'nat': %b}",
        llmd__network_name(work), llmd__json_str(subnet, "name"),
        llmd__json_str(subnet, "ipCidrRange"), work->made_subnet, llmd__network_is_ours(subnet),
        work->nat));
    if (work->address) {
        struct json *address = llmd__json_set_object(result, "address");

        llmd__json_set_str(address, "name", work->spec->address);
        llmd__json_set_str(address, "address", llmd__json_str(work->address, "address"));
        llmd__json_set_str(address, "type", internal(work) ? "internal" : "external");
        llmd__json_set_bool(address, "made", work->made_address);
        llmd__json_set_bool(address, "ours", llmd__network_is_ours(work->address));
    }
    llmd__graph_result(graph, result);
    return llmd__json_check(result);
}

static llmd_error *end(void *data, struct graph *graph, const struct step_input *input,
                       struct step_action *action)
{
    struct network_work *work = data;

    (void)input;
    action->kind = ACTION_DONE;
    TRY(warn_without_nat(work, graph));
    TRY(set_result(work, graph));
    return llmd__network_tell(graph, LLMD_LEVEL_INFO, llmd__network_name(work), "Ready", "",
                              "has what Gateways in %s need", llmd__gke_region(work->gke));
}

static const struct step_class end_class = {"network", end, NULL};

static llmd_error *look_at_clusters(struct network_work *work, struct graph *graph, step_id *out)
{
    AUTO(str)
    char *path = llmd__format("/v1/projects/%s/locations/-/clusters", llmd_gke_project(work->gke));
    struct look look = {.api = GOOGLE_CONTAINER,
                        .what = "clusters",
                        .path = path,
                        .on_answer = on_clusters,
                        .data = work};

    CHECK_MEMORY(path);
    TRY(llmd__look_step(graph, work->gke, &look, out));
    return llmd__graph_need(graph, work->end, *out);
}

static llmd_error *add_looks(struct network_work *work, struct graph *graph, step_id decision)
{
    const char *region = llmd__gke_region(work->gke);
    step_id needs[5];

    TRY(llmd__network_look(work, graph, "network", on_network, &needs[0], "/global/networks/%s",
                           llmd__network_name(work)));
    TRY(llmd__network_look(work, graph, "subnets", on_subnets, &needs[1],
                           "/aggregated/subnetworks?maxResults=500"));
    TRY(llmd__network_look(work, graph, "routes", on_routes, &needs[2],
                           "/global/routes?maxResults=500"));
    TRY(llmd__network_look(work, graph, "reserved ranges", on_reserved, &needs[3],
                           "/global/addresses"));
    TRY(look_at_clusters(work, graph, &needs[4]));
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
        TRY(llmd__graph_need(graph, decision, needs[i]));
    TRY(llmd__network_look(work, graph, "routers", on_routers, NULL, "/regions/%s/routers",
                           region));
    return work->spec->address && *work->spec->address ? look_for_address(work, graph) : NULL;
}

llmd_error *llmd_network_apply(const llmd_gke *gke, const llmd_network_spec *spec, llmd_task **out)
{
    static const struct network_task task = {&decide_class, &end_class, add_looks};

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE(spec);
    return llmd__network_task(gke, spec, &task, out);
}
