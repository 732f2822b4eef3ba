/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_GOOGLE_OPERATIONS_H
#define SANDBOX_GOOGLE_OPERATIONS_H

#include "sandbox/google/clusters.h"

struct gke_operation *operation_begin(struct google *google, const char *type,
                                      enum operation_work work, const struct gke_cluster *cluster,
                                      const struct gke_pool *pool, int64_t duration);
struct json *operation_show(struct google *google, const struct gke_operation *operation);
/* The body of the answer to a mutation, with the faults that belong there. */
struct json *operation_answer(struct api_call *call, struct gke_operation *operation);
/* One that runs on this cluster (of this pool, NULL: any); NULL: none. */
struct gke_operation *operation_running(struct google *google, const struct gke_cluster *cluster);
/* Refuses a mutation while another one runs; pool_create: several may. */
struct json *operation_conflict(struct api_call *call, const struct gke_cluster *cluster,
                                bool pool_create);
void operations_advance(struct google *google);
void operations_free(struct google *google);
/* finish.c: what an operation has done when it ends. */
void operation_finish(struct google *google, struct gke_operation *operation);

struct json *operations_list(struct api_call *call);
struct json *operations_get(struct api_call *call);
struct json *operations_cancel(struct api_call *call);

#endif
