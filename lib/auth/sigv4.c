/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/sigv4.h"

#include "auth/crypto.h"
#include "auth/secret.h"

#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY 8 /* "20150830" */

static void add_hex(struct buf *out, const unsigned char bytes[SHA256_SIZE])
{
    for (size_t i = 0; i < SHA256_SIZE; i++)
        llmd__buf_format(out, "%02x", bytes[i]);
}

static void add_names(const struct sigv4_request *request, struct buf *out)
{
    for (size_t i = 0; i < request->header_count; i++)
        llmd__buf_format(out, "%s%s", i ? ";" : "", request->headers[i].name);
}

static void add_scope(const struct sigv4_request *request, struct buf *out)
{
    llmd__buf_format(out, "%.*s/%s/%s/aws4_request", DAY, request->date, request->region,
                     request->service);
}

/* The request as both sides must write it to come to the same digest. */
static llmd_error *add_canonical(const struct sigv4_request *request, struct buf *out)
{
    unsigned char digest[SHA256_SIZE];

    llmd__buf_format(out, "%s\n%s\n%s\n", request->method, request->path, request->query);
    for (size_t i = 0; i < request->header_count; i++)
        llmd__buf_format(out, "%s:%s\n", request->headers[i].name, request->headers[i].value);
    llmd__buf_char(out, '\n');
    add_names(request, out);
    llmd__buf_char(out, '\n');
    TRY(llmd__sha256(request->body, strlen(request->body), digest));
    add_hex(out, digest);
    return llmd__buf_check(out);
}

static llmd_error *add_string_to_sign(const struct sigv4_request *request, struct buf *out)
{
    AUTO(buf) struct buf canonical = BUF_SECRET; /* it may hold a session token */
    unsigned char digest[SHA256_SIZE];

    TRY(add_canonical(request, &canonical));
    TRY(llmd__sha256(canonical.data, canonical.len, digest));
    llmd__buf_format(out, ALGORITHM "\n%s\n", request->date);
    add_scope(request, out);
    llmd__buf_char(out, '\n');
    add_hex(out, digest);
    return llmd__buf_check(out);
}

/* Each step's digest is the next step's key. */
static llmd_error *chain(unsigned char key[SHA256_SIZE], const char *text)
{
    unsigned char next[SHA256_SIZE];

    TRY(llmd__hmac_sha256(key, SHA256_SIZE, text, strlen(text), next));
    memcpy(key, next, SHA256_SIZE);
    llmd__wipe(next, sizeof next);
    return NULL;
}

static llmd_error *derive(const struct sigv4_request *request, const char *secret_access_key,
                          unsigned char key[SHA256_SIZE])
{
    AUTO(secret) char *first = llmd__format("AWS4%s", secret_access_key);

    CHECK_MEMORY(first);
    TRY(llmd__hmac_sha256(first, strlen(first), request->date, DAY, key));
    TRY(chain(key, request->region));
    TRY(chain(key, request->service));
    return chain(key, "aws4_request");
}

llmd_error *llmd__sigv4_sign(const struct sigv4_request *request, const char *access_key_id,
                             const char *secret_access_key, struct buf *out)
{
    AUTO(buf) struct buf text = BUF_INIT;
    unsigned char key[SHA256_SIZE];

    TRY(add_string_to_sign(request, &text));
    llmd_error *error = derive(request, secret_access_key, key);
    if (!error)
        error = chain(key, llmd__buf_text(&text));
    if (!error) {
        llmd__buf_format(out, ALGORITHM " Credential=%s/", access_key_id);
        add_scope(request, out);
        llmd__buf_str(out, ", SignedHeaders=");
        add_names(request, out);
        llmd__buf_str(out, ", Signature=");
        add_hex(out, key);
    }
    llmd__wipe(key, sizeof key);
    return error ? error : llmd__buf_check(out);
}
