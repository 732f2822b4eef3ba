/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables outwards: a struct as JSON, and a table as a page for people. */
#include "base/fields.h"

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

/* An empty item keeps its place: the others count from it. */
static llmd_error *set_list(struct json *object, const struct field *field,
                            const struct field_list *list)
{
    struct json *array = list->items ? llmd__json_set_array(object, field->name) : NULL;

    for (size_t i = 0; i < list->count; i++) {
        struct json *item = NULL;
        TRY(llmd__fields_json(field->fields, (char *)list->items + i * field->size, &item));
        llmd__json_add(array, item);
    }
    return NULL;
}

static llmd_error *set_field(struct json *object, const struct field *field, const void *value)
{
    switch (field->type) {
    case FIELD_STRING:
        llmd__json_set_str(object, field->name, *(char *const *)value);
        return NULL;
    case FIELD_SECRET:
        llmd__json_set_str(object, field->name, *(char *const *)value ? FIELD_HIDDEN : NULL);
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
    case FIELD_LIST:
        return set_list(object, field, value);
    default:
        return set_copy(object, field->name, *(struct json *const *)value);
    }
}

/* In the table's order, whatever the order in which things were said: golden files stay stable. */
llmd_error *llmd__fields_json(const struct field *fields, const void *base, struct json **out)
{
    AUTO(json) struct json *object = llmd__json_object();

    *out = NULL;
    CHECK_MEMORY(object);
    for (; fields->name; fields++)
        TRY(set_field(object, fields, llmd__field_slot(fields, base)));
    TRY(llmd__json_check(object));
    *out = TAKE(object);
    return NULL;
}

static const char *type_words(const struct field *field)
{
    static const char *const words[] = {
        [FIELD_STRING] = "string",   [FIELD_SECRET] = "string, secret", [FIELD_INT] = "integer",
        [FIELD_INT64] = "integer",   [FIELD_BOOL] = "boolean",          [FIELD_DOUBLE] = "number",
        [FIELD_STRINGS] = "strings", [FIELD_MAP] = "map of strings",    [FIELD_JSON] = "any",
        [FIELD_OBJECT] = "object",   [FIELD_LIST] = "list of objects",
    };

    if (field->type == FIELD_JSON && field->json)
        return field->json == JSON_BOOL ? "boolean" : field->json == JSON_ARRAY ? "list" : "object";
    return words[field->type];
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

/* A nested key is printed as it is set: gateway.name; one of a list with what stands for its place.
 */
static void add_rows(const struct field *fields, const char *prefix, struct buf *buf)
{
    for (; fields->name; fields++) {
        llmd__buf_format(buf, "| `%s%s` | %s | ", prefix, fields->name, type_words(fields));
        add_cell(buf, fields->doc);
        if (fields->values) {
            llmd__buf_str(buf, fields->doc ? ": " : "");
            add_cell(buf, fields->values);
        }
        llmd__buf_str(buf, " |\n");
        if (fields->fields) {
            const char *each = fields->type == FIELD_LIST ? "[]" : "";
            AUTO(str) char *below = llmd__format("%s%s%s.", prefix, fields->name, each);
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
