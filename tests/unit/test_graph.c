/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks whose steps follow a script and need no server. */
#include "base/clock.h"
#include "task/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* What a step does, a letter an input:  e event, d done, f finish, x fail, s sleep 1 ms, n nothing,
   p poke the step named by `other`, r result, a add a step that is done at once. */
struct script {
    const char *at;
    char seen[64]; /* inputs: B T P */
    step_id other;
};

static int freed;

static llmd_error *ignore_done(void *state, struct graph *graph, const struct step_input *input,
                               struct step_action *action)
{
    (void)state, (void)input;
    action->kind = ACTION_DONE;
    return llmd__graph_event(graph, &(struct event_text){.message = "added"});
}

static const struct step_class added_class = {"added", ignore_done, NULL};

static llmd_error *say(struct graph *graph, const char *message)
{
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = "Thing/a",
                                                         .message = message,
                                                         .done = 1,
                                                         .total = 2});
}

static llmd_error *set_result(struct graph *graph)
{
    struct json *result = NULL;

    TRY(llmd__json_make(&result, "{'answer': 42}"));
    llmd__graph_result(graph, result);
    return NULL;
}

static llmd_error *act(struct script *script, struct graph *graph, char letter,
                       struct step_action *action)
{
    step_id id;

    switch (letter) {
    case 'e':
        return say(graph, "hello");
    case 'w':
        return llmd__graph_event(
            graph, &(struct event_text){.level = LLMD_LEVEL_WARNING, .message = "hm"});
    case 'd':
        action->kind = ACTION_DONE;
        return NULL;
    case 'f':
        action->kind = ACTION_FINISH;
        return NULL;
    case 'x':
        action->kind = ACTION_FAIL;
        action->error = llmd__error(LLMD_E_FAILED, "it broke");
        return NULL;
    case 'X':
        return llmd__error(LLMD_E_DENIED, "it was refused");
    case 's':
        action->kind = ACTION_SLEEP;
        action->wake_ms = llmd__clock_mono_ms() + 1;
        return NULL;
    case 'p':
        llmd__graph_poke(graph, script->other);
        return NULL;
    case 'r':
        return set_result(graph);
    case 'a':
        return llmd__graph_add(graph, &added_class, NULL, &id);
    default:
        return NULL;
    }
}

/* Acts by its letters up to the next space. */
static llmd_error *follow(void *state, struct graph *graph, const struct step_input *input,
                          struct step_action *action)
{
    struct script *script = state;
    size_t seen = strlen(script->seen);

    script->seen[seen] = input->kind == INPUT_BEGIN  ? 'B'
                         : input->kind == INPUT_TICK ? 'T'
                         : input->kind == INPUT_POKE ? 'P'
                                                     : '?';
    while (*script->at && *script->at != ' ')
        TRY(act(script, graph, *script->at++, action));
    if (*script->at)
        script->at++;
    return NULL;
}

static void count_freed(void *state)
{
    (void)state;
    freed++;
}

static const struct step_class follow_class = {"follow", follow, count_freed};
static const struct step_class second_class = {"second", follow, count_freed};

static void free_data(void *data)
{
    ++*(int *)data;
}

static int data_freed;

static struct graph *new_graph(void)
{
    struct graph *graph = NULL;

    freed = data_freed = 0;
    assert_null(llmd__graph_new(&data_freed, free_data, &graph));
    assert_ptr_equal(llmd__graph_data(graph), &data_freed);
    return graph;
}

static step_id add(struct graph *graph, const struct step_class *class, struct script *script)
{
    step_id id = -1;

    assert_null(llmd__graph_add(graph, class, script, &id));
    return id;
}

static llmd_task *new_task(struct graph *graph)
{
    llmd_task *task = NULL;

    assert_null(llmd__task_new(graph, &task));
    return task;
}

/* "step:message " of each event until the end or the error. */
static llmd_error *run(llmd_task *task, struct buf *seen)
{
    for (;;) {
        LLMD_AUTO(llmd_event) event = NULL;
        TRY(llmd_task_next(NULL, task, &event));
        if (!event)
            return NULL;
        llmd__buf_format(seen, "%s:%s ", llmd_event_step(event), llmd_event_message(event));
    }
}

static void assert_run(llmd_task *task, const char *want)
{
    AUTO(buf) struct buf seen = BUF_INIT;
    llmd_error *error = run(task, &seen);

    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    assert_string_equal(llmd__buf_text(&seen), want);
}

