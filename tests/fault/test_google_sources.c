/* SPDX-License-Identifier: Apache-2.0 */
/* Where another identity comes from: what of it is refused, and when. */
#include "auth/credentials.h"
#include "support/google_double.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static struct google_double google;

static int set_up(void **state)
{
    (void)state;
    google_double_start(&google);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    google_double_stop(&google);
    return 0;
}

/* Takes json. The error of opening it, or of the first token. */
static llmd_error *token_error(char *json)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    AUTO(buf) struct buf header = BUF_INIT;

    llmd_error *error = llmd_credentials_google_json(json, &credentials);
    free(json);
    if (error)
        return error;
    struct http_auth auth = llmd__credentials_auth(credentials);
    error = auth.authorize(NULL, auth.data, false, &header);
    auth.free(auth.data);
    return error;
}

/* What can be told without a network is told when the file is opened. */
static void test_credential_sources(void **state)
{
    static const struct {
        const char *source;
        llmd_code code;
        const char *words;
    } rows[] = {
        {"{}", LLMD_E_INVALID, "none of file, url, executable and environment_id"},
        {"{\"certificate\":{}}", LLMD_E_INVALID, "X.509) is not supported"},
        {"{\"executable\":{\"command\":\"true\",\"timeout_millis\":4999}}", LLMD_E_INVALID,
         "want 5000 to 120000"},
        {"{\"executable\":{\"command\":\"true\",\"timeout_millis\":120001}}", LLMD_E_INVALID,
         "want 5000 to 120000"},
        {"{\"executable\":{\"command\":\"'true\"}}", LLMD_E_INVALID, "a quote is not closed"},
        {"{\"environment_id\":\"aws2\"}", LLMD_E_INVALID, "only aws1"},
        {"{\"environment_id\":\"aws1\",\"regional_cred_verification_url\":\"http://sts.example\"}",
         LLMD_E_INVALID, "must be https"},
        {"{\"environment_id\":\"aws1\",\"regional_cred_verification_url\":"
         "\"https://sts.{region}.amazonaws.com\",\"url\":\"http://10.0.0.1/keys\"}",
         LLMD_E_INVALID, "not the address of the metadata server of AWS"},
        {"{\"environment_id\":\"aws1\",\"regional_cred_verification_url\":"
         "\"https://sts.{region}.amazonaws.com\"}",
         LLMD_E_INVALID, "set AWS_REGION"},
    };

    (void)state;
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_error(token_error(google_double_external(&google, rows[i].source, false)),
                     rows[i].code, rows[i].words);
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    assert_int_equal(server_requests(google.server), 0);
}

/* The region becomes part of a host name that a signed request goes to. */
static void test_aws_environment(void **state)
{
    static const char source[] = "{\"environment_id\":\"aws1\",\"regional_cred_verification_url\":"
                                 "\"https://sts.{region}.amazonaws.com\"}";

    (void)state;
    setenv("AWS_DEFAULT_REGION", "x.evil.example/", 1);
    assert_error(token_error(google_double_external(&google, source, false)), LLMD_E_PROTOCOL,
                 "is no region's name");
    setenv("AWS_DEFAULT_REGION", "us-east-2", 1);
    assert_error(token_error(google_double_external(&google, source, false)), LLMD_E_INVALID,
                 "set AWS_ACCESS_KEY_ID");
    unsetenv("AWS_DEFAULT_REGION");
}

/* Google has delegates for that: a file that points to a file that points ... is a mistake. */
static void test_impersonation_of_impersonation(void **state)
{
    char *user = google_double_user(&google, "");
    char *inner = google_double_impersonated(&google, user);

    (void)state;
    assert_error(token_error(google_double_impersonated(&google, inner)), LLMD_E_INVALID,
                 "impersonated themselves");
    free(inner);
    free(user);
}

#define WITH_GOOGLE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const char *const variables[] = {"AWS_REGION",
                                            "AWS_DEFAULT_REGION",
                                            "AWS_ACCESS_KEY_ID",
                                            "AWS_SECRET_ACCESS_KEY",
                                            "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
                                            NULL};
    const struct CMUnitTest tests[] = {
        WITH_GOOGLE(test_credential_sources),
        WITH_GOOGLE(test_aws_environment),
        WITH_GOOGLE(test_impersonation_of_impersonation),
    };

    for (const char *const *name = variables; *name; name++)
        unsetenv(*name);
    setenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
