/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/object.h"

#include <string.h>
#include <strings.h>

const char *llmd__object_name(const struct json *object)
{
    return llmd__json_str(object, "metadata.name");
}

const char *llmd__object_ns(const struct json *object)
{
    return llmd__json_str(object, "metadata.namespace");
}

const char *llmd__object_uid(const struct json *object)
{
    return llmd__json_str(object, "metadata.uid");
}

const char *llmd__object_version(const struct json *object)
{
    return llmd__json_str(object, "metadata.resourceVersion");
}

char *llmd__object_subject(const struct json *object)
{
    const char *kind = llmd__json_str(object, "kind");
    const char *ns = llmd__object_ns(object);

    if (*ns)
        return llmd__format("%s/%s/%s", kind, ns, llmd__object_name(object));
    return llmd__format("%s/%s", kind, llmd__object_name(object));
}

/* Types are compared without case, as kubectl does. */
const struct json *llmd__object_condition(const struct json *object, const char *type)
{
    JSON_EACH(condition, llmd__json_get(object, "status.conditions")) {
        if (strcasecmp(llmd__json_str(condition, "type"), type) == 0)
            return condition;
    }
    return NULL;
}

/* Deployments and others note the generation once for the whole status. */
static bool condition_is_current(const struct json *object, const struct json *condition)
{
    int64_t generation = llmd__json_int(object, "metadata.generation", 0);
    int64_t of_status = llmd__json_int(object, "status.observedGeneration", generation);

    return llmd__json_int(condition, "observedGeneration", of_status) >= generation;
}

bool llmd__object_condition_is(const struct json *object, const char *type, const char *status)
{
    const struct json *condition = llmd__object_condition(object, type);

    return condition && strcasecmp(llmd__json_str(condition, "status"), status) == 0 &&
           condition_is_current(object, condition);
}

bool llmd__object_owned_by(const struct json *object, const char *uid)
{
    JSON_EACH(owner, llmd__json_get(object, "metadata.ownerReferences")) {
        if (*uid && strcmp(llmd__json_str(owner, "uid"), uid) == 0)
            return true;
    }
    return false;
}
