/* SPDX-License-Identifier: Apache-2.0 */
/* What GKE would refuse of a cluster. Pure. */
#ifndef LLMD_GKE_CLUSTER_SPEC_CHECK_H
#define LLMD_GKE_CLUSTER_SPEC_CHECK_H

#include "gke/cluster_spec.h"

/* Of values, for the field table. */
llmd_error *llmd__cluster_check_networks(const struct json *value);
llmd_error *llmd__cluster_check_labels(const struct json *value);
/* Of the whole: an llmd_cluster_spec. */
llmd_error *llmd__cluster_check(const void *spec);

#endif
