/* SPDX-License-Identifier: Apache-2.0 */
/* Why a pod does not get as far as running: scheduling, autoscaling, images, volumes, quotas. */
#include "findings/findings.h"

#include <stdlib.h>
#include <string.h>

/* ---- scheduling ---- */

/* The scheduler's own verdict. A pod that nobody has looked at yet has no such condition. */
static bool is_unscheduled(const struct json *pod)
{
    const struct json *condition =
        llmd__scene_condition(llmd__json_member(pod, "status"), "PodScheduled");

    return condition && !strcmp(llmd__json_str(condition, "status"), "False") &&
           !strcmp(llmd__json_str(condition, "reason"), "Unschedulable");
}

/* The newest of these reasons: an autoscaler that refused may have agreed since. */
static const struct json *last_event(const struct scene *scene, const struct json *about,
                                     const char *const *reasons)
{
    const struct scene_set *events = &scene->sets[SCENE_EVENT];

    for (size_t i = events->count; i-- > 0;)
        for (const char *const *reason = reasons; *reason; reason++)
            if (llmd__event_is(events->items[i], *reason, about))
                return events->items[i];
    return NULL;
}

/* Affinity and taints are left to the scheduler's message: labels are what presets set, and what
   clusters lack. */
static bool selector_fits(const struct json *pod, const struct json *node)
{
    const struct json *labels = llmd__json_get(node, "metadata.labels");

    JSON_EACH(wanted, llmd__json_get(pod, "spec.nodeSelector")) {
        const struct json *has = llmd__json_member(labels, llmd__json_key(wanted));

        if (!has || strcmp(llmd__json_text(has), llmd__json_text(wanted)))
            return false;
    }
    return true;
}

/* The count of an extended resource ("google.com/tpu"), which is a plain integer. */
static long count_of(const struct json *resources, const char *name)
{
    return strtol(llmd__json_text(llmd__json_member(resources, name)), NULL, 10);
}

/* cpu and memory come in units, and a node's may be freed; devices are counted and fixed. */
static bool is_extended(const char *name)
{
    return strchr(name, '/') != NULL && strncmp(name, "kubernetes.io/", 14) != 0;
}

/* What one container asks more of than the node will ever have, or NULL. A node without any of it
   may be new and still silent about its devices. */
static const char *too_much(const struct json *pod, const struct json *node)
{
    const struct json *allocatable = llmd__json_get(node, "status.allocatable");

    JSON_EACH(container, llmd__json_get(pod, "spec.containers")) {
        JSON_EACH(request, llmd__json_get(container, "resources.requests")) {
            const char *name = llmd__json_key(request);
            long has = count_of(allocatable, name);

            if (is_extended(name) && has > 0 && strtol(llmd__json_text(request), NULL, 10) > has)
                return name;
        }
    }
    return NULL;
}

/* True if there are nodes of the wanted kind and not one of them is large enough. */
static const char *no_node_fits(const struct scene *scene, const struct json *pod)
{
    const char *resource = NULL;

    SCENE_EACH(node, scene, SCENE_NODE)
    {
        if (!selector_fits(pod, node))
            continue;
        resource = too_much(pod, node);
        if (!resource)
            return NULL;
    }
    return resource;
}

/* Whether a node can ever come decides between patience and an end, so it is looked for here. */
static llmd_error *observe_scheduling(const struct scene *scene, struct sightings *out)
{
    static const char *const scaling[] = {"TriggeredScaleUp", NULL};

    SCENE_EACH_POD(pod, scene)
    {
        const struct json *status = llmd__json_member(pod, "status");
        const struct json *condition = llmd__scene_condition(status, "PodScheduled");
        const char *resource = is_unscheduled(pod) ? no_node_fits(scene, pod) : NULL;
        const char *reason = "Unschedulable";

        if (!is_unscheduled(pod))
            continue;
        if (last_event(scene, pod, scaling))
            reason = "TriggeredScaleUp";
        else if (resource)
            reason = "NoNodeFits";
        TRY(llmd__sighting_add(out, llmd__scene_subject(pod), reason, 1, "%s%s%s%s",
                               resource ? "asks for more " : "", resource ? resource : "",
                               resource ? " than any node of its kind has: " : "",
                               llmd__json_str(condition, "message")));
    }
    return NULL;
}

