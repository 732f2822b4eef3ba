/* SPDX-License-Identifier: Apache-2.0 */
/* A resource of the API and its paths. Pure. */
#ifndef LLMD_KUBE_RESOURCE_H
#define LLMD_KUBE_RESOURCE_H

#include "base/json.h"

struct resource {
    const char *group; /* "" for the core */
    const char *version;
    const char *plural;
    const char *kind;
    bool namespaced;
};

/* "/apis/apps/v1/namespaces/llm/deployments/qwen/status?fieldManager=x". ns NULL or "" or "*": all;
   name, subresource and query may be NULL. */
void llmd__resource_path(struct buf *buf, const struct resource *resource, const char *ns,
                         const char *name, const char *subresource, const char *query);
/* "&labelSelector=...&fieldSelector=...", escaped; NULL or "": that one is left out. */
void llmd__resource_selectors(struct buf *query, const char *labels, const char *fields);
/* For errors: "deployments.apps llm/qwen"; name NULL: "deployments.apps". */
void llmd__resource_label(struct buf *buf, const struct resource *resource, const char *ns,
                          const char *name);

#endif
