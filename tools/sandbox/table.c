/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/table.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef void (*cell_fn)(struct buf *out, const struct json *object);

struct column {
    const char *name;
    const char *path; /* NULL: see cell */
    cell_fn cell;
};

/* ---- cells that are more than one field ---- */

static int ready_containers(const struct json *pod, int *restarts)
{
    int ready = 0;
    *restarts = 0;
    JSON_EACH(entry, llmd__json_get(pod, "status.containerStatuses")) {
        ready += llmd__json_bool(entry, "ready", false);
        *restarts += (int)llmd__json_int(entry, "restartCount", 0);
    }
    return ready;
}

static void cell_pod_ready(struct buf *out, const struct json *pod)
{
    int restarts;
    llmd__buf_format(out, "\"%d/%d\"", ready_containers(pod, &restarts),
                     (int)llmd__json_count(llmd__json_get(pod, "spec.containers")));
}

static void cell_pod_restarts(struct buf *out, const struct json *pod)
{
    int restarts;
    ready_containers(pod, &restarts);
    llmd__buf_format(out, "%d", restarts);
}

/* The reason of a container that is not running says more than the phase. */
static void cell_pod_status(struct buf *out, const struct json *pod)
{
    const char *status = llmd__json_str(pod, "status.phase");
    JSON_EACH(entry, llmd__json_get(pod, "status.containerStatuses")) {
        const struct json *state = llmd__json_first(llmd__json_get(entry, "state"));
        if (*llmd__json_str(state, "reason"))
            status = llmd__json_str(state, "reason");
    }
    if (*llmd__json_str(pod, "metadata.deletionTimestamp"))
        status = "Terminating";
    llmd__buf_json(out, status);
}

static void cell_deployment_ready(struct buf *out, const struct json *deployment)
{
    llmd__buf_format(out, "\"%" PRId64 "/%" PRId64 "\"",
                     llmd__json_int(deployment, "status.readyReplicas", 0),
                     llmd__json_int(deployment, "spec.replicas", 1));
}

static void cell_ready(struct buf *out, const struct json *object)
{
    llmd__buf_json(out, condition_status(object, "Ready"));
}

static void cell_reason(struct buf *out, const struct json *object)
{
    JSON_EACH(condition, llmd__json_get(object, "status.conditions")) {
        if (strcmp(llmd__json_str(condition, "type"), "Ready") == 0) {
            llmd__buf_json(out, llmd__json_str(condition, "reason"));
            return;
        }
    }
    llmd__buf_str(out, "\"\"");
}

static void cell_programmed(struct buf *out, const struct json *gateway)
{
    llmd__buf_json(out, condition_status(gateway, "Programmed"));
}

static void cell_event_object(struct buf *out, const struct json *event)
{
    AUTO(str)
    char *text = llmd__format("%s/%s", llmd__json_str(event, "involvedObject.kind"),
                              llmd__json_str(event, "involvedObject.name"));
    llmd__buf_json(out, text);
}

static void cell_age(struct buf *out, const struct json *object)
{
    int64_t born = 0;
    llmd__clock_parse(llmd__json_str(object, "metadata.creationTimestamp"), &born);
    int64_t seconds = (llmd__clock_wall_ms() - born) / 1000;
    if (seconds < 120)
        llmd__buf_format(out, "\"%" PRId64 "s\"", seconds);
    else
        llmd__buf_format(out, "\"%" PRId64 "m\"", seconds / 60);
}

/* ---- columns by kind ---- */

#define NAME                                                                                       \
    {                                                                                              \
        "Name", "metadata.name", NULL                                                              \
    }
#define AGE                                                                                        \
    {                                                                                              \
        "Age", NULL, cell_age                                                                      \
    }

static const struct {
    const char *kind;
    struct column columns[7];
} layouts[] = {
    {"Pod",
     {NAME,
      {"Ready", NULL, cell_pod_ready},
      {"Status", NULL, cell_pod_status},
      {"Restarts", NULL, cell_pod_restarts},
      AGE}},
    {"Deployment",
     {NAME,
      {"Ready", NULL, cell_deployment_ready},
      {"Up-to-date", "status.updatedReplicas", NULL},
      {"Available", "status.availableReplicas", NULL},
      AGE}},
    {"Node", {NAME, {"Status", NULL, cell_ready}, AGE}},
    {"Namespace", {NAME, {"Status", "status.phase", NULL}, AGE}},
    {"Service", {NAME, {"Type", "spec.type", NULL}, {"Cluster-IP", "spec.clusterIP", NULL}, AGE}},
    {"Event",
     {{"Type", "type", NULL},
      {"Reason", "reason", NULL},
      {"Object", NULL, cell_event_object},
      {"Message", "message", NULL},
      AGE}},
    {"Gateway",
     {NAME,
      {"Class", "spec.gatewayClassName", NULL},
      {"Address", "status.addresses[0].value", NULL},
      {"Programmed", NULL, cell_programmed},
      AGE}},
    {"LLMInferenceService",
     {NAME,
      {"URL", "status.url", NULL},
      {"Ready", NULL, cell_ready},
      {"Reason", NULL, cell_reason},
      AGE}},
};

static const struct column *columns_of(const char *kind)
{
    static const struct column plain[] = {NAME, AGE, {NULL, NULL, NULL}};
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (strcmp(layouts[i].kind, kind) == 0)
            return layouts[i].columns;
    return plain;
}

bool table_wanted(const struct request *request)
{
    const char *accept = request_header(request, "Accept");
    return accept && strstr(accept, "as=Table") && strstr(accept, "g=meta.k8s.io");
}

void table_begin(struct buf *out, const struct kind *kind, int64_t version)
{
    llmd__buf_format(out,
                     "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{"
                     "\"resourceVersion\":\"%" PRId64 "\"},\"columnDefinitions\":[",
                     version);
    for (const struct column *column = columns_of(kind->name); column->name; column++)
        llmd__buf_format(out,
                         "%s{\"name\":\"%s\",\"type\":\"string\",\"format\":\"%s\","
                         "\"description\":\"\",\"priority\":0}",
                         column == columns_of(kind->name) ? "" : ",", column->name,
                         strcmp(column->name, "Name") == 0 ? "name" : "");
    llmd__buf_str(out, "],\"rows\":[");
}

void table_row(struct buf *out, const struct kind *kind, const struct snapshot *snapshot)
{
    const struct column *columns = columns_of(kind->name);
    const struct json *json = snapshot->json;
    llmd__buf_str(out, "{\"cells\":[");
    for (const struct column *column = columns; column->name; column++) {
        if (column != columns)
            llmd__buf_char(out, ',');
        if (column->cell)
            column->cell(out, json);
        else
            llmd__buf_json(out, llmd__json_text(llmd__json_get(json, column->path)));
    }
    llmd__buf_str(out, "],\"object\":");
    llmd__buf_add(out, snapshot->text, snapshot->len);
    llmd__buf_char(out, '}');
}

void table_of(struct buf *out, const struct kind *kind, const struct snapshot *snapshot)
{
    const char *version = llmd__json_str(snapshot->json, "metadata.resourceVersion");
    table_begin(out, kind, strtoll(version, NULL, 10));
    table_row(out, kind, snapshot);
    llmd__buf_str(out, "]}");
}
