/* SPDX-License-Identifier: Apache-2.0 */
/* The only door to OpenSSL: what signing tokens needs. */
#ifndef LLMD_AUTH_CRYPTO_H
#define LLMD_AUTH_CRYPTO_H

#include "base/buf.h"

#define SHA256_SIZE 32

struct private_key;

/* PEM (PKCS#8 or PKCS#1) of an RSA key. The key is not in the error. */
llmd_error *llmd__private_key_parse(const char *pem, struct private_key **out);
void llmd__private_key_free(struct private_key *key);
/* RSASSA-PKCS1-v1_5 with SHA-256, "RS256"; the raw signature is appended. */
llmd_error *llmd__private_key_sign(const struct private_key *key, const void *data, size_t len,
                                   struct buf *out);

llmd_error *llmd__sha256(const void *data, size_t len, unsigned char out[SHA256_SIZE]);
llmd_error *llmd__hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                              unsigned char out[SHA256_SIZE]);

#endif
