/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway, route and pool: what their controllers answered. */
#include "findings/findings.h"

#include <string.h>

static bool has_status(const struct json *condition, const char *status)
{
    return condition && !strcmp(llmd__json_str(condition, "status"), status);
}

/* An answer to an older generation says nothing about this one. observedGeneration is missing in
 * some controllers' conditions: then what they say counts. */
static bool is_fresh(const struct json *object, const struct json *condition)
{
    return llmd__json_int(condition, "observedGeneration", INT64_MAX) >=
           llmd__json_int(object, "metadata.generation", 0);
}

static llmd_error *add_condition(const struct json *owner, const struct json *condition,
                                 struct sightings *out)
{
    return llmd__sighting_add(out, llmd__scene_subject(owner), llmd__json_str(condition, "reason"),
                              1, "%s (%s)", llmd__json_str(condition, "message"),
                              llmd__json_str(condition, "reason"));
}

/* ---- the class ---- */

/* The name is compared, not whether the class is Accepted: the Gateway's own condition tells that.
 */
static bool class_exists(const struct scene *scene, const char *name)
{
    SCENE_EACH(class, scene, SCENE_CLASS)
    {
        if (!strcmp(llmd__scene_name(class), name))
            return true;
    }
    return false;
}

/* Whoever mistyped a class finds the right one in the message. */
static void list_classes(const struct scene *scene, struct buf *out)
{
    SCENE_EACH(class, scene, SCENE_CLASS)
    {
        llmd__buf_format(out, "%s%s", out->len ? ", " : "", llmd__scene_name(class));
    }
    if (!out->len)
        llmd__buf_str(out, "none");
}

/* "gke-l7-..." comes by itself, up to 45 minutes after Gateway API was switched on. */
static const char *class_reason(const struct scene *scene, const char *name)
{
    if (strncmp(name, "gke-", 4))
        return "NoSuchClass";
    return scene->gke ? "GoogleWillAdd" : "NotGke";
}

static llmd_error *observe_class(const struct scene *scene, struct sightings *out)
{
    const struct json *gateway = llmd__scene_gateway(scene);
    const char *name = llmd__json_str(gateway, "spec.gatewayClassName");
    __attribute__((cleanup(llmd__auto_buf))) struct buf known = BUF_INIT;

    if (!gateway || !scene->sets[SCENE_CLASS].synced || scene->sets[SCENE_CLASS].denied ||
        class_exists(scene, name))
        return NULL;
    list_classes(scene, &known);
    TRY(llmd__buf_check(&known));
    return llmd__sighting_add(out, llmd__scene_subject(gateway), class_reason(scene, name), 1,
                              "GatewayClass %s does not exist; there are: %s", name,
                              llmd__buf_text(&known));
}

bool llmd__class_is_global(const char *name)
{
    return !strncmp(name, "gke-l7-global-", 14) || !strncmp(name, "gke-l7-gxlb", 11);
}

/* A Gateway that somebody else made: it has its address, and the route is refused for ever. */
static llmd_error *observe_class_global(const struct scene *scene, struct sightings *out)
{
    const struct json *gateway = llmd__scene_gateway(scene);
    const char *class = llmd__json_str(gateway, "spec.gatewayClassName");
    const struct json *picker = llmd__json_get(llmd__scene_service(scene), "spec.router.scheduler");

    if (!gateway || !picker || !llmd__class_is_global(class))
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(gateway), class, 1,
                              "class %s is global, and a global one cannot route to an "
                              "InferencePool",
                              class);
}

/* ---- the gateway ---- */

/* KServe makes the route to a Gateway that is not there and says nothing: who looked at the service
   alone would wait for ever. */
static llmd_error *add_if_missing(const struct scene *scene, const struct json *ref,
                                  const char *reason, struct sightings *out)
{
    const char *name = llmd__json_str(ref, "name");
    const char *ns = llmd__json_str(ref, "namespace");

    if (!ns[0])
        ns = scene->ns;
    if (!name[0] || llmd__scene_gateway_named(scene, ns, name))
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(llmd__scene_service(scene)), reason, 1,
                              "Gateway %s/%s does not exist", ns, name);
}

