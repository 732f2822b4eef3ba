/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that the controller makes for a service, in its order. */
#include "sandbox/llmisvc.h"

#include "sandbox/controllers.h"
#include "sandbox/gateways.h"
#include "sandbox/verbs.h"

#include <string.h>

struct making {
    struct sandbox *sandbox;
    struct object *service;
    const struct json *spec; /* merged */
    const char *ns;
    const char *name;
    const char *model;
};

static struct json *labels(const struct making *making, const char *component)
{
    AUTO(str) char *full = llmd__format("llminferenceservice-%s", component);
    struct json *map = llmd__json_object();
    llmd__json_set_str(map, "app.kubernetes.io/component", full);
    llmd__json_set_str(map, "app.kubernetes.io/name", making->name);
    llmd__json_set_str(map, "app.kubernetes.io/part-of", "llminferenceservice");
    return map;
}

static struct json *workload_labels(const struct making *making)
{
    struct json *map = labels(making, "workload");
    llmd__json_set_str(map, "kserve.io/component", "workload");
    llmd__json_set_str(map, "llm-d.ai/role", "both");
    return map;
}

/* What the workload Service and the pool select. */
static struct json *workload_selector(const struct making *making)
{
    struct json *map = llmd__json_object();
    llmd__json_set_str(map, "app.kubernetes.io/name", making->name);
    llmd__json_set_str(map, "app.kubernetes.io/part-of", "llminferenceservice");
    llmd__json_set_str(map, "kserve.io/component", "workload");
    return map;
}

/* Takes map. */
static struct json *metadata(const struct making *making, const char *suffix, struct json *map)
{
    AUTO(str) char *name = llmisvc_child_name(making->service, suffix);
    struct json *json = MAKE("{'name':%s,'namespace':%s}", name, making->ns);
    if (map)
        llmd__json_set(json, "labels", map);
    llmd__json_set(json, "ownerReferences", owner_reference(making->service));
    return json;
}

/* Creates or updates; takes json. what: "v1.Deployment". */
static void ensure(const struct making *making, const char *group, const char *plural,
                   const char *what, struct json *json)
{
    struct sandbox *sandbox = making->sandbox;
    struct kind *kind = kinds_find(sandbox->store.kinds, group, plural);
    AUTO(str) char *name = llmd__format("%s", llmd__json_str(json, "metadata.name"));
    if (!kind || !kind->served) {
        llmd__json_free(json);
        return;
    }
    struct object *object = store_find(kind, making->ns, name);
    if (!object) {
        default_object(sandbox, kind, json);
        sandbox_create(sandbox, group, plural, json);
        event_emit(sandbox, making->service, "Normal", "Created", LLMISVC_COMPONENT,
                   "Created %s %s/%s", what, kind->namespaced ? making->ns : "", name);
        return;
    }
    struct json *live = store_edit(object);
    strategic_merge(live, json);
    llmd__json_free(json);
    default_object(sandbox, kind, live);
    if (store_commit(&sandbox->store, object, live))
        event_emit(sandbox, making->service, "Normal", "Updated", LLMISVC_COMPONENT,
                   "Updated %s %s/%s", what, making->ns, name);
}

static void make_secret(const struct making *making)
{
    struct json *json = MAKE("{'type':'kubernetes.io/tls','data':{'tls.crt':'c2FuZGJveA==',"
                             "'tls.key':'c2FuZGJveA==','ca.crt':'c2FuZGJveA=='}}");
    llmd__json_set(json, "metadata",
                   metadata(making, "-kserve-self-signed-certs", labels(making, "workload")));
    ensure(making, "", "secrets", "v1.Secret", json);
}

/* hf://, s3:// and others are fetched by an init container, unless the service says no. */
static void add_storage_initializer(const struct making *making, struct json *pod)
{
    const char *uri = llmd__json_str(making->spec, "model.uri");
    if (!llmd__json_bool(making->spec, "storageInitializer.enabled", true) ||
        strncmp(uri, "pvc://", 6) == 0 || strncmp(uri, "oci", 3) == 0)
        return;
    struct json *list = (struct json *)llmd__json_member(pod, "initContainers");
    if (!list)
        list = llmd__json_set_array(pod, "initContainers");
    llmd__json_add(list, MAKE("{'name':'storage-initializer','image':"
                              "'docker.io/kserve/storage-initializer:v0.20.0','args':[%s,"
                              "'/mnt/models'],'volumeMounts':[{'name':'kserve-provision-location',"
                              "'mountPath':'/mnt/models'}]}",
                              uri));
    struct json *volumes = (struct json *)llmd__json_member(pod, "volumes");
    if (!volumes)
        volumes = llmd__json_set_array(pod, "volumes");
    llmd__json_add(volumes, MAKE("{'name':'kserve-provision-location','emptyDir':{}}"));
}

