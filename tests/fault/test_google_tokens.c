/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of Google's credentials gets a token from a double that is as strict as Google. */
#include "auth/credentials.h"
#include "auth/google.h"
#include "auth/sigv4.h"
#include "auth/token_request.h"
#include "base/json.h"
#include "support/folder.h"
#include "support/google_double.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Takes json. */
static llmd_credentials *open_json(char *json)
{
    llmd_credentials *credentials = NULL;

    llmd_error *error = llmd_credentials_google_json(json, &credentials);
    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    free(json);
    return credentials;
}

static void assert_token(const llmd_credentials *credentials, bool refresh, unsigned number)
{
    struct http_auth auth = llmd__credentials_auth(credentials);
    AUTO(buf) struct buf header = BUF_INIT;
    AUTO(str) char *want = llmd__format("Bearer " TOKEN_PREFIX "%u", number);

    llmd_error *error = auth.authorize(NULL, auth.data, refresh, &header);
    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    assert_string_equal(llmd__buf_text(&header), want);
    auth.free(auth.data);
}

static void assert_about(const llmd_credentials *credentials, const char *want)
{
    assert_string_equal(llmd_credentials_describe(credentials), want);
}

static void test_service_account(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = open_json(google_double_service_account(&google, ""));

    (void)state;
    assert_int_equal(server_requests(google.server), 0);
    assert_token(credentials, false, 1);
    assert_token(credentials, false, 1);
    assert_int_equal(server_requests(google.server), 1);
    assert_about(credentials, "{\"kind\":\"service_account\",\"account\":\"" ACCOUNT "\","
                              "\"project\":\"acme\",\"universe\":\"googleapis.com\"}");
    assert_string_equal(llmd_credentials_project(credentials), "acme");
    assert_string_equal(llmd__credentials_quota_project(credentials, "mine"), "");
    assert_string_equal(llmd__credentials_universe(credentials), "googleapis.com");
}

/* Elsewhere than in Google's own universe the signed text is the token: nobody is asked. */
static void test_self_signed(void **state)
{
    LLMD_AUTO(llmd_credentials)
    credentials =
        open_json(google_double_service_account(&google, ",\"universe_domain\":\"example.goog\""));
    struct http_auth auth = llmd__credentials_auth(credentials);
    AUTO(buf) struct buf header = BUF_INIT;

    (void)state;
    assert_null(auth.authorize(NULL, auth.data, false, &header));
    auth.free(auth.data);
    assert_non_null(strstr(llmd__buf_text(&header), "Bearer eyJ"));
    assert_int_equal(server_requests(google.server), 0);
    assert_string_equal(llmd__credentials_universe(credentials), "example.goog");
}

static void test_user(void **state)
{
    LLMD_AUTO(llmd_credentials)
    credentials = open_json(google_double_user(&google, ",\"quota_project_id\":\"payer\""));

    (void)state;
    google.as_text = true;
    assert_token(credentials, false, 1);
    assert_token(credentials, false, 1);
    assert_about(credentials, "{\"kind\":\"authorized_user\",\"project\":\"payer\","
                              "\"quota_project\":\"payer\",\"universe\":\"googleapis.com\"}");
    assert_string_equal(llmd_credentials_project(credentials), "payer");
}

/* A person without a quota project needs one for some APIs; a service account does not. */
static void test_P135_quota_project(void **state)
{
    LLMD_AUTO(llmd_credentials) user = open_json(google_double_user(&google, ""));
    LLMD_AUTO(llmd_credentials)
    service = open_json(google_double_service_account(&google, ",\"quota_project_id\":\"own\""));

    (void)state;
    assert_string_equal(llmd__credentials_quota_project(user, "mine"), "mine");
    assert_string_equal(llmd__credentials_quota_project(user, NULL), "");
    assert_string_equal(llmd__credentials_quota_project(service, "mine"), "own");
    setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "env", 1);
    LLMD_AUTO(llmd_credentials)
    other = open_json(google_double_user(&google, ",\"quota_project_id\":\"payer\""));
    unsetenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    assert_string_equal(llmd__credentials_quota_project(other, "mine"), "env");
}

