/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/tags.h"

#define FIRST_SIZE 64 /* a mux is made for many */

/* Tags are often small numbers or addresses: Fibonacci hashing spreads both. */
static size_t slot(size_t size, uint64_t tag)
{
    return (size_t)((tag * 0x9E3779B97F4A7C15u) >> 32) & (size - 1);
}

struct tagged *llmd__tags_find(const struct tags *tags, uint64_t tag)
{
    struct tagged *item = tags->size ? tags->buckets[slot(tags->size, tag)] : NULL;
    while (item && item->tag != tag)
        item = item->next;
    return item;
}

static void link_in(struct tagged **buckets, size_t size, struct tagged *item)
{
    struct tagged **bucket = &buckets[slot(size, item->tag)];
    item->next = *bucket;
    *bucket = item;
}

static llmd_error *grow(struct tags *tags)
{
    size_t size = tags->size ? tags->size * 2 : FIRST_SIZE;
    struct tagged **buckets = llmd__calloc(size, sizeof(struct tagged *));
    CHECK_MEMORY(buckets);
    for (size_t i = 0; i < tags->size; i++) {
        for (struct tagged *item = tags->buckets[i], *next; item; item = next) {
            next = item->next;
            link_in(buckets, size, item);
        }
    }
    llmd__free(tags->buckets);
    tags->buckets = buckets;
    tags->size = size;
    return NULL;
}

llmd_error *llmd__tags_add(struct tags *tags, struct tagged *item)
{
    if (llmd__tags_find(tags, item->tag))
        return llmd__error(LLMD_E_EXISTS, "mux: tag %llu is in flight",
                           (unsigned long long)item->tag);
    if (tags->count >= tags->size)
        TRY(grow(tags));
    link_in(tags->buckets, tags->size, item);
    tags->count++;
    return NULL;
}

void llmd__tags_remove(struct tags *tags, struct tagged *item)
{
    struct tagged **at = &tags->buckets[slot(tags->size, item->tag)];
    while (*at && *at != item)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = item->next;
    tags->count--;
}

void llmd__tags_free(struct tags *tags)
{
    llmd__free(tags->buckets);
    *tags = (struct tags){0};
}
