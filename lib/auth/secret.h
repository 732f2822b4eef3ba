/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that must not outlive their use, and what a server says that might repeat them. */
#ifndef LLMD_AUTH_SECRET_H
#define LLMD_AUTH_SECRET_H

#include "base/json.h"

/* INVALID unless a header can carry it. The token is not in the error. */
llmd_error *llmd__secret_check_token(const char *token, const char *what);
/* A foreign text cut to `max` bytes, on one line, with "***" for all that may be a token: an answer
   may repeat what it was asked. NULL without memory. */
char *llmd__secret_censor(const char *text, size_t max);

#endif
