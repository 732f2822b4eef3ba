/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters and pools against a scripted Google that keeps what it was given: lost answers, bursts,
   refusals, a Kubernetes API that is away or forbidden, and no memory. */
#include "base/base64.h"
#include "support/events.h"
#include "support/server.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOCATION "/container.googleapis.com/v1/projects/p/locations/europe-west4-a/"
#define CLUSTERS LOCATION "clusters"
#define POOLS CLUSTERS "/llm/nodePools"
#define SPEC "name: llm\nnodePools: [{preset: tpu-v6e-4t, name: tpu, nodes: 0, maxNodes: 3}]\n"

/* What Google holds: texts of the objects behind '{', "" for none. Not the library's memory. */
static struct {
    pthread_mutex_t mutex;
    char cluster[8192], system[4096], pool[4096];
    char endpoints[4096]; /* of the cluster, as JSON members */
} google = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct server *server, *kube;
static struct log told;

/* ---- Google ---- */

static void not_found(struct conn *conn)
{
    reply_json(conn, 404,
               "{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\",\"message\":\"Not "
               "found.\"}}");
}

static void reply_done(struct conn *conn, const char *type)
{
    char text[256];

    snprintf(text, sizeof(text),
             "{\"name\":\"operation-1-a\",\"operationType\":\"%s\",\"status\":\"DONE\"}", type);
    reply_json(conn, 200, text);
}

static void show(struct conn *conn, const char *members, const char *more)
{
    static char text[20000];

    if (!*members) {
        not_found(conn);
        return;
    }
    snprintf(text, sizeof(text), "{\"status\":\"RUNNING\"%s%s,%s", *more ? "," : "", more, members);
    reply_json(conn, 200, text);
}

/* {"cluster":{...}} -> what stands behind the second brace, to the one that closes it. */
static void keep(char *into, size_t size, const struct request *request)
{
    const char *inner = strchr(request->body + 1, '{');

    snprintf(into, size, "%.*s", (int)(request->body_len - (size_t)(inner - request->body) - 2),
             inner + 1);
}

/* The first of "nodePools":[{...}]: what stands behind its brace, with its closing one. */
static void keep_system_pool(void)
{
    const char *at = strstr(google.cluster, "\"nodePools\":[{");
    int depth = 1;
    size_t len = 0;

    at = at ? at + strlen("\"nodePools\":[{") : "}";
    while (depth > 0) {
        depth += at[len] == '{' ? 1 : at[len] == '}' ? -1 : 0;
        len++;
    }
    snprintf(google.system, sizeof(google.system), "%.*s", (int)len, at);
}

static void make_cluster(struct conn *conn, const struct request *request)
{
    keep(google.cluster, sizeof(google.cluster), request);
    keep_system_pool();
    reply_done(conn, "CREATE_CLUSTER");
}

static void make_pool(struct conn *conn, const struct request *request)
{
    keep(google.pool, sizeof(google.pool), request);
    reply_done(conn, "CREATE_NODE_POOL");
}

static void serve_get(struct conn *conn, const char *path)
{
    if (strcmp(path, CLUSTERS "/llm") == 0)
        show(conn, google.cluster, google.endpoints);
    else if (strcmp(path, POOLS "/tpu") == 0)
        show(conn, google.pool, "");
    else if (strncmp(path, POOLS "/", strlen(POOLS "/")) == 0)
        show(conn, google.system, "");
    else if (strcmp(path, LOCATION "operations/operation-1-a") == 0)
        reply_done(conn, "UPDATE_CLUSTER");
    else
        reply_json(conn, 200, "{}"); /* empty lists, of Compute Engine too */
}

static void serve(struct conn *conn, const struct request *request, void *data)
{
    (void)data;
    pthread_mutex_lock(&google.mutex);
    if (strcmp(request->method, "GET") == 0)
        serve_get(conn, request->path);
    else if (strcmp(request->method, "DELETE") == 0) {
        *google.cluster = *google.system = *google.pool = '\0';
        reply_done(conn, "DELETE_CLUSTER");
    } else if (strcmp(request->path, CLUSTERS) == 0)
        make_cluster(conn, request);
    else if (strcmp(request->path, POOLS) == 0)
        make_pool(conn, request);
    else
        reply_done(conn, "UPDATE_CLUSTER");
    pthread_mutex_unlock(&google.mutex);
}

/* ---- fixtures ---- */

/* Its nodes are not waited for where the API is hidden. */
#define HIDDEN                                                                                     \
    "\"controlPlaneEndpointsConfig\":{\"ipEndpointsConfig\":{\"enabled\":false},"                  \
    "\"dnsEndpointConfig\":{\"endpoint\":\"x.gke.goog\"}}"

