/* SPDX-License-Identifier: Apache-2.0 */
#include "wait/scene_wait.h"
#include "findings/lines.h"
#include "findings/progress.h"

#include <string.h>

/* What an error quotes of a log; all of it is in the finding's own event. */
#define LOG_BYTES 1200

/* A gateway alone has no service whose spec would name it. */
static llmd_error *init_scene(struct scene_wait *wait)
{
    if (wait->kind != SCENE_GATEWAY)
        return llmd__scene_init(&wait->scene, wait->ns, wait->name);
    TRY(llmd__scene_init(&wait->scene, NULL, NULL));
    wait->scene.gateway_ns = llmd__strdup(wait->ns);
    wait->scene.gateway = llmd__strdup(wait->name);
    return wait->scene.gateway_ns && wait->scene.gateway ? NULL : NO_MEMORY;
}

/* The struct is zeros and every member may be closed as it is: no undoing on the way. */
llmd_error *llmd__scene_wait_init(struct scene_wait *wait, const char *noun, enum scene_kind kind,
                                  const llmd_kube *kube, const char *ns, const char *name)
{
    TRY(llmd__kube_check_name(noun, ns, name));
    wait->noun = noun;
    wait->kind = kind;
    wait->judge = -1;
    wait->kube = llmd__kube_ref(kube);
    wait->ns = llmd__strdup(llmd__kube_ns(kube, ns));
    wait->name = llmd__strdup(name);
    if (!wait->ns || !wait->name)
        return NO_MEMORY;
    return init_scene(wait);
}

void llmd__scene_wait_close(struct scene_wait *wait)
{
    llmd__scene_free(&wait->scene);
    llmd__findings_free(&wait->findings);
    llmd__free(wait->ns);
    llmd__free(wait->name);
    llmd_kube_free(wait->kube);
}

/* ---- watching ---- */

/* Deleted under our hands: waiting on would be for something else. */
static llmd_error *deleted(const struct scene_wait *wait)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_NOT_FOUND, "%s %s/%s was deleted while we waited",
                                           wait->noun, wait->ns, wait->name),
                               "Deleted"),
        "apply it again if it is still wanted");
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct scene_watch *watch = data;
    struct scene *scene = &watch->wait->scene;
    struct scene_set *set = &scene->sets[watch->kind];

    (void)action;
    if (change->type == LLMD_CHANGE_DELETED && watch->kind == watch->wait->kind && set->count)
        return deleted(watch->wait);
    if (change->type == LLMD_CHANGE_SYNCED) {
        set->synced = true;
        set->denied = change->denied;
    } else if (change->type == LLMD_CHANGE_DELETED) {
        llmd__scene_remove(scene, watch->kind, change->object);
    } else {
        TRY(llmd__scene_put(scene, watch->kind, change->object));
    }
    /* The judge looks at the whole scene: pokes that come together are one judgement. */
    llmd__graph_poke(graph, watch->wait->judge);
    return NULL;
}

llmd_error *llmd__scene_wait_watch(struct graph *graph, struct scene_wait *wait,
                                   enum scene_kind kind, const struct watch_wish *wish,
                                   step_id discovery)
{
    struct watch_wish ours = *wish;
    step_id step = -1;

    wait->watches[kind] = (struct scene_watch){wait, kind};
    /* The scene keeps what it needs; all Nodes and Events as text would be megabytes. */
    ours.names_only = true;
    ours.on_change = on_change;
    ours.data = &wait->watches[kind];
    TRY(llmd__watch_step(graph, wait->kube, &ours, &step));
    return llmd__graph_need(graph, step, discovery);
}

/* ---- writing ---- */

llmd_error *llmd__scene_wait_applied(void *data, struct graph *graph, const struct json *object)
{
    struct scene_wait *wait = data;

    (void)graph;
    wait->scene.min_generation = llmd__json_int(object, "metadata.generation", 0);
    return NULL;
}

/* Only where the look found none: who may not make namespaces must not fail on one that is there.
 */
llmd_error *llmd__scene_wait_namespace(const struct scene_wait *wait, struct json *list)
{
    struct json *object = NULL;

    if (!wait->no_namespace)
        return NULL;
    TRY(llmd__json_make(
        &object, "{'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': %s}}", wait->ns));
    llmd__json_add(list, object);
    return llmd__json_check(list);
}

/* ---- telling ---- */

/* A warning, not an error: the wait goes on, and errors are what ends it. */
llmd_error *llmd__scene_wait_tell(struct graph *graph, const struct scene_wait *wait,
                                  const struct progress *progress)
{
    for (size_t i = 0; i < wait->findings.count; i++) {
        const struct finding *finding = &wait->findings.items[i];
        const struct rule *rule = finding->rule;

        if (!finding->is_new)
            continue;
        TRY(llmd__graph_event(
            graph,
            &(struct event_text){.level = rule->progress ? LLMD_LEVEL_INFO : LLMD_LEVEL_WARNING,
                                 .phase = progress ? progress->phase : NULL,
                                 .subject = finding->subject,
                                 .reason = rule->code,
                                 .message = finding->message,
                                 .advice = rule->advice,
                                 .done = progress ? progress->done : 0,
                                 .total = progress ? progress->total : 0}));
    }
    return NULL;
}

/* A crash is told with the last lines of the log. */
static llmd_error *failed(const struct scene_wait *wait, const struct finding *finding)
{
    AUTO(str) char *lines = llmd__last_lines(finding->detail ? finding->detail : "", LOG_BYTES);
    llmd_error *error;

    CHECK_MEMORY(lines);
    error = llmd__error(LLMD_E_FAILED, "%s %s/%s: %s: %s%s%s%s", wait->noun, wait->ns, wait->name,
                        finding->subject, finding->message, lines[0] ? " (last lines: " : "", lines,
                        lines[0] ? ")" : "");
    return llmd__error_set_advice(llmd__error_set_reason(error, finding->rule->code), "%s",
                                  finding->rule->advice);
}

/* The first, as causes are judged before their consequences. */
llmd_error *llmd__scene_wait_end(const struct scene_wait *wait)
{
    for (size_t i = 0; i < wait->findings.count; i++)
        if (wait->findings.items[i].ends)
            return failed(wait, &wait->findings.items[i]);
    return NULL;
}

/* What holds the wait up: the first, as for its end; NULL: nothing that is known. */
static const struct finding *cause(const struct scene_wait *wait)
{
    for (size_t i = 0; i < wait->findings.count; i++)
        if (!wait->findings.items[i].rule->progress)
            return &wait->findings.items[i];
    return NULL;
}

void llmd__scene_wait_describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct scene_wait *wait = llmd__graph_data(graph);
    const struct finding *finding = cause(wait);

    (void)state;
    llmd__buf_format(text, "%s %s/%s", wait->noun, wait->ns, wait->name);
    if (finding)
        llmd__buf_format(text, ": %s: %s", finding->subject, finding->message);
    else if (*llmd__graph_told(graph))
        llmd__buf_format(text, ", told last: %s", llmd__graph_told(graph));
}

const char *llmd__scene_wait_advise(const void *state, const struct graph *graph)
{
    const struct finding *finding = cause(llmd__graph_data(graph));

    (void)state;
    return finding ? finding->rule->advice : "";
}
