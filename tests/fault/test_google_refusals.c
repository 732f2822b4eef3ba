/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on the way to a token, and what the error then says. */
#include "auth/credentials.h"
#include "auth/token_request.h"
#include "support/folder.h"
#include "support/google_double.h"
#include "support/place.h"
#include "support/torture.h"

#include <llmd/log.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct google_double google;
/* All that was ever logged or said in an error. */
static FILE *said;
static char *said_text;
static size_t said_len;

static void keep_log(void *data, llmd_level level, const char *area, const char *message)
{
    (void)level, (void)data;
    fprintf(said, "%s: %s\n", area, message);
}

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

/* Takes json. The error of the first token. */
static llmd_error *token_error(char *json)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    AUTO(buf) struct buf header = BUF_INIT;

    llmd_error *error = llmd_credentials_google_json(json, &credentials);
    free(json);
    if (!error) {
        fprintf(said, "%s\n", llmd_credentials_describe(credentials));
        struct http_auth auth = llmd__credentials_auth(credentials);
        error = auth.authorize(NULL, auth.data, false, &header);
        auth.free(auth.data);
    }
    for (const llmd_error *at = error; at; at = llmd_error_cause(at))
        fprintf(said, "%s (%s) %s\n", llmd_error_message(at), llmd_error_reason(at),
                llmd_error_advice(at));
    return error;
}

static void assert_words(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("want \"%s\" in \"%s\"", words, text);
}

static void assert_said(llmd_error *error, llmd_code code, const char *words, const char *advice)
{
    assert_words(llmd_error_advice(error), advice);
    assert_error(error, code, words);
}

