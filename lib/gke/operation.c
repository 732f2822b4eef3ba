/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new operation may not be readable yet where we ask; Terraform retries this, too. */
#define MISSING_MAX 6
#define STILL_MS 60000 /* how often it is told that nothing new is to be told */

void llmd__operation_free(struct operation *operation)
{
    llmd__free(operation->name);
    llmd__free(operation->subject);
    llmd__free(operation->what);
    llmd__free(operation->said);
    llmd__buf_free(&operation->path);
    llmd_error_free(operation->error);
    *operation = (struct operation){0};
}

llmd_error *llmd__operation_begin(struct operation *operation, const llmd_gke *gke,
                                  const char *name, const char *subject, const char *what)
{
    struct operation fresh = {.gke = gke,
                              .name = llmd__strdup(name),
                              .subject = llmd__strdup(subject),
                              .what = llmd__strdup(what),
                              .told_done = -1};

    llmd__operation_free(operation);
    *operation = fresh;
    return fresh.name && fresh.subject && fresh.what ? NULL : NO_MEMORY;
}

llmd_error *llmd__operation_ask(struct operation *operation, struct step_action *action)
{
    operation->wake_ms = 0;
    llmd__operation_path(&operation->path, operation->gke, operation->name);
    TRY(llmd__buf_check(&operation->path));
    llmd__ask(action, operation->gke, GOOGLE_CONTAINER, operation->path.data);
    return NULL;
}

/* ---- progress ---- */

/* int64 stands as a string in Google's JSON. */
static int64_t metric_value(const struct json *metric)
{
    const struct json *value = llmd__json_member(metric, "intValue");

    return value ? strtoll(llmd__json_text(value), NULL, 10) : 0;
}

static const struct json *metric_named(const struct json *metrics, const char *name,
                                       const char *tail)
{
    size_t len = strlen(name);

    JSON_EACH(metric, metrics) {
        const char *other = llmd__json_str(metric, "name");
        if (strncmp(other, name, len) == 0 && strcmp(other + len, tail) == 0)
            return metric;
    }
    return NULL;
}

static const struct json *limit_of(const struct json *metrics, const char *name)
{
    if (strcmp(name, "NODES_DONE") == 0)
        return metric_named(metrics, "NODES_TOTAL", "");
    return metric_named(metrics, name, "_TOTAL");
}

/* Counters come in pairs, CLUSTER_DEPLOYING and CLUSTER_DEPLOYING_TOTAL; upgrades count
   NODES_DONE of NODES_TOTAL. */
void llmd__operation_progress(const struct json *operation, int64_t *done, int64_t *total)
{
    const struct json *metrics = llmd__json_get(operation, "progress.metrics");

    *done = *total = 0;
    JSON_EACH(metric, metrics) {
        const struct json *limit = limit_of(metrics, llmd__json_str(metric, "name"));

        if (!limit)
            continue;
        *done += metric_value(metric);
        *total += metric_value(limit);
    }
}

/* The first of its counters that is not full: ", CLUSTER_DEPLOYING 5 of 12". */
static void add_stage(const struct json *operation, struct buf *text)
{
    const struct json *metrics = llmd__json_get(operation, "progress.metrics");

    JSON_EACH(metric, metrics) {
        const char *name = llmd__json_str(metric, "name");
        const struct json *limit = limit_of(metrics, name);

        if (!limit || metric_value(metric) >= metric_value(limit))
            continue;
        llmd__buf_format(text, ", %s %lld of %lld", name, (long long)metric_value(metric),
                         (long long)metric_value(limit));
        return;
    }
}

static bool is_news(const struct operation *operation, const char *status, int64_t done,
                    int64_t now_ms)
{
    return strncmp(operation->told, status, sizeof(operation->told) - 1) != 0 ||
           operation->told_done != done || now_ms - operation->told_ms >= STILL_MS;
}

