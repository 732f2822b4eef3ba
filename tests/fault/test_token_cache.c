/* SPDX-License-Identifier: Apache-2.0 */
/* When a token is fetched, and how often, by a source that counts and a clock that is set. */
#include "auth/token_cache.h"
#include "base/clock.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define HOUR_MS 3600000

static atomic_llong now_ms = 1764064800000;

static int64_t read_clock(void)
{
    return atomic_load(&now_ms);
}

struct counting {
    atomic_int fetches;
    atomic_int inside;
    atomic_bool overlapped;
    atomic_bool fails;
    int64_t life_ms; /* 0: not known */
    int fetch_ms;
};

static llmd_error *fetch(llmd_context *ctx, void *data, struct access_token *out)
{
    struct counting *counting = data;

    if (atomic_fetch_add(&counting->inside, 1) > 0)
        atomic_store(&counting->overlapped, true);
    int number = atomic_fetch_add(&counting->fetches, 1) + 1;
    llmd_error *error = NULL;
    if (counting->fetch_ms)
        error = llmd__context_sleep(ctx, counting->fetch_ms);
    if (!error && atomic_load(&counting->fails))
        error = llmd__error(LLMD_E_REMOTE, "the token server is down");
    atomic_fetch_sub(&counting->inside, 1);
    if (error)
        return error;
    out->value = llmd__format("t%d", number);
    out->expires_wall_ms = counting->life_ms ? read_clock() + counting->life_ms : 0;
    return out->value ? NULL : NO_MEMORY;
}

static struct http_auth open_cache(struct counting *counting)
{
    const struct token_source source = {fetch, NULL, counting};
    struct http_auth auth;

    assert_null(llmd__token_cache_open(&source, read_clock, &auth));
    return auth;
}

static void assert_token(const struct http_auth *auth, bool refresh, const char *want)
{
    AUTO(buf) struct buf header = BUF_INIT;

    assert_null(auth->authorize(NULL, auth->data, refresh, &header));
    assert_string_equal(llmd__buf_text(&header), want);
}

