/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many transfers on one thread: curl_multi_socket_action on one epoll, multis of at most 256
 * transfers. Its users: the task graph, the mux, the load generator. Handlers run inside
 * llmd__group_turn(), on its thread, and may start and stop transfers.
 */
#ifndef LLMD_NET_GROUP_H
#define LLMD_NET_GROUP_H

#include "net/http.h"

struct group;
struct transfer;

struct transfer_events {
    /* NULL: the body is collected in reply->body. Otherwise each piece of a 2xx body as it comes;
       an error ends the transfer with it. Other bodies are always collected. */
    llmd_error *(*on_data)(void *data, const char *bytes, size_t len);
    /* Exactly once: reply (any status) or a transport error; the other one is NULL. The error is
       the callee's; the reply is valid during the call, its body may be taken (set it to BUF_INIT).
       The transfer is gone afterwards. Not called after llmd__transfer_stop(). */
    void (*on_done)(void *data, struct http_reply *reply, llmd_error *error);
    void *data;
    /* May be NULL: the headers of a 2xx answer have come, before the first on_data. */
    void (*on_open)(void *data, const struct http_reply *reply);
};

llmd_error *llmd__group_open(struct group **out);
void llmd__group_free(struct group *group); /* stops every transfer without on_done */
/* An idle group of the place, whose connections are warm, or a new one; http NULL: a new one. */
llmd_error *llmd__group_borrow(struct http *http, struct group **out);
/* Gives it back to that place, when it talked to no other and no transfer is left; else frees it.
   NULL allowed. */
void llmd__group_return(struct http *http, struct group *group);
/* Copies the request (path, body, headers). One try: retries are the owner's, by net/retry; a 401
   is told like any status, see llmd__http_refresh(). The credentials' header is fetched here, so
   this may block with ctx. */
llmd_error *llmd__group_start(llmd_context *ctx, struct group *group, struct http *http,
                              const struct http_request *request,
                              const struct transfer_events *events, struct transfer **out);
void llmd__transfer_stop(struct transfer *transfer);
/* Inside on_done: which retries make sense (enum retry_class). */
int llmd__group_class(const struct group *group);
size_t llmd__group_active(const struct group *group);
/* Works until a handler was called or llmd__group_wake() came, at most wait_ms (negative: as long
   as ctx allows; 0: never waits). TIMEOUT and CANCELED only come from ctx. */
llmd_error *llmd__group_turn(llmd_context *ctx, struct group *group, int64_t wait_ms);
int llmd__group_fd(struct group *group);    /* epoll descriptor: readable when turn has work */
void llmd__group_wake(struct group *group); /* any thread: makes a waiting turn return */

#endif
