/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP to a service or pod through the API server, which reaches what a gateway does not. */
#include "base/url.h"
#include "kube/kube.h"

#include <string.h>

#define BODY_MAX ((size_t)16 << 20)

static llmd_error *bad_target(const char *target)
{
    return llmd__error(LLMD_E_INVALID,
                       "proxy: \"%.200s\": want services/NAME:PORT or pods/NAME:PORT, with https: "
                       "before NAME for TLS",
                       target);
}

/* "services/https:NAME:PORT" to "services/https%3ANAME%3APORT" */
static llmd_error *add_target(struct buf *path, const char *target)
{
    const char *slash = strchr(target, '/');
    size_t kind_len = slash ? (size_t)(slash - target) : 0;
    bool is_service = kind_len == 8 && strncmp(target, "services", 8) == 0;
    bool is_pod = kind_len == 4 && strncmp(target, "pods", 4) == 0;

    if ((!is_service && !is_pod) || !slash[1] || strchr(slash + 1, '/'))
        return bad_target(target);
    llmd__buf_add(path, target, kind_len + 1);
    llmd__url_escape(path, slash + 1);
    return NULL;
}

static llmd_error *check_path(const char *path)
{
    if (*path && *path != '/')
        return llmd__error(LLMD_E_INVALID, "proxy: the path \"%.200s\" must begin with /", path);
    for (; *path; path++) {
        if ((unsigned char)*path <= ' ')
            return llmd__error(LLMD_E_INVALID, "proxy: white space in the path: escape it");
    }
    return NULL;
}

llmd_error *llmd_kube_proxy_get(llmd_context *ctx, const llmd_kube *kube, const char *ns,
                                const char *target, const char *path, char **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    AUTO(buf) struct buf full = BUF_INIT;
    AUTO(buf) struct buf what = BUF_INIT;
    struct http_request request = {
        .method = "GET", .accept = "*/*", .no_retry = true, .max_body = BODY_MAX};

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(target);
    REQUIRE(path);
    ns = llmd__kube_ns(kube, ns);
    TRY(check_path(path));
    llmd__buf_str(&full, "/api/v1/namespaces/");
    llmd__url_escape(&full, ns);
    llmd__buf_char(&full, '/');
    TRY(add_target(&full, target));
    llmd__buf_format(&full, "/proxy%s", path);
    llmd__buf_format(&what, "proxy %s/%s%.*s", ns, target, (int)strcspn(path, "?"), path);
    TRY(llmd__buf_check(&full));
    TRY(llmd__buf_check(&what));
    request.path = full.data;
    TRY(llmd__kube_send(ctx, kube, &request, llmd__buf_text(&what), &reply));
    return llmd__buf_take(&reply.body, out);
}
