/* SPDX-License-Identifier: Apache-2.0 */
/* GKE's policies on the inference pool and the workload's Service. Pure. */
#ifndef LLMD_SERVICE_POLICIES_H
#define LLMD_SERVICE_POLICIES_H

#include "service/server.h"

/*
 * Adds them to the list. Without a HealthCheckPolicy GKE asks "/" and calls every pod unhealthy;
 * the pool must exist first. pool and workload are the names as the cluster has them. A spec
 * without scheduler has no pool (pool NULL).
 */
llmd_error *llmd__policies_manifests(const llmd_service_spec *spec, const struct server *server,
                                     const char *ns, const char *pool, const char *workload,
                                     struct json *list);

#endif
