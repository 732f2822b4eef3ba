/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about a refusal of Google's, from its own words. Pure. */
#ifndef LLMD_GKE_GOOGLE_ADVICE_H
#define LLMD_GKE_GOOGLE_ADVICE_H

#include "gke/google_error.h"

/* The ErrorInfo among the details of a google.rpc.Status, or NULL. */
const struct json *llmd__google_error_info(const struct json *status);
/* Sets the advice. status: the google.rpc.Status, or NULL; usual: that of the class, or NULL. */
void llmd__google_advise(llmd_error *error, enum trouble class, const char *message,
                         const struct json *status, const char *usual);

#endif
