/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Google's API clients ask of credentials besides the Authorization header, which comes from
 * llmd__credentials_auth() like any other and also fits the Kubernetes API of a GKE cluster.
 */
#ifndef LLMD_AUTH_GOOGLE_H
#define LLMD_AUTH_GOOGLE_H

#include <llmd/credentials.h>

/*
 * The project for the header x-goog-user-project, or "": send none. It is the explicit one of the
 * environment or the file; for credentials of a person without one, `otherwise` (NULL: none), since
 * Cloud Quotas, Billing and Resource Manager refuse them without (403 "requires a quota project").
 * The person needs serviceusage.services.use on it.
 */
const char *llmd__credentials_quota_project(const llmd_credentials *credentials,
                                            const char *otherwise);
/* "googleapis.com", or another universe's domain: hosts are SERVICE.UNIVERSE. */
const char *llmd__credentials_universe(const llmd_credentials *credentials);

#endif
