/* SPDX-License-Identifier: Apache-2.0 */
#include "findings/lines.h"

#include "base/json.h"

#include <string.h>
#include <strings.h>

/* Case does not count: "Unauthorized" of a registry is "unauthorized" of containerd. Lengths, not
   NULs, because a log is looked through line by line without being copied. */
static bool holds(const char *text, size_t text_len, const char *word, size_t word_len)
{
    for (size_t i = 0; word_len && i + word_len <= text_len; i++)
        if (!strncasecmp(text + i, word, word_len))
            return true;
    return false;
}

static bool holds_any(const char *text, size_t len, const char *words)
{
    while (words && *words) {
        size_t word = strcspn(words, "|");

        if (holds(text, len, words, word))
            return true;
        words += word + (words[word] == '|');
    }
    return false;
}

bool llmd__has_any(const char *text, const char *words)
{
    return holds_any(text, strlen(text), words);
}

struct line {
    const char *text;
    size_t len;
};

/* A log line in JSON says in two members what the others only surround. */
static char *plain(struct line line)
{
    AUTO(json) struct json *object = NULL;
    const char *message, *error;

    if (!line.len || line.text[0] != '{')
        return llmd__strndup(line.text, line.len);
    llmd_error_free(llmd__json_parse(line.text, line.len, "log line", &object));
    message = llmd__json_str(object, "msg");
    error = llmd__json_str(object, "error");
    if (!message[0] && !error[0])
        return llmd__strndup(line.text, line.len);
    return llmd__format("%s%s%s", message, message[0] && error[0] ? ": " : "", error);
}

/* Of the lines that hold a rule's words the last one, as programs explain before they die; else the
   last that says error; else the last at all. */
char *llmd__telling_line(const char *text, const char *words)
{
    struct line wanted = {0}, error = {0}, last = {.text = ""};

    while (*text) {
        struct line line = {text, strcspn(text, "\n")};

        if (holds_any(line.text, line.len, words))
            wanted = line;
        if (holds(line.text, line.len, "error", 5))
            error = line;
        if (line.len)
            last = line;
        text += line.len + (text[line.len] == '\n');
    }
    return plain(wanted.text ? wanted : error.text ? error : last);
}

/* For one line of an error message: the newlines become bars. */
char *llmd__last_lines(const char *text, size_t max)
{
    size_t len = strlen(text), from = len > max ? len - max : 0;
    struct buf joined = BUF_INIT;
    char *out = NULL;

    /* Begin at a line's beginning. */
    if (from && strchr(text + from, '\n'))
        from = (size_t)(strchr(text + from, '\n') - text) + 1;
    for (text += from; *text; text += strspn(text, "\n")) {
        size_t line = strcspn(text, "\n");

        llmd__buf_str(&joined, joined.len && line ? " | " : "");
        llmd__buf_add(&joined, text, line);
        text += line;
    }
    if (!joined.data)
        return llmd__strdup("");
    llmd_error_free(llmd__buf_take(&joined, &out));
    llmd__buf_free(&joined);
    return out;
}
