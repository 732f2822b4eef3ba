/* SPDX-License-Identifier: Apache-2.0 */
/* Many transfers on one thread. */
#include "base/clock.h"
#include "net/group.h"
#include "net/retry.h"
#include "support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    struct server *server;
    struct http *http;
    struct group *group;
};

/* One transfer and what came of it. */
struct flight {
    struct place *place;
    struct transfer *transfer;
    struct buf data;
    int opened, done, status, code, class;
    struct flight *stops;  /* stopped by this one's first event */
    struct flight *starts; /* started by this one's first event */
    bool stops_itself;
    bool fails;
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    struct http_config config = {.proxy_url = ""};

    place->server = server_start(NULL, NULL);
    server_on_json(place->server, NULL, "/ok", 200, "{\"ok\":true}");
    config.base_url = server_url(place->server);
    assert_null(llmd__http_open(&config, &place->http));
    assert_null(llmd__group_open(&place->group));
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    llmd__group_free(place->group);
    llmd__http_put(place->http);
    server_stop(place->server);
    free(place);
    return 0;
}

static void stream_words(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_begin_stream(conn, 200, "text/plain");
    for (int i = 0; i < 3 && conn_wait(conn, 1); i++)
        reply_chunk(conn, "word\n", 5);
    reply_end_stream(conn);
}

static void start(struct flight *flight, const struct http_request *request, bool streaming);

static const struct http_request get_ok = {.method = "GET", .path = "/ok", .idempotent = true};

static void act(struct flight *flight)
{
    struct flight *starts = TAKE(flight->starts);
    struct flight *stops = TAKE(flight->stops);

    if (starts)
        start(starts, &get_ok, false);
    if (stops && stops->transfer)
        llmd__transfer_stop(TAKE(stops->transfer));
    if (flight->stops_itself)
        llmd__transfer_stop(TAKE(flight->transfer));
}

static void on_open(void *data, const struct http_reply *reply)
{
    struct flight *flight = data;

    assert_int_equal(reply->status, 200);
    assert_int_equal(flight->data.len, 0);
    flight->opened++;
}

static llmd_error *on_data(void *data, const char *bytes, size_t len)
{
    struct flight *flight = data;

    assert_int_equal(flight->opened, 1);
    llmd__buf_add(&flight->data, bytes, len);
    if (flight->fails)
        return llmd__error(LLMD_E_TOO_LARGE, "enough");
    act(flight);
    return NULL;
}

static void on_done(void *data, struct http_reply *reply, llmd_error *error)
{
    struct flight *flight = data;

    flight->transfer = NULL;
    flight->done++;
    flight->status = reply ? reply->status : 0;
    flight->code = (int)llmd_error_code(error);
    flight->class = llmd__group_class(flight->place->group);
    if (reply && reply->body.len)
        llmd__buf_add(&flight->data, reply->body.data, reply->body.len);
    llmd_error_free(error);
    act(flight);
}

static void start(struct flight *flight, const struct http_request *request, bool streaming)
{
    struct transfer_events events = {.on_done = on_done, .data = flight};

    if (streaming) {
        events.on_data = on_data;
        events.on_open = on_open;
    }
    llmd_error *error = llmd__group_start(NULL, flight->place->group, flight->place->http, request,
                                          &events, &flight->transfer);
    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
}

static void run_all(struct place *place)
{
    while (llmd__group_active(place->group))
        assert_null(llmd__group_turn(NULL, place->group, -1));
}

static void test_one(void **state)
{
    struct place *place = *state;
    struct flight flight = {.place = place};

    start(&flight, &get_ok, false);
    assert_int_equal(llmd__group_active(place->group), 1);
    run_all(place);
    assert_int_equal(flight.done, 1);
    assert_int_equal(flight.status, 200);
    assert_string_equal(llmd__buf_text(&flight.data), "{\"ok\":true}");
    llmd__buf_free(&flight.data);
}

static void test_stream(void **state)
{
    struct place *place = *state;
    struct flight flight = {.place = place};

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    start(&flight, &get_ok, true);
    run_all(place);
    assert_int_equal(flight.opened, 1);
    assert_int_equal(flight.done, 1);
    assert_string_equal(llmd__buf_text(&flight.data), "word\nword\nword\n");
    llmd__buf_free(&flight.data);
}

static void test_refused_stream_is_collected(void **state)
{
    struct place *place = *state;
    struct flight flight = {.place = place};

    server_on_json(place->server, "GET", "/ok", 503, "{\"no\":1}");
    start(&flight, &get_ok, true);
    run_all(place);
    assert_int_equal(flight.opened, 0);
    assert_int_equal(flight.status, 503);
    assert_int_equal(flight.class, RETRY_TRANSIENT);
    assert_string_equal(llmd__buf_text(&flight.data), "{\"no\":1}");
    llmd__buf_free(&flight.data);
}

