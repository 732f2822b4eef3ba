/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing text. Failures latch: append as much as you like, then check once. The data always
 * ends with a NUL that is not counted.
 */
#ifndef LLMD_BASE_BUF_H
#define LLMD_BASE_BUF_H

#include "base/error.h"

struct buf {
    char *data; /* NULL while empty */
    size_t len;
    size_t cap;
    size_t max;  /* 0: no cap; past it `too_large` latches */
    bool failed; /* out of memory */
    bool too_large;
    bool secret; /* overwritten wherever memory is given back, also where the text outgrew it */
};

#define BUF_INIT ((struct buf){0})
#define BUF_SECRET ((struct buf){.secret = true})

void llmd__buf_add(struct buf *buf, const void *data, size_t len);
void llmd__buf_str(struct buf *buf, const char *text); /* NULL adds nothing */
void llmd__buf_char(struct buf *buf, char c);
void llmd__buf_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void llmd__buf_vformat(struct buf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
void llmd__buf_json(struct buf *buf, const char *text); /* as a quoted JSON string */
void llmd__buf_consume(struct buf *buf, size_t len);    /* drops from the front */
void llmd__buf_reset(struct buf *buf);                  /* empty, keeps the memory */
void llmd__buf_free(struct buf *buf);
const char *llmd__buf_text(const struct buf *buf);       /* "" while empty or failed */
llmd_error *llmd__buf_check(const struct buf *buf);      /* NO_MEMORY or TOO_LARGE */
llmd_error *llmd__buf_take(struct buf *buf, char **out); /* check, then hand over the text */
/* printf into fresh memory; NULL without memory. */
char *llmd__format(const char *format, ...) PRINTF_LIKE(1, 2);

static inline void llmd__auto_buf(struct buf *buf)
{
    llmd__buf_free(buf);
}

#endif
