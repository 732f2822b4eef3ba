/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for controllers of one namespace: watches of Deployments, ReplicaSets, Pods and Events
 * fill a scene, one step judges it. What no time can cure ends the task within seconds; what others
 * may still cure is told.
 */
#include "platform/platform_run.h"

#include "findings/findings.h"
#include "kube/object.h"
#include "kube/status.h"
#include "kube/watch.h"

#include <string.h>

#define DEPLOYMENTS "deployments.apps"
/* A refusal that lasts so long is no race with what was made a moment ago. */
#define CONCLUSIVE_MS 2500
#define VIEWS 4

enum judge_phase {
    JUDGE_CRDS,    /* when were the CRDs made that it must have seen? */
    JUDGE_WATCH,   /* look at the scene */
    JUDGE_RESTART, /* the restart was asked for */
};

struct controllers {
    int refs; /* the judge and its viewers */
    struct platform_run *run;
    enum component component;
    char *ns;
    struct json *names;
    struct json *crds;
    struct scene scene;
    struct findings findings;
    step_id judge, viewers[VIEWS];
    enum judge_phase phase;
    int64_t
        missing_ms; /* since when a Deployment that others should have is not there; 0: all are */
    bool over;
    char *newest_crd;         /* RFC 3339; NULL: does not matter */
    struct json *generations; /* Deployment -> generation that our restart made */
    struct buf path, body;
};

static void put(struct controllers *wait)
{
    if (!wait || --wait->refs)
        return;
    llmd__scene_free(&wait->scene);
    llmd__findings_free(&wait->findings);
    llmd__json_free(wait->names);
    llmd__json_free(wait->crds);
    llmd__json_free(wait->generations);
    llmd__buf_free(&wait->path);
    llmd__buf_free(&wait->body);
    llmd__free(wait->newest_crd);
    llmd__free(wait->ns);
    llmd__free(wait);
}

static const char *title(const struct controllers *wait)
{
    return llmd__component(wait->component)->title;
}

/* ---- viewers: watches that end with the wait ---- */

struct viewer {
    struct controllers *wait;
    enum scene_kind kind;
    const char *resource;
    struct watch *watch;
};

static void viewer_free(void *data)
{
    struct viewer *viewer = data;

    llmd__watch_free(viewer->watch);
    put(viewer->wait);
    llmd__free(viewer);
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct viewer *viewer = data;
    struct scene_set *set = &viewer->wait->scene.sets[viewer->kind];

    (void)action;
    if (change->type == LLMD_CHANGE_SYNCED) {
        set->synced = true;
        set->denied = change->denied;
    } else if (change->type == LLMD_CHANGE_DELETED) {
        llmd__scene_remove(&viewer->wait->scene, viewer->kind, change->object);
    } else {
        TRY(llmd__scene_put(&viewer->wait->scene, viewer->kind, change->object));
    }
    llmd__graph_poke(graph, viewer->wait->judge);
    return NULL;
}

/* Events and ReplicaSets only tell causes: who may not read them waits all the same. */
static llmd_error *open_watch(struct viewer *viewer)
{
    bool must = viewer->kind == SCENE_DEPLOYMENT;

    return llmd__watch_new(viewer->wait->run->kube,
                           &(struct watch_wish){.resource = viewer->resource,
                                                .ns = viewer->wait->ns,
                                                .names_only = true,
                                                .missing_is_empty = !must,
                                                .on_change = on_change,
                                                .data = viewer},
                           &viewer->watch);
}

static llmd_error *viewer_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    struct viewer *viewer = state;

    if (viewer->wait->over) {
        action->kind = ACTION_DONE;
        return NULL;
    }
    if (!viewer->watch)
        TRY(open_watch(viewer));
    return llmd__watch_advance(viewer->watch, graph, input, action);
}

static const struct step_class viewer_class = {
    .name = "controllers", .advance = viewer_advance, .free = viewer_free};

/* ---- is it there? ---- */

static const struct json *deployment_named(const struct controllers *wait, const char *name)
{
    SCENE_EACH(deployment, &wait->scene, SCENE_DEPLOYMENT)
    {
        if (strcmp(llmd__scene_name(deployment), name) == 0)
            return deployment;
    }
    return NULL;
}

/* As `kubectl rollout status` has it: all pods are of this template, and none of the old is left.
 */
