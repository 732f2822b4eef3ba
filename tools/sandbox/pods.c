/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kubelet's view of a pod as a state machine; the times between steps are those of the
 * recordings. One container that fails decides for its pod: no service here has two that do.
 */
#include "sandbox/pods.h"

#include "sandbox/containers.h"
#include "sandbox/controllers.h"
#include "sandbox/images.h"
#include "sandbox/pace.h"
#include "sandbox/scheduler.h"

#include <string.h>

#define KUBELET "kubelet"

static int64_t next_step(struct object *pod, enum pod_step step, int64_t now, int64_t after_ms)
{
    pod->step = (int)step;
    pod->since = now + after_ms;
    return pod->since;
}

/* ---- scheduling ---- */

static void tell_no_scale_up(struct sandbox *sandbox, struct object *pod, const char *why)
{
    const char *reason = strstr(why, "available: ");
    if (sandbox->options.profile != PROFILE_GKE || !reason)
        return;
    int len = (int)strcspn(reason + 11, ".");
    event_emit(sandbox, pod, "Normal", "NotTriggerScaleUp", "cluster-autoscaler",
               "pod didn't trigger scale-up: %.*s", len, reason + 11);
}

static int64_t bind(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    char *why;
    struct object *node = schedule(sandbox, pod, &why);
    if (node) {
        pod_write_bound(sandbox, pod, node->name);
        event_emit(sandbox, pod, "Normal", "Scheduled", "default-scheduler",
                   "Successfully assigned %s/%s to %s", pod->ns, pod->name, node->name);
        return next_step(pod, POD_BOUND, now, 60);
    }
    if (strcmp(object_str(pod, "status.conditions[0].message"), why) != 0) {
        pod_write_unscheduled(sandbox, pod, why);
        event_emit(sandbox, pod, "Warning", "FailedScheduling", "default-scheduler", "%s", why);
        tell_no_scale_up(sandbox, pod, why);
    }
    llmd__free(why);
    /* The next change of anything tries again. */
    return 0;
}

/* ---- volumes and images ---- */

static bool volume_is_missing(struct sandbox *sandbox, const struct object *pod,
                              const struct json *volume, char **words)
{
    const char *secret = llmd__json_str(volume, "secret.secretName");
    const char *map = llmd__json_str(volume, "configMap.name");
    const char *name = *secret ? secret : map;
    if (!*name ||
        llmd__json_bool(volume, *secret ? "secret.optional" : "configMap.optional", false))
        return false;
    if (store_get(&sandbox->store, "", *secret ? "secrets" : "configmaps", pod->ns, name))
        return false;
    *words = llmd__format("MountVolume.SetUp failed for volume \"%s\" : %s \"%s\" not found",
                          llmd__json_str(volume, "name"), *secret ? "secret" : "configmap", name);
    return true;
}

/* The kubelet's wait doubles from half a second to two minutes. */
static int64_t backoff(struct object *pod, int64_t first_ms, int64_t most_ms)
{
    int64_t wait = first_ms << (pod->count < 12 ? pod->count : 12);
    pod->count++;
    return wait < most_ms ? wait : most_ms;
}

static bool mount(struct sandbox *sandbox, struct object *pod)
{
    JSON_EACH(volume, llmd__json_get(object_json(pod), "spec.volumes")) {
        char *words;
        if (!volume_is_missing(sandbox, pod, volume, &words))
            continue;
        event_emit(sandbox, pod, "Warning", "FailedMount", KUBELET, "%s", words);
        llmd__free(words);
        return false;
    }
    return true;
}

static int64_t fail_pull(struct sandbox *sandbox, struct object *pod, int64_t now, int index,
                         const char *image, const char *words)
{
    event_emit(sandbox, pod, "Normal", "Pulling", KUBELET, "Pulling image \"%s\"", image);
    event_emit(sandbox, pod, "Warning", "Failed", KUBELET, "Failed to pull image \"%s\": %s", image,
               words);
    event_emit(sandbox, pod, "Warning", "Failed", KUBELET, "Error: ErrImagePull");
    pod_write(sandbox, pod,
              (struct pod_view){.phase = "Pending",
                                .has_address = true,
                                .initialized = true,
                                .failing = index,
                                .waiting = "ContainerCreating",
                                .failing_state = MAKE(
                                    "{'waiting':{'reason':'ErrImagePull','message':%s}}", words)});
    return next_step(pod, POD_PULL_FAILED, now, 900);
}