/* More than one lane. */
static void test_six_hundred(void **state)
{
    enum { COUNT = 600 };
    struct place *place = *state;
    struct flight *flights = calloc(COUNT, sizeof *flights);

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            flights[i].place = place;
            start(&flights[i], &get_ok, false);
        }
        run_all(place);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(flights[i].done, 2);
        assert_int_equal(flights[i].status, 200);
        llmd__buf_free(&flights[i].data);
    }
    /* The second round found the connections of the first. */
    assert_true(server_connections(place->server) <= COUNT);
    free(flights);
}

static void test_start_and_stop_inside_handlers(void **state)
{
    struct place *place = *state;
    struct flight third = {.place = place};
    struct flight second = {.place = place};
    struct flight first = {.place = place, .stops = &second, .starts = &third};
    struct flight own = {.place = place, .stops_itself = true};

    server_on(place->server, "GET", "/slow", stream_words, NULL);
    server_fault(place->server, "/slow", FAULT_DRIP, 20, 1);
    server_on(place->server, "GET", "/words", stream_words, NULL);
    const struct http_request words = {.method = "GET", .path = "/words"};
    const struct http_request slow = {.method = "GET", .path = "/slow"};
    start(&second, &slow, true);
    start(&first, &words, true);
    start(&own, &words, true);
    run_all(place);
    assert_int_equal(first.done, 1);
    assert_int_equal(second.done, 0);
    assert_int_equal(third.done, 1);
    assert_int_equal(own.done, 0);
    llmd__buf_free(&first.data);
    llmd__buf_free(&second.data);
    llmd__buf_free(&third.data);
    llmd__buf_free(&own.data);
}

static void test_start_and_stop_in_on_done(void **state)
{
    struct place *place = *state;
    struct flight next = {.place = place};
    struct flight stalled = {.place = place};
    struct flight first = {.place = place, .starts = &next, .stops = &stalled};
    const struct http_request stall = {.method = "GET", .path = "/stall"};

    server_fault(place->server, "/stall", FAULT_STALL, 0, -1);
    start(&stalled, &stall, false);
    start(&first, &get_ok, false);
    run_all(place);
    assert_int_equal(next.status, 200);
    assert_int_equal(stalled.done, 0);
    llmd__buf_free(&first.data);
    llmd__buf_free(&next.data);
}

static void test_handler_error_ends_the_transfer(void **state)
{
    struct place *place = *state;
    struct flight flight = {.place = place, .fails = true};

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    start(&flight, &get_ok, true);
    run_all(place);
    assert_int_equal(flight.done, 1);
    assert_int_equal(flight.code, LLMD_E_TOO_LARGE);
    llmd__buf_free(&flight.data);
}

static void test_faults(void **state)
{
    static const struct {
        enum fault fault;
        int number;
        llmd_code code;
        enum retry_class class;
    } rows[] = {
        {FAULT_RESET, 0, LLMD_E_UNREACHABLE, RETRY_TRANSIENT},
        {FAULT_RESET_MID, 3, LLMD_E_UNREACHABLE, RETRY_TRANSIENT},
        {FAULT_CLOSE_MID, 3, LLMD_E_PROTOCOL, RETRY_TRANSIENT},
        {FAULT_NOT_HTTP, 0, LLMD_E_PROTOCOL, RETRY_NEVER},
        {FAULT_429, 0, LLMD_OK, RETRY_THROTTLED},
        {FAULT_STATUS, 500, LLMD_OK, RETRY_SERVER},
    };
    struct place *place = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct flight flight = {.place = place};
        server_fault(place->server, "/ok", rows[i].fault, rows[i].number, 1);
        start(&flight, &get_ok, false);
        run_all(place);
        assert_int_equal(flight.code, rows[i].code);
        assert_int_equal(flight.class, rows[i].class);
        llmd__buf_free(&flight.data);
    }
    server_refuse(place->server, true);
    struct flight flight = {.place = place};
    start(&flight, &get_ok, false);
    run_all(place);
    assert_int_equal(flight.code, LLMD_E_UNREACHABLE);
    assert_int_equal(flight.class, RETRY_NOT_SENT);
}

static void test_limits(void **state)
{
    struct place *place = *state;
    struct flight first_byte = {.place = place};
    struct flight idle = {.place = place};
    struct flight fine = {.place = place};
    struct http_request request = get_ok;

    server_fault(place->server, "/stall", FAULT_STALL, 0, -1);
    server_on_json(place->server, "GET", "/mid", 200, "{\"some\":1}");
    server_fault(place->server, "/mid", FAULT_STALL_MID, 3, -1);
    server_fault(place->server, "/ok", FAULT_DRIP, 1, 1);
    request.idle_timeout_ms = 5000;
    start(&fine, &request, false);
    request.idle_timeout_ms = 100;
    request.path = "/stall";
    request.first_byte_timeout_ms = 60;
    start(&first_byte, &request, false);
    request.path = "/mid";
    request.first_byte_timeout_ms = 0;
    start(&idle, &request, false);
    run_all(place);
    assert_int_equal(first_byte.code, LLMD_E_TIMEOUT);
    assert_int_equal(idle.code, LLMD_E_TIMEOUT);
    assert_int_equal(fine.status, 200);
    llmd__buf_free(&fine.data);
}

