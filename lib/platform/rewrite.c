/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/rewrite.h"

#include "platform/release.h"

#include <stdlib.h>
#include <string.h>

/* KServe's controller makes RSA keys of 4096 bits on its way: with the release's 100m of a CPU a
   reconcile takes 20 s instead of 2 (measured with 0.20.0). A limit, no request. */
#define CONTROLLER_CPU "2"

/* The release has it asked for the first time after 30 s whether it is ready. It is within two, and
   all the rest of an installation takes 15 to 25 s (tests/bench/bench_platform.sh). */
#define CONTROLLER_FIRST_ASKED_S 2

static bool is_kind(const struct json *object, const char *kind)
{
    return !strcmp(llmd__json_str(object, "kind"), kind);
}

/* ---- programs ---- */

/* Of a pod or an account. The Secret of the spec's login is made in the namespace; what is there
   stays. */
static llmd_error *add_pull_secret(const struct rewrite *rewrite, struct json *puller)
{
    const struct json *named = llmd__json_member(puller, "imagePullSecrets");
    AUTO(json) struct json *list = NULL;

    if (!rewrite->spec->pull_secret.registry)
        return NULL;
    TRY(llmd__json_make(&list, "[{'name': %s}]", LLMD__PLATFORM_PULL_SECRET));
    JSON_EACH(item, named) {
        struct json *copy = NULL;

        if (!strcmp(llmd__json_str(item, "name"), LLMD__PLATFORM_PULL_SECRET))
            continue;
        TRY(llmd__json_copy(item, &copy));
        llmd__json_add(list, copy);
    }
    llmd__json_set(puller, "imagePullSecrets", TAKE(list));
    return NULL;
}

/* "100m" is less than a CPU. */
static bool is_throttled(const struct json *container)
{
    const char *cpu = llmd__json_str(container, "resources.limits.cpu");
    char *unit = NULL;
    long number = strtol(cpu, &unit, 10);

    return *cpu && *unit == 'm' && number < 1000;
}

static llmd_error *merge_resources(struct json *container, const struct json *said)
{
    AUTO(json) struct json *merged = llmd__json_detach(container, "resources");

    if (!merged)
        merged = llmd__json_object();
    CHECK_MEMORY(merged);
    TRY(llmd__json_merge(&merged, said));
    llmd__json_set(container, "resources", TAKE(merged));
    return NULL;
}

static llmd_error *set_resources(const struct rewrite *rewrite, struct json *container)
{
    const struct json *said = llmd__platform_part(rewrite->spec, rewrite->component)->resources;

    if (rewrite->component == COMPONENT_KSERVE && is_throttled(container))
        llmd__json_set_str(llmd__json_edit(container, "resources.limits"), "cpu", CONTROLLER_CPU);
    return said ? merge_resources(container, said) : NULL;
}

static void ask_early(const struct rewrite *rewrite, struct json *container)
{
    struct json *probe = llmd__json_edit(container, "readinessProbe");
    const char *key = "initialDelaySeconds";

    if (rewrite->component == COMPONENT_KSERVE &&
        llmd__json_int(probe, key, 0) > CONTROLLER_FIRST_ASKED_S)
        llmd__json_set_int(probe, key, CONTROLLER_FIRST_ASKED_S);
}

/* Of Deployments and their like: pull secret, resources and the first probe. */
static llmd_error *rewrite_program(const struct rewrite *rewrite, struct json *object)
{
    struct json *pod = llmd__json_edit(object, "spec.template.spec");

    if (llmd__phase_of(object) != PHASE_CONTROLLERS || !pod)
        return NULL;
    TRY(add_pull_secret(rewrite, pod));
    JSON_EACH(container, llmd__json_member(pod, "containers")) {
        struct json *mine = (struct json *)(uintptr_t)container;

        ask_early(rewrite, mine);
        TRY(set_resources(rewrite, mine));
    }
    return llmd__json_check(object);
}

/* Pods that an operator makes pull with what their account names: it keeps that. */
static llmd_error *rewrite_account(const struct rewrite *rewrite, struct json *object)
{
    const struct profile *profile = rewrite->profile;

    if (!profile || !profile->operands || !is_kind(object, "ServiceAccount") ||
        strcmp(llmd__json_str(object, "metadata.namespace"), profile->operands->ns) != 0)
        return NULL;
    return add_pull_secret(rewrite, object);
}