static bool is_gateway(const struct json *ref)
{
    const char *kind = llmd__json_str(ref, "kind");

    return !kind[0] || !strcmp(kind, "Gateway");
}

/* Named by the service, or else by the route that KServe made of its own default. */
static llmd_error *observe_gateway_missing(const struct scene *scene, struct sightings *out)
{
    const struct json *refs =
        llmd__json_get(llmd__scene_service(scene), "spec.router.gateway.refs");
    const struct scene_set *gateways = &scene->sets[SCENE_GATEWAY];

    if (!llmd__scene_service(scene) || !gateways->synced || gateways->denied)
        return NULL;
    JSON_EACH(ref, refs) {
        TRY(add_if_missing(scene, ref, "Named", out));
    }
    if (llmd__json_count(refs))
        return NULL;
    SCENE_EACH(route, scene, SCENE_ROUTE)
    {
        JSON_EACH(ref, llmd__json_get(route, "spec.parentRefs")) {
            if (is_gateway(ref))
                TRY(add_if_missing(scene, ref, "Default", out));
        }
    }
    return NULL;
}

/* The first that is False: a Gateway that was not accepted cannot be programmed either. */
static llmd_error *observe_gateway(const struct scene *scene, struct sightings *out)
{
    static const char *const types[] = {"Accepted", "Programmed"};
    const struct json *gateway = llmd__scene_gateway(scene);

    for (size_t i = 0; gateway && i < 2; i++) {
        const struct json *condition =
            llmd__scene_condition(llmd__json_member(gateway, "status"), types[i]);

        if (has_status(condition, "False") && is_fresh(gateway, condition))
            return add_condition(gateway, condition, out);
    }
    return NULL;
}

/* GKE's controller tells in Events what its conditions leave out, such as a subnet that is missing.
   The newest Warning counts, and only while there is something to explain. */
static llmd_error *observe_gateway_events(const struct scene *scene, struct sightings *out)
{
    const struct json *gateway = llmd__scene_gateway(scene);
    const struct scene_set *events = &scene->sets[SCENE_EVENT];
    const struct json *programmed =
        llmd__scene_condition(llmd__json_member(gateway, "status"), "Programmed");

    for (size_t i = events->count; gateway && i-- > 0;)
        if (!strcmp(llmd__json_str(events->items[i], "type"), "Warning") &&
            !strcmp(llmd__json_str(events->items[i], "involvedObject.kind"), "Gateway") &&
            !has_status(programmed, "True"))
            return llmd__sighting_add(out, llmd__scene_subject(gateway),
                                      llmd__json_str(events->items[i], "reason"), 1, "%s",
                                      llmd__json_str(events->items[i], "message"));
    return NULL;
}

static llmd_error *observe_gateway_wait(const struct scene *scene, struct sightings *out)
{
    const struct json *gateway = llmd__scene_gateway(scene);
    const struct json *programmed =
        llmd__scene_condition(llmd__json_member(gateway, "status"), "Programmed");

    if (!gateway || has_status(programmed, "True"))
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(gateway), "NotProgrammed", 1,
                              "the Gateway is not programmed yet");
}

/* ---- the route ---- */

/* A route and a pool have one status a Gateway: Gateway API's RouteParentStatus. */
static llmd_error *each_parent(const struct scene *scene, enum scene_kind kind, const char *type,
                               struct sightings *out)
{
    SCENE_EACH(object, scene, kind)
    {
        JSON_EACH(parent, llmd__json_get(object, "status.parents")) {
            const struct json *condition = llmd__scene_condition(parent, type);

            if (has_status(condition, "False") && is_fresh(object, condition))
                TRY(add_condition(object, condition, out));
        }
    }
    return NULL;
}

