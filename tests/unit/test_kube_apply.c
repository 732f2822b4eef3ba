/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: the order of manifests, what was done told from answers, and the worker against scripts.
 */
#include "kube/apply_run.h"

#include "base/yaml.h"
#include "task/work.h"

#include "support/torture.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kube_fixture.h"

/* --- order --- */

static const char mixed[] =
    "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {}}\n---\n"
    "apiVersion: v1\nkind: List\nitems:\n"
    "- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: n}, data: {}}\n"
    "- {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n---\n"
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "
    "widgets.example.com}, spec: {group: example.com, scope: Namespaced, names: {plural: widgets, "
    "kind: Widget}, versions: [{name: v1, served: true}, {name: v0, served: false}]}}\n---\n"
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: n}, data: {x: y}}\n---\n"
    "{apiVersion: v1, kind: Namespace, metadata: {name: m}}\n";

static llmd_error *read_manifests(const char *text, struct manifest_set *set)
{
    AUTO(json) struct json *objects = NULL;

    TRY(llmd__yaml_parse_all(text, "manifests", &objects));
    return llmd__manifests_read(set, objects, "manifests");
}

static void manifests_are_put_in_order(void **state)
{
    static const char *const order[] = {
        "Namespace/n", "Namespace/m",   "CustomResourceDefinition/widgets.example.com",
        "Widget/w",    "ConfigMap/n/a", "ConfigMap/n/a"};
    struct manifest_set set = {0};

    (void)state;
    assert_null(read_manifests(mixed, &set));
    assert_int_equal(set.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(set.items[i].subject, order[i]);
    assert_int_equal(set.items[5].wave, WAVE_REPEATED);
    assert_non_null(strstr(set.items[5].body, "\"x\":\"y\"")); /* the later one is applied last */
    llmd__manifests_free(&set);
}

static void kinds_of_the_set_are_known(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    struct manifest_set set = {0};

    (void)state;
    assert_null(fixture_kube(&kube));
    assert_null(read_manifests(mixed, &set));
    assert_true(llmd__manifests_resolve(&set, kube));
    assert_ptr_equal(set.items[3].needs_kind, &set.items[2]);
    assert_string_equal(set.items[3].resource.plural, "widgets");
    llmd__manifests_free(&set);
    assert_null(read_manifests("{apiVersion: v9, kind: Nothing, metadata: {name: x}}", &set));
    assert_false(llmd__manifests_resolve(&set, kube));
    AUTO(error) llmd_error *error = llmd__manifests_missing(&set);
    assert_string_equal(llmd_error_message(error),
                        "apply Nothing/x: the server does not serve v9 Nothing");
    llmd__manifests_free(&set);
}

/* One more is finished; then what is ready and not finished. */
static void each_waits_for_what_it_needs(void **state)
{
    static const struct {
        const char *finished, *ready;
    } turns[] = {
        {"", "Namespace/n Namespace/m CustomResourceDefinition/widgets.example.com"},
        {"Namespace/n", "Namespace/m CustomResourceDefinition/widgets.example.com ConfigMap/n/a"},
        {"CustomResourceDefinition/widgets.example.com",
         "Namespace/m Widget/w ConfigMap/n/a Deployment/n/d"},
        {"Widget/w", "Namespace/m ConfigMap/n/a Deployment/n/d"},
        {"Namespace/m", "ConfigMap/n/a Deployment/n/d"},
        {"Deployment/n/d", "ConfigMap/n/a"},
        {"ConfigMap/n/a", "ConfigMap/n/a"}, /* the one that stands there again */
    };
    LLMD_AUTO(llmd_kube) kube = NULL;
    struct manifest_set set = {0};
    AUTO(str)
    char *text = llmd__format(
        "%s---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: n}}\n",
        mixed);

    (void)state;
    assert_null(fixture_kube(&kube));
    assert_null(read_manifests(text, &set));
    assert_true(llmd__manifests_resolve(&set, kube));
    llmd__manifests_link(&set);
    for (size_t turn = 0; turn < sizeof(turns) / sizeof(turns[0]); turn++) {
        AUTO(buf) struct buf ready = BUF_INIT;
        bool finishes = false;
        for (size_t i = 0; i < set.count; i++) {
            struct manifest *item = &set.items[i];
            if (!finishes && strcmp(item->subject, turns[turn].finished) == 0)
                item->finished = finishes = true;
            if (!item->finished && llmd__manifest_is_ready(&set, item))
                llmd__buf_format(&ready, "%s%s", ready.len ? " " : "", item->subject);
        }
        assert_string_equal(llmd__buf_text(&ready), turns[turn].ready);
    }
    llmd__manifests_free(&set);
}

static void incomplete_objects_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: b\n", "manifests:1: apiVersion is missing"},
        {"\napiVersion: v1\n", "manifests:2: kind is missing"},
        {"apiVersion: v1\nkind: Pod\n", "manifests:1: Pod: metadata.name is missing"},
        {"apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n",
         "manifests:1: Pod: generateName cannot be applied: give a metadata.name"},
        {"- a\n", "manifests:1: not an object"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct manifest_set set = {0};
        AUTO(error) llmd_error *error = read_manifests(cases[i].text, &set);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        assert_string_equal(llmd_error_message(error), cases[i].message);
        llmd__manifests_free(&set);
    }
}

