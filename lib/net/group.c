/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane is one curl multi handle; with more than about 256 transfers in one, libcurl spends its
 * time on its own lists. All lanes share one epoll.
 *
 * Handlers may start and stop transfers, but libcurl must not be entered again from inside its own
 * callbacks: what is asked for there waits in `to_add` and `to_remove` until it has returned.
 */
#include "net/group.h"

#include "net/exchange.h"
#include "net/fault.h"
#include "net/limits.h"
#include "net/sockets.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LANE_TRANSFERS 256
#define LANE_CONNECTIONS 512L
#define EVENTS 256

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
    int class;
    bool watched_outside; /* llmd__group_fd() was called */
    bool inside_curl;
    bool happened; /* a handler was called in this turn */
    bool woken;
};

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

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *unused)
{
    struct lane *lane = data;
    uint32_t wanted = 0;

    (void)easy, (void)unused;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= EPOLLOUT;
    return llmd__sockets_want(&lane->group->sockets, fd, lane, wanted) ? 0 : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *data)
{
    struct lane *lane = data;

    (void)multi;
    lane->due_us = timeout_ms < 0 ? INT64_MAX : llmd__clock_mono_us() + timeout_ms * 1000;
    return 0;
}

static void lane_free(struct lane *lane)
{
    if (lane->multi)
        curl_multi_cleanup(lane->multi);
    llmd__free(lane);
}

static llmd_error *lane_new(struct group *group, struct lane **out)
{
    struct lane *lane = llmd__calloc(1, sizeof *lane);

    CHECK_MEMORY(lane);
    lane->group = group;
    lane->due_us = INT64_MAX;
    lane->multi = curl_multi_init();
    if (!lane->multi) {
        llmd__free(lane);
        return NO_MEMORY;
    }
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, LANE_CONNECTIONS);
    *out = lane;
    return NULL;
}

/* The fullest lane first: its connections are the warm ones. */
static llmd_error *find_lane(struct group *group, struct lane **out)
{
    for (size_t i = 0; i < group->lane_count; i++)
        if (group->lanes[i]->active < LANE_TRANSFERS) {
            *out = group->lanes[i];
            return NULL;
        }
    struct lane **lanes = llmd__realloc(group->lanes, (group->lane_count + 1) * sizeof *lanes);
    CHECK_MEMORY(lanes);
    group->lanes = lanes;
    TRY(lane_new(group, out));
    lanes[group->lane_count++] = *out;
    return NULL;
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

static void link_transfer(struct group *group, struct transfer *transfer)
{
    transfer->next = group->all;
    if (group->all)
        group->all->previous = transfer;
    group->all = transfer;
    group->active++;
}

static void unlink_transfer(struct transfer *transfer)
{
    struct group *group = transfer->group;

    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        group->all = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    if (!transfer->stopped)
        group->active--;
}

static void leave_lane(struct transfer *transfer)
{
    struct lane *lane = TAKE(transfer->lane);

    if (!lane)
        return;
    bool was_inside = transfer->group->inside_curl;
    transfer->group->inside_curl = true;
    curl_multi_remove_handle(lane->multi, transfer->exchange->easy);
    transfer->group->inside_curl = was_inside;
    lane->active--;
}

static void transfer_free(struct transfer *transfer)
{
    leave_lane(transfer);
    llmd__limits_remove(&transfer->group->limits, &transfer->limit);
    unlink_transfer(transfer);
    llmd__exchange_free(transfer->exchange);
    llmd__free(transfer);
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
            transfer_free(group->all);
        for (size_t i = 0; i < group->lane_count; i++)
            lane_free(group->lanes[i]);
    }
    close_fd(group->timer_fd);
    close_fd(group->event_fd);
    close_fd(group->sockets.epoll);
    llmd__sockets_free(&group->sockets);
    llmd__limits_free(&group->limits);
    llmd__free(group->lanes);
    llmd__free(group);
}

static void sink_open(void *data, const struct http_reply *reply)
{
    struct transfer *transfer = data;

    if (transfer->stopped || !transfer->events.on_open)
        return;
    transfer->group->happened = true;
    transfer->events.on_open(transfer->events.data, reply);
}

static llmd_error *sink_data(void *data, const char *bytes, size_t len)
{
    struct transfer *transfer = data;

    if (transfer->stopped)
        return NULL;
    transfer->group->happened = true;
    return transfer->events.on_data(transfer->events.data, bytes, len);
}

static llmd_error *add_limit(struct transfer *transfer)
{
    const struct exchange *exchange = transfer->exchange;

    if (exchange->first_byte_timeout_ms <= 0 && exchange->idle_timeout_ms <= 0)
        return NULL;
    /* The idle limit begins with the answer; until then it bounds when to look again. */
    int64_t idle_us = exchange->idle_timeout_ms * 1000;
    int64_t first_us = llmd__exchange_limit_us(exchange);
    transfer->limit.when_us = first_us;
    if (idle_us > 0 && exchange->active_us + idle_us < first_us)
        transfer->limit.when_us = exchange->active_us + idle_us;
    return llmd__limits_add(&transfer->group->limits, &transfer->limit);
}

