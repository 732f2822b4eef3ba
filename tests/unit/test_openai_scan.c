/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/scan_agree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MUTATIONS 200000

static char *lines[64];
static size_t line_count;

static int read_corpus(void **state)
{
    (void)state;
    FILE *file = fopen(SOURCE_DIR "/tests/unit/scan_corpus.jsonl", "r");
    size_t size = 0;
    assert_non_null(file);
    while (line_count < 64) {
        ssize_t len = getline(&lines[line_count], &size, file);
        if (len <= 0)
            break;
        lines[line_count++][len - 1] = '\0';
        size = 0;
    }
    fclose(file);
    return 0;
}

static int free_corpus(void **state)
{
    (void)state;
    for (size_t i = 0; i < 64; i++)
        free(lines[i]);
    return 0;
}

static void check_text(struct slice slice, const char *expected)
{
    char text[256];
    size_t len = slice.at ? llmd__slice_copy(slice, text) : 0;
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void usual_chunks_are_scanned(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text, *reasoning, *finish;
        int index;
        int64_t prompt, completion, cached;
    } table[] = {
        {"{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}", "",
         "", "", 0, -1, -1, -1},
        {"{\"choices\":[{\"index\":2,\"delta\":{\"content\":\"a\\n\\u00e9\\u20ac\\/\\\"\"}}]}",
         "a\n\xC3\xA9\xE2\x82\xAC/\"", "", "", 2, -1, -1, -1},
        {"{\"choices\":[{\"index\":0,\"text\":\"t\",\"finish_reason\":\"stop\"}]}", "t", "", "stop",
         0, -1, -1, -1},
        {"{\"choices\":[{\"delta\":{\"reasoning\":\"r\",\"content\":null}}]}", "", "r", "", 0, -1,
         -1, -1},
        {"{\"choices\":[{\"delta\":{\"reasoning_content\":\"old\"}}]}", "", "old", "", 0, -1, -1,
         -1},
        {"{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,"
         "\"prompt_tokens_details\":{\"cached_tokens\":4}}}",
         "", "", "", 0, 7, 5, 4},
        {"{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", "x", "", "", 0, -1, -1,
         -1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct chunk chunk;
        assert_true(llmd__scan(table[i].json, strlen(table[i].json), &chunk));
        check_text(chunk.text, table[i].text);
        check_text(chunk.reasoning, table[i].reasoning);
        check_text(chunk.finish_reason, table[i].finish);
        assert_int_equal(chunk.index, table[i].index);
        assert_int_equal(chunk.usage.prompt_tokens, table[i].prompt);
        assert_int_equal(chunk.usage.completion_tokens, table[i].completion);
        assert_int_equal(chunk.usage.cached_tokens, table[i].cached);
    }
}

static void the_unusual_is_passed_on(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "{",
        "null",
        "[]",
        "{} {}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e999}",
        "{\"a\":tru}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud83d\\ude00\"}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a:1}",
        "{\"error\":{\"message\":\"m\"}}",
        "{\"error\":\"Unauthorized\"}",
        "{\"object\":\"error\",\"message\":\"m\"}",
        "{\"choices\":null}",
        "{\"choices\":[{},{}]}",
        "{\"choices\":[{\"message\":{\"content\":\"m\"}}]}",
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}",
        "{\"choices\":[{\"delta\":{\"content\":[\"p\"]}}]}",
        "{\"choices\":[{\"delta\":{\"content\":\"a\"},\"text\":\"b\"}]}",
        "{\"choices\":[{\"index\":-1}]}",
        "{\"choices\":[{\"index\":4294967296}]}",
        "{\"choices\":[],\"choices\":[]}",
        "{\"usage\":{\"prompt_tokens\":1.5}}",
        "{\"usage\":{\"prompt_tokens\":12345678901234567890}}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    struct chunk chunk;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (llmd__scan(table[i], strlen(table[i]), &chunk))
            fail_msg("taken for usual: %s", table[i]);
}

static void every_prefix_is_safe(void **state)
{
    (void)state;
    for (size_t i = 0; i < line_count; i++) {
        size_t len = strlen(lines[i]);
        for (size_t cut = 0; cut <= len; cut++) {
            char *copy = malloc(cut + 1); /* exactly sized: a sanitizer sees one byte too far */
            memcpy(copy, lines[i], cut);
            assert_int_not_equal(scan_agree(copy, cut), SCAN_DIFFERED);
            free(copy);
        }
    }
}

static void scanner_and_parser_agree_on_the_corpus(void **state)
{
    (void)state;
    size_t agreed = 0;
    for (size_t i = 0; i < line_count; i++) {
        enum scan_agreement agreement = scan_agree(lines[i], strlen(lines[i]));
        if (agreement == SCAN_DIFFERED)
            fail_msg("scanner and parser differ on %s", lines[i]);
        agreed += agreement == SCAN_AGREED;
    }
    assert_true(line_count > 30);
    assert_int_equal(agreed, 14); /* what the fast path must know of the corpus */
}

static uint32_t random_below(uint32_t *seed, uint32_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed % bound;
}

static void scanner_and_parser_agree_on_mutations(void **state)
{
    (void)state;
    static const char bytes[] = "{}[]\",:\\u0123456789eE+-.ntf \x7F\xC3\xA9";
    uint32_t seed = 20261125;
    size_t agreed = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        char text[1024];
        const char *line = lines[random_below(&seed, (uint32_t)line_count)];
        size_t len = strlen(line);
        memcpy(text, line, len);
        for (uint32_t changes = random_below(&seed, 3) + 1; len && changes; changes--) {
            uint32_t at = random_below(&seed, (uint32_t)len);
            uint32_t other = random_below(&seed, (uint32_t)len);
            switch (random_below(&seed, 3)) {
            case 0:
                text[at] = bytes[random_below(&seed, sizeof bytes - 1)];
                break;
            case 1: /* drops one */
                memmove(text + at, text + at + 1, len - at - 1);
                len--;
                break;
            default: /* copies a piece over another place */
                memmove(text + at, text + other,
                        len - (at > other ? at : other) < 24 ? len - (at > other ? at : other)
                                                             : 24);
            }
        }
        enum scan_agreement agreement = scan_agree(text, len);
        if (agreement == SCAN_DIFFERED)
            fail_msg("scanner and parser differ on %.*s", (int)len, text);
        agreed += agreement == SCAN_AGREED;
    }
    assert_true(agreed > MUTATIONS / 20); /* the loop means something */
}

static void nul_tokens_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } table[] = {
        {"\"\\u0000\"", "\"\\ufffd\""},
        {"\"\\\\u0000\"", "\"\\\\u0000\""},
        {"\"\\\\\\u0000\\u00001\"", "\"\\\\\\ufffd\\ufffd1\""},
        {"\"\\u000\"", "\"\\u000\""},
        {"\\", "\\"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[64];
        size_t len = strlen(table[i].before);
        memcpy(text, table[i].before, len + 1);
        llmd__scan_replace_nul(text, len);
        assert_string_equal(text, table[i].after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_chunks_are_scanned),
        cmocka_unit_test(the_unusual_is_passed_on),
        cmocka_unit_test(every_prefix_is_safe),
        cmocka_unit_test(scanner_and_parser_agree_on_the_corpus),
        cmocka_unit_test(scanner_and_parser_agree_on_mutations),
        cmocka_unit_test(nul_tokens_are_replaced),
    };
    return cmocka_run_group_tests(tests, read_corpus, free_corpus);
}
