/* SPDX-License-Identifier: Apache-2.0 */
/* GatewayClasses, Gateways, InferencePools and GKE's policies. Routes: routes.c. */
#include "sandbox/gateways.h"

#include "sandbox/controllers.h"
#include "sandbox/images.h"
#include "sandbox/pace.h"
#include "sandbox/selector.h"

#include <string.h>

const char *gateway_address(const struct sandbox *sandbox)
{
    return httpd_url(sandbox->data_plane) + strlen("http://");
}

struct object *gateway_find(struct sandbox *sandbox, const char *ns, const char *name)
{
    return store_get(&sandbox->store, GATEWAY_GROUP, "gateways", ns, name);
}

static bool controller_runs(struct sandbox *sandbox, const char *controller)
{
    if (strncmp(controller, "networking.gke.io/", 18) == 0)
        return sandbox->options.profile == PROFILE_GKE;
    return strcmp(controller, ENVOY_CONTROLLER) == 0 && operator_runs(sandbox, ROLE_ENVOY_GATEWAY);
}

int64_t reconcile_gateway_class(struct sandbox *sandbox, struct object *object, int64_t now)
{
    (void)now;
    if (!controller_runs(sandbox, object_str(object, "spec.controllerName")))
        return 0;
    struct json *json = store_edit(object);
    condition_set(conditions_edit(json), "Accepted", "True", "Accepted", "Valid GatewayClass",
                  llmd__json_int(json, "metadata.generation", 1));
    store_commit(&sandbox->store, object, json);
    return 0;
}

/* ---- Gateways ---- */

/* Routes that name this gateway; the real one counts them per listener. */
static int attached_routes(struct sandbox *sandbox, const struct object *gateway)
{
    int count = 0;
    struct kind *routes = kinds_find(sandbox->store.kinds, GATEWAY_GROUP, "httproutes");
    for (struct object *route = routes ? routes->objects : NULL; route; route = route->next)
        JSON_EACH(parent, llmd__json_get(object_json(route), "spec.parentRefs")) {
            const char *ns = llmd__json_str(parent, "namespace");
            count += strcmp(llmd__json_str(parent, "name"), gateway->name) == 0 &&
                     strcmp(*ns ? ns : route->ns, gateway->ns) == 0;
        }
    return count;
}

static void add_listener(struct json *list, const struct json *listener, int routes,
                         int64_t generation, const struct json *old)
{
    struct json *entry = MAKE("{'name':%s,'attachedRoutes':%d,'supportedKinds':["
                              "{'group':'gateway.networking.k8s.io','kind':'HTTPRoute'},"
                              "{'group':'gateway.networking.k8s.io','kind':'GRPCRoute'}]}",
                              llmd__json_str(listener, "name"), routes);
    struct json *conditions =
        llmd__json_get(old, "conditions")
            ? llmd__json_set(entry, "conditions", must_copy(llmd__json_get(old, "conditions")))
            : llmd__json_set_array(entry, "conditions");
    condition_set(conditions, "Programmed", "True", "Programmed",
                  "Sending translated listener configuration to the data plane", generation);
    condition_set(conditions, "Accepted", "True", "Accepted",
                  "Listener has been successfully translated", generation);
    condition_set(conditions, "ResolvedRefs", "True", "ResolvedRefs",
                  "Listener references have been resolved", generation);
    llmd__json_add(list, entry);
}

static const struct json *old_listener(const struct json *list, const char *name)
{
    JSON_EACH(entry, list)
        if (strcmp(llmd__json_str(entry, "name"), name) == 0)
            return entry;
    return NULL;
}

static void program(struct sandbox *sandbox, struct object *gateway)
{
    struct json *json = store_edit(gateway);
    struct json *status = member_object(json, "status");
    int64_t generation = llmd__json_int(json, "metadata.generation", 1);
    bool gke = sandbox->options.profile == PROFILE_GKE;
    AUTO(json) struct json *old = must_copy(llmd__json_member(status, "listeners"));
    condition_set(conditions_edit(json), "Accepted", "True", "Accepted",
                  gke ? "" : "The Gateway has been scheduled by Envoy Gateway", generation);
    condition_set(conditions_edit(json), "Programmed", "True", "Programmed",
                  gke ? "" : "Address assigned to the Gateway, 1/1 envoy replicas available",
                  generation);
    llmd__json_set(status, "addresses",
                   MAKE("[{'type':'IPAddress','value':%s}]", gateway_address(sandbox)));
    struct json *list = llmd__json_set_array(status, "listeners");
    int routes = attached_routes(sandbox, gateway);
    JSON_EACH(listener, llmd__json_get(json, "spec.listeners"))
        add_listener(list, listener, routes, generation,
                     old_listener(old, llmd__json_str(listener, "name")));
    store_commit(&sandbox->store, gateway, json);
}

static bool needs_proxy_subnet(const struct object *gateway)
{
    const char *class = object_str(gateway, "spec.gatewayClassName");
    return strcmp(class, "gke-l7-regional-external-managed") == 0 ||
           strcmp(class, "gke-l7-rilb") == 0;
}

