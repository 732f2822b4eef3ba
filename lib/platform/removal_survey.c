/* SPDX-License-Identifier: Apache-2.0 */
/* What carries our label, and what of others hangs on it. */
#include "platform/removal.h"

#include "kube/object.h"

#include <string.h>

/* As many objects of a list are named in a message. */
#define LISTED_MAX 5

/* Of a namespace of ours: what people keep in one, and would lose with it. */
static const char *const kept_kinds[] = {"deployments.apps",
                                         "statefulsets.apps",
                                         "daemonsets.apps",
                                         "jobs.batch",
                                         "services",
                                         "secrets",
                                         "configmaps",
                                         "persistentvolumeclaims",
                                         "pods",
                                         "gateways.gateway.networking.k8s.io",
                                         NULL};

/* What a list of one kind is asked for. */
struct listing {
    struct removal *removal;
    char *resource, *kind;
    char *ns; /* of a namespace that is looked into; NULL: a list by label, or of a CRD's objects */
    enum removal_wave wave;
    bool (*takes)(const struct json *object); /* which of the list go, for take_chosen() */
};

static void listing_free(void *data)
{
    struct listing *listing = data;

    llmd__free(listing->resource);
    llmd__free(listing->kind);
    llmd__free(listing->ns);
    llmd__free(listing);
}

static bool is_ours(const struct json *object)
{
    return llmd__json_member(llmd__json_get(object, "metadata.labels"),
                             LLMD__PLATFORM_COMPONENT_LABEL) != NULL;
}

static char *subject_of(const struct listing *listing, const struct json *object)
{
    const char *ns = llmd__object_ns(object);

    return llmd__format("%s/%s%s%s", listing->kind, ns, *ns ? "/" : "", llmd__object_name(object));
}

/* ---- a list as a step ---- */

/* Takes listing. *out is -1: the kind is not served. */
static llmd_error *ask_list(struct graph *graph, struct listing *listing, const char *labels,
                            answer_fn on_answer, step_id *out)
{
    const llmd_kube *kube = listing->removal->run->kube;
    struct resource resource = {0};
    char *path = NULL;
    llmd_error *error =
        llmd__kind_list_path(kube, listing->resource, listing->ns, labels, &resource, &path);

    *out = -1;
    if (!error && path) {
        listing->kind = llmd__strdup(resource.kind);
        if (!listing->kind)
            error = NO_MEMORY;
    }
    if (error || !path) {
        llmd__free(path);
        listing_free(listing);
        return error;
    }
    return llmd__ask_step(graph, kube,
                          &(struct question){.path = path,
                                             .accept = LLMD__PARTIAL_LIST,
                                             .on_answer = on_answer,
                                             .data = listing,
                                             .free_data = listing_free},
                          out);
}

static llmd_error *listing_new(struct removal *removal, const char *resource, const char *ns,
                               struct listing **out)
{
    struct listing *listing = llmd__calloc(1, sizeof(*listing));

    CHECK_MEMORY(listing);
    listing->removal = removal;
    listing->resource = llmd__strdup(resource);
    listing->ns = llmd__strdup(ns);
    if (listing->resource && (listing->ns || !ns)) {
        *out = listing;
        return NULL;
    }
    listing_free(listing);
    return NO_MEMORY;
}

/* Who may not list a kind cannot be told what is left of it. */
static llmd_error *read_list(const struct listing *listing, int status, const char *text,
                             size_t len, struct json **out)
{
    *out = NULL;
    if (status == 404)
        return NULL;
    if (status != 200)
        return llmd__error_set_advice(llmd__error(status == 403 ? LLMD_E_DENIED : LLMD_E_REMOTE,
                                                  "platform: list of %s: the server answered %d",
                                                  listing->resource, status),
                                      "what is installed can only be removed by who may list it");
    return llmd__json_parse(text, len, listing->resource, out);
}

/* ---- what an operator of ours made ---- */

