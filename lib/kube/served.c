/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/served.h"

#include "base/fields.h"

#include <string.h>
#include <strings.h>

/* A server with more than this is not believed: the largest clusters serve a few thousand. */
#define ENTRIES_MAX 50000
#define PATHS_MAX 2000

struct interned {
    struct interned *next;
    char text[];
};

/* FNV-1a */
static size_t bucket_of(const char *text, size_t len)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return (hash ^ hash >> 16) & 255;
}

const char *llmd__texts_keep(struct texts *texts, const char *text, size_t len)
{
    struct interned **bucket = &texts->buckets[bucket_of(text, len)];
    struct interned *item;

    for (item = *bucket; item; item = item->next) {
        if (strncmp(item->text, text, len) == 0 && item->text[len] == '\0')
            return item->text;
    }
    item = llmd__malloc(sizeof(*item) + len + 1);
    if (!item)
        return NULL;
    memcpy(item->text, text, len);
    item->text[len] = '\0';
    item->next = *bucket;
    *bucket = item;
    return item->text;
}

void llmd__texts_free(struct texts *texts)
{
    for (size_t i = 0; i < 256; i++) {
        for (struct interned *item = texts->buckets[i], *next; item; item = next) {
            next = item->next;
            llmd__free(item);
        }
        texts->buckets[i] = NULL;
    }
}

static const char *keep(struct texts *texts, const char *text)
{
    return llmd__texts_keep(texts, text, strlen(text));
}

static llmd_error *add_entry(struct served *served, const struct served_entry *entry)
{
    const struct resource *resource = &entry->resource;

    if (!resource->group || !resource->version || !resource->plural || !resource->kind ||
        !entry->singular || !entry->short_names)
        return NO_MEMORY;
    if (!*resource->plural || !*resource->version || strchr(resource->plural, '/'))
        return NULL; /* a subresource */
    if (served->count == ENTRIES_MAX)
        return llmd__error(LLMD_E_TOO_LARGE, "discovery: more than %d resources", ENTRIES_MAX);
    if (served->count == served->cap) {
        size_t cap = served->cap ? served->cap * 2 : 64;
        struct served_entry *grown = llmd__realloc(served->entries, cap * sizeof(*grown));
        CHECK_MEMORY(grown);
        served->entries = grown;
        served->cap = cap;
    }
    served->entries[served->count++] = *entry;
    return NULL;
}

static const char *keep_short_names(struct texts *texts, const struct json *names)
{
    AUTO(buf) struct buf joined = BUF_INIT;

    JSON_EACH(name, names) {
        llmd__buf_format(&joined, "%s%s", joined.len ? "" : ",", llmd__json_text(name));
        llmd__buf_char(&joined, ',');
    }
    return joined.failed ? NULL : keep(texts, llmd__buf_text(&joined));
}

/* {"resource": "pods", "responseKind": {...}, "scope": "Namespaced", ...} */
static llmd_error *read_aggregated_resource(struct served *served, struct texts *texts,
                                            const char *group, const char *version,
                                            const struct json *json)
{
    struct served_entry entry = {
        .resource = {.group = keep(texts, group),
                     .version = keep(texts, version),
                     .plural = keep(texts, llmd__json_str(json, "resource")),
                     .kind = keep(texts, llmd__json_str(json, "responseKind.kind")),
                     .namespaced = strcmp(llmd__json_str(json, "scope"), "Namespaced") == 0},
        .singular = keep(texts, llmd__json_str(json, "singularResource")),
        .short_names = keep_short_names(texts, llmd__json_get(json, "shortNames")),
    };

    return add_entry(served, &entry);
}

static llmd_error *read_aggregated(struct served *served, struct texts *texts,
                                   const struct json *document)
{
    JSON_EACH(group, llmd__json_get(document, "items")) {
        JSON_EACH(version, llmd__json_get(group, "versions")) {
            JSON_EACH(resource, llmd__json_get(version, "resources"))
                TRY(read_aggregated_resource(served, texts, llmd__json_str(group, "metadata.name"),
                                             llmd__json_str(version, "version"), resource));
        }
    }
    return NULL;
}

