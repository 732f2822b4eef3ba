/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lane.h"

#include "net/fault.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS 256

static struct group *group_of(struct socket_owner *owner)
{
    return (struct group *)owner;
}

static void on_opened(struct socket_owner *owner, int fd)
{
    llmd__sockets_opened(&group_of(owner)->sockets, fd);
}

static void on_closed(struct socket_owner *owner, int fd)
{
    llmd__sockets_closed(&group_of(owner)->sockets, fd);
}

static llmd_error *watch(struct group *group, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(group->sockets.epoll, EPOLL_CTL_ADD, fd, &event))
        return llmd__error_errno(errno, "epoll");
    return NULL;
}

static llmd_error *open_descriptors(struct group *group)
{
    group->sockets.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (group->sockets.epoll < 0)
        return llmd__error_errno(errno, "epoll");
    group->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (group->event_fd < 0)
        return llmd__error_errno(errno, "eventfd");
    group->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (group->timer_fd < 0)
        return llmd__error_errno(errno, "timerfd");
    TRY(watch(group, group->event_fd));
    return watch(group, group->timer_fd);
}

DEFINE_AUTO(group, struct group *, llmd__group_free)

llmd_error *llmd__group_open(struct group **out)
{
    *out = NULL;
    AUTO(group) struct group *group = llmd__calloc(1, sizeof *group);
    CHECK_MEMORY(group);
    group->owner = (struct socket_owner){on_opened, on_closed};
    group->sockets.epoll = group->event_fd = group->timer_fd = -1;
    group->armed_us = INT64_MAX;
    group->pid = getpid();
    TRY(open_descriptors(group));
    *out = TAKE(group);
    return NULL;
}

/* In a forked child: closes the copies of the descriptors, and touches nothing that is shared with
   the parent (its epoll, its TLS sessions). The rest is left behind. */
static void abandon(struct group *group)
{
    for (size_t fd = 0; fd < group->sockets.count; fd++)
        if (group->sockets.states[fd].connection)
            close((int)fd);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void llmd__group_free(struct group *group)
{
    if (!group)
        return;
    if (group->pid != getpid()) {
        abandon(group);
    } else {
        while (group->all)
            llmd__transfer_free(group->all);
        for (size_t i = 0; i < group->lane_count; i++)
            llmd__lane_free(group->lanes[i]);
    }
    close_fd(group->timer_fd);
    close_fd(group->event_fd);
    close_fd(group->sockets.epoll);
    llmd__sockets_free(&group->sockets);
    llmd__limits_free(&group->limits);
    llmd__free(group->lanes);
    llmd__free(group);
}

llmd_error *llmd__group_check(const struct group *group)
{
    if (group->pid == getpid())
        return NULL;
    return llmd__opened_before_fork();
}

size_t llmd__group_active(const struct group *group)
{
    return group->active;
}

int llmd__group_class(const struct group *group)
{
    return group->class;
}

void llmd__group_wake(struct group *group)
{
    const uint64_t one = 1;

    /* Full means that a wake is pending already. */
    if (write(group->event_fd, &one, sizeof one) < 0)
        return;
}

/* Handlers may free any transfer, so messages are read one at a time. */
static void read_messages(struct group *group, struct lane *lane)
{
    CURLMsg *message;
    int left;

    llmd__group_settle(group);
    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        char *exchange_pointer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange_pointer);
        struct exchange *exchange = (struct exchange *)(void *)exchange_pointer;
        exchange->over = true;
        exchange->result = message->data.result;
        struct transfer *transfer = exchange->sink.data;
        llmd__lane_leave(transfer);
        llmd__transfer_finish(transfer);
    }
}

static llmd_error *act(struct group *group, struct lane *lane, curl_socket_t fd, int what)
{
    int running;

    group->inside_curl = true;
    CURLMcode code = curl_multi_socket_action(lane->multi, fd, what, &running);
    group->inside_curl = false;
    read_messages(group, lane);
    /* A callback of ours failed: its own reason is the better one. */
    TRY(llmd__sockets_check(&group->sockets));
    return llmd__curlm_error(code);
}

static llmd_error *run_timers(struct group *group)
{
    for (size_t i = 0; i < group->lane_count; i++) {
        struct lane *lane = group->lanes[i];
        if (lane->due_us > llmd__clock_mono_us())
            continue;
        lane->due_us = INT64_MAX;
        TRY(act(group, lane, CURL_SOCKET_TIMEOUT, 0));
    }
    return NULL;
}

