/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting: finalizers, grace, owners. */
#include "sandbox/verbs.h"

#include <string.h>

#define FOREGROUND "foregroundDeletion"

static bool is_kind(const struct object *object, const char *plural)
{
    return object->kind->builtin && strcmp(object->kind->plural, plural) == 0;
}

static bool has_finalizer(const struct json *json, const char *name)
{
    JSON_EACH(item, llmd__json_get(json, "metadata.finalizers"))
        if (!name || strcmp(llmd__json_text(item), name) == 0)
            return true;
    return false;
}

static bool is_owned_by(const struct object *object, const char *uid)
{
    JSON_EACH(owner, llmd__json_get(object_json(object), "metadata.ownerReferences"))
        if (strcmp(llmd__json_str(owner, "uid"), uid) == 0)
            return true;
    return false;
}

static void orphan_dependents(struct sandbox *sandbox, const char *uid)
{
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next)
        for (struct object *object = kind->objects; object; object = object->next) {
            if (!is_owned_by(object, uid))
                continue;
            struct json *json = store_edit(object);
            llmd__json_remove(llmd__json_edit(json, "metadata"), "ownerReferences");
            store_commit(&sandbox->store, object, json);
        }
}

/* From now on it only waits: for its finalizers, its grace, or its dependents. */
static void mark_dying(struct sandbox *sandbox, struct object *object, bool foreground)
{
    char stamp[32];
    struct json *json = store_edit(object);
    struct json *metadata = llmd__json_edit(json, "metadata");
    clock_stamp(stamp);
    llmd__json_set_str(metadata, "deletionTimestamp", stamp);
    llmd__json_set_int(metadata, "deletionGracePeriodSeconds", is_kind(object, "pods") ? 30 : 0);
    if (foreground && !has_finalizer(json, FOREGROUND)) {
        struct json *list = (struct json *)llmd__json_member(metadata, "finalizers");
        llmd__json_add_str(list ? list : llmd__json_set_array(metadata, "finalizers"), FOREGROUND);
    }
    if (is_kind(object, "namespaces"))
        llmd__json_set_str(member_object(json, "status"), "phase", "Terminating");
    store_commit(&sandbox->store, object, json);
    object->due = 0;
}

void object_delete(struct sandbox *sandbox, struct object *object, const char *propagation)
{
    bool foreground = propagation && strcmp(propagation, "Foreground") == 0;
    bool waits = has_finalizer(object_json(object), NULL) || is_kind(object, "namespaces") ||
                 (is_kind(object, "pods") && *object_str(object, "spec.nodeName")) || foreground;
    if (propagation && strcmp(propagation, "Orphan") == 0)
        orphan_dependents(sandbox, object->uid);
    if (*object_str(object, "metadata.deletionTimestamp"))
        return;
    if (waits)
        mark_dying(sandbox, object, foreground);
    else
        store_remove(&sandbox->store, object);
}

static struct object *find_uid(struct sandbox *sandbox, const char *uid)
{
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next)
        for (struct object *object = kind->objects; object; object = object->next)
            if (strcmp(object->uid, uid) == 0)
                return object;
    return NULL;
}

/* Gone when no owner is left, or when a dying owner waits for it in the foreground. */
static bool is_garbage(struct sandbox *sandbox, const struct object *object)
{
    const struct json *owners = llmd__json_get(object_json(object), "metadata.ownerReferences");
    bool any_alive = false;
    if (llmd__json_count(owners) == 0)
        return false;
    JSON_EACH(reference, owners) {
        struct object *owner = find_uid(sandbox, llmd__json_str(reference, "uid"));
        if (owner && !(*object_str(owner, "metadata.deletionTimestamp") &&
                       has_finalizer(object_json(owner), FOREGROUND)))
            any_alive = true;
    }
    return !any_alive;
}

static bool has_dependents(struct sandbox *sandbox, const char *uid)
{
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next)
        for (struct object *object = kind->objects; object; object = object->next)
            if (is_owned_by(object, uid))
                return true;
    return false;
}

void deletion_let_go(struct sandbox *sandbox, struct object *object, const char *finalizer)
{
    if (!has_finalizer(object_json(object), finalizer))
        return;
    struct json *json = store_edit(object);
    struct json *rest = llmd__json_array();
    JSON_EACH(item, llmd__json_get(json, "metadata.finalizers"))
        if (strcmp(llmd__json_text(item), finalizer) != 0)
            llmd__json_add(rest, must_copy(item));
    bool last = llmd__json_count(rest) == 0;
    llmd__json_set(llmd__json_edit(json, "metadata"), "finalizers", rest);
    store_commit(&sandbox->store, object, json);
    if (last && !is_kind(object, "pods") && !is_kind(object, "namespaces"))
        store_remove(&sandbox->store, object);
}

static void finish_foreground(struct sandbox *sandbox, struct object *object)
{
    if (*object_str(object, "metadata.deletionTimestamp") && !has_dependents(sandbox, object->uid))
        deletion_let_go(sandbox, object, FOREGROUND);
}

void collect_garbage(struct sandbox *sandbox)
{
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next)
        for (struct object *object = kind->objects, *next; object; object = next) {
            next = object->next;
            if (is_garbage(sandbox, object))
                object_delete(sandbox, object, "Background");
            else
                finish_foreground(sandbox, object);
        }
}
