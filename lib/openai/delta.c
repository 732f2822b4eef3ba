/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delta is one block: a stream makes one a token, so a second allocation or a second free would
 * be felt. The texts stand behind the struct, unescaped on their way in.
 */
#include "openai/delta.h"

#include <string.h>

/* Writes one text and its NUL into the block; returns where the next one goes. */
static char *put(char *at, struct slice slice, const char **member)
{
    *member = at;
    at += llmd__slice_copy(slice, at);
    *at++ = '\0';
    return at;
}

llmd_error *llmd__delta_new(const struct chunk *chunk, const char *json, size_t json_len,
                            llmd_delta **out)
{
    struct slice whole = {.at = json, .len = json_len};
    size_t texts = chunk->text.len + chunk->reasoning.len + chunk->finish_reason.len + json_len + 4;
    llmd_delta *delta = llmd__malloc(sizeof *delta + texts);
    *out = NULL;
    CHECK_MEMORY(delta);
    *delta = (llmd_delta){.index = chunk->index};
    char *at = (char *)(delta + 1);
    at = put(at, chunk->text, &delta->text);
    at = put(at, chunk->reasoning, &delta->reasoning);
    at = put(at, chunk->finish_reason, &delta->finish_reason);
    put(at, whole, &delta->json);
    *out = delta;
    return NULL;
}

void llmd__deltas_add(struct deltas *deltas, llmd_delta *delta)
{
    delta->next = NULL;
    if (deltas->last)
        deltas->last->next = delta;
    else
        deltas->first = delta;
    deltas->last = delta;
}

llmd_delta *llmd__deltas_take(struct deltas *deltas)
{
    llmd_delta *delta = deltas->first;
    if (!delta)
        return NULL;
    deltas->first = delta->next;
    if (!deltas->first)
        deltas->last = NULL;
    delta->next = NULL;
    return delta;
}

void llmd__deltas_free(struct deltas *deltas)
{
    for (llmd_delta *delta; (delta = llmd__deltas_take(deltas));)
        llmd_delta_free(delta);
}

const char *llmd_delta_text(const llmd_delta *delta)
{
    return delta ? delta->text : "";
}

const char *llmd_delta_reasoning(const llmd_delta *delta)
{
    return delta ? delta->reasoning : "";
}

int llmd_delta_index(const llmd_delta *delta)
{
    return delta ? delta->index : 0;
}

const char *llmd_delta_finish_reason(const llmd_delta *delta)
{
    return delta ? delta->finish_reason : "";
}

const char *llmd_delta_json(const llmd_delta *delta)
{
    return delta ? delta->json : "";
}

uint64_t llmd_delta_tag(const llmd_delta *delta)
{
    return delta ? delta->tag : 0;
}

bool llmd_delta_last(const llmd_delta *delta)
{
    return delta && delta->last;
}

const llmd_error *llmd_delta_error(const llmd_delta *delta)
{
    return delta ? delta->error : NULL;
}

void llmd_delta_free(llmd_delta *delta)
{
    if (!delta)
        return;
    llmd_error_free(delta->error);
    llmd__free(delta);
}
