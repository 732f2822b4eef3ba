/* SPDX-License-Identifier: Apache-2.0 */
/* Switching on the Google services that a cluster needs, if the spec says enable_missing (P10). */
#include "gke/apply.h"

#include "base/url.h"

#include <string.h>

/* Nodes write logs and metrics and pull images; the load balancer of a Gateway with an
   InferencePool needs Network Services. */
static const char *const needed[] = {
    "container.googleapis.com",      "compute.googleapis.com",    "iam.googleapis.com",
    "logging.googleapis.com",        "monitoring.googleapis.com", "artifactregistry.googleapis.com",
    "networkservices.googleapis.com"};
#define NEEDED_COUNT (sizeof(needed) / sizeof(needed[0]))
#define TRIES_MAX 120 /* ten minutes */

enum services_phase { SERVICES_LOOK, SERVICES_ENABLE, SERVICES_FOLLOW };

struct services {
    struct apply *apply;
    enum services_phase phase;
    struct buf path;
    struct json *body; /* {"serviceIds": [...]}: what is missing */
    char *text;
    int tries;
};

static void services_free(void *state)
{
    struct services *services = state;

    llmd__buf_free(&services->path);
    llmd__json_free(services->body);
    llmd__free(services->text);
    llmd__free(services);
}

static llmd_error *tell(struct graph *graph, const struct services *services, llmd_level level,
                        const char *reason, const char *message, const char *advice)
{
    AUTO(str) char *subject = llmd__format("Project/%s", llmd_gke_project(services->apply->gke));

    CHECK_MEMORY(subject);
    return llmd__graph_event(graph, &(struct event_text){.level = level,
                                                         .subject = subject,
                                                         .reason = reason,
                                                         .message = message,
                                                         .advice = advice});
}

static void start_path(struct services *services, const char *tail)
{
    llmd__buf_reset(&services->path);
    llmd__buf_str(&services->path, "/v1/projects/");
    llmd__url_escape(&services->path, llmd_gke_project(services->apply->gke));
    llmd__buf_str(&services->path, tail);
}

static llmd_error *ask(struct services *services, struct step_action *action)
{
    TRY(llmd__buf_check(&services->path));
    llmd__ask(action, services->apply->gke, GOOGLE_SERVICE_USAGE, services->path.data);
    return NULL;
}

static llmd_error *look(struct services *services, struct step_action *action)
{
    services->phase = SERVICES_LOOK;
    start_path(services, "/services:batchGet");
    for (size_t i = 0; i < NEEDED_COUNT; i++) {
        llmd__buf_str(&services->path, i ? "&names=projects/" : "?names=projects/");
        llmd__url_escape(&services->path, llmd_gke_project(services->apply->gke));
        llmd__buf_format(&services->path, "/services/%s", needed[i]);
    }
    return ask(services, action);
}

static llmd_error *enable(struct services *services, struct step_action *action)
{
    services->phase = SERVICES_ENABLE;
    start_path(services, "/services:batchEnable");
    TRY(ask(services, action));
    action->request.method = "POST";
    action->request.content_type = "application/json";
    action->request.body = services->text;
    action->request.body_len = strlen(services->text);
    return NULL; /* to enable what is enabled does nothing: it may be repeated */
}

/* "projects/123/services/container.googleapis.com", and the project's number at that. */
static bool is_enabled(const struct json *answer, const char *service)
{
    JSON_EACH(item, llmd__json_member(answer, "services")) {
        const char *name = strrchr(llmd__json_str(item, "name"), '/');

        if (name && strcmp(name + 1, service) == 0)
            return strcmp(llmd__json_str(item, "state"), "ENABLED") == 0;
    }
    return false;
}

