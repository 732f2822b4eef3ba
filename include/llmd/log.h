/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file log.h
 * What the library does, line by line, for people who look for a fault. Silent by default;
 * LLMD_DEBUG=http,kube in the environment prints these areas on standard error, LLMD_DEBUG=all
 * every one. Secrets are printed as ***.
 */
#ifndef LLMD_LOG_H
#define LLMD_LOG_H

#include <llmd/export.h>

LLMD_BEGIN

/** How serious a log line or an event is. May grow: keep a default branch. */
typedef enum llmd_level {
    LLMD_LEVEL_DEBUG = 0,
    LLMD_LEVEL_INFO = 1,    /**< progress */
    LLMD_LEVEL_WARNING = 2, /**< something is wrong and may pass or be cured while we wait */
    LLMD_LEVEL_ERROR = 3    /**< a fault that ends the wait, or a check that failed */
} llmd_level;

/** Receives one line without a newline; called on the thread that works (C only). */
typedef void (*llmd_log_fn)(void *data, llmd_level level, const char *area, const char *line);

/**
 * Sends log lines to @p log instead of standard error; NULL restores the default. C only.
 * @threads before other calls
 * @since 0.1
 */
LLMD_API void llmd_log_set(llmd_log_fn log, void *data);

LLMD_END

#endif
