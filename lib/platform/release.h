/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a spec and what a cluster has to what is to be done, and from a release's documents to the
 * objects that are applied. Pure.
 *
 *     look ──> found ──> plan: install | use | skip ──> bundle's documents ──> release: phases
 */
#ifndef LLMD_PLATFORM_RELEASE_H
#define LLMD_PLATFORM_RELEASE_H

#include "platform/found.h"
#include "platform/spec.h"

#define LLMD__PLATFORM_COMPONENT_LABEL                                                             \
    "libllmd.dev/component" /* its value is component_info.key                                     \
                             */
#define LLMD__PLATFORM_PULL_SECRET "libllmd-pull"
#define LLMD__PLATFORM_CA "libllmd-ca"

enum plan_action {
    PLAN_INSTALL, /* complete, repair, upgrade, adopt: the same apply */
    PLAN_USE,     /* another's installation serves what is needed */
    PLAN_SKIP     /* not wanted, or not needed here */
};

struct plan_part {
    enum plan_action action;
    char *why; /* for people: "GKE brings it", "helm release cert-manager is used" */
};

struct platform_plan {
    struct plan_part parts[COMPONENT_COUNT];
};

/* INVALID or CONFLICT where the spec asks for what the cluster cannot have: an installation by
   others that is too old and not to be adopted. */
llmd_error *llmd__plan_make(const llmd_platform_spec *spec, const struct platform_found *found,
                            struct platform_plan *out);
void llmd__plan_free(struct platform_plan *plan);

struct release {
    enum component component;
    char *version, *ns;
    struct json *phases[PHASE_COUNT]; /* arrays of objects, never NULL; labelled as ours */
    /* Documents left alone: [{"subject", "by", "why"}]: CRDs of GKE and of others. */
    struct json *left;
};

/*
 * The objects of one component: filtered to what LLMInferenceService needs, in the spec's
 * namespace, with its images, pull policy, pull secret, resources and configuration, and with our
 * labels. documents is taken. found NULL: an empty cluster.
 */
llmd_error *llmd__release_make(const llmd_platform_spec *spec, enum component component,
                               const struct platform_found *found, struct json *documents,
                               struct release *out);
void llmd__release_free(struct release *release);

static inline void llmd__auto_plan(struct platform_plan *plan)
{
    llmd__plan_free(plan);
}

static inline void llmd__auto_release(struct release *release)
{
    llmd__release_free(release);
}

#endif
