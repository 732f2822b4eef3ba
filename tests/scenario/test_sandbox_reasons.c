/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the sandbox say what the real stack said? The rows are the order of reasons per object that
 * KServe 0.20 and Kubernetes 1.34 were recorded with (repeats aside); scenario/reasons.py compares
 * whole recordings of both.
 */
#include "support/api.h"
#include "sandbox/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPLOYMENTS "/apis/apps/v1/namespaces/llm/deployments"
#define ROUTES "/apis/gateway.networking.k8s.io/v1/namespaces/llm/httproutes"
#define ROUTER                                                                                     \
    "\"router\":{\"gateway\":{\"refs\":[{\"name\":\"edge\"}]},\"route\":{},\"scheduler\":{}},"
#define LOST_ROUTER                                                                                \
    "\"router\":{\"gateway\":{\"refs\":[{\"name\":\"ghost\"}]},\"route\":{},\"scheduler\":{}},"
#define IMAGE "\"image\":\"rig.local/vllm-host:1\","

struct row {
    const char *collection;
    const char *type; /* of a condition, or "container" */
    const char *said; /* "True False/Reason ..." begins so */
};

struct story {
    const char *extra;
    const char *container;
    struct row rows[12];
};

static const struct story good = {
    ROUTER,
    IMAGE,
    {{SERVICES, "PresetsCombined", "True"},
     {SERVICES, "Ready",
      "False/HTTPRoutesNotReady False/WaitingForGateway* False/MinimumReplicasUnavailable True"},
     {SERVICES, "MainWorkloadReady", "False/Progressing False/MinimumReplicasUnavailable True"},
     {SERVICES, "InferencePoolReady", "False/WaitingForGateway True"},
     {SERVICES, "HTTPRoutesReady", "False/HTTPRoutesNotReady True"},
     {PODS, "PodScheduled", "True"},
     {PODS, "Ready", "False/ContainersNotReady True"},
     {PODS, "container", "ContainerCreating running"},
     {DEPLOYMENTS, "Available", "False/MinimumReplicasUnavailable True/MinimumReplicasAvailable"},
     {DEPLOYMENTS, "Progressing",
      "True/NewReplicaSetCreated True/ReplicaSetUpdated True/NewReplicaSetAvailable"},
     {ROUTES, "ResolvedRefs", "False/InvalidKind True/ResolvedRefs"}}};

static const struct story no_image = {
    ROUTER,
    "\"image\":\"rig.local/does-not-exist:1\",",
    {{PODS, "container",
      "ContainerCreating ErrImagePull ImagePullBackOff ErrImagePull ImagePullBackOff"},
     {SERVICES, "Ready",
      "False/HTTPRoutesNotReady False/WaitingForGateway* False/MinimumReplicasUnavailable"},
     {SERVICES, "RouterReady",
      "False/HTTPRoutesNotReady False/WaitingForGateway* False/MinimumReplicasUnavailable True"}}};

static const struct story crash_loop = {
    ROUTER,
    IMAGE "\"args\":[\"--no-such-flag\"],",
    {{PODS, "container",
      "ContainerCreating running Error running Error CrashLoopBackOff running Error"},
     {SERVICES, "WorkloadsReady", "False/Progressing False/MinimumReplicasUnavailable"}}};

static const struct story no_preset = {"\"baseRefs\":[{\"name\":\"no-such-config\"}]," ROUTER,
                                       IMAGE,
                                       {{SERVICES, "PresetsCombined", "False/ConfigNotFound"},
                                        {SERVICES, "Ready", "Unknown/NewObservedGenFailure"},
                                        {SERVICES, "RouterReady", "Unknown"}}};

static const struct story no_gateway = {
    LOST_ROUTER,
    IMAGE,
    {{SERVICES, "GatewaysReady", "False/RefsInvalid"},
     {SERVICES, "Ready", "False/RefsInvalid"},
     {SERVICES, "RouterReady", "False/RefsInvalid"},
     {SERVICES, "MainWorkloadReady", "False/Progressing False/MinimumReplicasUnavailable"}}};

/* ---- what was said ---- */

static bool is_of_workload(const struct json *object)
{
    return !strstr(llmd__json_str(object, "metadata.name"), "router-scheduler");
}

/* The word of a condition in a list: "False/Reason". */
static void find_word(const struct json *list, const char *type, char *word, size_t size)
{
    JSON_EACH(condition, list) {
        const char *reason = llmd__json_str(condition, "reason");
        if (strcmp(llmd__json_str(condition, "type"), type) == 0)
            snprintf(word, size, "%s%s%s", llmd__json_str(condition, "status"), *reason ? "/" : "",
                     reason);
    }
}

static void word_of(const struct json *object, const char *type, char *word, size_t size)
{
    const struct json *state = llmd__json_get(object, "status.containerStatuses[0].state");
    const struct json *first = llmd__json_first(state);
    word[0] = '\0';
    if (strcmp(type, "container") == 0) {
        const char *reason = llmd__json_str(first, "reason");
        snprintf(word, size, "%s", *reason ? reason : llmd__json_key(first));
        return;
    }
    find_word(llmd__json_get(object, "status.conditions"), type, word, size);
    find_word(llmd__json_get(object, "status.parents[0].conditions"), type, word, size);
}