/* --- created, configured, unchanged --- */

#define OBJECT(version, ours, theirs)                                                              \
    "{\"metadata\":{\"resourceVersion\":\"" version                                                \
    "\",\"managedFields\":[{\"manager\":\"libllmd\",\"operation\":\"Apply\",\"time\":\"" ours      \
    "\"},{\"manager\":\"kcm\",\"operation\":\"Update\",\"time\":\"" theirs "\"}]}}"

static const struct {
    int status;
    const char *answer, *baseline, *looked;
    enum applied applied;
} judged[] = {
    {201, OBJECT("5", "t1", ""), "9", NULL, APPLIED_CREATED},
    {200, OBJECT("5", "t1", ""), "9", NULL, APPLIED_UNCHANGED},
    {200, OBJECT("9", "t1", ""), "9", NULL, APPLIED_UNCHANGED},
    {200, OBJECT("10", "t1", ""), "9", NULL, APPLIED_CONFIGURED},
    {200, OBJECT("10", "t1", "t2"), "9", NULL, APPLIED_UNCHANGED}, /* a controller wrote since */
    {200, OBJECT("10", "t2", "t1"), "9", NULL, APPLIED_CONFIGURED},
    {200, OBJECT("10", "t2", "t1"), NULL, OBJECT("10", "t2", "t1"), APPLIED_UNCHANGED},
    {200, OBJECT("11", "t2", "t1"), NULL, OBJECT("10", "t2", "t1"), APPLIED_CONFIGURED},
    {200, "{\"metadata\":{\"resourceVersion\":\"10\"},\"data\":{\"a\":\"c\"}}", NULL,
     "{\"metadata\":{\"resourceVersion\":\"10\"},\"data\":{\"a\":\"b\"}}", APPLIED_CONFIGURED},
    {200, OBJECT("10", "t2", "t1"), NULL, NULL, APPLIED_CONFIGURED},
};

static void what_was_done_is_told_from_the_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        AUTO(json) struct json *answer = NULL;
        AUTO(json) struct json *looked = NULL;
        assert_null(llmd__json_parse(judged[i].answer, strlen(judged[i].answer), "a", &answer));
        if (judged[i].looked)
            assert_null(llmd__json_parse(judged[i].looked, strlen(judged[i].looked), "l", &looked));
        enum applied applied =
            llmd__applied_judge(judged[i].status, answer, judged[i].baseline, looked);
        if (applied != judged[i].applied)
            fail_msg("case %zu: %s", i, llmd__applied_name(applied));
    }
}

