/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a platform spec. Unset is not zero: what nobody said is NULL or false. */
#ifndef LLMD_PLATFORM_SPEC_H
#define LLMD_PLATFORM_SPEC_H

#include "base/spec.h"
#include "platform/component.h"

#include <llmd/platform.h>

struct component_spec {
    char *version;          /* of the known bundles; NULL: the newest proven one */
    char *bundle;           /* instead: a file, a folder, or a URL with its sha256 */
    char *sha256;           /* of that URL */
    char *manifests;        /* instead: the YAML text itself */
    char *ns;               /* NULL: as in the release */
    char *install;          /* "auto" (NULL), "always", "never" */
    struct json *resources; /* of its controllers' containers */
    bool controller;        /* leaderWorkerSet: its controller too */
};

struct platform_pull_secret {
    char *registry, *user, *password;
};

struct platform_istio {
    bool enabled;
    char *gateway;       /* the Gateway's name; NULL: inference-gateway */
    char *ns;            /* of the Gateway, where CA and EnvoyFilters go; NULL: KServe's */
    char *version;       /* Istio's: decides which InferencePool versions it knows */
    char *ca;            /* PEM: who signed the model servers' certificates */
    struct json *routes; /* "ns/name" of services whose bodies the picker must see */
    bool sail;           /* the Sail operator runs it */
    bool allow_istiod;   /* a default-deny policy stands in the services' namespaces */
};

struct llmd_platform_spec {
    struct spec head;
    struct component_spec components[COMPONENT_COUNT];
    char *bundles; /* a folder that llmd_platform_fetch() filled: no internet is needed */
    char *ca;      /* PEM: trusted by downloads, and by KServe's model downloads */
    struct platform_pull_secret pull_secret;
    char *image_mirror;         /* takes the place of every image's registry */
    struct json *image_mirrors; /* beginning of an image's name -> what replaces it */
    char *image_pull_policy;
    struct json *digests;        /* image -> "sha256:..." */
    struct json *config;         /* key of inferenceservice-config -> merge patch of its JSON */
    struct json *route_timeouts; /* bool or NULL: false on GKE */
    char *monitors;              /* "gke", "operator"; NULL: none */
    struct platform_istio istio;
    bool adopt, strip_finalizers;
};

extern const struct spec_type llmd__platform_spec_type;

/* A component's own part. */
const struct component_spec *llmd__platform_part(const llmd_platform_spec *spec,
                                                 enum component component);
/* False: "never", or a gateway controller that nobody named. */
bool llmd__platform_wants(const llmd_platform_spec *spec, enum component component);
/* LeaderWorkerSet without its controller, which only services with workers need. */
bool llmd__platform_crds_only(const llmd_platform_spec *spec, enum component component);

DEFINE_AUTO(platform_spec, llmd_platform_spec *, llmd_platform_spec_free)

#endif
