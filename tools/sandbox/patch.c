/* SPDX-License-Identifier: Apache-2.0 */
/* The three older ways to patch. */
#include "sandbox/verbs.h"

#include "sandbox/fieldset.h"
#include "sandbox/llmisvc.h"

#include <stdlib.h>
#include <string.h>

/* Strategic merge: as RFC 7396, but keyed lists merge, and {"$patch":"delete"} removes. */

static struct json *strategic_list(const struct json *own, const struct json *patch,
                                   const char *const *keys)
{
    struct json *list = llmd__json_array();
    JSON_EACH(element, own) {
        char *key = element_key(element, keys);
        const struct json *change = element_by_key(patch, keys, key);
        free(key);
        if (strcmp(llmd__json_str(change, "$patch"), "delete") == 0)
            continue;
        struct json *copy = must_copy(element);
        if (change && keys[0])
            strategic_merge(copy, change);
        llmd__json_add(list, copy);
    }
    JSON_EACH(element, patch) {
        char *key = element_key(element, keys);
        if (!element_by_key(own, keys, key) && !llmd__json_member(element, "$patch"))
            llmd__json_add(list, must_copy(element));
        free(key);
    }
    return list;
}

static void strategic_member(struct json *object, const char *key, const struct json *change)
{
    struct json *own = (struct json *)llmd__json_member(object, key);
    enum json_type type = llmd__json_type(change);
    bool set = false;
    const char *const *keys = own && type == JSON_ARRAY ? list_keys(key, change, &set) : NULL;
    if (type == JSON_NULL)
        llmd__json_remove(object, key);
    else if (keys)
        llmd__json_set(object, key, strategic_list(own, change, keys));
    else if (type == JSON_OBJECT)
        strategic_merge(member_object(object, key), change);
    else
        llmd__json_set(object, key, must_copy(change));
}

void strategic_merge(struct json *object, const struct json *patch)
{
    JSON_EACH(change, patch)
        if (llmd__json_key(change)[0] != '$')
            strategic_member(object, llmd__json_key(change), change);
}

/* ---- RFC 6902 ---- */

/* Parts the last step from a JSON pointer and finds its parent: NULL when there is none. */
static struct json *parent_of(struct json *root, char *pointer, char **last)
{
    struct json *at = root;
    char *slash = strrchr(pointer, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    *last = slash + 1;
    for (char *step = pointer; *step == '/' && at;) {
        char *end = step + 1 + strcspn(step + 1, "/");
        char saved = *end;
        *end = '\0';
        char *name = step + 1;
        if (llmd__json_type(at) == JSON_ARRAY) {
            long index = atol(name);
            const struct json *item = llmd__json_first(at);
            while (item && index-- > 0)
                item = llmd__json_next(item);
            at = (struct json *)item;
        } else {
            at = (struct json *)llmd__json_member(at, name);
        }
        *end = saved;
        step = end;
    }
    return at;
}

static void unescape(char *step)
{
    char *out = step;
    for (; *step; step++) {
        if (step[0] == '~' && (step[1] == '0' || step[1] == '1'))
            *out++ = *++step == '1' ? '/' : '~';
        else
            *out++ = *step;
    }
    *out = '\0';
}

/* Copies a list, with `value` put in at index (-1: the end) or the element there left out. */
static struct json *rebuild_list(const struct json *list, long index, const struct json *value,
                                 bool replace)
{
    struct json *out = llmd__json_array();
    long at = 0;
    JSON_EACH(item, list) {
        if (at == index && value)
            llmd__json_add(out, must_copy(value));
        if (at != index || (value && !replace))
            llmd__json_add(out, must_copy(item));
        at++;
    }
    if (value && (index < 0 || index >= at))
        llmd__json_add(out, must_copy(value));
    return out;
}

static bool change_list(struct json *root, char *pointer, const char *step, const struct json *list,
                        const struct json *value, bool replace)
{
    long index = strcmp(step, "-") == 0 ? -1 : atol(step);
    struct json *fresh = rebuild_list(list, index, value, replace);
    char *name;
    struct json *parent = parent_of(root, pointer, &name);
    if (!parent || llmd__json_type(parent) != JSON_OBJECT) {
        llmd__json_free(fresh);
        return false;
    }
    unescape(name);
    llmd__json_set(parent, name, fresh);
    return true;
}

static bool json_operation(struct json *root, const struct json *operation)
{
    const char *op = llmd__json_str(operation, "op");
    const struct json *value = llmd__json_member(operation, "value");
    AUTO(str) char *pointer = llmd__strdup(llmd__json_str(operation, "path"));
    char *step = NULL;
    struct json *parent = parent_of(root, pointer, &step);
    if (!parent)
        return false;
    if (llmd__json_type(parent) == JSON_ARRAY)
        return change_list(root, pointer, step, parent, strcmp(op, "remove") == 0 ? NULL : value,
                           strcmp(op, "replace") == 0);
    unescape(step);
    const struct json *old = llmd__json_member(parent, step);
    if (strcmp(op, "test") == 0)
        return old && llmd__json_equal(old, value);
    if (strcmp(op, "add") != 0 && !old)
        return false;
    if (strcmp(op, "remove") == 0)
        llmd__json_remove(parent, step);
    else
        llmd__json_set(parent, step, must_copy(value));
    return true;
}

struct answer patch_apply(const char *type, const struct json *patch, struct json **object)
{
    if (strstr(type, "merge-patch") && !strstr(type, "strategic")) {
        must(llmd__json_merge(object, patch));
        return (struct answer){0};
    }
    if (strstr(type, "strategic")) {
        strategic_merge(*object, patch);
        return (struct answer){0};
    }
    JSON_EACH(operation, patch)
        if (!json_operation(*object, operation))
            return answer_status(422, "Invalid", NULL,
                                 "the server rejected our request due to an error in our request");
    return (struct answer){0};
}
