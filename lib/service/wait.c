/* SPDX-License-Identifier: Apache-2.0 */
#include "service/wait.h"
#include "findings/lines.h"
#include "service/policies.h"
#include "service/service_manifest.h"

#include "kube/apply.h"
#include "kube/watch.h"

#include <string.h>

#define LOG_LINES 40
#define LOG_BYTES 1200

llmd_error *llmd__wait_new(const llmd_kube *kube, const char *ns, const char *name,
                           struct wait **out)
{
    AUTO(wait) struct wait *wait = llmd__calloc(1, sizeof(*wait));

    CHECK_MEMORY(wait);
    wait->kube = llmd__kube_ref(kube);
    wait->ns = llmd__strdup(llmd__kube_ns(kube, ns));
    wait->name = llmd__strdup(name);
    if (!wait->ns || !wait->name)
        return NO_MEMORY;
    TRY(llmd__scene_init(&wait->scene, wait->ns, wait->name));
    TRY(llmd__progress_init(&wait->progress));
    wait->judge = wait->warmup = -1;
    *out = TAKE(wait);
    return NULL;
}

void llmd__wait_free(void *data)
{
    struct wait *wait = data;

    llmd__scene_free(&wait->scene);
    llmd__findings_free(&wait->findings);
    llmd__progress_free(&wait->progress);
    llmd__server_free(&wait->server);
    llmd__json_free(wait->configs);
    llmd_service_spec_free(wait->spec);
    llmd__free(wait->ns);
    llmd__free(wait->name);
    llmd__free(wait->log_path);
    llmd_kube_free(wait->kube);
    llmd__free(wait);
}

/* ---- watches ---- */

/* Deleted under our hands: waiting on would be for something else. */
static llmd_error *deleted(const struct wait *wait)
{
    return llmd__error_set_reason(llmd__error(LLMD_E_NOT_FOUND,
                                              "service %s/%s was deleted while we waited", wait->ns,
                                              wait->name),
                                  "Deleted");
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct wait_watch *watch = data;
    struct wait *wait = watch->wait;

    (void)action;
    if (change->type == LLMD_CHANGE_DELETED && watch->kind == SCENE_SERVICE &&
        llmd__scene_service(&wait->scene))
        return deleted(wait);
    if (change->type == LLMD_CHANGE_SYNCED)
        wait->scene.sets[watch->kind].synced = true;
    else if (change->type == LLMD_CHANGE_DELETED)
        llmd__scene_remove(&wait->scene, watch->kind, change->object);
    else
        TRY(llmd__scene_put(&wait->scene, watch->kind, change->object));
    llmd__graph_poke(graph, wait->judge);
    return NULL;
}

static const struct {
    enum scene_kind kind;
    const char *resource;
    bool by_label;   /* children carry the service's labels */
    bool everywhere; /* all namespaces, or cluster-scoped */
    bool optional;
} watched[] = {
    {SCENE_SERVICE, LLMD__SERVICES, false, false, false},
    {SCENE_POD, "pods", true, false, false},
    {SCENE_DEPLOYMENT, "deployments.apps", true, false, false},
    {SCENE_REPLICASET, "replicasets.apps", true, false, true},
    {SCENE_EVENT, "events", false, false, true},
    {SCENE_ROUTE, "httproutes.gateway.networking.k8s.io", true, false, true},
    {SCENE_POOL, LLMD__POOLS, true, false, true},
    {SCENE_GATEWAY, "gateways.gateway.networking.k8s.io", false, true, true},
    {SCENE_CLASS, "gatewayclasses.gateway.networking.k8s.io", false, true, true},
    {SCENE_NODE, "nodes", false, true, true},
};

static llmd_error *add_watch(struct graph *graph, struct wait *wait, size_t index,
                             step_id discovery)
{
    AUTO(str) char *labels = NULL;
    AUTO(str) char *fields = NULL;
    enum scene_kind kind = watched[index].kind;
    struct watch_wish wish = {.resource = watched[index].resource,
                              .ns = watched[index].everywhere ? "*" : wait->ns,
                              .optional = watched[index].optional,
                              .missing_is_empty = watched[index].optional,
                              .on_change = on_change,
                              .data = &wait->watches[kind]};
    step_id step = -1;

    wait->watches[kind] = (struct wait_watch){wait, kind};
    if (watched[index].by_label) {
        labels = llmd__format("app.kubernetes.io/name=%s,app.kubernetes.io/part-of="
                              "llminferenceservice",
                              wait->name);
        CHECK_MEMORY(labels);
    }
    if (kind == SCENE_SERVICE) {
        fields = llmd__format("metadata.name=%s", wait->name);
        CHECK_MEMORY(fields);
    }
    wish.labels = labels;
    wish.fields = fields;
    TRY(llmd__watch_step(graph, wait->kube, &wish, &step));
    return llmd__graph_need(graph, step, discovery);
}

/* ---- the judge ---- */

