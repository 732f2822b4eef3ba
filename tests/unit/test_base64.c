/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "support/torture.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

/* RFC 4648 section 10. */
static const char *const vectors[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        AUTO(buf) struct buf text = BUF_INIT;
        AUTO(buf) struct buf back = BUF_INIT;
        llmd__base64_encode(vectors[i][0], strlen(vectors[i][0]), false, &text);
        assert_string_equal(llmd__buf_text(&text), vectors[i][1]);
        assert_null(llmd__base64_decode(vectors[i][1], "x", &back));
        assert_string_equal(llmd__buf_text(&back), vectors[i][0]);
    }
}

static void test_all_bytes(void **state)
{
    unsigned char bytes[256];
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(buf) struct buf back = BUF_INIT;

    (void)state;
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    llmd__base64_encode(bytes, sizeof(bytes), false, &text);
    assert_null(llmd__base64_decode(llmd__buf_text(&text), "x", &back));
    assert_int_equal(back.len, 256);
    assert_memory_equal(back.data, bytes, 256);
}

static void test_url_form(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;

    (void)state;
    llmd__base64_encode("\xFB\xEF\xFF\xFE", 4, true, &text);
    assert_string_equal(llmd__buf_text(&text), "--___g");
}

static void test_white_space(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;

    (void)state;
    assert_null(llmd__base64_decode(" Zm9v\r\n\tYg= =\n", "x", &out));
    assert_string_equal(llmd__buf_text(&out), "foob");
}

static void test_refusals(void **state)
{
    static const char *const bad[][2] = {
        {"Zm9", "key: the base64 text ends early"},     {"Z", "key: the base64 text ends early"},
        {"Zg=", "key: the base64 text ends early"},     {"Zg", "key: the base64 text ends early"},
        {"Z===", "key: not base64 at character 2"},     {"====", "key: not base64 at character 1"},
        {"Zg==Zg==", "key: not base64 at character 5"}, {"Zg=g", "key: not base64 at character 4"},
        {"Zm9v*", "key: not base64 at character 5"},    {"Zm9-", "key: not base64 at character 4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        AUTO(buf) struct buf out = BUF_INIT;
        AUTO(error) llmd_error *error = llmd__base64_decode(bad[i][0], "key", &out);
        assert_string_equal(llmd_error_message(error), bad[i][1]);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    }
}

static llmd_error *decode(void *data)
{
    AUTO(buf) struct buf out = BUF_INIT;

    return llmd__base64_decode(data, "key", &out);
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(decode, "Zm9vYmFy");
    torture(decode, "*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_all_bytes),
        cmocka_unit_test(test_url_form), cmocka_unit_test(test_white_space),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
