/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plain scalar means, by the rules of sigs.k8s.io/yaml: 0644 and 0o644 are octal, 0x and 0b
 * work, '_' may part digits, and a decimal number keeps its text. Pure.
 */
#ifndef LLMD_BASE_YAML_SCALAR_H
#define LLMD_BASE_YAML_SCALAR_H

#include "base/json.h"

/* Null, boolean, number or string. Refuses what JSON cannot hold (.inf, .nan), without position. */
llmd_error *llmd__yaml_scalar(const char *text, size_t len, struct json **out);

#endif
