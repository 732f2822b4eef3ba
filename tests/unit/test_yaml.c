/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_scan.h"
#include "base/yaml.h"
#include "support/torture.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static struct json *parsed(const char *text)
{
    struct json *documents = NULL;
    llmd_error *error = llmd__yaml_parse_all(text, "f.yaml", &documents);

    if (error)
        fail_msg("%s: %s", text, llmd_error_message(error));
    return documents;
}

struct row {
    const char *text;
    const char *want; /* all documents, or the error */
};

/* Held against sigs.k8s.io/yaml 1.6.0, which differs where we differ on purpose: yes, no, on, off
   and y are booleans there, repeated keys and NUL pass, and integers past 64 bits lose digits. */
static const struct row scalars[] = {
    {"a: null", "[{\"a\":null}]"},
    {"a: ~", "[{\"a\":null}]"},
    {"a:", "[{\"a\":null}]"},
    {"a: Null", "[{\"a\":null}]"},
    {"[n, nul, nulls, nullify, ~x, tru, truer, truthful, fals, falsely]",
     "[[\"n\",\"nul\",\"nulls\",\"nullify\",\"~x\",\"tru\",\"truer\",\"truthful\",\"fals\","
     "\"falsely\"]]"},
    {"a: true", "[{\"a\":true}]"},
    {"a: True", "[{\"a\":true}]"},
    {"a: FALSE", "[{\"a\":false}]"},
    {"a: tRue", "[{\"a\":\"tRue\"}]"},
    {"a: yes", "[{\"a\":\"yes\"}]"},
    {"a: no", "[{\"a\":\"no\"}]"},
    {"a: on", "[{\"a\":\"on\"}]"},
    {"a: Off", "[{\"a\":\"Off\"}]"},
    {"a: y", "[{\"a\":\"y\"}]"},
    {"a: 0", "[{\"a\":0}]"},
    {"a: -7", "[{\"a\":-7}]"},
    {"a: +7", "[{\"a\":7}]"},
    {"a: 0644", "[{\"a\":420}]"},
    {"a: -0644", "[{\"a\":-420}]"},
    {"a: 0o644", "[{\"a\":420}]"},
    {"a: 00", "[{\"a\":0}]"},
    {"a: 0899", "[{\"a\":899}]"},
    {"a: 0x1F", "[{\"a\":31}]"},
    {"a: -0x10", "[{\"a\":-16}]"},
    {"a: 0b101", "[{\"a\":5}]"},
    {"a: 1_000", "[{\"a\":1000}]"},
    {"a: 0xFFFFFFFFFFFFFFFF", "[{\"a\":18446744073709551615}]"},
    {"a: 0x1FFFFFFFFFFFFFFFF", "[{\"a\":\"0x1FFFFFFFFFFFFFFFF\"}]"},
    {"a: -0x8000000000000000", "[{\"a\":-9223372036854775808}]"},
    {"a: -0x8000000000000001", "[{\"a\":\"-0x8000000000000001\"}]"},
    {"a: 0x", "[{\"a\":\"0x\"}]"},
    {"a: 0xg", "[{\"a\":\"0xg\"}]"},
    {"a: 0x0x1", "[{\"a\":\"0x0x1\"}]"},
    {"a: 0o8", "[{\"a\":\"0o8\"}]"},
    {"a: 0b2", "[{\"a\":\"0b2\"}]"},
    {"a: 9007199254740993", "[{\"a\":9007199254740993}]"},
    {"a: 18446744073709551616", "[{\"a\":18446744073709551616}]"},
    {"a: 1.50", "[{\"a\":1.50}]"},
    {"a: .5", "[{\"a\":0.5}]"},
    {"a: -.5", "[{\"a\":-0.5}]"},
    {"a: 1.", "[{\"a\":1}]"},
    {"a: 1e3", "[{\"a\":1e3}]"},
    {"a: 1.e+3", "[{\"a\":1e+3}]"},
    {"a: 007.5", "[{\"a\":7.5}]"},
    {"a: 1e", "[{\"a\":\"1e\"}]"},
    {"a: 1.2.3", "[{\"a\":\"1.2.3\"}]"},
    {"a: .", "[{\"a\":\".\"}]"},
    {"a: -", "f.yaml:1: YAML: block sequence entries are not allowed in this context"},
    {"a: '-'", "[{\"a\":\"-\"}]"},
    {"a: 100m", "[{\"a\":\"100m\"}]"},
    {"a: 16Gi", "[{\"a\":\"16Gi\"}]"},
    {"a: 2026-11-24", "[{\"a\":\"2026-11-24\"}]"},
    {"a: 2026-11-24T10:00:00Z", "[{\"a\":\"2026-11-24T10:00:00Z\"}]"},
    {"a: 10:30", "[{\"a\":\"10:30\"}]"},
    {"a: \"1\"", "[{\"a\":\"1\"}]"},
    {"a: 'true'", "[{\"a\":\"true\"}]"},
    {"a: \"\"", "[{\"a\":\"\"}]"},
    {"a: !!str 1", "[{\"a\":\"1\"}]"},
    {"a: ! 1", "[{\"a\":\"1\"}]"},
    {"a: !!int \"1\"", "[{\"a\":1}]"},
    {"a: !!float 1", "[{\"a\":1}]"},
    {"a: !!float 1.5", "[{\"a\":1.5}]"},
    {"a: !!bool \"true\"", "[{\"a\":true}]"},
    {"a: !!null \"\"", "[{\"a\":null}]"},
    {"a: !!map {b: !!seq [1]}", "[{\"a\":{\"b\":[1]}}]"},
    {"a: !!int x", "f.yaml:1: the tag tag:yaml.org,2002:int is not supported here"},
    {"a: !!binary aGk=", "f.yaml:1: the tag tag:yaml.org,2002:binary is not supported here"},
    {"a: !mine 1", "f.yaml:1: the tag !mine is not supported here"},
    {"a: !mine [1]", "f.yaml:1: the tag !mine is not supported here"},
    {"a: .inf", "f.yaml:1: .inf: JSON has no infinity and no NaN"},
    {"\na: .NaN", "f.yaml:2: .NaN: JSON has no infinity and no NaN"},
    {"a: 12e4567", "[{\"a\":\"12e4567\"}]"},
    {"a: 1234567890123456789012345678901234567890123456789012345678901",
     "f.yaml:1: a number of more than 60 characters"},
    {"a: \"x\\0y\"", "f.yaml:1: a NUL in a string is not supported"},
};

