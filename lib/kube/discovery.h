/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server serves, by aggregated discovery (two requests, cached in the handle; asked again
 * when something is not found or after CRDs were applied), with the old form as fall-back.
 */
#ifndef LLMD_KUBE_DISCOVERY_H
#define LLMD_KUBE_DISCOVERY_H

#include "kube/resource.h"
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
/* Adds a step that fills the cache (renew: also when it is filled). */
llmd_error *llmd__discovery_step(struct graph *graph, const llmd_kube *kube, bool renew,
                                 step_id *out);

#endif
