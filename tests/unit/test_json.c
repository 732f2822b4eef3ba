/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/json_scan.h"
#include "support/torture.h"

#include <locale.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct json *parsed(const char *text)
{
    struct json *json = NULL;
    llmd_error *error = llmd__json_parse(text, strlen(text), "test", &json);

    if (error)
        fail_msg("%s: %s", text, llmd_error_message(error));
    return json;
}

static void expect_text(const struct json *json, const char *want)
{
    AUTO(str) char *text = NULL;

    assert_null(llmd__json_print(json, &text));
    assert_string_equal(text, want);
}

/* What cJSON 1.7.15 alone would change on the way through (1e15 becomes 1e+15, and so on). */
static void test_round_trips(void **state)
{
    static const char *const texts[] = {
        "9007199254740993",
        "1000000000000000",
        "123456789012345678",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "2147483648",
        "0.1",
        "1.50",
        "1e3",
        "-0",
        "0.1000000000000000055511151231257827",
        "null",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        "[[],{},[[]]]",
        "{\"a\":1,\"A\":2,\"b\":{\"a\":3}}",
        "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\"",
        "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"",
        "{\"\":[0,\"\"]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        AUTO(json) struct json *json = parsed(texts[i]);
        expect_text(json, texts[i]);
    }
}

static void test_escapes_are_resolved(void **state)
{
    AUTO(json) struct json *json = parsed(" [ \"\\ud83d\\ude00\\u00e4\\/\" ,\t1 ]\r\n");

    (void)state;
    expect_text(json, "[\"\xF0\x9F\x98\x80\xC3\xA4/\",1]");
}

static void test_byte_order_mark_is_skipped(void **state)
{
    AUTO(json) struct json *json = parsed("\xEF\xBB\xBF{}");

    (void)state;
    expect_text(json, "{}");
}

struct refusal {
    const char *text;
    const char *message;
};

static const struct refusal refusals[] = {
    {"", "test: empty, want JSON"},
    {"  \n ", "test: empty, want JSON"},
    {"{", "test:1:2: the JSON text ends early"},
    {"{\"a\"", "test:1:5: the JSON text ends early"},
    {"[1", "test:1:3: the JSON text ends early"},
    {"\"abc", "test:1:5: the JSON text ends early"},
    {"\"a\\", "test:1:4: the JSON text ends early"},
    {"[1,\n 2,\n 01]", "test:3:2: a number must not begin with 0"},
    {"1.", "test:1:1: not a number as JSON writes it"},
    {"+1", "test:1:1: want a JSON value"},
    {"1e", "test:1:1: not a number as JSON writes it"},
    {".5", "test:1:1: want a JSON value"},
    {"-", "test:1:1: not a number as JSON writes it"},
    {"1e400", "test:1: the number 1e400 is out of range"},
    {"{\"a\":\n-1e999}", "test:2: the number -1e999 is out of range"},
    {"1234567890123456789012345678901234567890123456789012345678901",
     "test:1:1: a number of more than 60 characters"},
    {"[1,]", "test:1:4: want a JSON value"},
    {"[1 2]", "test:1:4: want ',' or ']'"},
    {"{\"a\":1 \"b\":2}", "test:1:8: want ',' or '}'"},
    {"{a:1}", "test:1:2: want a key in double quotes"},
    {"{\"a\" 1}", "test:1:6: want ':' after the key"},
    {"{\"a\":1,}", "test:1:8: want a key in double quotes"},
    {"nul", "test:1:1: want a JSON value"},
    {"NaN", "test:1:1: want a JSON value"},
    {"{} {}", "test:1:4: text after the JSON value"},
    {"1x", "test:1:2: text after the JSON value"},
    {"\"\\u0000x\"", "test:1:2: the escape \\u0000 (NUL) is not supported in strings"},
    {"\"a\\u0000b\"", "test:1:3: the escape \\u0000 (NUL) is not supported in strings"},
    {"\"\\u12\"", "test:1:2: \\u wants four hexadecimal digits"},
    {"\"\\ud800\"", "test:1:8: a high surrogate without a low one"},
    {"\"\\ud800\\u0041\"", "test:1:8: a high surrogate without a low one"},
    {"\"\\udc00\"", "test:1:2: a low surrogate without a high one"},
    {"\"\\x\"", "test:1:2: an unknown escape in a string"},
    {"\"a\tb\"", "test:1:3: a control character in a string; write it as an escape"},
    {"\"\xFF\"", "test:1:2: bytes that are not UTF-8"},
    {"\"\xC0\x80\"", "test:1:2: bytes that are not UTF-8"},
    {"\"\xED\xA0\x80\"", "test:1:2: bytes that are not UTF-8"},
    {"\"\xF4\x90\x80\x80\"", "test:1:2: bytes that are not UTF-8"},
    {"\"\xE2\x82\"", "test:1:2: bytes that are not UTF-8"},
    {"{\"a\":1,\n\"b\":2,\n\"a\":3}",
     "test:3: the key \"a\" stands twice in one object, first in line 1"},
    {"{\"a\":[{\"b\":1,\"\\u0062\":1}]}", "test:1: the key \"b\" stands twice in one object"},
    {"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\n\"d\":1}",
     "test:2: the key \"d\" stands twice in one object, first in line 1"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct json *json = (struct json *)1;
        const char *text = refusals[i].text;
        AUTO(error) llmd_error *error = llmd__json_parse(text, strlen(text), "test", &json);
        assert_null(json);
        assert_string_equal(llmd_error_message(error), refusals[i].message);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    }
}

