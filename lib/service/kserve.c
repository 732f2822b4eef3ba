/* SPDX-License-Identifier: Apache-2.0 */
#include "service/kserve.h"

#include <string.h>

#define WORKLOAD_PRESET "kserve-config-llm-template"
#define TRACING_PRESET "kserve-config-llm-tracing"

static const struct json *find(const struct json *configs, const char *name, const char *ns,
                               bool in_ns)
{
    JSON_EACH(item, configs) {
        bool same = !strcmp(llmd__json_str(item, "metadata.namespace"), ns);

        if (!strcmp(llmd__json_str(item, "metadata.name"), name) && same == in_ns)
            return item;
    }
    return NULL;
}

/* The system's object; a namespace that is itself the system's has its own. */
static const struct json *find_system(const struct json *configs, const char *name, const char *ns)
{
    const struct json *other = find(configs, name, ns, false);

    return other ? other : find(configs, name, ns, true);
}

/* KServe finds the model server by this name, too. */
static const struct json *main_container(const struct json *preset)
{
    JSON_EACH(container, llmd__json_get(preset, "spec.template.containers")) {
        if (!strcmp(llmd__json_str(container, "name"), "main"))
            return container;
    }
    return NULL;
}

/* ODH 0.15: bash with the script in args. 0.16: "vllm serve" with flags in args. 0.17: all in
   command, no bash. From 0.18: bash in command, the user's args arrive as "$@". */
static enum kserve_release release_of(const struct json *container, bool v1alpha2)
{
    bool bash = strstr(llmd__json_str(container, "command[0]"), "bash") != NULL;
    bool args = llmd__json_count(llmd__json_get(container, "args")) > 0;

    if (!v1alpha2)
        return bash && args ? KSERVE_ODH_0_15 : KSERVE_0_16;
    return bash ? KSERVE_0_18 : KSERVE_0_17;
}

/* A copy that somebody else made of the preset is a decision, and stays. */
static bool is_ours(const struct json *object)
{
    return !strcmp(llmd__json_str(object, "metadata.labels.\"" LLMD__KSERVE_MANAGED_BY "\""),
                   "libllmd");
}

/* No API tells the release: it is read from what the presets look like, the newest assumed where
   they may not be read. */
void llmd__kserve_read(const struct json *configs, const char *ns, bool v1alpha2,
                       struct kserve *out)
{
    const struct json *workload = find_system(configs, WORKLOAD_PRESET, ns);
    const struct json *shadow = find(configs, LLMD__KSERVE_ROUTE_PRESET, ns, true);
    const struct json *route = find(configs, LLMD__KSERVE_ROUTE_PRESET, ns, false);

    out->api_version = v1alpha2 ? "serving.kserve.io/v1alpha2" : "serving.kserve.io/v1alpha1";
    out->release = v1alpha2 ? KSERVE_0_20 : KSERVE_0_16;
    if (workload)
        out->release = release_of(main_container(workload), v1alpha2);
    if (v1alpha2 && (!workload || find_system(configs, TRACING_PRESET, ns)))
        out->release = KSERVE_0_20;
    out->route_preset = route;
    out->shadowed = shadow && !is_ours(shadow);
}

const char *llmd__kserve_system_ns(const struct json *configs, const char *ns)
{
    const struct json *workload = find_system(configs, WORKLOAD_PRESET, ns);

    return workload ? llmd__json_str(workload, "metadata.namespace") : NULL;
}

/* The ConfigMap holds JSON in a string; unreadable means off, as KServe reads it. */
bool llmd__kserve_tls(const struct json *config_map)
{
    const char *text = llmd__json_str(config_map, "data.ingress");
    struct json *ingress = NULL;
    llmd_error *error = llmd__json_parse(text, strlen(text), "ingress", &ingress);
    bool tls = !error && llmd__json_bool(ingress, "enableLLMInferenceServiceTLS", false);

    llmd_error_free(error);
    llmd__json_free(ingress);
    return tls;
}
