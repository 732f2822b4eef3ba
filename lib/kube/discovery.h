/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server serves, by aggregated discovery (two requests, cached in the handle; asked again
 * when something is not found or after CRDs were applied), with the old form as fall-back.
 */
#ifndef LLMD_KUBE_DISCOVERY_H
#define LLMD_KUBE_DISCOVERY_H

#include "kube/resource.h"
#include "kube/served.h"
#include "task/graph.h"

#include <llmd/kube.h>

/* Blocking: asks the server when the cache does not know it. The strings belong to the kube handle
   for as long as it lives. NOT_FOUND (reason "ResourceNotServed") names the nearest resources. */
llmd_error *llmd__discovery_find(llmd_context *ctx, const llmd_kube *kube, const char *resource,
                                 struct resource *out);
/* From the cache alone, for steps that need the discovery step; false: not served. */
bool llmd__discovery_lookup(const llmd_kube *kube, const char *resource, struct resource *out);
bool llmd__discovery_lookup_kind(const llmd_kube *kube, const char *api_version, const char *kind,
                                 struct resource *out);
/* The error of a name that the cache does not know. */
llmd_error *llmd__discovery_missing(const llmd_kube *kube, const char *resource);
/* Adds a step that fills the cache (renew: also when it is filled). */
llmd_error *llmd__discovery_step(struct graph *graph, const llmd_kube *kube, bool renew,
                                 step_id *out);

/* The cache, one a handle. */
struct discovery;
llmd_error *llmd__discovery_new(struct discovery **out);
void llmd__discovery_free(struct discovery *discovery);
bool llmd__discovery_filled(const llmd_kube *kube);

/*
 * Reading discovery inside another step, pure: begin, then give every input to advance, which asks
 * for requests through the action, until *done; the cache is then filled.
 */
struct discovery_walk {
    struct served served;
    struct served_paths paths;
    size_t next; /* of paths: what is asked for now */
    bool running;
};
llmd_error *llmd__discovery_begin(struct discovery_walk *walk);
llmd_error *llmd__discovery_advance(struct discovery_walk *walk, const llmd_kube *kube,
                                    const struct step_input *input, struct step_action *action,
                                    bool *done);
void llmd__discovery_walk_free(struct discovery_walk *walk);

/*
 * Finding one resource inside another step: from the cache, else by a walk. It begins as zeros;
 * every input goes in until *finished (*served false: the server was asked and has it not).
 */
struct resolve {
    struct discovery_walk walk;
    bool renew; /* ask the server first, once */
};
llmd_error *llmd__resolve_advance(struct resolve *resolve, const llmd_kube *kube, const char *name,
                                  const struct step_input *input, struct step_action *action,
                                  bool *finished, bool *served, struct resource *out);
void llmd__resolve_free(struct resolve *resolve);

#endif
