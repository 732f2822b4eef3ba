/* SPDX-License-Identifier: Apache-2.0 */
#include "task/work.h"

#include "base/clock.h"
#include "net/retry.h"

#include <string.h>

static void fail(struct graph *graph, llmd_error *error)
{
    if (graph->error) {
        llmd_error_free(error);
        return;
    }
    graph->error = error ? error : llmd__error(LLMD_E_FAILED, "a step failed without a reason");
    graph->ended = true;
    for (int i = 0; i < graph->count; i++)
        llmd__call_stop(&graph->steps[i]->call);
}

static void complete(struct graph *graph, struct step *step)
{
    llmd__call_stop(&step->call);
    step->progress = STEP_DONE;
    step->wake_ms = 0;
    step->poked = false;
    graph->done_count += !step->background;
    for (int i = 0; i < step->dependent_count; i++)
        graph->steps[step->dependents[i]]->unmet--;
}

static llmd_error *apply(struct graph *graph, struct step *step, struct step_action *action)
{
    step->wake_ms = action->wake_ms;
    switch (action->kind) {
    case ACTION_NONE:
        return NULL;
    case ACTION_SEND:
    case ACTION_STREAM:
        step->call.cut_lines = action->cut_lines;
        return llmd__call_begin(&step->call, action->http, &action->request,
                                action->kind == ACTION_STREAM);
    case ACTION_SLEEP:
        llmd__call_stop(&step->call);
        return NULL;
    case ACTION_DONE:
        complete(graph, step);
        return graph->done_count == graph->count ? llmd__graph_finish(graph, step) : NULL;
    case ACTION_FINISH:
        complete(graph, step);
        return llmd__graph_finish(graph, step);
    case ACTION_FAIL:
        fail(graph, TAKE(action->error));
        return NULL;
    }
    return NULL;
}

static void advance(struct graph *graph, struct step *step, const struct step_input *input)
{
    struct step_action action = {.kind = ACTION_NONE};

    graph->current = step;
    graph->spoke = false;
    llmd_error *error = step->class->advance(step->state, graph, input, &action);
    if (!error)
        error = apply(graph, step, &action);
    graph->current = NULL;
    llmd_error_free(action.error);
    if (error)
        fail(graph, error);
}

/* BEGIN, then pokes, then what the server sent, then time. */
static llmd_error *next_input(llmd_context *ctx, struct step *step, struct step_input *input,
                              bool *given)
{
    *given = true;
    if (step->progress == STEP_WAITING) {
        *given = step->unmet == 0;
        if (*given)
            step->progress = STEP_RUNNING;
        input->kind = INPUT_BEGIN;
        return NULL;
    }
    if (step->poked) {
        step->poked = false;
        input->kind = INPUT_POKE;
        return NULL;
    }
    TRY(llmd__call_take(ctx, &step->call, input->now_ms, input, given));
    if (*given || step->wake_ms == 0 || step->wake_ms > input->now_ms)
        return NULL;
    *given = true;
    step->wake_ms = 0;
    input->kind = INPUT_TICK;
    return NULL;
}

/* The error of a try that met no server, if this turn brought one or waits to try again. */
static const llmd_error *missed(const struct step *step, const struct step_input *input, bool given)
{
    const llmd_error *error = NULL;

    if (!given)
        error = step->call.state == CALL_DUE ? step->call.error : NULL;
    else if (input->kind == INPUT_ERROR || input->kind == INPUT_END)
        error = input->error;
    return llmd_error_code(error) == LLMD_E_UNREACHABLE ? error : NULL;
}

/* Of what never answered, what may be wrong with it: the error comes soon. Else how long it is
   tried again. */
static const char *advise(const struct step *step, bool patient, const llmd_error *error)
{
    if (step->call.class == RETRY_NOT_SENT && !llmd__http_heard(step->call.http))
        return llmd_error_advice(error);
    if (step->class->brief)
        return "it is tried a few times more";
    return patient ? "it is tried again until the deadline"
                   : "it is tried again; set a deadline (timeout) to say for how long";
}

static llmd_error *tell_outage(struct graph *graph, const llmd_context *ctx,
                               const struct step *step, const struct step_input *input, bool given)
{
    const llmd_error *error = missed(step, input, given);
    bool patient = !step->class->brief && llmd__context_has_deadline(ctx);
    bool answered = given && (input->kind == INPUT_REPLY || input->kind == INPUT_OPEN ||
                              input->kind == INPUT_LINE);
    struct event_text text = {.step = step->class->name, .level = LLMD_LEVEL_INFO};

    if (error && llmd__outage_failed(&graph->outage, step->call.http, patient, input->now_ms)) {
        text.level = LLMD_LEVEL_WARNING;
        text.reason = "Unreachable";
        text.message = llmd_error_message(error);
        text.advice = advise(step, patient, error);
    } else if (answered && llmd__outage_answered(&graph->outage, step->call.http)) {
        text.reason = "Reachable";
        text.message = "answers again";
    } else {
        return NULL;
    }
    text.subject = llmd__http_base_url(step->call.http);
    return llmd__graph_event(graph, &text);
}

