/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/known.h"

#include <string.h>

static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return (hash ^ '/') * 16777619u;
}

static struct known_object **bucket_of(const struct known *known, const char *ns, const char *name)
{
    uint32_t hash = hash_text(hash_text(2166136261u, ns), name);

    return &known->buckets[(hash ^ hash >> 15) & (known->bucket_count - 1)];
}

static struct known_object **find_link(const struct known *known, const char *ns, const char *name)
{
    struct known_object **link;

    if (!known->bucket_count)
        return NULL;
    for (link = bucket_of(known, ns, name); *link; link = &(*link)->next) {
        if (strcmp((*link)->name, name) == 0 && strcmp((*link)->ns, ns) == 0)
            return link;
    }
    return NULL;
}

struct known_object *llmd__known_find(const struct known *known, const char *ns, const char *name)
{
    struct known_object **link = find_link(known, ns, name);

    return link ? *link : NULL;
}

static llmd_error *grow(struct known *known)
{
    struct known grown = {.bucket_count = known->bucket_count ? known->bucket_count * 2 : 16,
                          .count = known->count};

    grown.buckets = llmd__calloc(grown.bucket_count, sizeof(*grown.buckets));
    CHECK_MEMORY(grown.buckets);
    for (size_t i = 0; i < known->bucket_count; i++) {
        for (struct known_object *object = known->buckets[i], *next; object; object = next) {
            struct known_object **bucket = bucket_of(&grown, object->ns, object->name);
            next = object->next;
            object->next = *bucket;
            *bucket = object;
        }
    }
    llmd__free(known->buckets);
    *known = grown;
    return NULL;
}

void llmd__known_object_free(struct known_object *object)
{
    if (!object)
        return;
    llmd__free(object->ns);
    llmd__free(object->name);
    llmd__free(object->uid);
    llmd__free(object->version);
    llmd__free(object->text);
    llmd__free(object);
}

static struct known_object *new_object(const char *ns, const char *name)
{
    struct known_object *object = llmd__calloc(1, sizeof(*object));

    if (!object)
        return NULL;
    object->ns = llmd__strdup(ns);
    object->name = llmd__strdup(name);
    if (object->ns && object->name)
        return object;
    llmd__known_object_free(object);
    return NULL;
}

static llmd_error *renew(struct known_object *object, const char *uid, const char *version,
                         char **text)
{
    AUTO(str) char *new_uid = llmd__strdup(uid);
    AUTO(str) char *new_version = llmd__strdup(version);

    if (!new_uid || !new_version)
        return NO_MEMORY;
    llmd__free(object->uid);
    llmd__free(object->version);
    llmd__free(object->text);
    object->uid = TAKE(new_uid);
    object->version = TAKE(new_version);
    object->text = TAKE(*text);
    return NULL;
}

static llmd_error *insert(struct known *known, struct known_object **object)
{
    struct known_object **bucket;

    if (known->count >= known->bucket_count)
        TRY(grow(known));
    bucket = bucket_of(known, (*object)->ns, (*object)->name);
    (*object)->next = *bucket;
    *bucket = TAKE(*object);
    known->count++;
    return NULL;
}

llmd_error *llmd__known_put(struct known *known, const char *ns, const char *name, const char *uid,
                            const char *version, char *text, unsigned round)
{
    AUTO(str) char *owned = text;
    AUTO(known_object) struct known_object *fresh = NULL;
    struct known_object *object = llmd__known_find(known, ns, name);

    if (!object)
        object = fresh = new_object(ns, name);
    CHECK_MEMORY(object);
    TRY(renew(object, uid, version, &owned));
    object->round = round;
    return fresh ? insert(known, &fresh) : NULL;
}

static struct known_object *unlink_object(struct known *known, struct known_object **link)
{
    struct known_object *object = *link;

    *link = object->next;
    object->next = NULL;
    known->count--;
    return object;
}

struct known_object *llmd__known_take(struct known *known, const char *ns, const char *name)
{
    struct known_object **link = find_link(known, ns, name);

    return link ? unlink_object(known, link) : NULL;
}

struct known_object *llmd__known_take_unseen(struct known *known, unsigned round)
{
    for (size_t i = 0; i < known->bucket_count; i++) {
        for (struct known_object **link = &known->buckets[i]; *link; link = &(*link)->next) {
            if ((*link)->round != round)
                return unlink_object(known, link);
        }
    }
    return NULL;
}

void llmd__known_free(struct known *known)
{
    for (size_t i = 0; i < known->bucket_count; i++) {
        for (struct known_object *object = known->buckets[i], *next; object; object = next) {
            next = object->next;
            llmd__known_object_free(object);
        }
    }
    llmd__free(known->buckets);
    *known = (struct known){0};
}
