/* SPDX-License-Identifier: Apache-2.0 */
#include "support/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sandbox_process *start(const char *profile)
{
    struct sandbox_process *sandbox =
        sandbox_process_start((const char *const[]){"--profile", profile, NULL});

    assert_non_null(sandbox);
    return sandbox;
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

void expect_words(const llmd_event *event)
{
    const char *message = llmd_event_message(event);

    if (!*message || !strcmp(message, "done"))
        fail_msg("%s %s %s says nothing", llmd_event_step(event), llmd_event_subject(event),
                 llmd_event_reason(event));
}

void note(void *data, const llmd_event *event)
{
    struct log *log = data;
    struct seen *seen = &log->items[log->count < MAX_SEEN - 1 ? log->count++ : MAX_SEEN - 1];

    expect_words(event);
    seen->level = llmd_event_level(event);
    copy(seen->step, sizeof(seen->step), llmd_event_step(event));
    copy(seen->phase, sizeof(seen->phase), llmd_event_phase(event));
    copy(seen->subject, sizeof(seen->subject), llmd_event_subject(event));
    copy(seen->reason, sizeof(seen->reason), llmd_event_reason(event));
    copy(seen->message, sizeof(seen->message), llmd_event_message(event));
    copy(seen->advice, sizeof(seen->advice), llmd_event_advice(event));
    free(log->result);
    log->result = strdup(llmd_event_json(event));
}

const struct seen *find(const struct log *log, const char *subject, const char *reason)
{
    for (size_t i = 0; i < log->count; i++)
        if (strstr(log->items[i].subject, subject) && !strcmp(log->items[i].reason, reason))
            return &log->items[i];
    return NULL;
}

void print(const struct log *log)
{
    for (size_t i = 0; i < log->count; i++)
        print_message("  %d %s %s %s %s: %s\n", log->items[i].level, log->items[i].step,
                      log->items[i].phase, log->items[i].subject, log->items[i].reason,
                      log->items[i].message);
}

void clear(struct log *log)
{
    free(log->result);
    memset(log, 0, sizeof(*log));
}

llmd_error *run(llmd_error *made, llmd_task *task, int timeout_ms, struct log *log)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_error *error = made;

    llmd_context_set_timeout_ms(ctx, timeout_ms);
    if (!error)
        error = llmd_task_run(ctx, task, note, log);
    llmd_task_free(task);
    return error;
}
