/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error is a chain, newest first: each wrap puts a message in front and owns the one beneath.
 * Reason and advice are not copied upward; the getters look down the chain for the first that has
 * one. Out of memory is one static object that no function here changes or frees.
 */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One block for most errors: the message stands behind the struct. */
struct llmd_error {
    llmd_code code;
    int http_status;
    bool retryable;
    int64_t retry_after_ms;
    llmd_error *cause;   /* owned; also answers for what is not set here */
    char *reason;        /* owned, or NULL: the cause's */
    char *advice;        /* owned, or NULL: the cause's */
    const char *message; /* `text`, or a literal */
    char text[];
};

static llmd_error no_memory = {.code = LLMD_E_NO_MEMORY, .message = "out of memory"};

llmd_error *llmd__error_no_memory(void)
{
    return &no_memory;
}

/* A message is one line: what a server or a caller put in shall not forge a second one, nor move a
   terminal's cursor. */
static void one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

/* prefix, ": " and tail make the message; an empty tail leaves the colon out. */
PRINTF_LIKE(3, 0)
static llmd_error *make(llmd_code code, const char *tail, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    int head = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (head < 0)
        return NO_MEMORY;
    size_t size = (size_t)head + strlen(tail) + sizeof(": ");
    llmd_error *error = llmd__calloc(1, sizeof(*error) + size);
    if (!error)
        return NO_MEMORY;
    error->code = code;
    error->message = error->text;
    vsnprintf(error->text, size, format, args);
    snprintf(error->text + head, size - (size_t)head, "%s%s", *tail ? ": " : "", tail);
    one_line(error->text);
    return error;
}

llmd_error *llmd__error(llmd_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    llmd_error *error = make(code, "", format, args);
    va_end(args);
    return error;
}

/* The numbers are copied up, because a getter could not tell 0 from unset. */
static llmd_error *own_cause(llmd_error *error, llmd_error *cause)
{
    if (error == &no_memory) {
        llmd_error_free(cause);
        return error;
    }
    error->cause = cause;
    error->http_status = cause->http_status;
    error->retryable = cause->retryable;
    error->retry_after_ms = cause->retry_after_ms;
    return error;
}

llmd_error *llmd__error_wrap(llmd_error *cause, const char *format, ...)
{
    va_list args;

    if (!cause || cause == &no_memory)
        return cause;
    va_start(args, format);
    llmd_error *error = make(cause->code, cause->message, format, args);
    va_end(args);
    return own_cause(error, cause);
}

static llmd_code code_of_errno(int number)
{
    switch (number) {
    case ENOENT:
        return LLMD_E_NOT_FOUND;
    case EACCES:
    case EPERM:
        return LLMD_E_DENIED;
    default:
        return LLMD_E_SYSTEM;
    }
}

llmd_error *llmd__error_in_use(const char *what)
{
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s is in use by another thread", what),
        "let one thread at a time read it, or give each thread one of its own");
}

llmd_error *llmd__error_errno(int number, const char *format, ...)
{
    char text[128];
    va_list args;

    if (number == ENOMEM)
        return NO_MEMORY;
    va_start(args, format);
    llmd_error *error =
        make(code_of_errno(number), strerror_r(number, text, sizeof(text)), format, args);
    va_end(args);
    return number == EMFILE || number == ENFILE ? llmd__error_set_advice(error, "raise ulimit -n")
                                                : error;
}

/* Turns the error into NO_MEMORY in place: the caller may hold the pointer and ignore our result.
 */
static llmd_error *lose(llmd_error *error)
{
    error->code = LLMD_E_NO_MEMORY;
    error->message = no_memory.message;
    error->retryable = false;
    return error;
}

static llmd_error *replace(llmd_error *error, char **slot, char *text)
{
    if (!text)
        return lose(error);
    llmd__free(*slot);
    *slot = text;
    return error;
}

static bool fixed(const llmd_error *error)
{
    return !error || error == &no_memory;
}

llmd_error *llmd__error_set_code(llmd_error *error, llmd_code code)
{
    if (!fixed(error) && error->code != LLMD_E_NO_MEMORY)
        error->code = code;
    return error;
}

