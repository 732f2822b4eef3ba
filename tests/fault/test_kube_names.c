/* SPDX-License-Identifier: Apache-2.0 */
/* Names that no object has: refused before anything is sent. An empty one would mean every object
 * of the kind, and with DELETE the end of them. */
#include "base/buf.h"
#include "support/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "llmd/llmd.h"

static struct server *server;
static llmd_kube *kube;

static int set_up(void **state)
{
    (void)state;
    server = server_start(NULL, NULL);
    AUTO(str)
    char *config =
        llmd__format("{current-context: c, clusters: [{name: c, cluster: {server: '%s'}}], "
                     "contexts: [{name: c, context: {cluster: c, namespace: llm}}]}",
                     server_url(server));
    llmd_error *error = llmd_kube_open_text(config, NULL, &kube);
    return error ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    llmd_kube_free(kube);
    server_stop(server);
    return 0;
}

static void refused(const char *call, const char *name, llmd_error *error)
{
    if (llmd_error_code(error) != LLMD_E_INVALID)
        fail_msg("%s of \"%s\": %s", call, name, llmd_error_message(error));
    if (strpbrk(llmd_error_message(error), "\r\n"))
        fail_msg("%s: more than a line: %s", call, llmd_error_message(error));
    llmd_error_free(error);
}

/* A task must not even be made. */
static void no_task(const char *call, const char *name, llmd_error *error, llmd_task *task)
{
    assert_null(task);
    refused(call, name, error);
}

#define TASK(function, ...)                                                                        \
    do {                                                                                           \
        llmd_task *task = NULL;                                                                    \
        llmd_error *error = function(__VA_ARGS__, &task);                                          \
        no_task(#function, name, error, task);                                                     \
    } while (0)

static void try_name(const char *ns, const char *name)
{
    llmd_endpoint *endpoint = NULL;
    llmd_service *service = NULL;
    llmd_gateway *gateway = NULL;
    llmd_kube_logs *logs = NULL;
    char *text = NULL;

    TASK(llmd_kube_delete, kube, "pods", ns, name);
    TASK(llmd_kube_wait, kube, "pods", ns, name, "create");
    TASK(llmd_service_delete, kube, ns, name);
    TASK(llmd_service_wait, kube, ns, name);
    TASK(llmd_gateway_delete, kube, ns, name);
    TASK(llmd_gateway_wait, kube, ns, name);
    TASK(llmd_health_service, kube, ns, name);
    refused("get", name, llmd_kube_get(NULL, kube, "pods", ns, name, &text));
    refused("service get", name, llmd_service_get(NULL, kube, ns, name, &service));
    refused("gateway get", name, llmd_gateway_get(NULL, kube, ns, name, &gateway));
    refused("connect", name, llmd_service_connect(NULL, kube, ns, name, NULL, &endpoint));
    refused("logs", name, llmd_kube_logs_open(kube, ns, name, NULL, false, false, -1, &logs));
}

static void test_names(void **state)
{
    static const char *const names[] = {"",    ".",   "..",  "../pods",   "a/b",
                                        "a b", "a%b", "a?b", "a\r\nX: y", " "};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        try_name("llm", names[i]);
    assert_int_equal(server_requests(server), 0);
}

static void test_namespaces(void **state)
{
    static const char *const names[] = {"..", "a/b", "a b", "*/"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        try_name(names[i], "qwen");
    assert_int_equal(server_requests(server), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_namespaces, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