/* --- one worker against a script --- */

struct line {
    int status;        /* of the answer; 0: begin; -1: a tick; -2: a poke */
    const char *text;  /* the answer's body; a tick: milliseconds */
    const char *wants; /* "METHOD path-without-query", "sleep", "idle" */
};

struct play {
    llmd_kube *kube;
    struct graph *graph;
    struct apply_run *run;
    struct apply_worker worker;
    int64_t now_ms;
};

static llmd_error *play_line(struct play *play, const struct line *line, struct buf *got)
{
    struct step_input input = fixture_reply(line->status, line->text, play->now_ms);
    struct step_action action = {0};
    AUTO(json) struct json *answer = NULL;
    bool idle = false;

    if (line->status == -1)
        input.now_ms = play->now_ms += 60000 * (line->text[0] == 'm') + 600;
    if (line->status <= 0)
        input.kind = line->status == -2 ? INPUT_POKE : line->status ? INPUT_TICK : INPUT_BEGIN;
    TRY(llmd__apply_work(&play->worker, play->run, play->graph, &input, &action, &answer, &idle));
    if (action.kind == ACTION_SEND)
        llmd__buf_format(got, "%s %.*s", action.request.method,
                         (int)strcspn(action.request.path, "?"), action.request.path);
    else
        llmd__buf_str(got, idle ? "idle" : action.kind == ACTION_SLEEP ? "sleep" : "none");
    return llmd__buf_check(got);
}

static llmd_error *play_lines(struct play *play, const struct line *lines)
{
    for (; lines->wants; lines++) {
        AUTO(buf) struct buf got = BUF_INIT;
        TRY(play_line(play, lines, &got));
        if (strcmp(llmd__buf_text(&got), lines->wants) != 0)
            return llmd__error(LLMD_E_FAILED, "after %d \"%s\": want %s, got %s", lines->status,
                               lines->text, lines->wants, llmd__buf_text(&got));
    }
    return NULL;
}

/* Events as "reason:subject reason:subject". Who prints them puts the subject before the message.
 */
static void take_events(struct graph *graph, struct buf *events)
{
    for (llmd_event *event; (event = llmd__graph_pop(graph)) != NULL; llmd_event_free(event)) {
        if (llmd_event_level(event) == LLMD_LEVEL_INFO)
            assert_null(strstr(llmd_event_message(event), llmd_event_subject(event)));
        llmd__buf_format(events, "%s%s:%s", events->len ? " " : "", llmd_event_reason(event),
                         llmd_event_subject(event));
    }
}

static llmd_error *start_play(struct play *play, const char *manifests, const char *baseline)
{
    AUTO(json) struct json *objects = NULL;

    play->now_ms = 1000;
    TRY(fixture_kube(&play->kube));
    TRY(llmd__graph_new(NULL, NULL, &play->graph));
    TRY(llmd__yaml_parse_all(manifests, "manifests", &objects));
    TRY(llmd__apply_run_new(play->kube, objects, "manifests", NULL, &play->run));
    if (!llmd__manifests_resolve(&play->run->set, play->kube))
        return llmd__manifests_missing(&play->run->set);
    llmd__manifests_link(&play->run->set);
    play->run->baseline = llmd__strdup(baseline);
    return baseline && !play->run->baseline ? NO_MEMORY : NULL;
}

static llmd_error *play_script(const char *manifests, const char *baseline,
                               const struct line *lines, struct buf *events)
{
    struct play play = {0};
    llmd_error *error = start_play(&play, manifests, baseline);

    if (!error)
        error = play_lines(&play, lines);
    if (play.graph && events)
        take_events(play.graph, events);
    llmd__apply_worker_free(&play.worker);
    llmd__apply_run_put(play.run);
    llmd__graph_free(play.graph);
    llmd_kube_free(play.kube);
    return error;
}

