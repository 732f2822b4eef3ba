/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to JSON trees, the only door to libyaml. Core-schema scalars as sigs.k8s.io/yaml reads them
 * (true/false, null, integers, floats; yes/no/on/off are strings), merge keys, several documents,
 * duplicate keys refused, alias expansion, depth and size capped. Every value knows its line.
 * JSON is YAML: text that begins with { or [ goes the same way.
 */
#ifndef LLMD_BASE_YAML_H
#define LLMD_BASE_YAML_H

#include "base/json.h"

/* All documents as a JSON array; empty documents are left out. Errors: "WHAT:12: ...". */
llmd_error *llmd__yaml_parse_all(const char *text, const char *what, struct json **out);
/* Exactly one document, which must be a mapping. */
llmd_error *llmd__yaml_parse(const char *text, const char *what, struct json **out);

#endif
