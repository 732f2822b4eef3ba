/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of gateways: get, list, delete. */
#include "gateway/spec.h"

#include "kube/apply.h"
#include "kube/kube.h"
#include "kube/object.h"

#include <string.h>

#define GATEWAYS "gateways.gateway.networking.k8s.io"

struct llmd_gateway {
    char *name, *ns, *class, *address;
    char *json;
    bool programmed;
};

struct llmd_gateway_list {
    llmd_kube_list *list;
};

#define AT(member) .offset = offsetof(struct llmd_gateway, member)

/* `name` is a path here; see base/fields.h on snapshots. */
static const struct field fields[] = {
    {.name = "metadata.name", .type = FIELD_STRING, AT(name)},
    {.name = "metadata.namespace", .type = FIELD_STRING, AT(ns)},
    {.name = "spec.gatewayClassName", .type = FIELD_STRING, AT(class)},
    {.name = "status.addresses[0].value", .type = FIELD_STRING, AT(address)},
    FIELD_END,
};

DEFINE_AUTO(gateway, llmd_gateway *, llmd_gateway_free)

/* Takes text. */
static llmd_error *snapshot(char *text, llmd_gateway **out)
{
    AUTO(gateway) llmd_gateway *gateway = llmd__calloc(1, sizeof(*gateway));
    AUTO(json) struct json *object = NULL;

    if (!gateway) {
        llmd__free(text);
        return NO_MEMORY;
    }
    /* First, so that whatever fails below frees the text with the snapshot. */
    gateway->json = text;
    TRY(llmd__json_parse(text, strlen(text), "Gateway", &object));
    TRY(llmd__fields_fill(fields, object, gateway));
    gateway->programmed = llmd__object_condition_is(object, "Programmed", "True");
    *out = TAKE(gateway);
    return NULL;
}

llmd_error *llmd_gateway_get(llmd_context *ctx, const llmd_kube *kube, const char *ns,
                             const char *name, llmd_gateway **out)
{
    char *text = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(name);
    TRY(llmd_kube_get(ctx, kube, GATEWAYS, ns, name, &text));
    return snapshot(text, out);
}

/* Sends nothing: pages come with _next(). */
llmd_error *llmd_gateway_list_open(const llmd_kube *kube, const char *ns, llmd_gateway_list **out)
{
    llmd_gateway_list *list;
    llmd_error *error;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    list = llmd__calloc(1, sizeof(*list));
    CHECK_MEMORY(list);
    error = llmd_kube_list_open(kube, GATEWAYS, ns, NULL, NULL, &list->list);
    if (error) {
        llmd__free(list);
        return error;
    }
    *out = list;
    return NULL;
}

llmd_error *llmd_gateway_list_next(llmd_context *ctx, llmd_gateway_list *list, llmd_gateway **out)
{
    char *text = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(list);
    TRY(llmd_kube_list_next(ctx, list->list, &text));
    return text ? snapshot(text, out) : NULL;
}

void llmd_gateway_list_free(llmd_gateway_list *list)
{
    if (!list)
        return;
    llmd_kube_list_free(list->list);
    llmd__free(list);
}

/* Services that route through it lose their way, but nothing of theirs is deleted. */
llmd_error *llmd_gateway_delete(const llmd_kube *kube, const char *ns, const char *name,
                                llmd_task **out)
{
    return llmd_kube_delete(kube, GATEWAYS, ns, name, out);
}

/* A missing member reads as "", never as NULL: that is the promise of all getters. */
static const char *text_of(const char *text)
{
    return text ? text : "";
}

const char *llmd_gateway_name(const llmd_gateway *gateway)
{
    return gateway ? text_of(gateway->name) : "";
}

const char *llmd_gateway_ns(const llmd_gateway *gateway)
{
    return gateway ? text_of(gateway->ns) : "";
}

const char *llmd_gateway_class(const llmd_gateway *gateway)
{
    return gateway ? text_of(gateway->class) : "";
}

const char *llmd_gateway_address(const llmd_gateway *gateway)
{
    return gateway ? text_of(gateway->address) : "";
}

bool llmd_gateway_programmed(const llmd_gateway *gateway)
{
    return gateway && gateway->programmed;
}

const char *llmd_gateway_json(const llmd_gateway *gateway)
{
    return gateway ? text_of(gateway->json) : "";
}

void llmd_gateway_free(llmd_gateway *gateway)
{
    if (!gateway)
        return;
    llmd__free(gateway->name);
    llmd__free(gateway->ns);
    llmd__free(gateway->class);
    llmd__free(gateway->address);
    llmd__free(gateway->json);
    llmd__free(gateway);
}
