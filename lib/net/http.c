/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include "net/exchange.h"
#include "net/fault.h"
#include "net/pool.h"

#include "base/clock.h"
#include "base/url.h"

#include <fcntl.h>
#include <llmd/version.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 10000
/* A NAT or load balancer forgets silent connections, some after a minute. */
#define KEEPALIVE_IDLE_S 30L
#define KEEPALIVE_INTERVAL_S 15L
#define MAX_REDIRECTS 5L

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

static void start_curl(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct option {
    CURLoption option;
    const char *text; /* set when not NULL, else number */
    long number;
};

static llmd_error *set_options(CURL *easy, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CURLcode code = options[i].text
                            ? curl_easy_setopt(easy, options[i].option, options[i].text)
                            : curl_easy_setopt(easy, options[i].option, options[i].number);
        TRY(llmd__curl_error(code, "setting up HTTP"));
    }
    return NULL;
}

/* Certificates and keys go as blobs: they never touch the disk. */
static llmd_error *set_blob(CURL *easy, CURLoption option, const char *pem, const char *what)
{
    if (!pem)
        return NULL;
    struct curl_blob blob = {(void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_NOCOPY};
    return llmd__curl_error(curl_easy_setopt(easy, option, &blob), what);
}

static llmd_error *set_tls(const struct http *http, CURL *easy)
{
    const struct option options[] = {
        {CURLOPT_SSL_VERIFYPEER, NULL, !http->insecure},
        {CURLOPT_SSL_VERIFYHOST, NULL, http->insecure ? 0 : 2},
        {CURLOPT_SSLVERSION, NULL, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSLCERTTYPE, "PEM", 0},
        {CURLOPT_SSLKEYTYPE, "PEM", 0},
    };

    TRY(set_options(easy, options, sizeof options / sizeof *options));
    TRY(set_blob(easy, CURLOPT_CAINFO_BLOB, http->ca_pem, "CA certificate"));
    TRY(set_blob(easy, CURLOPT_SSLCERT_BLOB, http->client_cert_pem, "client certificate"));
    return set_blob(easy, CURLOPT_SSLKEY_BLOB, http->client_key_pem, "client key");
}

static llmd_error *set_easy(const struct http *http, CURL *easy)
{
    /* QUICK_EXIT: removing a handle during a slow name look-up must not wait for the look-up.
       HTTP/2 without TLS is broken on reused connections in 7.88 (curl issue 10634). */
    long version = http->http2 && http->https ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    const struct option options[] = {
        {CURLOPT_NOSIGNAL, NULL, 1},
        {CURLOPT_QUICK_EXIT, NULL, 1},
        {CURLOPT_NOPROGRESS, NULL, 1},
        {CURLOPT_PROTOCOLS_STR, "http,https", 0},
        {CURLOPT_FOLLOWLOCATION, NULL, http->redirects},
        {CURLOPT_MAXREDIRS, NULL, MAX_REDIRECTS},
        {CURLOPT_REDIR_PROTOCOLS_STR, http->https ? "https" : "http,https", 0},
        {CURLOPT_PATH_AS_IS, NULL, 1},
        {CURLOPT_HTTP_VERSION, NULL, version},
        {CURLOPT_PIPEWAIT, NULL, http->http2 && http->https},
        {CURLOPT_USERAGENT, "libllmd/" LLMD_VERSION, 0},
        {CURLOPT_TCP_NODELAY, NULL, 1},
        {CURLOPT_TCP_KEEPALIVE, NULL, 1},
        {CURLOPT_TCP_KEEPIDLE, NULL, KEEPALIVE_IDLE_S},
        {CURLOPT_TCP_KEEPINTVL, NULL, KEEPALIVE_INTERVAL_S},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, NULL, 1},
        {CURLOPT_CONNECTTIMEOUT_MS, NULL, (long)http->connect_timeout_ms},
    };

    TRY(set_options(easy, options, sizeof options / sizeof *options));
    if (http->proxy_url) {
        /* What the caller chose holds for every host: NO_PROXY is the environment's rule. */
        const struct option proxy[] = {{CURLOPT_PROXY, http->proxy_url, 0},
                                       {CURLOPT_NOPROXY, "", 0}};
        TRY(set_options(easy, proxy, 2));
    }
    return http->https ? set_tls(http, easy) : NULL;
}

llmd_error *llmd__http_easy(struct http *http, CURL **out)
{
    CURL *easy = curl_easy_init();

    *out = NULL;
    CHECK_MEMORY(easy);
    llmd_error *error = set_easy(http, easy);
    if (error) {
        curl_easy_cleanup(easy);
        return error;
    }
    *out = easy;
    return NULL;
}

static llmd_error *copy_text(const char *text, char **out)
{
    if (!text)
        return NULL;
    *out = llmd__strdup(text);
    return *out ? NULL : NO_MEMORY;
}

static void free_url(struct url *url)
{
    llmd__url_free(url);
}

/* libcurl takes the TLS name from the URL, so the URL gets the name and CONNECT_TO the host. */
static llmd_error *set_server_name(struct http *http, const struct url *url, const char *name)
{
    const char *open = strchr(url->host, ':') ? "[" : "";
    const char *close = *open ? "]" : "";

    http->dial_url = llmd__format("%s://%s:%d%s", url->scheme, name, url->port,
                                  strcmp(url->path, "/") ? url->path : "");
    http->connect_to =
        llmd__format("%s:%d:%s%s%s:%d", name, url->port, open, url->host, close, url->port);
    http->host_header = llmd__format("Host: %s%s%s:%d", open, url->host, close, url->port);
    return http->dial_url && http->connect_to && http->host_header ? NULL : NO_MEMORY;
}

