/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPRoutes: what a gateway controller says about each of their parents. */
#include "sandbox/controllers.h"
#include "sandbox/gateways.h"

#include <string.h>

struct verdict {
    const char *accepted_reason; /* "Accepted", or why not */
    const char *accepted_words;
    const char *resolved_reason; /* "ResolvedRefs", "InvalidKind", ... */
    struct buf resolved_words;
    struct buf missing; /* services without endpoints */
};

/* Envoy Gateway counts a pod as soon as it has an address, ready or not. */
static void count_address(struct object *pod, void *data)
{
    if (*object_str(pod, "status.podIP"))
        ++*(int *)data;
}

static void judge_service(struct sandbox *sandbox, const struct object *route,
                          struct verdict *verdict, const char *name, int rule, int index)
{
    int addresses = 0;
    if (!store_get(&sandbox->store, "", "services", route->ns, name)) {
        verdict->resolved_reason = "BackendNotFound";
        llmd__buf_format(
            &verdict->resolved_words,
            "%sFailed to process route rule %d backendRef %d: service %s/%s not found.",
            verdict->resolved_words.len ? "\n" : "", rule, index, route->ns, name);
        return;
    }
    backend_pods(sandbox, route->ns, "Service", name, count_address, &addresses);
    if (addresses == 0)
        llmd__buf_format(&verdict->missing,
                         "%sFailed to find endpoints: no ready endpoints for the related Service "
                         "%s/%s.",
                         verdict->missing.len ? "\n" : "", route->ns, name);
}

static void judge_backend(struct sandbox *sandbox, const struct object *route,
                          struct verdict *verdict, const struct json *backend, int rule, int index)
{
    const char *group = llmd__json_str(backend, "group");
    const char *kind = llmd__json_str(backend, "kind");
    const char *name = llmd__json_str(backend, "name");
    bool service = !*group && (!*kind || strcmp(kind, "Service") == 0);
    if (service) {
        judge_service(sandbox, route, verdict, name, rule, index);
        return;
    }
    if (strcmp(group, POOL_GROUP) == 0 && strcmp(kind, "InferencePool") == 0) {
        if (store_get(&sandbox->store, POOL_GROUP, "inferencepools", route->ns, name))
            return;
        verdict->resolved_reason = "BackendNotFound";
        llmd__buf_format(&verdict->resolved_words, "%sInferencePool %s/%s not found.",
                         verdict->resolved_words.len ? "\n" : "", route->ns, name);
        return;
    }
    verdict->resolved_reason = "InvalidKind";
    llmd__buf_format(&verdict->resolved_words,
                     "%sFailed to process route rule %d backendRef %d: %s",
                     verdict->resolved_words.len ? "\n" : "", rule, index,
                     *group ? "Group is invalid, only the core API group (specified by omitting "
                              "the group field or setting it to an empty string), "
                              "multicluster.x-k8s.io and gateway.envoyproxy.io are supported."
                            : "Kind is invalid, only Service, MCS ServiceImport, Envoy Gateway "
                              "Backend are supported.");
}

static bool has_timeouts(const struct json *rules)
{
    JSON_EACH(rule, rules)
        if (llmd__json_count(llmd__json_get(rule, "timeouts")) > 0)
            return true;
    return false;
}

static bool allows(const struct object *gateway, const struct object *route)
{
    JSON_EACH(listener, llmd__json_get(object_json(gateway), "spec.listeners")) {
        const char *from = llmd__json_str(listener, "allowedRoutes.namespaces.from");
        if (strcmp(from, "All") == 0 || strcmp(from, "Selector") == 0 ||
            strcmp(gateway->ns, route->ns) == 0)
            return true;
    }
    return false;
}

