/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ladder of calls, each told with how long it took. It is a step of a task, so it does no I/O of
 * its own; what it hears goes through the readers that serve a user's calls, so a check and a call
 * that meet the same fault say the same.
 */
#include "health/check.h"

#include "openai/answer.h"
#include "openai/call.h"
#include "openai/decoder.h"
#include "openai/models.h"
#include "openai/refusal.h"
#include "openai/reply.h"

#include <string.h>

enum rung { RUNG_HEALTH, RUNG_MODELS, RUNG_CALL, RUNG_STREAM };
static const char *const rung_names[] = {"Health", "Models", "Call", "Stream"};

struct check {
    llmd_endpoint *endpoint;
    char *subject;
    enum rung rung;
    bool stream; /* climb to RUNG_STREAM */
    bool chat;   /* the server knows no completions */
    int64_t sent_ms;
    int64_t first_ms; /* of the first event with text; 0: none yet */
    struct call call;
    struct decoder decoder;
};

static void check_free(void *state)
{
    struct check *check = state;
    llmd__call_free(&check->call);
    llmd__decoder_free(&check->decoder);
    llmd_endpoint_free(check->endpoint);
    llmd__free(check->subject);
    llmd__free(check);
}

llmd_error *llmd__check_tell(struct graph *graph, llmd_level level, const char *subject,
                             const char *reason, const char *message, const char *advice)
{
    return llmd__graph_event(graph, &(struct event_text){.level = level,
                                                         .subject = subject,
                                                         .reason = reason,
                                                         .message = message,
                                                         .advice = advice});
}

/* ---- telling ---- */

static llmd_error *tell(const struct check *check, struct graph *graph, const char *format, ...)
    PRINTF_LIKE(3, 4);

static llmd_error *tell(const struct check *check, struct graph *graph, const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    va_list args;
    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    TRY(llmd__buf_check(&message));
    return llmd__check_tell(graph, LLMD_LEVEL_INFO, check->subject, rung_names[check->rung],
                            message.data, "");
}

/* Takes error. Out of memory is no finding. */
static llmd_error *tell_fault(const struct check *check, struct graph *graph, llmd_level level,
                              llmd_error *error)
{
    AUTO(error) llmd_error *fault = error;
    if (llmd_error_code(fault) == LLMD_E_NO_MEMORY)
        return TAKE(fault);
    const char *advice = llmd_error_advice(fault);
    if (!*advice && llmd_error_code(fault) == LLMD_E_UNREACHABLE)
        advice = "check that this address can be reached from here";
    else if (!*advice)
        advice = "look at the model server's log";
    return llmd__check_tell(graph, level, check->subject, rung_names[check->rung],
                            llmd_error_message(fault), advice);
}

static llmd_error *give_up(const struct check *check, struct graph *graph, llmd_error *error,
                           struct step_action *action)
{
    action->kind = ACTION_DONE;
    return tell_fault(check, graph, LLMD_LEVEL_ERROR, error);
}

/* What went wrong with an answer that should be 2xx; NULL: nothing did. */
static llmd_error *fault_of(const struct check *check, const struct step_input *input)
{
    if (input->kind == INPUT_ERROR || input->error)
        return llmd__error_copy(input->error);
    return input->status / 100 == 2 ? NULL : llmd__refusal(check->subject, input->reply);
}

static long long ms_since(const struct check *check, int64_t now_ms)
{
    return (long long)(now_ms - check->sent_ms);
}

/* ---- asking ---- */

static llmd_error *ask_health(struct check *check, struct step_action *action)
{
    action->kind = ACTION_SEND;
    action->http = llmd__endpoint_http(check->endpoint);
    action->request = (struct http_request){.method = "GET", .path = "/health", .no_retry = true};
    return NULL;
}

static llmd_error *ask_models(struct check *check, int64_t now_ms, struct step_action *action)
{
    check->rung = RUNG_MODELS;
    check->sent_ms = now_ms;
    action->kind = ACTION_SEND;
    action->http = llmd__endpoint_http(check->endpoint);
    action->request = llmd__models_request(check->endpoint);
    return NULL;
}

