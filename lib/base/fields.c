/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table says where each key lives in the struct; everything here walks such a table. Reading a
 * spec is strict (a typo must not become a default), filling a snapshot forgives (a server may send
 * what we do not know yet). Text and trees are copied, the struct owns them.
 */
#include "base/fields.h"
#include "base/nearest.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

/* More would be a slip or an attack, and each item costs a whole struct. */
#define MAX_ITEMS 1000

/* Where we are, for errors: the keys down to here. */
struct place {
    const struct place *parent;
    const char *what;
    const char *key; /* NULL: an item of a list */
    size_t index;
    bool lines; /* the values come from a text that people can open */
};

static void add_path(const struct place *place, struct buf *buf)
{
    if (place->parent) {
        add_path(place->parent, buf);
        if (place->parent->parent && place->key)
            llmd__buf_char(buf, '.');
    }
    if (place->key)
        llmd__buf_str(buf, place->key);
    else if (place->parent)
        llmd__buf_format(buf, "[%zu]", place->index);
}

/* "WHAT:7: autoscaling.max: " and the cause, or a new message. */
static llmd_error *at(const struct place *place, const struct json *value, llmd_error *cause)
{
    AUTO(buf) struct buf path = BUF_INIT;
    int line = place->lines ? llmd__json_line(value) : 0;

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

/* How to write what is wanted; quotes too many or too few are the commonest slip in YAML. */
static const char *how_to_write(const char *wanted, enum json_type got)
{
    if (strcmp(wanted, "a string") == 0)
        return got == JSON_ARRAY || got == JSON_OBJECT ? "write one text" : "put it in quotes";
    if (strncmp(wanted, "an array", 8) == 0)
        return "write a list, such as [a, b]";
    if (strncmp(wanted, "an object", 9) == 0)
        return "write a mapping, such as {key: value}";
    if (strcmp(wanted, "true or false") == 0)
        return "write true or false, without quotes";
    return "write a number, without quotes";
}

/* A text is shown where a number was wanted; elsewhere it may be a secret that slipped a line. */
static llmd_error *want(const char *wanted, const struct json *value)
{
    enum json_type type = llmd__json_type(value);
    const char *advice = how_to_write(wanted, type);
    llmd_error *error;

    if (type == JSON_STRING && strncmp(wanted, "an array", 8) && strncmp(wanted, "an object", 9))
        error =
            llmd__error(LLMD_E_INVALID, "want %s, got \"%.80s\"", wanted, llmd__json_text(value));
    else
        error = llmd__error(LLMD_E_INVALID, "want %s, got %s", wanted, llmd__json_type_name(type));
    return llmd__error_set_advice(error, "%s", advice);
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

/* The copy comes first: what is there stays when there is no memory. */
static llmd_error *replace_json(struct json **json, const struct json *value)
{
    struct json *copy = NULL;

    TRY(llmd__json_copy(value, &copy));
    llmd__json_free(*json);
    *json = copy;
    return NULL;
}

/* The first one that is no string, or NULL. */
static const struct json *odd_one(const struct json *value)
{
    JSON_EACH(item, value) {
        if (llmd__json_type(item) != JSON_STRING)
            return item;
    }
    return NULL;
}

static llmd_error *refuse_odd_one(const char *wanted, const struct json *value,
                                  const struct json *odd)
{
    const char *is = llmd__json_type_name(llmd__json_type(odd));
    llmd_error *error;
    int number = 0;

    JSON_EACH(item, value) {
        number++;
        if (item == odd)
            break;
    }
    if (llmd__json_type(value) == JSON_OBJECT)
        error = llmd__error(LLMD_E_INVALID, "want %s, and \"%.80s\" is %s", wanted,
                            llmd__json_key(odd), is);
    else
        error = llmd__error(LLMD_E_INVALID, "want %s, and item %d is %s", wanted, number, is);
    return llmd__error_set_advice(error, "put numbers and true or false in quotes");
}

static bool is_number(const struct json *value)
{
    return llmd__json_type(value) == JSON_INT || llmd__json_type(value) == JSON_DOUBLE;
}

/* In JSON 3.0 is an integer too, so the range looks at the value, not at its text. */
static llmd_error *check_range(const struct field *field, int64_t number)
{
    int64_t max = field->max ? field->max : INT64_MAX;

    if ((!field->min && !field->max) || (number >= field->min && number <= max))
        return NULL;
    if (max == INT64_MAX)
        return llmd__error(LLMD_E_INVALID, "want %" PRId64 " or more, got %" PRId64, field->min,
                           number);
    return llmd__error(LLMD_E_INVALID, "want %" PRId64 " to %" PRId64 ", got %" PRId64, field->min,
                       max, number);
}

static llmd_error *read_int(const struct field *field, const struct json *value, void *target)
{
    int64_t number;

    if (!is_number(value))
        return want("an integer", value);
    if (!llmd__json_to_int(value, &number))
        return llmd__error(LLMD_E_INVALID, "want an integer of 64 bits, got %.80s",
                           llmd__json_text(value));
    TRY(check_range(field, number));
    if (field->type == FIELD_INT64) {
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
    const struct json *odd = odd_one(value);
    return odd ? refuse_odd_one(wanted, value, odd) : replace_json(target, value);
}

static llmd_error *read_json(const struct field *field, const struct json *value, void *target)
{
    const char *wanted =
        field->json == JSON_BOOL ? "true or false" : llmd__json_type_name(field->json);

    if (field->json && llmd__json_type(value) != field->json)
        return want(wanted, value);
    return replace_json(target, value);
}

/* What was printed and is read again would else go to a server as a password. */
static llmd_error *read_text(const struct field *field, const struct json *value, void *target)
{
    const char *text = llmd__json_text(value);

    if (llmd__json_type(value) != JSON_STRING)
        return want("a string", value);
    if (field->type == FIELD_SECRET && strcmp(text, FIELD_HIDDEN) == 0)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "\"" FIELD_HIDDEN "\" only stands for a secret"),
            "give the secret itself: specs are printed without theirs");
    return replace_text(target, text);
}

/* All types but FIELD_OBJECT and FIELD_LIST. Errors carry no position. */
static llmd_error *read_plain(const struct field *field, const struct json *value, void *target)
{
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_SECRET:
        return read_text(field, value, target);
    case FIELD_INT:
    case FIELD_INT64:
        return read_int(field, value, target);
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
        return read_json(field, value, target);
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
        const char *inside = strstr(values, text); /* "v6e-4" of "tpu-v6e-4t" */
        if (!nearest.name && 3 * strlen(text) >= len && inside && inside < values + len)
            nearest = (struct nearest){values, len, len};
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

/* The nearest of the allowed ones is offered: presets differ in a letter. */
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

/* Room for one struct an item, in place of those that were there. */
static llmd_error *new_items(const struct field *field, size_t count, struct field_list *list)
{
    struct field_list fresh = {.items = llmd__calloc(count ? count : 1, field->size),
                               .count = count};

    CHECK_MEMORY(fresh.items);
    for (size_t i = 0; i < count; i++)
        llmd__fields_init(field->fields, (char *)fresh.items + i * field->size);
    llmd__list_free(field, list);
    *list = fresh;
    return NULL;
}

static llmd_error *read_list(const struct field *field, const struct json *array,
                             const struct place *place, struct field_list *list)
{
    size_t count = llmd__json_count(array);
    char *item = NULL;

    if (llmd__json_type(array) != JSON_ARRAY)
        return at(place, array, want("an array of objects", array));
    if (count > MAX_ITEMS)
        return at(place, array,
                  llmd__error(LLMD_E_INVALID, "want %d items or fewer, got %zu", MAX_ITEMS, count));
    TRY(new_items(field, count, list));
    item = list->items;
    struct place below = {.parent = place, .what = place->what, .lines = place->lines};
    JSON_EACH(value, array) {
        TRY(read_object(field->fields, value, &below, item));
        item += field->size;
        below.index++;
    }
    return NULL;
}

/* Where the fault is: of a long list or map the item. */
static const struct json *culprit(const struct field *field, const struct json *value)
{
    bool of_strings = (field->type == FIELD_STRINGS && llmd__json_type(value) == JSON_ARRAY) ||
                      (field->type == FIELD_MAP && llmd__json_type(value) == JSON_OBJECT);
    const struct json *odd = of_strings ? odd_one(value) : NULL;

    return odd ? odd : value;
}

static llmd_error *read_value(const struct field *field, const struct json *value,
                              const struct place *place, void *target)
{
    if (field->type == FIELD_OBJECT)
        return read_object(field->fields, value, place, target);
    if (field->type == FIELD_LIST)
        return read_list(field, value, place, target);
    return at(place, culprit(field, value), read_plain(field, value, target));
}

static llmd_error *read_field(const struct field *field, const struct json *value,
                              const struct place *place, void *base)
{
    /* "replicas:" with nothing behind it is unset, as Kubernetes reads it. */
    if (llmd__json_type(value) == JSON_NULL)
        return NULL;
    TRY(read_value(field, value, place, llmd__field_slot(field, base)));
    TRY(at(place, value, check_values(field, value)));
    return field->check ? at(place, value, field->check(value)) : NULL;
}

const struct field *llmd__field_find(const struct field *fields, const char *key, size_t len)
{
    for (; fields->name; fields++) {
        if (strncmp(fields->name, key, len) == 0 && !fields->name[len])
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
llmd_error *llmd__field_unknown(const struct field *fields, const char *key)
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
    JSON_EACH(value, object) {
        const char *key = llmd__json_key(value);
        const struct field *field = llmd__field_find(fields, key, strlen(key));
        struct place below = {place, place->what, key, 0, place->lines};
        if (!field)
            return at(&below, value, llmd__field_unknown(fields, key));
        TRY(read_field(field, value, &below, base));
    }
    return NULL;
}

llmd_error *llmd__fields_read(const struct field *fields, const struct json *object,
                              const char *what, void *base)
{
    struct place root = {.what = what, .lines = true};

    if (llmd__json_type(object) != JSON_OBJECT)
        return llmd__error_wrap(want("an object", object), "%s", what);
    return read_object(fields, object, &root, base);
}

llmd_error *llmd__field_read(const struct field *field, const struct json *value, const char *what,
                             const char *path, void *base)
{
    struct place root = {.what = what};
    struct place place = {.parent = &root, .what = what, .key = path};

    return read_field(field, value, &place, base);
}

/* Items that are no objects stay empty, so that the others keep their places. */
static llmd_error *fill_list(const struct field *field, const struct json *array,
                             struct field_list *list)
{
    if (llmd__json_type(array) != JSON_ARRAY)
        return NULL;
    TRY(new_items(field, llmd__json_count(array), list));
    char *item = list->items;
    JSON_EACH(value, array) {
        TRY(llmd__fields_fill(field->fields, value, item));
        item += field->size;
    }
    return NULL;
}

/* In a snapshot what is mistyped is as good as missing: only no memory counts. */
static llmd_error *fill_field(const struct field *field, const struct json *value, void *base)
{
    void *target = llmd__field_slot(field, base);

    if (field->type == FIELD_OBJECT)
        return llmd__fields_fill(field->fields, value, target);
    if (field->type == FIELD_LIST)
        return fill_list(field, value, target);
    AUTO(error) llmd_error *error = read_plain(field, value, target);
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
