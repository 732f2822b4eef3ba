/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch step. A list gives what exists and a resourceVersion to watch from; every event and
 * every bookmark moves that version on. A cut stream is resumed there; when the server has
 * forgotten it (410), the list is read again and compared with what was told, so that nothing is
 * missed and nothing is told twice.
 */
#include "kube/watch_turn.h"

#include "base/log.h"
#include "kube/object.h"
#include "kube/status.h"
#include "net/retry.h"

#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 3000
#define SHORT_STREAM_MS 1000
/* A restarted API server refuses for a moment what it allowed before: its roles and CRDs are not
   read yet. */
#define REFUSED_TOLERANCE_MS 30000
#define MISSING_TOLERANCE_MS 5000

static llmd_error *tell(const struct turn *turn, llmd_change_type type, const struct json *object,
                        const char *text)
{
    const struct resource *resource = &turn->watch->resource;
    struct watch_change change = {.type = type,
                                  .object = object,
                                  .text = text ? text : "",
                                  .resource = resource->plural ? resource : NULL,
                                  .denied = turn->watch->denied};

    return turn->watch->wish.on_change(turn->watch->wish.data, turn->graph, &change, turn->action);
}

/* on_change wants the step or the task to end. */
bool llmd__watch_is_over(const struct turn *turn)
{
    return turn->action->kind != ACTION_NONE;
}

static llmd_error *replace(char **text, const char *value)
{
    char *copy = llmd__strdup(value);

    CHECK_MEMORY(copy);
    llmd__free(*text);
    *text = copy;
    return NULL;
}

void llmd__watch_forget(char **text)
{
    llmd__free(*text);
    *text = NULL;
}

llmd_error *llmd__watch_sleep(const struct turn *turn, enum watch_phase phase, int64_t ms)
{
    turn->watch->phase = phase;
    turn->watch->wake_ms = turn->now_ms + ms;
    turn->action->kind = ACTION_SLEEP;
    return NULL;
}

static int64_t backoff_ms(int failures, int64_t now_ms)
{
    int64_t ms = failures < 6 ? (int64_t)BACKOFF_FIRST_MS << failures : BACKOFF_MAX_MS;

    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    return ms / 2 + now_ms * 7919 % (ms / 2 + 1); /* the clock's low digits are jitter enough */
}

llmd_error *llmd__watch_back_off(const struct turn *turn, const char *why, int64_t at_least_ms)
{
    struct watch *watch = turn->watch;
    int64_t ms = backoff_ms(watch->failures, turn->now_ms);

    watch->failures++;
    snprintf(watch->trouble, sizeof(watch->trouble), "%s", why);
    /* Whatever it is that the server cannot do with our version, a new list cures it. */
    if (watch->failures % 4 == 0)
        llmd__watch_forget(&watch->version);
    if (llmd__log_on("kube"))
        llmd__log(LLMD_LEVEL_DEBUG, "kube", "watch %s: %s", watch->name, why);
    if (at_least_ms > LLMD__RETRY_AFTER_MAX_MS)
        at_least_ms = LLMD__RETRY_AFTER_MAX_MS;
    return llmd__watch_sleep(turn, BACKING_OFF, ms > at_least_ms ? ms : at_least_ms);
}

static llmd_error *go_on(const struct turn *turn)
{
    return turn->watch->version ? llmd__watch_stream(turn) : llmd__watch_list(turn);
}

static llmd_error *tell_deleted(const struct turn *turn, const struct known_object *gone)
{
    AUTO(json) struct json *object = NULL;

    if (turn->watch->wish.names_only)
        TRY(llmd__json_make(&object, "{'metadata': {'name': %s, 'namespace': %s, 'uid': %s}}",
                            gone->name, gone->ns[0] ? gone->ns : NULL, gone->uid));
    else
        TRY(llmd__json_parse(gone->text, strlen(gone->text), "watch", &object));
    return tell(turn, LLMD_CHANGE_DELETED, object, gone->text);
}

llmd_error *llmd__watch_tell_unseen(const struct turn *turn)
{
    struct watch *watch = turn->watch;

    while (!llmd__watch_is_over(turn)) {
        AUTO(known_object)
        struct known_object *gone = llmd__known_take_unseen(&watch->known, watch->round);
        if (!gone)
            return NULL;
        TRY(tell_deleted(turn, gone));
    }
    return NULL;
}

llmd_error *llmd__watch_tell_synced(const struct turn *turn)
{
    if (turn->watch->synced)
        return NULL;
    turn->watch->synced = true;
    return tell(turn, LLMD_CHANGE_SYNCED, NULL, "");
}

