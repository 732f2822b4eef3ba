/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/drain.h"

#include "base/url.h"
#include "kube/apply.h"
#include "kube/object.h"
#include "kube/status.h"

#include <string.h>

#define PATIENCE_MS 60000
/* A controller needs minutes; one that is not there must not keep the cluster, which costs money,
   from going. */
#define HELD_MS 600000
#define PAGE 500

/* In the order in which they are deleted: a service's route needs its Gateway to go in peace, and
   the Service of a Gateway goes with it. */
static const struct {
    const char *resource;
    const char *addresses, *address; /* a list in it, and what is said of each there */
    const char *type;                /* spec.type of those that count; NULL: all do */
} kinds[] = {
    {"llminferenceservices.serving.kserve.io", "", "", NULL},
    {"gateways.gateway.networking.k8s.io", "status.addresses", "value", NULL},
    {"ingresses.networking.k8s.io", "status.loadBalancer.ingress", "ip", NULL},
    {"services", "status.loadBalancer.ingress", "ip", "LoadBalancer"},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

struct search {
    struct drain *drain;
    size_t at;
    struct resolve resolve;
    bool listing;
    struct resource resource;
    char *page_token;
    struct buf path;
    int64_t give_up_ms;
};

void llmd__drain_free(struct drain *drain)
{
    llmd__json_free(TAKE(drain->found));
    llmd__json_free(TAKE(drain->addresses));
    llmd_kube_free(TAKE(drain->kube));
}

static void search_free(void *state)
{
    struct search *search = state;

    llmd__resolve_free(&search->resolve);
    llmd__free(search->page_token);
    llmd__buf_free(&search->path);
    llmd__free(search);
}

static llmd_error *tell(struct graph *graph, const struct drain *drain, llmd_level level,
                        const char *reason, const char *message, const char *advice)
{
    AUTO(str) char *subject = llmd__format("Cluster/%s", drain->name);

    CHECK_MEMORY(subject);
    return llmd__graph_event(graph, &(struct event_text){.level = level,
                                                         .subject = subject,
                                                         .reason = reason,
                                                         .message = message,
                                                         .advice = advice});
}

/* ---- the API cannot be asked ---- */

#define NOT_KNOWN "whether LLMInferenceServices or Gateways are in it is not known"

/* Who wants it drained wants it gone: what may be left is named, and the proof looks for it. */
static llmd_error *blind(const struct drain *drain, struct graph *graph, const llmd_error *why,
                         struct step_action *action)
{
    const char *words = why ? llmd_error_message(why) : "its Kubernetes API does not answer";
    AUTO(str) char *message = NULL;

    if (!drain->drain)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_UNREACHABLE, "cluster %s: " NOT_KNOWN ": %s", drain->name, words),
            "delete from where its API can be reached; or say drain, which goes on without");
    message = llmd__format(NOT_KNOWN ": %s", words);
    CHECK_MEMORY(message);
    *action = (struct step_action){.kind = ACTION_DONE};
    return tell(graph, drain, LLMD_LEVEL_WARNING, "NotDrained", message,
                "forwarding rules, target proxies, URL maps, backend services and health checks "
                "named gkegw1-* and endpoint groups named k8s1-* may be left: see the proof below");
}

/* ---- what was found ---- */

static llmd_error *refuse(const struct drain *drain)
{
    AUTO(buf) struct buf names = BUF_INIT;

    JSON_EACH(item, drain->found) {
        llmd__buf_format(&names, "%s%s %s/%s", names.len ? ", " : "", llmd__json_str(item, "kind"),
                         llmd__json_str(item, "ns"), llmd__json_str(item, "name"));
    }
    TRY(llmd__buf_check(&names));
    return llmd__error_set_advice(
        llmd__error(LLMD_E_CONFLICT, "cluster %s: is in use by %s", drain->name,
                    llmd__buf_text(&names)),
        "delete them first, or say drain, which deletes them and waits for their load balancers");
}

