/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of a group on its epoll. A connection stays registered between requests, which saves
 * two system calls each time; an event that nobody wants then takes it out.
 */
#ifndef LLMD_NET_SOCKETS_H
#define LLMD_NET_SOCKETS_H

#include "base/error.h"

struct socket_state {
    void *lane;          /* who wants its events */
    uint32_t wanted;     /* epoll mask that libcurl asked for; 0: none */
    uint32_t registered; /* what epoll has; 0: not there */
    bool connection;     /* we hear of its closing */
};

struct sockets {
    int epoll;
    struct socket_state *states; /* by descriptor */
    size_t count;
    int fault; /* errno of what went wrong in a callback */
};

/* false: no memory, and fault is set. */
bool llmd__sockets_opened(struct sockets *sockets, int fd);
void llmd__sockets_closed(struct sockets *sockets, int fd);
/* wanted: an epoll mask; 0: for now none. */
bool llmd__sockets_want(struct sockets *sockets, int fd, void *lane, uint32_t wanted);
/* An event came: whose it is, or NULL when nobody wants it (any more). */
void *llmd__sockets_lane(struct sockets *sockets, int fd);
llmd_error *llmd__sockets_check(struct sockets *sockets);
void llmd__sockets_free(struct sockets *sockets);

#endif
