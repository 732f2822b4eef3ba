/* SPDX-License-Identifier: Apache-2.0 */
/* A container's log: a task of one streaming step whose events are the lines. */
#include "base/url.h"
#include "kube/kube.h"
#include "kube/status.h"

#include <string.h>

#define LINE_MAX_LEN ((size_t)1 << 20)

struct llmd_kube_logs {
    llmd_task *task;
};

struct logs {
    llmd_kube *kube;
    char *path;
    char *what; /* "logs llm/qwen-0 (main)" */
};

static void logs_free(void *data)
{
    struct logs *logs = data;

    llmd__free(logs->path);
    llmd__free(logs->what);
    llmd_kube_free(logs->kube);
    llmd__free(logs);
}

/* Containers print anything; a NUL would hide the rest of the line. */
static llmd_error *tell_line(struct graph *graph, const char *line, size_t len)
{
    size_t kept = len < LINE_MAX_LEN ? len : LINE_MAX_LEN;
    AUTO(str) char *text = NULL;
    struct event_text event = {.reason = "Line"};

    while (kept < len && kept && ((unsigned char)line[kept] & 0xC0) == 0x80)
        kept--;
    text = llmd__malloc(kept + 1);
    CHECK_MEMORY(text);
    for (size_t i = 0; i < kept; i++)
        text[i] = line[i] ? line[i] : ' ';
    text[kept] = '\0';
    event.message = text;
    return llmd__graph_event(graph, &event);
}

static llmd_error *start(const struct logs *logs, struct step_action *action)
{
    action->kind = ACTION_STREAM;
    action->http = llmd__kube_http(logs->kube);
    action->request = (struct http_request){
        .method = "GET", .path = logs->path, .accept = "*/*", .idempotent = true};
    action->cut_lines = LINE_MAX_LEN + 1; /* one more shows that it was cut, and where */
    return NULL;
}

static llmd_error *advance(void *data, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    const struct logs *logs = data;

    switch (input->kind) {
    case INPUT_BEGIN:
        return start(logs, action);
    case INPUT_LINE:
        return tell_line(graph, input->text, input->text_len);
    case INPUT_REPLY:
        return llmd__status_error(input->status, input->text, logs->what);
    case INPUT_END:
        action->kind = ACTION_DONE;
        return llmd__error_wrap(llmd__error_copy(input->error), "%s", logs->what);
    case INPUT_ERROR:
        return llmd__error_wrap(llmd__error_copy(input->error), "%s", logs->what);
    default:
        return NULL;
    }
}

static const struct step_class logs_class = {"logs", advance, logs_free};

static char *log_path(const char *ns, const char *pod, const char *query)
{
    static const struct resource pods = {
        .group = "", .version = "v1", .plural = "pods", .kind = "Pod", .namespaced = true};
    struct buf path = BUF_INIT;
    char *text = NULL;

    llmd__resource_path(&path, &pods, ns, pod, "log", query);
    llmd_error_free(llmd__buf_take(&path, &text));
    llmd__buf_free(&path);
    return text;
}

static void add_query(struct buf *query, const char *container, bool follow, bool previous,
                      int64_t tail_lines)
{
    if (container && *container) {
        llmd__buf_str(query, "&container=");
        llmd__url_escape(query, container);
    }
    if (follow)
        llmd__buf_str(query, "&follow=true");
    if (previous)
        llmd__buf_str(query, "&previous=true");
    if (tail_lines >= 0)
        llmd__buf_format(query, "&tailLines=%lld", (long long)tail_lines);
}

static llmd_error *new_task(struct logs *logs, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    llmd_error *error = llmd__graph_new(NULL, NULL, &graph);
    step_id step;

    if (error) {
        logs_free(logs);
        return error;
    }
    TRY(llmd__graph_add(graph, &logs_class, logs, &step));
    llmd__graph_own_events_only(graph);
    return llmd__task_new(TAKE(graph), out);
}

static llmd_error *logs_new(const llmd_kube *kube, const char *ns, const char *pod,
                            const char *container, const char *query, llmd_task **out)
{
    struct logs *logs = llmd__calloc(1, sizeof(*logs));
    bool named = container && *container;

    CHECK_MEMORY(logs);
    ns = llmd__kube_ns(kube, ns);
    logs->kube = llmd__kube_ref(kube);
    logs->path = log_path(ns, pod, *query ? query + 1 : "");
    logs->what = llmd__format("logs %s/%s%s%s%s", ns, pod, named ? " (" : "",
                              named ? container : "", named ? ")" : "");
    if (!logs->path || !logs->what) {
        logs_free(logs);
        return NO_MEMORY;
    }
    return new_task(logs, out);
}

llmd_error *llmd_kube_logs_open(const llmd_kube *kube, const char *ns, const char *pod,
                                const char *container, bool follow, bool previous,
                                int64_t tail_lines, llmd_kube_logs **out)
{
    AUTO(buf) struct buf query = BUF_INIT;
    llmd_kube_logs *logs;
    llmd_error *error;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(pod);
    TRY(llmd__kube_check_name("logs", ns, pod));
    add_query(&query, container, follow, previous, tail_lines);
    TRY(llmd__buf_check(&query));
    logs = llmd__calloc(1, sizeof(*logs));
    CHECK_MEMORY(logs);
    error = logs_new(kube, ns, pod, container, llmd__buf_text(&query), &logs->task);
    if (error) {
        llmd__free(logs);
        return error;
    }
    *out = logs;
    return NULL;
}

llmd_error *llmd_kube_logs_next(llmd_context *ctx, llmd_kube_logs *logs, char **out)
{
    LLMD_AUTO(llmd_event) event = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(logs);
    TRY(llmd_task_next(ctx, logs->task, &event));
    if (!event)
        return NULL;
    *out = llmd__strdup(llmd_event_message(event));
    return *out ? NULL : NO_MEMORY;
}

void llmd_kube_logs_free(llmd_kube_logs *logs)
{
    if (!logs)
        return;
    llmd_task_free(logs->task);
    llmd__free(logs);
}
