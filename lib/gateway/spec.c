/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/spec.h"

#include "base/name.h"
#include "findings/findings.h"

#include <string.h>

/* ---- checks ---- */

static llmd_error *check_name(const struct json *value)
{
    return llmd__name_check_subdomain("gateway name", llmd__json_text(value));
}

static llmd_error *check_ns(const struct json *value)
{
    return llmd__name_check_label("namespace", llmd__json_text(value));
}

/* Refused here because the cluster takes a Gateway of a global class and only its routes fail, an
   apply later. */
static llmd_error *check_class_text(const char *class)
{
    if (llmd__class_is_global(class))
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

/* ---- the table ---- */

/* Certificates stay in the cluster: only the Secret's name passes through here. */
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

static const struct field gateway_fields[] = {
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
     .json = JSON_OBJECT,
     .doc = "A merge patch (RFC 7396) for the Gateway; has the last word."},
    FIELD_END,
};

/* The default is not written into the spec: _json() shows what was said. */
const char *llmd__gateway_spec_class(const llmd_gateway_spec *spec)
{
    return spec->class && spec->class[0] ? spec->class : LLMD__GATEWAY_CLASS;
}

/* What new() took without a look is checked here, as in a spec that was parsed. */
static llmd_error *check_whole(const void *object)
{
    const llmd_gateway_spec *spec = object;

    if (!spec->name || !spec->name[0])
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "name is missing"),
                                      "add one, such as name: edge");
    TRY(llmd__name_check_subdomain("gateway name", spec->name));
    if (spec->ns && spec->ns[0])
        TRY(llmd__name_check_label("namespace", spec->ns));
    if (spec->tls.hostname && !spec->tls.secret)
        return llmd__error(LLMD_E_INVALID, "tls: secret is missing");
    return check_class_text(llmd__gateway_spec_class(spec));
}

static llmd_gateway_spec no_memory;

const struct spec_type llmd__gateway_spec_type = {
    .what = "gateway spec",
    .size = sizeof(llmd_gateway_spec),
    .fields = gateway_fields,
    .none = &no_memory,
    .check = check_whole,
    .follow = "gateway wait",
};

SPEC_FUNCTIONS(llmd_gateway_spec, llmd__gateway_spec_type)
SPEC_FILE_FUNCTIONS(llmd_gateway_spec, llmd__gateway_spec_type)

/* Not by _set(): a bad name must be told by the call that uses the spec, with the others. */
llmd_gateway_spec *llmd_gateway_spec_new(const char *ns, const char *name)
{
    llmd_gateway_spec *spec = llmd__spec_new(&llmd__gateway_spec_type);

    llmd__spec_text(spec, &spec->ns, ns);
    llmd__spec_text(spec, &spec->name, name);
    return spec;
}

const char *llmd_gateway_spec_name(const llmd_gateway_spec *spec)
{
    return spec && spec->name ? spec->name : "";
}

const char *llmd_gateway_spec_ns(const llmd_gateway_spec *spec)
{
    return spec && spec->ns ? spec->ns : "";
}