static void test_workforce_login(void **state)
{
    char *json = NULL;

    (void)state;
    google.rotates = true;
    google.expires_in = 1;
    assert_true(asprintf(&json,
                         "{\"type\":\"external_account_authorized_user\",\"audience\":\"a\","
                         "\"client_id\":\"client\",\"client_secret\":\"" CLIENT_SECRET
                         "\",\"refresh_token\":\"" REFRESH_TOKEN "\",\"token_url\":\"%s/token\"}",
                         server_url(google.server)) > 0);
    LLMD_AUTO(llmd_credentials) credentials = open_json(json);
    assert_token(credentials, false, 1);
    /* The second time with the refresh token that the first one brought. */
    assert_token(credentials, false, 2);
    assert_non_null(request_header(server_last_request(google.server), "authorization"));
}

static char *file_source(const char *name, const char *format)
{
    char *source = NULL;

    assert_true(asprintf(&source, "{\"file\":\"%s/%s\"%s}", folder, name, format) > 0);
    return source;
}

static void test_external_file(void **state)
{
    char *source = file_source("subject", "");
    LLMD_AUTO(llmd_credentials)
    credentials = open_json(google_double_external(&google, source, false));

    (void)state;
    free(source);
    folder_write("subject", SUBJECT_TOKEN "\n", 0600);
    google.expires_in = 1;
    assert_token(credentials, false, 1);
    /* Whoever looks after the file replaced it. */
    folder_write("subject", "old", 0600);
    struct http_auth auth = llmd__credentials_auth(credentials);
    AUTO(buf) struct buf header = BUF_INIT;
    llmd_error *error = auth.authorize(NULL, auth.data, false, &header);
    auth.free(auth.data);
    assert_non_null(strstr(llmd_error_advice(error), AUDIENCE));
    assert_string_equal(llmd_error_reason(error), "invalid_grant");
    assert_error(error, LLMD_E_DENIED, "The subject token is not valid");
}

static void test_external_json_file_impersonating(void **state)
{
    char *source = file_source(
        "subject.json", ",\"format\":{\"type\":\"json\",\"subject_token_field_name\":\"jwt\"}");
    LLMD_AUTO(llmd_credentials)
    credentials = open_json(google_double_external(&google, source, true));

    (void)state;
    free(source);
    folder_write("subject.json", "{\"jwt\":\"" SUBJECT_TOKEN "\"}", 0600);
    assert_token(credentials, false, 2);
    assert_about(credentials, "{\"kind\":\"external_account\",\"account\":\"" ACCOUNT "\","
                              "\"universe\":\"googleapis.com\"}");
    /* The federated token is kept as well: only the account is asked again. */
    assert_token(credentials, true, 3);
    assert_int_equal(server_requests(google.server), 3);
}

static void subject(struct conn *conn, const struct request *request, void *data)
{
    const char *secret = request_header(request, "authorization");

    (void)data;
    if (secret && strcmp(secret, "bearer gh") == 0 && strcmp(request->query, "audience=a") == 0)
        reply_json(conn, 200, "{\"value\":\"" SUBJECT_TOKEN "\"}");
    else
        reply_text(conn, 403, "text/plain", "no");
}

static void test_external_url(void **state)
{
    char *source = NULL;

    (void)state;
    server_on(google.server, "GET", "/subject", subject, NULL);
    assert_true(asprintf(&source,
                         "{\"url\":\"%s/subject?audience=a\","
                         "\"headers\":{\"Authorization\":\"bearer gh\"},\"format\":{\"type\":"
                         "\"json\",\"subject_token_field_name\":\"value\"}}",
                         server_url(google.server)) > 0);
    LLMD_AUTO(llmd_credentials)
    credentials = open_json(google_double_external(&google, source, false));
    free(source);
    assert_token(credentials, false, 1);
}

static void test_external_executable(void **state)
{
    char *source = NULL;

    (void)state;
    folder_script("program",
                  "[ \"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE\" = '" AUDIENCE "' ] || exit 3\n"
                  "[ \"$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE\" = 0 ] || exit 4\n"
                  "[ \"$1\" = 'two words' ] || exit 5\n"
                  "echo '{\"version\":1,\"success\":true,\"id_token\":\"" SUBJECT_TOKEN "\","
                  "\"token_type\":\"urn:ietf:params:oauth:token-type:id_token\"}'");
    assert_true(
        asprintf(&source, "{\"executable\":{\"command\":\"%s/program 'two words'\"}}", folder) > 0);
    char *json = google_double_external(&google, source, false);
    llmd_credentials *credentials = NULL;
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "0", 1);
    assert_error(llmd_credentials_google_json(json, &credentials), LLMD_E_DENIED,
                 "wants to run a program");
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    llmd_error *error = llmd_credentials_google_json(json, &credentials);
    assert_non_null(strstr(llmd_error_advice(error), "ALLOW_EXECUTABLES=1"));
    assert_error(error, LLMD_E_DENIED, "wants to run a program");
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    credentials = open_json(json);
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    assert_token(credentials, false, 1);
    llmd_credentials_free(credentials);
    free(source);
}

