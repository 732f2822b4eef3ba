/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments and their ReplicaSets, with the status steps in the order of the recordings. */
#include "sandbox/controllers.h"
#include "sandbox/images.h"
#include "sandbox/selector.h"
#include "sandbox/verbs.h"
#include "sandbox/warden.h"

#include <inttypes.h>
#include <string.h>

#define COMPONENT "deployment-controller"
/* Between two writes of a controller, cluster time. */
#define BEAT_MS 60

struct json *owner_reference(const struct object *owner)
{
    return MAKE("[{'apiVersion':%s,'kind':%s,'name':%s,'uid':%s,'controller':true,"
                "'blockOwnerDeletion':true}]",
                object_str(owner, "apiVersion"), owner->kind->name, owner->name, owner->uid);
}

bool operator_runs(struct sandbox *sandbox, int role)
{
    struct kind *deployments = kinds_find(sandbox->store.kinds, "apps", "deployments");
    for (struct object *object = deployments->objects; object; object = object->next)
        JSON_EACH(container, llmd__json_get(object_json(object), "spec.template.spec.containers"))
            if ((int)image_role(llmd__json_str(container, "image")) == role &&
                strcmp(condition_status(object_json(object), "Available"), "True") == 0)
                return true;
    return false;
}

static bool has_role(const struct object *object, const char *containers, int role)
{
    JSON_EACH(container, llmd__json_get(object_json(object), containers))
        if ((int)image_role(llmd__json_str(container, "image")) == role)
            return true;
    return false;
}

/* The resource version at which the youngest ready pod of this role was made; 0: none is ready. */
static int64_t started_at(struct sandbox *sandbox, int role)
{
    struct kind *pods = kinds_find(sandbox->store.kinds, "", "pods");
    int64_t at = 0;
    for (struct object *pod = pods->objects; pod; pod = pod->next)
        if (has_role(pod, "spec.containers", role) && pod->created > at &&
            strcmp(condition_status(object_json(pod), "Ready"), "True") == 0)
            at = pod->created;
    return at;
}

bool operator_watches(struct sandbox *sandbox, int role, const char *const *crds)
{
    struct kind *kind =
        kinds_find(sandbox->store.kinds, "apiextensions.k8s.io", "customresourcedefinitions");
    int64_t started = started_at(sandbox, role);
    if (!operator_runs(sandbox, role))
        return false;
    for (; *crds; crds++) {
        struct object *crd = store_find(kind, "", *crds);
        if (!crd || crd->created > started)
            return false;
    }
    return true;
}

/* Whether it counts: an owner that is not its controller only takes it along when it goes. */
static bool owned_by(const struct object *object, const struct object *owner)
{
    const struct json *reference =
        llmd__json_get(object_json(object), "metadata.ownerReferences[0]");
    return llmd__json_bool(reference, "controller", false) &&
           strcmp(llmd__json_str(reference, "uid"), owner->uid) == 0;
}

/* ---- ReplicaSets ---- */

struct replicas {
    int total;
    int ready;
};

/* Dying pods no longer count, as in the real controllers. */
static struct replicas count_pods(struct sandbox *sandbox, const struct object *owner)
{
    struct replicas count = {0};
    struct kind *pods = kinds_find(sandbox->store.kinds, "", "pods");
    for (struct object *pod = pods->objects; pod; pod = pod->next) {
        if (!owned_by(pod, owner) || *object_str(pod, "metadata.deletionTimestamp"))
            continue;
        count.total++;
        count.ready += strcmp(condition_status(object_json(pod), "Ready"), "True") == 0;
    }
    return count;
}

static char *quota_refusal(struct sandbox *sandbox, const struct object *set)
{
    if (!has_trouble(sandbox, TROUBLE_QUOTA, set->name))
        return NULL;
    return llmd__format("pods \"%s-x7k2p\" is forbidden: exceeded quota: compute, requested: "
                        "pods=1, used: pods=10, limited: pods=10",
                        set->name);
}

/* Tried again and again, as the real controller does; false: the pod is there. */
static bool refused_pod(struct sandbox *sandbox, struct object *set)
{
    AUTO(json)
    struct json *pod = MAKE("{'spec':%j}", llmd__json_get(object_json(set), "spec.template.spec"));
    AUTO(str) char *words = warden_refusal(sandbox, pod);
    if (!words)
        words = quota_refusal(sandbox, set);
    if (!words)
        return false;
    event_emit(sandbox, set, "Warning", "FailedCreate", "replicaset-controller",
               "Error creating: %s", words);
    struct json *json = store_edit(set);
    condition_set(conditions_edit(json), "ReplicaFailure", "True", "FailedCreate", words, 0);
    store_commit(&sandbox->store, set, json);
    return true;
}