/* What only waiting mends is tried three times. */
static void test_faults_that_pass(void **state)
{
    static const struct {
        enum fault fault;
        int number;
    } rows[] = {
        {FAULT_STATUS, 408}, {FAULT_429, 0},      {FAULT_STATUS, 500}, {FAULT_STATUS, 502},
        {FAULT_STATUS, 503}, {FAULT_STATUS, 504}, {FAULT_RESET, 0},    {FAULT_CLOSE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        server_forget(google.server);
        server_fault(google.server, "/token", rows[i].fault, rows[i].number, 2);
        assert_null(token_error(google_double_user(&google, "")));
        assert_int_equal(server_requests(google.server), 3);
        /* And then it is told. */
        server_fault(google.server, "/token", rows[i].fault, rows[i].number, 3);
        llmd_error *error = token_error(google_double_user(&google, ""));
        assert_true(llmd_error_retryable(error));
        assert_words(llmd_error_message(error), "credentials of type authorized_user: ");
        llmd_error_free(error);
        assert_int_equal(server_requests(google.server), 6);
    }
}

static void test_words_of_the_server_that_pass(void **state)
{
    static const char *const words[] = {"internal_failure", "server_error",
                                        "temporarily_unavailable"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        AUTO(str) char *text = llmd__format("{\"error\":\"%s\"}", words[i]);
        server_forget(google.server);
        server_on_json(google.server, "POST", "/token", 400, text);
        assert_said(token_error(google_double_user(&google, "")), LLMD_E_DENIED, words[i], "");
        assert_int_equal(server_requests(google.server), 3);
    }
}

/* What comes again however often one asks is asked for once. */
static void test_refusals(void **state)
{
    static const struct {
        int status;
        const char *type, *text;
        llmd_code code;
        const char *words, *advice;
    } rows[] = {
        {400, "application/json",
         "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or "
         "revoked.\"}",
         LLMD_E_DENIED, "400 invalid_grant: Token has been expired or revoked.",
         "run: gcloud auth application-default login"},
        {400, "application/json",
         "{\"error\":\"invalid_grant\",\"error_subtype\":\"invalid_rapt\",\"error_description\":"
         "\"reauth related error (invalid_rapt)\"}",
         LLMD_E_DENIED, "400 invalid_rapt: reauth",
         "log in again; run: gcloud auth application-default login"},
        {401, "application/json",
         "{\"error\":\"invalid_client\",\"error_description\":\"The OAuth client was not found.\"}",
         LLMD_E_DENIED, "401 invalid_client", "OAuth client"},
        {404, "text/html", "<html>secret-page</html>", LLMD_E_NOT_FOUND,
         "404, and its answer is "
         "not JSON",
         ""},
        {403, "text/plain", "blocked by\nACME proxy", LLMD_E_DENIED, "403: blocked by ACME proxy",
         ""},
        {200, "text/html", "<html>log in to the wifi</html>", LLMD_E_PROTOCOL, "no JSON object",
         ""},
        {200, "application/json", "[1]", LLMD_E_PROTOCOL, "no JSON object", ""},
        {200, "application/json", "{\"token_type\":\"Bearer\"}", LLMD_E_PROTOCOL,
         "no token in the answer", ""},
        {200, "application/json", "{\"access_token\":\"a b\"}", LLMD_E_PROTOCOL, "has a space", ""},
        {200, "application/json", "{\"access_token\":\"a\",\"expires_in\":\"soon\"}",
         LLMD_E_PROTOCOL, "not a number of seconds", ""},
        {200, "application/json", "{\"access_token\":\"a", LLMD_E_PROTOCOL, "no JSON object", ""},
        {302, "text/html", "", LLMD_E_DENIED, "302", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        server_forget(google.server);
        server_on_text(google.server, "POST", "/token", rows[i].status, rows[i].type, rows[i].text);
        llmd_error *error = token_error(google_double_user(&google, ""));
        assert_false(llmd_error_retryable(error));
        assert_null(strstr(llmd_error_message(error), "secret-page"));
        assert_said(error, rows[i].code, rows[i].words, rows[i].advice);
        assert_int_equal(server_requests(google.server), 1);
    }
}

static void test_P134_login_has_ended(void **state)
{
    llmd_error *error;

    (void)state;
    server_on_json(google.server, "POST", "/token", 400,
                   "{\"error\":\"invalid_grant\",\"error_subtype\":\"invalid_rapt\"}");
    error = token_error(google_double_user(&google, ""));
    assert_string_equal(llmd_error_reason(error), "invalid_rapt");
    assert_string_equal(llmd_error_advice(error),
                        "your organisation wants you to log in again; run: gcloud auth "
                        "application-default login");
    assert_int_equal(llmd_error_http_status(error), 400);
    llmd_error_free(error);
    assert_int_equal(server_requests(google.server), 1);
}

static void test_service_account(void **state)
{
    static const struct {
        const char *description, *advice;
    } rows[] = {
        {"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
         "timeframe. Check your iat and exp values in the JWT claim.",
         "check the clock of this machine, which says 20"},
        {"Invalid JWT Signature.", "the key k1 was deleted"},
        {"Invalid grant: account not found", "check that the account " ACCOUNT " exists"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(str)
        char *text = llmd__format("{\"error\":\"invalid_grant\",\"error_description\":\"%s\"}",
                                  rows[i].description);
        server_on_json(google.server, "POST", "/token", 400, text);
        assert_said(token_error(google_double_service_account(&google, "")), LLMD_E_DENIED,
                    "service account " ACCOUNT ": ", rows[i].advice);
    }
}

static void test_impersonation(void **state)
{
    static const struct {
        int status;
        const char *text;
        llmd_code code;
        const char *words, *advice;
    } rows[] = {
        {403,
         "{\"error\":{\"code\":403,\"message\":\"Permission 'iam.serviceAccounts.getAccessToken' "
         "denied on resource (or it may not exist).\",\"status\":\"PERMISSION_DENIED\"}}",
         LLMD_E_DENIED, "403 PERMISSION_DENIED: Permission",
         "roles/iam.serviceAccountTokenCreator"},
        {403,
         "{\"error\":{\"code\":403,\"message\":\"IAM Service Account Credentials API has not been "
         "used\",\"status\":\"PERMISSION_DENIED\",\"details\":[{\"@type\":\"type.googleapis.com/"
         "google.rpc.ErrorInfo\",\"reason\":\"SERVICE_DISABLED\"}]}}",
         LLMD_E_DENIED, "403 SERVICE_DISABLED", "enable iamcredentials.googleapis.com"},
        {404,
         "{\"error\":{\"code\":404,\"message\":\"Not found; Gaia id\",\"status\":\"NOT_FOUND\"}}",
         LLMD_E_NOT_FOUND, "404 NOT_FOUND", "check that the service account " ACCOUNT " exists"},
        {200, "{\"accessToken\":\"a\",\"expireTime\":\"soon\"}", LLMD_E_PROTOCOL, "is not a time",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *user = google_double_user(&google, "");
        server_on_json(google.server, "POST", "/v1/projects/*", rows[i].status, rows[i].text);
        llmd_error *error = token_error(google_double_impersonated(&google, user));
        free(user);
        assert_words(llmd_error_message(error), "impersonating " ACCOUNT ": ");
        assert_said(error, rows[i].code, rows[i].words, rows[i].advice);
    }
}

/* Whose fault it is, is the source's: it is not dressed up as one of the account. */
static void test_source_of_impersonation_refused(void **state)
{
    char *user = google_double_user(&google, "");

    (void)state;
    server_on_json(google.server, "POST", "/token", 400, "{\"error\":\"invalid_grant\"}");
    assert_said(
        token_error(google_double_impersonated(&google, user)), LLMD_E_DENIED,
        "credentials of type authorized_user: ", "run: gcloud auth application-default login");
    free(user);
}

/* An answer may repeat what it was asked. */
static void echo(struct conn *conn, const struct request *request, void *data)
{
    char text[8192];

    (void)data;
    snprintf(text, sizeof text, "{\"error\":\"invalid_grant\",\"error_description\":\"%.3000s\"}",
             request->body);
    reply_json(conn, 400, text);
}

static void test_echoes_are_censored(void **state)
{
    (void)state;
    server_on(google.server, "POST", "/token", echo, NULL);
    assert_said(token_error(google_double_user(&google, "")), LLMD_E_DENIED, "invalid_grant: ***",
                "");
    assert_said(token_error(google_double_service_account(&google, "")), LLMD_E_DENIED,
                "invalid_grant: ***", "");
}

static char *executable(const char *script)
{
    char *source = NULL;

    folder_script("program", script);
    assert_true(asprintf(&source, "{\"executable\":{\"command\":\"%s/program\"}}", folder) > 0);
    char *json = google_double_external(&google, source, false);
    free(source);
    return json;
}

static void test_executable(void **state)
{
    static const struct {
        const char *script;
        llmd_code code;
        const char *words;
    } rows[] = {
        {"echo no >&2; exit 7", LLMD_E_FAILED, "exit status 7: no"},
        {"echo " SUBJECT_TOKEN, LLMD_E_PROTOCOL, "its answer is not JSON"},
        {"echo '{\"version\":1,\"success\":false,\"code\":\"401\",\"message\":\"log in first\"}'",
         LLMD_E_DENIED, "it says: 401: log in first"},
        {"echo '{\"version\":2,\"success\":true}'", LLMD_E_PROTOCOL, "newer than 1"},
        {"echo '{\"version\":1,\"success\":true,\"token_type\":\"x\"}'", LLMD_E_PROTOCOL,
         "token_type"},
        {"echo '{\"version\":1,\"success\":true,\"token_type\":"
         "\"urn:ietf:params:oauth:token-type:saml2\"}'",
         LLMD_E_PROTOCOL, "no saml_response"},
        {"echo '{\"version\":1,\"success\":true,\"id_token\":\"" SUBJECT_TOKEN "\",\"token_type\":"
         "\"urn:ietf:params:oauth:token-type:jwt\",\"expiration_time\":1}'",
         LLMD_E_PROTOCOL, "has expired"},
    };

    (void)state;
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_said(token_error(executable(rows[i].script)), rows[i].code, rows[i].words, "");
    unsetenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES");
}

static void test_external_sources(void **state)
{
    static const struct {
        const char *file, *source;
        llmd_code code;
        const char *words;
    } rows[] = {
        {NULL, "{\"file\":\"%s/none\"}", LLMD_E_NOT_FOUND, "subject token file: "},
        {" \n", "{\"file\":\"%s/subject\"}", LLMD_E_PROTOCOL, "it is empty"},
        {SUBJECT_TOKEN, "{\"file\":\"%s/subject\",\"format\":{\"type\":\"json\"}}", LLMD_E_PROTOCOL,
         "it is not JSON"},
        {"{\"a\":1}",
         "{\"file\":\"%s/subject\",\"format\":{\"type\":\"json\",\"subject_token_field_name\":"
         "\"a\"}}",
         LLMD_E_PROTOCOL, "no text under \"a\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char source[1024];
        if (rows[i].file)
            folder_write("subject", rows[i].file, 0600);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(source, sizeof source, rows[i].source, folder);
#pragma GCC diagnostic pop
        assert_said(token_error(google_double_external(&google, source, false)), rows[i].code,
                    rows[i].words, "");
    }
}

static void test_metadata(void **state)
{
    llmd_credentials *credentials = NULL;
    AUTO(buf) struct buf header = BUF_INIT;

    (void)state;
    setenv("GCE_METADATA_HOST", server_url(google.server) + strlen("http://"), 1);
    assert_null(llmd_credentials_google(NULL, NULL, &credentials));
    struct http_auth auth = llmd__credentials_auth(credentials);
    server_fault(google.server, "*", FAULT_STATUS, 404, 5);
    llmd_error *error = auth.authorize(NULL, auth.data, false, &header);
    assert_said(error, LLMD_E_NOT_FOUND, "metadata server: ", "attach a service account");
    server_on_text(google.server, "GET", "*", 403, "text/plain",
                   "Unable to generate access token; IAM returned 403 Forbidden: Permission "
                   "'iam.serviceAccounts.getAccessToken' denied\nThis error could be caused by");
    error = auth.authorize(NULL, auth.data, false, &header);
    assert_said(error, LLMD_E_DENIED, "IAM returned 403 Forbidden", "workloadIdentityUser");
    auth.free(auth.data);
    llmd_credentials_free(credentials);
    /* Named, but nothing is there. */
    server_refuse(google.server, true);
    assert_said(llmd_credentials_google(NULL, NULL, &credentials), LLMD_E_UNREACHABLE,
                "metadata server: ", "");
    unsetenv("GCE_METADATA_HOST");
}

/* Silence is for the context to end; what a deadline ends is told as such. */
static void test_slow_server(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    AUTO(buf) struct buf header = BUF_INIT;
    char *json = google_double_user(&google, "");

    (void)state;
    assert_null(llmd_credentials_google_json(json, &credentials));
    free(json);
    server_fault(google.server, "/token", FAULT_STALL, 0, 1);
    llmd_context_set_timeout_ms(ctx, 100);
    struct http_auth auth = llmd__credentials_auth(credentials);
    assert_said(auth.authorize(ctx, auth.data, false, &header), LLMD_E_TIMEOUT,
                "credentials of type authorized_user: ", "");
    /* The next one is not harmed. A slow drip is no fault either. */
    server_fault(google.server, "/token", FAULT_DRIP, 1, 1);
    assert_null(auth.authorize(NULL, auth.data, false, &header));
    auth.free(auth.data);
}

static void *ask(void *data)
{
    struct http_auth *auth = data;
    struct buf header = BUF_INIT;

    llmd_error *error = auth->authorize(NULL, auth->data, false, &header);
    bool good = !error && strcmp(llmd__buf_text(&header), "Bearer " TOKEN_PREFIX "1") == 0;
    llmd_error_free(error);
    llmd__buf_free(&header);
    return good ? auth : NULL;
}

static void test_hundred_threads_cause_one_request(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    pthread_t threads[100];
    char *json = google_double_service_account(&google, "");

    (void)state;
    google.answer_ms = 100;
    assert_null(llmd_credentials_google_json(json, &credentials));
    free(json);
    struct http_auth auth = llmd__credentials_auth(credentials);
    for (int i = 0; i < 100; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &auth), 0);
    for (int i = 0; i < 100; i++) {
        void *good;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
    assert_int_equal(server_requests(google.server), 1);
    auth.free(auth.data);
}

static llmd_error *get_token(void *data)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    AUTO(buf) struct buf header = BUF_INIT;

    TRY(llmd_credentials_google_json(data, &credentials));
    struct http_auth auth = llmd__credentials_auth(credentials);
    llmd_error *error = auth.authorize(NULL, auth.data, false, &header);
    auth.free(auth.data);
    return error;
}

/* What there was no memory for must not be missing instead. */
static llmd_error *get_account(void *data)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    TRY(llmd_credentials_google_json(data, &credentials));
    if (strstr(llmd_credentials_describe(credentials), ACCOUNT))
        return NULL;
    return llmd__error(LLMD_E_INVALID, "the account is missing");
}

static void tortured(char *json, int runs)
{
    torture_sample(get_token, json, 7, runs);
    free(json);
}

/* An impersonated account does all that its user does, and more: every allocation of it. */
static void test_without_memory(void **state)
{
    char *user = google_double_user(&google, "");
    char *impersonated = google_double_impersonated(&google, user);
    char source[256];

    (void)state;
    assert_true(torture(get_token, impersonated) > 50);
    assert_true(torture(get_account, impersonated) > 20);
    free(impersonated);
    free(user);
    folder_write("subject", "{\"jwt\":\"" SUBJECT_TOKEN "\"}", 0600);
    snprintf(source, sizeof source,
             "{\"file\":\"%s/subject\",\"format\":{\"type\":\"json\","
             "\"subject_token_field_name\":\"jwt\"}}",
             folder);
    tortured(google_double_service_account(&google, ""), 60);
    tortured(google_double_external(&google, source, true), 80);
}

static llmd_error *find_metadata(void *data)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    (void)data;
    return llmd_credentials_google(NULL, NULL, &credentials);
}

static void test_search_without_memory(void **state)
{
    (void)state;
    setenv("NO_GCE_CHECK", "true", 1);
    assert_true(torture(find_metadata, NULL) > 3);
    unsetenv("NO_GCE_CHECK");
    setenv("GCE_METADATA_HOST", server_url(google.server) + strlen("http://"), 1);
    assert_true(torture(find_metadata, NULL) > 20);
    unsetenv("GCE_METADATA_HOST");
}

/* Last: in all that the tests above made the library say there is no secret. */
static void test_nothing_secret_was_said(void **state)
{
    static const char *const secrets[] = {TOKEN_PREFIX,  REFRESH_TOKEN, CLIENT_SECRET,
                                          SUBJECT_TOKEN, "PRIVATE KEY", "eyJhbGciOi",
                                          NULL};

    (void)state;
    fflush(said);
    assert_true(said_len > 4000);
    assert_words(said_text, "new token");
    for (const char *const *secret = secrets; *secret; secret++)
        if (strstr(said_text, *secret))
            fail_msg("\"%s\" was said", *secret);
}

#define WITH_GOOGLE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GOOGLE(test_faults_that_pass),
        WITH_GOOGLE(test_words_of_the_server_that_pass),
        WITH_GOOGLE(test_refusals),
        WITH_GOOGLE(test_P134_login_has_ended),
        WITH_GOOGLE(test_service_account),
        WITH_GOOGLE(test_impersonation),
        WITH_GOOGLE(test_source_of_impersonation_refused),
        WITH_GOOGLE(test_echoes_are_censored),
        WITH_GOOGLE(test_executable),
        WITH_GOOGLE(test_external_sources),
        WITH_GOOGLE(test_metadata),
        WITH_GOOGLE(test_slow_server),
        WITH_GOOGLE(test_hundred_threads_cause_one_request),
        WITH_GOOGLE(test_without_memory),
        WITH_GOOGLE(test_search_without_memory),
        cmocka_unit_test(test_nothing_secret_was_said),
    };

    setenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS", "1", 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("CLOUDSDK_CONFIG");
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    llmd__token_set_pause_ms(1);
    said = open_memstream(&said_text, &said_len);
    llmd_log_set(keep_log, NULL);
    int failed = cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
    llmd_log_set(NULL, NULL);
    fclose(said);
    free(said_text);
    return failed;
}
