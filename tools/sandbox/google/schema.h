/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are a body's fields those of the API? The tables (schema_*.c) go as deep as libllmd and the
 * control clients send; what is deeper is taken as it is here, and held against Google's whole
 * schema by tests/google. Pure.
 */
#ifndef SANDBOX_GOOGLE_SCHEMA_H
#define SANDBOX_GOOGLE_SCHEMA_H

#include "base/json.h"

/*
 * fields: "name:s labels:m nodePools:[@NodePool effect:e(Effect,NO_SCHEDULE,NO_EXECUTE)"
 *   s string  b bool  i int32  l int64  n number  d duration  m map of strings  * any value
 *   @X message X  e(Type,VALUE,...) enum  [ before it: repeated
 */
struct message {
    const char *name;
    const char *fields;
};

struct schema {
    const char *package; /* "google.container.v1", for the names of enums */
    const struct message *messages;
    size_t count;
    bool camel; /* discovery style: paths as they were sent (Compute), else as proto fields */
};

extern const struct schema container_schema;
extern const struct schema compute_schema;

struct violations {
    struct buf text;      /* lines of the message */
    struct json *entries; /* BadRequest.fieldViolations; NULL: none */
};

/* Adds what is wrong; true when nothing is. */
bool schema_check(const struct schema *schema, const char *message, const struct json *json,
                  struct violations *out);
void violations_free(struct violations *violations);

#endif
