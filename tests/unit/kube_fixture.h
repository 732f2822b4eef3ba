/* SPDX-License-Identifier: Apache-2.0 */
/* A handle whose discovery is known, without a server: for tests of steps. */
#ifndef TESTS_UNIT_KUBE_FIXTURE_H
#define TESTS_UNIT_KUBE_FIXTURE_H

#include "kube/kube.h"

#define FIXTURE_KUBECONFIG                                                                         \
    "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: "   \
    "'http://127.0.0.1:1'}}], contexts: [{name: c, context: {cluster: c, namespace: llm}}]}"

#define FIXTURE_CORE                                                                               \
    "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{},\"versions\":[{\"version\":"  \
    "\"v1\",\"resources\":[{\"resource\":\"pods\",\"responseKind\":{\"kind\":\"Pod\"},\"scope\":"  \
    "\"Namespaced\",\"singularResource\":\"pod\",\"shortNames\":[\"po\"]},{\"resource\":"          \
    "\"namespaces\",\"responseKind\":{\"kind\":\"Namespace\"},\"scope\":\"Cluster\","              \
    "\"singularResource\":\"namespace\",\"shortNames\":[\"ns\"]},{\"resource\":\"configmaps\","    \
    "\"responseKind\":{\"kind\":\"ConfigMap\"},\"scope\":\"Namespaced\",\"singularResource\":"     \
    "\"configmap\",\"shortNames\":[\"cm\"]},{\"resource\":\"events\",\"responseKind\":{\"kind\":"  \
    "\"Event\"},\"scope\":\"Namespaced\",\"singularResource\":\"event\",\"shortNames\":[\"ev\"]}"  \
    "]}]}]}"

#define FIXTURE_GROUPS                                                                             \
    "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{\"name\":\"apps\"},"            \
    "\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"deployments\","              \
    "\"responseKind\":{\"kind\":\"Deployment\"},\"scope\":\"Namespaced\",\"singularResource\":"    \
    "\"deployment\",\"shortNames\":[\"deploy\"]}]}]},{\"metadata\":{\"name\":\"events.k8s.io\"},"  \
    "\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":\"events\",\"responseKind\":"  \
    "{\"kind\":\"Event\"},\"scope\":\"Namespaced\",\"singularResource\":\"event\"}]}]},"           \
    "{\"metadata\":{\"name\":\"apiextensions.k8s.io\"},\"versions\":[{\"version\":\"v1\","         \
    "\"resources\":[{\"resource\":\"customresourcedefinitions\",\"responseKind\":{\"kind\":"       \
    "\"CustomResourceDefinition\"},\"scope\":\"Cluster\",\"singularResource\":"                    \
    "\"customresourcedefinition\",\"shortNames\":[\"crd\",\"crds\"]}]}]},"                         \
    "{\"metadata\":{\"name\":\"serving.kserve.io\"},\"versions\":[{\"version\":\"v1alpha2\","      \
    "\"resources\":[{\"resource\":\"llminferenceservices\",\"responseKind\":{\"kind\":"            \
    "\"LLMInferenceService\"},\"scope\":\"Namespaced\",\"singularResource\":"                      \
    "\"llminferenceservice\",\"shortNames\":[\"llmisvc\"]}]},{\"version\":\"v1alpha1\","           \
    "\"resources\":[{\"resource\":\"llminferenceservices\",\"responseKind\":{\"kind\":"            \
    "\"LLMInferenceService\"},\"scope\":\"Namespaced\",\"singularResource\":"                      \
    "\"llminferenceservice\",\"shortNames\":[\"llmisvc\"]}]}]}]}"

static inline struct step_input fixture_reply(int status, const char *text, int64_t now_ms)
{
    static const struct http_reply no_reply = {.retry_after_ms = -1};

    return (struct step_input){.kind = INPUT_REPLY,
                               .status = status,
                               .text = text,
                               .text_len = strlen(text),
                               .reply = &no_reply,
                               .now_ms = now_ms};
}

static inline llmd_error *fixture_discover(const llmd_kube *kube, struct discovery_walk *walk)
{
    const struct step_input replies[] = {fixture_reply(200, FIXTURE_CORE, 0),
                                         fixture_reply(200, FIXTURE_GROUPS, 0)};
    struct step_action action = {0};
    bool done = false;

    TRY(llmd__discovery_begin(walk));
    for (int i = 0; i < 2; i++)
        TRY(llmd__discovery_advance(walk, kube, &replies[i], &action, &done));
    return done ? NULL : llmd__error(LLMD_E_FAILED, "the walk wants more");
}

static inline llmd_error *fixture_kube(llmd_kube **out)
{
    struct discovery_walk walk = {0};
    llmd_error *error = llmd_kube_open_text(FIXTURE_KUBECONFIG, NULL, out);

    if (!error)
        error = fixture_discover(*out, &walk);
    llmd__discovery_walk_free(&walk);
    if (!error)
        return NULL;
    llmd_kube_free(*out);
    *out = NULL;
    return error;
}

#endif
