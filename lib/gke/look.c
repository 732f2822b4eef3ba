/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/look.h"

#include "base/url.h"
#include "net/retry.h"

#include <string.h>

#define TRIES 3
/* A server that gives the same page again and again must not hold the task for ever. */
#define MAX_PAGES 1000

struct look_state {
    llmd_gke *gke;
    struct look look; /* texts are owned */
    char *what, *path, *body;
    char *token; /* of the page that is asked for; NULL: the first */
    char *full_path;
    int tries, pages;
};

static void look_free(void *data)
{
    struct look_state *state = data;

    if (state->look.free_data)
        state->look.free_data(state->look.data);
    llmd_gke_free(state->gke);
    llmd__free(state->what);
    llmd__free(state->path);
    llmd__free(state->body);
    llmd__free(state->token);
    llmd__free(state->full_path);
    llmd__free(state);
}

static llmd_error *make_path(struct look_state *state)
{
    AUTO(buf) struct buf path = BUF_INIT;

    llmd__buf_str(&path, state->path);
    if (state->token) {
        llmd__buf_str(&path, strchr(state->path, '?') ? "&pageToken=" : "?pageToken=");
        llmd__url_escape(&path, state->token);
    }
    llmd__free(TAKE(state->full_path));
    return llmd__buf_take(&path, &state->full_path);
}

static llmd_error *ask(struct look_state *state, struct step_action *action)
{
    TRY(make_path(state));
    action->kind = ACTION_SEND;
    action->http = llmd__gke_http(state->gke, state->look.api);
    action->request = (struct http_request){.method = state->body ? "POST" : "GET",
                                            .path = state->full_path,
                                            .body = state->body,
                                            .body_len = state->body ? strlen(state->body) : 0,
                                            .content_type = state->body ? "application/json" : NULL,
                                            .idempotent = true,
                                            .no_retry = !state->look.patient,
                                            .first_byte_timeout_ms = LLMD__READ_TIMEOUT_MS};
    return NULL;
}

/* No request was sent, because the token's server is out of reach: every error of one that was
   names its URL. That server has been asked several times. */
static bool is_unasked(const struct look_state *state, const struct step_input *input)
{
    const char *url = llmd__http_base_url(llmd__gke_http(state->gke, state->look.api));

    return input->kind == INPUT_ERROR && llmd_error_code(input->error) == LLMD_E_UNREACHABLE &&
           !strstr(llmd_error_message(input->error), url);
}

static bool may_try_again(const struct look_state *state, const struct step_input *input)
{
    bool answered = input->kind == INPUT_REPLY;
    enum retry_class class;

    if (state->look.patient || state->tries >= TRIES || is_unasked(state, input))
        return false;
    if (!answered)
        return llmd_error_code(input->error) == LLMD_E_UNREACHABLE;
    class = llmd__retry_class(input->status, answered, true, input->reply->retry_after_ms >= 0);
    return class != RETRY_NEVER;
}

static llmd_error *sleep_a_while(struct look_state *state, const struct step_input *input,
                                 struct step_action *action)
{
    int64_t after_ms = input->reply ? input->reply->retry_after_ms : -1;

    action->kind = ACTION_SLEEP;
    action->wake_ms =
        input->now_ms + llmd__retry_delay_ms(state->tries - 1, after_ms, llmd__http_random());
    return NULL;
}

static llmd_error *refused(struct look_state *state, struct graph *graph,
                           const struct step_input *input, llmd_error *refusal,
                           enum trouble trouble, struct step_action *action)
{
    AUTO(error) llmd_error *owned = refusal;
    struct look_answer answer = {.refusal = owned,
                                 .trouble = trouble,
                                 .unasked = is_unasked(state, input),
                                 .last = true,
                                 .retry_after_ms = -1};

    if (llmd_error_code(owned) == LLMD_E_NO_MEMORY)
        return TAKE(owned);
    action->kind = ACTION_DONE;
    return state->look.on_answer(state->look.data, graph, &answer);
}

static llmd_error *next_page(struct look_state *state, const char *token,
                             struct step_action *action)
{
    llmd__free(state->token);
    state->token = llmd__strdup(token);
    CHECK_MEMORY(state->token);
    state->pages++;
    state->tries = 1;
    return ask(state, action);
}

static llmd_error *hear_page(struct look_state *state, struct graph *graph,
                             const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *json = NULL;
    struct look_answer answer = {.last = true};
    const char *token;
    llmd_error *error = llmd__json_parse(input->text, input->text_len, state->what, &json);

    if (error)
        return refused(state, graph, input, llmd__error_set_code(error, LLMD_E_PROTOCOL),
                       TROUBLE_UNKNOWN, action);
    token = llmd__json_str(json, "nextPageToken");
    answer.json = json;
    answer.retry_after_ms = input->reply ? input->reply->retry_after_ms : -1;
    answer.last = !*token || state->pages >= MAX_PAGES;
    TRY(state->look.on_answer(state->look.data, graph, &answer));
    if (!answer.last)
        return next_page(state, token, action);
    action->kind = ACTION_DONE;
    return NULL;
}

static llmd_error *hear(struct look_state *state, struct graph *graph,
                        const struct step_input *input, struct step_action *action)
{
    enum trouble trouble = TROUBLE_TRANSIENT;
    llmd_error *refusal;

    if (may_try_again(state, input))
        return sleep_a_while(state, input, action);
    if (input->kind == INPUT_REPLY && input->status / 100 == 2)
        return hear_page(state, graph, input, action);
    if (input->kind == INPUT_REPLY)
        refusal = llmd__google_refusal(input->status, input->text, state->what, &trouble);
    else
        refusal = llmd__error_wrap(llmd__error_copy(input->error), "%s", state->what);
    return refused(state, graph, input, refusal, trouble, action);
}

static llmd_error *look_advance(void *data, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct look_state *state = data;

    switch (input->kind) {
    case INPUT_BEGIN:
    case INPUT_TICK:
        state->tries++;
        return ask(state, action);
    case INPUT_REPLY:
    case INPUT_ERROR:
        return hear(state, graph, input, action);
    default:
        return NULL;
    }
}

static const struct step_class look_class = {"look", look_advance, look_free};

static llmd_error *copy_texts(struct look_state *state, const struct look *look)
{
    state->what = llmd__strdup(look->what);
    state->path = llmd__strdup(look->path);
    state->body = llmd__strdup(look->body);
    if (!state->what || !state->path || (look->body && !state->body))
        return NO_MEMORY;
    return NULL;
}

llmd_error *llmd__look_step(struct graph *graph, const llmd_gke *gke, const struct look *look,
                            step_id *out)
{
    struct look_state *state = llmd__calloc(1, sizeof(*state));
    llmd_error *error;

    *out = -1;
    if (!state) {
        if (look->free_data)
            look->free_data(look->data);
        return NO_MEMORY;
    }
    state->look = *look;
    state->gke = llmd__gke_ref(gke);
    error = copy_texts(state, look);
    if (error) {
        look_free(state);
        return error;
    }
    return llmd__graph_add(graph, &look_class, state, out);
}
