/* SPDX-License-Identifier: Apache-2.0 */
/* What a token server answers. */
#ifndef LLMD_AUTH_TOKEN_ANSWER_H
#define LLMD_AUTH_TOKEN_ANSWER_H

#include "base/json.h"
#include "net/http.h"

/* Whether asking again may help. */
bool llmd__token_is_temporary(const struct http_reply *reply);
/* Its JSON after a 2xx, or what it says is wrong: OAuth's error with its description, or Google's.
   Its word is the error's reason. sent: the form, none of whose secrets gets into the error. */
llmd_error *llmd__token_answer(const struct http_reply *reply, const char *sent, struct json **out);

#endif
