/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of one platform task share.
 *
 *     look (CRDs, controllers) ──> plan ──> per component: bundle ──> phases behind gates ──>
 * finish
 *
 * A gate is a step without work: it is done when a phase is applied and what it stands for was
 * seen. Gates exist before the objects are known, so that one component can wait for another whose
 * bundle is still on its way.
 */
#ifndef LLMD_PLATFORM_PLATFORM_RUN_H
#define LLMD_PLATFORM_PLATFORM_RUN_H

#include "kube/kube.h"
#include "platform/bundle.h"
#include "platform/plan.h"
#include "platform/release.h"

#include <llmd/platform.h>

/* What a look saw of a controller, beyond struct found_component. */
struct looked {
    bool there;     /* its Deployment */
    bool available; /* all of it */
    char *why;      /* not available: the condition's message; NULL: nothing is known */
};

struct platform_part {
    bool released;
    struct release release;
    struct bundle bundle;
    step_id gates[PHASE_COUNT];
};

struct await;

struct platform_run {
    llmd_kube *kube;
    llmd_platform_spec *spec;
    struct platform_found found;
    struct looked looked[COMPONENT_COUNT];
    struct platform_plan plan;
    struct platform_part parts[COMPONENT_COUNT];
    int gates_total, gates_done;
    struct json *left;      /* documents left alone, of all releases */
    struct json *leftovers; /* webhook configurations without a Service; see leftover_webhooks.c */
    step_id suspected;      /* the step before which they are looked for */
    struct await *awaits;   /* owned: what watch steps point to */
};

llmd_error *llmd__platform_run_new(const llmd_kube *kube, const llmd_platform_spec *spec,
                                   struct platform_run **out);
void llmd__platform_run_free(void *run);

/* ---- found_look.c ---- */

/* Adds the steps that fill run->found and run->looked anew; *done is done when they are. after: the
   step they need, or -1. */
llmd_error *llmd__platform_look(struct graph *graph, struct platform_run *run, step_id after,
                                step_id *done);

/* ---- leftover_webhooks.c ---- */

/* Adds steps that fill run->leftovers before `before` begins. */
llmd_error *llmd__leftovers_look(struct graph *graph, struct platform_run *run, step_id before);
/* CONFLICT if one of them judges the component's objects and is not among what is written. */
llmd_error *llmd__leftovers_check(const struct platform_run *run, enum component component,
                                  const struct json *webhooks);

/* ---- question.c: one GET as a step ---- */

/* status is any; text the body. Runs inside advance(): may add steps and needs. */
typedef llmd_error *(*answer_fn)(void *data, struct graph *graph, int status, const char *text,
                                 size_t len);
struct question {
    char *path;         /* taken */
    const char *accept; /* NULL: the whole object */
    answer_fn on_answer;
    void *data; /* not owned, or with free_data */
    void (*free_data)(void *);
};
#define LLMD__PARTIAL_LIST                                                                         \
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
/* The question is taken, also on failure. */
llmd_error *llmd__ask_step(struct graph *graph, const llmd_kube *kube, struct question *question,
                           step_id *out);

/* ---- await_objects.c: waiting for some objects of one kind ---- */

struct await_wish {
    const char *resource, *ns; /* ns NULL: cluster-scoped */
    const char *what;          /* "the caBundle of", for people */
    struct json *names;        /* an array of names; copied */
    /* Whether the object is as wished; else says why in *why when something is known. */
    bool (*met)(const struct json *object, char **why);
};
/* Done when all are. NULL or empty names: *out is -1. */
llmd_error *llmd__await_step(struct graph *graph, struct platform_run *run,
                             const struct await_wish *wish, step_id *out);
void llmd__awaits_free(struct await *awaits);
bool llmd__certificate_is_issued(const struct json *object, char **why);
bool llmd__ca_is_injected(const struct json *object, char **why);

/* ---- await_controllers.c: Deployments until they serve ---- */

struct controllers_wish {
    enum component component;
    const char *ns;
    struct json *names;      /* of Deployments in ns; copied */
    const struct json *crds; /* names of CRDs that must be older than the controllers' pods; NULL */
};
/* Done when all are available, pods of before are gone, and they have seen the CRDs. */
llmd_error *llmd__controllers_step(struct graph *graph, struct platform_run *run,
                                   const struct controllers_wish *wish, step_id *out);

/* ---- status.c ---- */

/* What apply and status end with; its members: <llmd/platform.h>. */
llmd_error *llmd__platform_report(const struct platform_run *run, struct json **out);

DEFINE_AUTO(platform_run, struct platform_run *, llmd__platform_run_free)

#endif
