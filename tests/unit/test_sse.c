/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events and lines, fed whole, byte by byte and split at every point. */
#include "net/lines.h"
#include "net/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

/* Events are joined as "[event]" so that one string shows all. */
struct row {
    const char *bytes;
    const char *want;
    bool clean;
};

static const struct row sse_rows[] = {
    {"", "", true},
    {"data: a\n\n", "[a]", true},
    {"data: a\r\n\r\n", "[a]", true},
    {"data: a\r\r", "[a]", true},
    {"data: a\r\ndata: b\r\n\r\ndata: c\n\n", "[a\nb][c]", true},
    {"data:a\n\n", "[a]", true},
    {"data:  a\n\n", "[ a]", true},
    {"data: a b \n\n", "[a b ]", true},
    {"data\n\n", "[]", true},
    {"data:\n\n", "[]", true},
    {"data:\ndata:\n\n", "[\n]", true},
    {"database: x\n\n", "", true},
    {"DATA: x\n\n", "", true},
    {": ping\n\ndata: a\n\n", "[a]", true},
    {":\n\n:keep-alive\n\n", "", true},
    {"event: x\nid: 7\nretry: 100\ndata: a\n\n", "[a]", true},
    {"id: 7\n\n", "", true},
    {"\xef\xbb\xbf"
     "data: a\n\n",
     "[a]", true},
    {"data: \xef\xbb\xbf"
     "a\n\n",
     "[\xef\xbb\xbf"
     "a]",
     true},
    {"data: a\n\n\xef\xbb\xbf"
     "data: b\n\n",
     "[a]", true},
    {"data: gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\n\n", "[gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80]",
     true},
    {"data: {\"a\":1}\n\ndata: [DONE]\n\n", "[{\"a\":1}][[DONE]]", true},
    {"\n\n\n\ndata: a\n\n\n\n", "[a]", true},
    {"data: a\n", "", false},
    {"data: a", "", false},
    {"data: a\n\ndata", "[a]", false},
};

static void feed(struct sse *sse, const char *bytes, size_t len, struct buf *seen)
{
    while (len) {
        const char *event;
        size_t event_len;
        size_t taken = llmd__sse_feed(sse, bytes, len, &event, &event_len);
        assert_true(taken > 0 && taken <= len);
        bytes += taken;
        len -= taken;
        if (!event) {
            assert_int_equal(len, 0);
            continue;
        }
        assert_int_equal(strlen(event), event_len);
        llmd__buf_format(seen, "[%s]", event);
    }
}

static void check_sse(const struct row *row, size_t first, size_t second)
{
    AUTO(buf) struct buf seen = BUF_INIT;
    struct sse sse = {0};
    size_t len = strlen(row->bytes);

    feed(&sse, row->bytes, first, &seen);
    feed(&sse, row->bytes + first, second - first, &seen);
    feed(&sse, row->bytes + second, len - second, &seen);
    assert_string_equal(llmd__buf_text(&seen), row->want);
    assert_int_equal(llmd__sse_clean(&sse), row->clean);
    assert_null(llmd__sse_check(&sse));
    llmd__sse_free(&sse);
}

static void test_sse_every_two_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(sse_rows); i++) {
        size_t len = strlen(sse_rows[i].bytes);
        for (size_t first = 0; first <= len; first++)
            for (size_t second = first; second <= len; second++)
                check_sse(&sse_rows[i], first, second);
    }
}

static void test_sse_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(sse_rows); i++) {
        AUTO(buf) struct buf seen = BUF_INIT;
        struct sse sse = {0};
        for (const char *at = sse_rows[i].bytes; *at; at++)
            feed(&sse, at, 1, &seen);
        assert_string_equal(llmd__buf_text(&seen), sse_rows[i].want);
        llmd__sse_free(&sse);
    }
}

static void test_sse_too_large(void **state)
{
    struct sse sse = {0};
    const char *event;
    size_t len;
    static char piece[1 << 20];

    (void)state;
    memset(piece, 'x', sizeof piece);
    llmd__sse_feed(&sse, "data: ", 6, &event, &len);
    for (int i = 0; i < 17; i++)
        llmd__sse_feed(&sse, piece, sizeof piece, &event, &len);
    llmd_error *error = llmd__sse_check(&sse);
    assert_int_equal(llmd_error_code(error), LLMD_E_TOO_LARGE);
    llmd_error_free(error);
    llmd__sse_free(&sse);
}

static void test_sse_many_small_lines_too_large(void **state)
{
    struct sse sse = {0};
    const char *event;
    size_t len;
    static char line[65536];

    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "data:", 5);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 300; i++)
        llmd__sse_feed(&sse, line, sizeof line, &event, &len);
    llmd_error *error = llmd__sse_check(&sse);
    assert_int_equal(llmd_error_code(error), LLMD_E_TOO_LARGE);
    llmd_error_free(error);
    llmd__sse_free(&sse);
}

