/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that the recordings do not show: autoscaler, classes, routes, logs. */
#include "unit/replay.h"
#include "findings/lines.h"

/* ---- scheduling with nodes and an autoscaler ---- */

static void put(struct replay *replay, enum scene_kind kind, const char *format, ...)
{
    struct json *object = NULL;
    char text[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    none(llmd__json_parse(text, strlen(text), "test object", &object));
    none(llmd__scene_put(&replay->scene, kind, object));
    llmd__json_free(object);
}

#define TPU_LABELS                                                                                 \
    "{'cloud.google.com/gke-tpu-accelerator': 'tpu-v6e-slice',"                                    \
    " 'cloud.google.com/gke-tpu-topology': '2x2'}"

static void put_node(struct replay *replay, const char *name, int chips)
{
    put(replay, SCENE_NODE,
        "{'kind': 'Node', 'metadata': {'name': '%s', 'labels': " TPU_LABELS "},"
        " 'status': {'allocatable': {'google.com/tpu': '%d'}}}",
        name, chips);
}

static void test_no_node_fits(void **state)
{
    struct replay replay;

    (void)state;
    begin(&replay, "unschedulable");
    put_node(&replay, "small", 8);
    put_node(&replay, "new", 0);
    play(&replay, "unschedulable", 100);
    assert_null(strstr(find(&replay, "Unschedulable")->message, "any node of its kind"));
    assert_true(replay.ended == 0); /* the new one may still tell of 16 chips */
    end(&replay);

    begin(&replay, "unschedulable");
    put_node(&replay, "small", 8);
    play(&replay, "unschedulable", 100);
    assert_non_null(strstr(find(&replay, "Unschedulable")->message, "any node of its kind"));
    assert_true(replay.ended > 38 && replay.ended < 39);
    end(&replay);
}

static void put_pod_without_node(struct replay *replay, const char *why)
{
    put(replay, SCENE_POD,
        "{'kind': 'Pod', 'metadata': {'name': 'qwen-kserve-1', 'namespace': 'llm', 'uid': 'u1',"
        " 'labels': {'app.kubernetes.io/name': 'qwen',"
        " 'app.kubernetes.io/part-of': 'llminferenceservice'}},"
        " 'status': {'phase': 'Pending', 'conditions': [{'type': 'PodScheduled',"
        " 'status': 'False', 'reason': 'Unschedulable', 'message': '%s'}]}}",
        why);
}

static void put_pending_pod(struct replay *replay)
{
    put_pod_without_node(replay, "no node");
}

/* Most nodes of a cluster are of another kind; what counts is the one of the right kind. */
static void test_why_no_node(void **state)
{
    static const struct {
        const char *message, *advice;
    } rows[] = {
        {"0/2 nodes are available: 2 node(s) didn\\u0027t match Pod\\u0027s node "
         "affinity/selector.",
         "no node carries the preset's labels"},
        {"0/3 nodes are available: 1 Insufficient google.com/tpu, 2 node(s) didn\\u0027t match "
         "Pod\\u0027s node affinity/selector.",
         "are full"},
        {"0/2 nodes are available: 2 node(s) had untolerated taint {a: b}.",
         "add a node that has what the pod asks for"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct replay replay;

        begin(&replay, "qwen");
        put_pod_without_node(&replay, rows[i].message);
        judge(&replay, 5);
        assert_non_null(strstr(find(&replay, "Unschedulable")->advice, rows[i].advice));
        end(&replay);
    }
}

static void put_event(struct replay *replay, const char *reason, const char *message)
{
    put(replay, SCENE_EVENT,
        "{'kind': 'Event', 'metadata': {'name': 'qwen.%s', 'namespace': 'llm'}, 'reason': '%s',"
        " 'message': '%s', 'involvedObject': {'kind': 'Pod', 'name': 'qwen-kserve-1',"
        " 'uid': 'u1'}}",
        reason, reason, message);
}

struct scaling {
    const char *reason, *message;
    const char *code;
    double ends; /* 0: never */
};

static const struct scaling scaling_cases[] = {
    {"TriggeredScaleUp", "pod triggered scale-up: [{pool 0->1 (max: 1)}]", "ScalingUp", 0},
    {"NotTriggerScaleUp", "pod didn't trigger scale-up: 1 Insufficient google.com/tpu",
     "NoPoolFits", 40},
    {"NotTriggerScaleUp", "pod didn't trigger scale-up: 1 in backoff after failed scale-up",
     "ScaleUpBlocked", 0},
    {"FailedScaleUp", "Node scale up failed: GCE out of resources.", "StockOut", 0},
    {"FailedScaleUp", "Node scale up failed: GCE quota exceeded.", "QuotaExceeded", 0},
};

static void test_autoscaler(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scaling_cases) / sizeof(scaling_cases[0]); i++) {
        struct replay replay;

        begin(&replay, "qwen");
        put_pending_pod(&replay);
        judge(&replay, 5);
        assert_non_null(find(&replay, "Unschedulable"));
        {
            char *text = replaced(scaling_cases[i].message, "'", "\\u0027");

            put_event(&replay, scaling_cases[i].reason, text);
            free(text);
        }
        judge(&replay, 10);
        idle_until(&replay, 3600);
        if (!find(&replay, scaling_cases[i].code))
            fail_msg("%s was not told", scaling_cases[i].code);
        assert_true(find(&replay, scaling_cases[i].code)->t < 10.1);
        if (replay.ended != scaling_cases[i].ends)
            fail_msg("%s: ended at %.2f", scaling_cases[i].code, replay.ended);
        end(&replay);
    }
}

