/* SPDX-License-Identifier: Apache-2.0 */
/* What a task told, kept for the assertions of a scenario. */
#ifndef TESTS_SUPPORT_EVENTS_H
#define TESTS_SUPPORT_EVENTS_H

#include "support/errors.h"
#include "support/sandbox.h"

#include <llmd/llmd.h>
#include <stddef.h>

#define MAX_SEEN 256

struct seen {
    llmd_level level;
    char step[16], phase[16], subject[160], reason[64], message[256], advice[256];
};

struct log {
    struct seen items[MAX_SEEN];
    size_t count;
    char *result; /* JSON of the last event */
};

/* A sandbox of this profile. */
struct sandbox_process *start(const char *profile);
/* Fails the test on an event that says nothing: whoever watches reads words, not codes. */
void expect_words(const llmd_event *event);
void note(void *log, const llmd_event *event); /* an llmd_event_fn */
/* The first event about such a subject (a part of it) with this reason, or NULL. */
const struct seen *find(const struct log *log, const char *subject, const char *reason);
void print(const struct log *log);
void clear(struct log *log);
/* Runs the task that was just made, and frees it. */
llmd_error *run(llmd_error *made, llmd_task *task, int timeout_ms, struct log *log);

#endif