/* TriggeredScaleUp is good news, told by the rows of scheduling. */
static llmd_error *observe_autoscaler(const struct scene *scene, struct sightings *out)
{
    static const char *const reasons[] = {"TriggeredScaleUp", "NotTriggerScaleUp", "FailedScaleUp",
                                          NULL};

    SCENE_EACH_POD(pod, scene)
    {
        const struct json *event = is_unscheduled(pod) ? last_event(scene, pod, reasons) : NULL;
        const char *reason = llmd__json_str(event, "reason");

        if (event && strcmp(reason, "TriggeredScaleUp"))
            TRY(llmd__sighting_add(out, llmd__scene_subject(pod), reason, 1, "%s",
                                   llmd__json_str(event, "message")));
    }
    return NULL;
}

/* ---- images ---- */

/* kubelet's pkg/kubelet/images/types.go. */
static bool is_pull_reason(const char *reason)
{
    return !strcmp(reason, "ErrImagePull") || !strcmp(reason, "ImagePullBackOff") ||
           !strcmp(reason, "InvalidImageName") || !strcmp(reason, "ErrImageNeverPull") ||
           !strcmp(reason, "ImageInspectError") || !strcmp(reason, "RegistryUnavailable");
}

/* Back-offs of pulling, by the Event that counts them; those of restarting are another matter. */
static int pull_backoffs(const struct scene *scene, const struct json *pod, const char *image)
{
    int count = 0;

    SCENE_EACH(event, scene, SCENE_EVENT)
    {
        const char *message = llmd__json_str(event, "message");

        if (llmd__event_is(event, "BackOff", pod) && strstr(message, "pulling image") &&
            strstr(message, image))
            count += llmd__event_count(event);
    }
    return count;
}

/* kubelet's Event tells the registry's answer a second before the pod's status does. */
static const char *pull_failure(const struct scene *scene, const struct json *pod,
                                const char *image)
{
    const char *found = NULL;

    SCENE_EACH(event, scene, SCENE_EVENT)
    {
        const char *message = llmd__json_str(event, "message");

        if (llmd__event_is(event, "Failed", pod) && !strncmp(message, "Failed to pull image", 20) &&
            strstr(message, image))
            found = message;
    }
    return found;
}

/* containerd wraps the registry's answer in three sentences that repeat the image's name. */
static const char *innermost(const char *failure)
{
    static const char wrapper[] = "failed to resolve reference \"";
    const char *at = strstr(failure, wrapper);
    const char *end = at ? strstr(at + sizeof(wrapper) - 1, "\": ") : NULL;

    return end ? end + 3 : failure;
}

/* imageID is set once an image was there: what waits then, waits for something else. An image
   without a name yet would be found in every Event. */
static llmd_error *observe_container_pull(const struct scene *scene, const struct json *pod,
                                          const struct json *status, struct sightings *out)
{
    const char *image = llmd__json_str(status, "image");
    const char *reason = llmd__json_str(status, "state.waiting.reason");
    const char *failure = *image ? pull_failure(scene, pod, image) : NULL;
    bool pulled = llmd__json_str(status, "imageID")[0] != '\0';

    if (pulled || !(is_pull_reason(reason) || failure))
        return NULL;
    if (!failure)
        failure = llmd__json_str(status, "state.waiting.message");
    return llmd__sighting_add(out, llmd__scene_subject(pod), reason,
                              pull_backoffs(scene, pod, image),
                              "image %s of container %s cannot be pulled: %s", image,
                              llmd__json_str(status, "name"), innermost(failure));
}

typedef llmd_error *(*container_fn)(const struct scene *scene, const struct json *pod,
                                    const struct json *status, struct sightings *out);

static llmd_error *each_container(const struct scene *scene, container_fn look,
                                  struct sightings *out)
{
    /* Init containers first: those behind them have not even been tried. */
    static const char *const lists[] = {"status.initContainerStatuses", "status.containerStatuses"};

    SCENE_EACH_POD(pod, scene)
    {
        for (size_t i = 0; i < 2; i++) {
            JSON_EACH(status, llmd__json_get(pod, lists[i])) {
                TRY(look(scene, pod, status, out));
            }
        }
    }
    return NULL;
}

static llmd_error *observe_pull(const struct scene *scene, struct sightings *out)
{
    return each_container(scene, observe_container_pull, out);
}

/* ---- what keeps a container from being made ---- */

/* The image is there, but kubelet cannot make a container of it: a missing Secret in env, a command
   that is not in the image. */
