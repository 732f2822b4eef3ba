/* SPDX-License-Identifier: Apache-2.0 */
/* Equality as Kubernetes means it: the order of keys is nothing, the order of elements counts. */
#include "base/json.h"

#include <string.h>

/* 1 and 1.0 are equal; integers past 2^53 are not equal to their neighbours. */
static bool equal_numbers(const struct json *a, const struct json *b)
{
    int64_t x, y;

    if (llmd__json_to_int(a, &x) && llmd__json_to_int(b, &y))
        return x == y;
    if (llmd__json_type(a) == JSON_INT && llmd__json_type(b) == JSON_INT)
        return strcmp(llmd__json_text(a), llmd__json_text(b)) == 0;
    return llmd__json_double(a, NULL, 0) == llmd__json_double(b, NULL, 0);
}

static bool equal_arrays(const struct json *a, const struct json *b)
{
    const struct json *other = llmd__json_first(b);

    JSON_EACH(item, a) {
        if (!other || !llmd__json_equal(item, other))
            return false;
        other = llmd__json_next(other);
    }
    return !other;
}

/* Most objects that are compared have their keys in the same order: the next one is tried first. */
static bool equal_objects(const struct json *a, const struct json *b)
{
    const struct json *next = llmd__json_first(b);

    if (llmd__json_count(a) != llmd__json_count(b))
        return false;
    JSON_EACH(item, a) {
        const char *key = llmd__json_key(item);
        const struct json *other = next;
        if (!other || strcmp(llmd__json_key(other), key) != 0)
            other = llmd__json_member(b, key);
        if (!other || !llmd__json_equal(item, other))
            return false;
        next = llmd__json_next(other);
    }
    return true;
}

static bool is_number(enum json_type type)
{
    return type == JSON_INT || type == JSON_DOUBLE;
}

bool llmd__json_equal(const struct json *a, const struct json *b)
{
    enum json_type type = llmd__json_type(a);

    if (is_number(type) && is_number(llmd__json_type(b)))
        return equal_numbers(a, b);
    if (type != llmd__json_type(b))
        return false;
    switch (type) {
    case JSON_BOOL:
        return llmd__json_bool(a, NULL, false) == llmd__json_bool(b, NULL, false);
    case JSON_STRING:
        return strcmp(llmd__json_text(a), llmd__json_text(b)) == 0;
    case JSON_ARRAY:
        return equal_arrays(a, b);
    case JSON_OBJECT:
        return equal_objects(a, b);
    default:
        return true;
    }
}

bool llmd__json_holds(const struct json *json, const char *text)
{
    JSON_EACH(item, json) {
        if (strcmp(llmd__json_text(item), text) == 0)
            return true;
    }
    return false;
}
