/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file health.h
 * Checks whose events are findings: what is wrong, the evidence, the advice. A check that found
 * faults ends with NULL like any other; llmd_task_worst() is its verdict.
 */
#ifndef LLMD_HEALTH_H
#define LLMD_HEALTH_H

#include <llmd/inference.h>
#include <llmd/kube.h>

LLMD_BEGIN

/**
 * Checks a service from outside in: its conditions, Gateway, route, inference pool, replicas, the
 * models it serves, and a one-token call. One event a check; INFO is healthy.
 * @param out  a task, llmd_task_free()
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_health_service(const llmd_kube *kube, const char *ns,
                                             const char *name, llmd_task **out);

/**
 * Checks an endpoint: reachable, lists models, answers a one-token call and streams.
 * @param out  a task, llmd_task_free()
 * @return NULL, or LLMD_E_INVALID
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_health_endpoint(const llmd_endpoint *endpoint, llmd_task **out);

LLMD_END

#endif
