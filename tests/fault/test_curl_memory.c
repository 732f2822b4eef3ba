/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl keeps its own memory, so it gets its own failing allocator here. What it makes of it
 * varies (a name that "cannot be resolved"), but it must be an error, and nothing may be left.
 *
 * Without TLS: 7.88.1 frees a host name twice when it cannot remember a TLS session for want of
 * memory. Doing without sessions would avoid that, and cost every user a full handshake a time.
 */
#include "net/group.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_long countdown; /* the allocation that fails; 0: none */
static atomic_long made, live;

static bool fails(void)
{
    atomic_fetch_add(&made, 1);
    return atomic_load(&countdown) > 0 && atomic_fetch_sub(&countdown, 1) == 1;
}

static void *counted(void *block)
{
    if (block)
        atomic_fetch_add(&live, 1);
    return block;
}

static void *hook_malloc(size_t size)
{
    return fails() ? NULL : counted(malloc(size));
}

static void *hook_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(calloc(count, size));
}

static void *hook_realloc(void *block, size_t size)
{
    if (fails())
        return NULL;
    void *moved = realloc(block, size);
    return block ? moved : counted(moved);
}

static char *hook_strdup(const char *text)
{
    return fails() ? NULL : counted(strdup(text));
}

static void hook_free(void *block)
{
    if (block)
        atomic_fetch_sub(&live, 1);
    free(block);
}

static llmd_error *send_one(struct place *place)
{
    struct http_request request = request_of("POST");
    struct http *http = NULL;
    struct http_reply reply;
    const struct http_config config = {
        .base_url = server_url(place->server), .ca_pem = server_ca(place->server), .proxy_url = ""};

    TRY(llmd__http_open(&config, &http));
    request.no_retry = true;
    llmd_error *error = llmd__http_send(NULL, http, &request, &reply);
    if (!error && strcmp(llmd__buf_text(&reply.body), "{\"ok\":true}") != 0)
        error = llmd__error(LLMD_E_FAILED, "wrong body");
    llmd__http_reply_free(&reply);
    llmd__http_put(http);
    return error;
}

static void on_done(void *data, struct http_reply *reply, llmd_error *error)
{
    llmd_error **out = data;

    *out = error;
    if (reply && strcmp(llmd__buf_text(&reply->body), "{\"ok\":true}") != 0)
        *out = llmd__error(LLMD_E_FAILED, "wrong body");
}

static llmd_error *fly(struct http *http, struct group *group)
{
    struct transfer *transfer = NULL;
    llmd_error *answer = NULL;
    const struct transfer_events events = {.on_done = on_done, .data = &answer};

    TRY(llmd__group_start(NULL, group, http, &get_ok, &events, &transfer));
    while (llmd__group_active(group))
        TRY(llmd__group_turn(NULL, group, -1));
    return answer;
}

static llmd_error *fly_one(struct place *place)
{
    struct http *http = NULL;
    struct group *group = NULL;
    const struct http_config config = {
        .base_url = server_url(place->server), .ca_pem = server_ca(place->server), .proxy_url = ""};

    TRY(llmd__http_open(&config, &http));
    llmd_error *error = llmd__group_open(&group);
    if (!error)
        error = fly(http, group);
    llmd__group_free(group);
    llmd__http_put(http);
    return error;
}

static void torture_curl(struct place *place, llmd_error *(*work)(struct place *place))
{
    atomic_store(&countdown, 0);
    assert_null(work(place)); /* what is made once, such as tables */
    long before = atomic_load(&live);
    atomic_store(&made, 0);
    assert_null(work(place));
    assert_int_equal(atomic_load(&live), before);
    long all = atomic_load(&made);
    assert_true(all > 20);
    for (long n = 1; n <= all; n++) {
        atomic_store(&countdown, n);
        llmd_error *error = work(place);
        atomic_store(&countdown, 0);
        if (error && llmd_error_code(error) != LLMD_E_NO_MEMORY)
            print_message("%ld of %ld: %s\n", n, all, llmd_error_message(error));
        assert_int_not_equal(llmd_error_code(error), LLMD_E_FAILED);
        llmd_error_free(error);
        assert_int_equal(atomic_load(&live), before);
    }
}

static void test_send(void **state)
{
    torture_curl(*state, send_one);
}

static void test_group(void **state)
{
    torture_curl(*state, fly_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_send),
        PLACE_TEST(test_group),
    };

    /* The library's own initialisation comes second and keeps these. */
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, hook_malloc, hook_free, hook_realloc, hook_strdup,
                             hook_calloc))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
