/* SPDX-License-Identifier: Apache-2.0 */
/* Streams by their tag: a hash table whose links stand in the streams. */
#ifndef LLMD_OPENAI_TAGS_H
#define LLMD_OPENAI_TAGS_H

#include "base/error.h"

struct tagged { /* embedded, first member */
    uint64_t tag;
    struct tagged *next;
};

struct tags {
    struct tagged **buckets;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

struct tagged *llmd__tags_find(const struct tags *tags, uint64_t tag);
/* EXISTS when the tag is there already. */
llmd_error *llmd__tags_add(struct tags *tags, struct tagged *item);
void llmd__tags_remove(struct tags *tags, struct tagged *item);
void llmd__tags_free(struct tags *tags); /* the table, not the items */

#endif
