/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/crypto.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <limits.h>
#include <string.h>

/* NIST SP 800-131A; Google makes keys of 2048 bits. */
#define SMALLEST_KEY_BITS 2048

struct private_key {
    EVP_PKEY *pkey;
};

/* OpenSSL keeps its faults in a queue of the thread, which is the host's, too. */
static llmd_error *crypto_error(const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    llmd_error *error =
        llmd__error(LLMD_E_INVALID, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return error;
}

/* OpenSSL would ask on the terminal for the password of an encrypted key. */
static int no_password(char *buffer, int size, int writing, void *data)
{
    (void)buffer, (void)size, (void)writing, (void)data;
    return -1;
}

static EVP_PKEY *read_pem(const char *pem)
{
    BIO *bio = strlen(pem) < INT_MAX ? BIO_new_mem_buf(pem, -1) : NULL;
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    return pkey;
}

llmd_error *llmd__private_key_parse(const char *pem, struct private_key **out)
{
    EVP_PKEY *pkey = read_pem(pem);

    *out = NULL;
    if (!pkey)
        return crypto_error("it is not a private key in PEM");
    bool fits = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
    bool is_small = fits && EVP_PKEY_get_bits(pkey) < SMALLEST_KEY_BITS;
    struct private_key *key = fits && !is_small ? llmd__calloc(1, sizeof *key) : NULL;
    if (!key) {
        EVP_PKEY_free(pkey);
        if (!fits)
            return llmd__error(LLMD_E_INVALID, "it is not an RSA key");
        return is_small ? llmd__error(LLMD_E_INVALID, "the RSA key has less than %d bits",
                                      SMALLEST_KEY_BITS)
                        : NO_MEMORY;
    }
    key->pkey = pkey;
    *out = key;
    return NULL;
}

/* OpenSSL overwrites the numbers of a private key when it frees them. */
void llmd__private_key_free(struct private_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    llmd__free(key);
}

static bool sign(EVP_MD_CTX *digest, const struct private_key *key, const void *data, size_t len,
                 unsigned char *signature, size_t *size)
{
    return digest && EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
           EVP_DigestSign(digest, signature, size, data, len) == 1;
}

llmd_error *llmd__private_key_sign(const struct private_key *key, const void *data, size_t len,
                                   struct buf *out)
{
    size_t size = (size_t)EVP_PKEY_get_size(key->pkey);
    unsigned char *signature = llmd__malloc(size);

    CHECK_MEMORY(signature);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool signed_it = sign(digest, key, data, len, signature, &size);
    EVP_MD_CTX_free(digest);
    if (signed_it)
        llmd__buf_add(out, signature, size);
    llmd__free(signature);
    return signed_it ? llmd__buf_check(out) : crypto_error("signing");
}

llmd_error *llmd__sha256(const void *data, size_t len, unsigned char out[SHA256_SIZE])
{
    if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) != 1)
        return crypto_error("SHA-256");
    return NULL;
}

llmd_error *llmd__hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                              unsigned char out[SHA256_SIZE])
{
    if (!HMAC(EVP_sha256(), key, (int)key_len, data, len, out, NULL))
        return crypto_error("HMAC");
    return NULL;
}