static const struct operands *operands_of(enum component component)
{
    const struct profile *profile = llmd__component(component)->profile;

    return profile ? profile->operands : NULL;
}

static bool is_made(const struct json *object)
{
    const struct operands *operands = operands_of(COMPONENT_CERT_MANAGER);

    JSON_EACH(entry, llmd__json_get(object, "metadata.managedFields")) {
        if (!strcmp(llmd__json_str(entry, "manager"), operands->manager))
            return true;
    }
    return false;
}

/* ---- what others have in our CRDs and namespaces ---- */

/* What an owner made goes with its owner. */
static bool is_somebodys(const struct json *object)
{
    return !is_ours(object) &&
           !llmd__json_count(llmd__json_get(object, "metadata.ownerReferences"));
}

static llmd_error *take_one(struct graph *graph, const struct listing *listing,
                            const struct json *object);

static llmd_error *take_objects(void *data, struct graph *graph, int status, const char *text,
                                size_t len)
{
    struct listing *listing = data;
    AUTO(json) struct json *list = NULL;

    TRY(read_list(listing, status, text, len, &list));
    JSON_EACH(object, llmd__json_member(list, "items")) {
        AUTO(str) char *subject = subject_of(listing, object);

        CHECK_MEMORY(subject);
        if (listing->removal->operands && is_made(object) && !is_ours(object))
            TRY(take_one(graph, listing, object)); /* the operator's own default */
        else if (is_somebodys(object))
            llmd__json_add_str(listing->removal->foreign, subject);
    }
    return llmd__json_check(listing->removal->foreign);
}

/* Kubernetes and Istio put these into every namespace. */
static bool comes_by_itself(const struct json *object)
{
    const char *name = llmd__object_name(object);

    return strcmp(name, "kube-root-ca.crt") == 0 || strcmp(name, "default") == 0 ||
           strcmp(name, "istio-ca-root-cert") == 0 || strncmp(name, "default-token-", 14) == 0;
}

static bool is_of_ours(const struct removal *removal, const char *subject)
{
    for (int wave = 0; wave < REMOVE_WAVES; wave++)
        JSON_EACH(item, removal->waves[wave])
            if (strcmp(llmd__json_str(item, "subject"), subject) == 0)
                return true;
    return false;
}

static llmd_error *take_content(void *data, struct graph *graph, int status, const char *text,
                                size_t len)
{
    struct listing *listing = data;
    struct removal *removal = listing->removal;
    AUTO(json) struct json *list = NULL;

    (void)graph;
    TRY(read_list(listing, status, text, len, &list));
    JSON_EACH(object, llmd__json_member(list, "items")) {
        AUTO(str) char *subject = subject_of(listing, object);

        CHECK_MEMORY(subject);
        if (is_somebodys(object) && !comes_by_itself(object) && !is_of_ours(removal, subject))
            llmd__json_set_str(removal->kept, listing->ns, subject);
    }
    return llmd__json_check(removal->kept);
}

static llmd_error *look_into(struct graph *graph, struct removal *removal, const char *ns)
{
    for (const char *const *kind = kept_kinds; *kind; kind++) {
        struct listing *listing = NULL;
        step_id step = -1;

        TRY(listing_new(removal, *kind, ns, &listing));
        TRY(ask_list(graph, listing, NULL, take_content, &step));
        if (step >= 0)
            TRY(llmd__graph_need(graph, removal->surveyed, step));
    }
    return NULL;
}

static llmd_error *look_at_objects(struct graph *graph, struct removal *removal, const char *crd)
{
    struct listing *listing = NULL;
    step_id step = -1;

    TRY(listing_new(removal, crd, NULL, &listing));
    listing->wave = REMOVE_OPERATED;
    TRY(ask_list(graph, listing, NULL, take_objects, &step));
    return step < 0 ? NULL : llmd__graph_need(graph, removal->surveyed, step);
}

/* ---- what carries our label ---- */

