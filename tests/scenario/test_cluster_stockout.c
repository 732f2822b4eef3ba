/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a stock-out is told and when the next fall-back begins, in the sandbox's time: counted from
 * when the pool's create was sent.
 */
#include "support/folder.h"
#include "support/gke.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTES (60 * INT64_C(1000))
#define POOL "NodePool/llm/tpu"
#define SPEC LLM TPU_POOL ", spot: true, fallbacks: [{spot: false}]}]\n"
#define NO_SPOT "europe-west4-a ct6e-standard-4t spot"

/* Slow enough that a busy machine's milliseconds are no minutes. */
static int set_up_slow(void **state)
{
    *state = calloc(1, sizeof(struct gke_rig));
    return gke_start(*state, "--time-scale", "0.01");
}

static int set_up_fast(void **state)
{
    *state = calloc(1, sizeof(struct gke_rig));
    return gke_start(*state, "--time-scale", "0.004");
}

static int64_t cluster_ms(const struct gke_rig *rig)
{
    AUTO(json) struct json *json = NULL;
    char url[300], *text = NULL;

    snprintf(url, sizeof(url), "%s/sandbox/google", sandbox_process_url(rig->sandbox));
    assert_int_equal(sandbox_process_http("GET", url, NULL, NULL, &text), 200);
    assert_null(llmd__json_parse(text, strlen(text), "state", &json));
    free(text);
    return llmd__json_int(json, "cluster_ms", -1);
}

/* When the pool's events with these reasons came first; -1: never. */
struct times {
    int64_t created, told, given_up, still_tried, fallback, end;
};

static void note(int64_t *at, const llmd_event *event, const char *reason, int64_t now_ms)
{
    if (*at < 0 && strcmp(llmd_event_reason(event), reason) == 0 &&
        strcmp(llmd_event_subject(event), POOL) == 0)
        *at = now_ms;
}

static struct times apply(struct gke_rig *rig)
{
    LLMD_AUTO(llmd_task) task = NULL;
    struct times times = {-1, -1, -1, -1, -1, -1};

    gke_good(rig, gke_begin_apply(rig, SPEC, &task));
    for (;;) {
        LLMD_AUTO(llmd_event) event = NULL;

        gke_good(rig, llmd_task_next(rig->ctx, task, &event));
        times.end = cluster_ms(rig);
        if (!event)
            break;
        note(&times.created, event, "Creating", times.end);
        note(&times.told, event, "GCE_STOCKOUT", times.end);
        note(&times.given_up, event, "GivenUp", times.end);
        note(&times.still_tried, event, "StillTried", times.end);
        note(&times.fallback, event, "Fallback", times.end);
    }
    print_message("minutes after the create: told %.1f, given up %.1f, fall-back %.1f, end %.1f\n",
                  (double)(times.told - times.created) / (double)MINUTES,
                  (double)(times.given_up - times.created) / (double)MINUTES,
                  (double)(times.fallback - times.created) / (double)MINUTES,
                  (double)(times.end - times.created) / (double)MINUTES);
    assert_true(times.created >= 0 && times.told >= times.created);
    assert_true(times.told - times.created < 2 * MINUTES);
    assert_true(times.given_up >= times.told && times.fallback > times.given_up);
    return times;
}

static void one_pool_on_demand(struct gke_rig *rig)
{
    LLMD_AUTO(llmd_cluster) cluster = NULL;

    assert_int_equal(gke_count_of(rig, "pools"), 2);
    gke_good(rig, llmd_cluster_get(rig->ctx, rig->gke, "llm", &cluster));
    assert_null(strstr(llmd_cluster_json(cluster), "\"spot\":true"));
}

/* Where GKE takes the delete of a pool that it makes: two minutes of it, and not 35. */
static void P2_P110_the_next_fallback_begins_minutes_after_the_stockout(void **state)
{
    struct gke_rig *rig = *state;
    struct times times;

    gke_fault(rig, "stockout", NO_SPOT, -1);
    gke_fault(rig, "delete-stops-create", "", -1);
    times = apply(rig);
    assert_int_equal(times.still_tried, -1);
    assert_true(times.fallback - times.created < 6 * MINUTES);
    one_pool_on_demand(rig);
}

/* Where it refuses that, as one that has an operation: told, and not before GKE has given up. */
static void P2_P107_P110_where_gke_does_not_let_go_the_fallback_waits(void **state)
{
    struct gke_rig *rig = *state;
    struct times times;

    gke_fault(rig, "stockout", NO_SPOT, -1);
    times = apply(rig);
    assert_true(times.still_tried >= times.given_up && times.still_tried < times.fallback);
    assert_true(times.still_tried - times.created < 3 * MINUTES);
    assert_true(times.fallback - times.created >= 35 * MINUTES);
    one_pool_on_demand(rig);
}

