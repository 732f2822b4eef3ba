/* SPDX-License-Identifier: Apache-2.0 */
/* RSA keys made at run time, so that none lies in the repository. */
#ifndef TESTS_SUPPORT_KEY_H
#define TESTS_SUPPORT_KEY_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

/* The key as PEM (PKCS#8), for free(). password: NULL for a plain one. */
static inline char *key_pem(EVP_PKEY *key, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;

    PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_128_cbc() : NULL, password,
                                  password ? (int)strlen(password) : 0, NULL, NULL);
    long len = BIO_get_mem_data(bio, &bytes);
    char *pem = strndup(bytes, (size_t)len);
    BIO_free(bio);
    return pem;
}

/* Whether it is the RS256 signature of the text. */
static inline bool key_signed(EVP_PKEY *key, const void *text, size_t len, const void *signature,
                              size_t size)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool fits = EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(digest, signature, size, text, len) == 1;

    EVP_MD_CTX_free(digest);
    return fits;
}

#endif
