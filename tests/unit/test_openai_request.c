/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/request.h"

#include "support/torture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void check_json(const llmd_request *request, const char *expected)
{
    char *json = NULL;
    assert_null(llmd_request_json(request, &json));
    assert_string_equal(json, expected);
    llmd_free(json);
}

static void check_body(const llmd_request *request, bool stream, const char *expected)
{
    AUTO(json) struct json *body = NULL;
    AUTO(str) char *text = NULL;
    assert_null(llmd__request_body(request, stream, &body));
    assert_null(llmd__json_print(body, &text));
    assert_string_equal(text, expected);
}

static void a_chat_is_built(void **state)
{
    (void)state;
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    llmd_request_add_message(request, "system", "be \"brief\"");
    llmd_request_add_message(request, "user", "h\xC3\xA9llo");
    llmd_request_set_model(request, "tiny");
    llmd_request_set_max_tokens(request, 16);
    llmd_request_set_temperature(request, 0);
    llmd_request_set_overlay(request, "{\"seed\":9007199254740993,\"temperature\":0.5}");
    const char *members = "{\"messages\":[{\"role\":\"system\",\"content\":\"be \\\"brief\\\"\"},"
                          "{\"role\":\"user\",\"content\":\"h\xC3\xA9llo\"}],\"model\":\"tiny\","
                          "\"max_tokens\":16,\"temperature\":0.5,";
    char expected[512];
    snprintf(expected, sizeof expected, "%s\"seed\":9007199254740993}", members);
    check_json(request, expected);
    check_body(request, false, expected);
    snprintf(expected, sizeof expected,
             "%s\"stream_options\":{\"include_usage\":true},\"seed\":9007199254740993,"
             "\"stream\":true}",
             members);
    check_body(request, true, expected);
}

static void a_completion_is_built(void **state)
{
    (void)state;
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_COMPLETION);
    llmd_request_set_prompt(request, "Once");
    llmd_request_set_model(request, "a");
    llmd_request_set_model(request, ""); /* back to the endpoint's */
    check_json(request, "{\"prompt\":\"Once\"}");
}

/* The function that is called decides about streaming; the overlay about everything else. */
static void what_asks_for_a_stream(void **state)
{
    (void)state;
    static const struct {
        const char *json, *overlay, *plain, *streamed;
    } table[] = {
        {"{\"prompt\":\"p\",\"stream\":true,\"stream_options\":{\"include_usage\":false}}", NULL,
         "{\"prompt\":\"p\"}",
         "{\"prompt\":\"p\",\"stream_options\":{\"include_usage\":false},\"stream\":true}"},
        {"{\"prompt\":\"p\"}", "{\"stream\":false,\"stream_options\":null}", "{\"prompt\":\"p\"}",
         "{\"prompt\":\"p\",\"stream\":true}"},
        {"{\"prompt\":\"p\"}", "{\"stream_options\":{\"continuous_usage_stats\":true}}",
         "{\"prompt\":\"p\"}",
         "{\"prompt\":\"p\",\"stream_options\":{\"include_usage\":true,"
         "\"continuous_usage_stats\":true},\"stream\":true}"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        LLMD_AUTO(llmd_request) request = NULL;
        assert_null(llmd_request_parse(table[i].json, &request));
        if (table[i].overlay)
            llmd_request_set_overlay(request, table[i].overlay);
        check_body(request, false, table[i].plain);
        check_body(request, true, table[i].streamed);
    }
}

static void a_parsed_body_keeps_what_we_do_not_know(void **state)
{
    (void)state;
    const char *json = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}],"
                       "\"cache_salt\":\"s\",\"logit_bias\":{\"50256\":-100}}";
    LLMD_AUTO(llmd_request) request = NULL;
    assert_null(llmd_request_parse(json, &request));
    assert_int_equal(llmd__request_kind(request), LLMD_REQUEST_CHAT);
    check_json(request, json);
}

static void check_refused(llmd_error *error, const char *word)
{
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    if (!strstr(llmd_error_message(error), word))
        fail_msg("\"%s\" does not say \"%s\"", llmd_error_message(error), word);
    llmd_error_free(error);
}

