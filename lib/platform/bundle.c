/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/bundle.h"

#include "platform/known_bundles.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 1000 /* of a folder: more is a wrong folder */

void llmd__bundle_free(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++) {
        llmd__free(bundle->files[i].url);
        llmd__free(bundle->files[i].path);
        llmd__free(bundle->files[i].sha256);
    }
    llmd__free(bundle->files);
    llmd__free(bundle->version);
    llmd__free(bundle->proven);
    llmd__free(bundle->manifests);
    *bundle = (struct bundle){.component = bundle->component};
}

static llmd_error *copy_text(const char *text, char **out)
{
    if (!text || !*text)
        return NULL;
    *out = llmd__strdup(text);
    return *out ? NULL : NO_MEMORY;
}

static llmd_error *add_file(struct bundle *bundle, const struct bundle_file *file)
{
    struct bundle_file *files =
        llmd__realloc(bundle->files, (bundle->count + 1) * sizeof(*bundle->files));
    struct bundle_file *added;

    CHECK_MEMORY(files);
    bundle->files = files;
    added = &files[bundle->count++];
    *added = (struct bundle_file){.size = file->size};
    TRY(copy_text(file->url, &added->url));
    TRY(copy_text(file->path, &added->path));
    return copy_text(file->sha256, &added->sha256);
}

llmd_error *llmd__bundle_copy(const struct bundle *from, struct bundle *to)
{
    *to = (struct bundle){.component = from->component};
    TRY(copy_text(from->version, &to->version));
    TRY(copy_text(from->proven, &to->proven));
    TRY(copy_text(from->manifests, &to->manifests));
    for (size_t i = 0; i < from->count; i++)
        TRY(add_file(to, &from->files[i]));
    return NULL;
}

char *llmd__bundle_place(const struct bundle *bundle)
{
    const char *file = bundle->count ? bundle->files[0].path : NULL, *slash;

    if (!bundle->count)
        return llmd__format("%s.manifests", llmd__component(bundle->component)->key);
    file = file ? file : bundle->files[0].url;
    slash = strrchr(file, '/');
    return bundle->count > 1 && slash ? llmd__strndup(file, (size_t)(slash - file))
                                      : llmd__strdup(file);
}

/* ---- paths ---- */

static bool is_manifest(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && dot &&
           (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") ||
            (!strcmp(dot, ".json") && strcmp(name, LLMD__BUNDLES_FILE) != 0));
}

static llmd_error *add_entries(struct bundle *bundle, const char *folder, DIR *open)
{
    struct dirent *entry;

    while ((entry = readdir(open)) != NULL) {
        AUTO(str) char *path = NULL;

        if (!is_manifest(entry->d_name))
            continue;
        if (bundle->count == MAX_FILES)
            return llmd__error(LLMD_E_TOO_LARGE, "%s: holds more than %d manifests", folder,
                               MAX_FILES);
        path = llmd__format("%s/%s", folder, entry->d_name);
        CHECK_MEMORY(path);
        TRY(add_file(bundle, &(struct bundle_file){.path = path}));
    }
    return NULL;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct bundle_file *)a)->path, ((const struct bundle_file *)b)->path);
}

/* By name, so that the same folder is always the same bundle. */
static llmd_error *add_folder(struct bundle *bundle, const char *folder)
{
    DIR *open = opendir(folder);
    llmd_error *error;

    if (!open)
        return llmd__error_errno(errno, "%s", folder);
    error = add_entries(bundle, folder, open);
    closedir(open);
    TRY(error);
    if (bundle->count == 0)
        return llmd__error(LLMD_E_NOT_FOUND, "%s: holds no .yaml, .yml or .json", folder);
    qsort(bundle->files, bundle->count, sizeof(*bundle->files), by_path);
    return NULL;
}

static llmd_error *add_path(struct bundle *bundle, const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return llmd__error_errno(errno, "%s", path);
    if (S_ISDIR(status.st_mode))
        return add_folder(bundle, path);
    return add_file(bundle, &(struct bundle_file){.path = (char *)(uintptr_t)path});
}

/* ---- known ones ---- */

static struct bundle_file listed(const struct json *file)
{
    /* The texts are copied by add_file(). */
    return (struct bundle_file){.url = (char *)(uintptr_t)llmd__json_str(file, "url"),
                                .path = (char *)(uintptr_t)llmd__json_str(file, "path"),
                                .sha256 = (char *)(uintptr_t)llmd__json_str(file, "sha256"),
                                .size = llmd__json_int(file, "size", 0)};
}

/* A version that is not in the list; NULL: none of it can be had as it stands there. */
static llmd_error *unknown(const struct json *list, enum component component, const char *version)
{
    AUTO(buf) struct buf versions = BUF_INIT;
    const char *key = llmd__component(component)->key;

    llmd__bundles_versions(list, component, &versions);
    TRY(llmd__buf_check(&versions));
    if (!versions.len)
        return llmd__error_set_advice(llmd__error(LLMD_E_NOT_FOUND, "%s: no bundle is known", key),
                                      "name one as %s.bundle, or in the file of LLMD_BUNDLES", key);
    return llmd__error_set_advice(
        version
            ? llmd__error(LLMD_E_NOT_FOUND, "%s: no bundle of version %s is known", key, version)
            : llmd__error(LLMD_E_NOT_FOUND, "%s: no bundle can be had without its version", key),
        "known are %s; others as %s.bundle, or in the file of LLMD_BUNDLES",
        llmd__buf_text(&versions), key);
}

