/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoint pickers of running services while KServe is upgraded. The new presets change each of
 * them, and KServe's controller replaces them by Recreate: the old one ends before the new one
 * starts, for which the preset's readiness delay alone is 30 s. For so long there would be none,
 * and gateways that fail closed refuse every request.
 *
 * So the running picker is isolated from its ReplicaSet, as Kubernetes' documentation of
 * ReplicaSets has it: the label pod-template-hash, which the ReplicaSet selects and the Service
 * does not, goes. It stays until its successor is ready. Then it leaves the Service, so that new
 * connections go to the successor, and ends when it has answered what it was asked.
 */
#include "platform/platform_run.h"

#include "kube/apply.h"
#include "kube/object.h"
#include "kube/watch.h"

#include <string.h>

#define SELECTOR "app.kubernetes.io/component=llminferenceservice-router-scheduler"
#define LABEL_SERVICE "app.kubernetes.io/name"
#define LABEL_HASH "pod-template-hash"
#define LABEL_KEPT "libllmd.dev/kept" /* of which template it is */
/* A controller that has not begun to replace a picker by then leaves it as it is. */
#define SETTLE_MS (20 * 1000)
/* Until every kube-proxy knows that a pod has left its Service. */
#define LEAVE_MS (3 * 1000)

static const char *label(const struct json *object, const char *name)
{
    return llmd__json_text(llmd__json_member(llmd__json_get(object, "metadata.labels"), name));
}

static llmd_error *patch_pod(const struct platform_run *run, const char *ns, const char *name,
                             struct buf *path, const struct buf *body, struct step_action *action)
{
    llmd__buf_reset(path);
    llmd__buf_format(path, "/api/v1/namespaces/%s/pods/%s?fieldManager=libllmd", ns, name);
    TRY(llmd__buf_check(path));
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(run->kube);
    action->request = (struct http_request){.method = "PATCH",
                                            .path = llmd__buf_text(path),
                                            .content_type = "application/merge-patch+json",
                                            .body = llmd__buf_text(body),
                                            .body_len = body->len,
                                            .idempotent = true};
    return NULL;
}

static llmd_error *tell(struct graph *graph, const char *ns, const char *name, const char *reason,
                        const char *message)
{
    AUTO(str) char *subject = llmd__format("Pod/%s/%s", ns, name);

    CHECK_MEMORY(subject);
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .phase = "pickers",
                                                         .subject = subject,
                                                         .reason = reason,
                                                         .message = message});
}

/* ---- keeping ---- */

struct keep {
    struct platform_run *run;
    struct json *pods; /* not yet patched; NULL: not yet listed */
    struct buf path, body;
};

static void keep_free(void *state)
{
    struct keep *keep = state;

    llmd__json_free(keep->pods);
    llmd__buf_free(&keep->path);
    llmd__buf_free(&keep->body);
    llmd__free(keep);
}

static bool serves(const struct json *pod)
{
    return llmd__object_condition_is(pod, "Ready", "True") &&
           !*llmd__json_str(pod, "metadata.deletionTimestamp");
}

static llmd_error *take_list(struct keep *keep, const struct step_input *input)
{
    AUTO(json) struct json *list = NULL;

    keep->pods = llmd__json_array();
    CHECK_MEMORY(keep->pods);
    if (input->status != 200) /* who may not read pods may not change them either */
        return NULL;
    TRY(llmd__json_parse(input->text, input->text_len, "pods", &list));
    JSON_EACH(pod, llmd__json_member(list, "items")) {
        struct json *copy = NULL;

        if (!serves(pod) || !*label(pod, LABEL_HASH))
            continue;
        TRY(llmd__json_copy(pod, &copy));
        llmd__json_add(keep->pods, copy);
    }
    return llmd__json_check(keep->pods);
}

/* Its ReplicaSet stays an owner, with which it goes when the service is deleted, but no longer
 * counts it. */
static llmd_error *write_patch(struct buf *body, struct json *pod)
{
    AUTO(json) struct json *patch = NULL;
    AUTO(str) char *text = NULL;
    struct json *owners, *owner;

    TRY(llmd__json_make(&patch, "{'metadata': {'labels': {%s: %s}}}", LABEL_KEPT,
                        label(pod, LABEL_HASH)));
    llmd__json_set_null(llmd__json_edit(patch, "metadata.labels"), LABEL_HASH);
    owners = llmd__json_detach(llmd__json_edit(pod, "metadata"), "ownerReferences");
    owners = llmd__json_set(llmd__json_edit(patch, "metadata"), "ownerReferences",
                            owners ? owners : llmd__json_array());
    owner = (struct json *)llmd__json_first(owners);
    if (owner)
        llmd__json_set_bool(owner, "controller", false);
    TRY(llmd__json_check(patch));
    TRY(llmd__json_print(patch, &text));
    llmd__buf_reset(body);
    llmd__buf_str(body, text);
    return llmd__buf_check(body);
}

