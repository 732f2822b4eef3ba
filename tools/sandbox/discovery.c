/* SPDX-License-Identifier: Apache-2.0 */
/* What the server serves: /version, health, /api, /apis in both forms, /openapi/v3. */
#include "sandbox/verbs.h"

#include <string.h>

static const char *const verbs = "[\"create\",\"delete\",\"deletecollection\",\"get\",\"list\","
                                 "\"patch\",\"update\",\"watch\"]";

/* Groups are listed once, at the first of their kinds. */
static bool first_of_group(const struct sandbox *sandbox, const struct kind *kind)
{
    for (struct kind *other = sandbox->store.kinds; other != kind; other = other->next)
        if (other->served && other->version_count && strcmp(other->group, kind->group) == 0)
            return false;
    return kind->served && kind->version_count;
}

/* All versions of a group, preferred first, each once. */
static int group_versions(const struct sandbox *sandbox, const char *group,
                          const char *out[MAX_VERSIONS * 2])
{
    int count = 0;
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next) {
        if (!kind->served || strcmp(kind->group, group) != 0)
            continue;
        for (int i = 0; i < kind->version_count; i++) {
            int at = 0;
            while (at < count && strcmp(out[at], kind->versions[i]) != 0)
                at++;
            if (at == count && count < MAX_VERSIONS * 2)
                out[count++] = kind->versions[i];
        }
    }
    return count;
}

static void add_short_names(struct buf *buf, const struct kind *kind)
{
    if (!*kind->short_names)
        return;
    llmd__buf_str(buf, ",\"shortNames\":[\"");
    for (const char *c = kind->short_names; *c; c++)
        llmd__buf_format(buf, *c == ',' ? "\",\"" : "%c", *c);
    llmd__buf_str(buf, "\"]");
}

static void add_resource(struct buf *buf, const struct kind *kind)
{
    llmd__buf_format(buf,
                     "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\","
                     "\"verbs\":%s",
                     kind->plural, kind->singular, kind->namespaced ? "true" : "false", kind->name,
                     verbs);
    add_short_names(buf, kind);
    llmd__buf_str(buf, "}");
    if (kind->has_status)
        llmd__buf_format(buf,
                         ",{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,"
                         "\"kind\":\"%s\",\"verbs\":[\"get\",\"patch\",\"update\"]}",
                         kind->plural, kind->namespaced ? "true" : "false", kind->name);
    if (strcmp(kind->plural, "deployments") == 0)
        llmd__buf_str(buf, ",{\"name\":\"deployments/scale\",\"singularName\":\"\",\"namespaced\":"
                           "true,\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\","
                           "\"verbs\":[\"get\",\"patch\",\"update\"]}");
    if (kind->builtin && strcmp(kind->plural, "pods") == 0)
        llmd__buf_str(buf, ",{\"name\":\"pods/log\",\"singularName\":\"\",\"namespaced\":true,"
                           "\"kind\":\"Pod\",\"verbs\":[\"get\"]}");
}

static void add_aggregated(struct buf *buf, const struct kind *kind, const char *version)
{
    llmd__buf_format(buf,
                     "{\"resource\":\"%s\",\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\","
                     "\"kind\":\"%s\"},\"scope\":\"%s\",\"singularResource\":\"%s\",\"verbs\":%s",
                     kind->plural, kind->group, version, kind->name,
                     kind->namespaced ? "Namespaced" : "Cluster", kind->singular, verbs);
    add_short_names(buf, kind);
    if (kind->has_status)
        llmd__buf_format(buf,
                         ",\"subresources\":[{\"subresource\":\"status\",\"responseKind\":{"
                         "\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"},\"verbs\":[\"get\","
                         "\"patch\",\"update\"]}]",
                         kind->group, version, kind->name);
    llmd__buf_str(buf, "}");
}

typedef void (*add_kind_fn)(struct buf *buf, const struct kind *kind, const char *version);

static void add_resource_of(struct buf *buf, const struct kind *kind, const char *version)
{
    (void)version;
    add_resource(buf, kind);
}