static struct json *main_container(struct json *pod)
{
    JSON_EACH(container, llmd__json_get(pod, "containers"))
        if (strcmp(llmd__json_str(container, "name"), "main") == 0)
            return (struct json *)container;
    return NULL;
}

/* The preset's command names the model; one of the user's own stays. */
static void finish_command(const struct making *making, struct json *container)
{
    AUTO(str) char *published = llmd__format("publishers/%s/models/%s", making->ns, making->model);
    const char *first = llmd__json_str(container, "command[0]");
    if (*first && strcmp(first, "kserve-preset") != 0)
        return;
    llmd__json_set(container, "command",
                   MAKE("['vllm','serve','/mnt/models','--port','8000','--served-model-name',%s,"
                        "%s]",
                        making->model, published));
}

static struct json *workload_pod(const struct making *making)
{
    struct json *pod = must_copy(llmd__json_get(making->spec, "template"));
    struct json *container = main_container(pod);
    AUTO(str) char *secret = llmisvc_child_name(making->service, "-kserve-self-signed-certs");
    if (container)
        finish_command(making, container);
    struct json *volumes = (struct json *)llmd__json_member(pod, "volumes");
    if (!volumes)
        volumes = llmd__json_set_array(pod, "volumes");
    llmd__json_add(volumes, MAKE("{'name':'tls-certs','secret':{'secretName':%s}}", secret));
    add_storage_initializer(making, pod);
    return pod;
}

static void make_workload(const struct making *making)
{
    AUTO(json) struct json *pod = workload_pod(making);
    AUTO(json) struct json *map = workload_labels(making);
    AUTO(json) struct json *pod_labels = must_copy(map);
    JSON_EACH(label, llmd__json_get(making->spec, "labels"))
        llmd__json_set(pod_labels, llmd__json_key(label), must_copy(label));
    struct json *json =
        MAKE("{'spec':{'selector':{'matchLabels':%j},'template':{'metadata':{'labels':%j,"
             "'annotations':%j},'spec':%j}}}",
             map, pod_labels, llmd__json_get(making->spec, "annotations"), pod);
    const struct json *replicas = llmd__json_get(making->spec, "replicas");
    if (replicas)
        llmd__json_set(llmd__json_edit(json, "spec"), "replicas", must_copy(replicas));
    llmd__json_set(json, "metadata", metadata(making, "-kserve", must_copy(map)));
    ensure(making, "apps", "deployments", "v1.Deployment", json);
}

static void make_workload_service(const struct making *making)
{
    AUTO(json) struct json *selector = workload_selector(making);
    struct json *json = MAKE("{'spec':{'ports':[{'name':'http','protocol':'TCP','appProtocol':"
                             "'http','port':8000,'targetPort':8000}],'selector':%j}}",
                             selector);
    llmd__json_set(json, "metadata",
                   metadata(making, "-kserve-workload-svc", labels(making, "workload")));
    ensure(making, "", "services", "v1.Service", json);
}

static void make_account(const struct making *making)
{
    struct json *json = llmd__json_object();
    llmd__json_set(json, "metadata",
                   metadata(making, "-epp-sa", labels(making, "router-scheduler")));
    ensure(making, "", "serviceaccounts", "v1.ServiceAccount", json);
}

static void make_cluster_binding(const struct making *making)
{
    AUTO(str) char *name = llmd__format("%s-%s-epp-auth-rb", making->ns, making->name);
    AUTO(str) char *account = llmisvc_child_name(making->service, "-epp-sa");
    struct json *json =
        MAKE("{'metadata':{'name':%s},'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':"
             "'ClusterRole','name':'system:auth-delegator'},'subjects':[{'kind':'ServiceAccount',"
             "'name':%s,'namespace':%s}]}",
             name, account, making->ns);
    llmd__json_set(llmd__json_edit(json, "metadata"), "labels", labels(making, "router-scheduler"));
    ensure(making, "rbac.authorization.k8s.io", "clusterrolebindings", "v1.ClusterRoleBinding",
           json);
}

static void make_role(const struct making *making)
{
    struct json *json = MAKE("{'rules':[{'apiGroups':[''],'resources':['pods'],'verbs':['get',"
                             "'list','watch']},{'apiGroups':['inference.networking.k8s.io'],"
                             "'resources':['inferencepools'],'verbs':['get','list','watch']}]}");
    llmd__json_set(json, "metadata",
                   metadata(making, "-epp-role", labels(making, "router-scheduler")));
    ensure(making, "rbac.authorization.k8s.io", "roles", "v1.Role", json);
}

