/* SPDX-License-Identifier: Apache-2.0 */
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct http *place_open(const char *url, const char *ca)
{
    struct http *http = NULL;
    const struct http_config config = {.base_url = url, .ca_pem = ca, .proxy_url = ""};
    llmd_error *error = llmd__http_open(&config, &http);

    if (error)
        print_error("open: %s\n", llmd_error_message(error));
    assert_null(error);
    return http;
}

int place_set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    place->server = server_start(NULL, NULL);
    server_on_json(place->server, NULL, "/ok", 200, "{\"ok\":true}");
    place->http = place_open(server_url(place->server), NULL);
    *state = place;
    return 0;
}

int place_tear_down(void **state)
{
    struct place *place = *state;

    llmd__http_put(place->http);
    server_stop(place->server);
    free(place);
    return 0;
}

const struct http_request get_ok = {.method = "GET", .path = "/ok", .idempotent = true};

struct http_request request_of(const char *method)
{
    struct http_request request = {.method = method, .path = "/ok"};

    if (strcmp(method, "POST") == 0) {
        request.body = "{}";
        request.body_len = 2;
        request.content_type = "application/json";
    } else {
        request.idempotent = true;
    }
    return request;
}

void assert_error(llmd_error *error, llmd_code code, const char *words)
{
    assert_non_null(error);
    if (llmd_error_code(error) != code || !strstr(llmd_error_message(error), words))
        print_error("got %s: %s\n", llmd_code_name(llmd_error_code(error)),
                    llmd_error_message(error));
    assert_int_equal(llmd_error_code(error), code);
    assert_non_null(strstr(llmd_error_message(error), words));
    llmd_error_free(error);
}

/* One send; the status, or 0 with the error's words checked. */
int send_status(struct place *place, llmd_context *ctx, const struct http_request *request)
{
    struct http_reply reply;
    llmd_error *error = llmd__http_send(ctx, place->http, request, &reply);
    int status = reply.status;

    if (error)
        print_error("%s\n", llmd_error_message(error));
    assert_null(error);
    llmd__http_reply_free(&reply);
    return status;
}

void send_fails(struct place *place, llmd_context *ctx, const struct http_request *request,
                llmd_code code, const char *words)
{
    struct http_reply reply;

    assert_error(llmd__http_send(ctx, place->http, request, &reply), code, words);
    llmd__http_reply_free(&reply);
}
