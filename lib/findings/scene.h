/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about one service or gateway at one moment: the latest of every object that has to
 * do with it. Whoever watches puts objects in; the rules only look. Pure.
 */
#ifndef LLMD_FINDINGS_SCENE_H
#define LLMD_FINDINGS_SCENE_H

#include "base/json.h"

enum scene_kind {
    SCENE_SERVICE,
    SCENE_POD,
    SCENE_DEPLOYMENT,
    SCENE_REPLICASET,
    SCENE_EVENT,
    SCENE_ROUTE,
    SCENE_POOL,
    SCENE_GATEWAY,
    SCENE_CLASS,
    SCENE_NODE,
    SCENE_KINDS
};

struct scene_set {
    struct json **items;
    size_t count, cap;
    bool synced; /* what existed at the start is in */
    bool denied; /* we may not read them: empty means nothing */
};

struct scene {
    char *ns, *name;            /* the service; NULL: a gateway alone */
    char *gateway_ns, *gateway; /* the gateway, where there is no service */
    int64_t min_generation;     /* older objects of the service are of yesterday */
    bool gke;
    bool everything; /* all that is put in is ours: whoever watches has chosen */
    bool unsettled;  /* the children seen may be those of an older spec: no pod is judged */
    char *refuted;   /* a condition's message that the API server contradicts; NULL: none */
    struct scene_set sets[SCENE_KINDS];
    struct json *logs; /* {"pod/container": "last lines"} */
};

llmd_error *llmd__scene_init(struct scene *scene, const char *ns, const char *name);
void llmd__scene_free(struct scene *scene);
/* Keeps a copy of an object of ours, in the place of the older one; others are passed over. Of
   Nodes, Events and other people's Gateways it keeps what the rules look at. */
llmd_error *llmd__scene_put(struct scene *scene, enum scene_kind kind, const struct json *object);
void llmd__scene_remove(struct scene *scene, enum scene_kind kind, const struct json *object);
/* Last lines of a container that ended, for the rules; "" is "there are none". */
llmd_error *llmd__scene_log(struct scene *scene, const char *pod, const char *container,
                            const char *text);
const char *llmd__scene_find_log(const struct scene *scene, const char *pod,
                                 const char *container); /* NULL: not asked yet */

/* ---- looking ---- */

/* Pods that the newest spec wants: what an older one left behind goes by itself. */
#define SCENE_EACH_POD(pod, scene)                                                                 \
    SCENE_EACH(pod, scene, SCENE_POD)                                                              \
    if (llmd__scene_is_current(scene, pod))

#define SCENE_EACH(item, scene, kind)                                                              \
    for (size_t item##_i = 0; item##_i < (scene)->sets[kind].count; item##_i++)                    \
        for (const struct json *item = (scene)->sets[kind].items[item##_i]; item; item = NULL)

const struct json *llmd__scene_service(const struct scene *scene); /* NULL: not seen */
const struct json *llmd__scene_gateway_named(const struct scene *scene, const char *ns,
                                             const char *name); /* NULL: not seen */
/* The Gateway that the service attaches to, by its spec; NULL: not seen or KServe's default. */
const struct json *llmd__scene_gateway(const struct scene *scene);
/* status.observedGeneration has caught up, also with what we applied. */
bool llmd__scene_fresh(const struct scene *scene);
const char *llmd__scene_name(const struct json *object);
char *llmd__scene_subject(const struct json *object); /* "Pod/llm/qwen-0" */
const struct json *llmd__scene_condition(const struct json *conditions_owner, const char *type);
/* Whether a pod belongs to the picker rather than to the model. */
bool llmd__scene_is_picker(const struct json *object);
bool llmd__scene_is_leaving(const struct json *object);
/* Its controller has seen its newest spec. */
bool llmd__scene_is_observed(const struct json *object);
/* Not leaving, and of the newest ReplicaSet of its Deployment, as far as that is known. */
bool llmd__scene_is_current(const struct scene *scene, const struct json *pod);
/* The latest of an object of this name; NULL: not seen. */
const struct json *llmd__scene_known(const struct scene *scene, enum scene_kind kind,
                                     const struct json *object);

#endif
