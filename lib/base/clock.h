/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_BASE_CLOCK_H
#define LLMD_BASE_CLOCK_H

#include "base/error.h"

int64_t llmd__clock_mono_ms(void); /* monotonic */
int64_t llmd__clock_mono_us(void);
int64_t llmd__clock_wall_ms(void); /* since 1970, UTC */
/* RFC 3339 ("2026-11-24T10:00:00Z", fractions, offsets) to ms since 1970; false: not one. */
bool llmd__clock_parse(const char *text, int64_t *wall_ms);
void llmd__clock_format(int64_t wall_ms, char out[32]); /* "2026-11-24T10:00:00.123Z" */
/* HTTP-date (RFC 9110 5.6.7, all three forms); false: not one. */
bool llmd__clock_parse_http(const char *text, int64_t *wall_ms);

#endif
