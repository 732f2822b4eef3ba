/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Red Hat's operator of cert-manager needs besides its own release: the resource that it makes
 * cert-manager of, the namespace where it does, and the one object of OpenShift that it looks at.
 * Pure.
 */
#ifndef LLMD_PLATFORM_REDHAT_MANIFEST_H
#define LLMD_PLATFORM_REDHAT_MANIFEST_H

#include "base/json.h"
#include "platform/component.h"

/* Adds to list what is not among the release's objects. */
llmd_error *llmd__redhat_manifests(struct json *const phases[PHASE_COUNT], struct json *list);

/* state: "Managed"; "Removed" takes the Deployments and the finalizers away; "Unmanaged": whatever
   is there is left alone. */
llmd_error *llmd__redhat_resource(const char *state, struct json **out);

#endif
