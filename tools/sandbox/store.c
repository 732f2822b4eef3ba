/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects are kept sorted in one list a kind: a sandbox holds hundreds, not millions, and lists
 * come out in Kubernetes' order.
 */
#include "sandbox/store.h"

#include "sandbox/clock.h"
#include "sandbox/conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HISTORY 50000

void must(llmd_error *error)
{
    if (!error)
        return;
    fprintf(stderr, "llmd-sandbox: %s\n", llmd_error_message(error));
    abort();
}

struct json *must_copy(const struct json *json)
{
    struct json *copy = NULL;
    if (json)
        must(llmd__json_copy(json, &copy));
    return copy;
}

void store_init(struct store *store)
{
    /* Kubernetes' own versions start small too; 1000 leaves room for "too old" in tests. */
    *store = (struct store){.version = 1000, .random = 0x9e3779b97f4a7c15u};
    kinds_add_builtin(&store->kinds);
}

static uint64_t next_random(struct store *store)
{
    /* splitmix64: the same run gives the same names. */
    uint64_t z = (store->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void store_suffix(struct store *store, char *out, int len)
{
    /* Kubernetes leaves vowels and look-alikes out. */
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    uint64_t random = next_random(store);
    for (int i = 0; i < len; i++, random /= 27)
        out[i] = letters[random % 27];
    out[len] = '\0';
}

void store_uid(struct store *store, char out[37])
{
    uint64_t a = next_random(store);
    uint64_t b = next_random(store);
    snprintf(out, 37, "%08x-%04x-4%03x-a%03x-%012" PRIx64, (unsigned)(a >> 32),
             (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff, (unsigned)(b >> 52),
             b & 0xffffffffffffu);
}

static struct snapshot *new_snapshot(struct json *json)
{
    struct snapshot *snapshot = must_alloc(sizeof(*snapshot));
    char *text;
    must(llmd__json_print(json, &text));
    *snapshot = (struct snapshot){.json = json, .text = text, .len = strlen(text)};
    atomic_init(&snapshot->refs, 1);
    return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    if (snapshot)
        atomic_fetch_add(&snapshot->refs, 1);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub(&snapshot->refs, 1) != 1)
        return;
    llmd__json_free(snapshot->json);
    llmd__free(snapshot->text);
    free(snapshot);
}

const struct json *object_json(const struct object *object)
{
    return object->now->json;
}

const char *object_str(const struct object *object, const char *path)
{
    return llmd__json_str(object->now->json, path);
}

static void free_object(struct object *object)
{
    snapshot_unref(object->now);
    free(object->ns);
    free(object->name);
    free(object);
}

void store_bury(struct store *store)
{
    while (store->graveyard) {
        struct object *object = store->graveyard;
        store->graveyard = object->next;
        free_object(object);
    }
}

void store_compact(struct store *store, int64_t up_to)
{
    size_t drop = 0;
    while (drop < store->history_count && store->history[drop].version <= up_to) {
        snapshot_unref(store->history[drop].now);
        snapshot_unref(store->history[drop].before);
        drop++;
    }
    memmove(store->history, store->history + drop,
            (store->history_count - drop) * sizeof(*store->history));
    store->history_count -= drop;
    if (up_to > store->compacted)
        store->compacted = up_to;
}

void store_free(struct store *store)
{
    store_bury(store);
    store_compact(store, INT64_MAX);
    free(store->history);
    for (struct kind *kind = store->kinds; kind; kind = kind->next)
        while (kind->objects) {
            struct object *object = kind->objects;
            kind->objects = object->next;
            free_object(object);
        }
    kinds_free(&store->kinds);
}

static int compare(const struct object *object, const char *ns, const char *name)
{
    int by_ns = strcmp(object->ns, ns);
    return by_ns ? by_ns : strcmp(object->name, name);
}

struct object *store_find(struct kind *kind, const char *ns, const char *name)
{
    for (struct object *object = kind ? kind->objects : NULL; object; object = object->next)
        if (compare(object, kind->namespaced ? ns : "", name) == 0)
            return object;
    return NULL;
}

struct object *store_get(struct store *store, const char *group, const char *plural, const char *ns,
                         const char *name)
{
    return store_find(kinds_find(store->kinds, group, plural), ns, name);
}

static void record_change(struct store *store, enum change change, struct object *object,
                          struct snapshot *before)
{
    if (store->history_count >= MAX_HISTORY)
        store_compact(store, store->history[MAX_HISTORY / 10].version);
    if (store->history_count == store->history_cap) {
        store->history_cap = store->history_cap ? store->history_cap * 2 : 256;
        store->history = must_realloc(store->history, store->history_cap * sizeof(*store->history));
    }
    store->history[store->history_count++] =
        (struct change_record){.version = object->version,
                               .change = change,
                               .kind = object->kind,
                               .now = snapshot_ref(object->now),
                               .before = snapshot_ref(before)};
}

static void stamp_version(struct store *store, struct object *object, struct json *json)
{
    char version[32];
    object->version = ++store->version;
    snprintf(version, sizeof(version), "%" PRId64, object->version);
    llmd__json_set_str(llmd__json_edit(json, "metadata"), "resourceVersion", version);
}

static void link_object(struct kind *kind, struct object *object)
{
    struct object **at = &kind->objects;
    while (*at && compare(*at, object->ns, object->name) < 0)
        at = &(*at)->next;
    object->next = *at;
    *at = object;
}

struct object *store_create(struct store *store, struct kind *kind, struct json *json)
{
    struct object *object = must_alloc(sizeof(*object));
    struct json *metadata = llmd__json_edit(json, "metadata");
    const char *name = llmd__json_str(metadata, "name");
    const char *ns = kind->namespaced ? llmd__json_str(metadata, "namespace") : "";
    char stamp[32];
    *object = (struct object){
        .kind = kind, .ns = must_strndup(ns, strlen(ns)), .name = must_strndup(name, strlen(name))};
    store_uid(store, object->uid);
    clock_stamp(stamp);
    llmd__json_set_str(metadata, "uid", object->uid);
    llmd__json_set_str(metadata, "creationTimestamp", stamp);
    if (kind->generation)
        llmd__json_set_int(metadata, "generation", 1);
    stamp_version(store, object, json);
    object->created = object->version;
    object->now = new_snapshot(json);
    link_object(kind, object);
    record_change(store, CHANGE_ADDED, object, NULL);
    return object;
}

struct json *store_edit(const struct object *object)
{
    return must_copy(object->now->json);
}

static bool same_besides_status(const struct json *a, const struct json *b)
{
    struct json *left = must_copy(a);
    struct json *right = must_copy(b);
    static const char *const parts[] = {"metadata", "status"};
    for (int i = 0; i < 2; i++) {
        llmd__json_remove(left, parts[i]);
        llmd__json_remove(right, parts[i]);
    }
    bool same = llmd__json_equal(left, right);
    llmd__json_free(left);
    llmd__json_free(right);
    return same;
}

bool store_commit(struct store *store, struct object *object, struct json *json)
{
    const struct json *old = object->now->json;
    if (llmd__json_equal(old, json)) {
        llmd__json_free(json);
        return false;
    }
    if (object->kind->generation && !same_besides_status(old, json))
        llmd__json_set_int(llmd__json_edit(json, "metadata"), "generation",
                           llmd__json_int(old, "metadata.generation", 0) + 1);
    stamp_version(store, object, json);
    struct snapshot *before = object->now;
    object->now = new_snapshot(json);
    record_change(store, CHANGE_MODIFIED, object, before);
    snapshot_unref(before);
    return true;
}

void store_remove(struct store *store, struct object *object)
{
    struct object **at = &object->kind->objects;
    while (*at != object)
        at = &(*at)->next;
    *at = object->next;
    /* The deletion is a version of its own, and the event shows it. */
    struct json *json = store_edit(object);
    stamp_version(store, object, json);
    struct snapshot *before = object->now;
    object->now = new_snapshot(json);
    record_change(store, CHANGE_DELETED, object, before);
    snapshot_unref(before);
    object->deleted = true;
    object->next = store->graveyard;
    store->graveyard = object;
}
