/* SPDX-License-Identifier: Apache-2.0 */
/* What a server can do to a blocking call and to a stream. */
#include "base/clock.h"
#include "net/http.h"
#include "support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    struct server *server;
    struct http *http;
};

static struct http *open_http(const char *url, const char *ca)
{
    struct http *http = NULL;
    const struct http_config config = {.base_url = url, .ca_pem = ca, .proxy_url = ""};
    llmd_error *error = llmd__http_open(&config, &http);

    if (error)
        print_error("open: %s\n", llmd_error_message(error));
    assert_null(error);
    return http;
}

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    place->server = server_start(NULL, NULL);
    server_on_json(place->server, NULL, "/ok", 200, "{\"ok\":true}");
    place->http = open_http(server_url(place->server), NULL);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    llmd__http_put(place->http);
    server_stop(place->server);
    free(place);
    return 0;
}

static const struct http_request get_ok = {.method = "GET", .path = "/ok", .idempotent = true};

static struct http_request request_of(const char *method)
{
    struct http_request request = {.method = method, .path = "/ok"};

    if (strcmp(method, "POST") == 0) {
        request.body = "{}";
        request.body_len = 2;
        request.content_type = "application/json";
    } else {
        request.idempotent = true;
    }
    return request;
}

static void assert_error(llmd_error *error, llmd_code code, const char *words)
{
    assert_non_null(error);
    if (llmd_error_code(error) != code || !strstr(llmd_error_message(error), words))
        print_error("got %s: %s\n", llmd_code_name(llmd_error_code(error)),
                    llmd_error_message(error));
    assert_int_equal(llmd_error_code(error), code);
    assert_non_null(strstr(llmd_error_message(error), words));
    llmd_error_free(error);
}

/* One send; the status, or 0 with the error's words checked. */
static int send_status(struct place *place, llmd_context *ctx, const struct http_request *request)
{
    struct http_reply reply;
    llmd_error *error = llmd__http_send(ctx, place->http, request, &reply);
    int status = reply.status;

    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    llmd__http_reply_free(&reply);
    return status;
}

static void send_fails(struct place *place, llmd_context *ctx, const struct http_request *request,
                       llmd_code code, const char *words)
{
    struct http_reply reply;

    assert_error(llmd__http_send(ctx, place->http, request, &reply), code, words);
    llmd__http_reply_free(&reply);
}

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
    struct http *nowhere = open_http("http://nowhere.invalid:1234/x", NULL);
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

static void test_drip(void **state)
{
    struct place *place = *state;
    struct http_request request = get_ok;
    struct http_reply reply;

    request.idle_timeout_ms = 5000;
    server_fault(place->server, "/ok", FAULT_DRIP, 1, 1);
    assert_null(llmd__http_send(NULL, place->http, &request, &reply));
    assert_string_equal(llmd__buf_text(&reply.body), "{\"ok\":true}");
    llmd__http_reply_free(&reply);
}

static void test_huge(void **state)
{
    struct place *place = *state;
    struct http_request request = get_ok;

    request.max_body = (size_t)1 << 20;
    server_fault(place->server, "/ok", FAULT_HUGE, 40, 1);
    send_fails(place, NULL, &request, LLMD_E_TOO_LARGE, "larger than 1048576 bytes");
    server_fault(place->server, "/ok", FAULT_HUGE_CHUNKED, 40, 1);
    send_fails(place, NULL, &request, LLMD_E_TOO_LARGE, "larger than 1048576 bytes");
    assert_int_equal(send_status(place, NULL, &request), 200);
}

static void refuse_at_length(struct conn *conn, const struct request *request, void *data)
{
    static char text[3 << 20];

    (void)request, (void)data;
    memset(text, 'n', sizeof text);
    reply(conn, 400, "text/plain", text, sizeof text);
}

/* What is too long in a refusal is cut; its status is worth more than the size. */
static void test_huge_refusal(void **state)
{
    struct place *place = *state;
    struct http_reply reply;

    server_on(place->server, "GET", "/ok", refuse_at_length, NULL);
    assert_null(llmd__http_send(NULL, place->http, &get_ok, &reply));
    assert_int_equal(reply.status, 400);
    assert_int_equal(reply.body.len, 1 << 20);
    llmd__http_reply_free(&reply);
}

static void test_first_byte_limit(void **state)
{
    struct place *place = *state;
    struct http_request once = get_ok;

    once.no_retry = true;
    once.first_byte_timeout_ms = 100;
    server_fault(place->server, "/ok", FAULT_STALL, 0, 1);
    send_fails(place, NULL, &once, LLMD_E_TIMEOUT, "no answer within 0.1 s");
}

