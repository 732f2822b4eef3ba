/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster has: its CRDs by metadata alone (with their schemas they are megabytes), and the
 * controllers by name in every namespace. Nothing that may not be read is an error: what is then
 * written is refused with the cause.
 */
#include "platform/applied_record.h"

#include "kube/object.h"

#include <string.h>

#define CRDS_PATH "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define BUNDLE_VERSION "metadata.annotations.\"gateway.networking.k8s.io/bundle-version\""

/* What a question is about, besides the run. */
struct subject {
    struct platform_run *run;
    enum component component;
    const char *name; /* of the Deployment; NULL: any */
};

/* ---- CRDs ---- */

/* The record of the component that this CRD tells. */
static llmd_error *note_record(struct platform_run *run, const struct json *item)
{
    const char *record = llmd__json_str(item, "metadata.annotations.\"" LLMD__PLATFORM_RECORD "\"");

    for (int i = 0; *record && i < COMPONENT_COUNT; i++) {
        const char *crd = llmd__component((enum component)i)->crd;
        char **place = &run->found.components[i].record;

        if (!crd || *place || strcmp(crd, llmd__object_name(item)) != 0)
            continue;
        *place = llmd__strdup(record);
        CHECK_MEMORY(*place);
    }
    return NULL;
}

static llmd_error *add_crd(struct platform_run *run, const struct json *item)
{
    const char *name = llmd__object_name(item);
    const char *gateway_version = llmd__json_str(item, BUNDLE_VERSION);
    struct found_component *gateway_api = &run->found.components[COMPONENT_GATEWAY_API];

    TRY(note_record(run, item));
    if (*gateway_version && !gateway_api->version &&
        strcmp(name, llmd__component(COMPONENT_GATEWAY_API)->crd) == 0) {
        gateway_api->version =
            llmd__strdup(gateway_version[0] == 'v' ? gateway_version + 1 : gateway_version);
        CHECK_MEMORY(gateway_api->version);
    }
    return llmd__found_add_crd(&run->found, item);
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

/* ---- which versions of them are served ---- */

/* "plural.group" and a version: "plural.version.group". */
static llmd_error *note_served(struct platform_run *run, const char *crd, const char *version)
{
    const char *group = strchr(crd, '.');
    struct resource ignored;
    AUTO(str) char *full = NULL;

    if (!group || !*version)
        return NULL;
    full = llmd__format("%.*s.%s%s", (int)(group - crd), crd, version, group);
    CHECK_MEMORY(full);
    return llmd__discovery_lookup(run->kube, full, &ignored)
               ? llmd__found_add_version(&run->found, crd, version)
               : NULL;
}

llmd_error *llmd__served_look(struct platform_run *run, const struct json *documents)
{
    JSON_EACH(document, documents) {
        if (!strcmp(llmd__json_str(document, "kind"), "CustomResourceDefinition"))
            JSON_EACH(version, llmd__json_get(document, "spec.versions"))
                TRY(note_served(run, llmd__object_name(document), llmd__json_str(version, "name")));
        if (!strcmp(llmd__json_str(document, "kind"), "List"))
            TRY(llmd__served_look(run, llmd__json_member(document, "items")));
    }
    return NULL;
}

/* ---- controllers ---- */

llmd_error *llmd__image_version(const char *image, char **out)
{
    const char *slash = strrchr(image, '/');
    const char *tag = strpbrk(slash ? slash : image, ":@");

    if (!tag || *tag == '@') /* its digest alone */
        return NULL;
    tag += tag[1] == 'v' ? 2 : 1;
    *out = llmd__strndup(tag, strcspn(tag, "@"));
    return *out ? NULL : NO_MEMORY;
}

/* That of which the subject is the controller; NULL: it is the project's own. */
static const struct profile *profile_of(const struct subject *subject)
{
    const struct profile *profile = llmd__component(subject->component)->profile;

    return profile && subject->name && !strcmp(subject->name, profile->controller) ? profile : NULL;
}

/* Ours before another's of the same name. */
static const struct json *choose(const struct subject *subject, const struct json *items)
{
    const struct json *first = NULL;

    JSON_EACH(item, items) {
        if (profile_of(subject) && !llmd__is_of_profile(profile_of(subject), item))
            continue;
        if (llmd__installer_of(item, NULL) == INSTALLER_US)
            return item;
        first = first ? first : item;
    }
    return first;
}

static llmd_error *note_looked(struct looked *looked, const struct json *deployment)
{
    const struct json *condition = llmd__object_condition(deployment, "Available");

    looked->there = true;
    llmd__free(TAKE(looked->why));
    looked->available = llmd__object_condition_is(deployment, "Available", "True");
    if (looked->available)
        return NULL;
    looked->why = llmd__strdup(llmd__json_str(condition, "message"));
    return looked->why ? NULL : NO_MEMORY;
}

/* Its image's tag; of one that is named by its digest alone, what its label says. */
static llmd_error *note_version(const struct json *deployment, char **version)
{
    const char *said = llmd__json_str(deployment, "metadata.labels.\"app.kubernetes.io/version\"");

    llmd__free(TAKE(*version));
    TRY(llmd__image_version(llmd__json_str(deployment, "spec.template.spec.containers[0].image"),
                            version));
    if (*version || !*said)
        return NULL;
    *version = llmd__strdup(*said == 'v' ? said + 1 : said);
    return *version ? NULL : NO_MEMORY;
}

/* Who installed the operator installed what it makes, too. */
static llmd_error *note_operator(const struct subject *subject, const struct json *deployment)
{
    struct found_component *found = &subject->run->found.components[subject->component];

    found->profile = profile_of(subject);
    llmd__free(TAKE(found->by));
    found->installer = llmd__installer_of(deployment, &found->by);
    if (found->installer != INSTALLER_US)
        return NULL;
    llmd__free(TAKE(found->by));
    found->by = llmd__strdup("libllmd through its operator");
    return found->by ? NULL : NO_MEMORY;
}

static llmd_error *note_deployment(const struct subject *subject, const struct json *deployment)
{
    struct platform_run *run = subject->run;
    enum component component = subject->component;
    struct found_component *found = &run->found.components[component];

    if (!found->profile || !found->profile->operands) {
        found->profile = profile_of(subject);
        llmd__free(TAKE(found->by));
        found->installer = llmd__installer_of(deployment, &found->by);
    }
    llmd__free(TAKE(found->ns));
    found->controller = subject->name;
    found->ns = llmd__strdup(llmd__object_ns(deployment));
    CHECK_MEMORY(found->ns);
    TRY(note_version(deployment, &found->version));
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
    chosen = choose(subject, llmd__json_member(list, "items"));
    if (!chosen)
        return NULL;
    if (profile_of(subject) && profile_of(subject)->operands)
        return note_operator(subject, chosen);
    /* Where both are, the profile's is another program's namesake. */
    if (profile_of(subject) && subject->run->looked[subject->component].there)
        return NULL;
    return note_deployment(subject, chosen);
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
static char *controller_path(const struct component_info *info, const char *name)
{
    if (name)
        return llmd__format("/apis/apps/v1/deployments?fieldSelector=metadata.name%%3D%s", name);
    return llmd__format("/apis/apps/v1/deployments?labelSelector=" LLMD__PLATFORM_COMPONENT_LABEL
                        "%%3D%s",
                        info->key);
}

static llmd_error *ask_deployment(struct graph *graph, const struct subject *about, step_id before,
                                  step_id after)
{
    struct subject *subject = llmd__calloc(1, sizeof(*subject));

    CHECK_MEMORY(subject);
    *subject = *about;
    return ask(
        graph, about->run,
        &(struct question){.path = controller_path(llmd__component(about->component), about->name),
                           .on_answer = take_deployments,
                           .data = subject,
                           .free_data = llmd__free},
        before, after);
}

static llmd_error *ask_controller(struct graph *graph, struct platform_run *run,
                                  enum component component, step_id before, step_id after)
{
    const struct component_info *info = llmd__component(component);

    if (!info->controller && info->crd) /* CRDs are all there is to it */
        return NULL;
    TRY(ask_deployment(graph, &(struct subject){run, component, info->controller}, before, after));
    return info->profile
               ? ask_deployment(graph, &(struct subject){run, component, info->profile->controller},
                                before, after)
               : NULL;
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
    TRY(llmd__istio_look(graph, run, first, *done));
    for (int i = 0; i < COMPONENT_COUNT; i++)
        TRY(ask_controller(graph, run, (enum component)i, first, *done));
    return NULL;
}
