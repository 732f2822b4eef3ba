/* SPDX-License-Identifier: Apache-2.0 */
#include "service/wait.h"
#include "service/missing_preset.h"
#include "service/policies.h"
#include "service/service_manifest.h"

#include "kube/apply.h"
#include "kube/discovery.h"

#include <string.h>

#define LOG_LINES 40

/* Before the warm-up step exists nobody must poke it. */
llmd_error *llmd__wait_new(const llmd_kube *kube, const char *ns, const char *name,
                           struct wait **out)
{
    AUTO(wait) struct wait *wait = llmd__calloc(1, sizeof(*wait));

    CHECK_MEMORY(wait);
    wait->warmup = -1;
    TRY(llmd__scene_wait_init(&wait->base, "service", SCENE_SERVICE, kube, ns, name));
    TRY(llmd__progress_init(&wait->progress));
    *out = TAKE(wait);
    return NULL;
}

void llmd__wait_free(void *data)
{
    struct wait *wait = data;

    llmd__scene_wait_close(&wait->base);
    llmd__progress_free(&wait->progress);
    llmd__server_free(&wait->server);
    llmd__json_free(wait->configs);
    llmd_service_spec_free(wait->spec);
    llmd__json_free(wait->deployments);
    llmd__free(wait->doubted);
    llmd__free(wait->path);
    llmd__free(wait);
}

/* ---- watches ---- */

/* Whoever may not read Nodes or Events still gets a wait, with less to say. */
static const struct {
    enum scene_kind kind;
    const char *resource;
    bool by_label;   /* children carry the service's labels */
    bool everywhere; /* all namespaces, or cluster-scoped */
    bool optional;
} watched[] = {
    {SCENE_SERVICE, LLMD__SERVICES, false, false, false},
    {SCENE_POD, "pods", true, false, false},
    {SCENE_DEPLOYMENT, LLMD__DEPLOYMENTS, true, false, false},
    {SCENE_REPLICASET, "replicasets.apps", true, false, true},
    {SCENE_EVENT, "events", false, false, true},
    {SCENE_ROUTE, "httproutes.gateway.networking.k8s.io", true, false, true},
    {SCENE_POOL, LLMD__POOLS, true, false, true},
    {SCENE_GATEWAY, "gateways.gateway.networking.k8s.io", false, true, true},
    {SCENE_CLASS, "gatewayclasses.gateway.networking.k8s.io", false, true, true},
    {SCENE_NODE, "nodes", false, true, true},
};

/* The labels of a service's children, for a query. */
static char *child_labels(const struct wait *wait)
{
    return llmd__format("app.kubernetes.io/name=%s,app.kubernetes.io/part-of=llminferenceservice",
                        wait->base.name);
}

static llmd_error *add_watch(struct graph *graph, struct wait *wait, size_t index,
                             step_id discovery)
{
    AUTO(str) char *labels = NULL;
    AUTO(str) char *fields = NULL;
    enum scene_kind kind = watched[index].kind;
    struct watch_wish wish = {.resource = watched[index].resource,
                              .ns = watched[index].everywhere ? "*" : wait->base.ns,
                              .optional = watched[index].optional,
                              .missing_is_empty = watched[index].optional};

    if (watched[index].by_label) {
        labels = child_labels(wait);
        CHECK_MEMORY(labels);
    }
    if (kind == SCENE_SERVICE) {
        fields = llmd__format("metadata.name=%s", wait->base.name);
        CHECK_MEMORY(fields);
    }
    wish.labels = labels;
    wish.fields = fields;
    return llmd__scene_wait_watch(graph, &wait->base, kind, &wish, discovery);
}

/* ---- the judge ---- */

/* News is how far it is; findings are why it stands still. */
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

/* One request at a time, of the path that was made. */
static llmd_error *ask(struct wait *wait, enum asked what, struct step_action *action)
{
    CHECK_MEMORY(wait->path);
    wait->asked = what;
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(wait->base.kube);
    action->request = (struct http_request){.method = "GET",
                                            .path = wait->path,
                                            .accept = "*/*",
                                            .idempotent = true,
                                            .max_body = 1 << 20};
    return NULL;
}

