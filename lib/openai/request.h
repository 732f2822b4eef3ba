/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_OPENAI_REQUEST_H
#define LLMD_OPENAI_REQUEST_H

#include "base/json.h"

#include <llmd/inference.h>

/* The body with the overlay in it. stream: asks for a stream and its usage; otherwise what asks for
   a stream is taken out. INVALID with the first bad value, or when nothing is asked. */
llmd_error *llmd__request_body(const llmd_request *request, bool stream, struct json **out);
llmd_request_kind llmd__request_kind(const llmd_request *request);

#endif
