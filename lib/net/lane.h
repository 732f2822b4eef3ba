/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a group. A lane is one curl multi handle; with more than about 256 transfers in
 * one, libcurl spends its time on its own lists. All lanes share one epoll.
 *
 * Handlers may start and stop transfers, but libcurl must not be entered again from inside its own
 * callbacks: what is asked for there waits in `to_add` and `to_remove` until it has returned.
 */
#ifndef LLMD_NET_LANE_H
#define LLMD_NET_LANE_H

#include "net/exchange.h"
#include "net/group.h"
#include "net/limits.h"
#include "net/sockets.h"

struct lane {
    struct group *group;
    CURLM *multi;
    int active;
    int64_t due_us; /* when libcurl wants to be called; INT64_MAX */
};

struct transfer {
    struct limit limit; /* first: found again from the heap */
    struct group *group;
    struct lane *lane; /* NULL: not yet added */
    struct exchange *exchange;
    struct transfer_events events;
    bool stopped;
    struct transfer *previous, *next; /* of all */
    struct transfer *waiting;         /* in to_add or to_remove */
};

struct group {
    struct socket_owner owner; /* first: see group_of() */
    struct sockets sockets;
    struct limits limits;
    struct lane **lanes;
    size_t lane_count;
    struct transfer *all, *to_add, *to_remove;
    size_t active;
    int event_fd, timer_fd;
    int64_t armed_us;
    pid_t pid;
    struct group *next_idle;  /* in its place's pool */
    const struct http *place; /* it has talked to; only compared */
    bool mixed;               /* to more than one */
    int class;
    bool watched_outside; /* llmd__group_fd() was called */
    bool inside_curl;
    bool happened; /* a handler was called in this turn */
    bool woken;
};

void llmd__lane_free(struct lane *lane);
/* Adds the transfer to the fullest lane that has room. */
llmd_error *llmd__lane_join(struct transfer *transfer);
void llmd__lane_leave(struct transfer *transfer);

void llmd__transfer_free(struct transfer *transfer);
/* libcurl is done with it: tells the owner, and frees it. */
void llmd__transfer_finish(struct transfer *transfer);
/* Takes it from libcurl with an error of ours. */
void llmd__transfer_fail(struct transfer *transfer, llmd_error *error);

/* Does what handlers asked for inside libcurl. */
void llmd__group_settle(struct group *group);
void llmd__group_rearm(struct group *group);
llmd_error *llmd__group_check(const struct group *group); /* this process made it */

#endif