static void make_binding(const struct making *making)
{
    AUTO(str) char *role = llmisvc_child_name(making->service, "-epp-role");
    AUTO(str) char *account = llmisvc_child_name(making->service, "-epp-sa");
    struct json *json =
        MAKE("{'roleRef':{'apiGroup':'rbac.authorization.k8s.io','kind':'Role','name':%s},"
             "'subjects':[{'kind':'ServiceAccount','name':%s,'namespace':%s}]}",
             role, account, making->ns);
    llmd__json_set(json, "metadata",
                   metadata(making, "-epp-rb", labels(making, "router-scheduler")));
    ensure(making, "rbac.authorization.k8s.io", "rolebindings", "v1.RoleBinding", json);
}

/* The picker reads its configuration from one argument. */
static void add_picker_config(const struct making *making, struct json *pod)
{
    struct json *container = main_container(pod);
    const struct json *config = llmd__json_get(making->spec, "router.scheduler.config.inline");
    char *text;
    if (!container || !config)
        return;
    must(llmd__json_print(config, &text));
    struct json *args = (struct json *)llmd__json_member(container, "args");
    if (!args)
        args = llmd__json_set_array(container, "args");
    llmd__json_add_str(args, "--config-text");
    llmd__json_add_str(args, text);
    llmd__free(text);
}

static void make_picker(const struct making *making)
{
    AUTO(json)
    struct json *pod = must_copy(llmd__json_get(making->spec, "router.scheduler.template"));
    AUTO(json) struct json *map = labels(making, "router-scheduler");
    AUTO(str) char *account = llmisvc_child_name(making->service, "-epp-sa");
    int64_t replicas = llmd__json_int(making->spec, "router.scheduler.replicas", 1);
    add_picker_config(making, pod);
    llmd__json_set_str(pod, "serviceAccountName", account);
    struct json *json = MAKE("{'spec':{'replicas':%I,'strategy':{'type':'Recreate'},'selector':{"
                             "'matchLabels':%j},'template':{'metadata':{'labels':%j},'spec':%j}}}",
                             replicas, map, map, pod);
    llmd__json_set(json, "metadata", metadata(making, "-kserve-router-scheduler", must_copy(map)));
    ensure(making, "apps", "deployments", "v1.Deployment", json);
}

static void make_picker_service(const struct making *making)
{
    AUTO(json) struct json *map = labels(making, "router-scheduler");
    struct json *json = MAKE("{'spec':{'ports':[{'name':'grpc','port':9002,'targetPort':'grpc'},"
                             "{'name':'grpc-health','port':9003,'targetPort':'grpc-health'},"
                             "{'name':'metrics','port':9090,'targetPort':'metrics'},"
                             "{'name':'zmq','port':5557,'targetPort':'zmq'}],'selector':%j}}",
                             map);
    llmd__json_set(json, "metadata", metadata(making, "-epp-service", must_copy(map)));
    ensure(making, "", "services", "v1.Service", json);
}

static void make_pool(const struct making *making)
{
    AUTO(json) struct json *selector = workload_selector(making);
    AUTO(str) char *picker = llmisvc_child_name(making->service, "-epp-service");
    struct json *json =
        MAKE("{'spec':{'appProtocol':'http','endpointPickerRef':{'failureMode':'FailOpen','group':"
             "'','kind':'Service','name':%s,'port':{'number':9002}},'selector':{'matchLabels':%j},"
             "'targetPorts':[{'number':8000}]}}",
             picker, selector);
    llmd__json_set(json, "metadata",
                   metadata(making, "-inference-pool", labels(making, "router-scheduler")));
    ensure(making, POOL_GROUP, "inferencepools", "v1.InferencePool", json);
}

static void make_old_pool(const struct making *making)
{
    AUTO(json) struct json *selector = workload_selector(making);
    AUTO(str) char *picker = llmisvc_child_name(making->service, "-epp-service");
    struct json *json = MAKE("{'spec':{'extensionRef':{'failureMode':'FailOpen','group':'','kind':"
                             "'Service','name':%s,'portNumber':9002},'selector':%j,"
                             "'targetPortNumber':8000}}",
                             picker, selector);
    llmd__json_set(json, "metadata",
                   metadata(making, "-inference-pool", labels(making, "router-scheduler")));
    ensure(making, OLD_POOL_GROUP, "inferencepools", "v1alpha2pool.InferencePool", json);
}

