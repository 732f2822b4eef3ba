/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of an answer into deltas, pure: bytes in, deltas out, no clock and no network. It knows
 * by the first byte whether events come or one JSON answer (a server that ignores "stream"), and at
 * the end whether the answer was whole.
 */
#ifndef LLMD_OPENAI_DECODER_H
#define LLMD_OPENAI_DECODER_H

#include "net/sse.h"
#include "openai/carry.h"
#include "openai/delta.h"

struct assembly;

enum body_form { BODY_UNKNOWN, BODY_EVENTS, BODY_WHOLE };

struct decoder {
    struct sse sse;
    enum body_form form;
    struct buf whole; /* BODY_WHOLE: all of it */
    bool done;        /* [DONE] was seen: nothing more counts */
    bool heard;       /* an event was seen */
    uint64_t open;    /* bit i: choice i has begun and not ended; from 63 on they share a bit */
    bool finished;    /* a finish_reason was seen */
    struct carry text_carry;
    struct carry reasoning_carry;
    struct deltas deltas;      /* decoded, not taken yet */
    struct assembly *assembly; /* collects the reply, or NULL */
};

/* An error ends the answer; deltas from before it are in the queue. */
llmd_error *llmd__decoder_feed(struct decoder *decoder, const char *bytes, size_t len);
/* The body has ended: NULL, or PROTOCOL when it ended too early. */
llmd_error *llmd__decoder_end(struct decoder *decoder);
/* Whether all that the answer promised has come: [DONE], or the end of every choice. */
bool llmd__decoder_complete(const struct decoder *decoder);
void llmd__decoder_free(struct decoder *decoder);

#endif
