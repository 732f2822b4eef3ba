/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what is ours stands as it was applied, without its bundle: see applied_record.c. */
#ifndef LLMD_PLATFORM_APPLIED_RECORD_H
#define LLMD_PLATFORM_APPLIED_RECORD_H

#include "platform/platform_run.h"

#define LLMD__PLATFORM_RECORD "libllmd.dev/applied" /* an annotation of component_info.crd */

/* Adds steps that fill found.components[].unchanged after a look. */
llmd_error *llmd__records_look(struct graph *graph, struct platform_run *run, step_id after,
                               step_id *done);
/* Before anything of a part is written, whose bundle is chosen: notes its input, and adds a step
   that takes a record away which another apply left; *out is -1: there is none. */
llmd_error *llmd__record_clear(struct graph *graph, struct platform_run *run,
                               enum component component, step_id *out);
/* Adds steps that record what was released in this run, after a look behind all of it. */
llmd_error *llmd__records_write(struct graph *graph, struct platform_run *run, step_id after,
                                step_id *done);

#endif