/* Each fall-back is left once. */
static void P2_P110_one_fallback_after_another_is_given_up(void **state)
{
    struct gke_rig *rig = *state;
    int given_up = 0;

    gke_fault(rig, "stockout", NO_SPOT, -1);
    gke_fault(rig, "delete-stops-create", "tpu", -1);
    gke_good(rig, gke_try_apply(rig, LLM TPU_POOL ", spot: true, fallbacks: [{spot: true, diskGb: "
                                                  "50}, {spot: false}]}]\n"));
    JSON_EACH(event, rig->events) {
        given_up += strcmp(llmd__json_str(event, "reason"), "GivenUp") == 0;
    }
    assert_int_equal(given_up, 2);
    assert_true(gke_index_of(rig, "Fallback", "fall-back 2") >
                gke_index_of(rig, "Fallback", "fall-back 1"));
    one_pool_on_demand(rig);
}

/* Runs until the deadline, which comes soon behind the first event with this reason. */
static llmd_error *run_on_from(struct gke_rig *rig, llmd_task *task, const char *reason)
{
    llmd_error *error = NULL;
    bool told = false;

    llmd_context_set_timeout_ms(rig->ctx, GKE_TIMEOUT_MS);
    while (!error) {
        LLMD_AUTO(llmd_event) event = NULL;

        error = llmd_task_next(rig->ctx, task, &event);
        assert_true(error || event);
        if (!told && event && strcmp(llmd_event_reason(event), reason) == 0) {
            told = true;
            llmd_context_set_timeout_ms(rig->ctx, 300);
        }
    }
    assert_true(told);
    llmd_context_set_timeout_ms(rig->ctx, GKE_TIMEOUT_MS);
    return error;
}

static void timed_out(llmd_error *error, const char *words, const char *more, const char *advice)
{
    if (llmd_error_code(error) != LLMD_E_TIMEOUT || !strstr(llmd_error_message(error), words) ||
        !strstr(llmd_error_message(error), more) || !strstr(llmd_error_advice(error), advice))
        fail_msg("%s (%s)", llmd_error_message(error), llmd_error_advice(error));
    llmd_error_free(error);
}

/* The deadline comes while GKE goes on trying: the pool and what is known of it are worth more than
   that something was waited for. */
static void P2_a_deadline_names_the_pool_and_the_stockout(void **state)
{
    LLMD_AUTO(llmd_task) task = NULL;
    struct gke_rig *rig = *state;

    gke_fault(rig, "stockout", "europe-west4-a ct6e-standard-4t", -1);
    gke_good(rig, gke_begin_apply(rig, LLM TPU_POOL "}]\n", &task));
    timed_out(run_on_from(rig, task, "GCE_STOCKOUT"),
              "node pool llm/tpu: ", "ZONE_RESOURCE_POOL_EXHAUSTED", "apply again");
}

/* And while the cluster is made: how far it is, and that nothing is lost. */
static void a_deadline_says_how_far_the_cluster_is(void **state)
{
    LLMD_AUTO(llmd_task) task = NULL;
    LLMD_AUTO(llmd_task) wait = NULL;
    struct gke_rig *rig = *state;

    gke_good(rig, gke_begin_apply(rig, PLAIN, &task));
    timed_out(run_on_from(rig, task, "CREATE_CLUSTER"), "waiting for cluster llm: CREATE_CLUSTER ",
              ": RUNNING for ", "apply again");
    gke_good(rig, llmd_cluster_wait(rig->gke, "llm", &wait));
    timed_out(run_on_from(rig, wait, "CREATE_CLUSTER"),
              "waiting for cluster llm: PROVISIONING: CREATE_CLUSTER ", ": RUNNING for ",
              "wait again");
    gke_good(rig, gke_run(rig, NULL, TAKE(wait)));
    gke_good(rig, gke_run(rig, NULL, TAKE(task)));
    gke_nothing_is_left(rig);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(P2_P110_the_next_fallback_begins_minutes_after_the_stockout,
                                        set_up_slow, gke_tear_down),
        cmocka_unit_test_setup_teardown(P2_P107_P110_where_gke_does_not_let_go_the_fallback_waits,
                                        set_up_fast, gke_tear_down),
        cmocka_unit_test_setup_teardown(P2_a_deadline_names_the_pool_and_the_stockout, set_up_slow,
                                        gke_tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_says_how_far_the_cluster_is, set_up_slow,
                                        gke_tear_down),
        GKE_TEST(P2_P110_one_fallback_after_another_is_given_up),
    };

    if (argc > 1) /* "P2*": these alone */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