/* ---- gateway class and route ---- */

static void put_gateway(struct replay *replay, const char *class)
{
    put(replay, SCENE_SERVICE,
        "{'kind': 'LLMInferenceService', 'metadata': {'name': 'qwen', 'namespace': 'llm',"
        " 'generation': 1}, 'spec': {'router': {'gateway': {'refs': [{'name': 'edge'}]}}},"
        " 'status': {'observedGeneration': 1}}");
    put(replay, SCENE_GATEWAY,
        "{'kind': 'Gateway', 'metadata': {'name': 'edge', 'namespace': 'llm'},"
        " 'spec': {'gatewayClassName': '%s'}}",
        class);
    put(replay, SCENE_CLASS, "{'kind': 'GatewayClass', 'metadata': {'name': 'envoy'}}");
    replay->scene.sets[SCENE_CLASS].denied = false;
}

static void class_case(const char *class, bool gke, const char *code, bool progress, double ends)
{
    struct replay replay;

    begin(&replay, "qwen");
    replay.scene.gke = gke;
    put_gateway(&replay, class);
    judge(&replay, 1);
    idle_until(&replay, 3000);
    assert_non_null(find(&replay, code));
    assert_true(find(&replay, code)->t == 1);
    assert_int_equal(find(&replay, code)->progress, progress);
    assert_non_null(strstr(find(&replay, code)->message, "envoy"));
    assert_true(replay.ended == ends);
    end(&replay);
}

static void test_gateway_class(void **state)
{
    (void)state;
    class_case("gke-l7-regional-external-managed", true, "GatewayClassPending", true, 0);
    class_case("gke-l7-regional-external-managed", false, "GatewayClassMissing", false, 0);
    class_case("nosuch", true, "GatewayClassMissing", false, 11);
}

/* ---- a gateway that is not there ---- */

static void put_parent(struct replay *replay, const char *kind)
{
    put(replay, SCENE_ROUTE,
        "{'kind': 'HTTPRoute', 'metadata': {'name': 'qwen-kserve-route', 'namespace': 'llm',"
        " 'labels': {'app.kubernetes.io/name': 'qwen',"
        " 'app.kubernetes.io/part-of': 'llminferenceservice'}},"
        " 'spec': {'parentRefs': [{'kind': '%s', 'name': 'kserve-ingress-gateway',"
        " 'namespace': 'kserve'}]}}",
        kind);
}

static void put_plain_service(struct replay *replay, const char *refs)
{
    put(replay, SCENE_SERVICE,
        "{'kind': 'LLMInferenceService', 'metadata': {'name': 'qwen', 'namespace': 'llm',"
        " 'generation': 1}, 'spec': {'router': {'gateway': {%s}}},"
        " 'status': {'observedGeneration': 1}}",
        refs);
}

