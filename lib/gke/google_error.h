/* SPDX-License-Identifier: Apache-2.0 */
/* What Google refused, and what that means: google.rpc.Status and ErrorInfo of answers, the errors
   of operations, and the errors of instances. Pure. Texts: facts of GKE's and Compute Engine's
   fronts, each with its pitfall. */
#ifndef LLMD_GKE_GOOGLE_ERROR_H
#define LLMD_GKE_GOOGLE_ERROR_H

#include "base/json.h"

enum trouble {
    TROUBLE_UNKNOWN,
    TROUBLE_STOCKOUT, /* no capacity now: another zone, machine, or later */
    TROUBLE_QUOTA,
    TROUBLE_IP_EXHAUSTED,
    TROUBLE_PERMISSION,
    TROUBLE_CONFIG,      /* never retried: "Unsupported TPU configuration" */
    TROUBLE_RESERVATION, /* not READY, or not there */
    TROUBLE_RUNNING,     /* another operation on the cluster: wait for it */
    TROUBLE_CONFLICT,    /* a stale etag */
    TROUBLE_NOT_FOUND,
    TROUBLE_EXISTS,
    TROUBLE_TRANSIENT,
    TROUBLE_THROTTLED, /* 429, rate or too many operations */
    TROUBLE_AUTH,
    TROUBLE_SERVICE_DISABLED, /* may go on for minutes after it was enabled */
    TROUBLE_ORG_POLICY,
    TROUBLE_PROJECT /* billing, quota project, suspended */
};

/* A refusal with what and the server's words, reason and advice set. class may be NULL. */
llmd_error *llmd__google_refusal(int status, const char *body, const char *what,
                                 enum trouble *class);
/* The error of an operation that is DONE, or of one that GKE calls done and is not: NULL if it
   succeeded. Reads `error`, `statusMessage`, and the condition lists. */
llmd_error *llmd__google_operation_error(const struct json *operation, const char *what,
                                         enum trouble *class);
/* Compute Engine's code of an instance ("ZONE_RESOURCE_POOL_EXHAUSTED") or a free text that holds
   one ("[GCE_STOCKOUT]: ..."). */
enum trouble llmd__trouble_of(const char *code_or_text);
/* "GCE_STOCKOUT", "QUOTA_EXCEEDED", "ORG_POLICY", ...: the error's reason. */
const char *llmd__trouble_reason(enum trouble class);
/* The class of an answer with this google.rpc.Code ("RESOURCE_EXHAUSTED") and no words. */
enum trouble llmd__trouble_of_status(const char *status);
/* Zones that Google names as having capacity ("a, b"), anywhere in an error of Compute Engine or of
   an operation; "" if none. */
void llmd__google_zones_available(const struct json *error, struct buf *out);
/* The operation that a TROUBLE_RUNNING refusal names: "operation-1...-..."; false if none. */
bool llmd__google_running_operation(const char *message, char *name, size_t size);
/* Refusals after which something else is tried: the zone has none of this machine type; there is no
   such zone or region. */
bool llmd__google_machine_absent(const char *message);
bool llmd__google_location_absent(const char *message);

#endif
