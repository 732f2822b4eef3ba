/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster has: its CRDs by metadata alone (with their schemas they are megabytes), and the
 * controllers by name in every namespace. Nothing that may not be read is an error: what is then
 * written is refused with the cause.
 */
#include "platform/platform_run.h"

#include "base/url.h"
#include "kube/object.h"

#include <string.h>

#define CRDS_PATH "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define BUNDLE_VERSION "metadata.annotations.\"gateway.networking.k8s.io/bundle-version\""

/* What a question is about, besides the run. */
struct subject {
    struct platform_run *run;
    enum component component;
};

/* ---- CRDs ---- */

/* Names of versions that CRDs of these components have had; discovery knows which are served. */
static const char *const version_names[] = {"v1",       "v1beta1",  "v1beta2", "v1alpha1",
                                            "v1alpha2", "v1alpha3", NULL};

/* "plural.group" and a version: "plural.version.group". */
static bool is_served(const struct platform_run *run, const char *name, const char *version,
                      llmd_error **error)
{
    const char *group = strchr(name, '.');
    struct resource ignored;
    AUTO(str) char *full = NULL;

    if (!group)
        return false;
    full = llmd__format("%.*s.%s%s", (int)(group - name), name, version, group);
    if (!full)
        *error = NO_MEMORY;
    return full && llmd__discovery_lookup(run->kube, full, &ignored);
}

static llmd_error *add_versions(const struct platform_run *run, const char *name,
                                struct json *versions)
{
    llmd_error *error = NULL;

    for (const char *const *version = version_names; *version; version++) {
        struct json *item = NULL;
        bool served = is_served(run, name, *version, &error);

        TRY(error);
        if (!served)
            continue;
        TRY(llmd__json_make(&item, "{'name': %s, 'served': true}", *version));
        llmd__json_add(versions, item);
    }
    return llmd__json_check(versions);
}

static llmd_error *add_crd(struct platform_run *run, const struct json *item)
{
    const char *name = llmd__object_name(item);
    const char *gateway_version = llmd__json_str(item, BUNDLE_VERSION);
    struct found_component *gateway_api = &run->found.components[COMPONENT_GATEWAY_API];
    AUTO(json) struct json *versions = llmd__json_array();
    AUTO(json) struct json *crd = NULL;

    CHECK_MEMORY(versions);
    TRY(add_versions(run, name, versions));
    TRY(llmd__json_make(&crd, "{'metadata': %j, 'spec': {'versions': %j}}",
                        llmd__json_member(item, "metadata"), versions));
    if (*gateway_version && !gateway_api->version &&
        strcmp(name, llmd__component(COMPONENT_GATEWAY_API)->crd) == 0) {
        gateway_api->version =
            llmd__strdup(gateway_version[0] == 'v' ? gateway_version + 1 : gateway_version);
        CHECK_MEMORY(gateway_api->version);
    }
    return llmd__found_add_crd(&run->found, crd);
}

static llmd_error *take_crds(void *data, struct graph *graph, int status, const char *text,
                             size_t len)
{
    struct platform_run *run = data;
    AUTO(json) struct json *list = NULL;

    (void)graph;
    if (status != 200)
        return NULL;
    TRY(llmd__json_parse(text, len, "CRDs", &list));
    JSON_EACH(item, llmd__json_member(list, "items"))
        TRY(add_crd(run, item));
    return NULL;
}

/* ---- controllers ---- */

/* "quay.io/jetstack/cert-manager-controller:v1.17.0@sha256:..." -> "1.17.0"; NULL: it says none. */
static llmd_error *version_of(const char *image, char **out)
{
    const char *slash = strrchr(image, '/');
    const char *tag = strchr(slash ? slash : image, ':');

    if (!tag)
        return NULL;
    tag += tag[1] == 'v' ? 2 : 1;
    *out = llmd__strndup(tag, strcspn(tag, "@"));
    return *out ? NULL : NO_MEMORY;
}

/* Ours before another's of the same name. */
static const struct json *choose(const struct json *items)
{
    const struct json *first = llmd__json_first(items);

    JSON_EACH(item, items) {
        if (llmd__installer_of(item, NULL) == INSTALLER_US)
            return item;
    }
    return first;
}

static llmd_error *note_looked(struct looked *looked, const struct json *deployment)
{
    const struct json *condition = llmd__object_condition(deployment, "Available");

    looked->there = true;
    looked->available = llmd__object_condition_is(deployment, "Available", "True");
    if (looked->available)
        return NULL;
    looked->why = llmd__strdup(llmd__json_str(condition, "message"));
    return looked->why ? NULL : NO_MEMORY;
}

static llmd_error *note_deployment(struct platform_run *run, enum component component,
                                   const struct json *deployment)
{
    struct found_component *found = &run->found.components[component];
    const char *image = llmd__json_str(deployment, "spec.template.spec.containers[0].image");

    found->installer = llmd__installer_of(deployment, &found->by);
    found->ns = llmd__strdup(llmd__object_ns(deployment));
    CHECK_MEMORY(found->ns);
    llmd__free(TAKE(found->version));
    TRY(version_of(image, &found->version));
    return note_looked(&run->looked[component], deployment);
}

