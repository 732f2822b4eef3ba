/* SPDX-License-Identifier: Apache-2.0 */
#include "findings/scene.h"

#include <string.h>

/* Events of a namespace can be many; only the newest of ours matter. */
#define MAX_EVENTS 256
/* KServe cuts long names of children and adds a hash: this much of the name always stays. */
#define SURE_PREFIX 12

#define LABEL_NAME "metadata.labels.\"app.kubernetes.io/name\""
#define LABEL_PART "metadata.labels.\"app.kubernetes.io/part-of\""
#define LABEL_COMPONENT "metadata.labels.\"app.kubernetes.io/component\""
#define PART_OF "llminferenceservice"

/* Items of a list carry no kind; subjects need one. */
static const char *const kinds[SCENE_KINDS] = {
    "LLMInferenceService", "Pod",           "Deployment", "ReplicaSet",   "Event",
    "HTTPRoute",           "InferencePool", "Gateway",    "GatewayClass", "Node"};

llmd_error *llmd__scene_init(struct scene *scene, const char *ns, const char *name)
{
    *scene = (struct scene){0};
    scene->logs = llmd__json_object();
    CHECK_MEMORY(scene->logs);
    if (!name)
        return NULL;
    scene->ns = llmd__strdup(ns);
    CHECK_MEMORY(scene->ns);
    scene->name = llmd__strdup(name);
    CHECK_MEMORY(scene->name);
    return NULL;
}

/* Leaves a scene that may be freed again, as after a failed init. */
void llmd__scene_free(struct scene *scene)
{
    for (int kind = 0; kind < SCENE_KINDS; kind++) {
        struct scene_set *set = &scene->sets[kind];

        for (size_t i = 0; i < set->count; i++)
            llmd__json_free(set->items[i]);
        llmd__free(set->items);
    }
    llmd__json_free(scene->logs);
    llmd__free(scene->refuted);
    llmd__free(scene->ns);
    llmd__free(scene->name);
    llmd__free(scene->gateway_ns);
    llmd__free(scene->gateway);
    *scene = (struct scene){0};
}

/* ---- which objects are ours ---- */

static bool has_our_labels(const struct scene *scene, const struct json *object)
{
    return scene->name && !strcmp(llmd__json_str(object, LABEL_NAME), scene->name) &&
           !strcmp(llmd__json_str(object, LABEL_PART), PART_OF);
}

/* Events carry no labels: they are ours by the name of what they are about. Too many are harmless,
   since rules match them with an object once more. */
static bool is_our_event(const struct scene *scene, const struct json *event)
{
    const char *about = llmd__json_str(event, "involvedObject.name");
    size_t len;

    if (!scene->name)
        return scene->gateway && !strcmp(about, scene->gateway) &&
               !strcmp(llmd__json_str(event, "involvedObject.kind"), "Gateway");
    len = strlen(scene->name);
    if (!strcmp(about, scene->name))
        return true;
    if (len <= SURE_PREFIX)
        return !strncmp(about, scene->name, len) && about[len] == '-';
    return !strncmp(about, scene->name, SURE_PREFIX);
}

static bool is_our_service(const struct scene *scene, const struct json *object)
{
    return scene->name && !strcmp(llmd__scene_name(object), scene->name) &&
           !strcmp(llmd__json_str(object, "metadata.namespace"), scene->ns);
}

/* A watch by selector sends only ours; a list that a server filters differently may not. */
static bool is_ours(const struct scene *scene, enum scene_kind kind, const struct json *object)
{
    if (scene->everything)
        return true;
    switch (kind) {
    case SCENE_SERVICE:
        return is_our_service(scene, object);
    case SCENE_EVENT:
        return is_our_event(scene, object);
    case SCENE_GATEWAY:
    case SCENE_CLASS:
    case SCENE_NODE:
        return true;
    default:
        return has_our_labels(scene, object);
    }
}

/* ---- keeping ---- */

/* By name, not by uid: an object made again takes the place of the one before. */
static size_t find_place(const struct scene_set *set, const struct json *object)
{
    const char *name = llmd__scene_name(object);
    const char *ns = llmd__json_str(object, "metadata.namespace");

    for (size_t i = 0; i < set->count; i++)
        if (!strcmp(llmd__scene_name(set->items[i]), name) &&
            !strcmp(llmd__json_str(set->items[i], "metadata.namespace"), ns))
            return i;
    return set->count;
}

/* The order is kept: of Events the newest are last. */
static void remove_at(struct scene_set *set, size_t place)
{
    llmd__json_free(set->items[place]);
    set->count--;
    memmove(set->items + place, set->items + place + 1, (set->count - place) * sizeof(*set->items));
}

