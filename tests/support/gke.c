/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gke.h"

#include "support/events.h"
#include "support/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A stock-out lasts 35 minutes of its time: 2 seconds here. */
#define TIME_SCALE "0.001"

int gke_start(struct gke_rig *rig, const char *option, const char *value)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/adc.json", folder);
    rig->sandbox = sandbox_process_start(
        (const char *const[]){"--google", "--google-credentials", path, "--profile", "empty",
                              "--time-scale", TIME_SCALE, option, value, NULL});
    if (!rig->sandbox)
        return -1;
    setenv("LLMD_GOOGLE_URL", sandbox_process_url(rig->sandbox), 1);
    rig->ctx = llmd_context_new();
    llmd_context_set_timeout_ms(rig->ctx, GKE_TIMEOUT_MS);
    assert_null(llmd_credentials_google(rig->ctx, path, &rig->credentials));
    assert_null(llmd_gke_open(rig->credentials, "my-project", "europe-west4-a", &rig->gke));
    return 0;
}

int gke_set_up(void **state)
{
    *state = calloc(1, sizeof(struct gke_rig));
    return gke_start(*state, NULL, NULL);
}

int gke_tear_down(void **state)
{
    struct gke_rig *rig = *state;

    llmd__json_free(rig->events);
    llmd_gke_free(rig->gke);
    llmd_credentials_free(rig->credentials);
    llmd_context_free(rig->ctx);
    sandbox_process_stop(rig->sandbox);
    unsetenv("LLMD_GOOGLE_URL");
    free(rig);
    return 0;
}

/* ---- the sandbox's own view ---- */

void gke_fault(const struct gke_rig *rig, const char *name, const char *match, int count)
{
    char json[512];

    snprintf(json, sizeof(json), "{\"fault\":\"%s\",\"match\":\"%s\",\"count\":%d}", name, match,
             count);
    assert_true(sandbox_process_command(rig->sandbox, "faults", json));
}

void gke_clear_faults(const struct gke_rig *rig)
{
    assert_true(sandbox_process_command(rig->sandbox, "faults/clear", "{}"));
}

int gke_count_of(const struct gke_rig *rig, const char *what)
{
    AUTO(json) struct json *json = NULL;
    char url[300], *text = NULL;
    int count;

    snprintf(url, sizeof(url), "%s/sandbox/google", sandbox_process_url(rig->sandbox));
    assert_int_equal(sandbox_process_http("GET", url, NULL, NULL, &text), 200);
    assert_null(llmd__json_parse(text, strlen(text), "state", &json));
    count = (int)llmd__json_int(json, what, -1);
    free(text);
    return count;
}

/* ---- tasks ---- */

static void on_event(void *data, const llmd_event *event)
{
    struct gke_rig *rig = data;
    struct json *json = NULL;
    const char *text = llmd_event_json(event);

    assert_null(llmd__json_parse(text, strlen(text), "event", &json));
    expect_words(event);
    llmd__json_add(rig->events, json);
}

llmd_error *gke_run(struct gke_rig *rig, llmd_error *made, llmd_task *task)
{
    llmd_error *error = made;

    llmd__json_free(rig->events);
    rig->events = llmd__json_array();
    llmd_context_set_timeout_ms(rig->ctx, GKE_TIMEOUT_MS);
    if (!error)
        error = llmd_task_run(rig->ctx, task, on_event, rig);
    llmd_task_free(task);
    return error;
}

llmd_error *gke_begin_apply(const struct gke_rig *rig, const char *text, llmd_task **task)
{
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_error *error = llmd_cluster_spec_parse(text, &spec);

    return error ? error : llmd_cluster_apply(rig->gke, spec, task);
}

llmd_error *gke_try_apply(struct gke_rig *rig, const char *text)
{
    llmd_task *task = NULL;
    llmd_error *error = gke_begin_apply(rig, text, &task);

    return gke_run(rig, error, task);
}

llmd_error *gke_try_delete(struct gke_rig *rig, bool drain)
{
    llmd_task *task = NULL;
    llmd_error *error = llmd_cluster_delete(rig->gke, "llm", drain, &task);

    return gke_run(rig, error, task);
}

static void print_events(const struct gke_rig *rig)
{
    for (const struct json *event = llmd__json_first(rig->events); event;
         event = llmd__json_next(event))
        print_message("%s %s %s: %s\n", llmd__json_str(event, "level"),
                      llmd__json_str(event, "subject"), llmd__json_str(event, "reason"),
                      llmd__json_str(event, "message"));
}

void gke_good(const struct gke_rig *rig, llmd_error *error)
{
    if (!error)
        return;
    print_events(rig);
    fail_msg("%s", llmd_error_message(error));
}

void gke_bad(const struct gke_rig *rig, llmd_error *error, llmd_code code, const char *words)
{
    if (llmd_error_code(error) != code || !strstr(llmd_error_message(error), words)) {
        print_events(rig);
        fail_msg("want %s with \"%s\", got %s: %s", llmd_code_name(code), words,
                 llmd_code_name(llmd_error_code(error)), llmd_error_message(error));
    }
    assert_string_not_equal(llmd_error_advice(error), "");
    llmd_error_free(error);
}

/* The nth event (from 0) of this reason; -1: none. */
int gke_index_of(const struct gke_rig *rig, const char *reason, const char *words)
{
    int at = 0;

    JSON_EACH(event, rig->events) {
        if (strcmp(llmd__json_str(event, "reason"), reason) == 0 &&
            strstr(llmd__json_str(event, "message"), words))
            return at;
        at++;
    }
    return -1;
}

const struct json *gke_result_of(const struct gke_rig *rig)
{
    const struct json *last = NULL;

    JSON_EACH(event, rig->events) {
        last = event;
    }
    return llmd__json_member(last, "result");
}

const struct json *gke_pool_of(const struct gke_rig *rig, const char *name)
{
    JSON_EACH(pool, llmd__json_member(gke_result_of(rig), "nodePools")) {
        if (strcmp(llmd__json_str(pool, "name"), name) == 0)
            return pool;
    }
    return NULL;
}

void gke_nothing_is_left(struct gke_rig *rig)
{
    gke_good(rig, gke_try_delete(rig, true));
    assert_int_equal(gke_count_of(rig, "clusters"), 0);
    assert_int_equal(gke_count_of(rig, "nodes"), 0);
    assert_true(llmd__json_bool(gke_result_of(rig), "leak.clean", false));
}
