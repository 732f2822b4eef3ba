/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of a service, from its children. */
#include "sandbox/llmisvc.h"

#include "sandbox/gateways.h"

#include <string.h>

struct part {
    bool ready;
    const char *reason; /* NULL when ready */
    char *words;        /* llmd__ memory, or NULL */
};

struct judging {
    struct sandbox *sandbox;
    const struct object *service;
    const struct json *spec;
    struct json *conditions;
};

static struct object *child(const struct judging *judging, const char *group, const char *plural,
                            const char *suffix)
{
    AUTO(str) char *name = llmisvc_child_name(judging->service, suffix);
    return store_get(&judging->sandbox->store, group, plural, judging->service->ns, name);
}

/* The controller's first look comes before its cache knows what the Deployment says. */
static bool is_first_look(const struct judging *judging)
{
    return !*condition_status(object_json(judging->service), "MainWorkloadReady");
}

static struct part judge_deployment(const struct judging *judging, const struct object *deployment,
                                    bool picker)
{
    const char *available =
        deployment ? condition_status(object_json(deployment), "Available") : "";
    if (!is_first_look(judging) && strcmp(available, "True") == 0 &&
        (!picker || llmd__json_int(object_json(deployment), "status.availableReplicas", 0) > 0))
        return (struct part){.ready = true};
    if (!*available || is_first_look(judging))
        return (struct part){.reason = "Progressing",
                             .words =
                                 picker ? llmd__format("Deployment rollout in progress") : NULL};
    return (struct part){.reason = "MinimumReplicasUnavailable",
                         .words = llmd__format("Deployment does not have minimum availability.")};
}

static struct part judge_gateways(const struct judging *judging)
{
    AUTO(str) char *missing = llmisvc_missing_gateway(judging->sandbox, judging->service);
    if (missing)
        return (struct part){.reason = "RefsInvalid",
                             .words = llmd__format("Gateway %s does not exist", missing)};
    JSON_EACH(ref, llmd__json_get(object_json(judging->service), "spec.router.gateway.refs")) {
        const char *ns = llmd__json_str(ref, "namespace");
        const char *name = llmd__json_str(ref, "name");
        struct object *gateway =
            gateway_find(judging->sandbox, *ns ? ns : judging->service->ns, name);
        if (strcmp(condition_status(object_json(gateway), "Programmed"), "True") != 0)
            return (struct part){.reason = "GatewaysNotReady",
                                 .words =
                                     llmd__format("The following Gateways are not ready: [%s/%s]",
                                                  *ns ? ns : judging->service->ns, name)};
    }
    return (struct part){.ready = true};
}

static const struct json *condition_of(const struct json *parent, const char *type)
{
    JSON_EACH(condition, llmd__json_get(parent, "conditions"))
        if (strcmp(llmd__json_str(condition, "type"), type) == 0)
            return condition;
    return NULL;
}

static bool is_true_and_fresh(const struct json *condition, int64_t generation)
{
    return strcmp(llmd__json_str(condition, "status"), "True") == 0 &&
           llmd__json_int(condition, "observedGeneration", 0) >= generation;
}

/* The condition of a parent that keeps the route from being ready, or NULL. */
static const struct json *route_fault(const struct object *route)
{
    int64_t generation = llmd__json_int(object_json(route), "metadata.generation", 1);
    JSON_EACH(parent, llmd__json_get(object_json(route), "status.parents")) {
        const struct json *accepted = condition_of(parent, "Accepted");
        const struct json *resolved = condition_of(parent, "ResolvedRefs");
        /* A stale verdict is reported by its Accepted condition. */
        if (!is_true_and_fresh(accepted, generation))
            return accepted;
        if (!is_true_and_fresh(resolved, generation))
            return resolved;
    }
    return NULL;
}

