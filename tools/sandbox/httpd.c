/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening and the life of connections. A thread a connection is the simplest thing that lets a
 * handler wait, and ten thousand sleeping threads cost little but address space.
 */
#include "sandbox/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ten thousand streams are ten thousand threads; handlers keep big things on the heap. */
#define STACK_SIZE (256 * 1024)

struct httpd {
    struct httpd_options options;
    struct tls *tls;
    char url[64];
    int port;
    int listener; /* -1 while refusing */
    pthread_t acceptor;
    pthread_mutex_t mutex;
    pthread_cond_t idle; /* a connection ended */
    struct conn *conns;
    unsigned accepted;
    unsigned open;
    bool stopping;
};

void *must_alloc(size_t size)
{
    return must_realloc(NULL, size);
}

void *must_realloc(void *block, size_t size)
{
    void *fresh = realloc(block, size ? size : 1);
    if (!fresh)
        abort();
    return fresh;
}

char *must_strndup(const char *text, size_t len)
{
    char *copy = must_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static void link_conn(struct httpd *httpd, struct conn *conn)
{
    conn->next = httpd->conns;
    if (conn->next)
        conn->next->previous = conn;
    httpd->conns = conn;
    httpd->open++;
}

static void end_conn(struct conn *conn)
{
    struct httpd *httpd = conn->httpd;
    if (conn->ssl && !conn->dead)
        SSL_shutdown(conn->ssl);
    /* Closing under the lock: httpd_cut_all must never shut a descriptor that was reused. */
    pthread_mutex_lock(&httpd->mutex);
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        httpd->conns = conn->next;
    if (conn->next)
        conn->next->previous = conn->previous;
    SSL_free(conn->ssl);
    if (conn->fd >= 0)
        close(conn->fd);
    free(conn->in);
    free(conn->extra);
    free(conn);
    httpd->open--;
    pthread_cond_broadcast(&httpd->idle);
    pthread_mutex_unlock(&httpd->mutex);
}

static void serve_requests(struct conn *conn)
{
    const struct httpd_options *options = &conn->httpd->options;
    struct request request;
    while (!conn->dead && !conn->close && conn_read_request(conn, &request) == 1) {
        conn_begin_reply(conn);
        options->handler(conn, &request, options->data);
        if (!conn->replied && !conn->dead)
            reply_text(conn, 500, "text/plain", "no reply\n");
        if (conn->streaming)
            conn->close = true;
        request_clear(&request);
    }
}

static void *serve_conn(void *data)
{
    struct conn *conn = data;
    struct httpd *httpd = conn->httpd;
    /* A write to a closed TLS connection must not kill the program. */
    sigset_t signals;
    sigfillset(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (httpd->options.accept && !httpd->options.accept(httpd->options.data))
        conn_reset(conn);
    if (httpd->tls && !conn->dead) {
        conn->ssl = tls_accept(httpd->tls, conn->fd);
        conn->dead = !conn->ssl;
    }
    if (!conn->dead)
        serve_requests(conn);
    end_conn(conn);
    return NULL;
}

static void start_conn(struct httpd *httpd, int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct conn *conn = must_alloc(sizeof(*conn));
    *conn = (struct conn){.httpd = httpd, .fd = fd, .drip_ms = -1, .cut_at = -1};
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_mutex_lock(&httpd->mutex);
    conn->number = ++httpd->accepted;
    link_conn(httpd, conn);
    bool stopping = httpd->stopping || httpd->listener < 0;
    pthread_mutex_unlock(&httpd->mutex);
    pthread_t thread;
    if (stopping || pthread_create(&thread, &attr, serve_conn, conn) != 0)
        end_conn(conn);
    pthread_attr_destroy(&attr);
}

static void *accept_conns(void *data)
{
    struct httpd *httpd = data;
    sigset_t signals;
    sigfillset(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_mutex_lock(&httpd->mutex);
    int listener = httpd->listener;
    pthread_mutex_unlock(&httpd->mutex);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            start_conn(httpd, fd);
        else if (errno == EMFILE || errno == ENFILE)
            usleep(10000);
        else if (errno != EINTR && errno != ECONNABORTED)
            return NULL; /* shutdown() of the listener ends us */
    }
}

static int open_listener(int port, int *bound)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        fprintf(stderr, "cannot listen on 127.0.0.1:%d: %s\n", port, strerror(errno));
        close(fd);
        return -1;
    }
    *bound = ntohs(address.sin_port);
    return fd;
}