static struct verdict judge(struct sandbox *sandbox, const struct object *route,
                            const struct object *gateway)
{
    struct verdict verdict = {.accepted_reason = "Accepted",
                              .accepted_words = "Route is accepted",
                              .resolved_reason = "ResolvedRefs"};
    const struct json *rules = llmd__json_get(object_json(route), "spec.rules");
    int rule_index = 0;
    if (!allows(gateway, route)) {
        verdict.accepted_reason = "NotAllowedByListeners";
        verdict.accepted_words =
            "No listeners included by this parent ref allowed this attachment.";
    }
    if (sandbox->options.profile == PROFILE_GKE && has_timeouts(rules)) {
        verdict.accepted_reason = "UnsupportedValue";
        verdict.accepted_words = "GWCER104: HTTPRoute uses an unsupported field: timeouts";
    }
    JSON_EACH(rule, rules) {
        int index = 0;
        JSON_EACH(backend, llmd__json_get(rule, "backendRefs"))
            judge_backend(sandbox, route, &verdict, backend, rule_index, index++);
        rule_index++;
    }
    return verdict;
}

static struct json *old_conditions(const struct json *parents, const struct json *ref)
{
    JSON_EACH(parent, parents)
        if (llmd__json_equal(llmd__json_get(parent, "parentRef"), ref))
            return must_copy(llmd__json_get(parent, "conditions"));
    return llmd__json_array();
}

static void add_parent(struct sandbox *sandbox, const struct object *route,
                       const struct object *gateway, struct json *parents, const struct json *ref,
                       const struct json *old)
{
    struct verdict verdict = judge(sandbox, route, gateway);
    int64_t generation = llmd__json_int(object_json(route), "metadata.generation", 1);
    struct json *entry =
        MAKE("{'controllerName':%s,'parentRef':%j}",
             sandbox->options.profile == PROFILE_GKE ? GKE_CONTROLLER : ENVOY_CONTROLLER, ref);
    struct json *conditions = llmd__json_set(entry, "conditions", old_conditions(old, ref));
    bool accepted = strcmp(verdict.accepted_reason, "Accepted") == 0;
    bool resolved = strcmp(verdict.resolved_reason, "ResolvedRefs") == 0;
    condition_set(conditions, "Accepted", accepted ? "True" : "False", verdict.accepted_reason,
                  verdict.accepted_words, generation);
    condition_set(conditions, "ResolvedRefs", resolved ? "True" : "False", verdict.resolved_reason,
                  resolved ? "Resolved all the Object references for the Route"
                           : llmd__buf_text(&verdict.resolved_words),
                  generation);
    if (verdict.missing.len)
        condition_set(conditions, "BackendsAvailable", "False", "EndpointsNotFound",
                      llmd__buf_text(&verdict.missing), generation);
    else
        condition_remove(entry, "BackendsAvailable");
    llmd__json_add(parents, entry);
    llmd__buf_free(&verdict.resolved_words);
    llmd__buf_free(&verdict.missing);
}

static void write_parents(struct sandbox *sandbox, struct object *route)
{
    struct json *json = store_edit(route);
    AUTO(json) struct json *old = must_copy(llmd__json_get(json, "status.parents"));
    struct json *parents = llmd__json_set_array(member_object(json, "status"), "parents");
    JSON_EACH(ref, llmd__json_get(json, "spec.parentRefs")) {
        const char *ns = llmd__json_str(ref, "namespace");
        struct object *gateway =
            gateway_find(sandbox, *ns ? ns : route->ns, llmd__json_str(ref, "name"));
        /* A gateway that no controller has taken says nothing about routes either. */
        if (gateway && strcmp(condition_status(object_json(gateway), "Accepted"), "True") == 0)
            add_parent(sandbox, route, gateway, parents, ref, old);
    }
    if (llmd__json_count(parents) == 0 && !old)
        llmd__json_free(json);
    else
        store_commit(&sandbox->store, route, json);
}

int64_t reconcile_route(struct sandbox *sandbox, struct object *object, int64_t now)
{
    int generation = (int)llmd__json_int(object_json(object), "metadata.generation", 1);
    if (object->count != generation) {
        object->count = generation;
        object->since = now + 100;
    }
    if (now < object->since)
        return object->since;
    write_parents(sandbox, object);
    return 0;
}
