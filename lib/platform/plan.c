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
    if (is_foreign(spec, said, here))
        return use(part, component, said, here);
    return decide(part, PLAN_INSTALL, NULL);
}

llmd_error *llmd__plan_make(const llmd_platform_spec *spec, const struct platform_found *found,
                            struct platform_plan *out)
{
    *out = (struct platform_plan){0};
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        llmd_error *error = plan_part(spec, found, (enum component)i, &out->parts[i]);

        if (!error)
            continue;
        llmd__plan_free(out);
        return error;
    }
    return NULL;
}
