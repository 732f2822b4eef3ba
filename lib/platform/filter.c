/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KServe's files hold four controllers with all their CRDs, webhooks and runtimes; only llmisvc's
 * part is installed. Its names are the rule: they have been the same since 0.16.
 */
#include "platform/filter.h"

#include "kube/object.h"

#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && !strcmp(text + len - end_len, end);
}

static bool is_crd(const struct json *object)
{
    return !strcmp(llmd__json_str(object, "kind"), "CustomResourceDefinition");
}

/* Pools, objectives and rewrites: the controller and the pickers ask for them. Imports of pools
   from other clusters are nobody's need here. */
static bool is_inference_crd(const char *name)
{
    return (ends_with(name, ".inference.networking.k8s.io") ||
            ends_with(name, ".inference.networking.x-k8s.io") || ends_with(name, ".llm-d.ai")) &&
           strncmp(name, "inferencepoolimports.", 21) != 0;
}

static bool kserve_keeps(const struct json *object)
{
    const char *name = llmd__object_name(object), *kind = llmd__json_str(object, "kind");

    if (is_crd(object))
        return !strncmp(name, "llminferenceservice", 19) || is_inference_crd(name);
    if (!strcmp(kind, "LLMInferenceServiceConfig") || !strcmp(kind, "Namespace"))
        return true;
    return strstr(name, "llmisvc") || !strncmp(name, "llminferenceservice", 19) ||
           !strcmp(name, "inferenceservice-config") || !strcmp(name, "selfsigned-issuer");
}

/* Rendered for LLMInferenceServices alone: only what serves other kinds is not needed. */
static bool odh_keeps(const struct json *object)
{
    const char *kind = llmd__json_str(object, "kind");

    return is_crd(object)
               ? kserve_keeps(object)
               : !ends_with(kind, "ServingRuntime") && !ends_with(kind, "StorageContainer");
}

/* Its check of itself is a Job that a second apply could not change; the library asks the webhook
   instead. */
static bool cert_manager_keeps(const struct json *object)
{
    return !strstr(llmd__object_name(object), "startupapicheck");
}

bool llmd__filter_keeps(enum component component, bool crds_only, const struct profile *profile,
                        const struct json *object)
{
    if (crds_only)
        return is_crd(object);
    if (component == COMPONENT_KSERVE)
        return profile ? odh_keeps(object) : kserve_keeps(object);
    return component != COMPONENT_CERT_MANAGER || cert_manager_keeps(object);
}
