/* SPDX-License-Identifier: Apache-2.0 */
/* GKE's admission of pods. */
#ifndef SANDBOX_WARDEN_H
#define SANDBOX_WARDEN_H

#include "sandbox/sandbox.h"

#define WARDEN_REASON "GKE Warden constraints violations"

/* Why this pod is refused (llmd__ memory), NULL: it is not. */
char *warden_refusal(const struct sandbox *sandbox, const struct json *pod);

#endif
