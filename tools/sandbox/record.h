/* SPDX-License-Identifier: Apache-2.0 */
/* --record: each request as one JSON line, without its secrets. */
#ifndef SANDBOX_RECORD_H
#define SANDBOX_RECORD_H

#include "sandbox/sandbox.h"

/* google: the host of the Google API that answered, with the status; NULL: Kubernetes. */
void record_request(struct sandbox *sandbox, const struct request *request, const char *google,
                    int status);

#endif
