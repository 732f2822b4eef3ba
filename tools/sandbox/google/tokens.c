/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/google/tokens.h"

#include "sandbox/conn.h"
#include "sandbox/store.h"
#include "base/clock.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "ya29.sandbox-"

struct google_tokens {
    pthread_mutex_t mutex;
    const char *fixed;
    int seconds;
    int64_t *issued_us; /* when the n-th token was handed out */
    int count;
    EVP_PKEY *key;
};

struct google_tokens *tokens_new(const char *fixed, int seconds)
{
    struct google_tokens *tokens = must_alloc(sizeof(*tokens));
    *tokens = (struct google_tokens){.fixed = fixed, .seconds = seconds};
    pthread_mutex_init(&tokens->mutex, NULL);
    return tokens;
}

void tokens_free(struct google_tokens *tokens)
{
    if (!tokens)
        return;
    EVP_PKEY_free(tokens->key);
    pthread_mutex_destroy(&tokens->mutex);
    free(tokens->issued_us);
    free(tokens);
}

char *tokens_issue(struct google_tokens *tokens)
{
    pthread_mutex_lock(&tokens->mutex);
    int number = tokens->count++;
    tokens->issued_us =
        must_realloc(tokens->issued_us, (size_t)tokens->count * sizeof(*tokens->issued_us));
    tokens->issued_us[number] = llmd__clock_mono_us();
    pthread_mutex_unlock(&tokens->mutex);
    return tokens->fixed ? llmd__format("%s", tokens->fixed)
                         : llmd__format(PREFIX "%06d-of-no-value-elsewhere", number);
}

bool tokens_good(struct google_tokens *tokens, const char *token)
{
    bool good = false;
    if (tokens->fixed && strcmp(tokens->fixed, token) == 0)
        return true;
    if (strncmp(token, PREFIX, strlen(PREFIX)) != 0)
        return false;
    long number = strtol(token + strlen(PREFIX), NULL, 10);
    pthread_mutex_lock(&tokens->mutex);
    if (number >= 0 && number < tokens->count)
        good = llmd__clock_mono_us() - tokens->issued_us[number] < tokens->seconds * 1000000LL;
    pthread_mutex_unlock(&tokens->mutex);
    return good;
}

int tokens_seconds(const struct google_tokens *tokens)
{
    return tokens->seconds;
}

int tokens_issued(struct google_tokens *tokens)
{
    pthread_mutex_lock(&tokens->mutex);
    int count = tokens->count;
    pthread_mutex_unlock(&tokens->mutex);
    return count;
}

char *tokens_private_key(struct google_tokens *tokens)
{
    pthread_mutex_lock(&tokens->mutex);
    if (!tokens->key)
        tokens->key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, tokens->key, NULL, NULL, 0, NULL, NULL);
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *pem = must_strndup(data, (size_t)len);
    BIO_free(bio);
    pthread_mutex_unlock(&tokens->mutex);
    return pem;
}

bool tokens_verify(struct google_tokens *tokens, const char *signed_text, unsigned long len,
                   const unsigned char *signature, unsigned long signature_len)
{
    bool good = false;
    pthread_mutex_lock(&tokens->mutex);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (tokens->key && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, tokens->key) == 1)
        good = EVP_DigestVerify(context, signature, signature_len,
                                (const unsigned char *)signed_text, len) == 1;
    EVP_MD_CTX_free(context);
    pthread_mutex_unlock(&tokens->mutex);
    return good;
}
