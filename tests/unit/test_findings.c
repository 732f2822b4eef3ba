/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays what the real stack said, watch event by watch event, and asserts what is told, when, and
 * what ends a wait. The recordings are those of the rig: everything in one namespace while a
 * service was applied at about one second.
 */
#include "findings/findings.h"
#include "findings/lines.h"
#include "findings/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_TOLD 64

struct told {
    double t;
    char code[64], subject[160], message[640];
    bool progress;
};

struct replay {
    struct scene scene;
    struct findings findings;
    struct progress progress;
    struct told told[MAX_TOLD];
    size_t count;
    double ended; /* 0: not */
    char end_code[64];
    double ready;
    char phases[256];      /* of model pods, in order */
    const char *from, *to; /* replaced in every line */
};

static void none(llmd_error *error)
{
    if (error)
        fail_msg("%s", llmd_error_message(error));
}

/* ---- judging ---- */

static void note_findings(struct replay *replay, double t)
{
    for (size_t i = 0; i < replay->findings.count; i++) {
        const struct finding *finding = &replay->findings.items[i];

        if (finding->ends && !replay->ended) {
            replay->ended = t;
            snprintf(replay->end_code, sizeof(replay->end_code), "%s", finding->rule->code);
        }
        if (!finding->is_new || replay->count == MAX_TOLD)
            continue;
        struct told *told = &replay->told[replay->count++];
        told->t = t;
        told->progress = finding->rule->progress;
        snprintf(told->code, sizeof(told->code), "%s", finding->rule->code);
        snprintf(told->subject, sizeof(told->subject), "%s", finding->subject);
        snprintf(told->message, sizeof(told->message), "%s", finding->message);
        assert_true(finding->rule->progress || strlen(finding->rule->advice) > 0);
    }
}

static void note_progress(struct replay *replay, double t)
{
    none(llmd__progress_look(&replay->progress, &replay->scene));
    for (size_t i = 0; i < replay->progress.count; i++) {
        const struct news *news = &replay->progress.items[i];

        if (strncmp(news->subject, "Pod/", 4) || !news->phase[0])
            continue;
        strncat(replay->phases, news->phase, sizeof(replay->phases) - strlen(replay->phases) - 1);
        strncat(replay->phases, " ", sizeof(replay->phases) - strlen(replay->phases) - 1);
    }
    if (replay->progress.ready && !replay->ready)
        replay->ready = t;
}

/* The clock of the findings begins at one, because 0 means no wake-up. */
static void judge_ms(struct replay *replay, int64_t now_ms)
{
    double t = (double)(now_ms - 1) / 1000;

    note_progress(replay, t);
    none(llmd__findings_judge(&replay->findings, &replay->scene, now_ms, true));
    assert_true(replay->findings.wake_ms == 0 || replay->findings.wake_ms > now_ms);
    note_findings(replay, t);
}

static void judge(struct replay *replay, double t)
{
    judge_ms(replay, (int64_t)(t * 1000 + 0.5) + 1);
}

/* What the step does while nothing happens: it wakes when it asked to. */
static void idle_until(struct replay *replay, double t)
{
    int64_t until_ms = (int64_t)(t * 1000 + 0.5) + 1;

    while (replay->findings.wake_ms && replay->findings.wake_ms < until_ms)
        judge_ms(replay, replay->findings.wake_ms);
}

/* ---- recordings ---- */

static int kind_of(const char *name)
{
    static const char *const kinds[SCENE_KINDS] = {
        "LLMInferenceService", "Pod",           "Deployment", "ReplicaSet",   "Event",
        "HTTPRoute",           "InferencePool", "Gateway",    "GatewayClass", "Node"};

    for (int i = 0; i < SCENE_KINDS; i++)
        if (!strcmp(kinds[i], name))
            return i;
    return -1;
}

static char *replaced(const char *line, const char *from, const char *to)
{
    size_t cap = strlen(line) * 2 + 1;
    char *out = calloc(1, cap);
    char *at = out;
    const char *hit;

    while (from && (hit = strstr(line, from))) {
        memcpy(at, line, (size_t)(hit - line));
        at += hit - line;
        at += snprintf(at, cap - (size_t)(at - out), "%s", to);
        line = hit + strlen(from);
    }
    snprintf(at, cap - (size_t)(at - out), "%s", line);
    return out;
}

static void play_line(struct replay *replay, const char *line)
{
    struct json *event = NULL;
    const struct json *object;
    double t;
    int kind;

    none(llmd__json_parse(line, strlen(line), "recording", &event));
    object = llmd__json_member(event, "object");
    t = llmd__json_double(event, "t", 0);
    kind = kind_of(llmd__json_str(object, "kind"));
    idle_until(replay, t);
    if (kind >= 0) {
        if (!strcmp(llmd__json_str(event, "type"), "DELETED"))
            llmd__scene_remove(&replay->scene, (enum scene_kind)kind, object);
        else
            none(llmd__scene_put(&replay->scene, (enum scene_kind)kind, object));
        judge(replay, t);
    }
    llmd__json_free(event);
}

