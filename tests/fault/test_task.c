/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that talk to a server: sends, streams, retries, refreshed credentials. */
#include "base/clock.h"
#include "base/context.h"
#include "support/place.h"
#include "task/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A step that sends or streams once and writes down what it hears. */
struct listener {
    struct place *place;
    struct http_request request;
    bool streams;
    int64_t wake_ms; /* after the request: relative; 0: none */
    bool fails;      /* an INPUT_ERROR ends the task */
    struct buf *heard;
};

static void begin(struct listener *listener, const struct step_input *input,
                  struct step_action *action)
{
    action->kind = listener->streams ? ACTION_STREAM : ACTION_SEND;
    action->http = listener->place->http;
    action->request = listener->request;
    if (listener->wake_ms)
        action->wake_ms = input->now_ms + listener->wake_ms;
}

static llmd_error *listen(void *state, struct graph *graph, const struct step_input *input,
                          struct step_action *action)
{
    struct listener *listener = state;

    (void)graph;
    switch (input->kind) {
    case INPUT_BEGIN:
        begin(listener, input, action);
        return NULL;
    case INPUT_REPLY:
        llmd__buf_format(listener->heard, "reply %d %s;", input->status, input->text);
        assert_int_equal(input->reply->status, input->status);
        action->kind = ACTION_DONE;
        return NULL;
    case INPUT_OPEN:
        llmd__buf_format(listener->heard, "open %d;", input->status);
        return NULL;
    case INPUT_LINE:
        llmd__buf_format(listener->heard, "%s;", input->text);
        return NULL;
    case INPUT_END:
    case INPUT_ERROR:
        llmd__buf_format(listener->heard, "%s %s;", input->kind == INPUT_END ? "end" : "error",
                         llmd_code_name(llmd_error_code(input->error)));
        action->kind = ACTION_DONE;
        if (listener->fails) {
            action->kind = ACTION_FAIL;
            action->error = llmd__error_copy(input->error);
        }
        return NULL;
    case INPUT_TICK:
        llmd__buf_format(listener->heard, "tick;");
        action->kind = ACTION_DONE;
        return NULL;
    default:
        return llmd__error(LLMD_E_INVALID, "unexpected input");
    }
}

static const struct step_class listen_class = {"listen", listen, NULL};

static llmd_task *task_of(struct listener *listeners, int count)
{
    struct graph *graph = NULL;
    llmd_task *task = NULL;
    step_id id;

    assert_null(llmd__graph_new(NULL, NULL, &graph));
    for (int i = 0; i < count; i++)
        assert_null(llmd__graph_add(graph, &listen_class, &listeners[i], &id));
    assert_null(llmd__task_new(graph, &task));
    return task;
}

/* Runs one listener to the end and compares what it heard. */
static void assert_hears(struct listener *listener, llmd_context *ctx, const char *want)
{
    AUTO(buf) struct buf heard = BUF_INIT;

    listener->heard = &heard;
    llmd_task *task = task_of(listener, 1);
    llmd_error *error = llmd_task_run(ctx, task, NULL, NULL);
    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    assert_string_equal(llmd__buf_text(&heard), want);
    llmd_task_free(task);
}

static void test_send(void **state)
{
    struct place *place = *state;
    struct listener listener = {.place = place, .request = get_ok};

    assert_hears(&listener, NULL, "reply 200 {\"ok\":true};");
    listener.request.path = "/nothing";
    server_on_json(place->server, NULL, "/nothing", 404, "{\"kind\":\"Status\"}");
    assert_hears(&listener, NULL, "reply 404 {\"kind\":\"Status\"};");
}

static void test_side_by_side(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listeners[20];

    for (int i = 0; i < 20; i++)
        listeners[i] = (struct listener){.place = place, .request = get_ok, .heard = &heard};
    llmd_task *task = task_of(listeners, 20);
    assert_null(llmd_task_run(NULL, task, NULL, NULL));
    assert_int_equal(heard.len, 20 * strlen("reply 200 {\"ok\":true};"));
    llmd_task_free(task);
}

