/* SPDX-License-Identifier: Apache-2.0 */
/* Why a container ends: by the last thing it said. */
#include "findings/findings.h"

#include <string.h>

/* The end that the container is in, or the one before its restart. */
static const struct json *last_exit(const struct json *status)
{
    const struct json *now = llmd__json_get(status, "state.terminated");

    return now ? now : llmd__json_get(status, "lastState.terminated");
}

/* How often it ended in the same way; two ends that differ start the count anew. */
static int identical_exits(const struct json *status)
{
    const struct json *now = llmd__json_get(status, "state.terminated");
    const struct json *before = llmd__json_get(status, "lastState.terminated");
    int64_t count = llmd__json_int(status, "restartCount", 0) + (now != NULL);

    if (now && before &&
        llmd__json_int(now, "exitCode", 0) != llmd__json_int(before, "exitCode", 0))
        return 1;
    return (int)count;
}

/* kubelet says in an Event that it killed a container which took too long to start. Without it exit
   code 137 looks like the kernel's OOM killer, which is another cure. */
static bool probe_killed(const struct scene *scene, const struct json *pod)
{
    SCENE_EACH(event, scene, SCENE_EVENT)
    {
        if (llmd__event_is(event, "Killing", pod) &&
            strstr(llmd__json_str(event, "message"), "failed startup probe"))
            return true;
    }
    return false;
}

/* A container that is ready again was cured; a 0 is the end of an init container. */
static bool is_crash(const struct json *status)
{
    const struct json *end = last_exit(status);

    return end && llmd__json_int(end, "exitCode", 0) != 0 &&
           !llmd__json_bool(status, "ready", false);
}

/* The termination message is there only where the pod asks for it (terminationMessagePolicy); else
   the log of the run before is asked for, except after an OOM kill, of which the log knows nothing.
 */
static llmd_error *add_crash(const struct scene *scene, const struct json *pod,
                             const struct json *status, struct sightings *out)
{
    const struct json *end = last_exit(status);
    const char *container = llmd__json_str(status, "name");
    const char *reason = llmd__json_str(end, "reason");
    const char *text = llmd__json_str(end, "message");
    const char *log = llmd__scene_find_log(scene, llmd__scene_name(pod), container);
    int64_t code = llmd__json_int(end, "exitCode", 0);
    if (code == 137 && strcmp(reason, "OOMKilled") && probe_killed(scene, pod))
        reason = "StartupProbe";
    TRY(llmd__sighting_add(out, llmd__scene_subject(pod), reason, identical_exits(status),
                           "%s %s ended with exit code %d (%s)",
                           llmd__scene_is_picker(pod) ? "the endpoint picker's container"
                                                      : "container",
                           container, (int)code, reason));
    TRY(llmd__sighting_detail(out, text[0] ? text : log ? log : ""));
    if (!text[0] && !log && strcmp(reason, "OOMKilled")) {
        out->items[out->count - 1].log_pod = llmd__scene_name(pod);
        out->items[out->count - 1].log_container = container;
    }
    return NULL;
}

static llmd_error *add_crashes(const struct scene *scene, const struct json *pod, const char *list,
                               struct sightings *out)
{
    JSON_EACH(status, llmd__json_get(pod, list)) {
        if (is_crash(status))
            TRY(add_crash(scene, pod, status, out));
    }
    return NULL;
}

static llmd_error *observe_exit(const struct scene *scene, struct sightings *out)
{
    SCENE_EACH_POD(pod, scene)
    {
        TRY(add_crashes(scene, pod, "status.initContainerStatuses", out));
        TRY(add_crashes(scene, pod, "status.containerStatuses", out));
    }
    return NULL;
}

/* The third identical end is no accident: the wait ends. Less often may be a slow dependency. */
#define EXIT(code_, texts_, advice_)                                                               \
    {                                                                                              \
        .code = code_, .observe = observe_exit, .texts = texts_, .advice = advice_,                \
        .end_ms = FINDING_NEVER, .end_strikes = 3                                                  \
    }

/* Texts are those of vLLM, JAX on TPU, huggingface_hub and the endpoint picker, as seen in their
   logs; a new release may word them anew, then the last row still quotes the line. */
const struct rule llmd__rules_crash[] = {
    EXIT("OutOfMemory", "OOMKilled",
         "raise the container's memory limit; the download's is in KServe's ConfigMap "
         "inferenceservice-config, storageInitializer.memoryLimit"),
    EXIT(
        "StartupTooSlow", "StartupProbe",
        "the server took longer than its startup probe allows: raise startupProbe.failureThreshold "
        "with the key container, or look at the log for what it waits for"),
    EXIT("UnknownArgument",
         "unrecognized arguments|unknown flag|flag provided but not defined|no such option",
         "this image does not know the argument: correct args, or take another image"),
    EXIT(
        "PickerPlugin", "is not registered",
        "the endpoint picker's image does not know this plugin: set scheduler.config to plugins it "
        "has, or scheduler.image to the one of the KServe release"),
    EXIT("AcceleratorMissing",
         "No TPU devices|Failed to initialize TPU|initialize backend 'tpu'|No CUDA GPUs|"
         "no NVIDIA driver",
         "the container sees no accelerator: ask for all chips of the host (preset) and check the "
         "node's device plugin"),
    EXIT("OutOfDeviceMemory",
         "CUDA out of memory|RESOURCE_EXHAUSTED|OutOfMemoryError|No available memory for the cache",
         "set a smaller maxModelLen, more chips, or a smaller model"),
    EXIT("ContextTooLong", "max seq len|maximum number of tokens that can be stored",
         "set maxModelLen to what the message says"),
    EXIT("ModelAccess",
         "GatedRepo|gated repo|401 Client Error|403 Client Error|Invalid credentials|"
         "Invalid username or password",
         "the model is gated or the token is wrong: set hfToken to one that has accepted the "
         "model's licence"),
    EXIT("ModelNotFound",
         "RepositoryNotFound|404 Client Error|does not appear to have a file named",
         "check the model's address"),
    EXIT("NoEgress",
         "Name or service not known|failure in name resolution|Max retries exceeded|Cannot resolve",
         "the pod cannot reach the model's host: allow DNS and port 443 in its NetworkPolicy"),
    EXIT("ParallelMismatch", "divisible|_ragged_paged_attention",
         "the model's heads do not split over so many chips: set tensorParallel to a divisor"),
    EXIT("ContainerCrash", NULL, "read the container's log; the last telling line is above"),
    {.code = NULL},
};
