/* SPDX-License-Identifier: Apache-2.0 */
/* Many streams on one thread. */
#include "support/tokens.h"
#include "support/torture.h"

#include "base/buf.h"

#include <llmd/inference.h>

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 2000

static struct tokens three = {.count = 3};
static struct tokens slow = {.count = 20, .gap_ms = 10};
static struct tokens endless = {.endless = 1, .gap_ms = 5};

static llmd_endpoint *open_endpoint(struct server *server)
{
    llmd_endpoint *endpoint = NULL;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(server));
    assert_null(llmd_endpoint_open(spec, NULL, &endpoint));
    return endpoint;
}

static llmd_error *add(llmd_mux *mux, const llmd_endpoint *endpoint, const char *model,
                       uint64_t tag)
{
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_COMPLETION);
    llmd_request_set_prompt(request, "p");
    if (model)
        llmd_request_set_model(request, model);
    return llmd_mux_add(mux, endpoint, request, tag);
}

static llmd_delta *next(llmd_mux *mux)
{
    llmd_delta *delta = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_context_set_timeout_ms(ctx, 60000);
    llmd_error *error = llmd_mux_next(ctx, mux, &delta);
    if (error)
        fail_msg("%s", llmd_error_message(error));
    return delta;
}

static void two_streams_interleave(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &slow);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    struct buf text[2] = {{0}};
    char *expected = tokens_text(20);
    int ended = 0, switches = 0;
    uint64_t before = 0;
    assert_null(llmd_mux_open(&mux));
    assert_null(add(mux, endpoint, "tiny", 1));
    assert_null(add(mux, endpoint, "tiny", 2));
    for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta)) {
        uint64_t tag = llmd_delta_tag(delta);
        assert_in_range(tag, 1, 2);
        llmd__buf_str(&text[tag - 1], llmd_delta_text(delta));
        switches += tag != before;
        before = tag;
        assert_null(llmd_delta_error(delta));
        ended += llmd_delta_last(delta);
    }
    assert_int_equal(ended, 2);
    assert_true(switches > 4); /* both moved at once */
    for (int i = 0; i < 2; i++) {
        assert_string_equal(llmd__buf_text(&text[i]), expected);
        llmd__buf_free(&text[i]);
    }
    free(expected);
    server_stop(server);
}

static void nothing_in_flight_is_null(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    LLMD_AUTO(llmd_delta) none = NULL;
    assert_null(llmd_mux_open(&mux));
    for (int round = 0; round < 3; round++) {
        int last = 0;
        assert_null(next(mux));
        assert_null(llmd_mux_take(mux, &none));
        assert_null(none);
        assert_null(add(mux, endpoint, "tiny", 7)); /* add may follow; the tag is free again */
        for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta))
            last += llmd_delta_last(delta);
        assert_int_equal(last, 1);
    }
    server_stop(server);
}

static void streams_one_by_one(struct server *server, unsigned rounds, bool cut)
{
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    assert_null(llmd_mux_open(&mux));
    for (unsigned round = 0; round < rounds; round++) {
        assert_null(add(mux, endpoint, "tiny", round));
        for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta))
            if (llmd_delta_error(delta))
                fail_msg("%s", llmd_error_message(llmd_delta_error(delta)));
        if (!cut)
            continue;
        server_cut_all(server);
        usleep(20000); /* the reset arrives */
    }
}

/* Connections serve stream after stream; one that the server has closed meanwhile is not used. */
static void connections_are_kept_while_they_live(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    streams_one_by_one(server, 20, false);
    assert_in_range(server_connections(server), 1, 5);
    streams_one_by_one(server, 5, true);
    server_stop(server);
}

static void a_tag_is_in_flight_once(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    LLMD_AUTO(llmd_request) empty = llmd_request_new(LLMD_REQUEST_CHAT);
    assert_null(llmd_mux_open(&mux));
    assert_null(add(mux, endpoint, "tiny", 7));
    LLMD_AUTO(llmd_error) twice = add(mux, endpoint, "tiny", 7);
    assert_int_equal(llmd_error_code(twice), LLMD_E_EXISTS);
    LLMD_AUTO(llmd_error) bad = llmd_mux_add(mux, endpoint, empty, 8);
    assert_int_equal(llmd_error_code(bad), LLMD_E_INVALID);
    server_stop(server);
}