static void test_retries(void **state)
{
    static const struct {
        enum fault fault;
        int number, count;
        const char *method;
        const char *want;
        unsigned requests;
    } rows[] = {
        {FAULT_RESET, 0, 2, "GET", "reply 200 {\"ok\":true};", 3},
        {FAULT_RESET, 0, 1, "POST", "error UNREACHABLE;", 1},
        {FAULT_429, 0, 2, "POST", "reply 200 {\"ok\":true};", 3},
        {FAULT_STATUS, 503, 9, "GET", "reply 503 ;", 3},
        {FAULT_NOT_HTTP, 0, 1, "GET", "error PROTOCOL;", 1},
    };
    struct place *place = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct listener listener = {.place = place, .request = get_ok};
        listener.request.method = rows[i].method;
        listener.request.idempotent = rows[i].method[0] == 'G';
        server_forget(place->server);
        server_clear_faults(place->server);
        server_fault(place->server, "/ok", rows[i].fault, rows[i].number, rows[i].count);
        assert_hears(&listener, NULL, rows[i].want);
        assert_int_equal(server_requests(place->server), rows[i].requests);
    }
}

static void stream_lines(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_begin_stream(conn, 200, "application/json");
    reply_chunk(conn, "one\ntw", 6);
    conn_wait(conn, 2);
    reply_chunk(conn, "o\r\n\nlast", 8);
    reply_end_stream(conn);
}

static void test_stream(void **state)
{
    struct place *place = *state;
    struct listener listener = {.place = place, .request = get_ok, .streams = true};

    server_on(place->server, "GET", "/ok", stream_lines, NULL);
    assert_hears(&listener, NULL, "open 200;one;two;;last;end OK;");
    server_fault(place->server, "/ok", FAULT_CLOSE_MID, 11, 1);
    assert_hears(&listener, NULL, "open 200;one;two;;end PROTOCOL;");
    server_fault(place->server, "/ok", FAULT_RESET, 0, 1);
    assert_hears(&listener, NULL, "open 200;one;two;;last;end OK;");
    server_on_json(place->server, "GET", "/ok", 410, "{\"code\":410}");
    assert_hears(&listener, NULL, "reply 410 {\"code\":410};");
}

static void open_and_wait(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_begin_stream(conn, 200, "application/json");
    while (conn_wait(conn, 1000))
        ;
}

/* A silent stream: the step's own timer ends the wait, and OPEN came without a line. */
static void test_tick_in_a_silent_stream(void **state)
{
    struct place *place = *state;
    struct listener listener = {.place = place, .request = get_ok, .streams = true, .wake_ms = 0};

    server_on(place->server, "GET", "/ok", open_and_wait, NULL);
    listener.request.idle_timeout_ms = 50;
    assert_hears(&listener, NULL, "open 200;end TIMEOUT;");
    server_fault(place->server, "/ok", FAULT_STALL, 0, 1);
    listener.request.idle_timeout_ms = 0;
    listener.wake_ms = 50;
    assert_hears(&listener, NULL, "tick;");
}

static void test_too_large(void **state)
{
    struct place *place = *state;
    struct listener listener = {.place = place, .request = get_ok};

    listener.request.max_body = 1 << 20;
    server_fault(place->server, "/ok", FAULT_HUGE, 20, -1);
    assert_hears(&listener, NULL, "error TOO_LARGE;");
    /* A line without an end. */
    listener.streams = true;
    listener.request.max_body = 0;
    assert_hears(&listener, NULL, "open 200;end TOO_LARGE;");
}

