/* SPDX-License-Identifier: Apache-2.0 */
/* Google's search order, in a home of its own, with every combination of what may be there. */
#include "auth/adc.h"
#include "auth/credentials.h"
#include "auth/google.h"
#include "auth/metadata.h"
#include "auth/token_request.h"
#include "support/folder.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "application_default_credentials.json"
#define USER                                                                                       \
    "{\"type\":\"authorized_user\",\"client_id\":\"c\",\"client_secret\":\"s3cret-of-client\","    \
    "\"refresh_token\":\"s3cret-to-refresh\"}"

static const char *const variables[] = {"CLOUDSDK_AUTH_ACCESS_TOKEN",
                                        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
                                        "GOOGLE_APPLICATION_CREDENTIALS",
                                        "CLOUDSDK_CONFIG",
                                        "GCE_METADATA_HOST",
                                        "GCE_METADATA_ROOT",
                                        "GCE_METADATA_IP",
                                        "GCE_METADATA_DETECT_RETRIES",
                                        "GCE_METADATA_TIMEOUT",
                                        "GOOGLE_CLOUD_PROJECT",
                                        "GCLOUD_PROJECT",
                                        "GOOGLE_CLOUD_QUOTA_PROJECT",
                                        "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
                                        NULL};

/* Nothing is there, and no metadata server. */
static int set_up(void **state)
{
    (void)state;
    for (const char *const *name = variables; *name; name++)
        unsetenv(*name);
    setenv("HOME", folder, 1);
    setenv("NO_GCE_CHECK", "true", 1);
    return 0;
}

static const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Bits of what is there, from the first place to the last. */
enum there { TOKEN = 1, TOKEN_FILE = 2, NAMED_FILE = 4, USUAL_FILE = 8, METADATA = 16 };

static void place_all(int there, const char *url)
{
    if (there & TOKEN)
        setenv("CLOUDSDK_AUTH_ACCESS_TOKEN", "token", 1);
    if (there & TOKEN_FILE)
        setenv("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", path_of("token"), 1);
    if (there & NAMED_FILE)
        setenv("GOOGLE_APPLICATION_CREDENTIALS", path_of("named.json"), 1);
    /* Also at once the test of CLOUDSDK_CONFIG; the folder below HOME is in another one. */
    setenv("CLOUDSDK_CONFIG", there & USUAL_FILE ? folder : "/nonexistent", 1);
    if (there & METADATA) {
        unsetenv("NO_GCE_CHECK");
        setenv("GCE_METADATA_HOST", url + strlen("http://"), 1);
    }
}

static void metadata(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_header(conn, "Metadata-Flavor", "Google");
    reply_text(conn, 200, "application/text", "acme");
}

/* The first one that is there, whatever else is. */
static void test_order(void **state)
{
    static const char *const first[] = {"\"kind\":\"token\"", "\"kind\":\"file\"", "named.json",
                                        FILE_NAME, "\"kind\":\"metadata\""};
    struct server *server = server_start(metadata, NULL);

    folder_write("token", "from-file", 0600);
    folder_write("named.json", USER, 0600);
    folder_write(FILE_NAME, USER, 0600);
    for (int there = 0; there < 32; there++) {
        llmd_credentials *credentials = NULL;
        set_up(state);
        place_all(there, server_url(server));
        llmd_error *error = llmd_credentials_google(NULL, NULL, &credentials);
        if (!there) {
            assert_error(error, LLMD_E_NOT_FOUND, "no Google credentials");
            continue;
        }
        assert_null(error);
        const char *description = llmd_credentials_describe(credentials);
        if (!strstr(description, first[__builtin_ctz((unsigned)there)]))
            fail_msg("of %d: %s", there, description);
        assert_null(strstr(description, "s3cret"));
        llmd_credentials_free(credentials);
    }
    server_stop(server);
    unlink(path_of(FILE_NAME));
}

