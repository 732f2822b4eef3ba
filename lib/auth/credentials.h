/* SPDX-License-Identifier: Apache-2.0 */
/* Where tokens come from, as an http_auth. */
#ifndef LLMD_AUTH_CREDENTIALS_H
#define LLMD_AUTH_CREDENTIALS_H

#include "net/http.h"

#include <llmd/credentials.h>

/* An http_auth that holds a reference; authorize stays NULL for NULL credentials. */
struct http_auth llmd__credentials_auth(const llmd_credentials *credentials);

#endif