static void refuse_to_program(struct sandbox *sandbox, struct object *gateway)
{
    static const char words[] =
        "error cause: gceSync: generic::invalid_argument: Insert: Invalid value for field "
        "'resource.target': An active proxy-only subnetwork is required in the same region and VPC "
        "as the forwarding rule.";
    struct json *json = store_edit(gateway);
    int64_t generation = llmd__json_int(json, "metadata.generation", 1);
    condition_set(conditions_edit(json), "Accepted", "True", "Accepted", "", generation);
    condition_set(conditions_edit(json), "Programmed", "False", "Invalid", words, generation);
    store_commit(&sandbox->store, gateway, json);
}

int64_t reconcile_gateway(struct sandbox *sandbox, struct object *object, int64_t now)
{
    struct object *class = store_get(&sandbox->store, GATEWAY_GROUP, "gatewayclasses", "",
                                     object_str(object, "spec.gatewayClassName"));
    if (!class || strcmp(condition_status(object_json(class), "Accepted"), "True") != 0) {
        object->step = 0;
        return 0;
    }
    if (object->step == 0) {
        object->step = 1;
        object->since = now + pace_ms(&sandbox->options, PACE_GATEWAY,
                                      sandbox->options.profile == PROFILE_GKE ? 60000 : 3000);
    }
    if (now < object->since)
        return object->since;
    if (sandbox->no_proxy_subnet && needs_proxy_subnet(object)) {
        refuse_to_program(sandbox, object);
        return now + 5000;
    }
    program(sandbox, object);
    return 0;
}

/* ---- InferencePools ---- */

void backend_pods(struct sandbox *sandbox, const char *ns, const char *kind, const char *name,
                  pod_fn visit, void *data)
{
    bool service = strcmp(kind, "Service") == 0;
    struct object *backend =
        service ? store_get(&sandbox->store, "", "services", ns, name)
                : store_get(&sandbox->store, POOL_GROUP, "inferencepools", ns, name);
    struct kind *pods = kinds_find(sandbox->store.kinds, "", "pods");
    const struct json *selector =
        backend ? llmd__json_get(object_json(backend), "spec.selector") : NULL;
    if (!selector)
        return;
    for (struct object *pod = pods->objects; pod; pod = pod->next)
        if (strcmp(pod->ns, ns) == 0 && selector_matches(selector, service, object_json(pod)))
            visit(pod, data);
}

/* Only a route that names the v1 pool lets a gateway controller take it. */
static bool uses_pool(const struct object *route, const struct object *pool)
{
    JSON_EACH(rule, llmd__json_get(object_json(route), "spec.rules"))
        JSON_EACH(backend, llmd__json_get(rule, "backendRefs"))
            if (strcmp(llmd__json_str(backend, "group"), POOL_GROUP) == 0 &&
                strcmp(llmd__json_str(backend, "name"), pool->name) == 0 &&
                strcmp(route->ns, pool->ns) == 0)
                return true;
    return false;
}

static void add_pool_parent(struct sandbox *sandbox, struct json *parents, const struct json *ref,
                            const char *route_ns, const struct json *pool)
{
    const char *ns = llmd__json_str(ref, "namespace");
    const char *name = llmd__json_str(ref, "name");
    int64_t generation = llmd__json_int(pool, "metadata.generation", 1);
    bool gke = sandbox->options.profile == PROFILE_GKE;
    if (!gateway_find(sandbox, *ns ? ns : route_ns, name))
        return;
    struct json *entry =
        MAKE("{'parentRef':{'group':'gateway.networking.k8s.io','kind':'Gateway','name':%s,"
             "'namespace':%s},'conditions':[]}",
             name, *ns ? ns : route_ns);
    struct json *conditions = llmd__json_edit(entry, "conditions");
    condition_set(conditions, "Accepted", "True", "Accepted",
                  gke ? "InferencePool is accepted by the GKE Gateway controller"
                      : "InferencePool has been Accepted by controller ai-gateway-controller: "
                        "InferencePool reconciled successfully",
                  generation);
    condition_set(conditions, "ResolvedRefs", "True", "ResolvedRefs",
                  gke ? "All references resolved"
                      : "Reference resolution by controller ai-gateway-controller: All references "
                        "resolved successfully",
                  generation);
    llmd__json_add(parents, entry);
}

int64_t reconcile_pool(struct sandbox *sandbox, struct object *object, int64_t now)
{
    struct kind *routes = kinds_find(sandbox->store.kinds, GATEWAY_GROUP, "httproutes");
    (void)now;
    if (llmd__json_count(llmd__json_get(object_json(object), "status.parents")) > 0)
        return 0;
    if (sandbox->options.profile != PROFILE_GKE && !operator_runs(sandbox, ROLE_AI_GATEWAY))
        return 0;
    struct json *json = store_edit(object);
    struct json *parents = llmd__json_set_array(member_object(json, "status"), "parents");
    for (struct object *route = routes ? routes->objects : NULL; route; route = route->next)
        if (uses_pool(route, object))
            JSON_EACH(ref, llmd__json_get(object_json(route), "spec.parentRefs"))
                add_pool_parent(sandbox, parents, ref, route->ns, json);
    if (llmd__json_count(parents) > 0)
        store_commit(&sandbox->store, object, json);
    else
        llmd__json_free(json);
    return 0;
}

