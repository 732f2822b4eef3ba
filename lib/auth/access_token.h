/* SPDX-License-Identifier: Apache-2.0 */
/* A token with its end, what servers and programs print of it, and something that fetches them. */
#ifndef LLMD_AUTH_ACCESS_TOKEN_H
#define LLMD_AUTH_ACCESS_TOKEN_H

#include "base/json.h"

#include <llmd/context.h>

struct access_token {
    char *value;
    int64_t expires_wall_ms; /* 0: not known */
};

void llmd__access_token_free(struct access_token *token);

static inline void llmd__auto_access_token(struct access_token *token)
{
    llmd__access_token_free(token);
}

/* Reads access_token, accessToken or token, and expires_in (also as a text) or a time under one of
   its names. PROTOCOL without a token. */
llmd_error *llmd__access_token_read(const struct json *answer, int64_t now_wall_ms,
                                    struct access_token *out);

/* One of the kinds of credentials. fetch is never called by two threads at once. */
struct token_source {
    llmd_error *(*fetch)(llmd_context *ctx, void *data, struct access_token *out);
    void (*free)(void *data);
    void *data;
};

#endif
