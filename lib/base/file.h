/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_BASE_FILE_H
#define LLMD_BASE_FILE_H

#include "base/buf.h"

/* Whole file as text; NOT_FOUND names the path; TOO_LARGE past max_bytes; a NUL byte is INVALID. */
llmd_error *llmd__file_read(const char *path, size_t max_bytes, struct buf *out);
/* Changes when the file does: mtime, size and inode folded; 0 when it cannot be read. */
uint64_t llmd__file_stamp(const char *path);
/* path, made absolute against the folder of base_file when relative; NULL without memory. */
char *llmd__file_beside(const char *base_file, const char *path);

#endif
