/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an endpoint is described. Setters cannot fail, so the first bad value is kept and told by the
 * call that uses the spec: later ones would only blur what went wrong.
 */
#include "openai/endpoint.h"

#include "base/url.h"
#include "base/yaml.h"

#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

static llmd_error *check_timeout(const struct json *value)
{
    int64_t ms = 0;
    if (llmd__json_to_int(value, &ms) && ms >= 0)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "must be 0 (no limit) or more milliseconds");
}

static llmd_error *check_header(const char *name, const char *value)
{
    /* tchar of RFC 9110 5.6.2; a line break in either part would smuggle in further headers. */
    static const char name_chars[] = "!#$%&'*+-.^_`|~0123456789"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (!*name || name[strspn(name, name_chars)])
        return llmd__error(LLMD_E_INVALID, "\"%.60s\" is no header name", name);
    if (strpbrk(value, "\r\n"))
        return llmd__error(LLMD_E_INVALID, "the value of header %s has a line break", name);
    return NULL;
}

static llmd_error *check_headers(const struct json *value)
{
    JSON_EACH(header, value)
    {
        TRY(check_header(llmd__json_key(header), llmd__json_text(header)));
    }
    return NULL;
}

#define AT(member) offsetof(struct llmd_endpoint_spec, member)
const struct field llmd__endpoint_fields[] = {
    {"url", FIELD_STRING, AT(url), .doc = "The base URL, with or without `/v1` at its end."},
    {"model", FIELD_STRING, AT(model),
     .doc = "The model of requests that name none; by default the first one served."},
    {"headers", FIELD_MAP, AT(headers), check_headers, "Headers of every request."},
    {"ca", FIELD_STRING, AT(ca),
     .doc = "PEM text of the authorities to trust instead of the system's."},
    {"insecure", FIELD_BOOL, AT(insecure), .doc = "`true` checks no certificate. For tests."},
    {"connectTimeoutMs", FIELD_INT64, AT(connect_timeout_ms), check_timeout,
     "Limit for making a connection; 10000 by default."},
    {"firstEventTimeoutMs", FIELD_INT64, AT(first_event_timeout_ms), check_timeout,
     "Limit until the first byte or event of an answer; none by default."},
    {"idleTimeoutMs", FIELD_INT64, AT(idle_timeout_ms), check_timeout,
     "Limit for silence between events of a stream; none by default."},
    FIELD_END,
};

/* Stands for every spec that there was no memory for. */
static llmd_endpoint_spec no_memory_spec;

llmd_endpoint_spec *llmd_endpoint_spec_new(const char *url)
{
    llmd_endpoint_spec *spec = llmd__calloc(1, sizeof *spec);
    if (!spec)
        return &no_memory_spec;
    spec->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (url)
        llmd_endpoint_spec_set_url(spec, url);
    return spec;
}

void llmd_endpoint_spec_free(llmd_endpoint_spec *spec)
{
    if (!spec || spec == &no_memory_spec)
        return;
    llmd__fields_free(llmd__endpoint_fields, spec);
    llmd_error_free(spec->error);
    llmd__free(spec);
}

llmd_error *llmd_endpoint_spec_parse(const char *text, llmd_endpoint_spec **out)
{
    AUTO(json) struct json *object = NULL;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(text);
    TRY(llmd__yaml_parse(text, "endpoint spec", &object));
    llmd_endpoint_spec *spec = llmd__calloc(1, sizeof *spec);
    CHECK_MEMORY(spec);
    spec->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    llmd_error *error = llmd__fields_read(llmd__endpoint_fields, object, "endpoint spec", spec);
    if (error)
        llmd_endpoint_spec_free(spec);
    else
        *out = spec;
    return error;
}

static bool writable(llmd_endpoint_spec *spec)
{
    return spec && spec != &no_memory_spec && !spec->error;
}

static void set_text(llmd_endpoint_spec *spec, char **member, const char *text)
{
    if (!writable(spec))
        return;
    char *copy = llmd__strdup(text);
    if (text && !copy)
        spec->error = NO_MEMORY;
    llmd__free(*member);
    *member = copy;
}

void llmd_endpoint_spec_set_url(llmd_endpoint_spec *spec, const char *url)
{
    if (spec)
        set_text(spec, &spec->url, url);
}

void llmd_endpoint_spec_set_model(llmd_endpoint_spec *spec, const char *model)
{
    if (spec)
        set_text(spec, &spec->model, model);
}

void llmd_endpoint_spec_set_ca(llmd_endpoint_spec *spec, const char *pem)
{
    if (spec)
        set_text(spec, &spec->ca, pem);
}

void llmd_endpoint_spec_add_header(llmd_endpoint_spec *spec, const char *name, const char *value)
{
    if (!writable(spec))
        return;
    spec->error = name && value ? check_header(name, value)
                                : llmd__error(LLMD_E_INVALID, "a header's name or value is NULL");
    if (spec->error)
        spec->error = llmd__error_wrap(spec->error, "endpoint spec");
    if (spec->error)
        return;
    if (!spec->headers)
        spec->headers = llmd__json_object();
    if (!llmd__json_set_str(spec->headers, name, value))
        spec->error = NO_MEMORY;
}

void llmd_endpoint_spec_set_insecure(llmd_endpoint_spec *spec, bool insecure)
{
    if (writable(spec))
        spec->insecure = insecure;
}

static void set_timeout(llmd_endpoint_spec *spec, int64_t *member, const char *name, int64_t ms)
{
    if (!writable(spec))
        return;
    if (ms >= 0)
        *member = ms;
    else
        spec->error = llmd__error(LLMD_E_INVALID, "endpoint spec: %s is %lld, must be 0 or more",
                                  name, (long long)ms);
}

void llmd_endpoint_spec_set_connect_timeout_ms(llmd_endpoint_spec *spec, int64_t timeout_ms)
{
    if (spec)
        set_timeout(spec, &spec->connect_timeout_ms, "connectTimeoutMs", timeout_ms);
}

void llmd_endpoint_spec_set_first_event_timeout_ms(llmd_endpoint_spec *spec, int64_t timeout_ms)
{
    if (spec)
        set_timeout(spec, &spec->first_event_timeout_ms, "firstEventTimeoutMs", timeout_ms);
}

void llmd_endpoint_spec_set_idle_timeout_ms(llmd_endpoint_spec *spec, int64_t timeout_ms)
{
    if (spec)
        set_timeout(spec, &spec->idle_timeout_ms, "idleTimeoutMs", timeout_ms);
}

llmd_error *llmd__endpoint_spec_check(const llmd_endpoint_spec *spec)
{
    if (spec == &no_memory_spec)
        return NO_MEMORY;
    return llmd__error_copy(spec->error);
}

const char *llmd__endpoint_spec_url(const llmd_endpoint_spec *spec)
{
    return spec && spec->url ? spec->url : "";
}

const char *llmd__endpoint_spec_model(const llmd_endpoint_spec *spec)
{
    return spec && spec->model ? spec->model : "";
}
