/* SPDX-License-Identifier: Apache-2.0 */
/* What an apply did to an object, told from the server's answer. Pure. */
#ifndef LLMD_KUBE_APPLIED_H
#define LLMD_KUBE_APPLIED_H

#include "base/json.h"

enum applied { APPLIED_CREATED, APPLIED_CONFIGURED, APPLIED_UNCHANGED };

const char *llmd__applied_name(enum applied applied);
/*
 * Without a look beforehand (looked NULL): an object whose resourceVersion is not newer than
 * `baseline`, the store's version before the first apply, was not changed; one that others have
 * written since we last did was not changed by us. With a look, versions and contents are compared
 * (a dry run leaves the version as it was); both then lose their managedFields.
 */
enum applied llmd__applied_judge(int http_status, struct json *answer, const char *baseline,
                                 struct json *looked);

#endif
