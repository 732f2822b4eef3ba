/* SPDX-License-Identifier: Apache-2.0 */
/* The names in KServe's ConfigMap and in a container's resources: a slip in one would be taken for
   a wish that nobody reads. Pure. */
#ifndef LLMD_PLATFORM_CONFIG_KEYS_H
#define LLMD_PLATFORM_CONFIG_KEYS_H

#include "base/json.h"

/* Merge patches by the ConfigMap's keys. Without all_known only what is nearly a known name is
   refused: a release of which nothing is known may have more. */
llmd_error *llmd__config_keys_check(const struct json *config, bool all_known);
/* {limits, requests, claims}: names of resources and quantities; null takes one away. */
llmd_error *llmd__resources_check(const struct json *resources);

#endif