/* The true time of a limit that has come up; silence is counted from the last byte. */
static int64_t true_limit(const struct transfer *transfer, int64_t now_us)
{
    int64_t limit_us = llmd__exchange_limit_us(transfer->exchange);
    int64_t idle_ms = transfer->exchange->idle_timeout_ms;

    /* Not answered yet: the idle limit may begin at any time, so look again after as long. */
    if (!transfer->exchange->answered && idle_ms > 0 && now_us + idle_ms * 1000 < limit_us)
        return now_us + idle_ms * 1000;
    return limit_us;
}

static void run_limits(struct group *group)
{
    int64_t now_us = llmd__clock_mono_us();
    struct limit *limit;

    while ((limit = llmd__limits_first(&group->limits)) != NULL && limit->when_us <= now_us) {
        struct transfer *transfer = (struct transfer *)limit;
        int64_t when_us = true_limit(transfer, now_us);
        if (when_us <= now_us) {
            llmd__transfer_fail(transfer, llmd__exchange_expired(transfer->exchange));
            continue;
        }
        limit->when_us = when_us;
        llmd__limits_later(&group->limits, limit);
    }
}

static int64_t next_due_us(const struct group *group)
{
    const struct limit *limit = llmd__limits_first(&group->limits);
    int64_t due_us = limit ? limit->when_us : INT64_MAX;

    for (size_t i = 0; i < group->lane_count; i++)
        if (group->lanes[i]->due_us < due_us)
            due_us = group->lanes[i]->due_us;
    return due_us;
}

/* Only for those who poll the descriptor elsewhere: a turn itself waits no longer than the due. */
void llmd__group_rearm(struct group *group)
{
    if (!group->watched_outside)
        return;
    int64_t due_us = next_due_us(group);
    if (due_us == group->armed_us)
        return;
    group->armed_us = due_us;
    struct itimerspec when = {0};
    if (due_us != INT64_MAX) {
        /* All zero would disarm. */
        int64_t at_us = due_us > 0 ? due_us : 1;
        when.it_value.tv_sec = at_us / 1000000;
        when.it_value.tv_nsec = at_us % 1000000 * 1000;
    }
    timerfd_settime(group->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int llmd__group_fd(struct group *group)
{
    group->watched_outside = true;
    llmd__group_rearm(group);
    return group->sockets.epoll;
}

static void drain(struct group *group, int fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof count) < 0)
        return;
    if (fd == group->event_fd)
        group->woken = true;
    else
        group->armed_us = INT64_MAX;
}

static llmd_error *handle(struct group *group, const struct epoll_event *event)
{
    int fd = event->data.fd;
    int what = 0;

    if (fd == group->event_fd || fd == group->timer_fd) {
        drain(group, fd);
        return NULL;
    }
    struct lane *lane = llmd__sockets_lane(&group->sockets, fd);
    if (!lane)
        return NULL;
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        what |= CURL_CSELECT_IN;
    if (event->events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (event->events & EPOLLERR)
        what |= CURL_CSELECT_ERR;
    return act(group, lane, fd, what);
}

static llmd_error *wait_and_handle(llmd_context *ctx, struct group *group, int64_t until_us)
{
    struct epoll_event events[EVENTS];
    int64_t due_us = next_due_us(group);
    int64_t want_ms = -1;

    if (until_us < due_us)
        due_us = until_us;
    if (due_us != INT64_MAX) {
        int64_t left_us = due_us - llmd__clock_mono_us();
        want_ms = left_us > 0 ? (left_us + 999) / 1000 : 0;
    }
    int count =
        epoll_wait(group->sockets.epoll, events, EVENTS, llmd__context_wait_ms(ctx, want_ms));
    if (count < 0 && errno != EINTR)
        return llmd__error_errno(errno, "epoll");
    for (int i = 0; i < count; i++)
        TRY(handle(group, &events[i]));
    return NULL;
}

static llmd_error *work(llmd_context *ctx, struct group *group, int64_t until_us)
{
    group->happened = group->woken = false;
    for (;;) {
        TRY(llmd__context_check(ctx));
        TRY(run_timers(group));
        run_limits(group);
        if (group->happened || group->woken)
            return NULL;
        TRY(wait_and_handle(ctx, group, until_us));
        if (group->happened)
            return NULL;
        if (group->woken || llmd__clock_mono_us() >= until_us)
            return llmd__context_check(ctx);
    }
}

static void wake(void *group)
{
    llmd__group_wake(group);
}

llmd_error *llmd__group_turn(llmd_context *ctx, struct group *group, int64_t wait_ms)
{
    struct context_waker waker = {.wake = wake, .data = group};
    int64_t until_us = wait_ms < 0 ? INT64_MAX : llmd__clock_mono_us() + wait_ms * 1000;

    TRY(llmd__group_check(group));
    llmd__context_add_waker(ctx, &waker);
    llmd_error *error = work(ctx, group, until_us);
    llmd__context_remove_waker(ctx, &waker);
    llmd__group_rearm(group);
    return error;
}