static int64_t back_off_pull(struct sandbox *sandbox, struct object *pod, int64_t now, int index,
                             const char *image, const char *words)
{
    AUTO(str)
    char *message = llmd__format("Back-off pulling image \"%s\": ErrImagePull: %s", image, words);
    event_emit(sandbox, pod, "Normal", "BackOff", KUBELET, "Back-off pulling image \"%s\"", image);
    event_emit(sandbox, pod, "Warning", "Failed", KUBELET, "Error: ImagePullBackOff");
    pod_write(sandbox, pod,
              (struct pod_view){
                  .phase = "Pending",
                  .has_address = true,
                  .initialized = true,
                  .failing = index,
                  .waiting = "ContainerCreating",
                  .failing_state =
                      MAKE("{'waiting':{'reason':'ImagePullBackOff','message':%s}}", message)});
    return next_step(pod, POD_PULL_BACKOFF, now, backoff(pod, 10000, 300000));
}

static void start_container(struct sandbox *sandbox, struct object *pod,
                            const struct json *container)
{
    event_emit(sandbox, pod, "Normal", "Pulled", KUBELET,
               "Container image \"%s\" already present on machine",
               llmd__json_str(container, "image"));
    event_emit(sandbox, pod, "Normal", "Created", KUBELET, "Created container: %s",
               llmd__json_str(container, "name"));
    event_emit(sandbox, pod, "Normal", "Started", KUBELET, "Started container %s",
               llmd__json_str(container, "name"));
}

/* Pulls all images; the first that fails decides. backing_off: only what the back-off shows. */
static int64_t pull(struct sandbox *sandbox, struct object *pod, int64_t now, bool backing_off)
{
    int index = 0;
    JSON_EACH(container, llmd__json_get(object_json(pod), "spec.containers")) {
        const char *image = llmd__json_str(container, "image");
        AUTO(str) char *words = NULL;
        if (image_pull(sandbox, pod, image, &words) != PULL_GOOD) {
            AUTO(str) char *name = llmd__format("%s", image);
            return backing_off ? back_off_pull(sandbox, pod, now, index, name, words)
                               : fail_pull(sandbox, pod, now, index, name, words);
        }
        index++;
    }
    pod->count = 0;
    JSON_EACH(container, llmd__json_get(object_json(pod), "spec.containers"))
        start_container(sandbox, pod, container);
    /* Small images are in an operator's time to ready. */
    return next_step(pod, POD_STARTING, now,
                     pod_is_model(pod) ? pace_ms(&sandbox->options, PACE_IMAGE, 900) : 900);
}

/* ---- running ---- */

static int64_t create_containers(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    pod_write(sandbox, pod,
              (struct pod_view){.phase = "Pending",
                                .initialized = llmd__json_count(llmd__json_get(
                                                   object_json(pod), "spec.initContainers")) == 0,
                                .failing = -1,
                                .waiting = "ContainerCreating"});
    return next_step(pod, POD_CREATING, now, 400);
}

static int64_t initialize(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    const struct json *first = llmd__json_get(object_json(pod), "spec.initContainers[0]");
    if (!mount(sandbox, pod))
        return next_step(pod, POD_CREATING, now, backoff(pod, 500, 122000));
    pod->count = 0;
    if (!first)
        return pull(sandbox, pod, now, false);
    start_container(sandbox, pod, first);
    pod_write(
        sandbox, pod,
        (struct pod_view){
            .phase = "Pending", .has_address = true, .failing = -1, .waiting = "PodInitializing"});
    /* The model's download; other init containers are quick. */
    bool download = strcmp(llmd__json_str(first, "name"), "storage-initializer") == 0;
    return next_step(pod, POD_INIT, now,
                     download ? pace_ms(&sandbox->options, PACE_DOWNLOAD, 15000) : 1000);
}

