/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials files of all types, and what is said of those that are none. */
#include "auth/google_file.h"
#include "auth/google_url.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"PEM\""
#define USER                                                                                       \
    "{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"s\","                   \
    "\"refresh_token\":\"r\"}"

static llmd_error *parse(const char *text, struct google_file *out)
{
    return llmd__google_file_parse(text, strlen(text), "key.json", out);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *words, *advice;
    } rows[] = {
        {"", "key.json: it is not JSON", ""},
        {"{\"private_key\": s3cret}", "key.json: it is not JSON", ""},
        {"[]", "it is no JSON object", ""},
        {"{}", "\"type\" is missing; supported are service_account, authorized_user", ""},
        {"{\"type\":7}", "\"type\" is missing", ""},
        {"{\"installed\":{\"client_id\":\"c\"}}", "an OAuth client, not credentials",
         "--client-id-file"},
        {"{\"web\":{\"client_id\":\"c\"}}", "an OAuth client, not credentials", "--client-id-file"},
        {"{\"type\":\"magic\"}", "type \"magic\" is unknown; supported are service_account", ""},
        {"{\"type\":\"gdch_service_account\"}", "Google Distributed Cloud", "kubeconfig"},
        {"{\"type\":\"service_account\"}", "client_email is missing", "get the file anew"},
        {"{\"type\":\"service_account\",\"client_email\":\"a@b\"}", "private_key is missing", ""},
        {"{\"type\":\"service_account\",\"client_email\":{},\"private_key\":\"s3cret\"}",
         "client_email is missing", ""},
        {"{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"s3cret\"}",
         "type authorized_user: refresh_token is missing", ""},
        {"{\"type\":\"authorized_user\",\"client_id\":7,\"client_secret\":\"s3cret\"}",
         "client_id is missing", ""},
        {"{\"type\":\"external_account\",\"audience\":\"a\",\"subject_token_type\":\"t\","
         "\"token_url\":\"u\",\"credential_source\":\"file\"}",
         "credential_source is missing", ""},
        {"{\"type\":\"impersonated_service_account\",\"service_account_impersonation_url\":\"u\"}",
         "source_credentials is missing", ""},
        {"{\"type\":\"external_account_authorized_user\"}", "token_url is missing", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct google_file file;
        llmd_error *error = parse(rows[i].text, &file);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        if (!strstr(llmd_error_message(error), rows[i].words) ||
            !strstr(llmd_error_advice(error), rows[i].advice) ||
            strstr(llmd_error_message(error), "s3cret"))
            fail_msg("row %zu: %s (%s)", i, llmd_error_message(error), llmd_error_advice(error));
        llmd_error_free(error);
        assert_null(file.type);
    }
}

/* What libllmd does not know is no mistake: Google adds fields. */
static void test_service_account(void **state)
{
    AUTO(google_file) struct google_file file;

    (void)state;
    assert_null(parse(SERVICE ",\"private_key_id\":\"k\",\"project_id\":\"p\",\"token_uri\":\"u\","
                              "\"universe_domain\":\"d\",\"new\":{\"a\":1},\"auth_uri\":null}",
                      &file));
    assert_string_equal(file.type, "service_account");
    assert_string_equal(file.client_email, "a@b");
    assert_string_equal(file.private_key, "PEM");
    assert_string_equal(file.private_key_id, "k");
    assert_string_equal(file.project_id, "p");
    assert_string_equal(file.token_uri, "u");
    assert_string_equal(file.universe_domain, "d");
    assert_null(file.quota_project_id);
}

static void test_external_account(void **state)
{
    AUTO(google_file) struct google_file file;

    (void)state;
    assert_null(parse("{\"type\":\"external_account\",\"audience\":\"a\",\"subject_token_type\":"
                      "\"t\",\"token_url\":\"u\",\"credential_source\":{\"file\":\"f\"},"
                      "\"service_account_impersonation_url\":\"i\","
                      "\"service_account_impersonation\":{\"token_lifetime_seconds\":2800},"
                      "\"workforce_pool_user_project\":\"w\"}",
                      &file));
    assert_string_equal(llmd__json_str(file.credential_source, "file"), "f");
    assert_string_equal(file.impersonation_url, "i");
    assert_int_equal(file.token_lifetime_s, 2800);
    assert_string_equal(file.workforce_pool_user_project, "w");
}

