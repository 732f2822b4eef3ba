/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox in which nothing happens uses no processor: what has settled asks for no other look. */
#include "sandbox/controllers.h"
#include "sandbox/options.h"
#include "sandbox/sandbox.h"
#include "sandbox/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

/* Two sets that held back for a beat after every look woke each other for ever. */
static void test_replica_sets(void **state)
{
    char *argv[] = {(char *)(uintptr_t) "llmd-sandbox", NULL};
    struct options options;
    int sets = 0;

    (void)state;
    assert_int_equal(options_parse(&options, 1, argv), 0);
    struct sandbox *sandbox = sandbox_start(&options);
    assert_non_null(sandbox);
    pthread_mutex_lock(&sandbox->lock);
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next)
        for (struct object *set = kind->objects; set; set = set->next) {
            if (kind->reconcile != reconcile_replicaset)
                continue;
            int64_t later = set->since + 1000000;
            int64_t version = sandbox->store.version;
            assert_int_equal(reconcile_replicaset(sandbox, set, later), 0);
            assert_int_equal(sandbox->store.version, version);
            assert_int_equal(reconcile_replicaset(sandbox, set, later + 1), 0);
            sets++;
        }
    pthread_mutex_unlock(&sandbox->lock);
    assert_true(sets > 3);
    sandbox_stop(sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_replica_sets)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
