/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events, pure: bytes in, data fields out. CR, LF and CRLF, comments, several data
 * lines, split anywhere (also inside a UTF-8 character), a BOM, a size cap.
 */
#ifndef LLMD_NET_SSE_H
#define LLMD_NET_SSE_H

#include "base/buf.h"

struct sse {
    struct buf line;
    struct buf data;
    bool has_data;
    bool complete; /* data was handed out: the next feed drops it */
    bool last_was_cr;
    bool begun;
};

/* Zero-initialise. Consumes bytes up to the end of the next event. Returns how many bytes were
   consumed; *event is the event's data (valid until the next call) or NULL when more bytes are
   needed. */
size_t llmd__sse_feed(struct sse *sse, const char *bytes, size_t len, const char **event,
                      size_t *event_len);
llmd_error *llmd__sse_check(
    const struct sse *sse);                  /* NO_MEMORY, TOO_LARGE (an event over 16 MiB) */
bool llmd__sse_clean(const struct sse *sse); /* at a boundary: nothing half-read */
void llmd__sse_free(struct sse *sse);

#endif