static void test_gateway_missing(void **state)
{
    static const struct {
        const char *refs, *route, *there; /* parent's kind; the Gateway that exists */
        bool denied;
        const char *message, *advice; /* NULL: nothing is told */
    } rows[] = {
        {"'refs': [{'name': 'edge'}]", NULL, "kserve/edge", false,
         "Gateway llm/edge does not exist", "gateway apply"},
        {"'refs': [{'name': 'edge'}]", NULL, "llm/edge", false, NULL, NULL},
        {"'refs': [{'name': 'edge'}]", NULL, "kserve/edge", true, NULL, NULL},
        {"", "Gateway", "llm/edge", false, "Gateway kserve/kserve-ingress-gateway does not exist",
         "gateway.name"},
        {"", "Gateway", "kserve/kserve-ingress-gateway", false, NULL, NULL},
        {"", "Service", "llm/edge", false, NULL, NULL}, /* a mesh: no Gateway is asked for */
        {"", NULL, "llm/edge", false, NULL, NULL},      /* no route yet: nobody knows */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name = strchr(rows[i].there, '/') + 1;
        struct replay replay;

        begin(&replay, "qwen");
        put_plain_service(&replay, rows[i].refs);
        if (rows[i].route)
            put_parent(&replay, rows[i].route);
        put(&replay, SCENE_GATEWAY,
            "{'kind': 'Gateway', 'metadata': {'name': '%s', 'namespace': '%.*s'}}", name,
            (int)(name - 1 - rows[i].there), rows[i].there);
        replay.scene.sets[SCENE_GATEWAY].denied = rows[i].denied;
        judge(&replay, 1);
        const struct told *told = find(&replay, "GatewayMissing");
        assert_int_equal(told != NULL, rows[i].message != NULL);
        if (told)
            assert_string_equal(told->message, rows[i].message);
        if (told)
            assert_non_null(strstr(replay.findings.items[0].rule->advice, rows[i].advice));
        assert_true(replay.ended == 0);
        end(&replay);
    }
}

/* Of what the whole cluster has much of, only what rules look at is kept. */
static void test_scene_is_small(void **state)
{
    static const struct {
        enum scene_kind kind;
        const char *object, *kept;
    } rows[] = {
        {SCENE_NODE,
         "{'metadata': {'name': 'n', 'labels': {'a': 'b'}, 'managedFields': [1]},"
         " 'status': {'allocatable': {'cpu': '1'}, 'images': [1, 2]}}",
         "{'kind':'Node','metadata':{'name':'n','labels':{'a':'b'}},"
         "'status':{'allocatable':{'cpu':'1'}}}"},
        {SCENE_EVENT,
         "{'metadata': {'name': 'e', 'namespace': 'llm', 'managedFields': [1]}, 'reason': 'R',"
         " 'type': 'Warning', 'message': 'm', 'involvedObject': {'name': 'qwen'}, 'count': 3,"
         " 'source': {}, 'reportingInstance': 'x'}",
         "{'kind':'Event','metadata':{'name':'e','namespace':'llm'},'type':'Warning',"
         "'reason':'R','message':'m','involvedObject':{'name':'qwen'},'count':3}"},
        {SCENE_CLASS, "{'metadata': {'name': 'c', 'uid': 'u'}, 'spec': {'controllerName': 'x'}}",
         "{'kind':'GatewayClass','metadata':{'name':'c'}}"},
        {SCENE_GATEWAY,
         "{'metadata': {'name': 'g', 'namespace': 'n', 'generation': 2, 'managedFields': [1]},"
         " 'spec': {'gatewayClassName': 'c'}, 'status': {'addresses': []}}",
         "{'kind':'Gateway','metadata':{'name':'g','namespace':'n','generation':2},"
         "'spec':{'gatewayClassName':'c'},'status':{'addresses':[]}}"},
    };
    struct replay replay;

    (void)state;
    begin(&replay, "qwen");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(str) char *text = NULL;
        put(&replay, rows[i].kind, "%s", rows[i].object);
        none(llmd__json_print(replay.scene.sets[rows[i].kind].items[0], &text));
        for (char *at = text; *at; at++)
            *at = *at == '"' ? '\'' : *at;
        assert_string_equal(text, rows[i].kept);
    }
    end(&replay);
}

