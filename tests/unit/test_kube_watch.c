/* SPDX-License-Identifier: Apache-2.0 */
/* The watch step against scripts, whose words watch_play.h explains. */
#include "watch_play.h"

static const struct watch_wish plain = {.resource = "po"};

static const struct line quiet_life[] = {
    {"begin", "list"},
    {"list 5 a1 b2", "+a1 +b2 S watch 5"},
    {"open", ""},
    {"ADDED c6", "+c6 "},
    {"MODIFIED a7", "~a7 "},
    {"DELETED b8", "-b8 "},
    {"poke", ""},
    {"end", "watch 8"}, /* the server's own time limit: resumed at once */
    {"open", ""},
    {"MODIFIED c9", "~c9 "},
    {NULL, NULL},
};

static void a_quiet_life_is_told(void **state)
{
    (void)state;
    expect_play(&plain, quiet_life);
}

static void pages_are_put_together(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5/more a1", "+a1 list more"},
        {"list 5 b2", "+b2 S watch 5"},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void an_expired_page_begins_again_and_doubles_nothing(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5/more a1", "+a1 list more"},
        {"status 410", "list"},
        {"list 7/more a1 c6", "+c6 list more"},
        {"list 7 b2", "+b2 S watch 7"},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static const struct line gone[] = {
    {"begin", "list"},
    {"list 5 a1 b2 c3", "+a1 +b2 +c3 S watch 5"},
    {"open", ""},
    {"ERROR 410", "list"},
    {"list 20 a1 c18 d19", "~c18 +d19 -b2 watch 20"}, /* no second S, a told once */
    {"status 410", "list"},
    {"list 30 a1 c18 d19", "watch 30"},
    {NULL, NULL},
};

static void after_410_the_difference_is_told(void **state)
{
    (void)state;
    expect_play(&plain, gone);
}

/* Who keeps no texts hears the same, the gone ones by name. */
static void names_alone_tell_the_difference_too(void **state)
{
    static const struct watch_wish names = {.resource = "pods", .names_only = true};
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5 a1 b2 c3", "+a1 +b2 +c3 S watch 5"},
        {"open", ""},
        {"MODIFIED a6", "~a6 "},
        {"DELETED c7", "-c7 "},
        {"ERROR 410", "list"},
        {"list 20 a6 d19", "+d19 -b watch 20"},
        {"open", ""},
        {"MODIFIED a21!", "-a +a21 "},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&names, lines);
}

static void a_server_that_forgets_at_once_is_given_time(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},      {"list 5 a1", "+a1 S watch 5"},
        {"ERROR 410", "list"},  {"list 6 a1", "watch 6"},
        {"ERROR 410", "list"},  {"list 7 a1", "watch 7"},
        {"ERROR 410", "list"},  {"list 8 a1", "watch 8"},
        {"ERROR 410", "sleep"}, {"tick 5000", "list"},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void a_retry_after_of_days_is_not_slept_through(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},           {"busy 10000", "sleep"},
        {"tick 9000", ""},           {"tick 1000", "list"},
        {"busy 900000000", "sleep"}, {"tick 119000", ""},
        {"tick 1000", "list"},       {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void an_object_made_again_is_another_one(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5 a1", "+a1 S watch 5"},
        {"open", ""},
        {"ERROR 410", "list"},
        {"list 9 a8!", "-a1 +a8 watch 9"},
        {"open", ""},
        {"MODIFIED a9", "-a8 +a9 "},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void a_bookmark_moves_the_version_only(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},   {"list 5", "S watch 5"}, {"open", ""},
        {"BOOKMARK 50", ""}, {"cut", "sleep"},        {"tick 5000", "watch 50"},
        {"open", ""},        {"BOOKMARK 60", ""},     {"end", "watch 60"},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void a_stalled_stream_is_noticed(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},      {"list 5", "S watch 5"},  {"open", ""},
        {"tick 74000", ""},     {"BOOKMARK 6", ""},       {"tick 74000", ""},
        {"tick 2000", "sleep"}, {"tick 5000", "watch 6"}, {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void what_was_told_is_not_told_again(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5 a5", "+a5 S watch 5"},
        {"open", ""},
        {"MODIFIED a5", ""},     /* the same version */
        {"ADDED a6", "~a6 "},    /* known: not new */
        {"DELETED z7", ""},      /* never told */
        {"MODIFIED b8", "+b8 "}, /* came into the selector */
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void a_lost_server_is_tried_for_ever(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5 a1", "+a1 S watch 5"},
        {"lost", "sleep"},
        {"tick 5000", "watch 5"},
        {"lost", "sleep"},
        {"tick 5000", "watch 5"},
        {"status 503", "sleep"},
        {"tick 5000", "watch 5"},
        {"lost", "sleep"},
        {"tick 5000", "list"},
        {"lost", "sleep"},
        {"tick 5000", "list"},
        {"list 9 a1 b7", "+b7 watch 9"},
        {"open", ""},
        {"ADDED c10", "+c10 "},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

/* A restarted server refuses and misses for a moment; a real loss of rights ends the watch. */
static void a_restarted_server_may_refuse_for_a_moment(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5", "S watch 5"},
        {"cut", "sleep"},
        {"tick 5000", "watch 5"},
        {"status 403", "sleep"},
        {"tick 5000", "watch 5"},
        {"status 401", "sleep"},
        {"tick 5000", "watch 5"},
        {"open", ""},
        {"BOOKMARK 6", ""},
        {NULL, NULL},
    };
    static const struct line lasting[] = {
        {"begin", "list"},       {"list 5", "S watch 5"},
        {"cut", "sleep"},        {"tick 5000", "watch 5"},
        {"status 403", "sleep"}, {"tick 31000", "watch 5"},
        {"status 403", ""},      {NULL, NULL},
    };
    AUTO(error) llmd_error *error = play_script(&plain, lasting, false);

    (void)state;
    assert_int_equal(llmd_error_code(error), LLMD_E_DENIED);
    expect_play(&plain, lines);
}

static void a_first_refusal_ends_the_watch(void **state)
{
    static const struct line lines[] = {{"begin", "list"}, {"status 403", ""}, {NULL, NULL}};
    static const struct watch_wish unknown = {.resource = "podz"};
    static const struct line asked[] = {
        {"begin", "GET /api"}, {"core", "GET /apis"}, {"groups", ""}, {NULL, NULL}};
    AUTO(error) llmd_error *denied = play_script(&plain, lines, false);
    AUTO(error) llmd_error *missing = play_script(&unknown, asked, false);

    (void)state;
    assert_int_equal(llmd_error_code(denied), LLMD_E_DENIED);
    assert_string_equal(llmd_error_message(denied), "list pods in llm: 403 Forbidden: refused");
    assert_int_equal(llmd_error_code(missing), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(missing), "did you mean \"pods\""));
}

static void something_optional_is_looked_for(void **state)
{
    static const struct watch_wish wish = {.resource = "widgets", .optional = true};
    static const struct line lines[] = {
        {"begin", "GET /api"},
        {"core", "GET /apis"},
        {"groups", "S sleep"},
        {"tick 5000", ""},
        {"tick 60000", "GET /api"}, /* what no CRD defines */
        {"lost", "sleep"},
        {"tick 5000", "GET /api"},
        {"core", "GET /apis"},
        {"groups", "sleep"},
        {"poke", "sleep"},
        {"poke", "sleep"}, /* one look for several changes of CRDs */
        {"tick 100", "GET /api"},
        {"poke", ""},
        {"core", "GET /apis"},
        {"groups", "sleep"},
        {"tick 100", ""},
        {"tick 100", "GET /api"}, /* discovery follows the CRD */
        {NULL, NULL},
    };
    static const struct watch_wish vanishing = {.resource = "pods", .optional = true};
    static const struct line vanish[] = {
        {"begin", "list"},        {"list 5 a1", "+a1 S watch 5"}, {"status 404", "sleep"},
        {"tick 6000", "watch 5"}, {"status 404", "-a1 sleep"},    {NULL, NULL},
    };
    static const struct watch_wish forbidden = {.resource = "pods", .missing_is_empty = true};
    static const struct line empty[] = {
        {"begin", "list"}, {"status 403", "S! sleep"}, {"tick 5000", "list"}, {NULL, NULL}};
    static const struct line refused[] = {
        {"begin", "list"},     {"status 400", "S! sleep"},
        {"tick 5000", "list"}, {"status 405", "sleep"},
        {"tick 5000", "list"}, {"list 5 a1", "+a1 watch 5"},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&forbidden, refused);
    expect_play(&wish, lines);
    expect_play(&vanishing, vanish);
    expect_play(&forbidden, empty);
}

/* kube.h promises it: "a lost server is not an error". */
static void a_server_that_is_away_at_the_start_is_no_error(void **state)
{
    static const struct watch_wish wish = {.resource = "nodes", .keeps_trying = true};
    static const struct line lines[] = {
        {"begin", "GET /api"},     {"lost", "sleep"}, {"tick 1", ""},
        {"tick 5000", "GET /api"}, {"lost", "sleep"}, {"tick 5000", "GET /api"},
        {"core", "GET /apis"},     {NULL, NULL},
    };
    static const struct watch_wish others = {.resource = "nodes"};
    AUTO(error) llmd_error *error = play_script(&others, lines, false);

    (void)state;
    expect_play(&wish, lines);
    assert_int_equal(llmd_error_code(error), LLMD_E_UNREACHABLE);
}

static void nonsense_is_survived(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5", "S watch 5"},
        {"open", ""},
        {"RAW {\"type\":", "sleep"},
        {"tick 5000", "watch 5"},
        {"open", ""},
        {"RAW {\"type\":\"ADDED\",\"object\":{}}", "sleep"},
        {"tick 5000", "watch 5"},
        {"open", ""},
        {"RAW ", ""},
        {"ERROR 500", "sleep"},
        {"tick 5000", "watch 5"},
        {"end", "sleep"},
        {"tick 5000", "list"},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void another_layout_of_an_event_is_read(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"},
        {"list 5", "S watch 5"},
        {"open", ""},
        {"RAW {\"object\": {\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"resourceVersion\":"
         "\"6\",\"uid\":\"x\"}}, \"type\": \"ADDED\"}",
         "+a6 "},
        {NULL, NULL},
    };

    (void)state;
    expect_play(&plain, lines);
}

static void a_handler_may_end_the_task(void **state)
{
    static const struct line lines[] = {
        {"begin", "list"}, {"list 5 a1 b2", "+a1 finish"}, {NULL, NULL}};
    AUTO(error) llmd_error *error = play_script(&plain, lines, true);

    (void)state;
    assert_null(error);
}

/* The count over a long life: 3000 changes, cut after each seventh, each told once. */
static llmd_error *long_life(struct play *play, int *told)
{
    char name[] = "ADDED a0000", list[64];
    const struct line begin[] = {{"begin", "list"}, {"list 0", "S watch 0"}};

    TRY(play_line(play, &begin[0]));
    TRY(play_line(play, &begin[1]));
    for (int i = 1; i <= 3000; i++) {
        char out[32];
        snprintf(name, sizeof(name), "ADDED a%d", i);
        snprintf(out, sizeof(out), "%ca%d ", i == 1 ? '+' : '~', i);
        TRY(play_line(play, &(struct line){name, out}));
        *told += 1;
        if (i % 7)
            continue;
        snprintf(list, sizeof(list), "watch %d", i);
        TRY(play_line(play, &(struct line){i % 2 ? "cut" : "end", i % 2 ? "sleep" : list}));
        if (i % 2)
            TRY(play_line(play, &(struct line){"tick 5000", list}));
    }
    return NULL;
}

static void nothing_is_missed_nothing_is_doubled(void **state)
{
    struct play play = {.now_ms = 1000};
    struct watch_wish wish = {.resource = "pods", .on_change = on_change, .data = &play};
    int told = 0;

    (void)state;
    assert_null(fixture_kube(&play.kube));
    assert_null(llmd__watch_new(play.kube, &wish, &play.watch));
    AUTO(error) llmd_error *error = long_life(&play, &told);
    if (error)
        fail_msg("%s", llmd_error_message(error));
    assert_int_equal(told, 3000);
    llmd__watch_free(play.watch);
    llmd__buf_free(&play.told);
    llmd_kube_free(play.kube);
}

static llmd_error *live_quietly(void *data)
{
    TRY(play_script(&plain, quiet_life, false));
    return play_script(data, gone, false);
}

static void memory_may_end(void **state)
{
    (void)state;
    torture(live_quietly, (void *)(uintptr_t)&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_life_is_told),
        cmocka_unit_test(pages_are_put_together),
        cmocka_unit_test(an_expired_page_begins_again_and_doubles_nothing),
        cmocka_unit_test(after_410_the_difference_is_told),
        cmocka_unit_test(names_alone_tell_the_difference_too),
        cmocka_unit_test(a_server_that_forgets_at_once_is_given_time),
        cmocka_unit_test(a_retry_after_of_days_is_not_slept_through),
        cmocka_unit_test(an_object_made_again_is_another_one),
        cmocka_unit_test(a_bookmark_moves_the_version_only),
        cmocka_unit_test(a_stalled_stream_is_noticed),
        cmocka_unit_test(what_was_told_is_not_told_again),
        cmocka_unit_test(a_lost_server_is_tried_for_ever),
        cmocka_unit_test(a_restarted_server_may_refuse_for_a_moment),
        cmocka_unit_test(a_first_refusal_ends_the_watch),
        cmocka_unit_test(something_optional_is_looked_for),
        cmocka_unit_test(a_server_that_is_away_at_the_start_is_no_error),
        cmocka_unit_test(nonsense_is_survived),
        cmocka_unit_test(another_layout_of_an_event_is_read),
        cmocka_unit_test(a_handler_may_end_the_task),
        cmocka_unit_test(nothing_is_missed_nothing_is_doubled),
        cmocka_unit_test(memory_may_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
