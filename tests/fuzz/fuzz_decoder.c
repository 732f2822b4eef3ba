/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of an answer in pieces: the first byte says how long a piece is. The pieces must not
 * matter: the text of all deltas and the kind of end are the same as in one piece.
 */
#include "openai/assembly.h"
#include "openai/decoder.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static llmd_code decode(const char *body, size_t len, size_t step, struct buf *text)
{
    struct assembly assembly = ASSEMBLY_INIT;
    struct decoder decoder = {.assembly = &assembly};
    llmd_error *error = NULL;
    for (size_t at = 0; at < len && !error; at += step)
        error = llmd__decoder_feed(&decoder, body + at, len - at < step ? len - at : step);
    if (!error)
        error = llmd__decoder_end(&decoder);
    for (llmd_delta *delta; (delta = llmd__deltas_take(&decoder.deltas));) {
        llmd__buf_format(text, "%d:%s|%s|", llmd_delta_index(delta), llmd_delta_text(delta),
                         llmd_delta_reasoning(delta));
        llmd_delta_free(delta);
    }
    llmd_code code = llmd_error_code(error);
    llmd_error_free(error);
    llmd__decoder_free(&decoder);
    llmd__assembly_free(&assembly);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf pieces = BUF_INIT, whole = BUF_INIT;
    if (size < 2)
        return 0;
    const char *body = (const char *)data + 1;
    llmd_code in_pieces = decode(body, size - 1, data[0] % 64 + 1u, &pieces);
    llmd_code at_once = decode(body, size - 1, size, &whole);
    if (in_pieces != at_once || strcmp(llmd__buf_text(&pieces), llmd__buf_text(&whole)) != 0) {
        fprintf(stderr, "pieces of %d: %s %s, at once: %s %s\n", data[0] % 64 + 1,
                llmd_code_name(in_pieces), llmd__buf_text(&pieces), llmd_code_name(at_once),
                llmd__buf_text(&whole));
        abort();
    }
    llmd__buf_free(&pieces);
    llmd__buf_free(&whole);
    return 0;
}
