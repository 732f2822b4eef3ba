/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SUBJECT "endpoint http://h/llm/qwen: chat"

static llmd_error *refusal(int status, const char *body, int64_t retry_after_ms)
{
    struct http_reply reply = HTTP_REPLY_INIT;
    reply.status = status;
    reply.retry_after_ms = retry_after_ms;
    llmd__buf_str(&reply.body, body);
    llmd_error *error = llmd__refusal(SUBJECT, &reply);
    llmd__buf_free(&reply.body);
    return error;
}

/* The bodies were seen on vLLM 0.32 behind Envoy and a picker, or are those of proxies. */
static const struct {
    int status;
    const char *body;
    llmd_code code;
    bool retryable;
    const char *reason;
    const char *message; /* behind the subject */
    const char *advice;  /* a word of it, or NULL */
} bodies[] = {
    {404,
     "{\"error\":{\"message\":\"The model `nope` does not exist. Valid aliases: tiny.\","
     "\"type\":\"NotFoundError\",\"param\":\"model\",\"code\":404}}",
     LLMD_E_NOT_FOUND, false, "NotFoundError",
     "refused: 404 Not Found: The model `nope` does not exist. Valid aliases: tiny.",
     "models call lists"},
    {400,
     "{\"error\":{\"message\":\"max_tokens is too large\",\"type\":\"BadRequestError\",\"param\":"
     "\"max_tokens\",\"code\":400}}",
     LLMD_E_INVALID, false, "BadRequestError", "refused: 400 Bad Request: max_tokens is too large",
     NULL},
    {400,
     "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens. However, your "
     "request has 9000 input tokens.\",\"type\":\"BadRequestError\",\"code\":400}}",
     LLMD_E_INVALID, false, "BadRequestError",
     "refused: 400 Bad Request: This model's maximum context length is 8192 tokens. However, your "
     "request has 9000 input tokens.",
     "maxModelLen"},
    {413, "Payload Too Large", LLMD_E_INVALID, false, "",
     "refused: 413 Content Too Large: Payload Too Large", "shorten"},
    {401, "{\"error\":\"Unauthorized\"}", LLMD_E_DENIED, false, "",
     "refused: 401 Unauthorized: Unauthorized", "token"},
    {403, "", LLMD_E_DENIED, false, "", "refused: 403 Forbidden", "may not"},
    {404, "{\"detail\":\"Not Found\"}", LLMD_E_NOT_FOUND, false, "",
     "refused: 404 Not Found: Not Found", "base URL"},
    {404, "", LLMD_E_NOT_FOUND, false, "", "refused: 404 Not Found", "no route"},
    {422,
     "{\"detail\":[{\"loc\":[\"body\",\"messages\"],\"msg\":\"field required\",\"type\":"
     "\"missing\"}]}",
     LLMD_E_INVALID, false, "missing",
     "refused: 422 Unprocessable: field required (body) (messages)", NULL},
    {400,
     "{\"object\":\"error\",\"message\":\"too long\",\"type\":\"BadRequestError\",\"param\":null,"
     "\"code\":400}",
     LLMD_E_INVALID, false, "BadRequestError", "refused: 400 Bad Request: too long", NULL},
    {429, "inference error: ResourceExhausted - system saturated", LLMD_E_BUSY, true,
     "ResourceExhausted",
     "refused: 429 Too Many Requests: inference error: ResourceExhausted - system saturated",
     "less at once"},
    {400, "inference error: BadRequest - body is no JSON\n", LLMD_E_INVALID, false, "BadRequest",
     "refused: 400 Bad Request: inference error: BadRequest - body is no JSON", NULL},
    {503, "no healthy upstream", LLMD_E_REMOTE, true, "",
     "refused: 503 Service Unavailable: no healthy upstream", "HealthCheckPolicy"},
    {503, "upstream connect error or disconnect/reset before headers", LLMD_E_REMOTE, true, "",
     "refused: 503 Service Unavailable: upstream connect error or disconnect/reset before headers",
     "TLS"},
    {502, "<html><head><title>502 Bad Gateway</title></head><body>lots</body></html>",
     LLMD_E_REMOTE, true, "",
     "refused: 502 Bad Gateway: an HTML page of 73 bytes, titled 502 Bad Gateway", "lost"},
    {504, "upstream request timeout", LLMD_E_REMOTE, true, "",
     "refused: 504 Gateway Timeout: upstream request timeout", "GCPBackendPolicy"},
    {500, "{\"error\":{\"message\":\"EngineCore died\",\"type\":\"InternalServerError\"}", /* cut */
     LLMD_E_REMOTE, true, "",
     "refused: 500 Internal Server Error: "
     "{\"error\":{\"message\":\"EngineCore died\",\"type\":\"InternalServerError\"}",
     NULL},
    {401,
     "{\"error\":{\"message\":\"bad "
     "key\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
     "\"invalid_api_key\"}}",
     LLMD_E_DENIED, false, "invalid_api_key", "refused: 401 Unauthorized: bad key", "token"},
    {302, "", LLMD_E_PROTOCOL, false, "", "refused: 302 Found", "redirect"},
    {426, "Upgrade Required", LLMD_E_INVALID, false, "",
     "refused: 426 Upgrade Required: Upgrade Required", "HTTP/1.0"},
    {418, "two\r\nlines\t\x01of text", LLMD_E_INVALID, false, "", "refused: 418: two lines of text",
     NULL},
};

