/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for one object and those behind it: watches put them into a scene, one step judges it.
 * What the judge says comes from findings/; here is what every such wait does alike.
 */
#ifndef LLMD_WAIT_SCENE_WAIT_H
#define LLMD_WAIT_SCENE_WAIT_H

#include "findings/findings.h"
#include "kube/kube.h"
#include "kube/watch.h"

struct scene_wait;

struct scene_watch {
    struct scene_wait *wait;
    enum scene_kind kind;
};

/* The first member of a wait, which is the data of its graph: on_change and on_applied find it
   there. */
struct scene_wait {
    const char *noun;     /* "service", for messages */
    enum scene_kind kind; /* of the object that is waited for */
    llmd_kube *kube;
    char *ns, *name;
    struct scene scene;
    struct findings findings;
    struct scene_watch watches[SCENE_KINDS];
    step_id judge;     /* set by who adds it, before the first watch begins */
    bool no_namespace; /* it is made with the rest */
};

/* wait is all zeros. Close it also after an error. */
llmd_error *llmd__scene_wait_init(struct scene_wait *wait, const char *noun, enum scene_kind kind,
                                  const llmd_kube *kube, const char *ns, const char *name);
void llmd__scene_wait_close(struct scene_wait *wait);

/* Watches objects of a kind: wish says which. They go into the scene, and the judge is poked. The
   end of the object that is waited for ends the task. */
llmd_error *llmd__scene_wait_watch(struct graph *graph, struct scene_wait *wait,
                                   enum scene_kind kind, const struct watch_wish *wish,
                                   step_id discovery);
/* An applied_fn: what is said about an older generation does not count. */
llmd_error *llmd__scene_wait_applied(void *data, struct graph *graph, const struct json *object);
/* The Namespace, added to what is applied, if there is none. */
llmd_error *llmd__scene_wait_namespace(const struct scene_wait *wait, struct json *list);

/* Tells what the last judgement found and was not told yet. NULL: no progress to go with it. */
struct progress;
llmd_error *llmd__scene_wait_tell(struct graph *graph, const struct scene_wait *wait,
                                  const struct progress *progress);
/* An error if something was found that nothing which runs can cure. */
llmd_error *llmd__scene_wait_end(const struct scene_wait *wait);
/* The judge's describe: the object, and what is wrong with it, or else what was told last. */
void llmd__scene_wait_describe(const void *state, const struct graph *graph, struct buf *text);
const char *llmd__scene_wait_advise(const void *state, const struct graph *graph);

#endif
