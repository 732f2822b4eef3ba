/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers and easy handles that wait for the next call. A child of fork() must not touch the
 * connections it inherited: both processes would write into one TLS stream. It closes its copies of
 * the descriptors and leaves the rest where it is, since libcurl's own cleaning would say goodbye
 * to the server on the parent's connection.
 */
#include "net/pool.h"

#include "net/exchange.h"
#include "net/fault.h"
#include "net/lane.h"

#include "base/clock.h"

#include <sys/socket.h>
#include <unistd.h>

static struct worker *worker_of(struct socket_owner *owner)
{
    return (struct worker *)owner; /* its first member */
}

static void worker_opened(struct socket_owner *owner, int fd)
{
    for (int i = 0; i < WORKER_SOCKETS; i++)
        if (!worker_of(owner)->sockets[i]) {
            worker_of(owner)->sockets[i] = fd;
            return;
        }
}

static void worker_closed(struct socket_owner *owner, int fd)
{
    for (int i = 0; i < WORKER_SOCKETS; i++)
        if (worker_of(owner)->sockets[i] == fd)
            worker_of(owner)->sockets[i] = 0;
}

static void abandon(struct worker *worker)
{
    for (int i = 0; i < WORKER_SOCKETS; i++)
        if (worker->sockets[i])
            close(worker->sockets[i]);
    llmd__free(worker);
}

static void worker_free(struct worker *worker)
{
    if (worker->pid != getpid()) {
        abandon(worker);
        return;
    }
    curl_multi_cleanup(worker->multi);
    llmd__free(worker);
}

static llmd_error *worker_new(struct worker **out)
{
    struct worker *worker = llmd__calloc(1, sizeof *worker);

    CHECK_MEMORY(worker);
    worker->owner = (struct socket_owner){worker_opened, worker_closed};
    worker->pid = getpid();
    worker->multi = curl_multi_init();
    if (!worker->multi) {
        llmd__free(worker);
        return NO_MEMORY;
    }
    /* One transfer at a time; a few connections, so that a second address family or a new
       certificate does not push the warm one out. */
    curl_multi_setopt(worker->multi, CURLMOPT_MAXCONNECTS, 4L);
    *out = worker;
    return NULL;
}

static struct worker *pop(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    struct worker *worker = http->idle;
    if (worker) {
        http->idle = worker->next;
        http->idle_count--;
    }
    pthread_mutex_unlock(&http->lock);
    return worker;
}

llmd_error *llmd__pool_borrow(struct http *http, struct worker **out)
{
    pid_t pid = getpid();
    struct worker *worker;

    *out = NULL;
    while ((worker = pop(http)) != NULL) {
        if (worker->pid == pid) {
            *out = worker;
            return NULL;
        }
        abandon(worker);
    }
    return worker_new(out);
}

void llmd__pool_return(struct http *http, struct worker *worker)
{
    pthread_mutex_lock(&http->lock);
    bool room = http->idle_count < POOL_WORKERS && worker->pid == getpid();
    if (room) {
        worker->next = http->idle;
        http->idle = worker;
        http->idle_count++;
    }
    pthread_mutex_unlock(&http->lock);
    if (!room)
        worker_free(worker);
}

llmd_error *llmd__opened_before_fork(void)
{
    return llmd__error(LLMD_E_INVALID, "this was opened before fork(): open it again in the child");
}

static struct group *pop_group(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    struct group *group = http->groups;
    if (group) {
        http->groups = group->next_idle;
        http->group_count--;
    }
    pthread_mutex_unlock(&http->lock);
    return group;
}

llmd_error *llmd__group_borrow(struct http *http, struct group **out)
{
    struct group *group;

    *out = NULL;
    while (http && (group = pop_group(http)) != NULL) {
        if (group->pid == getpid()) {
            *out = group;
            return NULL;
        }
        llmd__group_free(group); /* inherited: closes our copies of its descriptors */
    }
    return llmd__group_open(out);
}

