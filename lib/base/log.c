/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line a call, to the hook or to standard error. The environment is read once; a program that
 * wants more sets a hook. Without memory a line is dropped: a log must not make a call fail.
 */
#include "base/buf.h"
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static llmd_log_fn hook;
static void *hook_data;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char areas[256]; /* of LLMD_DEBUG; more than fits is cut, and then does not match */

static void read_environment(void)
{
    const char *value = getenv("LLMD_DEBUG");

    /* A copy: whoever changes the environment later must not pull the text from under us. */
    snprintf(areas, sizeof(areas), "%s", value ? value : "");
}

static bool listed(const char *area)
{
    size_t len = strlen(area);

    for (const char *at = areas; *at;) {
        size_t word = strcspn(at, ",");
        if ((word == len && strncmp(at, area, len) == 0) ||
            (word == 3 && strncmp(at, "all", 3) == 0))
            return true;
        at += word;
        at += *at == ',';
    }
    return false;
}

bool llmd__log_on(const char *area)
{
    if (hook)
        return true;
    pthread_once(&once, read_environment);
    return *areas && listed(area);
}

/* A line may carry a server's words: no line breaks, and no escape codes for the terminal. */
static void flatten(char *line)
{
    for (; *line; line++) {
        if ((unsigned char)*line < 0x20 || *line == 0x7F)
            *line = ' ';
    }
}

void llmd__log(llmd_level level, const char *area, const char *format, ...)
{
    AUTO(buf) struct buf line = BUF_INIT;
    va_list args;

    if (!llmd__log_on(area))
        return;
    va_start(args, format);
    llmd__buf_vformat(&line, format, args);
    va_end(args);
    if (!line.data)
        return;
    flatten(line.data);
    if (hook)
        hook(hook_data, level, area, line.data);
    else
        fprintf(stderr, "llmd: %s: %s\n", area, line.data);
}

void llmd_log_set(llmd_log_fn log, void *data)
{
    hook = log;
    hook_data = data;
}
