/* SPDX-License-Identifier: Apache-2.0 */
/* One try after the other: what blocking calls and opened streams share. */
#ifndef LLMD_NET_SEND_H
#define LLMD_NET_SEND_H

#include "net/exchange.h"

struct attempt {
    llmd_context *ctx;
    struct http *http;
    const struct http_request *request;
    struct http_reply *reply;
    enum retry_class class; /* of the last try, unless the context ended */
    bool ended;             /* by the context: no more tries */
    int tries;
    bool refreshed;
    char last[256]; /* what the last failed try met */
};

/* once() makes one try: it fills reply and class, or returns an error and sets class or ended. */
llmd_error *llmd__attempt_run(struct attempt *attempt,
                              llmd_error *(*once)(struct attempt *attempt, void *data), void *data);

#endif
