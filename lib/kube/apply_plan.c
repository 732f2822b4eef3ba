/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before an apply writes anything: every kind must be served or defined by the set itself, and the
 * store's version is noted, by which "unchanged" is told afterwards.
 */
#include "kube/apply_run.h"

#include <string.h>

/* Any list would do; one page of one namespace is the smallest that everybody has. */
#define BASELINE_PATH "/api/v1/namespaces?limit=1"
#define PARTIAL_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

static llmd_error *name_item(struct manifest *item, const char *ns)
{
    if (!item->resource.namespaced || *item->ns)
        return NULL;
    llmd__free(item->ns);
    llmd__free(item->subject);
    item->ns = llmd__strdup(ns);
    item->subject = llmd__format("%s/%s/%s", item->kind, ns, item->name);
    return item->ns && item->subject ? NULL : NO_MEMORY;
}

static llmd_error *name_items(struct apply_run *run)
{
    for (size_t i = 0; i < run->set.count; i++)
        TRY(name_item(&run->set.items[i], run->ns));
    llmd__manifests_link(&run->set);
    return NULL;
}

/* For one object a look at itself costs no more, and no right beyond it. */
static llmd_error *ask_baseline(struct apply_plan *plan, struct apply_run *run,
                                struct step_action *action, bool *done)
{
    TRY(name_items(run));
    *done = run->set.count < 2 || run->dry_run;
    if (*done)
        return NULL;
    plan->asked_baseline = true;
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(run->kube);
    action->request = (struct http_request){
        .method = "GET", .path = BASELINE_PATH, .accept = PARTIAL_LIST, .idempotent = true};
    return NULL;
}

/* Who may not list namespaces has each object looked at before it is applied. */
static llmd_error *take_baseline(struct apply_run *run, const struct step_input *input)
{
    AUTO(json) struct json *list = NULL;
    const char *version;

    if (input->status != 200)
        return NULL;
    TRY(llmd__json_parse(input->text, input->text_len, "namespaces", &list));
    version = llmd__json_str(list, "metadata.resourceVersion");
    if (!*version || strspn(version, "0123456789") != strlen(version))
        return NULL;
    run->baseline = llmd__strdup(version);
    return run->baseline ? NULL : NO_MEMORY;
}

static llmd_error *resolve(struct apply_plan *plan, struct apply_run *run,
                           const struct step_input *input, struct step_action *action, bool *done)
{
    bool walked = false;

    if (!plan->walk.running) {
        if (llmd__manifests_resolve(&run->set, run->kube))
            return ask_baseline(plan, run, action, done);
        TRY(llmd__discovery_begin(&plan->walk));
    }
    TRY(llmd__discovery_advance(&plan->walk, run->kube, input, action, &walked));
    if (!walked)
        return NULL;
    if (!llmd__manifests_resolve(&run->set, run->kube))
        return llmd__manifests_missing(&run->set);
    return ask_baseline(plan, run, action, done);
}

llmd_error *llmd__apply_plan(struct apply_plan *plan, struct apply_run *run,
                             const struct step_input *input, struct step_action *action, bool *done)
{
    *done = false;
    if (!plan->asked_baseline)
        return resolve(plan, run, input, action, done);
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "apply");
    if (input->kind != INPUT_REPLY)
        return NULL;
    TRY(take_baseline(run, input));
    *done = true;
    return NULL;
}

void llmd__apply_plan_free(struct apply_plan *plan)
{
    llmd__discovery_walk_free(&plan->walk);
}
