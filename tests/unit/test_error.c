/* SPDX-License-Identifier: Apache-2.0 */
#include "support/torture.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void test_success_is_null(void **state)
{
    (void)state;
    assert_int_equal(llmd_error_code(NULL), LLMD_OK);
    assert_string_equal(llmd_error_message(NULL), "");
    assert_string_equal(llmd_error_reason(NULL), "");
    assert_string_equal(llmd_error_advice(NULL), "");
    assert_int_equal(llmd_error_http_status(NULL), 0);
    assert_false(llmd_error_retryable(NULL));
    assert_int_equal(llmd_error_retry_after_ms(NULL), 0);
    assert_null(llmd_error_cause(NULL));
    assert_null(llmd__error_copy(NULL));
    assert_null(llmd__error_wrap(NULL, "x"));
    llmd_error_free(NULL);
}

static llmd_error *refused(void)
{
    llmd_error *error = llmd__error(LLMD_E_DENIED, "403 Forbidden: %s", "no");

    llmd__error_set_reason(error, "Forbidden");
    llmd__error_set_advice(error, "ask %s", "Anna");
    llmd__error_set_http_status(error, 403);
    return llmd__error_set_retry(error, true, 1500);
}

static void expect_refused(const llmd_error *error)
{
    assert_int_equal(llmd_error_code(error), LLMD_E_DENIED);
    assert_string_equal(llmd_error_reason(error), "Forbidden");
    assert_string_equal(llmd_error_advice(error), "ask Anna");
    assert_int_equal(llmd_error_http_status(error), 403);
    assert_true(llmd_error_retryable(error));
    assert_int_equal(llmd_error_retry_after_ms(error), 1500);
}

static void test_wrapping_inherits(void **state)
{
    AUTO(error) llmd_error *error = refused();

    (void)state;
    error = llmd__error_wrap(error, "apply %s", "refused");
    error = llmd__error_wrap(error, "gateway %s/%s", "llm", "edge");
    assert_string_equal(llmd_error_message(error),
                        "gateway llm/edge: apply refused: 403 Forbidden: no");
    expect_refused(error);
    assert_string_equal(llmd_error_message(llmd_error_cause(error)),
                        "apply refused: 403 Forbidden: no");
    llmd__error_set_advice(error, "first this");
    assert_string_equal(llmd_error_advice(error), "first this");
    llmd__error_set_advice(error, "no, that");
    assert_string_equal(llmd_error_advice(error), "no, that");
    assert_string_equal(llmd_error_advice(llmd_error_cause(error)), "ask Anna");
}

static void test_copy_is_deep(void **state)
{
    llmd_error *error = llmd__error_wrap(refused(), "gateway");
    AUTO(error) llmd_error *copy = llmd__error_copy(error);

    (void)state;
    llmd_error_free(error);
    assert_string_equal(llmd_error_message(copy), "gateway: 403 Forbidden: no");
    expect_refused(copy);
    expect_refused(llmd_error_cause(copy));
}

static void test_errno(void **state)
{
    AUTO(error) llmd_error *none = llmd__error_errno(ENOENT, "%s", "/no/such");
    AUTO(error) llmd_error *denied = llmd__error_errno(EACCES, "x");
    AUTO(error) llmd_error *other = llmd__error_errno(EMFILE, "x");

    (void)state;
    assert_int_equal(llmd_error_code(none), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_message(none), "/no/such: No such file or directory");
    assert_int_equal(llmd_error_code(denied), LLMD_E_DENIED);
    assert_int_equal(llmd_error_code(other), LLMD_E_SYSTEM);
    assert_string_equal(llmd_error_advice(other), "raise ulimit -n");
    assert_ptr_equal(llmd__error_errno(ENOMEM, "x"), llmd__error_no_memory());
}

static void test_no_memory_is_static(void **state)
{
    llmd_error *error = llmd__error_no_memory();

    (void)state;
    llmd__error_set_reason(error, "x");
    llmd__error_set_advice(error, "x");
    llmd__error_set_code(error, LLMD_E_FAILED);
    llmd__error_set_http_status(error, 500);
    llmd__error_set_retry(error, true, 1);
    llmd_error_free(error);
    assert_ptr_equal(llmd__error_wrap(error, "x"), error);
    assert_ptr_equal(llmd__error_copy(error), error);
    assert_string_equal(llmd_error_message(error), "out of memory");
    assert_string_equal(llmd_error_reason(error), "");
    assert_int_equal(llmd_error_http_status(error), 0);
    assert_int_equal(llmd_error_code(error), LLMD_E_NO_MEMORY);
}

static void test_code_names(void **state)
{
    (void)state;
    assert_string_equal(llmd_code_name(LLMD_OK), "OK");
    for (int code = LLMD_OK; code <= LLMD_E_NO_MEMORY; code++)
        assert_string_not_equal(llmd_code_name((llmd_code)code), "UNKNOWN");
    assert_string_equal(llmd_code_name((llmd_code)99), "UNKNOWN");
    assert_string_equal(llmd_code_name((llmd_code)-1), "UNKNOWN");
}

static void test_code_can_be_changed(void **state)
{
    AUTO(error) llmd_error *error = llmd__error(LLMD_E_INVALID, "bad JSON");

    (void)state;
    llmd__error_set_code(error, LLMD_E_PROTOCOL);
    assert_int_equal(llmd_error_code(error), LLMD_E_PROTOCOL);
    assert_null(llmd__error_set_code(NULL, LLMD_E_PROTOCOL));
}

/* An error whose advice got lost is not the error that was meant: it must say NO_MEMORY. */
static llmd_error *make_wrap_copy(void *data)
{
    AUTO(error) llmd_error *error = llmd__error_wrap(refused(), "%s", "gateway");
    llmd_error *copy = llmd__error_copy(error);

    (void)data;
    if (llmd_error_code(copy) == LLMD_E_DENIED && !*llmd_error_advice(copy)) {
        llmd_error_free(copy);
        return llmd__error(LLMD_E_FAILED, "the advice got lost");
    }
    return copy;
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(torture(make_wrap_copy, NULL) >= 8);
}

static void test_one_line(void **state)
{
    AUTO(error) llmd_error *error = llmd__error(LLMD_E_INVALID, "a\r\nb\x1b[2J \xC3\xA4");

    (void)state;
    assert_string_equal(llmd_error_message(error), "a  b [2J \xC3\xA4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success_is_null),     cmocka_unit_test(test_wrapping_inherits),
        cmocka_unit_test(test_copy_is_deep),        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_no_memory_is_static), cmocka_unit_test(test_code_names),
        cmocka_unit_test(test_code_can_be_changed), cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