/* One stream's fault is that stream's alone. */
static void errors_stay_with_their_stream(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        int number;
        llmd_code code;
    } table[] = {
        {FAULT_CLOSE_MID, 500, LLMD_E_PROTOCOL},
        {FAULT_RESET_MID, 500, LLMD_E_UNREACHABLE},
        {FAULT_RESET, 0, LLMD_E_UNREACHABLE},
        {FAULT_STATUS, 500, LLMD_E_REMOTE},
        {FAULT_429, 3, LLMD_E_BUSY},
        {FAULT_BAD_JSON, 0, LLMD_E_PROTOCOL},
        {FAULT_NOT_HTTP, 0, LLMD_E_PROTOCOL},
        {FAULT_CUT_UTF8, 0, LLMD_E_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct server *server = server_start(reply_tokens, &three);
        struct server *good = server_start(reply_tokens, &three);
        LLMD_AUTO(llmd_endpoint) broken_endpoint = open_endpoint(server);
        LLMD_AUTO(llmd_endpoint) good_endpoint = open_endpoint(good);
        LLMD_AUTO(llmd_mux) mux = NULL;
        int ended = 0;
        server_fault(server, NULL, table[i].fault, table[i].number, -1);
        assert_null(llmd_mux_open(&mux));
        assert_null(add(mux, broken_endpoint, "tiny", 1));
        assert_null(add(mux, good_endpoint, "tiny", 2));
        for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta)) {
            if (!llmd_delta_last(delta))
                continue;
            ended++;
            const llmd_error *error = llmd_delta_error(delta);
            llmd_code want = llmd_delta_tag(delta) == 1 ? table[i].code : LLMD_OK;
            if (llmd_error_code(error) != want)
                fail_msg("fault %d: %s", (int)table[i].fault, llmd_error_message(error));
            if (want == LLMD_E_BUSY)
                assert_int_equal(llmd_error_retry_after_ms(error), 3000);
            if (want)
                assert_non_null(strstr(llmd_error_message(error), server_url(server)));
        }
        assert_int_equal(ended, 2);
        server_stop(good);
        server_stop(server);
    }
}

static void the_model_is_asked_once_for_all(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    int ended = 0;
    assert_null(llmd_mux_open(&mux));
    for (uint64_t tag = 0; tag < 20; tag++)
        assert_null(add(mux, endpoint, NULL, tag));
    for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta)) {
        ended += llmd_delta_last(delta);
        assert_null(llmd_delta_error(delta));
    }
    assert_int_equal(ended, 20);
    assert_int_equal(server_requests_of(server, "GET", "/v1/models"), 1);
    assert_non_null(strstr(server_last_request(server)->body, "\"model\":\"tiny\""));
    server_stop(server);
}

static void without_a_model_each_is_told(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    int ended = 0;
    server_on_json(server, "GET", "/v1/models", 200, "{\"data\":[]}");
    assert_null(llmd_mux_open(&mux));
    for (uint64_t tag = 0; tag < 3; tag++)
        assert_null(add(mux, endpoint, NULL, tag));
    llmd_mux_cancel(mux, 1);
    for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta)) {
        ended += llmd_delta_last(delta);
        assert_int_equal(llmd_error_code(llmd_delta_error(delta)),
                         llmd_delta_tag(delta) == 1 ? LLMD_E_CANCELED : LLMD_E_NOT_FOUND);
    }
    assert_int_equal(ended, 3);
    server_stop(server);
}

static void canceling_one_leaves_the_other(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &slow);
    struct server *other = server_start(reply_tokens, &endless);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_endpoint) endless_endpoint = open_endpoint(other);
    LLMD_AUTO(llmd_mux) mux = NULL;
    int last[4] = {0};
    assert_null(llmd_mux_open(&mux));
    assert_null(add(mux, endpoint, "tiny", 1));
    assert_null(add(mux, endless_endpoint, "tiny", 2));
    assert_null(add(mux, endless_endpoint, "tiny", 3));
    llmd_mux_cancel(mux, 3); /* before it was started */
    llmd_mux_cancel(mux, 99);
    for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta)) {
        uint64_t tag = llmd_delta_tag(delta);
        assert_int_equal(last[tag], 0);
        if (tag == 2 && *llmd_delta_text(delta)) {
            llmd_mux_cancel(mux, 2);
            llmd_mux_cancel(mux, 2);
        }
        if (llmd_delta_last(delta)) {
            last[tag]++;
            assert_int_equal(llmd_error_code(llmd_delta_error(delta)),
                             tag == 1 ? LLMD_OK : LLMD_E_CANCELED);
            llmd_mux_cancel(mux, tag); /* too late: nothing happens */
        }
    }
    assert_int_equal(last[1] + last[2] + last[3], 3);
    assert_int_equal(server_requests(other), 1);
    server_stop(other);
    server_stop(server);
}

