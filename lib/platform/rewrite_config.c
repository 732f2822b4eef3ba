/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KServe's ConfigMap: each value is JSON in a text, and a reconcile fails for good when one that it
 * reads is missing (P122). What the release says stays, what the library knows better comes over
 * it, and the spec's patches have the last word.
 */
#include "platform/release.h"
#include "platform/rewrite.h"

#include <string.h>

/* The release's 1Gi kills the download of any model of today (P122). It is a limit, no request: it
   costs nothing until it is needed. 24Gi is what Open Data Hub sets. */
#define DOWNLOAD_MEMORY "24Gi"

/* What the library sets in one value, or NULL. */
static llmd_error *own_patch(const struct rewrite *rewrite, const char *key, struct json **out)
{
    const llmd_platform_spec *spec = rewrite->spec;

    *out = NULL;
    if (!strcmp(key, "storageInitializer"))
        return llmd__json_make(out, "{'memoryLimit': %s, 'caBundleConfigMapName': %s}",
                               DOWNLOAD_MEMORY, spec->ca ? LLMD__PLATFORM_CA : NULL);
    if (!strcmp(key, "ingress") && spec->istio.enabled)
        return llmd__json_make(out, "{'enableLLMInferenceServiceTLS': true}");
    return NULL;
}

/* "kserve/kserve-ingress-gateway" moves with KServe. */
static llmd_error *move_gateway(const struct rewrite *rewrite, struct json *value)
{
    const char *gateway = llmd__json_str(value, "kserveIngressGateway");
    size_t len = rewrite->from_ns ? strlen(rewrite->from_ns) : 0;
    AUTO(str) char *moved = NULL;

    if (!len || strncmp(gateway, rewrite->from_ns, len) != 0 || gateway[len] != '/')
        return NULL;
    moved = llmd__format("%s%s", rewrite->to_ns, gateway + len);
    CHECK_MEMORY(moved);
    llmd__json_set_str(value, "kserveIngressGateway", moved);
    return NULL;
}

static llmd_error *default_image(const struct rewrite *rewrite, struct json *value)
{
    const char *image = llmd__json_str(value, "defaultJobImage");
    AUTO(str) char *wanted = NULL;

    if (!*image)
        return NULL;
    TRY(llmd__image_rewrite(rewrite->spec, image, &wanted));
    llmd__json_set_str(value, "defaultJobImage", wanted);
    return NULL;
}

static llmd_error *change_value(const struct rewrite *rewrite, const char *key, struct json **value)
{
    AUTO(json) struct json *patch = NULL;

    TRY(llmd__rewrite_images(rewrite, *value));
    TRY(default_image(rewrite, *value));
    TRY(move_gateway(rewrite, *value));
    TRY(own_patch(rewrite, key, &patch));
    if (patch)
        TRY(llmd__json_merge(value, patch));
    if (llmd__json_member(rewrite->spec->config, key))
        TRY(llmd__json_merge(value, llmd__json_member(rewrite->spec->config, key)));
    return NULL;
}

/* Text that is no JSON object stays as it is: _example, and what a later release may bring. */
static llmd_error *parse_value(const char *text, struct json **out)
{
    llmd_error *error = llmd__json_parse(text, strlen(text), "ConfigMap", out);

    if (llmd_error_code(error) == LLMD_E_INVALID) {
        llmd_error_free(error);
        return NULL;
    }
    return error;
}

static llmd_error *rewrite_value(const struct rewrite *rewrite, const struct json *old,
                                 struct json *data)
{
    const char *key = llmd__json_key(old);
    AUTO(json) struct json *value = NULL;
    AUTO(json) struct json *before = NULL;
    AUTO(str) char *text = NULL;

    TRY(parse_value(llmd__json_text(old), &value));
    if (llmd__json_type(value) != JSON_OBJECT) {
        llmd__json_set_str(data, key, llmd__json_text(old));
        return NULL;
    }
    TRY(llmd__json_copy(value, &before));
    TRY(change_value(rewrite, key, &value));
    TRY(llmd__json_check(value));
    if (!llmd__json_equal(value, before))
        TRY(llmd__json_print(value, &text));
    llmd__json_set_str(data, key, text ? text : llmd__json_text(old));
    return NULL;
}

/* Keys that the release has not, such as autoscaling-wva-controller-config. */
static llmd_error *add_values(const struct rewrite *rewrite, struct json *data)
{
    JSON_EACH(item, rewrite->spec->config) {
        AUTO(str) char *text = NULL;

        if (llmd__json_member(data, llmd__json_key(item)))
            continue;
        TRY(llmd__json_print(item, &text));
        llmd__json_set_str(data, llmd__json_key(item), text);
    }
    return llmd__json_check(data);
}

llmd_error *llmd__rewrite_config(const struct rewrite *rewrite, struct json *object)
{
    AUTO(json) struct json *data = llmd__json_object();

    if (strcmp(llmd__json_str(object, "kind"), "ConfigMap") != 0 ||
        strcmp(llmd__json_str(object, "metadata.name"), "inferenceservice-config") != 0)
        return NULL;
    CHECK_MEMORY(data);
    JSON_EACH(item, llmd__json_member(object, "data")) {
        TRY(rewrite_value(rewrite, item, data));
    }
    TRY(add_values(rewrite, data));
    llmd__json_set(object, "data", TAKE(data));
    return llmd__json_check(object);
}
