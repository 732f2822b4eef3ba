/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preset that KServe's controller does not find. It looks for them in a cache of its own, which
 * may be a moment behind: what was written just before a service may be there and unseen. So the
 * API server is asked before anybody is told that it is missing. Pure.
 */
#ifndef LLMD_SERVICE_MISSING_PRESET_H
#define LLMD_SERVICE_MISSING_PRESET_H

#include "findings/scene.h"

/* The controller's words; NULL: it misses none. They live as long as the scene's service. */
const char *llmd__missing_preset(const struct scene *scene);
/* The field selector of what the words name, for a query; NULL: no memory. */
char *llmd__missing_preset_fields(const char *words);
/* Whether a list has it in one of the namespaces that the controller looks into. */
bool llmd__missing_preset_is_there(const char *words, const struct json *list);

#endif
