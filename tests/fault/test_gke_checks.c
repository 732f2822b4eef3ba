/* SPDX-License-Identifier: Apache-2.0 */
/* Preflight, network, cost and proof against a scripted Google: refusals, outages, odd answers, and
   no memory. */
#include "base/clock.h"
#include "base/json.h"
#include "gke/leak.h"
#include "support/gke_script.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static llmd_error *open_spec(llmd_cluster_spec **out)
{
    return llmd_cluster_spec_parse("name: llm\nprivateNodes: true\nnodePools:\n- {preset: "
                                   "tpu-v6e-4t, nodes: 1, fallbacks: [{zones: [europe-west4-b]}, "
                                   "{spot: true}]}\n- {preset: nvidia-l4, nodes: 1, spot: true}\n",
                                   out);
}

static llmd_error *preflight_with(bool place, llmd_event_fn on_event)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_task *task = NULL;

    TRY(open_gke(&gke));
    if (!place)
        TRY(open_spec(&spec));
    TRY(llmd_cluster_preflight(gke, spec, &task));
    return drive(task, on_event);
}

static void preflight(void)
{
    clear(&told);
    none(preflight_with(false, note));
}

static size_t count(const char *reason)
{
    size_t n = 0;

    for (size_t i = 0; i < told.count; i++)
        n += strcmp(told.items[i].reason, reason) == 0;
    return n;
}

/* ---- a preflight that learns nothing ---- */

/* Every look but one fails: each is told, none is passed over in silence, and it ends. */
static void test_a_failed_look_is_never_silent(void **state)
{
    (void)state;
    server_on_json(server, NULL, NULL, 403,
                   "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":"
                   "\"Required \\\"x.y.get\\\" permission(s) for \\\"projects/p\\\".\"}}");
    server_on_json(server, NULL, "/cloudresourcemanager.googleapis.com/v1/projects/p", 200,
                   "{\"lifecycleState\":\"ACTIVE\"}");
    preflight();
    assert_int_equal(count("UNKNOWN") + 1 /* project */ + 1 /* capacity */ + 1 /* end */,
                     told.count);
    assert_true(count("UNKNOWN") > 20);
    for (size_t i = 0; i < told.count; i++)
        if (told.items[i].level > LLMD_LEVEL_INFO && !*told.items[i].advice)
            fail_msg("%s %s without advice", told.items[i].subject, told.items[i].reason);
}

/* A project that is not there is in the way of every look: one error, which names it. */
static void test_no_such_project_is_told_once(void **state)
{
    const struct seen *project;

    (void)state;
    server_on_json(server, NULL, NULL, 403,
                   "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":"
                   "\"Permission denied on resource project p.\"}}");
    preflight();
    project = find(&told, "Project/p", "PROJECT_NOT_FOUND");
    assert_non_null(project);
    assert_int_equal(project->level, LLMD_LEVEL_ERROR);
    assert_non_null(strstr(project->message, "more looks at project p"));
    assert_int_equal(count("UNKNOWN"), 0);
}

static void test_P135_no_quota_project(void **state)
{
    (void)state;
    server_on_json(server, NULL, "/cloudquotas.googleapis.com/*", 403,
                   "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":\"Your "
                   "application is authenticating by using local Application Default "
                   "Credentials. The cloudquotas.googleapis.com API requires a quota project, "
                   "which is not set by default.\"}}");
    preflight();
    assert_non_null(find(&told, "TPUS-PER-TPU-FAMILY", "QUOTA_PROJECT"));
    assert_non_null(
        strstr(find(&told, "TPUS-PER-TPU-FAMILY", "QUOTA_PROJECT")->advice, "QUOTA_PROJECT"));
}

static void test_bad_credentials_are_told_as_such(void **state)
{
    (void)state;
    server_on_json(server, NULL, NULL, 401,
                   "{\"error\":{\"code\":401,\"status\":\"UNAUTHENTICATED\",\"message\":\"Request "
                   "had invalid authentication credentials.\"}}");
    preflight();
    assert_non_null(find(&told, "Project/p", "CREDENTIALS"));
}

