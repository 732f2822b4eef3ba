/* SPDX-License-Identifier: Apache-2.0 */
/* JSON merge patch, RFC 7396 section 2. */
#include "base/json.h"

static llmd_error *merge_members(struct json *target, const struct json *patch);

/* What a patch makes of nothing: itself, but its nulls mean "absent" here too. */
static llmd_error *patched_nothing(const struct json *patch, struct json **out)
{
    AUTO(json) struct json *object = NULL;

    if (llmd__json_type(patch) != JSON_OBJECT)
        return llmd__json_copy(patch, out);
    object = llmd__json_object();
    CHECK_MEMORY(object);
    TRY(merge_members(object, patch));
    *out = TAKE(object);
    return NULL;
}

static llmd_error *merge_member(struct json *target, const struct json *patch)
{
    const char *key = llmd__json_key(patch);
    struct json *old = (struct json *)llmd__json_member(target, key);
    struct json *value = NULL;

    if (llmd__json_type(patch) == JSON_NULL) {
        llmd__json_remove(target, key);
        return NULL;
    }
    if (llmd__json_type(patch) == JSON_OBJECT && llmd__json_type(old) == JSON_OBJECT)
        return merge_members(old, patch);
    TRY(patched_nothing(patch, &value));
    CHECK_MEMORY(llmd__json_set(target, key, value));
    return NULL;
}

static llmd_error *merge_members(struct json *target, const struct json *patch)
{
    JSON_EACH(member, patch) {
        TRY(merge_member(target, member));
    }
    return NULL;
}

llmd_error *llmd__json_merge(struct json **target, const struct json *patch)
{
    struct json *value = NULL;

    if (!patch)
        return NULL;
    if (llmd__json_type(patch) == JSON_OBJECT && llmd__json_type(*target) == JSON_OBJECT)
        return merge_members(*target, patch);
    TRY(patched_nothing(patch, &value));
    llmd__json_free(*target);
    *target = value;
    return NULL;
}
