/* SPDX-License-Identifier: Apache-2.0 */
#include "health/check.h"

#include "openai/models.h"

#include <string.h>

enum check_at { CHECK_MODELS, CHECK_CALL, CHECK_STREAM };

struct check {
    llmd_endpoint *endpoint;
    char *subject, *model, *body;
    enum check_at at;
    bool stream;
    bool streamed; /* an event with data came */
    int64_t sent_ms;
};

static void check_free(void *state)
{
    struct check *check = state;

    llmd_endpoint_free(check->endpoint);
    llmd__free(check->subject);
    llmd__free(check->model);
    llmd__free(check->body);
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

/* ---- requests ---- */

static llmd_error *ask_models(struct check *check, struct step_action *action)
{
    action->kind = ACTION_SEND;
    action->http = llmd__endpoint_http(check->endpoint);
    action->request = llmd__models_request(check->endpoint);
    return NULL;
}

static llmd_error *make_body(struct check *check, bool stream)
{
    AUTO(json) struct json *body = NULL;

    llmd__free(TAKE(check->body));
    TRY(llmd__json_make(&body, "{'model': %s, 'prompt': 'Hello', 'max_tokens': 1, 'stream': %b}",
                        check->model, stream));
    return llmd__json_print(body, &check->body);
}

static llmd_error *call(struct check *check, enum check_at at, int64_t now_ms,
                        struct step_action *action)
{
    bool stream = at == CHECK_STREAM;

    TRY(make_body(check, stream));
    check->at = at;
    check->sent_ms = now_ms;
    action->kind = stream ? ACTION_STREAM : ACTION_SEND;
    action->http = llmd__endpoint_http(check->endpoint);
    action->request = (struct http_request){.method = "POST",
                                            .path = "/v1/completions",
                                            .content_type = "application/json",
                                            .accept = stream ? "text/event-stream" : NULL,
                                            .body = check->body,
                                            .body_len = strlen(check->body),
                                            .no_retry = true};
    return NULL;
}

/* ---- answers ---- */

static const char *const names[] = {"Models", "Call", "Stream"};

/* "no healthy upstream" and its relatives come from the gateway, not from the model. */
static const char *advice_for(const struct step_input *input)
{
    const char *text = input->kind == INPUT_REPLY && input->text ? input->text : "";

    if (strstr(text, "no healthy upstream"))
        return "the gateway has no healthy backend: on GKE check that a HealthCheckPolicy is "
               "attached to the InferencePool";
    if (strstr(text, "fault filter abort"))
        return "the load balancer has no valid route: check the HTTPRoute and "
               "networkservices.googleapis.com";
    if (strstr(text, "WRONG_VERSION_NUMBER"))
        return "the gateway speaks TLS to a server that does not: KServe before 0.19 marks its "
               "Service https";
    if (input->kind == INPUT_ERROR)
        return "check that this address can be reached from here";
    return "look at the model server's log";
}

static llmd_error *tell_bad(const struct check *check, struct graph *graph,
                            const struct step_input *input)
{
    AUTO(str) char *message = NULL;

    if (input->error)
        message = llmd__strdup(llmd_error_message(input->error));
    else
        message = llmd__format("HTTP %d: %.200s", input->status, input->text ? input->text : "");
    CHECK_MEMORY(message);
    return llmd__check_tell(graph, LLMD_LEVEL_ERROR, check->subject, names[check->at], message,
                            advice_for(input));
}

static llmd_error *tell_good(const struct check *check, struct graph *graph, int64_t now_ms)
{
    AUTO(str) char *message = NULL;

    if (check->at == CHECK_MODELS)
        message = llmd__format("serves %s", check->model);
    else
        message = llmd__format("answers after %lld ms", (long long)(now_ms - check->sent_ms));
    CHECK_MEMORY(message);
    return llmd__check_tell(graph, LLMD_LEVEL_INFO, check->subject, names[check->at], message, "");
}

static bool is_good(const struct step_input *input)
{
    return input->kind == INPUT_REPLY && input->status / 100 == 2;
}

static llmd_error *take_models(struct check *check, struct graph *graph,
                               const struct step_input *input, struct step_action *action)
{
    if (is_good(input))
        llmd_error_free(llmd__models_first(input->text, input->text_len, &check->model));
    if (!check->model) {
        TRY(tell_bad(check, graph, input));
        action->kind = ACTION_DONE;
        return NULL;
    }
    TRY(tell_good(check, graph, input->now_ms));
    return call(check, CHECK_CALL, input->now_ms, action);
}

static llmd_error *take_call(struct check *check, struct graph *graph,
                             const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *answer = NULL;

    action->kind = ACTION_DONE;
    if (is_good(input))
        llmd_error_free(llmd__json_parse(input->text, input->text_len, "answer", &answer));
    if (!llmd__json_get(answer, "choices[0]"))
        return tell_bad(check, graph, input);
    TRY(tell_good(check, graph, input->now_ms));
    if (!check->stream)
        return NULL;
    return call(check, CHECK_STREAM, input->now_ms, action);
}

static llmd_error *take_stream(struct check *check, struct graph *graph,
                               const struct step_input *input, struct step_action *action)
{
    if (input->kind == INPUT_LINE && !strcmp(input->text, "data: [DONE]")) {
        action->kind = ACTION_DONE;
        return check->streamed ? tell_good(check, graph, input->now_ms)
                               : tell_bad(check, graph, input);
    }
    if (input->kind == INPUT_LINE)
        check->streamed = check->streamed || !strncmp(input->text, "data: {", 7);
    if (input->kind == INPUT_LINE || input->kind == INPUT_OPEN)
        return NULL;
    action->kind = ACTION_DONE;
    return tell_bad(check, graph, input);
}

static llmd_error *check_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct check *check = state;

    if (input->kind == INPUT_BEGIN)
        return ask_models(check, action);
    if (input->kind == INPUT_TICK || input->kind == INPUT_POKE)
        return NULL;
    if (check->at == CHECK_MODELS)
        return take_models(check, graph, input, action);
    if (check->at == CHECK_CALL)
        return take_call(check, graph, input, action);
    return take_stream(check, graph, input, action);
}

static const struct step_class check_class = {
    .name = "call", .advance = check_advance, .free = check_free};

llmd_error *llmd__check_calls(struct graph *graph, llmd_endpoint *endpoint, bool stream,
                              step_id *out)
{
    struct check *check = llmd__calloc(1, sizeof(*check));

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
