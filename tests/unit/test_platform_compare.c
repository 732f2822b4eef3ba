/* SPDX-License-Identifier: Apache-2.0 */
/* What differs from a bundle, and what only looks so. */
#include "base/file.h"
#include "base/yaml.h"
#include "kube/object.h"
#include "platform/compare.h"
#include "support/errors.h"
#include "support/golden.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN SOURCE_DIR "/tests/unit/golden/platform-compare."

static void add_lines(struct buf *out, const struct json *wanted, const struct json *found)
{
    AUTO(json) struct json *fields = llmd__json_array();

    none(llmd__compare(wanted, found, fields));
    llmd__buf_format(out, "%s\n", llmd__object_name(wanted));
    JSON_EACH(field, fields)
        llmd__buf_format(out, "  %s\n", llmd__json_text(field));
}

static void read_pairs(struct json **out)
{
    AUTO(buf) struct buf text = BUF_INIT;

    none(llmd__file_read(GOLDEN "yaml", 1 << 20, &text));
    none(llmd__yaml_parse_all(llmd__buf_text(&text), "pairs", out));
}

static void test_pairs(void **state)
{
    AUTO(json) struct json *pairs = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    const struct json *wanted;

    (void)state;
    read_pairs(&pairs);
    assert_int_equal(llmd__json_count(pairs) % 2, 0);
    for (wanted = llmd__json_first(pairs); wanted;
         wanted = llmd__json_next(llmd__json_next(wanted)))
        add_lines(&text, wanted, llmd__json_next(wanted));
    golden_compare(GOLDEN "txt", llmd__buf_text(&text));
}

/* Nothing differs from itself, in whatever order. */
static void test_what_is_equal(void **state)
{
    AUTO(json) struct json *pairs = NULL;

    (void)state;
    read_pairs(&pairs);
    JSON_EACH(object, pairs) {
        AUTO(json) struct json *fields = llmd__json_array();

        none(llmd__compare(object, object, fields));
        assert_int_equal(llmd__json_count(fields), 0);
    }
}

static llmd_error *compare_work(void *data)
{
    AUTO(json) struct json *fields = llmd__json_array();
    const struct json *wanted = data;

    CHECK_MEMORY(fields);
    return llmd__compare(wanted, llmd__json_next(wanted), fields);
}

static void test_without_memory(void **state)
{
    AUTO(json) struct json *pairs = NULL;
    const struct json *changed;

    (void)state;
    read_pairs(&pairs);
    changed = llmd__json_next(llmd__json_next(llmd__json_first(pairs)));
    torture(compare_work, (void *)(uintptr_t)changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_what_is_equal),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
