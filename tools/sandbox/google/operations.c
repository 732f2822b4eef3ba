/* SPDX-License-Identifier: Apache-2.0 */
/* Long-running operations of container v1. A failed one is DONE too. */
#include "sandbox/google/operations.h"

#include "sandbox/conn.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK "https://container.googleapis.com/v1/projects/" PROJECT_NUMBER
#define MAX_RUNNING 5

static void stamp(char out[40])
{
    char micro[40];
    clock_stamp_micro(micro);
    snprintf(out, 40, "%.26s000Z", micro); /* Google's have nine digits */
}

struct gke_operation *operation_begin(struct google *google, const char *type,
                                      enum operation_work work, const struct gke_cluster *cluster,
                                      const struct gke_pool *pool, int64_t duration)
{
    struct gke_operation *operation = must_alloc(sizeof(*operation));
    char uuid[37];
    int64_t now = google_now(google);
    google_uuid(google, uuid);
    *operation = (struct gke_operation){.type = type,
                                        .work = work,
                                        .made = now,
                                        .begins = now + 5 * SECONDS,
                                        .ends = now + duration,
                                        .next = google->operations};
    snprintf(operation->name, sizeof(operation->name), "operation-%" PRId64 "-%s",
             llmd__clock_wall_ms(), uuid);
    snprintf(operation->location, sizeof(operation->location), "%s", cluster->location);
    snprintf(operation->cluster, sizeof(operation->cluster), "%s", cluster->name);
    if (pool)
        snprintf(operation->pool, sizeof(operation->pool), "%s", pool->name);
    stamp(operation->started);
    google->operations = operation;
    return operation;
}

static bool concerns(const struct gke_operation *operation, const struct gke_cluster *cluster)
{
    return strcmp(operation->cluster, cluster->name) == 0 &&
           strcmp(operation->location, cluster->location) == 0;
}

struct gke_operation *operation_running(struct google *google, const struct gke_cluster *cluster)
{
    for (struct gke_operation *operation = google->operations; operation;
         operation = operation->next)
        if (!operation->done && concerns(operation, cluster))
            return operation;
    return NULL;
}

/* ---- one mutation at a time ---- */

static struct json *incompatible(struct api_call *call, const char *operation)
{
    return api_info(api_error(call, 400, "FAILED_PRECONDITION", NULL,
                              "Cluster is running incompatible operation %s.", operation),
                    "CLUSTER_ALREADY_HAS_OPERATION", "container.googleapis.com", NULL);
}

static struct json *own_operation(struct api_call *call, const struct gke_cluster *cluster)
{
    /* The autoscaler, repairs and upgrades begin operations of their own. */
    struct gke_operation *operation =
        operation_begin(call->google, "AUTO_REPAIR_NODES", WORK_NONE, cluster, NULL, 30 * SECONDS);
    return incompatible(call, operation->name);
}

struct json *operation_conflict(struct api_call *call, const struct gke_cluster *cluster,
                                bool pool_create)
{
    int running = 0;
    const struct gke_operation *other = NULL;
    for (struct gke_operation *operation = call->google->operations; operation;
         operation = operation->next) {
        if (operation->done || !concerns(operation, cluster))
            continue;
        running++;
        if (!pool_create || operation->work != WORK_CREATE_POOL)
            other = operation;
    }
    if (fault_take(call->google, "too-many-operations", call->line, NULL) || running >= MAX_RUNNING)
        return api_error(call, 429, "RESOURCE_EXHAUSTED", NULL,
                         "Too many operations: cluster \"%s\" hits the concurrent operations quota "
                         "%d",
                         cluster->name, MAX_RUNNING);
    if (other)
        return incompatible(call, other->name);
    if (cluster->reconciling_until ||
        fault_take(call->google, "operation-conflict", call->line, NULL))
        return own_operation(call, cluster);
    return NULL;
}

/* ---- showing ---- */

static struct json *metric(const char *name, int value)
{
    AUTO(str) char *text = llmd__format("%d", value);
    return MAKE("{'name':%s,'intValue':%s}", name, text); /* int64: a string */
}

/* Phases of a cluster's making, in the order in which real operations count them up. */
static void add_progress(struct google *google, const struct gke_operation *operation,
                         struct json *json)
{
    static const struct {
        const char *name;
        int total;
        int reached; /* at the end */
    } phases[] = {{"CLUSTER_CONFIGURING", 8, 8},
                  {"CLUSTER_DEPLOYING", 12, 12},
                  {"CLUSTER_HEALTHCHECKING", 2, 1}};
    int64_t span = operation->ends - operation->begins;
    int64_t gone = google_now(google) - operation->begins;
    int steps = span > 0 && !operation->done ? (int)(22 * gone / span) : 22;
    struct json *metrics = llmd__json_array();
    for (size_t i = 0; i < 3; i++) {
        int now = steps < 0 ? 0 : steps > phases[i].total ? phases[i].total : steps;
        AUTO(str) char *total = llmd__format("%s_TOTAL", phases[i].name);
        llmd__json_add(metrics,
                       metric(phases[i].name, now > phases[i].reached ? phases[i].reached : now));
        llmd__json_add(metrics, metric(total, phases[i].total));
        steps -= phases[i].total;
    }
    llmd__json_set(json, "progress", MAKE("{'name':%s,'metrics':%j}", operation->name, metrics));
    llmd__json_free(metrics);
}

