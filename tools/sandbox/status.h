/* SPDX-License-Identifier: Apache-2.0 */
/* Status answers with Kubernetes' own words. */
#ifndef SANDBOX_STATUS_H
#define SANDBOX_STATUS_H

#include "sandbox/httpd.h"
#include "sandbox/kinds.h"

/* What a request came to: an answer to send. */
struct answer {
    int status;
    char *text; /* JSON, from llmd__ memory */
};

/* details may be NULL; taken. */
struct answer answer_status(int code, const char *reason, struct json *details, const char *format,
                            ...) PRINTF_LIKE(4, 5);
struct answer answer_json(int code, struct json *json); /* takes json */
struct answer answer_not_found(const struct kind *kind, const char *name);
struct answer answer_invalid(const struct kind *kind, const char *name, const char *field,
                             const char *value, const char *detail);
struct answer answer_bad_request(const char *format, ...) PRINTF_LIKE(1, 2);
struct answer answer_success(const struct kind *kind, const char *name, const char *uid);
struct json *status_json(int code, const char *reason, struct json *details, const char *message);
void answer_send(struct conn *conn, struct answer answer); /* frees it */

#endif
