/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/change.h"

#include <string.h>

#define SEND_TIMEOUT_MS 60000
/* Ten minutes of pauses: longer than the rate limits of a minute and than what it takes until an
   enabled service is known everywhere. */
#define TRIES_MAX 120

void llmd__change_free(struct change *change)
{
    llmd__free(change->method);
    llmd__free(change->path);
    llmd__free(change->body);
    llmd__free(change->subject);
    llmd__free(change->what);
    llmd__operation_free(&change->operation);
    llmd_error_free(change->error);
    *change = (struct change){0};
}

static llmd_error *send(struct change *change, struct step_action *action)
{
    change->phase = CHANGE_SENT;
    change->wake_ms = 0;
    action->kind = ACTION_SEND;
    action->http = llmd__gke_http(change->gke, GOOGLE_CONTAINER);
    action->request = (struct http_request){
        .method = change->method,
        .path = change->path,
        .content_type = change->body ? "application/json" : NULL,
        .body = change->body,
        .body_len = change->body ? strlen(change->body) : 0,
        .idempotent = strcmp(change->method, "DELETE") == 0 && !change->at_once,
        .first_byte_timeout_ms = SEND_TIMEOUT_MS};
    return NULL;
}

static llmd_error *name_it(struct change *change, const llmd_gke *gke, const char *subject,
                           const char *what)
{
    llmd__change_free(change);
    change->gke = gke;
    change->subject = llmd__strdup(subject);
    change->what = llmd__strdup(what);
    return change->subject && change->what ? NULL : NO_MEMORY;
}

llmd_error *llmd__change_begin(struct change *change, const llmd_gke *gke,
                               const struct change_wish *wish, struct step_action *action)
{
    TRY(name_it(change, gke, wish->subject, wish->what));
    change->method = llmd__strdup(wish->method);
    change->path = llmd__strdup(wish->path);
    change->patient = wish->patient;
    change->at_once = wish->at_once;
    if (!change->method || !change->path)
        return NO_MEMORY;
    if (wish->body)
        TRY(llmd__json_print(wish->body, &change->body));
    return send(change, action);
}

static llmd_error *follow(struct change *change, enum change_phase phase, const char *name)
{
    change->phase = phase;
    return llmd__operation_begin(&change->operation, change->gke, name, change->subject,
                                 change->what);
}

llmd_error *llmd__change_resume(struct change *change, const llmd_gke *gke,
                                const struct json *operation, const char *subject, const char *what,
                                struct step_action *action)
{
    TRY(name_it(change, gke, subject, what));
    TRY(follow(change, CHANGE_FOLLOWED, llmd__json_str(operation, "name")));
    return llmd__operation_ask(&change->operation, action);
}

static llmd_error *tell(const struct change *change, struct graph *graph, const char *reason,
                        const char *message)
{
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = change->subject,
                                                         .reason = reason,
                                                         .message = message});
}

static void end_with(struct change *change, llmd_error *error, enum trouble class)
{
    llmd_error_free(change->error);
    change->error = error;
    change->class = class;
}

static llmd_error *pause(struct change *change, struct graph *graph, const struct step_input *input,
                         struct step_action *action)
{
    change->phase = CHANGE_PAUSED;
    change->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
    action->kind = ACTION_SLEEP;
    action->wake_ms = change->wake_ms;
    return tell(change, graph, llmd_error_reason(change->error), llmd_error_message(change->error));
}

/* Ours or not, what the operation in the way ends with is not our matter. */
static llmd_error *wait_for_other(struct change *change, struct graph *graph,
                                  const struct step_input *input, struct step_action *action)
{
    AUTO(str) char *message = NULL;
    char name[160];

    if (!llmd__google_running_operation(llmd_error_message(change->error), name, sizeof(name)))
        return pause(change, graph, input, action);
    message = llmd__format("waits for %s, which works on the cluster", name);
    CHECK_MEMORY(message);
    TRY(tell(change, graph, llmd_error_reason(change->error), message));
    TRY(follow(change, CHANGE_HELD_UP, name));
    return llmd__operation_ask(&change->operation, action);
}