static llmd_error *observe_container_config(const struct scene *scene, const struct json *pod,
                                            const struct json *status, struct sightings *out)
{
    const char *reason = llmd__json_str(status, "state.waiting.reason");

    (void)scene;
    if (strcmp(reason, "CreateContainerConfigError") && strcmp(reason, "CreateContainerError") &&
        strcmp(reason, "RunContainerError"))
        return NULL;
    return llmd__sighting_add(out, llmd__scene_subject(pod), reason, 1, "container %s: %s",
                              llmd__json_str(status, "name"),
                              llmd__json_str(status, "state.waiting.message"));
}

static llmd_error *observe_config(const struct scene *scene, struct sightings *out)
{
    return each_container(scene, observe_container_config, out);
}

/* Events outlive their cause by an hour; only a pod that still waits is worth reading them. */
static bool is_waiting_for_sandbox(const struct json *pod)
{
    return !strcmp(llmd__json_str(pod, "status.phase"), "Pending") && !is_unscheduled(pod);
}

static llmd_error *observe_mount(const struct scene *scene, struct sightings *out)
{
    static const char *const reasons[] = {"FailedMount", "FailedAttachVolume",
                                          "FailedCreatePodSandBox", NULL};

    SCENE_EACH_POD(pod, scene)
    {
        const struct json *event =
            is_waiting_for_sandbox(pod) ? last_event(scene, pod, reasons) : NULL;

        if (event)
            TRY(llmd__sighting_add(out, llmd__scene_subject(pod), llmd__json_str(event, "reason"),
                                   llmd__event_count(event), "%s",
                                   llmd__json_str(event, "message")));
    }
    return NULL;
}

/* A ReplicaSet that may not make its pods says so in its own condition and Events. */
static llmd_error *observe_create(const struct scene *scene, struct sightings *out)
{
    SCENE_EACH(set, scene, SCENE_REPLICASET)
    {
        const struct json *condition =
            llmd__scene_condition(llmd__json_member(set, "status"), "ReplicaFailure");

        if (condition && !strcmp(llmd__json_str(condition, "status"), "True"))
            TRY(llmd__sighting_add(out, llmd__scene_subject(set),
                                   llmd__json_str(condition, "reason"), 1, "%s",
                                   llmd__json_str(condition, "message")));
    }
    return NULL;
}

/* The ReplicaSet makes another one, so it is told and waited on. */
static llmd_error *observe_evicted(const struct scene *scene, struct sightings *out)
{
    SCENE_EACH_POD(pod, scene)
    {
        if (!strcmp(llmd__json_str(pod, "status.phase"), "Failed"))
            TRY(llmd__sighting_add(out, llmd__scene_subject(pod),
                                   llmd__json_str(pod, "status.reason"), 1, "the pod failed: %s %s",
                                   llmd__json_str(pod, "status.reason"),
                                   llmd__json_str(pod, "status.message")));
    }
    return NULL;
}

/* Where Events may not be read the back-offs cannot be counted: then time decides. */
#define PULL_END_MS 120000