static void every_body_becomes_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        LLMD_AUTO(llmd_error) error = refusal(bodies[i].status, bodies[i].body, -1);
        char message[512];
        snprintf(message, sizeof message, SUBJECT " %s", bodies[i].message);
        assert_string_equal(llmd_error_message(error), message);
        assert_int_equal(llmd_error_code(error), bodies[i].code);
        assert_int_equal(llmd_error_http_status(error), bodies[i].status);
        assert_int_equal(llmd_error_retryable(error), bodies[i].retryable);
        assert_string_equal(llmd_error_reason(error), bodies[i].reason);
        assert_int_equal(llmd_error_retry_after_ms(error), 0);
        if (bodies[i].advice && !strstr(llmd_error_advice(error), bodies[i].advice))
            fail_msg("\"%s\" does not advise \"%s\"", llmd_error_advice(error), bodies[i].advice);
    }
}

static void how_long_to_wait_is_kept(void **state)
{
    (void)state;
    LLMD_AUTO(llmd_error) error = refusal(429, "", 7000);
    assert_int_equal(llmd_error_retry_after_ms(error), 7000);
    assert_true(llmd_error_retryable(error));
}

static void a_huge_body_is_shown_in_part(void **state)
{
    (void)state;
    static char body[100000];
    memset(body, 'x', sizeof body - 1);
    LLMD_AUTO(llmd_error) error = refusal(400, body, -1);
    assert_true(strlen(llmd_error_message(error)) < 1000);
}

static void the_request_id_is_told(void **state)
{
    (void)state;
    struct http_reply reply = HTTP_REPLY_INIT;
    reply.status = 500;
    memcpy(reply.request_id, "abc-1", 6);
    LLMD_AUTO(llmd_error) error = llmd__refusal("it", &reply);
    assert_string_equal(llmd_error_message(error),
                        "it refused: 500 Internal Server Error (request abc-1)");
}

static void errors_inside_a_stream(void **state)
{
    (void)state;
    static const struct {
        const char *event;
        bool refusal;
        llmd_code code;
        const char *message, *reason;
    } table[] = {
        {"{\"error\":{\"message\":\"died\",\"type\":\"InternalServerError\",\"code\":500}}", true,
         LLMD_E_REMOTE, "the server ended the stream: died", "InternalServerError"},
        {"{\"error\":{\"message\":\"no\",\"type\":\"BadRequestError\",\"code\":400}}", true,
         LLMD_E_INVALID, "the server ended the stream: no", "BadRequestError"},
        {"{\"error\":\"text\"}", true, LLMD_E_REMOTE, "the server ended the stream: text", ""},
        {"{\"error\":{}}", true, LLMD_E_REMOTE,
         "the server ended the stream: an error without a message", ""},
        {"{\"object\":\"error\",\"message\":\"flat\",\"code\":503}", true, LLMD_E_REMOTE,
         "the server ended the stream: flat", ""},
        {"{\"error\":null,\"choices\":[]}", false, LLMD_OK, "", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AUTO(json) struct json *event = NULL;
        assert_null(llmd__json_parse(table[i].event, strlen(table[i].event), "event", &event));
        assert_int_equal(llmd__refusal_is(event), table[i].refusal);
        if (!table[i].refusal)
            continue;
        LLMD_AUTO(llmd_error) error = llmd__refusal_event(event);
        assert_int_equal(llmd_error_code(error), table[i].code);
        assert_string_equal(llmd_error_message(error), table[i].message);
        assert_string_equal(llmd_error_reason(error), table[i].reason);
    }
}

static llmd_error *work(void *data)
{
    (void)data;
    return refusal(404, bodies[0].body, 1000);
}

/* The refusal is an error with or without memory; only its words may be lost. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 100; n++) {
        int64_t live = llmd__alloc_live();
        llmd__alloc_fail_at(n);
        llmd_error *error = work(NULL);
        llmd__alloc_fail_at(0);
        assert_non_null(error);
        llmd_error_free(error);
        assert_int_equal(llmd__alloc_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_becomes_an_error),  cmocka_unit_test(how_long_to_wait_is_kept),
        cmocka_unit_test(a_huge_body_is_shown_in_part), cmocka_unit_test(the_request_id_is_told),
        cmocka_unit_test(errors_inside_a_stream),       cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
