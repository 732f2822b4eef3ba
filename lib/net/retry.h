/* SPDX-License-Identifier: Apache-2.0 */
/* The one retry policy, pure: class of a failure, and how long to wait. */
#ifndef LLMD_NET_RETRY_H
#define LLMD_NET_RETRY_H

#include "base/error.h"

enum retry_class {
    RETRY_NEVER,     /* the client's fault, or done */
    RETRY_NOT_SENT,  /* refused, unresolved: no byte was acted on */
    RETRY_TRANSIENT, /* 502-504, reset before the first byte */
    RETRY_THROTTLED, /* 429, or 503 with Retry-After */
    RETRY_SERVER     /* 500 */
};

#define LLMD__RETRY_TRIES_WITHOUT_DEADLINE 3
/* About eight seconds: the address may be wrong, or the server was never started. */
#define LLMD__RETRY_TRIES_UNHEARD 6
/* What a server may ask for. Longer waits are an outage that the caller must hear of. */
#define LLMD__RETRY_AFTER_MAX_MS 120000

enum retry_class llmd__retry_class(int http_status, bool answered, bool sent, bool has_retry_after);
/* Whether this method may be sent again after that class. GET, HEAD, PUT, DELETE and server-side
   apply are idempotent; POST only after NOT_SENT and THROTTLED. */
bool llmd__retry_allowed(enum retry_class class, bool idempotent);
/* How many tries in all: three without a deadline (and for a 500), six where nothing was ever heard
   of the server and nothing can be sent, else until the deadline. */
int llmd__retry_tries(enum retry_class class, bool heard, bool has_deadline);
/* Full jitter: attempt counts from 0; random in [0,1); Retry-After (ms, or -1) is
   the least, capped at two minutes. */
int64_t llmd__retry_delay_ms(int attempt, int64_t retry_after_ms, double random);
/* Retry-After in both forms (seconds, also with a fraction; HTTP-date) to ms from now_wall_ms; -1:
   none or unreadable. */
int64_t llmd__retry_after_ms(const char *header, int64_t now_wall_ms);

#endif
