/* SPDX-License-Identifier: Apache-2.0 */
/* The calls to an endpoint that both health checks make, one event a check. */
#ifndef LLMD_HEALTH_CHECK_H
#define LLMD_HEALTH_CHECK_H

#include "openai/endpoint.h"
#include "task/graph.h"

/* A step that asks for the models and makes a one-token call; stream: the call is streamed too. It
   is DONE whatever it finds. Takes the endpoint (also on failure). */
llmd_error *llmd__check_calls(struct graph *graph, llmd_endpoint *endpoint, bool stream,
                              step_id *out);
/* Tells the outcome of one check. */
llmd_error *llmd__check_tell(struct graph *graph, llmd_level level, const char *subject,
                             const char *reason, const char *message, const char *advice);

#endif