static void test_idle_limit(void **state)
{
    struct place *place = *state;
    struct http_request once = get_ok;

    once.no_retry = true;
    once.idle_timeout_ms = 100;
    server_fault(place->server, "/ok", FAULT_STALL_MID, 3, 1);
    send_fails(place, NULL, &once, LLMD_E_TIMEOUT, "silence for 0.1 s");
    server_fault(place->server, "/ok", FAULT_STALL_AFTER_HEADERS, 0, 1);
    send_fails(place, NULL, &once, LLMD_E_TIMEOUT, "silence for 0.1 s");
}

static void test_deadline(void **state)
{
    struct place *place = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    server_fault(place->server, "/ok", FAULT_STALL, 0, -1);
    llmd_context_set_timeout_ms(ctx, 150);
    send_fails(place, ctx, &get_ok, LLMD_E_TIMEOUT, "for the answer");
    /* It is total: the next call has nothing left. */
    send_fails(place, ctx, &get_ok, LLMD_E_TIMEOUT, "");
    assert_int_equal(server_requests(place->server), 1);
    server_clear_faults(place->server);
    server_fault(place->server, "/ok", FAULT_STALL_MID, 3, 1);
    llmd_context_set_timeout_ms(ctx, 150);
    send_fails(place, ctx, &get_ok, LLMD_E_TIMEOUT, "the rest of the answer");
}

static void test_deadline_names_the_try_before(void **state)
{
    struct place *place = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    server_fault(place->server, "/ok", FAULT_RESET, 0, 1);
    server_fault(place->server, "/ok", FAULT_STALL, 0, -1);
    llmd_context_set_timeout_ms(ctx, 2000);
    send_fails(place, ctx, &get_ok, LLMD_E_TIMEOUT, "closed before an answer");
}

struct canceler {
    llmd_context *ctx;
    struct server *server;
    _Atomic int64_t at_us;
};

static void *cancel_when_stalled(void *data)
{
    struct canceler *canceler = data;

    server_await(canceler->server, 1, 10000);
    usleep(20000);
    atomic_store(&canceler->at_us, llmd__clock_mono_us());
    llmd_context_cancel(canceler->ctx);
    return NULL;
}

static void test_cancel_from_another_thread(void **state)
{
    struct place *place = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    struct canceler canceler = {.ctx = ctx, .server = place->server};
    pthread_t thread;

    server_fault(place->server, "/ok", FAULT_STALL, 0, -1);
    pthread_create(&thread, NULL, cancel_when_stalled, &canceler);
    send_fails(place, ctx, &get_ok, LLMD_E_CANCELED, "for the answer");
    int64_t took_us = llmd__clock_mono_us() - atomic_load(&canceler.at_us);
    pthread_join(thread, NULL);
    print_message("cancelled in %d us\n", (int)took_us);
    /* Sticky. */
    send_fails(place, ctx, &get_ok, LLMD_E_CANCELED, "");
    assert_int_equal(server_requests(place->server), 1);
}

static void test_cancel_while_waiting_to_retry(void **state)
{
    struct place *place = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    struct canceler canceler = {.ctx = ctx, .server = place->server};
    pthread_t thread;

    server_fault(place->server, "/ok", FAULT_429, 60, -1);
    pthread_create(&thread, NULL, cancel_when_stalled, &canceler);
    send_fails(place, ctx, &get_ok, LLMD_E_CANCELED, "status 429");
    pthread_join(thread, NULL);
}

static bool third_time(void *data)
{
    return ++*(int *)data >= 3;
}

static void test_poll_hook(void **state)
{
    struct place *place = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    int asked = 0;

    server_fault(place->server, "/ok", FAULT_STALL, 0, -1);
    llmd_context_set_poll(ctx, third_time, &asked);
    send_fails(place, ctx, &get_ok, LLMD_E_CANCELED, "");
    assert_int_equal(asked, 3);
}