static void add_word(char *said, size_t size, const char *word)
{
    size_t len = strlen(said);
    size_t word_len = strlen(word);
    bool repeats = len >= word_len && strcmp(said + len - word_len, word) == 0 &&
                   (len == word_len || said[len - word_len - 1] == ' ');
    if (word_len && !repeats)
        snprintf(said + len, size - len, "%s%s", len ? " " : "", word);
}

static void listen(const char *text, const char *type, char *said, size_t size)
{
    said[0] = '\0';
    for (const char *line = text; line && *line;) {
        size_t len = strcspn(line, "\n");
        char word[200];
        struct json *event = NULL;
        llmd_error_free(llmd__json_parse(line, len, "event", &event));
        const struct json *object = llmd__json_member(event, "object");
        if (is_of_workload(object) && strcmp(llmd__json_str(event, "type"), "DELETED") != 0) {
            word_of(object, type, word, sizeof(word));
            add_word(said, size, word);
        }
        llmd__json_free(event);
        line += len + (line[len] == '\n');
    }
}

/* Words that end with '*' may be missing: watches and reconcilers coalesce. */
static bool begins_with(const char *said, const char *expected)
{
    while (*expected) {
        size_t len = strcspn(expected, " ");
        bool optional = expected[len - 1] == '*';
        size_t word = len - optional;
        bool same = strncmp(said, expected, word) == 0 && (said[word] == ' ' || !said[word]);
        if (same)
            said += word + (said[word] == ' ');
        else if (!optional)
            return false;
        expected += len + (expected[len] == ' ');
    }
    return true;
}

static char *history(const char *collection, const char *version)
{
    char url[500];
    char *text;
    snprintf(url, sizeof(url), "%s%s?watch=1&timeoutSeconds=1&resourceVersion=%s",
             sandbox_process_url(api_sandbox), collection, version);
    sandbox_process_http("GET", url, NULL, NULL, &text);
    return text;
}

/* What a collection said so far: asked again after a second, and for each other collection. */
struct hearing {
    const char *collection;
    const char *version;
    char *text;
};

static void hear(struct hearing *hearing, const char *collection)
{
    free(hearing->text);
    hearing->collection = collection;
    hearing->text = history(collection, hearing->version);
}

static bool told_so(const struct hearing *hearing, const struct row *row, char *said, size_t size)
{
    listen(hearing->text, row->type, said, size);
    return begins_with(said, row->said);
}

static void check_row(struct hearing *hearing, const struct row *row)
{
    char said[4000];
    if (hearing->collection != row->collection)
        hear(hearing, row->collection);
    for (int tries = 8; !told_so(hearing, row, said, sizeof(said)); tries--) {
        if (tries == 0)
            fail_msg("%s: said %s\nwant %s", row->type, said, row->said);
        hear(hearing, row->collection);
    }
}

static void check(const struct story *story, const char *version)
{
    struct hearing hearing = {.version = version};
    for (const struct row *row = story->rows; row->type; row++)
        check_row(&hearing, row);
    free(hearing.text);
}

static void tell(const struct story *story)
{
    int status;
    const char *const arguments[] = {"--time-scale", "0.01", NULL};
    assert_int_equal(api_start(arguments), 0);
    api_apply_namespace();
    api_apply_gateway("gke-l7-rilb");
    llmd__json_free(api_await("/apis/gateway.networking.k8s.io/v1/namespaces/llm/gateways/edge",
                              "Programmed", "True", NULL));
    AUTO(json) struct json *list = api_ask("GET", PODS, NULL, NULL, &status);
    api_apply_service("it", story->extra, story->container);
    check(story, llmd__json_str(list, "metadata.resourceVersion"));
    api_stop();
}

static void good_goes_as_recorded(void **state)
{
    (void)state;
    tell(&good);
}

static void a_missing_image_goes_as_recorded(void **state)
{
    (void)state;
    tell(&no_image);
}

static void a_crash_loop_goes_as_recorded(void **state)
{
    (void)state;
    tell(&crash_loop);
}

static void a_missing_preset_goes_as_recorded(void **state)
{
    (void)state;
    tell(&no_preset);
}

static void a_missing_gateway_goes_as_recorded(void **state)
{
    (void)state;
    tell(&no_gateway);
}

static int stop_if_left(void **state)
{
    (void)state;
    api_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(good_goes_as_recorded, stop_if_left),
        cmocka_unit_test_teardown(a_missing_image_goes_as_recorded, stop_if_left),
        cmocka_unit_test_teardown(a_crash_loop_goes_as_recorded, stop_if_left),
        cmocka_unit_test_teardown(a_missing_preset_goes_as_recorded, stop_if_left),
        cmocka_unit_test_teardown(a_missing_gateway_goes_as_recorded, stop_if_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
