/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the API server as a step of its own. */
#include "platform/platform_run.h"

struct ask {
    llmd_kube *kube;
    struct question question;
};

static void ask_free(void *data)
{
    struct ask *ask = data;

    if (ask->question.free_data)
        ask->question.free_data(ask->question.data);
    llmd__free(ask->question.path);
    llmd_kube_free(ask->kube);
    llmd__free(ask);
}

static llmd_error *ask_advance(void *state, struct graph *graph, const struct step_input *input,
                               struct step_action *action)
{
    struct ask *ask = state;

    if (input->kind == INPUT_BEGIN) {
        action->kind = ACTION_SEND;
        action->http = llmd__kube_http(ask->kube);
        action->request = (struct http_request){.method = "GET",
                                                .path = ask->question.path,
                                                .accept = ask->question.accept,
                                                .idempotent = true};
        return NULL;
    }
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "platform");
    if (input->kind != INPUT_REPLY)
        return NULL;
    action->kind = ACTION_DONE;
    return ask->question.on_answer(ask->question.data, graph, input->status, input->text,
                                   input->text_len);
}

static const struct step_class ask_class = {
    .name = "look", .advance = ask_advance, .free = ask_free};

llmd_error *llmd__ask_step(struct graph *graph, const llmd_kube *kube, struct question *question,
                           step_id *out)
{
    struct ask *ask = llmd__calloc(1, sizeof(*ask));
    struct ask lost = {.question = *question};

    *out = -1;
    *question = (struct question){0};
    if (ask && lost.question.path) {
        *ask = (struct ask){llmd__kube_ref(kube), lost.question};
        return llmd__graph_add(graph, &ask_class, ask, out);
    }
    if (lost.question.free_data)
        lost.question.free_data(lost.question.data);
    llmd__free(lost.question.path);
    llmd__free(ask);
    return NO_MEMORY;
}