/* Of a profile there are none: whoever wants it makes them. */
static llmd_error *check_files(enum component component, const struct json *bundle)
{
    const char *key = llmd__component(component)->key;

    if (llmd__json_count(llmd__json_member(bundle, "files")))
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_NOT_FOUND, "%s: of version %s no file is published: %s", key,
                    llmd__json_str(bundle, "version"), llmd__json_str(bundle, "note")),
        "give the file as %s.bundle, without a version", key);
}

/* Which of several it is of nobody can tell; and none that was stated may be passed over. */
static llmd_error *check_said(const llmd_platform_spec *spec, enum component component,
                              const struct json *bundle)
{
    size_t count = llmd__json_count(llmd__json_member(bundle, "files"));

    if (count < 2 || !llmd__platform_part(spec, component)->sha256)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s: sha256 is of one file, and version %s has %zu files",
                    llmd__component(component)->key, llmd__json_str(bundle, "version"), count),
        "leave sha256 away: each file is held against its own in the list of known bundles");
}

/* The spec's own digest is that of the only file; one that nobody knows must come from there. */
static llmd_error *check_digest(const llmd_platform_spec *spec, enum component component,
                                const struct json *bundle, struct bundle_file *file)
{
    const char *key = llmd__component(component)->key;
    char *said = llmd__platform_part(spec, component)->sha256;
    bool only = llmd__json_count(llmd__json_member(bundle, "files")) == 1;

    if (said && only)
        file->sha256 = said;
    if (strcmp(file->sha256, LLMD__SHA256_UNKNOWN) != 0)
        return NULL;
    return llmd__error_set_advice(
        llmd__error_set_reason(
            llmd__error(LLMD_E_INVALID, "%s: the digest of %s is not known here", key, file->url),
            "DigestUnknown"),
        only ? "give it as %s.sha256, as its publisher states it: what is downloaded is held "
               "against it"
             : "download its files yourself and name their folder as %s.bundle",
        key);
}

static llmd_error *choose_known(const llmd_platform_spec *spec, struct bundle *out)
{
    const char *version = llmd__platform_part(spec, out->component)->version;
    AUTO(json) struct json *list = NULL;
    const struct json *found;

    TRY(llmd__bundles_known(spec->bundles, &list));
    found = llmd__bundles_find(list, out->component, version);
    if (!found)
        return unknown(list, out->component, version);
    TRY(check_files(out->component, found));
    TRY(check_said(spec, out->component, found));
    JSON_EACH(file, llmd__json_member(found, "files")) {
        struct bundle_file entry = listed(file);

        TRY(check_digest(spec, out->component, found, &entry));
        TRY(add_file(out, &entry));
    }
    TRY(copy_text(llmd__json_str(found, "proven"), &out->proven));
    return copy_text(llmd__json_str(found, "version"), &out->version);
}

/* An address whose bytes a folder holds is read there. */
static llmd_error *choose_url(const llmd_platform_spec *spec, const struct component_spec *part,
                              struct bundle *out)
{
    struct bundle_file file = {.url = part->bundle, .sha256 = part->sha256};
    AUTO(json) struct json *list = NULL;

    if (!spec->bundles)
        return add_file(out, &file);
    TRY(llmd__bundles_known(spec->bundles, &list));
    JSON_EACH(bundle, list) {
        JSON_EACH(entry, llmd__json_member(bundle, "files")) {
            if (!strcmp(llmd__json_str(entry, "sha256"), part->sha256))
                file = listed(entry);
        }
    }
    return add_file(out, &file);
}

/* What a fetch copied, which has no version, is read there where the path itself is not. */
static llmd_error *choose_path(const llmd_platform_spec *spec, const struct component_spec *part,
                               struct bundle *out)
{
    AUTO(json) struct json *list = NULL;
    const struct json *copied = NULL;

    if (spec->bundles && access(part->bundle, F_OK) != 0) {
        TRY(llmd__bundles_known(spec->bundles, &list));
        copied = llmd__bundles_find(list, out->component, "");
        if (strcmp(llmd__json_str(copied, "from"), part->bundle) != 0)
            copied = NULL; /* of another path: that is not what was asked for */
    }
    JSON_EACH(file, llmd__json_member(copied, "files")) {
        struct bundle_file entry = listed(file);

        TRY(add_file(out, &entry));
    }
    if (copied)
        return NULL;
    return llmd__error_wrap(add_path(out, part->bundle), "%s",
                            llmd__component(out->component)->key);
}

static llmd_error *choose(const llmd_platform_spec *spec, struct bundle *out)
{
    const struct component_spec *part = llmd__platform_part(spec, out->component);

    if (part->manifests)
        return copy_text(part->manifests, &out->manifests);
    if (!part->bundle)
        return choose_known(spec, out);
    return part->sha256 ? choose_url(spec, part, out) : choose_path(spec, part, out);
}

llmd_error *llmd__bundle_choose(const llmd_platform_spec *spec, enum component component,
                                struct bundle *out)
{
    llmd_error *error;

    *out = (struct bundle){.component = component};
    error = choose(spec, out);
    if (error)
        llmd__bundle_free(out);
    return error;
}
