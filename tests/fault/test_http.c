/* SPDX-License-Identifier: Apache-2.0 */
/* What a server can do to a blocking call. */
#include "base/clock.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_get(void **state)
{
    struct place *place = *state;
    struct http_reply reply;

    assert_null(llmd__http_send(NULL, place->http, &get_ok, &reply));
    assert_int_equal(reply.status, 200);
    assert_string_equal(llmd__buf_text(&reply.body), "{\"ok\":true}");
    assert_non_null(strstr(reply.content_type, "application/json"));
    assert_false(reply.reused);
    assert_true(reply.start_us <= reply.sent_us && reply.sent_us <= reply.first_byte_us &&
                reply.first_byte_us <= reply.end_us);
    llmd__http_reply_free(&reply);
    const struct request *request = server_last_request(place->server);
    assert_string_equal(request_header(request, "user-agent"), "libllmd/0.1.0");
    assert_string_equal(request_header(request, "accept"), "application/json");
    assert_string_equal(request_header(request, "accept-encoding"), "gzip");
    assert_null(request_header(request, "expect"));
}

static void test_methods_and_bodies(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET", "POST"};
    static const char *const more[] = {"X-Trace: 7", NULL};
    struct place *place = *state;

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        bool has_body = methods[i][0] == 'P';
        const struct http_request request = {.method = methods[i],
                                             .path = "/ok?x=%20y",
                                             .body = has_body ? "{\"a\":1}" : NULL,
                                             .body_len = has_body ? 7 : 0,
                                             .content_type = has_body ? "application/json" : NULL,
                                             .headers = more};
        assert_int_equal(send_status(place, NULL, &request), 200);
        const struct request *seen = server_last_request(place->server);
        assert_string_equal(seen->method, methods[i]);
        assert_string_equal(seen->target, "/ok?x=%20y");
        assert_string_equal(seen->body, has_body ? "{\"a\":1}" : "");
        assert_string_equal(request_header(seen, "x-trace"), "7");
    }
    assert_int_equal(server_connections(place->server), 1);
}

static void echo_length(struct conn *conn, const struct request *request, void *data)
{
    char text[64];

    (void)data;
    snprintf(text, sizeof text, "{\"length\":%zu}", request->body_len);
    reply_json(conn, 200, text);
}

/* More than a megabyte: libcurl would wait for "100 Continue" if it were allowed to. */
static void test_large_post(void **state)
{
    struct place *place = *state;
    struct http_request request = request_of("POST");
    struct http_reply reply;
    size_t len = (size_t)3 << 20;
    char *body = malloc(len);

    memset(body, 'x', len);
    server_on(place->server, "POST", "/ok", echo_length, NULL);
    request.body = body;
    request.body_len = len;
    assert_null(llmd__http_send(NULL, place->http, &request, &reply));
    assert_string_equal(llmd__buf_text(&reply.body), "{\"length\":3145728}");
    assert_null(request_header(server_last_request(place->server), "expect"));
    llmd__http_reply_free(&reply);
    free(body);
}

static void test_connection_is_reused(void **state)
{
    struct place *place = *state;
    struct http_reply reply;

    for (int i = 0; i < 5; i++) {
        assert_null(llmd__http_send(NULL, place->http, &get_ok, &reply));
        assert_int_equal(reply.reused, i > 0);
        llmd__http_reply_free(&reply);
    }
    assert_int_equal(server_connections(place->server), 1);
}

static void test_connection_lost_while_idle(void **state)
{
    struct place *place = *state;
    struct http_request post = request_of("POST");

    assert_int_equal(send_status(place, NULL, &get_ok), 200);
    server_cut_all(place->server);
    while (server_open_connections(place->server))
        usleep(1000);
    assert_int_equal(send_status(place, NULL, &post), 200);
    assert_int_equal(server_connections(place->server), 2);
}

static void test_refused(void **state)
{
    struct place *place = *state;

    server_refuse(place->server, true);
    struct http_request request = get_ok;
    request.path = "/ok?token=secret";
    request.no_retry = true;
    struct http_reply reply;
    llmd_error *error = llmd__http_send(NULL, place->http, &request, &reply);
    assert_non_null(error);
    assert_null(strstr(llmd_error_message(error), "secret"));
    assert_non_null(strstr(llmd_error_message(error), "GET http://127.0.0.1:"));
    assert_true(llmd_error_advice(error)[0] != '\0');
    assert_true(llmd_error_retryable(error));
    assert_error(error, LLMD_E_UNREACHABLE, "connection refused");
    llmd__http_reply_free(&reply);
}

