/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lines.h"

#include <string.h>

/* Moves what is unread to the front, but only when that is at most as long as what was read: the
   cost of moving stays below the cost of receiving. */
static void drop_taken(struct lines *lines)
{
    if (lines->taken < lines->rest.len - lines->taken)
        return;
    llmd__buf_consume(&lines->rest, lines->taken);
    lines->scanned -= lines->taken;
    lines->taken = 0;
}

static void add_cut(struct lines *lines, const char *bytes, size_t len)
{
    size_t room = lines->cut - lines->open;
    size_t kept = len < room ? len : room;

    llmd__buf_add(&lines->rest, bytes, kept);
    lines->open += kept;
}

void llmd__lines_add(struct lines *lines, const char *bytes, size_t len)
{
    if (lines->taken)
        drop_taken(lines);
    if (!lines->cut) {
        llmd__buf_add(&lines->rest, bytes, len);
        return;
    }
    for (const char *end; (end = memchr(bytes, '\n', len)) != NULL;) {
        size_t part = (size_t)(end - bytes);
        add_cut(lines, bytes, part);
        llmd__buf_char(&lines->rest, '\n');
        lines->open = 0;
        bytes += part + 1;
        len -= part + 1;
    }
    add_cut(lines, bytes, len);
}

static const char *take(struct lines *lines, size_t end, size_t next, size_t *len)
{
    char *line = lines->rest.data + lines->taken;

    *len = end - lines->taken;
    if (*len && line[*len - 1] == '\r')
        --*len;
    line[*len] = '\0';
    lines->taken = lines->scanned = next;
    return line;
}

const char *llmd__lines_next(struct lines *lines, size_t *len)
{
    struct buf *rest = &lines->rest;

    *len = 0;
    if (rest->failed || rest->too_large || lines->scanned >= rest->len)
        return NULL;
    char *end = memchr(rest->data + lines->scanned, '\n', rest->len - lines->scanned);
    if (!end) {
        lines->scanned = rest->len;
        return NULL;
    }
    size_t at = (size_t)(end - rest->data);
    return take(lines, at, at + 1, len);
}

const char *llmd__lines_last(struct lines *lines, size_t *len)
{
    *len = 0;
    if (lines->rest.failed || lines->rest.too_large || lines->taken >= lines->rest.len)
        return NULL;
    return take(lines, lines->rest.len, lines->rest.len, len);
}

llmd_error *llmd__lines_check(const struct lines *lines)
{
    return llmd__buf_check(&lines->rest);
}

void llmd__lines_free(struct lines *lines)
{
    llmd__buf_free(&lines->rest);
    lines->taken = lines->scanned = lines->open = 0;
}
