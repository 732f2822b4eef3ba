/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table says where each key lives in the struct; everything here walks such a table. Reading a
 * spec is strict (a typo must not become a default), filling a snapshot forgives (a server may send
 * what we do not know yet). Text and trees are copied, the struct owns them.
 */
#include "base/fields.h"
#include "base/nearest.h"

#include <limits.h>
#include <string.h>

/* Where we are, for errors: the keys down to here. */
struct place {
    const struct place *parent;
    const char *what;
    const char *key;
};

static void *slot(const struct field *field, const void *base)
{
    return (char *)base + field->offset;
}

static void add_path(const struct place *place, struct buf *buf)
{
    if (place->parent) {
        add_path(place->parent, buf);
        if (place->parent->key)
            llmd__buf_char(buf, '.');
    }
    llmd__buf_str(buf, place->key);
}

/* "WHAT:7: autoscaling.max: " and the cause, or a new message. */
static llmd_error *at(const struct place *place, const struct json *value, llmd_error *cause)
{
    AUTO(buf) struct buf path = BUF_INIT;
    int line = llmd__json_line(value);

    if (!cause)
        return NULL;
    add_path(place, &path);
    if (path.failed) {
        llmd_error_free(cause);
        return NO_MEMORY;
    }
    if (line)
        return llmd__error_wrap(cause, "%s:%d: %s", place->what, line, llmd__buf_text(&path));
    return llmd__error_wrap(cause, "%s: %s", place->what, llmd__buf_text(&path));
}

/* Types are named in words; unquoted numbers and booleans are the commonest slip in YAML. */
static llmd_error *want(const char *wanted, const struct json *value)
{
    enum json_type type = llmd__json_type(value);
    llmd_error *error =
        llmd__error(LLMD_E_INVALID, "want %s, got %s", wanted, llmd__json_type_name(type));

    if (strcmp(wanted, "a string") == 0 && type != JSON_ARRAY && type != JSON_OBJECT)
        llmd__error_set_advice(error, "put the value in quotes");
    return error;
}

/* Old text is wiped whatever its type: a spec may be read twice, and one of them was a secret. */
static llmd_error *replace_text(char **text, const char *value)
{
    char *copy = llmd__strdup(value);

    CHECK_MEMORY(copy);
    llmd__free_secret(*text);
    *text = copy;
    return NULL;
}

static llmd_error *replace_json(struct json **json, const struct json *value)
{
    struct json *copy = NULL;

    TRY(llmd__json_copy(value, &copy));
    llmd__json_free(*json);
    *json = copy;
    return NULL;
}

static bool all_strings(const struct json *value)
{
    JSON_EACH(item, value)
    {
        if (llmd__json_type(item) != JSON_STRING)
            return false;
    }
    return true;
}

static bool is_number(const struct json *value)
{
    return llmd__json_type(value) == JSON_INT || llmd__json_type(value) == JSON_DOUBLE;
}

static llmd_error *read_int(enum field_type type, const struct json *value, void *target)
{
    int64_t number;

    if (!is_number(value))
        return want("an integer", value);
    if (!llmd__json_to_int(value, &number))
        return llmd__error(LLMD_E_INVALID, "want an integer of 64 bits, got %.80s",
                           llmd__json_text(value));
    if (type == FIELD_INT64) {
        *(int64_t *)target = number;
        return NULL;
    }
    if (number < INT_MIN || number > INT_MAX)
        return llmd__error(LLMD_E_INVALID, "want an integer from %d to %d, got %.80s", INT_MIN,
                           INT_MAX, llmd__json_text(value));
    *(int *)target = (int)number;
    return NULL;
}

static llmd_error *read_collection(enum json_type type, const struct json *value, void *target)
{
    const char *wanted = type == JSON_ARRAY ? "an array of strings" : "an object of strings";

    if (llmd__json_type(value) != type)
        return want(wanted, value);
    if (!all_strings(value)) {
        llmd_error *error = llmd__error(LLMD_E_INVALID, "want %s, and not all of it is", wanted);
        return llmd__error_set_advice(error, "put numbers and true or false in quotes");
    }
    return replace_json(target, value);
}

/* All types but FIELD_OBJECT. Errors carry no position. */
static llmd_error *read_plain(enum field_type type, const struct json *value, void *target)
{
    switch (type) {
    case FIELD_STRING:
    case FIELD_SECRET:
        if (llmd__json_type(value) != JSON_STRING)
            return want("a string", value);
        return replace_text(target, llmd__json_text(value));
    case FIELD_INT:
    case FIELD_INT64:
        return read_int(type, value, target);
    case FIELD_BOOL:
        if (llmd__json_type(value) != JSON_BOOL)
            return want("true or false", value);
        *(bool *)target = llmd__json_bool(value, NULL, false);
        return NULL;
    case FIELD_DOUBLE:
        if (!is_number(value))
            return want("a number", value);
        *(double *)target = llmd__json_double(value, NULL, 0);
        return NULL;
    case FIELD_STRINGS:
        return read_collection(JSON_ARRAY, value, target);
    case FIELD_MAP:
        return read_collection(JSON_OBJECT, value, target);
    default:
        return replace_json(target, value);
    }
}

