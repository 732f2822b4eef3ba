/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tokens and back, the prefix cache, and the answers. Pure. */
#ifndef SANDBOX_TOKENS_H
#define SANDBOX_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_TOKENS 128
#define MAX_BLOCKS 4096

/* The length of the next token: a space with up to eight letters, one digit, or one byte. */
size_t token_length(const char *text);
int token_count(const char *text);

struct prefix_cache {
    uint64_t blocks[MAX_BLOCKS]; /* hashes of all that leads to a block's end */
    int next;                    /* the oldest is replaced */
    int count;
};

/* Tokens of the prompt that are cached, in whole blocks; never the whole prompt, as in vLLM. */
int cache_hits(const struct prefix_cache *cache, const char *prompt, const char *salt);
void cache_store(struct prefix_cache *cache, const char *prompt, const char *salt);

/* The answer to a prompt: its last words, then words that the prompt's hash picks. */
struct answer_plan {
    const char *echo; /* where the last words begin */
    int echoed;
    uint64_t seed;
    int length; /* tokens until it ends by itself */
};

struct answer_plan answer_plan(const char *prompt);
void answer_token(const struct answer_plan *plan, int i, char out[32]);

#endif