/* Answers that are no JSON, or JSON of another kind, are no reason to crash or to be content. */
static void test_odd_answers(void **state)
{
    static const char *const answers[] = {"<html>502</html>",
                                          "[]",
                                          "\"x\"",
                                          "{\"items\":7}",
                                          "{}",
                                          "{\"quotas\":[null,1,{\"metric\":3}],\"items\":{\"zones/"
                                          "a\":null},\"policies\":[[]],\"clusters\":[7]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        server_on_text(server, NULL, NULL, 200, "application/json", answers[i]);
        preflight();
        assert_true(told.count > 20);
        clear(&told);
        none(preflight_with(true, note));
    }
}

/* An outage ends after a few tries, whatever the deadline. */
static void test_an_outage_is_told_soon(void **state)
{
    AUTO(error) llmd_error *error = NULL;

    (void)state;
    server_refuse(server, true);
    clear(&told);
    error = preflight_with(false, note);
    assert_int_equal(llmd_error_code(error), LLMD_E_UNREACHABLE);
    assert_non_null(strstr(llmd_error_message(error), "nothing could be checked"));
    assert_non_null(strstr(llmd_error_message(error), server_url(server)));
    assert_non_null(strstr(llmd_error_message(error), "connection refused"));
    assert_int_equal(count("UNKNOWN"), 0);
}

#define DEAD_TOKEN_URL "http://127.0.0.1:1/token"

static llmd_error *preflight_without_token(void)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_task *task = NULL;

    TRY(llmd_credentials_google_json("{\"type\":\"authorized_user\",\"client_id\":\"c\","
                                     "\"client_secret\":\"s\",\"refresh_token\":\"r\","
                                     "\"token_uri\":\"" DEAD_TOKEN_URL "\"}",
                                     &credentials));
    TRY(llmd_gke_open(credentials, "p", "europe-west4-a", &gke));
    TRY(open_spec(&spec));
    TRY(llmd_cluster_preflight(gke, spec, &task));
    return drive(task, note);
}

/* Whoever gives the token is away: told with its address, and not once for each look. */
static void test_no_token_ends_it_at_once(void **state)
{
    AUTO(error) llmd_error *error = NULL;
    int64_t begin_ms = llmd__clock_mono_ms();

    (void)state;
    clear(&told);
    error = preflight_without_token();
    assert_int_equal(llmd_error_code(error), LLMD_E_UNREACHABLE);
    assert_non_null(strstr(llmd_error_message(error), DEAD_TOKEN_URL));
    assert_int_equal(told.count, 0);
    assert_true(llmd__clock_mono_ms() - begin_ms < 15000);
}

/* A page that comes again and again ends, too. */
static void test_a_page_without_end(void **state)
{
    (void)state;
    server_on_json(server, NULL, COMPUTE "/regions/*", 200,
                   "{\"items\":[],\"nextPageToken\":\"again\"}");
    clear(&told);
    none(preflight_with(true, note));
    assert_true(server_requests(server) >= 1000);
}

static void expect_reservation(const char *answer, const char *reason)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_task *task = NULL;

    server_on_json(server, "GET",
                   "/compute.googleapis.com/compute/v1/projects/shared/zones/europe-west4-a/"
                   "reservations/kept",
                   200, answer);
    clear(&told);
    none(open_gke(&gke));
    none(llmd_cluster_spec_parse("name: llm\nnodePools:\n- {preset: tpu-v6e-4t, nodes: 2, "
                                 "reservation: projects/shared/reservations/kept}\n",
                                 &spec));
    none(llmd_cluster_preflight(gke, spec, &task));
    none(drive(task, note));
    if (!find(&told, "Reservation/europe-west4-a/kept", reason)) {
        print(&told);
        fail_msg("not %s", reason);
    }
}