static llmd_error *join_lane(struct transfer *transfer)
{
    struct lane *lane = NULL;

    TRY(find_lane(transfer->group, &lane));
    llmd__exchange_owner(transfer->exchange, &transfer->group->owner);
    TRY(add_limit(transfer));
    TRY(llmd__curlm_error(curl_multi_add_handle(lane->multi, transfer->exchange->easy)));
    transfer->lane = lane;
    lane->active++;
    return NULL;
}

static void rearm(struct group *group);

static llmd_error *begin(struct transfer *transfer)
{
    struct group *group = transfer->group;

    if (group->inside_curl) {
        transfer->waiting = group->to_add;
        group->to_add = transfer;
        return NULL;
    }
    TRY(join_lane(transfer));
    rearm(group);
    return NULL;
}

static llmd_error *transfer_new(llmd_context *ctx, struct group *group, struct http *http,
                                const struct http_request *request,
                                const struct transfer_events *events, struct transfer **out)
{
    struct transfer *transfer = llmd__calloc(1, sizeof *transfer);

    CHECK_MEMORY(transfer);
    struct exchange_sink sink = {.on_open = sink_open, .data = transfer};
    if (events->on_data)
        sink.on_data = sink_data;
    transfer->group = group;
    transfer->events = *events;
    llmd_error *error = llmd__exchange_open(ctx, http, request, true, &sink, &transfer->exchange);
    if (error) {
        llmd__free(transfer);
        return error;
    }
    link_transfer(group, transfer);
    *out = transfer;
    return NULL;
}

static llmd_error *check_process(const struct group *group)
{
    if (group->pid == getpid())
        return NULL;
    return llmd__error(LLMD_E_INVALID, "this was opened before fork(): open it again in the child");
}

llmd_error *llmd__group_start(llmd_context *ctx, struct group *group, struct http *http,
                              const struct http_request *request,
                              const struct transfer_events *events, struct transfer **out)
{
    struct transfer *transfer = NULL;

    *out = NULL;
    TRY(check_process(group));
    TRY(transfer_new(ctx, group, http, request, events, &transfer));
    llmd_error *error = begin(transfer);
    if (error) {
        transfer_free(transfer);
        return error;
    }
    *out = transfer;
    return NULL;
}

void llmd__transfer_stop(struct transfer *transfer)
{
    struct group *group = transfer->group;

    if (transfer->stopped)
        return;
    if (!group->inside_curl && transfer->lane) {
        transfer_free(transfer);
        return;
    }
    transfer->stopped = true;
    transfer->exchange->abort = true;
    group->active--;
    if (transfer->lane) {
        transfer->waiting = group->to_remove;
        group->to_remove = transfer;
    } /* else it waits in to_add, and is freed there */
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

static void finish(struct transfer *transfer)
{
    enum retry_class class;
    struct transfer_events events = transfer->events;
    struct http_reply reply = HTTP_REPLY_INIT;

    llmd_error *error = llmd__exchange_result(transfer->exchange, &class);
    transfer->group->class = (int)class;
    transfer->group->happened = true;
    if (!error) {
        reply = transfer->exchange->reply;
        transfer->exchange->reply.body = BUF_INIT;
    }
    /* Gone before the handler runs, which may start the next one on the same warm connection. */
    transfer_free(transfer);
    events.on_done(events.data, error ? NULL : &reply, error);
    llmd__http_reply_free(&reply);
}

static void fail(struct transfer *transfer, llmd_error *error)
{
    transfer->exchange->error = error;
    transfer->exchange->over = true;
    leave_lane(transfer);
    finish(transfer);
}

/* Order is kept: what was asked for first is sent first. */
static struct transfer *reversed(struct transfer *list)
{
    struct transfer *result = NULL;

    while (list) {
        struct transfer *next = list->waiting;
        list->waiting = result;
        result = list;
        list = next;
    }
    return result;
}

static void settle(struct group *group)
{
    while (group->to_remove) {
        struct transfer *transfer = group->to_remove;
        group->to_remove = transfer->waiting;
        transfer_free(transfer);
    }
    struct transfer *list = reversed(TAKE(group->to_add));
    while (list) {
        struct transfer *transfer = list;
        list = transfer->waiting;
        transfer->waiting = NULL;
        llmd_error *error = transfer->stopped ? NULL : join_lane(transfer);
        if (error)
            fail(transfer, error);
        else if (transfer->stopped)
            transfer_free(transfer);
    }
}

/* Handlers may free any transfer, so messages are read one at a time. */
static void read_messages(struct group *group, struct lane *lane)
{
    CURLMsg *message;
    int left;

    settle(group);
    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        char *exchange_pointer = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange_pointer);
        struct exchange *exchange = (struct exchange *)(void *)exchange_pointer;
        exchange->over = true;
        exchange->result = message->data.result;
        struct transfer *transfer = exchange->sink.data;
        leave_lane(transfer);
        finish(transfer);
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
            fail(transfer, llmd__exchange_expired(transfer->exchange));
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
static void rearm(struct group *group)
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
    rearm(group);
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

    TRY(check_process(group));
    llmd__context_add_waker(ctx, &waker);
    llmd_error *error = work(ctx, group, until_us);
    llmd__context_remove_waker(ctx, &waker);
    rearm(group);
    return error;
}
