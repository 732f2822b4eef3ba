/* SPDX-License-Identifier: Apache-2.0 */
#include "findings/progress.h"
#include "findings/findings.h"

#include <string.h>

/* In the order of time, so that the smallest one is the slowest pod's. */
enum phase {
    PHASE_NONE,
    PHASE_SCHEDULING,
    PHASE_NODE,
    PHASE_IMAGE,
    PHASE_DOWNLOAD,
    PHASE_COMPILE,
    PHASE_SERVING
};

static const struct {
    const char *name, *reason, *message;
} phases[] = {
    [PHASE_NONE] = {"", "", ""},
    [PHASE_SCHEDULING] = {"scheduling", "Scheduling", "waits for a node"},
    [PHASE_NODE] = {"node", "ScalingUp", "a node is being made for it"},
    [PHASE_IMAGE] = {"image", "PreparingContainer", "the node fetches the image and starts it"},
    [PHASE_DOWNLOAD] = {"download", "DownloadingModel", "downloads the model"},
    [PHASE_COMPILE] = {"compile", "LoadingModel", "loads and compiles the model"},
    [PHASE_SERVING] = {"serving", "Ready", "answers"},
};

/* ---- memory ---- */

llmd_error *llmd__progress_init(struct progress *progress)
{
    *progress = (struct progress){.phase = ""};
    progress->memory = llmd__json_object();
    CHECK_MEMORY(progress->memory);
    return NULL;
}

static void clear(struct progress *progress)
{
    for (size_t i = 0; i < progress->count; i++) {
        llmd__free(progress->items[i].subject);
        llmd__free(progress->items[i].message);
    }
    progress->count = 0;
}

void llmd__progress_free(struct progress *progress)
{
    clear(progress);
    llmd__free(progress->items);
    llmd__json_free(progress->memory);
    *progress = (struct progress){0};
}

/* True if what is told about this key now differs from last time. */
static llmd_error *has_changed(struct progress *progress, const char *kind, const char *key,
                               const char *value, bool *changed)
{
    AUTO(str) char *whole = llmd__format("%s %s", kind, key);
    const struct json *before;

    CHECK_MEMORY(whole);
    before = llmd__json_member(progress->memory, whole);
    *changed = !before || strcmp(llmd__json_text(before), value) != 0;
    if (!*changed)
        return NULL;
    llmd__json_set_str(progress->memory, whole, value);
    return llmd__json_check(progress->memory);
}

/* Takes subject. */
static llmd_error *add_news(struct progress *progress, char *subject, const char *phase,
                            const char *reason, const char *message)
{
    AUTO(str) char *owned = subject;
    AUTO(str) char *text = llmd__strdup(message);

    if (!owned || !text)
        return NO_MEMORY;
    if (progress->count == progress->cap) {
        size_t cap = progress->cap ? progress->cap * 2 : 8;
        struct news *items = llmd__realloc(progress->items, cap * sizeof(*items));

        CHECK_MEMORY(items);
        progress->items = items;
        progress->cap = cap;
    }
    progress->items[progress->count++] = (struct news){
        .subject = TAKE(owned), .message = TAKE(text), .phase = phase, .reason = reason};
    return NULL;
}

/* ---- pods ---- */

static bool is_true(const struct json *owner, const char *type)
{
    return !strcmp(llmd__json_str(llmd__scene_condition(owner, type), "status"), "True");
}

/* The cluster autoscaler says in an Event, and nowhere else, that a node is coming. */
static bool scales_up(const struct scene *scene, const struct json *pod)
{
    SCENE_EACH(event, scene, SCENE_EVENT)
    {
        if (llmd__event_is(event, "TriggeredScaleUp", pod))
            return true;
    }
    return false;
}

/* Whether a container of them has ever run: a crash does not lead back to the image. */
static bool any_ran(const struct json *statuses)
{
    JSON_EACH(status, statuses) {
        if (llmd__json_get(status, "state.running") || llmd__json_get(status, "state.terminated") ||
            llmd__json_get(status, "lastState.terminated"))
            return true;
    }
    return false;
}

/* A pod's own phase knows only Pending and Running; what it waits for is read from its conditions
   and from which containers have run. Loading and compiling cannot be told apart from outside. */
static enum phase phase_of(const struct scene *scene, const struct json *pod)
{
    const struct json *status = llmd__json_member(pod, "status");

    if (is_true(status, "Ready"))
        return PHASE_SERVING;
    if (!is_true(status, "PodScheduled") && !llmd__json_str(pod, "spec.nodeName")[0])
        return scales_up(scene, pod) ? PHASE_NODE : PHASE_SCHEDULING;
    if (any_ran(llmd__json_member(status, "containerStatuses")))
        return PHASE_COMPILE;
    if (any_ran(llmd__json_member(status, "initContainerStatuses")))
        return PHASE_DOWNLOAD;
    return PHASE_IMAGE;
}

