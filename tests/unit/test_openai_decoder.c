/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/assembly.h"
#include "openai/decoder.h"
#include "openai/reply.h"

#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DELTA(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"                \
    "\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
#define DONE "data: [DONE]\n\n"

/* What came out of a body: its deltas written one behind another, and how it ended. */
struct outcome {
    struct buf text;      /* "<text>|" each */
    struct buf reasoning; /* the same */
    size_t deltas;
    llmd_error *error;
};

static void outcome_free(struct outcome *outcome)
{
    llmd__buf_free(&outcome->text);
    llmd__buf_free(&outcome->reasoning);
    llmd_error_free(outcome->error);
}

static void take_all(struct decoder *decoder, struct outcome *outcome)
{
    for (llmd_delta *delta; (delta = llmd__deltas_take(&decoder->deltas)); outcome->deltas++) {
        llmd__buf_format(&outcome->text, "%s|", llmd_delta_text(delta));
        llmd__buf_format(&outcome->reasoning, "%s|", llmd_delta_reasoning(delta));
        llmd_delta_free(delta);
    }
}

/* In pieces of `step` bytes. */
static struct outcome decode(const char *body, size_t len, size_t step, struct assembly *assembly)
{
    struct decoder decoder = {.assembly = assembly};
    struct outcome outcome = {0};
    for (size_t at = 0; at < len && !outcome.error; at += step) {
        outcome.error = llmd__decoder_feed(&decoder, body + at, len - at < step ? len - at : step);
        take_all(&decoder, &outcome);
    }
    if (!outcome.error)
        outcome.error = llmd__decoder_end(&decoder);
    take_all(&decoder, &outcome);
    llmd__decoder_free(&decoder);
    return outcome;
}

static const struct {
    const char *body;
    const char *text;
    llmd_code code;
    const char *message; /* a part of it */
} bodies[] = {
    {DELTA("a") DELTA("b") FINISH USAGE DONE, "a|b|||", LLMD_OK, ""},
    {DELTA("a") FINISH, "a||", LLMD_OK, ""},         /* no [DONE], but every choice ended */
    {DELTA("a") DONE, "a|", LLMD_OK, ""},            /* no finish_reason, but [DONE] */
    {DELTA("a") DONE DELTA("b"), "a|", LLMD_OK, ""}, /* nothing counts after [DONE] */
    {DELTA("a") "data: [DONE] \n\n", "a|", LLMD_OK, ""},
    {": ping\n\n" DELTA("a") ": ping\n\n" DONE, "a|", LLMD_OK, ""},
    {"\xEF\xBB\xBF" DELTA("a") DONE, "a|", LLMD_OK, ""},
    {"event: message\r\nid: 1\r\ndata: {\"choices\":[]}\r\n\r\n" DONE, "|", LLMD_OK, ""},
    {"data:{\"choices\":[{\"index\":0,\ndata:\"text\":\"two lines\"}]}\n\n" DONE, "two lines|",
     LLMD_OK, ""},
    {DELTA("a") DELTA("b"), "a|b|", LLMD_E_PROTOCOL, "cut before its end"},
    {DELTA("a") "data: {\"choices\":[{\"ind", "a|", LLMD_E_PROTOCOL, "cut before its end"},
    {"", "", LLMD_E_PROTOCOL, "no event"},
    {" \n\n", "", LLMD_E_PROTOCOL, "no event"},
    {"    data: [DONE]\n\n", "", LLMD_E_PROTOCOL, "no event"}, /* no field of that name */
    {"\n \n" DELTA("a") DONE, "a|", LLMD_OK, ""},
    {DELTA("a") "data: {broken\n\n" DONE, "a|", LLMD_E_PROTOCOL, "is no JSON"},
    {DELTA("a") "data: {\"error\":{\"message\":\"engine died\",\"code\":500}}\n\n" DONE, "a|",
     LLMD_E_REMOTE, "engine died"},
    {DELTA("a") "data: {\"error\":{\"message\":\"too long\",\"code\":400}}\n\n" DONE, "a|",
     LLMD_E_INVALID, "too long"},
    {DELTA("\\u0000") DONE, "\xEF\xBF\xBD|", LLMD_OK, ""},
    {DELTA("\\ud83d\\ude00") DONE, "\xF0\x9F\x98\x80|", LLMD_OK, ""},
    /* half a character, its other half in the next event */
    {DELTA("gr\xC3") DELTA("\xBCn") DONE, "gr|\xC3\xBCn|", LLMD_OK, ""},
    {DELTA("\xF0\x9F") DELTA("\x98") DELTA("\x80!") DONE, "||\xF0\x9F\x98\x80!|", LLMD_OK, ""},
    {DELTA("\xF0\x9F") DELTA("x") DONE, "|\xEF\xBF\xBD\xEF\xBF\xBDx|", LLMD_OK, ""},
    {DELTA("\xC3") FINISH DONE, "|\xEF\xBF\xBD|", LLMD_OK, ""},
    {DELTA("\xFF") DONE, "\xEF\xBF\xBD|", LLMD_OK, ""},
    /* a server that does not stream */
    {"{\"choices\":[{\"index\":0,\"message\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}",
     "whole|", LLMD_OK, ""},
    {"{\"error\":\"odd\"}", "", LLMD_E_REMOTE, "odd"},
    {"{\"choices\":[", "", LLMD_E_PROTOCOL, "is no JSON"},
    {"<html>login</html>", "", LLMD_E_PROTOCOL, "an HTML page"},
    /* beam search: one event with a whole answer */
    {"data: {\"choices\":[{\"index\":0,\"message\":{\"content\":\"beam\"},\"finish_reason\":"
     "\"stop\"}]}\n\n" DONE,
     "beam|", LLMD_OK, ""},
    /* two choices in one event, and two that end apart */
    {"data: {\"choices\":[{\"index\":0,\"text\":\"a\"},{\"index\":1,\"text\":\"b\"}]}\n\n" DONE,
     "a|b|", LLMD_OK, ""},
    {"data: {\"choices\":[{\"index\":0,\"text\":\"a\"},{\"index\":1,\"text\":\"b\"}]}\n\n"
     "data: {\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\n",
     "a|b||", LLMD_E_PROTOCOL, "cut before its end"},
};

