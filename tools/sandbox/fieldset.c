/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets are plain JSON in the very form of managedFields, so nothing is converted. A leaf is an
 * empty object; "." in an element of a list says that the element itself is owned.
 */
#include "sandbox/fieldset.h"

#include "sandbox/conn.h"
#include "sandbox/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Kubernetes has these in its schemas (x-kubernetes-list-map-keys). A list merges by its keys when
 * all its elements have the first of them, so "ports" of a NetworkPolicy stays one value.
 */
static const struct {
    const char *list;
    const char *keys[4];
} keyed_lists[] = {
    {"containers", {"name"}},
    {"initContainers", {"name"}},
    {"ephemeralContainers", {"name"}},
    {"volumes", {"name"}},
    {"env", {"name"}},
    {"volumeMounts", {"mountPath"}},
    {"volumeDevices", {"devicePath"}},
    {"ports", {"containerPort", "protocol"}},
    {"ports", {"port", "protocol"}},
    {"imagePullSecrets", {"name"}},
    {"hostAliases", {"ip"}},
    {"topologySpreadConstraints", {"topologyKey", "whenUnsatisfiable"}},
    {"conditions", {"type"}},
    {"ownerReferences", {"uid"}},
    {"listeners", {"name"}},
    {"targetPorts", {"number"}},
    {"webhooks", {"name"}},
    {"secrets", {"name"}},
    {"parents", {"parentRef"}},
};

static const char *const no_keys[] = {NULL};

const char *const *list_keys(const char *list, const struct json *value, bool *set)
{
    *set = strcmp(list, "finalizers") == 0;
    if (*set)
        return no_keys;
    const struct json *first = llmd__json_first(value);
    for (size_t i = 0; i < sizeof(keyed_lists) / sizeof(keyed_lists[0]); i++)
        if (strcmp(keyed_lists[i].list, list) == 0 &&
            (!first || llmd__json_member(first, keyed_lists[i].keys[0])))
            return keyed_lists[i].keys;
    return NULL;
}

char *element_key(const struct json *element, const char *const *keys)
{
    AUTO(json) struct json *key = llmd__json_object();
    char *text;
    if (!keys[0]) {
        must(llmd__json_print(element, &text));
    } else {
        for (int i = 0; keys[i]; i++) {
            const struct json *value = llmd__json_member(element, keys[i]);
            /* The default that the server would have filled in. */
            if (!value && strcmp(keys[i], "protocol") == 0)
                llmd__json_set_str(key, keys[i], "TCP");
            else if (value)
                llmd__json_set(key, keys[i], must_copy(value));
        }
        must(llmd__json_print(key, &text));
    }
    char *out = must_alloc(strlen(text) + 3);
    snprintf(out, strlen(text) + 3, "%c:%s", keys[0] ? 'k' : 'v', text);
    llmd__free(text);
    return out;
}

const struct json *element_by_key(const struct json *list, const char *const *keys, const char *key)
{
    JSON_EACH(element, list) {
        char *own = element_key(element, keys);
        bool same = strcmp(own, key) == 0;
        free(own);
        if (same)
            return element;
    }
    return NULL;
}

static void set_field(struct json *set, const char *name, struct json *value)
{
    char *key = must_alloc(strlen(name) + 3);
    snprintf(key, strlen(name) + 3, "f:%s", name);
    llmd__json_set(set, key, value);
    free(key);
}

/* A branch that lost something but gained nothing is no field of the one who changed it, and
   metadata with nothing but a name is nobody's. */
static void set_inner(struct json *set, const char *name, struct json *inner,
                      const struct json *old, int depth)
{
    bool is_metadata = depth == 0 && strcmp(name, "metadata") == 0;
    if ((old || is_metadata) && llmd__json_count(inner) == 0)
        llmd__json_free(inner);
    else
        set_field(set, name, inner);
}