/* ---- the route ---- */

static const char *const inference_paths[] = {"/v1/completions", "/v1/chat/completions",
                                              "/v1/responses", "/v1/messages"};

/* The preset may bring timeouts for every rule, or (shadowed) none. */
static void add_rule(const struct making *making, struct json *rules, const char *name,
                     const char *prefix, const char *rewrite, const struct json *backend)
{
    struct json *rule =
        MAKE("{'name':%s,'matches':[{'path':{'type':'PathPrefix','value':%s}}],'filters':[{'type':"
             "'URLRewrite','urlRewrite':{'path':{'type':'ReplacePrefixMatch','replacePrefixMatch':"
             "%s}}}],'backendRefs':[%j]}",
             name, prefix, rewrite, backend);
    const struct json *preset = llmd__json_get(making->spec, "router.route.http.spec.rules");
    const struct json *timeouts = llmd__json_member(llmd__json_first(preset), "timeouts");
    if (!preset || timeouts)
        llmd__json_set(rule, "timeouts",
                       timeouts ? must_copy(timeouts)
                                : MAKE("{'backendRequest':'0s','request':'0s'}"));
    llmd__json_add(rules, rule);
}

static void add_inference_rules(const struct making *making, struct json *rules, const char *base,
                                const char *tail, const struct json *pool)
{
    for (size_t i = 0; i < 4; i++) {
        AUTO(str) char *prefix = llmd__format("%s%s", base, inference_paths[i]);
        AUTO(str) char *name = llmd__format("%s%s", inference_paths[i] + 1, tail);
        for (char *c = name; *c; c++)
            if (*c == '/')
                *c = '-';
        add_rule(making, rules, name, prefix, inference_paths[i], pool);
    }
}

static void add_header_rule(struct json *rules, const char *name, const char *published,
                            const struct json *backend, bool all_paths)
{
    struct json *matches = llmd__json_array();
    for (size_t i = 0; i < (all_paths ? 1 : 4); i++)
        llmd__json_add(
            matches, MAKE("{'headers':[{'name':'X-Gateway-Model-Name','type':'Exact','value':%s}],"
                          "'path':{'type':%s,'value':%s}}",
                          published, all_paths ? "PathPrefix" : "Exact",
                          all_paths ? "/" : inference_paths[i]));
    llmd__json_add(rules,
                   MAKE("{'name':%s,'matches':%j,'backendRefs':[%j]}", name, matches, backend));
    llmd__json_free(matches);
}

static struct json *default_rules(const struct making *making, const char *pool_group)
{
    struct json *rules = llmd__json_array();
    AUTO(str) char *base = llmd__format("/%s/%s", making->ns, making->name);
    AUTO(str) char *published = llmd__format("publishers/%s/models/%s", making->ns, making->model);
    AUTO(str) char *published_base = llmd__format("/%s", published);
    AUTO(str) char *pool_name = llmisvc_child_name(making->service, "-inference-pool");
    AUTO(str) char *service_name = llmisvc_child_name(making->service, "-kserve-workload-svc");
    AUTO(json)
    struct json *service =
        MAKE("{'group':'','kind':'Service','name':%s,'port':8000,'weight':1}", service_name);
    AUTO(json)
    struct json *pool = MAKE("{'group':%s,'kind':'InferencePool','name':%s,'port':8000,'weight':1}",
                             pool_group, pool_name);
    /* Without a scheduler there is no pool: all goes to the Service. */
    const struct json *backend = llmd__json_get(making->spec, "router.scheduler") ? pool : service;
    add_inference_rules(making, rules, base, "-path", backend);
    add_header_rule(rules, "v1-model-routing", published, backend, false);
    add_inference_rules(making, rules, published_base, "-publisher-path", backend);
    add_rule(making, rules, "v1-publisher-path-catch-all", published_base, "/", service);
    add_rule(making, rules, "v1-catch-all-path", base, "/", service);
    add_header_rule(rules, "v1-catch-all-model-routing", published, service, true);
    return rules;
}

static struct json *parent_refs(const struct making *making)
{
    struct json *list = llmd__json_array();
    const struct json *refs = llmd__json_get(making->spec, "router.gateway.refs");
    JSON_EACH(ref, refs) {
        const char *ns = llmd__json_str(ref, "namespace");
        const char *section = llmd__json_str(ref, "sectionName");
        llmd__json_add(list, MAKE("{'group':'gateway.networking.k8s.io','kind':'Gateway','name':%s,"
                                  "'namespace':%s,'sectionName':%s}",
                                  llmd__json_str(ref, "name"), *ns ? ns : making->ns,
                                  *section ? section : NULL));
    }
    if (llmd__json_count(refs) == 0)
        llmd__json_add(list, MAKE("{'group':'gateway.networking.k8s.io','kind':'Gateway','name':"
                                  "'kserve-ingress-gateway','namespace':'kserve'}"));
    return list;
}

