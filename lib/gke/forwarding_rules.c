/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until the forwarding rules of Gateways that were deleted are gone. */
#include "gke/calls.h"
#include "gke/drain.h"

#include "base/url.h"

#include <string.h>

/* Ten minutes of polls. The controller needs two to three; after that it is not going to do it,
   and the proof names what is left. */
#define POLLS_MAX 120

struct rules {
    const struct drain *drain;
    struct buf path;
    char *page_token;
    char *left;       /* names of those that are there; NULL: none on the pages so far */
    struct buf holes; /* places that did not answer */
    int polls;
};

static void rules_free(void *state)
{
    struct rules *rules = state;

    llmd__buf_free(&rules->path);
    llmd__free(rules->page_token);
    llmd__free(rules->left);
    llmd__buf_free(&rules->holes);
    llmd__free(rules);
}

static llmd_error *tell(struct graph *graph, const struct rules *rules, llmd_level level,
                        const char *reason, const char *message)
{
    AUTO(str) char *subject = llmd__format("Cluster/%s", rules->drain->name);

    CHECK_MEMORY(subject);
    return llmd__graph_event(
        graph, &(struct event_text){
                   .level = level, .subject = subject, .reason = reason, .message = message});
}

static llmd_error *ask(struct rules *rules, struct step_action *action)
{
    llmd__buf_reset(&rules->path);
    llmd__buf_str(&rules->path, "/compute/v1/projects/");
    llmd__url_escape(&rules->path, llmd_gke_project(rules->drain->gke));
    llmd__buf_str(&rules->path,
                  "/aggregated/forwardingRules?returnPartialSuccess=true&maxResults=500");
    if (rules->page_token) {
        llmd__buf_str(&rules->path, "&pageToken=");
        llmd__url_escape(&rules->path, rules->page_token);
    }
    TRY(llmd__buf_check(&rules->path));
    llmd__ask(action, rules->drain->gke, GOOGLE_COMPUTE, rules->path.data);
    return NULL;
}

/* That of a Service is "a" and 31 digits of its uid. */
static bool is_of_service(const char *name)
{
    return name[0] == 'a' && strlen(name) == 32 && strspn(name + 1, "0123456789abcdef") == 31;
}

/* The same private address may be another's in another network: those of GKE have such names. */
static bool is_ours(const struct rules *rules, const struct json *rule)
{
    const char *name = llmd__json_str(rule, "name");

    return (strncmp(name, "gkegw", 5) == 0 || strncmp(name, "k8s", 3) == 0 ||
            is_of_service(name)) &&
           llmd__json_member(rules->drain->addresses, llmd__json_str(rule, "IPAddress"));
}

static llmd_error *note_page(struct rules *rules, const struct json *page)
{
    JSON_EACH(scope, llmd__json_member(page, "items")) {
        JSON_EACH(rule, llmd__json_member(scope, "forwardingRules")) {
            char *left;

            if (!is_ours(rules, rule))
                continue;
            left = llmd__format("%s%s%s", rules->left ? rules->left : "", rules->left ? ", " : "",
                                llmd__json_str(rule, "name"));
            CHECK_MEMORY(left);
            llmd__free(rules->left);
            rules->left = left;
        }
    }
    return NULL;
}

static llmd_error *look_again(struct rules *rules, struct graph *graph,
                              const struct step_input *input, struct step_action *action)
{
    AUTO(str)
    char *message = rules->left ? llmd__format("waits for forwarding rules: %s", rules->left)
                                : llmd__format("waits for an answer of %s, where forwarding rules "
                                               "may be",
                                               llmd__buf_text(&rules->holes));

    CHECK_MEMORY(message);
    if (rules->polls++ == POLLS_MAX) {
        action->kind = ACTION_DONE;
        return tell(graph, rules, LLMD_LEVEL_WARNING, "RulesLeft", message);
    }
    action->kind = ACTION_SLEEP;
    action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
    return rules->polls == 1 && rules->left
               ? tell(graph, rules, LLMD_LEVEL_INFO, "Draining", message)
               : NULL;
}

/* Who may not look at them cannot wait for them; but what passes is waited out, because the cluster
   goes after this. */
static llmd_error *unseen(struct rules *rules, struct graph *graph, const struct step_input *input,
                          struct step_action *action, llmd_error *error, enum trouble class)
{
    AUTO(error) llmd_error *owned = error;

    if (llmd_error_code(owned) == LLMD_E_NO_MEMORY)
        return TAKE(owned);
    if (llmd__passes(owned, class) && rules->polls++ < POLLS_MAX) {
        action->kind = ACTION_SLEEP;
        action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
        return NULL;
    }
    action->kind = ACTION_DONE;
    return tell(graph, rules, LLMD_LEVEL_WARNING, "RulesNotSeen", llmd_error_message(owned));
}

static llmd_error *take_page(struct rules *rules, struct graph *graph,
                             const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *page = NULL;
    enum trouble class;
    const char *token;
    llmd_error *error = llmd__answer(input, "forwarding rules", &page, &class);

    if (error)
        return unseen(rules, graph, input, action, error, class);
    TRY(note_page(rules, page));
    llmd__list_holes(page, llmd__gke_region(rules->drain->gke), &rules->holes);
    TRY(llmd__buf_check(&rules->holes));
    token = llmd__json_str(page, "nextPageToken");
    llmd__free(TAKE(rules->page_token));
    if (*token) {
        rules->page_token = llmd__strdup(token);
        CHECK_MEMORY(rules->page_token);
        return ask(rules, action);
    }
    if (rules->left || rules->holes.len)
        return look_again(rules, graph, input, action);
    action->kind = ACTION_DONE;
    return tell(graph, rules, LLMD_LEVEL_INFO, "Drained", "no forwarding rule is left");
}

static llmd_error *rules_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct rules *rules = state;

    if (!llmd__json_count(rules->drain->addresses)) {
        action->kind = ACTION_DONE;
        return NULL;
    }
    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK) {
        llmd__free(TAKE(rules->left));
        llmd__free(TAKE(rules->page_token));
        llmd__buf_reset(&rules->holes);
        return ask(rules, action);
    }
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    return take_page(rules, graph, input, action);
}

static const struct step_class rules_class = {"drain", rules_advance, rules_free};

llmd_error *llmd__rules_step(struct graph *graph, const struct drain *drain, step_id *out)
{
    struct rules *rules = llmd__calloc(1, sizeof(*rules));

    *out = -1;
    CHECK_MEMORY(rules);
    rules->drain = drain;
    return llmd__graph_add(graph, &rules_class, rules, out);
}
