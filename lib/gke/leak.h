/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof that a cluster left nothing billable behind: lists, side by side, all that it may leave
 * and says of each whose it is. Nothing is deleted here.
 *
 *     llmd__leak_new(gke, "llm", &leak);                 // lives as long as the graph
 *     llmd__leak_cluster(leak, cluster);                 // as GKE sent it, while it stood
 *     llmd__leak_address(leak, "34.90.1.2");             // of each of its Gateways
 *     llmd__leak_record_step(graph, leak, &recorded);    // before anything is deleted
 *     ...
 *     llmd__leak_proof_step(graph, leak, &proof);
 *     llmd__graph_need(graph, proof, cluster_is_gone);
 *
 * Names of load balancer objects do not hold the cluster's ("gkegw1-<4>-<ns>-<object>-<hash>"), so
 * what is ours is recorded while it stands, by following forwarding rule -> target proxy -> URL map
 * -> backend service -> health check and endpoint group. A cluster that is gone already gets the
 * proof from labels, node names and descriptions alone; the rest is "unknown".
 */
#ifndef LLMD_GKE_LEAK_H
#define LLMD_GKE_LEAK_H

#include "gke/gke.h"
#include "task/graph.h"

struct leak;

/* In the location of the handle. */
llmd_error *llmd__leak_new(const llmd_gke *gke, const char *cluster, struct leak **out);
void llmd__leak_free(struct leak *leak);

/* Both may be called until the proof begins, also from a step's advance(), and may be left out. */
llmd_error *llmd__leak_cluster(struct leak *leak, const struct json *cluster);
llmd_error *llmd__leak_address(struct leak *leak, const char *address);

/* Lists and records what belongs to the cluster. Tells nothing. */
llmd_error *llmd__leak_record_step(struct graph *graph, struct leak *leak, step_id *out);
/* Adds, as keys, the addresses of the recorded forwarding rules that name the cluster themselves:
   those of Gateways that are gone already, too. */
void llmd__leak_rules(const struct leak *leak, struct json *addresses);

/* Lists again, one event for each thing that is there: error (ours), warning (unknown and billed,
   or a list that cannot be had), info (unknown, not ours). What is ours is looked at again for a
   minute, as Google tidies up after itself. Then the step is done, or, with something billable of
   ours left, fails: LLMD_E_FAILED, reason "LEFTOVERS", their names. */
llmd_error *llmd__leak_proof_step(struct graph *graph, struct leak *leak, step_id *out);

/* {"looked": {"forwardingRules": 3, ...}, "unknown": ["disks"],
    "found": [{"kind", "name", "location", "owner": "ours"|"other"|"unknown", "why", "billable"}],
    "clean": bool}; NULL before the proof. */
const struct json *llmd__leak_result(const struct leak *leak);

DEFINE_AUTO(leak, struct leak *, llmd__leak_free)

#endif
