/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_BASE_LOG_H
#define LLMD_BASE_LOG_H

#include "base/error.h"

#include <llmd/log.h>

bool llmd__log_on(const char *area); /* cheap: check before building a line */
void llmd__log(llmd_level level, const char *area, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
