/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhook configurations that an old installation left behind: their Service is gone, so that the
 * API server refuses every object they judge. One of the same name is repaired by the apply itself;
 * any other would stop it a minute later, with a refusal that names no cause.
 */
#include "platform/platform_run.h"

#include "kube/object.h"

#include <string.h>

/* What a question about one Service is for. */
struct suspect {
    struct platform_run *run;
    char *kind, *name;   /* of the configuration */
    char *service;       /* "ns/name" */
    struct json *groups; /* that it judges */
};

static void suspect_free(void *data)
{
    struct suspect *suspect = data;

    llmd__free(suspect->kind);
    llmd__free(suspect->name);
    llmd__free(suspect->service);
    llmd__json_free(suspect->groups);
    llmd__free(suspect);
}

/* ---- which groups matter ---- */

/* "certificates.cert-manager.io" -> "cert-manager.io" */
static const char *group_of(enum component component)
{
    const char *crd = llmd__component(component)->crd;
    const char *dot = crd ? strchr(crd, '.') : NULL;

    return dot ? dot + 1 : "";
}

static bool is_a_group_of_ours(const char *group)
{
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (*group && strcmp(group_of((enum component)i), group) == 0)
            return true;
    return false;
}

static llmd_error *add_groups(const struct json *webhook, struct json *groups)
{
    JSON_EACH(rule, llmd__json_member(webhook, "rules")) {
        JSON_EACH(group, llmd__json_member(rule, "apiGroups")) {
            if (is_a_group_of_ours(llmd__json_text(group)))
                llmd__json_add_str(groups, llmd__json_text(group));
        }
    }
    return llmd__json_check(groups);
}

/* ---- is its Service there? ---- */

static llmd_error *take_service(void *data, struct graph *graph, int status, const char *text,
                                size_t len)
{
    const struct suspect *suspect = data;
    struct json *item = NULL;

    (void)graph;
    (void)text;
    (void)len;
    if (status != 404)
        return NULL;
    TRY(llmd__json_make(&item, "{'kind': %s, 'name': %s, 'service': %s, 'groups': %j}",
                        suspect->kind, suspect->name, suspect->service, suspect->groups));
    llmd__json_add(suspect->run->leftovers, item);
    return llmd__json_check(suspect->run->leftovers);
}

static llmd_error *ask_service(struct graph *graph, struct suspect *suspect, const char *ns,
                               const char *name)
{
    step_id step = -1;
    struct platform_run *run = suspect->run;

    TRY(llmd__ask_step(
        graph, run->kube,
        &(struct question){.path = llmd__format("/api/v1/namespaces/%s/services/%s", ns, name),
                           .on_answer = take_service,
                           .data = suspect,
                           .free_data = suspect_free},
        &step));
    return llmd__graph_need(graph, run->suspected, step);
}

static llmd_error *fill(struct suspect *suspect, const char *kind, const struct json *configuration,
                        const struct json *webhook)
{
    const struct json *service = llmd__json_get(webhook, "clientConfig.service");

    suspect->kind = llmd__strdup(kind);
    suspect->name = llmd__strdup(llmd__object_name(configuration));
    suspect->service = llmd__format("%s/%s", llmd__json_str(service, "namespace"),
                                    llmd__json_str(service, "name"));
    suspect->groups = llmd__json_array();
    if (!suspect->kind || !suspect->name || !suspect->service || !suspect->groups)
        return NO_MEMORY;
    return add_groups(webhook, suspect->groups);
}

static llmd_error *look_at(struct graph *graph, struct platform_run *run, const char *kind,
                           const struct json *configuration, const struct json *webhook)
{
    const struct json *service = llmd__json_get(webhook, "clientConfig.service");
    struct suspect *suspect;
    llmd_error *error;

    if (!service || strcmp(llmd__json_str(webhook, "failurePolicy"), "Ignore") == 0)
        return NULL;
    suspect = llmd__calloc(1, sizeof(*suspect));
    CHECK_MEMORY(suspect);
    suspect->run = run;
    error = fill(suspect, kind, configuration, webhook);
    if (!error && llmd__json_count(suspect->groups))
        return ask_service(graph, suspect, llmd__json_str(service, "namespace"),
                           llmd__json_str(service, "name"));
    suspect_free(suspect);
    return error;
}

static llmd_error *take_configurations(struct platform_run *run, struct graph *graph,
                                       const char *kind, const char *text, size_t len)
{
    AUTO(json) struct json *list = NULL;

    TRY(llmd__json_parse(text, len, kind, &list));
    JSON_EACH(configuration, llmd__json_member(list, "items"))
        JSON_EACH(webhook, llmd__json_member(configuration, "webhooks"))
            TRY(look_at(graph, run, kind, configuration, webhook));
    return NULL;
}

static llmd_error *take_validating(void *data, struct graph *graph, int status, const char *text,
                                   size_t len)
{
    return status == 200
               ? take_configurations(data, graph, "ValidatingWebhookConfiguration", text, len)
               : NULL;
}

static llmd_error *take_mutating(void *data, struct graph *graph, int status, const char *text,
                                 size_t len)
{
    return status == 200
               ? take_configurations(data, graph, "MutatingWebhookConfiguration", text, len)
               : NULL;
}

/* ---- the steps ---- */

static llmd_error *ask_kind(struct graph *graph, struct platform_run *run, const char *plural,
                            answer_fn on_answer, step_id after)
{
    step_id step = -1;

    TRY(llmd__ask_step(
        graph, run->kube,
        &(struct question){.path = llmd__format("/apis/admissionregistration.k8s.io/v1/%s", plural),
                           .on_answer = on_answer,
                           .data = run},
        &step));
    TRY(llmd__graph_need(graph, step, after));
    return llmd__graph_need(graph, run->suspected, step);
}

llmd_error *llmd__leftovers_look(struct graph *graph, struct platform_run *run, step_id after,
                                 step_id before)
{
    run->suspected = before;
    TRY(ask_kind(graph, run, "validatingwebhookconfigurations", take_validating, after));
    return ask_kind(graph, run, "mutatingwebhookconfigurations", take_mutating, after);
}

static bool is_written(const struct json *objects, const char *name)
{
    JSON_EACH(object, objects) {
        if (strcmp(llmd__object_name(object), name) == 0)
            return true;
    }
    return false;
}

llmd_error *llmd__leftovers_check(const struct platform_run *run, enum component component,
                                  const struct json *webhooks)
{
    JSON_EACH(leftover, run->leftovers) {
        const char *name = llmd__json_str(leftover, "name");
        const char *kind = llmd__json_str(leftover, "kind");

        if (!llmd__json_holds(llmd__json_member(leftover, "groups"), group_of(component)) ||
            is_written(webhooks, name))
            continue;
        return llmd__error_set_advice(
            llmd__error_set_reason(
                llmd__error(LLMD_E_CONFLICT,
                            "platform: %s/%s has objects of %s judged by the Service %s, which "
                            "does not exist: all of them would be refused",
                            kind, name, group_of(component), llmd__json_str(leftover, "service")),
                "WebhookLeftOver"),
            "it is the remainder of an old installation: kubectl delete %s %s", kind, name);
    }
    return NULL;
}