static bool is_rolled_out(const struct controllers *wait, const struct json *deployment)
{
    const struct json *status = llmd__json_member(deployment, "status");
    int64_t generation = llmd__json_int(deployment, "metadata.generation", 0);
    int64_t wanted = llmd__json_int(deployment, "spec.replicas", 1);

    return generation >= llmd__json_int(wait->generations, llmd__scene_name(deployment), 0) &&
           llmd__json_int(status, "observedGeneration", -1) >= generation &&
           llmd__json_int(status, "updatedReplicas", 0) >= wanted &&
           llmd__json_int(status, "replicas", 0) <= wanted &&
           llmd__json_int(status, "availableReplicas", 0) >= wanted;
}

static size_t count_ready(const struct controllers *wait)
{
    size_t ready = 0;

    JSON_EACH(name, wait->names) {
        const struct json *deployment = deployment_named(wait, llmd__json_text(name));
        ready += deployment && is_rolled_out(wait, deployment);
    }
    return ready;
}

/* ---- has it seen its CRDs? ---- */

static llmd_error *ask_crds(const struct controllers *wait, struct step_action *action)
{
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(wait->run->kube);
    action->request =
        (struct http_request){.method = "GET",
                              .path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                              .accept = LLMD__PARTIAL_LIST,
                              .idempotent = true};
    return NULL;
}

/* Who may not list CRDs gets no restart: it would be a guess. */
static llmd_error *take_crds(struct controllers *wait, const struct step_input *input)
{
    AUTO(json) struct json *list = NULL;
    const char *newest = "";

    if (input->status != 200)
        return NULL;
    TRY(llmd__json_parse(input->text, input->text_len, "CRDs", &list));
    JSON_EACH(item, llmd__json_member(list, "items")) {
        const char *made = llmd__json_str(item, "metadata.creationTimestamp");
        if (llmd__json_holds(wait->crds, llmd__object_name(item)) && strcmp(made, newest) > 0)
            newest = made;
    }
    wait->newest_crd = llmd__strdup(newest);
    return wait->newest_crd ? NULL : NO_MEMORY;
}

/* Pods are named after their Deployment: NAME-HASH-SUFFIX. */
static bool is_pod_of(const struct json *pod, const char *deployment)
{
    size_t len = strlen(deployment);
    const char *name = llmd__scene_name(pod);

    return strncmp(name, deployment, len) == 0 && name[len] == '-';
}

/* Times are whole seconds: in the same second it may have seen the CRD or not, and CRDs come first
   in every apply of ours. */
static bool is_blind(const struct controllers *wait, const char *deployment)
{
    if (!wait->newest_crd)
        return false;
    SCENE_EACH(pod, &wait->scene, SCENE_POD)
    {
        const char *started = llmd__json_str(pod, "status.startTime");
        if (is_pod_of(pod, deployment) && *started && !llmd__scene_is_leaving(pod) &&
            strcmp(started, wait->newest_crd) < 0)
            return true;
    }
    return false;
}

/* The next Deployment whose pods are older than a CRD they should watch, or NULL. */
static const char *next_blind(struct controllers *wait)
{
    const struct platform_run *run = wait->run;
    const struct platform_part *part = &run->parts[wait->component];
    const char *controller = part->released ? part->release.controller
                                            : run->found.components[wait->component].controller;

    if (!controller || !llmd__json_holds(wait->names, controller) ||
        llmd__json_member(wait->generations, controller) || !is_blind(wait, controller))
        return NULL;
    return controller;
}

/* As `kubectl rollout restart` does it. The time is that of the CRD: doing it twice changes
   nothing. */
static llmd_error *restart(struct controllers *wait, struct graph *graph, const char *name,
                           struct step_action *action)
{
    AUTO(str) char *subject = llmd__format("Deployment/%s/%s", wait->ns, name);

    CHECK_MEMORY(subject);
    TRY(llmd__graph_event(
        graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                    .subject = subject,
                                    .reason = "Restarted",
                                    .message = "is older than CRDs that it watches, which it looks "
                                               "for only when it starts"}));
    llmd__buf_reset(&wait->path);
    llmd__buf_reset(&wait->body);
    llmd__buf_format(&wait->path,
                     "/apis/apps/v1/namespaces/%s/deployments/%s?fieldManager=libllmd-restart",
                     wait->ns, name);
    llmd__buf_format(&wait->body,
                     "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{"
                     "\"kubectl.kubernetes.io/restartedAt\":\"%s\"}}}}}",
                     wait->newest_crd);
    TRY(llmd__buf_check(&wait->path));
    TRY(llmd__buf_check(&wait->body));
    wait->phase = JUDGE_RESTART;
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(wait->run->kube);
    action->request = (struct http_request){.method = "PATCH",
                                            .path = llmd__buf_text(&wait->path),
                                            .content_type = "application/merge-patch+json",
                                            .body = llmd__buf_text(&wait->body),
                                            .body_len = wait->body.len,
                                            .idempotent = true};
    return NULL;
}

