/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lane.h"

#include "net/fault.h"

#include "base/clock.h"

#include <sys/epoll.h>

#define LANE_TRANSFERS 256
#define LANE_CONNECTIONS 512L

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

void llmd__lane_free(struct lane *lane)
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

void llmd__lane_leave(struct transfer *transfer)
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

llmd_error *llmd__lane_join(struct transfer *transfer)
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
