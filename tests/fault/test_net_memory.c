/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, streams, groups and tasks with each allocation failing once. */
#include "auth/credentials.h"
#include "auth/exec.h"
#include "support/folder.h"
#include "support/place.h"
#include "support/torture.h"
#include "task/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static llmd_error *send_post(void *data)
{
    struct place *place = data;
    struct http_request request = request_of("POST");
    struct http_reply reply;
    struct http *http = NULL;
    static const char *const headers[] = {"X-One: 1", NULL};
    const struct http_config config = {
        .base_url = server_url(place->server), .proxy_url = "", .headers = headers};

    TRY(llmd__http_open(&config, &http));
    llmd_error *error = llmd__http_send(NULL, http, &request, &reply);
    if (!error && strcmp(llmd__buf_text(&reply.body), "{\"ok\":true}") != 0)
        error = llmd__error(LLMD_E_FAILED, "wrong body");
    llmd__http_reply_free(&reply);
    llmd__http_put(http);
    return error;
}

static void test_send(void **state)
{
    assert_true(torture(send_post, *state) > 10);
}

static void stream_words(struct conn *conn, const struct request *request, void *data)
{
    (void)request, (void)data;
    reply_begin_stream(conn, 200, "text/plain");
    for (int i = 0; i < 3; i++)
        reply_chunk(conn, "word\n", 5);
    reply_end_stream(conn);
}

static llmd_error *read_stream(void *data)
{
    struct place *place = data;
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(http_stream) struct http_stream *stream = NULL;
    struct http_reply reply;
    bool end = false;

    llmd_error *error = llmd__http_stream_open(NULL, place->http, &get_ok, &reply, &stream);
    llmd__http_reply_free(&reply);
    TRY(error);
    while (!end)
        TRY(llmd__http_stream_read(NULL, stream, &text, &end));
    return strcmp(llmd__buf_text(&text), "word\nword\nword\n") == 0
               ? NULL
               : llmd__error(LLMD_E_FAILED, "wrong text");
}

static void test_stream(void **state)
{
    struct place *place = *state;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    torture(read_stream, place);
}

static llmd_error *stream_then_event(void *state, struct graph *graph,
                                     const struct step_input *input, struct step_action *action)
{
    struct place *place = state;
    struct json *result = NULL;

    switch (input->kind) {
    case INPUT_BEGIN:
        action->kind = ACTION_STREAM;
        action->http = place->http;
        action->request = get_ok;
        return NULL;
    case INPUT_LINE:
        return llmd__graph_event(graph, &(struct event_text){.message = input->text});
    case INPUT_END:
        if (input->error)
            return llmd__error_copy(input->error);
        TRY(llmd__json_make(&result, "{'ok': true}"));
        llmd__graph_result(graph, result);
        action->kind = ACTION_DONE;
        return NULL;
    case INPUT_ERROR:
        return llmd__error_copy(input->error);
    default:
        return NULL;
    }
}

static const struct step_class stream_class = {"stream", stream_then_event, NULL};

static llmd_error *run_task(void *data)
{
    AUTO(graph) struct graph *graph = NULL;
    LLMD_AUTO(llmd_task) task = NULL;
    step_id first, second;

    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(llmd__graph_add(graph, &stream_class, data, &first));
    TRY(llmd__graph_add(graph, &stream_class, data, &second));
    TRY(llmd__graph_need(graph, second, first));
    TRY(llmd__task_new(TAKE(graph), &task));
    int events = 0;
    for (;; events++) {
        LLMD_AUTO(llmd_event) event = NULL;
        TRY(llmd_task_next(NULL, task, &event));
        if (!event)
            break;
    }
    return events == 7 ? NULL : llmd__error(LLMD_E_FAILED, "wrong number of events");
}

static void test_task(void **state)
{
    struct place *place = *state;

    server_on(place->server, "GET", "/ok", stream_words, NULL);
    torture(run_task, place);
}

static llmd_error *use_token(void *data)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    AUTO(str) char *path = llmd__format("%s/token", folder);
    struct place *place = data;
    struct http *http = NULL;
    struct http_reply reply;

    CHECK_MEMORY(path);
    TRY(llmd_credentials_from_file(path, &credentials));
    const struct http_config config = {.base_url = server_url(place->server),
                                       .proxy_url = "",
                                       .auth = llmd__credentials_auth(credentials)};
    TRY(llmd__http_open(&config, &http));
    llmd_error *error = llmd__http_send(NULL, http, &get_ok, &reply);
    llmd__http_reply_free(&reply);
    llmd__http_put(http);
    return error;
}

static void test_token(void **state)
{
    void *ignored = NULL;

    assert_int_equal(folder_set_up(&ignored), 0);
    folder_write("token", "abc\n", 0600);
    torture(use_token, *state);
    folder_tear_down(&ignored);
}

static llmd_error *run_plugin(void *data)
{
    AUTO(json) struct json *spec = NULL;
    AUTO(buf) struct buf header = BUF_INIT;
    struct exec_plugin *plugin = NULL;

    (void)data;
    TRY(llmd__json_make(&spec, "{'command': './plugin', 'args': ['a', 'b'],"
                               " 'env': [{'name': 'X', 'value': 'y'}],"
                               " 'interactiveMode': 'Never',"
                               " 'apiVersion': 'client.authentication.k8s.io/v1'}"));
    TRY(llmd__exec_open(spec, folder, NULL, &plugin));
    llmd_error *error = llmd__exec_authorize(NULL, plugin, false, &header);
    if (!error && strcmp(llmd__buf_text(&header), "Bearer abc") != 0)
        error = llmd__error(LLMD_E_FAILED, "wrong token");
    llmd__exec_free(plugin);
    return error;
}

static void test_plugin(void **state)
{
    void *ignored = NULL;

    (void)state;
    assert_int_equal(folder_set_up(&ignored), 0);
    folder_script("plugin", "echo '{\"kind\":\"ExecCredential\","
                            "\"apiVersion\":\"client.authentication.k8s.io/v1\","
                            "\"status\":{\"token\":\"abc\"}}'");
    torture(run_plugin, NULL);
    folder_tear_down(&ignored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_send),  PLACE_TEST(test_stream), PLACE_TEST(test_task),
        PLACE_TEST(test_token), PLACE_TEST(test_plugin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
