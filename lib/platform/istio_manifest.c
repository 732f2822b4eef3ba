/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/istio_manifest.h"

#include "platform/release.h"

#include <string.h>

#define CA_FOLDER "/var/run/secrets/opendatahub" /* where KServe's DestinationRules look for it */
#define ISTIOD_PORT 15012                        /* XDS and certificates, by mTLS */
#define ROUTE_RULES 2 /* the first two of a route go to the pool; the rest needs no picker */

static const char *gateway_ns(const llmd_platform_spec *spec, const char *kserve_ns)
{
    return spec->istio.ns && spec->istio.ns[0] ? spec->istio.ns : kserve_ns;
}

static const char *gateway_name(const llmd_platform_spec *spec)
{
    return spec->istio.gateway && spec->istio.gateway[0] ? spec->istio.gateway
                                                         : "inference-gateway";
}

/* ---- the CA ---- */

static llmd_error *add_ca(const llmd_platform_spec *spec, const char *ns, struct json *list)
{
    AUTO(str) char *name = llmd__format("%s-ca", gateway_name(spec));
    struct json *object = NULL;

    CHECK_MEMORY(name);
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': %s,"
                        " 'namespace': %s}, 'data': {'ca.crt': %s}}",
                        name, ns, spec->istio.ca));
    llmd__json_add(list, object);
    return NULL;
}

/* Istio merges the text of `deployment` into the Deployment that it makes for a Gateway. */
static llmd_error *add_gateway_config(const llmd_platform_spec *spec, const char *ns,
                                      struct json *list)
{
    AUTO(str) char *name = llmd__format("%s-config", gateway_name(spec));
    AUTO(str) char *ca = llmd__format("%s-ca", gateway_name(spec));
    AUTO(json) struct json *overlay = NULL;
    AUTO(str) char *text = NULL;
    struct json *object = NULL;

    if (!name || !ca)
        return NO_MEMORY;
    TRY(llmd__json_make(&overlay,
                        "{'spec': {'template': {'spec': {"
                        "'containers': [{'name': 'istio-proxy', 'volumeMounts': [{"
                        "'name': 'model-ca', 'mountPath': %s, 'readOnly': true}]}],"
                        " 'volumes': [{'name': 'model-ca', 'configMap': {'name': %s}}]}}}}",
                        CA_FOLDER, ca));
    TRY(llmd__json_print(overlay, &text));
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': %s,"
                        " 'namespace': %s}, 'data': {'deployment': %s}}",
                        name, ns, text));
    llmd__json_add(list, object);
    return NULL;
}

/* ---- routes ---- */

/* One rule of a route, by the name that Istio gives it: "llm.qwen-kserve-route.0". The picker's
   filter streams bodies by default, and then it sees no prompt. */
static llmd_error *route_patch(const char *ns, const char *service, int rule, struct json *patches)
{
    AUTO(str) char *route = llmd__format("%s.%s-kserve-route.%d", ns, service, rule);
    struct json *patch = NULL;

    CHECK_MEMORY(route);
    TRY(llmd__json_make(
        &patch,
        "{'applyTo': 'HTTP_ROUTE', 'match': {'context': 'GATEWAY', 'routeConfiguration':"
        " {'vhost': {'route': {'name': %s}}}}, 'patch': {'operation': 'MERGE', 'value':"
        " {'typed_per_filter_config': {'envoy.filters.http.ext_proc': {"
        "'@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute',"
        " 'overrides': {'processing_mode': {'request_header_mode': 'SEND',"
        " 'request_body_mode': 'BUFFERED', 'response_body_mode': 'NONE'}}}}}}}",
        route));
    llmd__json_add(patches, patch);
    return NULL;
}