void llmd__group_return(struct http *http, struct group *group)
{
    if (!http || !group || group->all || group->mixed || group->pid != getpid()) {
        llmd__group_free(group);
        return;
    }
    pthread_mutex_lock(&http->lock);
    bool room = http->group_count < POOL_GROUPS;
    if (room) {
        group->next_idle = http->groups;
        http->groups = group;
        http->group_count++;
    }
    pthread_mutex_unlock(&http->lock);
    if (!room)
        llmd__group_free(group);
}

llmd_error *llmd__pool_easy(struct http *http, CURL **out)
{
    *out = NULL;
    pthread_mutex_lock(&http->lock);
    if (http->easy_count)
        *out = http->easies[--http->easy_count];
    pthread_mutex_unlock(&http->lock);
    return *out ? NULL : llmd__http_easy(http, out);
}

void llmd__pool_return_easy(struct http *http, CURL *easy)
{
    pthread_mutex_lock(&http->lock);
    bool room = http->easy_count < POOL_EASIES;
    if (room)
        http->easies[http->easy_count++] = easy;
    pthread_mutex_unlock(&http->lock);
    if (!room)
        curl_easy_cleanup(easy);
}

void llmd__pool_close(struct http *http)
{
    while (http->idle) {
        struct worker *worker = http->idle;
        http->idle = worker->next;
        worker_free(worker);
    }
    while (http->groups)
        llmd__group_free(pop_group(http));
    while (http->easy_count)
        curl_easy_cleanup(http->easies[--http->easy_count]);
}

llmd_error *llmd__worker_attach(struct worker *worker, struct exchange *exchange)
{
    llmd__exchange_owner(exchange, &worker->owner);
    return llmd__curlm_error(curl_multi_add_handle(worker->multi, exchange->easy));
}

void llmd__worker_detach(struct worker *worker, struct exchange *exchange)
{
    curl_multi_remove_handle(worker->multi, exchange->easy);
}

static void take_result(struct worker *worker, struct exchange *exchange)
{
    int left;
    CURLMsg *message;

    while ((message = curl_multi_info_read(worker->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE && message->easy_handle == exchange->easy) {
            exchange->over = true;
            exchange->result = message->data.result;
        }
}

static int wait_ms(llmd_context *ctx, const struct exchange *exchange)
{
    int64_t limit_us = llmd__exchange_limit_us(exchange);

    if (limit_us == INT64_MAX)
        return llmd__context_wait_ms(ctx, -1);
    int64_t left_us = limit_us - llmd__clock_mono_us();
    return llmd__context_wait_ms(ctx, left_us > 0 ? left_us / 1000 + 1 : 0);
}

static llmd_error *turn(llmd_context *ctx, struct worker *worker, struct exchange *exchange,
                        bool (*enough)(const struct exchange *exchange), bool *go_on)
{
    int running;

    *go_on = false;
    TRY(llmd__curlm_error(curl_multi_perform(worker->multi, &running)));
    take_result(worker, exchange);
    if (exchange->over || (enough && enough(exchange)))
        return NULL;
    llmd_error *ended = llmd__context_check(ctx);
    if (ended)
        return llmd__exchange_interrupted(exchange, ended);
    if (llmd__exchange_limit_us(exchange) <= llmd__clock_mono_us()) {
        exchange->error = llmd__exchange_expired(exchange);
        exchange->over = true;
        return NULL;
    }
    *go_on = true;
    return llmd__curlm_error(curl_multi_poll(worker->multi, NULL, 0, wait_ms(ctx, exchange), NULL));
}

static void wake(void *multi)
{
    curl_multi_wakeup(multi);
}

llmd_error *llmd__worker_drive(llmd_context *ctx, struct worker *worker, struct exchange *exchange,
                               bool (*enough)(const struct exchange *exchange))
{
    struct context_waker waker = {.wake = wake, .data = worker->multi};
    llmd_error *error = NULL;
    bool go_on = true;

    llmd__context_add_waker(ctx, &waker);
    while (go_on && !error)
        error = turn(ctx, worker, exchange, enough, &go_on);
    llmd__context_remove_waker(ctx, &waker);
    return error;
}
