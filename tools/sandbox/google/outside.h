/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_GOOGLE_OUTSIDE_H
#define SANDBOX_GOOGLE_OUTSIDE_H

#include "base/json.h"

/* Endpoint ("host:port"), CA (base64 of PEM) and bearer token of a kubeconfig's current context:
   {"endpoint","ca","token"}; NULL for NULL. Ends the program when the file is of no use. */
struct json *outside_read(const char *kubeconfig);

#endif
