/* SPDX-License-Identifier: Apache-2.0 */
/* Which line of a log is worth telling. Pure. */
#ifndef LLMD_FINDINGS_LINES_H
#define LLMD_FINDINGS_LINES_H

#include "base/buf.h"

/* Whether the text holds one of the |-separated words, in any case. */
bool llmd__has_any(const char *text, const char *words);
/* The last line with one of the words (NULL: none wanted), else the last with "error" in it, else
   the last that is not empty. A line in JSON becomes its msg and error. NULL without memory. */
char *llmd__telling_line(const char *text, const char *words);
/* The last lines as one, joined by " | ", at most max bytes of them. NULL without memory. */
char *llmd__last_lines(const char *text, size_t max);

#endif