static void test_tls(void **state)
{
    static const struct {
        enum httpd_tls kind;
        bool trust;
        const char *words;
    } rows[] = {
        {TLS_GOOD, true, NULL},
        {TLS_GOOD, false, "TLS: certificate is not trusted ("},
        {TLS_WRONG_HOST, true, "TLS: certificate is for another name"},
        {TLS_EXPIRED, true, "TLS: certificate has expired"},
        {TLS_UNKNOWN_CA, true, "TLS: certificate is not trusted (its issuer is unknown)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct server *server = server_start_tls(rows[i].kind, NULL, NULL);
        server_on_json(server, "GET", "/ok", 200, "{}");
        struct place place = {.server = server};
        place.http = open_http(server_url(server), rows[i].trust ? server_ca(server) : NULL);
        if (rows[i].words)
            send_fails(&place, NULL, &get_ok, LLMD_E_UNREACHABLE, rows[i].words);
        else
            assert_int_equal(send_status(&place, NULL, &get_ok), 200);
        /* Distrust is not retried. */
        assert_true(server_connections(server) <= 1);
        llmd__http_put(place.http);
        server_stop(server);
    }
}

static void test_tls_to_a_plain_server(void **state)
{
    struct place *place = *state;
    struct place other = {.server = place->server};
    struct http_config config = {.proxy_url = "", .connect_timeout_ms = 200};
    struct http_request once = get_ok;
    char url[64];

    once.no_retry = true;
    snprintf(url, sizeof url, "https://127.0.0.1:%d", server_port(place->server));
    config.base_url = url;
    assert_null(llmd__http_open(&config, &other.http));
    send_fails(&other, NULL, &once, LLMD_E_UNREACHABLE, "TLS: the server did not answer in time");
    llmd__http_put(other.http);
}

static void test_insecure_and_server_name(void **state)
{
    struct server *server = server_start_tls(TLS_WRONG_HOST, NULL, NULL);
    struct http_config config = {.base_url = server_url(server),
                                 .ca_pem = server_ca(server),
                                 .server_name = "elsewhere.example",
                                 .proxy_url = ""};
    struct place place = {.server = server};
    char host[64];

    (void)state;
    server_on_json(server, "GET", "/ok", 200, "{}");
    assert_null(llmd__http_open(&config, &place.http));
    assert_int_equal(send_status(&place, NULL, &get_ok), 200);
    snprintf(host, sizeof host, "127.0.0.1:%d", server_port(server));
    assert_string_equal(request_header(server_last_request(server), "host"), host);
    llmd__http_put(place.http);
    config =
        (struct http_config){.base_url = server_url(server), .insecure = true, .proxy_url = ""};
    assert_null(llmd__http_open(&config, &place.http));
    assert_int_equal(send_status(&place, NULL, &get_ok), 200);
    llmd__http_put(place.http);
    server_stop(server);
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

static void stream_words(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_begin_stream(conn, 200, "text/event-stream");
    for (int i = 0; i < 3 && conn_wait(conn, 1); i++)
        reply_chunk(conn, "data: gr\xc3\xbc\xc3\x9f\n\n", 14);
    reply_end_stream(conn);
}

/* Everything up to the end or the error. */
static llmd_error *read_all(struct http_stream *stream, llmd_context *ctx, struct buf *into)
{
    bool end = false;

    while (!end) {
        size_t before = into->len;
        TRY(llmd__http_stream_read(ctx, stream, into, &end));
        assert_true(end || into->len > before);
    }
    return NULL;
}

static struct http_stream *open_stream(struct place *place, llmd_context *ctx)
{
    struct http_stream *stream = NULL;
    struct http_reply reply;

    llmd_error *error = llmd__http_stream_open(ctx, place->http, &get_ok, &reply, &stream);
    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    assert_int_equal(reply.status, 200);
    llmd__http_reply_free(&reply);
    assert_non_null(stream);
    return stream;
}

static void test_stream(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf text = BUF_INIT;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    struct http_stream *stream = open_stream(place, NULL);
    assert_true(llmd__http_stream_first_byte_us(stream) > 0);
    assert_null(read_all(stream, NULL, &text));
    assert_string_equal(llmd__buf_text(&text), "data: gr\xc3\xbc\xc3\x9f\n\n"
                                               "data: gr\xc3\xbc\xc3\x9f\n\n"
                                               "data: gr\xc3\xbc\xc3\x9f\n\n");
    bool end = false;
    assert_null(llmd__http_stream_read(NULL, stream, &text, &end));
    assert_true(end);
    llmd__http_stream_free(stream);
    assert_null(request_header(server_last_request(place->server), "accept-encoding"));
    /* Its connection is warm for the next one. */
    llmd__http_stream_free(open_stream(place, NULL));
    assert_int_equal(server_connections(place->server), 1);
}

static void test_stream_refused(void **state)
{
    struct place *place = *state;
    struct http_stream *stream = NULL;
    struct http_reply reply;

    server_on_json(place->server, "GET", "/ok", 404, "{\"error\":\"no\"}");
    assert_null(llmd__http_stream_open(NULL, place->http, &get_ok, &reply, &stream));
    assert_null(stream);
    assert_int_equal(reply.status, 404);
    assert_string_equal(llmd__buf_text(&reply.body), "{\"error\":\"no\"}");
    llmd__http_reply_free(&reply);
}

static void test_stream_cut(void **state)
{
    static const struct {
        enum fault fault;
        llmd_code code;
        const char *came;
    } rows[] = {
        {FAULT_RESET_MID, LLMD_E_UNREACHABLE, NULL},
        {FAULT_CLOSE_MID, LLMD_E_PROTOCOL, "data: gr\xc3\xbc\xc3\x9f\n\ndata"},
        {FAULT_CUT_UTF8, LLMD_E_PROTOCOL, "data: gr\xc3"},
    };
    struct place *place = *state;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(buf) struct buf text = BUF_INIT;
        server_fault(place->server, "/ok", rows[i].fault, 18, 1);
        struct http_stream *stream = open_stream(place, NULL);
        assert_error(read_all(stream, NULL, &text), rows[i].code, "GET http://127.0.0.1:");
        if (rows[i].came)
            assert_string_equal(llmd__buf_text(&text), rows[i].came);
        /* It stays so. */
        assert_error(read_all(stream, NULL, &text), rows[i].code, "GET http://127.0.0.1:");
        llmd__http_stream_free(stream);
    }
}

static void test_stream_survives_the_deadline(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf text = BUF_INIT;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    bool end = false;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    server_fault(place->server, "/ok", FAULT_DRIP, 20, 1);
    struct http_stream *stream = open_stream(place, NULL);
    llmd_context_set_timeout_ms(ctx, 0);
    assert_error(llmd__http_stream_read(ctx, stream, &text, &end), LLMD_E_TIMEOUT, "");
    llmd_context_set_timeout_ms(ctx, -1);
    assert_null(read_all(stream, ctx, &text));
    assert_int_equal(text.len, 42);
    llmd__http_stream_free(stream);
}

static void test_stream_idle(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf text = BUF_INIT;
    struct http_stream *stream = NULL;
    struct http_reply reply;
    struct http_request request = get_ok;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    server_fault(place->server, "/ok", FAULT_STALL_UTF8, 0, 1);
    request.idle_timeout_ms = 100;
    assert_null(llmd__http_stream_open(NULL, place->http, &request, &reply, &stream));
    assert_error(read_all(stream, NULL, &text), LLMD_E_TIMEOUT, "silence for 0.1 s");
    assert_string_equal(llmd__buf_text(&text), "data: gr\xc3");
    llmd__http_stream_free(stream);
}

static void test_stream_freed_early(void **state)
{
    struct place *place = *state;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    server_fault(place->server, "/ok", FAULT_DRIP, 50, 1);
    llmd__http_stream_free(open_stream(place, NULL));
    server_clear_faults(place->server);
    assert_int_equal(send_status(place, NULL, &get_ok), 200);
    /* The unfinished connection was closed: that is how a server hears of it. */
    assert_int_equal(server_connections(place->server), 2);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_methods_and_bodies),
        TEST(test_large_post),
        TEST(test_connection_is_reused),
        TEST(test_connection_lost_while_idle),
        TEST(test_refused),
        TEST(test_refused_then_back),
        TEST(test_name_not_resolved),
        TEST(test_reset_is_repeated_for_get_only),
        TEST(test_post_on_a_dying_connection),
        TEST(test_throttled),
        TEST(test_retry_after_is_told),
        TEST(test_retry_after_beyond_the_deadline),
        TEST(test_server_errors),
        TEST(test_malformed),
        TEST(test_cut_bodies),
        TEST(test_drip),
        TEST(test_huge),
        TEST(test_huge_refusal),
        TEST(test_first_byte_limit),
        TEST(test_idle_limit),
        TEST(test_deadline),
        TEST(test_deadline_names_the_try_before),
        TEST(test_cancel_from_another_thread),
        TEST(test_cancel_while_waiting_to_retry),
        TEST(test_poll_hook),
        TEST(test_tls),
        TEST(test_tls_to_a_plain_server),
        TEST(test_insecure_and_server_name),
        TEST(test_token_is_refreshed_once),
        TEST(test_stream),
        TEST(test_stream_refused),
        TEST(test_stream_cut),
        TEST(test_stream_survives_the_deadline),
        TEST(test_stream_idle),
        TEST(test_stream_freed_early),
        TEST(test_many_threads),
        TEST(test_fork),
        TEST(test_bad_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