static const struct row shapes[] = {
    {"", "[]"},
    {"# nothing\n", "[]"},
    {"---\n---\n# x\n---\na: 1\n...\n---\n", "[{\"a\":1}]"},
    {"a: 1\n---\nb: 2\n", "[{\"a\":1},{\"b\":2}]"},
    {"- 1\n- [2, {a: b}]\n- - 3\n", "[[1,[2,{\"a\":\"b\"}],[3]]]"},
    {"just text", "[\"just text\"]"},
    {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", "[{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}]"},
    {"\xEF\xBB\xBF"
     "a: 1",
     "[{\"a\":1}]"},
    {"a: \"\\u00e4\\x41\"", "[{\"a\":\"\xC3\xA4"
                            "A\"}]"},
    {"1: a\ntrue: b\n0x10: c\n1.5: d", "[{\"1\":\"a\",\"true\":\"b\",\"16\":\"c\",\"1.5\":\"d\"}]"},
    {"? [a]\n: 1", "f.yaml:1: a key must be a string"},
    {"~: 1", "f.yaml:1: a key must be a string"},
    {"a: 1\nb: 2\na: 3", "f.yaml:3: the key \"a\" stands twice in one mapping, first in line 1"},
    {"a: 1\n\"a\": 3", "f.yaml:2: the key \"a\" stands twice in one mapping, first in line 1"},
    {"a: [1", "f.yaml:1: YAML: did not find expected ',' or ']' while parsing a flow sequence"},
    {"a:\n\tb: 1",
     "f.yaml:2: YAML: found character that cannot start any token while scanning for the next "
     "token"},
    {"a: b: c", "f.yaml:1: YAML: mapping values are not allowed in this context"},
    {"x: 1\nb:\n  - [1,\n    2\n\n",
     "f.yaml:3: YAML: did not find expected ',' or ']' while parsing a flow sequence"},
    {"a: \xFF", "f.yaml:1: invalid leading UTF-8 octet"},
    {"# one\n\na: \x01", "f.yaml:3: control characters are not allowed"},
};

static const struct row aliases[] = {
    {"a: &x {k: 1}\nb: *x", "[{\"a\":{\"k\":1},\"b\":{\"k\":1}}]"},
    {"a: &x 1\nb: &x 2\nc: *x", "[{\"a\":1,\"b\":2,\"c\":2}]"},
    {"&k key: 1\nother: *k", "[{\"key\":1,\"other\":\"key\"}]"},
    {"a: &k x\n*k : 1", "[{\"a\":\"x\",\"x\":1}]"},
    {"a: *x", "f.yaml:1: the alias *x has no anchor before it"},
    {"a: &x [*x]", "f.yaml:1: the alias *x has no anchor before it"},
    {"a: &x 1\n---\nb: *x", "f.yaml:3: the alias *x has no anchor before it"},
    {"a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3",
     "[{\"a\":{\"k\":1,\"l\":2},\"b\":{\"l\":3,\"k\":1}}]"},
    {"b:\n  l: 3\n  <<: {k: 1, l: 2}", "[{\"b\":{\"l\":3,\"k\":1}}]"},
    {"<<: [{a: 1, b: 1}, {b: 2, c: 2}]\nc: 3", "[{\"c\":3,\"a\":1,\"b\":1}]"},
    {"<<: {a: 1}\n<<: {b: 2}", "[{\"a\":1,\"b\":2}]"},
    {"\"<<\": 1", "[{\"<<\":1}]"},
    {"<<: 1", "f.yaml:1: << wants a mapping or a list of mappings"},
    {"a: 1\n<<: [{b: 1}, 2]", "f.yaml:2: << wants a mapping or a list of mappings"},
};

static void expect(const struct row *row)
{
    struct json *documents = (struct json *)1;
    AUTO(str) char *text = NULL;
    AUTO(error) llmd_error *error = llmd__yaml_parse_all(row->text, "f.yaml", &documents);

    if (error) {
        assert_null(documents);
        assert_string_equal(llmd_error_message(error), row->want);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        return;
    }
    assert_null(llmd__json_print(documents, &text));
    assert_string_equal(text, row->want);
    llmd__json_free(documents);
}

#define EXPECT_ALL(rows)                                                                           \
    for (size_t i_ = 0; i_ < sizeof(rows) / sizeof(*(rows)); i_++)                                 \
    expect(&(rows)[i_])

static void test_scalars(void **state)
{
    (void)state;
    EXPECT_ALL(scalars);
}

static void test_shapes(void **state)
{
    (void)state;
    EXPECT_ALL(shapes);
}

static void test_aliases_and_merges(void **state)
{
    (void)state;
    EXPECT_ALL(aliases);
}

/* What is JSON gives what the JSON parser gives, pairs of surrogates and tabs included. */
static void test_json_is_yaml(void **state)
{
    static const char *const texts[] = {
        "{\"a\":9007199254740993,\"b\":[1.50,1e3,-0],\"c\":{}}",
        "\n [\"\\ud83d\\ude00\\/\",\t{\"a\":null}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        AUTO(json) struct json *json = NULL;
        AUTO(json) struct json *documents = parsed(texts[i]);
        AUTO(str) char *want = NULL;
        AUTO(str) char *got = NULL;
        assert_null(llmd__json_parse(texts[i], strlen(texts[i]), "json", &json));
        assert_null(llmd__json_print(json, &want));
        assert_null(llmd__json_print(llmd__json_first(documents), &got));
        assert_string_equal(got, want);
        assert_int_equal(llmd__json_line(llmd__json_first(documents)), llmd__json_line(json));
    }
}

/* Flow style is not JSON: it goes on to libyaml. */
static void test_flow_style(void **state)
{
    static const struct row rows[] = {
        {"{a: 1, b: [x, 'y']}", "[{\"a\":1,\"b\":[\"x\",\"y\"]}]"},
        {"{\"a\": 1}\n---\n{\"b\": 0644}", "[{\"a\":1},{\"b\":420}]"},
        {"{\"a\": 1, \"a\": 2}", "f.yaml:1: the key \"a\" stands twice in one mapping"},
        {"[1, 2,]", "[[1,2]]"},
    };

    (void)state;
    EXPECT_ALL(rows);
}

static void test_lines(void **state)
{
    AUTO(json) struct json *documents = parsed("# x\na: 1\nb:\n  c:\n  - x\n  - y: 2\n---\nd: 1\n");

    (void)state;
    assert_int_equal(llmd__json_line(llmd__json_get(documents, "[0]")), 2);
    assert_int_equal(llmd__json_line(llmd__json_get(documents, "[0].b")), 3);
    assert_int_equal(llmd__json_line(llmd__json_get(documents, "[0].b.c")), 4);
    assert_int_equal(llmd__json_line(llmd__json_get(documents, "[0].b.c[0]")), 5);
    assert_int_equal(llmd__json_line(llmd__json_get(documents, "[0].b.c[1].y")), 6);
    assert_int_equal(llmd__json_line(llmd__json_get(documents, "[1].d")), 8);
}

static void test_exactly_one_mapping(void **state)
{
    static const struct row rows[] = {
        {"", "s.yaml: empty, want a mapping"},
        {"\n\n- a", "s.yaml:3: want a mapping, got an array"},
        {"text", "s.yaml:1: want a mapping, got a string"},
        {"a: 1\n---\nb: 2\n", "s.yaml:3: want one document, got 2"},
    };
    struct json *json;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO(error) llmd_error *error = llmd__yaml_parse(rows[i].text, "s.yaml", &json);
        assert_string_equal(llmd_error_message(error), rows[i].want);
        assert_null(json);
    }
    assert_null(llmd__yaml_parse("---\na: 1\n---\n", "s.yaml", &json));
    assert_int_equal(llmd__json_int(json, "a", 0), 1);
    llmd__json_free(json);
}

