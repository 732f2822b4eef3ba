/* SPDX-License-Identifier: Apache-2.0 */
/* What a server can do to a body that is read as it comes. */
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
    server_fault(place->server, "/ok", FAULT_DRIP, 3, 1);
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

/* A child that reads on would take pieces out of what its parent gets. */
static void test_stream_fork(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf text = BUF_INIT;
    int status = -1;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    server_fault(place->server, "/ok", FAULT_DRIP, 3, 1);
    struct http_stream *stream = open_stream(place, NULL);
    pid_t child = fork();
    if (child == 0) {
        int code = (int)llmd_error_code(read_all(stream, NULL, &text));
        llmd__http_stream_free(stream);
        _exit(code == LLMD_E_INVALID ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_null(read_all(stream, NULL, &text));
    assert_string_equal(llmd__buf_text(&text), "data: gr\xc3\xbc\xc3\x9f\n\n"
                                               "data: gr\xc3\xbc\xc3\x9f\n\n"
                                               "data: gr\xc3\xbc\xc3\x9f\n\n");
    llmd__http_stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_stream),      PLACE_TEST(test_stream_refused),
        PLACE_TEST(test_stream_cut),  PLACE_TEST(test_stream_survives_the_deadline),
        PLACE_TEST(test_stream_idle), PLACE_TEST(test_stream_freed_early),
        PLACE_TEST(test_stream_fork),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
