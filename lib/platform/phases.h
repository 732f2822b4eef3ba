/* SPDX-License-Identifier: Apache-2.0 */
/* What each phase needs before it begins, and what is waited for after it. */
#ifndef LLMD_PLATFORM_PHASES_H
#define LLMD_PLATFORM_PHASES_H

#include "platform/platform_run.h"

/* Steps of one phase: they begin after `first` and end before the gate. */
struct span {
    struct graph *graph;
    struct platform_run *run;
    enum component component;
    enum phase phase;
    step_id after; /* what was applied; -1: nothing was */
};

/* Lets the step need all that must be done before anything of this phase begins. */
llmd_error *llmd__phase_needs(struct graph *graph, const struct platform_run *run,
                              enum component component, enum phase phase, step_id step);
/* Adds the waits for what the phase stands for, between what was applied and its gate. */
llmd_error *llmd__phase_waits(const struct span *span, const struct json *objects);
/* The same for another's installation. CONFLICT: it is only half there. */
llmd_error *llmd__used_waits(const struct span *span);

#endif
