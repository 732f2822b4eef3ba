/* SPDX-License-Identifier: Apache-2.0 */
/* What is told about the recordings of the real stack, when, and what ends a wait. */
#include "unit/replay.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recordings),
        cmocka_unit_test(test_good_is_ready_at_once),
        cmocka_unit_test(test_pull_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