static int set_up(void **state)
{
    (void)state;
    *google.cluster = *google.system = *google.pool = '\0';
    snprintf(google.endpoints, sizeof(google.endpoints), "%s", HIDDEN);
    server = server_start(serve, NULL);
    return server ? setenv("LLMD_GOOGLE_URL", server_url(server), 1) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    clear(&told);
    server_stop(server);
    if (kube)
        server_stop(kube);
    kube = NULL;
    return 0;
}

/* The cluster that stands, with this server as its Kubernetes API. */
static void stand(bool ours)
{
    AUTO(buf) struct buf ca = BUF_INIT;

    kube = server_start_tls(TLS_GOOD, NULL, NULL);
    llmd__base64_encode(server_ca(kube), strlen(server_ca(kube)), false, &ca);
    snprintf(google.cluster, sizeof(google.cluster), "\"name\":\"llm\",\"resourceLabels\":{%s}}",
             ours ? "\"managed-by\":\"libllmd\"" : "");
    snprintf(google.endpoints, sizeof(google.endpoints),
             "\"endpoint\":\"127.0.0.1:%d\",\"masterAuth\":{\"clusterCaCertificate\":\"%s\"}",
             server_port(kube), llmd__buf_text(&ca));
}

static llmd_error *open_gke(llmd_gke **out)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    TRY(llmd_credentials_from_token("secret", &credentials));
    return llmd_gke_open(credentials, "p", "europe-west4-a", out);
}

/* Without a deadline: a call that fails is given up after three tries. */
static llmd_error *drive(llmd_task *task, llmd_event_fn on_event)
{
    llmd_error *error = llmd_task_run(NULL, task, on_event, &told);

    llmd_task_free(task);
    return error;
}

static llmd_error *apply_with(llmd_event_fn on_event)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_task *task = NULL;

    TRY(open_gke(&gke));
    TRY(llmd_cluster_spec_parse(SPEC, &spec));
    TRY(llmd_cluster_apply(gke, spec, &task));
    return drive(task, on_event);
}

static llmd_error *delete_with(bool drain, llmd_event_fn on_event)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    llmd_task *task = NULL;

    TRY(open_gke(&gke));
    TRY(llmd_cluster_delete(gke, "llm", drain, &task));
    return drive(task, on_event);
}

static void fails(llmd_error *error, llmd_code code, const char *words)
{
    if (llmd_error_code(error) != code || !strstr(llmd_error_message(error), words))
        fail_msg("want %s with \"%s\", got %s", llmd_code_name(code), words,
                 error ? llmd_error_message(error) : "no error");
    assert_string_not_equal(llmd_error_advice(error), "");
    llmd_error_free(error);
}

static void one_of_each(void)
{
    assert_int_equal(server_requests_of(server, "POST", CLUSTERS), 1);
    assert_int_equal(server_requests_of(server, "POST", POOLS), 1);
}

/* ---- making ---- */

static void test_it_is_made(void **state)
{
    (void)state;
    none(apply_with(note));
    one_of_each();
    assert_non_null(find(&told, "Cluster/llm", "NotConnected"));
    assert_non_null(find(&told, "NodePool/llm/tpu", "RUNNING"));
    none(apply_with(note)); /* again: nothing is left to do */
    one_of_each();
}

/* The answer is cut after Google acted. */
static void test_P112_a_lost_answer_is_not_asked_for_twice(void **state)
{
    (void)state;
    server_fault(server, CLUSTERS, FAULT_RESET_MID, 5, 1);
    server_fault(server, POOLS, FAULT_CLOSE_MID, 5, 1);
    none(apply_with(note));
    one_of_each();
    assert_non_null(find(&told, "Cluster/llm", "Unknown"));
    assert_non_null(find(&told, "NodePool/llm/tpu", "Unknown"));
}

static void test_a_burst_of_503_is_sat_out(void **state)
{
    (void)state;
    server_fault(server, CLUSTERS "/llm", FAULT_STATUS, 503, 2);
    server_fault(server, POOLS "/tpu", FAULT_429, 0, 2);
    none(apply_with(note));
    one_of_each();
}

static void test_a_page_of_a_proxy_is_told_as_one(void **state)
{
    llmd_error *error;

    (void)state;
    server_on_text(server, "GET", CLUSTERS "/llm", 502, "text/html", "<html>Bad Gateway</html>");
    error = apply_with(note);
    assert_non_null(strstr(llmd_error_message(error), "cluster llm: the server answered 502"));
    assert_int_equal(server_requests_of(server, "POST", CLUSTERS), 0);
    llmd_error_free(error);
}