static llmd_error *send(llmd_context *ctx, struct graph *graph, struct step *step, int64_t now_ms,
                        bool *sent)
{
    if (llmd__call_due_ms(&step->call) > now_ms)
        return NULL;
    TRY(llmd__graph_borrow(graph, step->call.http));
    return llmd__call_send(ctx, &step->call, graph->group, now_ms, sent);
}

static llmd_error *work_step(llmd_context *ctx, struct graph *graph, struct step *step,
                             bool *progress)
{
    struct step_input input = {.now_ms = llmd__clock_mono_ms(), .text = ""};
    bool given = false;
    bool sent = false;

    if (step->progress == STEP_DONE)
        return NULL;
    TRY(next_input(ctx, step, &input, &given));
    TRY(tell_outage(graph, ctx, step, &input, given));
    if (given)
        advance(graph, step, &input);
    if (!graph->ended)
        TRY(send(ctx, graph, step, input.now_ms, &sent));
    /* What failed on the spot, as there is no token, is heard before others try the same. */
    graph->turn -= sent && step->call.state == CALL_ANSWERED;
    *progress = *progress || given || sent;
    return NULL;
}

llmd_error *llmd__graph_work(llmd_context *ctx, struct graph *graph)
{
    bool progress = true;

    if (graph->count == 0)
        graph->ended = true;
    while (progress) {
        progress = false;
        /* count grows while steps add steps. */
        for (int i = 0; i < graph->count; i++) {
            if (graph->ended || graph->events)
                return NULL;
            graph->turn = (graph->turn + 1) % graph->count;
            TRY(work_step(ctx, graph, graph->steps[graph->turn], &progress));
        }
        TRY(llmd__context_check(ctx));
    }
    return NULL;
}

int64_t llmd__graph_due_ms(const struct graph *graph)
{
    int64_t due_ms = INT64_MAX;

    for (int i = 0; i < graph->count; i++) {
        const struct step *step = graph->steps[i];
        int64_t call_ms = llmd__call_due_ms(&step->call);
        if (step->wake_ms && step->wake_ms < due_ms)
            due_ms = step->wake_ms;
        if (call_ms < due_ms)
            due_ms = call_ms;
    }
    return due_ms;
}

bool llmd__graph_stuck(const struct graph *graph)
{
    for (int i = 0; i < graph->count; i++)
        if (graph->steps[i]->wake_ms || graph->steps[i]->call.state != CALL_IDLE)
            return false;
    return true;
}

static void describe_call(const struct call *call, struct buf *text)
{
    const char *path = call->request.path ? call->request.path : "";

    if (call->state == CALL_IDLE)
        return;
    llmd__buf_format(text, ": %s %s%.*s", call->request.method, llmd__http_base_url(call->http),
                     (int)strcspn(path, "?"), path);
    if (call->last[0])
        llmd__buf_format(text, " (the last try: %s)", call->last);
}

const char *llmd__graph_advice(const struct graph *graph)
{
    const char *advice = "";

    for (int i = 0; i < graph->count; i++) {
        const struct step *step = graph->steps[i];
        if (step->background || step->progress != STEP_RUNNING)
            continue;
        if (step->call.state != CALL_IDLE && step->call.last_advice[0])
            return step->call.last_advice;
        if (!advice[0] && step->class->advise)
            advice = step->class->advise(step->state, graph);
    }
    return advice;
}

static void add_one(struct buf *text, int before, const char *what)
{
    if (before < 2)
        llmd__buf_format(text, "%s%s", before ? ", " : "waiting for ", what);
}

/* What steps say of themselves; how many did. */
static int describe_steps(const struct graph *graph, struct buf *text)
{
    int count = 0;

    for (int i = 0; i < graph->count; i++) {
        const struct step *step = graph->steps[i];
        AUTO(buf) struct buf own = BUF_INIT;
        if (step->progress != STEP_RUNNING || step->background || !step->class->describe)
            continue;
        step->class->describe(step->state, graph, &own);
        if (own.len && step->call.last[0])
            describe_call(&step->call, &own);
        if (own.len)
            add_one(text, count++, llmd__buf_text(&own));
    }
    return count;
}

static int describe_calls(const struct graph *graph, struct buf *text)
{
    int running = 0;

    for (int i = 0; i < graph->count; i++) {
        const struct step *step = graph->steps[i];
        if (step->background || step->progress != STEP_RUNNING ||
            (step->call.state == CALL_IDLE && !step->wake_ms))
            continue;
        add_one(text, running, step->class->name);
        if (running++ < 2)
            describe_call(&step->call, text);
    }
    return running;
}

void llmd__graph_describe(const struct graph *graph, struct buf *text)
{
    int count = describe_steps(graph, text);

    if (!count)
        count = describe_calls(graph, text);
    if (count > 2)
        llmd__buf_format(text, " and %d more", count - 2);
}
