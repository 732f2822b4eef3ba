/* SPDX-License-Identifier: Apache-2.0 */
/* What GKE's Gateway controller makes in Compute Engine. */
#ifndef SANDBOX_GOOGLE_LOADBALANCER_H
#define SANDBOX_GOOGLE_LOADBALANCER_H

#include "sandbox/google/state.h"

/* Follows the Gateways of all clusters; what a deleted cluster leaves behind stays. */
void loadbalancer_sync(struct google *google);

#endif
