/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching: list, then watch from its resourceVersion, resume after a cut or a stall, list again
 * after 410 and tell the difference. A pure step, used by llmd_kube_watch, waits and health.
 */
#ifndef LLMD_KUBE_WATCH_H
#define LLMD_KUBE_WATCH_H

#include "kube/kube.h"

struct watch_change {
    llmd_change_type type;
    const struct json *object; /* NULL for SYNCED */
    const char *text;          /* the object as the server sent it; "" where that is not kept */
    bool denied;               /* SYNCED: nothing may be read here, so that empty means nothing */
    const struct resource *resource; /* NULL: it is not served */
};

/* May queue events, poke other steps and set action->kind to DONE, FINISH or FAIL. */
typedef llmd_error *(*watch_fn)(void *data, struct graph *graph, const struct watch_change *change,
                                struct step_action *action);

struct watch_wish {
    const char *resource;             /* looked up when the step begins; the server is
                                         asked when the cache does not know it */
    const char *ns, *labels, *fields; /* ns "*": all */
    bool optional;                    /* not served: told as SYNCED with nothing, and
                                         looked for again when a CRD tells of it */
    bool missing_is_empty;            /* a refusal is told once as SYNCED too */
    bool names_only;                  /* no texts are kept, which of all Nodes or Events are
                                         many: what a new list lacks is DELETED with its name */
    bool metadata_only;               /* the objects come without spec and status */
    bool keeps_trying;                /* a server that never answered is no error */
    watch_fn on_change;
    void (*describe)(const void *data, struct buf *text); /* as step_class's; may be NULL */
    void *data;                                           /* not owned */
};

/* Adds a watching step that never is DONE by itself. */
llmd_error *llmd__watch_step(struct graph *graph, const llmd_kube *kube,
                             const struct watch_wish *wish, step_id *out);

/* The step's inside, for steps that watch besides other things, and for its tests. graph is only
   handed on to on_change. A tick before its time is harmless. */
struct watch;
llmd_error *llmd__watch_new(const llmd_kube *kube, const struct watch_wish *wish,
                            struct watch **out);
llmd_error *llmd__watch_advance(void *watch, struct graph *graph, const struct step_input *input,
                                struct step_action *action);
/* When it wants to be woken (monotonic ms), or 0. */
int64_t llmd__watch_wake_ms(const struct watch *watch);
void llmd__watch_free(void *watch);

#endif
