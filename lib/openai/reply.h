/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_OPENAI_REPLY_H
#define LLMD_OPENAI_REPLY_H

#include "base/json.h"

#include <llmd/inference.h>

/* When it happened, monotonic microseconds; 0 unknown. */
struct reply_times {
    int64_t sent_us;
    int64_t first_us;
    int64_t end_us;
};

/* The snapshot of an answer: tree is its JSON, text the same as it came (NULL: printed). PROTOCOL
   when it has no choices. */
llmd_error *llmd__reply_new(const struct json *tree, const char *text,
                            const struct reply_times *times, llmd_reply **out);

#endif