static void create_pod(struct sandbox *sandbox, struct object *set)
{
    char suffix[8];
    struct json *pod = llmd__json_object();
    struct json *metadata = must_copy(llmd__json_get(object_json(set), "spec.template.metadata"));
    store_suffix(&sandbox->store, suffix, 5);
    AUTO(str) char *name = llmd__format("%s-%s", set->name, suffix);
    AUTO(str) char *prefix = llmd__format("%s-", set->name);
    llmd__json_set(pod, "metadata", metadata ? metadata : llmd__json_object());
    metadata = llmd__json_edit(pod, "metadata");
    llmd__json_set_str(metadata, "name", name);
    llmd__json_set_str(metadata, "generateName", prefix);
    llmd__json_set_str(metadata, "namespace", set->ns);
    llmd__json_set(metadata, "ownerReferences", owner_reference(set));
    llmd__json_set(pod, "spec", must_copy(llmd__json_get(object_json(set), "spec.template.spec")));
    default_object(sandbox, kinds_find(sandbox->store.kinds, "", "pods"), pod);
    sandbox_create(sandbox, "", "pods", pod);
    event_emit(sandbox, set, "Normal", "SuccessfulCreate", "replicaset-controller",
               "Created pod: %s", name);
}

/* The least ready one goes first. */
static void delete_pod(struct sandbox *sandbox, struct object *set)
{
    struct kind *pods = kinds_find(sandbox->store.kinds, "", "pods");
    struct object *victim = NULL;
    for (struct object *pod = pods->objects; pod; pod = pod->next) {
        if (!owned_by(pod, set) || *object_str(pod, "metadata.deletionTimestamp"))
            continue;
        if (!victim || strcmp(condition_status(object_json(pod), "Ready"), "True") != 0)
            victim = pod;
    }
    if (!victim)
        return;
    event_emit(sandbox, set, "Normal", "SuccessfulDelete", "replicaset-controller",
               "Deleted pod: %s", victim->name);
    object_delete(sandbox, victim, "Background");
}

static void set_count(struct json *status, const char *key, int count)
{
    if (count)
        llmd__json_set_int(status, key, count);
    else
        llmd__json_remove(status, key);
}

static void write_set_status(struct sandbox *sandbox, struct object *set, struct replicas count)
{
    struct json *json = store_edit(set);
    struct json *status = member_object(json, "status");
    llmd__json_set_int(status, "replicas", count.total);
    set_count(status, "fullyLabeledReplicas", count.total);
    set_count(status, "readyReplicas", count.ready);
    set_count(status, "availableReplicas", count.ready);
    llmd__json_set_int(status, "observedGeneration",
                       llmd__json_int(json, "metadata.generation", 1));
    store_commit(&sandbox->store, set, json);
}

int64_t reconcile_replicaset(struct sandbox *sandbox, struct object *object, int64_t now)
{
    struct replicas count = count_pods(sandbox, object);
    int64_t wanted = llmd__json_int(object_json(object), "spec.replicas", 1);
    int64_t version = sandbox->store.version;
    if (*object_str(object, "metadata.deletionTimestamp"))
        return 0;
    if (now < object->since)
        return object->since;
    if (count.total < wanted && refused_pod(sandbox, object)) {
        object->since = now + 15000;
        return object->since;
    }
    if (count.total < wanted)
        create_pod(sandbox, object);
    else if (count.total > wanted)
        delete_pod(sandbox, object);
    else
        write_set_status(sandbox, object, count);
    /* A beat after every look would let two settled sets wake each other for ever. */
    if (count.total == wanted && sandbox->store.version == version)
        return 0;
    object->since = now + BEAT_MS / 2;
    return count.total == wanted ? 0 : object->since;
}

/* ---- Deployments ---- */

static uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

/* As Kubernetes encodes it: only letters that make no words. */
static void template_hash(const struct object *deployment, char out[16])
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char digits[16];
    char *text;
    must(llmd__json_print(llmd__json_get(object_json(deployment), "spec.template"), &text));
    snprintf(digits, sizeof(digits), "%" PRIu32, hash_text(text));
    llmd__free(text);
    int i = 0;
    for (; digits[i]; i++)
        out[i] = letters[(digits[i] * 7 + i) % 27];
    out[i] = '\0';
}

static struct object *current_set(struct sandbox *sandbox, const struct object *deployment)
{
    char hash[16];
    template_hash(deployment, hash);
    AUTO(str) char *name = llmd__format("%s-%s", deployment->name, hash);
    return store_get(&sandbox->store, "apps", "replicasets", deployment->ns, name);
}

