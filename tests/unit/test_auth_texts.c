/* SPDX-License-Identifier: Apache-2.0 */
/* The small texts around tokens: what servers and programs print, command lines, foreign words. */
#include "auth/access_token.h"
#include "auth/secret.h"
#include "auth/words.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define NOW_MS 1764064800000
#define LONG_WORD "0123456789012345678901234567890123456789012345678901234567890123"

static void test_tokens(void **state)
{
    static const struct {
        const char *text, *token;
        int64_t expires_ms;
        const char *words;
    } rows[] = {
        {"{\"access_token\":\"a\",\"expires_in\":3599}", "a", NOW_MS + 3599000, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":\"3599\"}", "a", NOW_MS + 3599000, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":3599.7}", "a", NOW_MS + 3599000, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":null}", "a", 0, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":0}", "a", NOW_MS, NULL},
        {"{\"access_token\":\"a\",\"expires_in\":99999999999999}", "a",
         NOW_MS + INT64_C(3660) * 24 * 3600000, NULL},
        {"{\"access_token\":\"a\"}", "a", 0, NULL},
        {"{\"accessToken\":\"a\",\"expireTime\":\"2025-11-25T11:00:00.123456789Z\"}", "a",
         NOW_MS + 3600123, NULL},
        {"{\"token\":\"a\",\"expirationTimestamp\":\"2025-11-25T10:00:00Z\"}", "a", 1764064800000,
         NULL},
        {"{\"access_token\":\"a\",\"token_expiry\":\"2025-11-25T10:00:00Z\"}", "a", 1764064800000,
         NULL},
        {"{\"access_token\":\"\"}", NULL, 0, "there is no token"},
        {"{\"access_token\":7}", NULL, 0, "there is no token"},
        {"{\"access_token\":\"a\",\"expires_in\":-1}", NULL, 0, "not a number of seconds"},
        {"{\"access_token\":\"a\",\"expires_in\":\"\"}", NULL, 0, "not a number of seconds"},
        {"{\"access_token\":\"a\",\"expires_in\":[]}", NULL, 0, "not a number of seconds"},
        {"{\"access_token\":\"a\",\"expiry\":\"soon\"}", NULL, 0, "not a time"},
        {"{\"access_token\":\"a\\r\\nX: y\"}", NULL, 0, "a line break"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(json) struct json *answer = NULL;
        AUTO(access_token) struct access_token token = {0};
        assert_null(llmd__json_parse(rows[i].text, strlen(rows[i].text), "answer", &answer));
        llmd_error *error = llmd__access_token_read(answer, NOW_MS, &token);
        if (rows[i].words) {
            assert_int_equal(llmd_error_code(error), LLMD_E_PROTOCOL);
            assert_non_null(strstr(llmd_error_message(error), rows[i].words));
            assert_null(token.value);
        } else {
            assert_null(error);
            assert_string_equal(token.value, rows[i].token);
            assert_int_equal(token.expires_wall_ms, rows[i].expires_ms);
        }
        llmd_error_free(error);
    }
}

static void test_command_lines(void **state)
{
    static const struct {
        const char *line;
        const char *want; /* joined by "|" */
        const char *words;
    } rows[] = {
        {"/bin/x", "/bin/x", NULL},
        {"  a\tb \n c ", "a|b|c", NULL},
        {"a 'b c' \"d e\"", "a|b c|d e", NULL},
        {"a'b'\"c\"d", "abcd", NULL},
        {"a \\ b\\'c", "a| b'c", NULL},
        {"a \"x\\\"y\\\\z\\n\"", "a|x\"y\\z\\n", NULL},
        {"a 'x\\y'", "a|x\\y", NULL},
        {"a ''", "a|", NULL},
        {"a $HOME `id` ; b > c", "a|$HOME|`id`|;|b|>|c", NULL},
        {"", NULL, "empty"},
        {"  ", NULL, "empty"},
        {"''", NULL, "empty"},
        {"a 'b", NULL, "not closed"},
        {"a \"b", NULL, "not closed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(buf) struct buf joined = BUF_INIT;
        char **words = NULL;
        AUTO(error) llmd_error *error = llmd__words_split(rows[i].line, &words);
        for (char **word = words; word && *word; word++)
            llmd__buf_format(&joined, "%s%s", word == words ? "" : "|", *word);
        llmd__words_free(words);
        if (!rows[i].words)
            assert_null(error);
        else
            assert_non_null(strstr(llmd_error_message(error), rows[i].words));
        assert_string_equal(llmd__buf_text(&joined), rows[i].want ? rows[i].want : "");
    }
}

static void test_too_many_words(void **state)
{
    AUTO(buf) struct buf line = BUF_INIT;
    char **words = NULL;

    (void)state;
    for (int i = 0; i < 257; i++)
        llmd__buf_str(&line, "a ");
    AUTO(error) llmd_error *error = llmd__words_split(llmd__buf_text(&line), &words);
    assert_non_null(strstr(llmd_error_message(error), "more than 256 words"));
    assert_null(words);
}

static void test_foreign_words(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *want;
    } rows[] = {
        {"", 10, ""},
        {"plain words", 100, "plain words"},
        {"plain words", 5, "plain"},
        {"two\nlines\ttab", 100, "two lines tab"},
        {"a " LONG_WORD " b", 100, "a *** b"},
        {"https://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool", 100,
         "https://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(str) char *censored = llmd__secret_censor(rows[i].text, rows[i].max);
        assert_string_equal(censored, rows[i].want);
    }
}

static llmd_error *split(void *line)
{
    char **words = NULL;

    llmd_error *error = llmd__words_split(line, &words);
    llmd__words_free(words);
    return error;
}

static void test_without_memory(void **state)
{
    char line[] = "a 'b c' d";

    (void)state;
    assert_true(torture(split, line) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),         cmocka_unit_test(test_command_lines),
        cmocka_unit_test(test_too_many_words), cmocka_unit_test(test_foreign_words),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
