/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: the same words about the same object are one event whose count grows, as the client-go
 * recorder does it; the scheduler's are always new.
 */
#include "sandbox/sandbox.h"

#include <stdarg.h>
#include <string.h>

static struct object *find_event(struct kind *events, const struct object *about, const char *type,
                                 const char *reason, const char *message)
{
    for (struct object *event = events->objects; event; event = event->next)
        if (strcmp(object_str(event, "involvedObject.uid"), about->uid) == 0 &&
            strcmp(object_str(event, "reason"), reason) == 0 &&
            strcmp(object_str(event, "type"), type) == 0 &&
            strcmp(object_str(event, "message"), message) == 0)
            return event;
    return NULL;
}

static void repeat_event(struct sandbox *sandbox, struct object *event)
{
    char stamp[32];
    struct json *json = store_edit(event);
    clock_stamp(stamp);
    llmd__json_set_int(json, "count", llmd__json_int(json, "count", 1) + 1);
    llmd__json_set_str(json, "lastTimestamp", stamp);
    store_commit(&sandbox->store, event, json);
}

/* The scheduler writes events of the newer form: no count, an eventTime. */
static void finish_event(struct json *json, const char *component)
{
    char stamp[40];
    if (strcmp(component, "default-scheduler") == 0) {
        clock_stamp_micro(stamp);
        llmd__json_set_object(json, "source");
        llmd__json_set_null(json, "firstTimestamp");
        llmd__json_set_null(json, "lastTimestamp");
        llmd__json_set_str(json, "eventTime", stamp);
        llmd__json_set_str(json, "action", "Scheduling");
        return;
    }
    clock_stamp(stamp);
    llmd__json_set_str(llmd__json_set_object(json, "source"), "component", component);
    llmd__json_set_str(json, "firstTimestamp", stamp);
    llmd__json_set_str(json, "lastTimestamp", stamp);
    llmd__json_set_int(json, "count", 1);
    llmd__json_set_null(json, "eventTime");
}

void event_emit(struct sandbox *sandbox, const struct object *about, const char *type,
                const char *reason, const char *component, const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    char suffix[16];
    va_list args;
    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    struct kind *events = kinds_find(sandbox->store.kinds, "", "events");
    struct object *known = find_event(events, about, type, reason, llmd__buf_text(&message));
    if (known && strcmp(component, "default-scheduler") != 0) {
        repeat_event(sandbox, known);
        return;
    }
    store_suffix(&sandbox->store, suffix, 12);
    AUTO(str) char *name = llmd__format("%s.%s", about->name, suffix);
    const char *ns = *about->ns ? about->ns : "default";
    struct json *json =
        MAKE("{'kind':'Event','apiVersion':'v1','metadata':{'name':%s,'namespace':%s},"
             "'involvedObject':{'kind':%s,'namespace':%s,'name':%s,'uid':%s,'apiVersion':%s,"
             "'resourceVersion':%s},'reason':%s,'message':%s,'type':%s,'reportingComponent':%s,"
             "'reportingInstance':''}",
             name, ns, about->kind->name, *about->ns ? about->ns : NULL, about->name, about->uid,
             object_str(about, "apiVersion"), object_str(about, "metadata.resourceVersion"), reason,
             llmd__buf_text(&message), type, component);
    finish_event(json, component);
    store_create(&sandbox->store, events, json);
}