/* All of a kind are deleted side by side, behind `before`; `after` needs them. */
static llmd_error *delete_kind(const struct drain *drain, struct graph *graph, size_t kind,
                               step_id before, step_id after)
{
    if (before >= 0)
        TRY(llmd__graph_need(graph, after, before));
    JSON_EACH(item, drain->found) {
        step_id step = -1;

        if (strcmp(llmd__json_str(item, "resource"), kinds[kind].resource) != 0)
            continue;
        TRY(llmd__delete_patiently_step(graph, drain->kube, kinds[kind].resource,
                                        llmd__json_str(item, "ns"), llmd__json_str(item, "name"),
                                        HELD_MS, &step));
        if (before >= 0)
            TRY(llmd__graph_need(graph, step, before));
        TRY(llmd__graph_need(graph, after, step));
    }
    return NULL;
}

static llmd_error *delete_all(const struct drain *drain, struct graph *graph)
{
    step_id before = -1, after = -1;

    for (size_t kind = 0; kind < KIND_COUNT; kind++, before = after) {
        TRY(llmd__graph_add_barrier(graph, &after));
        TRY(delete_kind(drain, graph, kind, before, after));
    }
    TRY(llmd__rules_step(graph, drain, &after));
    TRY(llmd__graph_need(graph, after, before));
    return llmd__graph_need(graph, drain->then, after);
}

/* Another run may have deleted a Gateway and been killed before its forwarding rule was gone: with
   the cluster goes the controller that removes it. */
static llmd_error *finish(const struct drain *drain, struct graph *graph,
                          struct step_action *action)
{
    bool any = llmd__json_count(drain->found);

    if (any && !drain->drain)
        return refuse(drain);
    llmd__leak_rules(drain->leak, drain->addresses);
    TRY(llmd__json_check(drain->addresses));
    action->kind = ACTION_DONE;
    return any || llmd__json_count(drain->addresses) ? delete_all(drain, graph) : NULL;
}

/* ---- the search ---- */

static llmd_error *ask_page(struct search *search, struct step_action *action)
{
    AUTO(buf) struct buf query = BUF_INIT;

    llmd__buf_format(&query, "limit=%d", PAGE);
    if (search->page_token) {
        llmd__buf_str(&query, "&continue=");
        llmd__url_escape(&query, search->page_token);
    }
    TRY(llmd__buf_check(&query));
    llmd__buf_reset(&search->path);
    llmd__resource_path(&search->path, &search->resource, "*", NULL, NULL, llmd__buf_text(&query));
    TRY(llmd__buf_check(&search->path));
    search->listing = true;
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(search->drain->kube);
    action->request =
        (struct http_request){.method = "GET", .path = search->path.data, .idempotent = true};
    return NULL;
}

static llmd_error *begin_kind(struct search *search, struct graph *graph,
                              const struct step_input *input, struct step_action *action)
{
    bool finished = true, served = false;
    struct step_input begin = {.kind = INPUT_BEGIN, .text = "", .now_ms = input->now_ms};

    for (; search->at < KIND_COUNT; search->at++) {
        search->listing = false;
        llmd__resolve_free(&search->resolve);
        search->resolve = (struct resolve){0};
        TRY(llmd__resolve_advance(&search->resolve, search->drain->kube, kinds[search->at].resource,
                                  &begin, action, &finished, &served, &search->resource));
        if (!finished)
            return NULL;
        if (served)
            return ask_page(search, action);
    }
    return finish(search->drain, graph, action);
}

static llmd_error *note(struct search *search, const struct json *item)
{
    struct drain *drain = search->drain;
    const char *type = kinds[search->at].type;
    struct json *found;

    if (type && strcmp(llmd__json_str(item, "spec.type"), type) != 0)
        return NULL;
    found = llmd__json_add_object(drain->found);
    llmd__json_set_str(found, "resource", kinds[search->at].resource);
    llmd__json_set_str(found, "kind", search->resource.kind);
    llmd__json_set_str(found, "ns", llmd__object_ns(item));
    llmd__json_set_str(found, "name", llmd__object_name(item));
    JSON_EACH(address, llmd__json_get(item, kinds[search->at].addresses)) {
        const char *value = llmd__json_str(address, kinds[search->at].address);

        if (!*value) /* a host name */
            continue;
        llmd__json_set_bool(drain->addresses, value, true);
        TRY(llmd__leak_address(drain->leak, value));
    }
    TRY(llmd__json_check(drain->addresses));
    return llmd__json_check(drain->found);
}

