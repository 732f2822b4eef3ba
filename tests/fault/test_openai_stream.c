/* SPDX-License-Identifier: Apache-2.0 */
/* Streams against a server that does what servers do. */
#include "support/tokens.h"
#include "support/torture.h"

#include "base/buf.h"
#include "base/clock.h"

#include <llmd/inference.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct tokens ten = {.count = 10};
static struct tokens endless = {.endless = 1, .gap_ms = 5};

static llmd_error *open_stream(struct server *server, llmd_context *ctx,
                               const llmd_endpoint_spec *spec, llmd_stream **out)
{
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_endpoint_spec) plain = llmd_endpoint_spec_new(server_url(server));
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    llmd_request_add_message(request, "user", "hello");
    llmd_request_set_model(request, "tiny");
    TRY(llmd_endpoint_open(spec ? spec : plain, NULL, &endpoint));
    return llmd_endpoint_stream(ctx, endpoint, request, out);
}

/* Reads to the end; text gets all that came. */
static llmd_error *read_all(llmd_context *ctx, llmd_stream *stream, struct buf *text)
{
    for (;;) {
        LLMD_AUTO(llmd_delta) delta = NULL;
        TRY(llmd_stream_next(ctx, stream, &delta));
        if (!delta)
            return NULL;
        llmd__buf_str(text, llmd_delta_text(delta));
    }
}

static void check_code(const llmd_error *error, llmd_code code)
{
    if (llmd_error_code(error) != code)
        fail_msg("want %s, got %s: %s", llmd_code_name(code),
                 llmd_code_name(llmd_error_code(error)), llmd_error_message(error));
}

static void tokens_are_streamed(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &ten);
    LLMD_AUTO(llmd_stream) stream = NULL;
    LLMD_AUTO(llmd_reply) reply = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    char *expected = tokens_text(10);
    assert_null(open_stream(server, NULL, NULL, &stream));
    assert_null(read_all(NULL, stream, &text));
    assert_string_equal(llmd__buf_text(&text), expected);
    assert_null(llmd_stream_reply(stream, &reply));
    assert_string_equal(llmd_reply_text(reply), expected);
    assert_string_equal(llmd_reply_finish_reason(reply), "length");
    assert_string_equal(llmd_reply_model(reply), "tiny");
    assert_int_equal(llmd_reply_completion_tokens(reply), 10);
    assert_true(llmd_reply_ttft_ms(reply) >= 0);
    assert_true(llmd_reply_total_ms(reply) >= llmd_reply_ttft_ms(reply));
    const struct request *request = server_request(server, 0);
    assert_non_null(strstr(request->body, "\"stream\":true"));
    assert_non_null(strstr(request->body, "\"include_usage\":true"));
    free(expected);
    server_stop(server);
}

static void the_end_repeats_itself(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &ten);
    LLMD_AUTO(llmd_stream) stream = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    assert_null(open_stream(server, NULL, NULL, &stream));
    for (int i = 0; i < 3; i++)
        assert_null(read_all(NULL, stream, &text));
    server_stop(server);
}

static void a_connection_is_used_again(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &ten);
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(server));
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_COMPLETION);
    llmd_request_set_prompt(request, "p");
    assert_null(llmd_endpoint_open(spec, NULL, &endpoint));
    for (int i = 0; i < 5; i++) {
        LLMD_AUTO(llmd_stream) stream = NULL;
        AUTO(buf) struct buf text = BUF_INIT;
        assert_null(llmd_endpoint_stream(NULL, endpoint, request, &stream));
        assert_null(read_all(NULL, stream, &text));
    }
    assert_int_equal(server_connections(server), 1);
    server_stop(server);
}

