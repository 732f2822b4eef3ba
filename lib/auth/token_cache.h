/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a source's token until shortly before its end. One thread fetches for all; while it renews
 * a token that still holds, the others go on with that one.
 */
#ifndef LLMD_AUTH_TOKEN_CACHE_H
#define LLMD_AUTH_TOKEN_CACHE_H

#include "auth/access_token.h"

#include "net/http.h"

/* Makes an http_auth of the source, which is taken, also on failure. now_wall_ms: the clock, for
   tests; NULL: the machine's. */
llmd_error *llmd__token_cache_open(const struct token_source *source, int64_t (*now_wall_ms)(void),
                                   struct http_auth *out);

#endif
