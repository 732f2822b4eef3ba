/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workload identity federation: where the token of the other identity provider comes from. The
 * file outlives the source.
 */
#ifndef LLMD_AUTH_SUBJECT_TOKEN_H
#define LLMD_AUTH_SUBJECT_TOKEN_H

#include "auth/google_file.h"

#include <llmd/context.h>

struct subject_source {
    llmd_error *(*get)(llmd_context *ctx, void *data, struct buf *token);
    void (*free)(void *data);
    void *data;
};

llmd_error *llmd__subject_open(const struct google_file *file, struct subject_source *out);
/* The four kinds of credential_source. */
llmd_error *llmd__subject_file_open(const struct google_file *file, struct subject_source *out);
llmd_error *llmd__subject_url_open(const struct google_file *file, struct subject_source *out);
llmd_error *llmd__subject_executable_open(const struct google_file *file,
                                          struct subject_source *out);
llmd_error *llmd__subject_aws_open(const struct google_file *file, struct subject_source *out);

/* By credential_source.format: the text itself, or a field of its JSON. */
llmd_error *llmd__subject_read(const struct google_file *file, const struct buf *text,
                               const char *what, struct buf *token);
/* What an executable prints: the token in *token and its end in *expires_wall_ms (0: not said), or
   the failure that it tells of. */
llmd_error *llmd__subject_read_executable(const char *text, size_t len, struct buf *token,
                                          int64_t *expires_wall_ms);

#endif
