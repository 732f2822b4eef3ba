/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/llmd-test-file-XXXXXX";

static void write_file(const char *data, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
}

static int make_path(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_read(void **state)
{
    AUTO(buf) struct buf out = BUF_INIT;

    (void)state;
    write_file("a: 1\n", 5);
    assert_null(llmd__file_read(path, 5, &out));
    assert_string_equal(llmd__buf_text(&out), "a: 1\n");
}

static void test_read_large(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(buf) struct buf out = BUF_INIT;

    (void)state;
    for (int i = 0; i < 10000; i++)
        llmd__buf_format(&text, "line %d\n", i);
    write_file(text.data, text.len);
    assert_null(llmd__file_read(path, 1 << 20, &out));
    assert_string_equal(llmd__buf_text(&out), text.data);
}

static void test_refusals(void **state)
{
    AUTO(buf) struct buf none = BUF_INIT;
    AUTO(buf) struct buf folder = BUF_INIT;
    AUTO(buf) struct buf large = BUF_INIT;
    AUTO(buf) struct buf nul = BUF_INIT;

    (void)state;
    AUTO(error) llmd_error *missing = llmd__file_read("/no/such/file", 10, &none);
    assert_int_equal(llmd_error_code(missing), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_message(missing), "/no/such/file: No such file or directory");
    assert_non_null(strstr(llmd_error_advice(missing), "check the path"));
    AUTO(error) llmd_error *is_folder = llmd__file_read("/tmp", 10, &folder);
    assert_int_equal(llmd_error_code(is_folder), LLMD_E_SYSTEM);
    write_file("abcdef", 6);
    AUTO(error) llmd_error *too_large = llmd__file_read(path, 5, &large);
    assert_int_equal(llmd_error_code(too_large), LLMD_E_TOO_LARGE);
    assert_non_null(strstr(llmd_error_message(too_large), path));
    write_file("a\0b", 3);
    AUTO(error) llmd_error *has_nul = llmd__file_read(path, 10, &nul);
    assert_int_equal(llmd_error_code(has_nul), LLMD_E_INVALID);
}

static void test_stamp(void **state)
{
    (void)state;
    write_file("a", 1);
    uint64_t before = llmd__file_stamp(path);
    assert_int_equal(llmd__file_stamp(path), before);
    write_file("ab", 2);
    assert_int_not_equal(llmd__file_stamp(path), before);
    assert_int_equal(llmd__file_stamp("/no/such/file"), 0);
}

static void test_beside(void **state)
{
    static const char *const rows[][3] = {
        {"/home/me/.kube/config", "ca.crt", "/home/me/.kube/ca.crt"},
        {"/home/me/.kube/config", "/etc/ca.crt", "/etc/ca.crt"},
        {"/home/me/.kube/config", "../ca.crt", "/home/me/.kube/../ca.crt"},
        {"config", "ca.crt", "ca.crt"},
        {"dir/config", "ca.crt", "dir/ca.crt"},
        {"/config", "ca.crt", "/ca.crt"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        AUTO(str) char *beside = llmd__file_beside(rows[i][0], rows[i][1]);
        assert_string_equal(beside, rows[i][2]);
    }
}

static llmd_error *read_it(void *data)
{
    AUTO(buf) struct buf out = BUF_INIT;

    return llmd__file_read(data, 1 << 20, &out);
}

static void test_without_memory(void **state)
{
    (void)state;
    write_file("some text", 9);
    assert_true(torture(read_it, path) >= 1);
    torture(read_it, "/no/such/file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),     cmocka_unit_test(test_read_large),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_stamp),
        cmocka_unit_test(test_beside),   cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
