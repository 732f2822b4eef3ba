/* SPDX-License-Identifier: Apache-2.0 */
#include "base/guard.h"
#include "base/url.h"
#include "kube/kube.h"

#include <string.h>

#define PAGE 500 /* kubectl's chunk */

struct llmd_kube_list {
    struct guard guard;
    llmd_kube *kube;
    char *name, *ns, *selectors;
    bool resolved;
    struct resource resource;
    struct json *page;
    const struct json *item; /* the next one of page */
    char *page_token;        /* of the next page; "" after the last */
    llmd_error *error;       /* ended it */
};

static void list_destroy(llmd_kube_list *list)
{
    llmd__json_free(list->page);
    llmd__free(list->page_token);
    llmd__free(list->name);
    llmd__free(list->ns);
    llmd__free(list->selectors);
    llmd_error_free(list->error);
    llmd_kube_free(list->kube);
    llmd__guard_destroy(&list->guard);
    llmd__free(list);
}

void llmd_kube_list_free(llmd_kube_list *list)
{
    if (list && llmd__guard_free(&list->guard))
        list_destroy(list);
}

static llmd_error *list_fill(llmd_kube_list *list, const char *resource, const char *ns,
                             const char *labels, const char *fields)
{
    AUTO(buf) struct buf selectors = BUF_INIT;

    llmd__resource_selectors(&selectors, labels, fields);
    TRY(llmd__buf_check(&selectors));
    list->name = llmd__strdup(resource);
    list->ns = llmd__strdup(llmd__kube_ns(list->kube, ns));
    list->selectors = llmd__strdup(llmd__buf_text(&selectors));
    return list->name && list->ns && list->selectors ? NULL : NO_MEMORY;
}

llmd_error *llmd_kube_list_open(const llmd_kube *kube, const char *resource, const char *ns,
                                const char *labels, const char *fields, llmd_kube_list **out)
{
    llmd_kube_list *list;
    llmd_error *error;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(resource);
    list = llmd__calloc(1, sizeof(*list));
    CHECK_MEMORY(list);
    llmd__guard_init(&list->guard);
    list->kube = llmd__kube_ref(kube);
    error = list_fill(list, resource, ns, labels, fields);
    if (error) {
        list_destroy(list);
        return error;
    }
    *out = list;
    return NULL;
}

static llmd_error *page_path(const llmd_kube_list *list, struct buf *path)
{
    AUTO(buf) struct buf query = BUF_INIT;

    llmd__buf_format(&query, "limit=%d%s", PAGE, list->selectors);
    if (list->page_token) {
        llmd__buf_str(&query, "&continue=");
        llmd__url_escape(&query, list->page_token);
    }
    TRY(llmd__buf_check(&query));
    llmd__resource_path(path, &list->resource, list->ns, NULL, NULL, llmd__buf_text(&query));
    return llmd__buf_check(path);
}

static llmd_error *take_page(llmd_kube_list *list, const struct buf *body, const char *what)
{
    AUTO(json) struct json *page = NULL;
    AUTO(str) char *token = NULL;

    TRY(llmd__json_parse(llmd__buf_text(body), body->len, what, &page));
    if (llmd__json_type(llmd__json_member(page, "items")) != JSON_ARRAY)
        return llmd__error(LLMD_E_PROTOCOL, "%s: the answer is not a list", what);
    token = llmd__strdup(llmd__json_str(page, "metadata.continue"));
    CHECK_MEMORY(token);
    llmd__free(list->page_token);
    llmd__json_free(list->page);
    list->page_token = TAKE(token);
    list->item = llmd__json_first(llmd__json_member(page, "items"));
    list->page = TAKE(page);
    return NULL;
}

static llmd_error *fetch_page(llmd_context *ctx, llmd_kube_list *list)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    AUTO(buf) struct buf path = BUF_INIT;
    AUTO(buf) struct buf what = BUF_INIT;
    struct http_request request = {.method = "GET", .idempotent = true};

    if (!list->resolved)
        TRY(llmd__discovery_find(ctx, list->kube, list->name, &list->resource));
    list->resolved = true;
    TRY(page_path(list, &path));
    request.path = path.data;
    llmd__buf_str(&what, "list ");
    llmd__resource_label(&what, &list->resource, NULL, NULL);
    TRY(llmd__buf_check(&what));
    TRY(llmd__kube_send(ctx, list->kube, &request, llmd__buf_text(&what), &reply));
    return take_page(list, &reply.body, llmd__buf_text(&what));
}

static llmd_error *fetch(llmd_context *ctx, llmd_kube_list *list)
{
    struct context_join join;

    llmd__guard_join(&list->guard, &join, ctx, INT64_MAX);
    llmd_error *error = fetch_page(join.inner, list);
    llmd__guard_part(&list->guard, &join);
    return error;
}

/* Items of lists come without apiVersion and kind. */
static llmd_error *take_item(llmd_kube_list *list, char **out)
{
    struct json *item = (struct json *)(uintptr_t)list->item; /* our own tree */

    if (!llmd__json_member(item, "apiVersion"))
        llmd__json_set_str(item, "apiVersion", llmd__json_str(list->page, "apiVersion"));
    if (!llmd__json_member(item, "kind"))
        llmd__json_set_str(item, "kind", list->resource.kind);
    TRY(llmd__json_print(item, out));
    list->item = llmd__json_next(list->item);
    return NULL;
}

static llmd_error *next(llmd_context *ctx, llmd_kube_list *list, char **out)
{
    if (list->error)
        return llmd__error_copy(list->error);
    while (!list->item) {
        if (list->page_token && !*list->page_token)
            return NULL;
        TRY(fetch(ctx, list));
    }
    return take_item(list, out);
}

/* TIMEOUT and CANCELED by the context end the call, not the list. */
static llmd_error *keep(llmd_kube_list *list, llmd_error *error)
{
    llmd_code code = llmd_error_code(error);

    if (code != LLMD_OK && code != LLMD_E_TIMEOUT && code != LLMD_E_CANCELED && !list->error)
        list->error = llmd__error_copy(error);
    return error;
}

llmd_error *llmd_kube_list_next(llmd_context *ctx, llmd_kube_list *list, char **out)
{
    llmd_error *error;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(list);
    if (!llmd__busy_enter(&list->guard.busy))
        return llmd__error_in_use("the list");
    error = keep(list, next(ctx, list, out));
    if (!llmd__guard_leave(&list->guard))
        return error;
    list_destroy(list);
    llmd_free(TAKE(*out));
    return error ? error : llmd__error(LLMD_E_CANCELED, "the list was freed by another thread");
}
