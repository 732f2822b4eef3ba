/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting one thing of GKE, a cluster or a node pool, to be as wanted: the inside of steps. It is
 * looked at first and after everything that was done, by a direct GET (a list may be partial,
 * P114). What others began is followed, what is missing is made, what a failed create of ours left
 * is deleted and made again (P109), what differs is changed.
 */
#ifndef LLMD_GKE_MAKING_H
#define LLMD_GKE_MAKING_H

#include "gke/change.h"

struct making;

/* All of it by the owner; data is making->data. */
struct making_class {
    const char *create_type;  /* "CREATE_CLUSTER" */
    bool error_is_scrap;      /* ERROR: unusable, whatever it came from */
    const char *const *serve; /* ready for changes in these states; others are waited for */
    /* Whether what is there may be used: an error says why not. */
    llmd_error *(*accept)(void *data, struct graph *graph, const struct json *there);
    /* What to create; *out NULL: not yet, the owner pokes. NULL: it must be there. */
    llmd_error *(*body)(void *data, struct graph *graph, struct json **out);
    /* As llmd__cluster_changes(); NULL: none. */
    llmd_error *(*changes)(void *data, const struct json *there, struct json **out);
    /* Nothing is left to be changed. *ready false: look again in a while. */
    llmd_error *(*settled)(void *data, struct graph *graph, const struct json *there, bool *ready);
    /* A create failed and nothing is left of it. *again: make anew what body() then says; otherwise
       the error is the task's. May be NULL. */
    llmd_error *(*failed)(void *data, struct graph *graph, const llmd_error *error,
                          enum trouble class, bool *again);
    /* What another run's create left, which failed for a reason of this class, is about to go: what
       body() says next is the owner's choice. May be NULL. */
    llmd_error *(*leftover)(void *data, struct graph *graph, const struct json *there,
                            enum trouble class);
    /* Whether its create is not waited for to the end: asked while that runs. Then it is deleted,
       if GKE takes that, and failed() is asked what to make instead. May be NULL. */
    bool (*gives_up)(void *data);
    /* A poll of its create has been answered; polls counts them. May be NULL. */
    void (*polled)(void *data, struct graph *graph, int polls);
};

enum making_phase { MAKING_LOOKS, MAKING_FINDS, MAKING_AWAITS, MAKING_CHANGES, MAKING_RESTS };
enum making_deed { MAKING_CREATES, MAKING_REMOVES, MAKING_ALTERS, MAKING_FOLLOWS };

struct making {
    const struct making_class *class;
    void *data;
    const llmd_gke *gke;
    char *name, *path, *create_path, *target, *subject, *what;
    bool *patient; /* a service was just enabled */
    enum making_phase phase;
    enum making_deed deed;
    bool creating; /* a create of ours or of another process is followed */
    bool made;     /* such a one came to its end */
    bool looked;   /* once: what fails to be seen after that is looked at again */
    struct change change;
    struct buf scratch;
    struct json *there;    /* as read last; NULL: not there */
    bool unsure;           /* a create may still come to light */
    bool failed;           /* a create did, for `error`: what it left must go */
    bool given_up;         /* a create was, for `error`: it is deleted, or perhaps */
    int absent;            /* looks in a row that found nothing while unsure */
    int creates, unknowns; /* so far */
    char *altered;         /* the change that was made last */
    struct json *unseen;   /* one that follows it, which nothing but this tells of; NULL */
    bool unseen_sent;
    int64_t wake_ms;
    llmd_error *error; /* of the create that failed, or whose answer was lost */
    enum trouble trouble;
    bool over; /* settled */
};

struct making_wish {
    const struct making_class *class;
    void *data; /* not owned */
    const llmd_gke *gke;
    const char *cluster, *pool; /* pool NULL: the cluster */
    bool *patient;              /* outlives it */
};

llmd_error *llmd__making_init(struct making *making, const struct making_wish *wish);
/* Begins with INPUT_BEGIN. Sets making->over when settled() says ready; the action is then the
   owner's. */
llmd_error *llmd__making_advance(struct making *making, struct graph *graph,
                                 const struct step_input *input, struct step_action *action);
/* What it waits for: "cluster llm: PROVISIONING: CREATE_CLUSTER operation-1: RUNNING for 60 s"; its
   name alone where nothing more is known yet. */
void llmd__making_describe(const struct making *making, struct buf *text);
/* What to do at a deadline; "" where GKE was asked for nothing that would go on. */
const char *llmd__making_advise(const struct making *making);
void llmd__making_free(struct making *making); /* its members */

#endif
