/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_GOOGLE_SERVICES_H
#define SANDBOX_GOOGLE_SERVICES_H

#include "sandbox/google/call.h"

struct json *services_initial(void);

#endif
