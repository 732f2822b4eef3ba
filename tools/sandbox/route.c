/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/route.h"

#include <stdio.h>
#include <string.h>

/* The next segment into out; false at the end or when it does not fit. */
static bool take_segment(const char **path, char *out, size_t size)
{
    if (**path != '/' || !(*path)[1])
        return false;
    size_t len = strcspn(*path + 1, "/");
    if (len == 0 || len >= size)
        return false;
    memcpy(out, *path + 1, len);
    out[len] = '\0';
    *path += len + 1;
    return true;
}

static bool take_group(const char **path, char *group, size_t size)
{
    char root[8];
    group[0] = '\0';
    if (!take_segment(path, root, sizeof(root)))
        return false;
    if (strcmp(root, "api") == 0)
        return true;
    return strcmp(root, "apis") == 0 && take_segment(path, group, size);
}

static void take_name(const char *path, struct route *route)
{
    if (!take_segment(&path, route->name, sizeof(route->name)))
        return;
    if (take_segment(&path, route->subresource, sizeof(route->subresource)))
        snprintf(route->rest, sizeof(route->rest), "%s", path);
}

bool route_parse(struct kind *kinds, const char *path, struct route *route)
{
    char group[256];
    char resource[256];
    const char *at = path;
    *route = (struct route){.kind = NULL};
    if (!take_group(&at, group, sizeof(group)) ||
        !take_segment(&at, route->version, sizeof(route->version)) ||
        !take_segment(&at, resource, sizeof(resource)))
        return false;
    const char *after = at;
    /* /namespaces/NS/pods is a namespaced path, /namespaces/NS[/status] is the namespace itself. */
    if (strcmp(resource, "namespaces") == 0 && take_segment(&after, route->ns, sizeof(route->ns)) &&
        take_segment(&after, resource, sizeof(resource)) && strcmp(resource, "status") != 0 &&
        strcmp(resource, "finalize") != 0) {
        at = after;
    } else if (route->ns[0]) {
        snprintf(resource, sizeof(resource), "namespaces");
        route->ns[0] = '\0';
    }
    route->kind = kinds_find(kinds, group, resource);
    if (route->kind && (!route->kind->served || !kind_serves(route->kind, route->version)))
        route->kind = NULL;
    take_name(at, route);
    return true;
}
