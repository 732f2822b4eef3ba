/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/verification.h"

#include "gke/network.h"

#include "base/url.h"
#include "kube/object.h"
#include "kube/status.h"

#include <string.h>

#define POOLS "inferencepools.inference.networking.k8s.io"
#define GATEWAYS "gateways.gateway.networking.k8s.io"

/* Fills check->path and the action, as a GET. */
static llmd_error *ask_resource(struct verification *check, const char *resource, const char *ns,
                                const char *name, const char *query, struct step_action *action)
{
    struct resource found;

    if (!llmd__discovery_lookup(check->kube, resource, &found))
        return llmd__discovery_missing(check->kube, resource);
    llmd__buf_reset(&check->path);
    llmd__resource_path(&check->path, &found, ns, name, NULL, query);
    TRY(llmd__buf_check(&check->path));
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(check->kube);
    action->request =
        (struct http_request){.method = "GET", .path = check->path.data, .idempotent = true};
    return NULL;
}

static llmd_error *ask_kube(struct verification *check, enum verification_phase phase,
                            const char *resource, const char *ns, const char *name,
                            const char *query, struct step_action *action)
{
    check->phase = phase;
    return ask_resource(check, resource, ns, name, query, action);
}

/* The body of what was asked for just now: it is no GET. */
static llmd_error *send_body(struct verification *check, const char *method, const char *type,
                             const struct json *body, struct step_action *action)
{
    AUTO(str) char *text = NULL;

    TRY(llmd__json_print(body, &text));
    llmd__buf_reset(&check->body);
    llmd__buf_str(&check->body, text);
    TRY(llmd__buf_check(&check->body));
    action->request.method = method;
    action->request.content_type = type;
    action->request.body = check->body.data;
    action->request.body_len = check->body.len;
    return NULL;
}

llmd_error *llmd__ask_apply(struct verification *check, struct step_action *action)
{
    AUTO(json) struct json *policy = NULL;

    TRY(llmd__policy_again(check->policy, &policy));
    TRY(ask_resource(check, LLMD__HEALTH_CHECK_POLICIES, check->ns,
                     llmd__object_name(check->policy), "fieldManager=" LLMD__FIELD_MANAGER,
                     action));
    return send_body(check, "PATCH", "application/apply-patch+yaml", policy, action);
}

llmd_error *llmd__ask_pool(struct verification *check, struct step_action *action)
{
    AUTO(buf) struct buf query = BUF_INIT;
    AUTO(str)
    char *labels = llmd__format("app.kubernetes.io/name=%s,app.kubernetes.io/part-of="
                                "llminferenceservice",
                                check->service);

    CHECK_MEMORY(labels);
    llmd__buf_str(&query, "limit=1");
    llmd__resource_selectors(&query, labels, NULL);
    TRY(llmd__buf_check(&query));
    return ask_kube(check, ASK_POOL, POOLS, check->ns, NULL, query.data, action);
}

llmd_error *llmd__ask_gateway(struct verification *check, struct step_action *action)
{
    const struct json *next = llmd__json_first(check->gateways);

    if (!next)
        return ask_kube(check, ASK_POLICIES, LLMD__HEALTH_CHECK_POLICIES, check->ns, NULL, NULL,
                        action);
    return ask_kube(check, ASK_GATEWAY, GATEWAYS, llmd__json_str(next, "ns"),
                    llmd__json_str(next, "name"), NULL, action);
}

static llmd_error *ask_compute(struct verification *check, enum verification_phase phase,
                               struct step_action *action)
{
    check->phase = phase;
    TRY(llmd__buf_check(&check->path));
    llmd__ask(action, check->gke, GOOGLE_COMPUTE, check->path.data);
    return NULL;
}

static void begin_path(struct verification *check)
{
    llmd__buf_reset(&check->path);
    llmd__buf_str(&check->path, "/compute/v1/projects/");
    llmd__url_escape(&check->path, llmd_gke_project(check->gke));
}

llmd_error *llmd__ask_list(struct verification *check, enum verification_phase phase,
                           struct step_action *action)
{
    begin_path(check);
    llmd__buf_format(&check->path, "/aggregated/%s?returnPartialSuccess=true&maxResults=500",
                     phase == ASK_RULES ? "forwardingRules" : "backendServices");
    if (check->page_token) {
        llmd__buf_str(&check->path, "&pageToken=");
        llmd__url_escape(&check->path, check->page_token);
    }
    return ask_compute(check, phase, action);
}

llmd_error *llmd__ask_round(struct verification *check, struct step_action *action)
{
    check->health = (struct backend_health){0};
    llmd__free(TAKE(check->asked_path));
    llmd__buf_reset(&check->holes);
    llmd__free(TAKE(check->page_token)); /* of a list that broke off, perhaps of the other kind */
    llmd__json_free(TAKE(check->services));
    llmd__json_free(TAKE(check->groups));
    check->services = llmd__json_array();
    check->groups = llmd__json_array();
    if (!check->services || !check->groups)
        return NO_MEMORY;
    return llmd__ask_list(check, check->mark[0] ? ASK_SERVICES : ASK_RULES, action);
}

llmd_error *llmd__ask_health(struct verification *check, struct step_action *action)
{
    const struct json *next = llmd__json_first(check->groups);
    AUTO(json) struct json *body = NULL;

    begin_path(check);
    llmd__buf_format(&check->path, "/%s/backendServices/%s/getHealth",
                     llmd__json_str(next, "scope"), llmd__json_str(next, "name"));
    TRY(llmd__json_make(&body, "{'group': %s}", llmd__json_str(next, "group")));
    TRY(ask_compute(check, ASK_HEALTH, action));
    return send_body(check, "POST", "application/json", body, action);
}

llmd_error *llmd__ask_check(struct verification *check, struct step_action *action)
{
    const struct json *first = llmd__json_first(check->services);
    const char *link = llmd__json_str(first, "check");

    begin_path(check);
    llmd__buf_format(&check->path, "/%s/healthChecks/",
                     strstr(link, "/global/") ? "global" : llmd__json_str(first, "scope"));
    llmd__url_escape(&check->path, llmd__last_part(link));
    return ask_compute(check, ASK_CHECK, action);
}

llmd_error *llmd__verification_read(const struct step_input *input, const char *what,
                                    struct json **out)
{
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "%s", what);
    if (input->status / 100 != 2)
        return llmd__status_error(input->status, input->text, what);
    return llmd__json_parse(input->text, input->text_len, what, out);
}
