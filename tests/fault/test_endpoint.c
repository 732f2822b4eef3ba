/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints and plain calls. */
#include "support/tokens.h"
#include "support/torture.h"

#include "base/json.h"

#include <llmd/inference.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tokens three = {.count = 3};

static llmd_endpoint *open_at(const char *base, const char *prefix)
{
    char url[256];
    llmd_endpoint *endpoint = NULL;
    snprintf(url, sizeof url, "%s%s", base, prefix);
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(url);
    assert_null(llmd_endpoint_open(spec, NULL, &endpoint));
    return endpoint;
}

static llmd_request *ask(const char *model)
{
    llmd_request *request = llmd_request_new(LLMD_REQUEST_CHAT);
    llmd_request_add_message(request, "user", "hello");
    llmd_request_set_model(request, model);
    return request;
}

static llmd_error *send_to(struct server *server, llmd_context *ctx, llmd_reply **out)
{
    LLMD_AUTO(llmd_endpoint) endpoint = open_at(server_url(server), "");
    LLMD_AUTO(llmd_request) request = ask("tiny");
    return llmd_endpoint_send(ctx, endpoint, request, out);
}

static void check_error(llmd_error *error, llmd_code code, const char *word)
{
    if (llmd_error_code(error) != code || !strstr(llmd_error_message(error), word))
        fail_msg("want %s with \"%s\", got %s: %s", llmd_code_name(code), word,
                 llmd_code_name(llmd_error_code(error)), llmd_error_message(error));
    llmd_error_free(error);
}

static void urls_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *given, *base; /* base NULL: refused */
    } table[] = {
        {"http://h", "http://h"},
        {"http://h/", "http://h"},
        {"http://h/v1", "http://h"},
        {"http://h/v1/", "http://h"},
        {"https://h:8443/llm/qwen/v1", "https://h:8443/llm/qwen"},
        {"http://10.0.0.1/llm/qwen/", "http://10.0.0.1/llm/qwen"},
        {"http://h/v1beta", "http://h/v1beta"},
        {"http://[::1]:8000/v1", "http://[::1]:8000"},
        {"", NULL},
        {"h", NULL},
        {"ftp://h", NULL},
        {"http://", NULL},
        {"http://user:secret@h", NULL},
        {"http://h/v1?x=1", NULL},
        {"http://h/v1/chat/completions", NULL},
        {"http://h/v1/models", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(table[i].given);
        LLMD_AUTO(llmd_endpoint) endpoint = NULL;
        LLMD_AUTO(llmd_error) error = llmd_endpoint_open(spec, NULL, &endpoint);
        assert_int_equal(llmd_error_code(error), table[i].base ? LLMD_OK : LLMD_E_INVALID);
        assert_string_equal(llmd_endpoint_url(endpoint), table[i].base ? table[i].base : "");
        assert_null(strstr(llmd_error_message(error), "secret"));
    }
}

static void specs_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word; /* word NULL: good */
    } table[] = {
        {"url: http://h\nmodel: m\nheaders: {X-A: b}\nidleTimeoutMs: 5\n", NULL},
        {"{\"url\":\"http://h\"}", NULL},
        {"url: http://h\nmodell: m\n", "model"},
        {"url: [1]\n", "url"},
        {"url: http://h\nidleTimeoutMs: -1\n", "idleTimeoutMs"},
        {"url: http://h\nheaders: {\"X A\": b}\n", "header name"},
        {"url: http://h\nheaders: {X: \"a\\nB: c\"}\n", "line break"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        LLMD_AUTO(llmd_endpoint_spec) spec = NULL;
        llmd_error *error = llmd_endpoint_spec_parse(table[i].text, &spec);
        if (table[i].word)
            check_error(error, LLMD_E_INVALID, table[i].word);
        else
            assert_null(error);
        assert_int_equal(spec != NULL, !table[i].word);
    }
}

