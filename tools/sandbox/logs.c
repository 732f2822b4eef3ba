/* SPDX-License-Identifier: Apache-2.0 */
/* Pod logs: GET .../pods/NAME/log with container, previous, tailLines, timestamps, follow. */
#include "sandbox/containers.h"
#include "sandbox/pods.h"
#include "sandbox/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct log {
    struct call *call;
    char *container;
    bool previous;
    bool timestamps;
    long tail; /* -1: all */
};

static bool query_true(const struct request *request, const char *name)
{
    char *text = request_query(request, name);
    bool yes = text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
    free(text);
    return yes;
}

static const struct json *find_container(const struct object *pod, const char *name)
{
    const struct json *list = llmd__json_get(object_json(pod), "spec.containers");
    if (!name)
        return llmd__json_first(list);
    JSON_EACH(container, list)
        if (strcmp(llmd__json_str(container, "name"), name) == 0)
            return container;
    return NULL;
}

/* Kubernetes' words when there is no log to show. */
static struct answer refuse(const struct log *log, const struct object *pod)
{
    size_t count = llmd__json_count(llmd__json_get(object_json(pod), "spec.containers"));
    const struct json *container = find_container(pod, log->container);
    if (!log->container && count > 1)
        return answer_bad_request("a container name must be specified for pod %s", pod->name);
    if (!container)
        return answer_bad_request("container %s is not valid for pod %s", log->container,
                                  pod->name);
    const char *name = llmd__json_str(container, "name");
    if (log->previous && pod->count == 0)
        return answer_bad_request("previous terminated container \"%s\" in pod \"%s\" not found",
                                  name, pod->name);
    if (pod->step >= POD_STARTING && pod->step != POD_PULL_FAILED && pod->step != POD_PULL_BACKOFF)
        return (struct answer){0};
    const char *reason = object_str(pod, "status.containerStatuses[0].state.waiting.reason");
    const char *words = strcmp(reason, "ContainerCreating") == 0 || !*reason
                            ? "ContainerCreating"
                            : "trying and failing to pull image";
    return answer_bad_request("container \"%s\" in pod \"%s\" is waiting to start: %s", name,
                              pod->name, words);
}

static void add_stamped(struct buf *out, const char *text)
{
    char stamp[40];
    clock_stamp_micro(stamp);
    while (*text) {
        size_t len = strcspn(text, "\n");
        llmd__buf_format(out, "%s %.*s\n", stamp, (int)len, text);
        text += len + (text[len] == '\n');
    }
}

/* With the lock held. */
static void read_log(const struct log *log, const struct object *pod, struct buf *out)
{
    const struct json *container = find_container(pod, log->container);
    int exit_code;
    AUTO(str) char *failure = container_failure(container, &exit_code);
    AUTO(buf) struct buf text = BUF_INIT;
    bool ended = log->previous || pod->step == POD_CRASHED || pod->step == POD_CRASH_BACKOFF;
    container_log(container, ended ? failure : NULL, pod->step == POD_READY, &text);
    if (log->timestamps)
        add_stamped(out, llmd__buf_text(&text));
    else
        llmd__buf_str(out, llmd__buf_text(&text));
}

/* Where the last `lines` lines begin. */
static size_t tail_offset(const struct buf *text, long lines)
{
    size_t at = text->len;
    if (lines < 0)
        return 0;
    while (at > 0 && lines >= 0) {
        at--;
        if (text->data[at] == '\n' && at + 1 < text->len)
            lines--;
        if (lines == 0 && text->data[at] == '\n')
            return at + 1;
    }
    return lines > 0 ? 0 : at;
}

static struct object *pod_of(const struct log *log)
{
    return store_find(log->call->route.kind, log->call->route.ns, log->call->route.name);
}

/* Sends what is new until the pod is gone, its container ended, or the client left. */
static void follow(struct conn *conn, const struct log *log, size_t sent)
{
    struct sandbox *sandbox = log->call->sandbox;
    bool goes_on = true;
    while (goes_on && conn_wait(conn, 50)) {
        AUTO(buf) struct buf text = BUF_INIT;
        sandbox_lock(sandbox);
        struct object *pod = pod_of(log);
        goes_on =
            pod && !sandbox->stopping && pod->step != POD_CRASHED && pod->step != POD_CRASH_BACKOFF;
        if (pod)
            read_log(log, pod, &text);
        pthread_mutex_unlock(&sandbox->lock);
        if (text.len > sent && !log->timestamps)
            reply_chunk(conn, text.data + sent, text.len - sent);
        sent = text.len > sent ? text.len : sent;
    }
    reply_end_stream(conn);
}

void logs_serve(struct conn *conn, struct call *call)
{
    char *tail = request_query(call->request, "tailLines");
    struct log log = {.call = call,
                      .container = request_query(call->request, "container"),
                      .previous = query_true(call->request, "previous"),
                      .timestamps = query_true(call->request, "timestamps"),
                      .tail = tail ? atol(tail) : -1};
    AUTO(buf) struct buf text = BUF_INIT;
    sandbox_lock(call->sandbox);
    struct object *pod = pod_of(&log);
    struct answer refused =
        pod ? refuse(&log, pod) : answer_not_found(call->route.kind, call->route.name);
    if (!refused.status)
        read_log(&log, pod, &text);
    sandbox_unlock(call->sandbox);
    free(tail);
    if (refused.status) {
        answer_send(conn, refused);
    } else {
        size_t from = tail_offset(&text, log.tail);
        reply_begin_stream(conn, 200, "text/plain");
        reply_chunk(conn, llmd__buf_text(&text) + from, text.len - from);
        if (query_true(call->request, "follow"))
            follow(conn, &log, text.len);
        else
            reply_end_stream(conn);
    }
    free(log.container);
}
