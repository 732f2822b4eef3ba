/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster's object lacks of what a bundle says. Pure.
 *
 * Only what the bundle says counts: more in the cluster is the server's defaults, or the work of
 * controllers and people beside it, which an apply would leave alone too. Nor do count
 *  - the count of replicas, which autoscalers and people set, and every `caBundle`, which
 *    cert-manager's injector writes;
 *  - metadata but labels and annotations, and the two labels that say whose it is;
 *  - the same quantity in other words ("1000m", "1"), and nothing in place of an empty value, which
 *    the server does not keep.
 */
#ifndef LLMD_PLATFORM_COMPARE_H
#define LLMD_PLATFORM_COMPARE_H

#include "base/json.h"

/* Adds to `fields`, an array, the path of each field that differs, as the API server writes paths:
   .spec.template.spec.containers[name="manager"].image */
llmd_error *llmd__compare(const struct json *wanted, const struct json *found, struct json *fields);

#endif
