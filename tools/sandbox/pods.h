/* SPDX-License-Identifier: Apache-2.0 */
/* A pod's life: the steps that the kubelet writes, in the order of the recordings. */
#ifndef SANDBOX_PODS_H
#define SANDBOX_PODS_H

#include "sandbox/sandbox.h"

enum pod_step {
    POD_NEW,
    POD_BOUND,    /* has a node */
    POD_CREATING, /* ContainerCreating is shown */
    POD_INIT,     /* init containers run */
    POD_STARTING, /* started, not yet shown */
    POD_RUNNING,  /* shown as running, not ready */
    POD_READY,
    POD_PULL_FAILED,
    POD_PULL_BACKOFF,
    POD_CRASHED, /* terminated is shown */
    POD_CRASH_BACKOFF
};

/* What to show of a pod; the writer fills in the rest. */
struct pod_view {
    const char *phase;
    bool has_address;
    bool initialized;
    bool ready;
    bool started;
    int failing;                /* index of the failing container; -1 none */
    struct json *failing_state; /* its "state"; taken */
    const char *waiting;        /* reason of all others while they wait */
    bool running;
    int restarts; /* of the failing container */
};

void pod_write(struct sandbox *sandbox, struct object *pod, struct pod_view view);
void pod_write_unscheduled(struct sandbox *sandbox, struct object *pod, const char *why);
void pod_write_bound(struct sandbox *sandbox, struct object *pod, const char *node);
bool pod_is_model(const struct object *pod);
const struct json *pod_main_container(const struct object *pod);

#endif