static void expect_play(const char *manifests, const char *baseline, const struct line *lines,
                        const char *wanted)
{
    AUTO(buf) struct buf events = BUF_INIT;
    AUTO(error) llmd_error *error = play_script(manifests, baseline, lines, &events);

    if (error)
        fail_msg("%s", llmd_error_message(error));
    assert_string_equal(llmd__buf_text(&events), wanted);
}

#define CM_PATH "/api/v1/namespaces/n/configmaps/"
#define CM(name)                                                                                   \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name ", namespace: n}, data: {}}\n---\n"
#define ANSWER(name, version)                                                                      \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"

static const struct line crd_and_object[] = {
    {0, "", "GET /api/v1/namespaces/n"},
    {404, "{}", "PATCH /api/v1/namespaces/n"},
    {201, ANSWER("n", "10"), "GET /api/v1/namespaces/m"},
    {200, ANSWER("m", "3"), /* it sets nothing, and we own nothing there */
     "PATCH /apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"},
    {201, ANSWER("widgets.example.com", "11"), "GET /apis/example.com/v1"},
    {404, "{}", "sleep"},
    {-1, "", "GET /apis/example.com/v1"},
    {-2, "", "none"}, /* the CRD changes: that is asked already */
    {200, "{\"resources\":[]}", "sleep"},
    {-2, "", "GET /apis/example.com/v1"},
    {200, "{\"resources\":[{\"name\":\"widgets\"}]}", "PATCH /apis/example.com/v1/widgets/w"},
    {404, "{\"kind\":\"Status\"}", "sleep"}, /* served a moment after it is announced */
    {-1, "", "PATCH /apis/example.com/v1/widgets/w"},
    {201, ANSWER("w", "12"), "PATCH /api/v1/namespaces/n/configmaps/a"},
    {201, ANSWER("a", "13"), "PATCH /api/v1/namespaces/n/configmaps/a"},
    {200, ANSWER("a", "14"), "idle"},
    {0, NULL, NULL},
};

static void a_kind_is_waited_for_before_its_objects(void **state)
{
    AUTO(buf) struct buf manifests = BUF_INIT;

    (void)state;
    llmd__buf_str(&manifests, mixed);
    expect_play(llmd__buf_text(&manifests), "9", crd_and_object,
                "created:Namespace/n unchanged:Namespace/m "
                "created:CustomResourceDefinition/widgets.example.com created:Widget/w "
                "created:ConfigMap/n/a configured:ConfigMap/n/a");
}

#define WEBHOOK                                                                                    \
    "{\"kind\":\"Status\",\"reason\":\"InternalError\",\"message\":\"failed calling webhook "      \
    "\\\"w\\\": no endpoints available for service\"}"

static void a_webhook_that_starts_is_waited_for(void **state)
{
    static const struct line lines[] = {
        {0, "", "PATCH " CM_PATH "a"},
        {500, WEBHOOK, "sleep"},
        {-1, "", "PATCH " CM_PATH "a"},
        {500, WEBHOOK, "sleep"},
        {-1, "", "PATCH " CM_PATH "a"},
        {201, ANSWER("a", "1"), "idle"},
        {0, NULL, NULL},
    };
    static const struct line lasting[] = {
        {0, "", "PATCH " CM_PATH "a"}, {500, WEBHOOK, "sleep"}, {-1, "m", "PATCH " CM_PATH "a"},
        {500, WEBHOOK, "fails"},       {0, NULL, NULL},
    };
    AUTO(error) llmd_error *error = NULL;

    (void)state;
    expect_play(CM("a"), "0", lines, "WebhookNotReady:ConfigMap/n/a created:ConfigMap/n/a");
    error = play_script(CM("a"), "0", lasting, NULL);
    assert_int_equal(llmd_error_code(error), LLMD_E_REMOTE);
    assert_non_null(strstr(llmd_error_message(error), "apply ConfigMap/n/a: 500"));
}