static void test_kept_until_shortly_before_its_end(void **state)
{
    static const struct {
        int64_t life_ms, later_ms;
        const char *want;
    } rows[] = {
        {HOUR_MS, HOUR_MS - 226000, "Bearer t1"},
        {HOUR_MS, HOUR_MS - 224000, "Bearer t2"},
        /* What the metadata server hands out may have but four minutes left. */
        {240000, 119000, "Bearer t1"},
        {240000, 121000, "Bearer t2"},
        {60000, 29000, "Bearer t1"},
        {60000, 31000, "Bearer t2"},
        {0, 400 * HOUR_MS, "Bearer t1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct counting counting = {.life_ms = rows[i].life_ms};
        struct http_auth auth = open_cache(&counting);
        assert_token(&auth, false, "Bearer t1");
        atomic_fetch_add(&now_ms, rows[i].later_ms);
        assert_token(&auth, false, rows[i].want);
        auth.free(auth.data);
    }
}

/* While the old one holds, a renewal that fails harms nobody, and is not tried by every request. */
static void test_failed_renewal(void **state)
{
    struct counting counting = {.life_ms = HOUR_MS};
    struct http_auth auth = open_cache(&counting);
    AUTO(buf) struct buf header = BUF_INIT;

    (void)state;
    assert_token(&auth, false, "Bearer t1");
    atomic_store(&counting.fails, true);
    atomic_fetch_add(&now_ms, HOUR_MS - 100000);
    assert_token(&auth, false, "Bearer t1");
    assert_token(&auth, false, "Bearer t1");
    assert_int_equal(atomic_load(&counting.fetches), 2);
    atomic_fetch_add(&now_ms, 11000);
    assert_token(&auth, false, "Bearer t1");
    assert_int_equal(atomic_load(&counting.fetches), 3);
    /* Past its end there is nothing to go on with. */
    atomic_fetch_add(&now_ms, 100000);
    assert_error(auth.authorize(NULL, auth.data, false, &header), LLMD_E_REMOTE, "is down");
    atomic_store(&counting.fails, false);
    assert_token(&auth, false, "Bearer t5");
    auth.free(auth.data);
}

/* Requests that were refused together cause one renewal; of a refused token nothing is left. */
static void test_refused(void **state)
{
    struct counting counting = {.life_ms = HOUR_MS};
    struct http_auth auth = open_cache(&counting);
    AUTO(buf) struct buf header = BUF_INIT;

    (void)state;
    assert_token(&auth, false, "Bearer t1");
    assert_token(&auth, true, "Bearer t2");
    assert_token(&auth, true, "Bearer t2");
    assert_token(&auth, false, "Bearer t2");
    auth.free(auth.data);
    counting = (struct counting){.life_ms = HOUR_MS};
    auth = open_cache(&counting);
    assert_token(&auth, false, "Bearer t1");
    atomic_store(&counting.fails, true);
    assert_error(auth.authorize(NULL, auth.data, true, &header), LLMD_E_REMOTE, "is down");
    auth.free(auth.data);
}

struct asking {
    struct http_auth *auth;
    llmd_context *ctx;
    bool refresh;
    llmd_code code;
    char header[32];
};

static void *ask(void *data)
{
    struct asking *asking = data;
    struct buf header = BUF_INIT;

    llmd_error *error =
        asking->auth->authorize(asking->ctx, asking->auth->data, asking->refresh, &header);
    asking->code = llmd_error_code(error);
    strncpy(asking->header, llmd__buf_text(&header), sizeof asking->header - 1);
    llmd__buf_free(&header);
    llmd_error_free(error);
    return NULL;
}

#define THREADS 100

static void ask_all(struct http_auth *auth, bool refresh, struct asking askings[THREADS])
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        askings[i] = (struct asking){.auth = auth, .refresh = refresh};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askings[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void test_hundred_threads_cause_one_fetch(void **state)
{
    struct counting counting = {.life_ms = HOUR_MS, .fetch_ms = 100};
    struct http_auth auth = open_cache(&counting);
    struct asking askings[THREADS];

    (void)state;
    ask_all(&auth, false, askings);
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(askings[i].header, "Bearer t1");
    assert_int_equal(atomic_load(&counting.fetches), 1);
    ask_all(&auth, true, askings);
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(askings[i].header, "Bearer t2");
    assert_int_equal(atomic_load(&counting.fetches), 2);
    /* Shortly before its end: one fetches, the others go on with the old one. */
    atomic_fetch_add(&now_ms, HOUR_MS - 100000);
    ask_all(&auth, false, askings);
    int old = 0;
    for (int i = 0; i < THREADS; i++)
        old += strcmp(askings[i].header, "Bearer t2") == 0;
    assert_true(old > 0 && old < THREADS);
    assert_int_equal(atomic_load(&counting.fetches), 3);
    assert_false(atomic_load(&counting.overlapped));
    auth.free(auth.data);
}

/* A fetch that fails is told to all who waited for it: they do not come one after the other. */
static void test_hundred_threads_hear_of_one_failure(void **state)
{
    struct counting counting = {.life_ms = HOUR_MS, .fetch_ms = 300};
    struct http_auth auth = open_cache(&counting);
    struct asking askings[THREADS];

    (void)state;
    atomic_store(&counting.fails, true);
    ask_all(&auth, false, askings);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(askings[i].code, LLMD_E_REMOTE);
    assert_true(atomic_load(&counting.fetches) < THREADS / 2);
    auth.free(auth.data);
}

/* A token that ends at once still serves those who waited for it. */
static void test_token_without_life(void **state)
{
    struct counting counting = {.life_ms = 1, .fetch_ms = 300};
    struct http_auth auth = open_cache(&counting);
    struct asking askings[THREADS];

    (void)state;
    ask_all(&auth, false, askings);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(askings[i].code, LLMD_OK);
    assert_true(atomic_load(&counting.fetches) < THREADS / 2);
    auth.free(auth.data);
}

static void await_inside(struct counting *counting)
{
    while (atomic_load(&counting->inside) == 0)
        usleep(1000);
}

/* Who fetches may give up; the next one then does it for the others. */
static void test_canceled(void **state)
{
    struct counting counting = {.life_ms = HOUR_MS, .fetch_ms = 200};
    struct http_auth auth = open_cache(&counting);
    struct asking first = {.auth = &auth, .ctx = llmd_context_new()};
    struct asking second = {.auth = &auth, .ctx = llmd_context_new()};
    struct asking third = {.auth = &auth};
    pthread_t threads[3];

    (void)state;
    pthread_create(&threads[0], NULL, ask, &first);
    await_inside(&counting);
    pthread_create(&threads[1], NULL, ask, &second);
    pthread_create(&threads[2], NULL, ask, &third);
    llmd_context_cancel(second.ctx);
    pthread_join(threads[1], NULL);
    assert_int_equal(second.code, LLMD_E_CANCELED);
    llmd_context_cancel(first.ctx);
    pthread_join(threads[0], NULL);
    assert_int_equal(first.code, LLMD_E_CANCELED);
    pthread_join(threads[2], NULL);
    assert_string_equal(third.header, "Bearer t2");
    llmd_context_free(first.ctx);
    llmd_context_free(second.ctx);
    auth.free(auth.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_until_shortly_before_its_end),
        cmocka_unit_test(test_failed_renewal),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hundred_threads_cause_one_fetch),
        cmocka_unit_test(test_hundred_threads_hear_of_one_failure),
        cmocka_unit_test(test_token_without_life),
        cmocka_unit_test(test_canceled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
