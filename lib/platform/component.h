/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that a platform is made of, and what is known of each for good. The order of the enum
 * is a good order of installing one after the other; what really depends on what is in `needs`:
 *
 *     Gateway API CRDs --+
 *     LWS CRD -----------+--> KServe's controller      (it decides its watches at start, P121)
 *     cert-manager ------+--> KServe's certificate
 *     Gateway API CRDs -----> gateway controller
 */
#ifndef LLMD_PLATFORM_COMPONENT_H
#define LLMD_PLATFORM_COMPONENT_H

#include "base/json.h"

enum component {
    COMPONENT_GATEWAY_API, /* the standard CRDs */
    COMPONENT_CERT_MANAGER,
    COMPONENT_LWS,    /* LeaderWorkerSet: its CRD, and its controller where that is wanted */
    COMPONENT_KSERVE, /* llmisvc: CRDs of pools too, controller, webhooks, presets */
    COMPONENT_GATEWAY_CONTROLLER, /* a gateway controller that knows InferencePools, not on GKE */
    COMPONENT_COUNT
};

/* What is applied together, and then waited for. The objects of a phase go side by side. */
enum phase {
    PHASE_NAMESPACES,
    PHASE_CRDS,         /* wait: Established; conversion webhooks get their caBundle later */
    PHASE_CONFIG,       /* accounts, roles, ConfigMaps, Secrets, Services: no wait */
    PHASE_CERTIFICATES, /* Issuers, Certificates; needs cert-manager's webhook to answer. wait: the
                           Secret of each Certificate (spec.secretName) */
    PHASE_CONTROLLERS,  /* Deployments, DaemonSets; wait: available, endpoints of the webhooks'
                           Services; before that all CRDs of what is needed are Established */
    PHASE_WEBHOOKS,     /* wait: caBundle in each, and in PHASE_CRDS' conversion webhooks */
    PHASE_PRESETS,      /* custom resources that the webhooks judge; webhook-class errors: again */
    PHASE_COUNT
};

/* What an operator makes of a resource: the component's own controllers, under their own names. */
struct operands {
    const char *resource, *object;  /* of what it makes them: the kind, and its name */
    const char *ns;                 /* where */
    const char *const *deployments; /* NULL-ended */
    const char *manager;            /* the field manager by which what it made is known */
    const char *labels;             /* a selector that all of it matches */
    const char *finalizers;         /* how those begin by which it holds the resource */
};

/* A release of a component whose parts have other names and ways than the project's own. */
struct profile {
    const char *controller;          /* the Deployment by which its bundle is known */
    const char *variable;            /* one that a namesake's container has not */
    const char *value;               /* of that; NULL: any, and it is the component's version */
    const struct operands *operands; /* NULL: it is no operator */
};

struct component_info {
    const char *key;        /* in the spec and in bundles: "certManager" */
    const char *title;      /* for people: "cert-manager" */
    unsigned needs;         /* bits of components that are there before its controllers start */
    const char *controller; /* the Deployment whose image tag is the version; NULL: none */
    const char *webhook;    /* the Deployment whose webhook must answer before custom resources are
                               written; NULL: none */
    const char *crd;        /* one that tells that it is there */
    const struct profile *profile; /* another way to have it; NULL: none */
};

#define COMPONENT_BIT(component) (1u << (component))

const struct component_info *llmd__component(enum component component);
/* Whether a Deployment is a profile's: upstream's KServe has one of the same name that knows
   nothing of LLMInferenceServices. profile may be NULL. */
bool llmd__is_of_profile(const struct profile *profile, const struct json *deployment);
/* The value of the variable by which it is known; "": it has none. */
const char *llmd__profile_value(const struct profile *profile, const struct json *deployment);
/* By its key; COMPONENT_COUNT: none. */
enum component llmd__component_find(const char *key);
const char *llmd__phase_name(enum phase phase); /* "crds", the event's phase */
/* Where an object belongs, by its kind. */
enum phase llmd__phase_of(const struct json *object);

#endif
