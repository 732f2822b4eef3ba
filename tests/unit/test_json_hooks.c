/* SPDX-License-Identifier: Apache-2.0 */
/* cJSON's allocator belongs to the program that uses us: what it sets stays set, and serves us too.
 */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static long taken, given_back;

/* Blocks with a head of their own: a free of the wrong kind is found at once. */
static void *take(size_t size)
{
    char *block = malloc(size + 16);

    if (!block)
        return NULL;
    taken++;
    return block + 16;
}

static void give_back(void *block)
{
    if (!block)
        return;
    given_back++;
    free((char *)block - 16);
}

static void use_all(void)
{
    static const char text[] = "{\"a\":[1,2.5,\"x\"],\"b\":{\"c\":null}}";
    AUTO(json) struct json *json = NULL;
    AUTO(json) struct json *copy = NULL;
    AUTO(str) char *printed = NULL;

    assert_null(llmd__json_parse(text, strlen(text), "test", &json));
    assert_null(llmd__json_copy(llmd__json_get(json, "b"), &copy));
    llmd__json_set_int(json, "a", 7);
    llmd__json_set(json, "d", llmd__json_detach(json, "b"));
    llmd__json_set_double(copy, "e", 0.5);
    llmd__json_remove(copy, "c");
    llmd__json_set(json, "f", TAKE(copy));
    assert_null(llmd__json_print(json, &printed));
    assert_string_equal(printed, "{\"a\":7,\"d\":{\"c\":null},\"f\":{\"e\":0.5}}");
}

static void test_the_programs_hooks_stay(void **state)
{
    cJSON_Hooks hooks = {take, give_back};

    (void)state;
    cJSON_InitHooks(&hooks);
    use_all();
    assert_true(taken > 20);
    assert_int_equal(taken, given_back);
    cJSON_free(cJSON_malloc(1));
    assert_int_equal(given_back, taken);
    cJSON_InitHooks(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_programs_hooks_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
