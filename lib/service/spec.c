/* SPDX-License-Identifier: Apache-2.0 */
#include "service/spec.h"
#include "service/presets.h"

#include "base/file.h"
#include "base/name.h"
#include "base/yaml.h"

#include <stdio.h>
#include <string.h>

#define MAX_SPEC (1 << 20)
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

static llmd_error *check_replicas(const struct json *value)
{
    int64_t number = -1;

    if (llmd__json_to_int(value, &number) && number >= 0 && number <= MAX_REPLICAS)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want 0 to %d", MAX_REPLICAS);
}

static llmd_error *check_bool(const struct json *value)
{
    if (llmd__json_type(value) == JSON_BOOL)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want true or false, got %s",
                       llmd__json_type_name(llmd__json_type(value)));
}

static llmd_error *check_object(const struct json *value)
{
    if (llmd__json_type(value) == JSON_OBJECT)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want a mapping, got %s",
                       llmd__json_type_name(llmd__json_type(value)));
}

static llmd_error *check_array(const struct json *value)
{
    if (llmd__json_type(value) == JSON_ARRAY)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want a list, got %s",
                       llmd__json_type_name(llmd__json_type(value)));
}

static llmd_error *check_positive(const struct json *value)
{
    int64_t number = 0;

    if (llmd__json_to_int(value, &number) && number > 0)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want 1 or more");
}

static llmd_error *check_warmup(const struct json *value)
{
    int64_t number = 0;

    if (llmd__json_to_int(value, &number) && number >= 0 && number <= MAX_WARMUP)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want 0 to %d", MAX_WARMUP);
}

static llmd_error *check_env(const struct json *value)
{
    JSON_EACH(item, value)
    {
        TRY(llmd__name_check_env(llmd__json_key(item)));
    }
    return NULL;
}

/* ---- the table ---- */

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

static const struct field scheduler_fields[] = {
    {.name = "enabled",
     .type = FIELD_BOOL,
     .unset = true,
     .offset = offsetof(struct scheduler_spec, enabled),
     .doc = "`false` leaves out endpoint picker and pool: plain balancing."},
    {.name = "resources",
     .type = FIELD_JSON,
     .check = check_object,
     .offset = offsetof(struct scheduler_spec, resources),
     .doc = "Kubernetes resources of the picker; KServe's preset asks for 1 CPU and 2 Gi."},
    {.name = "config",
     .type = FIELD_JSON,
     .check = check_object,
     .offset = offsetof(struct scheduler_spec, config),
     .doc = "An EndpointPickerConfig: plugins and their weights."},
    {.name = "image",
     .type = FIELD_STRING,
     .offset = offsetof(struct scheduler_spec, image),
     .doc = "The picker's image; it must match the KServe release."},
    {.name = "readinessDelaySeconds",
     .type = FIELD_INT,
     .check = check_positive,
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
     .check = check_positive,
     .offset =
         offsetof(llmd_service_spec, route.backend_timeout_s) - offsetof(llmd_service_spec, route),
     .doc = "Limit of one answer at GKE's load balancer; 3600 by default, Google's own is 30."},
    FIELD_END,
};

#define AT(member) .offset = offsetof(llmd_service_spec, member)

const struct field llmd__service_fields[] = {
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
     .check = check_replicas,
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
     .check = check_positive,
     .doc = "Longest context in tokens."},
    {.name = "tensorParallel",
     .type = FIELD_INT,
     AT(tensor_parallel),
     .check = check_positive,
     .doc = "Chips that share the model; all of the preset's by default."},
    {.name = "download",
     .type = FIELD_JSON,
     AT(download),
     .check = check_bool,
     .doc = "`false`: no download; the image or a volume brings the weights."},
    {.name = "gateway",
     .type = FIELD_OBJECT,
     AT(gateway),
     .fields = gateway_fields,
     .doc = "The Gateway to attach to; KServe's default one when unset."},
    {.name = "hfToken",
     .type = FIELD_SECRET,
     AT(hf_token),
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
     .check = check_object,
     .doc = "Kubernetes resources of the model server, instead of the preset's."},
    {.name = "nodeSelector",
     .type = FIELD_MAP,
     AT(node_selector),
     .doc = "Node labels, instead of the preset's; `{}` for any node."},
    {.name = "tolerations",
     .type = FIELD_JSON,
     AT(tolerations),
     .check = check_array,
     .doc = "Kubernetes tolerations, instead of the preset's."},
    {.name = "labels", .type = FIELD_MAP, AT(labels), .doc = "Labels of the service object."},
    {.name = "annotations",
     .type = FIELD_MAP,
     AT(annotations),
     .doc = "Annotations of the service object."},
    {.name = "warmup",
     .type = FIELD_INT,
     AT(warmup),
     .check = check_warmup,
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
     .check = check_object,
     .doc = "A merge patch (RFC 7396) for the container `main`."},
    {.name = "overlay",
     .type = FIELD_JSON,
     AT(overlay),
     .check = check_object,
     .doc = "A merge patch (RFC 7396) for the LLMInferenceService; has the last word."},
    FIELD_END,
};

/* ---- the whole ---- */

