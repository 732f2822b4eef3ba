/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a whole pod status from a view. Conditions keep the kubelet's order and their times, and a
 * container that leaves "terminated" takes it along as lastState.
 */
#include "sandbox/pods.h"

#include "sandbox/images.h"

#include <stdio.h>
#include <string.h>

#define NODE_ADDRESS "10.200.0.1"

const struct json *pod_main_container(const struct object *pod)
{
    const struct json *containers = llmd__json_get(object_json(pod), "spec.containers");
    JSON_EACH(container, containers)
        if (strcmp(llmd__json_str(container, "name"), "main") == 0)
            return container;
    return llmd__json_first(containers);
}

bool pod_is_model(const struct object *pod)
{
    return image_role(llmd__json_str(pod_main_container(pod), "image")) == ROLE_MODEL;
}

static int64_t observed(const struct json *json)
{
    return llmd__json_int(json, "metadata.generation", 1);
}

void pod_write_unscheduled(struct sandbox *sandbox, struct object *pod, const char *why)
{
    struct json *json = store_edit(pod);
    llmd__json_set_str(member_object(json, "status"), "phase", "Pending");
    condition_set(conditions_edit(json), "PodScheduled", "False", "Unschedulable", why,
                  observed(json));
    store_commit(&sandbox->store, pod, json);
}

void pod_write_bound(struct sandbox *sandbox, struct object *pod, const char *node)
{
    struct json *json = store_edit(pod);
    int64_t generation = observed(json);
    llmd__json_set_str(llmd__json_edit(json, "spec"), "nodeName", node);
    condition_set(conditions_edit(json), "PodScheduled", "True", NULL, NULL, generation);
    store_commit(&sandbox->store, pod, json);
}

/* "containers with unready status: [main tokenizer]" */
static char *unready_words(const struct json *containers)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    llmd__buf_str(&buf, "containers with unready status: [");
    JSON_EACH(container, containers)
        llmd__buf_format(&buf, "%s%s", container == llmd__json_first(containers) ? "" : " ",
                         llmd__json_str(container, "name"));
    llmd__buf_char(&buf, ']');
    return llmd__format("%s", llmd__buf_text(&buf));
}

static void write_conditions(struct json *json, const struct pod_view *view)
{
    struct json *old = (struct json *)llmd__json_get(json, "status.conditions");
    AUTO(json) struct json *before = must_copy(old);
    int64_t generation = observed(json);
    struct json *list = llmd__json_set_array(member_object(json, "status"), "conditions");
    AUTO(str) char *unready = unready_words(llmd__json_get(json, "spec.containers"));
    static const char *const order[] = {"PodReadyToStartContainers", "Initialized", "Ready",
                                        "ContainersReady", "PodScheduled"};
    /* The kubelet's order; what is known stays as it was, with its times. */
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        JSON_EACH(condition, before)
            if (strcmp(llmd__json_str(condition, "type"), order[i]) == 0)
                llmd__json_add(list, must_copy(condition));
    condition_set(list, "PodReadyToStartContainers", view->has_address ? "True" : "False", NULL,
                  NULL, generation);
    condition_set(list, "Initialized", view->initialized ? "True" : "False",
                  view->initialized ? NULL : "ContainersNotInitialized",
                  view->initialized ? NULL
                                    : "containers with incomplete status: "
                                      "[storage-initializer]",
                  generation);
    for (int i = 0; i < 2; i++)
        condition_set(list, i ? "ContainersReady" : "Ready", view->ready ? "True" : "False",
                      view->ready ? NULL : "ContainersNotReady", view->ready ? NULL : unready,
                      generation);
}

static void write_address(struct sandbox *sandbox, struct json *status)
{
    char address[32];
    int n;
    if (llmd__json_member(status, "podIP"))
        return;
    n = ++sandbox->pod_address;
    snprintf(address, sizeof(address), "10.246.%d.%d", n / 250, n % 250 + 2);
    llmd__json_set_str(status, "podIP", address);
    llmd__json_set_str(llmd__json_add_object(llmd__json_set_array(status, "podIPs")), "ip",
                       address);
}

static struct json *container_state(const struct json *old, const struct pod_view *view, bool fails)
{
    char stamp[32];
    if (fails)
        return must_copy(view->failing_state);
    if (!view->running)
        return MAKE("{'waiting':{'reason':%s}}", view->waiting);
    const struct json *running = llmd__json_get(old, "state.running");
    if (running)
        return must_copy(llmd__json_member(old, "state"));
    clock_stamp(stamp);
    return MAKE("{'running':{'startedAt':%s}}", stamp);
}