/* One state of one object, by list or by event: ADDED, MODIFIED, or already told. A new uid under
   an old name is another object. */
static llmd_error *observe(const struct turn *turn, const struct json *object, char **text)
{
    struct watch *watch = turn->watch;
    const char *ns = llmd__object_ns(object);
    const char *name = llmd__object_name(object);
    const char *uid = llmd__object_uid(object);
    const char *version = llmd__object_version(object);
    struct known_object *known = llmd__known_find(&watch->known, ns, name);
    bool same = known && strcmp(known->uid, uid) == 0;

    if (same && strcmp(known->version, version) == 0) {
        known->round = watch->round;
        return NULL;
    }
    if (known && !same) {
        AUTO(known_object) struct known_object *gone = llmd__known_take(&watch->known, ns, name);
        TRY(tell_deleted(turn, gone));
        if (llmd__watch_is_over(turn))
            return NULL;
    }
    if (watch->wish.names_only)
        llmd__watch_forget(text);
    else if (!*text)
        TRY(llmd__json_print(object, text));
    TRY(llmd__known_put(&watch->known, ns, name, uid, version, TAKE(*text), watch->round));
    known = llmd__known_find(&watch->known, ns, name);
    return tell(turn, same ? LLMD_CHANGE_MODIFIED : LLMD_CHANGE_ADDED, object, known->text);
}

/* Items of lists come without apiVersion and kind; the list's own kind is "PodList". */
static void complete_item(const struct watch *watch, struct json *item, const char *api_version)
{
    if (!llmd__json_member(item, "kind"))
        llmd__json_set_str(item, "kind", watch->resource.kind);
    if (!llmd__json_member(item, "apiVersion"))
        llmd__json_set_str(item, "apiVersion", api_version);
}

static llmd_error *take_items(const struct turn *turn, struct json *list)
{
    const char *api_version = llmd__json_str(list, "apiVersion");

    JSON_EACH(item, llmd__json_get(list, "items")) {
        AUTO(str) char *text = NULL;
        complete_item(turn->watch, (struct json *)(uintptr_t)item, api_version); /* our own tree */
        TRY(observe(turn, item, &text));
        if (llmd__watch_is_over(turn))
            return NULL;
    }
    return NULL;
}

static llmd_error *finish_list(const struct turn *turn, const struct json *list)
{
    struct watch *watch = turn->watch;

    llmd__watch_forget(&watch->page_token);
    TRY(replace(&watch->version, llmd__json_str(list, "metadata.resourceVersion")));
    TRY(llmd__watch_tell_unseen(turn));
    if (!llmd__watch_is_over(turn))
        TRY(llmd__watch_tell_synced(turn));
    return llmd__watch_is_over(turn) ? NULL : llmd__watch_stream(turn);
}

static llmd_error *take_page(const struct turn *turn, const struct step_input *input)
{
    AUTO(json) struct json *list = NULL;
    struct watch *watch = turn->watch;
    const char *token;

    TRY(llmd__json_parse(input->text, input->text_len, "list", &list));
    watch->was_open = true;
    watch->denied = false;
    watch->refused_ms = 0;
    watch->trouble[0] = '\0';
    TRY(take_items(turn, list));
    if (llmd__watch_is_over(turn))
        return NULL;
    token = llmd__json_str(list, "metadata.continue");
    if (!*token)
        return finish_list(turn, list);
    TRY(replace(&watch->page_token, token));
    return llmd__watch_list(turn);
}

static llmd_error *refusal(const struct turn *turn, const struct step_input *input)
{
    AUTO(buf) struct buf what = BUF_INIT;

    llmd__buf_str(&what, turn->watch->phase == LISTING ? "list " : "watch ");
    llmd__resource_label(&what, &turn->watch->resource, NULL, NULL);
    if (turn->watch->resource.namespaced)
        llmd__buf_format(&what, " in %s", turn->watch->ns);
    TRY(llmd__buf_check(&what));
    return llmd__status_error(input->status, input->text, llmd__buf_text(&what));
}

static bool is_tolerated(const struct turn *turn, int status)
{
    struct watch *watch = turn->watch;
    int64_t tolerance = status == 404 ? MISSING_TOLERANCE_MS : REFUSED_TOLERANCE_MS;

    if (!watch->was_open)
        return false;
    if (!watch->refused_ms)
        watch->refused_ms = turn->now_ms;
    return turn->now_ms - watch->refused_ms < tolerance;
}

/* 410 Gone. A server that forgets each version at once must not be asked for lists in a loop. */
static llmd_error *list_again(const struct turn *turn)
{
    struct watch *watch = turn->watch;

    llmd__watch_forget(&watch->version);
    llmd__watch_forget(&watch->page_token);
    return watch->failures++ < 3 ? llmd__watch_list(turn)
                                 : llmd__watch_back_off(turn, "410 Gone", 0);
}

