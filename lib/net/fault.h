/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl met, in words: the cause, and what to do about it. */
#ifndef LLMD_NET_FAULT_H
#define LLMD_NET_FAULT_H

#include "net/exchange.h"

/* The exchange ended with result != CURLE_OK. */
llmd_error *llmd__fault(const struct exchange *exchange, enum retry_class *class);
/* An option or a handle that libcurl refused. */
llmd_error *llmd__curl_error(CURLcode code, const char *what);
llmd_error *llmd__curlm_error(CURLMcode code);

#endif
