/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: right, wrong, unknown, not asked for. */
#include "support/certificate.h"
#include "support/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

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

static struct server *start_asking(void)
{
    struct server *server =
        server_start_with(&(struct httpd_options){.tls = TLS_GOOD, .ask_client_cert = true});

    server_on_json(server, "GET", "/ok", 200, "{}");
    return server;
}

static void test_client_certificate(void **state)
{
    struct server *server = start_asking();
    struct place place = {.server = server};
    char *cert = NULL, *key = NULL;

    (void)state;
    certificate_make("jane", &cert, &key);
    struct http_config config = {.base_url = server_url(server),
                                 .ca_pem = server_ca(server),
                                 .client_cert_pem = cert,
                                 .client_key_pem = key,
                                 .proxy_url = ""};
    assert_null(llmd__http_open(&config, &place.http));
    assert_int_equal(send_status(&place, NULL, &get_ok), 200);
    assert_string_equal(server_last_request(server)->client_subject, "CN=jane");
    llmd__http_put(place.http);
    /* One that cannot be read is the caller's mistake, and is not tried again. */
    config.client_key_pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_null(llmd__http_open(&config, &place.http));
    send_fails(&place, NULL, &get_ok, LLMD_E_INVALID, "the client certificate or its key");
    llmd__http_put(place.http);
    server_stop(server);
    free(cert);
    free(key);
}

struct renewing {
    char *cert[2], *key[2];
    int which;
};

static int give_certificate(void *data, struct buf *cert_pem, struct buf *key_pem)
{
    const struct renewing *renewing = data;

    if (renewing->which > 1)
        return 0;
    llmd__buf_str(cert_pem, renewing->cert[renewing->which]);
    llmd__buf_str(key_pem, renewing->key[renewing->which]);
    return 1;
}

/* As an exec plugin does it. A connection made with the old certificate is not used for the new. */
static void test_renewed_certificate(void **state)
{
    static const char *const want[] = {"CN=one", "CN=one", "CN=two", ""};
    static const int which[] = {0, 0, 1, 2};
    struct server *server = start_asking();
    struct place place = {.server = server};
    struct renewing renewing = {0};

    (void)state;
    certificate_make("one", &renewing.cert[0], &renewing.key[0]);
    certificate_make("two", &renewing.cert[1], &renewing.key[1]);
    const struct http_config config = {.base_url = server_url(server),
                                       .ca_pem = server_ca(server),
                                       .certificates = give_certificate,
                                       .auth = {.data = &renewing},
                                       .proxy_url = ""};
    assert_null(llmd__http_open(&config, &place.http));
    for (int i = 0; i < 4; i++) {
        renewing.which = which[i];
        assert_int_equal(send_status(&place, NULL, &get_ok), 200);
        assert_string_equal(server_last_request(server)->client_subject, want[i]);
    }
    assert_int_equal(server_connections(server), 3);
    llmd__http_put(place.http);
    server_stop(server);
    for (int i = 0; i < 2; i++) {
        free(renewing.cert[i]);
        free(renewing.key[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_tls),
        PLACE_TEST(test_tls_to_a_plain_server),
        PLACE_TEST(test_insecure_and_server_name),
        PLACE_TEST(test_client_certificate),
        PLACE_TEST(test_renewed_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
