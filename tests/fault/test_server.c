/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted server itself, driven by libcurl. */
#include "support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

struct answer {
    CURLcode code;
    long status;
    long retry_after;
    size_t len;
    char text[4096];
};

static size_t keep(char *data, size_t size, size_t count, void *to)
{
    struct answer *answer = to;
    size_t len = size * count;
    for (size_t i = 0; i < len && answer->len + i < sizeof(answer->text) - 1; i++)
        answer->text[answer->len + i] = data[i];
    answer->len += len;
    return len;
}

static struct answer fetch(const char *base, const char *path, const char *ca, long timeout_ms)
{
    struct answer answer = {0};
    char url[256];
    snprintf(url, sizeof(url), "%s%s", base, path);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    struct curl_blob blob = {(void *)ca, ca ? strlen(ca) : 0, CURL_BLOB_COPY};
    if (ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    answer.code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_off_t retry_after = 0;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    answer.retry_after = (long)retry_after;
    curl_easy_cleanup(curl);
    return answer;
}

static void stream_words(struct conn *conn, const struct request *request, void *data)
{
    (void)request;
    (void)data;
    reply_begin_stream(conn, 200, "text/event-stream");
    for (int i = 0; i < 3 && conn_wait(conn, 1); i++)
        reply_chunk(conn, "data: gr\xc3\xbc\xc3\x9f\n\n", 14);
    reply_end_stream(conn);
}

static void answers_by_rule_and_records(void **state)
{
    (void)state;
    struct server *server = server_start(NULL, NULL);
    server_on_json(server, "GET", "/version", 200, "{\"major\":\"1\"}");
    server_on(server, NULL, "/stream*", stream_words, NULL);
    struct answer answer = fetch(server_url(server), "/version?a=b%20c", NULL, 5000);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.text, "{\"major\":\"1\"}");
    assert_int_equal(fetch(server_url(server), "/streams", NULL, 5000).len, 42);
    assert_int_equal(fetch(server_url(server), "/other", NULL, 5000).status, 404);
    assert_int_equal(server_requests(server), 3);
    assert_int_equal(server_requests_of(server, "GET", "/version"), 1);
    const struct request *request = server_request(server, 0);
    assert_string_equal(request->query, "a=b%20c");
    assert_non_null(request_header(request, "host"));
    assert_null(server_request(server, 3));
    server_stop(server);
}

static void every_fault_does_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int number;
        CURLcode code;
        long status;
    } rows[] = {
        {"reset", 0, CURLE_RECV_ERROR, 0},
        {"close", 0, CURLE_GOT_NOTHING, 0},
        {"stall", 0, CURLE_OPERATION_TIMEDOUT, 0},
        {"close-after-headers", 0, CURLE_PARTIAL_FILE, 200},
        {"stall-after-headers", 0, CURLE_OPERATION_TIMEDOUT, 200},
        {"429", 7, CURLE_OK, 429},
        {"429-date", 9, CURLE_OK, 429},
        {"status", 503, CURLE_OK, 503},
        {"huge", 3, CURLE_OK, 200},
        {"huge-chunked", 3, CURLE_OK, 200},
        {"bad-status-line", 0, CURLE_UNSUPPORTED_PROTOCOL, 0},
        {"bad-chunk", 0, CURLE_RECV_ERROR, 200},
        {"short-chunk", 0, CURLE_PARTIAL_FILE, 200},
        {"bad-json", 0, CURLE_OK, 200},
        {"not-http", 0, CURLE_UNSUPPORTED_PROTOCOL, 0},
        {"reset-mid", 5, CURLE_RECV_ERROR, 200},
        {"close-mid", 5, CURLE_PARTIAL_FILE, 200},
        {"stall-mid", 5, CURLE_OPERATION_TIMEDOUT, 200},
        {"cut-utf8", 0, CURLE_PARTIAL_FILE, 200},
        {"drip", 1, CURLE_OK, 200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server *server = server_start(stream_words, NULL);
        server_fault(server, "/x", fault_by_name(rows[i].name), rows[i].number, 1);
        bool stalls = strstr(rows[i].name, "stall") != NULL;
        struct answer answer = fetch(server_url(server), "/x", NULL, stalls ? 200 : 10000);
        print_message("%s: %d %ld\n", rows[i].name, (int)answer.code, answer.status);
        assert_int_equal(answer.code, rows[i].code);
        assert_int_equal(answer.status, rows[i].status);
        assert_int_equal(fetch(server_url(server), "/x", NULL, 5000).status, 200);
        server_stop(server);
    }
}

static void cuts_inside_a_character(void **state)
{
    (void)state;
    struct server *server = server_start(stream_words, NULL);
    server_fault(server, NULL, FAULT_CUT_UTF8, 0, 1);
    struct answer answer = fetch(server_url(server), "/x", NULL, 5000);
    assert_string_equal(answer.text, "data: gr\xc3");
    server_stop(server);
}

static void tells_retry_after_in_both_forms(void **state)
{
    (void)state;
    struct server *server = server_start(NULL, NULL);
    server_fault(server, NULL, FAULT_429, 7, 1);
    server_fault(server, NULL, FAULT_429_DATE, 30, 1);
    assert_int_equal(fetch(server_url(server), "/x", NULL, 5000).retry_after, 7);
    assert_in_range(fetch(server_url(server), "/x", NULL, 5000).retry_after, 25, 31);
    server_stop(server);
}

static void refuses_and_comes_back(void **state)
{
    (void)state;
    struct server *server = server_start(NULL, NULL);
    server_refuse(server, true);
    assert_int_equal(fetch(server_url(server), "/x", NULL, 5000).code, CURLE_COULDNT_CONNECT);
    server_refuse(server, false);
    assert_int_equal(fetch(server_url(server), "/x", NULL, 5000).status, 404);
    server_stop(server);
}

static void shows_good_and_wrong_certificates(void **state)
{
    (void)state;
    static const struct {
        enum httpd_tls kind;
        CURLcode code;
    } rows[] = {{TLS_GOOD, CURLE_OK},
                {TLS_WRONG_HOST, CURLE_PEER_FAILED_VERIFICATION},
                {TLS_EXPIRED, CURLE_PEER_FAILED_VERIFICATION},
                {TLS_UNKNOWN_CA, CURLE_PEER_FAILED_VERIFICATION}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server *server = server_start_tls(rows[i].kind, NULL, NULL);
        assert_int_equal(fetch(server_url(server), "/x", server_ca(server), 5000).code,
                         rows[i].code);
        server_stop(server);
    }
}

int main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_by_rule_and_records),
        cmocka_unit_test(every_fault_does_what_it_says),
        cmocka_unit_test(cuts_inside_a_character),
        cmocka_unit_test(tells_retry_after_in_both_forms),
        cmocka_unit_test(refuses_and_comes_back),
        cmocka_unit_test(shows_good_and_wrong_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
