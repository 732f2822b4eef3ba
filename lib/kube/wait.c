/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for one object: a watch of it, with an event for each change of its conditions. */
#include "base/url.h"
#include "kube/condition.h"
#include "kube/object.h"
#include "kube/watch.h"

#include <string.h>

struct wait {
    struct condition condition;
    char *text; /* the condition as it was asked for */
    char *resource, *ns, *name;
    char *target; /* "pods llm/qwen"; "pods qwen" until the scope is known */
    bool is_scoped;
    bool exists;
    char *last;        /* what the last event said, or NULL */
    struct json *told; /* what the last event of each condition said, by type */
};

static void wait_free(void *data)
{
    struct wait *wait = data;

    llmd__condition_free(&wait->condition);
    llmd__free(wait->text);
    llmd__free(wait->resource);
    llmd__free(wait->ns);
    llmd__free(wait->name);
    llmd__free(wait->target);
    llmd__free(wait->last);
    llmd__json_free(wait->told);
    llmd__free(wait);
}

DEFINE_AUTO(wait, struct wait *, wait_free)

static llmd_error *say(struct graph *graph, llmd_level level, const char *subject,
                       const char *reason, const char *message, const char *advice)
{
    struct event_text text = {.level = level,
                              .step = "wait",
                              .subject = subject,
                              .reason = reason,
                              .message = message,
                              .advice = advice};

    return llmd__graph_event(graph, &text);
}

/* Tells what is new under this key; the words decide what is new, the message comes along. */
static llmd_error *tell(struct wait *wait, struct graph *graph, const char *subject,
                        const char *key, const char *reason, const char *words, const char *message)
{
    AUTO(str) char *text = NULL;

    if (strcmp(llmd__json_text(llmd__json_member(wait->told, key)), words) == 0)
        return NULL;
    llmd__json_set_str(wait->told, key, words);
    TRY(llmd__json_check(wait->told));
    text = llmd__format("%s%s%s", words, *message ? ": " : "", message);
    CHECK_MEMORY(text);
    TRY(say(graph, LLMD_LEVEL_INFO, subject, reason, text, ""));
    llmd__free(wait->last);
    wait->last = TAKE(text);
    return NULL;
}

static llmd_error *tell_condition(struct wait *wait, struct graph *graph, const char *subject,
                                  const struct json *condition)
{
    const char *type = llmd__json_str(condition, "type");
    const char *reason = llmd__json_str(condition, "reason");
    AUTO(str)
    char *words = llmd__format("%s=%s%s%s%s", type, llmd__json_str(condition, "status"),
                               *reason ? " (" : "", reason, *reason ? ")" : "");

    CHECK_MEMORY(words);
    return tell(wait, graph, subject, type, *reason ? reason : type, words,
                llmd__json_str(condition, "message"));
}

static llmd_error *tell_state(struct wait *wait, struct graph *graph, const char *subject,
                              const struct json *object)
{
    const char *phase = llmd__json_str(object, "status.phase");
    AUTO(str) char *words = llmd__format("phase %s", phase);

    CHECK_MEMORY(words);
    if (*phase)
        TRY(tell(wait, graph, subject, "phase", phase, words, ""));
    JSON_EACH(condition, llmd__json_get(object, "status.conditions"))
        TRY(tell_condition(wait, graph, subject, condition));
    return NULL;
}

static llmd_error *finish(const struct wait *wait, struct graph *graph, const char *subject,
                          struct step_action *action)
{
    struct json *result = NULL;

    TRY(llmd__json_make(&result, "{'target': %s, 'condition': %s}", wait->target, wait->text));
    llmd__graph_result(graph, result);
    TRY(say(graph, LLMD_LEVEL_INFO, subject, "ConditionMet", wait->text, ""));
    action->kind = ACTION_FINISH;
    return NULL;
}

static llmd_error *on_gone(struct wait *wait, struct graph *graph, bool was_there,
                           struct step_action *action)
{
    const char *message = was_there ? "was deleted: waiting for it to come back"
                                    : "does not exist yet: waiting for it";

    wait->exists = false;
    if (wait->condition.kind == CONDITION_DELETE)
        return finish(wait, graph, wait->target, action);
    if (wait->condition.kind == CONDITION_CREATE)
        return NULL;
    return say(graph, LLMD_LEVEL_WARNING, wait->target, was_there ? "Deleted" : "NotFound", message,
               "if nothing is going to make it, check its name and namespace");
}

/* A namespace is only named where there is one. */
static llmd_error *set_scope(struct wait *wait, const struct resource *resource)
{
    if (wait->is_scoped || !resource || !resource->namespaced)
        return NULL;
    char *target = llmd__format("%s %s/%s", wait->resource, wait->ns, wait->name);
    CHECK_MEMORY(target);
    llmd__free(wait->target);
    wait->target = target;
    wait->is_scoped = true;
    return NULL;
}

static void describe(const void *data, struct buf *text)
{
    const struct wait *wait = data;

    llmd__buf_format(text, "%s of %s", wait->text, wait->target);
    if (wait->condition.kind == CONDITION_CREATE)
        return;
    if (!wait->exists)
        llmd__buf_str(text, ", which does not exist");
    else if (wait->last)
        llmd__buf_format(text, ", seen last: %s", wait->last);
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct wait *wait = data;
    AUTO(str) char *subject = NULL;
    bool met = false;

    TRY(set_scope(wait, change->resource));
    if (change->type == LLMD_CHANGE_SYNCED)
        return wait->exists ? NULL : on_gone(wait, graph, false, action);
    if (change->type == LLMD_CHANGE_DELETED)
        return on_gone(wait, graph, true, action);
    wait->exists = true;
    subject = llmd__object_subject(change->object);
    CHECK_MEMORY(subject);
    TRY(tell_state(wait, graph, subject, change->object));
    TRY(llmd__condition_met(&wait->condition, change->object, &met));
    return met ? finish(wait, graph, subject, action) : NULL;
}

static llmd_error *wait_new(const llmd_kube *kube, const char *resource, const char *ns,
                            const char *name, const char *text, struct wait **out)
{
    AUTO(wait) struct wait *wait = llmd__calloc(1, sizeof(*wait));

    CHECK_MEMORY(wait);
    TRY(llmd__condition_parse(text, &wait->condition));
    wait->text = llmd__strdup(text);
    wait->resource = llmd__strdup(resource);
    wait->ns = llmd__strdup(llmd__kube_ns(kube, ns));
    wait->name = llmd__strdup(name);
    wait->target = llmd__format("%s %s", resource, name);
    wait->told = llmd__json_object();
    if (!wait->text || !wait->resource || !wait->ns || !wait->name || !wait->target || !wait->told)
        return NO_MEMORY;
    *out = TAKE(wait);
    return NULL;
}

llmd_error *llmd_kube_wait(const llmd_kube *kube, const char *resource, const char *ns,
                           const char *name, const char *condition, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    AUTO(str) char *fields = NULL;
    struct wait *wait = NULL;
    struct watch_wish wish = {
        .resource = resource, .ns = ns, .on_change = on_change, .describe = describe};
    step_id step;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(resource);
    REQUIRE(name);
    REQUIRE(condition);
    TRY(llmd__kube_check_name("wait", ns, name));
    fields = llmd__format("metadata.name=%s", name);
    CHECK_MEMORY(fields);
    wish.fields = fields;
    TRY(wait_new(kube, resource, ns, name, condition, &wait));
    TRY(llmd__graph_new(wait, wait_free, &graph));
    wish.data = wait;
    TRY(llmd__watch_step(graph, kube, &wish, &step));
    return llmd__task_new(TAKE(graph), out);
}