static llmd_error *read_resource_list(struct served *served, struct texts *texts,
                                      const struct json *document)
{
    const char *api_version = llmd__json_str(document, "groupVersion");
    const char *slash = strchr(api_version, '/');
    const char *group =
        llmd__texts_keep(texts, api_version, slash ? (size_t)(slash - api_version) : 0);
    const char *version = keep(texts, slash ? slash + 1 : api_version);

    JSON_EACH(json, llmd__json_get(document, "resources")) {
        struct served_entry entry = {
            .resource = {.group = group,
                         .version = version,
                         .plural = keep(texts, llmd__json_str(json, "name")),
                         .kind = keep(texts, llmd__json_str(json, "kind")),
                         .namespaced = llmd__json_bool(json, "namespaced", false)},
            .singular = keep(texts, llmd__json_str(json, "singularName")),
            .short_names = keep_short_names(texts, llmd__json_get(json, "shortNames")),
        };
        TRY(add_entry(served, &entry));
    }
    return NULL;
}

llmd_error *llmd__served_paths_add(struct served_paths *paths, const char *path)
{
    char *copy;

    if (paths->count == PATHS_MAX)
        return llmd__error(LLMD_E_TOO_LARGE, "discovery: more than %d API versions", PATHS_MAX);
    if (paths->count + 1 >= paths->cap) { /* one more for the NULL at the end */
        size_t cap = paths->cap ? paths->cap * 2 : 8;
        char **grown = llmd__realloc(paths->paths, cap * sizeof(*grown));
        CHECK_MEMORY(grown);
        paths->paths = grown;
        paths->cap = cap;
    }
    copy = llmd__strdup(path);
    CHECK_MEMORY(copy);
    paths->paths[paths->count++] = copy;
    paths->paths[paths->count] = NULL;
    return NULL;
}

void llmd__served_paths_free(struct served_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        llmd__free(paths->paths[i]);
    llmd__free(paths->paths);
    *paths = (struct served_paths){0};
}

static llmd_error *add_path(struct served_paths *more, const char *prefix, const char *api_version)
{
    AUTO(str) char *path = NULL;

    if (!*api_version)
        return NULL;
    path = llmd__format("%s%s", prefix, api_version);
    CHECK_MEMORY(path);
    return llmd__served_paths_add(more, path);
}

/* The preferred version is asked for first, so that its entries stand first. */
static llmd_error *read_group_list(const struct json *document, struct served_paths *more)
{
    JSON_EACH(group, llmd__json_get(document, "groups")) {
        const char *preferred = llmd__json_str(group, "preferredVersion.groupVersion");
        TRY(add_path(more, "/apis/", preferred));
        JSON_EACH(version, llmd__json_get(group, "versions")) {
            const char *api_version = llmd__json_str(version, "groupVersion");
            if (strcmp(api_version, preferred) != 0)
                TRY(add_path(more, "/apis/", api_version));
        }
    }
    return NULL;
}

static llmd_error *read_versions(const struct json *document, struct served_paths *more)
{
    JSON_EACH(version, llmd__json_get(document, "versions"))
        TRY(add_path(more, "/api/", llmd__json_text(version)));
    return NULL;
}

llmd_error *llmd__served_read(struct served *served, struct texts *texts, const char *document,
                              size_t len, struct served_paths *more)
{
    AUTO(json) struct json *json = NULL;
    const char *kind;

    TRY(llmd__json_parse(document, len, "discovery", &json));
    kind = llmd__json_str(json, "kind");
    if (strcmp(kind, "APIGroupDiscoveryList") == 0)
        return read_aggregated(served, texts, json);
    if (strcmp(kind, "APIResourceList") == 0)
        return read_resource_list(served, texts, json);
    if (strcmp(kind, "APIGroupList") == 0)
        return read_group_list(json, more);
    if (strcmp(kind, "APIVersions") == 0)
        return read_versions(json, more);
    return llmd__error(LLMD_E_PROTOCOL,
                       "discovery: the server does not answer as a Kubernetes API server "
                       "(kind \"%.60s\")",
                       kind);
}

void llmd__served_free(struct served *served)
{
    if (!served)
        return;
    llmd__free(served->entries);
    *served = (struct served){0};
}

/* "name.version.group" taken apart; version and group empty where not said. */
struct wanted {
    const char *name;
    size_t name_len;
    const char *version;
    size_t version_len;
    const char *group; /* NULL: any */
};

static bool same(const char *text, const char *word, size_t len)
{
    return strncasecmp(text, word, len) == 0 && text[len] == '\0';
}

static bool fits(const struct served_entry *entry, const struct wanted *wanted)
{
    if (wanted->version_len && !same(entry->resource.version, wanted->version, wanted->version_len))
        return false;
    return !wanted->group || strcasecmp(entry->resource.group, wanted->group) == 0;
}