static llmd_error *check_required(const llmd_service_spec *spec)
{
    if (!spec->name || !spec->name[0])
        return llmd__error(LLMD_E_INVALID, "name is missing");
    TRY(llmd__name_check_label("service name", spec->name));
    if (spec->ns && spec->ns[0])
        TRY(llmd__name_check_label("namespace", spec->ns));
    if (!spec->model || !spec->model[0])
        return llmd__error(LLMD_E_INVALID, "model is missing");
    return check_model_text(spec->model);
}

static llmd_error *check_pull_secret(const struct pull_secret *secret)
{
    if (!secret->registry && !secret->user && !secret->password)
        return NULL;
    if (secret->registry && secret->user && secret->password)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "pullSecret: want registry, user and password");
}

static llmd_error *check_whole(const llmd_service_spec *spec)
{
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

llmd_error *llmd__service_spec_check(const llmd_service_spec *spec)
{
    const char *name = spec->name ? spec->name : "";

    if (spec->fixed)
        return NO_MEMORY;
    if (spec->bad)
        return llmd__error_copy(spec->bad);
    return llmd__error_wrap(check_whole(spec), "service spec %s", name[0] ? name : "(unnamed)");
}

char *llmd__service_what(const char *ns, const char *name)
{
    return llmd__format("service %s/%s", ns, name);
}

/* ---- parsing ---- */

static llmd_error *refuse_manifest(const struct json *object, const char *what)
{
    const char *kind = llmd__json_str(object, "kind");

    if (!kind[0] || !llmd__json_str(object, "apiVersion")[0])
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s: this is a Kubernetes manifest (kind %s), not a spec", what,
                    kind),
        "apply it with llmd_kube_apply() and follow it with llmd_service_wait()");
}

static llmd_error *read_spec(const char *text, const char *what, llmd_service_spec *spec)
{
    AUTO(json) struct json *object = NULL;

    TRY(llmd__yaml_parse(text, what, &object));
    TRY(refuse_manifest(object, what));
    TRY(llmd__fields_read(llmd__service_fields, object, what, spec));
    return llmd__error_wrap(check_whole(spec), "%s", what);
}

llmd_service_spec *llmd__service_spec_blank(void)
{
    llmd_service_spec *spec = llmd__calloc(1, sizeof(*spec));

    if (!spec)
        return NULL;
    spec->replicas = -1;
    spec->scheduler.enabled = true;
    return spec;
}

static llmd_error *parse_named(const char *text, const char *what, llmd_service_spec **out)
{
    AUTO(service_spec) llmd_service_spec *spec = llmd__service_spec_blank();

    CHECK_MEMORY(spec);
    TRY(read_spec(text, what, spec));
    *out = TAKE(spec);
    return NULL;
}

llmd_error *llmd_service_spec_parse(const char *text, llmd_service_spec **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(text);
    return parse_named(text, "service spec", out);
}

llmd_error *llmd_service_spec_parse_file(const char *path, llmd_service_spec **out)
{
    __attribute__((cleanup(llmd__auto_buf))) struct buf text = BUF_INIT;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(path);
    TRY(llmd__file_read(path, MAX_SPEC, &text));
    return parse_named(llmd__buf_text(&text), path, out);
}

llmd_error *llmd_service_spec_json(const llmd_service_spec *spec, char **out)
{
    AUTO(json) struct json *object = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(spec);
    if (spec->fixed)
        return NO_MEMORY;
    if (spec->bad)
        return llmd__error_copy(spec->bad);
    TRY(llmd__fields_json(llmd__service_fields, spec, &object));
    return llmd__json_print(object, out);
}

/* ---- copying: a task keeps what the spec said when it was made ---- */

static llmd_error *copy_text(const char *from, char **to)
{
    if (!from)
        return NULL;
    *to = llmd__strdup(from);
    CHECK_MEMORY(*to);
    return NULL;
}

static llmd_error *copy_json(const struct json *from, struct json **to)
{
    return from ? llmd__json_copy(from, to) : NULL;
}

static llmd_error *copy_fields(const struct field *fields, const char *from, char *to)
{
    for (const struct field *field = fields; field->name; field++) {
        const char *source = from + field->offset;
        char *target = to + field->offset;

        switch (field->type) {
        case FIELD_STRING:
        case FIELD_SECRET:
            TRY(copy_text(*(char *const *)source, (char **)target));
            break;
        case FIELD_STRINGS:
        case FIELD_MAP:
        case FIELD_JSON:
            TRY(copy_json(*(struct json *const *)source, (struct json **)target));
            break;
        case FIELD_OBJECT:
            TRY(copy_fields(field->fields, source, target));
            break;
        case FIELD_BOOL:
            *(bool *)target = *(const bool *)source;
            break;
        default:
            *(int *)target = *(const int *)source;
        }
    }
    return NULL;
}

llmd_error *llmd__service_spec_copy(const llmd_service_spec *spec, llmd_service_spec **out)
{
    AUTO(service_spec) llmd_service_spec *copy = llmd__calloc(1, sizeof(*copy));

    CHECK_MEMORY(copy);
    TRY(copy_fields(llmd__service_fields, (const char *)spec, (char *)copy));
    *out = TAKE(copy);
    return NULL;
}
