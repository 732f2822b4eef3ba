/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner must never differ from the JSON parser, nor read past the end.
 *
 *     clang -fsanitize=fuzzer,address ... tests/fuzz/fuzz_scan.c        libFuzzer
 *     fuzz_scan FILE...                                                 replays files
 *
 * Seeds: the lines of tests/unit/scan_corpus.jsonl.
 */
#include "scan_agree.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (scan_agree((const char *)data, size) == SCAN_DIFFERED) {
        fprintf(stderr, "scanner and parser differ on %.*s\n", (int)size, (const char *)data);
        abort();
    }
    return 0;
}
