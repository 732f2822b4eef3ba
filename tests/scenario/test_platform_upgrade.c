/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KServe is upgraded under a running service: its endpoint picker, which KServe's controller
 * replaces by Recreate, is there at every moment, and none is left over.
 */
#include "support/events.h"
#include "support/platform.h"
#include "support/torture.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER SOURCE_DIR "/tests/scenario/platform/"
#define RELEASE FOLDER "kserve.yaml"
/* Of the Service that the pool asks. */
#define PICKERS                                                                                    \
    "app.kubernetes.io/component=llminferenceservice-router-scheduler,"                            \
    "app.kubernetes.io/name=qwen,app.kubernetes.io/part-of=llminferenceservice"
#define KEPT "libllmd.dev/kept"

/* The release as it was before: other images, by which its presets differ. */
struct older {
    char path[64], spec[128];
};

static char *read_release(void)
{
    FILE *file = fopen(RELEASE, "rb");
    char *text = calloc(1, 1 << 16);

    assert_non_null(file);
    assert_non_null(text);
    assert_in_range(fread(text, 1, (1 << 16) - 1, file), 1000, (1 << 16) - 2);
    fclose(file);
    return text;
}

static void replace_all(char *text, const char *from, const char *to)
{
    assert_int_equal(strlen(from), strlen(to));
    assert_non_null(strstr(text, from));
    for (char *at = strstr(text, from); at; at = strstr(at, from))
        memcpy(at, to, strlen(to));
}

static struct older make_older(void)
{
    struct older older = {.path = "/tmp/llmd-kserve-XXXXXX.yaml"};
    char *text = read_release();
    int fd = mkstemps(older.path, 5);

    assert_true(fd >= 0);
    replace_all(text, "v0.20.0", "v0.19.0");
    replace_all(text, "picker:v0.9.0", "picker:v0.7.1");
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    free(text);
    snprintf(older.spec, sizeof(older.spec), "kserve: {bundle: %s}", older.path);
    return older;
}

static void make_service(struct platform *platform)
{
    LLMD_AUTO(llmd_service_spec)
    spec = llmd_service_spec_new("llm", "qwen", "hf://Qwen/Qwen3-0.6B");
    llmd_task *task = NULL;
    llmd_error *made;

    platform_add_gateway(platform);
    llmd_service_spec_set(spec, "gateway.namespace", "kserve");
    llmd_service_spec_set(spec, "gateway.name", "kserve-ingress-gateway");
    made = llmd_service_apply(platform->kube, spec, &task);
    none(run(made, task, 30000, &platform->log));
}

static int set_up(void **state)
{
    struct older older = make_older();

    platform_set_up(state);
    none(platform_apply(*state, older.spec));
    unlink(older.path);
    make_service(*state);
    assert_int_equal(platform_ready_pods(*state, PICKERS), 1);
    return 0;
}

/* Upgrades, and looks at every event whether there is a picker. */
static llmd_error *upgrade_looking(struct platform *platform, bool look)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;
    LLMD_AUTO(llmd_event) event = NULL;

    llmd_context_set_timeout_ms(ctx, 60000);
    TRY(platform_read_spec(NULL, &spec));
    TRY(llmd_platform_apply(platform->kube, spec, &task));
    clear(&platform->log);
    do {
        llmd_event_free(TAKE(event));
        TRY(llmd_task_next(ctx, task, &event));
        if (event)
            note(&platform->log, event);
        if (look && platform_ready_pods(platform, PICKERS) == 0)
            fail_msg("no picker at %s %s", event ? llmd_event_subject(event) : "the end",
                     event ? llmd_event_reason(event) : "");
    } while (event);
    return NULL;
}

static void expect_upgraded(struct platform *platform)
{
    assert_non_null(strstr(platform->log.result, "\"kserve\":{\"version\":\"0.20.0\""));
    assert_int_equal(platform_ready_pods(platform, PICKERS), 1);
    assert_int_equal(platform_ready_pods(platform, KEPT), 0);
}

