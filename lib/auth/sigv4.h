/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 for a POST without a body. Pure: the time is an argument. */
#ifndef LLMD_AUTH_SIGV4_H
#define LLMD_AUTH_SIGV4_H

#include "base/buf.h"

struct sigv4_header {
    const char *name; /* lower case */
    const char *value;
};

struct sigv4_request {
    const char *method;
    const char *path;                   /* escaped; "/" */
    const char *query;                  /* escaped and sorted; "" */
    const struct sigv4_header *headers; /* sorted by name; host and x-amz-date are among them */
    size_t header_count;
    const char *body;
    const char *region;
    const char *service;
    const char *date; /* "20150830T123600Z" */
};

/* Appends the value of the Authorization header. */
llmd_error *llmd__sigv4_sign(const struct sigv4_request *request, const char *access_key_id,
                             const char *secret_access_key, struct buf *out);

#endif
