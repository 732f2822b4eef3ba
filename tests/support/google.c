/* SPDX-License-Identifier: Apache-2.0 */
#include "support/google.h"
#include "sandbox/google/tokens.h"
#include "sandbox/conn.h"
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 24

static char token[256];

static int get_token(void)
{
    int status;
    AUTO(json)
    struct json *json =
        api_ask("POST", "/oauth2.googleapis.com/token", "application/x-www-form-urlencoded",
                "grant_type=refresh_token&client_id=" SANDBOX_CLIENT_ID
                "&client_secret=" SANDBOX_CLIENT_SECRET "&refresh_token=" SANDBOX_REFRESH_TOKEN,
                &status);
    snprintf(token, sizeof(token), "%s", llmd__json_str(json, "access_token"));
    return status == 200 && *token ? 0 : -1;
}

int google_start(const char *const *arguments)
{
    const char *all[MAX_ARGUMENTS + 5] = {"--google", "--profile", "empty", NULL};
    int count = 3;
    bool scaled = false;
    for (int i = 0; arguments && arguments[i] && count < MAX_ARGUMENTS; i++) {
        scaled = scaled || strcmp(arguments[i], "--time-scale") == 0;
        all[count++] = arguments[i];
    }
    if (!scaled) {
        all[count++] = "--time-scale";
        all[count++] = "0.0005";
    }
    all[count] = NULL;
    return api_start(all) == 0 ? get_token() : -1;
}

struct json *google_ask(const char *method, const char *path, const char *body, int *status)
{
    char url[1024];
    char *text;
    struct json *json = NULL;
    snprintf(url, sizeof(url), "%s%s", sandbox_process_url(api_sandbox), path);
    *status = sandbox_process_http_as(token, method, url, NULL, body, &text);
    if (text)
        llmd_error_free(llmd__json_parse(text, strlen(text), "answer", &json));
    free(text);
    return json;
}

struct json *google_send(const char *method, const char *path, const char *body)
{
    int status;
    struct json *json = google_ask(method, path, body, &status);
    if (status != 200)
        fail_msg("%s %s: %d %s", method, path, status, llmd__json_str(json, "error.message"));
    return json;
}

struct json *google_get(const char *path)
{
    return google_send("GET", path, NULL);
}

void google_fault(const char *json)
{
    assert_true(sandbox_process_command(api_sandbox, "faults", json));
}

struct json *google_await(const char *operation)
{
    char path[512];
    snprintf(path, sizeof(path), CONTAINER "/operations/%s", operation);
    for (int i = 0; i < 2000; i++) {
        struct json *json = google_get(path);
        if (strcmp(llmd__json_str(json, "status"), "DONE") == 0)
            return json;
        llmd__json_free(json);
        pause_ms(5);
    }
    fail_msg("operation %s never ended", operation);
    return NULL;
}

void google_do(const char *method, const char *path, const char *body)
{
    AUTO(json) struct json *begun = google_send(method, path, body);
    AUTO(json) struct json *done = google_await(llmd__json_str(begun, "name"));
    if (llmd__json_get(done, "error"))
        fail_msg("%s %s: %s", method, path, llmd__json_str(done, "error.message"));
}

void google_make_cluster(void)
{
    google_do("POST", CONTAINER "/clusters",
              "{\"cluster\":{\"name\":\"edge\",\"networkConfig\":{\"gatewayApiConfig\":{"
              "\"channel\":\"CHANNEL_STANDARD\"}},\"nodePools\":[{\"name\":\"system\","
              "\"initialNodeCount\":1,\"config\":{\"machineType\":\"e2-standard-8\"}}]}}");
}

void google_refuses(const char *method, const char *path, const char *body, int status,
                    const char *words)
{
    int got;
    AUTO(json) struct json *json = google_ask(method, path, body, &got);
    if (got != status || !strstr(llmd__json_str(json, "error.message"), words))
        fail_msg("%s %s: %d %s", method, path, got, llmd__json_str(json, "error.message"));
}

/* ---- the Kubernetes side ---- */

static void trust(SSL_CTX *context, const char *encoded)
{
    AUTO(buf) struct buf pem = BUF_INIT;
    llmd_error_free(llmd__base64_decode(encoded, "ca", &pem));
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(certificate);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    X509_free(certificate);
    BIO_free(bio);
}

static char *read_all(BIO *bio)
{
    size_t len = 0;
    size_t cap = 65536;
    char *text = must_alloc(cap);
    for (int n; (n = BIO_read(bio, text + len, (int)(cap - len - 1))) > 0;) {
        len += (size_t)n;
        if (cap - len < 4096)
            text = must_realloc(text, cap *= 2);
    }
    text[len] = '\0';
    return text;
}

static char *exchange(const char *endpoint, const char *ca, const char *request)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    trust(context, ca);
    BIO *bio = BIO_new_ssl_connect(context);
    BIO_set_conn_hostname(bio, endpoint);
    char *text = NULL;
    if (BIO_do_connect(bio) == 1 && BIO_write(bio, request, (int)strlen(request)) > 0)
        text = read_all(bio);
    BIO_free_all(bio);
    SSL_CTX_free(context);
    return text;
}

struct json *google_kube(const char *method, const char *path, const char *body, int *status)
{
    struct json *json = NULL;
    char *text = NULL;
    bool patch = strcmp(method, "PATCH") == 0;
    AUTO(json) struct json *cluster = google_get(CONTAINER "/clusters/edge");
    AUTO(str)
    char *request = llmd__format(
        "%s %s HTTP/1.1\r\nHost: cluster\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
        method, path, token, patch ? APPLY : "application/json", body ? strlen(body) : 0,
        body ? body : "");
    char *received = exchange(llmd__json_str(cluster, "endpoint"),
                              llmd__json_str(cluster, "masterAuth.clusterCaCertificate"), request);
    *status = received ? sandbox_process_answer(received, &text) : 0;
    if (text)
        llmd_error_free(llmd__json_parse(text, strlen(text), "answer", &json));
    free(text);
    return json;
}

void google_kube_await(const char *path, const char *member, const char *wanted)
{
    AUTO(str) char *last = NULL;
    for (int i = 0; i < 1000; i++) {
        int status;
        AUTO(json) struct json *json = google_kube("GET", path, NULL, &status);
        const char *have = llmd__json_text(llmd__json_get(json, member));
        if (*wanted ? strcmp(have, wanted) == 0 : status == 404)
            return;
        llmd__free(last);
        last = llmd__format("%s", have);
        pause_ms(10);
    }
    fail_msg("%s: %s never became \"%s\" but \"%s\"", path, member, wanted, last);
}