static void assert_fails(llmd_task *task, llmd_code code, const char *words)
{
    llmd_event *event = NULL;

    for (int i = 0; i < 2; i++) { /* it is repeated */
        llmd_error *error = llmd_task_next(NULL, task, &event);
        assert_int_equal(llmd_error_code(error), code);
        assert_non_null(strstr(llmd_error_message(error), words));
        assert_null(event);
        llmd_error_free(error);
    }
}

static void test_one_step(void **state)
{
    struct script script = {.at = "es es d"};
    struct graph *graph = new_graph();

    (void)state;
    add(graph, &follow_class, &script);
    llmd_task *task = new_task(graph);
    assert_run(task, "follow:hello follow:hello ");
    assert_string_equal(script.seen, "BTT");
    assert_run(task, "");
    assert_int_equal(llmd_task_worst(task), LLMD_LEVEL_INFO);
    llmd_task_free(task);
    assert_int_equal(freed, 1);
    assert_int_equal(data_freed, 1);
}

static void test_no_steps(void **state)
{
    llmd_task *task = new_task(new_graph());

    (void)state;
    assert_run(task, "");
    llmd_task_free(task);
    assert_int_equal(data_freed, 1);
}

static void test_needs(void **state)
{
    struct script first = {.at = "s s ed"};
    struct script second = {.at = "ed"};
    struct graph *graph = new_graph();

    (void)state;
    step_id b = add(graph, &second_class, &second);
    step_id a = add(graph, &follow_class, &first);
    assert_null(llmd__graph_need(graph, b, a));
    llmd_task *task = new_task(graph);
    assert_run(task, "follow:hello second:hello ");
    llmd_task_free(task);
}

static void test_needs_that_are_not_there(void **state)
{
    struct script script = {.at = "d"};
    struct graph *graph = new_graph();

    (void)state;
    step_id a = add(graph, &follow_class, &script);
    llmd_error *error = llmd__graph_need(graph, a, 7);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    llmd_error_free(error);
    llmd__graph_free(graph);
    assert_int_equal(freed, 1);
}

static void test_circle(void **state)
{
    struct script scripts[2] = {{.at = "d"}, {.at = "d"}};
    struct graph *graph = new_graph();

    (void)state;
    step_id a = add(graph, &follow_class, &scripts[0]);
    step_id b = add(graph, &second_class, &scripts[1]);
    assert_null(llmd__graph_need(graph, a, b));
    assert_null(llmd__graph_need(graph, b, a));
    llmd_task *task = new_task(graph);
    assert_fails(task, LLMD_E_FAILED, "never comes");
    llmd_task_free(task);
}

static void test_poke(void **state)
{
    struct script sleeper = {.at = "n ed"};
    struct script poker = {.at = "s pd"};
    struct graph *graph = new_graph();

    (void)state;
    poker.other = add(graph, &follow_class, &sleeper);
    add(graph, &second_class, &poker);
    llmd_task *task = new_task(graph);
    assert_run(task, "follow:hello ");
    assert_string_equal(sleeper.seen, "BP");
    llmd_task_free(task);
}

static void test_fail(void **state)
{
    static const struct {
        const char *script;
        llmd_code code;
        const char *words;
    } rows[] = {{"wx", LLMD_E_FAILED, "it broke"}, {"wX", LLMD_E_DENIED, "it was refused"}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct script script = {.at = rows[i].script};
        struct script other = {.at = "s s s s s s s s s s d"};
        struct graph *graph = new_graph();
        llmd_event *event = NULL;
        add(graph, &follow_class, &script);
        add(graph, &second_class, &other);
        llmd_task *task = new_task(graph);
        /* What was said before is heard before. */
        assert_null(llmd_task_next(NULL, task, &event));
        assert_string_equal(llmd_event_message(event), "hm");
        llmd_event_free(event);
        assert_fails(task, rows[i].code, rows[i].words);
        assert_int_equal(llmd_task_worst(task), LLMD_LEVEL_WARNING);
        llmd_task_free(task);
        assert_int_equal(freed, 2);
    }
}

static void test_finish_stops_the_others(void **state)
{
    struct script finisher = {.at = "s ef"};
    struct script sleeper = {.at = "n"};
    struct graph *graph = new_graph();

    (void)state;
    add(graph, &follow_class, &sleeper);
    add(graph, &second_class, &finisher);
    llmd_task *task = new_task(graph);
    assert_run(task, "second:hello ");
    llmd_task_free(task);
}

