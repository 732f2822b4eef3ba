/* SPDX-License-Identifier: Apache-2.0 */
/* What a service's spec becomes: presets, then baseRefs, then its own. */
#include "sandbox/llmisvc.h"

#include <string.h>

char *llmisvc_model_name(const struct json *service)
{
    const char *name = llmd__json_str(service, "spec.model.name");
    return llmd__format("%s", *name ? name : llmd__json_str(service, "metadata.name"));
}

char *llmisvc_child_name(const struct object *service, const char *suffix)
{
    return llmd__format("%s%s", service->name, suffix);
}

static struct object *find_config(struct sandbox *sandbox, const char *ns, const char *name)
{
    if (has_trouble(sandbox, TROUBLE_PRESET_UNSEEN, name))
        return NULL;
    struct object *own =
        store_get(&sandbox->store, SERVING_GROUP, "llminferenceserviceconfigs", ns, name);
    return own ? own
               : store_get(&sandbox->store, SERVING_GROUP, "llminferenceserviceconfigs",
                           SYSTEM_NAMESPACE, name);
}

/* Lays a config over the spec; false: there is none of this name. */
static bool lay(struct sandbox *sandbox, const struct object *service, struct json *spec,
                const char *name, char **missing)
{
    struct object *config = find_config(sandbox, service->ns, name);
    if (config) {
        strategic_merge(spec, llmd__json_get(object_json(config), "spec"));
        return true;
    }
    *missing = llmd__format("%s", name);
    return false;
}

static bool lay_presets(struct sandbox *sandbox, const struct object *service, struct json *spec,
                        char **missing)
{
    const struct json *own = llmd__json_get(object_json(service), "spec");
    if (llmd__json_get(own, "router.scheduler") &&
        !llmd__json_get(own, "router.scheduler.pool.ref") &&
        !lay(sandbox, service, spec, "kserve-config-llm-scheduler", missing))
        return false;
    if (llmd__json_get(own, "router.route") && !llmd__json_get(own, "router.route.http.refs") &&
        !lay(sandbox, service, spec, "kserve-config-llm-router-route", missing))
        return false;
    return lay(sandbox, service, spec, "kserve-config-llm-template", missing);
}

struct json *llmisvc_merged_spec(struct sandbox *sandbox, const struct object *service,
                                 char **missing)
{
    struct json *spec = llmd__json_object();
    const struct json *own = llmd__json_get(object_json(service), "spec");
    *missing = NULL;
    bool good = lay_presets(sandbox, service, spec, missing);
    JSON_EACH(reference, llmd__json_get(own, "baseRefs"))
        good = good && lay(sandbox, service, spec, llmd__json_str(reference, "name"), missing);
    if (good) {
        strategic_merge(spec, own);
        return spec;
    }
    llmd__json_free(spec);
    return NULL;
}

char *llmisvc_missing_gateway(struct sandbox *sandbox, const struct object *service)
{
    JSON_EACH(reference, llmd__json_get(object_json(service), "spec.router.gateway.refs")) {
        const char *ns = llmd__json_str(reference, "namespace");
        const char *name = llmd__json_str(reference, "name");
        if (!store_get(&sandbox->store, "gateway.networking.k8s.io", "gateways",
                       *ns ? ns : service->ns, name))
            return llmd__format("%s/%s", *ns ? ns : service->ns, name);
    }
    return NULL;
}
