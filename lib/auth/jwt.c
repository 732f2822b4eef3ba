/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/jwt.h"

#include "base/base64.h"
#include "base/json.h"

#include <string.h>

static llmd_error *add_part(const struct json *part, struct buf *out)
{
    AUTO(str) char *text = NULL;

    TRY(llmd__json_print(part, &text));
    llmd__base64_encode(text, strlen(text), true, out);
    return llmd__buf_check(out);
}

llmd_error *llmd__jwt_input(const struct jwt_claims *claims, const char *key_id, struct buf *out)
{
    AUTO(json) struct json *header = NULL;
    AUTO(json) struct json *body = NULL;

    TRY(llmd__json_make(&header, "{'alg': 'RS256', 'typ': 'JWT', 'kid': %s}", key_id));
    TRY(llmd__json_make(&body,
                        "{'iss': %s, 'sub': %s, 'aud': %s, 'scope': %s, 'iat': %I, 'exp': %I}",
                        claims->issuer, claims->subject, claims->audience, claims->scope,
                        claims->issued_s, claims->expires_s));
    TRY(add_part(header, out));
    llmd__buf_char(out, '.');
    return add_part(body, out);
}

llmd_error *llmd__jwt_sign(const struct jwt_claims *claims, const char *key_id,
                           const struct private_key *key, struct buf *out)
{
    AUTO(buf) struct buf signature = BUF_INIT;

    TRY(llmd__jwt_input(claims, key_id, out));
    TRY(llmd__private_key_sign(key, out->data, out->len, &signature));
    llmd__buf_char(out, '.');
    llmd__base64_encode(signature.data, signature.len, true, out);
    return llmd__buf_check(out);
}
