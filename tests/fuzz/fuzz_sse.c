/* SPDX-License-Identifier: Apache-2.0 */
/* Events and lines are the same however the bytes are cut. The first byte says how. */
#include "net/lines.h"
#include "net/sse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_events(struct sse *sse, const char *bytes, size_t len, struct buf *seen)
{
    while (len) {
        const char *event;
        size_t event_len;
        size_t taken = llmd__sse_feed(sse, bytes, len, &event, &event_len);
        if (taken == 0 || taken > len)
            abort();
        bytes += taken;
        len -= taken;
        if (!event)
            continue;
        llmd__buf_format(seen, "%zu:", event_len);
        llmd__buf_add(seen, event, event_len);
    }
}

static void events(const char *bytes, size_t len, size_t step, struct buf *seen)
{
    struct sse sse = {0};

    for (size_t at = 0; at < len; at += step)
        feed_events(&sse, bytes + at, len - at < step ? len - at : step, seen);
    llmd__buf_char(seen, llmd__sse_clean(&sse) ? 'c' : 'd');
    llmd__sse_free(&sse);
}

static void drain(struct lines *lines, struct buf *seen)
{
    const char *line;
    size_t len;

    while ((line = llmd__lines_next(lines, &len)) != NULL) {
        llmd__buf_format(seen, "%zu:", len);
        llmd__buf_add(seen, line, len);
    }
}

static void all_lines(const char *bytes, size_t len, size_t step, struct buf *seen)
{
    struct lines lines = {0};
    size_t last_len;

    for (size_t at = 0; at < len; at += step) {
        llmd__lines_add(&lines, bytes + at, len - at < step ? len - at : step);
        drain(&lines, seen);
    }
    const char *last = llmd__lines_last(&lines, &last_len);
    if (last)
        llmd__buf_add(seen, last, last_len);
    llmd__lines_free(&lines);
}

static void same(void (*read)(const char *bytes, size_t len, size_t step, struct buf *seen),
                 const char *bytes, size_t len, size_t step)
{
    AUTO(buf) struct buf whole = BUF_INIT;
    AUTO(buf) struct buf cut = BUF_INIT;

    read(bytes, len, len + 1, &whole);
    read(bytes, len, step, &cut);
    if (whole.len != cut.len || (whole.len && memcmp(whole.data, cut.data, whole.len) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t step = 1 + data[0] % 16;
    same(events, (const char *)data + 1, size - 1, step);
    same(all_lines, (const char *)data + 1, size - 1, step);
    return 0;
}
