/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token may be half a character, and a server may send it so. Text that we hand out is whole
 * characters: an unfinished one at the end of a delta is carried to the next delta, bytes that are
 * no UTF-8 become U+FFFD. Pure.
 */
#ifndef LLMD_OPENAI_CARRY_H
#define LLMD_OPENAI_CARRY_H

#include "base/buf.h"

struct carry {
    char bytes[4];
    unsigned len;
    int index; /* the choice that it belongs to */
};

/* Adds carry and text to out, repaired; carries an unfinished end, unless last. */
void llmd__carry_repair(struct carry *carry, const char *text, size_t len, bool last,
                        struct buf *out);

#endif
