/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster autoscaler: nodes for pods that wait, fewer where none run. */
#ifndef SANDBOX_GOOGLE_AUTOSCALER_H
#define SANDBOX_GOOGLE_AUTOSCALER_H

#include "sandbox/google/state.h"

void autoscaler_run(struct google *google);

#endif
