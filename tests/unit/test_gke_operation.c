/* SPDX-License-Identifier: Apache-2.0 */
/* Following operations, and changes with all that can come in their way, against scripts. */
#include "gke_play.h"

#include "gke/change.h"

#define RUNS "{'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'RUNNING'}"
#define DONE "{'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'DONE'}"
#define OTHER_RUNS "{'name':'operation-9-x','operationType':'UPDATE_CLUSTER','status':'RUNNING'}"
#define OTHER_FAILED                                                                               \
    "{'name':'operation-9-x','operationType':'UPDATE_CLUSTER','status':'DONE','error':{'code':13"  \
    ",'message':'boom'}}"

/* ---- operations ---- */

struct follow {
    struct play play;
    struct operation operation;
};

static llmd_error *follow_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    static const char *const words[] = {"", " SUCCEEDED", " FAILED", " LOST"};
    struct follow *follow = state;
    enum operation_end end;

    TRY(llmd__operation_advance(&follow->operation, graph, input, action, &end));
    llmd__buf_str(&follow->play.out, words[end]);
    return NULL;
}

static void play_operation(const struct line *lines, const char *error_words)
{
    struct follow follow = {.play = {.advance = follow_advance}};

    follow.play.state = &follow;
    play_start(&follow.play);
    assert_null(llmd__operation_begin(&follow.operation, follow.play.gke, "operation-1-a",
                                      "Cluster/llm", "cluster llm"));
    play_lines(&follow.play, lines);
    if (error_words)
        assert_non_null(strstr(llmd_error_message(follow.operation.error), error_words));
    llmd__operation_free(&follow.operation);
    play_stop(&follow.play);
}

