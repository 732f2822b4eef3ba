/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Setting never fails in the caller's face: the first bad key or value is kept and told by the call
 * that uses the spec. Later ones would only blur what went wrong.
 */
#include "base/spec.h"
#include "base/file.h"
#include "base/yaml.h"

#include <string.h>

#define MAX_FILE (1 << 20)

DEFINE_AUTO(spec, struct spec *, llmd__spec_free)

static bool usable(const struct spec *spec)
{
    return spec && spec->type;
}

static void keep(struct spec *spec, llmd_error *error)
{
    if (spec->bad)
        llmd_error_free(error);
    else
        spec->bad = error;
}

#define SEE_PAGE "docs/spec.md lists the keys and what they take"

/* Whoever cannot read on from the message alone shall know where to look. */
static llmd_error *advise(llmd_error *error, const char *advice)
{
    if (!error || llmd_error_advice(error)[0])
        return error;
    return llmd__error_set_advice(error, "%s", advice);
}

/* "service spec qwen", by the field that all named things have. */
static char *label(const struct spec *spec)
{
    const struct field *field = llmd__field_find(spec->type->fields, "name", 4);
    const char *name = field ? *(char *const *)llmd__field_slot(field, spec) : "";

    if (!name)
        name = "(unnamed)";
    return llmd__format("%s%s%s", spec->type->what, name[0] ? " " : "", name);
}

/* Zeros, then the tables' own marks for unset: 0 replicas are not the same as none said. */
static struct spec *blank(const struct spec_type *type)
{
    struct spec *spec = llmd__calloc(1, type->size);

    if (!spec)
        return NULL;
    spec->type = type;
    llmd__fields_init(type->fields, spec);
    return spec;
}

void *llmd__spec_new(const struct spec_type *type)
{
    struct spec *spec = blank(type);

    return spec ? spec : type->none;
}

void llmd__spec_free(void *object)
{
    struct spec *spec = object;

    if (!usable(spec))
        return;
    llmd__fields_free(spec->type->fields, spec);
    llmd_error_free(spec->bad);
    llmd__free(spec);
}

/* No check: the constructors' values are judged with the whole, by the call that uses them. */
void llmd__spec_text(void *object, char **member, const char *text)
{
    struct spec *spec = object;
    bool said = text && text[0];

    if (!usable(spec))
        return;
    llmd__free(*member);
    *member = said ? llmd__strdup(text) : NULL;
    if (said && !*member)
        keep(spec, NO_MEMORY);
}

void llmd__spec_set(void *object, const char *key, const char *value)
{
    struct spec *spec = object;

    /* The static one is shared by all threads that had no memory: nobody may write to it. */
    if (!usable(spec) || spec->bad)
        return;
    AUTO(str) char *what = label(spec);
    keep(spec, what ? advise(llmd__fields_set(spec->type->fields, key, value, what, spec), SEE_PAGE)
                    : NO_MEMORY);
}

static llmd_error *check_whole(const struct spec *spec)
{
    return spec->type->check ? advise(spec->type->check(spec), SEE_PAGE) : NULL;
}

llmd_error *llmd__spec_check(const void *object)
{
    const struct spec *spec = object;

    if (!usable(spec))
        return NO_MEMORY;
    if (spec->bad)
        return llmd__error_copy(spec->bad);
    AUTO(str) char *what = label(spec);
    CHECK_MEMORY(what);
    return llmd__error_wrap(check_whole(spec), "%s", what);
}

/* A manifest has keys of its own; "unknown key apiVersion" would send people the wrong way. */
static llmd_error *refuse_manifest(const struct spec_type *type, const struct json *object,
                                   const char *what)
{
    const char *kind = llmd__json_str(object, "kind");

    if (!kind[0] || !llmd__json_str(object, "apiVersion")[0])
        return NULL;
    llmd_error *error = llmd__error(
        LLMD_E_INVALID, "%s: this is a Kubernetes manifest (kind %s), not a spec", what, kind);
    if (!type->follow)
        return llmd__error_set_advice(error, "apply it as it is, with kube apply");
    return llmd__error_set_advice(
        error, "apply it as it is, with kube apply, and follow it with %s", type->follow);
}

static llmd_error *check_named(const struct spec *spec, const struct json *source, const char *what)
{
    llmd_error *error = llmd__error_wrap(check_whole(spec), "%s", what);

    return error && spec->type->locate ? spec->type->locate(error, what, source) : error;
}

static llmd_error *parse_named(const struct spec_type *type, const char *text, const char *what,
                               void **out)
{
    AUTO(spec) struct spec *spec = blank(type);
    AUTO(secret_json) struct json *object = NULL;

    CHECK_MEMORY(spec);
    TRY(advise(llmd__yaml_parse(text, what, &object), SEE_PAGE));
    TRY(refuse_manifest(type, object, what));
    TRY(advise(llmd__fields_read(type->fields, object, what, spec), SEE_PAGE));
    TRY(check_named(spec, object, what));
    *out = TAKE(spec);
    return NULL;
}

llmd_error *llmd__spec_parse(const struct spec_type *type, const char *text, void **out)
{
    return parse_named(type, text, type->what, out);
}

llmd_error *llmd__spec_parse_file(const struct spec_type *type, const char *path, void **out)
{
    AUTO(buf) struct buf text = BUF_SECRET;

    TRY(llmd__file_read(path, MAX_FILE, &text));
    return parse_named(type, llmd__buf_text(&text), path, out);
}

llmd_error *llmd__spec_json(const void *object, char **out)
{
    const struct spec *spec = object;
    AUTO(json) struct json *json = NULL;

    if (!usable(spec))
        return NO_MEMORY;
    if (spec->bad)
        return llmd__error_copy(spec->bad);
    TRY(llmd__fields_json(spec->type->fields, spec, &json));
    return llmd__json_print(json, out);
}

/* The first bad value goes along: whoever uses the copy must hear of it. */
llmd_error *llmd__spec_copy(const void *object, void **out)
{
    const struct spec *spec = object;

    *out = NULL;
    if (!usable(spec))
        return NO_MEMORY;
    AUTO(spec) struct spec *copy = blank(spec->type);
    CHECK_MEMORY(copy);
    copy->bad = llmd__error_copy(spec->bad);
    TRY(llmd__fields_copy(spec->type->fields, spec, copy));
    *out = TAKE(copy);
    return NULL;
}
