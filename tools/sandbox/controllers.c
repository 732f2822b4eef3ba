/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop behind the API: after every change, and when a step is due, each object of a kind with a
 * reconciler is brought one step on. Level-triggered like Kubernetes' own: a controller looks at
 * what is there and never at what happened.
 */
#include "sandbox/controllers.h"

#include "sandbox/conn.h"
#include "sandbox/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *group;
    const char *plural;
    reconcile_fn reconcile;
} reconcilers[] = {
    {"", "namespaces", reconcile_namespace},
    {"apiextensions.k8s.io", "customresourcedefinitions", reconcile_crd},
    {"apps", "deployments", reconcile_deployment},
    {"apps", "replicasets", reconcile_replicaset},
    {"", "pods", reconcile_pod},
    {"cert-manager.io", "certificates", reconcile_certificate},
    {"cert-manager.io", "issuers", reconcile_issuer},
    {"cert-manager.io", "clusterissuers", reconcile_issuer},
    {"admissionregistration.k8s.io", "validatingwebhookconfigurations", reconcile_ca_bundle},
    {"admissionregistration.k8s.io", "mutatingwebhookconfigurations", reconcile_ca_bundle},
    {"gateway.networking.k8s.io", "gatewayclasses", reconcile_gateway_class},
    {"gateway.networking.k8s.io", "gateways", reconcile_gateway},
    {"gateway.networking.k8s.io", "httproutes", reconcile_route},
    {"inference.networking.k8s.io", "inferencepools", reconcile_pool},
    {"networking.gke.io", "healthcheckpolicies", reconcile_gke_policy},
    {"networking.gke.io", "gcpbackendpolicies", reconcile_gke_policy},
    {"serving.kserve.io", "llminferenceservices", reconcile_llmisvc},
    {"serving.kserve.io", "llminferenceserviceconfigs", reconcile_preset},
};

void controllers_attach(struct sandbox *sandbox)
{
    for (size_t i = 0; i < sizeof(reconcilers) / sizeof(reconcilers[0]); i++) {
        struct kind *kind =
            kinds_find(sandbox->store.kinds, reconcilers[i].group, reconcilers[i].plural);
        if (kind)
            kind->reconcile = reconcilers[i].reconcile;
    }
}

static void sooner(int64_t *next, int64_t due)
{
    if (due && (!*next || due < *next))
        *next = due;
}

/* Objects come and go while reconcilers run, so the list is taken first. */
static int64_t reconcile_kind(struct sandbox *sandbox, struct kind *kind, int64_t now)
{
    int64_t next = 0;
    size_t count = 0;
    for (struct object *object = kind->objects; object; object = object->next)
        count++;
    struct object **objects = must_alloc((count + 1) * sizeof(*objects));
    count = 0;
    for (struct object *object = kind->objects; object; object = object->next)
        objects[count++] = object;
    for (size_t i = 0; i < count; i++) {
        if (objects[i]->deleted)
            continue;
        int64_t due = kind->reconcile(sandbox, objects[i], now);
        if (objects[i]->deleted)
            continue;
        objects[i]->due = due;
        sooner(&next, due);
    }
    free(objects);
    return next;
}

static int64_t reconcile_all(struct sandbox *sandbox, int64_t now)
{
    int64_t next = 0;
    controllers_attach(sandbox);
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next)
        if (kind->reconcile && kind->served)
            sooner(&next, reconcile_kind(sandbox, kind, now));
    sooner(&next, run_cert_operator(sandbox, now));
    crds_unserve(sandbox);
    collect_garbage(sandbox);
    store_bury(&sandbox->store);
    return next;
}

static void wait_until(struct sandbox *sandbox, int64_t next)
{
    struct timespec at;
    int64_t us = next ? clock_real_wait_us(&sandbox->clock, next) : 3600000000;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += us / 1000000;
    at.tv_nsec += (us % 1000000) * 1000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &at);
}

/* A step that is late, on a busy machine, is made as of when it was due: two that are late together
 * would else be one, and what a real cluster says in between be left out. Within a second: those
 * who poll faster than this machine follows must not hold time back for good. */
static int64_t step_time(const struct sandbox *sandbox, int64_t due, int64_t last)
{
    int64_t now = clock_now(&sandbox->clock);
    bool late = due > last && (double)(now - due) * sandbox->clock.scale < 1000;
    return late && due < now ? due : now;
}

/* Where steps come due faster than a pass over all objects goes (a fast clock, a sanitizer),
 * requests would never get the lock, which is not fair.
 */
static void let_requests_in(struct sandbox *sandbox)
{
    pthread_mutex_unlock(&sandbox->lock);
    usleep(200);
    pthread_mutex_lock(&sandbox->lock);
}

static void *run_controllers(void *data)
{
    struct sandbox *sandbox = data;
    int64_t next = 0;
    int64_t now = 0;
    pthread_mutex_lock(&sandbox->lock);
    while (!sandbox->stopping) {
        int64_t version = sandbox->store.version;
        bool due = next && clock_real_wait_us(&sandbox->clock, next) == 0;
        if (version == sandbox->settled_version && !due) {
            wait_until(sandbox, next);
            continue;
        }
        sandbox->settled_version = version;
        now = step_time(sandbox, next, now);
        next = reconcile_all(sandbox, now);
        if (sandbox->store.version != version)
            pthread_cond_broadcast(&sandbox->changed);
        if (next && clock_real_wait_us(&sandbox->clock, next) == 0)
            let_requests_in(sandbox);
    }
    pthread_mutex_unlock(&sandbox->lock);
    return NULL;
}

void controllers_settle(struct sandbox *sandbox, int64_t cluster_ms)
{
    int64_t end = clock_now(&sandbox->clock) + cluster_ms;
    for (;;) {
        int64_t version = sandbox->store.version;
        int64_t next = reconcile_all(sandbox, clock_now(&sandbox->clock));
        if (sandbox->store.version != version)
            continue;
        if (!next || next > end)
            return;
        clock_skip_to(&sandbox->clock, next);
    }
}

void controllers_start(struct sandbox *sandbox)
{
    sandbox->controllers_run =
        pthread_create(&sandbox->controllers, NULL, run_controllers, sandbox) == 0;
}

void controllers_stop(struct sandbox *sandbox)
{
    if (sandbox->controllers_run)
        pthread_join(sandbox->controllers, NULL);
    sandbox->controllers_run = false;
}