static struct part judge_route(const struct judging *judging)
{
    struct object *route = child(judging, GATEWAY_GROUP, "httproutes", "-kserve-route");
    if (!route)
        return (struct part){.reason = "HTTPRoutesNotReady",
                             .words = llmd__format("HTTPRoute is not there yet")};
    const struct json *fault = route_fault(route);
    size_t parents = llmd__json_count(llmd__json_get(object_json(route), "status.parents"));
    size_t refs = llmd__json_count(llmd__json_get(object_json(route), "spec.parentRefs"));
    if (fault)
        return (struct part){
            .reason = "HTTPRoutesNotReady",
            .words =
                llmd__format("The following HTTPRoutes are not ready: [%s/%s: \"%s\" (reason "
                             "\"%s\", message \"%s\")]",
                             route->ns, route->name, llmd__json_str(fault, "status"),
                             llmd__json_str(fault, "reason"), llmd__json_str(fault, "message"))};
    if (parents < refs)
        return (struct part){.reason = "HTTPRoutesNotReady",
                             .words =
                                 llmd__format("The following HTTPRoutes are not ready: [%s/%s: "
                                              "v1.HTTPRouteStatus{}]",
                                              route->ns, route->name)};
    return (struct part){.ready = true};
}

static struct part judge_pool(const struct judging *judging)
{
    struct object *pool = child(judging, POOL_GROUP, "inferencepools", "-inference-pool");
    if (pool)
        JSON_EACH(parent, llmd__json_get(object_json(pool), "status.parents"))
            if (strcmp(llmd__json_str(condition_of(parent, "Accepted"), "status"), "True") == 0)
                return (struct part){.ready = true};
    return (struct part){
        .reason = "WaitingForGateway",
        .words = llmd__format("Inference Pool %s/%s-inference-pool exists but no Gateway "
                              "controller has accepted it yet",
                              judging->service->ns, judging->service->name)};
}

static void put(const struct judging *judging, const char *type, const struct part *part, bool info)
{
    condition_set(judging->conditions, type, part->ready ? "True" : "False", part->reason,
                  part->words, 0);
    if (!info)
        return;
    JSON_EACH(condition, judging->conditions)
        if (strcmp(llmd__json_str(condition, "type"), type) == 0)
            llmd__json_set_str((struct json *)condition, "severity", "Info");
}

/* The roll-up takes the first part that is not ready. */
static void roll_up(struct part *total, struct part part)
{
    if (!part.ready && total->ready)
        *total = part;
    else
        llmd__free(part.words);
}

static void judge_part(const struct judging *judging, struct part *total, const char *type,
                       struct part part)
{
    put(judging, type, &part, true);
    roll_up(total, part);
}

/* A gateway whose class does not exist stops the route's reconciler, before any other verdict. */
static struct part judge_class(const struct judging *judging, const struct json *ref)
{
    const struct object *service = judging->service;
    const char *ns =
        *llmd__json_str(ref, "namespace") ? llmd__json_str(ref, "namespace") : service->ns;
    const char *name = llmd__json_str(ref, "name");
    struct object *gateway = gateway_find(judging->sandbox, ns, name);
    if (!gateway)
        return (struct part){.ready = true}; /* judge_gateways() tells */
    const char *class = llmd__json_str(object_json(gateway), "spec.gatewayClassName");
    if (store_get(&judging->sandbox->store, GATEWAY_GROUP, "gatewayclasses", "", class))
        return (struct part){.ready = true};
    return (struct part){.reason = "HTTPRouteReconcileError",
                         .words =
                             llmd__format("Failed to reconcile HTTPRoute: failed to discover "
                                          "gateways for route %s/%s-kserve-route: "
                                          "failed to get GatewayClass \"%s\" for gateway %s/%s: "
                                          "GatewayClass.gateway.networking.k8s.io \"%s\" not found",
                                          service->ns, service->name, class, ns, name, class)};
}

static struct part judge_classes(const struct judging *judging)
{
    struct part part = {.ready = true};
    JSON_EACH(ref, llmd__json_get(object_json(judging->service), "spec.router.gateway.refs"))
        if (part.ready)
            part = judge_class(judging, ref);
    return part;
}

static void judge_picker(const struct judging *judging, struct part *total)
{
    struct object *picker = child(judging, "apps", "deployments", "-kserve-router-scheduler");
    judge_part(judging, total, "SchedulerWorkloadReady", judge_deployment(judging, picker, true));
}