/* A mux of hundreds meets the usual limit of 1024: that is no matter of the server, and waiting
   does not help. */
static void test_no_descriptor_left(void **state)
{
    struct place *place = *state;
    struct rlimit limit;
    int next = dup(0);

    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    const struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    send_fails(place, NULL, &get_ok, LLMD_E_SYSTEM, "too many open files");
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(send_status(place, NULL, &get_ok), 200);
}

static void test_refused_then_back(void **state)
{
    struct place *place = *state;
    struct http_request post = request_of("POST");
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    /* Nothing was sent, so even a POST is tried three times, and no more. */
    server_refuse(place->server, true);
    send_fails(place, NULL, &post, LLMD_E_UNREACHABLE, "connection refused");
    server_refuse(place->server, false);
    llmd_context_set_timeout_ms(ctx, 20000);
    assert_int_equal(send_status(place, ctx, &post), 200);
}

static void test_name_not_resolved(void **state)
{
    struct place *place = *state;
    struct http *nowhere = place_open("http://nowhere.invalid:1234/x", NULL);
    struct http_request request = get_ok;
    struct http_reply reply;

    (void)place;
    request.no_retry = true;
    assert_error(llmd__http_send(NULL, nowhere, &request, &reply), LLMD_E_UNREACHABLE,
                 "name not resolved");
    llmd__http_reply_free(&reply);
    llmd__http_put(nowhere);
}

static void test_reset_is_repeated_for_get_only(void **state)
{
    struct place *place = *state;
    struct http_request post = request_of("POST");

    server_fault(place->server, "/ok", FAULT_RESET, 0, 2);
    assert_int_equal(send_status(place, NULL, &get_ok), 200);
    assert_int_equal(server_requests(place->server), 3);
    server_forget(place->server);
    server_fault(place->server, "/ok", FAULT_RESET, 0, 1);
    send_fails(place, NULL, &post, LLMD_E_UNREACHABLE, "closed before an answer");
    assert_int_equal(server_requests(place->server), 1);
}

/* libcurl itself would send it again on a new connection. */
static void test_post_on_a_dying_connection(void **state)
{
    struct place *place = *state;
    struct http_request post = request_of("POST");

    assert_int_equal(send_status(place, NULL, &post), 200);
    server_fault(place->server, "/ok", FAULT_CLOSE, 0, 1);
    send_fails(place, NULL, &post, LLMD_E_UNREACHABLE, "may have acted on it");
    assert_int_equal(server_requests(place->server), 2);
}

static void test_throttled(void **state)
{
    struct place *place = *state;
    struct http_request post = request_of("POST");
    struct http_request once = get_ok;

    server_fault(place->server, "/ok", FAULT_429, 0, 2);
    assert_int_equal(send_status(place, NULL, &post), 200);
    assert_int_equal(server_requests(place->server), 3);
    server_clear_faults(place->server);
    server_fault(place->server, "/ok", FAULT_429, 0, 10);
    assert_int_equal(send_status(place, NULL, &post), 429);
    server_clear_faults(place->server);
    server_fault(place->server, "/ok", FAULT_429, 1, 1);
    int64_t before = llmd__clock_mono_ms();
    assert_int_equal(send_status(place, NULL, &once), 200);
    assert_true(llmd__clock_mono_ms() - before >= 1000);
}

static void test_retry_after_is_told(void **state)
{
    struct place *place = *state;
    struct http_request once = get_ok;
    struct http_reply reply;

    once.no_retry = true;
    server_fault(place->server, "/ok", FAULT_429, 7, 1);
    assert_null(llmd__http_send(NULL, place->http, &once, &reply));
    assert_int_equal(reply.status, 429);
    assert_int_equal(reply.retry_after_ms, 7000);
    llmd__http_reply_free(&reply);
    server_fault(place->server, "/ok", FAULT_429_DATE, 60, 1);
    assert_null(llmd__http_send(NULL, place->http, &once, &reply));
    assert_int_equal(reply.status, 429);
    assert_true(reply.retry_after_ms > 50000 && reply.retry_after_ms <= 60000);
    llmd__http_reply_free(&reply);
}

/* A wait that the deadline would cut is not begun: the refusal itself is told. */
static void test_retry_after_beyond_the_deadline(void **state)
{
    struct place *place = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    server_fault(place->server, "/ok", FAULT_429, 60, -1);
    llmd_context_set_timeout_ms(ctx, 5000);
    int64_t before = llmd__clock_mono_ms();
    assert_int_equal(send_status(place, ctx, &get_ok), 429);
    assert_true(llmd__clock_mono_ms() - before < 4000);
    assert_int_equal(server_requests(place->server), 1);
}

