/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths are walked where they stand, without copying or allocating: they are literals of the
 * callers, looked up for every object of a watch. A path that cannot be read finds nothing.
 */
#include "base/json.h"

#include <ctype.h>
#include <string.h>

static const struct json *member(const struct json *json, const char *key, size_t len)
{
    if (llmd__json_type(json) != JSON_OBJECT)
        return NULL;
    JSON_EACH(item, json) {
        const char *name = llmd__json_key(item);
        if (strncmp(name, key, len) == 0 && name[len] == '\0')
            return item;
    }
    return NULL;
}

static const struct json *element(const struct json *json, size_t index)
{
    if (llmd__json_type(json) != JSON_ARRAY)
        return NULL;
    JSON_EACH(item, json) {
        if (index-- == 0)
            return item;
    }
    return NULL;
}

/* "[12]" */
static const struct json *step_index(const struct json *json, const char **path)
{
    size_t index = 0;
    const char *at = *path + 1;

    if (!isdigit((unsigned char)*at))
        return NULL;
    for (; isdigit((unsigned char)*at); at++)
        index = index * 10 + (size_t)(*at - '0');
    if (*at != ']')
        return NULL;
    *path = at + 1;
    return element(json, index);
}

/* "\"app.kubernetes.io/name\"" */
static const struct json *step_quoted(const struct json *json, const char **path)
{
    const char *key = *path + 1;
    const char *close = strchr(key, '"');

    if (!close)
        return NULL;
    *path = close + 1;
    return member(json, key, (size_t)(close - key));
}

static const struct json *step_key(const struct json *json, const char **path)
{
    const char *key = *path;
    size_t len = strcspn(key, ".[");

    *path = key + len;
    return len ? member(json, key, len) : NULL;
}

const struct json *llmd__json_get(const struct json *json, const char *path)
{
    while (json && path && *path) {
        if (*path == '[')
            json = step_index(json, &path);
        else if (*path == '"')
            json = step_quoted(json, &path);
        else
            json = step_key(json, &path);
        if (*path == '.' && path[1])
            path++;
        else if (*path && *path != '[')
            return NULL;
    }
    return json;
}