/* P114: what does not answer may have it. */
static void test_a_zone_that_does_not_answer_refuses_nothing(void **state)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_task *task = NULL;

    (void)state;
    server_on_json(server, NULL, NULL, 200, "{}");
    server_on_json(server, "GET", COMPUTE "/aggregated/machineTypes", 200,
                   "{\"unreachables\":[\"zones/europe-west4-b\"]}");
    clear(&told);
    none(llmd_credentials_from_token("secret", &credentials));
    none(llmd_gke_open(credentials, "p", "europe-west4", &gke));
    none(llmd_cluster_spec_parse("name: llm", &spec));
    none(llmd_cluster_preflight(gke, spec, &task));
    none(drive(task, note));
    assert_non_null(find(&told, "MachineType/europe-west4/e2-standard-4", "UNKNOWN"));
    assert_null(find(&told, "MachineType/europe-west4/e2-standard-4", "MACHINE_TYPE_NOT_FOUND"));
}

/* What is not looked at is told. */
static void test_a_preflight_that_was_cut_says_so(void **state)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    llmd_task *task = NULL;

    (void)state;
    server_on_json(server, NULL, NULL, 200, "{}");
    llmd__buf_str(&text, "name: llm\nnodePools:\n");
    for (int i = 1; i < 70; i++)
        llmd__buf_format(&text, "- {name: a%d, machine: n2-standard-%d}\n", i, i);
    clear(&told);
    none(open_gke(&gke));
    none(llmd_cluster_spec_parse(llmd__buf_text(&text), &spec));
    none(llmd_cluster_preflight(gke, spec, &task));
    none(drive(task, note));
    assert_non_null(find(&told, "Preflight", "UNKNOWN"));
    preflight();
    assert_null(find(&told, "Preflight", "UNKNOWN"));
}

#define QUOTA_INFOS                                                                                \
    "/cloudquotas.googleapis.com/v1/projects/p/locations/global/services/compute.googleapis.com/"  \
    "quotaInfos/"

#define FALLBACK "NodePool/llm/tpu-v6e-4t/fallbacks[1]"

/* A fall-back draws on another quota: it is known before it is needed. */
static void test_P4_quotas_of_fallbacks(void **state)
{
    static const char enough[] =
        "{\"dimensionsInfos\":[{\"dimensions\":{\"region\":\"europe-west4\",\"tpu_family\":"
        "\"CT6E\"},\"details\":{\"value\":\"8\"}}]}";

    (void)state;
    server_on_json(server, NULL, NULL, 200, "{}");
    server_on_json(server, "GET", QUOTA_INFOS "TPUS-PER-TPU-FAMILY-per-project-region", 200,
                   enough);
    preflight();
    assert_int_equal(count("FALLBACK_QUOTA"), 1); /* another zone draws on the same */
    assert_non_null(find(&told, FALLBACK, "FALLBACK_QUOTA"));
    assert_non_null(strstr(find(&told, FALLBACK, "FALLBACK_QUOTA")->message,
                           "PREEMPTIBLE-TPU-V6E-per-project-region: limit 0, used 0, needed 4"));
    server_on_json(
        server, "GET", QUOTA_INFOS "PREEMPTIBLE-TPU-V6E-per-project-region", 200,
        "{\"dimensionsInfos\":[{\"dimensions\":{\"region\":\"europe-west4\"},\"details\":{"
        "\"value\":\"-1\"}}]}");
    preflight();
    assert_int_equal(count("FALLBACK_QUOTA"), 0);
}

#define RESERVED(status, machine, count, used)                                                     \
    "{\"status\":\"" status "\",\"specificReservation\":{\"count\":\"" count                       \
    "\",\"inUseCount\":\"" used "\",\"instanceProperties\":{\"machineType\":\"" machine "\"}}}"

/* One of another project that shares it. */
static void test_reservations(void **state)
{
    (void)state;
    expect_reservation(RESERVED("READY", "ct6e-standard-4t", "4", "2"), "RESERVATION");
    expect_reservation(RESERVED("READY", "ct6e-standard-4t", "4", "3"), "RESERVATION_FULL");
    expect_reservation(RESERVED("READY", "zones/z/ct6e-standard-1t", "4", "0"),
                       "RESERVATION_DIFFERS");
    expect_reservation(RESERVED("CREATING", "ct6e-standard-4t", "4", "0"), "RESERVATION_NOT_READY");
}