static void test_server_errors(void **state)
{
    static const struct {
        int status;
        const char *method;
        unsigned requests;
    } rows[] = {
        {500, "GET", 3}, {502, "GET", 3}, {503, "GET", 3},  {504, "GET", 3},  {501, "GET", 1},
        {404, "GET", 1}, {409, "GET", 1}, {500, "POST", 1}, {503, "POST", 1}, {400, "POST", 1},
    };
    struct place *place = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_request request = request_of(rows[i].method);
        server_forget(place->server);
        server_clear_faults(place->server);
        server_fault(place->server, "/ok", FAULT_STATUS, rows[i].status, -1);
        assert_int_equal(send_status(place, NULL, &request), rows[i].status);
        assert_int_equal(server_requests(place->server), rows[i].requests);
    }
}

static void test_malformed(void **state)
{
    static const struct {
        enum fault fault;
        llmd_code code;
        const char *words;
    } rows[] = {
        {FAULT_BAD_STATUS_LINE, LLMD_E_PROTOCOL, "not HTTP"},
        {FAULT_NOT_HTTP, LLMD_E_PROTOCOL, "not HTTP"},
        {FAULT_BAD_LENGTH, LLMD_E_PROTOCOL, ""},
        {FAULT_BAD_CHUNK, LLMD_E_PROTOCOL, ""},
        {FAULT_SHORT_CHUNK, LLMD_E_PROTOCOL, "cut off"},
        {FAULT_CLOSE_AFTER_HEADERS, LLMD_E_PROTOCOL, "cut off"},
    };
    struct place *place = *state;
    struct http_request once = get_ok;

    once.no_retry = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        server_fault(place->server, "/ok", rows[i].fault, 0, 1);
        print_message("fault %d\n", (int)rows[i].fault);
        send_fails(place, NULL, &once, rows[i].code, rows[i].words);
    }
    assert_int_equal(send_status(place, NULL, &once), 200);
}

static void test_cut_bodies(void **state)
{
    struct place *place = *state;
    struct http_request once = get_ok;

    once.no_retry = true;
    server_fault(place->server, "/ok", FAULT_RESET_MID, 3, 1);
    send_fails(place, NULL, &once, LLMD_E_UNREACHABLE, "reset inside the answer");
    server_fault(place->server, "/ok", FAULT_CLOSE_MID, 3, 1);
    send_fails(place, NULL, &once, LLMD_E_PROTOCOL, "cut off");
    server_fault(place->server, "/ok", FAULT_CLOSE_MID, 3, 1);
    assert_int_equal(send_status(place, NULL, &get_ok), 200);
}

struct tokens {
    int given, refreshed, freed;
};

static llmd_error *give_token(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    struct tokens *tokens = data;

    (void)ctx;
    tokens->given++;
    if (refresh)
        tokens->refreshed++;
    llmd__buf_format(header, "Bearer token-%d", tokens->refreshed);
    return NULL;
}

static void free_tokens(void *data)
{
    ((struct tokens *)data)->freed++;
}

static void want_second_token(struct conn *conn, const struct request *request, void *data)
{
    const char *header = request_header(request, "authorization");

    (void)data;
    reply_json(conn, header && strcmp(header, "Bearer token-1") == 0 ? 200 : 401, "{}");
}

static void test_token_is_refreshed_once(void **state)
{
    struct place *place = *state;
    struct tokens tokens = {0};
    const struct http_config config = {.base_url = server_url(place->server),
                                       .proxy_url = "",
                                       .auth = {give_token, free_tokens, &tokens}};
    struct place other = {.server = place->server};
    struct http_request post = request_of("POST");

    server_on(place->server, NULL, "/ok", want_second_token, NULL);
    assert_null(llmd__http_open(&config, &other.http));
    assert_int_equal(send_status(&other, NULL, &post), 200);
    assert_int_equal(tokens.refreshed, 1);
    assert_int_equal(server_requests(place->server), 2);
    server_on_json(place->server, NULL, "/ok", 401, "{}");
    assert_int_equal(send_status(&other, NULL, &get_ok), 401);
    assert_int_equal(tokens.refreshed, 2);
    assert_int_equal(server_requests(place->server), 4);
    llmd__http_put(other.http);
    assert_int_equal(tokens.freed, 1);
}

static void *send_many(void *data)
{
    for (int i = 0; i < 50; i++)
        assert_int_equal(send_status(data, NULL, &get_ok), 200);
    return NULL;
}

