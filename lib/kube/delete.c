/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting one object and watching until it is gone. Who holds it is told after five seconds. */
#include "kube/apply.h"
#include "kube/object.h"
#include "kube/status.h"
#include "kube/watch.h"

#include <string.h>

#define HELD_MS 5000        /* finalizers that work are done by then */
#define HELD_AGAIN_MS 30000 /* and people want to know that it is still so */

enum delete_phase { DELETE_RESOLVING, DELETE_SENDING, DELETE_WATCHING };

struct deletion {
    llmd_kube *kube;
    char *resource, *ns, *name;
    bool report; /* set the task's result; an unknown resource is an error */
    enum delete_phase phase;
    struct resolve resolve;
    struct resource found;
    struct buf path;
    struct buf label; /* "pods llm/qwen" */
    char *subject;    /* "Pod/llm/qwen"; NULL: its kind is not known */
    char *uid;        /* of what was deleted; "" unknown */
    struct watch *watch;
    bool present; /* the watch has seen it */
    char *held;   /* " by " finalizers and what a namespace says is left; "" or NULL: not known */
    int64_t tell_ms;                 /* when to name the holders */
    int64_t patience_ms, give_up_ms; /* 0: none, never */
};

static void deletion_free(void *data)
{
    struct deletion *deletion = data;

    llmd__watch_free(deletion->watch);
    llmd__resolve_free(&deletion->resolve);
    llmd__buf_free(&deletion->path);
    llmd__buf_free(&deletion->label);
    llmd__free(deletion->resource);
    llmd__free(deletion->ns);
    llmd__free(deletion->name);
    llmd__free(deletion->uid);
    llmd__free(deletion->held);
    llmd__free(deletion->subject);
    llmd_kube_free(deletion->kube);
    llmd__free(deletion);
}

static llmd_error *say(const struct deletion *deletion, struct graph *graph, llmd_level level,
                       const char *reason, const char *message, const char *advice)
{
    struct event_text text = {.level = level,
                              .subject = deletion->subject ? deletion->subject : deletion->resource,
                              .reason = reason,
                              .message = message,
                              .advice = advice};

    return llmd__graph_event(graph, &text);
}

static llmd_error *finish(const struct deletion *deletion, struct graph *graph, bool existed,
                          struct step_action *action)
{
    struct json *result = NULL;

    if (deletion->report) {
        TRY(llmd__json_make(&result, "{'existed': %b}", existed));
        llmd__graph_result(graph, result);
    }
    TRY(say(deletion, graph, LLMD_LEVEL_INFO, existed ? "deleted" : "NotFound",
            existed ? "is gone" : "did not exist", ""));
    action->kind = ACTION_DONE;
    return NULL;
}

static void add_holder(struct buf *buf, const char *text)
{
    llmd__buf_format(buf, "%s%s", buf->len ? ", " : "", text);
}

/* A namespace says in conditions what is left in it. */
static void add_remains(struct buf *buf, const struct json *object)
{
    JSON_EACH(condition, llmd__json_get(object, "status.conditions")) {
        const char *type = llmd__json_str(condition, "type");
        if (strncmp(type, "Namespace", 9) == 0 &&
            strcmp(llmd__json_str(condition, "status"), "True") == 0)
            add_holder(buf, llmd__json_str(condition, "message"));
    }
}

static llmd_error *note_holders(struct deletion *deletion, const struct json *object)
{
    AUTO(buf) struct buf holders = BUF_INIT;

    JSON_EACH(finalizer, llmd__json_get(object, "metadata.finalizers"))
        add_holder(&holders, llmd__json_text(finalizer));
    if (strcmp(llmd__json_str(object, "kind"), "Namespace") == 0)
        add_remains(&holders, object);
    TRY(llmd__buf_check(&holders));
    llmd__free(deletion->held);
    deletion->held = llmd__format("%s%s", holders.len ? " by " : "", llmd__buf_text(&holders));
    return deletion->held ? NULL : NO_MEMORY;
}

static const char *held(const struct deletion *deletion)
{
    return deletion->held ? deletion->held : "";
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct deletion *deletion = data;
    const char *uid = llmd__object_uid(change->object);

    if (change->type == LLMD_CHANGE_SYNCED)
        return deletion->present ? NULL : finish(deletion, graph, true, action);
    if (change->type == LLMD_CHANGE_DELETED)
        return finish(deletion, graph, true, action);
    /* Made again under the same name: what was to go is gone. */
    if (*deletion->uid && strcmp(uid, deletion->uid) != 0)
        return finish(deletion, graph, true, action);
    deletion->present = true;
    return note_holders(deletion, change->object);
}