/* The plain completion is what every generating model has; chat needs a template. */
static llmd_error *make_call(struct check *check, bool stream)
{
    LLMD_AUTO(llmd_request)
    request = llmd_request_new(check->chat ? LLMD_REQUEST_CHAT : LLMD_REQUEST_COMPLETION);
    if (check->chat)
        llmd_request_add_message(request, "user", "Hello");
    else
        llmd_request_set_prompt(request, "Hello");
    llmd_request_set_max_tokens(request, 1);
    llmd_request_set_temperature(request, 0);
    llmd__call_free(&check->call);
    TRY(llmd__call_make(check->endpoint, request, stream, &check->call));
    return llmd__call_finish(&check->call);
}

static llmd_error *ask_call(struct check *check, enum rung rung, int64_t now_ms,
                            struct step_action *action)
{
    bool stream = rung == RUNG_STREAM;
    TRY(make_call(check, stream));
    check->rung = rung;
    check->sent_ms = now_ms;
    action->kind = stream ? ACTION_STREAM : ACTION_SEND;
    action->http = llmd__endpoint_http(check->endpoint);
    action->request = check->call.http;
    action->request.no_retry = true;
    return NULL;
}

/* ---- hearing ---- */

/* Any answer means that something is there; that /health is missing says nothing, many gateways do
   not route it. A 5xx is told, but the calls decide: older KServe marks a plain server as TLS, so
   that /health fails where completions work. */
static llmd_error *hear_health(struct check *check, struct graph *graph,
                               const struct step_input *input, struct step_action *action)
{
    if (input->kind == INPUT_ERROR)
        return give_up(check, graph, fault_of(check, input), action);
    long long ms = ms_since(check, input->now_ms);
    if (input->status / 100 == 2)
        TRY(tell(check, graph, "answers /health in %lld ms", ms));
    else if (input->status < 500)
        TRY(tell(check, graph, "answers in %lld ms (/health is not served: %d)", ms,
                 input->status));
    else
        TRY(tell_fault(check, graph, LLMD_LEVEL_WARNING, fault_of(check, input)));
    return ask_models(check, input->now_ms, action);
}

/* Unreadable lists hold nothing; that they are unreadable was told before. */
static bool lists(const char *json, size_t len, const char *model)
{
    AUTO(json) struct json *answer = NULL;
    bool found = false;
    llmd_error_free(llmd__json_parse(json, len, "models", &answer));
    JSON_EACH(item, llmd__json_member(answer, "data")) {
        found = found || strcmp(llmd__json_str(item, "id"), model) == 0;
    }
    return found;
}

static llmd_error *tell_models(const struct check *check, struct graph *graph,
                               const struct step_input *input, const char *model,
                               llmd_error *listed)
{
    if (listed)
        return tell_fault(check, graph, LLMD_LEVEL_WARNING, listed);
    if (lists(input->text, input->text_len, model))
        return tell(check, graph, "serves %s, listed in %lld ms", model,
                    ms_since(check, input->now_ms));
    return tell_fault(check, graph, LLMD_LEVEL_WARNING,
                      llmd__error_set_advice(
                          llmd__error(LLMD_E_NOT_FOUND,
                                      "the endpoint asks for model %s, which is "
                                      "not listed",
                                      model),
                          "use one of the served ids, which the endpoint's models call lists"));
}

/* A list that cannot be had ends the check only where the model is not known without it. */
static llmd_error *hear_models(struct check *check, struct graph *graph,
                               const struct step_input *input, struct step_action *action)
{
    AUTO(str) char *model = NULL;
    llmd_error *listed = input->kind == INPUT_ERROR
                             ? fault_of(check, input)
                             : llmd__models_learn(check->endpoint, input->reply);
    llmd_error *error = llmd__endpoint_known_model(check->endpoint, &model);
    if (error)
        llmd_error_free(TAKE(listed));
    if (error || !model)
        return give_up(check, graph, error ? error : listed, action);
    TRY(tell_models(check, graph, input, model, listed));
    return ask_call(check, RUNG_CALL, input->now_ms, action);
}

