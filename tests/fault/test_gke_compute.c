/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations of Compute Engine against a scripted Google: lost answers, waits, a faster process. */
#include "base/json.h"
#include "gke/compute_operation.h"
#include "support/gke_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- operations ---- */

static llmd_error *failure;

static llmd_error *on_done(void *data, struct graph *graph, llmd_error *error, enum trouble trouble)
{
    (void)data, (void)graph, (void)trouble;
    failure = error;
    return NULL;
}

static llmd_error *mutation(llmd_task **out)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    AUTO(graph) struct graph *graph = NULL;
    step_id step;
    struct mutation mutation = {.what = "subnet gw",
                                .method = "POST",
                                .scope = "regions/europe-west4",
                                .path = "/subnetworks",
                                .body = "{}",
                                .on_done = on_done};

    TRY(open_gke(&gke));
    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(llmd__mutation_step(graph, gke, &mutation, &step));
    return llmd__task_new(TAKE(graph), out);
}

static llmd_error *mutate(void)
{
    llmd_task *task = NULL;

    TRY(mutation(&task));
    return drive(task, NULL);
}

#define SUBNETS COMPUTE "/regions/europe-west4/subnetworks"
#define WAIT COMPUTE "/regions/europe-west4/operations/op-1/wait"

/* Waited for on the server's side; a failed operation is DONE as well (P111). */
static void test_P111_a_failed_operation_is_done_too(void **state)
{
    (void)state;
    server_on_json(server, "POST", SUBNETS, 200, "{\"name\":\"op-1\",\"status\":\"PENDING\"}");
    server_on_json(server, "POST", WAIT, 200,
                   "{\"name\":\"op-1\",\"status\":\"DONE\",\"httpErrorStatusCode\":409,\"error\":{"
                   "\"errors\":[{\"code\":\"RESOURCE_ALREADY_EXISTS\",\"message\":\"The resource "
                   "'gw' already exists\"}]}}");
    none(mutate());
    assert_int_equal(llmd_error_code(failure), LLMD_E_EXISTS);
    assert_non_null(strstr(llmd_error_message(failure), "already exists"));
    llmd_error_free(failure);
}

static void test_a_wait_that_is_not_over_is_asked_again(void **state)
{
    (void)state;
    server_on_json(server, "POST", SUBNETS, 200, "{\"name\":\"op-1\",\"status\":\"RUNNING\"}");
    server_on_json(server, "POST", WAIT, 200, "{\"name\":\"op-1\",\"status\":\"DONE\"}");
    server_fault(server, WAIT, FAULT_RESET, 0, 2);
    none(mutate());
    assert_null(failure);
    assert_int_equal(server_requests_of(server, "POST", WAIT), 3);
}

static void fail_five_times(struct conn *conn, const struct request *request, void *data)
{
    int *waits = data;

    (void)request;
    if ((*waits)++ < 5) {
        reply_header(conn, "Retry-After", "0");
        reply_json(conn, 503, "{\"error\":{\"code\":503,\"message\":\"Backend error\"}}");
    } else {
        reply_json(conn, 200, "{\"name\":\"op-1\",\"status\":\"DONE\"}");
    }
}

/* What was begun is followed, longer than the three tries that a request has without deadline. */
static void test_a_wait_outlives_troubles(void **state)
{
    LLMD_AUTO(llmd_task) task = NULL;
    int waits = 0;

    (void)state;
    server_on_json(server, "POST", SUBNETS, 200, "{\"name\":\"op-1\",\"status\":\"RUNNING\"}");
    server_on(server, "POST", WAIT, fail_five_times, &waits);
    none(mutation(&task));
    none(llmd_task_run(NULL, task, NULL, NULL));
    assert_null(failure);
    assert_int_equal(waits, 6);
}

/* P112: cut after the bytes went out: sent again with the same requestId. */
static void test_P112_the_same_request_id(void **state)
{
    (void)state;
    server_on_json(server, "POST", SUBNETS, 200, "{\"name\":\"op-1\",\"status\":\"DONE\"}");
    server_fault(server, SUBNETS, FAULT_RESET, 0, 2);
    none(mutate());
    assert_null(failure);
    assert_int_equal(server_requests(server), 3);
    assert_non_null(strstr(server_request(server, 0)->query, "requestId="));
    assert_string_equal(server_request(server, 0)->query, server_request(server, 2)->query);
    server_forget(server);
    none(mutate());
    assert_int_equal(server_requests(server), 1);
}

static void test_request_ids_are_uuids(void **state)
{
    char a[37], b[37];

    (void)state;
    llmd__request_id(a);
    llmd__request_id(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
}

/* ---- the network ---- */

static void give_late(struct conn *conn, const struct request *request, void *data)
{
    int *asked = data;

    (void)request;
    if ((*asked)++)
        reply_json(conn, 200, "{\"name\":\"edge\",\"address\":\"34.1.2.3\"}");
    else
        reply_json(conn, 404, "{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\"}}");
}

/* What another process made in the meantime was not made here. */
static void test_an_address_of_a_faster_one_is_found(void **state)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_network_spec) spec = NULL;
    llmd_task *task = NULL;
    int asked = 0;

    (void)state;
    server_on_json(server, "GET", "*", 200, "{}");
    server_on_json(server, "GET", COMPUTE "/aggregated/subnetworks", 200,
                   "{\"items\":{\"regions/europe-west4\":{\"subnetworks\":[{\"name\":\"proxies\","
                   "\"network\":\"x/default\",\"region\":\"x/europe-west4\",\"role\":\"ACTIVE\","
                   "\"purpose\":\"REGIONAL_MANAGED_PROXY\"}]}}}");
    server_on(server, "GET", COMPUTE "/regions/europe-west4/addresses/edge", give_late, &asked);
    server_on_json(server, "POST", COMPUTE "/regions/europe-west4/addresses", 409,
                   "{\"error\":{\"code\":409,\"status\":\"ALREADY_EXISTS\"}}");
    clear(&told);
    none(open_gke(&gke));
    none(llmd_network_spec_parse("address: edge", &spec));
    none(llmd_network_apply(gke, spec, &task));
    none(drive(task, note));
    assert_non_null(strstr(told.result, "34.1.2.3"));
    assert_non_null(find(&told, "edge", "FOUND"));
    assert_null(strstr(told.result, "\"made\":true"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(test_P111_a_failed_operation_is_done_too),
        SCRIPT_TEST(test_a_wait_that_is_not_over_is_asked_again),
        SCRIPT_TEST(test_a_wait_outlives_troubles),
        SCRIPT_TEST(test_P112_the_same_request_id),
        SCRIPT_TEST(test_request_ids_are_uuids),
        SCRIPT_TEST(test_an_address_of_a_faster_one_is_found),
    };

    if (argc > 1) /* "test_a*": these alone */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
