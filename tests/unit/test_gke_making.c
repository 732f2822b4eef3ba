/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a cluster, from the first look to its settling, against scripts. */
#include "making_play.h"

/* ---- making ---- */

static void what_is_missing_is_made(void **state)
{
    struct owner owner = {.class = {.body = body}, .unready = true};
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {OP_RUNS, "sleep 5000"},
        {"tick", "GET operations/operation-1-a"},
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {RUNNING, "sleep 5000"}, /* no endpoint yet, says the owner */
        {"poke", "-"},
        {"tick", LOOK},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
    assert_int_equal(owner.polled, 2);
    assert_true(owner.making.creates == 0); /* freed */
}

static void what_runs_is_taken_as_it_is(void **state)
{
    static const struct line reconciling[] = {
        {"begin", LOOK},
        {"200 {'name':'llm','status':'RECONCILING','endpoint':'10.0.0.1'," OURS "}", "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(reconciling);
}

static void P21_what_is_refused_is_not_touched(void **state)
{
    struct owner owner = {.class = {.body = body}, .refusal = "is another's"};
    static const struct line lines[] = {
        {"begin", LOOK}, {RUNNING, "error is another's"}, {NULL, NULL}};
    struct owner early = {.class = {.body = body}, .refusal = "is another's"};
    static const struct line provisioning[] = {
        {"begin", LOOK}, {AS_PROVISIONING, "error is another's"}, {NULL, NULL}};

    (void)state;
    play_owner(&owner, lines);
    play_owner(&early, provisioning);
}

static void what_must_be_there_is_not_made(void **state)
{
    struct owner owner = {0};
    static const struct line lines[] = {
        {"begin", LOOK}, {NOT_FOUND, "error cluster llm: 404 NOT_FOUND*"}, {NULL, NULL}};

    (void)state;
    play_owner(&owner, lines);
}

static void it_is_created_when_its_owner_says_what(void **state)
{
    struct owner owner = {.class = {.body = body}, .unsaid = 2};
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, "-"},
        {"poke", "-"},
        {"poke", CREATE " Creating"},
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
}

static void P112_a_create_whose_answer_was_lost_is_adopted(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {"lost", LOOK " !Unknown"},
        {NOT_FOUND, "sleep 5000"}, /* it may come to light late */
        {"tick", LOOK},
        {AS_PROVISIONING, "GET operations"},
        {OPERATIONS("CREATE_CLUSTER", "RUNNING", ""), "GET operations/operation-1-a Resuming"},
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

static void P112_a_create_that_never_happened_is_sent_again(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {"502 <html>", LOOK " !Unknown"},
        {NOT_FOUND, "sleep 5000"},
        {"tick", LOOK},
        {NOT_FOUND, "sleep 5000"},
        {"tick", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {EXISTS, LOOK}, /* it did happen: late */
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

static void an_answer_that_is_always_lost_ends_it(void **state)
{
#define ONE_MORE                                                                                   \
    {"lost", LOOK " !Unknown"}, {NOT_FOUND, "sleep 5000"}, {"tick", LOOK},                         \
        {NOT_FOUND, "sleep 5000"},                                                                 \
    {                                                                                              \
        "tick", LOOK                                                                               \
    }
    static const struct line lines[] = {
        {"begin", LOOK}, {NOT_FOUND, CREATE " Creating"},
        ONE_MORE,        {NOT_FOUND, CREATE " Creating"},
        ONE_MORE,        {NOT_FOUND, CREATE " Creating"},
        ONE_MORE,        {NOT_FOUND, CREATE " Creating"},
        ONE_MORE,        {NOT_FOUND, CREATE " Creating"},
        ONE_MORE,        {NOT_FOUND, "error cluster llm: connection reset"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

static void P109_a_second_run_meets_409_and_adopts(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {EXISTS, LOOK},
        {AS_PROVISIONING, "GET operations"},
        {NO_OPERATIONS, "sleep 5000"},
        {"tick", LOOK},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

static void another_process_is_followed(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {AS_PROVISIONING, "GET operations"},
        {OPERATIONS("CREATE_CLUSTER", "PENDING", ""), "GET operations/operation-1-a Resuming"},
        {OP_RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

static void what_is_being_deleted_is_waited_for_and_made_anew(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {"200 {'name':'llm','status':'STOPPING'}", "GET operations"},
        {OPERATIONS("DELETE_CLUSTER", "RUNNING", ""), "GET operations/operation-1-a Resuming"},
        {DEL_DONE, LOOK " DELETE_CLUSTER"},
        {NOT_FOUND, CREATE " Creating"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

/* Ten minutes into it nobody wants to hear of one bad minute of Google's. */
static void a_look_in_the_middle_outlives_troubles(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {"503 {}", "sleep 5000"},
        {"tick", LOOK},
        {"lost", "sleep 5000"},
        {"tick", LOOK},
        {AS_PROVISIONING, "GET operations"},
        {"502 <html>", "sleep 5000"},
        {"tick", LOOK},
        {"403 {'error':{'code':403,'message':'no more'}}", "error cluster llm: 403: no more"},
        {NULL, NULL},
    };
    static const struct line first[] = {
        {"begin", LOOK}, {"lost", "error cluster llm: connection reset"}, {NULL, NULL}};

    (void)state;
    play_plain(lines);
    play_plain(first);
}

/* ---- changes ---- */

static void P13_P14_what_differs_is_changed_one_by_one(void **state)
{
    struct owner owner = {.class = {.body = body}, .alterations = 2};
    static const struct line lines[] = {
        {"begin", LOOK},
        {RUNNING, "PUT clusters/llm {\"n\":2} Changing"},
        {UP_DONE, LOOK " UPDATE_CLUSTER"},
        {RUNNING, "PUT clusters/llm {\"n\":1} Changing"},
        {"lost", LOOK " !Unknown"}, /* what is left to do is seen */
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
}

/* A pool of fixed size after autoscaling: how many nodes it had by then is nowhere to be seen. */
static void a_change_that_cannot_be_seen_follows_its_forerunner(void **state)
{
    struct owner owner = {.class = {.body = body}, .alterations = 1, .unseen = true};
    static const struct line lines[] = {
        {"begin", LOOK},
        {RUNNING, "PUT clusters/llm {\"n\":1} Changing"},
        {"lost", LOOK " !Unknown"},
        {RUNNING, "POST clusters/llm:setSize {\"nodeCount\":3} Changing"},
        {"lost", LOOK " !Unknown"}, /* perhaps it was taken: again is no harm */
        {RUNNING, "POST clusters/llm:setSize {\"nodeCount\":3} Changing"},
        {UP_DONE, LOOK " UPDATE_CLUSTER"},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
}

static void a_change_that_does_not_show_ends_it(void **state)
{
    struct owner owner = {.class = {.body = body}, .alterations = 1, .stubborn = true};
    static const struct line lines[] = {
        {"begin", LOOK},
        {RUNNING, "PUT clusters/llm {\"n\":1} !Changing Changing"},
        {UP_DONE, LOOK " UPDATE_CLUSTER"},
        {RUNNING, "error cluster llm: GKE took the change \"Gateway API on\"*"},
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
}

static void P10_a_look_is_patient_after_enabling(void **state)
{
    struct owner owner = {.class = {.body = body}, .patient = true};
    static const struct line lines[] = {
        {"begin", LOOK},
        {"403 {'error':{'code':403,'message':'off','details':[{'reason':'SERVICE_DISABLED'}]}}",
         "sleep 5000"},
        {"tick", LOOK},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_made),
        cmocka_unit_test(what_runs_is_taken_as_it_is),
        cmocka_unit_test(P21_what_is_refused_is_not_touched),
        cmocka_unit_test(what_must_be_there_is_not_made),
        cmocka_unit_test(it_is_created_when_its_owner_says_what),
        cmocka_unit_test(P112_a_create_whose_answer_was_lost_is_adopted),
        cmocka_unit_test(P112_a_create_that_never_happened_is_sent_again),
        cmocka_unit_test(an_answer_that_is_always_lost_ends_it),
        cmocka_unit_test(P109_a_second_run_meets_409_and_adopts),
        cmocka_unit_test(another_process_is_followed),
        cmocka_unit_test(what_is_being_deleted_is_waited_for_and_made_anew),
        cmocka_unit_test(a_look_in_the_middle_outlives_troubles),
        cmocka_unit_test(P13_P14_what_differs_is_changed_one_by_one),
        cmocka_unit_test(a_change_that_cannot_be_seen_follows_its_forerunner),
        cmocka_unit_test(a_change_that_does_not_show_ends_it),
        cmocka_unit_test(P10_a_look_is_patient_after_enabling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