/* Why an object is there after its deletion; NULL: no memory. */
static char *why_there(const struct json *object)
{
    const struct json *metadata = llmd__json_member(object, "metadata");
    const char *finalizer = llmd__json_str(metadata, "finalizers[0]");
    const char *manager = llmd__json_str(metadata, "managedFields[0].manager");

    if (*llmd__json_str(metadata, "deletionTimestamp"))
        return *finalizer ? llmd__format("held by the finalizer %s", finalizer)
                          : llmd__strdup("still being deleted");
    return llmd__format("made again%s%s", *manager ? " by " : "", manager);
}

static llmd_error *add_item(struct removal *removal, enum removal_wave wave,
                            const struct listing *listing, const struct json *object)
{
    const char *ns = llmd__object_ns(object);
    AUTO(str) char *subject = subject_of(listing, object);
    AUTO(str) char *why = removal->proving ? why_there(object) : NULL;
    struct json *item = NULL;

    if (!subject || (removal->proving && !why))
        return NO_MEMORY;
    if (is_of_ours(removal, subject))
        return NULL;
    TRY(llmd__json_make(&item, "{'resource': %s, 'ns': %s, 'name': %s, 'subject': %s, 'why': %s}",
                        listing->resource, *ns ? ns : NULL, llmd__object_name(object), subject,
                        why));
    llmd__json_add(removal->waves[wave], item);
    return llmd__json_check(removal->waves[wave]);
}

static llmd_error *take_chosen(void *data, struct graph *graph, int status, const char *text,
                               size_t len)
{
    struct listing *listing = data;
    AUTO(json) struct json *list = NULL;

    (void)graph;
    TRY(read_list(listing, status, text, len, &list));
    JSON_EACH(object, llmd__json_member(list, "items")) {
        if (listing->takes(object))
            TRY(add_item(listing->removal, listing->wave, listing, object));
    }
    return NULL;
}

/* ---- what cert-manager made for itself, without any label ---- */

/* The CA of its webhook, and what its leader election leaves in kube-system. */
static bool is_trace(const struct json *object)
{
    static const char *const names[] = {"cert-manager-webhook-ca", "cert-manager-controller",
                                        "cert-manager-cainjector-leader-election",
                                        "cert-manager-cainjector-leader-election-core"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(llmd__object_name(object), names[i]) == 0)
            return true;
    return false;
}

static llmd_error *look_for_traces_in(struct graph *graph, struct removal *removal,
                                      const char *resource, const char *ns)
{
    struct listing *listing = NULL;
    step_id step = -1;

    TRY(listing_new(removal, resource, ns, &listing));
    listing->wave = REMOVE_REST;
    listing->takes = is_trace;
    TRY(ask_list(graph, listing, NULL, take_chosen, &step));
    return step < 0 ? NULL : llmd__graph_need(graph, removal->listed, step);
}

/* Its webhook configurations go with what answers them: until then it would write them again. */
static llmd_error *look_for_made(struct graph *graph, struct removal *removal)
{
    for (const struct platform_kind *kind = llmd__platform_kinds; kind->resource; kind++) {
        struct listing *listing = NULL;
        step_id step = -1;

        TRY(listing_new(removal, kind->resource, NULL, &listing));
        listing->wave = kind->wave == REMOVE_WEBHOOKS ? REMOVE_CONTROLLERS : kind->wave;
        listing->takes = is_made;
        TRY(ask_list(graph, listing, removal->operands->labels, take_chosen, &step));
        if (step >= 0)
            TRY(llmd__graph_need(graph, removal->listed, step));
    }
    return NULL;
}

/* Of ours, its CRD tells or, where others left one, its Deployment: else what is made is theirs. */
static llmd_error *look_for_operator(struct graph *graph, struct removal *removal, const char *name)
{
    const struct profile *profile = llmd__component(COMPONENT_CERT_MANAGER)->profile;
    const struct operands *operands = profile->operands;

    if (removal->operands ||
        (strcmp(name, operands->resource) && strcmp(name, profile->controller)))
        return NULL;
    removal->operands = operands;
    return look_for_made(graph, removal);
}