static void test_impersonated(void **state)
{
    AUTO(google_file) struct google_file file;
    AUTO(google_file) struct google_file source;

    (void)state;
    assert_null(parse("{\"type\":\"impersonated_service_account\",\"delegates\":[\"d\"],"
                      "\"service_account_impersonation_url\":\"u\",\"source_credentials\":" USER
                      "}",
                      &file));
    assert_int_equal(llmd__json_count(file.delegates), 1);
    assert_null(llmd__google_file_read(file.source_credentials, "source", &source));
    assert_string_equal(source.refresh_token, "r");
}

static llmd_error *parse_all(void *text)
{
    AUTO(google_file) struct google_file file;

    return parse(text, &file);
}

static void test_without_memory(void **state)
{
    char text[] = USER;

    (void)state;
    assert_true(torture(parse_all, text) > 5);
}

static void test_urls(void **state)
{
    static const struct {
        llmd_error *(*check)(const char *url, const char *what);
        const char *url;
        const char *words; /* NULL: good */
    } rows[] = {
        {llmd__url_check_google, "https://sts.googleapis.com/v1/token", NULL},
        {llmd__url_check_google, "https://iamcredentials.us-east1.rep.googleapis.com/v1/x", NULL},
        {llmd__url_check_google, "https://STS.GoogleAPIs.com/v1/token", NULL},
        {llmd__url_check_google, "http://sts.googleapis.com/v1/token", "is no https host"},
        {llmd__url_check_google, "https://googleapis.com.evil.example/", "gets no token"},
        {llmd__url_check_google, "https://evilgoogleapis.com/", "gets no token"},
        {llmd__url_check_google, "https://evil.example/sts.googleapis.com", "gets no token"},
        {llmd__url_check_google, "https://sts.googleapis.com@evil.example/", "token_url: URL"},
        {llmd__url_check_google, "https://sts.example.goog/v1/token", "gets no token"},
        {llmd__url_check_google, "http://127.0.0.1:1/", "gets no token"},
        {llmd__url_check_google, "ftp://x/", "token_url: URL"},
        {llmd__url_check_secure, "https://any.example/token", NULL},
        {llmd__url_check_secure, "http://any.example/token", "must be https"},
        {llmd__url_check_secure, "http://localhost:1/token", NULL},
        {llmd__url_check_secure, "http://[::1]:1/token", NULL},
        {llmd__url_check_link_local, "http://169.254.169.254/latest", NULL},
        {llmd__url_check_link_local, "http://[fd00:ec2::254]/latest", NULL},
        {llmd__url_check_link_local, "http://evil.example/latest", "not the address"},
        {llmd__url_check_link_local, "http://127.0.0.1/latest", "not the address"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        llmd_error *error = rows[i].check(rows[i].url, "token_url");
        if (!error != !rows[i].words ||
            (error && !strstr(llmd_error_message(error), rows[i].words)))
            fail_msg("%s: %s", rows[i].url, error ? llmd_error_message(error) : "taken");
        llmd_error_free(error);
    }
}

static void test_urls_that_the_environment_allows(void **state)
{
    (void)state;
    setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.goog", 1);
    assert_null(llmd__url_check_google("https://sts.example.goog/v1/token", "token_url"));
    unsetenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    setenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS", "0", 1);
    AUTO(error) llmd_error *off = llmd__url_check_google("http://127.0.0.1:1/", "token_url");
    assert_non_null(off);
    setenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS", "1", 1);
    assert_null(llmd__url_check_google("http://127.0.0.1:1/", "token_url"));
    assert_null(llmd__url_check_link_local("http://127.0.0.1:1/", "url"));
    AUTO(error) llmd_error *error = llmd__url_check_google("http://10.0.0.1/", "token_url");
    assert_non_null(error);
    unsetenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_service_account),
        cmocka_unit_test(test_external_account),
        cmocka_unit_test(test_impersonated),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_urls_that_the_environment_allows),
    };

    unsetenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    unsetenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