static void play(struct replay *replay, const char *name, double until)
{
    char command[512];
    char *line = NULL;
    size_t cap = 0;
    FILE *pipe;

    snprintf(command, sizeof(command), "gzip -dc %s/tests/unit/recordings/%s.jsonl.gz", SOURCE_DIR,
             name);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (getline(&line, &cap, pipe) > 0) {
        char *changed = replaced(line, replay->from, replay->to);

        play_line(replay, changed);
        free(changed);
    }
    free(line);
    assert_int_equal(pclose(pipe), 0);
    idle_until(replay, until);
}

static void begin(struct replay *replay, const char *name)
{
    memset(replay, 0, sizeof(*replay));
    none(llmd__scene_init(&replay->scene, "llm", name));
    none(llmd__progress_init(&replay->progress));
    for (int i = 0; i < SCENE_KINDS; i++)
        replay->scene.sets[i].synced = true;
    replay->scene.sets[SCENE_CLASS].denied = true; /* the recordings have no cluster objects */
}

static void end(struct replay *replay)
{
    llmd__scene_free(&replay->scene);
    llmd__findings_free(&replay->findings);
    llmd__progress_free(&replay->progress);
}

static const struct told *find(const struct replay *replay, const char *code)
{
    for (size_t i = 0; i < replay->count; i++)
        if (!strcmp(replay->told[i].code, code))
            return &replay->told[i];
    return NULL;
}

static void print_told(const struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++)
        print_message("  %6.2f %s%s %s: %.200s\n", replay->told[i].t, replay->told[i].code,
                      replay->told[i].progress ? " (progress)" : "", replay->told[i].subject,
                      replay->told[i].message);
}

/* ---- the recordings, one a row ---- */

struct recorded {
    const char *name;
    const char *service;  /* NULL: the same */
    const char *code;     /* must be told */
    double known, within; /* when the cluster knew it; limit after that */
    const char *says;     /* in the message */
    const char *ends;     /* code that ends the wait, or NULL */
    double end_from, end_to;
    const char *never; /* |-separated codes that must not be told */
    double until;
};

static const struct recorded cases[] = {
    {.name = "good",
     .until = 300,
     .never = "RoutePoolGroup|RouteBackendMissing|ContainerCrash|ControllerSilent|NotReady|"
              "WaitingForGateway|ReconcileFailed|RouteRefused|PoolRefused"},
    {.name = "good-cpu2",
     .service = "good",
     .until = 300,
     .never = "RoutePoolGroup|RouteBackendMissing|ContainerCrash|ControllerSilent|NotReady|"
              "WaitingForGateway|ReconcileFailed|RouteRefused|PoolRefused"},
    /* The registry's name does not resolve, which may pass: named, but no end. */
    {.name = "noimage",
     .code = "RegistryUnreachable",
     .known = 7.62,
     .within = 0.05,
     .says = "rig.local/does-not-exist:1",
     .until = 300,
     .never = "ImageNotFound|NotReady"},
    {.name = "unschedulable",
     .code = "Unschedulable",
     .known = 8.76,
     .within = 0.05,
     .says = "Insufficient google.com/tpu",
     .until = 600,
     .never = "NotReady|WaitingForGateway"},
    {.name = "crashloop",
     .code = "UnknownArgument",
     .known = 35.96,
     .within = 0.05,
     .says = "unrecognized arguments: --no-such-flag",
     .ends = "UnknownArgument",
     .end_from = 109,
     .end_to = 110,
     .until = 110,
     .never = "NotReady|ContainerCrash"},
    {.name = "pickercrash",
     .code = "PickerPlugin",
     .known = 28.61,
     .within = 0.05,
     .says =
         "Failed to parse configuration: failed to load the configuration - plugin instantiation "
         "failed: plugin type 'no-hit-lru-scorer' is not registered",
     .ends = "PickerPlugin",
     .end_from = 50,
     .end_to = 51,
     .until = 60,
     .never = "ContainerCrash"},
    {.name = "nopreset",
     .code = "PresetMissing",
     .known = 1.38,
     .within = 0.05,
     .says = "no-such-config",
     .ends = "PresetMissing",
     .end_from = 1.3,
     .end_to = 1.5,
     .until = 10},
    {.name = "nogateway",
     .code = "GatewayMissing",
     .known = 3.96,
     .within = 0.05,
     .says = "Gateway llm/ghost does not exist",
     .until = 60,
     .never = "ReconcileFailed|NotReady"},
};

static void check_told(const struct replay *replay, const struct recorded *row)
{
    const struct told *told = row->code ? find(replay, row->code) : NULL;

    if (!row->code)
        return;
    if (!told)
        fail_msg("%s: %s was not told", row->name, row->code);
    if (told->t > row->known + row->within)
        fail_msg("%s: told at %.2f, known at %.2f", row->name, told->t, row->known);
    if (!strstr(told->message, row->says))
        fail_msg("%s: \"%s\" lacks \"%s\"", row->name, told->message, row->says);
}

