/* SPDX-License-Identifier: Apache-2.0 */
/* The check of an endpoint: what it tells of servers that are well and of those that are not. */
#include "support/tokens.h"
#include "support/torture.h"

#include "base/buf.h"

#include <llmd/health.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct tokens one = {.count = 1};

static llmd_endpoint *open_endpoint(const char *url, const char *model)
{
    llmd_endpoint *endpoint = NULL;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(url);
    if (model)
        llmd_endpoint_spec_set(spec, "model", model);
    assert_null(llmd_endpoint_open(spec, NULL, &endpoint));
    return endpoint;
}

/* "level Reason; " of each event, the texts of the last one that is no INFO. */
struct heard {
    struct buf line;
    struct buf message;
    struct buf advice;
};

static void hear(void *data, const llmd_event *event)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    struct heard *heard = data;
    llmd__buf_format(&heard->line, "%s %s; ", levels[llmd_event_level(event)],
                     llmd_event_reason(event));
    if (llmd_event_level(event) < LLMD_LEVEL_WARNING)
        return;
    llmd__buf_reset(&heard->message);
    llmd__buf_reset(&heard->advice);
    llmd__buf_str(&heard->message, llmd_event_message(event));
    llmd__buf_str(&heard->advice, llmd_event_advice(event));
}

static llmd_error *run(const llmd_endpoint *endpoint, struct heard *heard, llmd_level *worst)
{
    LLMD_AUTO(llmd_task) task = NULL;
    TRY(llmd_health_endpoint(endpoint, &task));
    TRY(llmd_task_run(NULL, task, hear, heard));
    *worst = llmd_task_worst(task);
    return NULL;
}

static void check_heard(const llmd_endpoint *endpoint, const char *line, const char *message,
                        const char *advice)
{
    struct heard heard = {0};
    llmd_level worst = LLMD_LEVEL_DEBUG;
    assert_null(run(endpoint, &heard, &worst));
    assert_string_equal(llmd__buf_text(&heard.line), line);
    if (!strstr(llmd__buf_text(&heard.message), message))
        fail_msg("\"%s\" does not say \"%s\"", llmd__buf_text(&heard.message), message);
    if (!strstr(llmd__buf_text(&heard.advice), advice))
        fail_msg("\"%s\" does not advise \"%s\"", llmd__buf_text(&heard.advice), advice);
    assert_int_equal(worst == LLMD_LEVEL_ERROR, strstr(line, "error") != NULL);
    llmd__buf_free(&heard.line);
    llmd__buf_free(&heard.message);
    llmd__buf_free(&heard.advice);
}

#define WELL "info Health; info Models; info Call; info Stream; "

static void a_healthy_one(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &one);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server_url(server), NULL);
    check_heard(endpoint, WELL, "", ""); /* without /health */
    server_on_text(server, "GET", "/health", 200, "text/plain", "");
    check_heard(endpoint, WELL, "", "");
    const struct request *request = server_last_request(server);
    assert_string_equal(request->path, "/v1/completions");
    assert_non_null(strstr(request->body, "\"max_tokens\":1,"));
    server_stop(server);
}

static void one_that_only_chats(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &one);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server_url(server), NULL);
    server_on_json(server, "POST", "/v1/completions", 404, "{\"detail\":\"Not Found\"}");
    check_heard(endpoint, WELL, "", "");
    assert_string_equal(server_last_request(server)->path, "/v1/chat/completions");
    server_stop(server);
}

static void one_that_is_not_there(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &one);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server_url(server), NULL);
    server_refuse(server, true);
    check_heard(endpoint, "error Health; ", server_url(server), "");
    server_stop(server);
}

static void ones_that_are_ill(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
        const char *type, *body;
        const char *line, *message, *advice;
    } table[] = {
        {"/v1/models", 200, "application/json", "{\"data\":[]}", "info Health; error Models; ",
         "no model", ""},
        {"/v1/models", 401, "application/json", "{\"error\":\"Unauthorized\"}",
         "info Health; error Models; ", "Unauthorized", "token"},
        {"/health", 503, "text/plain", "no healthy upstream",
         "warning Health; info Models; info Call; info Stream; ", "no healthy upstream",
         "HealthCheckPolicy"},
        {"/v1/completions", 503, "text/plain", "no healthy upstream",
         "info Health; info Models; error Call; ", "no healthy upstream", "HealthCheckPolicy"},
        {"/v1/completions", 200, "application/json", "{\"no\":1}",
         "info Health; info Models; error Call; ", "no \"choices\"", "log"},
        {"/v1/completions", 200, "text/html", "<html>login</html>",
         "info Health; info Models; error Call; ", "HTML", "something else"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct server *server = server_start(reply_tokens, &one);
        LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server_url(server), NULL);
        server_on_text(server, NULL, table[i].path, table[i].status, table[i].type, table[i].body);
        check_heard(endpoint, table[i].line, table[i].message, table[i].advice);
        server_stop(server);
    }
}

static void a_broken_stream(void **state)
{
    (void)state;
    struct tokens tokens = {.count = 1, .no_done = true};
    struct server *server = server_start(reply_tokens, &tokens);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server_url(server), NULL);
    check_heard(endpoint, "info Health; info Models; info Call; error Stream; ", "cut before its",
                "time limit");
    server_stop(server);
}

static void a_model_that_is_not_served(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &one);
    LLMD_AUTO(llmd_endpoint) endpoint = open_endpoint(server_url(server), "nope");
    server_on_json(server, "POST", "/v1/completions", 404,
                   "{\"error\":{\"message\":\"The model `nope` does not exist.\",\"param\":"
                   "\"model\",\"type\":\"NotFoundError\",\"code\":404}}");
    check_heard(endpoint, "info Health; warning Models; error Call; ", "`nope` does not exist",
                "models call");
    server_stop(server);
}

static llmd_error *run_and_drop(void *data)
{
    struct heard heard = {0};
    llmd_level worst;
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(data));
    TRY(llmd_endpoint_open(spec, NULL, &endpoint));
    llmd_error *error = run(endpoint, &heard, &worst);
    llmd__buf_free(&heard.line);
    llmd__buf_free(&heard.message);
    llmd__buf_free(&heard.advice);
    return error;
}

static void allocations_may_fail(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &one);
    torture_sample(run_and_drop, server, 7, 100);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_one),         cmocka_unit_test(one_that_only_chats),
        cmocka_unit_test(one_that_is_not_there), cmocka_unit_test(ones_that_are_ill),
        cmocka_unit_test(a_broken_stream),       cmocka_unit_test(a_model_that_is_not_served),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
