/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_TASK_EVENT_H
#define LLMD_TASK_EVENT_H

#include "base/json.h"

#include <llmd/task.h>

/* What an event says; read during the call only. NULL text is "". */
struct event_text {
    llmd_level level;
    const char *step, *phase, *subject, *reason, *message, *advice;
    int64_t done, total;
    const struct json *result; /* NULL: none; copied */
};

llmd_error *llmd__event_new(const struct event_text *text, llmd_event **out);
/* Puts the task's result into an event that nobody has seen yet; result is copied. */
llmd_error *llmd__event_set_result(llmd_event *event, const struct json *result);

#endif
