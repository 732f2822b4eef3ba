/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A release names its own namespace in many places, also inside texts:
 * "kserve/llmisvc-serving-cert", "llmisvc-webhook-server-service.kserve.svc". Only places that are
 * known to hold one are changed: the word may as well be part of an image's name.
 */
#include "platform/rewrite.h"

#include <string.h>

static bool is_end(char c)
{
    return c == '\0' || strchr(".,/:", c);
}

/* Whether the namespace stands at `at` in text: behind a dot (a DNS name), or before a slash at the
   beginning (namespace/name). */
static bool stands_at(const char *text, const char *at, const char *ns)
{
    size_t len = strlen(ns);

    if (strncmp(at, ns, len) != 0 || !is_end(at[len]))
        return false;
    return at == text ? at[len] == '/' : at[-1] == '.';
}

/* NULL: nothing to change. */
static llmd_error *replaced(const struct rewrite *rewrite, const char *text, char **out)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    bool found = false;

    *out = NULL;
    for (const char *at = text; *at;) {
        bool here = stands_at(text, at, rewrite->from_ns);

        found |= here;
        if (here)
            llmd__buf_str(&buf, rewrite->to_ns);
        else
            llmd__buf_char(&buf, *at);
        at += here ? strlen(rewrite->from_ns) : 1;
    }
    TRY(llmd__buf_check(&buf));
    return found ? llmd__buf_take(&buf, out) : NULL;
}

static llmd_error *inside(const struct rewrite *rewrite, struct json *object, const char *key)
{
    AUTO(str) char *text = NULL;

    TRY(replaced(rewrite, llmd__json_text(llmd__json_member(object, key)), &text));
    llmd__json_set_str(object, key, text);
    return NULL;
}

static llmd_error *inside_each(const struct rewrite *rewrite, struct json *object, const char *key)
{
    const struct json *old = llmd__json_member(object, key);
    AUTO(json) struct json *list = llmd__json_array();

    CHECK_MEMORY(list);
    if (!llmd__json_count(old))
        return NULL;
    JSON_EACH(item, old) {
        AUTO(str) char *text = NULL;

        TRY(replaced(rewrite, llmd__json_text(item), &text));
        llmd__json_add_str(list, text ? text : llmd__json_text(item));
    }
    llmd__json_set(object, key, TAKE(list));
    return NULL;
}

static void exact(const struct rewrite *rewrite, struct json *object, const char *key)
{
    if (!strcmp(llmd__json_text(llmd__json_member(object, key)), rewrite->from_ns))
        llmd__json_set_str(object, key, rewrite->to_ns);
}

static void exact_each(const struct rewrite *rewrite, const struct json *list, const char *path)
{
    JSON_EACH(item, list) {
        struct json *at = llmd__json_edit((struct json *)(uintptr_t)item, path);

        exact(rewrite, at, "namespace");
    }
}

static llmd_error *containers(const struct rewrite *rewrite, struct json *object)
{
    JSON_EACH(item, llmd__json_get(object, "spec.template.spec.containers")) {
        struct json *container = (struct json *)(uintptr_t)item;

        TRY(inside_each(rewrite, container, "args"));
        JSON_EACH(variable, llmd__json_member(container, "env")) {
            exact(rewrite, (struct json *)(uintptr_t)variable, "value");
            TRY(inside(rewrite, (struct json *)(uintptr_t)variable, "value"));
        }
    }
    return NULL;
}

static llmd_error *annotations(const struct rewrite *rewrite, struct json *object)
{
    struct json *found = llmd__json_edit(object, "metadata.annotations");

    TRY(inside(rewrite, found, "cert-manager.io/inject-ca-from"));
    return inside(rewrite, found, "cert-manager.io/inject-ca-from-secret");
}

static llmd_error *certificate(const struct rewrite *rewrite, struct json *object)
{
    struct json *spec = llmd__json_edit(object, "spec");

    if (strcmp(llmd__json_str(object, "kind"), "Certificate") != 0)
        return NULL;
    TRY(inside(rewrite, spec, "commonName"));
    return inside_each(rewrite, spec, "dnsNames");
}

llmd_error *llmd__rewrite_namespace(const struct rewrite *rewrite, struct json *object)
{
    if (!rewrite->from_ns || !rewrite->to_ns || !strcmp(rewrite->from_ns, rewrite->to_ns))
        return NULL;
    exact(rewrite, llmd__json_edit(object, "metadata"), "namespace");
    if (!strcmp(llmd__json_str(object, "kind"), "Namespace"))
        exact(rewrite, llmd__json_edit(object, "metadata"), "name");
    exact_each(rewrite, llmd__json_member(object, "subjects"), NULL);
    exact_each(rewrite, llmd__json_member(object, "webhooks"), "clientConfig.service");
    exact(rewrite, llmd__json_edit(object, "spec.conversion.webhook.clientConfig.service"),
          "namespace");
    exact(rewrite, llmd__json_edit(object, "spec.service"), "namespace"); /* an APIService */
    TRY(annotations(rewrite, object));
    TRY(certificate(rewrite, object));
    TRY(containers(rewrite, object));
    return llmd__json_check(object);
}
