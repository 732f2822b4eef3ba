/* SPDX-License-Identifier: Apache-2.0 */
/* What is known while a service's backends are verified, and the requests for more of it. */
#ifndef LLMD_GKE_VERIFICATION_H
#define LLMD_GKE_VERIFICATION_H

#include "gke/backend.h"
#include "gke/calls.h"
#include "kube/kube.h"

#define LLMD__HEALTH_CHECK_POLICIES "healthcheckpolicies.networking.gke.io"

enum verification_phase {
    ASK_POOL,
    ASK_GATEWAY,
    ASK_POLICIES,
    ASK_RULES,
    ASK_SERVICES,
    ASK_HEALTH,
    ASK_CHECK
};

struct verification {
    llmd_gke *gke;
    llmd_kube *kube;
    char *ns, *service, *subject;
    step_id step;
    enum verification_phase phase;
    struct buf path, body;
    char *page_token;
    char *pool;                        /* its name */
    struct json *gateways;             /* [{"ns", "name"}] that are not asked for yet */
    struct json *addresses;            /* theirs, as keys */
    struct json *policy;               /* of the pool; NULL: none */
    char mark[LLMD__BACKEND_MARK + 1]; /* of the cluster; "": not known yet */
    struct json *services;             /* of this round: [{"scope", "check"}] */
    struct json *groups;               /* [{"scope", "name", "group"}] that are not asked for yet */
    struct backend_health health;
    int64_t told_healthy, told_total;
    char *asked_path; /* what Google asks for in this round; NULL: not known */
    struct buf holes; /* the places that did not answer in this round (P114) */
    int rounds;
    bool again, waits; /* the policy was made anew; that is waited for */
    int64_t anew_ms;   /* since when it is tried to apply it again */
};

/* The rounds and the verdict (gke/network_health.c); its state is a struct verification. */
extern const struct step_class llmd__verification_class;

llmd_error *llmd__ask_pool(struct verification *check, struct step_action *action);
/* The policy, applied as it was. */
llmd_error *llmd__ask_apply(struct verification *check, struct step_action *action);
/* The next Gateway; behind the last one the policies. */
llmd_error *llmd__ask_gateway(struct verification *check, struct step_action *action);
/* A page of an aggregated list: ASK_RULES or ASK_SERVICES. */
llmd_error *llmd__ask_list(struct verification *check, enum verification_phase phase,
                           struct step_action *action);
/* Forgets the last round. */
llmd_error *llmd__ask_round(struct verification *check, struct step_action *action);
/* The health of the first of check->groups; it only reads. */
llmd_error *llmd__ask_health(struct verification *check, struct step_action *action);
/* The health check that the first backend service names. */
llmd_error *llmd__ask_check(struct verification *check, struct step_action *action);
/* The cluster's answer to what, or its refusal. */
llmd_error *llmd__verification_read(const struct step_input *input, const char *what,
                                    struct json **out);

/* Deletes the policy and applies it again, then wakes check->step; an error behind the delete names
   the policy that is gone. */
llmd_error *llmd__policy_anew_steps(struct graph *graph, struct verification *check);

#endif
