/* SPDX-License-Identifier: Apache-2.0 */
/* The look into a pool's instance groups, against scripts. */
#include "gke_play.h"

#include "gke/apply.h"

#define POOL_ASK "GET clusters/llm/nodePools/tpu"
#define ZONE "/compute/v1/projects/p/zones/europe-west4-a/instanceGroupManagers/gke-llm-tpu-1-grp/"
#define ERRORS_ASK "GET " ZONE "listErrors"
#define INSTANCES_ASK "POST " ZONE "listManagedInstances"
#define POOL                                                                                       \
    "200 {'status':'PROVISIONING','instanceGroupUrls':['https://www.googleapis.com/compute/v1/"    \
    "projects/other/zones/europe-west4-a/instanceGroupManagers/gke-llm-tpu-1-grp']}"
#define CREATING "200 {'managedInstances':[{'currentAction':'CREATING'}]}"
#define INSTANCE(action, code)                                                                     \
    "200 {'managedInstances':[{'currentAction':'" action "','lastAttempt':{'errors':{'errors':["   \
    "{'code':'" code "','message':'the zone is out of it'}]}}}]}"

struct scene {
    struct play play;
    struct apply apply;
    struct apply_pool pool;
    struct step *step;
};

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct scene *scene = state;

    return scene->step->class->advance(scene->step->state, graph, input, action);
}

/* Both halves of the script in turn; before the second one the pool goes on to a fall-back. */
static void play_both(const struct line *lines, const struct line *fallback, enum trouble seen)
{
    struct scene scene = {.play = {.advance = advance}};
    step_id id = -1;

    scene.play.state = &scene;
    play_start(&scene.play);
    scene.apply.gke = scene.play.gke;
    scene.pool.apply = &scene.apply;
    scene.pool.step = -1;
    scene.pool.making.creating = true;
    scene.pool.making.path = llmd__strdup(PLACE "clusters/llm/nodePools/tpu");
    scene.pool.making.subject = llmd__strdup("NodePool/llm/tpu");
    assert_null(llmd__capacity_step(scene.play.graph, &scene.pool, &id));
    scene.step = scene.play.graph->steps[id];
    play_lines(&scene.play, lines);
    if (fallback) {
        scene.pool.nth = 1;
        scene.pool.seen = TROUBLE_UNKNOWN;
        play_lines(&scene.play, fallback);
    }
    assert_int_equal(scene.pool.seen, seen);
    llmd__free(scene.pool.making.path);
    llmd__free(scene.pool.making.subject);
    llmd__free(scene.pool.problem);
    play_stop(&scene.play);
}

static void play_capacity(const struct line *lines, enum trouble seen)
{
    play_both(lines, NULL, seen);
}

static void P110_a_stockout_is_told_long_before_the_operation_ends(void **state)
{
    static const struct line lines[] = {
        {"begin", "-"},
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"200 {}", INSTANCES_ASK},
        {CREATING, "- Instances(0/1)"},
        {"poke", POOL_ASK},
        {"poke", "-"}, /* it is asking */
        {POOL, ERRORS_ASK},
        {"200 {'items':[{'error':{'code':'ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS','message':"
         "'no v6e'}}]}",
         INSTANCES_ASK " !GCE_STOCKOUT"},
        {INSTANCE("CREATING", "ZONE_RESOURCE_POOL_EXHAUSTED"), "-"}, /* once */
        {NULL, NULL},
    };

    (void)state;
    play_capacity(lines, TROUBLE_STOCKOUT);
}

static void P2_the_instances_own_errors_count_too(void **state)
{
    static const struct line lines[] = {
        {"begin", "-"},
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"200 {'items':[]}", INSTANCES_ASK},
        {INSTANCE("CREATING", "ZONE_RESOURCE_POOL_EXHAUSTED"), "- !GCE_STOCKOUT Instances(0/1)"},
        {NULL, NULL},
    };

    (void)state;
    play_capacity(lines, TROUBLE_STOCKOUT);
}

/* Beside it stand errors of which nobody knows more: they take nothing back. */
static void P110_an_unknown_error_does_not_hide_a_stockout(void **state)
{
    static const struct line lines[] = {
        {"begin", "-"},
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"200 {'items':[{'error':{'code':'ZONE_RESOURCE_POOL_EXHAUSTED','message':'no v6e'}},"
         "{'error':{'code':'SOMETHING_NEW','message':'try later'}}]}",
         INSTANCES_ASK " !GCE_STOCKOUT !SOMETHING_NEW"},
        {CREATING, "- Instances(0/1)"},
        {NULL, NULL},
    };

    (void)state;
    play_capacity(lines, TROUBLE_STOCKOUT);
}

static void P4_a_quota_is_no_stockout(void **state)
{
    static const struct line lines[] = {
        {"begin", "-"},
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"200 {'items':[{'error':{'code':'QUOTA_EXCEEDED','message':'Limit: 0.0'}}]}",
         INSTANCES_ASK " !QUOTA_EXCEEDED"},
        {"200 {'managedInstances':[{'currentAction':'NONE'},{'currentAction':'CREATING'}]}",
         "- Instances(1/2)"},
        {NULL, NULL},
    };

    (void)state;
    play_capacity(lines, TROUBLE_QUOTA);
}

static void a_look_that_fails_is_made_with_the_next_poke(void **state)
{
    static const struct line lines[] = {
        {"begin", "-"},
        {"poke", POOL_ASK},
        {"503 {}", "-"},
        {"poke", POOL_ASK},
        {"lost", "-"},
        {"poke", POOL_ASK},
        {"200 {'status':'PROVISIONING'}", "-"}, /* no groups yet */
        {"poke", POOL_ASK},
        {"200 {'instanceGroupUrls':['nonsense']}", "-"},
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"403 {'error':{'code':403,'message':'Required compute.instanceGroupManagers.get'}}",
         "- !PERMISSION_DENIED"},
        {"poke", "-"}, /* told, and not asked again */
        {NULL, NULL},
    };

    (void)state;
    play_capacity(lines, TROUBLE_UNKNOWN);
}

#define SHORT INSTANCE("CREATING", "ZONE_RESOURCE_POOL_EXHAUSTED")

static void P2_each_fallback_may_be_short_of_capacity(void **state)
{
    static const struct line first[] = {
        {"begin", "-"},
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"200 {}", INSTANCES_ASK},
        {SHORT, "- !GCE_STOCKOUT Instances(0/1)"},
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"200 {}", INSTANCES_ASK},
        {NULL, NULL},
    };
    static const struct line second[] = {
        {SHORT, "-"}, /* asked for before: the first one's machines */
        {"poke", POOL_ASK},
        {POOL, ERRORS_ASK},
        {"200 {}", INSTANCES_ASK},
        {SHORT, "- !GCE_STOCKOUT Instances(0/1)"},
        {NULL, NULL},
    };

    (void)state;
    play_both(first, second, TROUBLE_STOCKOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(P110_a_stockout_is_told_long_before_the_operation_ends),
        cmocka_unit_test(P2_the_instances_own_errors_count_too),
        cmocka_unit_test(P2_each_fallback_may_be_short_of_capacity),
        cmocka_unit_test(P110_an_unknown_error_does_not_hide_a_stockout),
        cmocka_unit_test(P4_a_quota_is_no_stockout),
        cmocka_unit_test(a_look_that_fails_is_made_with_the_next_poke),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