static void test_the_steps_own_timeout_ends_the_task(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listener = {.place = place, .request = get_ok, .fails = true, .heard = &heard};

    server_fault(place->server, "/ok", FAULT_STALL, 0, -1);
    listener.request.first_byte_timeout_ms = 30;
    listener.request.no_retry = true;
    llmd_task *task = task_of(&listener, 1);
    for (int i = 0; i < 2; i++) {
        llmd_event *event = NULL;
        llmd_error *error = llmd_task_next(NULL, task, &event);
        assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
        llmd_error_free(error);
    }
    assert_int_equal(server_requests(place->server), 1);
    llmd_task_free(task);
}

static void test_deadline_says_for_what_it_waited(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listener = {.place = place, .request = get_ok, .heard = &heard};
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_event *event = NULL;

    server_fault(place->server, "/ok", FAULT_STALL, 0, 1);
    llmd_task *task = task_of(&listener, 1);
    llmd_context_set_timeout_ms(ctx, 50);
    llmd_error *error = llmd_task_next(ctx, task, &event);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_non_null(strstr(llmd_error_message(error), "waiting for listen: GET http://127.0.0.1:"));
    llmd_error_free(error);
    /* The request is still under way; the server dies, the step tries again and the task goes on.
     */
    server_cut_all(place->server);
    assert_null(llmd_task_run(NULL, task, NULL, NULL));
    assert_string_equal(llmd__buf_text(&heard), "reply 200 {\"ok\":true};");
    llmd_task_free(task);
}

/* The server is away for a while; with a deadline the task waits for it. */
static void test_server_comes_back(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listener = {.place = place, .request = get_ok, .heard = &heard};
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    server_refuse(place->server, true);
    llmd_task *task = task_of(&listener, 1);
    llmd_context_set_timeout_ms(ctx, 1000);
    llmd_error *error = llmd_task_run(ctx, task, NULL, NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    assert_non_null(strstr(llmd_error_message(error), "connection refused"));
    assert_non_null(strstr(llmd_error_advice(error), "nothing listens there"));
    llmd_error_free(error);
    server_refuse(place->server, false);
    llmd_context_set_timeout_ms(ctx, 30000);
    assert_null(llmd_task_run(ctx, task, NULL, NULL));
    assert_string_equal(llmd__buf_text(&heard), "reply 200 {\"ok\":true};");
    llmd_task_free(task);
}

/* Whoever waits for long hears that the server is away, and that it is back. */
static void test_server_away_is_told(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listener = {.place = place, .request = get_ok, .heard = &heard};
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_event) away = NULL;
    LLMD_AUTO(llmd_event) back = NULL;

    server_refuse(place->server, true);
    llmd_task *task = task_of(&listener, 1);
    llmd_context_set_timeout_ms(ctx, 60000);
    assert_null(llmd_task_next(ctx, task, &away));
    assert_int_equal(llmd_event_level(away), LLMD_LEVEL_WARNING);
    assert_string_equal(llmd_event_reason(away), "Unreachable");
    assert_non_null(strstr(llmd_event_message(away), "connection refused"));
    server_refuse(place->server, false);
    assert_null(llmd_task_next(ctx, task, &back));
    assert_string_equal(llmd_event_reason(back), "Reachable");
    assert_null(llmd_task_run(ctx, task, NULL, NULL));
    assert_string_equal(llmd__buf_text(&heard), "reply 200 {\"ok\":true};");
    llmd_task_free(task);
}

static int refreshed;

static llmd_error *give_token(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    (void)ctx, (void)data;
    refreshed += refresh;
    llmd__buf_format(header, "Bearer token-%d", refreshed);
    return NULL;
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
    struct place other = {.server = place->server};
    struct http_config config = {
        .base_url = server_url(place->server), .proxy_url = "", .auth = {.authorize = give_token}};
    struct listener listener = {.place = &other, .request = get_ok};

    refreshed = 0;
    assert_null(llmd__http_open(&config, &other.http));
    server_on(place->server, NULL, "/ok", want_second_token, NULL);
    assert_hears(&listener, NULL, "reply 200 {};");
    assert_int_equal(refreshed, 1);
    listener.streams = true;
    server_on_json(place->server, NULL, "/ok", 401, "{}");
    assert_hears(&listener, NULL, "reply 401 {};");
    assert_int_equal(refreshed, 2);
    llmd__http_put(other.http);
}

