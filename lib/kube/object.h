/* SPDX-License-Identifier: Apache-2.0 */
/* Reading objects: names, conditions. Pure. */
#ifndef LLMD_KUBE_OBJECT_H
#define LLMD_KUBE_OBJECT_H

#include "base/json.h"

const char *llmd__object_name(const struct json *object);
const char *llmd__object_ns(const struct json *object);
const char *llmd__object_uid(const struct json *object);
const char *llmd__object_version(const struct json *object); /* metadata.resourceVersion */
/* "Pod/llm/qwen-0", "Namespace/llm"; NULL without memory. */
char *llmd__object_subject(const struct json *object);
/* status.conditions[type]; NULL: none. */
const struct json *llmd__object_condition(const struct json *object, const char *type);
/* Whether the condition has this status ("True"). A condition whose observedGeneration is older
   than the object's generation does not count. */
bool llmd__object_condition_is(const struct json *object, const char *type, const char *status);
/* Whether an owner reference holds this uid; an empty uid owns nothing. */
bool llmd__object_owned_by(const struct json *object, const char *uid);

#endif
