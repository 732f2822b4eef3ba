/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of services: get and list. */
#include "service/connect.h"
#include "service/spec.h"
#include "service/wait.h"

#include "kube/object.h"

#include <string.h>

struct llmd_service {
    char *name, *ns, *model, *url;
    char *json;
    bool ready;
    int replicas;
};

struct llmd_service_list {
    llmd_kube_list *list;
};

#define AT(member) .offset = offsetof(struct llmd_service, member)

static const struct field fields[] = {
    {.name = "metadata.name", .type = FIELD_STRING, AT(name)},
    {.name = "metadata.namespace", .type = FIELD_STRING, AT(ns)},
    {.name = "spec.replicas", .type = FIELD_INT, AT(replicas)},
    FIELD_END,
};

DEFINE_AUTO(service, llmd_service *, llmd_service_free)

/* Ready of an older generation is not this one's: status lags behind the spec after each change. */
static llmd_error *fill(llmd_service *service, const struct json *object)
{
    service->replicas = 1;
    TRY(llmd__fields_fill(fields, object, service));
    if (!llmd__json_get(object, "spec.replicas"))
        service->replicas = 1; /* what KServe makes of an unset number */
    service->ready = llmd__object_condition_is(object, "Ready", "True") &&
                     llmd__json_int(object, "status.observedGeneration", -1) >=
                         llmd__json_int(object, "metadata.generation", 0);
    service->model = llmd__strdup(llmd__service_model(object));
    CHECK_MEMORY(service->model);
    return llmd__service_address(object, NULL, &service->url);
}

/* Takes text. */
static llmd_error *snapshot(char *text, llmd_service **out)
{
    AUTO(service) llmd_service *service = llmd__calloc(1, sizeof(*service));
    AUTO(json) struct json *object = NULL;

    if (!service) {
        llmd__free(text);
        return NO_MEMORY;
    }
    service->json = text;
    TRY(llmd__json_parse(text, strlen(text), "LLMInferenceService", &object));
    TRY(fill(service, object));
    *out = TAKE(service);
    return NULL;
}

/* One request, no watch: what waits is llmd_service_wait(). */
llmd_error *llmd_service_get(llmd_context *ctx, const llmd_kube *kube, const char *ns,
                             const char *name, llmd_service **out)
{
    char *text = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(name);
    TRY(llmd_kube_get(ctx, kube, LLMD__SERVICES, ns, name, &text));
    return snapshot(text, out);
}

/* Sends nothing: pages come with _next(). */
llmd_error *llmd_service_list_open(const llmd_kube *kube, const char *ns, llmd_service_list **out)
{
    llmd_service_list *list;
    llmd_error *error;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    list = llmd__calloc(1, sizeof(*list));
    CHECK_MEMORY(list);
    error = llmd_kube_list_open(kube, LLMD__SERVICES, ns, NULL, NULL, &list->list);
    if (error) {
        llmd__free(list);
        return error;
    }
    *out = list;
    return NULL;
}

llmd_error *llmd_service_list_next(llmd_context *ctx, llmd_service_list *list, llmd_service **out)
{
    char *text = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(list);
    TRY(llmd_kube_list_next(ctx, list->list, &text));
    return text ? snapshot(text, out) : NULL;
}

void llmd_service_list_free(llmd_service_list *list)
{
    if (!list)
        return;
    llmd_kube_list_free(list->list);
    llmd__free(list);
}

/* A missing member reads as "", never as NULL: that is the promise of all getters. */
static const char *text_of(const char *text)
{
    return text ? text : "";
}

const char *llmd_service_name(const llmd_service *service)
{
    return service ? text_of(service->name) : "";
}

const char *llmd_service_ns(const llmd_service *service)
{
    return service ? text_of(service->ns) : "";
}

const char *llmd_service_model(const llmd_service *service)
{
    return service ? text_of(service->model) : "";
}

const char *llmd_service_url(const llmd_service *service)
{
    return service ? text_of(service->url) : "";
}

bool llmd_service_ready(const llmd_service *service)
{
    return service && service->ready;
}

int llmd_service_replicas(const llmd_service *service)
{
    return service ? service->replicas : 0;
}

const char *llmd_service_json(const llmd_service *service)
{
    return service ? text_of(service->json) : "";
}

void llmd_service_free(llmd_service *service)
{
    if (!service)
        return;
    llmd__free(service->name);
    llmd__free(service->ns);
    llmd__free(service->model);
    llmd__free(service->url);
    llmd__free(service->json);
    llmd__free(service);
}
