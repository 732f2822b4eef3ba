/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: right, wrong, unknown, not asked for. */
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

static void test_tls(void **state)
{
    static const struct {
        enum httpd_tls kind;
        bool trust;
        const char *words;
    } rows[] = {
        {TLS_GOOD, true, NULL},
        {TLS_GOOD, false, "TLS: certificate is not trusted ("},
        {TLS_WRONG_HOST, true, "TLS: certificate is for another name"},
        {TLS_EXPIRED, true, "TLS: certificate has expired"},
        {TLS_UNKNOWN_CA, true, "TLS: certificate is not trusted (its issuer is unknown)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct server *server = server_start_tls(rows[i].kind, NULL, NULL);
        server_on_json(server, "GET", "/ok", 200, "{}");
        struct place place = {.server = server};
        place.http = place_open(server_url(server), rows[i].trust ? server_ca(server) : NULL);
        if (rows[i].words)
            send_fails(&place, NULL, &get_ok, LLMD_E_UNREACHABLE, rows[i].words);
        else
            assert_int_equal(send_status(&place, NULL, &get_ok), 200);
        /* Distrust is not retried. */
        assert_true(server_connections(server) <= 1);
        llmd__http_put(place.http);
        server_stop(server);
    }
}

static void test_tls_to_a_plain_server(void **state)
{
    struct place *place = *state;
    struct place other = {.server = place->server};
    struct http_config config = {.proxy_url = "", .connect_timeout_ms = 200};
    struct http_request once = get_ok;
    char url[64];

    once.no_retry = true;
    snprintf(url, sizeof url, "https://127.0.0.1:%d", server_port(place->server));
    config.base_url = url;
    assert_null(llmd__http_open(&config, &other.http));
    send_fails(&other, NULL, &once, LLMD_E_UNREACHABLE, "TLS: the server did not answer in time");
    llmd__http_put(other.http);
}

static void test_insecure_and_server_name(void **state)
{
    struct server *server = server_start_tls(TLS_WRONG_HOST, NULL, NULL);
    struct http_config config = {.base_url = server_url(server),
                                 .ca_pem = server_ca(server),
                                 .server_name = "elsewhere.example",
                                 .proxy_url = ""};
    struct place place = {.server = server};
    char host[64];

    (void)state;
    server_on_json(server, "GET", "/ok", 200, "{}");
    assert_null(llmd__http_open(&config, &place.http));
    assert_int_equal(send_status(&place, NULL, &get_ok), 200);
    snprintf(host, sizeof host, "127.0.0.1:%d", server_port(server));
    assert_string_equal(request_header(server_last_request(server), "host"), host);
    llmd__http_put(place.http);
    config =
        (struct http_config){.base_url = server_url(server), .insecure = true, .proxy_url = ""};
    assert_null(llmd__http_open(&config, &place.http));
    assert_int_equal(send_status(&place, NULL, &get_ok), 200);
    llmd__http_put(place.http);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_tls),
        PLACE_TEST(test_tls_to_a_plain_server),
        PLACE_TEST(test_insecure_and_server_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
