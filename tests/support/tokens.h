/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model for the scripted server: answers POST /v1/chat/completions and /v1/completions as vLLM
 * does, streamed when the body asks for it. The tokens are " t0", " t1", ... with a "grüß" first.
 *
 *     static struct tokens tokens = {.count = 3};
 *     struct server *server = server_start(reply_tokens, &tokens);
 */
#ifndef TESTS_SUPPORT_TOKENS_H
#define TESTS_SUPPORT_TOKENS_H

#include "support/server.h"

struct tokens {
    int count;
    int gap_ms;         /* between tokens */
    int endless;        /* no end: until the client is gone */
    const char *before; /* sent before [DONE], such as an error event; or NULL */
    bool no_done;       /* leaves [DONE] and the finish_reason out */
    bool never_ends;    /* after [DONE] the body stays open */
};

void reply_tokens(struct conn *conn, const struct request *request, void *tokens);
/* The text of count tokens, to be freed. */
char *tokens_text(int count);

#endif