static void test_freed_in_flight(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listener = {
        .place = place, .request = get_ok, .streams = true, .heard = &heard};
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_event *event = NULL;

    server_on(place->server, "GET", "/ok", open_and_wait, NULL);
    llmd_task *task = task_of(&listener, 1);
    llmd_context_set_timeout_ms(ctx, 30);
    llmd_error *error = llmd_task_next(ctx, task, &event);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    llmd_error_free(error);
    llmd_task_free(task);
}

static void run_once(struct place *place)
{
    struct listener listener = {.place = place, .request = get_ok};

    assert_hears(&listener, NULL, "reply 200 {\"ok\":true};");
}

static void await_closed(struct server *server)
{
    for (int i = 0; i < 10000 && server_open_connections(server); i++)
        usleep(1000);
    assert_int_equal(server_open_connections(server), 0);
}

/* The connection stays with the handle when the task ends. */
static void test_one_connection_for_two_tasks(void **state)
{
    struct place *place = *state;

    run_once(place);
    run_once(place);
    run_once(place);
    assert_int_equal(server_connections(place->server), 1);
    server_cut_all(place->server); /* while nobody looks */
    await_closed(place->server);
    run_once(place);
    assert_int_equal(server_connections(place->server), 2);
}

/* A stream that is given up takes its connection along (HTTP/1), and nothing else breaks. */
static void test_a_group_comes_back_from_a_freed_task(void **state)
{
    struct place *place = *state;

    test_freed_in_flight(state);
    server_on_json(place->server, "GET", "/ok", 200, "{\"ok\":true}");
    run_once(place);
    run_once(place);
    assert_int_equal(server_connections(place->server), 2);
}

/* Tasks to two places: neither keeps the other's connections. */
static void test_a_mixed_group_is_not_kept(void **state)
{
    struct place *place = *state;
    struct place second = {0};
    void *other = &second;
    AUTO(buf) struct buf heard = BUF_INIT;

    assert_int_equal(place_set_up(&other), 0);
    struct listener listeners[] = {{.place = place, .request = get_ok, .heard = &heard},
                                   {.place = other, .request = get_ok, .heard = &heard}};
    llmd_task *task = task_of(listeners, 2);
    assert_null(llmd_task_run(NULL, task, NULL, NULL));
    llmd_task_free(task);
    await_closed(((struct place *)other)->server);
    run_once(place);
    assert_int_equal(server_connections(place->server), 2);
    place_tear_down(&other);
}

