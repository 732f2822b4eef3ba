/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/component.h"

#include <string.h>

/* Open Data Hub's KServe. */
static const struct profile odh = {.controller = "kserve-controller-manager",
                                   .variable = "ENABLE_LLMISVC_CONTROLLER",
                                   .value = "true"};

static const char *const cert_managers[] = {"cert-manager", "cert-manager-webhook",
                                            "cert-manager-cainjector", NULL};

/* Red Hat's cert-manager; read in its operator's source, branch cert-manager-1.15. */
static const struct operands redhat_makes = {.resource = "certmanagers.operator.openshift.io",
                                             .object = "cluster",
                                             .ns = "cert-manager",
                                             .deployments = cert_managers,
                                             .manager = "cert-manager-operator",
                                             .labels = "app.kubernetes.io/instance=cert-manager",
                                             .finalizers =
                                                 "cert-manager-operator.operator.openshift.io/"};
static const struct profile redhat = {.controller = "cert-manager-operator-controller-manager",
                                      .variable = "OPERAND_IMAGE_VERSION",
                                      .operands = &redhat_makes};

/* The order is the enum's. */
static const struct component_info components[COMPONENT_COUNT] = {
    {.key = "gatewayApi", .title = "Gateway API", .crd = "gateways.gateway.networking.k8s.io"},
    {.key = "certManager",
     .title = "cert-manager",
     .controller = "cert-manager",
     .webhook = "cert-manager-webhook",
     .crd = "certificates.cert-manager.io",
     .profile = &redhat},
    {.key = "leaderWorkerSet",
     .title = "LeaderWorkerSet",
     .controller = "lws-controller-manager",
     .webhook = "lws-controller-manager",
     .crd = "leaderworkersets.leaderworkerset.x-k8s.io"},
    {.key = "kserve",
     .title = "KServe",
     .needs = COMPONENT_BIT(COMPONENT_GATEWAY_API) | COMPONENT_BIT(COMPONENT_CERT_MANAGER) |
              COMPONENT_BIT(COMPONENT_LWS),
     .controller = "llmisvc-controller-manager",
     .webhook = "llmisvc-controller-manager",
     .crd = "llminferenceservices.serving.kserve.io",
     .profile = &odh},
    {.key = "gatewayController",
     .title = "the gateway controller",
     .needs = COMPONENT_BIT(COMPONENT_GATEWAY_API)},
};

static const char *const phases[PHASE_COUNT] = {"namespaces",  "crds",     "config", "certificates",
                                                "controllers", "webhooks", "presets"};

const struct component_info *llmd__component(enum component component)
{
    return &components[component];
}

const char *llmd__profile_value(const struct profile *profile, const struct json *deployment)
{
    JSON_EACH(item, llmd__json_get(deployment, "spec.template.spec.containers[0].env")) {
        if (!strcmp(llmd__json_str(item, "name"), profile->variable))
            return llmd__json_str(item, "value");
    }
    return "";
}

bool llmd__is_of_profile(const struct profile *profile, const struct json *deployment)
{
    const char *value;

    if (!profile || strcmp(llmd__json_str(deployment, "metadata.name"), profile->controller) != 0)
        return false;
    value = llmd__profile_value(profile, deployment);
    return profile->value ? !strcmp(value, profile->value) : *value != '\0';
}

enum component llmd__component_find(const char *key)
{
    int found = 0;

    while (found < COMPONENT_COUNT && strcmp(components[found].key, key) != 0)
        found++;
    return (enum component)found;
}

const char *llmd__phase_name(enum phase phase)
{
    return phases[phase];
}

/* ---- objects ---- */

static bool is_one_of(const char *kind, const char *const *kinds)
{
    while (*kinds && strcmp(kind, *kinds) != 0)
        kinds++;
    return *kinds != NULL;
}

/* Served by every API server: those that CRDs define have other groups. */
static bool is_built_in(const char *api_version)
{
    static const char *const groups[] = {"admissionregistration.k8s.io/",
                                         "apiregistration.k8s.io/",
                                         "flowcontrol.apiserver.k8s.io/",
                                         "networking.k8s.io/",
                                         "rbac.authorization.k8s.io/",
                                         "scheduling.k8s.io/",
                                         "storage.k8s.io/"};

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (!strncmp(api_version, groups[i], strlen(groups[i])))
            return true;
    return !memchr(api_version, '.', strcspn(api_version, "/")); /* v1, apps/v1, policy/v1 */
}

enum phase llmd__phase_of(const struct json *object)
{
    static const char *const programs[] = {"Deployment", "DaemonSet", "StatefulSet", "Job", NULL};
    const char *kind = llmd__json_str(object, "kind");
    const char *api_version = llmd__json_str(object, "apiVersion");

    if (!strcmp(kind, "Namespace"))
        return PHASE_NAMESPACES;
    if (!strcmp(kind, "CustomResourceDefinition"))
        return PHASE_CRDS;
    if (!strncmp(api_version, "cert-manager.io/", 16))
        return PHASE_CERTIFICATES;
    if (is_one_of(kind, programs))
        return PHASE_CONTROLLERS;
    if (strstr(kind, "WebhookConfiguration"))
        return PHASE_WEBHOOKS;
    return is_built_in(api_version) ? PHASE_CONFIG : PHASE_PRESETS;
}
