/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/spec.h"

#include "base/file.h"
#include "base/name.h"
#include "base/yaml.h"

#include <string.h>

#define MAX_SPEC (1 << 20)

static llmd_gateway_spec no_memory = {.fixed = true};

/* ---- checks ---- */

static llmd_error *check_name(const struct json *value)
{
    return llmd__name_check_subdomain("gateway name", llmd__json_text(value));
}

static llmd_error *check_ns(const struct json *value)
{
    return llmd__name_check_label("namespace", llmd__json_text(value));
}

/* Google's global classes take routes to Services only. */
static llmd_error *check_class_text(const char *class)
{
    if (!strncmp(class, "gke-l7-global-", 14) || !strncmp(class, "gke-l7-gxlb", 11))
        return llmd__error_set_advice(
            llmd__error_set_reason(
                llmd__error(LLMD_E_INVALID,
                            "class %s is global, and a global one cannot route to an InferencePool",
                            class),
                "GatewayClassUnsupported"),
            "use %s, or gke-l7-rilb inside the VPC", LLMD__GATEWAY_CLASS);
    return llmd__name_check_subdomain("gateway class", class);
}

static llmd_error *check_class(const struct json *value)
{
    return check_class_text(llmd__json_text(value));
}

static llmd_error *check_object(const struct json *value)
{
    if (llmd__json_type(value) == JSON_OBJECT)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want a mapping, got %s",
                       llmd__json_type_name(llmd__json_type(value)));
}

/* ---- the table ---- */

static const struct field tls_fields[] = {
    {.name = "secret",
     .type = FIELD_STRING,
     .offset = offsetof(struct gateway_tls, secret),
     .check = check_name,
     .doc = "The TLS Secret, in the Gateway's namespace."},
    {.name = "hostname",
     .type = FIELD_STRING,
     .offset = offsetof(struct gateway_tls, hostname),
     .doc = "Only this host name; any by default."},
    FIELD_END,
};

#define AT(member) .offset = offsetof(llmd_gateway_spec, member)

const struct field llmd__gateway_fields[] = {
    {.name = "name", .type = FIELD_STRING, AT(name), .check = check_name, .doc = "Required."},
    {.name = "namespace",
     .type = FIELD_STRING,
     AT(ns),
     .check = check_ns,
     .doc = "The kubeconfig's by default."},
    {.name = "class",
     .type = FIELD_STRING,
     AT(class),
     .check = check_class,
     .doc = "The GatewayClass; `" LLMD__GATEWAY_CLASS "` by default."},
    {.name = "address",
     .type = FIELD_STRING,
     AT(address),
     .doc = "A reserved IP address, or the name of a regional static address."},
    {.name = "tls",
     .type = FIELD_OBJECT,
     AT(tls),
     .fields = tls_fields,
     .doc = "Adds an HTTPS listener on port 443."},
    {.name = "labels", .type = FIELD_MAP, AT(labels), .doc = "Labels of the Gateway."},
    {.name = "annotations", .type = FIELD_MAP, AT(annotations), .doc = "Annotations of it."},
    {.name = "overlay",
     .type = FIELD_JSON,
     AT(overlay),
     .check = check_object,
     .doc = "A merge patch (RFC 7396) for the Gateway; has the last word."},
    FIELD_END,
};

const char *llmd__gateway_spec_class(const llmd_gateway_spec *spec)
{
    return spec->class && spec->class[0] ? spec->class : LLMD__GATEWAY_CLASS;
}

static llmd_error *check_whole(const llmd_gateway_spec *spec)
{
    if (!spec->name || !spec->name[0])
        return llmd__error(LLMD_E_INVALID, "name is missing");
    TRY(llmd__name_check_subdomain("gateway name", spec->name));
    if (spec->ns && spec->ns[0])
        TRY(llmd__name_check_label("namespace", spec->ns));
    if (spec->tls.hostname && !spec->tls.secret)
        return llmd__error(LLMD_E_INVALID, "tls: secret is missing");
    return check_class_text(llmd__gateway_spec_class(spec));
}

llmd_error *llmd__gateway_spec_check(const llmd_gateway_spec *spec)
{
    if (spec->fixed)
        return NO_MEMORY;
    if (spec->bad)
        return llmd__error_copy(spec->bad);
    return llmd__error_wrap(check_whole(spec), "gateway spec %s", llmd_gateway_spec_name(spec));
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
        "apply it with llmd_kube_apply() and follow it with llmd_gateway_wait()");
}

