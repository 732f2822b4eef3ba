/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a struct http: what it was opened with, idle workers and idle easy handles. */
#ifndef LLMD_NET_POOL_H
#define LLMD_NET_POOL_H

#include "base/ref.h"
#include "net/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Whoever drives a multi handle hears of its sockets; embedded in the driver, which must outlive
   the multi handle. closed comes before the descriptor is closed. */
struct socket_owner {
    void (*opened)(struct socket_owner *owner, int fd);
    void (*closed)(struct socket_owner *owner, int fd);
};

#define WORKER_SOCKETS 8

/* One curl multi with its warm connections, never shared between threads. */
struct worker {
    struct socket_owner owner;
    CURLM *multi;
    struct worker *next;
    pid_t pid;                   /* the process that made it */
    int sockets[WORKER_SOCKETS]; /* open ones, 0: free place */
};

#define POOL_WORKERS 64
#define POOL_GROUPS 16
#define POOL_EASIES 256

struct http {
    struct ref ref;
    char *base_url;    /* as given, without a trailing slash */
    char *dial_url;    /* the same, with server_name for a host */
    char *connect_to;  /* "name:port:host:port", or NULL */
    char *host_header; /* "Host: ...", or NULL */
    char *ca_pem;
    char *client_cert_pem;
    char *client_key_pem;
    char *proxy_url;
    bool https;
    bool insecure;
    bool http2;
    bool redirects;
    int64_t connect_timeout_ms;
    atomic_bool heard; /* it has answered once */
    struct curl_slist *headers;
    struct http_auth auth;
    int (*certificates)(void *data, struct buf *cert_pem, struct buf *key_pem);

    pthread_mutex_t lock; /* what follows; workers and groups are idle ones */
    struct worker *idle;  /* newest first: its connection is warm */
    int idle_count;
    struct group *groups; /* newest first */
    int group_count;
    CURL *easies[POOL_EASIES];
    int easy_count;
    char *refused; /* the Authorization that got a 401, or NULL */
};

struct exchange;

/* An easy handle with everything set that is the same for all requests to this place. */
llmd_error *llmd__http_easy(struct http *http, CURL **out);

llmd_error *llmd__pool_borrow(struct http *http, struct worker **out);
void llmd__pool_return(struct http *http, struct worker *worker);
/* What a call says that meets a connection of the parent. */
llmd_error *llmd__opened_before_fork(void);
void llmd__pool_close(struct http *http);

llmd_error *llmd__pool_easy(struct http *http, CURL **out);
void llmd__pool_return_easy(struct http *http, CURL *easy);

llmd_error *llmd__worker_attach(struct worker *worker, struct exchange *exchange);
void llmd__worker_detach(struct worker *worker, struct exchange *exchange);
/* Drives until the exchange is over (exchange->over) or enough() holds. Errors are the context's,
   or memory; what the transfer itself met is in the exchange. */
llmd_error *llmd__worker_drive(llmd_context *ctx, struct worker *worker, struct exchange *exchange,
                               bool (*enough)(const struct exchange *exchange));

#endif
