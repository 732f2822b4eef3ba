/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox holds before the first request comes. */
#include "sandbox/controllers.h"
#include "sandbox/gateways.h"
#include "sandbox/llmisvc.h"
#include "sandbox/managed.h"
#include "sandbox/profile.h"
#include "sandbox/verbs.h"

#include <string.h>

static void create(struct sandbox *sandbox, const char *group, const char *plural,
                   struct json *json)
{
    struct kind *kind = kinds_find(sandbox->store.kinds, group, plural);
    default_object(sandbox, kind, json);
    sandbox_create(sandbox, group, plural, json);
}

/* ---- nodes ---- */

struct node {
    const char *name;
    const char *resource; /* NULL: none */
    int count;
    const char *label;
    const char *value;
    const char *topology; /* TPU only */
    const char *machine;
};

static void add_node(struct sandbox *sandbox, const struct node *node)
{
    struct json *capacity = MAKE("{'cpu':'96','memory':'512Gi','pods':'110',"
                                 "'ephemeral-storage':'500Gi'}");
    AUTO(str) char *count = llmd__format("%d", node->count);
    if (node->resource)
        llmd__json_set_str(capacity, node->resource, count);
    struct json *json =
        MAKE("{'metadata':{'name':%s,'labels':{'kubernetes.io/hostname':%s,'kubernetes.io/os':"
             "'linux','kubernetes.io/arch':'amd64','node.kubernetes.io/instance-type':%s}},"
             "'spec':{},'status':{'capacity':%j,'allocatable':%j,'addresses':[{'type':'InternalIP',"
             "'address':'10.200.0.1'}],'conditions':[],'nodeInfo':{'kubeletVersion':'v1.34.10'}}}",
             node->name, node->name, node->machine, capacity, capacity);
    struct json *labels = llmd__json_edit(json, "metadata.labels");
    llmd__json_free(capacity);
    if (node->label)
        llmd__json_set_str(labels, node->label, node->value);
    if (node->topology)
        llmd__json_set_str(labels, "cloud.google.com/gke-tpu-topology", node->topology);
    if (node->resource)
        llmd__json_set(
            llmd__json_edit(json, "spec"), "taints",
            MAKE("[{'key':%s,'value':'present','effect':'NoSchedule'}]", node->resource));
    condition_set(conditions_edit(json), "Ready", "True", "KubeletReady",
                  "kubelet is posting ready status", 0);
    create(sandbox, "", "nodes", json);
}

#define TPU_LABEL "cloud.google.com/gke-tpu-accelerator"
#define GPU_LABEL "cloud.google.com/gke-accelerator"

static void add_nodes(struct sandbox *sandbox)
{
    const struct node nodes[] = {
        {"sandbox-cpu-0", NULL, 0, NULL, NULL, NULL, "e2-standard-32"},
        {"sandbox-tpu-2x2", "google.com/tpu", sandbox->options.tpu_chips, TPU_LABEL,
         "tpu-v6e-slice", "2x2", "ct6e-standard-4t"},
        {"sandbox-tpu-1x1", "google.com/tpu", 1, TPU_LABEL, "tpu-v6e-slice", "1x1",
         "ct6e-standard-1t"},
        {"sandbox-tpu-2x4", "google.com/tpu", 8, TPU_LABEL, "tpu-v6e-slice", "2x4",
         "ct6e-standard-8t"},
        {"sandbox-gpu-l4", "nvidia.com/gpu", 8, GPU_LABEL, "nvidia-l4", NULL, "g2-standard-96"},
        {"sandbox-gpu-h100", "nvidia.com/gpu", 8, GPU_LABEL, "nvidia-h100-80gb", NULL,
         "a3-highgpu-8g"},
        {"sandbox-gpu-t4", "nvidia.com/gpu", 4, GPU_LABEL, "nvidia-tesla-t4", NULL,
         "n1-standard-96"},
    };
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        add_node(sandbox, &nodes[i]);
}

/* ---- CustomResourceDefinitions ---- */

struct definition {
    const char *group;
    const char *plural;
    const char *kind;
    const char *short_name;
    bool namespaced;
    const char *versions[3]; /* the last one is stored */
    enum profile least;      /* PROFILE_GKE: only there */
};