/* Every way in which a stream can break, and what is kept. */
static void broken_streams(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        int number;
        llmd_code code;
        bool some; /* text came before */
    } table[] = {
        {FAULT_CLOSE_MID, 900, LLMD_E_PROTOCOL, true},
        {FAULT_RESET_MID, 900, LLMD_E_UNREACHABLE, true},
        {FAULT_STALL_MID, 900, LLMD_E_TIMEOUT, true},
        {FAULT_CUT_UTF8, 0, LLMD_E_PROTOCOL, false},
        {FAULT_STALL_UTF8, 0, LLMD_E_TIMEOUT, false},
        {FAULT_DRIP, 0, LLMD_OK, true},
        {FAULT_BAD_JSON, 0, LLMD_E_PROTOCOL, false},
        {FAULT_HUGE_CHUNKED, 70, LLMD_E_TOO_LARGE, false},
        {FAULT_STALL_AFTER_HEADERS, 0, LLMD_E_TIMEOUT, false},
        {FAULT_CLOSE_AFTER_HEADERS, 0, LLMD_E_PROTOCOL, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct server *server = server_start(reply_tokens, &ten);
        LLMD_AUTO(llmd_context) ctx = llmd_context_new();
        LLMD_AUTO(llmd_stream) stream = NULL;
        LLMD_AUTO(llmd_reply) reply = NULL;
        AUTO(buf) struct buf text = BUF_INIT;
        server_fault(server, NULL, table[i].fault, table[i].number, -1);
        llmd_context_set_timeout_ms(ctx, table[i].code == LLMD_E_TIMEOUT ? 300 : 20000);
        assert_null(open_stream(server, ctx, NULL, &stream));
        LLMD_AUTO(llmd_error) error = read_all(ctx, stream, &text);
        if (llmd_error_code(error) != table[i].code)
            fail_msg("fault %d: %s: %s", (int)table[i].fault,
                     llmd_code_name(llmd_error_code(error)), llmd_error_message(error));
        assert_null(llmd_stream_reply(stream, &reply));
        assert_string_equal(llmd_reply_text(reply), llmd__buf_text(&text));
        assert_int_equal(text.len > 0, table[i].some);
        if (error && table[i].code != LLMD_E_TIMEOUT) { /* what ended it is said again */
            LLMD_AUTO(llmd_error) again = read_all(NULL, stream, &text);
            assert_string_equal(llmd_error_message(again), llmd_error_message(error));
        }
        server_stop(server);
    }
}

static void refusals_come_at_the_opening(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &ten);
    LLMD_AUTO(llmd_stream) stream = NULL;
    server_on_text(server, "POST", NULL, 502, "text/html",
                   "<html><head><title>Bad Gateway</title></head></html>");
    LLMD_AUTO(llmd_error) error = open_stream(server, NULL, NULL, &stream);
    check_code(error, LLMD_E_REMOTE);
    assert_null(stream);
    assert_non_null(strstr(llmd_error_message(error), "titled Bad Gateway"));
    assert_null(strstr(llmd_error_message(error), "<html>"));
    server_stop(server);
}

static void an_error_inside_the_stream(void **state)
{
    (void)state;
    struct tokens tokens = {
        .count = 3,
        .no_done = true,
        .before = "data: {\"error\":{\"message\":\"engine died\",\"type\":\"InternalServerError\","
                  "\"code\":500}}\n\ndata: [DONE]\n\n",
    };
    struct server *server = server_start(reply_tokens, &tokens);
    LLMD_AUTO(llmd_stream) stream = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    assert_null(open_stream(server, NULL, NULL, &stream));
    LLMD_AUTO(llmd_error) error = read_all(NULL, stream, &text);
    check_code(error, LLMD_E_REMOTE);
    assert_string_equal(llmd__buf_text(&text), "gr\xC3\xBC\xC3\x9F t0 t1");
    assert_string_equal(llmd_error_reason(error), "InternalServerError");
    server_stop(server);
}

static void a_clean_end_too_early_is_none(void **state)
{
    (void)state;
    struct tokens tokens = {.count = 3, .no_done = true};
    struct server *server = server_start(reply_tokens, &tokens);
    LLMD_AUTO(llmd_stream) stream = NULL;
    LLMD_AUTO(llmd_reply) reply = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    assert_null(open_stream(server, NULL, NULL, &stream));
    LLMD_AUTO(llmd_error) error = read_all(NULL, stream, &text);
    check_code(error, LLMD_E_PROTOCOL);
    assert_null(llmd_stream_reply(stream, &reply));
    assert_string_equal(llmd_reply_text(reply), "gr\xC3\xBC\xC3\x9F t0 t1");
    assert_string_equal(llmd_reply_finish_reason(reply), "");
    server_stop(server);
}

