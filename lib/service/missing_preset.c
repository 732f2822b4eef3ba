/* SPDX-License-Identifier: Apache-2.0 */
#include "service/missing_preset.h"

#include <string.h>

/* KServe 0.17 to 0.20: LLMInferenceServiceConfig "NAME" not found in namespaces [NS NS]. */
#define BEFORE_NAME "LLMInferenceServiceConfig \""
#define BEFORE_NAMESPACES "not found in namespaces ["

const char *llmd__missing_preset(const struct scene *scene)
{
    const struct json *status = llmd__json_member(llmd__scene_service(scene), "status");
    const struct json *condition = llmd__scene_condition(status, "PresetsCombined");
    const char *words = llmd__json_str(condition, "message");

    if (!llmd__scene_fresh(scene) || strcmp(llmd__json_str(condition, "status"), "False"))
        return NULL;
    return strstr(words, BEFORE_NAME) && strstr(words, BEFORE_NAMESPACES) ? words : NULL;
}

char *llmd__missing_preset_fields(const char *words)
{
    const char *name = strstr(words, BEFORE_NAME) + strlen(BEFORE_NAME);

    return llmd__format("metadata.name=%.*s", (int)strcspn(name, "\""), name);
}

/* "[llm kserve]" has "llm" and "kserve", and not "serve". */
static bool is_looked_into(const char *words, const char *ns)
{
    const char *at = strstr(words, BEFORE_NAMESPACES) + strlen(BEFORE_NAMESPACES);

    while (*at && *at != ']') {
        size_t len = strcspn(at, " ]");

        if (len == strlen(ns) && !strncmp(at, ns, len))
            return true;
        at += len + strspn(at + len, " ");
    }
    return false;
}

bool llmd__missing_preset_is_there(const char *words, const struct json *list)
{
    JSON_EACH(item, llmd__json_member(list, "items")) {
        if (is_looked_into(words, llmd__json_str(item, "metadata.namespace")))
            return true;
    }
    return false;
}
