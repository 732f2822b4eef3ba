/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 server for the sandbox and for tests: loopback only, one thread a connection,
 * so handlers may block. It depends on libc and OpenSSL alone and never on the library's allocator:
 * a test that fails the n-th allocation of the library must not hit its own server.
 *
 *     static void hello(struct conn *conn, const struct request *request, void *data)
 *     {
 *         reply_json(conn, 200, "{\"hello\":true}");
 *     }
 *     struct httpd *httpd = httpd_start(&(struct httpd_options){.handler = hello});
 *     ... httpd_url(httpd) is "http://127.0.0.1:PORT" ...
 *     httpd_stop(httpd);
 *
 * A stream:  reply_begin_stream(conn, 200, "text/event-stream");
 *            while (conn_wait(conn, 10) && reply_chunk(conn, text, len)) ...
 *            reply_end_stream(conn);
 *
 * A fault wraps whatever the handler then answers: conn_drip(conn, 2) sends it byte by byte,
 * conn_cut(conn, 17, CUT_RESET) resets the connection after 17 bytes of body. Faults by name:
 * sandbox/fault.h. The scripted server with recording and counting: tests/support/server.h.
 */
#ifndef SANDBOX_HTTPD_H
#define SANDBOX_HTTPD_H

#include <stdbool.h>
#include <stddef.h>

struct httpd;
struct conn;

struct header {
    char *name;
    char *value;
};

struct request {
    char *method;
    char *target; /* as sent: "/a%20b?c=d" */
    char *path;   /* "/a b", percent-decoded */
    char *query;  /* "c=d" as sent, or "" */
    struct header *headers;
    size_t header_count;
    char *body; /* NUL-ended, never NULL */
    size_t body_len;
    char *client_subject; /* client certificate's "CN=x,O=y", or "" */
    unsigned connection;  /* number of its connection, from 1 */
};

typedef void (*request_handler)(struct conn *conn, const struct request *request, void *data);

enum httpd_tls {
    TLS_NONE,
    TLS_GOOD,       /* for 127.0.0.1 and localhost, by httpd_ca() */
    TLS_WRONG_HOST, /* for elsewhere.example only */
    TLS_EXPIRED,
    TLS_UNKNOWN_CA /* signed by a CA that httpd_ca() does not show */
};

struct httpd_options {
    request_handler handler;
    void *data;
    int port; /* 0: any free one */
    enum httpd_tls tls;
    bool ask_client_cert; /* TLS: any certificate is taken, see client_subject */
    /* Called when a connection was accepted, before anything is read; false: reset it. */
    bool (*accept)(void *data);
};

/* NULL (and a line on stderr) when the port is taken. */
struct httpd *httpd_start(const struct httpd_options *options);
void httpd_stop(struct httpd *httpd);             /* cuts all connections, joins all threads */
const char *httpd_url(const struct httpd *httpd); /* no trailing slash */
int httpd_port(const struct httpd *httpd);
const char *httpd_ca(const struct httpd *httpd); /* PEM; "" without TLS */
unsigned httpd_connections(struct httpd *httpd); /* accepted so far */
unsigned httpd_open_connections(struct httpd *httpd);
void httpd_cut_all(struct httpd *httpd); /* resets all open connections */
/* true: the port is closed (connection refused) and open connections are cut, as if the program
   had died; false: back on the same port. */
void httpd_refuse(struct httpd *httpd, bool refuse);

/* Request. Header names are compared without case; NULL when absent. */
const char *request_header(const struct request *request, const char *name);
/* As path, but "%2F" is left as sent: a slash in a name that is no separator. To be freed. */
char *request_path_of_names(const struct request *request);
/* The decoded value of a query parameter, to be freed; NULL when absent. */
char *request_query(const struct request *request, const char *name);

/* Replies. All return false once the client is gone. */
void reply_header(struct conn *conn, const char *name, const char *value); /* before the reply */
bool reply(struct conn *conn, int status, const char *type, const void *body, size_t len);
bool reply_text(struct conn *conn, int status, const char *type, const char *text);
bool reply_json(struct conn *conn, int status, const char *text);
bool reply_begin_stream(struct conn *conn, int status, const char *type); /* chunked */
bool reply_chunk(struct conn *conn, const void *data, size_t len);
bool reply_end_stream(struct conn *conn);
bool reply_raw(struct conn *conn, const void *data, size_t len); /* these very bytes; then close */

/* Sleeps; false at once when the client goes away or the server stops. 0: only looks. */
bool conn_wait(struct conn *conn, int ms);
bool conn_replied(const struct conn *conn);
void conn_close(struct conn *conn); /* after the reply: do not keep it alive */
void conn_reset(struct conn *conn); /* RST now */

enum cut { CUT_CLOSE, CUT_RESET, CUT_STALL };
void conn_drip(struct conn *conn, int ms_per_byte); /* the coming reply, byte by byte */
void conn_cut(struct conn *conn, size_t after_bytes, enum cut how); /* bytes of body */
void conn_cut_in_character(struct conn *conn, enum cut how); /* inside the first non-ASCII one */

#endif