static void expect_too_large(const char *text)
{
    struct json *documents;
    AUTO(error) llmd_error *error = llmd__yaml_parse_all(text, "f.yaml", &documents);

    assert_int_equal(llmd_error_code(error), LLMD_E_TOO_LARGE);
    assert_null(documents);
}

static void test_depth_is_capped(void **state)
{
    AUTO(buf) struct buf flow = BUF_INIT;
    AUTO(buf) struct buf block = BUF_INIT;

    (void)state;
    for (int i = 0; i < 20000; i++)
        llmd__buf_char(&flow, '[');
    expect_too_large(llmd__buf_text(&flow));
    for (int i = 0; i < LLMD__JSON_MAX_DEPTH + 1; i++)
        llmd__buf_format(&block, "%*sa:\n", i, "");
    llmd__buf_format(&block, "%*sa: 1\n", LLMD__JSON_MAX_DEPTH + 1, "");
    expect_too_large(llmd__buf_text(&block));
}

/* Nine levels of nine: 9^9 values from 300 bytes. */
static void test_billion_laughs(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;

    (void)state;
    llmd__buf_str(&text, "a0: &a0 lol\n");
    for (int i = 1; i < 10; i++) {
        llmd__buf_format(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            llmd__buf_format(&text, "*a%d,", i - 1);
        llmd__buf_str(&text, "]\n");
    }
    expect_too_large(llmd__buf_text(&text));
}

/* Aliases of aliases: each is shallow where it stands, together they would be deep. */
static void test_depth_through_aliases(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;

    (void)state;
    llmd__buf_str(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 400; i++)
        llmd__buf_format(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    expect_too_large(llmd__buf_text(&text));
}

static void test_many_anchors(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;

    (void)state;
    for (int i = 0; i < 1001; i++)
        llmd__buf_format(&text, "- &a%d x\n", i);
    expect_too_large(llmd__buf_text(&text));
}

/* Comparing each key with each other would take minutes here. */
static void test_many_keys(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;

    (void)state;
    for (int i = 0; i < 100000; i++)
        llmd__buf_format(&text, "k%d: %d\n", i, i);
    AUTO(json) struct json *documents = parsed(llmd__buf_text(&text));
    assert_int_equal(llmd__json_count(llmd__json_first(documents)), 100000);
}

static llmd_error *parse_all(void *data)
{
    AUTO(json) struct json *documents = NULL;
    AUTO(str) char *text = NULL;

    TRY(llmd__yaml_parse_all(data, "f.yaml", &documents));
    return llmd__json_print(documents, &text);
}

static llmd_error *parse_one(void *data)
{
    AUTO(json) struct json *json = NULL;

    return llmd__yaml_parse(data, "f.yaml", &json);
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(torture(parse_all, "a: &x {k: 0644, l: [1.5, x, true, ~]}\n"
                                   "b:\n  <<: *x\n  l: 3\n  1: 2\n---\nc: *y\n") > 40);
    torture(parse_all, "a: &x {k: 0644, l: [1.5, x, true, ~]}\nb:\n  <<: [*x]\n  l: 3\n");
    torture(parse_all, "a: 1\na: 2\n");
    torture(parse_all, "a: 1e999\n");
    torture(parse_all, "{a: 1}");
    torture(parse_all, "{\"a\": [1, \"x\"]}");
    torture(parse_one, "a: 1\n---\nb: 1\n");
    torture(parse_one, "a: 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_aliases_and_merges),
        cmocka_unit_test(test_json_is_yaml),
        cmocka_unit_test(test_flow_style),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_exactly_one_mapping),
        cmocka_unit_test(test_depth_is_capped),
        cmocka_unit_test(test_billion_laughs),
        cmocka_unit_test(test_depth_through_aliases),
        cmocka_unit_test(test_many_anchors),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