static void test_many_threads(void **state)
{
    struct place *place = *state;
    pthread_t threads[8];

    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, send_many, place);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(server_requests(place->server), 400);
    assert_true(server_connections(place->server) <= 8);
}

/* The child opens its own connection, and the parent's goes on as if nothing had been. */
static void test_fork(void **state)
{
    struct place *place = *state;
    struct http_reply reply;
    int status = -1;

    assert_int_equal(send_status(place, NULL, &get_ok), 200);
    pid_t child = fork();
    if (child == 0) {
        llmd_error *error = llmd__http_send(NULL, place->http, &get_ok, &reply);
        _exit(error || reply.status != 200 || reply.reused ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_null(llmd__http_send(NULL, place->http, &get_ok, &reply));
    assert_true(reply.reused);
    llmd__http_reply_free(&reply);
    assert_int_equal(server_connections(place->server), 2);
}

/* A plain proxy gets the whole URL; NO_PROXY of the environment does not concern a chosen one. */
static void test_proxy(void **state)
{
    struct place *place = *state;
    struct place other = {.server = place->server};
    const struct http_config config = {.base_url = "http://far.invalid:81/base",
                                       .proxy_url = server_url(place->server)};

    setenv("NO_PROXY", "*", 1);
    assert_null(llmd__http_open(&config, &other.http));
    server_on_json(place->server, NULL, NULL, 200, "{}");
    assert_int_equal(send_status(&other, NULL, &get_ok), 200);
    assert_string_equal(request_header(server_last_request(place->server), "host"),
                        "far.invalid:81");
    llmd__http_put(other.http);
    unsetenv("NO_PROXY");
}

static void send_gzip(struct conn *conn, const struct request *request, void *data)
{
    /* {"ok":true} */
    static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x02, 0x03, 0xab, 0x56, 0xca, 0xcf, 0x56, 0xb2,
                                           0x2a, 0x29, 0x2a, 0x4d, 0xad, 0x05, 0x00, 0x90,
                                           0x5f, 0xd4, 0xa7, 0x0b, 0x00, 0x00, 0x00};
    const bool *broken = data;

    (void)request;
    reply_header(conn, "Content-Encoding", "gzip");
    reply(conn, 200, "application/json", packed + *broken, sizeof packed - *broken);
}

static void test_compressed(void **state)
{
    struct place *place = *state;
    struct http_reply reply;
    bool broken = false;

    server_on(place->server, "GET", "/ok", send_gzip, &broken);
    assert_null(llmd__http_send(NULL, place->http, &get_ok, &reply));
    assert_string_equal(llmd__buf_text(&reply.body), "{\"ok\":true}");
    llmd__http_reply_free(&reply);
    broken = true;
    send_fails(place, NULL, &get_ok, LLMD_E_PROTOCOL, "compression is broken");
    assert_int_equal(server_requests(place->server), 2);
}

static void test_bad_configuration(void **state)
{
    struct http *http = NULL;
    struct http_config config = {.base_url = "ftp://x"};

    (void)state;
    llmd_error *error = llmd__http_open(&config, &http);
    assert_error(error, LLMD_E_INVALID, "");
    assert_null(http);
    static const char *const headers[] = {"X: a\r\nY: b", NULL};
    config = (struct http_config){.base_url = "http://x", .headers = headers};
    error = llmd__http_open(&config, &http);
    assert_error(error, LLMD_E_INVALID, "header");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_get),
        PLACE_TEST(test_methods_and_bodies),
        PLACE_TEST(test_large_post),
        PLACE_TEST(test_connection_is_reused),
        PLACE_TEST(test_connection_lost_while_idle),
        PLACE_TEST(test_refused),
        PLACE_TEST(test_no_descriptor_left),
        PLACE_TEST(test_refused_then_back),
        PLACE_TEST(test_name_not_resolved),
        PLACE_TEST(test_reset_is_repeated_for_get_only),
        PLACE_TEST(test_post_on_a_dying_connection),
        PLACE_TEST(test_throttled),
        PLACE_TEST(test_retry_after_is_told),
        PLACE_TEST(test_retry_after_beyond_the_deadline),
        PLACE_TEST(test_server_errors),
        PLACE_TEST(test_malformed),
        PLACE_TEST(test_cut_bodies),
        PLACE_TEST(test_token_is_refreshed_once),
        PLACE_TEST(test_many_threads),
        PLACE_TEST(test_fork),
        PLACE_TEST(test_proxy),
        PLACE_TEST(test_compressed),
        PLACE_TEST(test_bad_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
