/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/known_bundles.h"

#include "platform/store.h"

#include "base/environment.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/yaml.h"

#include <llmd/platform.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIST ((size_t)4 << 20)
#define VERSION_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+"

extern const char llmd__bundles_json[]; /* bundles.json, by cmake/Library.cmake */

/* ---- versions and digests ---- */

static const char *without_v(const char *version)
{
    return *version == 'v' ? version + 1 : version;
}

/* The number at *text, which moves behind it and a dot. */
static long next_part(const char **text)
{
    char *end = NULL;
    long number = strtol(*text, &end, 10);

    *text = *end == '.' ? end + 1 : end;
    return number;
}

int llmd__version_compare(const char *a, const char *b)
{
    a = without_v(a);
    b = without_v(b);
    while (*a >= '0' && *a <= '9' && *b >= '0' && *b <= '9') {
        long left = next_part(&a), right = next_part(&b);

        if (left != right)
            return left < right ? -1 : 1;
    }
    /* What is left is "-rc.1", or further numbers: the latter are newer, the former older. */
    if (!*a || !*b)
        return *a ? (*a == '-' ? -1 : 1) : *b ? (*b == '-' ? 1 : -1) : 0;
    return strcmp(a, b);
}

bool llmd__sha256_valid(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* ---- reading ---- */

struct listed_file {
    char *url, *path, *sha256;
    int64_t size;
};

struct listed_bundle {
    char *component, *version, *from, *proven, *profile, *note;
    struct field_list files;
};

static const struct field file_fields[] = {
    {.name = "url", .type = FIELD_STRING, .offset = offsetof(struct listed_file, url)},
    {.name = "path", .type = FIELD_STRING, .offset = offsetof(struct listed_file, path)},
    {.name = "sha256", .type = FIELD_STRING, .offset = offsetof(struct listed_file, sha256)},
    {.name = "size", .type = FIELD_INT64, .offset = offsetof(struct listed_file, size)},
    FIELD_END,
};

static const struct field bundle_fields[] = {
    {.name = "component",
     .type = FIELD_STRING,
     .offset = offsetof(struct listed_bundle, component),
     .values = "gatewayApi|certManager|leaderWorkerSet|kserve|gatewayController"},
    {.name = "version", .type = FIELD_STRING, .offset = offsetof(struct listed_bundle, version)},
    /* the path that a spec has for what a fetch copied */
    {.name = "from", .type = FIELD_STRING, .offset = offsetof(struct listed_bundle, from)},
    {.name = "proven", .type = FIELD_STRING, .offset = offsetof(struct listed_bundle, proven)},
    {.name = "profile",
     .type = FIELD_STRING,
     .offset = offsetof(struct listed_bundle, profile),
     .values = "odh|redhat"},
    {.name = "note", .type = FIELD_STRING, .offset = offsetof(struct listed_bundle, note)},
    {.name = "files",
     .type = FIELD_LIST,
     .offset = offsetof(struct listed_bundle, files),
     .fields = file_fields,
     .size = sizeof(struct listed_file)},
    FIELD_END,
};

static bool is_unknown(const char *sha256)
{
    return strcmp(sha256, LLMD__SHA256_UNKNOWN) == 0;
}

/* Of a profile nobody publishes files: its note says how they are made. */
static llmd_error *check_files(const struct listed_bundle *bundle)
{
    const struct listed_file *files = bundle->files.items;

    if (!bundle->component || (bundle->files.count == 0 && !bundle->profile))
        return llmd__error(LLMD_E_INVALID, "want component and files");
    if (bundle->files.count == 0 && !bundle->note)
        return llmd__error(LLMD_E_INVALID, "want a note that tells where its files come from");
    for (size_t i = 0; i < bundle->files.count; i++) {
        if (!files[i].path && !files[i].url)
            return llmd__error(LLMD_E_INVALID, "files[%zu]: want url or path", i);
        if (!files[i].path && !files[i].sha256)
            return llmd__error(LLMD_E_INVALID, "files[%zu]: %s needs its sha256", i, files[i].url);
        if (files[i].sha256 && !is_unknown(files[i].sha256) && !llmd__sha256_valid(files[i].sha256))
            return llmd__error(LLMD_E_INVALID, "files[%zu]: want a sha256 of 64 hex digits", i);
    }
    return NULL;
}

/* A fetch makes a folder of this name: a slash in it would lead out of the caller's. */
static llmd_error *check_version(const char *version)
{
    if (!version || !version[strspn(version, VERSION_CHARS)])
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "version: \"%s\" is no plain name", version),
        "it names a folder too: letters, digits and . - _ + alone, such as 0.20.0");
}

static llmd_error *check_bundle(const struct json *item, const char *file)
{
    struct listed_bundle bundle = {0};
    int line = llmd__json_line(item);
    llmd_error *error;

    if (llmd__json_type(item) != JSON_OBJECT)
        return llmd__error(LLMD_E_INVALID, "%s:%d: want an object, got %s", file, line,
                           llmd__json_type_name(llmd__json_type(item)));
    error = llmd__fields_read(bundle_fields, item, file, &bundle);
    if (!error)
        error = llmd__error_wrap(check_version(bundle.version), "%s:%d", file, line);
    if (!error)
        error = llmd__error_wrap(check_files(&bundle), "%s:%d", file, line);
    llmd__fields_free(bundle_fields, &bundle);
    return error;
}