static bool owned_by_server(const char *key, int depth, const struct json *parent)
{
    static const char *const top[] = {"apiVersion", "kind"};
    static const char *const metadata[] = {"name",
                                           "namespace",
                                           "uid",
                                           "generation",
                                           "resourceVersion",
                                           "managedFields",
                                           "selfLink",
                                           "creationTimestamp",
                                           "deletionTimestamp",
                                           "deletionGracePeriodSeconds"};
    if (depth == 0)
        return strcmp(key, top[0]) == 0 || strcmp(key, top[1]) == 0;
    if (depth != 1 || strcmp(llmd__json_key(parent), "metadata") != 0)
        return false;
    for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++)
        if (strcmp(key, metadata[i]) == 0)
            return true;
    return false;
}

static struct json *set_of(const struct json *before, const struct json *now, int depth);

/* before: what the element may equal; the whole set is what differs. */
static struct json *set_of_list(const struct json *before, const struct json *now,
                                const char *const *keys, int depth)
{
    struct json *set = llmd__json_object();
    JSON_EACH(element, now) {
        char *key = element_key(element, keys);
        const struct json *old = element_by_key(before, keys, key);
        if (!old || !llmd__json_equal(old, element)) {
            struct json *inner = keys[0] ? set_of(old, element, depth + 1) : llmd__json_object();
            if (!old)
                llmd__json_set_object(inner, ".");
            llmd__json_set(set, key, inner);
        }
        free(key);
    }
    return set;
}

static struct json *set_of(const struct json *before, const struct json *now, int depth)
{
    struct json *set = llmd__json_object();
    JSON_EACH(value, now) {
        const char *key = llmd__json_key(value);
        const struct json *old = llmd__json_member(before, key);
        if (owned_by_server(key, depth, now) || (old && llmd__json_equal(old, value)))
            continue;
        bool is_set = false;
        const char *const *keys =
            llmd__json_type(value) == JSON_ARRAY ? list_keys(key, value, &is_set) : NULL;
        if (keys)
            set_inner(set, key, set_of_list(old, value, keys, depth + 1), old, depth);
        else if (llmd__json_type(value) == JSON_OBJECT)
            set_inner(set, key, set_of(old, value, depth + 1), old, depth);
        else
            set_field(set, key, llmd__json_object());
    }
    return set;
}

struct json *fieldset_of(const struct json *object)
{
    return set_of(NULL, object, 0);
}

struct json *fieldset_changed(const struct json *before, const struct json *now)
{
    return set_of(before, now, 0);
}

void fieldset_add(struct json *set, const struct json *more)
{
    JSON_EACH(item, more) {
        struct json *own = (struct json *)llmd__json_member(set, llmd__json_key(item));
        if (!own)
            llmd__json_set(set, llmd__json_key(item), must_copy(item));
        else
            fieldset_add(own, item);
    }
}

/* Whole leaves only: a branch that both have goes when nothing is left below it. */
void fieldset_subtract(struct json *set, const struct json *less)
{
    JSON_EACH(item, less) {
        const char *key = llmd__json_key(item);
        struct json *own = (struct json *)llmd__json_member(set, key);
        if (!own)
            continue;
        bool leaf = llmd__json_count(own) == 0;
        if (!leaf)
            fieldset_subtract(own, item);
        if (leaf || llmd__json_count(own) == 0)
            llmd__json_remove(set, key);
    }
}

bool fieldset_empty(const struct json *set)
{
    return llmd__json_count(set) == 0;
}

/* The list without the elements of `set` that `keep` does not have; inner fields go likewise. */
static struct json *list_without(const struct json *list, const char *const *keys,
                                 const struct json *set, const struct json *keep)
{
    struct json *rest = llmd__json_array();
    JSON_EACH(element, list) {
        char *key = element_key(element, keys);
        const struct json *own = llmd__json_member(set, key);
        const struct json *other = llmd__json_member(keep, key);
        bool goes = own && !other && (!keys[0] || llmd__json_member(own, "."));
        if (!goes) {
            struct json *copy = must_copy(element);
            if (own && keys[0])
                fieldset_remove_from(copy, own, other);
            llmd__json_add(rest, copy);
        }
        free(key);
    }
    return rest;
}