static void test_who_may_not_look_makes_nothing(void **state)
{
    (void)state;
    server_on_json(server, "GET", CLUSTERS "/llm", 403,
                   "{\"error\":{\"code\":403,\"status\":\"PERMISSION_DENIED\",\"message\":"
                   "\"Required \\\"container.clusters.get\\\" permission(s).\"}}");
    fails(apply_with(note), LLMD_E_DENIED, "container.clusters.get");
    assert_int_equal(server_requests_of(server, "POST", NULL), 0);
}

/* ---- deleting ---- */

#define CORE                                                                                       \
    "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"items\":[]}"
#define GROUPS                                                                                     \
    "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"items\":[{"   \
    "\"metadata\":{\"name\":\"serving.kserve.io\"},\"versions\":[{\"version\":\"v1alpha1\","       \
    "\"resources\":[{\"resource\":\"llminferenceservices\",\"responseKind\":{\"group\":"           \
    "\"serving.kserve.io\",\"version\":\"v1alpha1\",\"kind\":\"LLMInferenceService\"},\"scope\":"  \
    "\"Namespaced\",\"singularResource\":\"llminferenceservice\",\"verbs\":[\"list\",\"delete\","  \
    "\"watch\",\"get\"]}]}]}]}"
#define DISCOVERY_TYPE "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define SERVICES "/apis/serving.kserve.io/v1alpha1/llminferenceservices"

static void serve_services(const char *items)
{
    char list[512];

    snprintf(list, sizeof(list),
             "{\"kind\":\"LLMInferenceServiceList\",\"apiVersion\":\"serving.kserve.io/v1alpha1\","
             "\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[%s]}",
             items);
    server_on_text(kube, "GET", "/api", 200, DISCOVERY_TYPE, CORE);
    server_on_text(kube, "GET", "/apis", 200, DISCOVERY_TYPE, GROUPS);
    server_on_json(kube, "GET", SERVICES, 200, list);
}

static void test_what_is_in_use_is_not_deleted(void **state)
{
    (void)state;
    stand(true);
    serve_services("{\"metadata\":{\"name\":\"qwen\",\"namespace\":\"chat\"}}");
    fails(delete_with(false, note), LLMD_E_CONFLICT, "LLMInferenceService chat/qwen");
    assert_int_equal(server_requests_of(server, "DELETE", NULL), 0);
}

#define CORE_SERVICES                                                                              \
    "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"items\":[{"   \
    "\"metadata\":{\"name\":\"\"},\"versions\":[{\"version\":\"v1\",\"resources\":[{"              \
    "\"resource\":\"services\",\"responseKind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":"      \
    "\"Service\"},\"scope\":\"Namespaced\",\"singularResource\":\"service\",\"verbs\":[\"list\","  \
    "\"delete\",\"watch\",\"get\"]}]}]}]}"
#define ONE_SERVICE(name, type)                                                                    \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"web\"},\"spec\":{\"type\":\"" type "\"}" \
    "}"