static void put_route(struct replay *replay, const char *type, const char *reason,
                      const char *message, int observed)
{
    put(replay, SCENE_ROUTE,
        "{'kind': 'HTTPRoute', 'metadata': {'name': 'qwen-kserve-route', 'namespace': 'llm',"
        " 'generation': 2, 'labels': {'app.kubernetes.io/name': 'qwen',"
        " 'app.kubernetes.io/part-of': 'llminferenceservice'}},"
        " 'status': {'parents': [{'conditions': [{'type': '%s', 'status': 'False', 'reason': '%s',"
        " 'message': '%s', 'observedGeneration': %d}]}]}}",
        type, reason, message, observed);
}

struct route_case {
    const char *type, *reason, *message;
    int observed;
    const char *code; /* NULL: nothing */
    double told, ends;
};

static const struct route_case route_cases[] = {
    {"Accepted", "UnsupportedValue",
     "Error GWCER104: HTTPRoute is misconfigured, err: Timeouts are not supported.", 2,
     "RouteTimeouts", 1, 0},
    {"Accepted", "NotAllowedByListeners", "no listener", 2, "RouteNotAllowed", 1, 0},
    {"Accepted", "UnsupportedValue", "of yesterday", 1, NULL, 0, 0},
    {"ResolvedRefs", "InvalidKind", "Group is invalid", 2, "RoutePoolGroup", 31, 61},
    {"ResolvedRefs", "BackendNotFound", "no such Service", 2, "RouteBackendMissing", 21, 0},
};

static void test_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(route_cases) / sizeof(route_cases[0]); i++) {
        const struct route_case *row = &route_cases[i];
        struct replay replay;

        begin(&replay, "qwen");
        replay.scene.sets[SCENE_SERVICE].synced = false;
        put_route(&replay, row->type, row->reason, row->message, row->observed);
        judge(&replay, 1);
        idle_until(&replay, 3000);
        if (row->code) {
            assert_non_null(find(&replay, row->code));
            assert_true(find(&replay, row->code)->t == row->told);
        } else {
            assert_int_equal(replay.count, 0);
        }
        assert_true(replay.ended == row->ends);
        end(&replay);
    }
}

/* ---- crashes without a message wait for the log ---- */

static void put_crashed_pod(struct replay *replay)
{
    put(replay, SCENE_POD,
        "{'kind': 'Pod', 'metadata': {'name': 'qwen-kserve-1', 'namespace': 'llm', 'uid': 'u1',"
        " 'labels': {'app.kubernetes.io/name': 'qwen',"
        " 'app.kubernetes.io/part-of': 'llminferenceservice'}},"
        " 'status': {'phase': 'Running', 'containerStatuses': [{'name': 'main', 'ready': false,"
        " 'restartCount': 2, 'state': {'terminated': {'exitCode': 1, 'reason': 'Error'}},"
        " 'lastState': {'terminated': {'exitCode': 1, 'reason': 'Error'}}}]}}");
}

static void test_crash_log(void **state)
{
    struct replay replay;

    (void)state;
    begin(&replay, "qwen");
    put_crashed_pod(&replay);
    judge(&replay, 1);
    assert_int_equal(replay.count, 0);
    assert_string_equal(replay.findings.log_pod, "qwen-kserve-1");
    assert_string_equal(replay.findings.log_container, "main");
    none(llmd__scene_log(&replay.scene, "qwen-kserve-1", "main",
                         "loading\nValueError: 3 heads must be divisible by 4\nbye\n"));
    judge(&replay, 2);
    assert_null(replay.findings.log_pod);
    assert_non_null(find(&replay, "ParallelMismatch"));
    assert_string_equal(replay.end_code, "ParallelMismatch");
    end(&replay);
}