static void every_body_split_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        size_t len = strlen(bodies[i].body);
        for (size_t step = 1; step <= len + 1; step = step < 8 ? step + 1 : step * 2) {
            struct outcome outcome = decode(bodies[i].body, len, step, NULL);
            if (llmd_error_code(outcome.error) != bodies[i].code ||
                strcmp(llmd__buf_text(&outcome.text), bodies[i].text) != 0)
                fail_msg("body %zu in steps of %zu: \"%s\", %s: %s", i, step,
                         llmd__buf_text(&outcome.text),
                         llmd_code_name(llmd_error_code(outcome.error)),
                         llmd_error_message(outcome.error));
            assert_non_null(strstr(llmd_error_message(outcome.error), bodies[i].message));
            outcome_free(&outcome);
        }
    }
}

static void reasoning_is_kept_apart(void **state)
{
    (void)state;
    const char body[] = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n"
                        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"ah\"}}]}\n\n" DONE;
    struct outcome outcome = decode(body, sizeof body - 1, 5, NULL);
    assert_null(outcome.error);
    assert_string_equal(llmd__buf_text(&outcome.reasoning), "hm|ah|");
    assert_string_equal(llmd__buf_text(&outcome.text), "||");
    outcome_free(&outcome);
}

static const char chat[] =
    "data: {\"id\":\"c-1\",\"created\":17,\"model\":\"tiny\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
    "data: {\"id\":\"c-1\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"hm\"}}]}\n\n" DELTA(
        "Hel") DELTA("lo \\\"you\\\"") "data: "
                                       "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{"
                                       "\"index\":0,\"id\":\"t1\",\"type\":"
                                       "\"function\",\"function\":{\"name\":\"w\",\"arguments\":\"{"
                                       "\\\"a\\\":\"}}]}}]}\n\n"
                                       "data: "
                                       "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{"
                                       "\"index\":0,\"function\":"
                                       "{\"arguments\":\"1}\"}}]}}]}\n\n" FINISH USAGE DONE;

static llmd_error *assemble(llmd_reply **out)
{
    struct reply_times times = {.sent_us = 1000, .first_us = 3500, .end_us = 11000};
    struct assembly assembly = ASSEMBLY_INIT;
    AUTO(json) struct json *tree = NULL;
    assembly.chat = true;
    struct outcome outcome = decode(chat, sizeof chat - 1, 4096, &assembly);
    llmd_error *error = TAKE(outcome.error);
    outcome_free(&outcome);
    if (!error)
        error = llmd__assembly_json(&assembly, &tree);
    llmd__assembly_free(&assembly);
    return error ? error : llmd__reply_new(tree, NULL, &times, out);
}

static void a_reply_is_put_together(void **state)
{
    (void)state;
    LLMD_AUTO(llmd_reply) reply = NULL;
    assert_null(assemble(&reply));
    assert_string_equal(llmd_reply_text(reply), "Hello \"you\"");
    assert_string_equal(llmd_reply_reasoning(reply), "hm");
    assert_string_equal(llmd_reply_finish_reason(reply), "stop");
    assert_string_equal(llmd_reply_model(reply), "tiny");
    assert_string_equal(llmd_reply_id(reply), "c-1");
    assert_int_equal(llmd_reply_prompt_tokens(reply), 7);
    assert_int_equal(llmd_reply_completion_tokens(reply), 2);
    assert_int_equal(llmd_reply_cached_tokens(reply), 4);
    assert_true(llmd_reply_ttft_ms(reply) == 2.5);
    assert_true(llmd_reply_total_ms(reply) == 10);
    assert_string_equal(
        llmd_reply_json(reply),
        "{\"id\":\"c-1\",\"object\":\"chat.completion\",\"created\":17,\"model\":\"tiny\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
        "\"Hello \\\"you\\\"\",\"reasoning\":\"hm\",\"tool_calls\":[{\"id\":\"t1\",\"type\":"
        "\"function\",\"function\":{\"name\":\"w\",\"arguments\":\"{\\\"a\\\":1}\"}}]},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"
        "\"total_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":4}}}");
}

