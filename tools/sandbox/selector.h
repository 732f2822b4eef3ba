/* SPDX-License-Identifier: Apache-2.0 */
/* Label and field selectors as list and watch take them. Pure. */
#ifndef SANDBOX_SELECTOR_H
#define SANDBOX_SELECTOR_H

#include "base/json.h"

#include <stdbool.h>

/* "a=b,c!=d,e in (f,g),h notin (i),j,!k" against an object's labels; NULL or "" matches all. */
bool selector_labels(const char *selector, const struct json *object);
/* "metadata.name=x,status.phase!=Running" */
bool selector_fields(const char *selector, const struct json *object);
/* {matchLabels, matchExpressions} or, plain=true, a map of labels, against an object's labels. */
bool selector_matches(const struct json *selector, bool plain, const struct json *object);

#endif