static void test_lines(void **state)
{
    char *text;

    (void)state;
    text = llmd__telling_line("a\nValueError: gated repo\nRuntimeError: see above\nbye\n", "gated");
    assert_string_equal(text, "ValueError: gated repo");
    llmd__free(text);
    text = llmd__telling_line("a\nError: x\nbye\n\n", NULL);
    assert_string_equal(text, "Error: x");
    llmd__free(text);
    text = llmd__telling_line("a\nbye\n\n", "none");
    assert_string_equal(text, "bye");
    llmd__free(text);
    text = llmd__telling_line("", NULL);
    assert_string_equal(text, "");
    llmd__free(text);
    text = llmd__telling_line("{\"level\":\"error\",\"msg\":\"m\",\"error\":\"e\"}", NULL);
    assert_string_equal(text, "m: e");
    llmd__free(text);
    text = llmd__last_lines("one\ntwo\n\nthree\n", 100);
    assert_string_equal(text, "one | two | three");
    llmd__free(text);
    text = llmd__last_lines("one\ntwo\nthree", 8);
    assert_string_equal(text, "three");
    llmd__free(text);
    text = llmd__last_lines("", 8);
    assert_string_equal(text, "");
    llmd__free(text);
}

/* ---- what is told of the service ---- */

static void test_conditions_are_named(void **state)
{
    struct replay replay;
    struct progress progress = {0};

    (void)state;
    begin(&replay, "qwen");
    put(&replay, SCENE_SERVICE,
        "{'kind': 'LLMInferenceService', 'metadata': {'name': 'qwen', 'namespace': 'llm'},"
        " 'status': {'conditions': [{'type': 'RouterReady', 'status': 'True'},"
        " {'type': 'WorkloadReady', 'status': 'False'}]}}");
    none(llmd__progress_init(&progress));
    none(llmd__progress_look(&progress, &replay.scene));
    assert_int_equal(progress.count, 1);
    assert_string_equal(progress.items[0].reason, "RouterReady");
    assert_string_equal(progress.items[0].message, "condition RouterReady is True");
    none(llmd__progress_look(&progress, &replay.scene));
    assert_int_equal(progress.count, 0); /* nothing new */
    llmd__progress_free(&progress);
    end(&replay);
}

/* ---- out of memory: each allocation fails once ---- */

static llmd_error *judge_once(struct scene *scene)
{
    struct findings findings = {0};
    struct progress progress = {0};
    llmd_error *error = llmd__progress_init(&progress);

    if (!error)
        error = llmd__progress_look(&progress, scene);
    if (!error)
        error = llmd__findings_judge(&findings, scene, 1000, true);
    llmd__findings_free(&findings);
    llmd__progress_free(&progress);
    return error;
}

static void test_no_memory(void **state)
{
    struct replay replay;
    int64_t n = 1;

    (void)state;
    begin(&replay, "qwen");
    put_gateway(&replay, "nosuch");
    put_route(&replay, "Accepted", "NotAllowedByListeners", "no listener", 2);
    put_crashed_pod(&replay);
    none(llmd__scene_log(&replay.scene, "qwen-kserve-1", "main", "{\"msg\":\"error\"}\n"));
    for (bool failed = true; failed; n++) {
        int64_t live = llmd__alloc_live();

        llmd__alloc_fail_at(n);
        llmd_error *error = judge_once(&replay.scene);
        failed = llmd__alloc_count() >= n;
        llmd__alloc_fail_at(0);
        /* A log line that cannot be read for want of memory is told as it stands. */
        assert_true(!error || llmd_error_code(error) == LLMD_E_NO_MEMORY);
        llmd_error_free(error);
        assert_int_equal(llmd__alloc_live(), live);
    }
    assert_true(n > 20);
    end(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_node_fits),    cmocka_unit_test(test_why_no_node),
        cmocka_unit_test(test_autoscaler),      cmocka_unit_test(test_gateway_class),
        cmocka_unit_test(test_gateway_missing), cmocka_unit_test(test_scene_is_small),
        cmocka_unit_test(test_route),           cmocka_unit_test(test_crash_log),
        cmocka_unit_test(test_lines),           cmocka_unit_test(test_conditions_are_named),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
