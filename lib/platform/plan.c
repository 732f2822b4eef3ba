/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with each component: installed, used as others installed it, or left out. */
#include "platform/plan.h"

#include "platform/known_bundles.h"

#include <string.h>

void llmd__plan_free(struct platform_plan *plan)
{
    for (int i = 0; i < COMPONENT_COUNT; i++)
        llmd__free(plan->parts[i].why);
    *plan = (struct platform_plan){0};
}

static llmd_error *decide(struct plan_part *part, enum plan_action action, const char *why)
{
    part->action = action;
    part->why = why ? llmd__strdup(why) : NULL;
    return why && !part->why ? NO_MEMORY : NULL;
}

static bool is_said(const char *word, const char *text)
{
    return text && !strcmp(text, word);
}

/* "helm release kserve/kserve", "GKE", "others". */
static const char *others(const struct found_component *found)
{
    return found->by ? found->by : found->installer == INSTALLER_GKE ? "GKE" : "others";
}

/* It is there by somebody else's hand, and is to stay in it. */
static bool is_foreign(const llmd_platform_spec *spec, const struct component_spec *said,
                       const struct found_component *found)
{
    if (found->installer == INSTALLER_NONE || found->installer == INSTALLER_US)
        return false;
    /* Never touched, whatever is said: the provider's addon manager writes its own back. */
    return found->installer == INSTALLER_GKE || (!spec->adopt && !is_said("always", said->install));
}

/* A version that was asked for by name is not another one. */
static llmd_error *check_version(enum component component, const struct component_spec *said,
                                 const struct found_component *found)
{
    const char *title = llmd__component(component)->title;

    if (!said->version || !found->version ||
        llmd__version_compare(said->version, found->version) == 0)
        return NULL;
    if (found->installer == INSTALLER_GKE)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_CONFLICT, "%s %s is wanted, and %s manages %s here", title,
                        said->version, others(found), found->version),
            "leave out %s.version: what the provider manages is used as it is",
            llmd__component(component)->key);
    return llmd__error_set_advice(
        llmd__error(LLMD_E_CONFLICT, "%s %s is wanted, and %s of %s is here", title, said->version,
                    found->version, others(found)),
        "adopt: true takes it over and brings the wanted version; or leave out %s.version",
        llmd__component(component)->key);
}

static llmd_error *use(struct plan_part *part, enum component component,
                       const struct component_spec *said, const struct found_component *found)
{
    AUTO(str)
    char *why = llmd__format("%s%s%s of %s is used", llmd__component(component)->title,
                             found->version ? " " : "", found->version ? found->version : "",
                             others(found));

    CHECK_MEMORY(why);
    TRY(check_version(component, said, found));
    return decide(part, PLAN_USE, why);
}

static llmd_error *plan_part(const llmd_platform_spec *spec, const struct platform_found *found,
                             enum component component, struct plan_part *part)
{
    const struct component_spec *said = llmd__platform_part(spec, component);
    const struct found_component *here = &found->components[component];

    if (!llmd__platform_wants(spec, component))
        return decide(part, PLAN_SKIP,
                      said->install ? "the spec says install: never" : "nobody asked for one");
    /* P13, P17: they come with Gateway API, and ours would stand in their way. */
    if (component == COMPONENT_GATEWAY_API && found->gke && here->installer == INSTALLER_NONE)
        return decide(part, PLAN_SKIP,
                      "GKE brings it: switch Gateway API on for the cluster "
                      "(cluster apply with enableMissing)");
    if (is_foreign(spec, said, here))
        return use(part, component, said, here);
    if (here->unchanged)
        return decide(part, PLAN_KEEP, "is as it was applied");
    return decide(part, PLAN_INSTALL, NULL);
}

/* Its CRD is there for KServe's controller, which looks for it when it starts (P34, P121). Where
   others installed KServe, or nobody wants it, only who names it gets it. */
static bool is_for_kserve_alone(const llmd_platform_spec *spec, const struct platform_found *found)
{
    const struct component_spec *said = llmd__platform_part(spec, COMPONENT_LWS);

    return found->components[COMPONENT_LWS].installer == INSTALLER_NONE && !said->version &&
           !said->bundle && !said->manifests && !said->install && !said->controller;
}

/* KServe makes pools of v1, which Istio's controller knows from 1.27 on (P79). */
static llmd_error *check_istio(const llmd_platform_spec *spec, const struct platform_found *found)
{
    if (!spec->istio.enabled || !found->istio_version ||
        llmd__version_compare(found->istio_version, "1.27") >= 0)
        return NULL;
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_CONFLICT,
                                           "platform: Istio %s is here, and does not know "
                                           "InferencePool v1, which KServe makes",
                                           found->istio_version),
                               "IstioTooOld"),
        "bring Istio to 1.27 or newer (OpenShift Service Mesh 3.2)");
}

static llmd_error *drop_lws(const llmd_platform_spec *spec, const struct platform_found *found,
                            struct platform_plan *plan)
{
    enum plan_action kserve = plan->parts[COMPONENT_KSERVE].action;
    struct plan_part *part = &plan->parts[COMPONENT_LWS];

    if ((kserve != PLAN_USE && kserve != PLAN_SKIP) || !is_for_kserve_alone(spec, found))
        return NULL;
    llmd__free(TAKE(part->why));
    return decide(part, PLAN_SKIP,
                  "only services with workers need it, and KServe is not installed "
                  "here: name it in the spec to have it");
}

llmd_error *llmd__plan_make(const llmd_platform_spec *spec, const struct platform_found *found,
                            struct platform_plan *out)
{
    *out = (struct platform_plan){0};
    TRY(check_istio(spec, found));
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        llmd_error *error = plan_part(spec, found, (enum component)i, &out->parts[i]);

        if (!error)
            continue;
        llmd__plan_free(out);
        return error;
    }
    return drop_lws(spec, found, out);
}
