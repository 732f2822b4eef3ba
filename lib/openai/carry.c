/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte-level tokenizers cut characters. Engines hold the halves back or send U+FFFD, some send the
 * half; a text with half a character in it would raise in Python and break JSON in a log.
 */
#include "openai/carry.h"

#include "base/utf8.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* Whether more bytes could make a character of these: a lead byte that wants more than there are,
   and nothing but continuation bytes behind it. */
static bool unfinished(const char *text, size_t len)
{
    unsigned char lead = (unsigned char)text[0];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || len >= wanted)
        return false;
    for (size_t i = 1; i < len; i++)
        if ((text[i] & 0xC0) != 0x80)
            return false;
    return true;
}

static void repair(struct carry *carry, const char *text, size_t len, bool last, struct buf *out)
{
    while (len) {
        size_t step = llmd__utf8_char(text, len);
        if (!step && !last && unfinished(text, len)) {
            memcpy(carry->bytes, text, len);
            carry->len = (unsigned)len;
            return;
        }
        if (step)
            llmd__buf_add(out, text, step);
        else
            llmd__buf_str(out, REPLACEMENT);
        step += !step;
        text += step;
        len -= step;
    }
}

void llmd__carry_repair(struct carry *carry, const char *text, size_t len, bool last,
                        struct buf *out)
{
    AUTO(buf) struct buf joined = BUF_INIT;
    llmd__buf_add(&joined, carry->bytes, carry->len);
    llmd__buf_add(&joined, text, len);
    carry->len = 0;
    if (joined.failed)
        out->failed = true;
    else if (joined.len)
        repair(carry, joined.data, joined.len, last, out);
}