/* Pods of an old ReplicaSet on their way out would hold the phase back. */
static bool counts(const struct json *pod)
{
    const char *phase = llmd__json_str(pod, "status.phase");

    return !llmd__scene_is_leaving(pod) && strcmp(phase, "Succeeded") && strcmp(phase, "Failed");
}

static llmd_error *look_at_pod(struct progress *progress, const struct scene *scene,
                               const struct json *pod, enum phase *slowest)
{
    enum phase phase = phase_of(scene, pod);
    bool picker = llmd__scene_is_picker(pod);
    bool changed = false;

    if (!picker && (*slowest == PHASE_NONE || phase < *slowest))
        *slowest = phase;
    TRY(has_changed(progress, "pod", llmd__json_str(pod, "metadata.uid"), phases[phase].name,
                    &changed));
    /* Of the picker only its readiness is worth a line. */
    if (!changed || (picker && phase != PHASE_SERVING))
        return NULL;
    return add_news(progress, llmd__scene_subject(pod), picker ? "" : phases[phase].name,
                    picker ? "PickerReady" : phases[phase].reason,
                    picker ? "the endpoint picker answers" : phases[phase].message);
}

/* ---- the service's conditions ---- */

static llmd_error *look_at_conditions(struct progress *progress, const struct scene *scene)
{
    const struct json *service = llmd__scene_service(scene);

    JSON_EACH(condition, llmd__json_get(service, "status.conditions")) {
        const char *type = llmd__json_str(condition, "type");
        const char *status = llmd__json_str(condition, "status");
        bool changed = false;

        TRY(has_changed(progress, "condition", type, status, &changed));
        if (!changed || strcmp(status, "True"))
            continue;
        AUTO(str) char *message = llmd__format("condition %s is True", type);
        CHECK_MEMORY(message);
        TRY(add_news(progress, llmd__scene_subject(service), "", type, message));
    }
    return NULL;
}

/* ---- does it serve ---- */

/* Deployments of the model that have caught up with their spec; Ready alone may be an older
   generation's, or true with no replica at all. While pods of the old spec serve, the ready ones
   are taken for theirs: a status does not tell them apart. */
static void count_replicas(struct progress *progress, const struct scene *scene, bool *current)
{
    progress->done = progress->total = 0;
    *current = !scene->unsettled;
    SCENE_EACH(deployment, scene, SCENE_DEPLOYMENT)
    {
        int64_t wanted = llmd__json_int(deployment, "spec.replicas", 1);
        int64_t updated = llmd__json_int(deployment, "status.updatedReplicas", 0);
        int64_t all = llmd__json_int(deployment, "status.replicas", 0);
        int64_t old = all > updated ? all - updated : 0;
        int64_t ready = llmd__json_int(deployment, "status.readyReplicas", 0) - old;

        if (llmd__scene_is_picker(deployment))
            continue;
        progress->total += wanted;
        progress->done += ready < 0 ? 0 : ready < wanted ? ready : wanted;
        if (!llmd__scene_is_observed(deployment) || updated < wanted || old > 0 || ready < wanted)
            *current = false;
    }
}

/* None of many is no news: the phases tell that better. */
static llmd_error *tell_replicas(struct progress *progress, const struct scene *scene)
{
    const struct json *service = llmd__scene_service(scene);
    AUTO(str)
    char *count = llmd__format("%lld of %lld replicas answer", (long long)progress->done,
                               (long long)progress->total);
    bool changed = false;

    CHECK_MEMORY(count);
    if (!service || !progress->total)
        return NULL;
    TRY(has_changed(progress, "replicas", "", count, &changed));
    if (!changed || !progress->done)
        return NULL;
    return add_news(progress, llmd__scene_subject(service), progress->phase, "Replicas", count);
}

llmd_error *llmd__progress_look(struct progress *progress, const struct scene *scene)
{
    const struct json *status = llmd__json_member(llmd__scene_service(scene), "status");
    enum phase slowest = PHASE_NONE;
    bool current = false;

    clear(progress);
    SCENE_EACH(pod, scene, SCENE_POD)
    {
        if (counts(pod))
            TRY(look_at_pod(progress, scene, pod, &slowest));
    }
    progress->phase = phases[slowest == PHASE_NONE ? PHASE_SCHEDULING : slowest].name;
    count_replicas(progress, scene, &current);
    /* Ready alone can be true of an older generation, or with no Deployment seen yet. */
    progress->ready = llmd__scene_fresh(scene) &&
                      !llmd__scene_is_leaving(llmd__scene_service(scene)) &&
                      is_true(status, "Ready") && current && scene->sets[SCENE_DEPLOYMENT].synced;
    if (progress->ready)
        progress->phase = phases[PHASE_SERVING].name;
    TRY(tell_replicas(progress, scene));
    return look_at_conditions(progress, scene);
}