static void done_is_not_waited_behind(void **state)
{
    (void)state;
    struct tokens tokens = {.count = 3, .never_ends = true};
    struct server *server = server_start(reply_tokens, &tokens);
    LLMD_AUTO(llmd_stream) stream = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    assert_null(open_stream(server, NULL, NULL, &stream));
    assert_null(read_all(NULL, stream, &text)); /* without a deadline: would hang */
    server_stop(server);
}

static void a_timeout_does_not_end_it(void **state)
{
    (void)state;
    struct tokens slow = {.count = 4, .gap_ms = 120};
    struct server *server = server_start(reply_tokens, &slow);
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_stream) stream = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    char *expected = tokens_text(4);
    int timeouts = 0;
    assert_null(open_stream(server, NULL, NULL, &stream));
    for (;;) {
        llmd_context_set_timeout_ms(ctx, 20);
        LLMD_AUTO(llmd_error) error = read_all(ctx, stream, &text);
        if (!error)
            break;
        check_code(error, LLMD_E_TIMEOUT);
        timeouts++;
    }
    assert_true(timeouts > 0);
    assert_string_equal(llmd__buf_text(&text), expected);
    free(expected);
    server_stop(server);
}

static void its_own_limits_do_end_it(void **state)
{
    (void)state;
    struct tokens slow = {.count = 4, .gap_ms = 2000};
    struct server *server = server_start(reply_tokens, &slow);
    LLMD_AUTO(llmd_endpoint_spec) first = llmd_endpoint_spec_new(server_url(server));
    LLMD_AUTO(llmd_endpoint_spec) idle = llmd_endpoint_spec_new(server_url(server));
    llmd_endpoint_spec_set(first, "firstEventTimeoutMs", "100");
    llmd_endpoint_spec_set(idle, "idleTimeoutMs", "100");
    for (int i = 0; i < 2; i++) {
        LLMD_AUTO(llmd_stream) stream = NULL;
        AUTO(buf) struct buf text = BUF_INIT;
        if (i == 0) /* the headers come at once, the first event never */
            server_fault(server, NULL, FAULT_STALL_AFTER_HEADERS, 0, 1);
        assert_null(open_stream(server, NULL, i ? idle : first, &stream));
        LLMD_AUTO(llmd_error) error = read_all(NULL, stream, &text);
        check_code(error, LLMD_E_TIMEOUT);
        LLMD_AUTO(llmd_error) again = read_all(NULL, stream, &text);
        check_code(again, LLMD_E_TIMEOUT);
    }
    server_stop(server);
}

/* "As long as it takes" is often written as the largest number. */
static void the_largest_limits_are_none(void **state)
{
    (void)state;
    struct tokens tokens = {.count = 2, .gap_ms = 20};
    struct server *server = server_start(reply_tokens, &tokens);
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(server));
    LLMD_AUTO(llmd_stream) stream = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    llmd_endpoint_spec_set(spec, "connectTimeoutMs", "9223372036854775807");
    llmd_endpoint_spec_set(spec, "firstEventTimeoutMs", "9223372036854775807");
    llmd_endpoint_spec_set(spec, "idleTimeoutMs", "9223372036854775807");
    assert_null(open_stream(server, NULL, spec, &stream));
    assert_null(read_all(NULL, stream, &text));
    server_stop(server);
}

static bool wait_for_no_connection(struct server *server)
{
    for (int i = 0; i < 500 && server_open_connections(server); i++)
        usleep(10000);
    return !server_open_connections(server);
}

static void freeing_it_stops_the_server(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &endless);
    llmd_stream *stream = NULL;
    LLMD_AUTO(llmd_delta) delta = NULL;
    assert_null(open_stream(server, NULL, NULL, &stream));
    assert_null(llmd_stream_next(NULL, stream, &delta));
    llmd_stream_free(stream);
    assert_true(wait_for_no_connection(server));
    server_stop(server);
}

struct reader {
    llmd_stream *stream;
    llmd_context *ctx;
    llmd_error *error;
};

