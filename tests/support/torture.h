/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that out of memory is an error like any other: a piece of work is run with its 1st
 * allocation failing, then its 2nd, and so on until one run ends without reaching the failure.
 * Each run must end as the undisturbed one did, or with LLMD_E_NO_MEMORY, and must leave as many
 * blocks as it found.
 *
 *     static llmd_error *read_config(void *data)
 *     {
 *         AUTO(json) struct json *json = NULL;
 *         TRY(llmd__yaml_parse(data, "config", &json));
 *         return llmd__json_check(json);
 *     }
 *     static void test_config_without_memory(void **state)
 *     {
 *         torture(read_config, "a: 1");
 *     }
 *
 * The work frees all that it makes and asserts nothing that a failed allocation may change: check
 * the result in a test of its own. To check it here as well, return an error for a wrong one.
 */
#ifndef TESTS_SUPPORT_TORTURE_H
#define TESTS_SUPPORT_TORTURE_H

#include "base/error.h"

typedef llmd_error *(*torture_fn)(void *data);

/* Every allocation in turn. Returns how many there were. */
int64_t torture(torture_fn work, void *data);

/* `runs` allocations drawn from the seed, for work with servers and threads, where one run is slow.
   The number of allocations may differ from run to run there. */
void torture_sample(torture_fn work, void *data, unsigned seed, int runs);

#endif