static llmd_error *note_missing(struct services *services, struct graph *graph,
                                const struct json *answer, bool *any)
{
    AUTO(buf) struct buf names = BUF_INIT;
    struct json *ids;

    llmd__json_free(services->body);
    services->body = llmd__json_object();
    ids = llmd__json_set_array(services->body, "serviceIds");
    for (size_t i = 0; i < NEEDED_COUNT; i++) {
        if (is_enabled(answer, needed[i]))
            continue;
        llmd__json_add_str(ids, needed[i]);
        llmd__buf_format(&names, "%s%s", names.len ? ", " : "enables ", needed[i]);
    }
    TRY(llmd__buf_check(&names));
    CHECK_MEMORY(services->body);
    llmd__free(TAKE(services->text));
    TRY(llmd__json_print(services->body, &services->text));
    *any = names.len != 0;
    return *any ? tell(graph, services, LLMD_LEVEL_INFO, "Enabling", llmd__buf_text(&names), "")
                : NULL;
}

/* "operations/acf.p2-123-9f...": what a server sends becomes a path only in this form. */
static llmd_error *name_operation(struct services *services, const char *name)
{
    if (strncmp(name, "operations/", strlen("operations/")) != 0 || strstr(name, "..") ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") !=
            strlen(name))
        return llmd__error(LLMD_E_PROTOCOL, "enabling services: \"%.100s\" is no operation", name);
    llmd__buf_reset(&services->path);
    llmd__buf_format(&services->path, "/v1/%s", name);
    return llmd__buf_check(&services->path);
}

static llmd_error *follow(struct services *services, struct graph *graph, const struct json *answer,
                          const struct step_input *input, struct step_action *action)
{
    services->phase = SERVICES_FOLLOW;
    if (llmd__json_get(answer, "error"))
        return llmd__google_operation_error(answer, "enabling services", &(enum trouble){0});
    if (!llmd__json_bool(answer, "done", false)) {
        action->kind = ACTION_SLEEP;
        action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
        return name_operation(services, llmd__json_str(answer, "name"));
    }
    services->apply->patient = true;
    action->kind = ACTION_DONE;
    return tell(graph, services, LLMD_LEVEL_INFO, "Enabled",
                "the services are enabled; they may be refused for some minutes yet", "");
}

static llmd_error *take(struct services *services, struct graph *graph, const struct json *answer,
                        const struct step_input *input, struct step_action *action)
{
    bool any = false;

    if (services->phase != SERVICES_LOOK)
        return follow(services, graph, answer, input, action);
    TRY(note_missing(services, graph, answer, &any));
    if (any)
        return enable(services, action);
    action->kind = ACTION_DONE;
    return NULL;
}

/* Who may not look may still make the cluster: then Google says what is missing. */
static llmd_error *take_refusal(struct services *services, struct graph *graph, llmd_error *error,
                                enum trouble class, const struct step_input *input,
                                struct step_action *action)
{
    AUTO(error) llmd_error *owned = error;
    bool passes = llmd__passes(owned, class) || class == TROUBLE_RUNNING;

    if (llmd_error_code(owned) == LLMD_E_NO_MEMORY)
        return TAKE(owned);
    if (passes && services->tries++ < TRIES_MAX) {
        action->kind = ACTION_SLEEP;
        action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
        return NULL;
    }
    if (services->phase != SERVICES_LOOK)
        return TAKE(owned);
    action->kind = ACTION_DONE;
    return tell(graph, services, LLMD_LEVEL_WARNING, "ServicesNotSeen", llmd_error_message(owned),
                llmd_error_advice(owned));
}

static llmd_error *again(struct services *services, struct step_action *action)
{
    if (services->phase == SERVICES_ENABLE)
        return enable(services, action);
    return services->phase == SERVICES_FOLLOW ? ask(services, action) : look(services, action);
}

static llmd_error *services_advance(void *state, struct graph *graph,
                                    const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *answer = NULL;
    struct services *services = state;
    enum trouble class;
    llmd_error *error;

    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK)
        return again(services, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    error = llmd__answer(input, "services", &answer, &class);
    if (error)
        return take_refusal(services, graph, error, class, input, action);
    return take(services, graph, answer, input, action);
}

static const struct step_class services_class = {"services", services_advance, services_free};

llmd_error *llmd__services_step(struct graph *graph, struct apply *apply, step_id *out)
{
    struct services *services = llmd__calloc(1, sizeof(*services));

    *out = -1;
    CHECK_MEMORY(services);
    services->apply = apply;
    return llmd__graph_add(graph, &services_class, services, out);
}
