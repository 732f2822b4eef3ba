/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Tokens by RFC 7519, signed with RS256 as Google wants them (AIP-4111). */
#ifndef LLMD_AUTH_JWT_H
#define LLMD_AUTH_JWT_H

#include "auth/crypto.h"

struct jwt_claims {
    const char *issuer;
    const char *subject;  /* NULL: none */
    const char *audience; /* NULL: none */
    const char *scope;    /* NULL: none */
    int64_t issued_s;     /* since 1970 */
    int64_t expires_s;
};

/* Pure: "header.claims", which is what gets signed. key_id may be NULL. */
llmd_error *llmd__jwt_input(const struct jwt_claims *claims, const char *key_id, struct buf *out);
/* The whole token. */
llmd_error *llmd__jwt_sign(const struct jwt_claims *claims, const char *key_id,
                           const struct private_key *key, struct buf *out);

#endif
