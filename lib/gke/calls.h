/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of clusters, node pools and operations, and the reads of steps. Pure. */
#ifndef LLMD_GKE_CALLS_H
#define LLMD_GKE_CALLS_H

#include "base/name.h"
#include "gke/gke.h"
#include "gke/google_error.h"
#include "task/graph.h"

/* tail: behind it, "" or ":setSize". Cluster "": the list. */
void llmd__cluster_path(struct buf *path, const llmd_gke *gke, const char *cluster,
                        const char *tail);
/* Pool "": where pools are made. */
void llmd__pool_path(struct buf *path, const llmd_gke *gke, const char *cluster, const char *pool,
                     const char *tail);
/* Name "": the list, which is not paged. */
void llmd__operation_path(struct buf *path, const llmd_gke *gke, const char *name);

/* A name stands in a path: empty it would be the list, and with a slash something else. */
#define REQUIRE_CLUSTER(name) TRY(llmd__name_check_label("cluster", name))
#define REQUIRE_POOL(name) TRY(llmd__name_check_label("node pool", name))

void llmd__ask(struct step_action *action, const llmd_gke *gke, enum google_api api,
               const char *path);
/* A 2xx answer, parsed; otherwise the error that begins with what, and its class. */
llmd_error *llmd__answer(const struct step_input *input, const char *what, struct json **out,
                         enum trouble *class);
/* Whether asking again later may help: what met no server, or a server that fails or is busy. */
bool llmd__passes(const llmd_error *error, enum trouble class);

/* How long until the next look: what the answer's Retry-After wants, else five seconds. */
int64_t llmd__poll_delay_ms(const struct step_input *input);
#define LLMD__POLL_MS 5000

/* Of operations.list: the first that is not DONE of a cluster ("/clusters/llm") or of a pool
   ("/clusters/llm/nodePools/tpu"), and the newest of this type; NULL: none. Links hold the
   project's number and "/zones/", so that only the end of targetLink can be compared. */
const struct json *llmd__running_operation(const struct json *list, const char *target);
/* As running_operation(), of the cluster and of all its pools. */
const struct json *llmd__busy_operation(const struct json *list, const char *target);
const struct json *llmd__last_operation(const struct json *list, const char *target,
                                        const char *type);

/* The places of an aggregated list in this region that did not answer, "zones/R-a, zones/R-b": what
   is not in the list may be there nevertheless (P114). */
void llmd__list_holes(const struct json *page, const char *region, struct buf *out);

#endif
