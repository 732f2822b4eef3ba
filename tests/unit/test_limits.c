/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of limits against plain search. */
#include "net/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { COUNT = 64 };

static unsigned seed;

static unsigned draw(unsigned below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static const struct limit *earliest(const struct limit *all)
{
    const struct limit *found = NULL;

    for (int i = 0; i < COUNT; i++)
        if (all[i].place && (!found || all[i].when_us < found->when_us))
            found = &all[i];
    return found;
}

static void change(struct limits *limits, struct limit *limit)
{
    if (!limit->place) {
        limit->when_us = draw(1000);
        assert_null(llmd__limits_add(limits, limit));
    } else if (draw(2)) {
        limit->when_us += draw(1000);
        llmd__limits_later(limits, limit);
    } else {
        llmd__limits_remove(limits, limit);
    }
}

static void test_against_search(void **state)
{
    struct limit all[COUNT] = {0};
    struct limits limits = {0};

    (void)state;
    seed = 7;
    for (int i = 0; i < 20000; i++) {
        change(&limits, &all[draw(COUNT)]);
        const struct limit *want = earliest(all);
        const struct limit *got = llmd__limits_first(&limits);
        assert_int_equal(want != NULL, got != NULL);
        if (got)
            assert_int_equal(got->when_us, want->when_us);
    }
    llmd__limits_remove(&limits, &(struct limit){0});
    llmd__limits_free(&limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_search)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
