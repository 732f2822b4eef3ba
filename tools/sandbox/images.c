/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/images.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *pattern; /* '*' at the end matches the rest */
    enum image_role role;
} known[] = {
    {"docker.io/kserve/llmisvc-controller*", ROLE_LLMISVC},
    {"kserve/llmisvc-controller*", ROLE_LLMISVC},
    {"quay.io/opendatahub/kserve-controller*", ROLE_LLMISVC},
    {"docker.io/kserve/*", ROLE_OTHER},
    {"kserve/*", ROLE_OTHER},
    {"quay.io/jetstack/cert-manager-controller*", ROLE_CERT_MANAGER},
    {"quay.io/jetstack/cert-manager-webhook*", ROLE_CERT_WEBHOOK},
    {"quay.io/jetstack/cert-manager-cainjector*", ROLE_CA_INJECTOR},
    {"quay.io/jetstack/*", ROLE_OTHER},
    {"registry.redhat.io/cert-manager/cert-manager-operator-rhel9*", ROLE_CERT_OPERATOR},
    {"registry.redhat.io/cert-manager/jetstack-cert-manager-webhook-rhel9*", ROLE_CERT_WEBHOOK},
    {"registry.redhat.io/cert-manager/jetstack-cert-manager-cainjector-rhel9*", ROLE_CA_INJECTOR},
    {"registry.redhat.io/cert-manager/jetstack-cert-manager-rhel9*", ROLE_CERT_MANAGER},
    {"docker.io/envoyproxy/ai-gateway-controller*", ROLE_AI_GATEWAY},
    {"docker.io/envoyproxy/gateway:*", ROLE_ENVOY_GATEWAY},
    {"docker.io/envoyproxy/*", ROLE_OTHER},
    {"envoyproxy/*", ROLE_OTHER},
    {"ghcr.io/llm-d/llm-d-router-endpoint-picker*", ROLE_PICKER},
    {"ghcr.io/llm-d/llm-d-inference-scheduler*", ROLE_PICKER},
    {"registry.k8s.io/gateway-api-inference-extension/epp*", ROLE_PICKER},
    {"ghcr.io/llm-d/llm-d-inference-sim*", ROLE_MODEL},
    {"ghcr.io/llm-d/llm-d-uds-tokenizer*", ROLE_OTHER},
    {"ghcr.io/llm-d/*", ROLE_MODEL},
    {"rig.local/vllm*", ROLE_MODEL},
    {"rig.local/model-server*", ROLE_MODEL},
    {"rig.local/stub*", ROLE_MODEL},
    {"private.rig/*", ROLE_MODEL},
    {"vllm/vllm-*", ROLE_MODEL},
    {"docker.io/vllm/vllm-*", ROLE_MODEL},
    {"public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo*", ROLE_MODEL},
    {"us-docker.pkg.dev/*", ROLE_MODEL},
    {"us-central1-docker.pkg.dev/*", ROLE_MODEL},
    {"registry.k8s.io/*", ROLE_OTHER},
    {"gcr.io/*", ROLE_OTHER},
    {"gke.gcr.io/*", ROLE_OTHER},
    {"busybox*", ROLE_OTHER},
    {"docker.io/library/*", ROLE_OTHER},
    {"nginx*", ROLE_OTHER},
    {"python:*", ROLE_OTHER},
    {"curlimages/curl*", ROLE_OTHER},
};

static bool matches(const char *pattern, const char *image)
{
    size_t len = strlen(pattern);
    if (len && pattern[len - 1] == '*')
        return strncmp(pattern, image, len - 1) == 0;
    return strcmp(pattern, image) == 0;
}

/* More patterns come by --image and POST /sandbox/images; the latter are never freed. */
void images_add(struct sandbox *sandbox, const char *pattern)
{
    sandbox_lock(sandbox);
    if (sandbox->options.image_count < MAX_IMAGES)
        sandbox->options.images[sandbox->options.image_count++] = strdup(pattern);
    sandbox_unlock(sandbox);
}

enum image_role image_role(const char *image)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (matches(known[i].pattern, image))
            return known[i].role;
    return strstr(image, "vllm") || strstr(image, "inference-sim") ? ROLE_MODEL : ROLE_OTHER;
}

static bool exists(const struct sandbox *sandbox, const char *image)
{
    for (int i = 0; i < sandbox->options.image_count; i++)
        if (matches(sandbox->options.images[i], image))
            return true;
    /* Names that tests take for what nobody has. */
    if (strstr(image, "does-not-exist") || strstr(image, "nosuch") || strstr(image, "no-such"))
        return false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (matches(known[i].pattern, image))
            return true;
    return false;
}

static bool is_there(struct sandbox *sandbox, const char *ns, const struct json *references)
{
    JSON_EACH(reference, references)
        if (store_get(&sandbox->store, "", "secrets", ns, llmd__json_str(reference, "name")))
            return true;
    return false;
}

/* The pod's own, or else its account's. */
static bool has_pull_secret(struct sandbox *sandbox, const struct object *pod)
{
    const struct json *references = llmd__json_get(object_json(pod), "spec.imagePullSecrets");
    struct object *account = store_get(&sandbox->store, "", "serviceaccounts", pod->ns,
                                       object_str(pod, "spec.serviceAccountName"));
    if (!llmd__json_count(references) && account)
        references = llmd__json_member(object_json(account), "imagePullSecrets");
    return is_there(sandbox, pod->ns, references);
}

static bool needs_login(struct sandbox *sandbox, const char *image)
{
    return strncmp(image, "private.", 8) == 0 || strncmp(image, "registry.redhat.io/", 19) == 0 ||
           has_trouble(sandbox, TROUBLE_IMAGE_PRIVATE, image);
}

enum pull image_pull(struct sandbox *sandbox, const struct object *pod, const char *image,
                     char **message)
{
    *message = NULL;
    if (needs_login(sandbox, image) && !has_pull_secret(sandbox, pod)) {
        const char *slash = strchr(image, '/');
        const char *tag = strrchr(image, ':');
        *message = llmd__format(
            "failed to pull and unpack image \"%s\": failed to resolve reference \"%s\": pulling "
            "from host %.*s failed with status code [manifests %s]: 401 Unauthorized",
            image, image, slash ? (int)(slash - image) : (int)strlen(image), image,
            tag ? tag + 1 : "latest");
        return PULL_REFUSED;
    }
    if (exists(sandbox, image) && !has_trouble(sandbox, TROUBLE_IMAGE_MISSING, image))
        return PULL_GOOD;
    *message = llmd__format("failed to pull and unpack image \"%s\": failed to resolve reference "
                            "\"%s\": %s: not found",
                            image, image, image);
    return PULL_NOT_FOUND;
}
