/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes Status answers to errors. Pure. */
#ifndef LLMD_KUBE_STATUS_H
#define LLMD_KUBE_STATUS_H

#include "base/json.h"

/* what: "apply deployments.apps llm/qwen". The message is "<what>: 403 Forbidden: <server's
   message>"; conflicts name the other manager and the field; advice where we have one. */
#define LLMD__CONFLICT_ADVICE                                                                      \
    "leave these fields out of what you apply, or take them over with force" /* of such conflicts  \
                                                                              */
llmd_error *llmd__status_error(int http_status, const char *body, const char *what);

/* Refusals that pass when something of the cluster has finished starting. */
enum status_passing {
    PASSING_NO,
    PASSING_WEBHOOK, /* an admission or conversion webhook that starts */
    PASSING_ACCOUNT, /* a new namespace without its service account */
    PASSING_CHANGED, /* somebody wrote between the server's two looks */
    PASSING_STORE    /* etcd elects a leader or is slow */
};
enum status_passing llmd__status_passing(int http_status, const char *body);

#endif
