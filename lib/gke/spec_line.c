/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/spec_line.h"

#include <string.h>

/* The value that the beginning of a message names, its path, and where the rest begins. */
static const struct json *find(const struct json *source, const char *message, struct buf *path,
                               const char **rest)
{
    const struct json *found = NULL;

    for (;;) {
        AUTO(buf) struct buf longer = BUF_INIT;
        const char *end = strstr(message, ": ");
        const struct json *value;

        *rest = message;
        if (!end)
            return found;
        llmd__buf_format(&longer, "%s%s%.*s", llmd__buf_text(path), path->len ? "." : "",
                         (int)(end - message), message);
        value = longer.failed ? NULL : llmd__json_get(source, longer.data);
        if (!value)
            return found;
        llmd__buf_reset(path);
        llmd__buf_str(path, longer.data);
        found = value;
        message = end + 2;
    }
}

static llmd_error *say_anew(llmd_error *error, const char *what, int line, const char *path,
                            const char *rest)
{
    AUTO(error) llmd_error *old = error;
    llmd_error *anew = llmd__error(llmd_error_code(old), "%s:%d: %s: %s", what, line, path, rest);

    llmd__error_set_reason(anew, llmd_error_reason(old));
    return llmd__error_set_advice(anew, "%s", llmd_error_advice(old));
}

llmd_error *llmd__error_with_line(llmd_error *error, const char *what, const struct json *source)
{
    AUTO(buf) struct buf path = BUF_INIT;
    const char *message = llmd_error_message(error), *rest = NULL;
    size_t len = strlen(what);
    int line;

    if (!error || strncmp(message, what, len) != 0 || strncmp(message + len, ": ", 2) != 0)
        return error;
    line = llmd__json_line(find(source, message + len + 2, &path, &rest));
    return line && !path.failed ? say_anew(error, what, line, path.data, rest) : error;
}