static llmd_error *take_restart(struct controllers *wait, const struct step_input *input)
{
    AUTO(json) struct json *answer = NULL;
    AUTO(str) char *what = llmd__format("restart of %s", title(wait));

    CHECK_MEMORY(what);
    if (input->status / 100 != 2)
        return llmd__status_error(input->status, input->text, what);
    TRY(llmd__json_parse(input->text, input->text_len, what, &answer));
    llmd__json_set_int(wait->generations, llmd__object_name(answer),
                       llmd__json_int(answer, "metadata.generation", 0));
    wait->phase = JUDGE_WATCH;
    return llmd__json_check(wait->generations);
}

/* ---- what is wrong ---- */

/* These do not pass by waiting: somebody must change the spec, the registry or the quota. */
static bool is_conclusive(const struct finding *finding)
{
    static const char *const codes[] = {"ImageNotFound", "ImagePullDenied", "InvalidImageName",
                                        "ImageNeverPulled", "PodsNotCreated"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(finding->rule->code, codes[i]) == 0)
            return true;
    return false;
}

static llmd_error *failed(const struct controllers *wait, const struct finding *finding)
{
    llmd_error *error = llmd__error(LLMD_E_FAILED, "platform: %s does not start: %s: %s",
                                    title(wait), finding->subject, finding->message);

    return llmd__error_set_advice(llmd__error_set_reason(error, finding->rule->code), "%s",
                                  finding->rule->advice);
}

static llmd_error *tell(struct graph *graph, const struct finding *finding)
{
    const struct rule *rule = finding->rule;

    return llmd__graph_event(
        graph, &(struct event_text){.level = rule->progress ? LLMD_LEVEL_INFO : LLMD_LEVEL_WARNING,
                                    .phase = "controllers",
                                    .subject = finding->subject,
                                    .reason = rule->code,
                                    .message = finding->message,
                                    .advice = rule->advice});
}

static llmd_error *judge(struct controllers *wait, struct graph *graph, int64_t now_ms,
                         struct step_action *action)
{
    int64_t wake_ms;

    TRY(llmd__findings_judge(&wait->findings, &wait->scene, now_ms, true));
    wake_ms = wait->findings.wake_ms;
    for (size_t i = 0; i < wait->findings.count; i++) {
        const struct finding *finding = &wait->findings.items[i];
        int64_t end_ms = finding->since_ms + CONCLUSIVE_MS;

        if (finding->ends || (is_conclusive(finding) && now_ms >= end_ms))
            return failed(wait, finding);
        if (is_conclusive(finding) && (!wake_ms || end_ms < wake_ms))
            wake_ms = end_ms;
        if (finding->is_new)
            TRY(tell(graph, finding));
    }
    action->wake_ms = wake_ms;
    return NULL;
}

/* ---- what others have only in part ---- */

static const char *missing_name(const struct controllers *wait)
{
    JSON_EACH(name, wait->names) {
        if (!deployment_named(wait, llmd__json_text(name)))
            return llmd__json_text(name);
    }
    return NULL;
}

/* Ours are being written. Another's that is not there within a moment is written by nobody. */
static llmd_error *judge_missing(struct controllers *wait, int64_t now_ms,
                                 struct step_action *action)
{
    const struct platform_run *run = wait->run;
    const char *name = missing_name(wait);
    int64_t end_ms;

    if (!name || run->plan.parts[wait->component].action != PLAN_USE) {
        wait->missing_ms = 0;
        return NULL;
    }
    if (!wait->missing_ms)
        wait->missing_ms = now_ms;
    end_ms = wait->missing_ms + CONCLUSIVE_MS;
    if (now_ms >= end_ms)
        return llmd__half_installed(&run->found, wait->component, name);
    if (!action->wake_ms || end_ms < action->wake_ms)
        action->wake_ms = end_ms;
    return NULL;
}

/* ---- the judge ---- */

static void end(struct controllers *wait, struct graph *graph, struct step_action *action)
{
    wait->over = true;
    for (size_t i = 0; i < VIEWS; i++)
        llmd__graph_poke(graph, wait->viewers[i]);
    action->kind = ACTION_DONE;
}

static llmd_error *look(struct controllers *wait, struct graph *graph, int64_t now_ms,
                        struct step_action *action)
{
    const char *blind;

