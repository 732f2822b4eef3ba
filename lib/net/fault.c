/* SPDX-License-Identifier: Apache-2.0 */
#include "net/fault.h"

#include <errno.h>
#include <string.h>

struct cause {
    llmd_code code;
    const char *words; /* NULL: libcurl's own */
    const char *advice;
    bool never; /* trying again cannot help */
};

#define ADVICE_CA "give the CA certificate that signed the server's"
#define ADVICE_NAME "use a name or address that the certificate has, or set the TLS server name"
#define ADVICE_PORT "check the port: https may be spoken there, or another protocol"
#define ADVICE_CLOCK "renew the server's certificate, or check this machine's clock"

/* libcurl keeps OpenSSL's number to itself when the handshake fails; its words are what we get. The
   first that is found counts. */
static const struct {
    const char *found;
    struct cause cause;
} tls_causes[] = {
    {"self-signed certificate in",
     {LLMD_E_UNREACHABLE, "TLS: certificate is not trusted (self-signed CA in its chain)",
      ADVICE_CA, true}},
    {"self-signed",
     {LLMD_E_UNREACHABLE, "TLS: certificate is not trusted (self-signed)", ADVICE_CA, true}},
    {"self signed",
     {LLMD_E_UNREACHABLE, "TLS: certificate is not trusted (self-signed)", ADVICE_CA, true}},
    {"local issuer",
     {LLMD_E_UNREACHABLE, "TLS: certificate is not trusted (its issuer is unknown)", ADVICE_CA,
      true}},
    {"issuer certificate",
     {LLMD_E_UNREACHABLE, "TLS: certificate is not trusted (its issuer is unknown)", ADVICE_CA,
      true}},
    {"verify the first",
     {LLMD_E_UNREACHABLE, "TLS: certificate is not trusted (its chain is not complete)", ADVICE_CA,
      true}},
    {"not yet valid",
     {LLMD_E_UNREACHABLE, "TLS: certificate is not valid yet", ADVICE_CLOCK, true}},
    {"expired", {LLMD_E_UNREACHABLE, "TLS: certificate has expired", ADVICE_CLOCK, true}},
    {"revoked", {LLMD_E_UNREACHABLE, "TLS: certificate was revoked", NULL, true}},
    {"subject name",
     {LLMD_E_UNREACHABLE, "TLS: certificate is for another name", ADVICE_NAME, true}},
    {"wrong version number",
     {LLMD_E_UNREACHABLE, "TLS: the server speaks plain HTTP", "use an http:// address", true}},
    {"alert",
     {LLMD_E_UNREACHABLE, NULL, "the server may want a client certificate or another TLS name",
      true}},
};

static struct cause tls_cause(const struct exchange *exchange)
{
    for (size_t i = 0; i < sizeof tls_causes / sizeof *tls_causes; i++)
        if (strstr(exchange->curl_words, tls_causes[i].found))
            return tls_causes[i].cause;
    return (struct cause){.code = LLMD_E_UNREACHABLE,
                          .never = exchange->result == CURLE_PEER_FAILED_VERIFICATION};
}

static struct cause slow_cause(const struct exchange *exchange)
{
    if (strncmp(exchange->curl_words, "SSL", 3) == 0)
        return (struct cause){LLMD_E_UNREACHABLE, "TLS: the server did not answer in time",
                              "it may speak plain HTTP: try an http:// address", false};
    return (struct cause){LLMD_E_UNREACHABLE, "no connection in time",
                          "check the address, the VPN and the firewall", false};
}

static struct cause connect_cause(const struct exchange *exchange)
{
    long number = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &number);
    if (exchange->socket_errno)
        number = exchange->socket_errno;
    switch (number) {
    case ECONNREFUSED:
        return (struct cause){LLMD_E_UNREACHABLE, "connection refused",
                              "nothing listens there: check the address and that the server runs",
                              false};
    case EHOSTUNREACH:
    case ENETUNREACH:
        return (struct cause){LLMD_E_UNREACHABLE, "no route to host",
                              "check the address, the VPN and the firewall", false};
    case EMFILE:
    case ENFILE:
        return (struct cause){LLMD_E_SYSTEM, "too many open files", "raise ulimit -n", true};
    default:
        return (struct cause){.code = LLMD_E_UNREACHABLE};
    }
}

/* A proxy that was asked for a tunnel and said no; libcurl's words hold its status. */
static bool proxy_refused(const struct exchange *exchange, struct cause *cause)
{
    long status = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status < 300 || exchange->answered)
        return false;
    *cause = (struct cause){status < 500 ? LLMD_E_DENIED : LLMD_E_UNREACHABLE, NULL,
                            "the proxy (HTTPS_PROXY) must let this host through; where it wants a "
                            "login: http://USER:PASSWORD@PROXY",
                            status < 500};
    return true;
}

/* Before the first byte a vanished connection is a matter of reaching; inside a body that has a
   framing, the server broke its word. */
static struct cause cut_cause(const struct exchange *exchange)
{
    struct cause refused;

