/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/monitor_manifest.h"

#include <string.h>

#define NAME "libllmd-models"
#define PORT 8000 /* KServe's presets serve there */
#define INTERVAL "30s"
#define SELECTOR                                                                                   \
    "{'matchLabels': {'app.kubernetes.io/part-of': 'llminferenceservice',"                         \
    " 'kserve.io/component': 'workload'}}"

/* The certificate is KServe's own, made for the service's name, and a scrape goes to a pod. */
static llmd_error *endpoint(const llmd_platform_spec *spec, const char *port_key, struct json **out)
{
    AUTO(json) struct json *tls = NULL;
    bool https = spec->istio.enabled;

    if (https)
        TRY(llmd__json_make(&tls, "{'insecureSkipVerify': true}"));
    return llmd__json_make(
        out, "{%s: %d, 'path': '/metrics', 'interval': %s, 'scheme': %s, %s: %j}", port_key, PORT,
        INTERVAL, https ? "https" : NULL, strcmp(port_key, "port") ? "tlsConfig" : "tls", tls);
}

static llmd_error *managed_collection(const llmd_platform_spec *spec, struct json **out)
{
    AUTO(json) struct json *how = NULL;

    TRY(endpoint(spec, "port", &how));
    return llmd__json_make(out,
                           "{'apiVersion': 'monitoring.googleapis.com/v1',"
                           " 'kind': 'ClusterPodMonitoring', 'metadata': {'name': %s},"
                           " 'spec': {'selector': " SELECTOR ", 'endpoints': [%j]}}",
                           NAME, how);
}

static llmd_error *operator(const llmd_platform_spec *spec, const char *ns, struct json **out)
{
    AUTO(json) struct json *how = NULL;

    TRY(endpoint(spec, "targetPort", &how));
    return llmd__json_make(out,
                           "{'apiVersion': 'monitoring.coreos.com/v1', 'kind': 'PodMonitor',"
                           " 'metadata': {'name': %s, 'namespace': %s},"
                           " 'spec': {'selector': " SELECTOR
                           ", 'namespaceSelector': {'any': true}, 'podMetricsEndpoints': [%j]}}",
                           NAME, ns, how);
}

llmd_error *llmd__monitor_manifests(const llmd_platform_spec *spec, const char *ns,
                                    struct json *list)
{
    struct json *object = NULL;

    if (!spec->monitors)
        return NULL;
    if (!strcmp(spec->monitors, "gke"))
        TRY(managed_collection(spec, &object));
    else
        TRY(operator(spec, ns, &object));
    llmd__json_add(list, object);
    return llmd__json_check(list);
}