static void check_end(const struct replay *replay, const struct recorded *row)
{
    if (!row->ends && replay->ended > 0)
        fail_msg("%s: ended at %.2f by %s", row->name, replay->ended, replay->end_code);
    if (!row->ends)
        return;
    assert_string_equal(replay->end_code, row->ends);
    if (replay->ended < row->end_from || replay->ended > row->end_to)
        fail_msg("%s: ended at %.2f", row->name, replay->ended);
}

static void check_never(const struct replay *replay, const struct recorded *row)
{
    char codes[512];
    char *save = NULL;

    snprintf(codes, sizeof(codes), "%s", row->never ? row->never : "");
    for (char *code = strtok_r(codes, "|", &save); code; code = strtok_r(NULL, "|", &save))
        if (find(replay, code))
            fail_msg("%s: %s was told at %.2f", row->name, code, find(replay, code)->t);
}

static void check_once(const struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++)
        for (size_t j = i + 1; j < replay->count; j++)
            if (!strcmp(replay->told[i].code, replay->told[j].code) &&
                !strcmp(replay->told[i].subject, replay->told[j].subject))
                fail_msg("%s was told twice", replay->told[i].code);
}

static void test_recordings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct replay replay;

        begin(&replay, cases[i].service ? cases[i].service : cases[i].name);
        play(&replay, cases[i].name, cases[i].until);
        print_message("%s: ready %.2f, phases %s\n", cases[i].name, replay.ready, replay.phases);
        print_told(&replay);
        if (!strcmp(cases[i].name, "good"))
            assert_true(replay.ready > 0);
        check_told(&replay, &cases[i]);
        check_end(&replay, &cases[i]);
        check_never(&replay, &cases[i]);
        check_once(&replay);
        end(&replay);
    }
}

static void test_good_is_ready_at_once(void **state)
{
    struct replay replay;

    (void)state;
    begin(&replay, "good");
    play(&replay, "good", 100);
    assert_true(replay.ready > 90.5 && replay.ready < 90.7);
    assert_non_null(strstr(replay.phases, "scheduling image compile serving"));
    assert_int_equal(replay.progress.done, 1);
    assert_int_equal(replay.progress.total, 1);
    end(&replay);
}

/* ---- the same recordings with other words of the registry ---- */

static void pull_case(const char *text, const char *code, bool ends)
{
    struct replay replay;

    begin(&replay, "noimage");
    replay.from = "failed to do request: Head \\\"https://rig.local/v2/does-not-exist/manifests/1"
                  "\\\": dial tcp: lookup rig.local: Temporary failure in name resolution";
    replay.to = text;
    play(&replay, "noimage", 60);
    print_told(&replay);
    assert_non_null(find(&replay, code));
    assert_true(find(&replay, code)->t < 7.7);
    if (ends) {
        assert_string_equal(replay.end_code, code);
        /* The second back-off is at 31 s. */
        assert_true(replay.ended > 30.9 && replay.ended < 31.1);
    } else {
        assert_true(replay.ended == 0);
    }
    end(&replay);
}

static void test_pull_texts(void **state)
{
    (void)state;
    pull_case("rig.local/does-not-exist:1: not found", "ImageNotFound", true);
    pull_case("unexpected status from HEAD request: 401 Unauthorized", "ImagePullDenied", true);
    pull_case("pull access denied, repository does not exist or may require authorization",
              "ImagePullDenied", true);
    pull_case("dial tcp 10.0.0.1:443: i/o timeout", "RegistryUnreachable", false);
    pull_case("unexpected EOF", "ImagePullFailed", false);
}

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

static void put_pending_pod(struct replay *replay)
{
    put(replay, SCENE_POD,
        "{'kind': 'Pod', 'metadata': {'name': 'qwen-kserve-1', 'namespace': 'llm', 'uid': 'u1',"
        " 'labels': {'app.kubernetes.io/name': 'qwen',"
        " 'app.kubernetes.io/part-of': 'llminferenceservice'}},"
        " 'status': {'phase': 'Pending', 'conditions': [{'type': 'PodScheduled',"
        " 'status': 'False', 'reason': 'Unschedulable', 'message': 'no node'}]}}");
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

static void test_crash_log(void **state)
{
    struct replay replay;

    (void)state;
    begin(&replay, "qwen");
    put(&replay, SCENE_POD,
        "{'kind': 'Pod', 'metadata': {'name': 'qwen-kserve-1', 'namespace': 'llm', 'uid': 'u1',"
        " 'labels': {'app.kubernetes.io/name': 'qwen',"
        " 'app.kubernetes.io/part-of': 'llminferenceservice'}},"
        " 'status': {'phase': 'Running', 'containerStatuses': [{'name': 'main', 'ready': false,"
        " 'restartCount': 2, 'state': {'terminated': {'exitCode': 1, 'reason': 'Error'}},"
        " 'lastState': {'terminated': {'exitCode': 1, 'reason': 'Error'}}}]}}");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recordings), cmocka_unit_test(test_good_is_ready_at_once),
        cmocka_unit_test(test_pull_texts), cmocka_unit_test(test_no_node_fits),
        cmocka_unit_test(test_autoscaler), cmocka_unit_test(test_gateway_class),
        cmocka_unit_test(test_route),      cmocka_unit_test(test_crash_log),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