static llmd_error *set_url(struct http *http, const struct http_config *config)
{
    __attribute__((cleanup(free_url))) struct url url = {0};

    TRY(llmd__url_parse(config->base_url, &url));
    TRY(copy_text(config->base_url, &http->base_url));
    size_t len = strlen(http->base_url);
    while (len && http->base_url[len - 1] == '/')
        http->base_url[--len] = '\0';
    http->https = strcmp(url.scheme, "https") == 0;
    if (http->https && config->server_name && config->server_name[0] &&
        strcmp(config->server_name, url.host) != 0)
        return set_server_name(http, &url, config->server_name);
    return copy_text(http->base_url, &http->dial_url);
}

static llmd_error *set_headers(struct http *http, const char *const *headers)
{
    for (; headers && *headers; headers++) {
        if (strpbrk(*headers, "\r\n") || !strchr(*headers, ':'))
            return llmd__error(LLMD_E_INVALID, "%s: a header wants to be \"Name: value\"",
                               http->base_url);
        struct curl_slist *longer = curl_slist_append(http->headers, *headers);
        CHECK_MEMORY(longer);
        http->headers = longer;
    }
    return NULL;
}

static llmd_error *fill(struct http *http, const struct http_config *config)
{
    TRY(set_url(http, config));
    TRY(copy_text(config->ca_pem, &http->ca_pem));
    TRY(copy_text(config->client_cert_pem, &http->client_cert_pem));
    TRY(copy_text(config->client_key_pem, &http->client_key_pem));
    TRY(copy_text(config->proxy_url, &http->proxy_url));
    TRY(set_headers(http, config->headers));
    http->insecure = config->insecure;
    http->http2 = config->http2;
    http->redirects = config->redirects;
    http->connect_timeout_ms =
        config->connect_timeout_ms > 0 ? config->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    http->certificates = config->certificates;
    return NULL;
}

DEFINE_AUTO(http, struct http *, llmd__http_put)

static void free_auth(const struct http_auth *auth)
{
    if (auth->free)
        auth->free(auth->data);
}

llmd_error *llmd__http_open(const struct http_config *config, struct http **out)
{
    *out = NULL;
    pthread_once(&curl_once, start_curl);
    AUTO(http) struct http *http = llmd__calloc(1, sizeof *http);
    if (!http) {
        free_auth(&config->auth);
        return NO_MEMORY;
    }
    llmd__ref_init(&http->ref);
    pthread_mutex_init(&http->lock, NULL);
    http->auth = config->auth;
    TRY(llmd__curl_error(curl_started, "libcurl"));
    TRY(fill(http, config));
    /* A first handle now: options that this libcurl does not know are told here. Certificates are
       read with the first connection. */
    CURL *easy = NULL;
    TRY(llmd__http_easy(http, &easy));
    llmd__pool_return_easy(http, easy);
    *out = TAKE(http);
    return NULL;
}

struct http *llmd__http_get(struct http *http)
{
    llmd__ref_get(&http->ref);
    return http;
}

void llmd__http_put(struct http *http)
{
    if (!http || !llmd__ref_put(&http->ref))
        return;
    llmd__pool_close(http);
    free_auth(&http->auth);
    curl_slist_free_all(http->headers);
    llmd__free(http->base_url);
    llmd__free(http->dial_url);
    llmd__free(http->connect_to);
    llmd__free(http->host_header);
    llmd__free(http->ca_pem);
    llmd__free(http->client_cert_pem);
    llmd__free_secret(http->client_key_pem);
    llmd__free_secret(http->proxy_url);
    llmd__free_secret(http->refused);
    pthread_mutex_destroy(&http->lock);
    llmd__free(http);
}

const char *llmd__http_base_url(const struct http *http)
{
    return http->base_url;
}

bool llmd__http_heard(const struct http *http)
{
    return atomic_load(&http->heard);
}

llmd_error *llmd__http_refresh(llmd_context *ctx, struct http *http, bool *changed)
{
    AUTO(buf) struct buf header = BUF_SECRET;

    *changed = false;
    pthread_mutex_lock(&http->lock);
    AUTO(secret) char *refused = TAKE(http->refused);
    pthread_mutex_unlock(&http->lock);
    if (!http->auth.authorize)
        return NULL;
    TRY(http->auth.authorize(ctx, http->auth.data, true, &header));
    TRY(llmd__buf_check(&header));
    /* A fixed token stays what it was: asking again would only be refused again. A plug-in may
       have renewed a client certificate instead. */
    *changed = http->certificates || !refused || strcmp(refused, llmd__buf_text(&header)) != 0;
    return NULL;
}

double llmd__http_random(void)
{
    /* Not a secret: two clients only have to differ. splitmix64 over the clock and the process. */
    uint64_t x = (uint64_t)llmd__clock_mono_us() ^ ((uint64_t)getpid() << 40);

    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return (double)(x >> 11) * (1.0 / 9007199254740992.0);
}
