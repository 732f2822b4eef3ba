/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a create that fails, here or in another run, against scripts. */
#include "making_play.h"

/* ---- failures ---- */

static void P109_what_a_failed_create_left_is_deleted_first(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {AS_ERROR, "GET operations"},
        {OPERATIONS("CREATE_CLUSTER", "DONE", ",'error':{'code':8,'message':'no quota'}"),
         "DELETE clusters/llm !Deleting"},
        {DEL_DONE, LOOK " DELETE_CLUSTER"},
        {NOT_FOUND, CREATE " Creating"},
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

/* The owner hears what became of another run's create while its trace is still there. */
static void P2_the_owner_hears_of_leftovers(void **state)
{
    static const struct line failed[] = {
        {"begin", LOOK},
        {AS_ERROR, "GET operations"},
        {OPERATIONS("CREATE_CLUSTER", "DONE", ",'error':{'code':8,'message':'GCE_STOCKOUT'}"),
         "DELETE clusters/llm !Deleting"},
        {NULL, NULL},
    };
    static const struct line going[] = {
        {"begin", LOOK},
        {"200 {'name':'llm','status':'STOPPING'," OURS "}", "GET operations"},
        {OPERATIONS("CREATE_CLUSTER", "DONE", ",'error':{'code':8,'message':'GCE_STOCKOUT'}"),
         "sleep 5000"},
        {NULL, NULL},
    };
    static const struct line good[] = {
        {"begin", LOOK},
        {"200 {'name':'llm','status':'STOPPING'," OURS "}", "GET operations"},
        {OPERATIONS("CREATE_CLUSTER", "DONE", ""), "sleep 5000"},
        {NULL, NULL},
    };
    const struct line *const scripts[] = {failed, going, good};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct owner owner = {.class = {.body = body}};

        play_owner(&owner, scripts[i]);
        assert_int_equal(owner.leftovers, i < 2);
        assert_int_equal(owner.left_by, i < 2 ? TROUBLE_STOCKOUT : TROUBLE_UNKNOWN);
    }
}

static void what_once_worked_is_never_deleted(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {"200 {'name':'llm','status':'ERROR','endpoint':'10.0.0.1','statusMessage':'key "
         "revoked'," OURS "}",
         "GET operations"},
        {NO_OPERATIONS, "error cluster llm: is in status ERROR: key revoked"},
        {NULL, NULL},
    };
    static const struct line another[] = {
        {"begin", LOOK},
        {"200 {'name':'llm','status':'ERROR','statusMessage':'no quota'}", "GET operations"},
        {NO_OPERATIONS, "error cluster llm: is in status ERROR: no quota"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
    play_plain(another);
}

static void a_create_that_fails_leaves_nothing(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {OP_FAILED("GCE_QUOTA_EXCEEDED: Limit: 0.0"), LOOK " CREATE_CLUSTER !QUOTA_EXCEEDED"},
        {AS_ERROR, "DELETE clusters/llm !Deleting"},
        {DEL_DONE, LOOK " DELETE_CLUSTER"},
        {NOT_FOUND, "error cluster llm: GCE_QUOTA*"},
        {NULL, NULL},
    };
    static const struct line no_delete[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_FAILED("boom"), LOOK " CREATE_CLUSTER !"},
        {AS_ERROR, "DELETE clusters/llm !Deleting"},
        {"403 {'error':{'code':403,'message':'no'}}", "error cluster llm: boom !DeleteFailed"},
        {NULL, NULL},
    };
    static const struct line of_use[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_FAILED("only 2 nodes out of 3 have registered"), LOOK " CREATE_CLUSTER !"},
        {RUNNING, "error cluster llm: only 2 nodes*"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
    play_plain(no_delete);
    play_plain(of_use);
}

static void P2_a_stockout_is_answered_with_the_next_fallback(void **state)
{
    struct owner owner = {.class = {.body = body}, .fallbacks = 1};
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_FAILED(STOCKOUT), LOOK " CREATE_CLUSTER !GCE_STOCKOUT"},
        {AS_ERROR, "DELETE clusters/llm !Deleting"},
        {DEL_DONE, LOOK " DELETE_CLUSTER"},
        {NOT_FOUND, CREATE " Creating"}, /* the fall-back */
        {OP_FAILED(STOCKOUT), LOOK " CREATE_CLUSTER !GCE_STOCKOUT"},
        {NOT_FOUND, "error cluster llm: Google Compute Engine*"}, /* GKE took it away itself */
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
}

#define CREATE_RUNS OPERATIONS("CREATE_CLUSTER", "RUNNING", "")