static llmd_error *take_deployments(void *data, struct graph *graph, int status, const char *text,
                                    size_t len)
{
    const struct subject *subject = data;
    AUTO(json) struct json *list = NULL;
    const struct json *chosen;

    (void)graph;
    if (status != 200)
        return NULL;
    TRY(llmd__json_parse(text, len, "Deployments", &list));
    chosen = choose(llmd__json_member(list, "items"));
    return chosen ? note_deployment(subject->run, subject->component, chosen) : NULL;
}

/* ---- whose cluster ---- */

static llmd_error *take_version(void *data, struct graph *graph, int status, const char *text,
                                size_t len)
{
    struct platform_run *run = data;
    AUTO(json) struct json *version = NULL;

    (void)graph;
    if (status != 200)
        return NULL;
    TRY(llmd__json_parse(text, len, "version", &version));
    if (strstr(llmd__json_str(version, "gitVersion"), "-gke."))
        run->found.gke = true;
    return NULL;
}

/* ---- what no Deployment tells, its CRD does ---- */

static llmd_error *by_crd(struct platform_run *run, enum component component)
{
    struct found_component *found = &run->found.components[component];
    const struct json *crd = llmd__json_member(run->found.crds, llmd__component(component)->crd);
    const char *by = llmd__json_str(crd, "by");

    if (!crd || found->installer != INSTALLER_NONE)
        return NULL;
    found->installer = llmd__installer_find(llmd__json_str(crd, "installer"));
    if (!*by)
        return NULL;
    found->by = llmd__strdup(by);
    return found->by ? NULL : NO_MEMORY;
}

static llmd_error *settle_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    struct platform_run *run = state;
    struct resource ignored;

    (void)graph;
    (void)input;
    if (llmd__discovery_lookup(run->kube, "healthcheckpolicies.networking.gke.io", &ignored))
        run->found.gke = true;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (llmd__component((enum component)i)->crd)
            TRY(by_crd(run, (enum component)i));
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class settle_class = {.name = "look", .advance = settle_advance};

/* ---- the steps ---- */

static void forget(struct platform_run *run)
{
    llmd__found_free(&run->found);
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        llmd__free(run->looked[i].why);
        run->looked[i] = (struct looked){0};
    }
}

static llmd_error *forget_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    (void)graph;
    (void)input;
    forget(state);
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class forget_class = {.name = "look", .advance = forget_advance};

static llmd_error *ask(struct graph *graph, struct platform_run *run, struct question *question,
                       step_id before, step_id after)
{
    step_id step = -1;

    TRY(llmd__ask_step(graph, run->kube, question, &step));
    TRY(llmd__graph_need(graph, step, before));
    return llmd__graph_need(graph, after, step);
}

/* By its name; a gateway controller may have any, so that only ours is found, by our label. */
static char *controller_path(const struct component_info *info)
{
    if (info->controller)
        return llmd__format("/apis/apps/v1/deployments?fieldSelector=metadata.name%%3D%s",
                            info->controller);
    return llmd__format("/apis/apps/v1/deployments?labelSelector=" LLMD__PLATFORM_COMPONENT_LABEL
                        "%%3D%s",
                        info->key);
}

static llmd_error *ask_controller(struct graph *graph, struct platform_run *run,
                                  enum component component, step_id before, step_id after)
{
    const struct component_info *info = llmd__component(component);
    struct subject *subject;

    if (!info->controller && info->crd) /* CRDs are all there is to it */
        return NULL;
    subject = llmd__calloc(1, sizeof(*subject));
    CHECK_MEMORY(subject);
    *subject = (struct subject){run, component};
    return ask(graph, run,
               &(struct question){.path = controller_path(info),
                                  .on_answer = take_deployments,
                                  .data = subject,
                                  .free_data = llmd__free},
               before, after);
}

llmd_error *llmd__platform_look(struct graph *graph, struct platform_run *run, step_id after,
                                step_id *done)
{
    step_id first = -1, discovery = -1;

    TRY(llmd__graph_add(graph, &forget_class, run, &first));
    if (after >= 0)
        TRY(llmd__graph_need(graph, first, after));
    TRY(llmd__discovery_step(graph, run->kube, true, &discovery));
    TRY(llmd__graph_need(graph, discovery, first));
    TRY(llmd__graph_add(graph, &settle_class, run, done));
    TRY(ask(graph, run,
            &(struct question){.path = llmd__strdup(CRDS_PATH),
                               .accept = LLMD__PARTIAL_LIST,
                               .on_answer = take_crds,
                               .data = run},
            discovery, *done));
    TRY(ask(graph, run,
            &(struct question){
                .path = llmd__strdup("/version"), .on_answer = take_version, .data = run},
            first, *done));
    for (int i = 0; i < COMPONENT_COUNT; i++)
        TRY(ask_controller(graph, run, (enum component)i, first, *done));
    return NULL;
}