static llmd_error *add_filter(const llmd_platform_spec *spec, const char *in, const char *ns,
                              const char *service, struct json *list)
{
    AUTO(str) char *name = llmd__format("%s-%s-bodies", ns, service);
    AUTO(json) struct json *patches = llmd__json_array();
    struct json *object = NULL;

    if (!name || !patches)
        return NO_MEMORY;
    for (int rule = 0; rule < ROUTE_RULES; rule++)
        TRY(route_patch(ns, service, rule, patches));
    TRY(llmd__json_check(patches));
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'networking.istio.io/v1alpha3', 'kind': 'EnvoyFilter',"
                        " 'metadata': {'name': %s, 'namespace': %s}, 'spec': {'workloadSelector':"
                        " {'labels': {'gateway.networking.k8s.io/gateway-name': %s}},"
                        " 'configPatches': %j}}",
                        name, in, gateway_name(spec), patches));
    llmd__json_add(list, object);
    return NULL;
}

/* Only on request: a pod that no other policy restricts would from then on reach nothing else. */
static llmd_error *add_policy(const char *ns, struct json *list)
{
    struct json *object = NULL;

    JSON_EACH(item, list) {
        if (!strcmp(llmd__json_str(item, "kind"), "NetworkPolicy") &&
            !strcmp(llmd__json_str(item, "metadata.namespace"), ns))
            return NULL;
    }
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',"
                        " 'metadata': {'name': 'libllmd-allow-istiod', 'namespace': %s},"
                        " 'spec': {'podSelector': {'matchLabels':"
                        " {'app.kubernetes.io/part-of': 'llminferenceservice'}},"
                        " 'policyTypes': ['Egress'], 'egress': [{'ports':"
                        " [{'port': %d, 'protocol': 'TCP'}]}]}}",
                        ns, ISTIOD_PORT));
    llmd__json_add(list, object);
    return NULL;
}

static llmd_error *add_route(const llmd_platform_spec *spec, const char *in, const char *route,
                             struct json *list)
{
    const char *slash = strchr(route, '/');
    AUTO(str) char *ns = llmd__strndup(route, (size_t)(slash - route));

    CHECK_MEMORY(ns);
    if (spec->istio.allow_istiod)
        TRY(add_policy(ns, list));
    return add_filter(spec, in, ns, slash + 1, list);
}

llmd_error *llmd__istio_manifests(const llmd_platform_spec *spec, const char *kserve_ns,
                                  const struct json *no_routes, struct json *list)
{
    const char *in = gateway_ns(spec, kserve_ns);

    if (!spec->istio.enabled)
        return NULL;
    /* Together: a pod that mounts a ConfigMap which is not there never starts. */
    if (spec->istio.ca) {
        TRY(add_ca(spec, in, list));
        TRY(add_gateway_config(spec, in, list));
    }
    JSON_EACH(item, spec->istio.routes) {
        if (llmd__json_holds(no_routes, llmd__json_text(item)))
            continue;
        TRY(add_route(spec, in, llmd__json_text(item), list));
    }
    return llmd__json_check(list);
}

/* ---- fields of Istio's own objects ---- */

static llmd_error *add_account(const llmd_platform_spec *spec, const char *ns, struct json *list)
{
    AUTO(str) char *name = llmd__format("%s-istio", gateway_name(spec));
    struct json *object = NULL;

    CHECK_MEMORY(name);
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'v1', 'kind': 'ServiceAccount', 'metadata': {'name': %s,"
                        " 'namespace': %s}, 'imagePullSecrets': [{'name': %s}]}",
                        name, ns, LLMD__PLATFORM_PULL_SECRET));
    llmd__json_add(list, object);
    return NULL;
}

llmd_error *llmd__istio_fields(const llmd_platform_spec *spec, const char *kserve_ns,
                               struct json *list)
{
    struct json *object = NULL;

    if (!spec->istio.enabled)
        return NULL;
    if (spec->pull_secret.registry)
        TRY(add_account(spec, gateway_ns(spec, kserve_ns), list));
    if (!spec->istio.sail)
        return llmd__json_check(list);
    TRY(llmd__json_make(&object, "{'apiVersion': 'admissionregistration.k8s.io/v1',"
                                 " 'kind': 'MutatingWebhookConfiguration', 'metadata': {"
                                 "'name': 'istio-sidecar-injector', 'annotations':"
                                 " {'sailoperator.io/ignore': 'true'}}}"));
    llmd__json_add(list, object);
    return llmd__json_check(list);
}
