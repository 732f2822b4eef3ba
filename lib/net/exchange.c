/* SPDX-License-Identifier: Apache-2.0 */
#include "net/exchange.h"

#include "net/fault.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_BODY_DEFAULT ((size_t)64 << 20)
/* A refusal's text is for people: what is longer is cut, the status still counts. (A vLLM once
   answered 23 MB to a bad request of 4 kB.) */
#define MAX_REFUSAL ((size_t)1 << 20)

#define SET(exchange, option, value)                                                               \
    TRY(llmd__curl_error(curl_easy_setopt((exchange)->easy, option, value), "setting up HTTP"))

static void stamp(struct exchange *exchange)
{
    exchange->active_us = llmd__clock_mono_us();
}

static void copy_value(char *out, size_t size, const char *value, size_t len)
{
    if (len >= size)
        len = size - 1;
    memcpy(out, value, len);
    out[len] = '\0';
}

static void keep_header(struct exchange *exchange, const char *line, size_t len)
{
    struct http_reply *reply = &exchange->reply;
    const char *wanted = exchange->want_header;
    const char *colon = memchr(line, ':', len);

    if (!colon)
        return;
    size_t name_len = (size_t)(colon - line);
    const char *value = colon + 1;
    const char *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    size_t value_len = (size_t)(end - value);
    if (name_len == 12 && strncasecmp(line, "content-type", 12) == 0) {
        copy_value(reply->content_type, sizeof reply->content_type, value, value_len);
    } else if (name_len == 12 && strncasecmp(line, "x-request-id", 12) == 0) {
        copy_value(reply->request_id, sizeof reply->request_id, value, value_len);
    } else if (name_len == 11 && strncasecmp(line, "retry-after", 11) == 0) {
        char text[64];
        copy_value(text, sizeof text, value, value_len);
        reply->retry_after_ms = llmd__retry_after_ms(text, llmd__clock_wall_ms());
    } else if (name_len == 8 && strncasecmp(line, "location", 8) == 0) {
        exchange->points_on = true;
    } else if (wanted && name_len == strlen(wanted) && strncasecmp(line, wanted, name_len) == 0) {
        copy_value(reply->header, sizeof reply->header, value, value_len);
    }
}

/* A 100 or 103 comes before the real answer: what it said is forgotten. */
static void forget_headers(struct exchange *exchange)
{
    struct http_reply *reply = &exchange->reply;

    exchange->points_on = false;
    reply->content_type[0] = reply->request_id[0] = reply->header[0] = '\0';
    reply->retry_after_ms = -1;
}

/* libcurl goes on to where it points: only the last answer counts. */
static bool is_followed(const struct exchange *exchange, int status)
{
    return exchange->http->redirects && exchange->points_on && status >= 300 && status < 400;
}

static void end_headers(struct exchange *exchange)
{
    long status = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || is_followed(exchange, (int)status))
        return;
    exchange->reply.status = (int)status;
    exchange->has_headers = true;
    if (!llmd__is_success((int)status) && exchange->reply.body.max > MAX_REFUSAL)
        exchange->reply.body.max = MAX_REFUSAL;
    if (llmd__is_success((int)status) && exchange->sink.on_open)
        exchange->sink.on_open(exchange->sink.data, &exchange->reply);
}

static size_t on_header(char *line, size_t one, size_t len, void *data)
{
    struct exchange *exchange = data;

    (void)one;
    stamp(exchange);
    if (!exchange->answered) {
        exchange->answered = true;
        atomic_store(&exchange->http->heard, true);
        exchange->reply.first_byte_us = exchange->active_us;
    }
    if (exchange->has_headers) /* a trailer */
        return len;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_headers(exchange);
    else if (len <= 2)
        end_headers(exchange);
    else
        keep_header(exchange, line, len);
    return exchange->abort ? 0 : len;
}

static size_t collect(struct exchange *exchange, const char *bytes, size_t len)
{
    struct buf *body = &exchange->reply.body;
    size_t room = body->max - body->len;

    if (!llmd__is_success(exchange->reply.status) && len > room) {
        exchange->enough = true;
        len = room;
    }
    llmd__buf_add(body, bytes, len);
    return body->failed || body->too_large || exchange->enough ? CURL_WRITEFUNC_ERROR : len;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *data)
{
    struct exchange *exchange = data;

    (void)one;
    stamp(exchange);
    if (!exchange->sink.on_data || !llmd__is_success(exchange->reply.status))
        return collect(exchange, bytes, len);
    exchange->error = exchange->sink.on_data(exchange->sink.data, bytes, len);
    return exchange->error || exchange->abort ? CURL_WRITEFUNC_ERROR : len;
}

static bool bytes_left(const struct exchange *exchange)
{
    long size = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &size);
    return exchange->sent && size > 0;
}

