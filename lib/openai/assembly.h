/* SPDX-License-Identifier: Apache-2.0 */
/* The deltas of a stream put together again. */
#ifndef LLMD_OPENAI_ASSEMBLY_H
#define LLMD_OPENAI_ASSEMBLY_H

#include "openai/delta.h"

struct part;

struct assembly {
    bool chat;
    char *id;
    char *model;
    int64_t created;
    struct usage usage;
    struct part *parts; /* one a choice, by index */
    size_t count;
    int64_t now_us;        /* set by the owner before bytes are decoded; 0 unknown */
    int64_t first_text_us; /* when the first delta with text or reasoning came */
};

#define ASSEMBLY_INIT ((struct assembly){.usage = {-1, -1, -1}})

/* choice: the tree of an unusual event, for its tool calls; or NULL. */
llmd_error *llmd__assembly_add(struct assembly *assembly, const struct chunk *chunk,
                               const struct json *choice, const llmd_delta *delta);
/* As the plain call would have answered; log probabilities and unknown members are not kept. */
llmd_error *llmd__assembly_json(const struct assembly *assembly, struct json **out);
void llmd__assembly_free(struct assembly *assembly);

#endif
