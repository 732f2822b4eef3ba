/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file task.h
 * The one idea of progress: an iterator of events.
 *
 * Making a task checks its spec and sends nothing; llmd_task_next() does all the work, on the
 * caller's thread. NULL is the end. The last event's llmd_event_json() is the result. After a
 * crash make the task again: every step looks before it acts.
 *
 * Tasks that do not need each other run side by side, each on a thread of its own; all may have one
 * context, so that cancelling it stops them together (examples/c/cluster_and_chat.c).
 */
#ifndef LLMD_TASK_H
#define LLMD_TASK_H

#include <llmd/context.h>
#include <llmd/log.h>

LLMD_BEGIN

typedef struct llmd_task llmd_task;
typedef struct llmd_event llmd_event;

/** Called for each event by llmd_task_run(); the event is valid during the call (C only). */
typedef void (*llmd_event_fn)(void *data, const llmd_event *event);

/**
 * Works until there is something to say.
 *
 * TIMEOUT and CANCELED from the context end this call, not the task: call again and it goes on.
 * Any other error ends the task, and further calls repeat it.
 *
 * @param ctx   deadline and cancellation, or NULL
 * @param task  the task
 * @param out   the next event, llmd_event_free(); NULL when the task is done
 * @return NULL, or an error that you free: what the task's own call documents;
 *         LLMD_E_INVALID "in use" when another thread is inside
 * @threads any, one at a time
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_task_next(llmd_context *ctx, llmd_task *task, llmd_event **out);

/**
 * Runs a task to its end. C only: in Python and Go a loop does the same.
 *
 * @param ctx       deadline and cancellation, or NULL
 * @param task      the task
 * @param on_event  called for each event on this thread, or NULL
 * @param data      handed to @p on_event
 * @return NULL, or as llmd_task_next()
 * @threads any, one at a time
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_task_run(llmd_context *ctx, llmd_task *task, llmd_event_fn on_event,
                                       void *data);

/**
 * The worst level among the events so far: a check's verdict.
 * @threads any
 * @since 0.1
 */
LLMD_API llmd_level llmd_task_worst(const llmd_task *task);

/**
 * Stops the work and frees the task; what was made stays. While another thread is inside, cancels
 * it and leaves the freeing to it. NULL is allowed.
 * @threads any
 * @since 0.1
 */
LLMD_API void llmd_task_free(llmd_task *task);

/** When it happened, milliseconds since 1970 (UTC). @threads any @since 0.1 */
LLMD_API int64_t llmd_event_time_ms(const llmd_event *event);

/** How serious it is. @threads any @since 0.1 */
LLMD_API llmd_level llmd_event_level(const llmd_event *event);

/** The step of the task that speaks: "apply", "wait". @threads any @since 0.1 */
LLMD_API const char *llmd_event_step(const llmd_event *event);

/** Where a workload is: "scheduling", "node", "image", "download", "compile", "serving", or "";
 * other tasks have their own words.
 * @threads any @since 0.1 */
LLMD_API const char *llmd_event_phase(const llmd_event *event);

/** What it is about: "Pod/llm/qwen-0". @threads any @since 0.1 */
LLMD_API const char *llmd_event_subject(const llmd_event *event);

/** One word: the server's reason or the finding's code. @threads any @since 0.1 */
LLMD_API const char *llmd_event_reason(const llmd_event *event);

/** One line for people. @threads any @since 0.1 */
LLMD_API const char *llmd_event_message(const llmd_event *event);

/** What to do, or "". @threads any @since 0.1 */
LLMD_API const char *llmd_event_advice(const llmd_event *event);

/** How much is done, of llmd_event_total(); both 0 when unknown. @threads any @since 0.1 */
LLMD_API int64_t llmd_event_done(const llmd_event *event);

/** See llmd_event_done(). @threads any @since 0.1 */
LLMD_API int64_t llmd_event_total(const llmd_event *event);

/** The event as a JSON object; a task's last one carries its result under "result".
 * @threads any @since 0.1 */
LLMD_API const char *llmd_event_json(const llmd_event *event);

/** Frees an event; NULL is allowed. @threads any @since 0.1 */
LLMD_API void llmd_event_free(llmd_event *event);

LLMD_DEFINE_AUTO(llmd_task)
LLMD_DEFINE_AUTO(llmd_event)

LLMD_END

#endif
