/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file error.h
 * The one error channel: an owned object, NULL for success.
 *
 * A message names the object first and then what happened ("gateway llm/edge: apply refused: 403
 * Forbidden: ..."); the server's own word is llmd_error_reason(), what to do next is
 * llmd_error_advice(). Callers branch on llmd_error_code().
 */
#ifndef LLMD_ERROR_H
#define LLMD_ERROR_H

#include <llmd/export.h>

LLMD_BEGIN

typedef struct llmd_error llmd_error;

/** What kind of failure it is. May grow: keep a default branch. */
typedef enum llmd_code {
    LLMD_OK = 0,
    LLMD_E_INVALID = 1,     /**< bad input or wrong use; nothing was sent */
    LLMD_E_NOT_FOUND = 2,   /**< the server does not have it, or a file does not exist */
    LLMD_E_EXISTS = 3,      /**< it exists already */
    LLMD_E_CONFLICT = 4,    /**< somebody else owns or changed it */
    LLMD_E_DENIED = 5,      /**< not authenticated or not authorised (401, 403) */
    LLMD_E_BUSY = 6,        /**< too many requests (429), or in use by an operation */
    LLMD_E_UNREACHABLE = 7, /**< no connection: name, route, refused, TLS */
    LLMD_E_TIMEOUT = 8,     /**< the context's deadline or a limit of the request passed */
    LLMD_E_CANCELED = 9,    /**< llmd_context_cancel(), or the poll hook said so */
    LLMD_E_REMOTE = 10,     /**< the server failed (5xx) or refused for a reason of its own */
    LLMD_E_PROTOCOL = 11,   /**< an answer that is not what the protocol promises */
    LLMD_E_TOO_LARGE = 12,  /**< remote data over the library's caps */
    LLMD_E_FAILED = 13,     /**< the thing itself failed: a workload that cannot become ready */
    LLMD_E_SYSTEM = 14,     /**< the operating system: files, processes, descriptors */
    LLMD_E_NO_MEMORY = 15   /**< out of memory; the object is static, freeing it is harmless */
} llmd_code;

/** The code; LLMD_OK for NULL. @threads any @since 0.1 */
LLMD_API llmd_code llmd_error_code(const llmd_error *error);

/** A stable short name of a code, "NOT_FOUND". @threads any @since 0.1 */
LLMD_API const char *llmd_code_name(llmd_code code);

/** One line for people, without the advice. @threads any @since 0.1 */
LLMD_API const char *llmd_error_message(const llmd_error *error);

/** The server's word: "AlreadyExists", "GCE_STOCKOUT"; else "". @threads any @since 0.1 */
LLMD_API const char *llmd_error_reason(const llmd_error *error);

/** What to do now, or "". @threads any @since 0.1 */
LLMD_API const char *llmd_error_advice(const llmd_error *error);

/** The HTTP status that the server answered, or 0. @threads any @since 0.1 */
LLMD_API int llmd_error_http_status(const llmd_error *error);

/** Whether the same call may succeed later without a change. @threads any @since 0.1 */
LLMD_API bool llmd_error_retryable(const llmd_error *error);

/** How long the server asked to wait, in milliseconds, or 0. @threads any @since 0.1 */
LLMD_API int64_t llmd_error_retry_after_ms(const llmd_error *error);

/** The error underneath, or NULL; it belongs to @p error. @threads any @since 0.1 */
LLMD_API const llmd_error *llmd_error_cause(const llmd_error *error);

/** Frees an error; NULL is allowed. @threads any @since 0.1 */
LLMD_API void llmd_error_free(llmd_error *error);

LLMD_DEFINE_AUTO(llmd_error)

LLMD_END

#endif