static void without_a_baseline_each_object_is_looked_at(void **state)
{
    static const struct line lines[] = {
        {0, "", "GET " CM_PATH "a"},
        {404, "{}", "PATCH " CM_PATH "a"},
        {201, ANSWER("a", "7"), "GET " CM_PATH "b"},
        {200, ANSWER("b", "5"), "PATCH " CM_PATH "b"},
        {200, ANSWER("b", "5"), "idle"},
        {0, NULL, NULL},
    };

    (void)state;
    expect_play(CM("a") CM("b"), NULL, lines, "created:ConfigMap/n/a unchanged:ConfigMap/n/b");
}

static void a_spec_of_ours_is_sent_to_its_own_call(void **state)
{
    struct manifest_set ours = {0};
    struct manifest_set other = {0};

    (void)state;
    AUTO(error) llmd_error *spec = read_manifests("name: qwen\nmodel: hf://a/b\n", &ours);
    AUTO(error) llmd_error *neither = read_manifests("a: b\n", &other);
    assert_non_null(strstr(llmd_error_advice(spec), "service apply"));
    assert_null(strstr(llmd_error_advice(neither), "service apply"));
    llmd__manifests_free(&ours);
    llmd__manifests_free(&other);
}

static void another_object_in_the_answer_is_refused(void **state)
{
    static const struct line lines[] = {
        {0, "", "PATCH " CM_PATH "a"}, {201, ANSWER("b", "1"), "fails"}, {0, NULL, NULL}};
    static const struct line conflict[] = {
        {0, "", "PATCH " CM_PATH "a"},
        {409,
         "{\"kind\":\"Status\",\"details\":{\"causes\":[{\"reason\":\"FieldManagerConflict\","
         "\"message\":\"conflict with \\\"helm\\\"\",\"field\":\".data.x\"}]}}",
         "fails"},
        {0, NULL, NULL}};
    AUTO(error) llmd_error *other = play_script(CM("a"), "0", lines, NULL);
    AUTO(error) llmd_error *owned = play_script(CM("a"), "0", conflict, NULL);

    (void)state;
    assert_int_equal(llmd_error_code(other), LLMD_E_PROTOCOL);
    assert_int_equal(llmd_error_code(owned), LLMD_E_CONFLICT);
    assert_string_equal(llmd_error_message(owned),
                        "apply ConfigMap/n/a: 409 Conflict: \"helm\" owns .data.x");
}

static llmd_error *apply_mixed(void *data)
{
    (void)data;
    return play_script(mixed, "9", crd_and_object, NULL);
}

static llmd_error *make_task(void *data)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_task) task = NULL;
    LLMD_AUTO(llmd_apply_spec) spec = NULL;

    (void)data;
    TRY(fixture_kube(&kube));
    TRY(llmd_apply_spec_parse("{force: true, namespace: llm, dryRun: true}", &spec));
    return llmd_kube_apply(kube, mixed, spec, &task);
}

static void memory_may_end(void **state)
{
    (void)state;
    torture(apply_mixed, NULL);
    torture(make_task, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests_are_put_in_order),
        cmocka_unit_test(kinds_of_the_set_are_known),
        cmocka_unit_test(each_waits_for_what_it_needs),
        cmocka_unit_test(incomplete_objects_are_refused_with_their_line),
        cmocka_unit_test(what_was_done_is_told_from_the_answer),
        cmocka_unit_test(a_kind_is_waited_for_before_its_objects),
        cmocka_unit_test(a_webhook_that_starts_is_waited_for),
        cmocka_unit_test(without_a_baseline_each_object_is_looked_at),
        cmocka_unit_test(a_spec_of_ours_is_sent_to_its_own_call),
        cmocka_unit_test(another_object_in_the_answer_is_refused),
        cmocka_unit_test(memory_may_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
