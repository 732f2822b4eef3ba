/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities as Kubernetes' own programs write them. KServe's controller writes each preset back
 * when it adds its finalizer, with "8" for 8000m: a second apply of 8000m would then be a conflict
 * with it. Written so from the start, nothing ever changes. Pure.
 */
#ifndef LLMD_PLATFORM_QUANTITY_H
#define LLMD_PLATFORM_QUANTITY_H

#include "base/json.h"

/* Of something that there can be: no sign. */
bool llmd__quantity_is(const char *text);
/* "8000m" -> "8", "1024Mi" -> "1Gi", "0.5" -> "500m"; what is no quantity stays as it is. NULL: no
   memory. */
char *llmd__quantity(const char *text);
/* All limits and requests below this value, numbers too. */
llmd_error *llmd__quantities_settle(struct json *json);

#endif
