/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/spec.h"

#include <arpa/inet.h>
#include <string.h>

/* inet_pton takes no zone and no port, as Gateway API does not. */
static bool is_ip(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* GKE knows a reserved address by its name, others by the IP itself. */
static llmd_error *addresses(const llmd_gateway_spec *spec, struct json **out)
{
    if (!spec->address)
        return NULL;
    return llmd__json_make(out, "[{'type': %s, 'value': %s}]",
                           is_ip(spec->address) ? "IPAddress" : "NamedAddress", spec->address);
}

/* Routes of all namespaces: a service lives with its team, the Gateway with who runs the cluster.
   Gateway API's own default is the Gateway's namespace only. */
static llmd_error *listener(const llmd_gateway_spec *spec, bool tls, struct json **out)
{
    AUTO(json) struct json *terminate = NULL;

    if (tls)
        TRY(llmd__json_make(&terminate,
                            "{'mode': 'Terminate',"
                            " 'certificateRefs': [{'kind': 'Secret', 'name': %s}]}",
                            spec->tls.secret));
    return llmd__json_make(out,
                           "{'name': %s, 'protocol': %s, 'port': %d, 'hostname': %s, 'tls': %j,"
                           " 'allowedRoutes': {'namespaces': {'from': 'All'}}}",
                           tls ? "https" : "http", tls ? "HTTPS" : "HTTP", tls ? 443 : 80,
                           tls ? spec->tls.hostname : NULL, terminate);
}

/* HTTP stays beside HTTPS; who wants one alone says so by the overlay. */
static llmd_error *listeners(const llmd_gateway_spec *spec, struct json **out)
{
    AUTO(json) struct json *list = llmd__json_array();
    struct json *item = NULL;

    CHECK_MEMORY(list);
    TRY(listener(spec, false, &item));
    llmd__json_add(list, item);
    if (spec->tls.secret) {
        item = NULL;
        TRY(listener(spec, true, &item));
        llmd__json_add(list, item);
    }
    *out = TAKE(list);
    return NULL;
}

/* The caller's labels come last, so that they may also replace ours. */
static llmd_error *metadata_of(const llmd_gateway_spec *spec, const char *ns, struct json **out)
{
    AUTO(json) struct json *metadata = NULL;
    struct json *labels;

    TRY(llmd__json_make(&metadata,
                        "{'name': %s, 'namespace': %s, 'annotations': %j,"
                        " 'labels': {'app.kubernetes.io/managed-by': 'libllmd'}}",
                        spec->name, ns, spec->annotations));
    labels = llmd__json_edit(metadata, "labels");
    JSON_EACH(item, spec->labels) {
        llmd__json_set_str(labels, llmd__json_key(item), llmd__json_text(item));
    }
    *out = TAKE(metadata);
    return NULL;
}

llmd_error *llmd__gateway_manifest(const llmd_gateway_spec *spec, const char *ns, struct json **out)
{
    AUTO(json) struct json *metadata = NULL;
    AUTO(json) struct json *address = NULL;
    AUTO(json) struct json *ports = NULL;
    AUTO(json) struct json *object = NULL;

    TRY(metadata_of(spec, ns, &metadata));
    TRY(addresses(spec, &address));
    TRY(listeners(spec, &ports));
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'gateway.networking.k8s.io/v1', 'kind': 'Gateway',"
                        " 'metadata': %j,"
                        " 'spec': {'gatewayClassName': %s, 'addresses': %j, 'listeners': %j}}",
                        metadata, llmd__gateway_spec_class(spec), address, ports));
    /* Behind everything we decided, as promised: it may even change the kind's own fields. */
    if (spec->overlay)
        TRY(llmd__json_merge(&object, spec->overlay));
    TRY(llmd__json_check(object));
    *out = TAKE(object);
    return NULL;
}

llmd_error *llmd_gateway_spec_manifest(const llmd_gateway_spec *spec, char **out)
{
    AUTO(json) struct json *list = NULL;
    struct json *gateway = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(spec);
    TRY(llmd__spec_check(spec));
    TRY(llmd__json_make(&list, "{'apiVersion': 'v1', 'kind': 'List', 'items': []}"));
    TRY(llmd__gateway_manifest(spec, spec->ns ? spec->ns : "default", &gateway));
    llmd__json_add(llmd__json_edit(list, "items"), gateway);
    TRY(llmd__json_check(list));
    return llmd__json_print_pretty(list, out);
}