static void add_kinds(struct sandbox *sandbox, struct buf *buf, const char *group,
                      const char *version, add_kind_fn add)
{
    bool any = false;
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next) {
        if (!kind->served || strcmp(kind->group, group) != 0 || !kind_serves(kind, version))
            continue;
        if (any)
            llmd__buf_char(buf, ',');
        add(buf, kind, version);
        any = true;
    }
}

static void aggregate_group(struct sandbox *sandbox, struct buf *buf, const char *group)
{
    const char *versions[MAX_VERSIONS * 2];
    int count = group_versions(sandbox, group, versions);
    llmd__buf_str(buf, "{\"metadata\":{");
    if (*group)
        llmd__buf_format(buf, "\"name\":\"%s\",", group);
    llmd__buf_str(buf, "\"creationTimestamp\":null},\"versions\":[");
    for (int i = 0; i < count; i++) {
        llmd__buf_format(buf, "%s{\"version\":\"%s\",\"freshness\":\"Current\",\"resources\":[",
                         i ? "," : "", versions[i]);
        add_kinds(sandbox, buf, group, versions[i], add_aggregated);
        llmd__buf_str(buf, "]}");
    }
    llmd__buf_str(buf, "]}");
}

static void aggregated(struct sandbox *sandbox, struct buf *buf, bool core)
{
    bool any = false;
    llmd__buf_str(buf, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":"
                       "\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[");
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next) {
        if (core != !*kind->group || !first_of_group(sandbox, kind))
            continue;
        if (any)
            llmd__buf_char(buf, ',');
        aggregate_group(sandbox, buf, kind->group);
        any = true;
    }
    llmd__buf_str(buf, "]}");
}

static void add_group(struct sandbox *sandbox, struct buf *buf, const char *group)
{
    const char *versions[MAX_VERSIONS * 2];
    int count = group_versions(sandbox, group, versions);
    llmd__buf_format(buf, "{\"name\":\"%s\",\"versions\":[", group);
    for (int i = 0; i < count; i++)
        llmd__buf_format(buf, "%s{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}", i ? "," : "",
                         group, versions[i], versions[i]);
    llmd__buf_format(buf, "],\"preferredVersion\":{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}",
                     group, versions[0], versions[0]);
}

static void group_list(struct sandbox *sandbox, struct buf *buf)
{
    bool any = false;
    llmd__buf_str(buf, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next) {
        if (!*kind->group || !first_of_group(sandbox, kind))
            continue;
        if (any)
            llmd__buf_char(buf, ',');
        add_group(sandbox, buf, kind->group);
        llmd__buf_char(buf, '}');
        any = true;
    }
    llmd__buf_str(buf, "]}");
}

static bool group_exists(const struct sandbox *sandbox, const char *group, const char *version)
{
    const char *versions[MAX_VERSIONS * 2];
    int count = group_versions(sandbox, group, versions);
    for (int i = 0; i < count; i++)
        if (!version || strcmp(versions[i], version) == 0)
            return true;
    return false;
}

static bool resource_list(struct sandbox *sandbox, struct buf *buf, const char *group,
                          const char *version)
{
    if (!group_exists(sandbox, group, version))
        return false;
    llmd__buf_format(buf,
                     "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":"
                     "\"%s%s%s\",\"resources\":[",
                     group, *group ? "/" : "", version);
    add_kinds(sandbox, buf, group, version, add_resource_of);
    llmd__buf_str(buf, "]}");
    return true;
}

/* "/apis/G" and "/apis/G/V" */
static bool below_apis(struct sandbox *sandbox, struct buf *buf, const char *path)
{
    char group[256];
    char version[64];
    char extra;
    int parts = sscanf(path, "/apis/%255[^/]/%63[^/]/%c", group, version, &extra);
    if (parts == 2)
        return resource_list(sandbox, buf, group, version);
    if (parts != 1 || !group_exists(sandbox, group, NULL))
        return false;
    add_group(sandbox, buf, group);
    llmd__buf_str(buf, ",\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"}");
    return true;
}

/* ---- OpenAPI: only what kubectl asks before an apply ---- */