/* An answer that the program kept is used while it holds; the program is not run. */
static void test_external_kept_answer(void **state)
{
    char *source = NULL;

    (void)state;
    folder_script("program", "exit 9");
    assert_true(
        asprintf(&source,
                 "{\"executable\":{\"command\":\"%s/program\",\"output_file\":\"%s/kept\"}}",
                 folder, folder) > 0);
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    LLMD_AUTO(llmd_credentials)
    credentials = open_json(google_double_external(&google, source, false));
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    folder_write("kept",
                 "{\"version\":1,\"success\":true,\"id_token\":\"" SUBJECT_TOKEN
                 "\",\"token_type\":"
                 "\"urn:ietf:params:oauth:token-type:jwt\",\"expiration_time\":4102444800}",
                 0600);
    assert_token(credentials, false, 1);
    free(source);
}

/* One that has ended is made anew; and a program that is to keep its answers must date them. */
static void test_external_answer_to_keep(void **state)
{
    static const char kept[] =
        "{\"version\":1,\"success\":true,\"id_token\":\"old\",\"token_type\":"
        "\"urn:ietf:params:oauth:token-type:jwt\",\"expiration_time\":1}";
    char *source = NULL;

    (void)state;
    assert_true(
        asprintf(&source,
                 "{\"executable\":{\"command\":\"%s/program\",\"output_file\":\"%s/kept\"}}",
                 folder, folder) > 0);
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    LLMD_AUTO(llmd_credentials)
    credentials = open_json(google_double_external(&google, source, false));
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
    folder_write("kept", kept, 0600);
    folder_script("program",
                  "[ \"$GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE\" = \"${0%/*}/kept\" ] || exit 3\n"
                  "echo '{\"version\":1,\"success\":true,\"id_token\":\"" SUBJECT_TOKEN
                  "\",\"token_type\":\"urn:ietf:params:oauth:token-type:jwt\","
                  "\"expiration_time\":4102444800}'");
    assert_token(credentials, false, 1);
    folder_script("program", "echo '{\"version\":1,\"success\":true,\"id_token\":\"" SUBJECT_TOKEN
                             "\",\"token_type\":\"urn:ietf:params:oauth:token-type:jwt\"}'");
    struct http_auth auth = llmd__credentials_auth(credentials);
    AUTO(buf) struct buf header = BUF_INIT;
    assert_error(auth.authorize(NULL, auth.data, true, &header), LLMD_E_PROTOCOL,
                 "has no expiration_time");
    auth.free(auth.data);
    free(source);
}

static char *aws_source(void)
{
    const char *url = server_url(google.server);
    char *source = NULL;

    assert_true(asprintf(&source,
                         "{\"environment_id\":\"aws1\",\"region_url\":\"%s/aws/zone\","
                         "\"url\":\"%s/aws/keys\",\"imdsv2_session_token_url\":\"%s/aws/session\","
                         "\"regional_cred_verification_url\":\"https://sts.{region}.amazonaws.com"
                         "?Action=GetCallerIdentity&Version=2011-06-15\"}",
                         url, url, url) > 0);
    return source;
}

/* For free(). */
static char *unescaped(const char *text)
{
    char *out = calloc(strlen(text) + 1, 1);

    for (size_t len = 0; *text; text++, len++) {
        char code[3] = {text[0] == '%' ? text[1] : 0, text[0] == '%' ? text[2] : 0, 0};
        out[len] = code[0] ? (char)strtol(code, NULL, 16) : *text;
        text += code[0] ? 2 : 0;
    }
    return out;
}

