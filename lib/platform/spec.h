/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a platform spec. Unset is not zero: what nobody said is NULL or "". */
#ifndef LLMD_PLATFORM_SPEC_H
#define LLMD_PLATFORM_SPEC_H

#include "base/spec.h"
#include "platform/component.h"

typedef struct llmd_platform_spec llmd_platform_spec;

struct component_spec {
    char *version; /* of the known bundles; NULL: the newest proven one */
    char *bundle;  /* instead: a file, a folder, or a URL with its sha256 */
    char *sha256;
    char *manifests;        /* instead: the YAML text itself */
    char *ns;               /* NULL: as in the release */
    char *install;          /* "auto" (NULL), "always", "never" */
    struct json *resources; /* of its controller */
    bool controller;        /* leaderWorkerSet: its controller too */
};

struct platform_pull_secret {
    char *registry, *user, *password;
};

struct platform_istio {
    bool enabled;
    char *ns;              /* of istiod and the gateway: istio-system by default */
    struct json *services; /* routes whose bodies the picker must see: "ns/name" */
};

struct llmd_platform_spec {
    struct spec head;
    struct component_spec components[COMPONENT_COUNT];
    struct platform_pull_secret pull_secret;
    struct platform_istio istio;
    char *bundles;              /* a folder of llmd_platform_fetch(): no internet is needed */
    char *ca;                   /* PEM: trusted by downloads, and given to KServe */
    char *image_mirror;         /* replaces the registry of every image */
    struct json *image_mirrors; /* prefix of an image's name -> what replaces it; longest first */
    char *image_pull_policy;
    struct json *digests;        /* image -> "sha256:..." */
    struct json *config;         /* key of inferenceservice-config -> merge patch of its JSON */
    struct json *route_timeouts; /* bool or NULL: false, because GKE refuses them (P39) */
    char *monitors;              /* "gke", "operator": PodMonitoring, PodMonitor; NULL: none */
    bool adopt;
    bool strip_finalizers;
};

extern const struct spec_type llmd__platform_spec_type;

#endif