/* ---- presets ---- */

/* GKE's gateway refuses a route with timeouts (GWCER104, P39). Elsewhere they stay: "0s" switches
   off the gateway's own limit, which would end long answers. */
static llmd_error *rewrite_preset(const struct rewrite *rewrite, struct json *object)
{
    if (!is_kind(object, "LLMInferenceServiceConfig") ||
        llmd__json_bool(rewrite->spec->route_timeouts, NULL, !rewrite->gke))
        return NULL;
    JSON_EACH(rule, llmd__json_get(object, "spec.router.route.http.spec.rules")) {
        llmd__json_remove((struct json *)(uintptr_t)rule, "timeouts");
    }
    return NULL;
}

/* ---- policies ---- */

static void set_default(struct json *object, const char *key, const char *text)
{
    if (llmd__json_member(object, key))
        return;
    if (text)
        llmd__json_set_str(object, key, text);
    else
        llmd__json_set_object(object, key);
}

/* Said in full, as the server completes it. matchConstraints is atomic: left to the server, each
   apply would write it anew, and the next one moves the object, because the entry of its status
   controller is of the same second and changes place with ours (seen with Kubernetes 1.34). */
static llmd_error *complete_policy(struct json *object)
{
    static const char *const lists[] = {"resourceRules", "excludeResourceRules"};
    struct json *constraints = llmd__json_edit(object, "spec.matchConstraints");

    if (!is_kind(object, "ValidatingAdmissionPolicy") || !constraints)
        return NULL;
    set_default(constraints, "matchPolicy", "Equivalent");
    set_default(constraints, "namespaceSelector", NULL);
    set_default(constraints, "objectSelector", NULL);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        JSON_EACH(rule, llmd__json_member(constraints, lists[i]))
            set_default((struct json *)(uintptr_t)rule, "scope", "*");
    return llmd__json_check(object);
}

/* ---- labels ---- */

static void add_labels(const struct rewrite *rewrite, struct json *metadata)
{
    struct json *labels = llmd__json_edit(metadata, "labels");

    if (llmd__json_type(labels) != JSON_OBJECT)
        labels = llmd__json_set_object(metadata, "labels");
    llmd__json_remove(labels, "helm.sh/chart"); /* would claim that a helm release owns it */
    llmd__json_set_str(labels, "app.kubernetes.io/managed-by", "libllmd");
    llmd__json_set_str(labels, LLMD__PLATFORM_COMPONENT_LABEL,
                       llmd__component(rewrite->component)->key);
}

/* cert-manager hands them on to the Secret, which outlives its Certificate. */
static void label_secret(const struct rewrite *rewrite, struct json *certificate)
{
    struct json *spec = llmd__json_edit(certificate, "spec");
    struct json *template = llmd__json_edit(spec, "secretTemplate");

    if (!spec)
        return;
    add_labels(rewrite, template ? template : llmd__json_set_object(spec, "secretTemplate"));
}

llmd_error *llmd__rewrite_labels(const struct rewrite *rewrite, struct json *object)
{
    struct json *metadata = llmd__json_edit(object, "metadata");

    add_labels(rewrite, metadata);
    if (is_kind(object, "Certificate"))
        label_secret(rewrite, object);
    llmd__json_remove(metadata, "creationTimestamp");
    llmd__json_remove(object, "status");
    return llmd__json_check(object);
}

/* A CRD's schema is large, and holds words that look like values. */
llmd_error *llmd__rewrite(const struct rewrite *rewrite, struct json *object)
{
    TRY(llmd__rewrite_namespace(rewrite, object));
    if (!is_kind(object, "CustomResourceDefinition") && !is_kind(object, "ConfigMap"))
        TRY(llmd__rewrite_images(rewrite, object));
    TRY(rewrite_program(rewrite, object));
    TRY(rewrite_account(rewrite, object));
    TRY(llmd__rewrite_config(rewrite, object));
    TRY(rewrite_preset(rewrite, object));
    TRY(complete_policy(object));
    return llmd__rewrite_labels(rewrite, object);
}