static int failing_container(const struct object *pod, char **words, int *exit_code)
{
    int index = 0;
    JSON_EACH(container, llmd__json_get(object_json(pod), "spec.containers")) {
        *words = container_failure(container, exit_code);
        if (*words)
            return index;
        index++;
    }
    return -1;
}

static const struct json *container_at(const struct object *pod, int index)
{
    JSON_EACH(container, llmd__json_get(object_json(pod), "spec.containers"))
        if (index-- == 0)
            return container;
    return NULL;
}

/* Cluster ms from running to ready. */
static int64_t time_to_ready(const struct sandbox *sandbox, const struct object *pod)
{
    const struct json *main = pod_main_container(pod);
    int64_t delay = llmd__json_int(main, "readinessProbe.initialDelaySeconds", 0);
    if (has_trouble(sandbox, TROUBLE_NEVER_READY, pod->name))
        return INT32_MAX;
    if (pod_is_model(pod))
        return pace_ms(&sandbox->options, PACE_MODEL,
                       1000 * (int64_t)sandbox->options.model_start_s);
    int64_t recorded = llmd__json_get(main, "readinessProbe") ? 1000 * delay + 1000 : 100;
    switch (image_role(llmd__json_str(main, "image"))) {
    case ROLE_LLMISVC:
        return pace_ms(&sandbox->options, PACE_LLMISVC, recorded);
    case ROLE_CERT_MANAGER:
    case ROLE_CERT_WEBHOOK:
    case ROLE_CA_INJECTOR:
        return pace_ms(&sandbox->options, PACE_CERT_MANAGER, recorded);
    default:
        return recorded;
    }
}

/* vLLM takes half a minute to refuse a flag, a picker a moment to refuse a plugin. */
static int64_t time_to_crash(const struct object *pod)
{
    return pod_is_model(pod) && !container_ends_at_once(pod_main_container(pod)) ? 28000 : 600;
}

static int64_t show_running(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    pod_write(sandbox, pod,
              (struct pod_view){.phase = "Running",
                                .has_address = true,
                                .initialized = true,
                                .failing = -1,
                                .running = true,
                                .restarts = pod->count});
    AUTO(str) char *words = NULL;
    int exit_code;
    int failing = failing_container(pod, &words, &exit_code);
    int64_t wait = failing < 0 ? time_to_ready(sandbox, pod) : time_to_crash(pod);
    pod->probe_at = now + 9000;
    return next_step(pod, POD_RUNNING, now, wait);
}

static int64_t probe(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    AUTO(str) char *address = llmd__format("%s", object_str(pod, "status.podIP"));
    event_emit(sandbox, pod, "Warning", "Unhealthy", KUBELET,
               "Startup probe failed: Get \"http://%s:8000/health\": dial tcp %s:8000: connect: "
               "connection refused",
               address, address);
    pod->probe_at = now + 10000;
    return pod->probe_at < pod->since ? pod->probe_at : pod->since;
}

static struct json *terminated_state(const struct object *pod, int index, const char *words,
                                     int exit_code)
{
    AUTO(buf) struct buf log = BUF_INIT;
    char stamp[32];
    clock_stamp(stamp);
    container_log(container_at(pod, index), words, false, &log);
    return MAKE("{'terminated':{'exitCode':%d,'reason':'Error','message':%s,'startedAt':%s,"
                "'finishedAt':%s}}",
                exit_code, llmd__buf_text(&log), stamp, stamp);
}

/* The first restart is immediate, then 10 s, 20 s, ... */
static int64_t crash(struct sandbox *sandbox, struct object *pod, int64_t now, int index,
                     const char *words, int exit_code)
{
    bool again = pod->count > 0;
    if (again)
        event_emit(sandbox, pod, "Warning", "BackOff", KUBELET,
                   "Back-off restarting failed container %s in pod %s_%s(%s)",
                   llmd__json_str(container_at(pod, index), "name"), pod->name, pod->ns, pod->uid);
    pod_write(sandbox, pod,
              (struct pod_view){.phase = "Running",
                                .has_address = true,
                                .initialized = true,
                                .failing = index,
                                .failing_state = terminated_state(pod, index, words, exit_code),
                                .running = true,
                                .restarts = pod->count});
    return next_step(pod, POD_CRASHED, now, again ? 1000 : 100);
}

