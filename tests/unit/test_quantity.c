/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/quantity.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* As `kubectl get` shows what was applied; the last ones are no quantities of ours. */
static void test_settles(void **state)
{
    static const char *const rows[][2] = {
        {"1", "1"},
        {"8000m", "8"},
        {"28000m", "28"},
        {"256m", "256m"},
        {"1000", "1k"},
        {"0.5", "500m"},
        {"1.5", "1500m"},
        {"0", "0"},
        {"1.5k", "1500"},
        {"1024Mi", "1Gi"},
        {"2Gi", "2Gi"},
        {"500Mi", "500Mi"},
        {"2048Ki", "2Mi"},
        {"1.5Gi", "1.5Gi"},
        {"1000000k", "1G"},
        {"", ""},
        {"much", "much"},
        {"1e3", "1e3"},
        {"1.2345", "1.2345"},
        {"-1", "-1"},
        {"99999999999999999999", "99999999999999999999"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(str) char *settled = llmd__quantity(rows[i][0]);
        assert_string_equal(settled, rows[i][1]);
    }
}

static void test_what_is_one(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } rows[] = {
        {"1", true},   {"0.5", true}, {".5", true},   {"5.", true},    {"100m", true},
        {"4Gi", true}, {"1e3", true}, {"1E-3", true}, {"1E", true},    {"3n", true},
        {"", false},   {"m", false},  {".", false},   {"1GB", false},  {"1gi", false},
        {"-1", false}, {"1e", false}, {"1e+", false}, {"1 Gi", false}, {"1.2.3", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (llmd__quantity_is(rows[i].text) != rows[i].is)
            fail_msg("%s", rows[i].text);
}

#define PRESET                                                                                     \
    "{\"spec\":{\"template\":{\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{"      \
    "\"cpu\":6,\"memory\":\"16Gi\"},\"requests\":{\"cpu\":\"1000m\",\"google.com/tpu\":4}}}]}}}"
#define SETTLED                                                                                    \
    "{\"spec\":{\"template\":{\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{"      \
    "\"cpu\":\"6\",\"memory\":\"16Gi\"},\"requests\":{\"cpu\":\"1\",\"google.com/tpu\":\"4\"}}}"   \
    "]}}}"

static llmd_error *settle_preset(void *data)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *text = NULL;

    (void)data;
    TRY(llmd__json_parse(PRESET, strlen(PRESET), "preset", &json));
    TRY(llmd__quantities_settle(json));
    TRY(llmd__json_print(json, &text));
    if (strcmp(text, SETTLED) != 0)
        return llmd__error(LLMD_E_FAILED, "%s", text);
    return NULL;
}

static void test_settles_a_tree(void **state)
{
    (void)state;
    assert_null(settle_preset(NULL));
    torture(settle_preset, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_one),
                                       cmocka_unit_test(test_settles),
                                       cmocka_unit_test(test_settles_a_tree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
