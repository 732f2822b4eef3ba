/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which transfer's limit strikes next: a heap by time. Activity moves a limit away thousands of
 * times before it strikes, so an entry's time is only looked at again when it comes up.
 */
#ifndef LLMD_NET_LIMITS_H
#define LLMD_NET_LIMITS_H

#include "base/error.h"

struct limit {
    int64_t when_us; /* not later than the true time */
    size_t place;    /* in the heap, from 1; 0: not in it */
};

struct limits {
    struct limit **heap;
    size_t count, cap;
};

llmd_error *llmd__limits_add(struct limits *limits, struct limit *limit);
void llmd__limits_remove(struct limits *limits, struct limit *limit);
/* After when_us has grown. */
void llmd__limits_later(struct limits *limits, struct limit *limit);
struct limit *llmd__limits_first(const struct limits *limits); /* NULL: none */
void llmd__limits_free(struct limits *limits);

#endif