static const struct row line_rows[] = {
    {"", "", true},
    {"a\n", "[a]", true},
    {"a\nb\n", "[a][b]", true},
    {"a\r\nb\r\n", "[a][b]", true},
    {"\n\n", "[][]", true},
    {"a\rb\n", "[a\rb]", true},
    {"a\n\xe2\x82\xac", "[a]<\xe2\x82\xac>", false},
    {"a\nb", "[a]<b>", false},
    {"a\nb\r", "[a]<b>", false},
    {"{\"type\":\"ADDED\"}\n{\"type\":\"MODIFIED\"}\n",
     "[{\"type\":\"ADDED\"}][{\"type\":\"MODIFIED\"}]", true},
};

static void drain(struct lines *lines, struct buf *seen)
{
    const char *line;
    size_t len;

    while ((line = llmd__lines_next(lines, &len)) != NULL) {
        assert_int_equal(strlen(line), len);
        llmd__buf_format(seen, "[%s]", line);
    }
}

static void check_lines(const struct row *row, size_t first, size_t second, bool drain_between)
{
    AUTO(buf) struct buf seen = BUF_INIT;
    struct lines lines = {0};
    size_t len = strlen(row->bytes);

    llmd__lines_add(&lines, row->bytes, first);
    if (drain_between)
        drain(&lines, &seen);
    llmd__lines_add(&lines, row->bytes + first, second - first);
    if (drain_between)
        drain(&lines, &seen);
    llmd__lines_add(&lines, row->bytes + second, len - second);
    drain(&lines, &seen);
    const char *last = llmd__lines_last(&lines, &len);
    if (last)
        llmd__buf_format(&seen, "<%s>", last);
    assert_null(llmd__lines_last(&lines, &len));
    assert_string_equal(llmd__buf_text(&seen), row->want);
    assert_null(llmd__lines_check(&lines));
    llmd__lines_free(&lines);
}

static void test_lines_every_two_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(line_rows); i++) {
        size_t len = strlen(line_rows[i].bytes);
        for (size_t first = 0; first <= len; first++)
            for (size_t second = first; second <= len; second++) {
                check_lines(&line_rows[i], first, second, true);
                check_lines(&line_rows[i], first, second, false);
            }
    }
}

static void test_lines_too_long(void **state)
{
    struct lines lines = {.rest = {.max = 8}};
    size_t len;

    (void)state;
    llmd__lines_add(&lines, "abcd", 4);
    assert_null(llmd__lines_next(&lines, &len));
    llmd__lines_add(&lines, "efghi", 5);
    assert_null(llmd__lines_next(&lines, &len));
    llmd_error *error = llmd__lines_check(&lines);
    assert_int_equal(llmd_error_code(error), LLMD_E_TOO_LARGE);
    llmd_error_free(error);
    llmd__lines_free(&lines);
}

/* A long run must not grow the buffer: what was read makes room. */
static void test_lines_stay_small(void **state)
{
    struct lines lines = {.rest = {.max = 64}};
    size_t len;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        llmd__lines_add(&lines, "0123456789abcdef\nxy", 19);
        assert_non_null(llmd__lines_next(&lines, &len));
        assert_null(llmd__lines_next(&lines, &len));
    }
    assert_null(llmd__lines_check(&lines));
    llmd__lines_free(&lines);
}

/* Longer lines lose their end, wherever the pieces come apart, and nothing of the next line. */
static void test_long_lines_are_cut(void **state)
{
    static const char text[] = "abcdefgh\n\nabcd\nabc\nabcde";
    static const char *const want[] = {"abcd", "", "abcd", "abc"};

    (void)state;
    for (size_t at = 0; at < sizeof text - 1; at++) {
        struct lines lines = {.rest = {.max = 64}, .cut = 4};
        size_t len = 0;
        llmd__lines_add(&lines, text, at);
        llmd__lines_add(&lines, text + at, sizeof text - 1 - at);
        for (size_t i = 0; i < ROWS(want); i++) {
            assert_string_equal(llmd__lines_next(&lines, &len), want[i]);
            assert_int_equal(len, strlen(want[i]));
        }
        assert_null(llmd__lines_next(&lines, &len));
        assert_string_equal(llmd__lines_last(&lines, &len), "abcd");
        llmd__lines_free(&lines);
    }
}

/* Far more than the cap comes through. */
static void test_a_line_without_end_is_cut(void **state)
{
    struct lines lines = {.rest = {.max = 64}, .cut = 32};
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        llmd__lines_add(&lines, "0123456789", 10);
    llmd__lines_add(&lines, "\nnext\n", 6);
    assert_null(llmd__lines_check(&lines));
    assert_non_null(llmd__lines_next(&lines, &len));
    assert_int_equal(len, 32);
    assert_string_equal(llmd__lines_next(&lines, &len), "next");
    llmd__lines_free(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_every_two_splits),
        cmocka_unit_test(test_sse_byte_by_byte),
        cmocka_unit_test(test_sse_too_large),
        cmocka_unit_test(test_sse_many_small_lines_too_large),
        cmocka_unit_test(test_lines_every_two_splits),
        cmocka_unit_test(test_lines_too_long),
        cmocka_unit_test(test_lines_stay_small),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_a_line_without_end_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
