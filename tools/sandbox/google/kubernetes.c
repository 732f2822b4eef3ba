/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/google/kubernetes.h"

#include "sandbox/google/tokens.h"
#include "sandbox/profile.h"
#include "sandbox/verbs.h"

#include <string.h>

static bool token_good(void *tokens, const char *token)
{
    return tokens_good(tokens, token);
}

struct sandbox *kubernetes_start(struct google *google, bool gateway_api)
{
    struct options options = google->sandbox->options;
    options.profile = PROFILE_GKE;
    options.managed = true;
    options.gateway_api = gateway_api;
    options.port = 0;
    options.model_port = 0;
    options.tls = true;
    options.google = false;
    options.token = NULL;
    options.token_good = token_good;
    options.token_data = google->tokens;
    return sandbox_start(&options);
}

void kubernetes_add_classes(struct sandbox *kube)
{
    sandbox_lock(kube);
    profile_add_classes(kube);
    sandbox_unlock(kube);
}

void kubernetes_add_gateway_api(struct sandbox *kube)
{
    sandbox_lock(kube);
    profile_add_gateway_api(kube);
    sandbox_unlock(kube);
}

void kubernetes_add_node(struct sandbox *kube, struct json *node)
{
    sandbox_lock(kube);
    sandbox_create(kube, "", "nodes", node);
    sandbox_unlock(kube);
}

void kubernetes_set_allocatable(struct sandbox *kube, const char *name, const struct json *list)
{
    sandbox_lock(kube);
    struct object *node = store_get(&kube->store, "", "nodes", "", name);
    if (node) {
        struct json *json = store_edit(node);
        llmd__json_set(llmd__json_edit(json, "status"), "allocatable", must_copy(list));
        llmd__json_set(llmd__json_edit(json, "status"), "capacity", must_copy(list));
        store_commit(&kube->store, node, json);
    }
    sandbox_unlock(kube);
}

/* Pods go with their machine; their controllers make new ones. */
static void remove_pods(struct sandbox *kube, const char *node)
{
    struct kind *pods = kinds_find(kube->store.kinds, "", "pods");
    for (struct object *pod = pods->objects; pod;) {
        struct object *next = pod->next;
        if (strcmp(object_str(pod, "spec.nodeName"), node) == 0)
            store_remove(&kube->store, pod);
        pod = next;
    }
}

void kubernetes_remove_node(struct sandbox *kube, const char *name)
{
    sandbox_lock(kube);
    struct object *node = store_get(&kube->store, "", "nodes", "", name);
    if (node) {
        remove_pods(kube, name);
        store_remove(&kube->store, node);
    }
    sandbox_unlock(kube);
}
