/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/manifest_set.h"

#include "kube/object.h"

#include <string.h>

/* Lists in lists in lists are nobody's manifest. */
#define LIST_DEPTH_MAX 8

static llmd_error *bad(const struct json *object, const char *what, const char *problem)
{
    const char *name = llmd__object_name(object);
    const char *kind = llmd__json_str(object, "kind");

    return llmd__error(LLMD_E_INVALID, "%s:%d: %s%s%s%s%s", what, llmd__json_line(object), kind,
                       *name ? "/" : "", name, *kind || *name ? ": " : "", problem);
}

/* A spec of ours has its name at the top; people give it to the wrong call. */
static llmd_error *no_version(const struct json *object, const char *what)
{
    return llmd__error_set_advice(
        bad(object, what, "apiVersion is missing"), "%s",
        llmd__json_member(object, "name")
            ? "this looks like a spec of libllmd: its own call (service apply, ...) takes it"
            : "an object of Kubernetes has apiVersion, kind and metadata");
}

static llmd_error *check(const struct json *object, const char *what)
{
    if (llmd__json_type(object) != JSON_OBJECT)
        return bad(object, what, "not an object");
    if (!*llmd__json_str(object, "apiVersion"))
        return no_version(object, what);
    if (!*llmd__json_str(object, "kind"))
        return bad(object, what, "kind is missing");
    if (*llmd__object_name(object))
        return NULL;
    if (*llmd__json_str(object, "metadata.generateName"))
        return bad(object, what, "generateName cannot be applied: give a metadata.name");
    return bad(object, what, "metadata.name is missing");
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return (hash ^ '/') * 1099511628211u;
}

