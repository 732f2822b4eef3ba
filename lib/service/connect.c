/* SPDX-License-Identifier: Apache-2.0 */
#include "service/connect.h"
#include "service/spec.h"

#include "kube/kube.h"
#include "kube/object.h"
#include "openai/endpoint.h"

#include <string.h>

#define SERVICES "llminferenceservices.serving.kserve.io"
#define GATEWAYS "gateways.gateway.networking.k8s.io"

/* KServe serves under spec.model.name, and under the service's name where that is not set. */
const char *llmd__service_model(const struct json *service)
{
    const char *name = llmd__json_str(service, "spec.model.name");

    return name[0] ? name : llmd__object_name(service);
}

/* status.addresses also lists the bare gateway and paths by model: the one of
   the service ends with its namespace and name. */
static const char *own_address(const struct json *service, const char *path)
{
    const char *first = "";
    size_t path_len = strlen(path);

    JSON_EACH(address, llmd__json_get(service, "status.addresses")) {
        const char *url = llmd__json_str(address, "url");
        size_t len = strlen(url);

        if (len > path_len && !strcmp(url + len - path_len, path))
            return url;
        if (!first[0])
            first = url;
    }
    return first;
}

/* HTTPS before HTTP: a token must not go over the plain one if there is a choice. */
static const struct json *listener_of(const struct json *gateway)
{
    const struct json *first = NULL;

    JSON_EACH(listener, llmd__json_get(gateway, "spec.listeners")) {
        if (!strcmp(llmd__json_str(listener, "protocol"), "HTTPS"))
            return listener;
        if (!first)
            first = listener;
    }
    return first;
}

/* Older KServe leaves status.url empty for an internal gateway. */
static llmd_error *from_gateway(const struct json *gateway, const char *path, char **out)
{
    const struct json *listener = listener_of(gateway);
    const char *host = llmd__json_str(gateway, "status.addresses[0].value");
    bool tls = !strcmp(llmd__json_str(listener, "protocol"), "HTTPS");
    int port = (int)llmd__json_int(listener, "port", 80);
    const char *named = llmd__json_str(listener, "hostname");
    bool bare = strchr(host, ':') != strrchr(host, ':'); /* IPv6 */

    if (!host[0])
        return NULL;
    if (named[0] && named[0] != '*')
        host = named;
    if (port == (tls ? 443 : 80))
        *out = llmd__format("%s://%s%s%s%s", tls ? "https" : "http", bare ? "[" : "", host,
                            bare ? "]" : "", path);
    else
        *out = llmd__format("%s://%s%s%s:%d%s", tls ? "https" : "http", bare ? "[" : "", host,
                            bare ? "]" : "", port, path);
    CHECK_MEMORY(*out);
    return NULL;
}

llmd_error *llmd__service_address(const struct json *service, const struct json *gateway,
                                  char **out)
{
    AUTO(str)
    char *path = llmd__format("/%s/%s", llmd__object_ns(service), llmd__object_name(service));
    const char *url = llmd__json_str(service, "status.url");

    CHECK_MEMORY(path);
    /* status.url first: it is what KServe itself would hand out. */
    if (!url[0])
        url = own_address(service, path);
    if (!url[0])
        return from_gateway(gateway, path, out);
    *out = llmd__strdup(url);
    CHECK_MEMORY(*out);
    return NULL;
}

/* ---- connecting ---- */

static llmd_error *get_gateway(llmd_context *ctx, const llmd_kube *kube, const struct json *service,
                               struct json **out)
{
    const struct json *ref = llmd__json_get(service, "spec.router.gateway.refs[0]");
    const char *ns;

    if (!ref)
        ref = llmd__json_get(service, "status.router.gateways[0]");
    if (!ref)
        return NULL;
    ns = llmd__json_str(ref, "namespace");
    return llmd__kube_get(ctx, kube, GATEWAYS, ns[0] ? ns : llmd__object_ns(service),
                          llmd__json_str(ref, "name"), out);
}

/* The Gateway costs a request, so it is asked only when the service does not say where it is. */
static llmd_error *find_address(llmd_context *ctx, const llmd_kube *kube,
                                const struct json *service, char **out)
{
    AUTO(json) struct json *gateway = NULL;

    TRY(llmd__service_address(service, NULL, out));
    if (*out)
        return NULL;
    TRY(get_gateway(ctx, kube, service, &gateway));
    TRY(llmd__service_address(service, gateway, out));
    if (*out)
        return NULL;
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_NOT_FOUND, "it has no address yet"), "NoAddress"),
        "wait for the service (service wait), or give a URL in the endpoint spec");
}

static llmd_error *open_service(llmd_context *ctx, const llmd_kube *kube, const char *ns,
                                const char *name, const llmd_endpoint_spec *spec,
                                llmd_endpoint **out)
{
    AUTO(json) struct json *service = NULL;
    AUTO(str) char *url = NULL;
    struct endpoint_place place = {0};

    TRY(llmd__kube_get(ctx, kube, SERVICES, ns, name, &service));
    /* A URL of the caller's wins: a port-forward, or a name that only the caller can resolve. */
    if (!llmd__endpoint_spec_url(spec)[0])
        TRY(find_address(ctx, kube, service, &url));
    place.url = url;
    return llmd__endpoint_open_at(spec, &place, NULL, out);
}

llmd_error *llmd_service_connect(llmd_context *ctx, const llmd_kube *kube, const char *ns,
                                 const char *name, const llmd_endpoint_spec *spec,
                                 llmd_endpoint **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(name);
    ns = llmd__kube_ns(kube, ns);
    return llmd__error_wrap(open_service(ctx, kube, ns, name, spec, out), "connect service %s/%s",
                            ns, name);
}