static const char *route_pool_group(const struct making *making)
{
    AUTO(str) char *name = llmisvc_child_name(making->service, "-kserve-route");
    struct object *route =
        store_get(&making->sandbox->store, GATEWAY_GROUP, "httproutes", making->ns, name);
    struct kind *old = kinds_find(making->sandbox->store.kinds, OLD_POOL_GROUP, "inferencepools");
    bool migrated = route && *object_str(route, "metadata.annotations."
                                                "\"serving.kserve.io/inference-pool-migrated\"");
    return migrated || !old || !old->served ? POOL_GROUP : OLD_POOL_GROUP;
}

/* A route of the user's own keeps its rules. */
static const struct json *own_rules(const struct making *making)
{
    return llmd__json_get(object_json(making->service), "spec.router.route.http.spec.rules");
}

static void make_route(const struct making *making)
{
    AUTO(json)
    struct json *rules = own_rules(making) ? must_copy(own_rules(making))
                                           : default_rules(making, route_pool_group(making));
    AUTO(json) struct json *parents = parent_refs(making);
    struct json *json = MAKE("{'spec':{'parentRefs':%j,'rules':%j}}", parents, rules);
    if (!llmd__json_get(making->spec, "router.route")) {
        llmd__json_free(json);
        return;
    }
    llmd__json_set(json, "metadata", metadata(making, "-kserve-route", labels(making, "router")));
    ensure(making, GATEWAY_GROUP, "httproutes", "v1.HTTPRoute", json);
}

static void (*const children[])(const struct making *making) = {
    make_secret,          make_workload, make_workload_service, make_account,
    make_cluster_binding, make_role,     make_binding,          make_picker,
    make_picker_service,  make_pool,     make_old_pool,         make_route};

bool llmisvc_network_child(int index)
{
    return index == 3;
}

bool llmisvc_child(struct sandbox *sandbox, struct object *service, const struct json *spec,
                   int index)
{
    if (index < 0 || (size_t)index >= sizeof(children) / sizeof(children[0]))
        return false;
    AUTO(str) char *model = llmisvc_model_name(object_json(service));
    struct making making = {.sandbox = sandbox,
                            .service = service,
                            .spec = spec,
                            .ns = service->ns,
                            .name = service->name,
                            .model = model};
    bool picker = llmd__json_get(spec, "router.scheduler") &&
                  !llmd__json_get(spec, "router.scheduler.pool.ref");
    if ((index < 3 || index == 11) || picker)
        children[index](&making);
    return true;
}

/* ---- migration ---- */

static bool refused_for_kind(const struct object *route)
{
    JSON_EACH(parent, llmd__json_get(object_json(route), "status.parents"))
        JSON_EACH(condition, llmd__json_get(parent, "conditions"))
            if (strcmp(llmd__json_str(condition, "reason"), "InvalidKind") == 0)
                return true;
    return false;
}

bool llmisvc_migrate_route(struct sandbox *sandbox, struct object *service)
{
    AUTO(str) char *name = llmisvc_child_name(service, "-kserve-route");
    struct object *route =
        store_get(&sandbox->store, GATEWAY_GROUP, "httproutes", service->ns, name);
    bool changed = false;
    if (!route || !refused_for_kind(route))
        return false;
    struct json *json = store_edit(route);
    JSON_EACH(rule, llmd__json_get(json, "spec.rules"))
        JSON_EACH(backend, llmd__json_get(rule, "backendRefs"))
            if (strcmp(llmd__json_str(backend, "group"), OLD_POOL_GROUP) == 0) {
                llmd__json_set_str((struct json *)backend, "group", POOL_GROUP);
                changed = true;
            }
    if (!changed) {
        llmd__json_free(json);
        return false;
    }
    llmd__json_set_str(member_object(llmd__json_edit(json, "metadata"), "annotations"),
                       "serving.kserve.io/inference-pool-migrated", "v1");
    store_commit(&sandbox->store, route, json);
    event_emit(sandbox, service, "Normal", "Updated", LLMISVC_COMPONENT,
               "Updated v1.HTTPRoute %s/%s", service->ns, name);
    return true;
}
