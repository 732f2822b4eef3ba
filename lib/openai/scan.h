/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one event of a stream says, pure. llmd__scan() walks the text once and builds nothing: it
 * knows the usual chunk (one choice at most, plain text) and answers false for everything else,
 * which then goes through the JSON tree and llmd__chunk_read(). Both give the same chunk where both
 * can.
 */
#ifndef LLMD_OPENAI_SCAN_H
#define LLMD_OPENAI_SCAN_H

#include "base/json.h"

/* A piece of somebody else's text. */
struct slice {
    const char *at; /* NULL: absent or null */
    size_t len;
    bool escaped; /* still in JSON's escapes */
};

struct usage { /* -1: unknown */
    int64_t prompt_tokens;
    int64_t completion_tokens;
    int64_t cached_tokens;
};

struct chunk {
    bool has_choice;
    int index;
    struct slice text;      /* delta.content, message.content or text */
    struct slice reasoning; /* reasoning, or reasoning_content as older servers say */
    struct slice finish_reason;
    struct slice id;
    struct slice model;
    int64_t created; /* 0: unknown */
    struct usage usage;
};

#define CHUNK_INIT ((struct chunk){.usage = {-1, -1, -1}})

/* False: unusual or broken, ask the JSON parser. The slices point into json. */
bool llmd__scan(const char *json, size_t len, struct chunk *out);
/* The same from a tree; choice is one element of event's choices, or NULL. The slices point into
   the tree. */
void llmd__chunk_read(const struct json *event, const struct json *choice, struct chunk *out);
/* Writes the text without escapes, at most slice.len bytes, no NUL; returns how many. */
size_t llmd__slice_copy(struct slice slice, char *out);

/* Models do emit a NUL token, which no C string and no JSON tree of ours can hold: turns each
   escape \u0000 into \ufffd, in place. */
void llmd__scan_replace_nul(char *json, size_t len);

#endif
