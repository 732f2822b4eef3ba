/* SPDX-License-Identifier: Apache-2.0 */
/* Ways in which a server can fail, by name. */
#ifndef SANDBOX_FAULT_H
#define SANDBOX_FAULT_H

#include "sandbox/httpd.h"

enum fault {
    FAULT_NONE,
    /* These answer by themselves. */
    FAULT_RESET,               /* RST before the first byte */
    FAULT_CLOSE,               /* closed before the first byte */
    FAULT_STALL,               /* nothing is ever sent */
    FAULT_CLOSE_AFTER_HEADERS, /* promises 1000 bytes, sends none */
    FAULT_STALL_AFTER_HEADERS,
    FAULT_429,          /* number: Retry-After in seconds; 0: none */
    FAULT_429_DATE,     /* number: seconds from now, as HTTP-date */
    FAULT_STATUS,       /* number: the status, with an empty text body */
    FAULT_HUGE,         /* number: MiB of one JSON string */
    FAULT_HUGE_CHUNKED, /* the same without a length */
    FAULT_BAD_STATUS_LINE,
    FAULT_BAD_HEADER,  /* a header line without a colon */
    FAULT_BAD_LENGTH,  /* Content-Length: banana */
    FAULT_BAD_CHUNK,   /* a chunk size that is no number */
    FAULT_SHORT_CHUNK, /* a chunk shorter than its size, then closed */
    FAULT_BAD_JSON,    /* 200 with half an object */
    FAULT_NOT_HTTP,    /* the banner of another protocol */
    /* These change what the handler answers afterwards. */
    FAULT_RESET_MID, /* number: after so many bytes of body */
    FAULT_CLOSE_MID,
    FAULT_STALL_MID,
    FAULT_CUT_UTF8,   /* closed inside the first non-ASCII character */
    FAULT_STALL_UTF8, /* stalled there */
    FAULT_DRIP        /* number: ms per byte */
};

/* True: the fault answered, the handler must not. */
bool reply_fault(struct conn *conn, enum fault fault, int number);
enum fault fault_by_name(const char *name); /* "reset", "429", ...; FAULT_NONE if unknown */

#endif
