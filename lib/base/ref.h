/* SPDX-License-Identifier: Apache-2.0 */
/* Reference counts for handles, so that children and parents are freed in any order. */
#ifndef LLMD_BASE_REF_H
#define LLMD_BASE_REF_H

#include <stdatomic.h>
#include <stdbool.h>

struct ref {
    atomic_int count;
};

static inline void llmd__ref_init(struct ref *ref)
{
    atomic_init(&ref->count, 1);
}

static inline void llmd__ref_get(struct ref *ref)
{
    atomic_fetch_add_explicit(&ref->count, 1, memory_order_relaxed);
}

/* True for the last one: the caller frees. */
static inline bool llmd__ref_put(struct ref *ref)
{
    return atomic_fetch_sub_explicit(&ref->count, 1, memory_order_acq_rel) == 1;
}

/*
 * Guards an iterator: one thread inside at a time, and a free that comes while it is busy is done
 * by the thread that leaves. `ctx_cancel` lets that free wake the thread inside.
 */
struct busy {
    atomic_int state; /* 0 idle, 1 busy, 2 busy and to be freed */
};

static inline bool llmd__busy_enter(struct busy *busy) /* false: in use */
{
    int idle = 0;
    return atomic_compare_exchange_strong(&busy->state, &idle, 1);
}

/* True: free the object now, it was freed while we were inside. */
static inline bool llmd__busy_leave(struct busy *busy)
{
    return atomic_exchange(&busy->state, 0) == 2;
}

/* Asked by the one inside: whether a free waits for it to leave. */
static inline bool llmd__busy_to_be_freed(struct busy *busy)
{
    return atomic_load(&busy->state) == 2;
}

/* True: nobody is inside, free now. False: the one inside will. */
static inline bool llmd__busy_free(struct busy *busy)
{
    int inside = 1;
    return !atomic_compare_exchange_strong(&busy->state, &inside, 2);
}

#endif
