/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task is a graph of pure steps. A step gets an input and answers with an action; only the graph
 * does I/O, so a table of inputs is a complete test of a step. Steps whose needs are met run side
 * by side on the caller's thread; running again resumes, because each step looks before it acts.
 */
#ifndef LLMD_TASK_GRAPH_H
#define LLMD_TASK_GRAPH_H

#include "net/http.h"
#include "net/group.h"
#include "task/event.h"

struct graph;

enum input_kind {
    INPUT_BEGIN, /* the step's needs are met */
    INPUT_REPLY, /* whole answer to ACTION_SEND, any status; or the
                    refusal of an ACTION_STREAM (status not 2xx) */
    INPUT_OPEN,  /* ACTION_STREAM was answered 2xx */
    INPUT_LINE,  /* one line of a stream */
    INPUT_END,   /* the stream ended, cleanly or cut (error set) */
    INPUT_ERROR, /* transport error after the graph's own retries */
    INPUT_TICK,  /* the time asked for by `wake_ms` has come */
    INPUT_POKE   /* another step called llmd__graph_poke() */
};

struct step_input {
    enum input_kind kind;
    int status;       /* REPLY, OPEN */
    bool lost;        /* REPLY: an earlier try may have been acted on, its answer is not known */
    const char *text; /* REPLY: body; LINE: the line; NUL-ended */
    size_t text_len;
    const struct http_reply *reply; /* REPLY: all of it */
    const llmd_error *error;        /* ERROR, END */
    int64_t now_ms;                 /* monotonic */
};

enum action_kind {
    ACTION_NONE,   /* go on waiting (a stream) */
    ACTION_SEND,   /* send `request`, then INPUT_REPLY or INPUT_ERROR */
    ACTION_STREAM, /* send `request`, then OPEN, LINE..., END */
    ACTION_SLEEP,  /* stops its stream; INPUT_TICK at wake_ms */
    ACTION_DONE,   /* this step is done; those that need it begin */
    ACTION_FINISH, /* the whole task is done, other steps are stopped */
    ACTION_FAIL    /* the whole task fails with `error` */
};

/* Filled by advance(). Strings in request are copied by the graph right after advance() returns;
   the step frees its own in its next advance() or in free(). */
struct step_action {
    enum action_kind kind;
    struct http *http;           /* SEND, STREAM */
    struct http_request request; /* SEND, STREAM; idempotent ones are retried */
    size_t cut_lines;            /* STREAM: longer lines lose their end; 0: at 16 MiB it fails */
    int64_t wake_ms;             /* monotonic; 0: none. With NONE, STREAM and SEND too. Every
                                    answer sets it anew: a step that still waits says so again */
    llmd_error *error;           /* FAIL: handed over */
};

struct step_class {
    const char *name; /* the event's "step" */
    /* An error returned is as ACTION_FAIL. */
    llmd_error *(*advance)(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action);
    void (*free)(void *state); /* may be NULL */
    /* May be NULL: what it waits for and what it saw last, "Ready of pods llm/qwen, which ...".
       Only what was said so is told when a deadline comes; nothing: others are worth more. */
    void (*describe)(const void *state, const struct graph *graph, struct buf *text);
    /* May be NULL: what to do then, or ""; unless the call that was caught says more. */
    const char *(*advise)(const void *state, const struct graph *graph);
    bool brief; /* it repeats its calls by itself, a few times, whatever the deadline */
};

typedef int step_id; /* negative: none */

/* data is freed by free_data with the task: what steps share. Both may be NULL. */
llmd_error *llmd__graph_new(void *data, void (*free_data)(void *), struct graph **out);
void llmd__graph_free(struct graph *graph); /* only while no task owns it */
void *llmd__graph_data(const struct graph *graph);
/* Takes state (also on failure). May be called from advance(). */
llmd_error *llmd__graph_add(struct graph *graph, const struct step_class *class, void *state,
                            step_id *out);
/* A step that does nothing: it is done when all that it needs is, and others can need it. */
llmd_error *llmd__graph_add_barrier(struct graph *graph, step_id *out);
llmd_error *llmd__graph_need(struct graph *graph, step_id step, step_id needed);
/* As add; but the task does not wait for the end of this one. */
llmd_error *llmd__graph_add_background(struct graph *graph, const struct step_class *class,
                                       void *state, step_id *out);
/* From advance(): the step that it is; negative: none is (a test). */
step_id llmd__graph_current(const struct graph *graph);
/* The state of the next step of this class behind *at, which begins at -1; NULL: none. */
void *llmd__graph_find(const struct graph *graph, const struct step_class *class, step_id *at);
/* Called from advance(): queues an event. step NULL: the current step's class name. */
llmd_error *llmd__graph_event(struct graph *graph, const struct event_text *text);
/* "subject: message" of the last one, for describe; "": none. Long ones are cut. */
const char *llmd__graph_told(const struct graph *graph);
/* No events but the steps' own: without it, a server that is away is told as a warning. */
void llmd__graph_own_events_only(struct graph *graph);
/* From advance(): wakes a step that has begun. */
void llmd__graph_poke(struct graph *graph, step_id step);
void llmd__graph_result(struct graph *graph, struct json *result); /* takes it; the last event's */
/* The task takes the graph. */
llmd_error *llmd__task_new(struct graph *graph, llmd_task **out);

DEFINE_AUTO(graph, struct graph *, llmd__graph_free)

#endif
