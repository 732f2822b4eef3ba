/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change of a cluster or a pool, from its request to the end of its operation: the inside of
 * steps. GKE takes no request ids, so that a request whose answer was lost is never repeated here:
 * the owner reads what is there and decides (P112). An operation in the way is waited for (P107).
 */
#ifndef LLMD_GKE_CHANGE_H
#define LLMD_GKE_CHANGE_H

#include "gke/operation.h"

/* In this order: what is behind DONE did not do what was wanted. */
enum change_end {
    CHANGE_RUNS,
    CHANGE_DONE,    /* or there was nothing left to delete */
    CHANGE_FAILED,  /* its operation did */
    CHANGE_REFUSED, /* nothing happened */
    CHANGE_UNKNOWN  /* perhaps it happened: look */
};

enum change_phase { CHANGE_SENT, CHANGE_PAUSED, CHANGE_HELD_UP, CHANGE_FOLLOWED };

struct change {
    const llmd_gke *gke; /* not owned */
    enum change_phase phase;
    char *method, *path, *body; /* body NULL: none */
    char *subject, *what;
    bool patient; /* a service was just enabled: refusals for that pass */
    bool at_once; /* what is in the way is not waited for, and nothing is sent twice */
    int tries;    /* refused and sent again */
    int64_t wake_ms;
    struct operation operation; /* its own, or the one in the way */
    llmd_error *error;          /* FAILED, REFUSED, UNKNOWN */
    enum trouble class;
};

struct change_wish {
    const char *method, *path;
    const struct json *body; /* NULL: none */
    const char *subject, *what;
    bool patient, at_once;
};

/* Sends it. Frees what was there before. */
llmd_error *llmd__change_begin(struct change *change, const llmd_gke *gke,
                               const struct change_wish *wish, struct step_action *action);
/* Follows an operation that another process began, as if it were ours. */
llmd_error *llmd__change_resume(struct change *change, const llmd_gke *gke,
                                const struct json *operation, const char *subject, const char *what,
                                struct step_action *action);
llmd_error *llmd__change_advance(struct change *change, struct graph *graph,
                                 const struct step_input *input, struct step_action *action,
                                 enum change_end *end);
void llmd__change_free(struct change *change); /* its members */

#endif
