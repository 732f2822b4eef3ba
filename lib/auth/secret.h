/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that must not outlive their use, and what a server says that might repeat them. */
#ifndef LLMD_AUTH_SECRET_H
#define LLMD_AUTH_SECRET_H

#include "base/json.h"

/* Room for that much, so that a text of secrets does not leave its beginnings behind in the blocks
   that it outgrew. A failure latches, as all of a buf's. */
void llmd__secret_buf_reserve(struct buf *buf, size_t size);
/* Wipes, then frees. */
void llmd__secret_buf_free(struct buf *buf);
void llmd__secret_json_free(struct json *json);
#define SECRET_BUF __attribute__((cleanup(llmd__secret_buf_free))) struct buf
DEFINE_AUTO(secret_json, struct json *, llmd__secret_json_free)

/* INVALID unless a header can carry it. The token is not in the error. */
llmd_error *llmd__secret_check_token(const char *token, const char *what);
/* A foreign text cut to `max` bytes, on one line, with "***" for all that may be a token: an answer
   may repeat what it was asked. NULL without memory. */
char *llmd__secret_censor(const char *text, size_t max);

#endif