static void the_first_bad_value_is_told(void **state)
{
    (void)state;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new("http://h");
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    llmd_endpoint_spec_set(spec, "headers.X-A", "1\r\nX-B: 2");
    llmd_endpoint_spec_set(spec, "idleTimeoutMs", "-5");
    check_error(llmd_endpoint_open(spec, NULL, &endpoint), LLMD_E_INVALID, "line break");
    LLMD_AUTO(llmd_endpoint_spec) no_pem = llmd_endpoint_spec_new("https://h");
    llmd_endpoint_spec_set(no_pem, "ca", "not PEM");
    check_error(llmd_endpoint_open(no_pem, NULL, &endpoint), LLMD_E_INVALID, "PEM");
}

static void a_chat_is_answered(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_reply) reply = NULL;
    assert_null(send_to(server, NULL, &reply));
    assert_string_equal(llmd_reply_text(reply), "gr\xC3\xBC\xC3\x9F t0 t1");
    assert_string_equal(llmd_reply_finish_reason(reply), "length");
    assert_string_equal(llmd_reply_model(reply), "tiny");
    assert_int_equal(llmd_reply_prompt_tokens(reply), 5);
    assert_int_equal(llmd_reply_completion_tokens(reply), 3);
    assert_int_equal(llmd_reply_cached_tokens(reply), -1);
    assert_true(llmd_reply_ttft_ms(reply) >= 0);
    assert_true(llmd_reply_total_ms(reply) >= llmd_reply_ttft_ms(reply));
    assert_int_equal(server_requests(server), 1); /* a named model is not asked for */
    const struct request *request = server_request(server, 0);
    assert_string_equal(request_header(request, "content-type"), "application/json");
    assert_string_equal(
        request->body,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}],\"model\":\"tiny\"}");
    server_stop(server);
}

static void headers_and_token_are_sent(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_request) request = ask("tiny");
    LLMD_AUTO(llmd_reply) reply = NULL;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(server));
    llmd_endpoint_spec_set(spec, "headers.X-Session", "a b");
    llmd_endpoint_spec_set(spec, "headers.X-Other", "c");
    assert_null(llmd_credentials_from_token("s3cret", &credentials));
    assert_null(llmd_endpoint_open(spec, credentials, &endpoint));
    llmd_credentials_free(TAKE(credentials)); /* the endpoint keeps what it needs */
    assert_null(llmd_endpoint_send(NULL, endpoint, request, &reply));
    const struct request *seen = server_request(server, 0);
    assert_string_equal(request_header(seen, "x-session"), "a b");
    assert_string_equal(request_header(seen, "x-other"), "c");
    assert_string_equal(request_header(seen, "authorization"), "Bearer s3cret");
    server_stop(server);
}

