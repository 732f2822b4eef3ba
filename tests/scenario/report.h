/* SPDX-License-Identifier: Apache-2.0 */
/* How the scenario programs speak: a JSON line for each event, and a last one for an error. */
#ifndef LLMD_TESTS_SCENARIO_REPORT_H
#define LLMD_TESTS_SCENARIO_REPORT_H

#include <llmd/llmd.h>

/* Runs and frees the task that a call made, or hands on the call's error. */
llmd_error *report_run(llmd_context *ctx, llmd_error *made, llmd_task *task);
/* Prints and frees it; the exit status that says so. */
int report_failure(llmd_error *error);

#endif
