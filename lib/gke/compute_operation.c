/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/compute_operation.h"

#include "base/url.h"
#include "gke/calls.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SEND_TIMEOUT_MS 60000
/* The server answers `wait` after at most two minutes; a little more is a lost answer. */
#define WAIT_TIMEOUT_MS 150000

struct mutation_state {
    llmd_gke *gke;
    struct mutation mutation; /* texts are owned below */
    char *what, *scope, *body, *method;
    char *path; /* of the request, with its requestId, or of the wait */
    bool sent;  /* the operation is there: path is its wait */
};

static void mutation_free(void *data)
{
    struct mutation_state *state = data;

    llmd_gke_free(state->gke);
    llmd__free(state->what);
    llmd__free(state->scope);
    llmd__free(state->body);
    llmd__free(state->method);
    llmd__free(state->path);
    llmd__free(state);
}

/* Google takes a second request with the same id for the first: so it comes from the system, not
   from the clock. */
void llmd__request_id(char out[37])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[36];

    if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
        for (size_t i = 0; i < sizeof(random); i++)
            random[i] = (unsigned char)(llmd__http_random() * 256);
    }
    for (int i = 0; i < 36; i++)
        out[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : digits[random[i] & 15];
    out[14] = '4'; /* version and variant of RFC 9562 */
    out[19] = digits[8 | (random[19] & 3)];
    out[36] = '\0';
}

static void send(const struct mutation_state *state, struct step_action *action)
{
    const char *body = state->sent ? NULL : state->body;

    action->kind = ACTION_SEND;
    action->http = llmd__gke_http(state->gke, GOOGLE_COMPUTE);
    action->request = (struct http_request){.method = state->sent ? "POST" : state->method,
                                            .path = state->path,
                                            .body = body,
                                            .body_len = body ? strlen(body) : 0,
                                            .content_type = body ? "application/json" : NULL,
                                            .idempotent = true, /* by its requestId */
                                            .first_byte_timeout_ms =
                                                state->sent ? WAIT_TIMEOUT_MS : SEND_TIMEOUT_MS};
}

static llmd_error *finish(struct mutation_state *state, struct graph *graph, llmd_error *failure,
                          enum trouble trouble, struct step_action *action)
{
    action->kind = ACTION_DONE;
    if (state->mutation.on_done && llmd_error_code(failure) != LLMD_E_NO_MEMORY)
        return state->mutation.on_done(state->mutation.data, graph, failure, trouble);
    return failure;
}

/* Compute Engine's operations hold their errors in a list of their own. */
static llmd_error *operation_failure(const struct mutation_state *state,
                                     const struct json *operation, enum trouble *trouble)
{
    const struct json *first = llmd__json_get(operation, "error.errors[0]");
    AUTO(buf) struct buf body = BUF_INIT;
    int status = (int)llmd__json_int(operation, "httpErrorStatusCode", 400);

    if (!first)
        return NULL;
    llmd__buf_str(&body, "{\"error\":{\"status\":");
    llmd__buf_json(&body, llmd__json_str(first, "code"));
    llmd__buf_str(&body, ",\"message\":");
    llmd__buf_json(&body, llmd__json_str(first, "message"));
    llmd__buf_str(&body, ",\"errors\":[{\"reason\":");
    llmd__buf_json(&body, llmd__json_str(first, "code"));
    llmd__buf_str(&body, "}]}}");
    TRY(llmd__buf_check(&body));
    return llmd__google_refusal(status, body.data, state->what, trouble);
}

static llmd_error *wait_path(struct mutation_state *state, const char *name)
{
    AUTO(buf) struct buf path = BUF_INIT;

    llmd__buf_format(&path, "/compute/v1/projects/%s/%s/operations/", llmd_gke_project(state->gke),
                     state->scope);
    llmd__url_escape(&path, name);
    llmd__buf_str(&path, "/wait");
    llmd__free(TAKE(state->path));
    return llmd__buf_take(&path, &state->path);
}

static llmd_error *hear_operation(struct mutation_state *state, struct graph *graph,
                                  const struct json *operation, struct step_action *action)
{
    enum trouble trouble = TROUBLE_UNKNOWN;
    const char *name = llmd__json_str(operation, "name");
    llmd_error *failure;

    if (strcmp(llmd__json_str(operation, "status"), "DONE") == 0) {
        failure = operation_failure(state, operation, &trouble);
        return finish(state, graph, failure, trouble, action);
    }
    if (!*name)
        return llmd__error(LLMD_E_PROTOCOL, "%s: the answer is no operation", state->what);
    TRY(wait_path(state, name));
    state->sent = true;
    send(state, action);
    return NULL;
}

static llmd_error *hear(struct mutation_state *state, struct graph *graph,
                        const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *operation = NULL;
    enum trouble trouble;
    llmd_error *error = llmd__answer(input, state->what, &operation, &trouble);

    if (!error)
        return hear_operation(state, graph, operation, action);
    if (state->sent && llmd__passes(error, trouble)) { /* what runs is followed to its end */
        llmd_error_free(error);
        action->kind = ACTION_SLEEP;
        action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
        return NULL;
    }
    return input->kind == INPUT_ERROR ? error : finish(state, graph, error, trouble, action);
}

static llmd_error *mutation_advance(void *data, struct graph *graph, const struct step_input *input,
                                    struct step_action *action)
{
    struct mutation_state *state = data;

    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK)
        send(state, action);
    else if (input->kind == INPUT_REPLY || input->kind == INPUT_ERROR)
        return hear(state, graph, input, action);
    return NULL;
}

static const struct step_class mutation_class = {"compute", mutation_advance, mutation_free};

static llmd_error *fill(struct mutation_state *state, const struct mutation *mutation)
{
    char id[37];

    llmd__request_id(id);
    state->what = llmd__strdup(mutation->what);
    state->scope = llmd__strdup(mutation->scope);
    state->method = llmd__strdup(mutation->method);
    state->body = llmd__strdup(mutation->body);
    state->path =
        llmd__format("/compute/v1/projects/%s/%s%s%srequestId=%s", llmd_gke_project(state->gke),
                     mutation->scope, mutation->path, strchr(mutation->path, '?') ? "&" : "?", id);
    if (!state->what || !state->scope || !state->method || !state->path ||
        (mutation->body && !state->body))
        return NO_MEMORY;
    return NULL;
}

llmd_error *llmd__mutation_step(struct graph *graph, const llmd_gke *gke,
                                const struct mutation *mutation, step_id *out)
{
    struct mutation_state *state = llmd__calloc(1, sizeof(*state));
    llmd_error *error;

    *out = -1;
    CHECK_MEMORY(state);
    state->mutation = *mutation;
    state->gke = llmd__gke_ref(gke);
    error = fill(state, mutation);
    if (error) {
        mutation_free(state);
        return error;
    }
    return llmd__graph_add(graph, &mutation_class, state, out);
}