static void test_P133_all_places_are_named(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    llmd_error *error = llmd_credentials_google(NULL, NULL, &credentials);
    assert_string_equal(llmd_error_advice(error),
                        "run: gcloud auth application-default login (or set "
                        "GOOGLE_APPLICATION_CREDENTIALS to a credentials file)");
    AUTO(str)
    char *want = llmd__format(
        "no Google credentials; looked at CLOUDSDK_AUTH_ACCESS_TOKEN (not set), "
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE (not set), GOOGLE_APPLICATION_CREDENTIALS (not set), "
        "%s/.config/gcloud/" FILE_NAME " (no such file), the metadata server (NO_GCE_CHECK is "
        "true)",
        folder);
    assert_string_equal(llmd_error_message(error), want);
    assert_error(error, LLMD_E_NOT_FOUND, "");
    unsetenv("HOME");
    assert_error(llmd_credentials_google(NULL, NULL, &credentials), LLMD_E_NOT_FOUND,
                 "neither CLOUDSDK_CONFIG nor HOME is set");
}

static void test_P133_gcloud_login_is_not_adc(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    setenv("CLOUDSDK_CONFIG", folder, 1);
    folder_write("credentials.db", "", 0600);
    llmd_error *error = llmd_credentials_google(NULL, NULL, &credentials);
    AUTO(str)
    char *want = llmd__format(
        "gcloud is logged in (%s), but that login is for gcloud alone and no Application Default "
        "Credentials; run: gcloud auth application-default login",
        folder);
    assert_string_equal(llmd_error_advice(error), want);
    assert_error(error, LLMD_E_NOT_FOUND, "no Google credentials");
    unlink(path_of("credentials.db"));
}

/* What is named must be there: the search does not go on behind the user's back. */
static void test_named_file_must_be_good(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    setenv("CLOUDSDK_CONFIG", folder, 1);
    folder_write(FILE_NAME, USER, 0600);
    setenv("GOOGLE_APPLICATION_CREDENTIALS", path_of("none.json"), 1);
    assert_error(llmd_credentials_google(NULL, NULL, &credentials), LLMD_E_NOT_FOUND,
                 "credentials file of GOOGLE_APPLICATION_CREDENTIALS: ");
    folder_write("bad.json", "{\"type\":", 0600);
    setenv("GOOGLE_APPLICATION_CREDENTIALS", path_of("bad.json"), 1);
    assert_error(llmd_credentials_google(NULL, NULL, &credentials), LLMD_E_INVALID,
                 "bad.json: it is not JSON");
    setenv("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", path_of("none"), 1);
    assert_error(llmd_credentials_google(NULL, NULL, &credentials), LLMD_E_NOT_FOUND,
                 "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: ");
    setenv("CLOUDSDK_AUTH_ACCESS_TOKEN", "two s3crets", 1);
    llmd_error *error = llmd_credentials_google(NULL, NULL, &credentials);
    assert_null(strstr(llmd_error_message(error), "s3cret"));
    assert_error(error, LLMD_E_INVALID, "CLOUDSDK_AUTH_ACCESS_TOKEN has a space");
    assert_null(credentials);
    unlink(path_of(FILE_NAME));
}

/* An explicit file comes before all of it. */
static void test_explicit_path(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    (void)state;
    setenv("CLOUDSDK_AUTH_ACCESS_TOKEN", "token", 1);
    folder_write("named.json", USER, 0600);
    assert_null(llmd_credentials_google(NULL, path_of("named.json"), &credentials));
    assert_non_null(strstr(llmd_credentials_describe(credentials), "named.json"));
}

static void test_project(void **state)
{
    LLMD_AUTO(llmd_credentials) first = NULL;
    LLMD_AUTO(llmd_credentials) second = NULL;

    (void)state;
    setenv("CLOUDSDK_AUTH_ACCESS_TOKEN", "token", 1);
    setenv("GCLOUD_PROJECT", "older", 1);
    assert_null(llmd_credentials_google(NULL, NULL, &first));
    assert_string_equal(llmd_credentials_project(first), "older");
    setenv("GOOGLE_CLOUD_PROJECT", "newer", 1);
    assert_null(llmd_credentials_google(NULL, NULL, &second));
    assert_string_equal(llmd_credentials_project(second), "newer");
    assert_string_equal(llmd_credentials_project(NULL), "");
    assert_string_equal(llmd_credentials_describe(NULL), "");
}

