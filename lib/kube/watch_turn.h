/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the watch step, in three parts: finding the kind, asking for it, taking answers. */
#ifndef LLMD_KUBE_WATCH_TURN_H
#define LLMD_KUBE_WATCH_TURN_H

#include "kube/known.h"
#include "kube/watch.h"

/* Bookmarks come about once a minute, the end at the latest after a watch's own time. More silence
   than this means that nobody is there any more. */
#define WATCH_STALL_MS 75000

enum watch_phase { RESOLVING, SEARCHING, LISTING, STREAMING, BACKING_OFF };

struct watch {
    llmd_kube *kube;
    struct watch_wish wish; /* its strings are the four below */
    char *name, *ns, *labels, *fields;

    enum watch_phase phase;
    struct resolve resolve;
    int searches_left;        /* since a CRD was changed */
    bool denied;              /* the server's answer was 401 or 403 */
    struct resource resource; /* plural NULL: not yet known */
    struct buf path;
    struct known known;
    unsigned round;     /* counts lists */
    char *version;      /* to watch from; NULL: a list is needed */
    char *page_token;   /* the list's next page */
    bool synced;        /* SYNCED was told */
    bool was_open;      /* the server has answered this list before */
    int failures;       /* without progress between them */
    char trouble[200];  /* what the last try met; "" */
    int64_t refused_ms; /* since when it is refused what was allowed; 0: it is not */
    int64_t opened_ms;
    bool had_line;
    int64_t wake_ms;
};

/* What one advance() needs everywhere. */
struct turn {
    struct watch *watch;
    struct graph *graph;
    struct step_action *action;
    int64_t now_ms;
};

bool llmd__watch_is_over(const struct turn *turn); /* on_change wants the step to end */
llmd_error *llmd__watch_sleep(const struct turn *turn, enum watch_phase phase, int64_t ms);
llmd_error *llmd__watch_back_off(const struct turn *turn, const char *why, int64_t at_least_ms);
void llmd__watch_forget(char **text);
llmd_error *llmd__watch_tell_unseen(const struct turn *turn);
llmd_error *llmd__watch_tell_synced(const struct turn *turn);

llmd_error *llmd__watch_list(const struct turn *turn); /* the next page, or a new list */
llmd_error *llmd__watch_stream(const struct turn *turn);

/* Nothing is there to be watched: tells that, and looks again when there is cause to. */
llmd_error *llmd__watch_search(const struct turn *turn);
/* Finds out what the name means, and begins the list. */
llmd_error *llmd__watch_resolve(const struct turn *turn, const struct step_input *input);
llmd_error *llmd__watch_take_poke(const struct turn *turn);

#endif