llmd_error *llmd__error_set_reason(llmd_error *error, const char *reason)
{
    if (fixed(error) || !reason)
        return error;
    return replace(error, &error->reason, llmd__strdup(reason));
}

llmd_error *llmd__error_set_advice(llmd_error *error, const char *format, ...)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    va_list args;

    if (fixed(error))
        return error;
    va_start(args, format);
    llmd__buf_vformat(&buf, format, args);
    va_end(args);
    return replace(error, &error->advice, buf.failed ? NULL : TAKE(buf.data));
}

llmd_error *llmd__error_set_http_status(llmd_error *error, int status)
{
    if (!fixed(error))
        error->http_status = status;
    return error;
}

llmd_error *llmd__error_set_retry(llmd_error *error, bool retryable, int64_t retry_after_ms)
{
    if (!fixed(error)) {
        error->retryable = retryable;
        error->retry_after_ms = retry_after_ms;
    }
    return error;
}

/* A copy that lost a part would be another error: it is NO_MEMORY as a whole. */
llmd_error *llmd__error_copy(const llmd_error *error)
{
    if (!error)
        return NULL;
    if (error->code == LLMD_E_NO_MEMORY)
        return NO_MEMORY;
    AUTO(error) llmd_error *copy = llmd__error(error->code, "%s", error->message);
    llmd__error_set_reason(copy, error->reason);
    if (error->advice)
        llmd__error_set_advice(copy, "%s", error->advice);
    if (error->cause && copy != &no_memory)
        copy->cause = llmd__error_copy(error->cause);
    if (copy->code == LLMD_E_NO_MEMORY || llmd_error_code(copy->cause) == LLMD_E_NO_MEMORY)
        return NO_MEMORY;
    llmd__error_set_http_status(copy, error->http_status);
    llmd__error_set_retry(copy, error->retryable, error->retry_after_ms);
    return TAKE(copy);
}

llmd_code llmd_error_code(const llmd_error *error)
{
    return error ? error->code : LLMD_OK;
}

const char *llmd_code_name(llmd_code code)
{
    static const char *const names[] = {
        [LLMD_OK] = "OK",
        [LLMD_E_INVALID] = "INVALID",
        [LLMD_E_NOT_FOUND] = "NOT_FOUND",
        [LLMD_E_EXISTS] = "EXISTS",
        [LLMD_E_CONFLICT] = "CONFLICT",
        [LLMD_E_DENIED] = "DENIED",
        [LLMD_E_BUSY] = "BUSY",
        [LLMD_E_UNREACHABLE] = "UNREACHABLE",
        [LLMD_E_TIMEOUT] = "TIMEOUT",
        [LLMD_E_CANCELED] = "CANCELED",
        [LLMD_E_REMOTE] = "REMOTE",
        [LLMD_E_PROTOCOL] = "PROTOCOL",
        [LLMD_E_TOO_LARGE] = "TOO_LARGE",
        [LLMD_E_FAILED] = "FAILED",
        [LLMD_E_SYSTEM] = "SYSTEM",
        [LLMD_E_NO_MEMORY] = "NO_MEMORY",
    };

    return (unsigned)code < sizeof(names) / sizeof(*names) ? names[code] : "UNKNOWN";
}

const char *llmd_error_message(const llmd_error *error)
{
    return error ? error->message : "";
}

const char *llmd_error_reason(const llmd_error *error)
{
    while (error && !error->reason)
        error = error->cause;
    return error ? error->reason : "";
}

const char *llmd_error_advice(const llmd_error *error)
{
    while (error && !error->advice)
        error = error->cause;
    return error ? error->advice : "";
}

int llmd_error_http_status(const llmd_error *error)
{
    return error ? error->http_status : 0;
}

bool llmd_error_retryable(const llmd_error *error)
{
    return error && error->retryable;
}

int64_t llmd_error_retry_after_ms(const llmd_error *error)
{
    return error ? error->retry_after_ms : 0;
}

const llmd_error *llmd_error_cause(const llmd_error *error)
{
    return error ? error->cause : NULL;
}

/* A loop: a long chain must not cost stack. */
void llmd_error_free(llmd_error *error)
{
    while (!fixed(error)) {
        llmd_error *cause = error->cause;
        llmd__free(error->reason);
        llmd__free(error->advice);
        llmd__free(error);
        error = cause;
    }
}
