/* SPDX-License-Identifier: Apache-2.0 */
#include "base/url.h"
#include "support/torture.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

struct row {
    const char *text;
    const char *scheme, *host;
    int port;
    const char *path, *query;
};

static const struct row rows[] = {
    {"http://host", "http", "host", 80, "/", NULL},
    {"https://host/", "https", "host", 443, "/", NULL},
    {"HTTPS://Host:8443/a/b/", "https", "Host", 8443, "/a/b", NULL},
    {"http://10.0.0.1:80/v1?x=1&y=2", "http", "10.0.0.1", 80, "/v1", "x=1&y=2"},
    {"http://host?x", "http", "host", 80, "/", "x"},
    {"http://host/a#part", "http", "host", 80, "/a", NULL},
    {"http://host/a?q#part?", "http", "host", 80, "/a", "q"},
    {"http://host:/a", "http", "host", 80, "/a", NULL},
    {"http://host///", "http", "host", 80, "/", NULL},
    {"https://[::1]:6443", "https", "::1", 6443, "/", NULL},
    {"http://my_host.svc.cluster.local/a%20b", "http", "my_host.svc.cluster.local", 80, "/a%20b",
     NULL},
    {"http://host/a:b@c", "http", "host", 80, "/a:b@c", NULL},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct url url;
        llmd_error *error = llmd__url_parse(rows[i].text, &url);
        if (error)
            fail_msg("%s: %s", rows[i].text, llmd_error_message(error));
        assert_string_equal(url.scheme, rows[i].scheme);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_string_equal(url.path, rows[i].path);
        if (rows[i].query)
            assert_string_equal(url.query, rows[i].query);
        else
            assert_null(url.query);
        llmd__url_free(&url);
    }
}

static const char *const refusals[][2] = {
    {"", "URL: missing"},
    {"host", "URL \"host\": must begin with http:// or https://"},
    {"ftp://host", "URL \"ftp://host\": must begin with http:// or https://"},
    {"file:///etc/passwd", "URL \"file:///etc/passwd\": must begin with http:// or https://"},
    {"http://", "URL \"http://\": has no host"},
    {"http:///a", "URL \"http:///a\": has no host"},
    {"http://:80", "URL \"http://:80\": has no host"},
    {"http://[]", "URL \"http://[]\": has no host"},
    {"http://host:0", "URL \"http://host:0\": has a port that is not 1 to 65535"},
    {"http://host:65536", "URL \"http://host:65536\": has a port that is not 1 to 65535"},
    {"http://host:99999999999999999999",
     "URL \"http://host:99999999999999999999\": has a port that is not 1 to 65535"},
    {"http://host:x", "URL \"http://host:x\": has a port that is not 1 to 65535"},
    {"http://[::1]x", "URL \"http://[::1]x\": has a port that is not 1 to 65535"},
    {"http://[::1", "URL \"http://[::1\": has a host with characters that cannot stand there"},
    {"http://[zz]", "URL \"http://[zz]\": has a host with characters that cannot stand there"},
    {"http://a,b/", "URL \"http://a,b/\": has a host with characters that cannot stand there"},
    {"http://a\\b/", "URL \"http://a\\b/\": has a host with characters that cannot stand there"},
    {"http://user:s3cr3t@host", "URL: must not carry a user or password; use credentials"},
    {"htp://user:s3cr3t@host", "URL: must begin with http:// or https://"},
    {"http://ho st/", "URL: holds blanks or control characters"},
    {"http://host/\r\nX: 1", "URL: holds blanks or control characters"},
};

static void test_refusals(void **state)
{
    struct url url;

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        AUTO(error) llmd_error *error = llmd__url_parse(refusals[i][0], &url);
        assert_string_equal(llmd_error_message(error), refusals[i][1]);
        assert_null(url.host);
        assert_null(url.scheme);
    }
    AUTO(error) llmd_error *error = llmd__url_parse(NULL, &url);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
}

static void test_escape(void **state)
{
    AUTO(buf) struct buf buf = BUF_INIT;

    (void)state;
    llmd__url_escape(&buf, NULL);
    llmd__url_escape(&buf, "aZ0-._~ /?#&=+%\xC3\xA4..");
    assert_string_equal(llmd__buf_text(&buf), "aZ0-._~%20%2F%3F%23%26%3D%2B%25%C3%A4..");
}

static llmd_error *parse(void *data)
{
    struct url url;

    TRY(llmd__url_parse(data, &url));
    llmd__url_free(&url);
    return NULL;
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_int_equal(torture(parse, "https://host/a?b"), 4);
    torture(parse, "http://u@host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