static struct part judge_router(const struct judging *judging)
{
    struct part total = {.ready = true};
    const struct json *own = llmd__json_get(object_json(judging->service), "spec.router");
    struct part classes = judge_classes(judging);
    if (!classes.ready) {
        judge_part(judging, &total, "HTTPRoutesReady", classes);
        judge_picker(judging, &total);
        return total;
    }
    bool refs = llmd__json_count(llmd__json_get(own, "gateway.refs")) > 0;
    if (refs)
        judge_part(judging, &total, "GatewaysReady", judge_gateways(judging));
    /* Without its gateway the controller goes no further. */
    if (!total.ready && strcmp(total.reason, "RefsInvalid") == 0)
        return total;
    if (llmd__json_get(own, "route"))
        judge_part(judging, &total, "HTTPRoutesReady", judge_route(judging));
    if (llmd__json_get(own, "scheduler")) {
        judge_part(judging, &total, "InferencePoolReady", judge_pool(judging));
        judge_picker(judging, &total);
    }
    return total;
}

/* ---- the rest of the status ---- */

static void write_url(const struct judging *judging, struct json *status)
{
    const struct object *service = judging->service;
    const char *address = gateway_address(judging->sandbox);
    AUTO(str) char *url = llmd__format("http://%s/%s/%s", address, service->ns, service->name);
    AUTO(str) char *model = llmisvc_model_name(object_json(service));
    AUTO(str) char *published = llmd__format("publishers/%s/models/%s", service->ns, model);
    const struct json *ref = llmd__json_get(object_json(service), "spec.router.gateway.refs[0]");
    if (!llmd__json_get(object_json(service), "spec.router.route") ||
        !child(judging, GATEWAY_GROUP, "httproutes", "-kserve-route"))
        return;
    const char *ns = llmd__json_str(ref, "namespace");
    llmd__json_set_str(status, "url", url);
    llmd__json_set(status, "addresses",
                   MAKE("[{'name':'gateway-external','url':%s,'models':[{'name':%s},{'name':%s}],"
                        "'origin':{'group':'gateway.networking.k8s.io','kind':'Gateway','name':%s,"
                        "'namespace':%s}}]",
                        url, published, model, llmd__json_str(ref, "name"),
                        *ns ? ns : service->ns));
}

static int64_t ready_replicas(const struct object *deployment)
{
    return deployment ? llmd__json_int(object_json(deployment), "status.readyReplicas", 0) : 0;
}

static void write_workloads(const struct judging *judging, struct json *status)
{
    const char *name = judging->service->name;
    struct object *primary = child(judging, "apps", "deployments", "-kserve");
    struct object *picker = child(judging, "apps", "deployments", "-kserve-router-scheduler");
    AUTO(str) char *primary_name = llmd__format("%s-kserve", name);
    AUTO(str) char *service_name = llmd__format("%s-kserve-workload-svc", name);
    AUTO(str) char *picker_name = llmd__format("%s-kserve-router-scheduler", name);
    struct json *workloads =
        MAKE("{'primary':{'apiGroup':'apps','kind':'Deployment','name':%s,'readyReplicas':%I},"
             "'service':{'kind':'Service','name':%s}}",
             primary_name, ready_replicas(primary), service_name);
    if (picker)
        llmd__json_set(workloads, "scheduler",
                       MAKE("{'apiGroup':'apps','kind':'Deployment','name':%s,'readyReplicas':%I}",
                            picker_name, ready_replicas(picker)));
    llmd__json_set(status, "workloads", workloads);
}

struct json *llmisvc_status(struct sandbox *sandbox, const struct object *service,
                            const struct json *spec)
{
    struct json *json = store_edit(service);
    struct judging judging = {
        .sandbox = sandbox, .service = service, .spec = spec, .conditions = conditions_edit(json)};
    struct json *status = member_object(json, "status");
    struct part workloads = {.ready = true};
    struct part presets = {.ready = true};
    put(&judging, "PresetsCombined", &presets, true);
    judge_part(
        &judging, &workloads, "MainWorkloadReady",
        judge_deployment(&judging, child(&judging, "apps", "deployments", "-kserve"), false));
    struct part router = judge_router(&judging);
    put(&judging, "WorkloadsReady", &workloads, false);
    put(&judging, "RouterReady", &router, false);
    put(&judging, "Ready", router.ready ? &workloads : &router, false);
    llmd__free(workloads.words);
    llmd__free(router.words);
    llmd__json_set_int(status, "observedGeneration",
                       llmd__json_int(json, "metadata.generation", 1));
    write_url(&judging, status);
    write_workloads(&judging, status);
    return json;
}
