/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: strict where a client could go wrong, patient about how bytes arrive. */
#include "sandbox/conn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_HEAD (256 * 1024)
#define MAX_BODY (256u * 1024 * 1024)

void request_clear(struct request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    free(request->headers);
    free(request->method);
    free(request->target);
    free(request->path);
    free(request->query);
    free(request->body);
    free(request->client_subject);
    *request = (struct request){0};
}

const char *request_header(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum part { PART_PATH, PART_NAMES, PART_QUERY };

static char *decode(const char *text, size_t len, enum part part)
{
    char *out = must_alloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            char decoded = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            if (decoded != '/' || part != PART_NAMES) {
                c = decoded;
                i += 2;
            }
        } else if (c == '+' && part == PART_QUERY) {
            c = ' ';
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return out;
}

char *request_path_of_names(const struct request *request)
{
    return decode(request->target, strcspn(request->target, "?"), PART_NAMES);
}

char *request_query(const struct request *request, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *at = request->query; *at;) {
        size_t len = strcspn(at, "&");
        if (len >= name_len && strncmp(at, name, name_len) == 0) {
            if (at[name_len] == '=' && len > name_len)
                return decode(at + name_len + 1, len - name_len - 1, PART_QUERY);
            if (len == name_len)
                return must_strndup("", 0);
        }
        at += len + (at[len] == '&');
    }
    return NULL;
}

/* One more read into conn->in; false: the end or an error. */
static bool fill(struct conn *conn)
{
    if (conn->in_cap - conn->in_len < 4096) {
        conn->in_cap = conn->in_cap ? conn->in_cap * 2 : 16384;
        conn->in = must_realloc(conn->in, conn->in_cap + 1);
    }
    long n = conn_recv(conn, conn->in + conn->in_len, conn->in_cap - conn->in_len);
    if (n <= 0)
        return false;
    conn->in_len += (size_t)n;
    conn->in[conn->in_len] = '\0';
    return true;
}

static void drop(struct conn *conn, size_t len)
{
    memmove(conn->in, conn->in + len, conn->in_len - len);
    conn->in_len -= len;
    conn->in[conn->in_len] = '\0';
}

static void add_header(struct request *request, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    const char *value = colon + 1;
    const char *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    request->headers =
        must_realloc(request->headers, (request->header_count + 1) * sizeof(*request->headers));
    request->headers[request->header_count++] = (struct header){
        must_strndup(line, (size_t)(colon - line)), must_strndup(value, (size_t)(end - value))};
}

static bool parse_request_line(struct request *request, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    if (!space)
        return false;
    const char *target = space + 1;
    const char *end = memchr(target, ' ', len - (size_t)(target - line));
    if (!end || strncmp(end + 1, "HTTP/1.", 7) != 0)
        return false;
    size_t target_len = (size_t)(end - target);
    size_t path_len = strcspn(target, "? ");
    request->method = must_strndup(line, (size_t)(space - line));
    request->target = must_strndup(target, target_len);
    request->path = decode(target, path_len, PART_PATH);
    bool has_query = path_len < target_len;
    request->query = has_query ? must_strndup(target + path_len + 1, target_len - path_len - 1)
                               : must_strndup("", 0);
    return true;
}

static bool parse_head(struct request *request, const char *head, size_t len)
{
    const char *end = head + len;
    const char *eol = memmem(head, len, "\r\n", 2);
    if (!parse_request_line(request, head, (size_t)(eol - head)))
        return false;
    for (const char *line = eol + 2; line < end;) {
        eol = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!eol || eol == line)
            break;
        add_header(request, line, (size_t)(eol - line));
        line = eol + 2;
    }
    return true;
}

static bool read_sized(struct conn *conn, size_t len)
{
    while (conn->in_len < len)
        if (!fill(conn))
            return false;
    return true;
}

static void append_body(struct request *request, const char *data, size_t len)
{
    request->body = must_realloc(request->body, request->body_len + len + 1);
    memcpy(request->body + request->body_len, data, len);
    request->body_len += len;
    request->body[request->body_len] = '\0';
}

/* A line without its end, left at the front of conn->in; -1: none came. */
static long read_line(struct conn *conn)
{
    for (;;) {
        char *eol = conn->in_len ? memmem(conn->in, conn->in_len, "\r\n", 2) : NULL;
        if (eol)
            return eol - conn->in;
        if (conn->in_len > MAX_HEAD || !fill(conn))
            return -1;
    }
}

static bool read_chunked(struct conn *conn, struct request *request)
{
    for (;;) {
        long line = read_line(conn);
        if (line < 0)
            return false;
        size_t len = strtoul(conn->in, NULL, 16);
        if (len > MAX_BODY || request->body_len + len > MAX_BODY)
            return false;
        drop(conn, (size_t)line + 2);
        if (!read_sized(conn, len + 2))
            return false;
        append_body(request, conn->in, len);
        drop(conn, len + 2);
        if (len == 0)
            return true;
    }
}

static bool read_body(struct conn *conn, struct request *request)
{
    const char *encoding = request_header(request, "Transfer-Encoding");
    const char *length = request_header(request, "Content-Length");
    const char *expect = request_header(request, "Expect");
    append_body(request, "", 0);
    if (expect && strcasecmp(expect, "100-continue") == 0)
        conn_send(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    if (encoding && strcasecmp(encoding, "chunked") == 0)
        return read_chunked(conn, request);
    size_t len = length ? strtoul(length, NULL, 10) : 0;
    if (len > MAX_BODY || !read_sized(conn, len))
        return false;
    append_body(request, conn->in ? conn->in : "", len);
    if (len)
        drop(conn, len);
    return true;
}

static bool read_rest(struct conn *conn, struct request *request, size_t head_len)
{
    bool good = parse_head(request, conn->in, head_len);
    drop(conn, head_len);
    if (!good || !read_body(conn, request))
        return false;
    request->client_subject = conn->ssl ? tls_client_subject(conn->ssl) : must_strndup("", 0);
    request->connection = conn->number;
    const char *connection = request_header(request, "Connection");
    if (connection && strcasecmp(connection, "close") == 0)
        conn->close = true;
    conn->head_request = strcmp(request->method, "HEAD") == 0;
    return true;
}

int conn_read_request(struct conn *conn, struct request *request)
{
    *request = (struct request){0};
    char *end;
    while (!(end = conn->in_len ? memmem(conn->in, conn->in_len, "\r\n\r\n", 4) : NULL)) {
        if (conn->in_len > MAX_HEAD)
            return -1;
        if (!fill(conn))
            return conn->in_len ? -1 : 0;
    }
    if (read_rest(conn, request, (size_t)(end + 4 - conn->in)))
        return 1;
    request_clear(request);
    return -1;
}
