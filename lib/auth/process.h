/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program without a shell and reads what it prints. */
#ifndef LLMD_AUTH_PROCESS_H
#define LLMD_AUTH_PROCESS_H

#include "base/buf.h"
#include "base/context.h"

struct process {
    const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH */
    const char *const *env;  /* "NAME=value" added to ours; NULL-ended or NULL */
    const char *dir;         /* NULL: ours */
    size_t max_output;       /* 0: 1 MiB */
    int64_t timeout_ms;      /* 0: only the context's */
};

/* Waits for the end; killed when ctx ends, or past timeout_ms (FAILED). A non-zero exit is FAILED
   with the line of its standard error that says why; a missing program is NOT_FOUND. */
llmd_error *llmd__process_run(llmd_context *ctx, const struct process *process, struct buf *out);

#endif
