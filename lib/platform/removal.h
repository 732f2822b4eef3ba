/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of one delete share: what carries our label, found by a list of each kind, and
 * what of others would go with it.
 */
#ifndef LLMD_PLATFORM_REMOVAL_H
#define LLMD_PLATFORM_REMOVAL_H

#include "platform/platform_run.h"

/* In the order that ends. Webhooks go first, or they refuse the rest (0.20 keeps its presets); the
   controller takes its finalizer off the presets, so it goes after them; CRDs only when nobody
   needs them any more. */
enum removal_wave {
    REMOVE_WEBHOOKS,
    REMOVE_PRESETS,
    REMOVE_CERTIFICATES,
    REMOVE_CONTROLLERS,
    REMOVE_REST,
    REMOVE_CRDS,
    REMOVE_NAMESPACES,
    REMOVE_WAVES
};

struct removal {
    struct platform_run *run;
    struct json *waves[REMOVE_WAVES]; /* [{"resource", "ns", "name", "subject"}] */
    struct json *foreign;             /* subjects of what others made of our CRDs */
    struct json *kept;                /* namespaces that hold what is not ours: name -> subject */
    struct json *removed;             /* subjects, for the result */
    struct json *finalizers;          /* presets held by KServe's finalizers: [{"path", "rest"}] */
    bool controller;                  /* KServe's is there to take its finalizers off */
    bool proving;                     /* the second survey */
    step_id listed, surveyed;
};

/* Adds steps that fill it anew; *done is done when they are. */
llmd_error *llmd__removal_survey(struct graph *graph, struct removal *removal, step_id after,
                                 step_id *done);
/* "Secret/kserve/x, Issuer/kserve/y and 3 more" */
void llmd__removal_list(struct buf *text, const struct json *subjects);

#endif
