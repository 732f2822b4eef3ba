/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs that GKE refuses, in finished bodies: an overlay can make what no key of a spec can. Pure.
 */
#ifndef LLMD_GKE_MANIFEST_CHECK_H
#define LLMD_GKE_MANIFEST_CHECK_H

#include "base/json.h"

llmd_error *llmd__manifest_check_pool(const struct json *node_pool);
llmd_error *llmd__manifest_check_cluster(const struct json *cluster);

#endif
