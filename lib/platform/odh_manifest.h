/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Open Data Hub's KServe needs besides its own release: the CA that signs the certificates of
 * its webhooks and of the model servers. Pure.
 */
#ifndef LLMD_PLATFORM_ODH_MANIFEST_H
#define LLMD_PLATFORM_ODH_MANIFEST_H

#include "base/json.h"

/* Adds to list what is not among the release's own certificates. ns: cert-manager's. */
llmd_error *llmd__odh_manifests(const char *ns, const struct json *certificates, struct json *list);

#endif
