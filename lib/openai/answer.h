/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_OPENAI_ANSWER_H
#define LLMD_OPENAI_ANSWER_H

#include "base/json.h"

/*
 * The JSON of a model server, forgiving where models are to blame: NUL tokens and half characters
 * become U+FFFD, which the strict JSON shell would refuse. Anything else that is no JSON is
 * PROTOCOL and shows its beginning. what: "the answer". text, when asked for, is what was parsed.
 */
llmd_error *llmd__answer_parse(const char *bytes, size_t len, const char *what, struct json **out,
                               struct buf *text);

#endif
