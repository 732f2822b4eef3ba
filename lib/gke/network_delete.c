/* SPDX-License-Identifier: Apache-2.0 */
/* Removing what libllmd made and nothing uses; everything else is told and left. */
#include "gke/network_work.h"

#include <string.h>

static llmd_error *note(struct network_work *work, const char *list, const char *name)
{
    struct json *names = llmd__json_edit(work->result, list);

    if (!names)
        names = llmd__json_set_array(work->result, list);
    llmd__json_add_str(names, name);
    return llmd__json_check(work->result);
}

static llmd_error *leave(struct network_work *work, struct graph *graph, const char *name,
                         const char *reason, const char *why)
{
    bool in_use = strcmp(reason, "IN_USE") == 0;

    TRY(note(work, "left", name));
    return llmd__network_tell(graph, in_use ? LLMD_LEVEL_WARNING : LLMD_LEVEL_INFO, name, reason,
                              in_use ? "delete what uses it, then delete the network again" : "",
                              "left: %s", why);
}

/* ---- deleting ---- */

static llmd_error *removed(struct network_work *work, struct graph *graph, const char *name,
                           llmd_error *failure, enum trouble trouble)
{
    AUTO(error) llmd_error *owned = failure;

    /* RESOURCE_IN_USE_BY_ANOTHER_RESOURCE: "... is already being used by ..." */
    if (owned && (strstr(llmd_error_message(owned), "being used") ||
                  strstr(llmd_error_message(owned), "IN_USE")))
        return leave(work, graph, name, "IN_USE", llmd_error_message(owned));
    if (owned && trouble != TROUBLE_NOT_FOUND) /* gone is gone */
        return TAKE(owned);
    TRY(note(work, "deleted", name));
    return llmd__network_tell(graph, LLMD_LEVEL_INFO, name, "DELETED", "", "deleted");
}

static llmd_error *on_subnet_deleted(void *data, struct graph *graph, llmd_error *failure,
                                     enum trouble trouble)
{
    struct network_work *work = data;
    const struct json *subnet = llmd__json_first(work->subnets);

    return removed(work, graph, llmd__json_str(subnet, "name"), failure, trouble);
}

static llmd_error *on_address_deleted(void *data, struct graph *graph, llmd_error *failure,
                                      enum trouble trouble)
{
    struct network_work *work = data;

    return removed(work, graph, work->spec->address, failure, trouble);
}

static llmd_error *delete_one(struct network_work *work, struct graph *graph, const char *kind,
                              const char *name,
                              llmd_error *(*on_done)(void *, struct graph *, llmd_error *,
                                                     enum trouble))
{
    AUTO(str) char *path = llmd__format("/%s/%s", kind, name);
    AUTO(str) char *what = llmd__format("%s %s", kind, name);

    if (!path || !what)
        return NO_MEMORY;
    return llmd__network_change(
        work, graph,
        &(struct mutation){.what = what, .method = "DELETE", .path = path, .on_done = on_done});
}

/* ---- looking ---- */

static bool ours_in_region(const struct network_work *work, const struct json *subnet)
{
    return llmd__is_proxy_subnet(subnet, llmd__network_name(work)) && llmd__network_is_ours(subnet);
}

static llmd_error *on_subnets(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    if (answer->refusal)
        return llmd__error_copy(answer->refusal);
    JSON_EACH(subnet, llmd__json_member(answer->json, "items")) {
        struct json *copy = NULL;

        if (!llmd__is_proxy_subnet(subnet, llmd__network_name(work)))
            continue;
        if (!ours_in_region(work, subnet)) {
            TRY(leave(work, graph, llmd__json_str(subnet, "name"), "NOT_OURS",
                      "libllmd did not make it"));
            continue;
        }
        TRY(llmd__json_copy(subnet, &copy));
        llmd__json_add(work->subnets, copy); /* one is ACTIVE, so one it is */
    }
    return llmd__json_check(work->subnets);
}