static void set_revision(struct json *json, int revision)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", revision);
    llmd__json_set_str(member_object(llmd__json_edit(json, "metadata"), "annotations"),
                       "deployment.kubernetes.io/revision", text);
}

static struct object *create_set(struct sandbox *sandbox, struct object *deployment)
{
    char hash[16];
    const struct json *json = object_json(deployment);
    template_hash(deployment, hash);
    AUTO(str) char *name = llmd__format("%s-%s", deployment->name, hash);
    int64_t replicas = llmd__json_int(json, "spec.replicas", 1);
    AUTO(json) struct json *owner = owner_reference(deployment);
    struct json *set = MAKE(
        "{'metadata':{'name':%s,'namespace':%s,'labels':%j,'ownerReferences':%j},"
        "'spec':{'replicas':%I,'selector':%j,'template':%j},'status':{'replicas':0}}",
        name, deployment->ns, llmd__json_get(json, "spec.template.metadata.labels"), owner,
        replicas, llmd__json_get(json, "spec.selector"), llmd__json_get(json, "spec.template"));
    struct json *labels =
        member_object(member_object(llmd__json_edit(set, "spec.template"), "metadata"), "labels");
    llmd__json_set_str(labels, "pod-template-hash", hash);
    llmd__json_set_str(member_object(llmd__json_edit(set, "metadata"), "labels"),
                       "pod-template-hash", hash);
    llmd__json_set_str(member_object(llmd__json_edit(set, "spec.selector"), "matchLabels"),
                       "pod-template-hash", hash);
    set_revision(set, deployment->count + 1);
    return sandbox_create(sandbox, "apps", "replicasets", set);
}

static void scale_set(struct sandbox *sandbox, struct object *deployment, struct object *set,
                      int64_t to)
{
    int64_t from = llmd__json_int(object_json(set), "spec.replicas", 0);
    if (from == to)
        return;
    struct json *json = store_edit(set);
    llmd__json_set_int(llmd__json_edit(json, "spec"), "replicas", to);
    store_commit(&sandbox->store, set, json);
    event_emit(sandbox, deployment, "Normal", "ScalingReplicaSet", COMPONENT,
               "Scaled %s replica set %s from %d to %d", to > from ? "up" : "down", set->name,
               (int)from, (int)to);
}

static void begin_rollout(struct sandbox *sandbox, struct object *deployment)
{
    struct object *set = create_set(sandbox, deployment);
    AUTO(str) char *message = llmd__format("Created new replica set \"%s\"", set->name);
    int64_t replicas = llmd__json_int(object_json(deployment), "spec.replicas", 1);
    deployment->count++;
    if (replicas)
        event_emit(sandbox, deployment, "Normal", "ScalingReplicaSet", COMPONENT,
                   "Scaled up replica set %s from 0 to %d", set->name, (int)replicas);
    struct json *json = store_edit(deployment);
    set_revision(json, deployment->count);
    condition_set(conditions_edit(json), "Progressing", "True", "NewReplicaSetCreated", message, 0);
    store_commit(&sandbox->store, deployment, json);
}

static void write_available(struct json *json, bool available)
{
    condition_set(conditions_edit(json), "Available", available ? "True" : "False",
                  available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                  available ? "Deployment has minimum availability."
                            : "Deployment does not have minimum availability.",
                  0);
}

/* The second write: it has been seen, and nothing is there yet but for what an update leaves. */
static void write_seen(struct sandbox *sandbox, struct object *deployment, struct replicas all)
{
    struct json *json = store_edit(deployment);
    struct json *status = member_object(json, "status");
    int64_t wanted = llmd__json_int(json, "spec.replicas", 1);
    llmd__json_set_int(status, "observedGeneration",
                       llmd__json_int(json, "metadata.generation", 1));
    set_count(status, "replicas", all.total);
    set_count(status, "updatedReplicas", 0);
    set_count(status, "unavailableReplicas", wanted > all.ready ? (int)wanted - all.ready : 0);
    write_available(json, all.ready >= wanted - wanted / 4);
    store_commit(&sandbox->store, deployment, json);
}

static void write_progress(struct json *json, const struct object *set, bool complete, bool late)
{
    AUTO(str)
    char *message = llmd__format(late       ? "ReplicaSet \"%s\" has timed out progressing."
                                 : complete ? "ReplicaSet \"%s\" has successfully progressed."
                                            : "ReplicaSet \"%s\" is progressing.",
                                 set->name);
    condition_set(conditions_edit(json), "Progressing", late ? "False" : "True",
                  late       ? "ProgressDeadlineExceeded"
                  : complete ? "NewReplicaSetAvailable"
                             : "ReplicaSetUpdated",
                  message, 0);
}