static llmd_error *observe_route(const struct scene *scene, struct sightings *out)
{
    return each_parent(scene, SCENE_ROUTE, "Accepted", out);
}

static llmd_error *observe_route_refs(const struct scene *scene, struct sightings *out)
{
    return each_parent(scene, SCENE_ROUTE, "ResolvedRefs", out);
}

/* GKE answers in a condition of its own. */
static llmd_error *observe_route_reconciled(const struct scene *scene, struct sightings *out)
{
    return each_parent(scene, SCENE_ROUTE, "Reconciled", out);
}

static llmd_error *observe_route_empty(const struct scene *scene, struct sightings *out)
{
    SCENE_EACH(route, scene, SCENE_ROUTE)
    {
        JSON_EACH(rule, llmd__json_get(route, "spec.rules")) {
            if (llmd__json_count(llmd__json_member(rule, "backendRefs")) == 0)
                return llmd__sighting_add(out, llmd__scene_subject(route), "", 1,
                                          "rule %s has no backend", llmd__json_str(rule, "name"));
        }
    }
    return NULL;
}

static llmd_error *observe_pool(const struct scene *scene, struct sightings *out)
{
    return each_parent(scene, SCENE_POOL, "Accepted", out);
}

#define TIMEOUTS_ADVICE                                                                            \
    "GKE takes no timeouts in a route: set route.timeouts to strip and apply the service again"