static llmd_error *tell_holders(struct deletion *deletion, struct graph *graph, int64_t now_ms)
{
    AUTO(str) char *message = NULL;

    if (now_ms < deletion->tell_ms)
        return NULL;
    deletion->tell_ms = now_ms + HELD_AGAIN_MS;
    message = llmd__format("is being deleted, but held%s", held(deletion));
    CHECK_MEMORY(message);
    return say(deletion, graph, LLMD_LEVEL_WARNING, "Held", message,
               "the controller that owns the finalizer must be running to let it go");
}

static llmd_error *let_be(const struct deletion *deletion, struct graph *graph,
                          struct step_action *action)
{
    AUTO(str)
    char *message = llmd__format("is still held%s: it is left so", held(deletion));

    CHECK_MEMORY(message);
    *action = (struct step_action){.kind = ACTION_DONE};
    return say(deletion, graph, LLMD_LEVEL_WARNING, "Abandoned", message,
               "what its controller would have tidied up may stay: look for it");
}

static llmd_error *watch_on(struct deletion *deletion, struct graph *graph,
                            const struct step_input *input, struct step_action *action)
{
    TRY(llmd__watch_advance(deletion->watch, graph, input, action));
    if (action->kind == ACTION_DONE)
        return NULL;
    if (deletion->give_up_ms && input->now_ms >= deletion->give_up_ms)
        return let_be(deletion, graph, action);
    TRY(tell_holders(deletion, graph, input->now_ms));
    action->wake_ms = llmd__watch_wake_ms(deletion->watch);
    if (!action->wake_ms || deletion->tell_ms < action->wake_ms)
        action->wake_ms = deletion->tell_ms;
    if (deletion->give_up_ms && deletion->give_up_ms < action->wake_ms)
        action->wake_ms = deletion->give_up_ms;
    return NULL;
}

static llmd_error *start_watch(struct deletion *deletion, struct graph *graph, int64_t now_ms,
                               struct step_action *action)
{
    struct step_input begin = {.kind = INPUT_BEGIN, .text = "", .now_ms = now_ms};
    AUTO(str) char *fields = llmd__format("metadata.name=%s", deletion->name);
    struct watch_wish wish = {.resource = deletion->resource,
                              .ns = deletion->ns,
                              .fields = fields,
                              .optional = true, /* its kind may go as well */
                              .on_change = on_change,
                              .data = deletion};

    CHECK_MEMORY(fields);
    TRY(llmd__watch_new(deletion->kube, &wish, &deletion->watch));
    deletion->phase = DELETE_WATCHING;
    deletion->tell_ms = now_ms + HELD_MS;
    deletion->give_up_ms = deletion->patience_ms ? now_ms + deletion->patience_ms : 0;
    return watch_on(deletion, graph, &begin, action);
}

static char *subject_of(const struct deletion *deletion)
{
    const char *kind = deletion->found.kind;

    return deletion->found.namespaced ? llmd__format("%s/%s/%s", kind, deletion->ns, deletion->name)
                                      : llmd__format("%s/%s", kind, deletion->name);
}

static llmd_error *send_delete(struct deletion *deletion, struct step_action *action)
{
    static const char body[] = "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
                               "\"propagationPolicy\":\"Background\"}";

    deletion->subject = subject_of(deletion);
    CHECK_MEMORY(deletion->subject);
    llmd__resource_label(&deletion->label, &deletion->found, deletion->ns, deletion->name);
    llmd__resource_path(&deletion->path, &deletion->found, deletion->ns, deletion->name, NULL,
                        NULL);
    TRY(llmd__buf_check(&deletion->label));
    TRY(llmd__buf_check(&deletion->path));
    deletion->phase = DELETE_SENDING;
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(deletion->kube);
    action->request = (struct http_request){.method = "DELETE",
                                            .path = deletion->path.data,
                                            .content_type = "application/json",
                                            .body = body,
                                            .body_len = sizeof(body) - 1,
                                            .idempotent = true};
    return NULL;
}