/* The length is the caller's: nothing behind it is read, and a raw NUL is refused. */
static void test_length_counts(void **state)
{
    struct json *json = NULL;

    (void)state;
    assert_null(llmd__json_parse("12345", 3, "test", &json));
    expect_text(json, "123");
    llmd__json_free(json);
    AUTO(error) llmd_error *inside = llmd__json_parse("\"a\0b\"", 5, "test", &json);
    assert_string_equal(llmd_error_message(inside), "test:1:3: a NUL byte in a string");
    AUTO(error) llmd_error *behind = llmd__json_parse("1\0", 2, "test", &json);
    assert_string_equal(llmd_error_message(behind), "test:1:2: text after the JSON value");
}

static llmd_error *parse_nested(int levels, struct json **out)
{
    AUTO(buf) struct buf text = BUF_INIT;

    for (int i = 0; i < levels; i++)
        llmd__buf_char(&text, '[');
    for (int i = 0; i < levels; i++)
        llmd__buf_char(&text, ']');
    return llmd__json_parse(text.data, text.len, "test", out);
}

static void test_depth_is_capped(void **state)
{
    struct json *json = NULL;

    (void)state;
    assert_null(parse_nested(LLMD__JSON_MAX_DEPTH, &json));
    llmd__json_free(json);
    AUTO(error) llmd_error *error = parse_nested(LLMD__JSON_MAX_DEPTH + 1, &json);
    assert_int_equal(llmd_error_code(error), LLMD_E_TOO_LARGE);
    AUTO(error) llmd_error *far = parse_nested(1000000, &json);
    assert_int_equal(llmd_error_code(far), LLMD_E_TOO_LARGE);
}

static void test_lines_are_known(void **state)
{
    AUTO(json) struct json *json = parsed("{\n\"a\\\"\": 1,\n\"b\": [\n\"x]\",\n{\"c\":\n2}]}");

    (void)state;
    assert_int_equal(llmd__json_line(json), 1);
    assert_int_equal(llmd__json_line(llmd__json_get(json, "b")), 3);
    assert_int_equal(llmd__json_line(llmd__json_get(json, "b[0]")), 4);
    assert_int_equal(llmd__json_line(llmd__json_get(json, "b[1].c")), 5);
}

static const char object[] =
    "{\"metadata\":{\"name\":\"qwen\",\"labels\":{\"app.kubernetes.io/name\":\"vllm\"},"
    "\"generation\":9007199254740993},\"spec\":{\"replicas\":2,\"ratio\":0.5,\"on\":true,"
    "\"none\":null},\"status\":{\"addresses\":[{\"value\":\"10.0.0.1\"},{\"value\":\"10.0.0.2\"}],"
    "\"matrix\":[[1,2],[3,4]]}}";

struct lookup {
    const char *path;
    const char *want; /* printed, or NULL for none */
};

