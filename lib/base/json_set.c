/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The setters that make their value; how one is put into the tree is json.c's matter. A NULL object
 * is one that could not be made: nothing is allocated for it, and its parent has latched already.
 */
#include "base/json.h"

#include <string.h>

struct json *llmd__json_set_object(struct json *object, const char *key)
{
    return object ? llmd__json_set(object, key, llmd__json_object()) : NULL;
}

struct json *llmd__json_set_array(struct json *object, const char *key)
{
    return object ? llmd__json_set(object, key, llmd__json_array()) : NULL;
}

struct json *llmd__json_set_str(struct json *object, const char *key, const char *text)
{
    if (!object || !text)
        return NULL;
    return llmd__json_set(object, key, llmd__json_new_str(text, strlen(text)));
}

struct json *llmd__json_set_int(struct json *object, const char *key, int64_t value)
{
    return object ? llmd__json_set(object, key, llmd__json_new_int(value)) : NULL;
}

struct json *llmd__json_set_double(struct json *object, const char *key, double value)
{
    return object ? llmd__json_set(object, key, llmd__json_new_double(value)) : NULL;
}

struct json *llmd__json_set_bool(struct json *object, const char *key, bool value)
{
    return object ? llmd__json_set(object, key, llmd__json_new_bool(value)) : NULL;
}

struct json *llmd__json_set_null(struct json *object, const char *key)
{
    return object ? llmd__json_set(object, key, llmd__json_new_null()) : NULL;
}

struct json *llmd__json_add_str(struct json *array, const char *text)
{
    if (!array || !text)
        return NULL;
    return llmd__json_add(array, llmd__json_new_str(text, strlen(text)));
}

struct json *llmd__json_add_object(struct json *array)
{
    return array ? llmd__json_add(array, llmd__json_object()) : NULL;
}

void llmd__json_remove(struct json *object, const char *key)
{
    llmd__json_free(llmd__json_detach(object, key));
}