static llmd_error *take_page(struct search *search, struct graph *graph,
                             const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *page = NULL;
    const char *token;

    if (input->kind == INPUT_ERROR)
        return llmd__error_copy(input->error);
    if (input->status / 100 != 2)
        return llmd__status_error(input->status, input->text, kinds[search->at].resource);
    TRY(llmd__json_parse(input->text, input->text_len, kinds[search->at].resource, &page));
    JSON_EACH(item, llmd__json_member(page, "items")) {
        TRY(note(search, item));
    }
    token = llmd__json_str(page, "metadata.continue");
    llmd__free(TAKE(search->page_token));
    if (*token) {
        search->page_token = llmd__strdup(token);
        CHECK_MEMORY(search->page_token);
        return ask_page(search, action);
    }
    search->at++;
    return begin_kind(search, graph, input, action);
}

static llmd_error *resolve_on(struct search *search, struct graph *graph,
                              const struct step_input *input, struct step_action *action)
{
    bool finished = false, served = false;

    TRY(llmd__resolve_advance(&search->resolve, search->drain->kube, kinds[search->at].resource,
                              input, action, &finished, &served, &search->resource));
    if (!finished)
        return NULL;
    if (served)
        return ask_page(search, action);
    search->at++;
    return begin_kind(search, graph, input, action);
}

static llmd_error *dispatch(struct search *search, struct graph *graph,
                            const struct step_input *input, struct step_action *action)
{
    if (input->kind == INPUT_BEGIN)
        return begin_kind(search, graph, input, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    return search->listing ? take_page(search, graph, input, action)
                           : resolve_on(search, graph, input, action);
}

/* What the API refuses or does not answer; not what finish() refuses, nor missing memory. */
static bool is_api_trouble(const llmd_error *error)
{
    llmd_code code = llmd_error_code(error);

    return code != LLMD_OK && code != LLMD_E_NO_MEMORY && code != LLMD_E_CONFLICT;
}

/* What was found goes all the same, and so does what else can be seen. */
static llmd_error *go_without(struct search *search, struct graph *graph,
                              const struct step_input *input, const llmd_error *why,
                              struct step_action *action)
{
    const struct drain *drain = search->drain;

    TRY(blind(drain, graph, why, action));
    if (llmd_error_code(why) == LLMD_E_DENIED) {
        search->at++;
        return begin_kind(search, graph, input, action);
    }
    return llmd__json_count(drain->found) ? delete_all(drain, graph) : NULL;
}

static llmd_error *search_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    AUTO(error) llmd_error *error = NULL;
    struct search *search = state;
    struct drain *drain = search->drain;

    if (!drain->kube) {
        action->kind = ACTION_DONE;
        return drain->hidden ? blind(drain, graph, NULL, action) : NULL;
    }
    if (!search->give_up_ms)
        search->give_up_ms = input->now_ms + PATIENCE_MS;
    if (input->now_ms >= search->give_up_ms && input->kind == INPUT_TICK)
        return go_without(search, graph, input, NULL, action);
    error = dispatch(search, graph, input, action);
    if (is_api_trouble(error))
        TRY(go_without(search, graph, input, error, action));
    else
        TRY(TAKE(error));
    if (action->kind != ACTION_DONE)
        action->wake_ms = search->give_up_ms;
    return NULL;
}

static const struct step_class search_class = {"drain", search_advance, search_free};

llmd_error *llmd__drain_step(struct graph *graph, struct drain *drain, step_id *out)
{
    struct search *search;

    *out = -1;
    drain->found = llmd__json_array();
    drain->addresses = llmd__json_object();
    if (!drain->found || !drain->addresses)
        return NO_MEMORY;
    search = llmd__calloc(1, sizeof(*search));
    CHECK_MEMORY(search);
    search->drain = drain;
    return llmd__graph_add(graph, &search_class, search, out);
}
