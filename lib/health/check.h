/* SPDX-License-Identifier: Apache-2.0 */
/* The calls to an endpoint that both health checks make, one event a check. */
#ifndef LLMD_HEALTH_CHECK_H
#define LLMD_HEALTH_CHECK_H

#include "openai/endpoint.h"
#include "task/graph.h"

/*
 * A step that climbs a ladder: "Health" (does anything answer), "Models", "Call" (one token), and
 * with stream "Stream". The first rung that breaks ends it, as what follows would only be its
 * consequence; /health and the list of models may be missing, the calls decide. It is DONE whatever
 * it finds. Takes the endpoint (also on failure).
 */
llmd_error *llmd__check_calls(struct graph *graph, llmd_endpoint *endpoint, bool stream,
                              step_id *out);
/* Tells the outcome of one check. */
llmd_error *llmd__check_tell(struct graph *graph, llmd_level level, const char *subject,
                             const char *reason, const char *message, const char *advice);

#endif