/* Google orphans the load balancer of a Service as well. */
static void test_a_load_balancer_is_in_use(void **state)
{
    (void)state;
    stand(true);
    serve_services("");
    server_on_text(kube, "GET", "/api", 200, DISCOVERY_TYPE, CORE_SERVICES);
    server_on_json(
        kube, "GET", "/api/v1/services", 200,
        "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":["
        "" ONE_SERVICE("inside", "ClusterIP") "," ONE_SERVICE("front", "LoadBalancer") "]}");
    fails(delete_with(false, note), LLMD_E_CONFLICT, "in use by Service web/front");
    assert_int_equal(server_requests_of(server, "DELETE", NULL), 0);
}

/* P114 for the proof: a zone that does not answer may hold disks. */
static void test_a_list_with_holes_proves_nothing(void **state)
{
    (void)state;
    stand(true);
    serve_services("");
    server_on_json(server, "GET", "/compute.googleapis.com/compute/v1/projects/p/aggregated/disks",
                   200,
                   "{\"items\":{\"zones/europe-west4-b\":{\"warning\":{\"code\":\"UNREACHABLE\"}},"
                   "\"zones/us-east1-b\":{\"warning\":{\"code\":\"NO_RESULTS_ON_PAGE\"}}},"
                   "\"unreachables\":[\"zones/europe-west4-b\",\"zones/asia-east1-a\"]}");
    none(delete_with(false, note));
    assert_non_null(find(&told, "disks", "UNKNOWN"));
    assert_non_null(strstr(find(&told, "disks", "UNKNOWN")->message, "zones/europe-west4-b"));
    assert_null(strstr(find(&told, "disks", "UNKNOWN")->message, "asia-east1"));
    assert_non_null(strstr(told.result, "\"clean\":false"));
}

/* Twice there is a rule that names the cluster, then it is gone; so is the cluster only then. */
static void give_rule(struct conn *conn, const struct request *request, void *data)
{
    int *lists = data;

    (void)request;
    reply_header(conn, "Retry-After", "0");
    if ((*lists)++ < 2 && !*google.cluster)
        *lists = 100; /* the cluster went before it */
    reply_json(conn, 200,
               *lists > 2
                   ? "{}"
                   : "{\"items\":{\"regions/europe-west4\":{\"forwardingRules\":[{\"name\":"
                     "\"gkegw1-abcd-llm-edge-80-x\",\"IPAddress\":\"34.1.2.3\",\"region\":"
                     "\"x/europe-west4\",\"description\":\"{\\\"k8sCluster\\\":\\\"/projects/12/"
                     "locations/europe-west4-a/clusters/llm\\\"}\"}]}}}");
}

/* Another run deleted the Gateway and was killed: nothing in the cluster tells of it any more. */
static void test_rules_of_a_gateway_that_is_gone_are_waited_for(void **state)
{
    int lists = 0;

    (void)state;
    stand(true);
    serve_services("");
    server_on(server, "GET",
              "/compute.googleapis.com/compute/v1/projects/p/aggregated/forwardingRules", give_rule,
              &lists);
    none(delete_with(true, note));
    assert_non_null(find(&told, "Cluster/llm", "Draining"));
    assert_non_null(find(&told, "Cluster/llm", "Drained"));
    assert_int_equal(lists, 4); /* recorded, there, gone, proven */
}

static void test_what_is_empty_is_deleted(void **state)
{
    (void)state;
    stand(true);
    serve_services("");
    none(delete_with(false, note));
    assert_int_equal(server_requests_of(server, "DELETE", CLUSTERS "/llm"), 1);
}

/* Whether it is in use cannot be known: only who says drain gets it deleted, and a warning. */
static void test_an_api_that_is_away_is_told(void **state)
{
    (void)state;
    stand(true);
    server_refuse(kube, true);
    fails(delete_with(false, note), LLMD_E_UNREACHABLE, "is not known");
    assert_int_equal(server_requests_of(server, "DELETE", NULL), 0);
    none(delete_with(true, note));
    assert_int_equal(server_requests_of(server, "DELETE", CLUSTERS "/llm"), 1);
    assert_non_null(strstr(find(&told, "Cluster/llm", "NotDrained")->advice, "gkegw1-*"));
}

static void test_an_api_that_forbids_is_told(void **state)
{
    (void)state;
    stand(true);
    serve_services("");
    server_on_json(
        kube, "GET", SERVICES, 403,
        "{\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"message\":\"no\"}");
    fails(delete_with(false, note), LLMD_E_UNREACHABLE, "is not known");
    none(delete_with(true, note));
    assert_non_null(find(&told, "Cluster/llm", "NotDrained"));
}

static void give_once(struct conn *conn, const struct request *request, void *data)
{
    int *lists = data;

    (void)request;
    reply_json(conn, 200,
               (*lists)++
                   ? "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"6\"},\"items\":[]}"
                   : "{\"kind\":\"List\",\"metadata\":{},\"items\":[{\"metadata\":{\"name\":"
                     "\"qwen\",\"namespace\":\"chat\"}}]}");
}

/* Who may not see one kind still has the others drained. */
static void test_what_can_be_seen_is_drained(void **state)
{
    int lists = 0;

    (void)state;
    stand(true);
    serve_services("");
    server_on(kube, "GET", SERVICES, give_once, &lists);
    server_on(kube, "GET", "/apis/serving.kserve.io/v1alpha1/namespaces/chat/llminferenceservices",
              give_once, &lists);
    server_on_json(kube, "DELETE", NULL, 200, "{\"kind\":\"Status\",\"status\":\"Success\"}");
    server_on_text(kube, "GET", "/api", 200, DISCOVERY_TYPE, CORE_SERVICES);
    server_on_json(
        kube, "GET", "/api/v1/services", 403,
        "{\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"message\":\"no\"}");
    none(delete_with(true, note));
    assert_non_null(find(&told, "Cluster/llm", "NotDrained"));
    assert_int_equal(server_requests_of(kube, "DELETE", NULL), 1);
    assert_non_null(strstr(told.result, "chat"));
}

static void test_a_hidden_api_is_told(void **state)
{
    (void)state;
    stand(true);
    snprintf(google.endpoints, sizeof(google.endpoints), "%s", HIDDEN);
    fails(delete_with(false, note), LLMD_E_UNREACHABLE, "is not known");
    none(delete_with(true, note));
}

static void test_what_is_not_ours_is_not_touched(void **state)
{
    (void)state;
    stand(false);
    fails(delete_with(true, note), LLMD_E_DENIED, "is not libllmd's");
    assert_int_equal(server_requests_of(server, "DELETE", NULL), 0);
    assert_int_equal(server_requests(kube), 0);
}

static void test_a_delete_is_repeated_until_it_is_gone(void **state)
{
    (void)state;
    stand(true);
    serve_services("");
    server_fault_after(server, CLUSTERS "/llm", FAULT_RESET_MID, 5, 2, 1); /* of the DELETE */
    none(delete_with(false, note));
    assert_string_equal(google.cluster, "");
}

/* ---- no memory ---- */

static llmd_error *torture_apply(void *data)
{
    (void)data;
    pthread_mutex_lock(&google.mutex);
    *google.cluster = *google.system = *google.pool = '\0';
    pthread_mutex_unlock(&google.mutex);
    return apply_with(NULL);
}

static llmd_error *torture_again(void *data)
{
    (void)data;
    return apply_with(NULL);
}

static llmd_error *torture_delete(void *data)
{
    (void)data;
    pthread_mutex_lock(&google.mutex);
    snprintf(google.cluster, sizeof(google.cluster),
             "\"name\":\"llm\",\"resourceLabels\":{\"managed-by\":\"libllmd\"}}");
    pthread_mutex_unlock(&google.mutex);
    return delete_with(true, NULL);
}

static llmd_error *torture_reads(void *data)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster) cluster = NULL;
    LLMD_AUTO(llmd_cluster_list) list = NULL;
    llmd_cluster *none_left = NULL;
    llmd_task *task = NULL;

    (void)data;
    TRY(open_gke(&gke));
    TRY(llmd_cluster_get(NULL, gke, "llm", &cluster));
    TRY(llmd_cluster_list_open(gke, &list));
    TRY(llmd_cluster_list_next(NULL, list, &none_left));
    TRY(llmd_cluster_wait(gke, "llm", &task));
    TRY(drive(task, NULL));
    TRY(llmd_node_pool_apply(gke, "llm", "{preset: tpu-v6e-4t, name: tpu, nodes: 0, maxNodes: 3}",
                             &task));
    return drive(task, NULL);
}

