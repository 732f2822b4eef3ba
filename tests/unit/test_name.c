/* SPDX-License-Identifier: Apache-2.0 */
#include "base/name.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define A20 "aaaaaaaaaaaaaaaaaaaa"

static void expect(llmd_error *error, const char *message, const char *advice)
{
    assert_string_equal(llmd_error_message(error), message);
    assert_string_equal(llmd_error_advice(error), advice);
    if (error)
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    llmd_error_free(error);
}

static void test_labels(void **state)
{
    static const char *const good[] = {"a", "0", "qwen-3", "a--b", A20 A20 A20 "abc"};
    static const char *const bad[][2] = {
        {"Qwen_3", "use for example \"qwen-3\""},
        {"-a", "use for example \"a\""},
        {"a-", "use for example \"a\""},
        {"a.b", "use for example \"a-b\""},
        {"Qwen/Qwen2.5-3B", "use for example \"qwen-qwen2-5-3b\""},
        {"a b", "use for example \"a-b\""},
        {"\xC3\xA4", ""},
        {"_", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_null(llmd__name_check_label("service name", good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char message[200];
        snprintf(message, sizeof(message),
                 "service name \"%s\": must be lower case letters, digits and '-', and begin and "
                 "end with a letter or digit (RFC 1123 label)",
                 bad[i][0]);
        expect(llmd__name_check_label("service name", bad[i][0]), message, bad[i][1]);
    }
}

static void test_label_lengths(void **state)
{
    (void)state;
    expect(llmd__name_check_label("namespace", ""), "namespace: missing", "");
    expect(llmd__name_check_label("namespace", NULL), "namespace: missing", "");
    expect(llmd__name_check_label("namespace", A20 A20 A20 "abcd"),
           "namespace \"" A20 A20 "...\": 64 characters, at most 63",
           "use for example \"" A20 A20 A20 "abc\"");
}

static void test_subdomains(void **state)
{
    static const char *const good[] = {"a", "a.b", "gateways.gateway.networking.k8s.io", "1.2.3",
                                       A20 A20 A20 A20 ".b"};
    static const char *const bad[] = {".a", "a.", "a..b", "a.-b", "A.b", "a_b", "a/b"};
    char longest[300];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_null(llmd__name_check_subdomain("object name", good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        AUTO(error) llmd_error *error = llmd__name_check_subdomain("object name", bad[i]);
        assert_non_null(strstr(llmd_error_message(error), "(RFC 1123 subdomain)"));
    }
    memset(longest, 'a', sizeof(longest));
    longest[253] = '\0';
    assert_null(llmd__name_check_subdomain("object name", longest));
    longest[253] = 'a';
    longest[254] = '\0';
    AUTO(error) llmd_error *error = llmd__name_check_subdomain("object name", longest);
    assert_non_null(strstr(llmd_error_message(error), "254 characters, at most 253"));
}

static void test_env(void **state)
{
    static const char *const good[] = {"HF_TOKEN", "_x", "a.b-c", "A1", "-", ".a"};
    static const char *const bad[] = {"1A", "A=B", "A B", "", ".", "..", "..a", "\xC3\xA4"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_null(llmd__name_check_env(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        AUTO(error) llmd_error *error = llmd__name_check_env(bad[i]);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    }
}

static llmd_error *check(void *data)
{
    return llmd__name_check_label("service name", data);
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(check, "Qwen_3");
    torture(check, A20 A20 A20 A20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),         cmocka_unit_test(test_label_lengths),
        cmocka_unit_test(test_subdomains),     cmocka_unit_test(test_env),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