/* An event loop: poll, then take until NULL. */
static void the_descriptor_tells_when_to_take(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &slow);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    int ended = 0;
    assert_null(llmd_mux_open(&mux));
    struct pollfd fd = {.fd = llmd_mux_fd(mux), .events = POLLIN};
    assert_true(fd.fd >= 0);
    for (uint64_t tag = 0; tag < 10; tag++)
        assert_null(add(mux, endpoint, NULL, tag));
    while (ended < 10) {
        assert_int_equal(poll(&fd, 1, 30000), 1);
        for (;;) {
            LLMD_AUTO(llmd_delta) delta = NULL;
            assert_null(llmd_mux_take(mux, &delta));
            if (!delta)
                break;
            assert_null(llmd_delta_error(delta));
            ended += llmd_delta_last(delta);
        }
    }
    server_stop(server);
}

static void allow_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void two_thousand_at_once(void **state)
{
    (void)state;
    allow_descriptors();
    struct server *server = server_start(reply_tokens, &slow);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    unsigned char *tokens = calloc(MANY, 1);
    int ended = 0;
    assert_null(llmd_mux_open(&mux));
    for (uint64_t tag = 0; tag < MANY; tag++)
        assert_null(add(mux, endpoint, "tiny", tag));
    for (llmd_delta *delta; (delta = next(mux)); llmd_delta_free(delta)) {
        if (llmd_delta_error(delta))
            fail_msg("%s", llmd_error_message(llmd_delta_error(delta)));
        tokens[llmd_delta_tag(delta)] += *llmd_delta_text(delta) != '\0';
        ended += llmd_delta_last(delta);
    }
    assert_int_equal(ended, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(tokens[i], 20);
    free(tokens);
    server_stop(server);
}

struct adder {
    llmd_mux *mux;
    llmd_endpoint *endpoint;
    uint64_t first;
};

static void *add_and_cancel(void *data)
{
    struct adder *adder = data;
    for (uint64_t i = 0; i < 50; i++) {
        llmd_error_free(add(adder->mux, adder->endpoint, "tiny", adder->first + i));
        if (i % 3 == 0)
            llmd_mux_cancel(adder->mux, adder->first + i);
    }
    return NULL;
}

static void any_thread_adds_and_cancels(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    struct adder adders[4];
    pthread_t threads[4];
    int ended = 0;
    assert_null(llmd_mux_open(&mux));
    for (int i = 0; i < 4; i++) {
        adders[i] = (struct adder){mux, endpoint, (uint64_t)i * 1000};
        pthread_create(&threads[i], NULL, add_and_cancel, &adders[i]);
    }
    while (ended < 200) {
        llmd_delta *delta = next(mux);
        if (!delta)
            usleep(500);
        ended += llmd_delta_last(delta);
        llmd_delta_free(delta);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_null(next(mux));
    server_stop(server);
}

static void freeing_it_ends_all(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &endless);
    llmd_endpoint *endpoint = open_endpoint(server);
    llmd_mux *mux = NULL;
    assert_null(llmd_mux_open(&mux));
    for (uint64_t tag = 0; tag < 20; tag++)
        assert_null(add(mux, endpoint, tag % 2 ? NULL : "tiny", tag));
    llmd_endpoint_free(endpoint); /* its streams live on */
    for (int i = 0; i < 30; i++)
        llmd_delta_free(next(mux));
    llmd_mux_free(mux);
    for (int i = 0; i < 500 && server_open_connections(server); i++)
        usleep(10000);
    assert_int_equal(server_open_connections(server), 0);
    server_stop(server);
}

struct pump {
    llmd_mux *mux;
    llmd_error *error;
    int deltas;
    pthread_mutex_t lock;
    bool inside;
};

static void *pump_until_error(void *data)
{
    struct pump *pump = data;
    do {
        llmd_delta *delta = NULL;
        pump->error = llmd_mux_next(NULL, pump->mux, &delta);
        pump->deltas += delta != NULL;
        llmd_delta_free(delta);
        pthread_mutex_lock(&pump->lock);
        pump->inside = pump->deltas > 2;
        pthread_mutex_unlock(&pump->lock);
    } while (!pump->error);
    return NULL;
}

/* The server has fallen silent, so the pump waits inside; it frees the mux when it leaves. */
static void freed_by_the_one_inside(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    struct pump pump = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    server_fault(server, NULL, FAULT_STALL_MID, 700, 1);
    assert_null(llmd_mux_open(&pump.mux));
    assert_null(add(pump.mux, endpoint, "tiny", 1));
    pthread_create(&thread, NULL, pump_until_error, &pump);
    for (bool inside = false; !inside; usleep(1000)) {
        pthread_mutex_lock(&pump.lock);
        inside = pump.inside;
        pthread_mutex_unlock(&pump.lock);
    }
    usleep(50000);
    LLMD_AUTO(llmd_delta) none = NULL;
    LLMD_AUTO(llmd_error) busy = llmd_mux_take(pump.mux, &none);
    assert_int_equal(llmd_error_code(busy), LLMD_E_INVALID);
    llmd_mux_free(pump.mux);
    pthread_join(thread, NULL);
    assert_int_equal(llmd_error_code(pump.error), LLMD_E_CANCELED);
    llmd_error_free(pump.error);
    server_stop(server);
}

static void a_timeout_ends_the_call_only(void **state)
{
    (void)state;
    struct tokens later = {.count = 2, .gap_ms = 150};
    struct server *server = server_start(reply_tokens, &later);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server);
    LLMD_AUTO(llmd_mux) mux = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    int timeouts = 0;
    bool last = false;
    assert_null(llmd_mux_open(&mux));
    assert_null(add(mux, endpoint, "tiny", 1));
    while (!last) {
        LLMD_AUTO(llmd_delta) delta = NULL;
        llmd_context_set_timeout_ms(ctx, 20);
        LLMD_AUTO(llmd_error) error = llmd_mux_next(ctx, mux, &delta);
        assert_true(!error || llmd_error_code(error) == LLMD_E_TIMEOUT);
        timeouts += error != NULL;
        assert_null(llmd_delta_error(delta));
        last = llmd_delta_last(delta);
    }
    assert_true(timeouts > 0);
    server_stop(server);
}

