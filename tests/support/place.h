/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted server that answers GET /ok, and an http that talks to it: a cmocka fixture. */
#ifndef TESTS_SUPPORT_PLACE_H
#define TESTS_SUPPORT_PLACE_H

#include "net/http.h"
#include "support/server.h"

struct place {
    struct server *server;
    struct http *http;
};

/* cmocka: *state is a struct place. */
int place_set_up(void **state);
int place_tear_down(void **state);
#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)

/* No proxy, ca may be NULL. */
struct http *place_open(const char *url, const char *ca);

extern const struct http_request get_ok;            /* idempotent */
struct http_request request_of(const char *method); /* to /ok; a POST has a body */

/* One send that must be answered; its status. */
int send_status(struct place *place, llmd_context *ctx, const struct http_request *request);
/* One send that must fail so; words is a part of the message. */
void send_fails(struct place *place, llmd_context *ctx, const struct http_request *request,
                llmd_code code, const char *words);
/* Frees the error. */
void assert_error(llmd_error *error, llmd_code code, const char *words);

#endif