static llmd_error *tell_news(struct graph *graph, const struct wait *wait)
{
    for (size_t i = 0; i < wait->progress.count; i++) {
        const struct news *news = &wait->progress.items[i];

        TRY(llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                          .phase = news->phase,
                                                          .subject = news->subject,
                                                          .reason = news->reason,
                                                          .message = news->message,
                                                          .done = wait->progress.done,
                                                          .total = wait->progress.total}));
    }
    return NULL;
}

static llmd_error *tell_findings(struct graph *graph, const struct wait *wait)
{
    for (size_t i = 0; i < wait->findings.count; i++) {
        const struct finding *finding = &wait->findings.items[i];
        bool progress = finding->rule->progress;

        if (!finding->is_new)
            continue;
        TRY(llmd__graph_event(
            graph, &(struct event_text){.level = progress ? LLMD_LEVEL_INFO : LLMD_LEVEL_WARNING,
                                        .phase = wait->progress.phase,
                                        .subject = finding->subject,
                                        .reason = finding->rule->code,
                                        .message = finding->message,
                                        .advice = finding->rule->advice,
                                        .done = wait->progress.done,
                                        .total = wait->progress.total}));
    }
    return NULL;
}

/* A crash is told with the last lines of the log. */
static llmd_error *failed(const struct wait *wait, const struct finding *finding)
{
    AUTO(str) char *lines = llmd__last_lines(finding->detail ? finding->detail : "", LOG_BYTES);
    llmd_error *error;

    CHECK_MEMORY(lines);
    error = llmd__error(LLMD_E_FAILED, "service %s/%s: %s: %s%s%s%s", wait->ns, wait->name,
                        finding->subject, finding->message, lines[0] ? " (last lines: " : "", lines,
                        lines[0] ? ")" : "");
    return llmd__error_set_advice(llmd__error_set_reason(error, finding->rule->code), "%s",
                                  finding->rule->advice);
}

/* What nothing that runs can cure ends the wait. */
static llmd_error *end_of(const struct wait *wait)
{
    for (size_t i = 0; i < wait->findings.count; i++)
        if (wait->findings.items[i].ends)
            return failed(wait, &wait->findings.items[i]);
    return NULL;
}

/* A container that left no message has its last lines in the log of the run
 * before. */
static llmd_error *ask_log(struct wait *wait, struct step_action *action)
{
    llmd__free(wait->log_path);
    wait->log_path =
        llmd__format("/api/v1/namespaces/%s/pods/%s/"
                     "log?container=%s&previous=true&tailLines=%d",
                     wait->ns, wait->findings.log_pod, wait->findings.log_container, LOG_LINES);
    CHECK_MEMORY(wait->log_path);
    wait->log_asked = true;
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(wait->kube);
    action->request = (struct http_request){.method = "GET",
                                            .path = wait->log_path,
                                            .accept = "*/*",
                                            .idempotent = true,
                                            .max_body = 1 << 20};
    return NULL;
}

static llmd_error *take_log(struct wait *wait, const struct step_input *input)
{
    bool good = input->kind == INPUT_REPLY && input->status / 100 == 2 && input->text;

    wait->log_asked = false;
    if (!wait->findings.log_pod)
        return NULL;
    return llmd__scene_log(&wait->scene, wait->findings.log_pod, wait->findings.log_container,
                           good ? input->text : "");
}

static bool has_all(const struct wait *wait)
{
    return wait->progress.ready && (!wait->policies_begun || wait->policies_done);
}

static llmd_error *judge(struct graph *graph, struct wait *wait, int64_t now_ms,
                         struct step_action *action)
{
    TRY(llmd__progress_look(&wait->progress, &wait->scene));
    TRY(llmd__findings_judge(&wait->findings, &wait->scene, now_ms, true));
    TRY(tell_news(graph, wait));
    TRY(tell_findings(graph, wait));
    TRY(llmd__wait_policies(graph, wait));
    if (has_all(wait)) {
        action->kind = ACTION_DONE;
        return NULL;
    }
    TRY(end_of(wait));
    if (wait->findings.log_pod)
        return ask_log(wait, action);
    action->kind = ACTION_SLEEP;
    action->wake_ms = wait->findings.wake_ms;
    return NULL;
}

static llmd_error *judge_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct wait *wait = llmd__graph_data(graph);

    (void)state;
    if (input->kind == INPUT_REPLY || input->kind == INPUT_ERROR)
        TRY(take_log(wait, input));
    if (wait->log_asked) {
        action->kind = ACTION_NONE;
        return NULL;
    }
    return judge(graph, wait, input->now_ms, action);
}

static const struct step_class judge_class = {.name = "wait", .advance = judge_advance};

llmd_error *llmd__wait_steps(struct graph *graph, struct wait *wait, step_id discovery,
                             step_id after)
{
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
        TRY(add_watch(graph, wait, i, discovery));
    TRY(llmd__graph_add(graph, &judge_class, NULL, &wait->judge));
    TRY(llmd__graph_need(graph, wait->judge, after));
    TRY(llmd__warmup_step(graph, wait, &wait->warmup));
    return llmd__graph_need(graph, wait->warmup, wait->judge);
}