/* Also for a token that somebody else looks after: what stands in the environment holds for it. */
static void test_given_token_by_environment(void **state)
{
    LLMD_AUTO(llmd_credentials) found = NULL;
    LLMD_AUTO(llmd_credentials) given = NULL;

    (void)state;
    setenv("CLOUDSDK_AUTH_ACCESS_TOKEN", "token", 1);
    setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "payer", 1);
    setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.goog", 1);
    assert_null(llmd_credentials_google(NULL, NULL, &found));
    assert_string_equal(llmd__credentials_quota_project(found, NULL), "payer");
    assert_string_equal(llmd__credentials_universe(found), "example.goog");
    assert_null(llmd_credentials_from_token("token", &given));
    assert_string_equal(llmd__credentials_quota_project(given, NULL), "payer");
    assert_string_equal(llmd__credentials_universe(given), "example.goog");
}

static void test_other_universe(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.goog", 1);
    assert_error(llmd_credentials_google_json(USER, &credentials), LLMD_E_INVALID,
                 "are for the universe googleapis.com, but GOOGLE_CLOUD_UNIVERSE_DOMAIN says "
                 "example.goog");
}

static bool is_detected(const char *dmi)
{
    AUTO(buf) struct buf why = BUF_INIT;
    bool found = false;

    folder_write("dmi", dmi, 0600);
    assert_null(llmd__metadata_detect(NULL, path_of("dmi"), &found, &why));
    return found;
}

static void elsewhere(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_text(conn, 200, "text/plain", "1.0\nlatest");
}

/* Later than the usual second. */
static void answer_late(struct conn *conn, const struct request *request, void *data)
{
    usleep(1500 * 1000);
    metadata(conn, request, data);
}

/* By the name of the machine at once; else by one question, which other clouds answer otherwise. */
static void test_detection(void **state)
{
    struct server *ours = server_start(metadata, NULL);
    struct server *theirs = server_start(elsewhere, NULL);

    (void)state;
    assert_false(is_detected("Google Compute Engine"));
    unsetenv("NO_GCE_CHECK");
    setenv("GCE_METADATA_IP", server_url(ours) + strlen("http://"), 1);
    assert_true(is_detected("Google Compute Engine\n"));
    assert_int_equal(server_requests(ours), 0);
    assert_true(is_detected("KVM"));
    assert_int_equal(server_requests(ours), 1);
    assert_string_equal(request_header(server_last_request(ours), "metadata-flavor"), "Google");
    server_fault(ours, "*", FAULT_CLOSE, 0, 1);
    assert_false(is_detected("KVM"));
    setenv("GCE_METADATA_DETECT_RETRIES", "2", 1);
    llmd__token_set_pause_ms(1);
    server_fault(ours, "*", FAULT_CLOSE, 0, 1);
    assert_true(is_detected("KVM"));
    server_fault(ours, "*", FAULT_STALL, 0, 1);
    assert_true(is_detected("KVM"));
    setenv("GCE_METADATA_DETECT_RETRIES", "many", 1); /* no number: once */
    setenv("GCE_METADATA_TIMEOUT", "30", 1);
    server_on(ours, "GET", "/", answer_late, NULL);
    assert_true(is_detected("KVM"));
    server_fault(ours, "*", FAULT_CLOSE, 0, 1);
    assert_false(is_detected("KVM"));
    setenv("GCE_METADATA_IP", server_url(theirs) + strlen("http://"), 1);
    assert_false(is_detected("KVM"));
    server_refuse(theirs, true);
    assert_false(is_detected("KVM"));
    server_stop(ours);
    server_stop(theirs);
}

/* What answers at the address must be Google's. */
static void test_metadata_of_another(void **state)
{
    struct server *theirs = server_start(elsewhere, NULL);
    llmd_credentials *credentials = NULL;

    (void)state;
    unsetenv("NO_GCE_CHECK");
    setenv("GCE_METADATA_HOST", server_url(theirs) + strlen("http://"), 1);
    assert_error(llmd_credentials_google(NULL, NULL, &credentials), LLMD_E_PROTOCOL,
                 "does not answer as Google's metadata server");
    server_stop(theirs);
}

#define SEARCH(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEARCH(test_order),
        SEARCH(test_P133_all_places_are_named),
        SEARCH(test_P133_gcloud_login_is_not_adc),
        SEARCH(test_named_file_must_be_good),
        SEARCH(test_explicit_path),
        SEARCH(test_project),
        SEARCH(test_given_token_by_environment),
        SEARCH(test_other_universe),
        SEARCH(test_detection),
        SEARCH(test_metadata_of_another),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