static const char *status_of(struct google *google, const struct gke_operation *operation)
{
    if (operation->done)
        return "DONE";
    if (fault_on(google, "unknown-enum", ""))
        return "STATUS_OF_THE_FUTURE";
    return google_now(google) < operation->begins ? "PENDING" : "RUNNING";
}

static void add_error(const struct gke_operation *operation, struct json *json)
{
    if (!operation->error_code)
        return;
    llmd__json_set(json, "error",
                   MAKE("{'code':%d,'message':%s}", operation->error_code, operation->error));
    llmd__json_set_str(json, "statusMessage", operation->error);
    if (operation->condition)
        llmd__json_set(json, *operation->pool ? "nodepoolConditions" : "clusterConditions",
                       MAKE("[{'code':%s,'canonicalCode':'RESOURCE_EXHAUSTED','message':%s}]",
                            operation->condition, operation->error));
}

struct json *operation_show(struct google *google, const struct gke_operation *operation)
{
    bool zonal = catalog_zone(operation->location) != NULL;
    const char *collection = zonal ? "zones" : "locations";
    AUTO(str)
    char *self =
        llmd__format(LINK "/%s/%s/operations/%s", collection, operation->location, operation->name);
    AUTO(str)
    char *target =
        llmd__format(LINK "/%s/%s/clusters/%s%s%s", collection, operation->location,
                     operation->cluster, *operation->pool ? "/nodePools/" : "", operation->pool);
    struct json *json = MAKE("{'name':%s,'operationType':%s,'status':%s,'selfLink':%s,"
                             "'targetLink':%s,'startTime':%s}",
                             operation->name, operation->type, status_of(google, operation), self,
                             target, operation->started);
    llmd__json_set_str(json, zonal ? "zone" : "location", operation->location);
    if (operation->done)
        llmd__json_set_str(json, "endTime", operation->ended);
    if (operation->work == WORK_CREATE_CLUSTER || operation->work == WORK_DELETE_CLUSTER)
        add_progress(google, operation, json);
    add_error(operation, json);
    return json;
}

struct json *operation_answer(struct api_call *call, struct gke_operation *operation)
{
    bool create = operation->work == WORK_CREATE_CLUSTER || operation->work == WORK_CREATE_POOL;
    if ((create && fault_take(call->google, "ambiguous-create", call->line, NULL)) ||
        fault_take(call->google, "ambiguous", call->line, NULL))
        call->cut_afterwards = true;
    if (fault_take(call->google, "operation-404-first", call->line, NULL))
        operation->not_found_left = 1;
    if (fault_take(call->google, "operation-fails", call->line, NULL)) {
        operation->error_code = 13;
        operation->error = llmd__format("Internal error: please retry. If the problem persists, "
                                        "contact support.");
    }
    return operation_show(call->google, operation);
}

/* ---- the API ---- */

struct json *operations_list(struct api_call *call)
{
    const char *location = api_segment(call, 3);
    struct json *list = llmd__json_array();
    for (struct gke_operation *operation = call->google->operations; operation;
         operation = operation->next)
        if (strcmp(location, "-") == 0 || strcmp(location, operation->location) == 0)
            llmd__json_add(list, operation_show(call->google, operation));
    struct json *json = MAKE("{'operations':%j}", list);
    llmd__json_free(list);
    return json;
}

static struct gke_operation *find(struct api_call *call)
{
    for (struct gke_operation *operation = call->google->operations; operation;
         operation = operation->next)
        if (strcmp(operation->name, api_segment(call, 5)) == 0 &&
            strcmp(operation->location, api_segment(call, 3)) == 0)
            return operation;
    return NULL;
}

struct json *operations_get(struct api_call *call)
{
    struct gke_operation *operation = find(call);
    if (!operation || operation->not_found_left > 0) {
        if (operation)
            operation->not_found_left--;
        return api_not_found(call, "Not found: projects/%s/locations/%s/operations/%s.",
                             google_project(call->google), api_segment(call, 3),
                             api_segment(call, 5));
    }
    return operation_show(call->google, operation);
}

struct json *operations_cancel(struct api_call *call)
{
    struct gke_operation *operation = find(call);
    if (!operation)
        return api_not_found(call, "Not found: projects/%s/locations/%s/operations/%s.",
                             google_project(call->google), api_segment(call, 3),
                             api_segment(call, 5));
    if (operation->done || strcmp(operation->type, "UPGRADE_NODES") != 0)
        return api_error(call, 400, "FAILED_PRECONDITION", NULL,
                         "Operation %s of type %s cannot be cancelled.", operation->name,
                         operation->type);
    operation->ends = google_now(call->google);
    return NULL;
}

void operations_advance(struct google *google)
{
    int64_t now = google_now(google);
    for (struct gke_operation *operation = google->operations; operation;
         operation = operation->next)
        if (!operation->done && operation->ends <= now) {
            operation->done = true;
            stamp(operation->ended);
            operation_finish(google, operation);
        }
}

void operations_free(struct google *google)
{
    while (google->operations) {
        struct gke_operation *operation = google->operations;
        google->operations = operation->next;
        llmd__json_free(operation->patch);
        llmd__free(operation->error);
        free(operation);
    }
}
