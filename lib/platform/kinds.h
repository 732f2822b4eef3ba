/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that releases have, in which all that is ours is found by its label. */
#ifndef LLMD_PLATFORM_KINDS_H
#define LLMD_PLATFORM_KINDS_H

#include "kube/resource.h"
#include "platform/component.h"

#include <llmd/kube.h>

/* In the order that ends. Webhooks go first, or they refuse the rest (0.20 keeps its presets); the
   controller takes its finalizer off the presets, so it goes after them; CRDs only when nobody
   needs them any more. */
enum removal_wave {
    REMOVE_WEBHOOKS,
    REMOVE_PRESETS,
    REMOVE_CERTIFICATES,
    REMOVE_CONTROLLERS,
    REMOVE_REST,
    REMOVE_CRDS,
    REMOVE_OPERATED, /* of operators: goes with its CRD; alone, one that still ends makes it again
                      */
    REMOVE_NAMESPACES,
    REMOVE_WAVES
};

struct platform_kind {
    const char *resource; /* "deployments.apps"; NULL ends the table */
    enum removal_wave wave;
};

extern const struct platform_kind llmd__platform_kinds[];

/* The path of a list of a kind, from the discovery's cache: of a namespace (NULL: all), with these
   labels (NULL: any). *out is NULL: it is not served. */
llmd_error *llmd__kind_list_path(const llmd_kube *kube, const char *resource, const char *ns,
                                 const char *labels, struct resource *found, char **out);

#endif
