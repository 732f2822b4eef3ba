/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growth doubles, so appending stays linear. A failure latches instead of being returned: a run of
 * appends needs one check at its end, and until then the buffer takes nothing more, so what is
 * there is never a text with a hole in it.
 */
#include "base/buf.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* Most texts of the library (paths, messages, small bodies) fit without growing twice. */
#define FIRST_CAP 64

static bool broken(const struct buf *buf)
{
    return buf->failed || buf->too_large;
}

/* Doubling would overflow only for texts that no machine holds; then just what is needed. */
static size_t next_cap(const struct buf *buf, size_t need)
{
    size_t cap = buf->cap ? buf->cap : FIRST_CAP;

    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    return cap;
}

/* realloc would leave the beginning of a secret behind. */
static char *grown(struct buf *buf, size_t cap)
{
    if (!buf->secret)
        return llmd__realloc(buf->data, cap);
    char *data = llmd__malloc(cap);
    if (!data || !buf->data)
        return data;
    memcpy(data, buf->data, buf->len + 1);
    llmd__wipe(buf->data, buf->cap);
    llmd__free(buf->data);
    return data;
}

/* Makes room for len more bytes and the NUL. */
static bool reserve(struct buf *buf, size_t len)
{
    if (broken(buf))
        return false;
    if (len >= SIZE_MAX - buf->len || (buf->max && buf->len + len > buf->max)) {
        buf->too_large = true;
        return false;
    }
    size_t need = buf->len + len + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = next_cap(buf, need);
    char *data = grown(buf, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void llmd__buf_add(struct buf *buf, const void *data, size_t len)
{
    if (len == 0 || !reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void llmd__buf_str(struct buf *buf, const char *text)
{
    if (text)
        llmd__buf_add(buf, text, strlen(text));
}

void llmd__buf_char(struct buf *buf, char c)
{
    llmd__buf_add(buf, &c, 1);
}

/* Twice over the arguments: first the length, then the text at its place. */
void llmd__buf_vformat(struct buf *buf, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) {
        buf->failed = true;
        return;
    }
    if (!reserve(buf, (size_t)len))
        return;
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    buf->len += (size_t)len;
}

void llmd__buf_format(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    llmd__buf_vformat(buf, format, args);
    va_end(args);
}

static void add_escape(struct buf *buf, unsigned char c)
{
    static const char short_form[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                      ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    if (c < sizeof(short_form) && short_form[c])
        llmd__buf_add(buf, (char[]){'\\', short_form[c]}, 2);
    else
        llmd__buf_format(buf, "\\u%04x", c);
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == 0x7F;
}

/* Bytes that can be copied as they are: up to the next escape or the next bad UTF-8. */
static size_t plain_run(const char *text, size_t len)
{
    size_t run = 0;

    while (run < len && !needs_escape((unsigned char)text[run])) {
        size_t step = llmd__utf8_char(text + run, len - run);
        if (step == 0)
            break;
        run += step;
    }
    return run;
}

/* Text may be anything (a container's log), JSON is UTF-8 only: bad bytes become U+FFFD. */
void llmd__buf_json(struct buf *buf, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    llmd__buf_char(buf, '"');
    while (len > 0 && !broken(buf)) {
        size_t run = plain_run(text, len);
        llmd__buf_add(buf, text, run);
        text += run;
        len -= run;
        if (len == 0)
            break;
        if (needs_escape((unsigned char)*text))
            add_escape(buf, (unsigned char)*text);
        else
            llmd__buf_str(buf, "\xEF\xBF\xBD");
        text++;
        len--;
    }
    llmd__buf_char(buf, '"');
}

void llmd__buf_consume(struct buf *buf, size_t len)
{
    if (len == 0 || !buf->data)
        return;
    if (len > buf->len)
        len = buf->len;
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

void llmd__buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    buf->too_large = false;
    if (buf->data)
        buf->data[0] = '\0';
}

void llmd__buf_free(struct buf *buf)
{
    if (buf->secret)
        llmd__wipe(buf->data, buf->cap);
    llmd__free(buf->data);
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
}

const char *llmd__buf_text(const struct buf *buf)
{
    return buf->data && !broken(buf) ? buf->data : "";
}

llmd_error *llmd__buf_check(const struct buf *buf)
{
    if (buf->failed)
        return NO_MEMORY;
    if (buf->too_large)
        return llmd__error(LLMD_E_TOO_LARGE, "more than %zu bytes", buf->max);
    return NULL;
}

llmd_error *llmd__buf_take(struct buf *buf, char **out)
{
    *out = NULL;
    if (!buf->data)
        reserve(buf, 0); /* an empty text is a text */
    TRY(llmd__buf_check(buf));
    buf->data[buf->len] = '\0';
    *out = TAKE(buf->data);
    llmd__buf_free(buf);
    return NULL;
}

char *llmd__format(const char *format, ...)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    va_list args;

    va_start(args, format);
    llmd__buf_vformat(&buf, format, args);
    va_end(args);
    return buf.failed ? NULL : TAKE(buf.data);
}
