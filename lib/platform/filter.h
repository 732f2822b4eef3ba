/* SPDX-License-Identifier: Apache-2.0 */
/* Which objects of a release LLMInferenceService needs. Pure. */
#ifndef LLMD_PLATFORM_FILTER_H
#define LLMD_PLATFORM_FILTER_H

#include "base/json.h"
#include "platform/component.h"

/* odh: KServe's release is Open Data Hub's. */
bool llmd__filter_keeps(enum component component, bool crds_only, bool odh,
                        const struct json *object);

#endif
