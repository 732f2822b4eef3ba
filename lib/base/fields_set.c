/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One setter for every field of every spec: a key with dots and a text. The text becomes the value
 * that a file would have held and takes the reader's way from there, so both say the same.
 */
#include "base/fields.h"
#include "base/utf8.h"
#include "base/yaml.h"

#include <string.h>

/* Where a key leads: a field of the struct at base, and what of the key is left. */
struct target {
    const struct field *field;
    void *base;
    const char *rest; /* a map's own key, or NULL */
};

/* Only objects have members that the table knows, so only they are walked into. */
static llmd_error *find_target(const struct field *fields, const char *key, void *base,
                               struct target *target)
{
    for (;;) {
        size_t len = strcspn(key, ".");
        const struct field *field = llmd__field_find(fields, key, len);

        if (!field) {
            AUTO(str) char *name = llmd__strndup(key, len);
            CHECK_MEMORY(name);
            return llmd__field_unknown(fields, name);
        }
        *target = (struct target){field, base, key[len] ? key + len + 1 : NULL};
        if (field->type != FIELD_OBJECT || !target->rest)
            return NULL;
        base = llmd__field_slot(field, base);
        fields = field->fields;
        key = target->rest;
    }
}

/* One value at most: "" and null are none, which unsets as in a file. */
static llmd_error *parse_value(const char *text, const char *what, struct json **out)
{
    AUTO(json) struct json *documents = NULL;

    TRY(llmd__yaml_parse_all(text, what, &documents));
    if (llmd__json_count(documents) > 1)
        return llmd__error(LLMD_E_INVALID, "%s: want one value, got several documents", what);
    *out = llmd__json_shift(documents);
    return NULL;
}

static bool is_number(enum field_type type)
{
    return type == FIELD_INT || type == FIELD_INT64 || type == FIELD_DOUBLE;
}

/* What is no number or boolean stays a text, which the reader refuses by name. */
static struct json *scalar(enum field_type type, const char *text)
{
    AUTO(json) struct json *number = NULL;

    if (type == FIELD_BOOL && (!strcmp(text, "true") || !strcmp(text, "false")))
        return llmd__json_new_bool(text[0] == 't');
    if (!is_number(type))
        return llmd__json_new_str(text, strlen(text));
    number = llmd__json_new_number(text);
    /* null: not a number; NULL: no memory, which must not look like the same. */
    if (llmd__json_type(number) == JSON_NULL)
        return llmd__json_new_str(text, strlen(text));
    return TAKE(number);
}

static bool is_scalar(enum field_type type)
{
    return type <= FIELD_DOUBLE;
}

static void unset(const struct target *target)
{
    const struct field only[] = {*target->field, FIELD_END};

    llmd__fields_free(only, target->base);
    llmd__fields_init(only, target->base);
}

static llmd_error *set_whole(const struct target *target, const char *text, const char *what,
                             const char *key)
{
    enum field_type type = target->field->type;
    AUTO(str) char *place = llmd__format("%s: %s", what, key);
    AUTO(json) struct json *value = NULL;

    CHECK_MEMORY(place);
    if (is_scalar(type)) {
        value = scalar(type, text);
        CHECK_MEMORY(value);
    } else {
        TRY(parse_value(text, place, &value));
        unset(target);
        if (!value)
            return NULL;
    }
    llmd_error *error = llmd__field_read(target->field, value, what, key, target->base);
    if (type == FIELD_SECRET)
        llmd__wipe((char *)llmd__json_text(value), strlen(text));
    return error;
}

/* One entry of a map. The map is read as a whole, so that its check sees it. */
static llmd_error *set_entry(const struct target *target, const char *text, const char *what,
                             const char *key)
{
    struct json **map = llmd__field_slot(target->field, target->base);
    AUTO(json) struct json *changed = NULL;

    if (!target->rest[0])
        return llmd__error(LLMD_E_INVALID, "%s: %s: a name is missing behind the dot", what, key);
    if (*map)
        TRY(llmd__json_copy(*map, &changed));
    else
        changed = llmd__json_object();
    if (text)
        llmd__json_set_str(changed, target->rest, text);
    else
        llmd__json_remove(changed, target->rest);
    TRY(llmd__json_check(changed));
    return llmd__field_read(target->field, changed, what, key, target->base);
}

static llmd_error *set_target(const struct target *target, const char *text, const char *what,
                              const char *key)
{
    if (target->rest && target->field->type == FIELD_MAP)
        return set_entry(target, text, what, key);
    if (target->rest)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "%s: %s: %s has no members that can be set", what, key,
                        target->field->name),
            is_scalar(target->field->type) ? "set %s itself" : "set %s as a whole, in JSON or YAML",
            target->field->name);
    if (text)
        return set_whole(target, text, what, key);
    unset(target);
    return NULL;
}

llmd_error *llmd__fields_set(const struct field *fields, const char *key, const char *value,
                             const char *what, void *base)
{
    struct target target = {0};

    if (!key)
        return llmd__error(LLMD_E_INVALID, "%s: the key is NULL", what);
    if (value && !llmd__utf8_valid(value, strlen(value)))
        return llmd__error(LLMD_E_INVALID, "%s: %.80s: the value is not UTF-8", what, key);
    TRY(llmd__error_wrap(find_target(fields, key, base, &target), "%s: %.80s", what, key));
    return set_target(&target, value, what, key);
}