/* ---- GKE's policies ---- */

enum policy_step {
    POLICY_NEW,
    POLICY_TAKEN,
    POLICY_DROPPED,
    POLICY_CHECKED, /* its backends are healthy from object->since on */
};

static bool route_is_programmed(struct sandbox *sandbox, const struct object *route)
{
    JSON_EACH(ref, llmd__json_get(object_json(route), "spec.parentRefs")) {
        const char *ns = llmd__json_str(ref, "namespace");
        struct object *gateway =
            gateway_find(sandbox, *ns ? ns : route->ns, llmd__json_str(ref, "name"));
        if (gateway && strcmp(condition_status(object_json(gateway), "Programmed"), "True") == 0)
            return true;
    }
    return false;
}

static void count_ready(struct object *pod, void *data)
{
    *(int *)data += strcmp(condition_status(object_json(pod), "Ready"), "True") == 0;
}

/* All that health checks need: a gateway that takes the pool, and a pod that is ready. */
static bool can_be_healthy(struct sandbox *sandbox, const struct object *pool)
{
    struct kind *routes = kinds_find(sandbox->store.kinds, GATEWAY_GROUP, "httproutes");
    int ready = 0;
    backend_pods(sandbox, pool->ns, "InferencePool", pool->name, count_ready, &ready);
    for (struct object *route = routes ? routes->objects : NULL; ready && route;
         route = route->next)
        if (uses_pool(route, pool) && route_is_programmed(sandbox, route))
            return true;
    return false;
}

/* A policy that is there before its pool is dropped, and not come back to. */
int64_t reconcile_gke_policy(struct sandbox *sandbox, struct object *object, int64_t now)
{
    const struct json *target = llmd__json_get(object_json(object), "spec.targetRef");
    bool pool = strcmp(llmd__json_str(target, "kind"), "InferencePool") == 0;
    struct object *found =
        store_get(&sandbox->store, pool ? POOL_GROUP : "", pool ? "inferencepools" : "services",
                  object->ns, llmd__json_str(target, "name"));
    if (pool && object->step == POLICY_NEW)
        object->step = found ? POLICY_TAKEN : POLICY_DROPPED;
    if (object->step == POLICY_TAKEN && found && can_be_healthy(sandbox, found)) {
        object->step = POLICY_CHECKED;
        object->since = now + pace_ms(&sandbox->options, PACE_BACKENDS, 0);
    }
    if (object->step == POLICY_DROPPED)
        found = NULL;
    struct json *json = store_edit(object);
    condition_set(conditions_edit(json), "Attached", found ? "True" : "False",
                  found ? "Attached" : "TargetNotFound",
                  found ? "" : "the target of the policy does not exist",
                  llmd__json_int(json, "metadata.generation", 1));
    store_commit(&sandbox->store, object, json);
    return 0;
}

/* "": a check of another kind, which asks for no path. */
static const char *policy_path(const struct object *policy)
{
    const char *plain = object_str(policy, "spec.default.config.httpHealthCheck.requestPath");
    const char *secure = object_str(policy, "spec.default.config.httpsHealthCheck.requestPath");
    const char *type = object_str(policy, "spec.default.config.type");
    if (*plain || *secure)
        return *plain ? plain : secure;
    return !*type || strncmp(type, "HTTP", 4) == 0 ? "/" : "";
}

/* The policy that GKE has taken up for this pool; NULL: none. */
static const struct object *policy_of(struct sandbox *sandbox, const char *ns, const char *pool)
{
    struct kind *policies =
        kinds_find(sandbox->store.kinds, "networking.gke.io", "healthcheckpolicies");
    for (struct object *policy = policies ? policies->objects : NULL; policy; policy = policy->next)
        if (strcmp(policy->ns, ns) == 0 &&
            strcmp(object_str(policy, "spec.targetRef.kind"), "InferencePool") == 0 &&
            strcmp(object_str(policy, "spec.targetRef.name"), pool) == 0 &&
            (policy->step == POLICY_TAKEN || policy->step == POLICY_CHECKED))
            return policy;
    return NULL;
}

const char *pool_request_path(struct sandbox *sandbox, const char *ns, const char *pool)
{
    const struct object *policy = policy_of(sandbox, ns, pool);
    return policy ? policy_path(policy) : "/";
}

/* A model server has nothing at "/". At GKE's pace the checks take their time. */
bool pool_is_healthy(struct sandbox *sandbox, const char *ns, const char *pool)
{
    const struct object *policy = policy_of(sandbox, ns, pool);
    if (sandbox->options.profile != PROFILE_GKE)
        return true;
    if (!policy || (*policy_path(policy) && strcmp(policy_path(policy), "/health") != 0))
        return false;
    return !sandbox->options.gke_pace ||
           (policy->step == POLICY_CHECKED && clock_now(&sandbox->clock) >= policy->since);
}
