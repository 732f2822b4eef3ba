/* SPDX-License-Identifier: Apache-2.0 */
/* Merging kubeconfigs and choosing a context, by client-go's rules. Pure. */
#include "kube/kubeconfig.h"

#include "base/file.h"

#include <string.h>

/* The three lists of named entries, with the members that must be text. */
static const struct section {
    const char *list, *member;
    const char *texts[10];
    const char *paths[4]; /* relative to the file they stand in */
} sections[] = {
    {"clusters",
     "cluster",
     {"server", "certificate-authority", "certificate-authority-data", "tls-server-name",
      "proxy-url"},
     {"certificate-authority"}},
    {"contexts", "context", {"cluster", "user", "namespace"}, {NULL}},
    {"users",
     "user",
     {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token",
      "tokenFile", "username", "password", "as"},
     {"client-certificate", "client-key", "tokenFile"}},
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static llmd_error *bad(const struct kubeconfig_file *file, const struct json *at, const char *where,
                       const char *wanted)
{
    return llmd__error(LLMD_E_INVALID, "kubeconfig %s:%d: %s: want %s, got %s", file->path,
                       llmd__json_line(at), where, wanted,
                       llmd__json_type_name(llmd__json_type(at)));
}

static bool is_unset(const struct json *value)
{
    enum json_type type = llmd__json_type(value);

    return type == JSON_NONE || type == JSON_NULL;
}

static llmd_error *check_texts(const struct kubeconfig_file *file, const struct section *section,
                               const struct json *value)
{
    for (size_t i = 0; section->texts[i]; i++) {
        const struct json *text = llmd__json_member(value, section->texts[i]);
        if (!is_unset(text) && llmd__json_type(text) != JSON_STRING)
            return bad(file, text, section->texts[i], "a string");
    }
    return NULL;
}

static llmd_error *check_entry(const struct kubeconfig_file *file, const struct section *section,
                               const struct json *entry)
{
    const struct json *name = llmd__json_member(entry, "name");
    const struct json *value = llmd__json_member(entry, section->member);

    if (llmd__json_type(entry) != JSON_OBJECT)
        return bad(file, entry, section->list, "a mapping");
    if (llmd__json_type(name) != JSON_STRING || !*llmd__json_text(name))
        return llmd__error(LLMD_E_INVALID, "kubeconfig %s:%d: %s: an entry without a name",
                           file->path, llmd__json_line(entry), section->list);
    if (is_unset(value))
        return NULL;
    if (llmd__json_type(value) != JSON_OBJECT)
        return bad(file, value, section->member, "a mapping");
    return check_texts(file, section, value);
}

static const struct json *find_entry(const struct json *list, const char *name)
{
    JSON_EACH(entry, list) {
        if (strcmp(llmd__json_str(entry, "name"), name) == 0)
            return entry;
    }
    return NULL;
}

static llmd_error *absolute(const struct kubeconfig_file *file, struct json *value, const char *key,
                            bool only_with_slash)
{
    const char *path = llmd__json_text(llmd__json_member(value, key));
    AUTO(str) char *resolved = NULL;

    if (!*path || (only_with_slash && !strchr(path, '/')))
        return NULL;
    resolved = llmd__file_beside(file->path, path);
    CHECK_MEMORY(resolved);
    llmd__json_set_str(value, key, resolved);
    return NULL;
}

static llmd_error *resolve_paths(const struct kubeconfig_file *file, const struct section *section,
                                 struct json *entry)
{
    struct json *value = llmd__json_edit(entry, section->member);

    for (size_t i = 0; section->paths[i]; i++)
        TRY(absolute(file, value, section->paths[i], false));
    /* A command without a slash is looked up in PATH instead. */
    return absolute(file, llmd__json_edit(value, "exec"), "command", true);
}

static llmd_error *merge_section(const struct kubeconfig_file *file, const struct section *section,
                                 struct json *merged)
{
    const struct json *list = llmd__json_member(file->document, section->list);
    struct json *target = llmd__json_edit(merged, section->list);

    if (!is_unset(list) && llmd__json_type(list) != JSON_ARRAY)
        return bad(file, list, section->list, "a list");
    JSON_EACH(entry, list) {
        AUTO(secret_json) struct json *copy = NULL;
        const char *name;

        TRY(check_entry(file, section, entry));
        name = llmd__json_str(entry, "name");
        if (find_entry(list, name) != entry)
            return llmd__error(LLMD_E_INVALID, "kubeconfig %s:%d: %s: \"%s\" stands there twice",
                               file->path, llmd__json_line(entry), section->list, name);
        if (find_entry(target, name))
            continue; /* the first file wins with its whole entry */
        TRY(llmd__json_copy(entry, &copy));
        TRY(resolve_paths(file, section, copy));
        llmd__json_add(target, TAKE(copy));
    }
    return NULL;
}

static llmd_error *merge_file(const struct kubeconfig_file *file, struct json *merged)
{
    const struct json *current = llmd__json_member(file->document, "current-context");

    if (llmd__json_type(file->document) != JSON_OBJECT)
        return bad(file, file->document, "kubeconfig", "a mapping");
    if (!is_unset(current) && llmd__json_type(current) != JSON_STRING)
        return bad(file, current, "current-context", "a string");
    if (!*llmd__json_str(merged, "current-context") && *llmd__json_text(current))
        llmd__json_set_str(merged, "current-context", llmd__json_text(current));
    for (size_t i = 0; i < SECTIONS; i++)
        TRY(merge_section(file, &sections[i], merged));
    return NULL;
}

llmd_error *llmd__kubeconfig_merge(const struct kubeconfig_file *files, size_t count,
                                   struct json **out)
{
    AUTO(secret_json) struct json *merged = llmd__json_object();

    *out = NULL;
    for (size_t i = 0; i < SECTIONS; i++)
        llmd__json_set_array(merged, sections[i].list);
    for (size_t i = 0; i < count; i++)
        TRY(merge_file(&files[i], merged));
    TRY(llmd__json_check(merged));
    *out = TAKE(merged);
    return NULL;
}

/* "a", "b" and 7 more */
static void add_names(struct buf *buf, const struct json *list)
{
    int count = 0;

    JSON_EACH(entry, list) {
        if (++count <= 20)
            llmd__buf_format(buf, "%s\"%s\"", count > 1 ? ", " : "", llmd__json_str(entry, "name"));
    }
    if (count > 20)
        llmd__buf_format(buf, " and %d more", count - 20);
    if (!count)
        llmd__buf_str(buf, "none");
}

static llmd_error *no_context(const struct json *merged, const char *name, const char *source)
{
    AUTO(buf) struct buf names = BUF_INIT;

    add_names(&names, llmd__json_member(merged, "contexts"));
    TRY(llmd__buf_check(&names));
    if (!*name)
        return llmd__error(LLMD_E_INVALID, "%s sets no current-context; contexts in it: %s", source,
                           llmd__buf_text(&names));
    return llmd__error(LLMD_E_NOT_FOUND, "%s has no context \"%s\"; contexts in it: %s", source,
                       name, llmd__buf_text(&names));
}

static llmd_error *find_part(const struct json *merged, const struct section *section,
                             const char *name, const char *context, const char *source,
                             const struct json **out)
{
    const struct json *entry = find_entry(llmd__json_member(merged, section->list), name);

    if (!entry)
        return llmd__error(LLMD_E_INVALID,
                           "%s: context \"%s\" names the %s \"%s\", which is not there", source,
                           context, section->member, name);
    *out = llmd__json_member(entry, section->member);
    return NULL;
}

llmd_error *llmd__kubeconfig_choose(const struct json *merged, const char *kubecontext,
                                    const char *source, struct kubeconfig_choice *out)
{
    const char *name =
        kubecontext && *kubecontext ? kubecontext : llmd__json_str(merged, "current-context");
    const struct json *entry = find_entry(llmd__json_member(merged, "contexts"), name);
    const struct json *context = llmd__json_member(entry, "context");
    const char *user = llmd__json_str(context, "user");
    const char *ns = llmd__json_str(context, "namespace");

    if (!entry)
        return no_context(merged, name, source);
    *out = (struct kubeconfig_choice){.context = llmd__json_str(entry, "name"),
                                      .ns = *ns ? ns : "default"};
    TRY(find_part(merged, &sections[0], llmd__json_str(context, "cluster"), name, source,
                  &out->cluster));
    if (*user)
        TRY(find_part(merged, &sections[2], user, name, source, &out->user));
    if (!*llmd__json_str(out->cluster, "server"))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "%s: cluster \"%s\" has no server", source,
                        llmd__json_str(context, "cluster")),
            "give that cluster the address of its API server, as server: https://HOST:PORT");
    return NULL;
}