static llmd_error *make_room(struct scene_set *set)
{
    size_t cap = set->cap ? set->cap * 2 : 8;
    struct json **items;

    if (set->count < set->cap)
        return NULL;
    items = llmd__realloc(set->items, cap * sizeof(*items));
    CHECK_MEMORY(items);
    set->items = items;
    set->cap = cap;
    return NULL;
}

static llmd_error *copy_whole(const struct json *object, const char *kind, struct json **out)
{
    AUTO(json) struct json *copy = NULL;

    TRY(llmd__json_copy(object, &copy));
    if (!llmd__json_str(copy, "kind")[0])
        llmd__json_set_str(copy, "kind", kind);
    TRY(llmd__json_check(copy));
    *out = TAKE(copy);
    return NULL;
}

/* Nodes, Events and Gateways are the whole cluster's, and thousands may be most of them: only what
   the rules look at is kept. A new rule that misses a member adds it here. */
static llmd_error *copy_node(const struct json *node, struct json **out)
{
    return llmd__json_make(
        out,
        "{'kind': 'Node', 'metadata': {'name': %s, 'labels': %j}, 'status': {'allocatable': %j}}",
        llmd__scene_name(node), llmd__json_get(node, "metadata.labels"),
        llmd__json_get(node, "status.allocatable"));
}

static llmd_error *copy_event(const struct json *event, struct json **out)
{
    return llmd__json_make(
        out,
        "{'kind': 'Event', 'metadata': {'name': %s, 'namespace': %s}, 'type': %s, 'reason': %s,"
        " 'message': %s, 'involvedObject': %j, 'count': %j, 'series': %j}",
        llmd__scene_name(event), llmd__json_str(event, "metadata.namespace"),
        llmd__json_str(event, "type"), llmd__json_str(event, "reason"),
        llmd__json_str(event, "message"), llmd__json_member(event, "involvedObject"),
        llmd__json_member(event, "count"), llmd__json_member(event, "series"));
}

static llmd_error *copy_gateway(const struct json *gateway, struct json **out)
{
    return llmd__json_make(
        out,
        "{'kind': 'Gateway', 'metadata': {'name': %s, 'namespace': %s, 'generation': %j},"
        " 'spec': %j, 'status': %j}",
        llmd__scene_name(gateway), llmd__json_str(gateway, "metadata.namespace"),
        llmd__json_get(gateway, "metadata.generation"), llmd__json_member(gateway, "spec"),
        llmd__json_member(gateway, "status"));
}

/* What is waited for is the task's result, which is whole. */
static llmd_error *copy_needed(const struct scene *scene, enum scene_kind kind,
                               const struct json *object, struct json **out)
{
    if (kind == SCENE_NODE)
        return copy_node(object, out);
    if (kind == SCENE_EVENT)
        return copy_event(object, out);
    if (kind == SCENE_CLASS)
        return llmd__json_make(out, "{'kind': 'GatewayClass', 'metadata': {'name': %s}}",
                               llmd__scene_name(object));
    if (kind == SCENE_GATEWAY && scene->name)
        return copy_gateway(object, out);
    return copy_whole(object, kinds[kind], out);
}

llmd_error *llmd__scene_put(struct scene *scene, enum scene_kind kind, const struct json *object)
{
    struct scene_set *set = &scene->sets[kind];
    struct json *copy = NULL;
    size_t place;

    if (!is_ours(scene, kind, object))
        return NULL;
    TRY(make_room(set));
    /* The copy is made before anything is thrown away: without memory the scene stays as it was. */
    TRY(copy_needed(scene, kind, object, &copy));
    /* An event that is told again moves to the end, so that the newest are last. */
    place = find_place(set, object);
    if (place < set->count && kind == SCENE_EVENT) {
        remove_at(set, place);
        place = set->count;
    }
    if (place < set->count) {
        llmd__json_free(set->items[place]);
        set->items[place] = copy;
        return NULL;
    }
    set->items[set->count++] = copy;
    if (kind == SCENE_EVENT && set->count > MAX_EVENTS)
        remove_at(set, 0);
    return NULL;
}

void llmd__scene_remove(struct scene *scene, enum scene_kind kind, const struct json *object)
{
    struct scene_set *set = &scene->sets[kind];
    size_t place = find_place(set, object);

    if (place < set->count)
        remove_at(set, place);
}

/* "" is remembered as well, or the log would be asked for with each judgement. */
llmd_error *llmd__scene_log(struct scene *scene, const char *pod, const char *container,
                            const char *text)
{
    AUTO(str) char *key = llmd__format("%s/%s", pod, container);

    CHECK_MEMORY(key);
    llmd__json_set_str(scene->logs, key, text);
    return llmd__json_check(scene->logs);
}