/* ---- the catalogue ---- */

static const char *skus_page(int page)
{
    static char text[700];

    snprintf(text, sizeof(text),
             "{\"skus\":[{\"description\":\"%s running in Netherlands\",\"serviceRegions\":["
             "\"europe-west4\"],\"category\":{\"usageType\":\"OnDemand\"},\"pricingInfo\":[{"
             "\"pricingExpression\":{\"usageUnit\":\"h\",\"tieredRates\":[{\"unitPrice\":{"
             "\"units\":\"2\",\"nanos\":970000000}}]}}]}],\"nextPageToken\":\"%s\"}",
             page == 1 ? "TpuV6e" : "Other", page < 3 ? "next/page=" : "");
    return text;
}

static void give_page(struct conn *conn, const struct request *request, void *data)
{
    int *pages = data;

    if (*pages && !strstr(request->query, "pageToken=next%2Fpage%3D"))
        reply_text(conn, 400, "text/plain", "the token is not escaped");
    else
        reply_json(conn, 200, skus_page((*pages)++));
}

/* Pages are turned with the token, which is data and not part of a URL. */
static void test_the_catalogue_is_paged(void **state)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    AUTO(str) char *json = NULL;
    int pages = 0;

    (void)state;
    server_on_json(server, NULL, NULL, 200, "{}");
    server_on(server, "GET", "/cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus",
              give_page, &pages);
    none(open_gke(&gke));
    none(llmd_cluster_spec_parse(
        "name: llm\nnodePools:\n- {preset: tpu-v6e-4t, nodes: 1, diskGb: 10}\n", &spec));
    none(llmd_cluster_cost(NULL, gke, spec, NULL, &json));
    assert_int_equal(pages, 4);
    assert_non_null(strstr(json, "TpuV6e running in Netherlands"));
    assert_non_null(strstr(json, "\"complete\":false")); /* the fee, for one, is nowhere */
}

static void test_a_refused_catalogue_is_an_error(void **state)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    AUTO(str) char *json = NULL;
    llmd_error *error;

    (void)state;
    server_on_json(server, NULL, NULL, 200, "{}");
    server_on_json(server, NULL, "/cloudbilling.googleapis.com/*", 403,
                   "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":\"no\","
                   "\"details\":[{\"reason\":\"SERVICE_DISABLED\"}]}}");
    none(open_gke(&gke));
    none(open_spec(&spec));
    error = llmd_cluster_cost(NULL, gke, spec, NULL, &json);
    assert_int_equal(llmd_error_code(error), LLMD_E_DENIED);
    assert_string_equal(llmd_error_reason(error), "SERVICE_DISABLED");
    assert_null(json);
    llmd_error_free(error);
}

/* ---- no memory ---- */