static bool starts_programs(const char *kind)
{
    static const char *const kinds[] = {"Deployment",
                                        "DaemonSet",
                                        "StatefulSet",
                                        "ReplicaSet",
                                        "ReplicationController",
                                        "Pod",
                                        "Job",
                                        "CronJob",
                                        "APIService",
                                        "MutatingWebhookConfiguration",
                                        "ValidatingWebhookConfiguration"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

static enum manifest_wave wave_of(const struct json *object)
{
    const char *kind = llmd__json_str(object, "kind");
    const char *api_version = llmd__json_str(object, "apiVersion");

    if (strcmp(kind, "Namespace") == 0 && strcmp(api_version, "v1") == 0)
        return WAVE_NAMESPACES;
    if (strcmp(kind, "CustomResourceDefinition") == 0)
        return WAVE_CRDS;
    return starts_programs(kind) ? WAVE_PROGRAMS : WAVE_REST;
}

static llmd_error *read_versions(struct manifest *manifest, const struct json *versions)
{
    size_t count = 0;

    manifest->crd_versions = llmd__calloc(llmd__json_count(versions) + 1, sizeof(char *));
    CHECK_MEMORY(manifest->crd_versions);
    JSON_EACH(version, versions) {
        if (!llmd__json_bool(version, "served", true))
            continue;
        manifest->crd_versions[count] = llmd__strdup(llmd__json_str(version, "name"));
        CHECK_MEMORY(manifest->crd_versions[count++]);
    }
    return NULL;
}

static llmd_error *read_crd(struct manifest *manifest, const struct json *object)
{
    manifest->crd_group = llmd__strdup(llmd__json_str(object, "spec.group"));
    manifest->crd_plural = llmd__strdup(llmd__json_str(object, "spec.names.plural"));
    manifest->crd_kind = llmd__strdup(llmd__json_str(object, "spec.names.kind"));
    manifest->crd_namespaced = strcmp(llmd__json_str(object, "spec.scope"), "Cluster") != 0;
    if (!manifest->crd_group || !manifest->crd_plural || !manifest->crd_kind)
        return NO_MEMORY;
    return read_versions(manifest, llmd__json_get(object, "spec.versions"));
}

/* apiVersion, kind, metadata.name and .namespace, and nothing else. */
static bool is_bare(const struct json *object)
{
    const struct json *metadata = llmd__json_member(object, "metadata");
    size_t names = llmd__json_member(metadata, "namespace") ? 2 : 1;

    return llmd__json_count(object) == 3 && llmd__json_count(metadata) == names;
}

static llmd_error *fill(struct manifest *manifest, const struct json *object)
{
    manifest->api_version = llmd__strdup(llmd__json_str(object, "apiVersion"));
    manifest->kind = llmd__strdup(llmd__json_str(object, "kind"));
    manifest->ns = llmd__strdup(llmd__object_ns(object));
    manifest->name = llmd__strdup(llmd__object_name(object));
    manifest->subject = llmd__object_subject(object);
    manifest->wave = wave_of(object);
    manifest->bare = is_bare(object);
    manifest->line = llmd__json_line(object);
    if (!manifest->api_version || !manifest->kind || !manifest->ns || !manifest->name ||
        !manifest->subject)
        return NO_MEMORY;
    manifest->hash = hash_text(
        hash_text(hash_text(14695981039346656037u, manifest->kind), manifest->ns), manifest->name);
    TRY(llmd__json_print(object, &manifest->body));
    manifest->body_len = strlen(manifest->body);
    return manifest->wave == WAVE_CRDS ? read_crd(manifest, object) : NULL;
}

static bool is_same_object(const struct manifest *a, const struct manifest *b)
{
    return a->hash == b->hash && strcmp(a->kind, b->kind) == 0 && strcmp(a->ns, b->ns) == 0 &&
           strcmp(a->name, b->name) == 0 && strcmp(a->api_version, b->api_version) == 0;
}

/* The same object twice: the later one has the last word, so it must come later. */
static bool is_repeated(const struct manifest_set *set, const struct manifest *manifest)
{
    for (const struct manifest *item = set->items; item != manifest; item++) {
        if (is_same_object(item, manifest))
            return true;
    }
    return false;
}

static llmd_error *add(struct manifest_set *set, const struct json *object)
{
    struct manifest *manifest;

    if (set->count == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 16;
        struct manifest *grown = llmd__realloc(set->items, cap * sizeof(*grown));
        CHECK_MEMORY(grown);
        set->items = grown;
        set->cap = cap;
    }
    manifest = &set->items[set->count++];
    *manifest = (struct manifest){0};
    TRY(fill(manifest, object));
    if (is_repeated(set, manifest))
        manifest->wave = WAVE_REPEATED;
    return NULL;
}

static bool is_list(const struct json *object)
{
    const char *kind = llmd__json_str(object, "kind");
    size_t len = strlen(kind);

    return len >= 4 && strcmp(kind + len - 4, "List") == 0 &&
           llmd__json_type(llmd__json_member(object, "items")) == JSON_ARRAY;
}

static llmd_error *read_all(struct manifest_set *set, const struct json *objects, const char *what,
                            int depth)
{
    if (depth > LIST_DEPTH_MAX)
        return llmd__error(LLMD_E_INVALID, "%s: lists nested deeper than %d", what, LIST_DEPTH_MAX);
    JSON_EACH(object, objects) {
        if (is_list(object)) {
            TRY(read_all(set, llmd__json_member(object, "items"), what, depth + 1));
            continue;
        }
        TRY(check(object, what));
        TRY(add(set, object));
    }
    return NULL;
}

/* A stable sort by wave: few waves, so one pass each. */
static llmd_error *sort(struct manifest_set *set)
{
    struct manifest *sorted;
    size_t count = 0;

    if (!set->count)
        return NULL;
    sorted = llmd__malloc(set->count * sizeof(*sorted));
    CHECK_MEMORY(sorted);
    for (int wave = 0; wave < WAVE_END; wave++) {
        for (size_t i = 0; i < set->count; i++) {
            if ((int)set->items[i].wave == wave)
                sorted[count++] = set->items[i];
        }
    }
    llmd__free(set->items);
    set->items = sorted;
    set->cap = set->count;
    return NULL;
}

llmd_error *llmd__manifests_read(struct manifest_set *set, const struct json *objects,
                                 const char *what)
{
    TRY(read_all(set, objects, what, 0));
    return sort(set);
}

static bool has_version(const struct manifest *crd, const char *version)
{
    for (char **served = crd->crd_versions; served && *served; served++) {
        if (strcmp(*served, version) == 0)
            return true;
    }
    return false;
}

/* The set's own CRDs are asked before the cache: they say what will be, the cache what is. */
static bool resolve_by_set(const struct manifest_set *set, struct manifest *manifest)
{
    const char *slash = strchr(manifest->api_version, '/');
    size_t group_len = slash ? (size_t)(slash - manifest->api_version) : 0;

    for (size_t i = 0; slash && i < set->count; i++) {
        const struct manifest *crd = &set->items[i];
        if (!crd->crd_kind || strcmp(crd->crd_kind, manifest->kind) != 0 ||
            strncmp(crd->crd_group, manifest->api_version, group_len) != 0 ||
            crd->crd_group[group_len] || !has_version(crd, slash + 1))
            continue;
        manifest->resource = (struct resource){.group = crd->crd_group,
                                               .version = slash + 1,
                                               .plural = crd->crd_plural,
                                               .kind = crd->crd_kind,
                                               .namespaced = crd->crd_namespaced};
        manifest->needs_kind = crd;
        return true;
    }
    return false;
}

bool llmd__manifests_resolve(struct manifest_set *set, const llmd_kube *kube)
{
    bool all = true;

    for (size_t i = 0; i < set->count; i++) {
        struct manifest *item = &set->items[i];
        item->resolved =
            resolve_by_set(set, item) ||
            llmd__discovery_lookup_kind(kube, item->api_version, item->kind, &item->resource);
        all = all && item->resolved;
    }
    return all;
}

void llmd__manifests_link(struct manifest_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct manifest *ns = &set->items[i];
        if (ns->wave != WAVE_NAMESPACES)
            continue;
        for (size_t j = 0; j < set->count; j++) {
            if (strcmp(set->items[j].ns, ns->name) == 0)
                set->items[j].needs_ns = ns;
        }
    }
}

static bool all_finished(const struct manifest_set *set, const struct manifest *end)
{
    for (const struct manifest *item = set->items; item != end; item++) {
        if (!item->finished)
            return false;
    }
    return true;
}

static bool all_kinds_finished(const struct manifest_set *set)
{
    const struct manifest *item = set->items;

    for (size_t i = 0; i < set->count; i++, item++) {
        if (item->wave == WAVE_CRDS && !item->finished)
            return false;
    }
    return true;
}

bool llmd__manifest_is_ready(const struct manifest_set *set, const struct manifest *item)
{
    if (item->wave == WAVE_REPEATED) /* one by one, when all others are done */
        return all_finished(set, item);
    if (item->wave == WAVE_PROGRAMS && !all_kinds_finished(set))
        return false;
    return (!item->needs_kind || item->needs_kind->finished) &&
           (!item->needs_ns || item->needs_ns->finished);
}

llmd_error *llmd__manifests_missing(const struct manifest_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct manifest *item = &set->items[i];
        llmd_error *error;
        if (item->resolved)
            continue;
        error = llmd__error(LLMD_E_NOT_FOUND, "apply %s: the server does not serve %s %s",
                            item->subject, item->api_version, item->kind);
        error = llmd__error_set_reason(error, "ResourceNotServed");
        return llmd__error_set_advice(error,
                                      "install the CRD that defines %s in this version "
                                      "first, or apply it in the same call",
                                      item->kind);
    }
    return NULL;
}

static void manifest_free(struct manifest *item)
{
    llmd__free(item->api_version);
    llmd__free(item->kind);
    llmd__free(item->ns);
    llmd__free(item->name);
    llmd__free(item->subject);
    llmd__free_secret(item->body); /* Secrets are manifests too */
    llmd__free(item->crd_group);
    llmd__free(item->crd_plural);
    llmd__free(item->crd_kind);
    for (char **version = item->crd_versions; version && *version; version++)
        llmd__free(*version);
    llmd__free(item->crd_versions);
}

void llmd__manifests_free(struct manifest_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        manifest_free(&set->items[i]);
    llmd__free(set->items);
    *set = (struct manifest_set){0};
}
