/* SPDX-License-Identifier: Apache-2.0 */
/* Looks before anything is written: which KServe, and which settings. */
#include "service/wait.h"

#include <string.h>

/* In the order in which one answer tells where to ask next. */
enum look_at { LOOK_NAMESPACE, LOOK_CONFIGS, LOOK_SETTINGS, LOOK_END };

struct look {
    enum look_at at;
    char *path;
};

static void look_free(void *state)
{
    struct look *look = state;

    llmd__free(look->path);
    llmd__free(look);
}

static llmd_error *get(struct wait *wait, struct look *look, struct step_action *action)
{
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(wait->base.kube);
    action->request =
        (struct http_request){.method = "GET", .path = look->path, .idempotent = true};
    return NULL;
}

static llmd_error *list_path(const struct wait *wait, const char *resource, const char *ns,
                             const char *name, char **out)
{
    __attribute__((cleanup(llmd__auto_buf))) struct buf path = BUF_INIT;
    struct resource found;

    if (!llmd__discovery_lookup(wait->base.kube, resource, &found))
        return NULL;
    llmd__resource_path(&path, &found, ns, name, NULL, NULL);
    return llmd__buf_take(&path, out);
}

/* The path of the next thing to look at; NULL: it is not there, go on. */
static llmd_error *path_of(const struct wait *wait, enum look_at at, char **out)
{
    const char *system = llmd__kserve_system_ns(wait->configs, wait->base.ns);

    if (!wait->spec)
        return NULL;
    if (at == LOOK_NAMESPACE)
        return list_path(wait, "namespaces", NULL, wait->base.ns, out);
    if (at == LOOK_CONFIGS)
        return list_path(wait, LLMD__PRESETS, "*", NULL, out);
    return system ? list_path(wait, "configmaps", system, "inferenceservice-config", out) : NULL;
}

/* ---- answers ---- */

static llmd_error *take_configs(struct wait *wait, const struct json *answer)
{
    const struct json *items = llmd__json_get(answer, "items");

    return items ? llmd__json_copy(items, &wait->configs) : NULL;
}

static llmd_error *take(struct wait *wait, enum look_at at, const struct step_input *input)
{
    AUTO(json) struct json *answer = NULL;

    if (at == LOOK_NAMESPACE)
        wait->base.no_namespace = input->status == 404;
    /* Not allowed to look is no fault: the defaults are those of the newest
     * KServe. */
    if (input->status / 100 != 2 || at == LOOK_NAMESPACE)
        return NULL;
    TRY(llmd__json_parse(input->text, input->text_len, "Kubernetes answer", &answer));
    if (at == LOOK_CONFIGS)
        return take_configs(wait, answer);
    wait->kserve.tls = llmd__kserve_tls(answer);
    return NULL;
}

/* Said before anything is written, or a namespace and Secrets would be left behind. */
static llmd_error *not_installed(void)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_NOT_FOUND,
                                           "the cluster does not serve LLMInferenceService "
                                           "(serving.kserve.io)"),
                               "ResourceNotServed"),
        "install KServe 0.17 or newer first");
}

/* By name: asked for the resource alone, discovery answers with the version the server prefers. */
static llmd_error *conclude(struct wait *wait)
{
    struct resource found;
    bool v1alpha2 = llmd__discovery_lookup(
        wait->base.kube, "llminferenceservices.v1alpha2.serving.kserve.io", &found);
    bool tls = wait->kserve.tls;

    if (!v1alpha2 && !llmd__discovery_lookup(wait->base.kube, LLMD__SERVICES, &found))
        return not_installed();
    llmd__kserve_read(wait->configs, wait->base.ns, v1alpha2, &wait->kserve);
    wait->kserve.tls = tls;
    wait->kserve.gke = llmd__discovery_lookup(wait->base.kube, LLMD__POLICIES, &found);
    wait->base.scene.gke = wait->kserve.gke;
    return NULL;
}

/* What the server does not serve has no path: it is passed over without a request. */
static llmd_error *go_on(struct wait *wait, struct look *look, struct step_action *action)
{
    for (; look->at < LOOK_END; look->at++) {
        llmd__free(TAKE(look->path));
        TRY(path_of(wait, look->at, &look->path));
        if (look->path)
            return get(wait, look, action);
    }
    TRY(conclude(wait));
    action->kind = ACTION_DONE;
    return NULL;
}

static llmd_error *look_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct look *look = state;
    struct wait *wait = llmd__graph_data(graph);

    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "service %s/%s", wait->base.ns,
                                wait->base.name);
    if (input->kind == INPUT_REPLY) {
        TRY(take(wait, look->at, input));
        look->at++;
    }
    return go_on(wait, look, action);
}

static const struct step_class look_class = {
    .name = "look", .advance = look_advance, .free = look_free};

llmd_error *llmd__service_look_step(struct graph *graph, struct wait *wait, step_id *out)
{
    struct look *look = llmd__calloc(1, sizeof(*look));

    (void)wait;
    CHECK_MEMORY(look);
    return llmd__graph_add(graph, &look_class, look, out);
}