static bool is_lost(const struct change *change, const struct step_input *input)
{
    if (change->class == TROUBLE_CONFLICT)
        return true;
    return input->kind == INPUT_ERROR ? llmd__passes(change->error, change->class)
                                      : input->status >= 500 || input->status / 100 == 2;
}

/* change->error is why it was not taken. */
static llmd_error *take_refusal(struct change *change, struct graph *graph,
                                const struct step_input *input, struct step_action *action,
                                enum change_end *end)
{
    bool again = change->tries < TRIES_MAX && !change->at_once;

    if (llmd_error_code(change->error) == LLMD_E_NO_MEMORY)
        return TAKE(change->error);
    if (change->class == TROUBLE_NOT_FOUND && strcmp(change->method, "DELETE") == 0) {
        *end = CHANGE_DONE;
        return NULL;
    }
    if (change->class == TROUBLE_RUNNING && !change->at_once)
        return wait_for_other(change, graph, input, action);
    change->tries++;
    if (again && (change->class == TROUBLE_THROTTLED ||
                  (change->class == TROUBLE_SERVICE_DISABLED && change->patient)))
        return pause(change, graph, input, action);
    *end = is_lost(change, input) ? CHANGE_UNKNOWN : CHANGE_REFUSED;
    return NULL;
}

static llmd_error *take_operation(struct change *change, enum operation_end ended,
                                  enum change_end *end)
{
    if (ended == OPERATION_SUCCEEDED)
        *end = CHANGE_DONE;
    if (ended == OPERATION_LOST) {
        *end = CHANGE_UNKNOWN;
        end_with(
            change,
            llmd__error(LLMD_E_FAILED, "%s: GKE forgot %s", change->what, change->operation.name),
            TROUBLE_UNKNOWN);
        CHECK_MEMORY(change->error);
    }
    if (ended == OPERATION_FAILED) {
        *end = CHANGE_FAILED;
        end_with(change, TAKE(change->operation.error), change->operation.class);
    }
    return NULL;
}

static llmd_error *take_answer(struct change *change, struct graph *graph,
                               const struct step_input *input, struct step_action *action,
                               enum change_end *end)
{
    AUTO(json) struct json *answer = NULL;
    enum operation_end ended;
    enum trouble class;
    llmd_error *error = llmd__answer(input, change->what, &answer, &class);

    if (!error && !*llmd__json_str(answer, "name"))
        error = llmd__error(LLMD_E_PROTOCOL, "%s: the answer names no operation", change->what);
    end_with(change, error, class);
    if (error)
        return take_refusal(change, graph, input, action, end);
    TRY(follow(change, CHANGE_FOLLOWED, llmd__json_str(answer, "name")));
    TRY(llmd__operation_take(&change->operation, graph, answer, input, action, &ended));
    return take_operation(change, ended, end);
}

static llmd_error *go_on(struct change *change, struct graph *graph, const struct step_input *input,
                         struct step_action *action, enum change_end *end)
{
    enum operation_end ended;

    TRY(llmd__operation_advance(&change->operation, graph, input, action, &ended));
    if (change->phase == CHANGE_FOLLOWED)
        return take_operation(change, ended, end);
    return ended == OPERATION_RUNS ? NULL : send(change, action);
}

llmd_error *llmd__change_advance(struct change *change, struct graph *graph,
                                 const struct step_input *input, struct step_action *action,
                                 enum change_end *end)
{
    *end = CHANGE_RUNS;
    if (change->phase == CHANGE_HELD_UP || change->phase == CHANGE_FOLLOWED)
        return go_on(change, graph, input, action, end);
    if (input->kind == INPUT_REPLY || input->kind == INPUT_ERROR)
        return take_answer(change, graph, input, action, end);
    if (input->kind == INPUT_TICK && change->phase == CHANGE_PAUSED)
        return send(change, action);
    action->wake_ms = change->wake_ms; /* a poke */
    return NULL;
}
