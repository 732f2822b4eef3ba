/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripted server of the tests: answers by path, fails on command, counts and records.
 *
 *     struct server *server = server_start(NULL, NULL);       // or TLS: server_start_tls
 *     server_on_json(server, "GET", "/version", 200, "{\"major\":\"1\"}");
 *     server_on(server, "POST", "/v1/chat/completions", stream_tokens, NULL);   // own handler
 *     server_fault(server, "/version", FAULT_RESET, 0, 2);    // the next two requests of it
 *     ... use server_url(server) ...
 *     assert_int_equal(server_requests(server), 3);
 *     assert_string_equal(server_request(server, 0)->path, "/version");
 *     server_stop(server);
 *
 * Order of choice for each request: the oldest fault that matches and is not used up, then the
 * newest rule that matches, then the handler of server_start, then 404. Method and path NULL match
 * everything; a path that ends with '*' matches by its beginning. Handlers run on the server's
 * threads: reply functions are in sandbox/httpd.h, faults with their numbers in sandbox/fault.h.
 *
 * Refused connections: server_refuse(server, true). A wrong certificate: server_start_tls with
 * TLS_WRONG_HOST, TLS_EXPIRED, TLS_UNKNOWN_CA. All on 127.0.0.1, any free port. Its memory does not
 * come from the library's allocator, so alloc_fail_at never hits the server.
 */
#ifndef TESTS_SUPPORT_SERVER_H
#define TESTS_SUPPORT_SERVER_H

#include "sandbox/fault.h"
#include "sandbox/httpd.h"

struct server;

struct server *server_start(request_handler handler, void *data);
struct server *server_start_tls(enum httpd_tls kind, request_handler handler, void *data);
struct server *server_start_with(const struct httpd_options *options);
void server_stop(struct server *server);

const char *server_url(const struct server *server); /* "http://127.0.0.1:PORT" */
int server_port(const struct server *server);
const char *server_ca(const struct server *server); /* PEM of the CA to trust; "" plain */

void server_on(struct server *server, const char *method, const char *path, request_handler handler,
               void *data);
void server_on_text(struct server *server, const char *method, const char *path, int status,
                    const char *type, const char *text);
void server_on_json(struct server *server, const char *method, const char *path, int status,
                    const char *text);
/* count: how many requests it hits; -1: all. */
void server_fault(struct server *server, const char *path, enum fault fault, int number, int count);
void server_clear_faults(struct server *server);
/* The first `skip` matching requests pass, then the fault hits `count`. */
void server_fault_after(struct server *server, const char *path, enum fault fault, int number,
                        int skip, int count);
void server_refuse(struct server *server, bool refuse); /* connection refused, same port later */
void server_cut_all(struct server *server);             /* resets every open connection */

unsigned server_requests(struct server *server); /* received, faults included */
unsigned server_requests_of(struct server *server, const char *method, const char *path);
unsigned server_connections(struct server *server);
unsigned server_open_connections(struct server *server);
/* The i-th request (from 0), or NULL; stays valid until server_stop or server_forget. */
const struct request *server_request(struct server *server, unsigned i);
const struct request *server_last_request(struct server *server);
void server_forget(struct server *server); /* the record starts anew */
/* Waits until n requests were received (faults included); false after timeout_ms. */
bool server_await(struct server *server, unsigned n, int timeout_ms);

#endif
