/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/dataplane.h"

#include "sandbox/conn.h"
#include "sandbox/containers.h"
#include "sandbox/gateways.h"
#include "sandbox/llmisvc.h"
#include "sandbox/model.h"
#include "sandbox/pods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct instance {
    struct instance *next;
    char uid[37];
    struct model *model;
};

struct instances {
    struct instance *list;
    struct model *alone; /* the stand-alone model */
    int max_len;
    int ttft_ms;
    int itl_ms;
};

struct instances *instances_new(const struct options *options)
{
    struct instances *instances = must_alloc(sizeof(*instances));
    AUTO(json) struct json *names = MAKE("[%s]", options->model);
    *instances = (struct instances){
        .max_len = options->max_model_len, .ttft_ms = options->ttft_ms, .itl_ms = options->itl_ms};
    instances->alone = model_new(
        &(struct model_options){names, options->max_model_len, options->ttft_ms, options->itl_ms});
    return instances;
}

void instances_free(struct instances *instances)
{
    while (instances->list) {
        struct instance *instance = instances->list;
        instances->list = instance->next;
        model_free(instance->model);
        free(instance);
    }
    model_free(instances->alone);
    free(instances);
}

/* A service's pods answer to its model's names, unless their arguments say otherwise. */
static struct json *pod_model_names(struct sandbox *sandbox, const struct object *pod)
{
    const char *service_name = object_str(pod, "metadata.labels.\"app.kubernetes.io/name\"");
    struct object *service =
        store_get(&sandbox->store, SERVING_GROUP, "llminferenceservices", pod->ns, service_name);
    if (!service)
        return served_names(pod_main_container(pod), "/mnt/models");
    AUTO(str) char *model = llmisvc_model_name(object_json(service));
    struct json *names = served_names(pod_main_container(pod), model);
    AUTO(str) char *published = llmd__format("publishers/%s/models/%s", pod->ns, model);
    if (llmd__json_count(names) == 1 &&
        strcmp(llmd__json_text(llmd__json_first(names)), model) == 0)
        llmd__json_add_str(names, published);
    return names;
}

static int length_or(const char *text, int otherwise)
{
    long value = text ? strtol(text, NULL, 10) : 0;
    return value > 0 && value <= 100000000 ? (int)value : otherwise;
}

struct model *instances_of_pod(struct sandbox *sandbox, const struct object *pod)
{
    struct instances *instances = sandbox->instances;
    const char *len = container_flag(pod_main_container(pod), "--max-model-len");
    for (struct instance *instance = instances->list; instance; instance = instance->next)
        if (strcmp(instance->uid, pod->uid) == 0)
            return instance->model;
    AUTO(json) struct json *names = pod_model_names(sandbox, pod);
    struct instance *instance = must_alloc(sizeof(*instance));
    *instance = (struct instance){.next = instances->list};
    memcpy(instance->uid, pod->uid, sizeof(instance->uid));
    instance->model = model_new(&(struct model_options){names, length_or(len, instances->max_len),
                                                        instances->ttft_ms, instances->itl_ms});
    instances->list = instance;
    return instance->model;
}

/* ---- routing ---- */

struct hop {
    size_t length; /* of the matched path */
    int headers;
    const struct json *rule;
    const struct object *route;
};

static bool headers_match(const struct json *match, const struct request *request, int *count)
{
    *count = 0;
    JSON_EACH(header, llmd__json_get(match, "headers")) {
        const char *value = request_header(request, llmd__json_str(header, "name"));
        if (!value || strcmp(value, llmd__json_str(header, "value")) != 0)
            return false;
        ++*count;
    }
    return true;
}

