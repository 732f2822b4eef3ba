/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of fields as managedFields writes them ("FieldsV1"): {"f:spec":{"f:replicas":{}}}, elements
 * of keyed lists as "k:{...}", of sets as "v:...". What is no keyed list is one field as a whole.
 * Pure.
 */
#ifndef SANDBOX_FIELDSET_H
#define SANDBOX_FIELDSET_H

#include "base/json.h"

#include <stdbool.h>

/* The keys by which a list of this name merges: NULL-ended names; {NULL} with *set = true for a
   set of scalars; NULL: the list is one value. */
const char *const *list_keys(const char *list, const struct json *value, bool *set);
/* "k:{\"name\":\"main\"}" of an element, or "v:\"x\""; to be freed. */
char *element_key(const struct json *element, const char *const *keys);
/* The element of a list with that key, or NULL. */
const struct json *element_by_key(const struct json *list, const char *const *keys,
                                  const char *key);

/* All fields of an object that a manager can own. */
struct json *fieldset_of(const struct json *object);
/* The fields of `now` that `before` has not, or has with another value. */
struct json *fieldset_changed(const struct json *before, const struct json *now);
void fieldset_add(struct json *set, const struct json *more); /* union */
void fieldset_subtract(struct json *set, const struct json *less);
bool fieldset_empty(const struct json *set);
/* Removes from the object what is in `set` and not in `keep`. */
void fieldset_remove_from(struct json *object, const struct json *set, const struct json *keep);
/* What the set no longer finds in the object falls out of the set. */
void fieldset_prune(struct json *set, const struct json *object);
/* Calls back with ".spec.template.spec.containers[name=\"main\"].image" for each leaf in both. */
typedef void (*fieldset_path_fn)(const char *path, void *data);
void fieldset_common(const struct json *a, const struct json *b, fieldset_path_fn call, void *data);

#endif
