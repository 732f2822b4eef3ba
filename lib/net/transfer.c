/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lane.h"

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

void llmd__transfer_free(struct transfer *transfer)
{
    llmd__lane_leave(transfer);
    llmd__limits_remove(&transfer->group->limits, &transfer->limit);
    unlink_transfer(transfer);
    llmd__exchange_free(transfer->exchange);
    llmd__free(transfer);
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

static llmd_error *begin(struct transfer *transfer)
{
    struct group *group = transfer->group;

    if (group->inside_curl) {
        transfer->waiting = group->to_add;
        group->to_add = transfer;
        return NULL;
    }
    TRY(llmd__lane_join(transfer));
    llmd__group_rearm(group);
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
    group->mixed = group->mixed || (group->place && group->place != http);
    group->place = http;
    llmd_error *error = llmd__exchange_open(ctx, http, request, true, &sink, &transfer->exchange);
    if (error) {
        llmd__free(transfer);
        return error;
    }
    link_transfer(group, transfer);
    *out = transfer;
    return NULL;
}

llmd_error *llmd__group_start(llmd_context *ctx, struct group *group, struct http *http,
                              const struct http_request *request,
                              const struct transfer_events *events, struct transfer **out)
{
    struct transfer *transfer = NULL;

    *out = NULL;
    TRY(llmd__group_check(group));
    TRY(transfer_new(ctx, group, http, request, events, &transfer));
    llmd_error *error = begin(transfer);
    if (error) {
        llmd__transfer_free(transfer);
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
        llmd__transfer_free(transfer);
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

void llmd__transfer_finish(struct transfer *transfer)
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
    llmd__transfer_free(transfer);
    events.on_done(events.data, error ? NULL : &reply, error);
    llmd__http_reply_free(&reply);
}

void llmd__transfer_fail(struct transfer *transfer, llmd_error *error)
{
    transfer->exchange->error = error;
    transfer->exchange->over = true;
    llmd__lane_leave(transfer);
    llmd__transfer_finish(transfer);
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

void llmd__group_settle(struct group *group)
{
    while (group->to_remove) {
        struct transfer *transfer = group->to_remove;
        group->to_remove = transfer->waiting;
        llmd__transfer_free(transfer);
    }
    struct transfer *list = reversed(TAKE(group->to_add));
    while (list) {
        struct transfer *transfer = list;
        list = transfer->waiting;
        transfer->waiting = NULL;
        llmd_error *error = transfer->stopped ? NULL : llmd__lane_join(transfer);
        if (error)
            llmd__transfer_fail(transfer, error);
        else if (transfer->stopped)
            llmd__transfer_free(transfer);
    }
}
