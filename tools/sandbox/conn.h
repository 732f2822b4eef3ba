/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a connection, shared by the files of the HTTP server only. */
#ifndef SANDBOX_CONN_H
#define SANDBOX_CONN_H

#include "sandbox/httpd.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct conn {
    struct httpd *httpd;
    struct conn *next;
    struct conn *previous;
    SSL *ssl;
    int fd;
    unsigned number;
    char *in; /* received, not yet used */
    size_t in_len;
    size_t in_cap;
    char *extra; /* header lines of the coming reply */
    size_t extra_len;
    bool replied;
    bool streaming;
    bool close; /* after this reply */
    bool dead;
    bool head_request; /* HEAD: no body */
    int drip_ms;       /* -1: none */
    int64_t cut_at;    /* -1: none; bytes of body still to come */
    bool cut_in_character;
    enum cut cut_how;
};

/* 1: a request; 0: the client closed between requests; -1: broken. */
int conn_read_request(struct conn *conn, struct request *request);
void request_clear(struct request *request);
void conn_begin_reply(struct conn *conn); /* forgets the last reply's state */
bool conn_send(struct conn *conn, const void *data, size_t len);
long conn_recv(struct conn *conn, void *data, size_t len);

/* tls.c */
struct tls;
struct tls *tls_new(enum httpd_tls kind, bool ask_client_cert);
void tls_free(struct tls *tls);
const char *tls_ca(const struct tls *tls);
SSL *tls_accept(struct tls *tls, int fd); /* NULL: the handshake failed */
char *tls_client_subject(SSL *ssl);       /* never NULL, to be freed */

/* Memory of the server: plain libc; without memory the program ends. */
void *must_alloc(size_t size);
void *must_realloc(void *block, size_t size);
char *must_strndup(const char *text, size_t len);

#endif
