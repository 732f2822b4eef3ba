/* SPDX-License-Identifier: Apache-2.0 */
/* From a release's documents to the objects that are applied. Pure. */
#ifndef LLMD_PLATFORM_RELEASE_H
#define LLMD_PLATFORM_RELEASE_H

#include "platform/found.h"
#include "platform/spec.h"

/* On all that is ours; its value is component_info.key. */
#define LLMD__PLATFORM_COMPONENT_LABEL "libllmd.dev/component"
#define LLMD__PLATFORM_PULL_SECRET "libllmd-pull"
#define LLMD__PLATFORM_CA "libllmd-ca"

struct release {
    enum component component;
    char *version, *ns;
    const char *controller;           /* its Deployment's name, static; NULL: none */
    const struct profile *profile;    /* NULL: it is the project's own */
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
/* NULL: these documents are the project's own. */
const struct profile *llmd__release_profile(enum component component, const struct json *documents);

static inline void llmd__auto_release(struct release *release)
{
    llmd__release_free(release);
}

#endif
