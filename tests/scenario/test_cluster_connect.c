/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to clusters that were made: their tokens age, many threads use them, and the API
   server behind them may be another one. */
#include "base/context.h"
#include "support/events.h"
#include "support/folder.h"
#include "support/gke.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what the sandbox was asked ---- */

static char record[600];

static int count_in_record(const char *words)
{
    FILE *file = fopen(record, "r");
    char line[8192];
    int count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        count += strstr(line, words) != NULL;
    fclose(file);
    return count;
}

static int set_up_recorded(void **state)
{
    *state = calloc(1, sizeof(struct gke_rig));
    snprintf(record, sizeof(record), "%s/record.jsonl", folder);
    unlink(record);
    return gke_start(*state, "--record", record);
}

static int set_up_short_lived(void **state)
{
    *state = calloc(1, sizeof(struct gke_rig));
    return gke_start(*state, "--google-token-seconds", "2");
}

/* ---- tokens ---- */

static int count_nodes(struct gke_rig *rig, const llmd_kube *kube)
{
    LLMD_AUTO(llmd_kube_list) nodes = NULL;
    char *json = NULL;
    int count = 0;

    gke_good(rig, llmd_kube_list_open(kube, "nodes", NULL, NULL, NULL, &nodes));
    for (;; count++) {
        gke_good(rig, llmd_kube_list_next(rig->ctx, nodes, &json));
        if (!json)
            return count;
        llmd_free(json);
    }
}

static void a_connection_outlives_its_token(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = NULL;

    gke_good(rig, gke_try_apply(rig, PLAIN));
    gke_good(rig, llmd_cluster_connect(rig->ctx, rig->gke, "llm", &kube));
    assert_int_equal(count_nodes(rig, kube), 1);
    gke_good(rig, llmd__context_sleep(NULL, 2500)); /* its token lives for two seconds */
    assert_int_equal(count_nodes(rig, kube), 1);
    gke_nothing_is_left(rig);
}

static void P134_a_login_that_has_ended_is_told(void **state)
{
    struct gke_rig *rig = *state;
    llmd_cluster *cluster = NULL;

    gke_fault(rig, "token-revoked", "", -1);
    gke_bad(rig, llmd_cluster_get(rig->ctx, rig->gke, "none", &cluster), LLMD_E_DENIED,
            "invalid_grant");
}

static void a_token_endpoint_may_fail_once(void **state)
{
    struct gke_rig *rig = *state;

    gke_fault(rig, "token-failure", "", 1);
    gke_good(rig, gke_try_delete(rig, false)); /* finds nothing, for which it needs a token */
    assert_true(count_in_record("oauth2.googleapis.com/token") >= 2);
}

#define THREADS 100

struct asking {
    pthread_t thread;
    const struct gke_rig *rig;
    llmd_code code;
};

static void *ask(void *data)
{
    struct asking *asking = data;
    llmd_cluster *cluster = NULL;
    LLMD_AUTO(llmd_error) error = llmd_cluster_get(NULL, asking->rig->gke, "none", &cluster);

    asking->code = llmd_error_code(error);
    return NULL;
}