    if (!wait->scene.sets[SCENE_DEPLOYMENT].synced)
        return NULL;
    if (count_ready(wait) < llmd__json_count(wait->names)) {
        TRY(judge(wait, graph, now_ms, action));
        return judge_missing(wait, now_ms, action);
    }
    if (!wait->scene.sets[SCENE_POD].synced)
        return NULL;
    blind = next_blind(wait);
    if (blind)
        return restart(wait, graph, blind, action);
    end(wait, graph, action);
    return NULL;
}

static llmd_error *take_reply(struct controllers *wait, struct graph *graph,
                              const struct step_input *input, struct step_action *action)
{
    if (wait->phase == JUDGE_CRDS)
        TRY(take_crds(wait, input));
    else if (wait->phase == JUDGE_RESTART)
        TRY(take_restart(wait, input));
    wait->phase = JUDGE_WATCH;
    return look(wait, graph, input->now_ms, action);
}

static llmd_error *add_viewer(struct graph *graph, struct controllers *wait, size_t nth)
{
    static const struct {
        enum scene_kind kind;
        const char *resource;
    } views[VIEWS] = {{SCENE_DEPLOYMENT, DEPLOYMENTS},
                      {SCENE_REPLICASET, "replicasets.apps"},
                      {SCENE_POD, "pods"},
                      {SCENE_EVENT, "events"}};
    struct viewer *viewer = llmd__calloc(1, sizeof(*viewer));

    CHECK_MEMORY(viewer);
    wait->refs++;
    *viewer =
        (struct viewer){.wait = wait, .kind = views[nth].kind, .resource = views[nth].resource};
    return llmd__graph_add(graph, &viewer_class, viewer, &wait->viewers[nth]);
}

/* Only now: what the judge needs, its viewers need as well. */
static llmd_error *begin(struct controllers *wait, struct graph *graph, struct step_action *action)
{
    for (size_t i = 0; i < VIEWS; i++)
        TRY(add_viewer(graph, wait, i));
    if (!llmd__json_count(wait->crds))
        return NULL;
    wait->phase = JUDGE_CRDS;
    return ask_crds(wait, action);
}

static llmd_error *judge_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct controllers *wait = state;

    if (input->kind == INPUT_BEGIN)
        return begin(wait, graph, action);
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "platform: %s", title(wait));
    if (input->kind == INPUT_REPLY)
        return take_reply(wait, graph, input, action);
    return wait->phase == JUDGE_WATCH ? look(wait, graph, input->now_ms, action) : NULL;
}

static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct controllers *wait = state;

    (void)graph;
    JSON_EACH(name, wait->names) {
        const struct json *deployment = deployment_named(wait, llmd__json_text(name));
        if (deployment && is_rolled_out(wait, deployment))
            continue;
        llmd__buf_format(text, "Deployment %s/%s of %s to be available", wait->ns,
                         llmd__json_text(name), title(wait));
        break;
    }
    for (size_t i = 0; i < wait->findings.count; i++) {
        if (wait->findings.items[i].rule->progress)
            continue;
        llmd__buf_format(text, ": %s: %s", wait->findings.items[i].subject,
                         wait->findings.items[i].message);
        return;
    }
}

static void judge_free(void *state)
{
    put(state);
}

static const struct step_class judge_class = {
    .name = "controllers", .advance = judge_advance, .free = judge_free, .describe = describe};

/* ---- making it ---- */

static llmd_error *fill(struct controllers *wait, const struct controllers_wish *wish)
{
    wait->ns = llmd__strdup(wish->ns);
    CHECK_MEMORY(wait->ns);
    TRY(llmd__scene_init(&wait->scene, NULL, NULL));
    wait->scene.everything = true;
    wait->scene.gke = wait->run->found.gke;
    wait->generations = llmd__json_object();
    CHECK_MEMORY(wait->generations);
    TRY(llmd__json_copy(wish->names, &wait->names));
    return wish->crds ? llmd__json_copy(wish->crds, &wait->crds) : NULL;
}

llmd_error *llmd__controllers_step(struct graph *graph, struct platform_run *run,
                                   const struct controllers_wish *wish, step_id *out)
{
    struct controllers *wait = llmd__calloc(1, sizeof(*wait));
    llmd_error *error;

    *out = -1;
    CHECK_MEMORY(wait);
    wait->refs = 1;
    wait->run = run;
    wait->component = wish->component;
    wait->phase = JUDGE_WATCH;
    error = fill(wait, wish);
    if (error) {
        put(wait);
        return error;
    }
    TRY(llmd__graph_add(graph, &judge_class, wait, &wait->judge));
    *out = wait->judge;
    return NULL;
}
