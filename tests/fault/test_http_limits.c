/* SPDX-License-Identifier: Apache-2.0 */
/* Slow, silent and huge answers; deadlines and cancelling. */
#include "base/clock.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_drip),
        PLACE_TEST(test_huge),
        PLACE_TEST(test_huge_refusal),
        PLACE_TEST(test_first_byte_limit),
        PLACE_TEST(test_idle_limit),
        PLACE_TEST(test_deadline),
        PLACE_TEST(test_deadline_names_the_try_before),
        PLACE_TEST(test_cancel_from_another_thread),
        PLACE_TEST(test_cancel_while_waiting_to_retry),
        PLACE_TEST(test_poll_hook),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