/* Every regional proxy load balancer of the network lives from the one subnet. */
static llmd_error *on_rules(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;

    (void)graph;
    if (answer->refusal)
        return llmd__error_copy(answer->refusal);
    JSON_EACH(rule, llmd__json_member(answer->json, "items")) {
        const char *scheme = llmd__json_str(rule, "loadBalancingScheme");
        const char *network = llmd__last_part(llmd__json_str(rule, "network"));
        bool proxied =
            strcmp(scheme, "EXTERNAL_MANAGED") == 0 || strcmp(scheme, "INTERNAL_MANAGED") == 0;

        if (proxied && (!*network || strcmp(network, llmd__network_name(work)) == 0))
            work->users++;
    }
    return NULL;
}

static llmd_error *on_address(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct network_work *work = data;
    const char *name = work->spec->address;

    if (answer->trouble == TROUBLE_NOT_FOUND)
        return llmd__network_tell(graph, LLMD_LEVEL_INFO, name, "GONE", "", "is gone");
    if (answer->refusal)
        return llmd__error_copy(answer->refusal);
    if (!llmd__network_is_ours(answer->json))
        return leave(work, graph, name, "NOT_OURS", "libllmd did not make it");
    if (strcmp(llmd__json_str(answer->json, "status"), "IN_USE") == 0)
        return leave(work, graph, name, "IN_USE",
                     llmd__last_part(llmd__json_str(answer->json, "users[0]")));
    return delete_one(work, graph, "addresses", name, on_address_deleted);
}

/* ---- steps ---- */

static llmd_error *decide(void *data, struct graph *graph, const struct step_input *input,
                          struct step_action *action)
{
    struct network_work *work = data;
    const struct json *subnet = llmd__json_first(work->subnets);
    const char *name = llmd__json_str(subnet, "name");

    (void)input;
    action->kind = ACTION_DONE;
    if (!subnet)
        return NULL;
    if (work->users)
        return leave(work, graph, name, "IN_USE", "forwarding rules of the network need it");
    return delete_one(work, graph, "subnetworks", name, on_subnet_deleted);
}

static llmd_error *end(void *data, struct graph *graph, const struct step_input *input,
                       struct step_action *action)
{
    struct network_work *work = data;
    bool left;

    (void)input;
    action->kind = ACTION_DONE;
    left = llmd__json_member(work->result, "left") != NULL;
    llmd__graph_result(graph, TAKE(work->result));
    return llmd__network_tell(graph, LLMD_LEVEL_INFO, llmd__network_name(work),
                              left ? "Left" : "Gone", "",
                              left ? "all that may go in %s is gone, the rest is left"
                                   : "has nothing more that libllmd made in %s",
                              llmd__gke_region(work->gke));
}

static const struct step_class decide_class = {"network", decide, NULL};
static const struct step_class end_class = {"network", end, NULL};

static llmd_error *add_looks(struct network_work *work, struct graph *graph, step_id decision)
{
    const char *region = llmd__gke_region(work->gke), *address = work->spec->address;
    step_id subnets = -1, rules = -1;

    TRY(llmd__network_look(work, graph, "subnets", on_subnets, &subnets, "/regions/%s/subnetworks",
                           region));
    TRY(llmd__network_look(work, graph, "forwarding rules", on_rules, &rules,
                           "/regions/%s/forwardingRules", region));
    TRY(llmd__graph_need(graph, decision, subnets));
    TRY(llmd__graph_need(graph, decision, rules));
    if (!address || !*address)
        return NULL;
    return llmd__network_look(work, graph, "static address", on_address, NULL,
                              "/regions/%s/addresses/%s", region, address);
}

llmd_error *llmd_network_delete(const llmd_gke *gke, const llmd_network_spec *spec, llmd_task **out)
{
    static const struct network_task task = {&decide_class, &end_class, add_looks};

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE(spec);
    return llmd__network_task(gke, spec, &task, out);
}
