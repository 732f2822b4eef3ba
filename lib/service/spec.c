/* SPDX-License-Identifier: Apache-2.0 */
#include "service/spec.h"
#include "service/presets.h"

#include "base/name.h"

#include <string.h>

#define MAX_REPLICAS 10000
#define MAX_WARMUP 1000

/* ---- checks of single values; the field reader adds key and line ---- */

static llmd_error *check_name(const struct json *value)
{
    return llmd__name_check_label("service name", llmd__json_text(value));
}

static llmd_error *check_ns(const struct json *value)
{
    return llmd__name_check_label("namespace", llmd__json_text(value));
}

static llmd_error *check_gateway_name(const struct json *value)
{
    return llmd__name_check_subdomain("gateway name", llmd__json_text(value));
}

/* KServe reads these schemes only; anything else is a reconcile error after the apply. */
static llmd_error *check_model_text(const char *model)
{
    static const char *const schemes[] = {"hf://", "s3://", "pvc://", "oci://", "oci+native://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (!strncmp(model, schemes[i], strlen(schemes[i])) && model[strlen(schemes[i])])
            return NULL;
    if (!strncmp(model, "gs://", 5))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "KServe cannot load %s: LLMInferenceService has no gs://",
                        model),
            "mount the bucket as a volume (GCS FUSE) and use pvc://CLAIM/PATH, or hf:// or oci://");
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "\"%s\" is no model address", model),
        "want hf://ORG/MODEL, pvc://CLAIM/PATH, oci://IMAGE or s3://BUCKET/PATH");
}

static llmd_error *check_model(const struct json *value)
{
    return check_model_text(llmd__json_text(value));
}

/* The download in the pod would die of an illegal header, minutes later and in other words. */
static llmd_error *check_token(const struct json *value)
{
    const char *token = llmd__json_text(value);

    for (; *token; token++)
        if ((unsigned char)*token <= ' ' || (unsigned char)*token >= 0x7f)
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "a blank, a line break or no ASCII is in it"),
                "give the token alone: the newline at the end of a file is no part of it");
    return NULL;
}

/* Kubernetes refuses the pod for such a name, long after the service was taken. */
static llmd_error *check_env(const struct json *value)
{
    JSON_EACH(item, value) {
        TRY(llmd__name_check_env(llmd__json_key(item)));
    }
    return NULL;
}

/* ---- the table ---- */

/* Offsets count from the nested struct, which has no name of its own here. */
static const struct field gateway_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .check = check_gateway_name,
     .offset = offsetof(llmd_service_spec, gateway.name) - offsetof(llmd_service_spec, gateway),
     .doc = "The Gateway's name."},
    {.name = "namespace",
     .type = FIELD_STRING,
     .check = check_ns,
     .offset = offsetof(llmd_service_spec, gateway.ns) - offsetof(llmd_service_spec, gateway),
     .doc = "Its namespace; the service's by default."},
    FIELD_END,
};

/* All three or none; see check_pull_secret(). */
static const struct field pull_fields[] = {
    {.name = "registry",
     .type = FIELD_STRING,
     .offset = offsetof(struct pull_secret, registry),
     .doc = "Registry host, such as `registry.redhat.io`."},
    {.name = "user",
     .type = FIELD_STRING,
     .offset = offsetof(struct pull_secret, user),
     .doc = "User or service-account name."},
    {.name = "password",
     .type = FIELD_SECRET,
     .offset = offsetof(struct pull_secret, password),
     .doc = "Password or token; wiped after use, never printed."},
    FIELD_END,
};

/* The picker is on unless somebody says false, so that is its unset value. */
static const struct field scheduler_fields[] = {
    {.name = "enabled",
     .type = FIELD_BOOL,
     .unset = true,
     .offset = offsetof(struct scheduler_spec, enabled),
     .doc = "`false` leaves out endpoint picker and pool: plain balancing."},
    {.name = "resources",
     .type = FIELD_JSON,
     .json = JSON_OBJECT,
     .offset = offsetof(struct scheduler_spec, resources),
     .doc = "Kubernetes resources of the picker; KServe's preset asks for 1 CPU and 2 Gi."},
    {.name = "config",
     .type = FIELD_JSON,
     .json = JSON_OBJECT,
     .offset = offsetof(struct scheduler_spec, config),
     .doc = "An EndpointPickerConfig: plugins and their weights."},
    {.name = "image",
     .type = FIELD_STRING,
     .offset = offsetof(struct scheduler_spec, image),
     .doc = "The picker's image; it must match the KServe release."},
    {.name = "readinessDelaySeconds",
     .type = FIELD_INT,
     .min = 1,
     .offset = offsetof(struct scheduler_spec, readiness_delay_s),
     .doc = "Delay of the picker's first readiness probe; KServe's preset says 30."},
    FIELD_END,
};