static llmd_error *ask_list(struct wait *wait, enum asked what, const char *resource,
                            const char *labels, const char *fields, struct step_action *action)
{
    const llmd_kube *kube = wait->base.kube;
    AUTO(buf) struct buf query = BUF_INIT;
    AUTO(buf) struct buf path = BUF_INIT;
    struct resource found;

    if (!llmd__discovery_lookup(kube, resource, &found))
        return llmd__discovery_missing(kube, resource);
    llmd__buf_str(&query, "limit=500");
    llmd__resource_selectors(&query, labels, fields);
    llmd__resource_path(&path, &found, labels ? wait->base.ns : "*", NULL, NULL,
                        llmd__buf_text(&query));
    llmd__free(TAKE(wait->path));
    TRY(llmd__buf_take(&path, &wait->path));
    return ask(wait, what, action);
}

/* A container that left no message has its last lines in the log of the run
 * before. */
static llmd_error *ask_log(struct wait *wait, struct step_action *action)
{
    llmd__free(wait->path);
    wait->path = llmd__format("/api/v1/namespaces/%s/pods/%s/"
                              "log?container=%s&previous=true&tailLines=%d",
                              wait->base.ns, wait->base.findings.log_pod,
                              wait->base.findings.log_container, LOG_LINES);
    return ask(wait, ASKED_LOG, action);
}

/* A log that cannot be had is told as none, or it would be asked for again and again. */
static llmd_error *take_log(struct wait *wait, const char *text)
{
    if (!wait->base.findings.log_pod)
        return NULL;
    return llmd__scene_log(&wait->base.scene, wait->base.findings.log_pod,
                           wait->base.findings.log_container, text ? text : "");
}

/* ---- a preset that is not found ---- */

static bool must_ask_preset(const struct wait *wait)
{
    const char *words = llmd__missing_preset(&wait->base.scene);

    return words && (!wait->doubted || strcmp(words, wait->doubted) != 0);
}

static llmd_error *ask_preset(struct wait *wait, struct step_action *action)
{
    AUTO(str) char *fields = NULL;

    llmd__free(wait->doubted);
    wait->doubted = llmd__strdup(llmd__missing_preset(&wait->base.scene));
    CHECK_MEMORY(wait->doubted);
    fields = llmd__missing_preset_fields(wait->doubted);
    CHECK_MEMORY(fields);
    return ask_list(wait, ASKED_PRESET, LLMD__PRESETS, NULL, fields, action);
}

/* Whoever may not read presets believes the controller. */
static llmd_error *take_preset(struct wait *wait, const struct json *answer)
{
    llmd__free(TAKE(wait->base.scene.refuted));
    if (!llmd__missing_preset_is_there(wait->doubted, answer))
        return NULL;
    wait->base.scene.refuted = llmd__strdup(wait->doubted);
    CHECK_MEMORY(wait->base.scene.refuted);
    return NULL;
}

/* ---- what is of the newest spec ---- */

/* The watch of a service and that of its Deployments run apart: that the controller has seen a
   changed spec may be known before what it made of it, and a service that was Ready is Ready still.
   A read after that is of all that the controller wrote before; the watch has to come up to it. */
static llmd_error *ask_deployments(struct wait *wait, struct step_action *action)
{
    AUTO(str) char *labels = child_labels(wait);

    CHECK_MEMORY(labels);
    wait->looked = llmd__json_int(llmd__scene_service(&wait->base.scene), "metadata.generation", 0);
    return ask_list(wait, ASKED_DEPLOYMENTS, LLMD__DEPLOYMENTS, labels, NULL, action);
}

/* Without an answer the watches must do. */
static void take_deployments(struct wait *wait, struct json *answer)
{
    llmd__json_free(wait->deployments);
    wait->deployments = answer;
}

static bool is_older(const struct json *known, const struct json *read)
{
    return !strcmp(llmd__json_str(known, "metadata.uid"), llmd__json_str(read, "metadata.uid")) &&
           llmd__json_int(known, "metadata.generation", 0) <
               llmd__json_int(read, "metadata.generation", 0);
}

