/* SPDX-License-Identifier: Apache-2.0 */
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* Work that allocates more is a mistake of the test. */
#define MAX_ALLOCATIONS 200000

static void expect_code(int64_t n, llmd_error *error, llmd_code usual)
{
    llmd_code code = llmd_error_code(error);

    if (code != usual && code != LLMD_E_NO_MEMORY)
        fail_msg("allocation %lld failing: want %s or NO_MEMORY, got %s: %s", (long long)n,
                 llmd_code_name(usual), llmd_code_name(code), llmd_error_message(error));
    llmd_error_free(error);
}

/* One run; true if it reached the n-th allocation. */
static bool run(torture_fn work, void *data, int64_t n, llmd_code usual)
{
    int64_t live = llmd__alloc_live();

    llmd__alloc_fail_at(n);
    llmd_error *error = work(data);
    bool reached = llmd__alloc_count() >= n;
    llmd__alloc_fail_at(0);
    if (!reached && llmd_error_code(error) != usual)
        fail_msg("nothing failed, yet: %s", llmd_error_message(error));
    expect_code(n, error, usual);
    if (llmd__alloc_live() != live)
        fail_msg("allocation %lld failing: %lld blocks leaked", (long long)n,
                 (long long)(llmd__alloc_live() - live));
    return reached;
}

/* The undisturbed run: how it ends, and how many allocations it makes. */
static llmd_code warm_up(torture_fn work, void *data, int64_t *allocations)
{
    llmd__alloc_fail_at(0);
    llmd_error *error = work(data);
    llmd_code code = llmd_error_code(error);

    *allocations = llmd__alloc_count();
    if (code == LLMD_E_NO_MEMORY)
        fail_msg("out of memory though nothing was made to fail");
    llmd_error_free(error);
    return code;
}

int64_t torture(torture_fn work, void *data)
{
    int64_t allocations;
    llmd_code usual = warm_up(work, data, &allocations);

    for (int64_t n = 1; run(work, data, n, usual); n++) {
        if (n == MAX_ALLOCATIONS)
            fail_msg("more than %d allocations", MAX_ALLOCATIONS);
    }
    return allocations;
}

void torture_sample(torture_fn work, void *data, unsigned seed, int runs)
{
    int64_t allocations;
    llmd_code usual = warm_up(work, data, &allocations);

    for (int i = 0; i < runs && allocations > 0; i++) {
        int64_t n = 1 + rand_r(&seed) % allocations;
        run(work, data, n, usual);
    }
}