const struct rule llmd__rules_route[] = {
    {.code = "GatewayMissing",
     .observe = observe_gateway_missing,
     .texts = "Default",
     .advice = "the service names no Gateway, and KServe's default one does not exist: set "
               "gateway.name in the spec to one that does, or make the default one",
     .end_ms = FINDING_NEVER},
    {.code = "GatewayMissing",
     .observe = observe_gateway_missing,
     .advice = "make this Gateway (gateway apply), or name one that exists",
     .end_ms = FINDING_NEVER},
    {.code = "GatewayClassUnsupported",
     .observe = observe_class_global,
     .advice = "make a Gateway of a regional class for the service: "
               "gke-l7-regional-external-managed, or gke-l7-rilb inside the VPC",
     .end_ms = 0},
    {.code = "GatewayClassPending",
     .observe = observe_class,
     .texts = "GoogleWillAdd",
     .advice = "GKE adds its classes up to 45 minutes after Gateway API was switched on",
     .end_ms = FINDING_NEVER,
     .progress = true},
    {.code = "GatewayClassMissing",
     .observe = observe_class,
     .texts = "NotGke",
     .advice = "this class is GKE's, but the cluster does not serve networking.gke.io: switch on "
               "Gateway API for the cluster, or take a class that exists",
     .end_ms = FINDING_NEVER},
    {.code = "GatewayClassMissing",
     .observe = observe_class,
     .advice = "take a class that exists, or install the controller that brings this one",
     .end_ms = 10000},
    {.code = "ProxySubnetMissing",
     .observe = observe_gateway,
     .texts = "proxy-only subnet",
     .advice =
         "make a subnet of purpose REGIONAL_MANAGED_PROXY in the cluster's region and network",
     .end_ms = FINDING_NEVER},
    {.code = "ApiDisabled",
     .observe = observe_gateway,
     .texts = "API is not enabled|API has not been",
     .advice = "enable networkservices.googleapis.com in the project",
     .end_ms = FINDING_NEVER},
    {.code = "AddressQuota",
     .observe = observe_gateway,
     .texts = "IN_USE_ADDRESSES|quota",
     .advice = "request more address quota, or free an address",
     .end_ms = FINDING_NEVER},
    /* Every Gateway says so at first: two minutes are usual, and no finding. */
    {.code = "GatewayPending",
     .observe = observe_gateway,
     .texts = "Pending|AddressNotAssigned|NoResources",
     .advice = "the load balancer is being made",
     .grace_ms = 120000,
     .end_ms = FINDING_NEVER},
    {.code = "GatewayRefused",
     .observe = observe_gateway,
     .advice = "read the condition's message",
     .grace_ms = 5000,
     .end_ms = FINDING_NEVER},
    {.code = "ProxySubnetMissing",
     .observe = observe_gateway_events,
     .texts = "proxy-only subnet",
     .advice =
         "make a subnet of purpose REGIONAL_MANAGED_PROXY in the cluster's region and network",
     .end_ms = FINDING_NEVER},
    {.code = "ApiDisabled",
     .observe = observe_gateway_events,
     .texts = "API is not enabled|API has not been",
     .advice = "enable networkservices.googleapis.com in the project",
     .end_ms = FINDING_NEVER},
    {.code = "AddressQuota",
     .observe = observe_gateway_events,
     .texts = "IN_USE_ADDRESSES|quota",
     .advice = "request more address quota, or free an address",
     .end_ms = FINDING_NEVER},
    {.code = "GatewayFailing",
     .observe = observe_gateway_events,
     .advice = "read the Event's message",
     .grace_ms = 5000,
     .end_ms = FINDING_NEVER},
    /* GKE's load balancer takes no timeouts in a route; KServe's preset writes them. */
    {.code = "RouteTimeouts",
     .observe = observe_route,
     .texts = "GWCER104|Timeouts are not supported",
     .advice = TIMEOUTS_ADVICE,
     .end_ms = FINDING_NEVER},
    {.code = "RouteNotAllowed",
     .observe = observe_route,
     .texts = "NotAllowedByListeners",
     .advice = "the Gateway's listener does not take routes of this namespace: set "
               "allowedRoutes.namespaces.from to All",
     .end_ms = FINDING_NEVER},
    {.code = "RouteRefused",
     .observe = observe_route,
     .advice = "the Gateway's controller refuses the route; read the message",
     .end_ms = FINDING_NEVER},
    {.code = "RouteTimeouts",
     .observe = observe_route_reconciled,
     .texts = "GWCER104|Timeouts are not supported",
     .advice = TIMEOUTS_ADVICE,
     .end_ms = FINDING_NEVER},
    {.code = "RouteNotReconciled",
     .observe = observe_route_reconciled,
     .advice = "read the condition's message",
     .grace_ms = 10000,
     .end_ms = FINDING_NEVER},
    /* KServe starts on the old group of the pool and moves on this answer: loud, and it passes. */
    {.code = "RoutePoolGroup",
     .observe = observe_route_refs,
     .texts = "InvalidKind",
     .advice = "the route still names the old group of InferencePool: annotate it with "
               "serving.kserve.io/inference-pool-migrated=v1",
     .grace_ms = 30000,
     .end_ms = 60000},
    /* KServe makes route and pool at about the same time, so a moment without one is normal. */
    {.code = "RouteBackendMissing",
     .observe = observe_route_refs,
     .texts = "BackendNotFound",
     .advice = "the Service or InferencePool of the route does not exist",
     .grace_ms = 20000,
     .end_ms = FINDING_NEVER},
    {.code = "RouteRefs",
     .observe = observe_route_refs,
     .advice = "read the condition's message",
     .grace_ms = 5000,
     .end_ms = FINDING_NEVER},
    {.code = "RouteEmpty",
     .observe = observe_route_empty,
     .advice = "KServe wrote a rule without a backend: apply the service again",
     .grace_ms = 30000,
     .end_ms = FINDING_NEVER},
    {.code = "PoolRefused",
     .observe = observe_pool,
     .advice = "the Gateway's controller refuses the inference pool; read the message",
     .grace_ms = 10000,
     .end_ms = FINDING_NEVER},
    /* Told only when nothing above explains it. */
    {.code = "GatewaySlow",
     .observe = observe_gateway_wait,
     .advice = "a load balancer takes 2 to 3 minutes; on GKE it needs a proxy-only subnet and "
               "networkservices.googleapis.com",
     .grace_ms = 600000,
     .end_ms = FINDING_NEVER,
     .consequence = true},
    {.code = NULL},
};