static const struct field route_fields[] = {
    {.name = "timeouts",
     .type = FIELD_STRING,
     .values = "auto|strip|keep",
     .offset = offsetof(llmd_service_spec, route.timeouts) - offsetof(llmd_service_spec, route),
     .doc = "GKE refuses routes with timeouts, which KServe's preset has. `auto` takes them out on "
            "GKE by a copy of the preset in the service's namespace"},
    {.name = "backendTimeoutSeconds",
     .type = FIELD_INT,
     .min = 1,
     .offset =
         offsetof(llmd_service_spec, route.backend_timeout_s) - offsetof(llmd_service_spec, route),
     .doc = "Limit of one answer at GKE's load balancer; 3600 by default, Google's own is 30."},
    FIELD_END,
};

#define AT(member) .offset = offsetof(llmd_service_spec, member)

static const struct field service_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     AT(name),
     .check = check_name,
     .doc = "Required. A DNS label."},
    {.name = "namespace",
     .type = FIELD_STRING,
     AT(ns),
     .check = check_ns,
     .doc = "The kubeconfig's by default."},
    {.name = "model",
     .type = FIELD_STRING,
     AT(model),
     .check = check_model,
     .doc = "Required. Where the weights are: `hf://`, `pvc://`, `oci://` or `s3://`."},
    {.name = "modelName",
     .type = FIELD_STRING,
     AT(model_name),
     .doc = "What clients write in `model`; the repository's name of a `hf://` model by default."},
    {.name = "preset",
     .type = FIELD_STRING,
     AT(preset),
     .values = LLMD__PRESET_NAMES,
     .doc = "The hardware"},
    {.name = "replicas",
     .type = FIELD_INT,
     AT(replicas),
     .max = MAX_REPLICAS,
     .unset = -1,
     .doc = "How many; unset leaves it to KServe (1 at first) or an autoscaler."},
    {.name = "image",
     .type = FIELD_STRING,
     AT(image),
     .doc = "The model server's image, instead of the preset's."},
    {.name = "imagePullPolicy",
     .type = FIELD_STRING,
     AT(pull_policy),
     .values = "Always|IfNotPresent|Never",
     .doc = "As Kubernetes has it"},
    {.name = "args",
     .type = FIELD_STRINGS,
     AT(args),
     .doc = "More arguments for the model server, one a string."},
    {.name = "env",
     .type = FIELD_MAP,
     AT(env),
     .check = check_env,
     .doc = "Environment variables of the model server."},
    {.name = "maxModelLen",
     .type = FIELD_INT,
     AT(max_model_len),
     .min = 1,
     .doc = "Longest context in tokens."},
    {.name = "tensorParallel",
     .type = FIELD_INT,
     AT(tensor_parallel),
     .min = 1,
     .doc = "Chips that share the model; all of the preset's by default."},
    /* As JSON, because unset, true and false are three: the preset decides for unset. */
    {.name = "download",
     .type = FIELD_JSON,
     AT(download),
     .json = JSON_BOOL,
     .doc = "`false`: no download; the image or a volume brings the weights."},
    {.name = "gateway",
     .type = FIELD_OBJECT,
     AT(gateway),
     .fields = gateway_fields,
     .doc = "The Gateway to attach to; KServe's default one when unset."},
    {.name = "hfToken",
     .type = FIELD_SECRET,
     AT(hf_token),
     .check = check_token,
     .doc = "A Hugging Face token, for gated models; the library makes the Secret."},
    {.name = "pullSecret",
     .type = FIELD_OBJECT,
     AT(pull_secret),
     .fields = pull_fields,
     .doc = "A registry login; the library makes the Secret."},
    {.name = "scheduler",
     .type = FIELD_OBJECT,
     AT(scheduler),
     .fields = scheduler_fields,
     .doc = "The endpoint picker."},
    {.name = "resources",
     .type = FIELD_JSON,
     AT(resources),
     .json = JSON_OBJECT,
     .doc = "Kubernetes resources of the model server, instead of the preset's."},
    {.name = "nodeSelector",
     .type = FIELD_MAP,
     AT(node_selector),
     .doc = "Node labels, instead of the preset's; `{}` for any node."},
    {.name = "tolerations",
     .type = FIELD_JSON,
     AT(tolerations),
     .json = JSON_ARRAY,
     .doc = "Kubernetes tolerations, instead of the preset's."},
    {.name = "labels", .type = FIELD_MAP, AT(labels), .doc = "Labels of the service object."},
    {.name = "annotations",
     .type = FIELD_MAP,
     AT(annotations),
     .doc = "Annotations of the service object."},
    {.name = "warmup",
     .type = FIELD_INT,
     AT(warmup),
     .max = MAX_WARMUP,
     .doc = "Requests sent when the service is ready, timed apart."},
    {.name = "tls",
     .type = FIELD_BOOL,
     AT(tls),
     .doc = "TLS from gateway to model server, with KServe's certificate."},
    {.name = "route",
     .type = FIELD_OBJECT,
     AT(route),
     .fields = route_fields,
     .doc = "The route and the load balancer behind it."},
    {.name = "container",
     .type = FIELD_JSON,
     AT(container),
     .json = JSON_OBJECT,
     .doc = "A merge patch (RFC 7396) for the container `main`."},
    {.name = "overlay",
     .type = FIELD_JSON,
     AT(overlay),
     .json = JSON_OBJECT,
     .doc = "A merge patch (RFC 7396) for the LLMInferenceService; has the last word."},
    FIELD_END,
};

