/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions as Kubernetes writes them: lastTransitionTime moves only when the status does, so a
 * client can tell "still" from "again".
 */
#include "sandbox/sandbox.h"

#include <string.h>

struct json *member_object(struct json *object, const char *key)
{
    struct json *member = (struct json *)llmd__json_member(object, key);
    return member ? member : llmd__json_set_object(object, key);
}

struct json *conditions_edit(struct json *object)
{
    struct json *status = member_object(object, "status");
    struct json *conditions = (struct json *)llmd__json_member(status, "conditions");
    return conditions ? conditions : llmd__json_set_array(status, "conditions");
}

static struct json *find_condition(const struct json *conditions, const char *type)
{
    JSON_EACH(condition, conditions)
        if (strcmp(llmd__json_str(condition, "type"), type) == 0)
            return (struct json *)condition;
    return NULL;
}

static void set_or_remove(struct json *object, const char *key, const char *text)
{
    if (text)
        llmd__json_set_str(object, key, text);
    else
        llmd__json_remove(object, key);
}

bool condition_set(struct json *conditions, const char *type, const char *status,
                   const char *reason, const char *message, int64_t observed)
{
    char stamp[32];
    struct json *condition = find_condition(conditions, type);
    bool moved = !condition || strcmp(llmd__json_str(condition, "status"), status) != 0;
    clock_stamp(stamp);
    if (!condition) {
        condition = llmd__json_add_object(conditions);
        llmd__json_set_str(condition, "type", type);
    }
    llmd__json_set_str(condition, "status", status);
    set_or_remove(condition, "reason", reason);
    set_or_remove(condition, "message", message);
    if (observed)
        llmd__json_set_int(condition, "observedGeneration", observed);
    if (moved)
        llmd__json_set_str(condition, "lastTransitionTime", stamp);
    return moved;
}

void condition_remove(struct json *parent, const char *type)
{
    struct json *rest = llmd__json_array();
    JSON_EACH(condition, llmd__json_member(parent, "conditions"))
        if (strcmp(llmd__json_str(condition, "type"), type) != 0)
            llmd__json_add(rest, must_copy(condition));
    llmd__json_set(parent, "conditions", rest);
}

const char *condition_status(const struct json *object, const char *type)
{
    return llmd__json_str(find_condition(llmd__json_get(object, "status.conditions"), type),
                          "status");
}