/* Asked when a connection is there and the request is about to be sent. libcurl comes here a second
   time when a reused connection died without an answer. If any byte had left, it would send a POST
   again that the server may have acted on (RFC 9110 9.2.2). */
static int on_send(void *data, char *remote, char *local, int remote_port, int local_port)
{
    struct exchange *exchange = data;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    exchange->reply.repeated = bytes_left(exchange);
    if (exchange->reply.repeated && !exchange->idempotent) {
        exchange->refused_repeat = true;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->sent = true;
    stamp(exchange);
    exchange->reply.sent_us = exchange->active_us;
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *exchange = data;

    (void)purpose;
    /* libcurl 7.88 itself would let programs that the host starts inherit the connection. */
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0)
        exchange->owner->opened(exchange->owner, fd);
    else
        exchange->socket_errno = errno; /* libcurl forgets it */
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int on_close_socket(void *data, curl_socket_t fd)
{
    struct socket_owner *owner = data;

    owner->closed(owner, fd);
    return close(fd);
}

void llmd__exchange_owner(struct exchange *exchange, struct socket_owner *owner)
{
    exchange->owner = owner;
    curl_easy_setopt(exchange->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(exchange->easy, CURLOPT_OPENSOCKETDATA, exchange);
    curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(exchange->easy, CURLOPT_CLOSESOCKETDATA, owner);
}

static llmd_error *add_header(struct exchange *exchange, const char *line)
{
    struct curl_slist *longer = curl_slist_append(exchange->headers, line);

    CHECK_MEMORY(longer);
    exchange->headers = longer;
    return NULL;
}

static llmd_error *add_named(struct exchange *exchange, const char *name, const char *value)
{
    AUTO(secret) char *line = llmd__format("%s: %s", name, value);

    CHECK_MEMORY(line);
    return add_header(exchange, line);
}

static llmd_error *authorize(llmd_context *ctx, struct exchange *exchange)
{
    struct http *http = exchange->http;
    struct buf header = BUF_SECRET;

    if (!http->auth.authorize)
        return NULL;
    llmd_error *error = http->auth.authorize(ctx, http->auth.data, false, &header);
    if (error || header.len == 0) {
        llmd_error *latched = error ? error : llmd__buf_check(&header);
        llmd__buf_free(&header);
        return latched;
    }
    TRY(llmd__buf_take(&header, &exchange->authorization));
    if (strpbrk(exchange->authorization, "\r\n"))
        return llmd__error(LLMD_E_INVALID, "%s: the token has a line break", http->base_url);
    return add_named(exchange, "Authorization", exchange->authorization);
}

static llmd_error *set_blob(struct exchange *exchange, CURLoption option, struct buf *pem)
{
    struct curl_blob blob = {pem->data, pem->len, CURL_BLOB_NOCOPY};

    return llmd__curl_error(curl_easy_setopt(exchange->easy, option, &blob), "client certificate");
}

static llmd_error *set_certificates(struct exchange *exchange)
{
    struct http *http = exchange->http;

    if (!http->certificates ||
        !http->certificates(http->auth.data, &exchange->cert_pem, &exchange->key_pem))
        return NULL;
    TRY(llmd__buf_check(&exchange->cert_pem));
    TRY(llmd__buf_check(&exchange->key_pem));
    TRY(set_blob(exchange, CURLOPT_SSLCERT_BLOB, &exchange->cert_pem));
    return set_blob(exchange, CURLOPT_SSLKEY_BLOB, &exchange->key_pem);
}

static llmd_error *set_headers(struct exchange *exchange, const struct http_request *request)
{
    const struct http *http = exchange->http;

    for (const struct curl_slist *item = http->headers; item; item = item->next)
        TRY(add_header(exchange, item->data));
    if (http->host_header)
        TRY(add_header(exchange, http->host_header));
    TRY(add_named(exchange, "Accept", request->accept ? request->accept : "application/json"));
    /* Without the empty ones libcurl would invent a form's type, and wait a second for "100
       Continue" before a large body. */
    if (request->content_type)
        TRY(add_named(exchange, "Content-Type", request->content_type));
    else
        TRY(add_header(exchange, "Content-Type:"));
    TRY(add_header(exchange, "Expect:"));
    for (const char *const *line = request->headers; line && *line; line++) {
        if (strpbrk(*line, "\r\n"))
            return llmd__error(LLMD_E_INVALID, "%s %s: a header has a line break", exchange->method,
                               exchange->shown_url);
        TRY(add_header(exchange, *line));
    }
    return NULL;
}

static llmd_error *set_body(struct exchange *exchange, const struct http_request *request,
                            bool copy_body)
{
    const char *body = request->body ? request->body : "";

    if (copy_body && request->body_len) {
        exchange->body = llmd__malloc(request->body_len);
        CHECK_MEMORY(exchange->body);
        memcpy(exchange->body, request->body, request->body_len);
        exchange->body_len = request->body_len;
        body = exchange->body;
    }
    SET(exchange, CURLOPT_POST, 1L);
    SET(exchange, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    SET(exchange, CURLOPT_POSTFIELDS, body);
    return NULL;
}

static bool has_body(const struct http_request *request)
{
    return request->body_len || strcmp(request->method, "POST") == 0 ||
           strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
}

/* HTTPGET first: it undoes what the handle's previous request set. */
static llmd_error *set_method(struct exchange *exchange, const struct http_request *request,
                              bool copy_body)
{
    bool is_get = strcmp(request->method, "GET") == 0;
    bool is_head = strcmp(request->method, "HEAD") == 0;

    SET(exchange, CURLOPT_HTTPGET, 1L);
    if (is_head)
        SET(exchange, CURLOPT_NOBODY, 1L);
    else if (has_body(request))
        TRY(set_body(exchange, request, copy_body));
    SET(exchange, CURLOPT_CUSTOMREQUEST, is_get || is_head ? NULL : request->method);
    /* Kubernetes compresses large lists. A compressed stream would arrive in lumps. */
    SET(exchange, CURLOPT_ACCEPT_ENCODING,
        is_get && !exchange->sink.on_data ? "gzip" : (const char *)NULL);
    return NULL;
}

static llmd_error *set_place(struct exchange *exchange, const struct http_request *request)
{
    const struct http *http = exchange->http;
    AUTO(str) char *url = llmd__format("%s%s", http->dial_url, request->path ? request->path : "");

    CHECK_MEMORY(url);
    SET(exchange, CURLOPT_URL, url);
    if (http->connect_to) {
        exchange->connect_to = curl_slist_append(NULL, http->connect_to);
        CHECK_MEMORY(exchange->connect_to);
    }
    SET(exchange, CURLOPT_CONNECT_TO, exchange->connect_to);
    return NULL;
}

static llmd_error *set_callbacks(struct exchange *exchange)
{
    SET(exchange, CURLOPT_HEADERFUNCTION, on_header);
    SET(exchange, CURLOPT_HEADERDATA, exchange);
    SET(exchange, CURLOPT_WRITEFUNCTION, on_body);
    SET(exchange, CURLOPT_WRITEDATA, exchange);
    SET(exchange, CURLOPT_PREREQFUNCTION, on_send);
    SET(exchange, CURLOPT_PREREQDATA, exchange);
    SET(exchange, CURLOPT_ERRORBUFFER, exchange->curl_words);
    SET(exchange, CURLOPT_PRIVATE, exchange);
    return NULL;
}

static llmd_error *name_request(struct exchange *exchange, const struct http_request *request)
{
    const char *path = request->path ? request->path : "";

    exchange->method = llmd__strdup(request->method);
    exchange->shown_url =
        llmd__format("%s%.*s", exchange->http->base_url, (int)strcspn(path, "?"), path);
    return exchange->method && exchange->shown_url ? NULL : NO_MEMORY;
}

llmd_error *llmd__exchange_open(llmd_context *ctx, struct http *http,
                                const struct http_request *request, bool copy_body,
                                const struct exchange_sink *sink, struct exchange **out)
{
    *out = NULL;
    AUTO(exchange) struct exchange *exchange = llmd__calloc(1, sizeof *exchange);
    CHECK_MEMORY(exchange);
    exchange->http = llmd__http_get(http);
    exchange->reply = HTTP_REPLY_INIT;
    exchange->reply.body.max = request->max_body ? request->max_body : MAX_BODY_DEFAULT;
    exchange->reply.body.secret = request->secret_answer;
    exchange->key_pem = BUF_SECRET;
    exchange->idempotent = request->idempotent;
    exchange->want_header = request->want_header;
    exchange->first_byte_timeout_ms = request->first_byte_timeout_ms;
    exchange->idle_timeout_ms = request->idle_timeout_ms;
    if (sink)
        exchange->sink = *sink;
    stamp(exchange);
    exchange->reply.start_us = exchange->active_us;
    TRY(name_request(exchange, request));
    TRY(authorize(ctx, exchange));
    TRY(llmd__pool_easy(http, &exchange->easy));
    TRY(set_callbacks(exchange));
    TRY(set_place(exchange, request));
    TRY(set_method(exchange, request, copy_body));
    TRY(set_headers(exchange, request));
    TRY(set_certificates(exchange));
    SET(exchange, CURLOPT_HTTPHEADER, exchange->headers);
    *out = TAKE(exchange);
    return NULL;
}

static void remember_refusal(struct exchange *exchange)
{
    struct http *http = exchange->http;

    pthread_mutex_lock(&http->lock);
    llmd__free_secret(http->refused);
    http->refused = TAKE(exchange->authorization);
    pthread_mutex_unlock(&http->lock);
}

static llmd_error *too_large(const struct exchange *exchange)
{
    return llmd__error(LLMD_E_TOO_LARGE, "%s %s: the answer is larger than %zu bytes",
                       exchange->method, exchange->shown_url, exchange->reply.body.max);
}

static void log_end(const struct exchange *exchange)
{
    const struct http_reply *reply = &exchange->reply;
    int64_t ms = (reply->end_us - reply->start_us) / 1000;

    if (llmd__log_on("http"))
        llmd__log(LLMD_LEVEL_DEBUG, "http", "%s %s %d in %" PRId64 " ms%s%s", exchange->method,
                  exchange->shown_url, reply->status, ms, reply->reused ? ", reused" : "",
                  exchange->result == CURLE_OK ? "" : ", failed");
}

llmd_error *llmd__exchange_result(struct exchange *exchange, enum retry_class *class)
{
    struct http_reply *reply = &exchange->reply;
    long connects = 1;

    curl_easy_getinfo(exchange->easy, CURLINFO_NUM_CONNECTS, &connects);
    reply->reused = connects == 0 && exchange->sent;
    exchange->sent = bytes_left(exchange);
    reply->end_us = llmd__clock_mono_us();
    log_end(exchange);
    *class = RETRY_NEVER;
    if (exchange->error) {
        if (llmd_error_code(exchange->error) == LLMD_E_TIMEOUT)
            *class = llmd__retry_class(0, false, exchange->sent, false);
        return TAKE(exchange->error);
    }
    if (reply->body.failed)
        return NO_MEMORY;
    if (reply->body.too_large)
        return too_large(exchange);
    if (exchange->result != CURLE_OK && !exchange->enough)
        return llmd__fault(exchange, class);
    if (reply->status == 401)
        remember_refusal(exchange);
    *class = llmd__retry_class(reply->status, true, true, reply->retry_after_ms >= 0);
    return NULL;
}

/* The list goes to malloc's free list as it is: what must stay secret is overwritten first. */
static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *item = headers; item; item = item->next)
        llmd__wipe(item->data, strlen(item->data));
    curl_slist_free_all(headers);
}

static void forget(struct exchange *exchange)
{
    CURL *easy = exchange->easy;

    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, NULL);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    if (exchange->cert_pem.data) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, NULL);
        curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, NULL);
    }
}

