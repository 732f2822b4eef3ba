/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects of a release LLMInferenceService needs. Pure. */
#ifndef LLMD_PLATFORM_FILTER_H
#define LLMD_PLATFORM_FILTER_H

#include "base/json.h"
#include "platform/component.h"

/* profile: the release's; NULL: it is the project's own. */
bool llmd__filter_keeps(enum component component, bool crds_only, const struct profile *profile,
                        const struct json *object);

#endif
