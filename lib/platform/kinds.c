/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/kinds.h"

#include "kube/discovery.h"

const struct platform_kind llmd__platform_kinds[] = {
    {"mutatingwebhookconfigurations.admissionregistration.k8s.io", REMOVE_WEBHOOKS},
    {"validatingwebhookconfigurations.admissionregistration.k8s.io", REMOVE_WEBHOOKS},
    {"apiservices.apiregistration.k8s.io", REMOVE_WEBHOOKS}, /* without its Service nothing ends */
    {"llminferenceserviceconfigs.serving.kserve.io", REMOVE_PRESETS},
    {"clusterstoragecontainers.serving.kserve.io", REMOVE_PRESETS},
    {"certificates.cert-manager.io", REMOVE_CERTIFICATES},
    {"issuers.cert-manager.io", REMOVE_CERTIFICATES},
    {"clusterissuers.cert-manager.io", REMOVE_CERTIFICATES},
    {"gateways.gateway.networking.k8s.io", REMOVE_CERTIFICATES},
    {"gatewayclasses.gateway.networking.k8s.io", REMOVE_CERTIFICATES},
    {"podmonitorings.monitoring.googleapis.com", REMOVE_CERTIFICATES},
    {"podmonitors.monitoring.coreos.com", REMOVE_CERTIFICATES},
    {"servicemonitors.monitoring.coreos.com", REMOVE_CERTIFICATES},
    {"envoyfilters.networking.istio.io", REMOVE_CERTIFICATES},
    {"deployments.apps", REMOVE_CONTROLLERS},
    {"statefulsets.apps", REMOVE_CONTROLLERS},
    {"daemonsets.apps", REMOVE_CONTROLLERS},
    {"jobs.batch", REMOVE_CONTROLLERS},
    {"services", REMOVE_REST},
    {"serviceaccounts", REMOVE_REST},
    {"configmaps", REMOVE_REST},
    {"secrets", REMOVE_REST},
    {"roles.rbac.authorization.k8s.io", REMOVE_REST},
    {"rolebindings.rbac.authorization.k8s.io", REMOVE_REST},
    {"clusterroles.rbac.authorization.k8s.io", REMOVE_REST},
    {"clusterrolebindings.rbac.authorization.k8s.io", REMOVE_REST},
    {"poddisruptionbudgets.policy", REMOVE_REST},
    {"horizontalpodautoscalers.autoscaling", REMOVE_REST},
    {"networkpolicies.networking.k8s.io", REMOVE_REST},
    {"priorityclasses.scheduling.k8s.io", REMOVE_REST},
    {"validatingadmissionpolicies.admissionregistration.k8s.io", REMOVE_WEBHOOKS},
    {"validatingadmissionpolicybindings.admissionregistration.k8s.io", REMOVE_WEBHOOKS},
    {"infrastructures.config.openshift.io", REMOVE_REST},
    {"certmanagers.operator.openshift.io", REMOVE_OPERATED},
    {"customresourcedefinitions.apiextensions.k8s.io", REMOVE_CRDS},
    {"namespaces", REMOVE_NAMESPACES},
    {NULL, REMOVE_WAVES},
};

llmd_error *llmd__kind_list_path(const llmd_kube *kube, const char *resource, const char *ns,
                                 const char *labels, struct resource *found, char **out)
{
    AUTO(buf) struct buf query = BUF_INIT;
    AUTO(buf) struct buf path = BUF_INIT;

    *out = NULL;
    if (!llmd__discovery_lookup(kube, resource, found))
        return NULL;
    llmd__buf_str(&query, "limit=5000");
    llmd__resource_selectors(&query, labels, NULL);
    llmd__resource_path(&path, found, ns, NULL, NULL, llmd__buf_text(&query));
    TRY(llmd__buf_check(&query));
    return llmd__buf_take(&path, out);
}