static void absurd_usage_is_added_up(void **state)
{
    static const char bytes[] =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9223372036854775807,"
        "\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
    AUTO(json) struct json *tree = NULL;
    struct assembly assembly = ASSEMBLY_INIT;

    (void)state;
    struct outcome outcome = decode(bytes, sizeof bytes - 1, 4096, &assembly);
    assert_null(outcome.error);
    outcome_free(&outcome);
    assert_null(llmd__assembly_json(&assembly, &tree));
    assert_true(llmd__json_int(tree, "usage.prompt_tokens", 0) > 2);
    assert_true(llmd__json_int(tree, "usage.total_tokens", 0) >=
                llmd__json_int(tree, "usage.prompt_tokens", 0));
    llmd__assembly_free(&assembly);
}

static void plain_answers_become_replies(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text, *finish;
        llmd_code code;
    } table[] = {
        {"{\"choices\":[{\"index\":0,\"text\":\"t\",\"finish_reason\":\"length\"}]}", "t", "length",
         LLMD_OK},
        {"{\"choices\":[{\"index\":0,\"message\":{\"content\":null},\"finish_reason\":"
         "\"tool_calls\"}]}",
         "", "tool_calls", LLMD_OK},
        {"{\"choices\":[{\"index\":1,\"text\":\"b\"},{\"index\":0,\"text\":\"a\"}]}", "a", "",
         LLMD_OK},
        {"{\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"},"
         "{\"type\":\"image\"},{\"type\":\"text\",\"text\":\"y\"}]}}]}",
         "xy", "", LLMD_OK},
        {"{\"choices\":[]}", "", "", LLMD_OK},
        {"{\"data\":[]}", "", "", LLMD_E_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AUTO(json) struct json *tree = NULL;
        LLMD_AUTO(llmd_reply) reply = NULL;
        struct reply_times times = {0};
        assert_null(llmd__json_parse(table[i].json, strlen(table[i].json), "answer", &tree));
        LLMD_AUTO(llmd_error) error = llmd__reply_new(tree, table[i].json, &times, &reply);
        assert_int_equal(llmd_error_code(error), table[i].code);
        assert_string_equal(llmd_reply_text(reply), table[i].text);
        assert_string_equal(llmd_reply_finish_reason(reply), table[i].finish);
        assert_int_equal(llmd_reply_prompt_tokens(reply), -1);
        assert_true(llmd_reply_ttft_ms(reply) == -1);
        assert_string_equal(llmd_reply_json(reply), error ? "" : table[i].json);
    }
}

static void a_servers_index_does_not_size_our_memory(void **state)
{
    (void)state;
    const char body[] = "data: {\"choices\":[{\"index\":2000000000,\"text\":\"x\"}]}\n\n" DONE;
    struct assembly assembly = ASSEMBLY_INIT;
    struct outcome outcome = decode(body, sizeof body - 1, 100, &assembly);
    assert_int_equal(llmd_error_code(outcome.error), LLMD_E_TOO_LARGE);
    outcome_free(&outcome);
    llmd__assembly_free(&assembly);
}

/* net/sse caps one event at 16 MiB; the deltas before it are kept. */
static void a_huge_event_ends_the_answer(void **state)
{
    (void)state;
    struct decoder decoder = {0};
    struct outcome outcome = {0};
    static char piece[1 << 20];
    memset(piece, 'x', sizeof piece);
    const char begin[] = DELTA("a") "data: ";
    outcome.error = llmd__decoder_feed(&decoder, begin, sizeof begin - 1);
    for (int i = 0; i < 18 && !outcome.error; i++)
        outcome.error = llmd__decoder_feed(&decoder, piece, sizeof piece);
    take_all(&decoder, &outcome);
    assert_int_equal(llmd_error_code(outcome.error), LLMD_E_TOO_LARGE);
    assert_string_equal(llmd__buf_text(&outcome.text), "a|");
    outcome_free(&outcome);
    llmd__decoder_free(&decoder);
}

static llmd_error *assemble_and_drop(void *data)
{
    (void)data;
    LLMD_AUTO(llmd_reply) reply = NULL;
    return assemble(&reply);
}

static llmd_error *decode_one(void *data)
{
    struct outcome outcome = decode(data, strlen(data), 7, NULL);
    llmd_error *error = TAKE(outcome.error);
    outcome_free(&outcome);
    return error;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    torture(assemble_and_drop, NULL);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        torture(decode_one, (void *)(uintptr_t)bodies[i].body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_split_anywhere),
        cmocka_unit_test(reasoning_is_kept_apart),
        cmocka_unit_test(a_reply_is_put_together),
        cmocka_unit_test(absurd_usage_is_added_up),
        cmocka_unit_test(plain_answers_become_replies),
        cmocka_unit_test(a_servers_index_does_not_size_our_memory),
        cmocka_unit_test(a_huge_event_ends_the_answer),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
