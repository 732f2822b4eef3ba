/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which KServe stands in the cluster. The API does not say, but its presets do: what container
 * arguments mean changed four times, and each change shows in the workload preset. Pure.
 */
#ifndef LLMD_SERVICE_KSERVE_H
#define LLMD_SERVICE_KSERVE_H

#include "base/json.h"

enum kserve_release {
    KSERVE_ODH_0_15, /* args are a bash script; TLS by default */
    KSERVE_0_16,     /* args replace all of vLLM's */
    KSERVE_0_17,     /* args are appended; so from here on */
    KSERVE_0_18,     /* and 0.19 */
    KSERVE_0_20
};

struct kserve {
    enum kserve_release release;
    const char *api_version;         /* "serving.kserve.io/v1alpha2" */
    bool tls;                        /* enableLLMInferenceServiceTLS */
    bool gke;                        /* networking.gke.io is served */
    const struct json *route_preset; /* the system's, with its timeouts; may be NULL */
    bool shadowed;                   /* somebody else's copy is in the namespace */
};

#define LLMD__KSERVE_ROUTE_PRESET "kserve-config-llm-router-route"
#define LLMD__KSERVE_MANAGED_BY "app.kubernetes.io/managed-by"
#define LLMD__KSERVE_SERVICE_LABEL "libllmd.dev/service"

/* configs: items of the LLMInferenceServiceConfig list of all namespaces (NULL or empty when it
   could not be read: 0.20 is assumed). ns is the service's. */
void llmd__kserve_read(const struct json *configs, const char *ns, bool v1alpha2,
                       struct kserve *out);
/* The namespace that holds the system presets, or NULL. */
const char *llmd__kserve_system_ns(const struct json *configs, const char *ns);
/* From the ConfigMap inferenceservice-config. */
bool llmd__kserve_tls(const struct json *config_map);

#endif
