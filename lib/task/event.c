/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event is one block: the struct and its texts behind it, so that it is immutable and cheap to
 * hand to another thread. Only its JSON, which a late result may still change, is a block of its
 * own.
 */
#include "task/event.h"

#include "base/clock.h"

#include <string.h>

enum { TEXT_STEP, TEXT_PHASE, TEXT_SUBJECT, TEXT_REASON, TEXT_MESSAGE, TEXT_ADVICE, TEXTS };

struct llmd_event {
    int64_t time_ms;
    int64_t done, total;
    llmd_level level;
    const char *texts[TEXTS];
    char *json;
    char memory[];
};

static const char *const keys[TEXTS] = {"step", "phase", "subject", "reason", "message", "advice"};

static const char *level_name(llmd_level level)
{
    switch (level) {
    case LLMD_LEVEL_DEBUG:
        return "debug";
    case LLMD_LEVEL_WARNING:
        return "warning";
    case LLMD_LEVEL_ERROR:
        return "error";
    default:
        return "info";
    }
}

static llmd_error *set_copy(struct json *object, const char *key, const struct json *value)
{
    struct json *copy = NULL;

    if (!value)
        return NULL;
    TRY(llmd__json_copy(value, &copy));
    llmd__json_set(object, key, copy);
    return NULL;
}

/* Empty members are left out: most events have no phase and no advice. */
static llmd_error *render(const llmd_event *event, const struct json *result, char **out)
{
    AUTO(json) struct json *object = llmd__json_object();
    char time[32];

    llmd__clock_format(event->time_ms, time);
    llmd__json_set_str(object, "time", time);
    llmd__json_set_str(object, "level", level_name(event->level));
    for (int i = 0; i < TEXTS; i++)
        if (event->texts[i][0])
            llmd__json_set_str(object, keys[i], event->texts[i]);
    if (event->done || event->total) {
        llmd__json_set_int(object, "done", event->done);
        llmd__json_set_int(object, "total", event->total);
    }
    TRY(set_copy(object, "result", result));
    return llmd__json_print(object, out);
}

llmd_error *llmd__event_set_result(llmd_event *event, const struct json *result)
{
    char *json = NULL;

    TRY(render(event, result, &json));
    llmd__free(event->json);
    event->json = json;
    return NULL;
}

static void copy_texts(llmd_event *event, const char *const texts[TEXTS])
{
    char *at = event->memory;

    for (int i = 0; i < TEXTS; i++) {
        size_t size = texts[i] ? strlen(texts[i]) + 1 : 1;
        memcpy(at, texts[i] ? texts[i] : "", size);
        event->texts[i] = at;
        at += size;
    }
}

llmd_error *llmd__event_new(const struct event_text *text, llmd_event **out)
{
    const char *const texts[TEXTS] = {text->step,   text->phase,   text->subject,
                                      text->reason, text->message, text->advice};
    size_t size = sizeof(llmd_event);

    *out = NULL;
    for (int i = 0; i < TEXTS; i++)
        size += texts[i] ? strlen(texts[i]) + 1 : 1;
    LLMD_AUTO(llmd_event) event = llmd__calloc(1, size);
    CHECK_MEMORY(event);
    event->time_ms = llmd__clock_wall_ms();
    event->level = text->level;
    event->done = text->done;
    event->total = text->total;
    copy_texts(event, texts);
    TRY(llmd__event_set_result(event, text->result));
    *out = TAKE(event);
    return NULL;
}

int64_t llmd_event_time_ms(const llmd_event *event)
{
    return event ? event->time_ms : 0;
}

llmd_level llmd_event_level(const llmd_event *event)
{
    return event ? event->level : LLMD_LEVEL_DEBUG;
}

static const char *text_of(const llmd_event *event, int which)
{
    return event ? event->texts[which] : "";
}

const char *llmd_event_step(const llmd_event *event)
{
    return text_of(event, TEXT_STEP);
}

const char *llmd_event_phase(const llmd_event *event)
{
    return text_of(event, TEXT_PHASE);
}

const char *llmd_event_subject(const llmd_event *event)
{
    return text_of(event, TEXT_SUBJECT);
}

const char *llmd_event_reason(const llmd_event *event)
{
    return text_of(event, TEXT_REASON);
}

const char *llmd_event_message(const llmd_event *event)
{
    return text_of(event, TEXT_MESSAGE);
}

const char *llmd_event_advice(const llmd_event *event)
{
    return text_of(event, TEXT_ADVICE);
}

int64_t llmd_event_done(const llmd_event *event)
{
    return event ? event->done : 0;
}

int64_t llmd_event_total(const llmd_event *event)
{
    return event ? event->total : 0;
}

const char *llmd_event_json(const llmd_event *event)
{
    return event ? event->json : "";
}

void llmd_event_free(llmd_event *event)
{
    if (!event)
        return;
    llmd__free(event->json);
    llmd__free(event);
}