static const struct lookup lookups[] = {
    {"metadata.name", "\"qwen\""},
    {"metadata.labels.\"app.kubernetes.io/name\"", "\"vllm\""},
    {"status.addresses[1].value", "\"10.0.0.2\""},
    {"status.addresses[0]", "{\"value\":\"10.0.0.1\"}"},
    {"status.matrix[1][0]", "3"},
    {"spec.none", "null"},
    {"status.addresses[2].value", NULL},
    {"status.addresses[x]", NULL},
    {"status.addresses[1", NULL},
    {"status.addresses[]", NULL},
    {"status.addresses[99999999999999999999]", NULL},
    {"status.addresses.value", NULL},
    {"metadata.Name", NULL},
    {"metadata.name.first", NULL},
    {"metadata.", NULL},
    {"metadata..name", NULL},
    {".metadata", NULL},
    {"metadata.labels.\"app", NULL},
    {"[0]", NULL},
    {"absent", NULL},
};

static void test_lookups(void **state)
{
    AUTO(json) struct json *json = parsed(object);

    (void)state;
    for (size_t i = 0; i < sizeof(lookups) / sizeof(*lookups); i++) {
        const struct json *found = llmd__json_get(json, lookups[i].path);
        if (!lookups[i].want)
            assert_null(found);
        else
            expect_text(found, lookups[i].want);
    }
    assert_ptr_equal(llmd__json_get(json, ""), json);
    assert_ptr_equal(llmd__json_get(json, NULL), json);
    assert_null(llmd__json_get(NULL, "a"));
}

static void test_typed_lookups(void **state)
{
    AUTO(json) struct json *json = parsed(object);

    (void)state;
    assert_string_equal(llmd__json_str(json, "metadata.name"), "qwen");
    assert_string_equal(llmd__json_str(json, "spec.replicas"), "");
    assert_string_equal(llmd__json_str(NULL, "x"), "");
    assert_int_equal(llmd__json_int(json, "metadata.generation", 0), 9007199254740993);
    assert_int_equal(llmd__json_int(json, "spec.ratio", -1), -1);
    assert_int_equal(llmd__json_int(json, "metadata.name", -1), -1);
    assert_true(llmd__json_double(json, "spec.ratio", 0) == 0.5);
    assert_true(llmd__json_double(json, "spec.replicas", 0) == 2.0);
    assert_true(llmd__json_double(json, "metadata", 7) == 7);
    assert_true(llmd__json_bool(json, "spec.on", false));
    assert_true(llmd__json_bool(json, "spec.none", true));
    assert_int_equal(llmd__json_count(llmd__json_get(json, "status.addresses")), 2);
    assert_int_equal(llmd__json_count(llmd__json_get(json, "metadata.name")), 0);
    assert_string_equal(llmd__json_key(llmd__json_get(json, "spec")), "spec");
    assert_int_equal(llmd__json_type(NULL), JSON_NONE);
}

struct exact {
    const char *text;
    bool fits;
    int64_t want;
};

static void test_exact_integers(void **state)
{
    static const struct exact rows[] = {
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"1.0", true, 1},
        {"1e3", true, 1000},
        {"1.5", false, 0},
        {"1e300", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO(json) struct json *json = parsed(rows[i].text);
        int64_t value = 0;
        assert_int_equal(llmd__json_to_int(json, &value), rows[i].fits);
        assert_int_equal(value, rows[i].want);
    }
}

static void build(struct json *root)
{
    llmd__json_set_str(root, "name", "a\"b");
    llmd__json_set_str(root, "absent", NULL);
    llmd__json_set_int(root, "max", INT64_MAX);
    llmd__json_set_int(root, "min", INT64_MIN);
    llmd__json_set_double(root, "third", 1.0 / 3);
    llmd__json_set_double(root, "tenth", 0.1);
    llmd__json_set_double(root, "big", 1e22);
    llmd__json_set_double(root, "nan", strtod("nan", NULL));
    llmd__json_set_bool(root, "yes", true);
    llmd__json_set_null(root, "null");
    struct json *list = llmd__json_set_array(root, "list");
    llmd__json_add_str(list, "x");
    llmd__json_set_bool(llmd__json_add_object(list), "in", false);
    llmd__json_set_int(llmd__json_set_object(root, "object"), "n", 1);
    llmd__json_set_str(root, "name", "replaced");
}

