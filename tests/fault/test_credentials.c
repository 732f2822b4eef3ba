/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, fixed and from files that change. */
#include "auth/credentials.h"
#include "support/folder.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void assert_header(const struct http_auth *auth, bool refresh, const char *want)
{
    AUTO(buf) struct buf header = BUF_INIT;

    assert_null(auth->authorize(NULL, auth->data, refresh, &header));
    assert_string_equal(llmd__buf_text(&header), want);
}

static void test_fixed(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    assert_null(llmd_credentials_from_token("abc", &credentials));
    struct http_auth auth = llmd__credentials_auth(credentials);
    /* The auth keeps what it needs. */
    llmd_credentials_free(credentials);
    assert_header(&auth, false, "Bearer abc");
    assert_header(&auth, true, "Bearer abc");
    auth.free(auth.data);
    assert_null(llmd__credentials_auth(NULL).authorize);
    llmd_credentials_free(NULL);
}

static void test_bad_tokens(void **state)
{
    static const struct {
        const char *token;
        const char *words;
    } rows[] = {
        {"", "is empty"}, {"ab secret", "a space"}, {"ab\nsecret", "a line break"}, {NULL, "NULL"}};
    llmd_credentials *credentials = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        llmd_error *error = llmd_credentials_from_token(rows[i].token, &credentials);
        assert_null(strstr(llmd_error_message(error), "secret"));
        assert_error(error, LLMD_E_INVALID, rows[i].words);
        assert_null(credentials);
    }
}

/* Kubernetes replaces the file; others truncate and write. */
static void test_file(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    folder_write("token", "  one \n", 0600);
    assert_null(llmd_credentials_from_file(path_of("token"), &credentials));
    struct http_auth auth = llmd__credentials_auth(credentials);
    assert_header(&auth, false, "Bearer one");
    char next[256];
    snprintf(next, sizeof next, "%s", path_of("next"));
    /* What cannot be a token does not replace one that was. */
    folder_write("next", "two two", 0600);
    assert_int_equal(rename(next, path_of("token")), 0);
    assert_header(&auth, false, "Bearer one");
    folder_write("next", "second", 0600);
    assert_int_equal(rename(next, path_of("token")), 0);
    assert_header(&auth, false, "Bearer second");
    folder_write("token", "", 0600);
    assert_header(&auth, false, "Bearer second");
    folder_write("token", "third\n", 0600);
    assert_header(&auth, false, "Bearer third");
    unlink(path_of("token"));
    assert_header(&auth, true, "Bearer third");
    auth.free(auth.data);
    llmd_credentials_free(credentials);
}

static void test_bad_files(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    assert_error(llmd_credentials_from_file(path_of("none"), &credentials), LLMD_E_NOT_FOUND,
                 path_of("none"));
    folder_write("empty", "\n\n", 0600);
    assert_error(llmd_credentials_from_file(path_of("empty"), &credentials), LLMD_E_INVALID,
                 "is empty");
    folder_write("two", "one\ntwo\n", 0600);
    assert_error(llmd_credentials_from_file(path_of("two"), &credentials), LLMD_E_INVALID,
                 "a line break");
    assert_null(credentials);
}

static void test_sent(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    struct place place = {.server = server_start(NULL, NULL)};

    (void)state;
    server_on_json(place.server, "GET", "/ok", 200, "{}");
    assert_null(llmd_credentials_from_token("abc", &credentials));
    const struct http_config config = {.base_url = server_url(place.server),
                                       .proxy_url = "",
                                       .auth = llmd__credentials_auth(credentials)};
    assert_null(llmd__http_open(&config, &place.http));
    assert_int_equal(send_status(&place, NULL, &get_ok), 200);
    assert_string_equal(request_header(server_last_request(place.server), "authorization"),
                        "Bearer abc");
    /* A fixed token that is refused is not sent again. */
    server_on_json(place.server, "GET", "/ok", 401, "{}");
    assert_int_equal(send_status(&place, NULL, &get_ok), 401);
    assert_int_equal(server_requests(place.server), 2);
    llmd__http_put(place.http);
    server_stop(place.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed), cmocka_unit_test(test_bad_tokens),
        cmocka_unit_test(test_file),  cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_sent),
    };

    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