static bool has_short_name(const struct served_entry *entry, const char *word, size_t len)
{
    for (const char *name = entry->short_names; *name == ',' && name[1];) {
        size_t name_len = strcspn(name + 1, ",");
        if (name_len == len && strncasecmp(name + 1, word, len) == 0)
            return true;
        name += 1 + name_len;
    }
    return false;
}

/* How well a name fits: plurals win over singulars and kinds, those over short names. */
static int closeness(const struct served_entry *entry, const struct wanted *wanted)
{
    if (same(entry->resource.plural, wanted->name, wanted->name_len))
        return 3;
    if (same(entry->singular, wanted->name, wanted->name_len) ||
        same(entry->resource.kind, wanted->name, wanted->name_len))
        return 2;
    return has_short_name(entry, wanted->name, wanted->name_len) ? 1 : 0;
}

static const struct served_entry *find_wanted(const struct served *served,
                                              const struct wanted *wanted)
{
    const struct served_entry *best = NULL;
    int best_closeness = 0;

    for (size_t i = 0; i < served->count; i++) {
        const struct served_entry *entry = &served->entries[i];
        int near = fits(entry, wanted) ? closeness(entry, wanted) : 0;
        if (near > best_closeness) {
            best = entry;
            best_closeness = near;
        }
    }
    return best;
}

const struct served_entry *llmd__served_find(const struct served *served, const char *name)
{
    const char *dot = strchr(name, '.');
    const char *second = dot ? strchr(dot + 1, '.') : NULL;
    struct wanted wanted = {.name = name, .name_len = dot ? (size_t)(dot - name) : strlen(name)};
    const struct served_entry *entry;

    if (!wanted.name_len)
        return NULL;
    wanted.group = dot ? dot + 1 : NULL;
    entry = find_wanted(served, &wanted);
    if (entry || !dot)
        return entry;
    wanted.version = dot + 1;
    wanted.version_len = second ? (size_t)(second - dot) - 1 : strlen(dot + 1);
    wanted.group = second ? second + 1 : "";
    return find_wanted(served, &wanted);
}

const struct served_entry *llmd__served_find_kind(const struct served *served,
                                                  const char *api_version, const char *kind)
{
    const char *slash = strchr(api_version, '/');
    size_t group_len = slash ? (size_t)(slash - api_version) : 0;
    const char *version = slash ? slash + 1 : api_version;

    for (size_t i = 0; i < served->count; i++) {
        const struct resource *resource = &served->entries[i].resource;
        if (strcmp(resource->kind, kind) == 0 && strcmp(resource->version, version) == 0 &&
            strncmp(resource->group, api_version, group_len) == 0 && !resource->group[group_len])
            return &served->entries[i];
    }
    return NULL;
}

/* Candidates in the form that the caller used: with the group when there was one. */
static llmd_error *add_candidates(const struct served *served, bool with_group,
                                  struct served_paths *names)
{
    for (size_t i = 0; i < served->count && names->count < PATHS_MAX; i++) {
        const struct resource *resource = &served->entries[i].resource;
        AUTO(buf) struct buf name = BUF_INIT;

        llmd__buf_str(&name, resource->plural);
        if (with_group && *resource->group)
            llmd__buf_format(&name, ".%s", resource->group);
        TRY(llmd__buf_check(&name));
        TRY(llmd__served_paths_add(names, llmd__buf_text(&name)));
    }
    return NULL;
}

static llmd_error *missing_with(const struct served *served, const char *name,
                                struct served_paths *candidates)
{
    const char *nearest;
    llmd_error *error;

    TRY(add_candidates(served, strchr(name, '.') != NULL, candidates));
    nearest =
        candidates->count ? llmd__nearest(name, (const char *const *)candidates->paths) : NULL;
    error = llmd__error(LLMD_E_NOT_FOUND, "the server does not serve \"%s\"%s%s%s", name,
                        nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                        nearest ? "\"?" : "");
    error = llmd__error_set_reason(error, "ResourceNotServed");
    return llmd__error_set_advice(error, "install the CRD that defines it, or check the spelling");
}

llmd_error *llmd__served_missing(const struct served *served, const char *name)
{
    struct served_paths candidates = {0};
    llmd_error *error = missing_with(served, name, &candidates);

    llmd__served_paths_free(&candidates);
    return error;
}
