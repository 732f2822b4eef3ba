/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own token goes to the API server: no plugin, no file (P136). */
#include "gke/connect.h"

#include "auth/credentials.h"
#include "base/base64.h"
#include "base/url.h"
#include "gke/calls.h"
#include "gke/cluster.h"

#include <string.h>

#define ENDPOINTS "controlPlaneEndpointsConfig."

/* "" if the cluster has none that takes traffic from everywhere. Its certificate is publicly
   trusted: the cluster's CA did not sign it. */
static const char *dns_endpoint(const struct json *cluster)
{
    const struct json *dns = llmd__json_get(cluster, ENDPOINTS "dnsEndpointConfig");

    return llmd__json_bool(dns, "allowExternalTraffic", false) ? llmd__json_str(dns, "endpoint")
                                                               : "";
}

static const char *first_of(const char *a, const char *b)
{
    return *a ? a : b;
}

static const char *ip_endpoint(const struct json *cluster)
{
    const struct json *ip = llmd__json_get(cluster, ENDPOINTS "ipEndpointsConfig");
    const char *inside = first_of(llmd__json_str(ip, "privateEndpoint"),
                                  llmd__json_str(cluster, "privateClusterConfig.privateEndpoint"));

    if (!llmd__json_bool(ip, "enabled", true))
        return "";
    if (!llmd__json_bool(ip, "enablePublicEndpoint", true))
        return first_of(inside, llmd__json_str(cluster, "endpoint"));
    return first_of(llmd__json_str(ip, "publicEndpoint"),
                    first_of(llmd__json_str(cluster, "endpoint"), inside));
}

static llmd_error *no_endpoint(const struct json *cluster)
{
    const char *name = llmd__json_str(cluster, "name");

    if (*llmd__json_str(cluster, ENDPOINTS "dnsEndpointConfig.endpoint"))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_DENIED,
                        "cluster %s: has only a DNS endpoint, and that takes no traffic from "
                        "outside",
                        name),
            "set dnsEndpointConfig.allowExternalTraffic on the cluster (dnsEndpoint in the spec)");
    return llmd__error_set_advice(llmd__error(LLMD_E_BUSY,
                                              "cluster %s: has no endpoint in status %s", name,
                                              llmd__json_str(cluster, "status")),
                                  "wait for it with cluster wait");
}

/* A bare address, host or host and port; of more than one colon it is IPv6. */
static void add_host(struct buf *url, const char *host)
{
    const char *colon = strchr(host, ':');
    bool is_ipv6 = colon && strchr(colon + 1, ':') && *host != '[';

    llmd__buf_format(url, "https://%s%s%s", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "");
}

static llmd_error *check_url(const struct json *cluster, const char *text)
{
    struct url url = {0};
    llmd_error *error = llmd__url_parse(text, &url);

    llmd__url_free(&url);
    if (!error)
        return NULL;
    if (llmd_error_code(error) != LLMD_E_NO_MEMORY)
        error = llmd__error_set_code(error, LLMD_E_PROTOCOL);
    return llmd__error_wrap(error, "cluster %s: endpoint", llmd__json_str(cluster, "name"));
}

llmd_error *llmd__cluster_server(const struct json *cluster, struct buf *url, struct buf *ca_pem)
{
    const char *dns = dns_endpoint(cluster);
    const char *host = first_of(dns, ip_endpoint(cluster));
    llmd_error *bad_ca;

    if (!*host)
        return no_endpoint(cluster);
    add_host(url, host);
    TRY(llmd__buf_check(url));
    TRY(check_url(cluster, url->data));
    if (*dns)
        return NULL;
    bad_ca = llmd__base64_decode(llmd__json_str(cluster, "masterAuth.clusterCaCertificate"),
                                 "masterAuth.clusterCaCertificate", ca_pem);
    if (bad_ca)
        return llmd__error_wrap(bad_ca, "cluster %s", llmd__json_str(cluster, "name"));
    return llmd__buf_check(ca_pem);
}

llmd_error *llmd__cluster_kube(const llmd_gke *gke, const struct json *cluster, llmd_kube **out)
{
    AUTO(buf) struct buf url = BUF_INIT, ca = BUF_INIT;
    AUTO(str) char *name = NULL;
    struct http_config config = {.http2 = true};

    *out = NULL;
    TRY(llmd__cluster_server(cluster, &url, &ca));
    /* gcloud's name: users of kubectl know it. */
    name = llmd__format("gke_%s_%s_%s", llmd_gke_project(gke), llmd_gke_location(gke),
                        llmd__json_str(cluster, "name"));
    CHECK_MEMORY(name);
    config.base_url = url.data;
    config.ca_pem = ca.len ? ca.data : NULL;
    config.auth = llmd__credentials_auth(llmd__gke_credentials(gke));
    return llmd__kube_new(&config, "default", name, out);
}

llmd_error *llmd_cluster_connect(llmd_context *ctx, const llmd_gke *gke, const char *name,
                                 llmd_kube **out)
{
    AUTO(json) struct json *cluster = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE_CLUSTER(name);
    TRY(llmd__cluster_read(ctx, gke, name, &cluster));
    return llmd__cluster_kube(gke, cluster, out);
}