const struct rule llmd__rules_pod[] = {
    {.code = "PodsNotCreated",
     .observe = observe_create,
     .texts = "exceeded quota|quota",
     .advice = "raise the namespace's ResourceQuota or ask for less",
     .end_ms = FINDING_NEVER},
    {.code = "PodsNotCreated",
     .observe = observe_create,
     .advice = "read the message: an admission rule or a missing ServiceAccount refuses the pods",
     .end_ms = FINDING_NEVER},
    {.code = "StockOut",
     .observe = observe_autoscaler,
     .texts = "out of resources|STOCKOUT|RESOURCE_POOL_EXHAUSTED",
     .advice = "the zone has no such machine now: try another zone, spot, or a reservation; the "
               "autoscaler goes on trying",
     .end_ms = FINDING_NEVER},
    {.code = "QuotaExceeded",
     .observe = observe_autoscaler,
     .texts = "quota",
     .advice = "request more quota for this machine family in the region",
     .end_ms = FINDING_NEVER},
    {.code = "ScaleUpBlocked",
     .observe = observe_autoscaler,
     .texts = "in backoff after failed scale-up|max node group size reached|max cluster",
     .advice = "raise the node pool's maximum, or free a node",
     .end_ms = FINDING_NEVER},
    {.code = "ScaleUpFailed",
     .observe = observe_autoscaler,
     .texts = "FailedScaleUp",
     .advice = "look at the node pool's errors in the cloud console",
     .end_ms = FINDING_NEVER},
    /* The autoscaler looks again every ten seconds and has all pools in view: three times no is no.
     */
    {.code = "NoPoolFits",
     .observe = observe_autoscaler,
     .advice = "no node pool of the cluster can hold this pod: make one of the preset's machine "
               "type, or choose the preset by the pools that are there",
     .end_ms = 30000},
    {.code = "ScalingUp",
     .observe = observe_scheduling,
     .texts = "TriggeredScaleUp",
     .advice = "",
     .end_ms = FINDING_NEVER,
     .progress = true},
    {.code = "Unschedulable",
     .observe = observe_scheduling,
     .texts = "NoNodeFits",
     .advice = "ask for no more chips than one host has: choose the preset by the machine type",
     .end_ms = 30000},
    /* The scheduler looks at labels before resources: a node that is too full has the labels. */
    {.code = "Unschedulable",
     .observe = observe_scheduling,
     .texts = "Insufficient",
     .advice = "the nodes that it may run on are full: add one, delete what holds what it needs, "
               "or ask for less",
     .end_ms = FINDING_NEVER},
    {.code = "Unschedulable",
     .observe = observe_scheduling,
     .texts = "didn't match Pod's node affinity",
     .advice = "no node carries the preset's labels: add a node pool of its machine type, or set "
               "nodeSelector",
     .end_ms = FINDING_NEVER},
    {.code = "Unschedulable",
     .observe = observe_scheduling,
     .advice = "add a node that has what the pod asks for, free one, or ask for less",
     .end_ms = FINDING_NEVER},
    {.code = "InvalidImageName",
     .observe = observe_pull,
     .texts = "InvalidImageName",
     .advice = "correct the image's name",
     .end_ms = 0},
    {.code = "ImageNeverPulled",
     .observe = observe_pull,
     .texts = "ErrImageNeverPull",
     .advice = "the pull policy is Never and the node does not have the image",
     .end_ms = 60000},
    /* Before the refusals: "dial tcp ... 403" of a proxy is about the way, not about the image. */
    {.code = "RegistryUnreachable",
     .observe = observe_pull,
     .texts = "dial tcp|no such host|name resolution|i/o timeout|connection refused|x509|"
              "TLS handshake|deadline exceeded",
     .advice = "the node cannot reach the registry: check its host name, egress and DNS",
     .end_ms = FINDING_NEVER},
    {.code = "ImagePullDenied",
     .observe = observe_pull,
     .texts = "401 Unauthorized|403 Forbidden|unauthorized|denied|authentication required|"
              "authorization failed|no basic auth",
     .advice = "give a login with pullSecret, or check that the one given may read this repository",
     .end_ms = PULL_END_MS,
     .end_strikes = 2},
    {.code = "ImageNotFound",
     .observe = observe_pull,
     .texts = "not found|manifest unknown|name unknown|404",
     .advice = "check the image's repository and tag",
     .end_ms = PULL_END_MS,
     .end_strikes = 2},
    {.code = "ImagePullFailed",
     .observe = observe_pull,
     .advice = "check the image's name, the registry and the pull secret",
     .end_ms = FINDING_NEVER},
    {.code = "SecretMissing",
     .observe = observe_config,
     .texts = "secret ",
     .advice = "make the Secret, or let the library do it with hfToken or pullSecret",
     .end_ms = FINDING_NEVER},
    {.code = "ContainerNotCreated",
     .observe = observe_config,
     .advice = "read the message: command, mounts or configuration do not fit the image",
     .end_ms = FINDING_NEVER},
    {.code = "VolumeNotMounted",
     .observe = observe_mount,
     .texts = "FailedMount|FailedAttachVolume",
     .advice = "check that the claim, Secret or ConfigMap of this volume exists",
     .grace_ms = 10000,
     .end_ms = FINDING_NEVER},
    {.code = "SandboxFailed",
     .observe = observe_mount,
     .advice = "the node cannot give the pod a network; look at its CNI",
     .grace_ms = 10000,
     .end_ms = FINDING_NEVER},
    {.code = "PodFailed",
     .observe = observe_evicted,
     .advice = "the node took the pod away; a new one is made",
     .end_ms = FINDING_NEVER},
    {.code = NULL},
};