    if (proxy_refused(exchange, &refused))
        return refused;
    if (exchange->refused_repeat)
        return (struct cause){LLMD_E_UNREACHABLE,
                              "the connection was closed before an answer; not sent again, because "
                              "the server may have acted on it",
                              NULL, false};
    if (!exchange->answered)
        return (struct cause){LLMD_E_UNREACHABLE, "the connection was closed before an answer",
                              NULL, false};
    /* 7.88 calls a chunk that cannot be read an error of receiving. */
    if (strstr(exchange->curl_words, "chunk"))
        return (struct cause){LLMD_E_PROTOCOL, NULL, NULL, true};
    return (struct cause){LLMD_E_UNREACHABLE, HTTP_RESET_INSIDE, NULL, false};
}

/* What has one cause only. */
static const struct {
    CURLcode result;
    struct cause cause;
} causes[] = {
    {CURLE_COULDNT_RESOLVE_HOST,
     {LLMD_E_UNREACHABLE, "name not resolved", "check the host name and the DNS of this machine",
      false}},
    {CURLE_COULDNT_RESOLVE_PROXY,
     {LLMD_E_UNREACHABLE, "the proxy's name was not resolved", "check HTTPS_PROXY and HTTP_PROXY",
      false}},
    {CURLE_SSL_CACERT_BADFILE, {LLMD_E_INVALID, "the CA certificate cannot be read", NULL, true}},
    {CURLE_SSL_CERTPROBLEM,
     {LLMD_E_INVALID, "the client certificate or its key cannot be read", NULL, true}},
    {CURLE_URL_MALFORMAT, {LLMD_E_INVALID, "the URL is malformed", NULL, true}},
    {CURLE_PARTIAL_FILE, {LLMD_E_PROTOCOL, HTTP_CUT_OFF, NULL, false}},
    {CURLE_TOO_MANY_REDIRECTS,
     {LLMD_E_PROTOCOL, "it points on and on to other addresses", NULL, true}},
    {CURLE_BAD_CONTENT_ENCODING,
     {LLMD_E_PROTOCOL, "the answer's compression is broken", NULL, true}},
    {CURLE_UNSUPPORTED_PROTOCOL, {LLMD_E_PROTOCOL, "the answer is not HTTP", ADVICE_PORT, true}},
    {CURLE_WEIRD_SERVER_REPLY, {LLMD_E_PROTOCOL, "the answer is not HTTP", ADVICE_PORT, true}},
    {CURLE_HTTP2, {.code = LLMD_E_PROTOCOL}},
};

static struct cause only_cause(CURLcode result)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (causes[i].result == result)
            return causes[i].cause;
    return (struct cause){.code = LLMD_E_UNREACHABLE};
}

static struct cause cause_of(const struct exchange *exchange)
{
    switch (exchange->result) {
    case CURLE_COULDNT_CONNECT:
        return connect_cause(exchange);
    case CURLE_OPERATION_TIMEDOUT:
        return slow_cause(exchange);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return tls_cause(exchange);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2_STREAM:
    case CURLE_ABORTED_BY_CALLBACK:
        return cut_cause(exchange);
    default:
        return only_cause(exchange->result);
    }
}

/* Inside an answer the status says nothing about trying again: only a whole answer would. */
static enum retry_class class_of(const struct exchange *exchange, const struct cause *cause)
{
    if (cause->never)
        return RETRY_NEVER;
    return exchange->answered ? RETRY_TRANSIENT
                              : llmd__retry_class(0, false, exchange->sent, false);
}

llmd_error *llmd__fault(const struct exchange *exchange, enum retry_class *class)
{
    *class = RETRY_NEVER;
    if (exchange->result == CURLE_OUT_OF_MEMORY)
        return NO_MEMORY;
    struct cause cause = cause_of(exchange);
    const char *words = cause.words;
    if (!words)
        words =
            exchange->curl_words[0] ? exchange->curl_words : curl_easy_strerror(exchange->result);
    *class = class_of(exchange, &cause);
    llmd_error *error =
        llmd__error(cause.code, "%s %s: %s", exchange->method, exchange->shown_url, words);
    llmd__error_set_retry(error, *class != RETRY_NEVER, 0);
    return cause.advice ? llmd__error_set_advice(error, "%s", cause.advice) : error;
}

llmd_error *llmd__curl_error(CURLcode code, const char *what)
{
    if (code == CURLE_OK)
        return NULL;
    if (code == CURLE_OUT_OF_MEMORY)
        return NO_MEMORY;
    return llmd__error(LLMD_E_INVALID, "%s: libcurl says: %s", what, curl_easy_strerror(code));
}

llmd_error *llmd__curlm_error(CURLMcode code)
{
    if (code == CURLM_OK)
        return NULL;
    if (code == CURLM_OUT_OF_MEMORY)
        return NO_MEMORY;
    return llmd__error(LLMD_E_SYSTEM, "libcurl: %s", curl_multi_strerror(code));
}