static const struct definition definitions[] = {
    {GATEWAY_GROUP,
     "gatewayclasses",
     "GatewayClass",
     "gc",
     false,
     {"v1beta1", "v1"},
     PROFILE_READY},
    {GATEWAY_GROUP, "gateways", "Gateway", "gtw", true, {"v1beta1", "v1"}, PROFILE_READY},
    {GATEWAY_GROUP, "httproutes", "HTTPRoute", NULL, true, {"v1beta1", "v1"}, PROFILE_READY},
    {GATEWAY_GROUP, "grpcroutes", "GRPCRoute", NULL, true, {"v1"}, PROFILE_READY},
    {GATEWAY_GROUP,
     "referencegrants",
     "ReferenceGrant",
     "refgrant",
     true,
     {"v1beta1"},
     PROFILE_READY},
    {POOL_GROUP, "inferencepools", "InferencePool", "infpool", true, {"v1"}, PROFILE_READY},
    {OLD_POOL_GROUP,
     "inferencepools",
     "InferencePool",
     "xinfpool",
     true,
     {"v1alpha2"},
     PROFILE_READY},
    {SERVING_GROUP,
     "llminferenceservices",
     "LLMInferenceService",
     "llmisvc",
     true,
     {"v1alpha1", "v1alpha2"},
     PROFILE_READY},
    {SERVING_GROUP,
     "llminferenceserviceconfigs",
     "LLMInferenceServiceConfig",
     "llmisvcconfig",
     true,
     {"v1alpha1", "v1alpha2"},
     PROFILE_READY},
    {"cert-manager.io", "certificates", "Certificate", "cert", true, {"v1"}, PROFILE_READY},
    {"cert-manager.io",
     "certificaterequests",
     "CertificateRequest",
     "cr",
     true,
     {"v1"},
     PROFILE_READY},
    {"cert-manager.io", "issuers", "Issuer", NULL, true, {"v1"}, PROFILE_READY},
    {"cert-manager.io", "clusterissuers", "ClusterIssuer", NULL, false, {"v1"}, PROFILE_READY},
    {"networking.gke.io",
     "healthcheckpolicies",
     "HealthCheckPolicy",
     NULL,
     true,
     {"v1"},
     PROFILE_GKE},
    {"networking.gke.io",
     "gcpbackendpolicies",
     "GCPBackendPolicy",
     NULL,
     true,
     {"v1"},
     PROFILE_GKE},
    {"networking.gke.io",
     "gcpgatewaypolicies",
     "GCPGatewayPolicy",
     NULL,
     true,
     {"v1"},
     PROFILE_GKE},
};

static struct json *definition_versions(const struct definition *definition)
{
    struct json *list = llmd__json_array();
    for (int i = 0; i < 3 && definition->versions[i]; i++) {
        bool last = i == 2 || !definition->versions[i + 1];
        llmd__json_add(list, MAKE("{'name':%s,'served':true,'storage':%b,'subresources':{'status':"
                                  "{}},'schema':{'openAPIV3Schema':{'type':'object',"
                                  "'x-kubernetes-preserve-unknown-fields':true}}}",
                                  definition->versions[i], last));
    }
    return list;
}

static bool comes_with_gke(const struct definition *definition)
{
    return strcmp(definition->group, GATEWAY_GROUP) == 0 ||
           strcmp(definition->group, POOL_GROUP) == 0 ||
           strcmp(definition->group, "networking.gke.io") == 0;
}

/* GKE's addon manager owns what GKE brings, and writes it back when it is changed. */
static void note_addon_manager(struct json *json)
{
    struct apply_request request = {.manager = "kube-addon-manager",
                                    .api_version = "apiextensions.k8s.io/v1",
                                    .subresource = ""};
    AUTO(json) struct json *nothing = llmd__json_object();
    llmd__json_set(llmd__json_edit(json, "metadata"), "labels",
                   MAKE("{'addonmanager.kubernetes.io/mode':'Reconcile'}"));
    managed_update(nothing, json, &request);
}

static void add_definition(struct sandbox *sandbox, const struct definition *definition)
{
    AUTO(str) char *name = llmd__format("%s.%s", definition->plural, definition->group);
    AUTO(str) char *list_kind = llmd__format("%sList", definition->kind);
    AUTO(json) struct json *versions = definition_versions(definition);
    struct json *json =
        MAKE("{'metadata':{'name':%s},'spec':{'group':%s,'scope':%s,'names':{'plural':%s,'kind':%s,"
             "'listKind':%s,'shortNames':[]},'versions':%j}}",
             name, definition->group, definition->namespaced ? "Namespaced" : "Cluster",
             definition->plural, definition->kind, list_kind, versions);
    if (definition->short_name)
        llmd__json_add_str(llmd__json_edit(json, "spec.names.shortNames"), definition->short_name);
    if (strcmp(definition->group, GATEWAY_GROUP) == 0)
        llmd__json_set(llmd__json_edit(json, "metadata"), "annotations",
                       MAKE("{'gateway.networking.k8s.io/bundle-version':'v1.5.1',"
                            "'gateway.networking.k8s.io/channel':'standard'}"));
    if (sandbox->options.profile == PROFILE_GKE && comes_with_gke(definition))
        note_addon_manager(json);
    create(sandbox, "apiextensions.k8s.io", "customresourcedefinitions", json);
}

static bool is_gateway_api(const struct definition *definition)
{
    return strcmp(definition->group, GATEWAY_GROUP) == 0;
}

