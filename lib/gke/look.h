/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A read of Google as a step of a task: one GET (or a POST that only reads) with all its pages.
 * Whoever asked hears each page, or the refusal, and the step is done: a look that fails is an
 * answer too, which the asker judges.
 */
#ifndef LLMD_GKE_LOOK_H
#define LLMD_GKE_LOOK_H

#include "gke/gke.h"
#include "gke/google_error.h"
#include "task/graph.h"

struct look_answer {
    const struct json *json;   /* NULL: see refusal */
    const llmd_error *refusal; /* begins with `what` */
    enum trouble trouble;      /* of the refusal */
    bool unasked; /* refused, as whoever gives the token is out of reach: it names that URL */
    bool last;    /* no page comes after this one */
    int64_t retry_after_ms; /* of a page: when to look again; -1: it does not say */
};

/* Called from the step's advance(): may tell events and add steps. An error ends the task. */
typedef llmd_error *(*look_fn)(void *data, struct graph *graph, const struct look_answer *answer);

struct look { /* read during the call only */
    enum google_api api;
    const char *what; /* "quotas of europe-west4": the beginning of an error */
    const char *path; /* with its query, without pageToken */
    const char *body; /* NULL: GET */
    bool patient;     /* tried until the deadline, as something hangs on it; else three times */
    look_fn on_answer;
    void *data;
    void (*free_data)(void *data); /* NULL: not the step's. Taken, also on failure */
};

llmd_error *llmd__look_step(struct graph *graph, const llmd_gke *gke, const struct look *look,
                            step_id *out);

#endif
