/* SPDX-License-Identifier: Apache-2.0 */
/* The front of the Kubernetes API: who asks, what for, and the lock around it. */
#include "sandbox/google/google.h"
#include "sandbox/record.h"
#include "sandbox/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool authorized(const struct sandbox *sandbox, const struct request *request)
{
    const char *header = request_header(request, "Authorization");
    const struct options *options = &sandbox->options;
    if ((!options->token && !options->token_good) || *request->client_subject)
        return true;
    if (!header || strncmp(header, "Bearer ", 7) != 0)
        return false;
    if (options->token_good)
        return options->token_good(options->token_data, header + 7);
    return strcmp(header + 7, options->token) == 0;
}

/* "kubectl" of "kubectl/v1.34.10 (linux/amd64) ...", as Kubernetes names a nameless manager. */
static void set_manager(struct call *call)
{
    char *manager = request_query(call->request, "fieldManager");
    const char *agent = request_header(call->request, "User-Agent");
    if (!agent)
        agent = "unknown";
    if (manager && *manager)
        snprintf(call->manager, sizeof(call->manager), "%s", manager);
    else
        snprintf(call->manager, sizeof(call->manager), "%.*s", (int)strcspn(agent, "/ "), agent);
    free(manager);
}

static bool query_is(const struct request *request, const char *name, const char *value)
{
    char *text = request_query(request, name);
    bool same = text && strcmp(text, value) == 0;
    free(text);
    return same;
}

static struct answer answer_method(const struct call *call)
{
    return answer_status(405, "MethodNotAllowed", NULL,
                         "the server does not allow this method on the requested resource: %s",
                         call->request->method);
}

static struct answer on_collection(struct call *call)
{
    const char *method = call->request->method;
    if (strcmp(method, "GET") == 0)
        return verb_list(call);
    if (strcmp(method, "POST") == 0)
        return verb_create(call);
    if (strcmp(method, "DELETE") == 0)
        return verb_delete_all(call);
    return answer_method(call);
}

static struct answer on_object(struct call *call)
{
    const char *method = call->request->method;
    if (strcmp(method, "GET") == 0)
        return verb_get(call);
    if (strcmp(method, "PUT") == 0)
        return verb_update(call);
    if (strcmp(method, "PATCH") == 0)
        return verb_patch(call);
    if (strcmp(method, "DELETE") == 0)
        return verb_delete(call);
    return answer_method(call);
}

static bool is_apply_without_manager(const struct call *call)
{
    const char *type = request_header(call->request, "Content-Type");
    char *manager = request_query(call->request, "fieldManager");
    bool missing = strcmp(call->request->method, "PATCH") == 0 && type &&
                   strstr(type, "apply-patch") && (!manager || !*manager);
    free(manager);
    return missing;
}

static bool subresource_is_known(const struct call *call)
{
    const char *name = call->route.subresource;
    return !*name || (strcmp(name, "status") == 0 && call->route.kind->has_status) ||
           (strcmp(name, "finalize") == 0 && strcmp(call->route.kind->plural, "namespaces") == 0);
}

static struct answer dispatch(struct call *call)
{
    if (scale_is_served(call))
        return verb_scale(call);
    if (!subresource_is_known(call))
        return answer_status(404, "NotFound", NULL,
                             "the server could not find the requested resource");
    if (call->route.kind->namespaced && !*call->route.ns &&
        (*call->route.name || strcmp(call->request->method, "POST") == 0))
        return answer_status(405, "MethodNotAllowed", NULL,
                             "the server does not allow this method on the requested resource");
    if (is_apply_without_manager(call))
        return answer_status(422, "Invalid", NULL,
                             "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required "
                             "value: is required for apply patch");
    return *call->route.name ? on_object(call) : on_collection(call);
}

static bool serve_stream(struct conn *conn, struct call *call)
{
    const char *subresource = call->route.subresource;
    bool get = strcmp(call->request->method, "GET") == 0;
    if (get &&
        (query_is(call->request, "watch", "true") || query_is(call->request, "watch", "1"))) {
        watch_serve(conn, call);
        return true;
    }
    if (get && strcmp(subresource, "log") == 0) {
        logs_serve(conn, call);
        return true;
    }
    if (strcmp(subresource, "proxy") == 0) {
        proxy_serve(conn, call);
        return true;
    }
    return false;
}

/* Everything may be done here; the answer only has the right shape. */
static bool serve_review(struct conn *conn, const struct request *request)
{
    if (strcmp(request->method, "POST") != 0 ||
        strncmp(request->path, "/apis/authorization.k8s.io/v1/self", 34) != 0)
        return false;
    AUTO(json) struct json *review = NULL;
    AUTO(error)
    llmd_error *bad = llmd__json_parse(request->body, request->body_len, "body", &review);
    if (bad || llmd__json_type(review) != JSON_OBJECT)
        return false;
    llmd__json_set(review, "status", MAKE("{'allowed':true}"));
    char *text;
    must(llmd__json_print(review, &text));
    answer_send(conn, (struct answer){201, text});
    return true;
}

static void serve_resource(struct conn *conn, struct sandbox *sandbox,
                           const struct request *request)
{
    struct call call = {.sandbox = sandbox, .request = request};
    sandbox_lock(sandbox);
    bool known = route_parse(sandbox->store.kinds, request->path, &call.route) && call.route.kind;
    sandbox_unlock(sandbox);
    if (!known) {
        reply_text(conn, 404, "text/plain; charset=utf-8", "404 page not found\n");
        return;
    }
    kind_api_version(call.route.kind, call.route.version, call.api_version,
                     sizeof(call.api_version));
    call.dry_run = query_is(request, "dryRun", "All");
    set_manager(&call);
    if (serve_stream(conn, &call))
        return;
    sandbox_lock(sandbox);
    struct answer answer = dispatch(&call);
    sandbox_unlock(sandbox);
    answer_send(conn, answer);
}

void rest_handle(struct conn *conn, const struct request *request, void *data)
{
    struct sandbox *sandbox = data;
    if (faults_apply(&sandbox->faults, conn, request)) {
        record_request(sandbox, request, NULL, 0);
        return;
    }
    if (google_serve(sandbox->google, conn, request))
        return;
    record_request(sandbox, request, NULL, 0);
    if (strncmp(request->path, "/sandbox/", 9) == 0)
        control_serve(conn, sandbox, request);
    else if (!authorized(sandbox, request))
        answer_send(conn, answer_status(401, "Unauthorized", NULL, "Unauthorized"));
    else if (!discovery_serve(conn, sandbox, request) && !serve_review(conn, request))
        serve_resource(conn, sandbox, request);
}
