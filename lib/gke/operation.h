/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following an operation of GKE to its end: the inside of steps. Polls that fail never end it; an
 * operation that failed is DONE like any other and is told apart here. Stopping leaves it running
 * at Google.
 */
#ifndef LLMD_GKE_OPERATION_H
#define LLMD_GKE_OPERATION_H

#include "gke/calls.h"

enum operation_end {
    OPERATION_RUNS,
    OPERATION_SUCCEEDED,
    OPERATION_FAILED, /* error and class say why */
    OPERATION_LOST    /* GKE knows it no more: read what it worked on */
};

struct operation {
    const llmd_gke *gke; /* not owned */
    char *name, *subject, *what;
    struct buf path;
    int missing; /* 404 in a row */
    int64_t wake_ms;
    int polls; /* answered ones: the cluster's time, for who looks at other things besides */
    int64_t begin_ms, told_ms;
    char told[32]; /* the status that was told last, and the progress */
    int64_t told_done;
    char *said; /* seen last: "CREATE_CLUSTER operation-1: RUNNING for 60 s"; NULL */
    llmd_error *error;
    enum trouble class;
};

/* subject: of its events; what: the beginning of its errors. Frees what was there before. */
llmd_error *llmd__operation_begin(struct operation *operation, const llmd_gke *gke,
                                  const char *name, const char *subject, const char *what);
/* Asks for it now. */
llmd_error *llmd__operation_ask(struct operation *operation, struct step_action *action);
llmd_error *llmd__operation_advance(struct operation *operation, struct graph *graph,
                                    const struct step_input *input, struct step_action *action,
                                    enum operation_end *end);
/* As advance() for an answer that was parsed already: that of the call that began it. */
llmd_error *llmd__operation_take(struct operation *operation, struct graph *graph,
                                 const struct json *answer, const struct step_input *input,
                                 struct step_action *action, enum operation_end *end);
void llmd__operation_free(struct operation *operation); /* its members */
/* What its counters say, 0 of 0 if nothing. */
void llmd__operation_progress(const struct json *operation, int64_t *done, int64_t *total);

#endif