static bool has_come_up(const struct wait *wait)
{
    JSON_EACH(read, llmd__json_member(wait->deployments, "items")) {
        const struct json *known = llmd__scene_known(&wait->base.scene, SCENE_DEPLOYMENT, read);

        if (!known || is_older(known, read))
            return false;
    }
    return true;
}

/* A first spec has no older one's pods. */
static bool is_changed(const struct wait *wait)
{
    return llmd__json_int(llmd__scene_service(&wait->base.scene), "metadata.generation", 0) > 1;
}

static bool must_look(const struct wait *wait)
{
    const struct scene *scene = &wait->base.scene;

    return is_changed(wait) && llmd__scene_fresh(scene) &&
           llmd__json_int(llmd__scene_service(scene), "metadata.generation", 0) != wait->looked;
}

static bool is_unsettled(const struct wait *wait)
{
    return is_changed(wait) && (!llmd__scene_fresh(&wait->base.scene) || must_look(wait) ||
                                wait->asked == ASKED_DEPLOYMENTS || !has_come_up(wait));
}

/* ---- judging ---- */

/* Ready before the policies are there would be ready for nobody on GKE. */
static bool has_all(const struct wait *wait)
{
    bool has_policies = wait->spec && wait->kserve.gke;

    return wait->progress.ready && (!has_policies || wait->policies_done);
}

static llmd_error *judge(struct graph *graph, struct wait *wait, int64_t now_ms,
                         struct step_action *action)
{
    wait->base.scene.unsettled = is_unsettled(wait);
    TRY(llmd__progress_look(&wait->progress, &wait->base.scene));
    TRY(llmd__findings_judge(&wait->base.findings, &wait->base.scene, now_ms, true));
    TRY(tell_news(graph, wait));
    TRY(llmd__scene_wait_tell(graph, &wait->base, &wait->progress));
    TRY(llmd__wait_policies(graph, wait));
    if (has_all(wait)) {
        action->kind = ACTION_DONE;
        return NULL;
    }
    TRY(llmd__scene_wait_end(&wait->base));
    if (must_look(wait))
        return ask_deployments(wait, action);
    if (wait->base.findings.log_pod)
        return ask_log(wait, action);
    action->kind = ACTION_SLEEP;
    action->wake_ms = wait->base.findings.wake_ms;
    return NULL;
}

static llmd_error *take(struct wait *wait, const struct step_input *input)
{
    bool good = input->kind == INPUT_REPLY && input->status / 100 == 2;
    enum asked asked = wait->asked;
    AUTO(json) struct json *answer = NULL;

    wait->asked = ASKED_NOTHING;
    if (asked == ASKED_LOG)
        return take_log(wait, good ? input->text : NULL);
    if (good)
        TRY(llmd__json_parse(input->text, input->text_len, "Kubernetes answer", &answer));
    if (asked == ASKED_PRESET)
        return take_preset(wait, answer);
    take_deployments(wait, TAKE(answer));
    return NULL;
}

static llmd_error *judge_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct wait *wait = llmd__graph_data(graph);

    (void)state;
    if (input->kind == INPUT_REPLY || input->kind == INPUT_ERROR)
        TRY(take(wait, input));
    /* The judgement waits for the log of the crash, the Deployments or the preset that it is about.
     */
    if (wait->asked != ASKED_NOTHING) {
        action->kind = ACTION_NONE;
        return NULL;
    }
    if (must_ask_preset(wait))
        return ask_preset(wait, action);
    return judge(graph, wait, input->now_ms, action);
}

static const struct step_class judge_class = {.name = "wait",
                                              .advance = judge_advance,
                                              .describe = llmd__scene_wait_describe,
                                              .advise = llmd__scene_wait_advise};

llmd_error *llmd__wait_steps(struct graph *graph, struct wait *wait, step_id discovery,
                             step_id after)
{
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
        TRY(add_watch(graph, wait, i, discovery));
    TRY(llmd__graph_add(graph, &judge_class, NULL, &wait->base.judge));
    TRY(llmd__graph_need(graph, wait->base.judge, after));
    TRY(llmd__warmup_step(graph, wait, &wait->warmup));
    return llmd__graph_need(graph, wait->warmup, wait->base.judge);
}