static const char built[] =
    "{\"name\":\"replaced\",\"max\":9223372036854775807,\"min\":-9223372036854775808,"
    "\"third\":0.3333333333333333,\"tenth\":0.1,\"big\":1e+22,\"nan\":null,\"yes\":true,"
    "\"null\":null,\"list\":[\"x\",{\"in\":false}],\"object\":{\"n\":1}}";

static void test_building(void **state)
{
    AUTO(json) struct json *root = llmd__json_object();

    (void)state;
    build(root);
    assert_null(llmd__json_check(root));
    expect_text(root, built);
    llmd__json_remove(root, "list");
    llmd__json_remove(root, "not there");
    AUTO(json) struct json *detached = llmd__json_detach(root, "object");
    expect_text(detached, "{\"n\":1}");
    assert_string_equal(llmd__json_key(detached), "");
    assert_null(llmd__json_detach(root, "object"));
    llmd__json_set(root, "again", TAKE(detached));
    llmd__json_set_int(llmd__json_edit(root, "again"), "n", 1);
    assert_int_equal(llmd__json_int(root, "again.n", 0), 1);
}

/* printf writes 0,5 in these locales; where the machine has none of them, C's must do. */
static void test_decimal_point_of_the_locale(void **state)
{
    AUTO(json) struct json *root = llmd__json_object();

    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    llmd__json_set_double(root, "half", 0.5);
    AUTO(json) struct json *read = parsed("[0.25]");
    double quarter = llmd__json_double(read, "[0]", 0);
    setlocale(LC_NUMERIC, "C");
    expect_text(root, "{\"half\":0.5}");
    assert_true(quarter == 0.25);
}

/* Setters on what is not there, or not of the right kind, do nothing and lose nothing. */
static void test_building_on_the_wrong_kind(void **state)
{
    AUTO(json) struct json *text = llmd__json_new_str("x", 1);

    (void)state;
    assert_null(llmd__json_set_int(NULL, "a", 1));
    assert_null(llmd__json_set_int(text, "a", 1));
    assert_null(llmd__json_add_str(text, "a"));
    assert_null(llmd__json_set(NULL, "a", llmd__json_new_null()));
    assert_null(llmd__json_check(text));
    AUTO(error) llmd_error *error = llmd__json_check(NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_NO_MEMORY);
}

static void test_pretty(void **state)
{
    AUTO(json) struct json *json = parsed("{\"a\":[1,{\"b\":[]}],\"c\":{}}");
    AUTO(str) char *text = NULL;

    (void)state;
    assert_null(llmd__json_print_pretty(json, &text));
    assert_string_equal(text, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n"
                              "  \"c\": {}\n}");
}

static void test_equal(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"c\":2}", "{\"a\":1,\"b\":2}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,2]", false},
        {"1", "1.0", true},
        {"9007199254740993", "9007199254740992", false},
        {"18446744073709551615", "18446744073709551614", false},
        {"0.5", "5e-1", true},
        {"\"a\"", "\"b\"", false},
        {"null", "null", true},
        {"null", "false", false},
        {"true", "false", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO(json) struct json *a = parsed(rows[i].a);
        AUTO(json) struct json *b = parsed(rows[i].b);
        assert_int_equal(llmd__json_equal(a, b), rows[i].equal);
        assert_int_equal(llmd__json_equal(b, a), rows[i].equal);
    }
}

/* RFC 7396, appendix A, and nulls deeper down. */
static const struct {
    const char *target, *patch, *want;
} merges[] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

static void test_merge(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(merges) / sizeof(*merges); i++) {
        AUTO(json) struct json *target = parsed(merges[i].target);
        AUTO(json) struct json *patch = parsed(merges[i].patch);
        assert_null(llmd__json_merge(&target, patch));
        expect_text(target, merges[i].want);
    }
}

static llmd_error *make_all(struct json **out)
{
    AUTO(json) struct json *part = parsed("{\"keep\":null,\"n\":18446744073709551615}");

    return llmd__json_make(
        out,
        "{'s': %s, 'none': %s, 'i': %d, 'I': %I, 'b': %b, 'f': %f, 'j': %j, 'noj': %j,"
        " %s: 'v', 'a': ['100%%', %s, %s, -1.50, true, null], 'o': {'x': null}, 't': "
        "'it\\'s\\n\\t'}",
        "q'\"\n", (char *)NULL, 7, (int64_t)INT64_MAX, true, 0.5, part, (struct json *)NULL,
        "key/with.dot", "e", (char *)NULL);
}