/* ---- the whole ---- */

/* Also of what new() took without a look. */
static llmd_error *check_required(const llmd_service_spec *spec)
{
    if (!spec->name || !spec->name[0])
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "name is missing"),
                                      "add one, such as name: qwen");
    TRY(llmd__name_check_label("service name", spec->name));
    if (spec->ns && spec->ns[0])
        TRY(llmd__name_check_label("namespace", spec->ns));
    if (!spec->model || !spec->model[0])
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "model is missing"),
                                      "add one, such as model: hf://ORG/MODEL");
    return check_model_text(spec->model);
}

/* A login with a part missing would make a Secret that every pull fails with. */
static llmd_error *check_pull_secret(const struct pull_secret *secret)
{
    if (!secret->registry && !secret->user && !secret->password)
        return NULL;
    if (secret->registry && secret->user && secret->password)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "pullSecret: want registry, user and password");
}

/* What one key alone cannot tell: the preset decides which image, chips and arguments go together.
 */
static llmd_error *check_whole(const void *object)
{
    const llmd_service_spec *spec = object;
    const struct preset *preset = llmd__preset(spec->preset);

    TRY(check_required(spec));
    TRY(check_pull_secret(&spec->pull_secret));
    if (spec->gateway.ns && !spec->gateway.name)
        return llmd__error(LLMD_E_INVALID, "gateway: name is missing");
    if (!preset)
        return llmd__error(LLMD_E_INVALID, "preset: \"%s\" is none of %s", spec->preset,
                           LLMD__PRESET_NAMES);
    return llmd__preset_check(preset, spec);
}

static llmd_service_spec no_memory;

const struct spec_type llmd__service_spec_type = {
    .what = "service spec",
    .size = sizeof(llmd_service_spec),
    .fields = service_fields,
    .none = &no_memory,
    .check = check_whole,
    .follow = "service wait",
};

SPEC_FUNCTIONS(llmd_service_spec, llmd__service_spec_type)
SPEC_FILE_FUNCTIONS(llmd_service_spec, llmd__service_spec_type)

/* Not by _set(): a bad value must be told by the call that uses the spec, with the others. */
llmd_service_spec *llmd_service_spec_new(const char *ns, const char *name, const char *model)
{
    llmd_service_spec *spec = llmd__spec_new(&llmd__service_spec_type);

    llmd__spec_text(spec, &spec->ns, ns);
    llmd__spec_text(spec, &spec->name, name);
    llmd__spec_text(spec, &spec->model, model);
    return spec;
}

const char *llmd_service_spec_name(const llmd_service_spec *spec)
{
    return spec && spec->name ? spec->name : "";
}

const char *llmd_service_spec_ns(const llmd_service_spec *spec)
{
    return spec && spec->ns ? spec->ns : "";
}
