/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster has already: filled by whoever looks (apply, status), read by llmd__plan_make().
 * Pure.
 */
#ifndef LLMD_PLATFORM_FOUND_H
#define LLMD_PLATFORM_FOUND_H

#include "platform/component.h"

enum installer {
    INSTALLER_NONE,      /* not there */
    INSTALLER_US,        /* carries our label */
    INSTALLER_GKE,       /* managed by the cluster's provider: never touched */
    INSTALLER_HELM,      /* a release of helm */
    INSTALLER_KUSTOMIZE, /* built by it, or by a controller of Flux that does */
    INSTALLER_OTHER,     /* kubectl, Argo CD, an operator: found.by names it */
    INSTALLER_UNKNOWN    /* nothing says who */
};

struct found_component {
    enum installer installer;
    char *version;                 /* "0.20.0"; NULL: not known */
    const char *controller;        /* the Deployment\'s name, static; NULL: none found */
    const struct profile *profile; /* NULL: it is the project's own */
    char *ns;                      /* where its controller runs; NULL: none found */
    char *by;       /* for people: "helm release cert-manager", "kube-addon-manager"; NULL */
    char *record;   /* of our last apply; NULL: none. See applied_record.c */
    bool unchanged; /* ours, and as this spec's apply left it */
};

struct platform_found {
    bool gke;
    char *istio_version;    /* of its controller; NULL: not looked for, none, or it says none */
    struct json *no_routes; /* those of spec.istio.routes that are not there; NULL: none */
    struct found_component components[COMPONENT_COUNT];
    /* Each CRD that is there: {"leaderworkersets.leaderworkerset.x-k8s.io":
       {"installer": "helm", "by": "...", "versions": ["v1"]}}; versions are served ones, as far as
       anybody asked. */
    struct json *crds;
};

const char *llmd__installer_name(enum installer installer); /* "helm", "libllmd" */
enum installer llmd__installer_find(const char *name);      /* INSTALLER_NONE: unknown */

/*
 * Who installed an object, by its metadata alone: our label, the labels and annotations of helm,
 * kustomize, Flux, Argo CD and OLM, an addon manager's label or field manager, or else the first
 * field manager. *by is for people, NULL where nothing more is known.
 */
enum installer llmd__installer_of(const struct json *object, char **by);
/* Adds a CRD to found->crds; its metadata is enough. */
llmd_error *llmd__found_add_crd(struct platform_found *found, const struct json *crd);
/* Of a CRD that is there, a version is served; of any other it says nothing. */
llmd_error *llmd__found_add_version(struct platform_found *found, const char *crd,
                                    const char *version);
/* CONFLICT "HalfInstalled": another's installation that lacks this Deployment, because it broke off
   or was half removed. */
llmd_error *llmd__half_installed(const struct platform_found *found, enum component component,
                                 const char *deployment);
void llmd__found_free(struct platform_found *found);

static inline void llmd__auto_found(struct platform_found *found)
{
    llmd__found_free(found);
}

#endif