static void remove_field(struct json *object, const char *name, const struct json *own,
                         const struct json *other)
{
    const struct json *value = llmd__json_member(object, name);
    if (!value)
        return;
    if (llmd__json_count(own) == 0) {
        if (!other)
            llmd__json_remove(object, name);
        return;
    }
    if (llmd__json_type(value) == JSON_OBJECT) {
        fieldset_remove_from((struct json *)value, own, other);
        if (llmd__json_count(value) == 0 && !other)
            llmd__json_remove(object, name);
        return;
    }
    bool is_set = false;
    const char *const *keys = list_keys(name, value, &is_set);
    if (!keys)
        return;
    struct json *rest = list_without(value, keys, own, other);
    if (llmd__json_count(rest) == 0 && !other) {
        llmd__json_free(rest);
        llmd__json_remove(object, name);
    } else {
        llmd__json_set(object, name, rest);
    }
}

void fieldset_remove_from(struct json *object, const struct json *set, const struct json *keep)
{
    JSON_EACH(item, set) {
        const char *key = llmd__json_key(item);
        if (strncmp(key, "f:", 2) == 0)
            remove_field(object, key + 2, item, llmd__json_member(keep, key));
    }
}

static const struct json *value_of_item(const struct json *object, const char *list_name,
                                        const char *key)
{
    bool is_set = false;
    if (strncmp(key, "f:", 2) == 0)
        return llmd__json_member(object, key + 2);
    const char *const *keys = list_keys(list_name, object, &is_set);
    return keys ? element_by_key(object, keys, key) : NULL;
}

static void prune(struct json *set, const struct json *object, const char *list_name)
{
    struct json *gone = llmd__json_object();
    JSON_EACH(item, set) {
        const char *key = llmd__json_key(item);
        if (strcmp(key, ".") == 0)
            continue;
        const struct json *value = value_of_item(object, list_name, key);
        bool leaf = llmd__json_count(item) == 0;
        if (value && !leaf)
            prune((struct json *)item, value, key[0] == 'f' ? key + 2 : "");
        if (!value || (!leaf && llmd__json_count(item) == 0))
            llmd__json_set_null(gone, key);
    }
    JSON_EACH(item, gone)
        llmd__json_remove(set, llmd__json_key(item));
    llmd__json_free(gone);
}

void fieldset_prune(struct json *set, const struct json *object)
{
    prune(set, object, "");
}

/* "k:{\"name\":\"main\"}" is shown as [name="main"]; "v:\"x\"" as [="x"]. */
static void add_step(struct buf *path, const char *key)
{
    if (strncmp(key, "f:", 2) == 0) {
        llmd__buf_format(path, ".%s", key + 2);
        return;
    }
    llmd__buf_char(path, '[');
    if (key[0] == 'v') {
        llmd__buf_format(path, "=%s", key + 2);
    } else {
        AUTO(json) struct json *parts = NULL;
        must(llmd__json_parse(key + 2, strlen(key + 2), "key", &parts));
        JSON_EACH(part, parts) {
            char *value;
            must(llmd__json_print(part, &value));
            llmd__buf_format(path, "%s%s=%s", part == llmd__json_first(parts) ? "" : ",",
                             llmd__json_key(part), value);
            llmd__free(value);
        }
    }
    llmd__buf_char(path, ']');
}

static void common(const struct json *a, const struct json *b, struct buf *path,
                   fieldset_path_fn call, void *data)
{
    JSON_EACH(item, a) {
        const char *key = llmd__json_key(item);
        const struct json *other = llmd__json_member(b, key);
        if (!other || strcmp(key, ".") == 0)
            continue;
        size_t len = path->len;
        add_step(path, key);
        if (llmd__json_count(item) == 0 || llmd__json_count(other) == 0)
            call(llmd__buf_text(path), data);
        else
            common(item, other, path, call, data);
        path->len = len;
        path->data[len] = '\0';
    }
}

void fieldset_common(const struct json *a, const struct json *b, fieldset_path_fn call, void *data)
{
    AUTO(buf) struct buf path = BUF_INIT;
    llmd__buf_str(&path, "");
    common(a, b, &path, call, data);
}
