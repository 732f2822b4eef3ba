/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube.h"

#include "base/name.h"
#include "base/ref.h"
#include "kube/status.h"

#include <string.h>

struct llmd_kube {
    struct ref ref;
    struct http *http;
    struct discovery *discovery;
    char *server;
    char *ns;
    char *context;
};

static void kube_destroy(llmd_kube *kube)
{
    llmd__http_put(kube->http);
    llmd__discovery_free(kube->discovery);
    llmd__free(kube->server);
    llmd__free(kube->ns);
    llmd__free(kube->context);
    llmd__free(kube);
}

static llmd_error *kube_fill(llmd_kube *kube, const struct http_config *config, const char *ns,
                             const char *kubecontext)
{
    kube->server = llmd__strdup(config->base_url);
    kube->ns = llmd__strdup(ns && *ns ? ns : "default");
    kube->context = llmd__strdup(kubecontext ? kubecontext : "");
    if (!kube->server || !kube->ns || !kube->context)
        return NO_MEMORY;
    return llmd__discovery_new(&kube->discovery);
}

llmd_error *llmd__kube_new(const struct http_config *config, const char *ns,
                           const char *kubecontext, llmd_kube **out)
{
    llmd_kube *kube = llmd__calloc(1, sizeof(*kube));
    llmd_error *error = kube ? kube_fill(kube, config, ns, kubecontext) : NO_MEMORY;

    *out = NULL;
    if (error && config->auth.free) /* llmd__http_open() would have taken it */
        config->auth.free(config->auth.data);
    if (!error)
        error = llmd__http_open(config, &kube->http);
    if (error) {
        if (kube)
            kube_destroy(kube);
        return error;
    }
    llmd__ref_init(&kube->ref);
    *out = kube;
    return NULL;
}

struct http *llmd__kube_http(const llmd_kube *kube)
{
    return kube->http;
}

struct discovery *llmd__kube_discovery(const llmd_kube *kube)
{
    return kube->discovery;
}

llmd_kube *llmd__kube_ref(const llmd_kube *kube)
{
    llmd_kube *counted = (llmd_kube *)kube; /* only the count changes */

    llmd__ref_get(&counted->ref);
    return counted;
}

const char *llmd__kube_ns(const llmd_kube *kube, const char *ns)
{
    return ns && *ns ? ns : kube->ns;
}

const char *llmd_kube_server(const llmd_kube *kube)
{
    return kube ? kube->server : "";
}

const char *llmd_kube_namespace(const llmd_kube *kube)
{
    return kube ? kube->ns : "";
}

const char *llmd_kube_context(const llmd_kube *kube)
{
    return kube ? kube->context : "";
}

void llmd_kube_free(llmd_kube *kube)
{
    if (kube && llmd__ref_put(&kube->ref))
        kube_destroy(kube);
}

llmd_error *llmd__kube_send(llmd_context *ctx, const llmd_kube *kube,
                            const struct http_request *request, const char *what,
                            struct http_reply *reply)
{
    TRY(llmd__error_wrap(llmd__http_send(ctx, kube->http, request, reply), "%s", what));
    if (reply->status >= 200 && reply->status < 300)
        return NULL;
    return llmd__status_error(reply->status, llmd__buf_text(&reply->body), what);
}

llmd_error *llmd_kube_version(llmd_context *ctx, const llmd_kube *kube, char **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    struct http_request request = {.method = "GET", .path = "/version", .idempotent = true};

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    TRY(llmd__kube_send(ctx, kube, &request, "version", &reply));
    return llmd__buf_take(&reply.body, out);
}

llmd_error *llmd__kube_check_name(const char *what, const char *ns, const char *name)
{
    AUTO(str) char *place = llmd__format("%s: namespace", what);

    CHECK_MEMORY(place);
    TRY(llmd__name_check_object(what, name));
    return ns && *ns ? llmd__name_check_object(place, ns) : NULL;
}

static llmd_error *get_object(llmd_context *ctx, const llmd_kube *kube, const char *resource_name,
                              const char *ns, const char *name, struct http_reply *reply)
{
    AUTO(buf) struct buf path = BUF_INIT;
    AUTO(buf) struct buf what = BUF_INIT;
    struct resource resource;
    struct http_request request = {.method = "GET", .idempotent = true};

    TRY(llmd__kube_check_name("get", ns, name));
    TRY(llmd__discovery_find(ctx, kube, resource_name, &resource));
    ns = llmd__kube_ns(kube, ns);
    llmd__buf_str(&what, "get ");
    llmd__resource_label(&what, &resource, ns, name);
    llmd__resource_path(&path, &resource, ns, name, NULL, NULL);
    TRY(llmd__buf_check(&what));
    TRY(llmd__buf_check(&path));
    request.path = path.data;
    return llmd__kube_send(ctx, kube, &request, llmd__buf_text(&what), reply);
}

llmd_error *llmd_kube_get(llmd_context *ctx, const llmd_kube *kube, const char *resource,
                          const char *ns, const char *name, char **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(resource);
    REQUIRE(name);
    TRY(get_object(ctx, kube, resource, ns, name, &reply));
    return llmd__buf_take(&reply.body, out);
}

llmd_error *llmd__kube_get(llmd_context *ctx, const llmd_kube *kube, const char *resource,
                           const char *ns, const char *name, struct json **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;

    *out = NULL;
    TRY(get_object(ctx, kube, resource, ns, name, &reply));
    return llmd__json_parse(reply.body.data, reply.body.len, resource, out);
}
