/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/utf8.h"
#include "support/torture.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void test_appending(void **state)
{
    AUTO(buf) struct buf buf = BUF_INIT;

    (void)state;
    assert_string_equal(llmd__buf_text(&buf), "");
    llmd__buf_str(&buf, NULL);
    llmd__buf_str(&buf, "");
    llmd__buf_add(&buf, NULL, 0);
    llmd__buf_str(&buf, "one");
    llmd__buf_char(&buf, ' ');
    llmd__buf_format(&buf, "%s %d", "two", 3);
    assert_string_equal(llmd__buf_text(&buf), "one two 3");
    assert_int_equal(buf.len, 9);
    assert_null(llmd__buf_check(&buf));
}

static void test_growing(void **state)
{
    AUTO(buf) struct buf buf = BUF_INIT;

    (void)state;
    for (int i = 0; i < 10000; i++)
        llmd__buf_format(&buf, "%04d", i);
    assert_int_equal(buf.len, 40000);
    assert_memory_equal(buf.data + 4 * 1234, "1234", 4);
    assert_int_equal(buf.data[buf.len], 0);
}

static void test_consume(void **state)
{
    AUTO(buf) struct buf buf = BUF_INIT;

    (void)state;
    llmd__buf_consume(&buf, 3);
    llmd__buf_str(&buf, "abcdef");
    llmd__buf_consume(&buf, 2);
    assert_string_equal(llmd__buf_text(&buf), "cdef");
    llmd__buf_consume(&buf, 100);
    assert_string_equal(llmd__buf_text(&buf), "");
    llmd__buf_str(&buf, "x");
    llmd__buf_reset(&buf);
    assert_string_equal(llmd__buf_text(&buf), "");
}

static void test_the_cap_latches(void **state)
{
    AUTO(buf) struct buf buf = {.max = 4};

    (void)state;
    llmd__buf_str(&buf, "abcd");
    assert_string_equal(llmd__buf_text(&buf), "abcd");
    llmd__buf_char(&buf, 'e');
    AUTO(error) llmd_error *error = llmd__buf_check(&buf);
    assert_int_equal(llmd_error_code(error), LLMD_E_TOO_LARGE);
    assert_string_equal(llmd_error_message(error), "more than 4 bytes");
    assert_string_equal(llmd__buf_text(&buf), "");
    llmd__buf_reset(&buf);
    llmd__buf_str(&buf, "ok");
    assert_null(llmd__buf_check(&buf));
}

static void test_take(void **state)
{
    struct buf buf = BUF_INIT;
    char *text = NULL;

    (void)state;
    assert_null(llmd__buf_take(&buf, &text));
    assert_string_equal(text, "");
    llmd__free(text);
    llmd__buf_str(&buf, "mine");
    assert_null(llmd__buf_take(&buf, &text));
    assert_string_equal(text, "mine");
    assert_null(buf.data);
    llmd__free(text);
}

static void test_json_strings(void **state)
{
    static const char *const rows[][2] = {
        {NULL, "\"\""},
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\xC3\xA4\xF0\x9F\x98\x80", "\"\xC3\xA4\xF0\x9F\x98\x80\""},
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO(buf) struct buf buf = BUF_INIT;
        llmd__buf_json(&buf, rows[i][0]);
        assert_string_equal(llmd__buf_text(&buf), rows[i][1]);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    assert_true(llmd__utf8_valid("", 0));
    assert_true(llmd__utf8_valid("a\xC2\x80\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80"
                                 "\xF4\x8F\xBF\xBF",
                                 20));
    static const char *const bad[] = {"\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xC3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(llmd__utf8_valid(bad[i], strlen(bad[i])));
}

static void test_format(void **state)
{
    (void)state;
    AUTO(str) char *empty = llmd__format("%s", "");
    AUTO(str) char *text = llmd__format("%s-%d", "a", 1);
    assert_string_equal(empty, "");
    assert_string_equal(text, "a-1");
}

static llmd_error *append_much(void *data)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    AUTO(str) char *text = NULL;
    AUTO(str) char *formatted = llmd__format("%s", "x");

    (void)data;
    for (int i = 0; i < 1000; i++)
        llmd__buf_format(&buf, "line %d\n", i);
    llmd__buf_json(&buf, "a\"b\x01\xFF");
    TRY(llmd__buf_take(&buf, &text));
    CHECK_MEMORY(formatted);
    return strlen(text) == 8916 ? NULL : llmd__error(LLMD_E_FAILED, "%zu bytes", strlen(text));
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(torture(append_much, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appending),      cmocka_unit_test(test_growing),
        cmocka_unit_test(test_consume),        cmocka_unit_test(test_the_cap_latches),
        cmocka_unit_test(test_take),           cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_utf8),           cmocka_unit_test(test_format),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
