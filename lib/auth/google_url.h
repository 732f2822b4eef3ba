/* SPDX-License-Identifier: Apache-2.0 */
/* Which URLs of a credentials file may get a secret. */
#ifndef LLMD_AUTH_GOOGLE_URL_H
#define LLMD_AUTH_GOOGLE_URL_H

#include "base/error.h"

/* https; http to this very machine. For files that hold the secret that goes there. */
llmd_error *llmd__url_check_secure(const char *url, const char *what);
/* https to a host of googleapis.com or of GOOGLE_CLOUD_UNIVERSE_DOMAIN. For files that name both
   the secret and where it goes. */
llmd_error *llmd__url_check_google(const char *url, const char *what);
/* The address of a cloud's own metadata server. */
llmd_error *llmd__url_check_link_local(const char *url, const char *what);
/* On this machine or beside it, where no proxy leads. */
bool llmd__url_is_local(const char *url);
/* LLMD_ALLOW_LOOPBACK_TOKEN_URLS=1: for tests, this very machine passes all of them. */

#endif