/* GKE takes the DELETE: the fall-back begins minutes after the first create, not 35. */
static void P110_a_create_without_capacity_is_given_up(void **state)
{
    struct owner owner = {.class = {.body = body}, .fallbacks = 1, .hopeless = true};
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_RUNS, "DELETE clusters/llm CREATE_CLUSTER !GivenUp"},
        {DEL_DONE, LOOK " DELETE_CLUSTER"},
        {NOT_FOUND, CREATE " Creating"}, /* the fall-back */
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_owner(&owner, lines);
    assert_int_equal(owner.fallbacks, 0);
}

/* What GKE will not let go of is followed as before: it may come yet, and is then never deleted. */
static void P107_P110_a_create_that_cannot_be_given_up_is_followed(void **state)
{
    static const char *const refusals[] = {P107, P108, "403 {'error':{'code':403}}", "503 {}"};

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct owner owner = {.class = {.body = body}, .fallbacks = 1, .hopeless = true};
        const struct line lines[] = {
            {"begin", LOOK},
            {NOT_FOUND, CREATE " Creating"},
            {OP_RUNS, "DELETE clusters/llm CREATE_CLUSTER !GivenUp"},
            {refusals[i], LOOK " !StillTried"},
            {AS_PROVISIONING, "GET operations"},
            {CREATE_RUNS, "GET operations/operation-1-a Resuming"},
            {OP_RUNS, "sleep 5000 CREATE_CLUSTER"},
            {"tick", "GET operations/operation-1-a"},
            {OP_DONE, LOOK " CREATE_CLUSTER"},
            {RUNNING, "- OVER"},
            {NULL, NULL},
        };

        play_owner(&owner, lines);
        assert_int_equal(owner.fallbacks, 1);
    }
}

/* A poke may come while a poll is under way: it is not cut. One whose answer to the DELETE is lost
   is looked at: gone is gone. */
static void P110_P112_it_is_given_up_between_polls_and_once(void **state)
{
    struct owner owner = {.class = {.body = body}, .fallbacks = 1};
    static const struct line before[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {OP_RUNS, "sleep 5000 CREATE_CLUSTER"},
        {"tick", "GET operations/operation-1-a"},
        {NULL, NULL},
    };
    static const struct line after[] = {
        {"poke", "-"},
        {OP_RUNS, "DELETE clusters/llm !GivenUp"},
        {"lost", LOOK " !StillTried"},
        {NOT_FOUND, CREATE " Creating"}, /* the fall-back */
        {OP_FAILED(STOCKOUT), LOOK " CREATE_CLUSTER !GCE_STOCKOUT"},
        {NOT_FOUND, "error cluster llm: Google Compute Engine*"},
        {NULL, NULL},
    };

    (void)state;
    play_owner_on(&owner, before, after);
}

static void P1_P4_P5_config_quota_and_policy_are_no_stockouts(void **state)
{
    static const char *const texts[] = {
        "403 {'error':{'code':403,'message':'Insufficient regional quota to satisfy request: "
        "resource CPUS'}}",
        "400 {'error':{'code':400,'message':'Unsupported TPU configuration'}}",
        "400 {'error':{'code':400,'message':'Operation denied by org policy: "
        "[customConstraints/custom.denyCostlyMachineTypes]'}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct owner owner = {.class = {.body = body}, .fallbacks = 3};
        const struct line lines[] = {
            {"begin", LOOK},
            {NOT_FOUND, CREATE " Creating"},
            {texts[i], "error cluster llm: 40*"},
            {NULL, NULL},
        };

        play_owner(&owner, lines);
        assert_int_equal(owner.fallbacks, 3);
    }
}

static void P107_right_after_the_create_a_resize_is_in_the_way(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {NOT_FOUND, CREATE " Creating"},
        {P107, "GET operations/operation-9-x CLUSTER_ALREADY_HAS_OPERATION"},
        {"200 {'operationType':'REPAIR_CLUSTER','status':'DONE'}", CREATE " REPAIR_CLUSTER"},
        {OP_DONE, LOOK " CREATE_CLUSTER"},
        {RUNNING, "- OVER"},
        {NULL, NULL},
    };

    (void)state;
    play_plain(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(P109_what_a_failed_create_left_is_deleted_first),
        cmocka_unit_test(P2_the_owner_hears_of_leftovers),
        cmocka_unit_test(what_once_worked_is_never_deleted),
        cmocka_unit_test(a_create_that_fails_leaves_nothing),
        cmocka_unit_test(P2_a_stockout_is_answered_with_the_next_fallback),
        cmocka_unit_test(P110_a_create_without_capacity_is_given_up),
        cmocka_unit_test(P107_P110_a_create_that_cannot_be_given_up_is_followed),
        cmocka_unit_test(P110_P112_it_is_given_up_between_polls_and_once),
        cmocka_unit_test(P1_P4_P5_config_quota_and_policy_are_no_stockouts),
        cmocka_unit_test(P107_right_after_the_create_a_resize_is_in_the_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