static void test_turn_limits(void **state)
{
    struct place *place = *state;
    struct flight flight = {.place = place};
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    server_fault(place->server, "/ok", FAULT_STALL, 0, -1);
    start(&flight, &get_ok, false);
    assert_null(llmd__group_turn(NULL, place->group, 0));
    assert_null(llmd__group_turn(NULL, place->group, 10));
    llmd_context_set_timeout_ms(ctx, 20);
    llmd_error *error = llmd__group_turn(ctx, place->group, -1);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    llmd_error_free(error);
    assert_int_equal(llmd__group_active(place->group), 1);
    llmd__transfer_stop(flight.transfer);
    assert_int_equal(llmd__group_active(place->group), 0);
    assert_int_equal(flight.done, 0);
}

static void *wake_later(void *group)
{
    usleep(20000);
    llmd__group_wake(group);
    return NULL;
}

static void *cancel_later(void *ctx)
{
    usleep(20000);
    llmd_context_cancel(ctx);
    return NULL;
}

static void test_wake_and_cancel(void **state)
{
    struct place *place = *state;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    pthread_t thread;

    pthread_create(&thread, NULL, wake_later, place->group);
    assert_null(llmd__group_turn(ctx, place->group, -1));
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, cancel_later, ctx);
    llmd_error *error = llmd__group_turn(ctx, place->group, -1);
    assert_int_equal(llmd_error_code(error), LLMD_E_CANCELED);
    llmd_error_free(error);
    pthread_join(thread, NULL);
}

/* As an event loop of somebody else would: it only sees the descriptor. */
static void test_descriptor(void **state)
{
    struct place *place = *state;
    struct flight done = {.place = place};
    struct flight late = {.place = place};
    struct pollfd polled = {.fd = llmd__group_fd(place->group), .events = POLLIN};
    struct http_request stall = {.method = "GET", .path = "/stall", .first_byte_timeout_ms = 50};

    assert_int_equal(poll(&polled, 1, 0), 0);
    server_fault(place->server, "/stall", FAULT_STALL, 0, -1);
    start(&done, &get_ok, false);
    start(&late, &stall, false);
    while (llmd__group_active(place->group)) {
        assert_int_equal(poll(&polled, 1, 10000), 1);
        assert_null(llmd__group_turn(NULL, place->group, 0));
    }
    assert_int_equal(done.status, 200);
    assert_int_equal(late.code, LLMD_E_TIMEOUT);
    llmd__buf_free(&done.data);
}

static void test_free_with_transfers(void **state)
{
    struct place *place = *state;
    struct flight flights[5] = {0};

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    server_fault(place->server, "/ok", FAULT_DRIP, 50, -1);
    for (int i = 0; i < 5; i++) {
        flights[i].place = place;
        start(&flights[i], &get_ok, true);
    }
    for (int i = 0; i < 10; i++)
        assert_null(llmd__group_turn(NULL, place->group, 5));
    llmd__group_free(place->group);
    place->group = NULL;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(flights[i].done, 0);
        llmd__buf_free(&flights[i].data);
    }
}

static void test_fork(void **state)
{
    struct place *place = *state;
    struct flight flight = {.place = place};
    int status = -1;

    start(&flight, &get_ok, false);
    run_all(place);
    pid_t child = fork();
    if (child == 0) {
        llmd_error *error = llmd__group_turn(NULL, place->group, 0);
        int code = (int)llmd_error_code(error);
        llmd__group_free(place->group);
        _exit(code == LLMD_E_INVALID ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    start(&flight, &get_ok, false);
    run_all(place);
    assert_int_equal(flight.done, 2);
    assert_int_equal(flight.status, 200);
    assert_int_equal(server_connections(place->server), 1);
    llmd__buf_free(&flight.data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one),
        TEST(test_stream),
        TEST(test_refused_stream_is_collected),
        TEST(test_six_hundred),
        TEST(test_start_and_stop_inside_handlers),
        TEST(test_start_and_stop_in_on_done),
        TEST(test_handler_error_ends_the_transfer),
        TEST(test_faults),
        TEST(test_limits),
        TEST(test_turn_limits),
        TEST(test_wake_and_cancel),
        TEST(test_descriptor),
        TEST(test_free_with_transfers),
        TEST(test_fork),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
