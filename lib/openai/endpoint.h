/* SPDX-License-Identifier: Apache-2.0 */
/* A place that speaks OpenAI's protocol; what the other parts of the library need of it. */
#ifndef LLMD_OPENAI_ENDPOINT_H
#define LLMD_OPENAI_ENDPOINT_H

#include "base/spec.h"
#include "net/http.h"

#include <llmd/inference.h>

struct llmd_endpoint_spec {
    struct spec head;
    char *url;
    char *model;
    char *ca;
    struct json *headers; /* an object of strings */
    bool insecure;
    int64_t connect_timeout_ms;
    int64_t first_event_timeout_ms;
    int64_t idle_timeout_ms;
};

extern const struct spec_type llmd__endpoint_spec_type;

/* What was set, or "". NULL spec allowed. */
const char *llmd__endpoint_spec_url(const llmd_endpoint_spec *spec);
const char *llmd__endpoint_spec_model(const llmd_endpoint_spec *spec);

/*
 * As llmd_endpoint_open(), for those who find the place themselves (service/connect): spec may be
 * NULL for the defaults; a url, model or ca_pem stands in where the spec has none.
 */
struct endpoint_place {
    const char *url;
    const char *model;
    const char *ca_pem;
};
llmd_error *llmd__endpoint_open_at(const llmd_endpoint_spec *spec,
                                   const struct endpoint_place *place,
                                   const llmd_credentials *credentials, llmd_endpoint **out);

llmd_endpoint *llmd__endpoint_get(const llmd_endpoint *endpoint); /* one more reference */
struct http *llmd__endpoint_http(const llmd_endpoint *endpoint);
int64_t llmd__endpoint_first_event_timeout_ms(const llmd_endpoint *endpoint);
int64_t llmd__endpoint_idle_timeout_ms(const llmd_endpoint *endpoint);

/* The model for requests that name none, copied: set, or learnt before; *out NULL: not known yet.
 */
llmd_error *llmd__endpoint_known_model(const llmd_endpoint *endpoint, char **out);
/* Remembers the model; the first one stays. */
llmd_error *llmd__endpoint_learn_model(const llmd_endpoint *endpoint, const char *model);

/* "endpoint http://10.0.0.1/llm/qwen" for errors; NULL without memory. */
char *llmd__endpoint_subject(const llmd_endpoint *endpoint);

DEFINE_AUTO(endpoint, llmd_endpoint *, llmd_endpoint_free)

#endif