/* The nearest of the |-separated values; `found` tells whether one is the text itself. */
static struct nearest nearest_value(const char *values, const char *text, bool *found)
{
    struct nearest nearest = {0};

    *found = false;
    for (;;) {
        size_t len = strcspn(values, "|");
        *found = *found || (strlen(text) == len && strncmp(values, text, len) == 0);
        llmd__nearest_try(&nearest, text, values, len);
        if (!values[len])
            return nearest;
        values += len + 1;
    }
}

static void list_values(const char *values, struct buf *buf)
{
    for (; *values; values++)
        llmd__buf_str(buf, *values == '|' ? ", " : (char[]){*values, 0});
}

static llmd_error *check_values(const struct field *field, const struct json *value)
{
    AUTO(buf) struct buf allowed = BUF_INIT;
    bool found;

    if (!field->values || llmd__json_type(value) != JSON_STRING)
        return NULL;
    struct nearest nearest = nearest_value(field->values, llmd__json_text(value), &found);
    if (found)
        return NULL;
    list_values(field->values, &allowed);
    TRY(llmd__buf_check(&allowed));
    llmd_error *error = llmd__error(LLMD_E_INVALID, "want one of %s, got \"%.80s\"",
                                    llmd__buf_text(&allowed), llmd__json_text(value));
    if (nearest.name)
        llmd__error_set_advice(error, "did you mean \"%.*s\"?", (int)nearest.len, nearest.name);
    return error;
}

static llmd_error *read_object(const struct field *fields, const struct json *object,
                               const struct place *place, void *base);

static llmd_error *read_field(const struct field *field, const struct json *value,
                              const struct place *place, void *base)
{
    /* "replicas:" with nothing behind it is unset, as Kubernetes reads it. */
    if (llmd__json_type(value) == JSON_NULL)
        return NULL;
    if (field->type == FIELD_OBJECT)
        TRY(read_object(field->fields, value, place, slot(field, base)));
    else
        TRY(at(place, value, read_plain(field->type, value, slot(field, base))));
    TRY(at(place, value, check_values(field, value)));
    return field->check ? at(place, value, field->check(value)) : NULL;
}

static const struct field *find(const struct field *fields, const char *name)
{
    for (; fields->name; fields++) {
        if (strcmp(fields->name, name) == 0)
            return fields;
    }
    return NULL;
}

static void list_names(const struct field *fields, struct buf *buf)
{
    for (const struct field *field = fields; field->name; field++)
        llmd__buf_format(buf, "%s%s", field == fields ? "" : ", ", field->name);
}

/* With no near name the whole list is the best advice. */
static llmd_error *unknown_key(const struct field *fields, const char *key)
{
    AUTO(buf) struct buf known = BUF_INIT;
    struct nearest nearest = {0};
    llmd_error *error = llmd__error(LLMD_E_INVALID, "unknown key");

    for (const struct field *field = fields; field->name; field++)
        llmd__nearest_try(&nearest, key, field->name, strlen(field->name));
    if (nearest.name)
        return llmd__error_set_advice(error, "did you mean \"%s\"?", nearest.name);
    list_names(fields, &known);
    return llmd__error_set_advice(error, "known keys are %s", llmd__buf_text(&known));
}

static llmd_error *read_object(const struct field *fields, const struct json *object,
                               const struct place *place, void *base)
{
    if (llmd__json_type(object) != JSON_OBJECT)
        return at(place, object, want("an object", object));
    JSON_EACH(value, object)
    {
        const char *key = llmd__json_key(value);
        const struct field *field = find(fields, key);
        struct place below = {place, place->what, key};
        if (!field)
            return at(&below, value, unknown_key(fields, key));
        TRY(read_field(field, value, &below, base));
    }
    return NULL;
}

llmd_error *llmd__fields_read(const struct field *fields, const struct json *object,
                              const char *what, void *base)
{
    struct place root = {.what = what};

    if (llmd__json_type(object) != JSON_OBJECT)
        return llmd__error_wrap(want("an object", object), "%s", what);
    return read_object(fields, object, &root, base);
}

/* In a snapshot what is mistyped is as good as missing: only no memory counts. */
static llmd_error *fill_field(const struct field *field, const struct json *value, void *base)
{
    if (field->type == FIELD_OBJECT)
        return llmd__fields_fill(field->fields, value, slot(field, base));
    AUTO(error) llmd_error *error = read_plain(field->type, value, slot(field, base));
    return llmd_error_code(error) == LLMD_E_NO_MEMORY ? TAKE(error) : NULL;
}