void llmd__exchange_free(struct exchange *exchange)
{
    if (!exchange)
        return;
    if (exchange->easy) {
        forget(exchange);
        llmd__pool_return_easy(exchange->http, exchange->easy);
    }
    free_headers(exchange->headers);
    curl_slist_free_all(exchange->connect_to);
    llmd__free_secret(exchange->authorization);
    llmd__buf_free(&exchange->key_pem);
    llmd__buf_free(&exchange->cert_pem);
    llmd__http_reply_free(&exchange->reply);
    llmd_error_free(exchange->error);
    llmd__wipe(exchange->body, exchange->body_len); /* it may be a Secret */
    llmd__free(exchange->body);
    llmd__free(exchange->method);
    llmd__free(exchange->shown_url);
    llmd__http_put(exchange->http);
    llmd__free(exchange);
}

int64_t llmd__exchange_limit_us(const struct exchange *exchange)
{
    if (exchange->answered)
        return exchange->idle_timeout_ms > 0
                   ? exchange->active_us + exchange->idle_timeout_ms * 1000
                   : INT64_MAX;
    return exchange->first_byte_timeout_ms > 0
               ? exchange->reply.start_us + exchange->first_byte_timeout_ms * 1000
               : INT64_MAX;
}

llmd_error *llmd__exchange_expired(const struct exchange *exchange)
{
    llmd_error *error;

    if (exchange->answered)
        error = llmd__error(LLMD_E_TIMEOUT, "%s %s: the answer stopped: silence for %.1f s",
                            exchange->method, exchange->shown_url,
                            (double)exchange->idle_timeout_ms / 1000);
    else
        error = llmd__error(LLMD_E_TIMEOUT, "%s %s: no answer within %.1f s", exchange->method,
                            exchange->shown_url, (double)exchange->first_byte_timeout_ms / 1000);
    return llmd__error_set_retry(error, true, 0);
}

llmd_error *llmd__exchange_interrupted(const struct exchange *exchange, llmd_error *error)
{
    const char *awaited = !exchange->sent          ? "a connection"
                          : !exchange->answered    ? "the answer"
                          : exchange->sink.on_data ? "more of the answer"
                                                   : "the rest of the answer";
    int64_t since_us = exchange->answered ? exchange->active_us : exchange->reply.start_us;

    return llmd__error_wrap(error, "%s %s: waited %.1f s for %s", exchange->method,
                            exchange->shown_url, (double)(llmd__clock_mono_us() - since_us) / 1e6,
                            awaited);
}