static void test_make(void **state)
{
    AUTO(json) struct json *json = NULL;

    (void)state;
    assert_null(make_all(&json));
    expect_text(json, "{\"s\":\"q'\\\"\\n\",\"i\":7,\"I\":9223372036854775807,\"b\":true,\"f\":0.5,"
                      "\"j\":{\"keep\":null,\"n\":18446744073709551615},\"key/with.dot\":\"v\","
                      "\"a\":[\"100%\",\"e\",-1.50,true],\"o\":{},\"t\":\"it's\\n\\t\"}");
}

static void test_make_refuses_bad_templates(void **state)
{
    static const char *const bad[] = {"{'a': }", "{'a' 1}", "[1 2]", "{'a': 1", "'x",
                                      "%q",      "{} x",    "",      "01",      "{a: 1}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct json *json = (struct json *)1;
        AUTO(error) llmd_error *error = llmd__json_make(&json, bad[i]);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        assert_null(json);
    }
}

/* Comparing each key with each other would take minutes here. */
static void test_many_members(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(json) struct json *json = NULL;

    (void)state;
    llmd__buf_char(&text, '{');
    for (int i = 0; i < 200000; i++)
        llmd__buf_format(&text, "\"k%d\":%d,", i, i);
    llmd__buf_str(&text, "\"last\":1}");
    assert_null(llmd__json_parse(text.data, text.len, "test", &json));
    assert_int_equal(llmd__json_count(json), 200001);
    assert_int_equal(llmd__json_int(json, "k199999", 0), 199999);
}

/* --- without memory --- */

static llmd_error *parse_and_print(void *data)
{
    AUTO(json) struct json *json = NULL;
    AUTO(json) struct json *copy = NULL;
    AUTO(str) char *text = NULL;

    TRY(llmd__json_parse(data, strlen(data), "test", &json));
    TRY(llmd__json_copy(json, &copy));
    TRY(llmd__json_print_pretty(copy, &text));
    return NULL;
}

static llmd_error *build_and_print(void *data)
{
    AUTO(json) struct json *root = llmd__json_object();
    AUTO(str) char *text = NULL;

    (void)data;
    build(root);
    TRY(llmd__json_print(root, &text));
    /* A latch that got lost would show here as a short text. */
    return strcmp(text, built) == 0 ? NULL : llmd__error(LLMD_E_FAILED, "incomplete: %s", text);
}

static llmd_error *merge_one(void *data)
{
    AUTO(json) struct json *target = NULL;
    AUTO(json) struct json *patch = NULL;

    (void)data;
    TRY(llmd__json_parse("{\"a\":{\"b\":1}}", 13, "test", &target));
    TRY(llmd__json_parse("{\"a\":{\"b\":{\"c\":null,\"d\":[1]}},\"e\":1}", 37, "test", &patch));
    return llmd__json_merge(&target, patch);
}

static llmd_error *make_one(void *data)
{
    AUTO(json) struct json *json = NULL;

    (void)data;
    TRY(llmd__json_make(&json, "{'s': %s, 'i': [%d, %f], %s: {'b': %b}}", "x", 1, 0.5, "k", true));
    return llmd__json_check(json);
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(torture(parse_and_print, (void *)object) > 50);
    torture(parse_and_print, (void *)refusals[sizeof(refusals) / sizeof(*refusals) - 1].text);
    torture(parse_and_print, "[1e400]");
    assert_true(torture(build_and_print, NULL) > 30);
    torture(merge_one, NULL);
    torture(make_one, NULL);
    torture_sample(make_one, NULL, 1, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_escapes_are_resolved),
        cmocka_unit_test(test_byte_order_mark_is_skipped),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_length_counts),
        cmocka_unit_test(test_depth_is_capped),
        cmocka_unit_test(test_lines_are_known),
        cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_typed_lookups),
        cmocka_unit_test(test_exact_integers),
        cmocka_unit_test(test_building),
        cmocka_unit_test(test_decimal_point_of_the_locale),
        cmocka_unit_test(test_building_on_the_wrong_kind),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_make_refuses_bad_templates),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
