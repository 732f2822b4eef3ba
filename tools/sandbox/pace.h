/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the steps of a deployment take. By default those inside a cluster go as fast as they
 * were recorded on the rig, whose images are on its node; at GKE's pace they take what was measured
 * there, so that a whole deployment can be timed.
 */
#ifndef SANDBOX_PACE_H
#define SANDBOX_PACE_H

#include "sandbox/options.h"

#include <stdint.h>

struct json;

enum pace_step {
    PACE_CERT_MANAGER, /* its pods, from running to ready */
    PACE_CERTIFICATE,  /* from an Issuer to the Secret */
    PACE_LLMISVC,      /* KServe's controller, from running to ready */
    PACE_GATEWAY,      /* from an accepted class to an address */
    PACE_CHILDREN,     /* from an LLMInferenceService to its pods, pool and route */
    PACE_IMAGE,        /* pulling a model server's image */
    PACE_DOWNLOAD,     /* of the model */
    PACE_MODEL,        /* a model server, from running to ready */
    PACE_BACKENDS,     /* from ready pods to backends that are healthy */
    PACE_COUNT
};

/* Cluster milliseconds; recorded: what it is otherwise. */
int64_t pace_ms(const struct options *options, enum pace_step step, int64_t recorded);
/* Every step that a whole deployment waits for, at GKE's pace, Google's own too:
   {"steps": {NAME: SECONDS}}. */
struct json *pace_json(void);

#endif