static bool path_matches(const struct json *match, const char *path)
{
    const char *type = llmd__json_str(match, "path.type");
    const char *value = llmd__json_str(match, "path.value");
    size_t len = strlen(value);
    if (strcmp(type, "Exact") == 0)
        return strcmp(value, path) == 0;
    while (len > 0 && value[len - 1] == '/')
        len--;
    return strncmp(value, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The longest path wins, then the most headers: Gateway API's own order. */
static void try_match(struct hop *best, const struct object *route, const struct json *rule,
                      const struct json *match, const struct request *request)
{
    int headers;
    size_t length = strlen(llmd__json_str(match, "path.value"));
    if (!path_matches(match, request->path) || !headers_match(match, request, &headers))
        return;
    if (best->rule &&
        (length < best->length || (length == best->length && headers <= best->headers)))
        return;
    *best = (struct hop){length, headers, rule, route};
}

/* A route that its gateway refused is not in the data plane. */
static bool is_programmed(const struct object *route)
{
    JSON_EACH(parent, llmd__json_get(object_json(route), "status.parents"))
        JSON_EACH(condition, llmd__json_get(parent, "conditions"))
            if (strcmp(llmd__json_str(condition, "type"), "Accepted") == 0 &&
                strcmp(llmd__json_str(condition, "status"), "True") == 0)
                return true;
    return false;
}

static struct hop find_hop(struct sandbox *sandbox, const struct request *request)
{
    struct hop best = {0};
    struct kind *routes = kinds_find(sandbox->store.kinds, GATEWAY_GROUP, "httproutes");
    for (struct object *route = routes ? routes->objects : NULL; route; route = route->next) {
        if (!is_programmed(route))
            continue;
        JSON_EACH(rule, llmd__json_get(object_json(route), "spec.rules"))
            JSON_EACH(match, llmd__json_get(rule, "matches"))
                try_match(&best, route, rule, match, request);
    }
    return best;
}

/* ---- picking a pod ---- */

struct choice {
    struct sandbox *sandbox;
    const char *prompt; /* NULL: no picker, any pod */
    struct model *model;
    int score;
};

/* As the picker's scorers do: cached prefix first, then the shorter queue. */
static void weigh_pod(struct object *pod, void *data)
{
    struct choice *choice = data;
    if (strcmp(condition_status(object_json(pod), "Ready"), "True") != 0)
        return;
    struct model *model = instances_of_pod(choice->sandbox, pod);
    int score = 1000000 - 10 * model_running(model);
    if (choice->prompt)
        score += model_cached_tokens(model, choice->prompt);
    if (!choice->model || score > choice->score) {
        choice->model = model;
        choice->score = score;
    }
}

struct target {
    int status; /* 0: serve; else answer this */
    struct model *model;
    bool pool;
    char path[2048];
};

static void rewrite_path(struct target *target, const struct hop *hop, const char *path)
{
    const struct json *filter = llmd__json_first(llmd__json_get(hop->rule, "filters"));
    const struct json *replace = llmd__json_get(filter, "urlRewrite.path.replacePrefixMatch");
    if (!replace) {
        snprintf(target->path, sizeof(target->path), "%s", path);
        return;
    }
    const char *prefix = llmd__json_text(replace);
    const char *rest = path + hop->length;
    bool slash = strcmp(prefix, "/") == 0;
    snprintf(target->path, sizeof(target->path), "%s%s", slash && *rest ? "" : prefix, rest);
}

/* With the lock held: nothing of the store is used after it is given back but the model. */
static struct target resolve(struct sandbox *sandbox, const struct request *request,
                             const char *prompt)
{
    struct target target = {.status = 404};
    struct hop hop = find_hop(sandbox, request);
    if (!hop.rule)
        return target;
    const struct json *backend = llmd__json_first(llmd__json_get(hop.rule, "backendRefs"));
    const char *group = llmd__json_str(backend, "group");
    const char *name = llmd__json_str(backend, "name");
    struct choice choice = {.sandbox = sandbox};
    target.pool = strcmp(group, POOL_GROUP) == 0;
    choice.prompt = target.pool ? prompt : NULL;
    rewrite_path(&target, &hop, request->path);
    if (*group && !target.pool) {
        target.status = 500;
        return target;
    }
    target.status = 503;
    if (target.pool && !pool_is_healthy(sandbox, hop.route->ns, name))
        return target;
    backend_pods(sandbox, hop.route->ns, target.pool ? "InferencePool" : "Service", name, weigh_pod,
                 &choice);
    target.model = choice.model;
    target.status = choice.model ? 0 : 503;
    return target;
}

/* Only a bare OpenAI path goes to the stand-alone model; all else is a path that no route has. */
static bool is_bare_path(const char *path)
{
    static const char *const bare[] = {"/health",   "/metrics", "/version",
                                       "/tokenize", "/load",    "/ping"};
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++)
        if (strcmp(path, bare[i]) == 0)
            return true;
    return strncmp(path, "/v1/", 4) == 0;
}

/* The picker reads the body before the model does, and refuses in its own words. */
static bool picker_refuses(struct conn *conn, const struct target *target,
                           const struct request *request, const struct json *body,
                           const char *prompt)
{
    if (!target->pool || strcmp(request->method, "POST") != 0)
        return false;
    if (!body)
        reply_text(conn, 400, "text/plain",
                   "inference error: BadRequest - Error unmarshaling request body");
    else if (!prompt)
        reply_text(conn, 400, "text/plain",
                   "inference error: BadRequest - must have prompt field in request body");
    else
        return false;
    return true;
}

/* No load balancer says when to come again. At GKE's pace ours does, to who reads fractions:
   clients try every two seconds of the time that passes here. */
static void refuse_unhealthy(struct conn *conn, const struct sandbox *sandbox,
                             const struct request *request)
{
    const char *agent = request_header(request, "User-Agent");
    char seconds[16];
    if (sandbox->options.gke_pace && agent && strncmp(agent, "libllmd", 7) == 0) {
        snprintf(seconds, sizeof(seconds), "%.3f", 2 * sandbox->clock.scale);
        reply_header(conn, "Retry-After", seconds);
    }
    reply_text(conn, 503, "text/plain", "no healthy upstream");
}

static void serve_target(struct conn *conn, const struct sandbox *sandbox,
                         const struct request *request, const struct target *target,
                         const struct json *body, const char *prompt)
{
    if (target->status == 404)
        reply(conn, 404, "text/plain", "", 0);
    else if (target->status == 500)
        reply(conn, 500, "text/plain", "", 0);
    else if (target->status == 503)
        refuse_unhealthy(conn, sandbox, request);
    else if (!picker_refuses(conn, target, request, body, prompt))
        model_serve(conn, target->model, request, target->path);
}

void dataplane_handle(struct conn *conn, const struct request *request, void *data)
{
    struct sandbox *sandbox = data;
    AUTO(json) struct json *body = NULL;
    AUTO(str) char *prompt = NULL;
    if (faults_apply(&sandbox->faults, conn, request))
        return;
    if (request->body_len)
        llmd_error_free(llmd__json_parse(request->body, request->body_len, "body", &body));
    prompt = model_prompt(body);
    sandbox_lock(sandbox);
    struct target target = resolve(sandbox, request, prompt);
    pthread_mutex_unlock(&sandbox->lock);
    if (target.status == 404 && is_bare_path(request->path))
        model_serve(conn, sandbox->instances->alone, request, request->path);
    else
        serve_target(conn, sandbox, request, &target, body, prompt);
}
