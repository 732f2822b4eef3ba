/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, pure. */
#ifndef LLMD_BASE_URL_H
#define LLMD_BASE_URL_H

#include "base/buf.h"

struct url {
    char *scheme; /* "http" or "https" */
    char *host;   /* without brackets */
    int port;     /* explicit or the scheme's */
    char *path;   /* begins with "/"; no trailing slash unless alone */
    char *query;  /* without "?", or NULL */
};

/* Refuses other schemes, user info, empty hosts, control characters. */
llmd_error *llmd__url_parse(const char *text, struct url *out);
void llmd__url_free(struct url *url);
void llmd__url_escape(struct buf *buf, const char *text); /* one path segment or query value */

#endif