/* Signed once more from what is sent; test_sigv4 holds that against AWS's own vectors. */
static void assert_signature(const struct json *request, const char *region)
{
    const struct json *list = llmd__json_member(request, "headers");
    struct sigv4_header headers[4] = {{0}};
    size_t count = 0;
    AUTO(buf) struct buf again = BUF_INIT;

    for (const struct json *one = llmd__json_next(llmd__json_first(list)); one && count < 4;
         one = llmd__json_next(one))
        headers[count++] =
            (struct sigv4_header){llmd__json_str(one, "key"), llmd__json_str(one, "value")};
    const struct sigv4_request signed_one = {
        "POST",  "/",   "Action=GetCallerIdentity&Version=2011-06-15",
        headers, count, "",
        region,  "sts", headers[1].value};
    assert_null(llmd__sigv4_sign(&signed_one, "AKIDEXAMPLE", AWS_SECRET, &again));
    assert_string_equal(llmd__json_str(request, "headers[0].value"), llmd__buf_text(&again));
    assert_string_equal(headers[0].name, "host");
    assert_string_equal(headers[1].name, "x-amz-date");
    assert_string_equal(headers[count - 1].name, "x-goog-cloud-target-resource");
    assert_string_equal(headers[count - 1].value, AUDIENCE);
}

/* The subject token is the signed request. */
static void assert_signed(const char *region, const char *session_token)
{
    AUTO(json) struct json *request = NULL;
    AUTO(str)
    char *url = llmd__format(
        "https://sts.%s.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15", region);
    char *text = unescaped(google.seen_subject);

    assert_null(llmd__json_parse(text, strlen(text), "subject", &request));
    free(text);
    assert_string_equal(llmd__json_str(request, "method"), "POST");
    assert_string_equal(llmd__json_str(request, "url"), url);
    assert_signature(request, region);
    assert_string_equal(llmd__json_str(request, "headers[3].value"),
                        session_token ? session_token : AUDIENCE);
}

static void test_external_aws(void **state)
{
    char *source = aws_source();

    (void)state;
    LLMD_AUTO(llmd_credentials)
    credentials = open_json(google_double_external(&google, source, false));
    assert_token(credentials, false, 1);
    assert_signed("eu-west-3", "session/2");
    assert_int_equal(server_requests_of(google.server, "PUT", "/aws/session"), 1);
    /* With all of it in the environment the metadata server is not asked. */
    setenv("AWS_REGION", "us-east-2", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET, 1);
    assert_token(credentials, true, 2);
    unsetenv("AWS_REGION");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    assert_signed("us-east-2", NULL);
    assert_int_equal(server_requests_of(google.server, "PUT", "/aws/session"), 1);
    free(source);
}

static void test_workforce_pays(void **state)
{
    char *json = NULL;

    (void)state;
    folder_write("subject", SUBJECT_TOKEN, 0600);
    assert_true(asprintf(&json,
                         "{\"type\":\"external_account\",\"audience\":\"" WORKFORCE "\","
                         "\"subject_token_type\":\"urn:ietf:params:oauth:token-type:id_token\","
                         "\"workforce_pool_user_project\":\"payer\",\"token_url\":\"%s/sts\","
                         "\"credential_source\":{\"file\":\"%s/subject\"}}",
                         server_url(google.server), folder) > 0);
    LLMD_AUTO(llmd_credentials) credentials = open_json(json);
    assert_token(credentials, false, 1);
    assert_string_equal(llmd__credentials_quota_project(credentials, "mine"), "mine");
}

static void test_impersonated(void **state)
{
    char *user = google_double_user(&google, "");
    LLMD_AUTO(llmd_credentials) credentials = open_json(google_double_impersonated(&google, user));

    (void)state;
    free(user);
    assert_token(credentials, false, 2);
    const struct request *asked = server_last_request(google.server);
    assert_string_equal(request_header(asked, "authorization"), "Bearer " TOKEN_PREFIX "1");
    assert_non_null(strstr(asked->body, "\"delegates\":[\"projects/-/serviceAccounts/d@acme\"]"));
    assert_about(credentials, "{\"kind\":\"impersonated_service_account\",\"account\":\"" ACCOUNT
                              "\",\"universe\":\"googleapis.com\"}");
}