static void the_prefix_of_a_route_is_kept(void **state)
{
    (void)state;
    struct server *server = server_start(NULL, NULL);
    server_on_json(server, "POST", "/llm/qwen/v1/embeddings", 200, "{\"data\":[1]}");
    LLMD_AUTO(llmd_endpoint) endpoint = open_at(server_url(server), "/llm/qwen/v1/");
    char *answer = NULL;
    assert_null(llmd_endpoint_post(NULL, endpoint, "/v1/embeddings", "{\"input\":\"x\"}", &answer));
    assert_string_equal(answer, "{\"data\":[1]}");
    llmd_free(answer);
    assert_string_equal(server_request(server, 0)->body, "{\"input\":\"x\"}");
    static const struct {
        const char *path, *json;
    } bad[] = {{"v1/x", "{}"}, {"/v1/a b", "{}"}, {"/../x", "{}"}, {"/v1/x", "{"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_error(llmd_endpoint_post(NULL, endpoint, bad[i].path, bad[i].json, &answer),
                    LLMD_E_INVALID, "");
    assert_int_equal(server_requests(server), 1);
    check_error(llmd_endpoint_post(NULL, endpoint, "/v1/none", "{}", &answer), LLMD_E_NOT_FOUND,
                "POST /v1/none refused: 404");
    server_stop(server);
}

static void the_model_is_asked_once(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    server_on_json(server, "GET", "/v1/models", 200,
                   "{\"data\":[{\"id\":\"adapter\",\"parent\":\"base\"},{\"id\":\"base\"}]}");
    LLMD_AUTO(llmd_endpoint) endpoint = open_at(server_url(server), "");
    for (int i = 0; i < 3; i++) {
        LLMD_AUTO(llmd_request) request = ask("");
        LLMD_AUTO(llmd_reply) reply = NULL;
        assert_null(llmd_endpoint_send(NULL, endpoint, request, &reply));
        assert_non_null(strstr(server_last_request(server)->body, "\"model\":\"base\""));
    }
    assert_int_equal(server_requests_of(server, "GET", "/v1/models"), 1);
    char *model = NULL;
    assert_null(llmd_endpoint_model(NULL, endpoint, &model));
    assert_string_equal(model, "base");
    llmd_free(model);
    char *models = NULL;
    assert_null(llmd_endpoint_models(NULL, endpoint, &models));
    assert_non_null(strstr(models, "adapter"));
    llmd_free(models);
    server_stop(server);
}

static void without_a_model_it_is_said(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        llmd_code code;
        const char *word;
    } table[] = {
        {200, "{\"data\":[]}", LLMD_E_NOT_FOUND, "no model"},
        {200, "{\"models\":[]}", LLMD_E_PROTOCOL, "no list"},
        {200, "<html></html>", LLMD_E_PROTOCOL, "HTML"},
        {404, "", LLMD_E_NOT_FOUND, "404"},
        {401, "{\"error\":\"Unauthorized\"}", LLMD_E_DENIED, "Unauthorized"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct server *server = server_start(reply_tokens, &three);
        server_on_text(server, "GET", "/v1/models", table[i].status, "application/json",
                       table[i].body);
        LLMD_AUTO(llmd_endpoint) endpoint = open_at(server_url(server), "");
        LLMD_AUTO(llmd_request) request = ask("");
        LLMD_AUTO(llmd_reply) reply = NULL;
        check_error(llmd_endpoint_send(NULL, endpoint, request, &reply), table[i].code,
                    table[i].word);
        server_stop(server);
    }
}

static void bad_requests_never_leave(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_endpoint) endpoint = open_at(server_url(server), "");
    LLMD_AUTO(llmd_request) empty = llmd_request_new(LLMD_REQUEST_CHAT);
    LLMD_AUTO(llmd_reply) reply = NULL;
    check_error(llmd_endpoint_send(NULL, endpoint, empty, &reply), LLMD_E_INVALID, "no messages");
    check_error(llmd_endpoint_send(NULL, NULL, empty, &reply), LLMD_E_INVALID, "endpoint");
    check_error(llmd_endpoint_send(NULL, endpoint, NULL, &reply), LLMD_E_INVALID, "request");
    assert_int_equal(server_requests(server), 0);
    server_stop(server);
}

static void faults_become_errors(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        int number;
        llmd_code code;
    } table[] = {
        {FAULT_RESET, 0, LLMD_E_UNREACHABLE},
        {FAULT_CLOSE, 0, LLMD_E_UNREACHABLE},
        {FAULT_STALL, 0, LLMD_E_TIMEOUT},
        {FAULT_STALL_AFTER_HEADERS, 0, LLMD_E_TIMEOUT},
        {FAULT_RESET_MID, 20, LLMD_E_UNREACHABLE},
        {FAULT_STALL_MID, 20, LLMD_E_TIMEOUT},
        {FAULT_STATUS, 500, LLMD_E_REMOTE},
        {FAULT_STATUS, 502, LLMD_E_REMOTE},
        {FAULT_HUGE, 70, LLMD_E_TOO_LARGE},
        {FAULT_HUGE_CHUNKED, 70, LLMD_E_TOO_LARGE},
        {FAULT_BAD_STATUS_LINE, 0, LLMD_E_PROTOCOL},
        {FAULT_BAD_JSON, 0, LLMD_E_PROTOCOL},
        {FAULT_NOT_HTTP, 0, LLMD_E_PROTOCOL},
        {FAULT_CUT_UTF8, 0, LLMD_E_PROTOCOL},
        {FAULT_DRIP, 1, LLMD_OK},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct server *server = server_start(reply_tokens, &three);
        LLMD_AUTO(llmd_context) ctx = llmd_context_new();
        LLMD_AUTO(llmd_reply) reply = NULL;
        bool stalls = table[i].code == LLMD_E_TIMEOUT;
        llmd_context_set_timeout_ms(ctx, stalls ? 200 : 20000);
        server_fault(server, NULL, table[i].fault, table[i].number, -1);
        llmd_error *error = send_to(server, ctx, &reply);
        if (llmd_error_code(error) != table[i].code)
            fail_msg("fault %d: %s: %s", (int)table[i].fault,
                     llmd_code_name(llmd_error_code(error)), llmd_error_message(error));
        assert_int_equal(reply == NULL, error != NULL);
        if (error)
            assert_non_null(strstr(llmd_error_message(error), server_url(server)));
        llmd_error_free(error);
        server_stop(server);
    }
}

