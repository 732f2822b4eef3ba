/* SPDX-License-Identifier: Apache-2.0 */
#include "task/work.h"

#include "base/clock.h"
#include "base/guard.h"

#include <stdatomic.h>

struct llmd_task {
    struct guard guard;
    struct graph *graph;
    atomic_int worst;
};

static void destroy(llmd_task *task)
{
    llmd__graph_free(task->graph);
    llmd__guard_destroy(&task->guard);
    llmd__free(task);
}

llmd_error *llmd__task_new(struct graph *graph, llmd_task **out)
{
    AUTO(graph) struct graph *taken = graph;

    *out = NULL;
    llmd_task *task = llmd__calloc(1, sizeof *task);
    CHECK_MEMORY(task);
    llmd__guard_init(&task->guard);
    atomic_init(&task->worst, LLMD_LEVEL_DEBUG);
    task->graph = TAKE(taken);
    *out = task;
    return NULL;
}

static llmd_error *stuck(const struct graph *graph)
{
    for (int i = 0; i < graph->count; i++)
        if (graph->steps[i]->progress != STEP_DONE)
            return llmd__error(LLMD_E_FAILED, "step %s waits for something that never comes",
                               graph->steps[i]->class->name);
    return NULL;
}

/* The deadline came: says for what it was waited. */
static llmd_error *say_awaited(const struct graph *graph, llmd_error *error)
{
    struct buf text = BUF_INIT;

    llmd__graph_describe(graph, &text);
    if (text.len)
        error = llmd__error_wrap(error, "%s", llmd__buf_text(&text));
    if (!llmd_error_advice(error)[0])
        error = llmd__error_set_advice(error, "%s", llmd__graph_advice(graph));
    llmd__buf_free(&text);
    return error;
}

static llmd_error *wait_for_more(llmd_context *ctx, llmd_task *task)
{
    int64_t due_ms = llmd__graph_due_ms(task->graph);
    int64_t wait_ms = -1;

    if (llmd__graph_stuck(task->graph)) {
        task->graph->error = stuck(task->graph);
        task->graph->ended = true;
        return NULL;
    }
    if (due_ms != INT64_MAX) {
        int64_t now_ms = llmd__clock_mono_ms();
        wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    }
    TRY(llmd__graph_borrow(task->graph, NULL));
    return llmd__group_turn(ctx, task->graph->group, wait_ms);
}

static void note_level(llmd_task *task, const llmd_event *event)
{
    int level = (int)llmd_event_level(event);

    if (level > atomic_load(&task->worst))
        atomic_store(&task->worst, level);
}

static llmd_error *work(llmd_context *ctx, llmd_task *task)
{
    struct graph *graph = task->graph;

    llmd_error *error = llmd__graph_work(ctx, graph);
    if (!error && !graph->events && !graph->ended)
        error = wait_for_more(ctx, task);
    llmd_code code = llmd_error_code(error);
    if (code == LLMD_OK)
        return NULL;
    if (code == LLMD_E_TIMEOUT || code == LLMD_E_CANCELED)
        return say_awaited(graph, error);
    llmd_error_free(graph->error);
    graph->error = error;
    graph->ended = true;
    return NULL;
}

static llmd_error *next(llmd_context *ctx, llmd_task *task, llmd_event **out)
{
    struct graph *graph = task->graph;

    for (;;) {
        *out = llmd__graph_pop(graph);
        if (*out) {
            note_level(task, *out);
            return NULL;
        }
        if (graph->ended)
            return llmd__error_copy(graph->error);
        llmd_error *ended = llmd__context_check(ctx);
        if (ended)
            return say_awaited(graph, ended);
        TRY(work(ctx, task));
    }
}

/* Also a token that is being fetched ends with the task, and all that waits by a context. */
static llmd_error *next_or_freed(llmd_context *ctx, llmd_task *task, llmd_event **out)
{
    struct context_join join;

    llmd__guard_join(&task->guard, &join, ctx, INT64_MAX);
    llmd_error *error = next(join.inner, task, out);
    llmd__guard_part(&task->guard, &join);
    return error;
}

llmd_error *llmd_task_next(llmd_context *ctx, llmd_task *task, llmd_event **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(task);
    if (!llmd__busy_enter(&task->guard.busy))
        return llmd__error_in_use("the task");
    llmd_error *error = next_or_freed(ctx, task, out);
    if (!llmd__guard_leave(&task->guard))
        return error;
    destroy(task);
    llmd_event_free(TAKE(*out));
    llmd_error_free(error);
    return llmd__error(LLMD_E_CANCELED, "the task was freed by another thread");
}

void llmd_task_free(llmd_task *task)
{
    if (task && llmd__guard_free(&task->guard))
        destroy(task);
}

llmd_error *llmd_task_run(llmd_context *ctx, llmd_task *task, llmd_event_fn on_event, void *data)
{
    for (;;) {
        LLMD_AUTO(llmd_event) event = NULL;
        TRY(llmd_task_next(ctx, task, &event));
        if (!event)
            return NULL;
        if (on_event)
            on_event(data, event);
    }
}

llmd_level llmd_task_worst(const llmd_task *task)
{
    return task ? (llmd_level)atomic_load(&task->worst) : LLMD_LEVEL_DEBUG;
}