static llmd_error *keep_next(struct keep *keep, struct step_action *action)
{
    struct json *pod = (struct json *)llmd__json_first(keep->pods);

    if (!pod) {
        action->kind = ACTION_DONE;
        return NULL;
    }
    TRY(write_patch(&keep->body, pod));
    return patch_pod(keep->run, llmd__object_ns(pod), llmd__object_name(pod), &keep->path,
                     &keep->body, action);
}

/* One that is gone meanwhile, or may not be changed, is replaced as KServe does it. */
static llmd_error *take_kept(struct keep *keep, struct graph *graph, int status)
{
    AUTO(json) struct json *pod = llmd__json_shift(keep->pods);

    if (status / 100 != 2)
        return NULL;
    return tell(graph, llmd__object_ns(pod), llmd__object_name(pod), "PickerKept",
                "serves on until the picker of the new release is ready");
}

static llmd_error *keep_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct keep *keep = state;

    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "platform: endpoint pickers");
    if (input->kind == INPUT_BEGIN) {
        action->kind = ACTION_SEND;
        action->http = llmd__kube_http(keep->run->kube);
        action->request = (struct http_request){
            .method = "GET", .path = "/api/v1/pods?labelSelector=" SELECTOR, .idempotent = true};
        return NULL;
    }
    if (input->kind != INPUT_REPLY)
        return NULL;
    TRY(keep->pods ? take_kept(keep, graph, input->status) : take_list(keep, input));
    return keep_next(keep, action);
}

static const struct step_class keep_class = {
    .name = "pickers", .advance = keep_advance, .free = keep_free};

llmd_error *llmd__pickers_keep(struct graph *graph, struct platform_run *run, step_id *out)
{
    struct keep *keep = llmd__calloc(1, sizeof(*keep));

    CHECK_MEMORY(keep);
    keep->run = run;
    return llmd__graph_add(graph, &keep_class, keep, out);
}

/* ---- leaving its Service ---- */

struct leave {
    struct platform_run *run;
    char *ns, *name;
    struct buf path, body;
    int64_t end_ms;
};

static void leave_free(void *state)
{
    struct leave *leave = state;

    llmd__free(leave->ns);
    llmd__free(leave->name);
    llmd__buf_free(&leave->path);
    llmd__buf_free(&leave->body);
    llmd__free(leave);
}

/* Not the label by which the next apply finds it, should this one be killed. */
static llmd_error *begin_leaving(struct leave *leave, struct graph *graph,
                                 struct step_action *action)
{
    TRY(tell(graph, leave->ns, leave->name, "PickerReplaced",
             "has a successor, and ends when it has answered what it was asked"));
    llmd__buf_str(&leave->body, "{\"metadata\":{\"labels\":{\"app.kubernetes.io/part-of\":null}}}");
    TRY(llmd__buf_check(&leave->body));
    return patch_pod(leave->run, leave->ns, leave->name, &leave->path, &leave->body, action);
}

static llmd_error *leave_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct leave *leave = state;

    if (input->kind == INPUT_BEGIN)
        return begin_leaving(leave, graph, action);
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "platform: endpoint pickers");
    if (input->kind == INPUT_REPLY)
        leave->end_ms = input->now_ms + LEAVE_MS;
    action->kind = input->now_ms < leave->end_ms ? ACTION_SLEEP : ACTION_DONE;
    action->wake_ms = leave->end_ms;
    return NULL;
}

static const struct step_class leave_class = {
    .name = "pickers", .advance = leave_advance, .free = leave_free};

static llmd_error *add_end(struct graph *graph, struct platform_run *run, const struct json *pod,
                           step_id before)
{
    struct leave *leave = llmd__calloc(1, sizeof(*leave));
    step_id left = -1, gone = -1;

    CHECK_MEMORY(leave);
    leave->run = run;
    leave->ns = llmd__strdup(llmd__json_str(pod, "ns"));
    leave->name = llmd__strdup(llmd__json_str(pod, "name"));
    if (!leave->ns || !leave->name) {
        leave_free(leave);
        return NO_MEMORY;
    }
    TRY(llmd__graph_add(graph, &leave_class, leave, &left));
    TRY(llmd__delete_step(graph, run->kube, "pods", llmd__json_str(pod, "ns"),
                          llmd__json_str(pod, "name"), &gone));
    TRY(llmd__graph_need(graph, gone, left));
    return llmd__graph_need(graph, before, gone);
}

/* ---- waiting for the successors ---- */

struct succession {
    struct platform_run *run;
    step_id before; /* needs the end of those that were kept */
    struct watch *watch;
    struct json *pods; /* "NAMESPACE/NAME" -> what counts of it */
    bool synced;
    int64_t begun_ms;
};

