/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known of a spec's bundles before anybody is asked: versions that nobody knows, paths
 * that are not there, and files or texts without a digest that are no whole release.
 */
#ifndef LLMD_PLATFORM_BUNDLE_CHECK_H
#define LLMD_PLATFORM_BUNDLE_CHECK_H

#include "platform/bundle.h"

/* Refuses versions and paths at once; the step reads what has no digest, and sends nothing. read:
   NULL, or where the documents go, by component; the caller frees them after the graph's end. */
llmd_error *llmd__bundles_check_step(struct graph *graph, const llmd_platform_spec *spec,
                                     struct json **read, step_id *out);

#endif
