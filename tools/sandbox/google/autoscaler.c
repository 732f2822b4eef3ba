/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks every ten seconds of cluster time. A pod that waits gets a node of the first pool whose
 * nodes would take it, unless one is on its way already; a node on which nothing ran for ten
 * minutes goes. Slices of several hosts come and go whole.
 */
#include "sandbox/google/autoscaler.h"

#include "sandbox/google/clusters.h"
#include "sandbox/google/operations.h"
#include "sandbox/conn.h"
#include "sandbox/scheduler.h"

#include <stdlib.h>
#include <string.h>

#define PERIOD (10 * SECONDS)
#define MAX_COMING 64
#define MAX_PODS 110
#define COMPONENT "cluster-autoscaler"

/* A node that is there or on its way, with the pods that it has or will take. A node that is there
   counts too: the scheduler may not have come to the pod yet. */
struct coming {
    const struct gke_pool *pool;
    struct json *node;
    const struct json *pods[MAX_PODS];
    int pod_count;
};

struct pass {
    struct google *google;
    struct gke_cluster *cluster;
    struct coming coming[MAX_COMING];
    int count;
};

static bool has_event(struct sandbox *kube, const struct object *pod, const char *reason)
{
    struct kind *events = kinds_find(kube->store.kinds, "", "events");
    for (struct object *event = events->objects; event; event = event->next)
        if (strcmp(object_str(event, "involvedObject.uid"), pod->uid) == 0 &&
            strcmp(object_str(event, "reason"), reason) == 0)
            return true;
    return false;
}

static bool is_waiting(const struct object *pod)
{
    if (*object_str(pod, "spec.nodeName") || *object_str(pod, "metadata.deletionTimestamp"))
        return false;
    JSON_EACH(condition, llmd__json_get(object_json(pod), "status.conditions"))
        if (strcmp(llmd__json_str(condition, "type"), "PodScheduled") == 0 &&
            strcmp(llmd__json_str(condition, "reason"), "Unschedulable") == 0)
            return true;
    return false;
}

static void add_coming(struct pass *pass, const struct gke_pool *pool, const char *zone)
{
    if (pass->count < MAX_COMING)
        pass->coming[pass->count++] = (struct coming){
            .pool = pool, .node = node_template(pass->cluster, pool, "coming", zone, true)};
}

static void add_bound(struct coming *coming, struct sandbox *kube, const char *node)
{
    struct kind *pods = kinds_find(kube->store.kinds, "", "pods");
    for (struct object *pod = pods->objects; pod && coming->pod_count < MAX_PODS; pod = pod->next)
        if (strcmp(object_str(pod, "spec.nodeName"), node) == 0)
            coming->pods[coming->pod_count++] = object_json(pod);
}

static void gather_coming(struct pass *pass)
{
    for (struct gke_pool *pool = pass->cluster->pools; pool; pool = pool->next)
        for (struct gke_node *node = pool->nodes; node; node = node->next) {
            if (node->stuck || pass->count == MAX_COMING)
                continue;
            add_coming(pass, pool, node->zone);
            add_bound(&pass->coming[pass->count - 1], pass->cluster->kube, node->name);
        }
}

static bool takes_one_more(struct coming *coming, const struct json *pod)
{
    if (coming->pod_count == MAX_PODS ||
        !scheduler_would_fit(pod, coming->node, coming->pods, coming->pod_count, NULL))
        return false;
    coming->pods[coming->pod_count++] = pod;
    return true;
}

static int zone_count(const struct gke_pool *pool)
{
    int count = (int)llmd__json_count(pool_zones(pool));
    return count ? count : 1;
}

static int machines(const struct gke_pool *pool)
{
    int count = 0;
    for (const struct gke_node *node = pool->nodes; node; node = node->next)
        count++;
    return count;
}

static int most(const struct gke_pool *pool)
{
    int total = (int)llmd__json_int(pool->spec, "autoscaling.totalMaxNodeCount", 0);
    return total
               ? total
               : zone_count(pool) * (int)llmd__json_int(pool->spec, "autoscaling.maxNodeCount", 0);
}

static int least(const struct gke_pool *pool)
{
    int total = (int)llmd__json_int(pool->spec, "autoscaling.totalMinNodeCount", 0);
    return total
               ? total
               : zone_count(pool) * (int)llmd__json_int(pool->spec, "autoscaling.minNodeCount", 0);
}

static void scale_up(struct pass *pass, struct object *pod, struct gke_pool *pool)
{
    struct sandbox *kube = pass->cluster->kube;
    char group[128];
    int before = machines(pool);
    group_name(pass->cluster, pool, group, sizeof(group));
    nodes_add(pass->google, pass->cluster, pool, pool_slice(pool));
    const struct gke_node *last = pool->nodes;
    while (last && last->next)
        last = last->next;
    const char *zone = last ? last->zone : pass->cluster->location;
    if (nodes_stuck(pool)) {
        event_emit(kube, pod, "Warning", "FailedScaleUp", COMPONENT,
                   "Node scale up in zones %s associated with this pod failed: GCE out of "
                   "resources. Pod is at risk of not being scheduled.",
                   zone);
        nodes_drop_stuck(pass->cluster, pool);
        pool->backoff_until = google_now(pass->google) + 5 * MINUTES;
        return;
    }
    event_emit(kube, pod, "Normal", "TriggeredScaleUp", COMPONENT,
               "pod triggered scale-up: [{https://www.googleapis.com/compute/v1/projects/%s/zones/"
               "%s/instanceGroups/%s %d->%d (max: %d)}]",
               google_project(pass->google), zone, group, before, machines(pool), most(pool));
    for (int i = 0; i < pool_slice(pool); i++)
        add_coming(pass, pool, zone);
}