/* Its namespace tells, because it goes last: a delete that was killed on the way finds them when
   the webhook configurations that name the CA and the controllers are gone. */
static llmd_error *look_for_traces(struct graph *graph, struct removal *removal,
                                   const struct json *ns)
{
    const char *component = llmd__json_text(
        llmd__json_member(llmd__json_get(ns, "metadata.labels"), LLMD__PLATFORM_COMPONENT_LABEL));

    if (strcmp(component, llmd__component(COMPONENT_CERT_MANAGER)->key) != 0)
        return NULL;
    TRY(look_for_traces_in(graph, removal, "secrets", llmd__object_name(ns)));
    return look_for_traces_in(graph, removal, "leases.coordination.k8s.io", "kube-system");
}

/* ---- finalizers ---- */

/* Whose it is, by how it begins; what others hold, others let go. */
static enum component holder_of(const char *finalizer)
{
    const struct {
        const char *begin;
        enum component component;
    } known[] = {
        {"serving.kserve.io/llmisvc-finalizer", COMPONENT_KSERVE},
        {"serving.kserve.io/llmisvcconfig-finalizer", COMPONENT_KSERVE},
        {operands_of(COMPONENT_CERT_MANAGER)->finalizers, COMPONENT_CERT_MANAGER},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strncmp(finalizer, known[i].begin, strlen(known[i].begin)))
            return known[i].component;
    return COMPONENT_COUNT;
}

static llmd_error *note_finalizers(struct removal *removal, const struct listing *listing,
                                   const struct json *object)
{
    AUTO(json) struct json *rest = llmd__json_array();
    AUTO(str) char *subject = subject_of(listing, object);
    enum component holder = COMPONENT_COUNT;
    struct json *item = NULL;

    CHECK_MEMORY(subject);
    JSON_EACH(finalizer, llmd__json_get(object, "metadata.finalizers")) {
        enum component one = holder_of(llmd__json_text(finalizer));

        if (one == COMPONENT_COUNT)
            llmd__json_add_str(rest, llmd__json_text(finalizer));
        else
            holder = one;
    }
    TRY(llmd__json_check(rest));
    if (holder == COMPONENT_COUNT)
        return NULL;
    TRY(llmd__json_make(
        &item, "{'resource': %s, 'ns': %s, 'name': %s, 'subject': %s, 'rest': %j, 'component': %d}",
        listing->resource, llmd__object_ns(object), llmd__object_name(object), subject, rest,
        holder));
    llmd__json_add(removal->finalizers, item);
    return llmd__json_check(removal->finalizers);
}

/* Controllers of ours that take finalizers off; an operator's stands for what it makes. */
static void note_controller(struct removal *removal, const char *name)
{
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        const struct component_info *info = llmd__component((enum component)i);
        bool is_it = (info->controller && !strcmp(name, info->controller)) ||
                     (info->profile && !strcmp(name, info->profile->controller));

        removal->controllers |= is_it ? COMPONENT_BIT(i) : 0;
    }
}

static llmd_error *take_one(struct graph *graph, const struct listing *listing,
                            const struct json *object)
{
    struct removal *removal = listing->removal;
    const char *name = llmd__object_name(object);

    TRY(add_item(removal, listing->wave, listing, object));
    if (removal->proving)
        return NULL;
    switch (listing->wave) {
    case REMOVE_PRESETS:
    case REMOVE_OPERATED:
        return note_finalizers(removal, listing, object);
    case REMOVE_CONTROLLERS:
        note_controller(removal, name);
        return look_for_operator(graph, removal, name);
    case REMOVE_CRDS:
        TRY(look_for_operator(graph, removal, name));
        return look_at_objects(graph, removal, name);
    case REMOVE_NAMESPACES:
        return look_for_traces(graph, removal, object);
    default:
        return NULL;
    }
}