/* The last termination moves to lastState when the container leaves it. */
static void write_last_state(struct json *entry, const struct json *old)
{
    const struct json *ended = llmd__json_get(old, "state.terminated");
    if (ended && !llmd__json_get(entry, "state.terminated"))
        llmd__json_set(entry, "lastState", MAKE("{'terminated':%j}", ended));
    else if (llmd__json_member(old, "lastState"))
        llmd__json_set(entry, "lastState", must_copy(llmd__json_member(old, "lastState")));
    else
        llmd__json_set_object(entry, "lastState");
}

static void add_container(struct json *list, const struct json *container, const struct json *old,
                          const struct pod_view *view, bool fails)
{
    struct json *entry = llmd__json_add_object(list);
    bool running = view->running && !fails;
    llmd__json_set_str(entry, "name", llmd__json_str(container, "name"));
    llmd__json_set(entry, "state", container_state(old, view, fails));
    write_last_state(entry, old);
    /* While one container fails its neighbours may well be ready. */
    llmd__json_set_bool(entry, "ready", running && view->ready);
    llmd__json_set_int(entry, "restartCount",
                       view->failing == (int)llmd__json_count(list) - 1
                           ? view->restarts
                           : llmd__json_int(old, "restartCount", 0));
    llmd__json_set_str(entry, "image", llmd__json_str(container, "image"));
    llmd__json_set_str(entry, "imageID", running ? "sha256:5a4db0c5" : "");
    llmd__json_set_bool(entry, "started", running && view->started);
}

static const struct json *old_status(const struct json *list, const char *name)
{
    JSON_EACH(entry, list)
        if (strcmp(llmd__json_str(entry, "name"), name) == 0)
            return entry;
    return NULL;
}

static void write_containers(struct json *json, const struct pod_view *view)
{
    struct json *status = member_object(json, "status");
    AUTO(json) struct json *before = must_copy(llmd__json_member(status, "containerStatuses"));
    struct json *list = llmd__json_set_array(status, "containerStatuses");
    int index = 0;
    JSON_EACH(container, llmd__json_get(json, "spec.containers")) {
        bool fails = index == view->failing && view->failing_state;
        add_container(list, container, old_status(before, llmd__json_str(container, "name")), view,
                      fails);
        index++;
    }
}

static void write_init_containers(struct json *json, const struct pod_view *view)
{
    const struct json *containers = llmd__json_get(json, "spec.initContainers");
    char stamp[32];
    if (llmd__json_count(containers) == 0)
        return;
    struct json *list =
        llmd__json_set_array(member_object(json, "status"), "initContainerStatuses");
    clock_stamp(stamp);
    JSON_EACH(container, containers) {
        struct json *entry = llmd__json_add_object(list);
        llmd__json_set_str(entry, "name", llmd__json_str(container, "name"));
        llmd__json_set_str(entry, "image", llmd__json_str(container, "image"));
        llmd__json_set_int(entry, "restartCount", 0);
        llmd__json_set_bool(entry, "ready", view->initialized);
        llmd__json_set(entry, "state",
                       view->initialized ? MAKE("{'terminated':{'exitCode':0,'reason':'Completed',"
                                                "'finishedAt':%s}}",
                                                stamp)
                       : view->has_address ? MAKE("{'running':{'startedAt':%s}}", stamp)
                                           : MAKE("{'waiting':{'reason':'PodInitializing'}}"));
        llmd__json_set_object(entry, "lastState");
    }
}

void pod_write(struct sandbox *sandbox, struct object *pod, struct pod_view view)
{
    char stamp[32];
    struct json *json = store_edit(pod);
    struct json *status = member_object(json, "status");
    clock_stamp(stamp);
    llmd__json_set_int(status, "observedGeneration", observed(json));
    llmd__json_set_str(status, "phase", view.phase);
    llmd__json_set_str(status, "hostIP", NODE_ADDRESS);
    if (!llmd__json_member(status, "startTime"))
        llmd__json_set_str(status, "startTime", stamp);
    llmd__json_set_str(status, "qosClass", "Burstable");
    if (view.has_address)
        write_address(sandbox, status);
    write_conditions(json, &view);
    write_init_containers(json, &view);
    write_containers(json, &view);
    llmd__json_free(view.failing_state);
    store_commit(&sandbox->store, pod, json);
}
