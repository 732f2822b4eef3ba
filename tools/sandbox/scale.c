/* SPDX-License-Identifier: Apache-2.0 */
/* The scale subresource of Deployments and ReplicaSets: what "kubectl scale" reads and writes. */
#include "sandbox/verbs.h"

#include <string.h>

bool scale_is_served(const struct call *call)
{
    return strcmp(call->route.subresource, "scale") == 0 &&
           (strcmp(call->route.kind->plural, "deployments") == 0 ||
            strcmp(call->route.kind->plural, "replicasets") == 0);
}

static struct answer show_scale(const struct object *object)
{
    const struct json *json = object_json(object);
    return answer_json(
        200,
        MAKE("{'kind':'Scale','apiVersion':'autoscaling/v1','metadata':{'name':%s,'namespace':"
             "%s,'uid':%s,'resourceVersion':%s},'spec':{'replicas':%I},'status':{'replicas':"
             "%I}}",
             object->name, object->ns, object->uid,
             llmd__json_str(json, "metadata.resourceVersion"),
             llmd__json_int(json, "spec.replicas", 1), llmd__json_int(json, "status.replicas", 0)));
}

struct answer verb_scale(struct call *call)
{
    AUTO(json) struct json *body = NULL;
    struct object *object = store_find(call->route.kind, call->route.ns, call->route.name);
    if (!object)
        return answer_not_found(call->route.kind, call->route.name);
    if (strcmp(call->request->method, "GET") == 0)
        return show_scale(object);
    struct answer refused = read_body(call, &body);
    if (refused.status)
        return refused;
    int64_t replicas = llmd__json_int(body, "spec.replicas", -1);
    if (replicas < 0)
        return answer_bad_request("spec.replicas: want a number of at least 0");
    struct json *json = store_edit(object);
    llmd__json_set_int(llmd__json_edit(json, "spec"), "replicas", replicas);
    store_commit(&call->sandbox->store, object, json);
    return show_scale(object);
}