static void add_definitions(struct sandbox *sandbox)
{
    const struct options *options = &sandbox->options;
    for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++)
        if ((definitions[i].least == PROFILE_READY || options->profile == PROFILE_GKE) &&
            (!options->managed || options->gateway_api || !is_gateway_api(&definitions[i])) &&
            (!options->bare || comes_with_gke(&definitions[i])))
            add_definition(sandbox, &definitions[i]);
}

void profile_add_gateway_api(struct sandbox *sandbox)
{
    for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++)
        if (is_gateway_api(&definitions[i]))
            add_definition(sandbox, &definitions[i]);
}

/* ---- operators ---- */

static void add_namespace(struct sandbox *sandbox, const char *name)
{
    create(sandbox, "", "namespaces", MAKE("{'metadata':{'name':%s}}", name));
}

static void add_operator(struct sandbox *sandbox, const char *ns, const char *name,
                         const char *image)
{
    create(
        sandbox, "apps", "deployments",
        MAKE("{'metadata':{'name':%s,'namespace':%s,'labels':{'app':%s}},'spec':{'replicas':1,"
             "'selector':{'matchLabels':{'app':%s}},'template':{'metadata':{'labels':{'app':%s}},"
             "'spec':{'containers':[{'name':'main','image':%s}]}}}}",
             name, ns, name, name, name, image));
}

static void add_webhook(struct sandbox *sandbox)
{
    create(
        sandbox, "", "services",
        MAKE("{'metadata':{'name':'llmisvc-webhook-server-service','namespace':'kserve'},'spec':{"
             "'ports':[{'port':443,'targetPort':9443}],'selector':{'app':"
             "'llmisvc-controller-manager'}}}"));
    create(sandbox, "admissionregistration.k8s.io", "validatingwebhookconfigurations",
           MAKE("{'metadata':{'name':'llminferenceservice.serving.kserve.io'},'webhooks':[{'name':"
                "'llminferenceservice.kserve-webhook-server.validator','clientConfig':{'service':{"
                "'name':'llmisvc-webhook-server-service','namespace':'kserve','path':"
                "'/validate-serving-kserve-io-v1alpha2-llminferenceservice'},'caBundle':"
                "'c2FuZGJveA=='},'rules':[{'apiGroups':['serving.kserve.io'],'apiVersions':"
                "['v1alpha2'],'operations':['CREATE','UPDATE'],'resources':"
                "['llminferenceservices']}],'failurePolicy':'Fail','sideEffects':'None',"
                "'admissionReviewVersions':['v1']}]}"));
}

static void add_operators(struct sandbox *sandbox)
{
    add_namespace(sandbox, "cert-manager");
    add_namespace(sandbox, "kserve");
    add_operator(sandbox, "cert-manager", "cert-manager",
                 "quay.io/jetstack/cert-manager-controller:v1.17.0");
    add_operator(sandbox, "cert-manager", "cert-manager-webhook",
                 "quay.io/jetstack/cert-manager-webhook:v1.17.0");
    add_operator(sandbox, "cert-manager", "cert-manager-cainjector",
                 "quay.io/jetstack/cert-manager-cainjector:v1.17.0");
    add_operator(sandbox, "kserve", "llmisvc-controller-manager",
                 "docker.io/kserve/llmisvc-controller:v0.20.0");
    add_webhook(sandbox);
    if (sandbox->options.profile == PROFILE_GKE)
        return;
    add_namespace(sandbox, "envoy-gateway-system");
    add_namespace(sandbox, "envoy-ai-gateway-system");
    add_operator(sandbox, "envoy-gateway-system", "envoy-gateway",
                 "docker.io/envoyproxy/gateway:v1.8.1");
    add_operator(sandbox, "envoy-ai-gateway-system", "ai-gateway-controller",
                 "docker.io/envoyproxy/ai-gateway-controller:v1.0.0");
}

/* ---- KServe's configuration ---- */

/* Takes spec. */
static void add_preset(struct sandbox *sandbox, const char *suffix, struct json *spec)
{
    AUTO(str) char *name = llmd__format("kserve-config-llm-%s", suffix);
    struct json *json = MAKE("{'metadata':{'name':%s,'namespace':'kserve'}}", name);
    llmd__json_set(json, "spec", spec);
    create(sandbox, SERVING_GROUP, "llminferenceserviceconfigs", json);
}