/* A child must not write into its parent's connection. */
static void test_a_child_has_its_own(void **state)
{
    struct place *place = *state;
    int status = -1;

    run_once(place);
    pid_t child = fork();
    if (child == 0) {
        run_once(place);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(server_connections(place->server), 2);
    run_once(place);
    assert_int_equal(server_connections(place->server), 2);
}

struct freeing {
    struct server *server;
    llmd_task *task;
};

static void *free_when_asked(void *data)
{
    struct freeing *freeing = data;

    server_await(freeing->server, 1, 10000);
    llmd_task_free(freeing->task);
    return NULL;
}

/* Freed by another thread: whoever waits inside leaves, and the next task is well. */
static void test_freed_by_another_thread(void **state)
{
    struct place *place = *state;
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listener = {
        .place = place, .request = get_ok, .streams = true, .heard = &heard};
    llmd_event *event = NULL;
    pthread_t thread;

    server_on(place->server, "GET", "/ok", open_and_wait, NULL);
    struct freeing freeing = {place->server, task_of(&listener, 1)};
    pthread_create(&thread, NULL, free_when_asked, &freeing);
    llmd_error *error = llmd_task_next(NULL, freeing.task, &event);
    assert_int_equal(llmd_error_code(error), LLMD_E_CANCELED);
    llmd_error_free(error);
    pthread_join(thread, NULL);
    server_on_json(place->server, "GET", "/ok", 200, "{\"ok\":true}");
    run_once(place);
}

static atomic_bool asked_for_a_token;

/* As an exec plugin that takes its time: only the context ends it. */
static llmd_error *fetch_for_long(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    (void)data, (void)refresh, (void)header;
    atomic_store(&asked_for_a_token, true);
    return llmd__context_sleep(ctx, 10000);
}

static void *free_when_asked_for_a_token(void *task)
{
    while (!atomic_load(&asked_for_a_token))
        usleep(1000);
    llmd_task_free(task);
    return NULL;
}

static void test_freed_while_a_token_is_fetched(void **state)
{
    struct place *place = *state;
    struct place other = {.server = place->server};
    struct http_config config = {.base_url = server_url(place->server),
                                 .proxy_url = "",
                                 .auth = {.authorize = fetch_for_long}};
    AUTO(buf) struct buf heard = BUF_INIT;
    struct listener listener = {.place = &other, .request = get_ok, .heard = &heard};
    llmd_event *event = NULL;
    pthread_t thread;

    assert_null(llmd__http_open(&config, &other.http));
    llmd_task *task = task_of(&listener, 1);
    int64_t begun_ms = llmd__clock_mono_ms();
    pthread_create(&thread, NULL, free_when_asked_for_a_token, task);
    assert_error(llmd_task_next(NULL, task, &event), LLMD_E_CANCELED, "freed by another thread");
    assert_in_range(llmd__clock_mono_ms() - begun_ms, 0, 5000);
    pthread_join(thread, NULL);
    llmd__http_put(other.http);
}

#define SECRET "c2VjcmV0" /* 8 bytes: all that a freed block is sure to have */

static atomic_int seen_in_freed;

static void look_at_freed(const void *block)
{
    if (malloc_usable_size((void *)(uintptr_t)block) >= 8 && memcmp(block, SECRET, 8) == 0)
        atomic_fetch_add(&seen_in_freed, 1);
}

/* A manifest may be a Secret: no copy of a request's body is left in freed memory. */
static void test_bodies_are_wiped(void **state)
{
    struct place *place = *state;
    struct listener listener = {.place = place,
                                .request = {.method = "PATCH",
                                            .path = "/ok",
                                            .content_type = "application/json",
                                            .body = SECRET,
                                            .body_len = 8,
                                            .idempotent = true}};

    llmd__alloc_on_free(look_at_freed);
    llmd__free(llmd__strdup(SECRET));
    assert_int_equal(seen_in_freed, 1);
    assert_hears(&listener, NULL, "reply 200 {\"ok\":true};");
    llmd__alloc_on_free(NULL);
    assert_string_equal(server_last_request(place->server)->body, SECRET);
    assert_int_equal(seen_in_freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_send),
        PLACE_TEST(test_side_by_side),
        PLACE_TEST(test_retries),
        PLACE_TEST(test_stream),
        PLACE_TEST(test_tick_in_a_silent_stream),
        PLACE_TEST(test_too_large),
        PLACE_TEST(test_the_steps_own_timeout_ends_the_task),
        PLACE_TEST(test_deadline_says_for_what_it_waited),
        PLACE_TEST(test_server_comes_back),
        PLACE_TEST(test_server_away_is_told),
        PLACE_TEST(test_token_is_refreshed_once),
        PLACE_TEST(test_freed_in_flight),
        PLACE_TEST(test_one_connection_for_two_tasks),
        PLACE_TEST(test_a_group_comes_back_from_a_freed_task),
        PLACE_TEST(test_a_mixed_group_is_not_kept),
        PLACE_TEST(test_a_child_has_its_own),
        PLACE_TEST(test_freed_by_another_thread),
        PLACE_TEST(test_freed_while_a_token_is_fetched),
        PLACE_TEST(test_bodies_are_wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