/* The caller's token was revoked meanwhile: one new one, and the question again. */
static void test_impersonated_caller_refused(void **state)
{
    char *user = google_double_user(&google, "");
    LLMD_AUTO(llmd_credentials) credentials = open_json(google_double_impersonated(&google, user));

    (void)state;
    free(user);
    server_fault(google.server, "/v1/projects/-/serviceAccounts/*", FAULT_STATUS, 401, 1);
    assert_token(credentials, false, 3);
    assert_int_equal(server_requests_of(google.server, "POST", "/token"), 2);
}

static llmd_credentials *open_metadata(void)
{
    llmd_credentials *credentials = NULL;

    setenv("GCE_METADATA_HOST", server_url(google.server) + strlen("http://"), 1);
    llmd_error *error = llmd_credentials_google(NULL, NULL, &credentials);
    unsetenv("GCE_METADATA_HOST");
    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    return credentials;
}

static void test_metadata(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    LLMD_AUTO(llmd_credentials) credentials = open_metadata();
    assert_token(credentials, false, 1);
    unsetenv("http_proxy");
    AUTO(str)
    char *want = llmd__format("{\"kind\":\"metadata\",\"account\":\"" ACCOUNT
                              "\",\"project\":\"acme\",\"source\":\"%s\","
                              "\"universe\":\"googleapis.com\"}",
                              server_url(google.server));
    assert_about(credentials, want);
    assert_string_equal(llmd_credentials_project(credentials), "acme");
    const struct request *asked = server_last_request(google.server);
    assert_string_equal(asked->query, "scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-"
                                      "platform%2Chttps%3A%2F%2Fwww.googleapis.com%2Fauth%"
                                      "2Fuserinfo.email");
}

/* The identity of a pod takes some seconds to be there. */
static void test_metadata_of_a_fresh_pod(void **state)
{
    (void)state;
    LLMD_AUTO(llmd_credentials) credentials = open_metadata();
    server_forget(google.server);
    server_fault(google.server, "*", FAULT_STATUS, 404, 1);
    server_fault(google.server, "*", FAULT_STATUS, 503, 1);
    server_fault(google.server, "*", FAULT_STATUS, 500, 1);
    server_fault(google.server, "*", FAULT_CLOSE, 0, 1);
    assert_token(credentials, false, 1);
    assert_int_equal(server_requests(google.server), 5);
}

/* P136: the token for Google serves the Kubernetes API as well; no plugin, no file. */
static void test_P136_no_plugin_needed(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = open_json(google_double_service_account(&google, ""));
    struct place place = {.server = google.server};

    (void)state;
    server_on_json(place.server, "GET", "/ok", 200, "{}");
    server_fault(place.server, "/ok", FAULT_STATUS, 401, 1);
    const struct http_config config = {.base_url = server_url(place.server),
                                       .proxy_url = "",
                                       .auth = llmd__credentials_auth(credentials)};
    assert_null(llmd__http_open(&config, &place.http));
    /* Refused once: a new token, and again. */
    assert_int_equal(send_status(&place, NULL, &get_ok), 200);
    assert_string_equal(request_header(server_last_request(place.server), "authorization"),
                        "Bearer " TOKEN_PREFIX "2");
    /* Refused for good: two tries, not more. */
    server_fault(place.server, "/ok", FAULT_STATUS, 401, -1);
    assert_int_equal(send_status(&place, NULL, &get_ok), 401);
    assert_true(atomic_load(&google.issued) <= 3);
    llmd__http_put(place.http);
}

#define FLOW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(test_service_account),
        FLOW(test_self_signed),
        FLOW(test_user),
        FLOW(test_P135_quota_project),
        FLOW(test_workforce_login),
        FLOW(test_external_file),
        FLOW(test_external_json_file_impersonating),
        FLOW(test_external_url),
        FLOW(test_external_executable),
        FLOW(test_external_kept_answer),
        FLOW(test_external_answer_to_keep),
        FLOW(test_external_aws),
        FLOW(test_workforce_pays),
        FLOW(test_impersonated),
        FLOW(test_impersonated_caller_refused),
        FLOW(test_metadata),
        FLOW(test_metadata_of_a_fresh_pod),
        FLOW(test_P136_no_plugin_needed),
    };

    setenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS", "1", 1);
    llmd__token_set_pause_ms(1);
    unsetenv("GOOGLE_CLOUD_PROJECT");
    unsetenv("GCLOUD_PROJECT");
    unsetenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    setenv("HOME", "/nonexistent", 1);
    unsetenv("CLOUDSDK_CONFIG");
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
