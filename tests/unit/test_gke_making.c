/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a cluster, from the first look to its settling, against scripts. */
#include "gke_play.h"

#include "gke/making.h"

#define OURS "'resourceLabels':{'managed-by':'libllmd'}"
#define RUNNING "200 {'name':'llm','status':'RUNNING','endpoint':'10.0.0.1'," OURS "}"
#define AS_PROVISIONING "200 {'name':'llm','status':'PROVISIONING'," OURS "}"
#define AS_ERROR "200 {'name':'llm','status':'ERROR','statusMessage':'no quota'," OURS "}"
#define OP_RUNS "200 {'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'RUNNING'}"
#define OP_DONE "200 {'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'DONE'}"
#define OP_FAILED(text)                                                                            \
    "200 {'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'DONE','error':{"       \
    "'code':8,'message':'" text "'}}"
#define DEL_DONE "200 {'name':'operation-2-b','operationType':'DELETE_CLUSTER','status':'DONE'}"
#define UP_DONE "200 {'name':'operation-3-c','operationType':'UPDATE_CLUSTER','status':'DONE'}"
#define NOT_FOUND                                                                                  \
    "404 {'error':{'code':404,'status':'NOT_FOUND','message':'Not found: "                         \
    "projects/p/locations/europe-west4-a/clusters/llm.'}}"
#define EXISTS                                                                                     \
    "409 {'error':{'code':409,'status':'ALREADY_EXISTS','message':'Already exists: "               \
    "projects/p/zones/europe-west4-a/clusters/llm.'}}"
#define OPERATIONS(type, status, rest)                                                             \
    "200 {'operations':[{'name':'operation-8-q','operationType':'UPDATE_CLUSTER','status':"        \
    "'RUNNING','targetLink':'https://x/v1/projects/12/zones/z/clusters/other-llm'},"               \
    "{'name':'operation-1-a','operationType':'" type "','status':'" status                         \
    "','startTime':'2026-11-25T04:00:00Z','targetLink':'https://x/v1/projects/12/zones/z/"         \
    "clusters/llm'" rest "}]}"
#define NO_OPERATIONS "200 {}"
#define LOOK "GET clusters/llm"
#define CREATE "POST clusters {\"cluster\":1}"

/* ---- an owner that does as it is told ---- */

struct owner {
    struct play play;
    struct making making;
    struct making_class class;
    const char *refusal; /* of accept() */
    int fallbacks;       /* how often failed() says again */
    int alterations;     /* how many changes are left */
    bool stubborn;       /* a change that was made is asked for again */
    bool unseen;         /* behind the change comes one that cannot be seen */
    bool unready;        /* settled() waits once */
    bool patient;
    int polled;
    int leftovers; /* how often it heard of one */
    enum trouble left_by;
};

static llmd_error *accept(void *data, struct graph *graph, const struct json *there)
{
    const struct owner *owner = data;

    (void)graph;
    (void)there;
    return owner->refusal ? llmd__error(LLMD_E_EXISTS, "%s", owner->refusal) : NULL;
}

static llmd_error *body(void *data, struct json **out)
{
    (void)data;
    return llmd__json_make(out, "{'cluster': 1}");
}

static llmd_error *changes(void *data, const struct json *there, struct json **out)
{
    struct owner *owner = data;

    (void)there;
    *out = llmd__json_array();
    if (!owner->alterations)
        return NULL;
    struct json *change = NULL;
    assert_null(llmd__json_make(&change,
                                "{'method': 'PUT', 'path': '', 'what': 'Gateway API on', 'body': "
                                "{'n': %d}, 'warning': %s}",
                                owner->alterations,
                                owner->stubborn ? "nodes are recreated" : NULL));
    llmd__json_add(*out, change);
    if (!owner->stubborn)
        owner->alterations--;
    if (!owner->unseen)
        return NULL;
    assert_null(llmd__json_make(&change, "{'method': 'POST', 'path': ':setSize', 'what': 'size', "
                                         "'body': {'nodeCount': 3}, 'unseen': true}"));
    llmd__json_add(*out, change);
    return NULL;
}

