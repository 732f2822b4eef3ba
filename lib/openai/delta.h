/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_OPENAI_DELTA_H
#define LLMD_OPENAI_DELTA_H

#include "openai/scan.h"

#include <llmd/inference.h>

/* One block: the texts stand behind the struct. */
struct llmd_delta {
    struct llmd_delta *next; /* in a queue */
    uint64_t tag;
    bool last;
    int index;
    llmd_error *error;
    const char *text;
    const char *reasoning;
    const char *finish_reason;
    const char *json;
};

/* In order of arrival; one thread. */
struct deltas {
    struct llmd_delta *first;
    struct llmd_delta *last;
};

llmd_error *llmd__delta_new(const struct chunk *chunk, const char *json, size_t json_len,
                            llmd_delta **out);
void llmd__deltas_add(struct deltas *deltas, llmd_delta *delta);
llmd_delta *llmd__deltas_take(struct deltas *deltas); /* NULL: empty */
void llmd__deltas_free(struct deltas *deltas);

#endif
