/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests to be applied, in the order that works, and what each of them needs: its namespace and
 * its kind where the set makes them, and every kind for what starts programs. Pure.
 */
#ifndef LLMD_KUBE_MANIFEST_SET_H
#define LLMD_KUBE_MANIFEST_SET_H

#include "kube/discovery.h"

enum manifest_wave {
    WAVE_NAMESPACES,
    WAVE_CRDS,
    WAVE_REST,
    WAVE_PROGRAMS, /* workloads and webhooks: operators look for their kinds when they start */
    WAVE_REPEATED,
    WAVE_END
};

struct manifest {
    char *api_version, *kind, *ns, *name;
    char *subject; /* "Deployment/llm/qwen" */
    char *body;    /* printed once; freed when applied */
    size_t body_len;
    enum manifest_wave wave;
    int line;
    uint64_t hash;            /* of kind, namespace and name */
    struct resource resource; /* set by resolve */
    bool bare;                /* it sets nothing but its name */
    bool resolved;
    const struct manifest *needs_kind, *needs_ns; /* of this set, or NULL; set by link */
    bool begun, finished;
    /* A CRD: what it defines. */
    char *crd_group, *crd_plural, *crd_kind;
    bool crd_namespaced;
    char **crd_versions; /* served ones, NULL-ended */
};

struct manifest_set {
    struct manifest *items; /* by wave; within one as they were written */
    size_t count, cap;
};

/* Takes List kinds apart, checks that each object has apiVersion, kind and name. what begins the
   errors. */
llmd_error *llmd__manifests_read(struct manifest_set *set, const struct json *objects,
                                 const char *what);
/* Finds the resource of each: in the cache, or by a CRD of the set. false: one is missing, see
   llmd__manifests_missing(). */
bool llmd__manifests_resolve(struct manifest_set *set, const llmd_kube *kube);
/* After the namespaces are known, and once the set no longer changes: who needs whom. */
void llmd__manifests_link(struct manifest_set *set);
/* Whether it may be applied now: all that it needs is finished. */
bool llmd__manifest_is_ready(const struct manifest_set *set, const struct manifest *item);
/* The error for the first that could not be resolved. */
llmd_error *llmd__manifests_missing(const struct manifest_set *set);
void llmd__manifests_free(struct manifest_set *set);

#endif