/* Gone at once: a Status with details.uid. Graceful or held: the object itself. */
static llmd_error *note_uid(struct deletion *deletion, const struct step_input *input)
{
    AUTO(json) struct json *answer = NULL;
    const char *uid;

    TRY(llmd__json_parse(input->text, input->text_len, "delete", &answer));
    uid = llmd__object_uid(answer);
    deletion->uid = llmd__strdup(*uid ? uid : llmd__json_str(answer, "details.uid"));
    return deletion->uid ? NULL : NO_MEMORY;
}

static llmd_error *take_answer(struct deletion *deletion, struct graph *graph,
                               const struct step_input *input, struct step_action *action)
{
    AUTO(str) char *what = llmd__format("delete %s", llmd__buf_text(&deletion->label));

    CHECK_MEMORY(what);
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "%s", what);
    if (input->kind != INPUT_REPLY)
        return NULL;
    if (input->status == 404) /* at the second try: the first has deleted it */
        return finish(deletion, graph, input->lost, action);
    if (input->status / 100 != 2)
        return llmd__status_error(input->status, input->text, what);
    TRY(note_uid(deletion, input));
    return start_watch(deletion, graph, input->now_ms, action);
}

static llmd_error *resolve(struct deletion *deletion, struct graph *graph,
                           const struct step_input *input, struct step_action *action)
{
    bool finished = false, served = false;

    TRY(llmd__resolve_advance(&deletion->resolve, deletion->kube, deletion->resource, input, action,
                              &finished, &served, &deletion->found));
    if (!finished)
        return NULL;
    if (served)
        return send_delete(deletion, action);
    if (deletion->report)
        return llmd__error_wrap(llmd__discovery_missing(deletion->kube, deletion->resource),
                                "delete");
    return finish(deletion, graph, false, action); /* its kind is gone, and it with it */
}

static llmd_error *advance(void *data, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct deletion *deletion = data;

    switch (deletion->phase) {
    case DELETE_RESOLVING:
        return resolve(deletion, graph, input, action);
    case DELETE_SENDING:
        return take_answer(deletion, graph, input, action);
    default:
        return watch_on(deletion, graph, input, action);
    }
}

static void describe(const void *data, const struct graph *graph, struct buf *text)
{
    const struct deletion *deletion = data;

    (void)graph;
    if (deletion->subject)
        llmd__buf_format(text, "the end of %s%s%s", deletion->subject,
                         *held(deletion) ? ", held" : "", held(deletion));
}

static const struct step_class delete_class = {"delete", advance, deletion_free, describe};

static llmd_error *add_step(struct graph *graph, const llmd_kube *kube, const char *resource,
                            const char *ns, const char *name, bool report, int64_t patience_ms,
                            step_id *out)
{
    *out = -1;
    /* DELETE with an empty name would empty the namespace of its kind. */
    TRY(llmd__kube_check_name("delete", ns, name));
    struct deletion *deletion = llmd__calloc(1, sizeof(*deletion));
    CHECK_MEMORY(deletion);
    deletion->kube = llmd__kube_ref(kube);
    deletion->resource = llmd__strdup(resource);
    deletion->ns = llmd__strdup(llmd__kube_ns(kube, ns));
    deletion->name = llmd__strdup(name);
    deletion->report = report;
    deletion->patience_ms = patience_ms;
    if (!deletion->resource || !deletion->ns || !deletion->name) {
        deletion_free(deletion);
        return NO_MEMORY;
    }
    return llmd__graph_add(graph, &delete_class, deletion, out);
}

llmd_error *llmd__delete_step(struct graph *graph, const llmd_kube *kube, const char *resource,
                              const char *ns, const char *name, step_id *out)
{
    return add_step(graph, kube, resource, ns, name, false, 0, out);
}

llmd_error *llmd__delete_patiently_step(struct graph *graph, const llmd_kube *kube,
                                        const char *resource, const char *ns, const char *name,
                                        int64_t patience_ms, step_id *out)
{
    return add_step(graph, kube, resource, ns, name, false, patience_ms, out);
}

llmd_error *llmd_kube_delete(const llmd_kube *kube, const char *resource, const char *ns,
                             const char *name, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    step_id step;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(resource);
    REQUIRE(name);
    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(add_step(graph, kube, resource, ns, name, true, 0, &step));
    return llmd__task_new(TAKE(graph), out);
}
