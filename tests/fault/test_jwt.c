/* SPDX-License-Identifier: Apache-2.0 */
/* The claims byte for byte, and signatures that OpenSSL's own verification takes. Not among the
   unit tests, which valgrind runs as well: there, RSA keys take a minute. */
#include "auth/jwt.h"
#include "base/base64.h"
#include "support/key.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct jwt_claims to_exchange = {.issuer = "runner@acme.iam.gserviceaccount.com",
                                              .audience = "https://oauth2.googleapis.com/token",
                                              .scope = "a b",
                                              .issued_s = 1764064800,
                                              .expires_s = 1764068400};
static const struct jwt_claims self_signed = {.issuer = "runner@acme.iam.gserviceaccount.com",
                                              .subject = "runner@acme.iam.gserviceaccount.com",
                                              .scope = "a b",
                                              .issued_s = 1764064800,
                                              .expires_s = 1764068400};

/* url: the alphabet of JWT, put back into the one that the decoder knows. */
static char *decoded(const char *text, size_t len)
{
    struct buf standard = BUF_INIT;
    struct buf out = BUF_INIT;
    char *result = NULL;

    for (size_t i = 0; i < len; i++)
        llmd__buf_char(&standard, text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    while (standard.len % 4)
        llmd__buf_char(&standard, '=');
    assert_null(llmd__base64_decode(llmd__buf_text(&standard), "part", &out));
    llmd__buf_free(&standard);
    assert_null(llmd__buf_take(&out, &result));
    return result;
}

static void assert_parts(const struct jwt_claims *claims, const char *key_id, const char *header,
                         const char *body)
{
    AUTO(buf) struct buf input = BUF_INIT;

    assert_null(llmd__jwt_input(claims, key_id, &input));
    const char *dot = strchr(llmd__buf_text(&input), '.');
    assert_non_null(dot);
    AUTO(str) char *first = decoded(input.data, (size_t)(dot - input.data));
    AUTO(str) char *second = decoded(dot + 1, strlen(dot + 1));
    assert_string_equal(first, header);
    assert_string_equal(second, body);
    assert_null(strpbrk(input.data, "+/="));
}

static void test_claims(void **state)
{
    (void)state;
    assert_parts(&to_exchange, "k1", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
                 "{\"iss\":\"runner@acme.iam.gserviceaccount.com\","
                 "\"aud\":\"https://oauth2.googleapis.com/token\",\"scope\":\"a b\","
                 "\"iat\":1764064800,\"exp\":1764068400}");
    assert_parts(&self_signed, NULL, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
                 "{\"iss\":\"runner@acme.iam.gserviceaccount.com\","
                 "\"sub\":\"runner@acme.iam.gserviceaccount.com\",\"scope\":\"a b\","
                 "\"iat\":1764064800,\"exp\":1764068400}");
}

static EVP_PKEY *key;

static int make_key(void **state)
{
    (void)state;
    key = EVP_RSA_gen(2048);
    return key ? 0 : -1;
}

static int drop_key(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

static llmd_error *sign_with(const char *pem, struct buf *out)
{
    struct private_key *private_key = NULL;

    TRY(llmd__private_key_parse(pem, &private_key));
    llmd_error *error = llmd__jwt_sign(&to_exchange, "k1", private_key, out);
    llmd__private_key_free(private_key);
    return error;
}

static void test_signature(void **state)
{
    AUTO(buf) struct buf token = BUF_INIT;
    char *pem = key_pem(key, NULL);

    (void)state;
    assert_null(sign_with(pem, &token));
    free(pem);
    const char *dot = strrchr(llmd__buf_text(&token), '.');
    size_t len = (size_t)(dot - token.data);
    AUTO(buf) struct buf padded = BUF_INIT;
    AUTO(buf) struct buf signature = BUF_INIT;
    for (const char *at = dot + 1; *at; at++)
        llmd__buf_char(&padded, *at == '-' ? '+' : *at == '_' ? '/' : *at);
    while (padded.len % 4)
        llmd__buf_char(&padded, '=');
    assert_null(llmd__base64_decode(llmd__buf_text(&padded), "signature", &signature));
    assert_true(key_signed(key, token.data, len, signature.data, signature.len));
    /* The check itself can fail. */
    token.data[len / 2] ^= 1;
    assert_false(key_signed(key, token.data, len, signature.data, signature.len));
}

static void assert_refused(char *pem, const char *words)
{
    struct private_key *private_key = NULL;

    llmd_error *error = llmd__private_key_parse(pem, &private_key);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    if (!strstr(llmd_error_message(error), words))
        fail_msg("want \"%s\" in \"%s\"", words, llmd_error_message(error));
    assert_null(private_key);
    llmd_error_free(error);
    free(pem);
}

/* An encrypted key must not make OpenSSL ask on the terminal. */
static void test_bad_keys(void **state)
{
    EVP_PKEY *curve = EVP_EC_gen("P-256");
    EVP_PKEY *small = EVP_RSA_gen(1024);

    (void)state;
    assert_refused(strdup(""), "not a private key");
    assert_refused(strdup("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"),
                   "not a private key");
    assert_refused(key_pem(key, "secret"), "not a private key");
    assert_refused(key_pem(curve, NULL), "not an RSA key");
    assert_refused(key_pem(small, NULL), "less than 2048 bits");
    EVP_PKEY_free(curve);
    EVP_PKEY_free(small);
}

static llmd_error *sign_all(void *pem)
{
    AUTO(buf) struct buf token = BUF_INIT;

    return sign_with(pem, &token);
}

static void test_without_memory(void **state)
{
    char *pem = key_pem(key, NULL);

    (void)state;
    assert_true(torture(sign_all, pem) > 5);
    free(pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, make_key, drop_key);
}