static llmd_error *settled(void *data, struct graph *graph, const struct json *there, bool *ready)
{
    struct owner *owner = data;

    (void)graph;
    (void)there;
    *ready = !owner->unready;
    owner->unready = false;
    return NULL;
}

static llmd_error *failed(void *data, struct graph *graph, const llmd_error *error,
                          enum trouble class, bool *again)
{
    struct owner *owner = data;

    (void)graph;
    assert_non_null(error);
    *again = class == TROUBLE_STOCKOUT && owner->fallbacks-- > 0;
    return NULL;
}

static llmd_error *leftover(void *data, struct graph *graph, const struct json *there,
                            enum trouble class)
{
    struct owner *owner = data;

    (void)graph;
    assert_non_null(there);
    owner->leftovers++;
    owner->left_by = class;
    return NULL;
}

static void polled(void *data, struct graph *graph, int polls)
{
    struct owner *owner = data;

    (void)graph;
    owner->polled = polls;
}

static const char *const serve[] = {"RUNNING", "RECONCILING", "DEGRADED", NULL};

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct owner *owner = state;

    TRY(llmd__making_advance(&owner->making, graph, input, action));
    if (owner->making.over)
        llmd__buf_str(&owner->play.out, " OVER");
    return NULL;
}

static void play_owner(struct owner *owner, const struct line *lines)
{
    struct making_wish wish = {
        .class = &owner->class, .data = owner, .cluster = "llm", .patient = &owner->patient};

    owner->class.create_type = "CREATE_CLUSTER";
    owner->class.serve = serve;
    owner->class.accept = accept;
    owner->class.changes = changes;
    owner->class.settled = settled;
    owner->class.failed = failed;
    owner->class.leftover = leftover;
    owner->class.polled = polled;
    owner->play.advance = advance;
    owner->play.state = owner;
    play_start(&owner->play);
    wish.gke = owner->play.gke;
    assert_null(llmd__making_init(&owner->making, &wish));
    play_lines(&owner->play, lines);
    llmd__making_free(&owner->making);
    play_stop(&owner->play);
}

static void play_plain(const struct line *lines)
{
    struct owner owner = {.class = {.body = body}};

    play_owner(&owner, lines);
}

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
        cmocka_unit_test(P112_a_create_whose_answer_was_lost_is_adopted),
        cmocka_unit_test(P112_a_create_that_never_happened_is_sent_again),
        cmocka_unit_test(an_answer_that_is_always_lost_ends_it),
        cmocka_unit_test(P109_a_second_run_meets_409_and_adopts),
        cmocka_unit_test(another_process_is_followed),
        cmocka_unit_test(what_is_being_deleted_is_waited_for_and_made_anew),
        cmocka_unit_test(a_look_in_the_middle_outlives_troubles),
        cmocka_unit_test(P109_what_a_failed_create_left_is_deleted_first),
        cmocka_unit_test(P2_the_owner_hears_of_leftovers),
        cmocka_unit_test(what_once_worked_is_never_deleted),
        cmocka_unit_test(a_create_that_fails_leaves_nothing),
        cmocka_unit_test(P2_a_stockout_is_answered_with_the_next_fallback),
        cmocka_unit_test(P1_P4_P5_config_quota_and_policy_are_no_stockouts),
        cmocka_unit_test(P107_right_after_the_create_a_resize_is_in_the_way),
        cmocka_unit_test(P13_P14_what_differs_is_changed_one_by_one),
        cmocka_unit_test(a_change_that_cannot_be_seen_follows_its_forerunner),
        cmocka_unit_test(a_change_that_does_not_show_ends_it),
        cmocka_unit_test(P10_a_look_is_patient_after_enabling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