/* Not to be taken for a difference from its bundle, with which it is not compared. */
static void test_status_tells_another_version(void **state)
{
    struct platform *platform = *state;
    const struct seen *seen;

    none(platform_status_plain(platform, "gatewayApi: {bundle: " FOLDER "gateway-api.yaml}\n"
                                         "certManager: {bundle: " FOLDER "cert-manager.yaml}\n"
                                         "kserve: {version: 0.20.0}"));
    seen = find(&platform->log, "KServe", "OtherVersion");
    assert_non_null(seen);
    assert_int_equal(seen->level, LLMD_LEVEL_WARNING);
    assert_string_equal(seen->message, "is 0.19.0, wanted is 0.20.0");
    assert_null(find(&platform->log, "KServe", "Differs"));
    assert_null(find(&platform->log, "KServe", "NotCompared"));
}

static void test_picker_is_always_there(void **state)
{
    struct platform *platform = *state;
    const struct seen *kept, *replaced;

    none(upgrade_looking(platform, true));
    kept = find(&platform->log, "Pod/llm/qwen-kserve-router-scheduler-", "PickerKept");
    replaced = find(&platform->log, "Pod/llm/qwen-kserve-router-scheduler-", "PickerReplaced");
    assert_non_null(kept);
    assert_non_null(replaced);
    assert_string_equal(kept->subject, replaced->subject);
    assert_true(kept < find(&platform->log, "Deployment/kserve/llmisvc", "configured"));
    assert_true(replaced > find(&platform->log,
                                "LLMInferenceServiceConfig/kserve/kserve-config-llm-scheduler",
                                "configured"));
    expect_upgraded(platform);
    /* The same again is no upgrade. */
    none(platform_apply(platform, NULL));
    assert_null(find(&platform->log, "Pod/", "PickerKept"));
}

/* A picker that an upgrade before kept when it was killed is ended by the next apply. */
static void test_one_that_was_left_over(void **state)
{
    struct platform *platform = *state;
    LLMD_AUTO(llmd_platform_spec) spec = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;
    bool kept = false;

    llmd_context_set_timeout_ms(ctx, 30000);
    none(platform_read_spec(NULL, &spec));
    none(llmd_platform_apply(platform->kube, spec, &task));
    while (!kept) {
        LLMD_AUTO(llmd_event) event = NULL;

        none(llmd_task_next(ctx, task, &event));
        assert_non_null(event);
        kept = !strcmp(llmd_event_reason(event), "PickerKept");
    }
    llmd_task_free(TAKE(task));
    none(upgrade_looking(platform, true));
    expect_upgraded(platform);
}

static void test_without_rights_on_pods(void **state)
{
    struct platform *platform = *state;

    platform_fault(platform, "403", "PATCH /api/v1/namespaces/llm/pods");
    none(upgrade_looking(platform, false));
    assert_null(find(&platform->log, "Pod/llm/", "PickerKept"));
    assert_non_null(strstr(platform->log.result, "\"kserve\":{\"version\":\"0.20.0\""));
}

/* ---- without memory ---- */

struct turns {
    struct platform *platform;
    struct older older;
    bool up;
};

/* There and back: each is an upgrade. */
static llmd_error *change_version(void *data)
{
    struct turns *turns = data;

    turns->up = !turns->up;
    return platform_apply(turns->platform, turns->up ? NULL : turns->older.spec);
}

static void test_without_memory(void **state)
{
    struct turns turns = {*state, make_older(), false};

    torture_sample(change_version, &turns, 7, 8);
    unlink(turns.older.path);
}

#define UPGRADE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, platform_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPGRADE_TEST(test_status_tells_another_version),
        UPGRADE_TEST(test_picker_is_always_there),
        UPGRADE_TEST(test_one_that_was_left_over),
        UPGRADE_TEST(test_without_rights_on_pods),
        UPGRADE_TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
