/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a graph: its steps, and the one thing that task_next() does with them. */
#ifndef LLMD_TASK_WORK_H
#define LLMD_TASK_WORK_H

#include "task/call.h"
#include "task/outage.h"

enum step_progress { STEP_WAITING, STEP_RUNNING, STEP_DONE };

struct step {
    const struct step_class *class;
    void *state;
    step_id id;
    bool background; /* counted as done from the beginning */
    enum step_progress progress;
    int unmet; /* needs that are not done */
    step_id *dependents;
    int dependent_count;
    bool poked;
    int64_t wake_ms; /* 0: none */
    struct call call;
};

struct queued_event {
    llmd_event *event;
    struct queued_event *next;
};

struct graph {
    void *data;
    void (*free_data)(void *);
    struct step **steps; /* pointers: advance() may add steps */
    int count, cap;
    int turn; /* whose turn it is: nobody starves */
    int done_count;
    struct step *current; /* in advance() */
    bool spoke;           /* the current advance() queued an event */
    bool ended;
    struct queued_event *events, *last;
    char told[256]; /* "subject: message" of the last event */
    struct outage outage;
    /* Borrowed from the place of the first call, so that its connections are warm; set once, by
       whoever works on the task, read by another thread that wakes it. */
    struct group *group;
    struct http *place; /* a reference: it goes back there; NULL: it is our own */
    struct json *result;
    llmd_error *error; /* what ended the task, repeated */
};

/* Gives inputs to steps and sends what they ask for, until there is an event, the end, or nothing
   left to do but wait. Errors are the context's or memory; what ends the task is in graph->error.
 */
llmd_error *llmd__graph_work(llmd_context *ctx, struct graph *graph);
/* Sees to it that the graph has a group; http NULL: any. */
llmd_error *llmd__graph_borrow(struct graph *graph, struct http *http);
/* When a step or a retry wants to be called, monotonic ms; INT64_MAX: never. */
int64_t llmd__graph_due_ms(const struct graph *graph);
/* Nothing flies and nothing is due: the steps wait for each other. */
bool llmd__graph_stuck(const struct graph *graph);
llmd_event *llmd__graph_pop(struct graph *graph); /* NULL: none */
llmd_error *llmd__graph_finish(struct graph *graph, const struct step *step);
/* "step wait: GET https://..., last try: ...": what the task waits for. */
void llmd__graph_describe(const struct graph *graph, struct buf *text);
/* What to do about the call that the deadline caught, or the step; or "". */
const char *llmd__graph_advice(const struct graph *graph);

#endif
