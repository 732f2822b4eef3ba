/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing. All that goes out passes send_dripping and send_body, so that every fault works with
 * every kind of reply.
 */
#include "sandbox/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {{200, "OK"},
                 {201, "Created"},
                 {202, "Accepted"},
                 {204, "No Content"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {409, "Conflict"},
                 {410, "Gone"},
                 {415, "Unsupported Media Type"},
                 {422, "Unprocessable Entity"},
                 {429, "Too Many Requests"},
                 {500, "Internal Server Error"},
                 {502, "Bad Gateway"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Status";
}

long conn_recv(struct conn *conn, void *data, size_t len)
{
    if (conn->ssl)
        return SSL_read(conn->ssl, data, len > 65536 ? 65536 : (int)len);
    ssize_t n;
    do
        n = recv(conn->fd, data, len, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

static long send_some(struct conn *conn, const char *data, size_t len)
{
    if (conn->ssl)
        return SSL_write(conn->ssl, data, len > 65536 ? 65536 : (int)len);
    return send(conn->fd, data, len, MSG_NOSIGNAL);
}

bool conn_send(struct conn *conn, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0 && !conn->dead) {
        long n = send_some(conn, at, len);
        if (n < 0 && !conn->ssl && errno == EINTR)
            continue;
        if (n <= 0) {
            conn->dead = true;
            break;
        }
        at += n;
        len -= (size_t)n;
    }
    return !conn->dead;
}

bool conn_wait(struct conn *conn, int ms)
{
    if (conn->dead)
        return false;
    /* A stopping server shuts the socket down, so this poll sees both ways of ending. */
    struct pollfd entry = {.fd = conn->fd, .events = POLLRDHUP};
    int n;
    do
        n = poll(&entry, 1, ms);
    while (n < 0 && errno == EINTR);
    if (n != 0)
        conn->dead = true;
    return !conn->dead;
}

bool conn_replied(const struct conn *conn)
{
    return conn->replied || conn->dead;
}

void conn_close(struct conn *conn)
{
    conn->close = true;
}

void conn_reset(struct conn *conn)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    conn->dead = true;
}

void conn_drip(struct conn *conn, int ms_per_byte)
{
    conn->drip_ms = ms_per_byte;
}

void conn_cut(struct conn *conn, size_t after_bytes, enum cut how)
{
    conn->cut_at = (int64_t)after_bytes;
    conn->cut_how = how;
}

void conn_cut_in_character(struct conn *conn, enum cut how)
{
    conn->cut_in_character = true;
    conn->cut_how = how;
}

void conn_begin_reply(struct conn *conn)
{
    free(conn->extra);
    conn->extra = NULL;
    conn->extra_len = 0;
    conn->replied = conn->streaming = false;
    conn->drip_ms = -1;
    conn->cut_at = -1;
    conn->cut_in_character = false;
}

void reply_header(struct conn *conn, const char *name, const char *value)
{
    size_t len = strlen(name) + strlen(value) + 4;
    conn->extra = must_realloc(conn->extra, conn->extra_len + len + 1);
    snprintf(conn->extra + conn->extra_len, len + 1, "%s: %s\r\n", name, value);
    conn->extra_len += len;
}

static bool send_dripping(struct conn *conn, const char *data, size_t len)
{
    if (conn->drip_ms < 0)
        return conn_send(conn, data, len);
    for (size_t i = 0; i < len; i++)
        if (!conn_send(conn, data + i, 1) || !conn_wait(conn, conn->drip_ms))
            return false;
    return true;
}

static void cut_now(struct conn *conn)
{
    if (conn->cut_how == CUT_RESET)
        conn_reset(conn);
    if (conn->cut_how == CUT_STALL)
        conn_wait(conn, -1);
    conn->dead = true;
    if (conn->cut_how == CUT_CLOSE)
        shutdown(conn->fd, SHUT_WR);
}

/* Where to cut in these bytes of body, or -1. */
static int64_t cut_position(struct conn *conn, const char *data, size_t len)
{
    if (conn->cut_in_character)
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)data[i] >= 0xc0)
                return (int64_t)i + 1;
    if (conn->cut_at < 0)
        return -1;
    if ((size_t)conn->cut_at <= len)
        return conn->cut_at;
    conn->cut_at -= (int64_t)len;
    return -1;
}

static bool send_body(struct conn *conn, const char *data, size_t len)
{
    int64_t cut = cut_position(conn, data, len);
    if (cut < 0)
        return send_dripping(conn, data, len);
    send_dripping(conn, data, (size_t)cut);
    cut_now(conn);
    return false;
}

static bool send_head(struct conn *conn, int status, const char *type, const char *framing)
{
    conn->replied = true;
    char head[512];
    int len =
        snprintf(head, sizeof(head), "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s%s", status,
                 status_text(status), type, framing, conn->close ? "Connection: close\r\n" : "");
    char *all = must_alloc((size_t)len + conn->extra_len + 3);
    memcpy(all, head, (size_t)len);
    if (conn->extra_len)
        memcpy(all + len, conn->extra, conn->extra_len);
    memcpy(all + (size_t)len + conn->extra_len, "\r\n", 2);
    bool alive = send_dripping(conn, all, (size_t)len + conn->extra_len + 2);
    free(all);
    return alive;
}

bool reply(struct conn *conn, int status, const char *type, const void *body, size_t len)
{
    char framing[64];
    snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", len);
    if (!send_head(conn, status, type, framing))
        return false;
    return conn->head_request || send_body(conn, body, len);
}

bool reply_text(struct conn *conn, int status, const char *type, const char *text)
{
    return reply(conn, status, type, text, strlen(text));
}

bool reply_json(struct conn *conn, int status, const char *text)
{
    return reply_text(conn, status, "application/json", text);
}

bool reply_begin_stream(struct conn *conn, int status, const char *type)
{
    conn->streaming = true;
    return send_head(conn, status, type, "Transfer-Encoding: chunked\r\n");
}

bool reply_chunk(struct conn *conn, const void *data, size_t len)
{
    if (len == 0)
        return !conn->dead;
    bool plain = conn->drip_ms < 0 && conn->cut_at < 0 && !conn->cut_in_character;
    char size[32];
    size_t size_len = (size_t)snprintf(size, sizeof(size), "%zx\r\n", len);
    if (!plain) {
        if (!send_dripping(conn, size, size_len) || !send_body(conn, data, len))
            return false;
        return send_dripping(conn, "\r\n", 2);
    }
    /* One write: with TCP_NODELAY three writes would be three segments. */
    char *all = must_alloc(size_len + len + 2);
    memcpy(all, size, size_len);
    memcpy(all + size_len, data, len);
    memcpy(all + size_len + len, "\r\n", 2);
    bool alive = conn_send(conn, all, size_len + len + 2);
    free(all);
    return alive;
}

bool reply_end_stream(struct conn *conn)
{
    conn->streaming = false;
    return conn_send(conn, "0\r\n\r\n", 5);
}

bool reply_raw(struct conn *conn, const void *data, size_t len)
{
    conn->replied = true;
    conn->close = true;
    return send_dripping(conn, data, len);
}
