/* SPDX-License-Identifier: Apache-2.0 */
/* Lines out of pieces, pure: for watches and logs. */
#ifndef LLMD_NET_LINES_H
#define LLMD_NET_LINES_H

#include "base/buf.h"

struct lines {
    struct buf rest; /* rest.max caps a line */
    size_t taken;    /* consumed from the front of rest */
    size_t scanned;  /* no line end before this */
    size_t cut;      /* longer lines lose their end; 0: none does */
    size_t open;     /* with cut: what is kept of the line that has no end yet */
};

void llmd__lines_add(struct lines *lines, const char *bytes, size_t len);
/* The next whole line without its end (LF or CRLF), NUL-ended, valid until the next add; NULL: need
   more. A NUL inside a line stays: compare len. */
const char *llmd__lines_next(struct lines *lines, size_t *len);
/* What is left after the end of the input, once, or NULL. */
const char *llmd__lines_last(struct lines *lines, size_t *len);
llmd_error *llmd__lines_check(const struct lines *lines);
void llmd__lines_free(struct lines *lines);

#endif
