/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of one apply share, and the two machines that they are made of. */
#ifndef LLMD_KUBE_APPLY_RUN_H
#define LLMD_KUBE_APPLY_RUN_H

#include "kube/applied.h"
#include "kube/apply.h"
#include "kube/manifest_set.h"

#include <llmd/kube.h>

struct apply_run {
    int refs; /* steps; all on one thread */
    llmd_kube *kube;
    char *ns;
    bool force, dry_run;
    const char *conflict_advice; /* static; NULL: the usual one */
    bool report;                 /* the end says what was done, as the result */
    struct manifest_set set;
    size_t next; /* of set.items: all before are begun */
    size_t in_flight, finished;
    char *baseline;   /* the store's version before; NULL: look first */
    size_t counts[3]; /* by enum applied */
    step_id workers[16];
    size_t worker_count;
};

llmd_error *llmd__apply_run_new(const llmd_kube *kube, const struct json *objects, const char *what,
                                const struct apply_options *options, struct apply_run **out);
struct apply_run *llmd__apply_run_get(struct apply_run *run);
void llmd__apply_run_put(struct apply_run *run);

/* Before anything is written: are all kinds known, and which version has the store? */
struct apply_plan {
    struct discovery_walk walk;
    bool asked_baseline;
};
llmd_error *llmd__apply_plan(struct apply_plan *plan, struct apply_run *run,
                             const struct step_input *input, struct step_action *action,
                             bool *done);
void llmd__apply_plan_free(struct apply_plan *plan);

/* Applies one object after the other: each as soon as what it needs is there. */
enum worker_phase {
    WORKER_IDLE,
    WORKER_LOOKING,
    WORKER_APPLYING,
    WORKER_SERVED,
    WORKER_EXPLAINING
};
struct apply_worker {
    enum worker_phase phase;
    struct manifest *item;
    struct buf path;
    struct json *looked;
    bool wants_object; /* ask for the whole object, not its metadata */
    enum applied applied;
    int tries;
    int64_t since_ms; /* of the first refusal, or of the CRD's apply */
    bool warned;
    int64_t wake_ms;
    size_t version; /* of the CRD: whose being served is asked */
    bool listens;   /* it is poked when the CRD changes */
};
/* *answer: the server's object when one item is done (valid during the call's caller only, to be
   freed by it), else NULL; *idle: nothing is left to begin. */
llmd_error *llmd__apply_work(struct apply_worker *worker, struct apply_run *run,
                             struct graph *graph, const struct step_input *input,
                             struct step_action *action, struct json **answer, bool *idle);
void llmd__apply_worker_free(struct apply_worker *worker);

#endif
