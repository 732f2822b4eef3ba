/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns which field: server-side apply, its conflicts, and metadata.managedFields. Pure. */
#ifndef SANDBOX_MANAGED_H
#define SANDBOX_MANAGED_H

#include "sandbox/status.h"
#include "sandbox/store.h"

struct apply_request {
    const char *manager;
    const char *api_version; /* "apps/v1" */
    const char *subresource; /* "" or "status" */
    bool force;
};

/*
 * live: NULL for a new object. Gives the merged object in *out, or an answer (409) with status !=
 * 0. managedFields of *out are kept up to date.
 */
struct answer managed_apply(const struct json *live, const struct json *applied,
                            const struct apply_request *request, struct json **out);
/* After a create or update by other means: `now` changed from `live` by this manager. */
void managed_update(const struct json *live, struct json *now, const struct apply_request *request);

#endif