static void script_all(void)
{
    server_on_json(server, NULL, NULL, 200, "{}");
    server_on_json(server, "GET", "/cloudresourcemanager.googleapis.com/v1/projects/p", 200,
                   "{\"lifecycleState\":\"ACTIVE\",\"projectNumber\":\"12\"}");
    server_on_json(server, "GET", COMPUTE "/regions/europe-west4", 200,
                   "{\"quotas\":[{\"metric\":\"CPUS\",\"limit\":9,\"usage\":1}]}");
    server_on_json(server, "GET", COMPUTE "/zones/europe-west4-a/machineTypes/ct6e-standard-4t",
                   200, "{\"guestCpus\":180,\"memoryMb\":737280}");
    server_on_json(server, "GET", COMPUTE "/zones/europe-west4-a/machineTypes/e2-standard-4", 404,
                   "{\"error\":{\"code\":404,\"message\":\"not found\"}}");
    server_on_json(server, "GET", COMPUTE "/aggregated/machineTypes", 200,
                   "{\"items\":{\"zones/us-east5-a\":{\"machineTypes\":[{\"name\":\"x\"}]}}}");
    server_on_json(server, "GET", COMPUTE "/regions/europe-west4/subnetworks", 200,
                   "{\"items\":[{\"name\":\"p\",\"purpose\":\"REGIONAL_MANAGED_PROXY\",\"role\":"
                   "\"ACTIVE\",\"network\":\"x/default\",\"ipCidrRange\":\"10.0.0.0/23\"}]}");
    server_on_json(server, "GET", COMPUTE "/aggregated/forwardingRules", 200,
                   "{\"items\":{\"regions/europe-west4\":{\"forwardingRules\":[{\"name\":\"gkegw1-"
                   "abcd-x-y\",\"region\":\"r/europe-west4\",\"selfLink\":\"s/projects/p/1\"}]}}}");
    server_on_json(server, "GET", CONTAINER "/locations/-/clusters", 200,
                   "{\"clusters\":[{\"name\":\"other\",\"location\":\"us-east5-a\"}]}");
    server_on_json(server, "GET", CONTAINER "/locations/europe-west4-a/clusters/none*", 404,
                   "{\"error\":{\"code\":404,\"message\":\"not found\"}}");
    server_on_json(server, "GET", CONTAINER "/locations/europe-west4-a/clusters/llm/nodePools/none",
                   404, "{\"error\":{\"code\":404,\"message\":\"not found\"}}");
    server_on_json(server, "GET", CONTAINER "/locations/europe-west4-a/clusters/llm", 200,
                   "{\"name\":\"llm\",\"nodePools\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    server_on_json(server, "GET", COMPUTE "/regions/europe-west4/addresses/edge", 404,
                   "{\"error\":{\"code\":404,\"message\":\"not found\"}}");
    server_on_json(server, "POST", COMPUTE "/regions/europe-west4/subnetworks", 200,
                   "{\"name\":\"op\",\"status\":\"DONE\"}");
    server_on_json(server, "POST", COMPUTE "/regions/europe-west4/addresses", 409,
                   "{\"error\":{\"code\":409,\"message\":\"exists\"}}");
    server_on_json(server, "GET", COMPUTE "/regions/europe-west4/subnetworks/libllmd-proxy-only",
                   200,
                   "{\"name\":\"libllmd-proxy-only\",\"purpose\":\"REGIONAL_MANAGED_PROXY\","
                   "\"role\":\"ACTIVE\",\"network\":\"x/default\"}");
}

static llmd_error *torture_preflight(void *data)
{
    return preflight_with(data != NULL, NULL);
}

static llmd_error *torture_network(void *data)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_network_spec) spec = NULL;
    llmd_task *task = NULL;

    TRY(open_gke(&gke));
    TRY(llmd_network_spec_parse("{privateNodes: true}", &spec));
    TRY(data ? llmd_network_delete(gke, spec, &task) : llmd_network_apply(gke, spec, &task));
    return drive(task, NULL);
}

static llmd_error *torture_cost(void *data)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    AUTO(str) char *json = NULL;

    (void)data;
    TRY(open_gke(&gke));
    TRY(open_spec(&spec));
    TRY(llmd_cluster_cost(NULL, gke, spec, NULL, &json));
    llmd_free(TAKE(json));
    TRY(llmd_cluster_cost(NULL, gke, NULL, "{\"hourly\":{}}", &json));
    llmd_free(TAKE(json));
    return llmd_cluster_recommend(NULL, gke, "m", &json);
}

/* data: the pool that is asked for, "a" of the cluster llm; NULL: all of a cluster that is not. */
static llmd_error *torture_pools(void *data)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    AUTO(str) char *json = NULL;

    TRY(open_gke(&gke));
    return data ? llmd_node_pool_get(NULL, gke, "llm", data, &json)
                : llmd_node_pool_list(NULL, gke, "none", &json);
}

