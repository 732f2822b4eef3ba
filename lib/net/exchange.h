/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer on one easy handle. A worker (blocking calls, streams) or a group
 * drives it; both see the same limits, the same reply and the same errors.
 */
#ifndef LLMD_NET_EXCHANGE_H
#define LLMD_NET_EXCHANGE_H

#include "net/pool.h"
#include "net/retry.h"

/* Where the body of a 2xx answer goes; all NULL: into the reply. Called inside libcurl. */
struct exchange_sink {
    void (*on_open)(void *data, const struct http_reply *reply);
    llmd_error *(*on_data)(void *data, const char *bytes, size_t len);
    void *data;
};

struct exchange {
    struct http *http; /* a reference */
    CURL *easy;
    struct socket_owner *owner; /* hears of its sockets */
    int socket_errno;           /* why it could get none, or 0 */
    char *method;
    char *shown_url; /* without the query: for errors and logs */
    char *body;      /* a copy, or NULL: the caller's */
    size_t body_len;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    char *authorization;
    struct buf cert_pem, key_pem; /* from an exec plugin */
    struct exchange_sink sink;
    int64_t first_byte_timeout_ms, idle_timeout_ms;
    bool idempotent;
    const char *want_header; /* whose value goes to reply.header, or NULL */

    struct http_reply reply;
    bool sent;           /* bytes may have left */
    bool answered;       /* a first byte came */
    bool points_on;      /* its Location header came */
    bool has_headers;    /* all headers are there */
    bool refused_repeat; /* libcurl wanted to send a POST twice */
    bool enough;         /* of a refusal's text: the rest is not read */
    bool abort;          /* set in a handler: let libcurl end it */
    bool over;           /* libcurl is done with it: see result */
    CURLcode result;
    int64_t active_us; /* when bytes came last */
    llmd_error *error; /* raised in a callback */
    char curl_words[CURL_ERROR_SIZE];
};

/* copy_body: the request's body need not outlive the call. */
llmd_error *llmd__exchange_open(llmd_context *ctx, struct http *http,
                                const struct http_request *request, bool copy_body,
                                const struct exchange_sink *sink, struct exchange **out);
/* Tells libcurl who drives it: once, before it is added to a multi handle. */
void llmd__exchange_owner(struct exchange *exchange, struct socket_owner *owner);
/* After `over`: completes the reply, logs, and tells what went wrong, if anything. */
llmd_error *llmd__exchange_result(struct exchange *exchange, enum retry_class *class);
/* Gives the easy handle back; it must not be in a multi handle. */
void llmd__exchange_free(struct exchange *exchange);
/* When the first-byte or idle limit strikes, monotonic µs; INT64_MAX: never. */
int64_t llmd__exchange_limit_us(const struct exchange *exchange);
llmd_error *llmd__exchange_expired(const struct exchange *exchange);
/* The context ended: says what was awaited and how long. */
llmd_error *llmd__exchange_interrupted(const struct exchange *exchange, llmd_error *error);

static inline bool llmd__is_success(int status)
{
    return status >= 200 && status < 300;
}

DEFINE_AUTO(exchange, struct exchange *, llmd__exchange_free)

#endif