static void it_is_polled_every_five_seconds(void **state)
{
    static const struct line lines[] = {
        {"begin", "GET operations/operation-1-a"},
        {"200 " RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {"200 " RUNS, "sleep 5000"}, /* nothing new is not told */
        {"poke", "-"},
        {"tick", "GET operations/operation-1-a"},
        {"+2 200 " RUNS, "sleep 2000"},
        {"tick", "GET operations/operation-1-a"},
        {"+0 200 " RUNS, "sleep 20"}, /* no busy loop */
        {"tick", "GET operations/operation-1-a"},
        {"200 " DONE, "- CREATE_CLUSTER SUCCEEDED"},
        {NULL, NULL},
    };

    (void)state;
    play_operation(lines, NULL);
}

#define CHECKING(status)                                                                           \
    "200 {'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'" status               \
    "','progress':{'metrics':[{'name':'CLUSTER_HEALTHCHECKING','intValue':'1'},{'name':"           \
    "'CLUSTER_HEALTHCHECKING_TOTAL','intValue':'2'}]}}"

/* GKE's last counter need not be full at the end. */
static void at_the_end_no_counter_is_said(void **state)
{
    static const struct line runs[] = {{"begin", "GET operations/operation-1-a"},
                                       {CHECKING("RUNNING"), "sleep 5000 CREATE_CLUSTER(1/2)"},
                                       {NULL, NULL}};
    static const struct line same[] = {{"tick", "GET operations/operation-1-a"},
                                       {CHECKING("RUNNING"), "sleep 5000"},
                                       {NULL, NULL}};
    static const struct line ends[] = {{"tick", "GET operations/operation-1-a"},
                                       {CHECKING("DONE"), "- CREATE_CLUSTER(1/2) SUCCEEDED"},
                                       {NULL, NULL}};
    struct follow follow = {.play = {.advance = follow_advance}};

    (void)state;
    follow.play.state = &follow;
    play_start(&follow.play);
    assert_null(llmd__operation_begin(&follow.operation, follow.play.gke, "operation-1-a",
                                      "Cluster/llm", "cluster llm"));
    play_lines(&follow.play, runs);
    assert_string_equal(
        follow.operation.said,
        "CREATE_CLUSTER operation-1-a: RUNNING for 0 s, CLUSTER_HEALTHCHECKING 1 of "
        "2");
    play_lines(&follow.play, same); /* is no event, but what a deadline tells */
    assert_string_equal(
        follow.operation.said,
        "CREATE_CLUSTER operation-1-a: RUNNING for 5 s, CLUSTER_HEALTHCHECKING 1 of "
        "2");
    play_lines(&follow.play, ends);
    assert_string_equal(follow.operation.said, "CREATE_CLUSTER operation-1-a: DONE after 10 s");
    llmd__operation_free(&follow.operation);
    play_stop(&follow.play);
}

static void polls_that_fail_never_end_it(void **state)
{
    static const struct line lines[] = {
        {"begin", "GET operations/operation-1-a"},
        {"404 {}", "sleep 5000"}, /* not readable yet */
        {"tick", "GET operations/operation-1-a"},
        {"200 " RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {"lost", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"502 <html>Bad Gateway</html>", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"200 <html>", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"429 {'error':{'code':429,'status':'RESOURCE_EXHAUSTED'}}", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"503 {}", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"200 " DONE, "- CREATE_CLUSTER SUCCEEDED"},
        {NULL, NULL},
    };

    (void)state;
    play_operation(lines, NULL);
}

static void who_may_not_poll_is_told(void **state)
{
    static const struct line lines[] = {
        {"begin", "GET operations/operation-1-a"},
        {"403 {'error':{'code':403,'status':'PERMISSION_DENIED','message':'Required "
         "\\'container.operations.get\\''}}",
         "error operation-1-a: 403*"},
        {NULL, NULL},
    };

    (void)state;
    play_operation(lines, NULL);
}

static void an_operation_that_google_forgot_is_lost(void **state)
{
    static const struct line lines[] = {
        {"begin", "GET operations/operation-1-a"},
        {"404 {}", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"404 {}", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"404 {}", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"404 {}", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"404 {}", "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {"404 {}", "- LOST"},
        {NULL, NULL},
    };

    (void)state;
    play_operation(lines, NULL);
}

#define METRICS(deploying)                                                                         \
    "200 {'operationType':'CREATE_CLUSTER','status':'RUNNING','progress':{'metrics':["             \
    "{'name':'CLUSTER_CONFIGURING','intValue':'8'},{'name':'CLUSTER_CONFIGURING_TOTAL',"           \
    "'intValue':'8'},{'name':'CLUSTER_DEPLOYING','intValue':'" deploying                           \
    "'},{'name':'CLUSTER_DEPLOYING_TOTAL','intValue':'12'}]}}"

static void its_own_counters_are_the_progress(void **state)
{
    static const struct line lines[] = {
        {"begin", "GET operations/operation-1-a"},
        {METRICS("3"), "sleep 5000 CREATE_CLUSTER(11/20)"},
        {"tick", "GET operations/operation-1-a"},
        {METRICS("3"), "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {METRICS("12"), "sleep 5000 CREATE_CLUSTER(20/20)"},
        {"tick", "GET operations/operation-1-a"},
        {"200 {'operationType':'UPGRADE_NODES','status':'RUNNING','progress':{'metrics':[{'name':"
         "'NODES_TOTAL','intValue':'4'},{'name':'NODES_DONE','intValue':'1'},{'name':"
         "'NODES_FAILED','intValue':'0'}]}}",
         "sleep 5000 UPGRADE_NODES(1/4)"},
        {NULL, NULL},
    };

    (void)state;
    play_operation(lines, NULL);
}

static void words_that_are_new_are_no_end(void **state)
{
    static const struct line lines[] = {
        {"begin", "GET operations/operation-1-a"},
        {"200 {'operationType':'FLEET_DANCE','status':'PONDERING'}", "sleep 5000 FLEET_DANCE"},
        {"tick", "GET operations/operation-1-a"},
        {"200 {'operationType':'FLEET_DANCE','status':'ABORTING'}", "sleep 5000 !FLEET_DANCE"},
        {"tick", "GET operations/operation-1-a"},
        {"200 {'operationType':'FLEET_DANCE','status':'DONE'}", "- FLEET_DANCE SUCCEEDED"},
        {NULL, NULL},
    };

    (void)state;
    play_operation(lines, NULL);
}

static void P111_done_with_an_error_is_a_failure(void **state)
{
    static const struct line with_error[] = {
        {"begin", "GET operations/operation-1-a"},
        {"200 {'operationType':'CREATE_CLUSTER','status':'DONE','error':{'code':8,'message':'out "
         "of eggs'}}",
         "- CREATE_CLUSTER FAILED"},
        {NULL, NULL},
    };
    static const struct line with_message[] = {
        {"begin", "GET operations/operation-1-a"},
        {"200 {'operationType':'CREATE_CLUSTER','status':'DONE','statusMessage':'" STOCKOUT "'}",
         "- CREATE_CLUSTER FAILED"},
        {NULL, NULL},
    };

    (void)state;
    play_operation(with_error, "cluster llm: out of eggs");
    play_operation(with_message, "GCE_STOCKOUT");
}

static void a_long_wait_is_heard_of_every_minute(void **state)
{
    struct follow follow = {.play = {.advance = follow_advance}};
    const struct line tick = {"tick", "GET operations/operation-1-a"};
    const struct line same = {"200 " RUNS, "sleep 5000"};
    const struct line told = {"200 " RUNS, "sleep 5000 CREATE_CLUSTER"};

    (void)state;
    follow.play.state = &follow;
    play_start(&follow.play);
    assert_null(llmd__operation_begin(&follow.operation, follow.play.gke, "operation-1-a",
                                      "Cluster/llm", "cluster llm"));
    play_line(&follow.play, &(struct line){"begin", "GET operations/operation-1-a"});
    play_line(&follow.play, &told);
    for (int i = 1; i <= 24; i++) {
        play_line(&follow.play, &tick);
        play_line(&follow.play, i % 12 ? &same : &told);
    }
    llmd__operation_free(&follow.operation);
    play_stop(&follow.play);
}

/* ---- changes ---- */

struct alter {
    struct play play;
    struct change change;
    struct change_wish wish;
    struct json *body;
};

static llmd_error *alter_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    static const char *const words[] = {"", " DONE", " FAILED", " REFUSED", " UNKNOWN"};
    struct alter *alter = state;
    enum change_end end;

    if (input->kind == INPUT_BEGIN)
        return llmd__change_begin(&alter->change, alter->play.gke, &alter->wish, action);
    TRY(llmd__change_advance(&alter->change, graph, input, action, &end));
    llmd__buf_str(&alter->play.out, words[end]);
    return NULL;
}

static void play_change(const char *method, bool patient, const struct line *lines)
{
    struct alter alter = {.play = {.advance = alter_advance}};

    alter.play.state = &alter;
    assert_null(llmd__json_make(&alter.body, "{'a': 1}"));
    alter.wish = (struct change_wish){.method = method,
                                      .path = PLACE "clusters",
                                      .body = strcmp(method, "DELETE") ? alter.body : NULL,
                                      .subject = "Cluster/llm",
                                      .what = "cluster llm",
                                      .patient = patient};
    play_start(&alter.play);
    play_lines(&alter.play, lines);
    llmd__change_free(&alter.change);
    llmd__json_free(alter.body);
    play_stop(&alter.play);
}

static void a_change_is_followed_to_its_end(void **state)
{
    static const struct line lines[] = {
        {"begin", "POST clusters {\"a\":1}"},
        {"200 " RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {"200 " DONE, "- CREATE_CLUSTER DONE"},
        {NULL, NULL},
    };
    static const struct line at_once[] = {
        {"begin", "DELETE clusters"},
        {"200 " DONE, "- CREATE_CLUSTER DONE"},
        {NULL, NULL},
    };

    (void)state;
    play_change("POST", false, lines);
    play_change("DELETE", false, at_once);
}

static void P112_an_answer_that_was_lost_is_never_repeated(void **state)
{
    static const struct line lost[] = {
        {"begin", "POST clusters {\"a\":1}"}, {"lost", "- UNKNOWN"}, {NULL, NULL}};
    static const struct line failing[] = {
        {"begin", "POST clusters {\"a\":1}"}, {"502 <html>", "- UNKNOWN"}, {NULL, NULL}};
    static const struct line busy[] = {
        {"begin", "PUT clusters {\"a\":1}"}, {"503 {}", "- UNKNOWN"}, {NULL, NULL}};
    static const struct line garbled[] = {
        {"begin", "POST clusters {\"a\":1}"}, {"200 <html>", "- UNKNOWN"}, {NULL, NULL}};
    static const struct line nameless[] = {
        {"begin", "POST clusters {\"a\":1}"}, {"200 {}", "- UNKNOWN"}, {NULL, NULL}};

    (void)state;
    play_change("POST", false, lost);
    play_change("POST", false, failing);
    play_change("PUT", false, busy);
    play_change("POST", false, garbled);
    play_change("POST", false, nameless);
}

static void P107_the_operation_in_the_way_is_waited_for(void **state)
{
    static const struct line lines[] = {
        {"begin", "POST clusters {\"a\":1}"},
        {P107, "GET operations/operation-9-x CLUSTER_ALREADY_HAS_OPERATION"},
        {"200 " OTHER_RUNS, "sleep 5000 UPDATE_CLUSTER"},
        {"tick", "GET operations/operation-9-x"},
        {"200 " OTHER_FAILED, "POST clusters {\"a\":1} UPDATE_CLUSTER"}, /* not our matter */
        {"200 " RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {"200 " DONE, "- CREATE_CLUSTER DONE"},
        {NULL, NULL},
    };
    static const struct line older_text[] = {
        {"begin", "POST clusters {\"a\":1}"},
        {"400 {'error':{'status':'FAILED_PRECONDITION','message':'Operation operation-7-y is "
         "currently creating a node pool for cluster llm. Please wait and try again once it is "
         "done.'}}",
         "GET operations/operation-7-y CLUSTER_ALREADY_HAS_OPERATION"},
        {NULL, NULL},
    };

    (void)state;
    play_change("POST", false, lines);
    play_change("POST", false, older_text);
}

static void P108_too_many_operations_are_backed_off_from(void **state)
{
    static const struct line lines[] = {
        {"begin", "POST clusters {\"a\":1}"},
        {P108, "sleep 5000 RESOURCE_EXHAUSTED"},
        {"poke", "-"},
        {"tick", "POST clusters {\"a\":1}"},
        {"+7 " P108, "sleep 7000 RESOURCE_EXHAUSTED"},
        {"tick", "POST clusters {\"a\":1}"},
        {"200 " DONE, "- CREATE_CLUSTER DONE"},
        {NULL, NULL},
    };

    (void)state;
    play_change("POST", false, lines);
}

#define DISABLED                                                                                   \
    "403 {'error':{'code':403,'status':'PERMISSION_DENIED','message':'Kubernetes Engine API has "  \
    "not been used','details':[{'reason':'SERVICE_DISABLED','metadata':{'activationUrl':"          \
    "'https://console.example/enable'}}]}}"

static void P10_a_service_just_enabled_may_be_refused(void **state)
{
    static const struct line patient[] = {
        {"begin", "POST clusters {\"a\":1}"},
        {DISABLED, "sleep 5000 SERVICE_DISABLED"},
        {"tick", "POST clusters {\"a\":1}"},
        {"200 " DONE, "- CREATE_CLUSTER DONE"},
        {NULL, NULL},
    };
    static const struct line otherwise[] = {
        {"begin", "POST clusters {\"a\":1}"}, {DISABLED, "- REFUSED"}, {NULL, NULL}};

    (void)state;
    play_change("POST", true, patient);
    play_change("POST", false, otherwise);
}

static void refusals_are_refusals(void **state)
{
    static const struct line quota[] = {
        {"begin", "POST clusters {\"a\":1}"},
        {"403 {'error':{'code':403,'message':'Insufficient regional quota to satisfy request'}}",
         "- REFUSED"},
        {NULL, NULL}};
    static const struct line exists[] = {
        {"begin", "POST clusters {\"a\":1}"},
        {"409 {'error':{'code':409,'status':'ALREADY_EXISTS','message':'Already exists'}}",
         "- REFUSED"},
        {NULL, NULL}};
    static const struct line stale[] = {
        {"begin", "PUT clusters {\"a\":1}"},
        {"409 {'error':{'code':409,'status':'ABORTED','message':'etag'}}", "- UNKNOWN"},
        {NULL, NULL}};
    static const struct line gone[] = {
        {"begin", "DELETE clusters"}, {"404 {}", "- DONE"}, {NULL, NULL}};

    (void)state;
    play_change("POST", false, quota);
    play_change("POST", false, exists);
    play_change("PUT", false, stale);
    play_change("DELETE", false, gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_polled_every_five_seconds),
        cmocka_unit_test(at_the_end_no_counter_is_said),
        cmocka_unit_test(polls_that_fail_never_end_it),
        cmocka_unit_test(who_may_not_poll_is_told),
        cmocka_unit_test(an_operation_that_google_forgot_is_lost),
        cmocka_unit_test(its_own_counters_are_the_progress),
        cmocka_unit_test(words_that_are_new_are_no_end),
        cmocka_unit_test(P111_done_with_an_error_is_a_failure),
        cmocka_unit_test(a_long_wait_is_heard_of_every_minute),
        cmocka_unit_test(a_change_is_followed_to_its_end),
        cmocka_unit_test(P112_an_answer_that_was_lost_is_never_repeated),
        cmocka_unit_test(P107_the_operation_in_the_way_is_waited_for),
        cmocka_unit_test(P108_too_many_operations_are_backed_off_from),
        cmocka_unit_test(P10_a_service_just_enabled_may_be_refused),
        cmocka_unit_test(refusals_are_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