static void add_openapi_path(struct buf *buf, const struct kind *kind, const char *version)
{
    llmd__buf_format(
        buf,
        "\"/%s/%s%s%s/%s/{name}\":{\"patch\":{\"parameters\":[{\"name\":"
        "\"fieldValidation\",\"in\":\"query\"},{\"name\":\"dryRun\",\"in\":\"query\"}],"
        "\"x-kubernetes-group-version-kind\":{\"group\":\"%s\",\"version\":\"%s\","
        "\"kind\":\"%s\"}}}",
        *kind->group ? "apis" : "api", kind->group, *kind->group ? "/" : "", version, kind->plural,
        kind->group, version, kind->name);
}

static void openapi_index(struct sandbox *sandbox, struct buf *buf)
{
    const char *versions[MAX_VERSIONS * 2];
    bool any = false;
    llmd__buf_str(buf, "{\"paths\":{");
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next) {
        int count =
            first_of_group(sandbox, kind) ? group_versions(sandbox, kind->group, versions) : 0;
        for (int i = 0; i < count; i++) {
            AUTO(str)
            char *path = llmd__format("%s%s%s/%s", *kind->group ? "apis/" : "api", kind->group, "",
                                      versions[i]);
            llmd__buf_format(buf, "%s\"%s\":{\"serverRelativeURL\":\"/openapi/v3/%s?hash=%d\"}",
                             any ? "," : "", path, path, (int)sandbox->store.version);
            any = true;
        }
    }
    llmd__buf_str(buf, "}}");
}

static bool openapi(struct sandbox *sandbox, struct buf *buf, const char *path)
{
    char group[256] = "";
    char version[64];
    if (strcmp(path, "/openapi/v3") == 0) {
        openapi_index(sandbox, buf);
        return true;
    }
    if (sscanf(path, "/openapi/v3/apis/%255[^/]/%63[^/]", group, version) != 2 &&
        sscanf(path, "/openapi/v3/api/%63[^/]", version) != 1)
        return false;
    llmd__buf_str(buf, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":"
                       "\"v1.34.10\"},\"paths\":{");
    add_kinds(sandbox, buf, group, version, add_openapi_path);
    llmd__buf_str(buf, "}}");
    return true;
}

static bool fill(struct sandbox *sandbox, const struct request *request, struct buf *buf)
{
    const char *path = request->path;
    const char *accept = request_header(request, "Accept");
    bool wants_aggregated = accept && strstr(accept, "APIGroupDiscoveryList");
    if (strcmp(path, "/version") == 0)
        llmd__buf_str(buf, "{\"major\":\"1\",\"minor\":\"34\",\"gitVersion\":\"v1.34.10\","
                           "\"platform\":\"linux/amd64\",\"goVersion\":\"go1.24.6\"}");
    else if (strcmp(path, "/api") == 0 && wants_aggregated)
        aggregated(sandbox, buf, true);
    else if (strcmp(path, "/api") == 0)
        llmd__buf_str(buf, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}");
    else if (strcmp(path, "/apis") == 0 && wants_aggregated)
        aggregated(sandbox, buf, false);
    else if (strcmp(path, "/apis") == 0)
        group_list(sandbox, buf);
    else if (strcmp(path, "/api/v1") == 0)
        return resource_list(sandbox, buf, "", "v1");
    else if (strncmp(path, "/openapi/v3", 11) == 0)
        return openapi(sandbox, buf, path);
    else
        return below_apis(sandbox, buf, path);
    return true;
}

bool discovery_serve(struct conn *conn, struct sandbox *sandbox, const struct request *request)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    const char *accept = request_header(request, "Accept");
    const char *path = request->path;
    if (strcmp(path, "/readyz") == 0 || strcmp(path, "/livez") == 0 ||
        strcmp(path, "/healthz") == 0) {
        reply_text(conn, 200, "text/plain; charset=utf-8", "ok");
        return true;
    }
    sandbox_lock(sandbox);
    bool known = fill(sandbox, request, &buf);
    sandbox_unlock(sandbox);
    if (!known)
        return false;
    bool is_aggregated = accept && strstr(accept, "APIGroupDiscoveryList") &&
                         (strcmp(path, "/api") == 0 || strcmp(path, "/apis") == 0);
    reply_text(conn, 200,
               is_aggregated
                   ? "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
                   : "application/json",
               llmd__buf_text(&buf));
    return true;
}
