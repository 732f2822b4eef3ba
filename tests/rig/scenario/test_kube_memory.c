/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory while talking to a real API server: run-api.sh sets LLMD_TEST_KUBECONFIG. Draws
 * LLMD_TEST_ALLOCATIONS (default 150) of the allocations from the seed LLMD_TEST_SEED and fails
 * each in a run of its own. With 1 it is also a short walk through everything, for valgrind.
 */
#include "api.h"

#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define CM(name)                                                                                   \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name                                     \
    ", namespace: kube-memory-test, labels: {set: memory}}, data: {x: '1'}}\n---\n"

static const char objects[] =
    "{apiVersion: v1, kind: Namespace, metadata: {name: kube-memory-test}}\n---\n" CM("a") CM("b");

static llmd_error *finish(llmd_task *task)
{
    LLMD_AUTO(llmd_context) ctx = limit(LIMIT_MS);
    llmd_error *error = llmd_task_run(ctx, task, NULL, NULL);

    llmd_task_free(task);
    return error;
}

static llmd_error *apply_objects(const llmd_kube *kube)
{
    llmd_task *task = NULL;

    TRY(llmd_kube_apply(kube, objects, NULL, &task));
    return finish(task);
}

static llmd_error *get_one(const llmd_kube *kube)
{
    char *json = NULL;

    TRY(llmd_kube_get(NULL, kube, "cm", "kube-memory-test", "a", &json));
    llmd_free(json);
    return NULL;
}

static llmd_error *list_all(const llmd_kube *kube)
{
    LLMD_AUTO(llmd_kube_list) list = NULL;
    char *json = NULL;

    TRY(llmd_kube_list_open(kube, "configmaps", "kube-memory-test", NULL, NULL, &list));
    do {
        llmd_free(json);
        json = NULL;
        TRY(llmd_kube_list_next(NULL, list, &json));
    } while (json);
    return NULL;
}

static llmd_error *watch_until_synced(const llmd_kube *kube)
{
    LLMD_AUTO(llmd_kube_watch) watch = NULL;

    TRY(llmd_kube_watch_open(kube, "configmaps", "kube-memory-test", "set=memory", NULL, &watch));
    for (llmd_change_type type = 0; type != LLMD_CHANGE_SYNCED;) {
        LLMD_AUTO(llmd_kube_change) change = NULL;
        TRY(llmd_kube_watch_next(NULL, watch, &change));
        type = llmd_kube_change_type(change);
    }
    return NULL;
}

static llmd_error *wait_and_delete(const llmd_kube *kube)
{
    llmd_task *task = NULL;

    TRY(llmd_kube_wait(kube, "cm", "kube-memory-test", "a", "jsonpath={.data.x}=1", &task));
    TRY(finish(task));
    TRY(llmd_kube_delete(kube, "cm", "kube-memory-test", "a", &task));
    return finish(task);
}

static llmd_error *everything(void *kubeconfig)
{
    LLMD_AUTO(llmd_kube) kube = NULL;

    TRY(llmd_kube_open(kubeconfig, NULL, &kube));
    TRY(apply_objects(kube));
    TRY(get_one(kube));
    TRY(list_all(kube));
    TRY(watch_until_synced(kube));
    return wait_and_delete(kube);
}

static unsigned number(const char *variable, unsigned usual)
{
    const char *value = getenv(variable);

    return value ? (unsigned)strtoul(value, NULL, 10) : usual;
}

static void memory_may_end_anywhere(void **state)
{
    char *kubeconfig = getenv("LLMD_TEST_KUBECONFIG");

    (void)state;
    if (!kubeconfig)
        skip();
    succeed(everything(kubeconfig));
    torture_sample(everything, kubeconfig, number("LLMD_TEST_SEED", 3),
                   (int)number("LLMD_TEST_ALLOCATIONS", 150));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_may_end_anywhere)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