static llmd_error *take_refusal(const struct turn *turn, const struct step_input *input)
{
    struct watch *watch = turn->watch;
    int status = input->status;
    bool is_missing = status == 401 || status == 403 || status == 404;

    if (status == 410)
        return list_again(turn);
    if (status == 429 || status >= 500)
        return llmd__watch_back_off(turn, "the server is busy or failing",
                                    input->reply->retry_after_ms);
    if (is_missing && is_tolerated(turn, status))
        return llmd__watch_back_off(turn, "refused", 0);
    if (watch->wish.missing_is_empty || (status == 404 && watch->wish.optional)) {
        if (!watch->synced && llmd__log_on("kube"))
            llmd__log(LLMD_LEVEL_WARNING, "kube", "watch %s: status %d: going on without",
                      watch->name, status);
        watch->denied = status != 404;
        return llmd__watch_search(turn);
    }
    return refusal(turn, input);
}

/* {"type":"ADDED","object":{...}} as the server prints it: the object's text is cut out. Another
   layout is left to the printer. */
static llmd_error *cut_object(const char *line, size_t len, const char *type, char **out)
{
    static const char begin[] = "{\"type\":\"", middle[] = "\",\"object\":";
    size_t type_len = strlen(type);
    size_t skip = sizeof(begin) - 1 + type_len + sizeof(middle) - 1;

    if (len <= skip + 1 || strncmp(line, begin, sizeof(begin) - 1) != 0 ||
        strncmp(line + sizeof(begin) - 1 + type_len, middle, sizeof(middle) - 1) != 0 ||
        line[len - 1] != '}')
        return NULL;
    *out = llmd__strndup(line + skip, len - skip - 1);
    CHECK_MEMORY(*out);
    return NULL;
}

static llmd_error *take_deleted(const struct turn *turn, const struct json *object, char *text)
{
    AUTO(known_object)
    struct known_object *gone =
        llmd__known_take(&turn->watch->known, llmd__object_ns(object), llmd__object_name(object));

    return gone ? tell(turn, LLMD_CHANGE_DELETED, object, text ? text : gone->text) : NULL;
}

static llmd_error *take_error(const struct turn *turn, const struct json *status)
{
    if (llmd__json_int(status, "code", 0) != 410)
        return llmd__watch_back_off(turn, llmd__json_str(status, "message"), 0);
    return list_again(turn);
}

static llmd_error *take_event(const struct turn *turn, const struct json *event, const char *line,
                              size_t len)
{
    AUTO(str) char *text = NULL;
    const char *type = llmd__json_str(event, "type");
    const struct json *object = llmd__json_member(event, "object");
    bool is_bookmark = strcmp(type, "BOOKMARK") == 0;

    if (strcmp(type, "ERROR") == 0)
        return take_error(turn, object);
    if (!*llmd__object_version(object))
        return llmd__watch_back_off(turn, "an event without a resourceVersion", 0);
    TRY(replace(&turn->watch->version, llmd__object_version(object)));
    turn->watch->failures = 0;
    if (is_bookmark)
        return NULL;
    if (!turn->watch->wish.names_only)
        TRY(cut_object(line, len, type, &text));
    if (strcmp(type, "DELETED") == 0)
        return take_deleted(turn, object, text);
    return observe(turn, object, &text);
}

static llmd_error *take_line(const struct turn *turn, const struct step_input *input)
{
    AUTO(json) struct json *event = NULL;
    AUTO(error) llmd_error *unreadable = NULL;

    turn->watch->had_line = true;
    turn->watch->wake_ms = turn->now_ms + WATCH_STALL_MS;
    if (!input->text_len)
        return NULL;
    unreadable = llmd__json_parse(input->text, input->text_len, "watch", &event);
    if (llmd_error_code(unreadable) == LLMD_E_NO_MEMORY)
        return TAKE(unreadable);
    if (unreadable)
        return llmd__watch_back_off(turn, llmd_error_message(unreadable), 0);
    return take_event(turn, event, input->text, input->text_len);
}

static llmd_error *take_end(const struct turn *turn, const struct step_input *input)
{
    bool was_short =
        !turn->watch->had_line && turn->now_ms - turn->watch->opened_ms < SHORT_STREAM_MS;

    if (input->error)
        return llmd__watch_back_off(turn, llmd_error_message(input->error), 0);
    return was_short ? llmd__watch_back_off(turn, "the stream ended at once", 0) : go_on(turn);
}

