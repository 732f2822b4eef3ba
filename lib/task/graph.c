/* SPDX-License-Identifier: Apache-2.0 */
#include "task/work.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

DEFINE_AUTO(step, struct step *, llmd__free)

llmd_error *llmd__graph_borrow(struct graph *graph, struct http *http)
{
    struct group *group = NULL;

    if (graph->group)
        return NULL;
    TRY(llmd__group_borrow(http, &group));
    graph->place = http ? llmd__http_get(http) : NULL;
    graph->group = group;
    return NULL;
}

llmd_error *llmd__graph_new(void *data, void (*free_data)(void *), struct graph **out)
{
    struct graph *graph = llmd__calloc(1, sizeof *graph);

    *out = graph;
    if (!graph) {
        if (free_data)
            free_data(data);
        return NO_MEMORY;
    }
    graph->data = data;
    graph->free_data = free_data;
    return NULL;
}

void *llmd__graph_data(const struct graph *graph)
{
    return graph->data;
}

static void step_free(struct step *step)
{
    llmd__call_stop(&step->call);
    if (step->class->free)
        step->class->free(step->state);
    llmd__free(step->dependents);
    llmd__free(step);
}

void llmd__graph_free(struct graph *graph)
{
    if (!graph)
        return;
    for (int i = 0; i < graph->count; i++)
        step_free(graph->steps[i]);
    llmd__free(graph->steps);
    /* After the steps: their calls have stopped its transfers. */
    llmd__group_return(graph->place, graph->group);
    llmd__http_put(graph->place);
    while (graph->events) {
        struct queued_event *queued = graph->events;
        graph->events = queued->next;
        llmd_event_free(queued->event);
        llmd__free(queued);
    }
    llmd__json_free(graph->result);
    llmd_error_free(graph->error);
    if (graph->free_data)
        graph->free_data(graph->data);
    llmd__free(graph);
}

static llmd_error *make_room(struct graph *graph)
{
    if (graph->count < graph->cap)
        return NULL;
    int cap = graph->cap ? 2 * graph->cap : 8;
    struct step **steps = llmd__realloc(graph->steps, (size_t)cap * sizeof *steps);
    CHECK_MEMORY(steps);
    graph->steps = steps;
    graph->cap = cap;
    return NULL;
}

llmd_error *llmd__graph_add(struct graph *graph, const struct step_class *class, void *state,
                            step_id *out)
{
    AUTO(step) struct step *step = llmd__calloc(1, sizeof *step);
    llmd_error *error = step ? make_room(graph) : NO_MEMORY;

    *out = -1;
    if (error) {
        if (class->free)
            class->free(state);
        return error;
    }
    step->class = class;
    step->state = state;
    step->call.reply = HTTP_REPLY_INIT;
    *out = step->id = graph->count;
    graph->steps[graph->count++] = TAKE(step);
    return NULL;
}

llmd_error *llmd__graph_add_background(struct graph *graph, const struct step_class *class,
                                       void *state, step_id *out)
{
    TRY(llmd__graph_add(graph, class, state, out));
    graph->steps[*out]->background = true;
    graph->done_count++;
    return NULL;
}

static llmd_error *barrier_advance(void *state, struct graph *graph, const struct step_input *input,
                                   struct step_action *action)
{
    (void)state;
    (void)graph;
    (void)input;
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class barrier_class = {.name = "barrier", .advance = barrier_advance};

llmd_error *llmd__graph_add_barrier(struct graph *graph, step_id *out)
{
    return llmd__graph_add(graph, &barrier_class, NULL, out);
}

step_id llmd__graph_current(const struct graph *graph)
{
    return graph && graph->current ? graph->current->id : -1;
}

void *llmd__graph_find(const struct graph *graph, const struct step_class *class, step_id *at)
{
    while (++*at < graph->count)
        if (graph->steps[*at]->class == class)
            return graph->steps[*at]->state;
    return NULL;
}

static bool is_step(const struct graph *graph, step_id id)
{
    return id >= 0 && id < graph->count;
}

llmd_error *llmd__graph_need(struct graph *graph, step_id step, step_id needed)
{
    if (!is_step(graph, step) || !is_step(graph, needed))
        return llmd__error(LLMD_E_INVALID, "a step needs one that is not there");
    struct step *from = graph->steps[needed];
    if (from->progress == STEP_DONE)
        return NULL;
    step_id *dependents =
        llmd__realloc(from->dependents, (size_t)(from->dependent_count + 1) * sizeof *dependents);
    CHECK_MEMORY(dependents);
    from->dependents = dependents;
    dependents[from->dependent_count++] = step;
    graph->steps[step]->unmet++;
    return NULL;
}

static llmd_error *queue(struct graph *graph, llmd_event *event)
{
    struct queued_event *queued = llmd__calloc(1, sizeof *queued);

    if (!queued) {
        llmd_event_free(event);
        return NO_MEMORY;
    }
    queued->event = event;
    if (graph->last)
        graph->last->next = queued;
    else
        graph->events = queued;
    graph->last = queued;
    return NULL;
}

llmd_error *llmd__graph_event(struct graph *graph, const struct event_text *text)
{
    struct event_text complete = *text;
    llmd_event *event = NULL;

    if (!complete.step && graph->current)
        complete.step = graph->current->class->name;
    TRY(llmd__event_new(&complete, &event));
    snprintf(graph->told, sizeof graph->told, "%s: %s", llmd_event_subject(event),
             llmd_event_message(event));
    if (llmd__log_on("task"))
        llmd__log(text->level, "task", "%s: %s: %s", llmd_event_step(event),
                  llmd_event_reason(event), graph->told);
    TRY(queue(graph, event));
    graph->spoke = true;
    return NULL;
}

const char *llmd__graph_told(const struct graph *graph)
{
    return graph->told;
}

void llmd__graph_own_events_only(struct graph *graph)
{
    graph->outage.off = true;
}

llmd_event *llmd__graph_pop(struct graph *graph)
{
    struct queued_event *first = graph->events;

    if (!first)
        return NULL;
    llmd_event *event = first->event;
    graph->events = first->next;
    if (!first->next)
        graph->last = NULL;
    llmd__free(first);
    return event;
}

void llmd__graph_poke(struct graph *graph, step_id step)
{
    if (is_step(graph, step) && graph->steps[step]->progress == STEP_RUNNING)
        graph->steps[step]->poked = true;
}

void llmd__graph_result(struct graph *graph, struct json *result)
{
    llmd__json_free(graph->result);
    graph->result = result;
}

/* The result rides on the event with which the last step said good-bye, or on one of ours. */
llmd_error *llmd__graph_finish(struct graph *graph, const struct step *step)
{
    const struct event_text done = {.level = LLMD_LEVEL_INFO,
                                    .step = step->class->name,
                                    .reason = "Done",
                                    .message = "done",
                                    .result = graph->result};

    graph->ended = true;
    for (int i = 0; i < graph->count; i++)
        llmd__call_stop(&graph->steps[i]->call);
    if (!graph->result)
        return NULL;
    if (graph->spoke && graph->last)
        return llmd__event_set_result(graph->last->event, graph->result);
    return llmd__graph_event(graph, &done);
}
