/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over libcurl. A `struct http` is a place to talk to: base URL, TLS, proxy, credentials. It
 * owns a pool of workers (one curl multi with its warm connections each); a blocking call borrows
 * the newest idle one, drives it and gives it back. HTTP/2 over TLS where offered when `http2`.
 */
#ifndef LLMD_NET_HTTP_H
#define LLMD_NET_HTTP_H

#include "base/buf.h"
#include "base/context.h"

struct http;

/* Where bearer tokens come from; implemented by auth/. */
struct http_auth {
    /* Puts "Bearer ..." (or another Authorization value) into header, or leaves it empty. May block
       (an exec plugin). refresh: the server answered 401, fetch a new one. Any thread. */
    llmd_error *(*authorize)(llmd_context *ctx, void *data, bool refresh, struct buf *header);
    void (*free)(void *data);
    void *data;
};

struct http_config {
    const char *base_url;        /* "https://10.0.0.1:6443/prefix" */
    const char *ca_pem;          /* NULL: the system's */
    const char *client_cert_pem; /* NULL: none */
    const char *client_key_pem;
    const char *server_name; /* TLS name to check instead of the host, or NULL */
    const char *proxy_url;   /* NULL: the environment's rules; "": none */
    bool insecure;           /* check no certificate */
    bool http2;
    bool redirects; /* GETs follow them, at most five, never from https to http; not for a place
                       with credentials */
    int64_t connect_timeout_ms; /* 0: 10 s */
    const char *const *headers; /* "Name: value", NULL-ended; or NULL */
    struct http_auth auth;      /* the http owns it; authorize NULL: none */
    int (*certificates)(void *data, struct buf *cert_pem, struct buf *key_pem); /* exec plugins that
                                                     give client certificates (1: given), asked
                                                     after authorize with auth.data; NULL: none */
};

struct http_request {
    const char *method;       /* "GET" */
    const char *path;         /* appended to base_url, with its query; escaped */
    const char *content_type; /* NULL: none */
    const char *accept;       /* NULL: application/json */
    const char *body;         /* read during the call only */
    size_t body_len;
    bool idempotent;               /* GET and server-side apply: may be repeated */
    bool no_retry;                 /* exactly one try (the load generator) */
    size_t max_body;               /* 0: 64 MiB */
    bool secret_answer;            /* its body is overwritten when it is freed */
    int64_t first_byte_timeout_ms; /* 0: none */
    int64_t idle_timeout_ms;       /* 0: none; silence while a body comes */
    const char *const *headers;    /* further "Name: value", NULL-ended; or NULL */
    const char *want_header;       /* a constant: a header of the answer for reply->header; NULL */
};

struct http_reply {
    int status;
    struct buf body; /* a stream: empty on 2xx; the error body otherwise */
    char content_type[96];
    char request_id[96];                              /* x-request-id, or "" */
    char header[96];                                  /* request->want_header, or "" */
    int64_t retry_after_ms;                           /* -1: none */
    int64_t start_us, sent_us, first_byte_us, end_us; /* monotonic; 0 unknown */
    bool reused;                                      /* an existing connection served it */
    bool repeated; /* a reused connection died before the answer, which is that to a second try */
};

#define HTTP_REPLY_INIT ((struct http_reply){.retry_after_ms = -1})

/* How the message of an error ends when the connection did so inside the answer. */
#define HTTP_RESET_INSIDE "the connection was reset inside the answer"
#define HTTP_CUT_OFF "the answer was cut off"
void llmd__http_reply_free(struct http_reply *reply);
static inline void llmd__auto_http_reply(struct http_reply *reply)
{
    llmd__http_reply_free(reply);
}

/* Takes config->auth, also on failure. */
llmd_error *llmd__http_open(const struct http_config *config, struct http **out);
struct http *llmd__http_get(struct http *http); /* one more reference */
void llmd__http_put(struct http *http);         /* drops one; NULL allowed */
const char *llmd__http_base_url(const struct http *http);
bool llmd__http_heard(const struct http *http); /* whether it has ever answered */
/* After a 401: asks the credentials for a new token. *changed: trying again makes sense. */
llmd_error *llmd__http_refresh(llmd_context *ctx, struct http *http, bool *changed);

/* Sends and waits for the whole answer, with retries by net/retry. Any status is success here: the
   caller judges it. Errors are transport errors: UNREACHABLE, TIMEOUT, CANCELED, PROTOCOL,
   TOO_LARGE. 401 refreshes the credentials once. */
llmd_error *llmd__http_send(llmd_context *ctx, struct http *http,
                            const struct http_request *request, struct http_reply *reply);

/* A body that is read as it comes. open returns when the headers are there; a status that is not
   2xx is read whole into reply->body, and *out stays NULL. */
struct http_stream;
llmd_error *llmd__http_stream_open(llmd_context *ctx, struct http *http,
                                   const struct http_request *request, struct http_reply *reply,
                                   struct http_stream **out);
/* Appends what has come to into (at least one byte), or sets *end. A cut body is PROTOCOL (the
   server broke the framing) or UNREACHABLE (reset). TIMEOUT and CANCELED by ctx end the call, not
   the stream; any other error stays. */
llmd_error *llmd__http_stream_read(llmd_context *ctx, struct http_stream *stream, struct buf *into,
                                   bool *end);
int64_t llmd__http_stream_first_byte_us(const struct http_stream *stream);
void llmd__http_stream_free(struct http_stream *stream);
DEFINE_AUTO(http_stream, struct http_stream *, llmd__http_stream_free)

/* The status and body of a refusal as an error without an object's name: used where no protocol of
   its own (Kubernetes Status, OpenAI error) can be read. */
llmd_error *llmd__http_status_error(int status, const char *body);
/* In [0,1), for the jitter of net/retry. */
double llmd__http_random(void);

#endif
