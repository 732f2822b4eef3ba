/* SPDX-License-Identifier: Apache-2.0 */
/* Holds the scanner against the JSON parser: for the unit test and the fuzzer. */
#ifndef TESTS_FUZZ_SCAN_AGREE_H
#define TESTS_FUZZ_SCAN_AGREE_H

#include "base/utf8.h"
#include "openai/scan.h"

#include <stdlib.h>
#include <string.h>

enum scan_agreement { SCAN_PASSED_ON, SCAN_AGREED, SCAN_DIFFERED };

static bool same_slice(struct slice scanned, struct slice read)
{
    if (!scanned.at || !read.at)
        return scanned.at == read.at;
    char *text = malloc(scanned.len + 1);
    size_t len = llmd__slice_copy(scanned, text);
    bool same = len == read.len && memcmp(text, read.at, len) == 0;
    free(text);
    return same;
}

static bool same_chunk(const struct chunk *a, const struct chunk *b)
{
    return a->has_choice == b->has_choice && a->index == b->index && a->created == b->created &&
           same_slice(a->text, b->text) && same_slice(a->reasoning, b->reasoning) &&
           same_slice(a->finish_reason, b->finish_reason) && same_slice(a->id, b->id) &&
           same_slice(a->model, b->model) && memcmp(&a->usage, &b->usage, sizeof a->usage) == 0;
}

/* What only the parser looks for: doubles among members that a chunk is not about, and bytes that
   are no UTF-8 (the scanner leaves those to the carry). */
static bool may_refuse(const llmd_error *error, const char *json, size_t len)
{
    return strstr(llmd_error_message(error), "twice") || !llmd__utf8_valid(json, len);
}

static inline enum scan_agreement scan_agree(const char *json, size_t len)
{
    struct json *tree = NULL;
    struct chunk scanned, read;
    if (!llmd__scan(json, len, &scanned))
        return SCAN_PASSED_ON;
    llmd_error *error = llmd__json_parse(json, len, "chunk", &tree);
    bool same = error && may_refuse(error, json, len);
    if (!error) {
        const struct json *choices = llmd__json_member(tree, "choices");
        llmd__chunk_read(tree, llmd__json_first(choices), &read);
        same = same_chunk(&scanned, &read) && llmd__json_count(choices) <= 1;
    }
    llmd_error_free(error);
    llmd__json_free(tree);
    return same ? SCAN_AGREED : SCAN_DIFFERED;
}

#endif
