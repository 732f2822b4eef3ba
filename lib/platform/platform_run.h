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

#include "auth/crypto.h"
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
    char input[2 * SHA256_SIZE + 1]; /* of what is released; "": not recorded */
    struct release release;
    struct bundle bundle;
    step_id gates[PHASE_COUNT];
};

/* Of all objects of a component, in any order; see applied_record.c. */
struct applied_state {
    unsigned char sum[SHA256_SIZE];
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
    struct json *documents[COMPONENT_COUNT]; /* of what bundle_check.c has read; NULL: not yet */
    struct json *left;                       /* documents left alone, of all releases */
    struct json *leftovers; /* webhook configurations without a Service; see leftover_webhooks.c */
    step_id suspected;      /* the step before which they are looked for */
    step_id kept;           /* the step that keeps endpoint pickers; -1: no upgrade */
    struct await *awaits;   /* owned: what watch steps point to */
    /* Of each component [{"object", "field"}]; NULL: it was not compared. See differences.c. */
    struct json *differs[COMPONENT_COUNT];
    bool incomparable[COMPONENT_COUNT]; /* that was tried */
    step_id compared;                   /* the step before which that is done */
    struct applied_state states[COMPONENT_COUNT];
    bool states_known; /* all lists of ours could be read */
};

llmd_error *llmd__platform_run_new(const llmd_kube *kube, const llmd_platform_spec *spec,
                                   struct platform_run **out);
void llmd__platform_run_free(void *run);

/* What a bundle's documents, which are taken, become on the cluster that was looked at. */
llmd_error *llmd__platform_release(struct platform_run *run, enum component component,
                                   struct json *documents);

/* ---- found_look.c ---- */

/* Adds the steps that fill run->found and run->looked anew; *done is done when they are. after: the
   step they need, or -1. */
llmd_error *llmd__platform_look(struct graph *graph, struct platform_run *run, step_id after,
                                step_id *done);

/* Asks the discovery's cache which versions that a bundle's CRDs have are served already, for
   llmd__release_make(): metadata alone does not tell. */
llmd_error *llmd__served_look(struct platform_run *run, const struct json *documents);

/* ---- istio_look.c ---- */

/* Adds the steps that look for Istio, if the spec has it, between these two. */
llmd_error *llmd__istio_look(struct graph *graph, struct platform_run *run, step_id before,
                             step_id after);

/* ---- differences.c ---- */

/* Adds steps that fill run->differs after `after`, whose look it uses. */
llmd_error *llmd__differences_look(struct graph *graph, struct platform_run *run, step_id after,
                                   step_id *done);

/* "quay.io/jetstack/cert-manager-controller:v1.17.0@sha256:..." -> "1.17.0"; NULL: it says none. */
llmd_error *llmd__image_version(const char *image, char **out);

/* ---- kept_pickers.c: the endpoint pickers of services outlive an upgrade of KServe ---- */

/* Keeps those that serve. Before anything is written that KServe's controller acts on. */
llmd_error *llmd__pickers_keep(struct graph *graph, struct platform_run *run, step_id *out);
/* Ends those that were kept, of this apply or one that was killed, when they have successors; all
   of it after one step and before another. */
llmd_error *llmd__pickers_await(struct graph *graph, struct platform_run *run, step_id after,
                                step_id before);

/* ---- leftover_webhooks.c ---- */

/* Adds steps that fill run->leftovers after one step and before `before` begins. */
llmd_error *llmd__leftovers_look(struct graph *graph, struct platform_run *run, step_id after,
                                 step_id before);
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
#define LLMD__PARTIAL                                                                              \
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
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
