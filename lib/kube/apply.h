/* SPDX-License-Identifier: Apache-2.0 */
/* Server-side apply of many objects in dependency order, as steps of any graph. */
#ifndef LLMD_KUBE_APPLY_H
#define LLMD_KUBE_APPLY_H

#include "base/spec.h"
#include "kube/kube.h"

struct apply_options {
    const char *ns; /* for objects that name none; NULL: kubeconfig's */
    bool force;
    bool dry_run;
    const char *conflict_advice; /* for fields of another manager, static; NULL: the usual one */
};

extern const struct spec_type llmd__apply_spec_type; /* of llmd_apply_spec */

/* objects: a JSON array, copied. *first begins it (let it need others), *done is done when all are
   applied. One event per object. */
llmd_error *llmd__apply_steps(struct graph *graph, const llmd_kube *kube,
                              const struct json *objects, const struct apply_options *options,
                              step_id *first, step_id *done);

/* As above for one object, and the server's answer is given to on_applied (may be NULL). */
typedef llmd_error *(*applied_fn)(void *data, struct graph *graph, const struct json *object);
llmd_error *llmd__apply_step(struct graph *graph, const llmd_kube *kube, const struct json *object,
                             const struct apply_options *options, applied_fn on_applied, void *data,
                             step_id *out);
/* Deletes one object (a missing one is fine) and waits until it is gone. */
llmd_error *llmd__delete_step(struct graph *graph, const llmd_kube *kube, const char *resource,
                              const char *ns, const char *name, step_id *out);
/* The same; but what is held so long by others is left to them, with a warning. */
llmd_error *llmd__delete_patiently_step(struct graph *graph, const llmd_kube *kube,
                                        const char *resource, const char *ns, const char *name,
                                        int64_t patience_ms, step_id *out);

#endif