static void *read_to_the_end(void *data)
{
    struct reader *reader = data;
    AUTO(buf) struct buf text = BUF_INIT;
    do { /* start_reader() may be looking */
        llmd_error_free(reader->error);
        reader->error = read_all(reader->ctx, reader->stream, &text);
    } while (llmd_error_code(reader->error) == LLMD_E_INVALID);
    return NULL;
}

/* A thread is inside and waits for a server that says nothing more. */
static pthread_t start_reader(struct server *server, struct reader *reader)
{
    pthread_t thread;
    server_fault(server, NULL, FAULT_STALL_MID, 600, 1);
    assert_null(open_stream(server, NULL, NULL, &reader->stream));
    pthread_create(&thread, NULL, read_to_the_end, reader);
    for (bool busy = false; !busy; usleep(1000)) {
        llmd_reply *reply = NULL;
        llmd_error *error = llmd_stream_reply(reader->stream, &reply);
        busy = llmd_error_code(error) == LLMD_E_INVALID;
        llmd_error_free(error);
        llmd_reply_free(reply);
    }
    usleep(50000);
    return thread;
}

static void cancel_ends_the_call(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &ten);
    struct reader reader = {.ctx = llmd_context_new()};
    pthread_t thread = start_reader(server, &reader);
    llmd_context_cancel(reader.ctx);
    pthread_join(thread, NULL);
    check_code(reader.error, LLMD_E_CANCELED);
    llmd_error_free(reader.error);
    llmd_context_free(reader.ctx);
    llmd_stream_free(reader.stream);
    server_stop(server);
}

static void a_second_thread_is_sent_away(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &ten);
    struct reader reader = {.ctx = llmd_context_new()};
    pthread_t thread = start_reader(server, &reader);
    llmd_delta *delta = (llmd_delta *)1;
    LLMD_AUTO(llmd_error) error = llmd_stream_next(NULL, reader.stream, &delta);
    check_code(error, LLMD_E_INVALID);
    assert_null(delta);
    assert_string_equal(llmd_error_message(error), "the stream is in use by another thread");
    assert_non_null(strstr(llmd_error_advice(error), "one of its own"));
    llmd_context_cancel(reader.ctx); /* the one inside was not disturbed: only this ends it */
    pthread_join(thread, NULL);
    check_code(reader.error, LLMD_E_CANCELED);
    llmd_error_free(reader.error);
    llmd_context_free(reader.ctx);
    llmd_stream_free(reader.stream);
    server_stop(server);
}

static void free_ends_the_one_inside(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct server *server = server_start(reply_tokens, &ten);
        struct reader reader = {.ctx = i ? llmd_context_new() : NULL};
        pthread_t thread = start_reader(server, &reader);
        llmd_stream_free(reader.stream);
        pthread_join(thread, NULL);
        check_code(reader.error, LLMD_E_CANCELED);
        assert_false(llmd_context_canceled(reader.ctx)); /* the caller's context is untouched */
        llmd_error_free(reader.error);
        llmd_context_free(reader.ctx);
        server_stop(server);
    }
}

static llmd_error *stream_and_drop(void *data)
{
    LLMD_AUTO(llmd_stream) stream = NULL;
    LLMD_AUTO(llmd_reply) reply = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    TRY(open_stream(data, NULL, NULL, &stream));
    TRY(read_all(NULL, stream, &text));
    return llmd_stream_reply(stream, &reply);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    struct tokens two = {.count = 2};
    struct server *server = server_start(reply_tokens, &two);
    torture_sample(stream_and_drop, server, 3, 150);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_streamed),
        cmocka_unit_test(the_end_repeats_itself),
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(broken_streams),
        cmocka_unit_test(refusals_come_at_the_opening),
        cmocka_unit_test(an_error_inside_the_stream),
        cmocka_unit_test(a_clean_end_too_early_is_none),
        cmocka_unit_test(done_is_not_waited_behind),
        cmocka_unit_test(a_timeout_does_not_end_it),
        cmocka_unit_test(its_own_limits_do_end_it),
        cmocka_unit_test(the_largest_limits_are_none),
        cmocka_unit_test(freeing_it_stops_the_server),
        cmocka_unit_test(cancel_ends_the_call),
        cmocka_unit_test(a_second_thread_is_sent_away),
        cmocka_unit_test(free_ends_the_one_inside),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