static void test_added_while_running(void **state)
{
    struct script script = {.at = "aaaaaaaaaaaaaaaaaaaad"};
    struct graph *graph = new_graph();
    AUTO(buf) struct buf seen = BUF_INIT;

    (void)state;
    add(graph, &follow_class, &script);
    llmd_task *task = new_task(graph);
    assert_null(run(task, &seen));
    assert_int_equal(seen.len, 20 * strlen("added:added "));
    llmd_task_free(task);
}

static void test_result(void **state)
{
    static const struct {
        const char *script;
        int events;
        const char *reason;
    } rows[] = {
        {"red", 1, ""},    {"res d", 2, "Done"}, {"rd", 1, "Done"},
        {"es erf", 2, ""}, {"ers f", 2, "Done"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script script = {.at = rows[i].script};
        struct graph *graph = new_graph();
        add(graph, &follow_class, &script);
        llmd_task *task = new_task(graph);
        for (int k = 0; k < rows[i].events; k++) {
            LLMD_AUTO(llmd_event) event = NULL;
            assert_null(llmd_task_next(NULL, task, &event));
            assert_non_null(event);
            bool last = k == rows[i].events - 1;
            assert_int_equal(strstr(llmd_event_json(event), "\"result\":{\"answer\":42}") != NULL,
                             last);
            if (last)
                assert_string_equal(llmd_event_reason(event), rows[i].reason);
        }
        assert_run(task, "");
        llmd_task_free(task);
    }
}

static void test_event_json(void **state)
{
    llmd_event *event = NULL;
    const struct event_text text = {.level = LLMD_LEVEL_WARNING,
                                    .step = "wait",
                                    .phase = "image",
                                    .subject = "Pod/llm/a",
                                    .reason = "ImagePullBackOff",
                                    .message = "gr\xc3\xbc\xc3\x9f \"x\"\n",
                                    .advice = "look",
                                    .done = 1,
                                    .total = 3};

    (void)state;
    assert_null(llmd__event_new(&text, &event));
    assert_string_equal(llmd_event_phase(event), "image");
    assert_string_equal(llmd_event_advice(event), "look");
    assert_int_equal(llmd_event_done(event), 1);
    assert_int_equal(llmd_event_total(event), 3);
    assert_true(llmd_event_time_ms(event) > INT64_C(1700000000000));
    assert_non_null(strstr(llmd_event_json(event),
                           "\"level\":\"warning\",\"step\":\"wait\",\"phase\":\"image\","
                           "\"subject\":\"Pod/llm/a\",\"reason\":\"ImagePullBackOff\","
                           "\"message\":\"gr\xc3\xbc\xc3\x9f \\\"x\\\"\\n\",\"advice\":\"look\","
                           "\"done\":1,\"total\":3}"));
    llmd_event_free(event);
    assert_string_equal(llmd_event_message(NULL), "");
    assert_string_equal(llmd_event_json(NULL), "");
    llmd_event_free(NULL);
}

static void test_deadline_does_not_end_the_task(void **state)
{
    struct script script = {.at = "s s s s s s s s s s s s s s s s s s s s ed"};
    struct graph *graph = new_graph();
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_event *event = NULL;

    (void)state;
    add(graph, &follow_class, &script);
    llmd_task *task = new_task(graph);
    /* On a slow machine the shortest deadline passes before the first step begins. */
    for (bool told = false, late = false; !told; assert_false(late)) {
        static int64_t timeout_ms = 2;
        llmd_context_set_timeout_ms(ctx, timeout_ms);
        llmd_error *error = llmd_task_next(ctx, task, &event);
        assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
        told = strstr(llmd_error_message(error), "waiting for follow") != NULL;
        late = (timeout_ms *= 4) > 1000;
        llmd_error_free(error);
    }
    assert_run(task, "follow:hello ");
    llmd_task_free(task);
}

static void test_canceled_context(void **state)
{
    struct script script = {.at = "ed"};
    struct graph *graph = new_graph();
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_event *event = NULL;

    (void)state;
    add(graph, &follow_class, &script);
    llmd_task *task = new_task(graph);
    llmd_context_cancel(ctx);
    llmd_error *error = llmd_task_next(ctx, task, &event);
    assert_int_equal(llmd_error_code(error), LLMD_E_CANCELED);
    llmd_error_free(error);
    assert_string_equal(script.seen, "");
    assert_run(task, "follow:hello ");
    llmd_task_free(task);
}

struct inside {
    llmd_task *task;
    llmd_context *ctx;
    atomic_int code;
};

static void *wait_inside(void *data)
{
    struct inside *inside = data;
    llmd_event *event = NULL;

    llmd_error *error = llmd_task_next(inside->ctx, inside->task, &event);
    atomic_store(&inside->code, (int)llmd_error_code(error));
    llmd_error_free(error);
    return NULL;
}

/* A step that waits for a poke which never comes, and one whose timer is far away. */
static llmd_task *endless_task(struct script *script)
{
    struct graph *graph = new_graph();

    script->at = "";
    add(graph, &follow_class, script);
    return new_task(graph);
}

static llmd_error *sleep_long(void *state, struct graph *graph, const struct step_input *input,
                              struct step_action *action)
{
    (void)graph;
    atomic_store((atomic_int *)state, 1);
    action->kind = ACTION_SLEEP;
    action->wake_ms = input->now_ms + 3600000;
    return NULL;
}

static const struct step_class sleep_class = {"sleep", sleep_long, NULL};

static llmd_task *sleeping_task(atomic_int *asleep)
{
    struct graph *graph = new_graph();
    step_id id;

    assert_null(llmd__graph_add(graph, &sleep_class, asleep, &id));
    return new_task(graph);
}

static void start_inside(struct inside *inside, atomic_int *asleep, pthread_t *thread)
{
    pthread_create(thread, NULL, wait_inside, inside);
    while (!atomic_load(asleep))
        usleep(100);
    usleep(5000);
}

static void test_free_while_another_is_inside(void **state)
{
    atomic_int asleep = 0;
    struct inside inside = {.task = sleeping_task(&asleep)};
    pthread_t thread;
    llmd_event *event = NULL;

    (void)state;
    start_inside(&inside, &asleep, &thread);
    llmd_error *error = llmd_task_next(NULL, inside.task, &event);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "in use"));
    llmd_error_free(error);
    llmd_task_free(inside.task);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&inside.code), LLMD_E_CANCELED);
    assert_int_equal(data_freed, 1);
}

