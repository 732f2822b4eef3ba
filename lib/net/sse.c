/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event stream format of the HTML standard, section 9.2. Bytes are joined before anything looks
 * at them, so a character that is split over pieces is whole again in its event.
 *
 * Lines that end inside one piece are read where they are; only a line that is split over pieces is
 * copied to `line` first.
 */
#include "net/sse.h"

#include <string.h>

#define MAX_EVENT ((size_t)16 << 20)

static const char bom[3] = {'\xef', '\xbb', '\xbf'};

static size_t line_end(const char *bytes, size_t len)
{
    const char *lf = memchr(bytes, '\n', len);
    size_t end = lf ? (size_t)(lf - bytes) : len;
    const char *cr = memchr(bytes, '\r', end);

    return cr ? (size_t)(cr - bytes) : end;
}

static void add_data(struct sse *sse, const char *value, size_t len)
{
    if (sse->has_data)
        llmd__buf_char(&sse->data, '\n');
    sse->has_data = true;
    llmd__buf_add(&sse->data, value, len);
}

/* One whole line. Returns true at the blank line that ends an event with data. */
static bool take_line(struct sse *sse, const char *line, size_t len)
{
    if (!sse->begun) {
        sse->begun = true;
        if (len >= sizeof bom && memcmp(line, bom, sizeof bom) == 0) {
            line += sizeof bom;
            len -= sizeof bom;
        }
    }
    if (len == 0)
        return sse->has_data;
    /* Comments, and fields that no model server gives a meaning: event, id, retry. */
    if (len < 4 || memcmp(line, "data", 4) != 0)
        return false;
    if (len == 4)
        add_data(sse, "", 0);
    else if (line[4] == ':')
        add_data(sse, line + 5 + (len > 5 && line[5] == ' '),
                 len - 5 - (len > 5 && line[5] == ' '));
    return false;
}

/* The line that ends at bytes[end], with what earlier pieces began. */
static bool finish_line(struct sse *sse, const char *bytes, size_t end)
{
    if (sse->line.len == 0)
        return take_line(sse, bytes, end);
    llmd__buf_add(&sse->line, bytes, end);
    if (sse->line.failed || sse->line.too_large)
        return false; /* stays latched: llmd__sse_check() tells */
    bool complete = take_line(sse, llmd__buf_text(&sse->line), sse->line.len);
    llmd__buf_reset(&sse->line);
    return complete;
}

static void begin(struct sse *sse)
{
    sse->line.max = sse->data.max = MAX_EVENT;
    if (sse->complete) {
        sse->complete = false;
        sse->has_data = false;
        llmd__buf_reset(&sse->data);
    }
}

size_t llmd__sse_feed(struct sse *sse, const char *bytes, size_t len, const char **event,
                      size_t *event_len)
{
    size_t at = 0;

    *event = NULL;
    *event_len = 0;
    begin(sse);
    while (at < len) {
        /* The LF of a CRLF, whose CR ended the line already, maybe in an earlier piece. */
        if (sse->last_was_cr) {
            sse->last_was_cr = false;
            if (bytes[at] == '\n') {
                at++;
                continue;
            }
        }
        size_t end = line_end(bytes + at, len - at);
        if (at + end == len) {
            llmd__buf_add(&sse->line, bytes + at, end);
            return len;
        }
        sse->last_was_cr = bytes[at + end] == '\r';
        bool complete = finish_line(sse, bytes + at, end);
        at += end + 1;
        if (complete) {
            sse->complete = true;
            *event = llmd__buf_text(&sse->data);
            *event_len = sse->data.len;
            return at;
        }
    }
    return at;
}

llmd_error *llmd__sse_check(const struct sse *sse)
{
    TRY(llmd__buf_check(&sse->line));
    return llmd__buf_check(&sse->data);
}

bool llmd__sse_clean(const struct sse *sse)
{
    return sse->line.len == 0 && (!sse->has_data || sse->complete);
}

void llmd__sse_free(struct sse *sse)
{
    llmd__buf_free(&sse->line);
    llmd__buf_free(&sse->data);
    *sse = (struct sse){0};
}