static void bad_bodies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *word;
    } table[] = {
        {"{", "request"},
        {"[]", "an array"},
        {"{}", "neither"},
        {"{\"messages\":[],\"prompt\":\"\"}", "both"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        llmd_request *request = (llmd_request *)1;
        check_refused(llmd_request_parse(table[i].json, &request), table[i].word);
        assert_null(request);
    }
}

static void no_messages(llmd_request *request)
{
    (void)request;
}

static void no_role(llmd_request *request)
{
    llmd_request_add_message(request, "", "c");
}

static void null_content(llmd_request *request)
{
    llmd_request_add_message(request, "user", NULL);
}

static void a_prompt(llmd_request *request)
{
    llmd_request_set_prompt(request, "p");
}

static void no_tokens(llmd_request *request)
{
    llmd_request_set_max_tokens(request, 0);
    llmd_request_set_temperature(request, -1); /* the first bad value is the one that is told */
}

static void hot(llmd_request *request)
{
    llmd_request_set_temperature(request, NAN);
}

static void latin1(llmd_request *request)
{
    llmd_request_add_message(request, "user",
                             "Gr\xfc\xdf"
                             "e");
}

static void surrogate_model(llmd_request *request)
{
    llmd_request_set_model(request, "\xed\xa0\x80");
}

static void text_for_message(llmd_request *request)
{
    llmd_request_set_overlay(request, "{\"messages\": [{\"role\": \"user\"}, \"hello\"]}");
}

static void message_without_role(llmd_request *request)
{
    llmd_request_set_overlay(request, "{\"messages\": [{\"content\": \"hello\"}]}");
}

static void bad_overlay(llmd_request *request)
{
    llmd_request_set_overlay(request, "[1]");
}

static void bad_values_are_told_by_the_call(void **state)
{
    (void)state;
    static const struct {
        void (*set)(llmd_request *request);
        const char *word;
    } table[] = {
        {no_messages, "no messages"},
        {no_role, "no role"},
        {null_content, "content is NULL"},
        {a_prompt, "no prompt"},
        {no_tokens, "max_tokens is 0"},
        {hot, "temperature"},
        {bad_overlay, "overlay"},
        {latin1, "content is not UTF-8"},
        {surrogate_model, "model is not UTF-8"},
        {text_for_message, "messages[1]: want an object with a role, got a string"},
        {message_without_role, "messages[0]: want an object with a role, there is none"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AUTO(json) struct json *body = NULL;
        LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
        table[i].set(request);
        check_refused(llmd__request_body(request, true, &body), table[i].word);
        assert_null(body);
    }
}

static void an_unknown_kind_is_told(void **state)
{
    (void)state;
    LLMD_AUTO(llmd_request) request = llmd_request_new((llmd_request_kind)77);
    char *json = NULL;
    check_refused(llmd_request_json(request, &json), "77");
}

static llmd_error *build(void *data)
{
    AUTO(json) struct json *body = NULL;
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    (void)data;
    llmd_request_add_message(request, "user", "hello");
    llmd_request_set_model(request, "tiny");
    llmd_request_set_max_tokens(request, 16);
    llmd_request_set_temperature(request, 0.7);
    llmd_request_set_overlay(request, "{\"a\":{\"b\":[1,2]}}");
    return llmd__request_body(request, true, &body);
}

static llmd_error *parse(void *data)
{
    AUTO(str) char *json = NULL;
    LLMD_AUTO(llmd_request) request = NULL;
    (void)data;
    TRY(llmd_request_parse("{\"prompt\":\"p\",\"x\":{\"y\":1}}", &request));
    return llmd_request_json(request, &json);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    torture(build, NULL);
    torture(parse, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chat_is_built),
        cmocka_unit_test(a_completion_is_built),
        cmocka_unit_test(what_asks_for_a_stream),
        cmocka_unit_test(a_parsed_body_keeps_what_we_do_not_know),
        cmocka_unit_test(bad_bodies_are_refused),
        cmocka_unit_test(bad_values_are_told_by_the_call),
        cmocka_unit_test(an_unknown_kind_is_told),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
