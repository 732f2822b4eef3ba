/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request of a step: sent, tried again by net/retry, credentials refreshed once after a 401,
 * its answer kept until the step takes it as inputs. One at a time per step.
 */
#ifndef LLMD_TASK_CALL_H
#define LLMD_TASK_CALL_H

#include "net/lines.h"
#include "task/graph.h"

enum call_state {
    CALL_IDLE, /* no request, or its answer was taken */
    CALL_DUE,  /* to be sent at due_ms */
    CALL_FLYING,
    CALL_ANSWERED /* reply or error is there */
};

struct call {
    enum call_state state;
    bool streaming;
    bool opened; /* a stream's 2xx headers came */
    bool told_open;
    bool refreshed;
    bool lost; /* an earlier try may have been acted on, its answer is not known */
    int tries;
    int class; /* enum retry_class of the answer */
    int64_t due_ms;
    int64_t begun_ms; /* the first try */
    struct group *group;
    struct http *http;
    struct http_request request; /* owned copies */
    struct transfer *transfer;
    struct http_reply reply;
    llmd_error *error;
    size_t cut_lines;
    struct lines lines;
    char last[256]; /* what the last failed try met */
    char last_advice[128];
};

/* Replaces what was there. The request is copied first: it may point into the old reply. */
llmd_error *llmd__call_begin(struct call *call, struct http *http,
                             const struct http_request *request, bool streaming);
/* Sends it if it is due. Errors are the context's (it stays due) or memory; others become the
   answer. *sent: something was done. */
llmd_error *llmd__call_send(llmd_context *ctx, struct call *call, struct group *group,
                            int64_t now_ms, bool *sent);
/* The next input for the step, valid until the call is begun or taken again; *given false: none.
   Errors are the context's or memory. */
llmd_error *llmd__call_take(llmd_context *ctx, struct call *call, int64_t now_ms,
                            struct step_input *input, bool *given);
int64_t llmd__call_due_ms(const struct call *call); /* INT64_MAX: waits for the server */
void llmd__call_stop(struct call *call);            /* and forgets everything */

#endif
