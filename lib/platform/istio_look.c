/* SPDX-License-Identifier: Apache-2.0 */
/* Of Istio as the gateway: which version it is (P79), and which services have a route yet (P50). */
#include "platform/platform_run.h"

#include "kube/object.h"

#include <string.h>

/* ---- its version ---- */

static llmd_error *take_istiod(void *data, struct graph *graph, int status, const char *text,
                               size_t len)
{
    struct platform_found *found = &((struct platform_run *)data)->found;
    AUTO(json) struct json *list = NULL;
    const struct json *first;

    (void)graph;
    if (status != 200)
        return NULL;
    TRY(llmd__json_parse(text, len, "istiod", &list));
    first = llmd__json_first(llmd__json_member(list, "items"));
    llmd__free(TAKE(found->istio_version));
    return llmd__image_version(llmd__json_str(first, "spec.template.spec.containers[0].image"),
                               &found->istio_version);
}

/* ---- routes ---- */

struct route {
    struct platform_run *run;
    const char *name; /* "ns/service", of the spec */
};

static llmd_error *take_route(void *data, struct graph *graph, int status, const char *text,
                              size_t len)
{
    const struct route *route = data;
    struct platform_found *found = &route->run->found;

    (void)graph, (void)text, (void)len;
    if (status != 404)
        return NULL;
    if (!found->no_routes)
        found->no_routes = llmd__json_array();
    CHECK_MEMORY(found->no_routes);
    llmd__json_add_str(found->no_routes, route->name);
    return llmd__json_check(found->no_routes);
}

static llmd_error *ask_route(struct graph *graph, struct platform_run *run, const char *name,
                             step_id before, step_id after)
{
    struct route *route = llmd__calloc(1, sizeof(*route));
    const char *slash = strchr(name, '/');
    step_id step = -1;

    CHECK_MEMORY(route);
    *route = (struct route){run, name};
    TRY(llmd__ask_step(
        graph, run->kube,
        &(struct question){.path = llmd__format("/apis/gateway.networking.k8s.io/v1/namespaces/%.*s"
                                                "/httproutes/%s-kserve-route",
                                                (int)(slash - name), name, slash + 1),
                           .accept = LLMD__PARTIAL,
                           .on_answer = take_route,
                           .data = route,
                           .free_data = llmd__free},
        &step));
    TRY(llmd__graph_need(graph, step, before));
    return llmd__graph_need(graph, after, step);
}

/* ---- the steps ---- */

llmd_error *llmd__istio_look(struct graph *graph, struct platform_run *run, step_id before,
                             step_id after)
{
    step_id step = -1;

    if (!run->spec->istio.enabled)
        return NULL;
    TRY(llmd__ask_step(
        graph, run->kube,
        &(struct question){.path = llmd__strdup("/apis/apps/v1/deployments?fieldSelector="
                                                "metadata.name%3Distiod"),
                           .on_answer = take_istiod,
                           .data = run},
        &step));
    TRY(llmd__graph_need(graph, step, before));
    TRY(llmd__graph_need(graph, after, step));
    JSON_EACH(route, run->spec->istio.routes)
        TRY(ask_route(graph, run, llmd__json_text(route), before, after));
    return NULL;
}
