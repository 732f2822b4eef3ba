/* SPDX-License-Identifier: Apache-2.0 */
/* Names that Kubernetes would refuse are refused here first, in the same words. Pure. */
#ifndef LLMD_BASE_NAME_H
#define LLMD_BASE_NAME_H

#include "base/error.h"

/* RFC 1123 label: lower case alphanumerics and '-', at most 63. */
llmd_error *llmd__name_check_label(const char *what, const char *name);
/* RFC 1123 subdomain: labels with dots, at most 253. */
llmd_error *llmd__name_check_subdomain(const char *what, const char *name);
/* What stands in a path as an object's name, whatever its kind allows: empty would mean all objects
   of the kind, and ".." what is above them. */
llmd_error *llmd__name_check_object(const char *what, const char *name);
/* Environment variable name as Kubernetes takes it. */
llmd_error *llmd__name_check_env(const char *name);

#endif
