/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/selector.h"
#include "sandbox/table.h"
#include "sandbox/verbs.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct watch {
    struct call *call;
    struct conn *conn;
    char *labels;
    char *fields;
    bool bookmarks;
    int64_t version; /* seen up to here */
    int64_t end_ms;  /* monotonic */
    int64_t bookmark_ms;
    int epoch;
};

static bool selects(const struct watch *watch, const struct snapshot *snapshot)
{
    const struct json *json = snapshot->json;
    const char *ns = watch->call->route.ns;
    return (!*ns || strcmp(llmd__json_str(json, "metadata.namespace"), ns) == 0) &&
           (!*watch->call->route.name ||
            strcmp(llmd__json_str(json, "metadata.name"), watch->call->route.name) == 0) &&
           selector_labels(watch->labels, json) && selector_fields(watch->fields, json);
}

static void add_event(struct watch *watch, struct buf *out, const char *type,
                      const struct snapshot *snapshot)
{
    const struct route *route = &watch->call->route;
    llmd__buf_format(out, "{\"type\":\"%s\",\"object\":", type);
    if (table_wanted(watch->call->request)) {
        table_of(out, route->kind, snapshot);
    } else {
        AUTO(str) char *text = object_text(snapshot, route->kind, route->version);
        llmd__buf_str(out, text);
    }
    llmd__buf_str(out, "}\n");
}

/* An object that begins to match is ADDED for this watch, one that no longer does is DELETED. */
static void add_change(struct watch *watch, struct buf *out, const struct change_record *record)
{
    bool now = record->change != CHANGE_DELETED && selects(watch, record->now);
    bool before = record->before && selects(watch, record->before);
    if (now && before)
        add_event(watch, out, "MODIFIED", record->now);
    else if (now)
        add_event(watch, out, "ADDED", record->now);
    else if (before)
        add_event(watch, out, "DELETED", record->now);
}

static void add_bookmark(struct watch *watch, struct buf *out, bool initial)
{
    llmd__buf_format(out,
                     "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\","
                     "\"metadata\":{\"resourceVersion\":\"%" PRId64 "\",\"creationTimestamp\":null"
                     "%s}}}\n",
                     watch->call->route.kind->name, watch->call->api_version, watch->version,
                     initial ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}

static void add_expired(struct watch *watch, struct buf *out)
{
    AUTO(str)
    char *message = llmd__format("too old resource version: %" PRId64 " (%" PRId64 ")",
                                 watch->version, watch->call->sandbox->store.compacted + 1);
    AUTO(json) struct json *status = status_json(410, "Expired", NULL, message);
    char *text;
    must(llmd__json_print(status, &text));
    llmd__buf_format(out, "{\"type\":\"ERROR\",\"object\":%s}\n", text);
    llmd__free(text);
}

/* With the lock held; false: the watch ends after what was added. */
static bool collect(struct watch *watch, struct buf *out)
{
    struct store *store = &watch->call->sandbox->store;
    if (watch->version < store->compacted) {
        add_expired(watch, out);
        return false;
    }
    size_t at = store->history_count;
    while (at > 0 && store->history[at - 1].version > watch->version)
        at--;
    for (; at < store->history_count; at++)
        if (store->history[at].kind == watch->call->route.kind)
            add_change(watch, out, &store->history[at]);
    watch->version = store->version;
    return true;
}

static void add_present(struct watch *watch, struct buf *out)
{
    for (struct object *object = watch->call->route.kind->objects; object; object = object->next)
        if (selects(watch, object->now))
            add_event(watch, out, "ADDED", object->now);
    watch->version = watch->call->sandbox->store.version;
}

static struct timespec deadline(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Waits for news; at most half a second, because a client that leaves must be noticed. */
static bool wait_for_news(struct watch *watch, struct buf *out)
{
    struct sandbox *sandbox = watch->call->sandbox;
    struct timespec until = deadline(500);
    bool goes_on = true;
    pthread_mutex_lock(&sandbox->lock);
    if (sandbox->store.version == watch->version && !sandbox->stopping &&
        sandbox->watch_epoch == watch->epoch)
        pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &until);
    goes_on = !sandbox->stopping && sandbox->watch_epoch == watch->epoch && collect(watch, out);
    pthread_mutex_unlock(&sandbox->lock);
    return goes_on;
}

static void run(struct watch *watch)
{
    AUTO(buf) struct buf out = BUF_INIT;
    bool goes_on = true;
    while (goes_on && llmd__clock_mono_ms() < watch->end_ms) {
        llmd__buf_reset(&out);
        goes_on = wait_for_news(watch, &out);
        if (watch->bookmarks && llmd__clock_mono_ms() >= watch->bookmark_ms) {
            add_bookmark(watch, &out, false);
            watch->bookmark_ms = llmd__clock_mono_ms() + watch->call->sandbox->options.bookmark_ms;
        }
        if (out.len ? !reply_chunk(watch->conn, out.data, out.len) : !conn_wait(watch->conn, 0))
            return;
    }
    reply_end_stream(watch->conn);
}

static int64_t query_int(const struct request *request, const char *name, int64_t otherwise)
{
    char *text = request_query(request, name);
    int64_t value = text && *text ? atoll(text) : otherwise;
    free(text);
    return value;
}

static bool query_is(const struct request *request, const char *name, const char *value)
{
    char *text = request_query(request, name);
    bool same = text && strcmp(text, value) == 0;
    free(text);
    return same;
}

static bool begin(struct watch *watch)
{
    struct sandbox *sandbox = watch->call->sandbox;
    const struct request *request = watch->call->request;
    AUTO(buf) struct buf out = BUF_INIT;
    bool initial = query_is(request, "sendInitialEvents", "true");
    watch->version = query_int(request, "resourceVersion", 0);
    pthread_mutex_lock(&sandbox->lock);
    watch->epoch = sandbox->watch_epoch;
    /* From version 0 or none, Kubernetes first shows what is there. */
    if (watch->version == 0 || initial)
        add_present(watch, &out);
    if (initial && watch->bookmarks)
        add_bookmark(watch, &out, true);
    bool goes_on = collect(watch, &out);
    pthread_mutex_unlock(&sandbox->lock);
    if (!reply_begin_stream(watch->conn, 200, "application/json") ||
        !reply_chunk(watch->conn, out.data, out.len))
        return false;
    if (!goes_on)
        reply_end_stream(watch->conn);
    return goes_on;
}

void watch_serve(struct conn *conn, struct call *call)
{
    int64_t now = llmd__clock_mono_ms();
    /* Without a wish the API server ends a watch after 30 to 60 minutes. */
    struct watch watch = {.call = call,
                          .conn = conn,
                          .labels = request_query(call->request, "labelSelector"),
                          .fields = request_query(call->request, "fieldSelector"),
                          .bookmarks = query_is(call->request, "allowWatchBookmarks", "true"),
                          .end_ms = now + 1000 * query_int(call->request, "timeoutSeconds", 1800),
                          .bookmark_ms = now + call->sandbox->options.bookmark_ms};
    if (begin(&watch))
        run(&watch);
    free(watch.labels);
    free(watch.fields);
}
