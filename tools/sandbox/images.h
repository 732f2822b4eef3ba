/* SPDX-License-Identifier: Apache-2.0 */
/* Which images exist, and what a pull says when one does not. */
#ifndef SANDBOX_IMAGES_H
#define SANDBOX_IMAGES_H

#include "sandbox/sandbox.h"

enum image_role {
    ROLE_OTHER,
    ROLE_MODEL,   /* vLLM or a simulator of it */
    ROLE_PICKER,  /* endpoint picker */
    ROLE_LLMISVC, /* KServe's LLMInferenceService controller */
    ROLE_CERT_MANAGER,
    ROLE_CERT_WEBHOOK,
    ROLE_CA_INJECTOR,
    ROLE_CERT_OPERATOR, /* Red Hat's, which makes the three */
    ROLE_ENVOY_GATEWAY,
    ROLE_AI_GATEWAY
};

enum pull { PULL_GOOD, PULL_NOT_FOUND, PULL_REFUSED };

void images_add(struct sandbox *sandbox, const char *pattern);
enum image_role image_role(const char *image);
/* For NOT_FOUND and REFUSED, *message becomes containerd's words (llmd__ memory). */
enum pull image_pull(struct sandbox *sandbox, const struct object *pod, const char *image,
                     char **message);

#endif