/* "operation-1: RUNNING for 60 s, CLUSTER_DEPLOYING 5 of 12: ..." behind its type and a space. */
static llmd_error *say(struct operation *operation, const struct json *answer, int64_t now_ms,
                       const char **message)
{
    AUTO(buf) struct buf said = BUF_INIT;
    const char *type = llmd__json_str(answer, "operationType");
    const char *status = llmd__json_str(answer, "status");
    const char *detail = llmd__json_str(answer, "detail");
    bool done = strcmp(status, "DONE") == 0;

    llmd__buf_format(&said, "%s %s: %s %s %lld s", type, operation->name, status,
                     done ? "after" : "for", (long long)((now_ms - operation->begin_ms) / 1000));
    if (!done) /* the last counter may stay at 1 of 2 */
        add_stage(answer, &said);
    llmd__buf_format(&said, "%s%s", *detail ? ": " : "", detail);
    llmd__free(TAKE(operation->said));
    TRY(llmd__buf_take(&said, &operation->said));
    *message = operation->said + strlen(type) + 1;
    return NULL;
}

static llmd_error *tell(struct operation *operation, struct graph *graph, const struct json *answer,
                        int64_t now_ms)
{
    const char *status = llmd__json_str(answer, "status");
    bool aborting = strcmp(status, "ABORTING") == 0;
    struct event_text text = {.level = aborting ? LLMD_LEVEL_WARNING : LLMD_LEVEL_INFO,
                              .subject = operation->subject,
                              .reason = llmd__json_str(answer, "operationType")};

    llmd__operation_progress(answer, &text.done, &text.total);
    TRY(say(operation, answer, now_ms, &text.message));
    if (!is_news(operation, status, text.done, now_ms))
        return NULL;
    snprintf(operation->told, sizeof(operation->told), "%s", status);
    operation->told_done = text.done;
    operation->told_ms = now_ms;
    return llmd__graph_event(graph, &text);
}

/* ---- polls ---- */

static void sleep_on(struct operation *operation, const struct step_input *input,
                     struct step_action *action)
{
    operation->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
    action->kind = ACTION_SLEEP;
    action->wake_ms = operation->wake_ms;
}

llmd_error *llmd__operation_take(struct operation *operation, struct graph *graph,
                                 const struct json *answer, const struct step_input *input,
                                 struct step_action *action, enum operation_end *end)
{
    *end = OPERATION_RUNS;
    if (!operation->begin_ms)
        operation->begin_ms = operation->told_ms = input->now_ms;
    operation->missing = 0;
    operation->polls++;
    TRY(tell(operation, graph, answer, input->now_ms));
    /* Any other word, also one that we do not know, is not the end. */
    if (strcmp(llmd__json_str(answer, "status"), "DONE") != 0) {
        sleep_on(operation, input, action);
        return NULL;
    }
    llmd_error_free(operation->error);
    operation->error = llmd__google_operation_error(answer, operation->what, &operation->class);
    *end = operation->error ? OPERATION_FAILED : OPERATION_SUCCEEDED;
    return NULL;
}

static llmd_error *take_trouble(struct operation *operation, llmd_error *error, enum trouble class,
                                const struct step_input *input, struct step_action *action,
                                enum operation_end *end)
{
    AUTO(error) llmd_error *owned = error;

    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(owned);
    if (class == TROUBLE_NOT_FOUND && ++operation->missing >= MISSING_MAX)
        *end = OPERATION_LOST;
    else if (class == TROUBLE_NOT_FOUND || llmd__passes(error, class))
        sleep_on(operation, input, action);
    else
        return TAKE(owned);
    return NULL;
}

llmd_error *llmd__operation_advance(struct operation *operation, struct graph *graph,
                                    const struct step_input *input, struct step_action *action,
                                    enum operation_end *end)
{
    AUTO(json) struct json *answer = NULL;
    enum trouble class;
    llmd_error *error;

    *end = OPERATION_RUNS;
    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK)
        return llmd__operation_ask(operation, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR) {
        action->wake_ms = operation->wake_ms; /* a poke: what we waited for goes on */
        return NULL;
    }
    error = llmd__answer(input, operation->name, &answer, &class);
    if (error)
        return take_trouble(operation, error, class, input, action, end);
    return llmd__operation_take(operation, graph, answer, input, action, end);
}
