/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/compare.h"

#include "platform/quantity.h"
#include "platform/release.h"

#include <string.h>

/* ---- what does not count ---- */

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}
#define IS_ONE_OF(text, list) is_one_of(text, list, sizeof(list) / sizeof((list)[0]))

/* The server drops empty values, and an empty list or object says nothing that could differ. */
static bool says_nothing(const struct json *wanted, const struct json *found)
{
    switch (llmd__json_type(wanted)) {
    case JSON_NONE:
    case JSON_NULL:
        return true;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return llmd__json_count(wanted) == 0;
    case JSON_STRING:
        return !found && !*llmd__json_text(wanted);
    case JSON_BOOL:
        return !found && !llmd__json_bool(wanted, NULL, false);
    default:
        return !found && llmd__json_double(wanted, NULL, 1) == 0;
    }
}

/* What others write: by their member's name, anywhere. */
static bool is_others(const char *key)
{
    static const char *const keys[] = {"caBundle", "replicas"};

    return IS_ONE_OF(key, keys);
}

/* ---- where ---- */

/* A member or element on the way from the object to the value that is compared. */
struct place {
    const struct place *up; /* NULL: the object itself */
    const char *key;        /* of a member, or by which its list knows the element */
    const struct json *id;  /* of an element that its list knows: the key's value */
    int nth;                /* of any other element */
};

static void print_place(struct buf *path, const struct place *place)
{
    if (!place)
        return;
    print_place(path, place->up);
    if (place->id)
        llmd__buf_format(path,
                         llmd__json_type(place->id) == JSON_STRING ? "[%s=\"%s\"]" : "[%s=%s]",
                         place->key, llmd__json_text(place->id));
    else if (place->key)
        llmd__buf_format(path, strpbrk(place->key, "./") ? ".\"%s\"" : ".%s", place->key);
    else
        llmd__buf_format(path, "[%d]", place->nth);
}

static llmd_error *report(const struct place *place, struct json *fields)
{
    AUTO(buf) struct buf path = BUF_INIT;

    print_place(&path, place);
    TRY(llmd__buf_check(&path));
    llmd__json_add_str(fields, llmd__buf_text(&path));
    return llmd__json_check(fields);
}

/* ---- values ---- */

static bool is_scalar(const struct json *json)
{
    enum json_type type = llmd__json_type(json);

    return type == JSON_STRING || type == JSON_INT || type == JSON_DOUBLE;
}

static llmd_error *compare_quantities(const struct place *place, const struct json *wanted,
                                      const struct json *found, struct json *fields)
{
    AUTO(str) char *a = llmd__quantity(llmd__json_text(wanted));
    AUTO(str) char *b = llmd__quantity(llmd__json_text(found));

    if (!a || !b)
        return NO_MEMORY;
    return strcmp(a, b) == 0 ? NULL : report(place, fields);
}

static bool holds_quantities(const struct place *place)
{
    return place && place->key && !place->id &&
           (strcmp(place->key, "limits") == 0 || strcmp(place->key, "requests") == 0);
}

static llmd_error *compare_value(const struct place *place, const struct json *wanted,
                                 const struct json *found, struct json *fields);

static llmd_error *compare_members(const struct place *up, const struct json *wanted,
                                   const struct json *found, struct json *fields)
{
    JSON_EACH(member, wanted) {
        const char *key = llmd__json_key(member);
        const struct place place = {.up = up, .key = key};
        const struct json *other = llmd__json_member(found, key);

        if (is_others(key))
            continue;
        if (holds_quantities(up) && is_scalar(member) && is_scalar(other))
            TRY(compare_quantities(&place, member, other, fields));
        else
            TRY(compare_value(&place, member, other, fields));
    }
    return NULL;
}

/* ---- lists ---- */

/* The members by which the API's lists of objects know their elements, the surest first. */
static const char *const keys[] = {"mountPath", "name", "containerPort", "port", "type"};

static const struct json *element_with(const struct json *list, const char *key,
                                       const struct json *id)
{
    JSON_EACH(item, list) {
        if (llmd__json_equal(llmd__json_member(item, key), id))
            return item;
    }
    return NULL;
}

static bool is_key_of_all(const struct json *list, const char *key)
{
    JSON_EACH(item, list) {
        const struct json *id = llmd__json_member(item, key);

        if (!is_scalar(id) || element_with(list, key, id) != item)
            return false;
    }
    return true;
}

static const char *key_of(const struct json *list)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (is_key_of_all(list, keys[i]))
            return keys[i];
    return NULL;
}

/* Without a key the place counts, and one more or less is another list. */
static llmd_error *compare_list(const struct place *up, const struct json *wanted,
                                const struct json *found, struct json *fields)
{
    const char *key = key_of(wanted);
    const struct json *next = llmd__json_first(found);
    struct place place = {.up = up, .key = key, .nth = -1};

    if (!key && llmd__json_count(wanted) != llmd__json_count(found))
        return report(up, fields);
    JSON_EACH(item, wanted) {
        const struct json *other = next;

        place.nth++;
        if (key) {
            place.id = llmd__json_member(item, key);
            other = element_with(found, key, place.id);
        }
        TRY(compare_value(&place, item, other, fields));
        next = llmd__json_next(next);
    }
    return NULL;
}

static llmd_error *compare_value(const struct place *place, const struct json *wanted,
                                 const struct json *found, struct json *fields)
{
    enum json_type type = llmd__json_type(wanted);

    if (says_nothing(wanted, found))
        return NULL;
    if (type == JSON_OBJECT && llmd__json_type(found) == JSON_OBJECT)
        return compare_members(place, wanted, found, fields);
    if (type == JSON_ARRAY && llmd__json_type(found) == JSON_ARRAY)
        return compare_list(place, wanted, found, fields);
    return llmd__json_equal(wanted, found) ? NULL : report(place, fields);
}

/* ---- an object ---- */

static bool says_whose(const char *label)
{
    static const char *const labels[] = {"app.kubernetes.io/managed-by",
                                         LLMD__PLATFORM_COMPONENT_LABEL};

    return IS_ONE_OF(label, labels);
}

static llmd_error *compare_metadata(const char *key, const struct json *wanted,
                                    const struct json *found, struct json *fields)
{
    const struct place metadata = {.key = "metadata"}, texts = {.up = &metadata, .key = key};
    const struct json *there = llmd__json_member(llmd__json_member(found, "metadata"), key);

    JSON_EACH(text, llmd__json_member(llmd__json_member(wanted, "metadata"), key)) {
        const struct place place = {.up = &texts, .key = llmd__json_key(text)};

        if (!says_whose(place.key))
            TRY(compare_value(&place, text, llmd__json_member(there, place.key), fields));
    }
    return NULL;
}

llmd_error *llmd__compare(const struct json *wanted, const struct json *found, struct json *fields)
{
    static const char *const aside[] = {"apiVersion", "kind", "metadata", "status", "stringData"};

    TRY(compare_metadata("labels", wanted, found, fields));
    TRY(compare_metadata("annotations", wanted, found, fields));
    JSON_EACH(member, wanted) {
        const struct place place = {.key = llmd__json_key(member)};

        if (!IS_ONE_OF(place.key, aside))
            TRY(compare_value(&place, member, llmd__json_member(found, place.key), fields));
    }
    return NULL;
}