static llmd_error *three_streams(void *data)
{
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_mux) mux = NULL;
    llmd_error *worst = NULL;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(data));
    TRY(llmd_endpoint_open(spec, NULL, &endpoint));
    TRY(llmd_mux_open(&mux));
    for (uint64_t tag = 0; tag < 3; tag++)
        TRY(add(mux, endpoint, tag ? "tiny" : NULL, tag));
    for (;;) {
        LLMD_AUTO(llmd_delta) delta = NULL;
        llmd_error *error = llmd_mux_next(NULL, mux, &delta);
        if (!error && delta)
            error = llmd__error_copy(llmd_delta_error(delta));
        if (worst)
            llmd_error_free(error);
        else
            worst = error;
        if (!delta)
            return worst;
    }
}

/* The token is fetched in the caller's time: what that breaks off goes on with the next call. */
static void time_out_while_a_token_is_fetched(const char *model)
{
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(server));
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_mux) mux = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_delta *delta = NULL;
    int ended = 0;
    assert_null(
        llmd_credentials_from_command("[\"sh\", \"-c\", \"sleep 1; echo token\"]", &credentials));
    assert_null(llmd_endpoint_open(spec, credentials, &endpoint));
    assert_null(llmd_mux_open(&mux));
    assert_null(add(mux, endpoint, model, 1));
    assert_null(add(mux, endpoint, model, 2));
    llmd_context_set_timeout_ms(ctx, 100);
    LLMD_AUTO(llmd_error) error = llmd_mux_next(ctx, mux, &delta);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_null(delta);
    for (; (delta = next(mux)); llmd_delta_free(delta)) {
        assert_null(llmd_delta_error(delta));
        ended += llmd_delta_last(delta);
    }
    assert_int_equal(ended, 2);
    server_stop(server);
}

static void a_timeout_while_a_token_is_fetched_ends_the_call_only(void **state)
{
    (void)state;
    time_out_while_a_token_is_fetched("tiny");
    time_out_while_a_token_is_fetched(NULL); /* then it is the question for the model */
}

static void allocations_may_fail(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    torture_sample(three_streams, server, 5, 200);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_streams_interleave),
        cmocka_unit_test(nothing_in_flight_is_null),
        cmocka_unit_test(connections_are_kept_while_they_live),
        cmocka_unit_test(a_tag_is_in_flight_once),
        cmocka_unit_test(errors_stay_with_their_stream),
        cmocka_unit_test(the_model_is_asked_once_for_all),
        cmocka_unit_test(without_a_model_each_is_told),
        cmocka_unit_test(canceling_one_leaves_the_other),
        cmocka_unit_test(the_descriptor_tells_when_to_take),
        cmocka_unit_test(two_thousand_at_once),
        cmocka_unit_test(any_thread_adds_and_cancels),
        cmocka_unit_test(freeing_it_ends_all),
        cmocka_unit_test(freed_by_the_one_inside),
        cmocka_unit_test(a_timeout_ends_the_call_only),
        cmocka_unit_test(a_timeout_while_a_token_is_fetched_ends_the_call_only),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