static void succession_free(void *state)
{
    struct succession *succession = state;

    llmd__watch_free(succession->watch);
    llmd__json_free(succession->pods);
    llmd__free(succession);
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct succession *succession = data;
    const struct json *pod = change->object;
    AUTO(str) char *key = NULL;
    struct json *entry = NULL;
    const char *kept;

    (void)graph;
    (void)action;
    if (change->type == LLMD_CHANGE_SYNCED) {
        succession->synced = true;
        return NULL;
    }
    key = llmd__format("%s/%s", llmd__object_ns(pod), llmd__object_name(pod));
    CHECK_MEMORY(key);
    llmd__json_remove(succession->pods, key);
    if (change->type == LLMD_CHANGE_DELETED)
        return NULL;
    kept = label(pod, LABEL_KEPT);
    TRY(llmd__json_make(
        &entry, "{'ns': %s, 'name': %s, 'service': %s, 'hash': %s, 'kept': %b, 'ready': %b}",
        llmd__object_ns(pod), llmd__object_name(pod), label(pod, LABEL_SERVICE),
        *kept ? kept : label(pod, LABEL_HASH), *kept != '\0', serves(pod)));
    llmd__json_set(succession->pods, key, entry);
    return llmd__json_check(succession->pods);
}

static bool is_same(const struct json *a, const struct json *b, const char *member)
{
    return strcmp(llmd__json_str(a, member), llmd__json_str(b, member)) == 0;
}

/* One of another template; or of the same, when the controller had its time. */
static bool has_successor(const struct succession *succession, const struct json *kept,
                          bool settled)
{
    JSON_EACH(pod, succession->pods) {
        if (!llmd__json_bool(pod, "kept", false) && llmd__json_bool(pod, "ready", false) &&
            is_same(pod, kept, "ns") && is_same(pod, kept, "service") &&
            (settled || !is_same(pod, kept, "hash")))
            return true;
    }
    return false;
}

/* The first that must stay yet, or NULL. */
static const struct json *unreplaced(const struct succession *succession, bool settled)
{
    JSON_EACH(pod, succession->pods) {
        if (llmd__json_bool(pod, "kept", false) && !has_successor(succession, pod, settled))
            return pod;
    }
    return NULL;
}

static llmd_error *end_kept(const struct succession *succession, struct graph *graph)
{
    JSON_EACH(pod, succession->pods) {
        if (llmd__json_bool(pod, "kept", false))
            TRY(add_end(graph, succession->run, pod, succession->before));
    }
    return NULL;
}

static llmd_error *judge(struct succession *succession, struct graph *graph, int64_t now_ms,
                         struct step_action *action)
{
    int64_t settled_ms = succession->begun_ms + SETTLE_MS;

    if (!succession->synced)
        return NULL;
    if (!unreplaced(succession, now_ms >= settled_ms)) {
        action->kind = ACTION_DONE;
        return end_kept(succession, graph);
    }
    if (now_ms < settled_ms && (!action->wake_ms || settled_ms < action->wake_ms))
        action->wake_ms = settled_ms;
    return NULL;
}

static llmd_error *succession_advance(void *state, struct graph *graph,
                                      const struct step_input *input, struct step_action *action)
{
    struct succession *succession = state;

    if (!succession->watch) {
        succession->begun_ms = input->now_ms;
        TRY(llmd__watch_new(succession->run->kube,
                            &(struct watch_wish){.resource = "pods",
                                                 .ns = "*",
                                                 .labels = SELECTOR,
                                                 .names_only = true,
                                                 .missing_is_empty = true,
                                                 .on_change = on_change,
                                                 .data = succession},
                            &succession->watch));
    }
    TRY(llmd__watch_advance(succession->watch, graph, input, action));
    return judge(succession, graph, input->now_ms, action);
}

static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct succession *succession = state;
    const struct json *pod = unreplaced(succession, true);

    (void)graph;
    if (pod)
        llmd__buf_format(text, "the new endpoint picker of %s/%s to be ready",
                         llmd__json_str(pod, "ns"), llmd__json_str(pod, "service"));
}

static const struct step_class succession_class = {.name = "pickers",
                                                   .advance = succession_advance,
                                                   .free = succession_free,
                                                   .describe = describe};

llmd_error *llmd__pickers_await(struct graph *graph, struct platform_run *run, step_id after,
                                step_id before)
{
    struct succession *succession = llmd__calloc(1, sizeof(*succession));
    step_id step = -1;

    CHECK_MEMORY(succession);
    succession->run = run;
    succession->before = before;
    succession->pods = llmd__json_object();
    if (!succession->pods) {
        succession_free(succession);
        return NO_MEMORY;
    }
    TRY(llmd__graph_add(graph, &succession_class, succession, &step));
    TRY(llmd__graph_need(graph, step, after));
    return llmd__graph_need(graph, before, step);
}
