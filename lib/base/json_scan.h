/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds a text against the JSON grammar (RFC 8259) before cJSON sees it. cJSON takes too much
 * (0123, bytes that are not UTF-8, NUL inside strings, which it cuts) and says NULL for bad text
 * as well as for no memory; after this scan NULL means no memory. Pure.
 */
#ifndef LLMD_BASE_JSON_SCAN_H
#define LLMD_BASE_JSON_SCAN_H

#include "base/error.h"

/* Schemas of custom resources reach about 60 levels. */
#define LLMD__JSON_MAX_DEPTH 256
/* cJSON copies a number into 64 bytes and fails on longer ones. */
#define LLMD__JSON_MAX_NUMBER 60
#define LLMD__JSON_MAX_BYTES ((size_t)256 << 20)

/* Errors: "WHAT:3:14: ..." (line and byte in the line). */
llmd_error *llmd__json_scan(const char *text, size_t len, const char *what);
/* Bytes of the JSON number that text begins with, 0 if it is none. */
size_t llmd__json_scan_number(const char *text, size_t len);

#endif
