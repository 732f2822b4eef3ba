/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void test_the_nth_fails(void **state)
{
    (void)state;
    llmd__alloc_fail_at(2);
    AUTO(str) char *first = llmd__strdup("a");
    AUTO(str) char *second = llmd__strdup("b");
    AUTO(str) char *third = llmd__strdup("c");
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(llmd__alloc_count(), 3);
    llmd__alloc_fail_at(0);
    assert_int_equal(llmd__alloc_count(), 0);
}

static void test_each_way_can_fail(void **state)
{
    (void)state;
    llmd__alloc_fail_at(1);
    assert_null(llmd__malloc(1));
    llmd__alloc_fail_at(1);
    assert_null(llmd__calloc(1, 1));
    llmd__alloc_fail_at(1);
    assert_null(llmd__realloc(NULL, 1));
    llmd__alloc_fail_at(1);
    assert_null(llmd__strndup("x", 1));
    char *kept = llmd__strdup("kept");
    llmd__alloc_fail_at(1);
    assert_null(llmd__realloc(kept, 1000));
    llmd__alloc_fail_at(0);
    assert_string_equal(kept, "kept");
    llmd__free(kept);
}

static void test_live_blocks_are_counted(void **state)
{
    int64_t before = llmd__alloc_live();

    (void)state;
    void *block = llmd__malloc(0);
    char *grown = llmd__realloc(llmd__strdup("x"), 100);
    assert_non_null(block);
    assert_int_equal(llmd__alloc_live(), before + 2);
    llmd__free(block);
    llmd_free(grown);
    llmd_free(NULL);
    llmd__free_secret(NULL);
    assert_int_equal(llmd__alloc_live(), before);
}

static void test_wipe(void **state)
{
    char secret[] = "token";

    (void)state;
    llmd__wipe(secret, sizeof(secret));
    assert_memory_equal(secret, "\0\0\0\0\0", sizeof(secret));
    llmd__wipe(NULL, 0);
}

static void test_strdup(void **state)
{
    (void)state;
    assert_null(llmd__strdup(NULL));
    AUTO(str) char *part = llmd__strndup("abcdef", 3);
    assert_string_equal(part, "abc");
    char *moved = TAKE(part);
    assert_null(part);
    llmd__free(moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nth_fails),
        cmocka_unit_test(test_each_way_can_fail),
        cmocka_unit_test(test_live_blocks_are_counted),
        cmocka_unit_test(test_wipe),
        cmocka_unit_test(test_strdup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
