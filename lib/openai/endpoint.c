/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place that speaks OpenAI's protocol. It is immutable but for the model's name, which may be
 * learnt from the server later, so that opening an endpoint sends nothing.
 */
#include "openai/endpoint.h"

#include "auth/credentials.h"
#include "base/json.h"
#include "base/ref.h"
#include "base/url.h"

#include <pthread.h>
#include <string.h>

struct llmd_endpoint {
    struct ref ref;
    struct http *http;
    char *url;
    int64_t first_event_timeout_ms;
    int64_t idle_timeout_ms;
    pthread_mutex_t lock; /* guards model, the one thing that is learnt later */
    char *model;
};

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

/* "http://h/llm/qwen/v1/" is "http://h/llm/qwen": the prefix of a route stays, the version is ours.
 */
static llmd_error *base_url(const char *text, char **out)
{
    struct url url = {0};
    if (!*text)
        return llmd__error(LLMD_E_INVALID, "endpoint: the URL is empty");
    TRY(llmd__error_wrap(llmd__url_parse(text, &url), "endpoint"));
    bool has_query = url.query != NULL || strchr(text, '#');
    llmd__url_free(&url);
    if (has_query)
        return llmd__error(LLMD_E_INVALID, "endpoint %s: a base URL has no query", text);
    size_t len = strlen(text);
    while (len && text[len - 1] == '/')
        len--;
    if (ends_with(text, len, "/completions") || ends_with(text, len, "/v1/models"))
        return llmd__error(LLMD_E_INVALID,
                           "endpoint %s: this is the URL of a call; give the base "
                           "URL, up to /v1",
                           text);
    if (ends_with(text, len, "/v1"))
        len -= 3;
    *out = llmd__strndup(text, len);
    CHECK_MEMORY(*out);
    return NULL;
}

/* The JSON object of headers as the lines http wants. */
struct header_lines {
    struct buf text;
    const char **lines;
};

static void header_lines_free(struct header_lines *headers)
{
    llmd__buf_free(&headers->text);
    llmd__free(headers->lines);
}

static llmd_error *header_lines(const struct json *object, struct header_lines *out)
{
    size_t count = llmd__json_count(object), i = 0;
    out->lines = llmd__calloc(count + 1, sizeof *out->lines);
    CHECK_MEMORY(out->lines);
    JSON_EACH(header, object) {
        llmd__buf_format(&out->text, "%s: %s", llmd__json_key(header), llmd__json_text(header));
        llmd__buf_char(&out->text, '\0');
    }
    TRY(llmd__buf_check(&out->text));
    for (const char *at = out->text.data; i < count; at += strlen(at) + 1)
        out->lines[i++] = at;
    return NULL;
}

/* The largest limit that libcurl takes, and that still fits when it is counted in microseconds. It
   is 24 days. */
static int64_t bounded_ms(int64_t ms)
{
    return ms < INT32_MAX ? ms : INT32_MAX;
}

static llmd_error *check_pem(const char *pem)
{
    if (!pem || strstr(pem, "-----BEGIN "))
        return NULL;
    return llmd__error(LLMD_E_INVALID, "endpoint: the CA is no PEM text");
}

static llmd_error *open_http(const llmd_endpoint_spec *spec, const char *url, const char *ca_pem,
                             const llmd_credentials *credentials, struct http **out)
{
    struct header_lines headers = {0};
    llmd_error *error = header_lines(spec ? spec->headers : NULL, &headers);
    if (!error) {
        struct http_config config = {
            .base_url = url,
            .ca_pem = ca_pem,
            .insecure = spec && spec->insecure,
            .connect_timeout_ms = spec ? bounded_ms(spec->connect_timeout_ms) : 0,
            .headers = headers.lines,
            .auth = llmd__credentials_auth(credentials),
        };
        error = llmd__http_open(&config, out);
    }
    header_lines_free(&headers);
    return error;
}

static const char *first_set(const char *wanted, const char *otherwise)
{
    return wanted && *wanted ? wanted : otherwise;
}