static void a_hundred_threads_get_one_token(void **state)
{
    struct gke_rig *rig = *state;
    static struct asking askings[THREADS];

    for (int i = 0; i < THREADS; i++) {
        askings[i].rig = rig;
        assert_int_equal(pthread_create(&askings[i].thread, NULL, ask, &askings[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(askings[i].thread, NULL);
        assert_int_equal(askings[i].code, LLMD_E_NOT_FOUND);
    }
    assert_int_equal(count_in_record("clusters/none"), THREADS);
    assert_int_equal(count_in_record("oauth2.googleapis.com/token"), 1);
}

/* ---- an API server of somebody else's: --kubernetes ---- */

struct outside {
    struct gke_rig rig;
    struct sandbox_process *kubernetes;
};

static int set_up_outside(void **state)
{
    struct outside *outside = calloc(1, sizeof(*outside));

    *state = outside;
    outside->kubernetes = sandbox_process_start(
        (const char *const[]){"--profile", "gke", "--tls", "--token", "outside-token", NULL});
    return !outside->kubernetes || gke_start(&outside->rig, "--kubernetes",
                                             sandbox_process_kubeconfig(outside->kubernetes));
}

static int tear_down_outside(void **state)
{
    struct outside *outside = *state;

    sandbox_process_stop(outside->kubernetes);
    return gke_tear_down(state);
}

#define NODE(name, pool)                                                                           \
    "---\n"                                                                                        \
    "apiVersion: v1\n"                                                                             \
    "kind: Node\n"                                                                                 \
    "metadata: {name: " name ", labels: {cloud.google.com/gke-nodepool: " pool "}}\n"              \
    "status:\n"                                                                                    \
    "  conditions: [{type: Ready, status: 'True', reason: KubeletReady}]\n"

static void apply_outside(struct outside *outside, const char *manifests)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    llmd_task *task = NULL;
    llmd_error *error =
        llmd_kube_open(sandbox_process_kubeconfig(outside->kubernetes), NULL, &kube);

    gke_good(&outside->rig, error);
    error = llmd_kube_apply(kube, manifests, NULL, &task);
    gke_good(&outside->rig, gke_run(&outside->rig, error, task));
}

static void serve(struct gke_rig *rig, const llmd_kube *kube)
{
    LLMD_AUTO(llmd_gateway_spec) gateway = llmd_gateway_spec_new("default", "edge");
    LLMD_AUTO(llmd_service_spec) service = llmd_service_spec_new("default", "qwen", "hf://a/b");
    LLMD_AUTO(llmd_request) hello = llmd_request_new(LLMD_REQUEST_CHAT);
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_reply) reply = NULL;
    llmd_task *task = NULL;
    llmd_error *error = llmd_gateway_apply(kube, gateway, &task);

    gke_good(rig, gke_run(rig, error, task));
    llmd_service_spec_set(service, "preset", "simulator");
    llmd_service_spec_set(service, "gateway.name", "edge");
    error = llmd_service_apply(kube, service, &task);
    gke_good(rig, gke_run(rig, error, task));
    gke_good(rig, llmd_service_connect(rig->ctx, kube, "default", "qwen", NULL, &endpoint));
    llmd_request_add_message(hello, "user", "Hello!");
    gke_good(rig, llmd_endpoint_send(rig->ctx, endpoint, hello, &reply));
    assert_string_not_equal(llmd_reply_text(reply), "");
}

/* Google's calls, then that API server, with one program and one set of credentials. */
static void the_cluster_may_be_another_api_server(void **state)
{
    struct outside *outside = *state;
    struct gke_rig *rig = &outside->rig;
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_error) error = NULL;
    char *json = NULL;

    apply_outside(outside, NODE("n1", "work"));
    gke_good(rig, gke_try_apply(rig, PLAIN));
    gke_good(rig, llmd_cluster_connect(rig->ctx, rig->gke, "llm", &kube));
    assert_string_equal(llmd_kube_server(kube), sandbox_process_url(outside->kubernetes));
    serve(rig, kube);
    gke_nothing_is_left(rig); /* and what was in it has been drained */
    error = llmd_kube_get(rig->ctx, kube, "llminferenceservices.serving.kserve.io", "default",
                          "qwen", &json);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_outlives_its_token, set_up_short_lived,
                                        gke_tear_down),
        GKE_TEST(P134_a_login_that_has_ended_is_told),
        cmocka_unit_test_setup_teardown(a_token_endpoint_may_fail_once, set_up_recorded,
                                        gke_tear_down),
        cmocka_unit_test_setup_teardown(a_hundred_threads_get_one_token, set_up_recorded,
                                        gke_tear_down),
        cmocka_unit_test_setup_teardown(the_cluster_may_be_another_api_server, set_up_outside,
                                        tear_down_outside),
    };

    if (argc > 1) /* "P2*": these alone */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
