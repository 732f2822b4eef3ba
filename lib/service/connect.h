/* SPDX-License-Identifier: Apache-2.0 */
/* Where a service answers. Pure but for llmd_service_connect(). */
#ifndef LLMD_SERVICE_CONNECT_H
#define LLMD_SERVICE_CONNECT_H

#include "base/json.h"

/* From status.url or status.addresses, else from the Gateway's address and the
   route's path; *out stays NULL when there is no address yet. gateway may be
   NULL. */
llmd_error *llmd__service_address(const struct json *service, const struct json *gateway,
                                  char **out);
/* The name clients use in "model". */
const char *llmd__service_model(const struct json *service);

#endif
