/* SPDX-License-Identifier: Apache-2.0 */
#include "net/limits.h"

static void put(struct limits *limits, size_t at, struct limit *limit)
{
    limits->heap[at] = limit;
    limit->place = at + 1;
}

static void rise(struct limits *limits, size_t at, struct limit *limit)
{
    while (at && limits->heap[(at - 1) / 2]->when_us > limit->when_us) {
        put(limits, at, limits->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(limits, at, limit);
}

static void sink(struct limits *limits, size_t at, struct limit *limit)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < limits->count &&
            limits->heap[child + 1]->when_us < limits->heap[child]->when_us)
            child++;
        if (child >= limits->count || limits->heap[child]->when_us >= limit->when_us)
            break;
        put(limits, at, limits->heap[child]);
        at = child;
    }
    put(limits, at, limit);
}

llmd_error *llmd__limits_add(struct limits *limits, struct limit *limit)
{
    if (limits->count == limits->cap) {
        size_t cap = limits->cap ? 2 * limits->cap : 16;
        struct limit **heap = llmd__realloc(limits->heap, cap * sizeof *heap);
        CHECK_MEMORY(heap);
        limits->heap = heap;
        limits->cap = cap;
    }
    rise(limits, limits->count++, limit);
    return NULL;
}

void llmd__limits_remove(struct limits *limits, struct limit *limit)
{
    if (!limit->place)
        return;
    size_t at = limit->place - 1;
    struct limit *last = limits->heap[--limits->count];
    limit->place = 0;
    if (last == limit)
        return;
    if (at && limits->heap[(at - 1) / 2]->when_us > last->when_us)
        rise(limits, at, last);
    else
        sink(limits, at, last);
}

void llmd__limits_later(struct limits *limits, struct limit *limit)
{
    sink(limits, limit->place - 1, limit);
}

struct limit *llmd__limits_first(const struct limits *limits)
{
    return limits->count ? limits->heap[0] : NULL;
}

void llmd__limits_free(struct limits *limits)
{
    llmd__free(limits->heap);
    *limits = (struct limits){0};
}