static llmd_error *read_reply(const struct step_input *input)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(json) struct json *tree = NULL;
    LLMD_AUTO(llmd_reply) reply = NULL;
    struct reply_times times = {0};
    TRY(llmd__answer_parse(input->text, input->text_len, "the answer", &tree, &text));
    return llmd__reply_new(tree, text.data, &times, &reply);
}

/* 404 for completions and nothing about the model: a server that only knows chat. */
static llmd_error *hear_call(struct check *check, struct graph *graph,
                             const struct step_input *input, struct step_action *action)
{
    llmd_error *error = fault_of(check, input);
    if (llmd_error_http_status(error) == 404 && !check->chat &&
        llmd_error_code(error) == LLMD_E_NOT_FOUND && !strstr(llmd_error_message(error), "model")) {
        llmd_error_free(error);
        check->chat = true;
        return ask_call(check, RUNG_CALL, input->now_ms, action);
    }
    if (!error)
        error = read_reply(input);
    if (error)
        return give_up(check, graph, error, action);
    TRY(tell(check, graph, "answers a one-token call in %lld ms", ms_since(check, input->now_ms)));
    if (check->stream)
        return ask_call(check, RUNG_STREAM, input->now_ms, action);
    action->kind = ACTION_DONE;
    return NULL;
}

static llmd_error *feed(struct check *check, const struct step_input *input)
{
    TRY(llmd__decoder_feed(&check->decoder, input->text, input->text_len));
    TRY(llmd__decoder_feed(&check->decoder, "\n", 1));
    for (llmd_delta *delta; (delta = llmd__deltas_take(&check->decoder.deltas));) {
        if (!check->first_ms && (*delta->text || *delta->reasoning || *delta->finish_reason))
            check->first_ms = input->now_ms;
        llmd_delta_free(delta);
    }
    return NULL;
}

/* Complete means that [DONE] or the finish came: a proxy may close the connection right after. */
static llmd_error *hear_stream(struct check *check, struct graph *graph,
                               const struct step_input *input, struct step_action *action)
{
    llmd_error *error = NULL;
    if (input->kind == INPUT_OPEN)
        return NULL;
    if (input->kind == INPUT_LINE)
        error = feed(check, input);
    else if (!llmd__decoder_complete(&check->decoder))
        error = fault_of(check, input);
    bool more = input->kind == INPUT_LINE && !check->decoder.done;
    if (!error && !more)
        error = llmd__decoder_end(&check->decoder);
    if (error)
        return give_up(check, graph, error, action);
    if (more)
        return NULL;
    action->kind = ACTION_DONE;
    int64_t first_ms = check->first_ms ? check->first_ms : input->now_ms;
    return tell(check, graph, "streams: first token after %lld ms, [DONE] after %lld ms",
                ms_since(check, first_ms), ms_since(check, input->now_ms));
}

static llmd_error *check_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct check *check = state;
    if (input->kind == INPUT_TICK || input->kind == INPUT_POKE)
        return NULL;
    if (input->kind == INPUT_BEGIN) {
        check->sent_ms = input->now_ms;
        return ask_health(check, action);
    }
    switch (check->rung) {
    case RUNG_HEALTH:
        return hear_health(check, graph, input, action);
    case RUNG_MODELS:
        return hear_models(check, graph, input, action);
    case RUNG_CALL:
        return hear_call(check, graph, input, action);
    default:
        return hear_stream(check, graph, input, action);
    }
}

static const struct step_class check_class = {
    .name = "call", .advance = check_advance, .free = check_free};

llmd_error *llmd__check_calls(struct graph *graph, llmd_endpoint *endpoint, bool stream,
                              step_id *out)
{
    struct check *check = llmd__calloc(1, sizeof *check);
    if (!check) {
        llmd_endpoint_free(endpoint);
        return NO_MEMORY;
    }
    check->endpoint = endpoint;
    check->stream = stream;
    check->subject = llmd__endpoint_subject(endpoint);
    if (!check->subject) {
        check_free(check);
        return NO_MEMORY;
    }
    return llmd__graph_add(graph, &check_class, check, out);
}
