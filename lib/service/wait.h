/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until a service serves. */
#ifndef LLMD_SERVICE_WAIT_H
#define LLMD_SERVICE_WAIT_H

#include "findings/progress.h"
#include "service/server.h"
#include "wait/scene_wait.h"

#define LLMD__SERVICES "llminferenceservices.serving.kserve.io"
#define LLMD__PRESETS "llminferenceserviceconfigs.serving.kserve.io"
#define LLMD__DEPLOYMENTS "deployments.apps"
#define LLMD__POOLS "inferencepools.inference.networking.k8s.io"
#define LLMD__POLICIES "healthcheckpolicies.networking.gke.io"

/* What the judge has asked the server and waits for. */
enum asked { ASKED_NOTHING, ASKED_LOG, ASKED_DEPLOYMENTS, ASKED_PRESET };

/* What the steps of one task share; the graph's data. */
struct wait {
    struct scene_wait base;
    llmd_service_spec *spec; /* NULL: a wait alone */
    struct json *configs;    /* presets that were looked at; kserve points in */
    struct kserve kserve;
    struct server server;
    struct progress progress;
    step_id warmup;
    enum asked asked;
    struct json *deployments; /* as they were when the controller had seen the newest spec */
    int64_t looked;           /* the generation of that spec; 0: not looked yet */
    char *doubted;            /* the last words by which the controller missed a preset */
    bool policies_begun, policies_done;
    char *path; /* of the request in flight */
};

llmd_error *llmd__wait_new(const llmd_kube *kube, const char *ns, const char *name,
                           struct wait **out);
void llmd__wait_free(void *wait);
/* Adds the watches and the judge, which begins when `after` is done. */
llmd_error *llmd__wait_steps(struct graph *graph, struct wait *wait, step_id discovery,
                             step_id after);
/* The step that looks at the cluster before anything is written; see look.c. */
llmd_error *llmd__service_look_step(struct graph *graph, struct wait *wait, step_id *out);
/* Applies GKE's policies once the pool exists. */
llmd_error *llmd__wait_policies(struct graph *graph, struct wait *wait);
/* The last step: warm-up requests where they are wanted, and the result. */
llmd_error *llmd__warmup_step(struct graph *graph, struct wait *wait, step_id *out);

DEFINE_AUTO(wait, struct wait *, llmd__wait_free)

#endif