static void what_is_throttled_is_sent_again(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_reply) reply = NULL;
    server_fault(server, NULL, FAULT_429_DATE, 1, 1);
    assert_null(send_to(server, NULL, &reply));
    assert_int_equal(server_requests(server), 2);
    server_stop(server);
}

static void what_stays_throttled_is_busy(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_reply) reply = NULL;
    llmd_context_set_timeout_ms(ctx, 1000);
    server_fault(server, NULL, FAULT_429, 30, -1); /* later than the deadline: not waited for */
    LLMD_AUTO(llmd_error) error = send_to(server, ctx, &reply);
    assert_int_equal(llmd_error_code(error), LLMD_E_BUSY);
    assert_int_equal(llmd_error_http_status(error), 429);
    assert_true(llmd_error_retryable(error));
    assert_int_equal(llmd_error_retry_after_ms(error), 30000);
    server_stop(server);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_reply) reply = NULL;
    server_refuse(server, true);
    llmd_context_set_timeout_ms(ctx, 300);
    LLMD_AUTO(llmd_error) error = send_to(server, ctx, &reply);
    assert_true(llmd_error_code(error) == LLMD_E_UNREACHABLE ||
                llmd_error_code(error) == LLMD_E_TIMEOUT);
    server_stop(server);
}

static llmd_error *open_and_send(void *data)
{
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_reply) reply = NULL;
    LLMD_AUTO(llmd_endpoint_spec) spec = llmd_endpoint_spec_new(server_url(data));
    LLMD_AUTO(llmd_request) request = ask("");
    llmd_endpoint_spec_set(spec, "headers.X-A", "b");
    TRY(llmd_endpoint_open(spec, NULL, &endpoint));
    return llmd_endpoint_send(NULL, endpoint, request, &reply);
}

static void allocations_may_fail(void **state)
{
    (void)state;
    struct server *server = server_start(reply_tokens, &three);
    torture(open_and_send, server);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_checked),
        cmocka_unit_test(specs_are_parsed),
        cmocka_unit_test(the_first_bad_value_is_told),
        cmocka_unit_test(a_chat_is_answered),
        cmocka_unit_test(headers_and_token_are_sent),
        cmocka_unit_test(the_prefix_of_a_route_is_kept),
        cmocka_unit_test(the_model_is_asked_once),
        cmocka_unit_test(without_a_model_it_is_said),
        cmocka_unit_test(bad_requests_never_leave),
        cmocka_unit_test(faults_become_errors),
        cmocka_unit_test(what_is_throttled_is_sent_again),
        cmocka_unit_test(what_stays_throttled_is_busy),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
