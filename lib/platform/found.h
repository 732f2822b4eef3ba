/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster has already: filled by whoever looks (apply, status), read by llmd__plan_make().
 * Pure.
 */
#ifndef LLMD_PLATFORM_FOUND_H
#define LLMD_PLATFORM_FOUND_H

#include "platform/component.h"

enum installer {
    INSTALLER_NONE, /* not there */
    INSTALLER_US,   /* carries our label */
    INSTALLER_GKE,  /* managed by the cluster's provider: never touched */
    INSTALLER_HELM, /* a release of helm */
    INSTALLER_OTHER /* kubectl, kustomize, an operator */
};

struct found_component {
    enum installer installer;
    char *version; /* "0.20.0"; NULL: not known */
    char *ns;      /* where its controller runs; NULL: none found */
    char *by;      /* for people: "helm release cert-manager", "kube-addon-manager"; NULL */
};

struct platform_found {
    bool gke;
    struct found_component components[COMPONENT_COUNT];
    /* Each CRD that is there: {"leaderworkersets.leaderworkerset.x-k8s.io":
       {"installer": "helm", "by": "...", "versions": ["v1"]}}; versions are the served ones. */
    struct json *crds;
};

const char *llmd__installer_name(enum installer installer); /* "helm", "libllmd" */
enum installer llmd__installer_find(const char *name);      /* INSTALLER_NONE: unknown */

/*
 * Who installed an object, by its metadata alone: our label, helm's annotations and label, an
 * addon manager's label or field manager. *by is for people, NULL where nothing more is known.
 */
enum installer llmd__installer_of(const struct json *object, char **by);
/* Adds a CRD to found->crds. */
llmd_error *llmd__found_add_crd(struct platform_found *found, const struct json *crd);
void llmd__found_free(struct platform_found *found);

static inline void llmd__auto_found(struct platform_found *found)
{
    llmd__found_free(found);
}

#endif