static void test_cancel_while_inside(void **state)
{
    atomic_int asleep = 0;
    struct inside inside = {.task = sleeping_task(&asleep), .ctx = llmd_context_new()};
    pthread_t thread;

    (void)state;
    start_inside(&inside, &asleep, &thread);
    llmd_context_cancel(inside.ctx);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&inside.code), LLMD_E_CANCELED);
    llmd_task_free(inside.task);
    llmd_context_free(inside.ctx);
}

static void test_stuck(void **state)
{
    struct script script = {0};
    llmd_task *task = endless_task(&script);

    (void)state;
    assert_fails(task, LLMD_E_FAILED, "follow waits for something that never comes");
    llmd_task_free(task);
}

static void count_event(void *data, const llmd_event *event)
{
    assert_string_equal(llmd_event_message(event), "hello");
    ++*(int *)data;
}

static void test_run(void **state)
{
    struct script script = {.at = "eees ed"};
    struct graph *graph = new_graph();
    int count = 0;

    (void)state;
    add(graph, &follow_class, &script);
    llmd_task *task = new_task(graph);
    assert_null(llmd_task_run(NULL, task, count_event, &count));
    assert_int_equal(count, 4);
    assert_null(llmd_task_run(NULL, task, NULL, NULL));
    llmd_task_free(task);
    llmd_task_free(NULL);
}

static void test_null_arguments(void **state)
{
    llmd_event *event = NULL;

    (void)state;
    llmd_error *error = llmd_task_next(NULL, NULL, &event);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    llmd_error_free(error);
    assert_int_equal(llmd_task_worst(NULL), LLMD_LEVEL_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_step),
        cmocka_unit_test(test_no_steps),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_needs_that_are_not_there),
        cmocka_unit_test(test_circle),
        cmocka_unit_test(test_poke),
        cmocka_unit_test(test_fail),
        cmocka_unit_test(test_finish_stops_the_others),
        cmocka_unit_test(test_added_while_running),
        cmocka_unit_test(test_result),
        cmocka_unit_test(test_event_json),
        cmocka_unit_test(test_deadline_does_not_end_the_task),
        cmocka_unit_test(test_canceled_context),
        cmocka_unit_test(test_free_while_another_is_inside),
        cmocka_unit_test(test_cancel_while_inside),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_null_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
