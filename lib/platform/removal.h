/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of one delete share: what carries our label, found by a list of each kind, and
 * what of others would go with it.
 */
#ifndef LLMD_PLATFORM_REMOVAL_H
#define LLMD_PLATFORM_REMOVAL_H

#include "platform/kinds.h"
#include "platform/platform_run.h"

struct removal {
    struct platform_run *run;
    struct json *waves[REMOVE_WAVES]; /* [{"resource", "ns", "name", "subject", "why"}]; why is of
                                         the second survey: why it is there still */
    struct json *foreign;             /* subjects of what others made of our CRDs */
    struct json *kept;                /* namespaces that hold what is not ours: name -> subject */
    struct json *left;                /* for the result: [{"subject", "why"}] */
    struct json *removed;             /* subjects, for the result */
    struct json *finalizers;          /* what controllers of ours hold: [{"resource", "ns", "name",
                                         "subject", "rest", "component"}] */
    unsigned controllers;             /* COMPONENT_BITs: there, to take their finalizers off */
    const struct operands *operands;  /* an operator's of ours; NULL: none was found */
    bool proving;                     /* the second survey */
    step_id listed, surveyed;
};

/* Adds steps that fill it anew; *done is done when they are. */
llmd_error *llmd__removal_survey(struct graph *graph, struct removal *removal, step_id after,
                                 step_id *done);
/* Lets an operator of ours take away what it made, and then make nothing any more: between these.
 */
llmd_error *llmd__operands_retire(struct graph *graph, struct removal *removal, step_id before,
                                  step_id after);
/* "Secret/kserve/x, Issuer/kserve/y and 3 more" */
void llmd__removal_list(struct buf *text, const struct json *subjects);

#endif
