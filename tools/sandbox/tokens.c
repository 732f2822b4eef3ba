/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/tokens.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

size_t token_length(const char *text)
{
    size_t start = text[0] == ' ' && is_letter(text[1]) ? 1 : 0;
    size_t len = start;
    while (len < start + 8 && is_letter(text[len]))
        len++;
    /* Never end inside a character. */
    while (len > start && ((unsigned char)text[len] & 0xc0) == 0x80)
        len++;
    return len > start ? len : *text != '\0';
}

int token_count(const char *text)
{
    int count = 0;
    for (size_t len; (len = token_length(text)) > 0; text += len)
        count++;
    return count;
}

static uint64_t hash_bytes(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)data[i]) * 1099511628211u;
    return hash;
}

static bool is_cached(const struct prefix_cache *cache, uint64_t hash)
{
    for (int i = 0; i < cache->count; i++)
        if (cache->blocks[i] == hash)
            return true;
    return false;
}

static uint64_t first_hash(const char *salt)
{
    return hash_bytes(14695981039346656037u, salt, strlen(salt));
}

int cache_hits(const struct prefix_cache *cache, const char *prompt, const char *salt)
{
    uint64_t hash = first_hash(salt);
    int tokens = 0;
    int hits = 0;
    for (size_t len; (len = token_length(prompt)) > 0; prompt += len) {
        /* The last token is always computed, so a block that ends the prompt does not count. */
        if (tokens > 0 && tokens % BLOCK_TOKENS == 0) {
            if (!is_cached(cache, hash))
                return hits;
            hits = tokens;
        }
        hash = hash_bytes(hash, prompt, len);
        tokens++;
    }
    return hits;
}

static void store_block(struct prefix_cache *cache, uint64_t hash)
{
    if (is_cached(cache, hash))
        return;
    cache->blocks[cache->next] = hash;
    cache->next = (cache->next + 1) % MAX_BLOCKS;
    if (cache->count < MAX_BLOCKS)
        cache->count++;
}

void cache_store(struct prefix_cache *cache, const char *prompt, const char *salt)
{
    uint64_t hash = first_hash(salt);
    int tokens = 0;
    for (size_t len; (len = token_length(prompt)) > 0; prompt += len) {
        hash = hash_bytes(hash, prompt, len);
        if (++tokens % BLOCK_TOKENS == 0)
            store_block(cache, hash);
    }
}

static const char *const opening[] = {"You", " asked", ": "};
static const char *const words[] = {
    " the",     " answer",       " is",          " simple", ",",       " as",
    " a",       " caf\xc3\xa9",  " at",          " dawn",   " smells", " of",
    " coffee",  " and",          " rain",        ".",       " A",      " small",
    " machine", " counts",       " its",         " tokens", " one",    " by",
    " one",     " \xe2\x80\x94", " and",         " never",  " loses",  " any",
    ".",        " Ready",        " \xe2\x9c\x93"};

struct answer_plan answer_plan(const char *prompt)
{
    int count = token_count(prompt);
    struct answer_plan plan = {.echo = prompt,
                               .echoed = count < 6 ? count : 6,
                               .seed = hash_bytes(first_hash("answer"), prompt, strlen(prompt))};
    for (int skip = count - plan.echoed; skip > 0; skip--)
        plan.echo += token_length(plan.echo);
    plan.length = 24 + (int)(plan.seed % 17);
    return plan;
}

/* The last words of the prompt come back, so that one sees it was read. */
static void echo_token(const struct answer_plan *plan, int i, char out[32])
{
    const char *at = plan->echo;
    while (i-- > 0)
        at += token_length(at);
    snprintf(out, 32, "%.*s", (int)token_length(at), at);
    if (*out == '\n')
        *out = ' ';
}

void answer_token(const struct answer_plan *plan, int i, char out[32])
{
    if (i < 3)
        snprintf(out, 32, "%s", opening[i]);
    else if (i < 3 + plan->echoed)
        echo_token(plan, i - 3, out);
    else if (i == 3 + plan->echoed)
        snprintf(out, 32, ".");
    else
        snprintf(out, 32, "%s",
                 words[(plan->seed + (uint64_t)i) % (sizeof(words) / sizeof(words[0]))]);
}
