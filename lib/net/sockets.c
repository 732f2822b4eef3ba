/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

static struct socket_state *state_of(struct sockets *sockets, int fd)
{
    size_t at = (size_t)fd;

    if (at < sockets->count)
        return &sockets->states[at];
    size_t count = sockets->count ? sockets->count : 64;
    while (count <= at)
        count *= 2;
    struct socket_state *states = llmd__realloc(sockets->states, count * sizeof *states);
    if (!states) {
        sockets->fault = ENOMEM;
        return NULL;
    }
    memset(states + sockets->count, 0, (count - sockets->count) * sizeof *states);
    sockets->states = states;
    sockets->count = count;
    return &states[at];
}

bool llmd__sockets_opened(struct sockets *sockets, int fd)
{
    struct socket_state *state = state_of(sockets, fd);

    if (state)
        *state = (struct socket_state){.connection = true};
    return state != NULL;
}

static void deregister(struct sockets *sockets, int fd, struct socket_state *state)
{
    if (state->registered)
        epoll_ctl(sockets->epoll, EPOLL_CTL_DEL, fd, NULL);
    state->registered = 0;
}

/* Closing alone is not enough: while a forked child has a copy, epoll keeps reporting it. */
void llmd__sockets_closed(struct sockets *sockets, int fd)
{
    if ((size_t)fd >= sockets->count)
        return;
    deregister(sockets, fd, &sockets->states[fd]);
    sockets->states[fd] = (struct socket_state){0};
}

static bool enlist(struct sockets *sockets, int fd, struct socket_state *state)
{
    struct epoll_event event = {.events = state->wanted, .data.fd = fd};
    int operation = state->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    int result = epoll_ctl(sockets->epoll, operation, fd, &event);
    if (result && (errno == ENOENT || errno == EEXIST)) {
        operation = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        result = epoll_ctl(sockets->epoll, operation, fd, &event);
    }
    if (result) {
        sockets->fault = errno;
        return false;
    }
    state->registered = state->wanted;
    return true;
}

bool llmd__sockets_want(struct sockets *sockets, int fd, void *lane, uint32_t wanted)
{
    struct socket_state *state = state_of(sockets, fd);

    if (!state)
        return false;
    state->lane = lane;
    state->wanted = wanted;
    if (wanted == 0) {
        /* libcurl closes its own helpers (the resolver's pair) without telling. */
        if (!state->connection)
            deregister(sockets, fd, state);
        return true;
    }
    if (state->connection && state->registered == wanted)
        return true;
    return enlist(sockets, fd, state);
}

void *llmd__sockets_lane(struct sockets *sockets, int fd)
{
    if ((size_t)fd >= sockets->count)
        return NULL;
    struct socket_state *state = &sockets->states[fd];
    if (state->wanted)
        return state->lane;
    deregister(sockets, fd, state);
    return NULL;
}

llmd_error *llmd__sockets_check(struct sockets *sockets)
{
    int fault = sockets->fault;

    sockets->fault = 0;
    if (fault == 0)
        return NULL;
    return fault == ENOMEM ? NO_MEMORY : llmd__error_errno(fault, "watching a connection");
}

void llmd__sockets_free(struct sockets *sockets)
{
    llmd__free(sockets->states);
    sockets->states = NULL;
    sockets->count = 0;
}
