/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/needed_objects.h"

#include "kube/object.h"

#include <string.h>

#define CRD "CustomResourceDefinition"
#define MUTATING "MutatingWebhookConfiguration"
#define VALIDATING "ValidatingWebhookConfiguration"
#define PRESET "LLMInferenceServiceConfig"
#define FEW 4 /* are named; who lacks more sees from these what is wrong */

/* Of releases where an operator makes the component, or of those where none does. */
enum whose { EVERY, OWN, OPERATED };

struct needed {
    enum component component;
    const char *kind;
    const char *name; /* NULL: any; "*end": one that ends so */
    enum whose whose;
};

/*
 * What is in every release that is known, by KServe's from 0.16 to 0.20 and Open Data Hub's (whose
 * presets may have their version in front), cert-manager's 1.16 and 1.17, and Red Hat's operator of
 * it, and Gateway API's from 1.2 on. KServe has a mutating webhook since 0.19 only.
 */
static const struct needed needed[] = {
    {COMPONENT_GATEWAY_API, CRD, "gatewayclasses.gateway.networking.k8s.io"},
    {COMPONENT_GATEWAY_API, CRD, "gateways.gateway.networking.k8s.io"},
    {COMPONENT_GATEWAY_API, CRD, "httproutes.gateway.networking.k8s.io"},
    {COMPONENT_CERT_MANAGER, CRD, "certificaterequests.cert-manager.io"},
    {COMPONENT_CERT_MANAGER, CRD, "certificates.cert-manager.io"},
    {COMPONENT_CERT_MANAGER, CRD, "clusterissuers.cert-manager.io"},
    {COMPONENT_CERT_MANAGER, CRD, "issuers.cert-manager.io"},
    {COMPONENT_CERT_MANAGER, "Deployment", "cert-manager", OWN},
    {COMPONENT_CERT_MANAGER, "Deployment", "cert-manager-cainjector", OWN},
    {COMPONENT_CERT_MANAGER, "Deployment", "cert-manager-webhook", OWN},
    {COMPONENT_CERT_MANAGER, MUTATING, "cert-manager-webhook", OWN},
    {COMPONENT_CERT_MANAGER, VALIDATING, "cert-manager-webhook", OWN},
    {COMPONENT_CERT_MANAGER, CRD, "certmanagers.operator.openshift.io", OPERATED},
    {COMPONENT_LWS, CRD, "leaderworkersets.leaderworkerset.x-k8s.io"},
    {COMPONENT_LWS, "Deployment", "lws-controller-manager"},
    {COMPONENT_LWS, MUTATING, NULL},
    {COMPONENT_LWS, VALIDATING, NULL},
    {COMPONENT_KSERVE, CRD, "llminferenceserviceconfigs.serving.kserve.io"},
    {COMPONENT_KSERVE, CRD, "llminferenceservices.serving.kserve.io"},
    {COMPONENT_KSERVE, "ConfigMap", "inferenceservice-config"},
    {COMPONENT_KSERVE, "Deployment", "llmisvc-controller-manager"},
    {COMPONENT_KSERVE, VALIDATING, "llminferenceservice.serving.kserve.io"},
    {COMPONENT_KSERVE, VALIDATING, "llminferenceserviceconfig.serving.kserve.io"},
    {COMPONENT_KSERVE, PRESET, "*kserve-config-llm-router-route"},
    {COMPONENT_KSERVE, PRESET, "*kserve-config-llm-template"},
    {COMPONENT_GATEWAY_CONTROLLER, "Deployment", NULL},
};

/* Without it an object is a head that was cut from its body. */
static const struct {
    const char *kind, *path;
} bodies[] = {
    {CRD, "spec.versions"},   {"Deployment", "spec.template.spec.containers"},
    {"ConfigMap", "data"},    {MUTATING, "webhooks"},
    {VALIDATING, "webhooks"}, {PRESET, "spec"},
};

static bool has_body(const struct json *object)
{
    const char *kind = llmd__json_str(object, "kind");

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (!strcmp(kind, bodies[i].kind))
            return llmd__json_count(llmd__json_get(object, bodies[i].path)) > 0;
    return true;
}

static bool is_named(const struct needed *row, const struct json *object)
{
    const char *name = llmd__object_name(object), *wanted = row->name;
    size_t len = strlen(name), end = wanted ? strlen(wanted) - (*wanted == '*') : 0;

    if (!wanted || !strcmp(name, wanted))
        return true;
    if (*wanted == '*')
        return len >= end && !strcmp(name + len - end, wanted + 1);
    return llmd__component(row->component)->controller &&
           !strcmp(wanted, llmd__component(row->component)->controller) &&
           llmd__is_of_profile(llmd__component(row->component)->profile, object);
}

static bool has_operator(const struct profile *profile, const struct json *documents)
{
    JSON_EACH(object, documents) {
        if (llmd__is_of_profile(profile, object) ||
            has_operator(profile, llmd__json_member(object, "items")))
            return true;
    }
    return false;
}

static enum whose whose(enum component component, const struct json *documents)
{
    const struct profile *profile = llmd__component(component)->profile;

    return profile && profile->operands && has_operator(profile, documents) ? OPERATED : OWN;
}

/* Lists hold objects too. */
static bool holds(const struct json *documents, const struct needed *row)
{
    JSON_EACH(object, documents) {
        if (!strcmp(llmd__json_str(object, "kind"), row->kind) && is_named(row, object) &&
            has_body(object))
            return true;
        if (holds(llmd__json_member(object, "items"), row))
            return true;
    }
    return false;
}

static void add_missing(const struct needed *row, size_t count, struct buf *out)
{
    const char *name = row->name ? row->name + (*row->name == '*') : "";

    if (count <= FEW)
        llmd__buf_format(out, "%s%s%s%s", count > 1 ? ", " : "", row->kind, *name ? " " : "", name);
}

/* How many are missing. */
static size_t list_missing(enum component component, bool crds_only, const struct json *documents,
                           struct buf *out)
{
    enum whose is = whose(component, documents);
    size_t count = 0;

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        const struct needed *row = &needed[i];

        if (row->component != component || (row->whose != EVERY && row->whose != is) ||
            (crds_only && strcmp(row->kind, CRD) != 0) || holds(documents, row))
            continue;
        add_missing(row, ++count, out);
    }
    if (count > FEW)
        llmd__buf_format(out, " and %zu more", count - FEW);
    return count;
}

llmd_error *llmd__needed_check(enum component component, bool crds_only,
                               const struct json *documents, const struct origin *origin)
{
    const struct component_info *info = llmd__component(component);
    AUTO(buf) struct buf missing = BUF_INIT;

    if (!list_missing(component, crds_only, documents, &missing))
        return NULL;
    /* Not every whole file ends with a newline. */
    if (origin->cut_line)
        llmd__buf_format(&missing, "; its last line %zu has no end, so it may have been cut",
                         origin->cut_line);
    TRY(llmd__buf_check(&missing));
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_INVALID,
                                           "%s: is not a whole release of %s: it lacks %s",
                                           origin->place, info->title, llmd__buf_text(&missing)),
                               "BundleIncomplete"),
        "fetch it again, or, where the release has several files%s, name the folder that holds "
        "them all as %s.bundle",
        component == COMPONENT_KSERVE ? " (kserve.yaml and kserve-cluster-resources.yaml)" : "",
        info->key);
}