static llmd_error *parse_named(const char *text, const char *what, llmd_gateway_spec **out)
{
    AUTO(gateway_spec) llmd_gateway_spec *spec = llmd__calloc(1, sizeof(*spec));
    AUTO(json) struct json *object = NULL;

    CHECK_MEMORY(spec);
    TRY(llmd__yaml_parse(text, what, &object));
    TRY(refuse_manifest(object, what));
    TRY(llmd__fields_read(llmd__gateway_fields, object, what, spec));
    TRY(llmd__error_wrap(check_whole(spec), "%s", what));
    *out = TAKE(spec);
    return NULL;
}

llmd_error *llmd_gateway_spec_parse(const char *text, llmd_gateway_spec **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(text);
    return parse_named(text, "gateway spec", out);
}

llmd_error *llmd_gateway_spec_parse_file(const char *path, llmd_gateway_spec **out)
{
    __attribute__((cleanup(llmd__auto_buf))) struct buf text = BUF_INIT;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(path);
    TRY(llmd__file_read(path, MAX_SPEC, &text));
    return parse_named(llmd__buf_text(&text), path, out);
}

llmd_error *llmd_gateway_spec_json(const llmd_gateway_spec *spec, char **out)
{
    AUTO(json) struct json *object = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(spec);
    if (spec->fixed)
        return NO_MEMORY;
    if (spec->bad)
        return llmd__error_copy(spec->bad);
    TRY(llmd__fields_json(llmd__gateway_fields, spec, &object));
    return llmd__json_print(object, out);
}

/* ---- setters: the first bad value waits for the call that uses the spec ---- */

static bool usable(const llmd_gateway_spec *spec)
{
    return spec && !spec->fixed;
}

static void keep(llmd_gateway_spec *spec, llmd_error *error)
{
    if (spec->bad)
        llmd_error_free(error);
    else
        spec->bad = error;
}

static void set_text(llmd_gateway_spec *spec, char **member, const char *text)
{
    char *copy = text && text[0] ? llmd__strdup(text) : NULL;

    if (text && text[0] && !copy) {
        keep(spec, NO_MEMORY);
        return;
    }
    llmd__free(*member);
    *member = copy;
}

llmd_gateway_spec *llmd_gateway_spec_new(const char *ns, const char *name)
{
    llmd_gateway_spec *spec = llmd__calloc(1, sizeof(*spec));

    if (!spec)
        return &no_memory;
    set_text(spec, &spec->ns, ns);
    set_text(spec, &spec->name, name);
    return spec;
}

void llmd_gateway_spec_free(llmd_gateway_spec *spec)
{
    if (!usable(spec))
        return;
    llmd__fields_free(llmd__gateway_fields, spec);
    llmd_error_free(spec->bad);
    llmd__free(spec);
}

void llmd_gateway_spec_set_class(llmd_gateway_spec *spec, const char *gateway_class)
{
    if (!usable(spec))
        return;
    set_text(spec, &spec->class, gateway_class);
}

void llmd_gateway_spec_set_address(llmd_gateway_spec *spec, const char *address)
{
    if (usable(spec))
        set_text(spec, &spec->address, address);
}

void llmd_gateway_spec_set_tls(llmd_gateway_spec *spec, const char *secret, const char *hostname)
{
    if (!usable(spec))
        return;
    set_text(spec, &spec->tls.secret, secret);
    set_text(spec, &spec->tls.hostname, hostname);
}

void llmd_gateway_spec_set_overlay(llmd_gateway_spec *spec, const char *json)
{
    struct json *overlay = NULL;
    llmd_error *error;

    if (!usable(spec))
        return;
    error = json ? llmd__json_parse(json, strlen(json), "overlay", &overlay) : NULL;
    if (!error && overlay && llmd__json_type(overlay) != JSON_OBJECT)
        error = llmd__error(LLMD_E_INVALID, "overlay: want an object");
    if (error) {
        llmd__json_free(overlay);
        keep(spec, error);
        return;
    }
    llmd__json_free(spec->overlay);
    spec->overlay = overlay;
}

const char *llmd_gateway_spec_name(const llmd_gateway_spec *spec)
{
    return spec && spec->name ? spec->name : "";
}

const char *llmd_gateway_spec_ns(const llmd_gateway_spec *spec)
{
    return spec && spec->ns ? spec->ns : "";
}