llmd_error *llmd__fields_fill(const struct field *fields, const struct json *object, void *base)
{
    for (; fields->name; fields++) {
        const struct json *value = llmd__json_get(object, fields->name);
        if (value)
            TRY(fill_field(fields, value, base));
    }
    return NULL;
}

static llmd_error *set_copy(struct json *object, const char *name, const struct json *value)
{
    struct json *copy = NULL;

    if (!value)
        return NULL;
    TRY(llmd__json_copy(value, &copy));
    llmd__json_set(object, name, copy);
    return NULL;
}

/* An object without members is as unset as a NULL. */
static llmd_error *set_nested(struct json *object, const struct field *field, const void *at_slot)
{
    AUTO(json) struct json *nested = NULL;

    TRY(llmd__fields_json(field->fields, at_slot, &nested));
    if (llmd__json_first(nested))
        llmd__json_set(object, field->name, TAKE(nested));
    return NULL;
}

static llmd_error *set_field(struct json *object, const struct field *field, const void *value)
{
    switch (field->type) {
    case FIELD_STRING:
        llmd__json_set_str(object, field->name, *(char *const *)value);
        return NULL;
    case FIELD_SECRET:
        llmd__json_set_str(object, field->name, *(char *const *)value ? "***" : NULL);
        return NULL;
    case FIELD_INT:
        if (*(const int *)value != field->unset)
            llmd__json_set_int(object, field->name, *(const int *)value);
        return NULL;
    case FIELD_INT64:
        if (*(const int64_t *)value != field->unset)
            llmd__json_set_int(object, field->name, *(const int64_t *)value);
        return NULL;
    case FIELD_BOOL:
        if (*(const bool *)value != (field->unset != 0))
            llmd__json_set_bool(object, field->name, *(const bool *)value);
        return NULL;
    case FIELD_DOUBLE:
        if (*(const double *)value != (double)field->unset)
            llmd__json_set_double(object, field->name, *(const double *)value);
        return NULL;
    case FIELD_OBJECT:
        return set_nested(object, field, value);
    default:
        return set_copy(object, field->name, *(struct json *const *)value);
    }
}

llmd_error *llmd__fields_json(const struct field *fields, const void *base, struct json **out)
{
    AUTO(json) struct json *object = llmd__json_object();

    *out = NULL;
    CHECK_MEMORY(object);
    for (; fields->name; fields++)
        TRY(set_field(object, fields, slot(fields, base)));
    TRY(llmd__json_check(object));
    *out = TAKE(object);
    return NULL;
}

void llmd__fields_free(const struct field *fields, void *base)
{
    for (; fields->name; fields++) {
        void *value = slot(fields, base);
        switch (fields->type) {
        case FIELD_STRING:
            llmd__free(TAKE(*(char **)value));
            break;
        case FIELD_SECRET:
            llmd__free_secret(TAKE(*(char **)value));
            break;
        case FIELD_STRINGS:
        case FIELD_MAP:
        case FIELD_JSON:
            llmd__json_free(TAKE(*(struct json **)value));
            break;
        case FIELD_OBJECT:
            llmd__fields_free(fields->fields, value);
            break;
        default:
            break;
        }
    }
}

static const char *type_words(enum field_type type)
{
    static const char *const words[] = {
        [FIELD_STRING] = "string",   [FIELD_SECRET] = "string, secret", [FIELD_INT] = "integer",
        [FIELD_INT64] = "integer",   [FIELD_BOOL] = "boolean",          [FIELD_DOUBLE] = "number",
        [FIELD_STRINGS] = "strings", [FIELD_MAP] = "map of strings",    [FIELD_JSON] = "any",
        [FIELD_OBJECT] = "object",
    };

    return words[type];
}

/* "a|b" would end the cell: Markdown wants the bar escaped. */
static void add_cell(struct buf *buf, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '|')
            llmd__buf_char(buf, '\\');
        llmd__buf_char(buf, *text);
    }
}

static void add_rows(const struct field *fields, const char *prefix, struct buf *buf)
{
    for (; fields->name; fields++) {
        llmd__buf_format(buf, "| `%s%s` | %s | ", prefix, fields->name, type_words(fields->type));
        add_cell(buf, fields->doc);
        if (fields->values) {
            llmd__buf_str(buf, fields->doc ? ": " : "");
            add_cell(buf, fields->values);
        }
        llmd__buf_str(buf, " |\n");
        if (fields->type == FIELD_OBJECT) {
            AUTO(str) char *below = llmd__format("%s%s.", prefix, fields->name);
            buf->failed = buf->failed || !below;
            add_rows(fields->fields, below ? below : "", buf);
        }
    }
}

void llmd__fields_doc(const struct field *fields, struct buf *buf)
{
    llmd__buf_str(buf, "| key | type | meaning |\n|---|---|---|\n");
    add_rows(fields, "", buf);
}
