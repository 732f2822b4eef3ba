/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/config_keys.h"

#include "platform/quantity.h"

#include "base/fields.h"

#include <string.h>

/* ---- KServe's ConfigMap ---- */

/* What KServe's releases from 0.16 to 0.20 read, and Open Data Hub's. Within a key, what the
   controller of LLMInferenceServices reads; the others serve other kinds. */
static const char *const keys[] = {
    "agent",      "autoscaler",       "autoscaling-wva-controller-config",
    "batcher",    "credentials",      "deploy",
    "explainers", "inferenceService", "ingress",
    "localModel", "logger",           "metricsAggregator",
    "multiNode",  "oauthProxy",       "opentelemetryCollector",
    "resource",   "router",           "scheduler",
    "security",   "service",          "storageInitializer",
    NULL};
static const char *const ingress[] = {"additionalIngressDomains",
                                      "disableHTTPRouteTimeout",
                                      "disableIngressCreation",
                                      "disableIstioVirtualHost",
                                      "domainTemplate",
                                      "enableGatewayApi",
                                      "enableLLMInferenceServiceTLS",
                                      "ingressClassName",
                                      "ingressDomain",
                                      "ingressGateway",
                                      "knativeLocalGatewayService",
                                      "kserveIngressGateway",
                                      "localGateway",
                                      "localGatewayService",
                                      "modelBasedRoutingHeaderName",
                                      "modelBasedRoutingMode",
                                      "pathTemplate",
                                      "urlScheme",
                                      NULL};
static const char *const storage[] = {"caBundleConfigMapName",
                                      "caBundleVolumeMountPath",
                                      "cpuLimit",
                                      "cpuModelcar",
                                      "cpuRequest",
                                      "enableDirectPvcVolumeMount",
                                      "enableModelcar",
                                      "enableOciModelSupport",
                                      "image",
                                      "memoryLimit",
                                      "memoryModelcar",
                                      "memoryRequest",
                                      "ociModelMode",
                                      "uidModelcar",
                                      NULL};
static const char *const credentials[] = {"gcs", "s3", "storageSecretNameAnnotation",
                                          "storageSpecSecretName", NULL};
static const char *const scheduler[] = {"expirationAnnotations", NULL};

static const char *const *names_in(const char *key)
{
    static const struct {
        const char *key;
        const char *const *names;
    } rows[] = {{"credentials", credentials},
                {"ingress", ingress},
                {"scheduler", scheduler},
                {"storageInitializer", storage}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(key, rows[i].key))
            return rows[i].names;
    return NULL;
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

static llmd_error *unknown(const char *in, const char *key, const char *const *names)
{
    const char *near = llmd__nearest(key, names);
    AUTO(buf) struct buf known = BUF_INIT;
    llmd_error *error = llmd__error(LLMD_E_INVALID, "%s%s%s: unknown key", in, *in ? "." : "", key);

    if (near)
        return llmd__error_set_advice(error, "did you mean \"%s\"?", near);
    for (; *names; names++)
        llmd__buf_format(&known, "%s%s", known.len ? ", " : "", *names);
    return llmd__error_set_advice(error, "known keys are %s", llmd__buf_text(&known));
}

static llmd_error *check_names(const char *in, const struct json *object, const char *const *names,
                               bool all_known)
{
    JSON_EACH(item, object) {
        const char *key = llmd__json_key(item);

        if (!is_one_of(key, names) && (all_known || llmd__nearest(key, names)))
            return unknown(in, key, names);
    }
    return NULL;
}

llmd_error *llmd__config_keys_check(const struct json *config, bool all_known)
{
    TRY(check_names("", config, keys, all_known));
    JSON_EACH(item, config) {
        const char *const *names = names_in(llmd__json_key(item));

        if (names)
            TRY(check_names(llmd__json_key(item), item, names, all_known));
    }
    return NULL;
}

/* ---- resources ---- */

static const char *const sections[] = {"limits", "requests", "claims", NULL};
static const char *const resources_of_kubernetes[] = {"cpu", "memory", "ephemeral-storage", NULL};

/* "nvidia.com/gpu" is whoever's, and sizes of huge pages are the nodes'. */
static bool is_resource(const char *name)
{
    return strchr(name, '/') || !strncmp(name, "hugepages-", 10) ||
           is_one_of(name, resources_of_kubernetes);
}

static bool is_quantity(const struct json *value)
{
    switch (llmd__json_type(value)) {
    case JSON_NULL:
        return true;
    case JSON_STRING:
    case JSON_INT:
    case JSON_DOUBLE:
        return llmd__quantity_is(llmd__json_text(value));
    default:
        return false;
    }
}

static llmd_error *check_section(const struct json *section)
{
    const char *in = llmd__json_key(section);

    if (llmd__json_type(section) != JSON_OBJECT)
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "%s: want an object, got %s", in,
                                                  llmd__json_type_name(llmd__json_type(section))),
                                      "write a mapping, such as {cpu: 2, memory: 1Gi}");
    JSON_EACH(item, section) {
        const char *name = llmd__json_key(item);

        if (!is_resource(name))
            return unknown(in, name, resources_of_kubernetes);
        if (!is_quantity(item))
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "%s.%s: \"%.80s\" is no quantity", in, name,
                            llmd__json_text(item)),
                "want a number with a unit or without, such as 2, 500m, 1.5, 600Mi or 4Gi");
    }
    return NULL;
}

llmd_error *llmd__resources_check(const struct json *resources)
{
    TRY(check_names("", resources, sections, true));
    JSON_EACH(section, resources) {
        if (llmd__json_type(section) != JSON_NULL && strcmp(llmd__json_key(section), "claims") != 0)
            TRY(check_section(section));
    }
    return NULL;
}
