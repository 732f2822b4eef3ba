/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mutation of Compute Engine as a step: sent with a requestId, so that sending it again after a
 * cut connection returns the first operation instead of doing it twice, and waited for on the
 * server's side.
 */
#ifndef LLMD_GKE_COMPUTE_OPERATION_H
#define LLMD_GKE_COMPUTE_OPERATION_H

#include "gke/gke.h"
#include "gke/google_error.h"
#include "task/graph.h"

struct mutation {       /* read during the call only */
    const char *what;   /* "subnet proxies": the beginning of an error */
    const char *method; /* "POST", "DELETE", "PATCH" */
    const char *scope;  /* "regions/europe-west4", "zones/...", "global" */
    const char *path;   /* behind the scope: "/subnetworks" */
    const char *body;   /* NULL: none */
    /* Done, or refused (failure says why; the callee's). NULL: a failure ends the task. An error
       ends it as well. */
    llmd_error *(*on_done)(void *data, struct graph *graph, llmd_error *failure,
                           enum trouble trouble);
    void *data;
};

llmd_error *llmd__mutation_step(struct graph *graph, const llmd_gke *gke,
                                const struct mutation *mutation, step_id *out);
void llmd__request_id(char out[37]); /* a random UUID */

#endif
