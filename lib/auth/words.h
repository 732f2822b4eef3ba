/* SPDX-License-Identifier: Apache-2.0 */
/* A command line as a list of words, without a shell. Pure. */
#ifndef LLMD_AUTH_WORDS_H
#define LLMD_AUTH_WORDS_H

#include "base/error.h"

/* By blanks; '...', "..." and \ as in sh, and nothing else of it. NULL-ended, at least one word. */
llmd_error *llmd__words_split(const char *line, char ***out);
void llmd__words_free(char **words);

#endif