static llmd_error *take_ours(void *data, struct graph *graph, int status, const char *text,
                             size_t len)
{
    struct listing *listing = data;
    AUTO(json) struct json *list = NULL;

    TRY(read_list(listing, status, text, len, &list));
    JSON_EACH(object, llmd__json_member(list, "items"))
        TRY(take_one(graph, listing, object));
    return NULL;
}

static llmd_error *list_kind(struct graph *graph, struct removal *removal,
                             const struct platform_kind *kind)
{
    struct listing *listing = NULL;
    step_id step = -1;

    TRY(listing_new(removal, kind->resource, NULL, &listing));
    listing->wave = kind->wave;
    TRY(ask_list(graph, listing, LLMD__PLATFORM_COMPONENT_LABEL, take_ours, &step));
    return step < 0 ? NULL : llmd__graph_need(graph, removal->listed, step);
}

/* ---- the survey ---- */

static llmd_error *forget(struct removal *removal)
{
    for (int wave = 0; wave < REMOVE_WAVES; wave++) {
        llmd__json_free(removal->waves[wave]);
        removal->waves[wave] = llmd__json_array();
        CHECK_MEMORY(removal->waves[wave]);
    }
    return NULL;
}

/* Two surveys are made with the graph; which of them runs is known when it begins. */
struct survey {
    struct removal *removal;
    step_id listed, surveyed;
};

static llmd_error *survey_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    const struct survey *survey = state;
    struct removal *removal = survey->removal;

    (void)input;
    removal->listed = survey->listed;
    removal->surveyed = survey->surveyed;
    TRY(forget(removal));
    if (removal->operands) /* nothing else tells of it any more */
        TRY(look_for_made(graph, removal));
    for (const struct platform_kind *kind = llmd__platform_kinds; kind->resource; kind++)
        TRY(list_kind(graph, removal, kind));
    action->kind = ACTION_DONE;
    return NULL;
}

/* Namespaces are looked into when all kinds are known: what goes anyway does not keep one. */
static llmd_error *listed_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    struct removal *removal = state;

    (void)input;
    action->kind = ACTION_DONE;
    if (removal->proving)
        return NULL;
    JSON_EACH(item, removal->waves[REMOVE_NAMESPACES])
        TRY(look_into(graph, removal, llmd__json_str(item, "name")));
    return NULL;
}

static const struct step_class survey_class = {
    .name = "survey", .advance = survey_advance, .free = llmd__free};
static const struct step_class listed_class = {.name = "survey", .advance = listed_advance};

llmd_error *llmd__removal_survey(struct graph *graph, struct removal *removal, step_id after,
                                 step_id *done)
{
    struct survey *survey = llmd__calloc(1, sizeof(*survey));
    step_id discovery = -1, first = -1;

    CHECK_MEMORY(survey);
    survey->removal = removal;
    TRY(llmd__graph_add(graph, &survey_class, survey, &first));
    TRY(llmd__discovery_step(graph, removal->run->kube, true, &discovery));
    if (after >= 0)
        TRY(llmd__graph_need(graph, discovery, after));
    TRY(llmd__graph_need(graph, first, discovery));
    TRY(llmd__graph_add(graph, &listed_class, removal, &survey->listed));
    TRY(llmd__graph_need(graph, survey->listed, first));
    TRY(llmd__graph_add_barrier(graph, done));
    survey->surveyed = *done;
    return llmd__graph_need(graph, *done, survey->listed);
}

void llmd__removal_list(struct buf *text, const struct json *subjects)
{
    size_t count = 0;

    JSON_EACH(subject, subjects) {
        if (count++ < LISTED_MAX)
            llmd__buf_format(text, "%s%s", count > 1 ? ", " : "", llmd__json_text(subject));
    }
    if (count > LISTED_MAX)
        llmd__buf_format(text, " and %zu more", count - LISTED_MAX);
}
