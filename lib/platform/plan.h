/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a spec and what a cluster has to what is to be done with each component. Pure.
 *
 *     look ──> found ──> plan: install | keep | use | skip ──> bundle's documents ──> release:
 * phases
 */
#ifndef LLMD_PLATFORM_PLAN_H
#define LLMD_PLATFORM_PLAN_H

#include "platform/found.h"
#include "platform/spec.h"

enum plan_action {
    PLAN_INSTALL, /* complete, repair, upgrade, adopt: the same apply */
    PLAN_KEEP,    /* ours, and as this very spec left it: neither read nor written */
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

static inline void llmd__auto_plan(struct platform_plan *plan)
{
    llmd__plan_free(plan);
}

#endif