/* A path is beside the list that names it. */
static llmd_error *resolve_paths(struct json *bundle, const char *file)
{
    struct json *files = llmd__json_edit(bundle, "files");

    for (size_t i = 0; i < llmd__json_count(files); i++) {
        AUTO(str) char *at = llmd__format("[%zu]", i);
        struct json *entry = at ? llmd__json_edit(files, at) : NULL;
        const char *path = llmd__json_str(entry, "path");
        AUTO(str) char *absolute = llmd__file_beside(file, path);

        if (!at || !absolute)
            return NO_MEMORY;
        if (*path)
            llmd__json_set_str(entry, "path", absolute);
    }
    return llmd__json_check(bundle);
}

/* Checks a list and makes its paths absolute; the text came from this file, whose own path
   is. */
static llmd_error *read_bundles(const char *text, const char *file, struct json **out)
{
    AUTO(json) struct json *documents = NULL;
    AUTO(json) struct json *list = llmd__json_array();
    AUTO(json) struct json *read = NULL;
    struct json *item;

    *out = NULL;
    CHECK_MEMORY(list);
    TRY(llmd__yaml_parse_all(text, file, &documents));
    read = llmd__json_shift(documents);
    if (llmd__json_type(read) != JSON_ARRAY || llmd__json_count(documents))
        return llmd__error(LLMD_E_INVALID, "%s: want one list of bundles", file);
    while ((item = llmd__json_shift(read))) {
        AUTO(json) struct json *bundle = item;

        TRY(check_bundle(bundle, file));
        TRY(resolve_paths(bundle, file));
        llmd__json_add(list, TAKE(bundle));
    }
    TRY(llmd__json_check(list));
    *out = TAKE(list);
    return NULL;
}

/* ---- lists ---- */

static bool is_of(const struct json *bundle, const char *component, const char *version)
{
    return !strcmp(llmd__json_str(bundle, "component"), component) &&
           !llmd__version_compare(llmd__json_str(bundle, "version"), version);
}

static bool holds(const struct json *list, const struct json *bundle)
{
    JSON_EACH(item, list) {
        if (is_of(item, llmd__json_str(bundle, "component"), llmd__json_str(bundle, "version")))
            return true;
    }
    return false;
}

/* Adds those of `base` that `list` has not. */
static llmd_error *complete(struct json *list, const struct json *base)
{
    JSON_EACH(item, base) {
        struct json *copy = NULL;

        if (holds(list, item))
            continue;
        TRY(llmd__json_copy(item, &copy));
        llmd__json_add(list, copy);
    }
    return llmd__json_check(list);
}

static llmd_error *read_file(const char *path, struct json **out)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(str) char *absolute = NULL;

    TRY(llmd__file_read(path, MAX_LIST, &text));
    TRY(llmd__path_absolute(path, &absolute));
    return read_bundles(llmd__buf_text(&text), absolute, out);
}

llmd_error *llmd__bundles_known(const char *folder, struct json **out)
{
    const char *more = llmd__environment("LLMD_BUNDLES");
    AUTO(json) struct json *built_in = NULL;
    AUTO(json) struct json *list = NULL;

    *out = NULL;
    if (folder) {
        AUTO(str) char *path = llmd__format("%s/" LLMD__BUNDLES_FILE, folder);
        CHECK_MEMORY(path);
        return llmd__error_set_advice(read_file(path, out), "platform fetch makes such a folder");
    }
    TRY(read_bundles(llmd__bundles_json, "bundles.json", &built_in));
    if (more)
        TRY(llmd__error_wrap(read_file(more, &list), "LLMD_BUNDLES"));
    else
        list = llmd__json_array();
    CHECK_MEMORY(list);
    TRY(complete(list, built_in));
    *out = TAKE(list);
    return NULL;
}

/* Without a word of the caller's: its files are there, and their digests known. */
static bool can_be_had(const struct json *bundle)
{
    const struct json *files = llmd__json_member(bundle, "files");

    JSON_EACH(file, files) {
        if (is_unknown(llmd__json_str(file, "sha256")))
            return false;
    }
    return llmd__json_count(files) > 0;
}

static bool is_better(const struct json *bundle, const struct json *best)
{
    bool proven = !strcmp(llmd__json_str(bundle, "proven"), "rig");
    bool best_proven = !strcmp(llmd__json_str(best, "proven"), "rig");

    if (!best || proven != best_proven)
        return !best || proven;
    return llmd__version_compare(llmd__json_str(bundle, "version"),
                                 llmd__json_str(best, "version")) > 0;
}

const struct json *llmd__bundles_find(const struct json *list, enum component component,
                                      const char *version)
{
    const char *key = llmd__component(component)->key;
    const struct json *best = NULL;

    JSON_EACH(item, list) {
        if (version && is_of(item, key, version))
            return item;
        if (!version && !strcmp(llmd__json_str(item, "component"), key) && can_be_had(item) &&
            is_better(item, best))
            best = item;
    }
    return best;
}

void llmd__bundles_versions(const struct json *list, enum component component, struct buf *out)
{
    const char *key = llmd__component(component)->key;

    JSON_EACH(item, list) {
        if (strcmp(llmd__json_str(item, "component"), key) != 0)
            continue;
        llmd__buf_format(out, "%s%s", out->len ? ", " : "", llmd__json_str(item, "version"));
    }
}

llmd_error *llmd_platform_bundles(char **out)
{
    AUTO(json) struct json *list = NULL;

    REQUIRE(out);
    *out = NULL;
    TRY(llmd__bundles_known(NULL, &list));
    return llmd__json_print_pretty(list, out);
}