static bool start_listening(struct httpd *httpd, int port)
{
    int bound = 0;
    int fd = open_listener(port, &bound);
    if (fd < 0)
        return false;
    if (!httpd->port) /* later it is the same, and others read it */
        httpd->port = bound;
    pthread_mutex_lock(&httpd->mutex);
    httpd->listener = fd;
    pthread_mutex_unlock(&httpd->mutex);
    return pthread_create(&httpd->acceptor, NULL, accept_conns, httpd) == 0;
}

static void stop_listening(struct httpd *httpd)
{
    pthread_mutex_lock(&httpd->mutex);
    int fd = httpd->listener;
    httpd->listener = -1;
    pthread_mutex_unlock(&httpd->mutex);
    if (fd < 0)
        return;
    shutdown(fd, SHUT_RDWR);
    pthread_join(httpd->acceptor, NULL);
    close(fd);
}

struct httpd *httpd_start(const struct httpd_options *options)
{
    struct httpd *httpd = must_alloc(sizeof(*httpd));
    *httpd = (struct httpd){.options = *options, .listener = -1};
    pthread_mutex_init(&httpd->mutex, NULL);
    pthread_cond_init(&httpd->idle, NULL);
    if (options->tls != TLS_NONE)
        httpd->tls = tls_new(options->tls, options->ask_client_cert);
    if (!start_listening(httpd, options->port)) {
        tls_free(httpd->tls);
        free(httpd);
        return NULL;
    }
    snprintf(httpd->url, sizeof(httpd->url), "%s://127.0.0.1:%d", httpd->tls ? "https" : "http",
             httpd->port);
    return httpd;
}

static void shut_all(struct httpd *httpd, bool reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    for (struct conn *conn = httpd->conns; conn; conn = conn->next) {
        if (conn->fd < 0)
            continue;
        if (reset)
            setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        shutdown(conn->fd, reset ? SHUT_RD : SHUT_RDWR);
    }
}

void httpd_cut_all(struct httpd *httpd)
{
    pthread_mutex_lock(&httpd->mutex);
    shut_all(httpd, true);
    pthread_mutex_unlock(&httpd->mutex);
}

static void end_all(struct httpd *httpd)
{
    pthread_mutex_lock(&httpd->mutex);
    while (httpd->open > 0) {
        shut_all(httpd, false);
        pthread_cond_wait(&httpd->idle, &httpd->mutex);
    }
    pthread_mutex_unlock(&httpd->mutex);
}

void httpd_refuse(struct httpd *httpd, bool refuse)
{
    if (!refuse) {
        start_listening(httpd, httpd->port);
        return;
    }
    stop_listening(httpd);
    end_all(httpd);
}

void httpd_stop(struct httpd *httpd)
{
    if (!httpd)
        return;
    pthread_mutex_lock(&httpd->mutex);
    httpd->stopping = true;
    pthread_mutex_unlock(&httpd->mutex);
    stop_listening(httpd);
    end_all(httpd);
    tls_free(httpd->tls);
    pthread_mutex_destroy(&httpd->mutex);
    pthread_cond_destroy(&httpd->idle);
    free(httpd);
}

const char *httpd_url(const struct httpd *httpd)
{
    return httpd->url;
}

int httpd_port(const struct httpd *httpd)
{
    return httpd->port;
}

const char *httpd_ca(const struct httpd *httpd)
{
    return httpd->tls ? tls_ca(httpd->tls) : "";
}

static unsigned read_counter(struct httpd *httpd, const unsigned *counter)
{
    pthread_mutex_lock(&httpd->mutex);
    unsigned value = *counter;
    pthread_mutex_unlock(&httpd->mutex);
    return value;
}

unsigned httpd_connections(struct httpd *httpd)
{
    return read_counter(httpd, &httpd->accepted);
}

unsigned httpd_open_connections(struct httpd *httpd)
{
    return read_counter(httpd, &httpd->open);
}