/* Why no pool takes this pod, in the autoscaler's words. */
static void refuse(struct pass *pass, struct object *pod, const struct buf *reasons)
{
    if (!has_event(pass->cluster->kube, pod, "NotTriggerScaleUp"))
        event_emit(pass->cluster->kube, pod, "Normal", "NotTriggerScaleUp", COMPONENT,
                   "pod didn't trigger scale-up: %s", llmd__buf_text(reasons));
}

static bool would_take(struct pass *pass, const struct gke_pool *pool, const struct object *pod,
                       struct buf *reasons)
{
    const char *why = NULL;
    AUTO(json)
    struct json *node =
        node_template(pass->cluster, pool, "template", pass->cluster->location, true);
    bool fits = scheduler_would_fit(object_json(pod), node, NULL, 0, &why);
    if (fits && machines(pool) + pool_slice(pool) > most(pool)) {
        fits = false;
        why = "max node group size reached";
    }
    if (fits && google_now(pass->google) < pool->backoff_until) {
        fits = false;
        why = "in backoff after failed scale-up";
    }
    if (!fits)
        llmd__buf_format(reasons, "%s1 %s", reasons->len ? ", " : "", why);
    return fits;
}

static void help(struct pass *pass, struct object *pod)
{
    AUTO(buf) struct buf reasons = BUF_INIT;
    for (int i = 0; i < pass->count; i++)
        if (takes_one_more(&pass->coming[i], object_json(pod)))
            return;
    for (struct gke_pool *pool = pass->cluster->pools; pool; pool = pool->next)
        if (pool_autoscales(pool) && strcmp(pool->status, "RUNNING") == 0 &&
            would_take(pass, pool, pod, &reasons)) {
            scale_up(pass, pod, pool);
            return;
        }
    refuse(pass, pod, &reasons);
}

/* ---- down ---- */

static bool is_idle(struct sandbox *kube, const struct gke_node *node)
{
    struct kind *pods = kinds_find(kube->store.kinds, "", "pods");
    for (struct object *pod = pods->objects; pod; pod = pod->next)
        if (strcmp(object_str(pod, "spec.nodeName"), node->name) == 0)
            return false;
    return true;
}

static bool all_idle(struct gke_cluster *cluster, const struct gke_pool *pool, int64_t since)
{
    (void)cluster;
    for (const struct gke_node *node = pool->nodes; node; node = node->next)
        if (!node->idle_since || node->idle_since > since)
            return false;
    return true;
}

/* Marks what is idle; the node that may go, or NULL. Called with the Kubernetes side's lock. */
static struct gke_node *find_idle(struct pass *pass, struct gke_pool *pool)
{
    int64_t now = google_now(pass->google);
    struct gke_node *found = NULL;
    for (struct gke_node *node = pool->nodes; node; node = node->next) {
        if (!node->device || !is_idle(pass->cluster->kube, node))
            node->idle_since = 0;
        else if (!node->idle_since)
            node->idle_since = now;
        else if (now - node->idle_since >= SCALE_DOWN_TIME && !found)
            found = node;
    }
    if (found && pool_slice(pool) > 1 && !all_idle(pass->cluster, pool, now - SCALE_DOWN_TIME))
        return NULL;
    return machines(pool) - pool_slice(pool) >= least(pool) ? found : NULL;
}

static void scale_down(struct pass *pass, struct gke_pool *pool)
{
    sandbox_lock(pass->cluster->kube);
    struct gke_node *idle = find_idle(pass, pool);
    sandbox_unlock(pass->cluster->kube);
    if (!idle)
        return;
    if (pool_slice(pool) > 1)
        nodes_want(pass->google, pass->cluster, pool, 0);
    else
        nodes_remove(pass->cluster, pool, idle);
}

static void run_pass(struct google *google, struct gke_cluster *cluster)
{
    struct pass *pass = must_alloc(sizeof(*pass));
    *pass = (struct pass){.google = google, .cluster = cluster};
    sandbox_lock(cluster->kube);
    gather_coming(pass);
    struct kind *pods = kinds_find(cluster->kube->store.kinds, "", "pods");
    for (struct object *pod = pods->objects; pod; pod = pod->next)
        if (is_waiting(pod))
            help(pass, pod);
    sandbox_unlock(cluster->kube);
    for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next)
        if (pool_autoscales(pool) && strcmp(pool->status, "RUNNING") == 0)
            scale_down(pass, pool);
    for (int i = 0; i < pass->count; i++)
        llmd__json_free(pass->coming[i].node);
    free(pass);
}

void autoscaler_run(struct google *google)
{
    int64_t now = google_now(google);
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next) {
        if (!cluster->kube || now < cluster->autoscaled_at + PERIOD)
            continue;
        cluster->autoscaled_at = now;
        run_pass(google, cluster);
    }
}