static llmd_error *fill(llmd_endpoint *endpoint, const llmd_endpoint_spec *spec,
                        const struct endpoint_place *place, const llmd_credentials *credentials)
{
    const char *url = first_set(llmd__endpoint_spec_url(spec), place->url);
    const char *model = first_set(llmd__endpoint_spec_model(spec), place->model);
    const char *ca_pem = first_set(spec ? spec->ca : NULL, place->ca_pem);
    TRY(base_url(url ? url : "", &endpoint->url));
    TRY(check_pem(ca_pem));
    if (model && *model) {
        endpoint->model = llmd__strdup(model);
        CHECK_MEMORY(endpoint->model);
    }
    endpoint->first_event_timeout_ms = spec ? bounded_ms(spec->first_event_timeout_ms) : 0;
    endpoint->idle_timeout_ms = spec ? bounded_ms(spec->idle_timeout_ms) : 0;
    return open_http(spec, endpoint->url, ca_pem, credentials, &endpoint->http);
}

llmd_error *llmd__endpoint_open_at(const llmd_endpoint_spec *spec,
                                   const struct endpoint_place *place,
                                   const llmd_credentials *credentials, llmd_endpoint **out)
{
    *out = NULL;
    if (spec)
        TRY(llmd__spec_check(spec));
    llmd_endpoint *endpoint = llmd__calloc(1, sizeof *endpoint);
    CHECK_MEMORY(endpoint);
    llmd__ref_init(&endpoint->ref);
    pthread_mutex_init(&endpoint->lock, NULL);
    llmd_error *error = fill(endpoint, spec, place, credentials);
    if (error)
        llmd_endpoint_free(endpoint);
    else
        *out = endpoint;
    return error;
}

llmd_error *llmd_endpoint_open(const llmd_endpoint_spec *spec, const llmd_credentials *credentials,
                               llmd_endpoint **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(spec);
    return llmd__endpoint_open_at(spec, &(struct endpoint_place){0}, credentials, out);
}

/* A handle is const for its users; the count and the learnt model are not part of what they see. */
static llmd_endpoint *mutable(const llmd_endpoint *endpoint)
{
    return (llmd_endpoint *)(uintptr_t)endpoint;
}

llmd_endpoint *llmd__endpoint_get(const llmd_endpoint *endpoint)
{
    llmd__ref_get(&mutable(endpoint)->ref);
    return mutable(endpoint);
}

void llmd_endpoint_free(llmd_endpoint *endpoint)
{
    if (!endpoint || !llmd__ref_put(&endpoint->ref))
        return;
    llmd__http_put(endpoint->http);
    pthread_mutex_destroy(&endpoint->lock);
    llmd__free(endpoint->url);
    llmd__free(endpoint->model);
    llmd__free(endpoint);
}

const char *llmd_endpoint_url(const llmd_endpoint *endpoint)
{
    return endpoint ? endpoint->url : "";
}

struct http *llmd__endpoint_http(const llmd_endpoint *endpoint)
{
    return endpoint->http;
}

int64_t llmd__endpoint_first_event_timeout_ms(const llmd_endpoint *endpoint)
{
    return endpoint->first_event_timeout_ms;
}

int64_t llmd__endpoint_idle_timeout_ms(const llmd_endpoint *endpoint)
{
    return endpoint->idle_timeout_ms;
}

llmd_error *llmd__endpoint_known_model(const llmd_endpoint *endpoint, char **out)
{
    llmd_endpoint *changing = mutable(endpoint);
    pthread_mutex_lock(&changing->lock);
    bool known = changing->model != NULL;
    *out = llmd__strdup(changing->model);
    pthread_mutex_unlock(&changing->lock);
    return known && !*out ? NO_MEMORY : NULL;
}

llmd_error *llmd__endpoint_learn_model(const llmd_endpoint *endpoint, const char *model)
{
    llmd_endpoint *changing = mutable(endpoint);
    pthread_mutex_lock(&changing->lock);
    if (!changing->model)
        changing->model = llmd__strdup(model);
    bool known = changing->model != NULL;
    pthread_mutex_unlock(&changing->lock);
    return known ? NULL : NO_MEMORY;
}

char *llmd__endpoint_subject(const llmd_endpoint *endpoint)
{
    return llmd__format("endpoint %s", endpoint->url);
}
