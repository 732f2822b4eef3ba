/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file context.h
 * How long a call may take, and how another thread stops it.
 *
 * The deadline is total: it covers everything that calls with this context do from the moment
 * it was set. Cancelling is sticky: every later call with the context ends at once. Calls on
 * several threads may have the same context.
 */
#ifndef LLMD_CONTEXT_H
#define LLMD_CONTEXT_H

#include <llmd/error.h>

LLMD_BEGIN

typedef struct llmd_context llmd_context;

/** Asked on the waiting thread every 50 ms at the latest; true cancels. For signals (C only). */
typedef bool (*llmd_poll_fn)(void *data);

/**
 * A context without a deadline. Never NULL: without memory, a static one that ignores its setters;
 * the call that uses it reports LLMD_E_NO_MEMORY.
 * @threads any
 * @since 0.1
 */
LLMD_API llmd_context *llmd_context_new(void);

/**
 * Sets the deadline to now plus @p timeout_ms milliseconds; a negative value removes it.
 * @threads not while a call uses the context
 * @since 0.1
 */
LLMD_API void llmd_context_set_timeout_ms(llmd_context *ctx, int64_t timeout_ms);

/**
 * A function that waiting calls ask now and then; when it returns true the context is cancelled.
 * For interpreters that must look at signals. C only.
 * @threads not while a call uses the context
 * @since 0.1
 */
LLMD_API void llmd_context_set_poll(llmd_context *ctx, llmd_poll_fn poll, void *data);

/**
 * Ends every call that waits with this context, within milliseconds, with LLMD_E_CANCELED.
 * Not from a signal handler: the poll hook is for that.
 * @threads any
 * @since 0.1
 */
LLMD_API void llmd_context_cancel(llmd_context *ctx);

/** Whether it was cancelled. @threads any @since 0.1 */
LLMD_API bool llmd_context_canceled(const llmd_context *ctx);

/** Frees the context; no call may be using it. NULL is allowed. @since 0.1 */
LLMD_API void llmd_context_free(llmd_context *ctx);

LLMD_DEFINE_AUTO(llmd_context)

LLMD_END

#endif
