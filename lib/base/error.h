/* SPDX-License-Identifier: Apache-2.0 */
/* How errors are made. Messages name the object first: "gateway llm/edge: apply refused: ...". */
#ifndef LLMD_BASE_ERROR_H
#define LLMD_BASE_ERROR_H

#include "base/alloc.h"

#include <llmd/error.h>
#include <stdarg.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Returns the error of a call to our caller. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        llmd_error *try_error_ = (call);                                                           \
        if (try_error_)                                                                            \
            return try_error_;                                                                     \
    } while (0)

#define NO_MEMORY (llmd__error_no_memory())
/* Guards of public functions: a NULL handle is the caller's mistake, told by name. */
#define REQUIRE(argument)                                                                          \
    do {                                                                                           \
        if (!(argument))                                                                           \
            return llmd__error(LLMD_E_INVALID, "%s: " #argument " is NULL", __func__);             \
    } while (0)
#define CHECK_MEMORY(pointer)                                                                      \
    do {                                                                                           \
        if (!(pointer))                                                                            \
            return NO_MEMORY;                                                                      \
    } while (0)

llmd_error *llmd__error_no_memory(void); /* static: freeing it does nothing */
llmd_error *llmd__error(llmd_code code, const char *format, ...) PRINTF_LIKE(2, 3);
/* Takes ownership of cause. The code, reason, advice, status and retry marks are inherited and the
   message becomes "<prefix>: <cause's message>". NULL cause gives NULL: usable as `return wrap(x)`.
 */
llmd_error *llmd__error_wrap(llmd_error *cause, const char *format, ...) PRINTF_LIKE(2, 3);
/* errno as an error: ENOENT becomes NOT_FOUND, EACCES DENIED, the rest SYSTEM. */
llmd_error *llmd__error_errno(int number, const char *format, ...) PRINTF_LIKE(2, 3);
/* An iterator with another thread inside; what: "the stream". */
llmd_error *llmd__error_in_use(const char *what);
llmd_error *llmd__error_copy(const llmd_error *error); /* deep; NULL gives NULL */

/* Setters that allow NULL and the static object, and copy their text; all return the error. Without
   memory the object itself becomes NO_MEMORY, so the result may be ignored. */
llmd_error *llmd__error_set_code(llmd_error *error,
                                 llmd_code code); /* a server's bad JSON: PROTOCOL */
llmd_error *llmd__error_set_reason(llmd_error *error, const char *reason);
llmd_error *llmd__error_set_advice(llmd_error *error, const char *format, ...) PRINTF_LIKE(2, 3);
llmd_error *llmd__error_set_http_status(llmd_error *error, int status);
llmd_error *llmd__error_set_retry(llmd_error *error, bool retryable, int64_t retry_after_ms);

DEFINE_AUTO(error, llmd_error *, llmd_error_free)

#endif