static void write_status(struct sandbox *sandbox, struct object *deployment, struct object *set,
                         struct replicas all, bool late)
{
    struct replicas updated = count_pods(sandbox, set);
    struct json *json = store_edit(deployment);
    struct json *status = member_object(json, "status");
    int wanted = (int)llmd__json_int(json, "spec.replicas", 1);
    llmd__json_set_int(status, "observedGeneration",
                       llmd__json_int(json, "metadata.generation", 1));
    set_count(status, "replicas", all.total);
    set_count(status, "updatedReplicas", updated.total);
    set_count(status, "readyReplicas", all.ready);
    set_count(status, "availableReplicas", all.ready);
    set_count(status, "unavailableReplicas", wanted > all.ready ? wanted - all.ready : 0);
    /* A quarter may be missing (maxUnavailable 25 %, rounded down). */
    write_available(json, all.ready >= wanted - wanted / 4);
    bool complete = updated.ready >= wanted && all.total == updated.total;
    write_progress(json, set, complete, late && !complete);
    store_commit(&sandbox->store, deployment, json);
}

static bool is_recreate(const struct object *deployment)
{
    return strcmp(object_str(deployment, "spec.strategy.type"), "Recreate") == 0;
}

static bool is_old(const struct object *old, const struct object *deployment,
                   const struct object *set)
{
    return old != set && owned_by(old, deployment);
}

static int64_t wanted_of(const struct object *owner)
{
    return llmd__json_int(object_json(owner), "spec.replicas", 1);
}

/* Old sets shrink when the new one is ready; with Recreate at once. What of theirs is not ready
   goes before, as far as enough pods are left (cleanupUnhealthyReplicas of the deployment
   controller): the pods of a spec that never ran must not hold the nodes which the new ones need.
 */
static struct replicas retire_old(struct sandbox *sandbox, struct object *deployment,
                                  struct object *set)
{
    struct kind *sets = kinds_find(sandbox->store.kinds, "apps", "replicasets");
    struct replicas updated = set ? count_pods(sandbox, set) : (struct replicas){0};
    struct replicas all = updated;
    int64_t wanted = wanted_of(deployment);
    bool may_go = is_recreate(deployment) || updated.ready >= wanted;
    for (struct object *old = sets->objects; old; old = old->next) {
        struct replicas count =
            is_old(old, deployment, set) ? count_pods(sandbox, old) : (struct replicas){0};
        all.total += count.total;
        all.ready += count.ready;
    }
    int64_t spare = all.total - (wanted - wanted / 4) - (updated.total - updated.ready);
    for (struct object *old = sets->objects; old; old = old->next) {
        if (!is_old(old, deployment, set))
            continue;
        int64_t has = wanted_of(old), unready = has - count_pods(sandbox, old).ready;
        int64_t cut = may_go ? has : unready < spare ? unready : spare;
        if (cut <= 0)
            continue;
        spare -= cut;
        scale_set(sandbox, deployment, old, has - cut);
    }
    return all;
}

/* Level: whatever happened, the numbers are made right and written down. */
static int64_t follow(struct sandbox *sandbox, struct object *deployment, struct object *set,
                      int64_t now)
{
    int64_t limit =
        1000 * llmd__json_int(object_json(deployment), "spec.progressDeadlineSeconds", 600);
    scale_set(sandbox, deployment, set, wanted_of(deployment));
    struct replicas all = retire_old(sandbox, deployment, set);
    bool late = now >= deployment->since + limit;
    write_status(sandbox, deployment, set, all, late);
    return late || all.ready == all.total ? 0 : deployment->since + limit;
}

int64_t reconcile_deployment(struct sandbox *sandbox, struct object *object, int64_t now)
{
    struct object *set = current_set(sandbox, object);
    if (*object_str(object, "metadata.deletionTimestamp") || now < object->probe_at)
        return object->probe_at > now ? object->probe_at : 0;
    if (!set) {
        struct replicas old = retire_old(sandbox, object, NULL);
        if (is_recreate(object) && old.total > 0)
            return 0;
        begin_rollout(sandbox, object);
        object->step = 1;
        object->since = now;
        object->probe_at = now + BEAT_MS;
        return object->probe_at;
    }
    if (object->step == 1) {
        write_seen(sandbox, object, retire_old(sandbox, object, set));
        object->step = 2;
        object->probe_at = now + BEAT_MS;
        return object->probe_at;
    }
    return follow(sandbox, object, set, now);
}