static int64_t restart(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    AUTO(str) char *words = NULL;
    int exit_code;
    int index = failing_container(pod, &words, &exit_code);
    pod->count++;
    if (index >= 0)
        start_container(sandbox, pod, container_at(pod, index));
    /* Shown as running anew, its last end in lastState. */
    pod_write(sandbox, pod,
              (struct pod_view){.phase = "Running",
                                .has_address = true,
                                .initialized = true,
                                .failing = index,
                                .running = true,
                                .restarts = pod->count});
    pod->probe_at = now + 9000;
    return next_step(pod, POD_RUNNING, now, time_to_crash(pod));
}

static int64_t after_crash(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    AUTO(str) char *words = NULL;
    int exit_code;
    int index = failing_container(pod, &words, &exit_code);
    if (pod->count == 0 || index < 0)
        return restart(sandbox, pod, now);
    int seconds = 10 << (pod->count < 6 ? pod->count - 1 : 5);
    AUTO(str)
    char *message = llmd__format("back-off %ds restarting failed container=%s pod=%s_%s(%s)",
                                 seconds, llmd__json_str(container_at(pod, index), "name"),
                                 pod->name, pod->ns, pod->uid);
    pod_write(sandbox, pod,
              (struct pod_view){
                  .phase = "Running",
                  .has_address = true,
                  .initialized = true,
                  .failing = index,
                  .failing_state =
                      MAKE("{'waiting':{'reason':'CrashLoopBackOff','message':%s}}", message),
                  .running = true,
                  .restarts = pod->count});
    return next_step(pod, POD_CRASH_BACKOFF, now, 1000LL * (seconds < 300 ? seconds : 300));
}

static int64_t run(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    AUTO(str) char *words = NULL;
    int exit_code;
    if (now < pod->since)
        return pod_is_model(pod) && now >= pod->probe_at         ? probe(sandbox, pod, now)
               : pod_is_model(pod) && pod->probe_at < pod->since ? pod->probe_at
                                                                 : pod->since;
    int failing = failing_container(pod, &words, &exit_code);
    if (failing >= 0)
        return crash(sandbox, pod, now, failing, words, exit_code);
    struct pod_view view = {.phase = "Running",
                            .has_address = true,
                            .initialized = true,
                            .failing = -1,
                            .running = true,
                            .started = true};
    if (pod_is_model(pod))
        pod_write(sandbox, pod, view);
    view.ready = true;
    pod_write(sandbox, pod, view);
    pod->step = POD_READY;
    return 0;
}

static int64_t terminate(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    if (pod->probe_at != -1) {
        pod->probe_at = -1;
        pod->since = now + 1000;
    }
    if (now < pod->since)
        return pod->since;
    store_remove(&sandbox->store, pod);
    return 0;
}

static int64_t advance(struct sandbox *sandbox, struct object *pod, int64_t now)
{
    switch ((enum pod_step)pod->step) {
    case POD_NEW:
        return bind(sandbox, pod, now);
    case POD_BOUND:
        return create_containers(sandbox, pod, now);
    case POD_CREATING:
        return initialize(sandbox, pod, now);
    case POD_INIT:
    case POD_PULL_BACKOFF:
        return pull(sandbox, pod, now, false);
    case POD_PULL_FAILED:
        return pull(sandbox, pod, now, true);
    case POD_STARTING:
        return show_running(sandbox, pod, now);
    case POD_RUNNING:
        return run(sandbox, pod, now);
    case POD_CRASHED:
        return after_crash(sandbox, pod, now);
    case POD_CRASH_BACKOFF:
        return restart(sandbox, pod, now);
    case POD_READY:
        break;
    }
    return 0;
}

int64_t reconcile_pod(struct sandbox *sandbox, struct object *object, int64_t now)
{
    if (*object_str(object, "metadata.deletionTimestamp"))
        return terminate(sandbox, object, now);
    if (object->step != POD_RUNNING && now < object->since)
        return object->since;
    return advance(sandbox, object, now);
}
