/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_BASE_BASE64_H
#define LLMD_BASE_BASE64_H

#include "base/buf.h"

/* Standard alphabet; white space is skipped; url=true: RFC 4648 5, without padding. */
llmd_error *llmd__base64_decode(const char *text, const char *what, struct buf *out);
void llmd__base64_encode(const void *data, size_t len, bool url, struct buf *out);

#endif
