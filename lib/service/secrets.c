/* SPDX-License-Identifier: Apache-2.0 */
#include "service/secrets.h"
#include "service/kserve.h"

#include "base/base64.h"
#include "kube/docker_config.h"

#include <string.h>

#define TOKEN_SUFFIX "-hf-token"
#define PULL_SUFFIX "-pull"
#define TOKEN_KEY "HF_TOKEN"

llmd_error *llmd__service_metadata(const char *ns, const char *name, const char *service,
                                   struct json **out)
{
    return llmd__json_make(out, "{'name': %s, 'namespace': %s, 'labels': {%s: 'libllmd', %s: %s}}",
                           name, ns, LLMD__KSERVE_MANAGED_BY, LLMD__KSERVE_SERVICE_LABEL, service);
}

/* The name follows from the service's, so that the next apply finds and changes it. */
static llmd_error *secret(const llmd_service_spec *spec, const char *ns, const char *suffix,
                          const char *type, const char *key, const char *base64, struct json **out)
{
    AUTO(str) char *name = llmd__format("%s%s", spec->name, suffix);
    AUTO(json) struct json *metadata = NULL;

    CHECK_MEMORY(name);
    TRY(llmd__service_metadata(ns, name, spec->name, &metadata));
    return llmd__json_make(
        out, "{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': %j, 'type': %s, 'data': {%s: %s}}",
        metadata, type, key, base64);
}

/* masked: for review, where a manifest may end up in a ticket. */
static llmd_error *add_secret(const llmd_service_spec *spec, const char *ns, const char *suffix,
                              const char *type, const char *key, const char *value, bool masked,
                              struct json *list)
{
    AUTO(buf) struct buf base64 = BUF_SECRET;
    struct json *object = NULL;

    if (masked)
        llmd__buf_str(&base64, "***");
    else
        llmd__base64_encode(value, strlen(value), false, &base64);
    TRY(llmd__buf_check(&base64));
    TRY(secret(spec, ns, suffix, type, key, llmd__buf_text(&base64), &object));
    llmd__json_add(list, object);
    return NULL;
}

/* No token, no Secret: an empty one would hide that of the namespace. */
llmd_error *llmd__secrets_manifests(const llmd_service_spec *spec, const char *ns, bool masked,
                                    struct json *list)
{
    AUTO(buf) struct buf config = BUF_SECRET;

    if (spec->hf_token && spec->hf_token[0])
        TRY(add_secret(spec, ns, TOKEN_SUFFIX, "Opaque", TOKEN_KEY, spec->hf_token, masked, list));
    if (!spec->pull_secret.registry)
        return NULL;
    TRY(llmd__docker_config(spec->pull_secret.registry, spec->pull_secret.user,
                            spec->pull_secret.password, &config));
    return add_secret(spec, ns, PULL_SUFFIX, LLMD__DOCKER_CONFIG_TYPE, LLMD__DOCKER_CONFIG_KEY,
                      llmd__buf_text(&config), masked, list);
}

/* By reference: the token stands in no pod, and a new one needs no new pod template. */
llmd_error *llmd__secret_token_env(const llmd_service_spec *spec, struct json **out)
{
    AUTO(str) char *name = NULL;

    if (!spec->hf_token || !spec->hf_token[0])
        return NULL;
    name = llmd__format("%s%s", spec->name, TOKEN_SUFFIX);
    CHECK_MEMORY(name);
    return llmd__json_make(out,
                           "{'name': %s, 'valueFrom': {'secretKeyRef': {'name': %s, 'key': %s}}}",
                           TOKEN_KEY, name, TOKEN_KEY);
}

/* Beside those of the ServiceAccount, which Kubernetes adds only to pods that name none: who needs
   both puts them into one Secret. */
llmd_error *llmd__secret_pull_refs(const llmd_service_spec *spec, struct json **out)
{
    AUTO(str) char *name = NULL;

    if (!spec->pull_secret.registry)
        return NULL;
    name = llmd__format("%s%s", spec->name, PULL_SUFFIX);
    CHECK_MEMORY(name);
    return llmd__json_make(out, "[{'name': %s}]", name);
}