static llmd_error *torture_connect(void *data)
{
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_kube) connection = NULL;

    (void)data;
    TRY(open_gke(&gke));
    return llmd_cluster_connect(NULL, gke, "llm", &connection);
}

static void test_without_memory(void **state)
{
    (void)state;
    torture_sample(torture_apply, NULL, 1, 200);
    none(torture_apply(NULL));
    torture_sample(torture_again, NULL, 2, 100);
    torture_sample(torture_reads, NULL, 3, 150);
    torture_sample(torture_delete, NULL, 4, 150);
    stand(true);
    torture_sample(torture_connect, NULL, 5, 100);
    serve_services("");
    torture_sample(torture_delete, NULL, 6, 100); /* with a drain that looks */
}

#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(test_it_is_made),
        FAULT_TEST(test_P112_a_lost_answer_is_not_asked_for_twice),
        FAULT_TEST(test_a_burst_of_503_is_sat_out),
        FAULT_TEST(test_a_page_of_a_proxy_is_told_as_one),
        FAULT_TEST(test_who_may_not_look_makes_nothing),
        FAULT_TEST(test_what_is_in_use_is_not_deleted),
        FAULT_TEST(test_a_load_balancer_is_in_use),
        FAULT_TEST(test_a_list_with_holes_proves_nothing),
        FAULT_TEST(test_rules_of_a_gateway_that_is_gone_are_waited_for),
        FAULT_TEST(test_what_is_empty_is_deleted),
        FAULT_TEST(test_an_api_that_is_away_is_told),
        FAULT_TEST(test_an_api_that_forbids_is_told),
        FAULT_TEST(test_what_can_be_seen_is_drained),
        FAULT_TEST(test_a_hidden_api_is_told),
        FAULT_TEST(test_what_is_not_ours_is_not_touched),
        FAULT_TEST(test_a_delete_is_repeated_until_it_is_gone),
        FAULT_TEST(test_without_memory),
    };

    if (argc > 1) /* "test_a*": these alone */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