static void test_what_is_not_found_comes_with_what_there_is(void **state)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_error) pool = NULL, *cluster = NULL;
    AUTO(str) char *json = NULL;

    (void)state;
    script_all();
    none(open_gke(&gke));
    none(llmd_node_pool_list(NULL, gke, "empty", &json));
    assert_string_equal(json, "[]");
    llmd_free(TAKE(json));
    pool = llmd_node_pool_get(NULL, gke, "llm", "none", &json);
    assert_int_equal(llmd_error_code(pool), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_advice(pool), "cluster llm has the node pools a, b");
    cluster = llmd_node_pool_get(NULL, gke, "none", "a", &json);
    assert_int_equal(llmd_error_code(cluster), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_advice(cluster),
                        "looked in europe-west4-a of project p, which has other in us-east5-a");
}

static llmd_error *torture_proof(void *data)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    AUTO(leak) struct leak *leak = NULL;
    struct graph *graph = NULL;
    llmd_task *task = NULL;
    step_id first = -1, second = -1;
    llmd_error *error;

    (void)data;
    TRY(open_gke(&gke));
    TRY(llmd__leak_new(gke, "llm", &leak));
    TRY(llmd__leak_address(leak, "1.2.3.4"));
    TRY(llmd__graph_new(NULL, NULL, &graph));
    error = llmd__leak_record_step(graph, leak, &first);
    if (!error)
        error = llmd__leak_proof_step(graph, leak, &second);
    if (!error)
        error = llmd__graph_need(graph, second, first);
    if (error) {
        llmd__graph_free(graph);
        return error;
    }
    TRY(llmd__task_new(graph, &task));
    return drive(task, NULL);
}

/* An unknown model's error has room for some of the known ones, and counts the rest. */
static void test_models_that_are_not_named_are_counted(void **state)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_error) error = NULL;
    AUTO(buf) struct buf models = BUF_INIT;
    AUTO(str) char *json = NULL;

    (void)state;
    for (int i = 0; i < 43; i++)
        llmd__buf_format(&models, "%s\"m/%d\"", i ? "," : "{\"models\":[", i);
    llmd__buf_str(&models, "]}");
    server_on_json(server, "POST", "/v1/profiles:fetch", 200, "{}");
    server_on_json(server, NULL, NULL, 200, llmd__buf_text(&models));
    none(open_gke(&gke));
    error = llmd_cluster_recommend(NULL, gke, "other", &json);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_advice(error), "m/38, m/39 and 3 more"));
}

static void test_without_memory(void **state)
{
    (void)state;
    script_all();
    torture_sample(torture_preflight, NULL, 1, 150);
    torture_sample(torture_preflight, server, 2, 60);
    torture_sample(torture_network, NULL, 3, 80);
    torture_sample(torture_network, server, 4, 60);
    torture_sample(torture_cost, NULL, 5, 80);
    torture_sample(torture_proof, NULL, 6, 80);
    torture_sample(torture_pools, (void *)(uintptr_t) "none", 7, 60);
    torture_sample(torture_pools, (void *)(uintptr_t) "a", 8, 30);
    torture_sample(torture_pools, NULL, 9, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TEST(test_a_failed_look_is_never_silent),
        SCRIPT_TEST(test_no_such_project_is_told_once),
        SCRIPT_TEST(test_P135_no_quota_project),
        SCRIPT_TEST(test_bad_credentials_are_told_as_such),
        SCRIPT_TEST(test_odd_answers),
        SCRIPT_TEST(test_an_outage_is_told_soon),
        SCRIPT_TEST(test_no_token_ends_it_at_once),
        SCRIPT_TEST(test_a_page_without_end),
        SCRIPT_TEST(test_a_zone_that_does_not_answer_refuses_nothing),
        SCRIPT_TEST(test_a_preflight_that_was_cut_says_so),
        SCRIPT_TEST(test_P4_quotas_of_fallbacks),
        SCRIPT_TEST(test_reservations),
        SCRIPT_TEST(test_the_catalogue_is_paged),
        SCRIPT_TEST(test_a_refused_catalogue_is_an_error),
        SCRIPT_TEST(test_what_is_not_found_comes_with_what_there_is),
        SCRIPT_TEST(test_models_that_are_not_named_are_counted),
        SCRIPT_TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
