/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a service spec. Unset is not zero: what nobody said is NULL, 0 or false. */
#ifndef LLMD_SERVICE_SPEC_H
#define LLMD_SERVICE_SPEC_H

#include "base/spec.h"

#include <llmd/service.h>

struct pull_secret {
    char *registry, *user, *password;
};

struct scheduler_spec {
    bool enabled;
    struct json *resources;
    struct json *config; /* an EndpointPickerConfig */
    char *image;
    int readiness_delay_s;
};

struct llmd_service_spec {
    struct spec head;
    char *ns, *name;
    char *model, *model_name, *preset;
    int replicas; /* -1 leaves it to KServe or an autoscaler */
    char *image, *pull_policy;
    struct json *args, *env;
    struct {
        char *ns, *name;
    } gateway;
    char *hf_token;
    struct pull_secret pull_secret;
    struct scheduler_spec scheduler;
    struct json *resources, *node_selector, *tolerations;
    int max_model_len, tensor_parallel;
    struct json *download; /* bool; NULL: the preset's */
    struct json *labels, *annotations;
    int warmup;
    bool tls;
    struct {
        char *timeouts;
        int backend_timeout_s;
    } route;
    struct json *container, *overlay;
};

extern const struct spec_type llmd__service_spec_type;

DEFINE_AUTO(service_spec, llmd_service_spec *, llmd_service_spec_free)

#endif
