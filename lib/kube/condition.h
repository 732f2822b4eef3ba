/* SPDX-License-Identifier: Apache-2.0 */
/* What a wait waits for, in kubectl's words, and whether an object is so. Pure. */
#ifndef LLMD_KUBE_CONDITION_H
#define LLMD_KUBE_CONDITION_H

#include "base/json.h"

enum condition_kind { CONDITION_STATUS, CONDITION_PATH, CONDITION_CREATE, CONDITION_DELETE };

struct condition {
    enum condition_kind kind;
    char *type;  /* STATUS: of the condition; PATH: the path */
    char *value; /* PATH: NULL means that any value will do */
};

/* "condition=Ready", "condition=Ready=False", "create", "delete", "jsonpath={.a.b}=x" or without
   "=x". Paths know .name, ['name'], [0], [*] and [?(@.key=="text")]. */
llmd_error *llmd__condition_parse(const char *text, struct condition *out);
/* Whether an object that exists is so. */
llmd_error *llmd__condition_met(const struct condition *condition, const struct json *object,
                                bool *met);
void llmd__condition_free(struct condition *condition);

#endif