/* A container's name holds no slash, a pod's neither: no escaping is needed. */
const char *llmd__scene_find_log(const struct scene *scene, const char *pod, const char *container)
{
    size_t len = strlen(pod);

    JSON_EACH(item, scene->logs) {
        const char *key = llmd__json_key(item);

        if (!strncmp(key, pod, len) && key[len] == '/' && !strcmp(key + len + 1, container))
            return llmd__json_text(item);
    }
    return NULL;
}

/* ---- looking ---- */

const struct json *llmd__scene_service(const struct scene *scene)
{
    return scene->sets[SCENE_SERVICE].count ? scene->sets[SCENE_SERVICE].items[0] : NULL;
}

const struct json *llmd__scene_gateway_named(const struct scene *scene, const char *ns,
                                             const char *name)
{
    SCENE_EACH(gateway, scene, SCENE_GATEWAY)
    {
        if (!strcmp(llmd__scene_name(gateway), name) &&
            !strcmp(llmd__json_str(gateway, "metadata.namespace"), ns))
            return gateway;
    }
    return NULL;
}

/* The spec's first Gateway; status.router is what newer KServe resolved by itself. */
const struct json *llmd__scene_gateway(const struct scene *scene)
{
    const struct json *service = llmd__scene_service(scene);
    const struct json *ref = llmd__json_get(service, "spec.router.gateway.refs[0]");
    const char *name = scene->gateway, *ns = scene->gateway_ns;

    if (scene->name) {
        if (!ref)
            ref = llmd__json_get(service, "status.router.gateways[0]");
        name = llmd__json_str(ref, "name");
        ns = llmd__json_str(ref, "namespace");
        if (!ns[0])
            ns = scene->ns;
    }
    if (!name || !name[0])
        return NULL;
    return llmd__scene_gateway_named(scene, ns, name);
}

/* min_generation is what our own apply was answered: a watch may still tell of the one before. */
bool llmd__scene_fresh(const struct scene *scene)
{
    const struct json *service = llmd__scene_service(scene);
    int64_t generation = llmd__json_int(service, "metadata.generation", 0);

    return service && generation >= scene->min_generation &&
           llmd__json_int(service, "status.observedGeneration", -1) >= generation;
}

const char *llmd__scene_name(const struct json *object)
{
    return llmd__json_str(object, "metadata.name");
}

char *llmd__scene_subject(const struct json *object)
{
    const char *kind = llmd__json_str(object, "kind");
    const char *ns = llmd__json_str(object, "metadata.namespace");

    return ns[0] ? llmd__format("%s/%s/%s", kind, ns, llmd__scene_name(object))
                 : llmd__format("%s/%s", kind, llmd__scene_name(object));
}

const struct json *llmd__scene_condition(const struct json *owner, const char *type)
{
    JSON_EACH(condition, llmd__json_member(owner, "conditions")) {
        if (!strcmp(llmd__json_str(condition, "type"), type))
            return condition;
    }
    return NULL;
}

bool llmd__scene_is_picker(const struct json *object)
{
    return strstr(llmd__json_str(object, LABEL_COMPONENT), "router-scheduler") != NULL;
}

bool llmd__scene_is_leaving(const struct json *object)
{
    return llmd__json_str(object, "metadata.deletionTimestamp")[0] != '\0';
}

/* ---- what is of the newest spec ---- */

const struct json *llmd__scene_known(const struct scene *scene, enum scene_kind kind,
                                     const struct json *object)
{
    const struct scene_set *set = &scene->sets[kind];
    size_t place = find_place(set, object);

    return place < set->count ? set->items[place] : NULL;
}

static const struct json *owner_of(const struct scene *scene, enum scene_kind kind,
                                   const struct json *object)
{
    const char *name = llmd__json_str(object, "metadata.ownerReferences[0].name");

    SCENE_EACH(owner, scene, kind)
    {
        if (!strcmp(llmd__scene_name(owner), name))
            return owner;
    }
    return NULL;
}

static const char *revision(const struct json *object)
{
    return llmd__json_str(object, "metadata.annotations.\"deployment.kubernetes.io/revision\"");
}

bool llmd__scene_is_observed(const struct json *object)
{
    return llmd__json_int(object, "status.observedGeneration", 0) >=
           llmd__json_int(object, "metadata.generation", 0);
}

bool llmd__scene_is_current(const struct scene *scene, const struct json *pod)
{
    const struct json *set = owner_of(scene, SCENE_REPLICASET, pod);
    const struct json *deployment = set ? owner_of(scene, SCENE_DEPLOYMENT, set) : NULL;

    if (scene->unsettled || llmd__scene_is_leaving(pod))
        return false;
    return !deployment ||
           (llmd__scene_is_observed(deployment) && !strcmp(revision(set), revision(deployment)));
}
