/* SPDX-License-Identifier: Apache-2.0 */
/* How the struct behind a field table begins, is copied, and ends. */
#include "base/fields.h"

void llmd__fields_init(const struct field *fields, void *base)
{
    for (const struct field *field = fields; field->name; field++) {
        void *value = llmd__field_slot(field, base);
        switch (field->type) {
        case FIELD_INT:
            *(int *)value = (int)field->unset;
            break;
        case FIELD_INT64:
            *(int64_t *)value = field->unset;
            break;
        case FIELD_BOOL:
            *(bool *)value = field->unset != 0;
            break;
        case FIELD_DOUBLE:
            *(double *)value = (double)field->unset;
            break;
        case FIELD_OBJECT:
            llmd__fields_init(field->fields, value);
            break;
        /* An item of a list is initialised when it is made: here there are none yet. */
        default: /* text, trees and lists begin as NULL */
            break;
        }
    }
}

static llmd_error *copy_text(const char *from, char **to)
{
    *to = llmd__strdup(from);
    return from && !*to ? NO_MEMORY : NULL;
}

/* Each item is copied by its own table, lists in lists too. */
static llmd_error *copy_list(const struct field *field, const struct field_list *from,
                             struct field_list *to)
{
    if (!from->items)
        return NULL;
    to->items = llmd__calloc(from->count ? from->count : 1, field->size);
    CHECK_MEMORY(to->items);
    /* The count comes first: what was copied so far must be freed after an error. */
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        size_t offset = i * field->size;
        TRY(llmd__fields_copy(field->fields, (char *)from->items + offset,
                              (char *)to->items + offset));
    }
    return NULL;
}

static llmd_error *copy_field(const struct field *field, const void *from, void *to)
{
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_SECRET:
        return copy_text(*(char *const *)from, to);
    case FIELD_INT:
        *(int *)to = *(const int *)from;
        return NULL;
    case FIELD_INT64:
        *(int64_t *)to = *(const int64_t *)from;
        return NULL;
    case FIELD_BOOL:
        *(bool *)to = *(const bool *)from;
        return NULL;
    case FIELD_DOUBLE:
        *(double *)to = *(const double *)from;
        return NULL;
    case FIELD_OBJECT:
        return llmd__fields_copy(field->fields, from, to);
    case FIELD_LIST:
        return copy_list(field, from, to);
    default:
        return *(struct json *const *)from ? llmd__json_copy(*(struct json *const *)from, to)
                                           : NULL;
    }
}

llmd_error *llmd__fields_copy(const struct field *fields, const void *from, void *to)
{
    for (; fields->name; fields++)
        TRY(copy_field(fields, llmd__field_slot(fields, from), llmd__field_slot(fields, to)));
    return NULL;
}

void llmd__list_free(const struct field *field, struct field_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        llmd__fields_free(field->fields, (char *)list->items + i * field->size);
    llmd__free(list->items);
    *list = (struct field_list){0};
}

/* Pointers become NULL, so that a spec may be freed, or a key unset, twice. */
void llmd__fields_free(const struct field *fields, void *base)
{
    for (; fields->name; fields++) {
        void *value = llmd__field_slot(fields, base);
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
        case FIELD_LIST:
            llmd__list_free(fields, value);
            break;
        default:
            break;
        }
    }
}
