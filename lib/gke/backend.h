/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GKE's Gateway controller makes of an InferencePool in Compute Engine, and how it is. Pure.
 *
 * Its objects are named gkegw1-XXXX-NAMESPACE-OBJECT-PORT-HASH: the four characters are one
 * cluster's, namespace and object are cut, and the port of a pool is 54321.
 */
#ifndef LLMD_GKE_BACKEND_H
#define LLMD_GKE_BACKEND_H

#include "base/json.h"

/* "gkegw1-abcd-" of the name of a forwarding rule. */
#define LLMD__BACKEND_MARK 12
bool llmd__backend_mark(const char *rule, char mark[LLMD__BACKEND_MARK + 1]);
/* Whether a backend service of that name is this pool's. */
bool llmd__is_pool_backend(const char *name, const char *mark, const char *ns, const char *pool);

struct backend_health {
    int64_t healthy, total;
    char unhealthy[80]; /* an address and port of one that is not, "10.4.0.5:8000"; "" if none */
};
/* Adds an answer of getHealth. */
void llmd__backend_health(const struct json *answer, struct backend_health *health);
/* The path that a health check of Compute Engine asks for, or that a HealthCheckPolicy wants; "":
   it asks for none. */
const char *llmd__check_path(const struct json *check);
const char *llmd__policy_path(const struct json *policy);
/* Whether Google is known to ask for something else than the policy wants; asked_path NULL: it is
   not known what it asks for. */
bool llmd__policy_ignored(const struct json *policy, const char *asked_path);
/* The HealthCheckPolicy of a list that is about this pool; NULL: none. */
const struct json *llmd__policy_of_pool(const struct json *list, const char *pool);
/* It as it was applied: without what the server added. */
llmd_error *llmd__policy_again(const struct json *policy, struct json **out);

#endif
