/* SPDX-License-Identifier: Apache-2.0 */
/* How an endpoint is described. */
#include "openai/endpoint.h"

#include <string.h>

#define CONNECT_TIMEOUT_MS 10000

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
    JSON_EACH(header, value) {
        TRY(check_header(llmd__json_key(header), llmd__json_text(header)));
    }
    return NULL;
}

#define AT(member) offsetof(struct llmd_endpoint_spec, member)
/* No token here: it is the credentials' matter, which may renew it. */
static const struct field endpoint_fields[] = {
    {"url", FIELD_STRING, AT(url), .doc = "The base URL, with or without `/v1` at its end."},
    {"model", FIELD_STRING, AT(model),
     .doc = "The model of requests that name none; by default the first one served."},
    {"headers", FIELD_MAP, AT(headers), check_headers, "Headers of every request."},
    {"ca", FIELD_STRING, AT(ca),
     .doc = "PEM text of the authorities to trust instead of the system's."},
    {"insecure", FIELD_BOOL, AT(insecure), .doc = "`true` checks no certificate. For tests."},
    {"connectTimeoutMs", FIELD_INT64, AT(connect_timeout_ms), .max = INT64_MAX,
     .unset = CONNECT_TIMEOUT_MS, .doc = "Limit for making a connection; 10000 by default."},
    {"firstEventTimeoutMs", FIELD_INT64, AT(first_event_timeout_ms), .max = INT64_MAX,
     .doc = "Limit until the first byte or event of an answer; none by default."},
    {"idleTimeoutMs", FIELD_INT64, AT(idle_timeout_ms), .max = INT64_MAX,
     .doc = "Limit for silence between events of a stream; none by default."},
    FIELD_END,
};

static llmd_endpoint_spec no_memory;

const struct spec_type llmd__endpoint_spec_type = {
    .what = "endpoint spec",
    .size = sizeof(llmd_endpoint_spec),
    .fields = endpoint_fields,
    .none = &no_memory,
};

SPEC_FUNCTIONS(llmd_endpoint_spec, llmd__endpoint_spec_type)

llmd_endpoint_spec *llmd_endpoint_spec_new(const char *url)
{
    llmd_endpoint_spec *spec = llmd__spec_new(&llmd__endpoint_spec_type);

    llmd__spec_text(spec, &spec->url, url);
    return spec;
}

const char *llmd__endpoint_spec_url(const llmd_endpoint_spec *spec)
{
    return spec && spec->url ? spec->url : "";
}

const char *llmd__endpoint_spec_model(const llmd_endpoint_spec *spec)
{
    return spec && spec->model ? spec->model : "";
}