static struct json *workload_preset(void)
{
    return MAKE(
        "{'template':{'containers':[{'name':'main','image':'ghcr.io/llm-d/llm-d-cuda:v0.8.0',"
        "'command':['kserve-preset'],'ports':[{'containerPort':8000,'protocol':'TCP'}],'env':[{"
        "'name':'VLLM_LOGGING_LEVEL','value':'INFO'},{'name':'HF_HUB_CACHE','value':'/models'}],"
        "'startupProbe':{'httpGet':{'path':'/health','port':8000,'scheme':'HTTP'},'periodSeconds':"
        "10,'failureThreshold':60},'livenessProbe':{'httpGet':{'path':'/health','port':8000,"
        "'scheme':'HTTP'},'timeoutSeconds':1,'periodSeconds':10,'failureThreshold':10},"
        "'readinessProbe':{'httpGet':{'path':'/health','port':8000,'scheme':'HTTP'},"
        "'timeoutSeconds':1,'periodSeconds':1,'failureThreshold':2},'volumeMounts':[{'name':"
        "'home','mountPath':'/home'},{'name':'dshm','mountPath':'/dev/shm'},{'name':'model-cache',"
        "'mountPath':'/models'},{'name':'tls-certs','mountPath':'/var/run/kserve/tls','readOnly':"
        "true}]}],'volumes':[{'name':'home','emptyDir':{}},{'name':'dshm','emptyDir':{'medium':"
        "'Memory','sizeLimit':'1Gi'}},{'name':'model-cache','emptyDir':{}}],"
        "'terminationGracePeriodSeconds':60}}");
}

static struct json *scheduler_preset(void)
{
    return MAKE(
        "{'router':{'scheduler':{'template':{'containers':[{'name':'main','image':"
        "'ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.9.0','command':['/app/epp'],'ports':[{"
        "'name':'grpc','containerPort':9002,'protocol':'TCP'},{'name':'grpc-health',"
        "'containerPort':9003,'protocol':'TCP'},{'name':'metrics','containerPort':9090,'protocol':"
        "'TCP'},{'name':'zmq','containerPort':5557,'protocol':'TCP'}],'resources':{'requests':{"
        "'cpu':'1','memory':'2Gi'},'limits':{'cpu':'6','memory':'16Gi'}},'livenessProbe':{'grpc':{"
        "'port':9003},'initialDelaySeconds':5,'periodSeconds':10},'readinessProbe':{'grpc':{"
        "'port':9003},'initialDelaySeconds':30,'periodSeconds':10}}]}}}}");
}

static void add_presets(struct sandbox *sandbox)
{
    static const char *const others[] = {"decode-template",
                                         "decode-worker-data-parallel",
                                         "prefill-template",
                                         "prefill-worker-data-parallel",
                                         "worker-data-parallel",
                                         "scheduler-latency-predictor",
                                         "tracing"};
    add_preset(sandbox, "template", workload_preset());
    add_preset(sandbox, "scheduler", scheduler_preset());
    add_preset(sandbox, "router-route",
               MAKE("{'router':{'route':{'http':{'spec':{'rules':[{'timeouts':{'backendRequest':"
                    "'0s','request':'0s'}}]}}}}}"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        add_preset(sandbox, others[i], llmd__json_object());
    create(sandbox, "", "configmaps",
           MAKE("{'metadata':{'name':'inferenceservice-config','namespace':'kserve'},'data':{"
                "'ingress':'{}'}}"));
}

void profile_add_classes(struct sandbox *sandbox)
{
    static const char *const classes[] = {"gke-l7-regional-external-managed", "gke-l7-rilb",
                                          "gke-l7-global-external-managed", "gke-l7-gxlb"};
    bool gke = sandbox->options.profile == PROFILE_GKE;
    for (size_t i = 0; i < (gke ? 4 : 2); i++)
        create(sandbox, GATEWAY_GROUP, "gatewayclasses",
               MAKE("{'metadata':{'name':%s},'spec':{'controllerName':%s}}", classes[i],
                    gke ? GKE_CONTROLLER : ENVOY_CONTROLLER));
    if (!gke)
        create(
            sandbox, GATEWAY_GROUP, "gatewayclasses",
            MAKE("{'metadata':{'name':'envoy'},'spec':{'controllerName':%s}}", ENVOY_CONTROLLER));
}

void profile_install(struct sandbox *sandbox)
{
    static const char *const namespaces[] = {"default", "kube-system", "kube-public",
                                             "kube-node-lease"};
    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
        add_namespace(sandbox, namespaces[i]);
    if (!sandbox->options.managed)
        add_nodes(sandbox);
    if (sandbox->options.profile == PROFILE_GKE ||
        (sandbox->options.profile == PROFILE_READY && !sandbox->options.bare)) {
        add_definitions(sandbox);
        controllers_settle(sandbox, 2000);
        if (!sandbox->options.bare) {
            add_operators(sandbox);
            controllers_settle(sandbox, 60000);
            add_presets(sandbox);
        }
        if (!sandbox->options.managed)
            profile_add_classes(sandbox);
    }
    controllers_settle(sandbox, 60000);
    /* A client starts with a history of its own. */
    store_compact(&sandbox->store, sandbox->store.version - 1);
}
