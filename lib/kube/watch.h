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
    const struct json *object;                    /* NULL for SYNCED */
    const char *text;                             /* the object as the server sent it */
};

/* May queue events, poke other steps and set action->kind to FINISH or FAIL. */
typedef llmd_error *(*watch_fn)(void *data, struct graph *graph, const struct watch_change *change,
                                struct step_action *action);

struct watch_wish {
    const char *resource;                         /* looked up when the step begins: let the step
                                                     need a discovery step */
    const char *ns, *labels, *fields;             /* ns "*": all */
    bool optional;                                /* not served: told as SYNCED with nothing, and
                                                     looked for again every 5 s */
    bool missing_is_empty;                        /* 403 and 404 are told once as SYNCED too */
    watch_fn on_change;
    void *data;                                   /* not owned */
};

/* Adds a watching step that never is DONE by itself. */
llmd_error *llmd__watch_step(struct graph *graph, const llmd_kube *kube,
                             const struct watch_wish *wish, step_id *out);

#endif
