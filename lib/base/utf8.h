/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. Pure. */
#ifndef LLMD_BASE_UTF8_H
#define LLMD_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that text begins with, or 0 if it is not one. len > 0. */
size_t llmd__utf8_char(const char *text, size_t len);
bool llmd__utf8_valid(const char *text, size_t len);

#endif
