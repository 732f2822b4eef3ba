/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults are bytes on the wire, not errors of a library: each is what a client would really meet
 * when a proxy, a dying pod or a wrong port answers.
 */
#include "sandbox/fault.h"
#include "sandbox/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void reply_throttled(struct conn *conn, int seconds, bool as_date)
{
    char value[64];
    time_t then = time(NULL) + seconds;
    struct tm parts;
    gmtime_r(&then, &parts);
    if (as_date)
        strftime(value, sizeof(value), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    else
        snprintf(value, sizeof(value), "%d", seconds);
    if (seconds > 0 || as_date)
        reply_header(conn, "Retry-After", value);
    reply_json(conn, 429,
               "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
               "\"message\":\"too many requests\",\"reason\":\"TooManyRequests\",\"code\":429}");
}

static void reply_huge(struct conn *conn, int mib, bool chunked)
{
    size_t block_len = 1024 * 1024;
    char *block = must_alloc(block_len);
    memset(block, 'x', block_len);
    char head[160];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n\"",
                       (size_t)mib * block_len + 2);
    bool alive =
        chunked ? reply_begin_stream(conn, 200, "application/json") && reply_chunk(conn, "\"", 1)
                : reply_raw(conn, head, (size_t)len);
    for (int i = 0; i < mib && alive; i++)
        alive = chunked ? reply_chunk(conn, block, block_len) : conn_send(conn, block, block_len);
    if (alive && chunked)
        alive = reply_chunk(conn, "\"", 1) && reply_end_stream(conn);
    else if (alive)
        conn_send(conn, "\"", 1);
    free(block);
}

static void send_text(struct conn *conn, const char *text)
{
    reply_raw(conn, text, strlen(text));
}

static const struct {
    enum fault fault;
    const char *bytes;
} raw_faults[] = {
    {FAULT_CLOSE_AFTER_HEADERS,
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"},
    {FAULT_STALL_AFTER_HEADERS,
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"},
    {FAULT_BAD_STATUS_LINE, "HTTP/1.1 two hundred OK\r\nContent-Length: 2\r\n\r\n{}"},
    {FAULT_BAD_HEADER, "HTTP/1.1 200 OK\r\nthis is no header\r\nContent-Length: 2\r\n\r\n{}"},
    {FAULT_BAD_LENGTH, "HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\n{}"},
    {FAULT_BAD_CHUNK,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\n{}\r\n0\r\n\r\n"},
    {FAULT_SHORT_CHUNK, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"a\":"},
    {FAULT_BAD_JSON, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"
                     "Connection: close\r\n\r\n{\"a\": ["},
    {FAULT_NOT_HTTP, "SSH-2.0-OpenSSH_9.2p1\r\n"},
};

static bool reply_raw_fault(struct conn *conn, enum fault fault)
{
    for (size_t i = 0; i < sizeof(raw_faults) / sizeof(raw_faults[0]); i++) {
        if (raw_faults[i].fault != fault)
            continue;
        send_text(conn, raw_faults[i].bytes);
        if (fault == FAULT_STALL_AFTER_HEADERS)
            conn_wait(conn, -1);
        return true;
    }
    return false;
}

static bool bend_reply(struct conn *conn, enum fault fault, int number)
{
    if (fault == FAULT_DRIP)
        conn_drip(conn, number);
    else if (fault == FAULT_CUT_UTF8 || fault == FAULT_STALL_UTF8)
        conn_cut_in_character(conn, fault == FAULT_CUT_UTF8 ? CUT_CLOSE : CUT_STALL);
    else if (fault == FAULT_RESET_MID)
        conn_cut(conn, (size_t)number, CUT_RESET);
    else if (fault == FAULT_CLOSE_MID)
        conn_cut(conn, (size_t)number, CUT_CLOSE);
    else if (fault == FAULT_STALL_MID)
        conn_cut(conn, (size_t)number, CUT_STALL);
    return false;
}

bool reply_fault(struct conn *conn, enum fault fault, int number)
{
    if (reply_raw_fault(conn, fault))
        return true;
    switch (fault) {
    case FAULT_RESET:
        conn_reset(conn);
        return true;
    case FAULT_CLOSE:
        reply_raw(conn, "", 0);
        return true;
    case FAULT_STALL:
        conn_wait(conn, -1);
        return true;
    case FAULT_429:
    case FAULT_429_DATE:
        reply_throttled(conn, number, fault == FAULT_429_DATE);
        return true;
    case FAULT_STATUS:
        reply_text(conn, number, "text/plain", "");
        return true;
    case FAULT_HUGE:
    case FAULT_HUGE_CHUNKED:
        reply_huge(conn, number, fault == FAULT_HUGE_CHUNKED);
        return true;
    default:
        return bend_reply(conn, fault, number);
    }
}

enum fault fault_by_name(const char *name)
{
    static const struct {
        const char *name;
        enum fault fault;
    } names[] = {{"reset", FAULT_RESET},
                 {"close", FAULT_CLOSE},
                 {"stall", FAULT_STALL},
                 {"close-after-headers", FAULT_CLOSE_AFTER_HEADERS},
                 {"stall-after-headers", FAULT_STALL_AFTER_HEADERS},
                 {"429", FAULT_429},
                 {"429-date", FAULT_429_DATE},
                 {"status", FAULT_STATUS},
                 {"huge", FAULT_HUGE},
                 {"huge-chunked", FAULT_HUGE_CHUNKED},
                 {"bad-status-line", FAULT_BAD_STATUS_LINE},
                 {"bad-header", FAULT_BAD_HEADER},
                 {"bad-length", FAULT_BAD_LENGTH},
                 {"bad-chunk", FAULT_BAD_CHUNK},
                 {"short-chunk", FAULT_SHORT_CHUNK},
                 {"bad-json", FAULT_BAD_JSON},
                 {"not-http", FAULT_NOT_HTTP},
                 {"reset-mid", FAULT_RESET_MID},
                 {"close-mid", FAULT_CLOSE_MID},
                 {"stall-mid", FAULT_STALL_MID},
                 {"cut-utf8", FAULT_CUT_UTF8},
                 {"stall-utf8", FAULT_STALL_UTF8},
                 {"drip", FAULT_DRIP}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].fault;
    return FAULT_NONE;
}
