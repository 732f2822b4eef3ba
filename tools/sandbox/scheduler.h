/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_SCHEDULER_H
#define SANDBOX_SCHEDULER_H

#include "sandbox/sandbox.h"

/* The node that takes this pod, or NULL and *why in the scheduler's words (llmd__ memory). */
struct object *schedule(struct sandbox *sandbox, const struct object *pod, char **why);
/* "100m", "2", "512Mi" in thousandths; -1: not a quantity. */
int64_t quantity_milli(const char *text);

/* Would an empty node take the pod, with these others on it? If not, *why says it (may be NULL). */
bool scheduler_would_fit(const struct json *pod, const struct json *node,
                         const struct json *const *others, int count, const char **why);

#endif