static llmd_error *take_tick(const struct turn *turn, const struct step_input *input)
{
    struct watch *watch = turn->watch;

    if (!watch->wake_ms || turn->now_ms < watch->wake_ms)
        return NULL;
    switch (watch->phase) {
    case RESOLVING:
        return llmd__watch_resolve(turn, input);
    case SEARCHING:
        if (watch->denied)
            return llmd__watch_list(turn);
        watch->resolve.renew = true;
        return llmd__watch_resolve(turn, input);
    case STREAMING:
        return llmd__watch_back_off(turn, "no sign of life: the stream is taken for lost", 0);
    case BACKING_OFF:
        return go_on(turn);
    default:
        watch->wake_ms = 0;
        return NULL;
    }
}

static llmd_error *take_reply(const struct turn *turn, const struct step_input *input)
{
    if (turn->watch->phase == RESOLVING)
        return llmd__watch_resolve(turn, input);
    if (turn->watch->phase == LISTING && input->status == 200)
        return take_page(turn, input);
    return take_refusal(turn, input);
}

static llmd_error *dispatch(const struct turn *turn, const struct step_input *input)
{
    switch (input->kind) {
    case INPUT_BEGIN:
        return llmd__watch_resolve(turn, input);
    case INPUT_REPLY:
        return take_reply(turn, input);
    case INPUT_OPEN:
        turn->watch->opened_ms = turn->now_ms;
        turn->watch->refused_ms = 0;
        turn->watch->trouble[0] = '\0';
        turn->watch->wake_ms = turn->now_ms + WATCH_STALL_MS;
        return NULL;
    case INPUT_LINE:
        return take_line(turn, input);
    case INPUT_END:
        return take_end(turn, input);
    case INPUT_ERROR:
        if (turn->watch->phase == RESOLVING)
            return llmd__watch_resolve(turn, input);
        return llmd__watch_back_off(turn, llmd_error_message(input->error), 0);
    case INPUT_TICK:
        return take_tick(turn, input);
    case INPUT_POKE:
        return llmd__watch_take_poke(turn);
    }
    return NULL;
}

llmd_error *llmd__watch_advance(void *data, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct watch *watch = data;
    struct turn turn = {.watch = watch, .graph = graph, .action = action, .now_ms = input->now_ms};

    TRY(dispatch(&turn, input));
    action->wake_ms = watch->wake_ms;
    return NULL;
}

int64_t llmd__watch_wake_ms(const struct watch *watch)
{
    return watch->wake_ms;
}

void llmd__watch_free(void *data)
{
    struct watch *watch = data;

    if (!watch)
        return;
    llmd__resolve_free(&watch->resolve);
    llmd__known_free(&watch->known);
    llmd__buf_free(&watch->path);
    llmd__free(watch->version);
    llmd__free(watch->page_token);
    llmd__free(watch->name);
    llmd__free(watch->ns);
    llmd__free(watch->labels);
    llmd__free(watch->fields);
    llmd_kube_free(watch->kube);
    llmd__free(watch);
}

llmd_error *llmd__watch_new(const llmd_kube *kube, const struct watch_wish *wish,
                            struct watch **out)
{
    struct watch *watch = llmd__calloc(1, sizeof(*watch));

    *out = NULL;
    CHECK_MEMORY(watch);
    watch->kube = llmd__kube_ref(kube);
    watch->wish = *wish;
    watch->name = llmd__strdup(wish->resource);
    watch->ns = llmd__strdup(llmd__kube_ns(kube, wish->ns));
    watch->labels = llmd__strdup(wish->labels ? wish->labels : "");
    watch->fields = llmd__strdup(wish->fields ? wish->fields : "");
    if (!watch->name || !watch->ns || !watch->labels || !watch->fields) {
        llmd__watch_free(watch);
        return NO_MEMORY;
    }
    *out = watch;
    return NULL;
}

static void describe(const void *data, const struct graph *graph, struct buf *text)
{
    const struct watch *watch = data;

    (void)graph;
    if (watch->wish.describe)
        watch->wish.describe(watch->wish.data, text);
    else if (watch->trouble[0])
        llmd__buf_format(text, "news of %s", watch->name);
    if (watch->trouble[0])
        llmd__buf_format(text, " (the last try: %s)", watch->trouble);
}

static const struct step_class watch_class = {"watch", llmd__watch_advance, llmd__watch_free,
                                              describe};

llmd_error *llmd__watch_step(struct graph *graph, const llmd_kube *kube,
                             const struct watch_wish *wish, step_id *out)
{
    struct watch *watch = NULL;

    *out = -1;
    TRY(llmd__watch_new(kube, wish, &watch));
    return llmd__graph_add(graph, &watch_class, watch, out);
}
