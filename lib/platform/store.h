/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that the platform keeps. The cache, $XDG_CACHE_HOME/libllmd/bundles or the same in
 * ~/.cache, holds each file by its sha256, and what came of one so far as SHA256.part. Where it
 * cannot be written, everything works without it: only want of memory is an error.
 */
#ifndef LLMD_PLATFORM_STORE_H
#define LLMD_PLATFORM_STORE_H

#include "base/buf.h"

/* A file on its way into the cache; fd -1: there is no place for it. */
struct cache_part {
    int fd;
    char *part, *whole; /* paths */
};
#define CACHE_PART_INIT ((struct cache_part){.fd = -1})

/* 64 hex digits and their end. */
#define LLMD__SHA256_TEXT 65
llmd_error *llmd__sha256_text(const struct buf *text, char out[LLMD__SHA256_TEXT]);
bool llmd__sha256_is(const struct buf *text, const char *sha256);
/* The whole file of this digest; *found false: it is not there, or not what it should be. */
llmd_error *llmd__cache_read(const char *sha256, struct buf *text, bool *found);
/* Opens the part and reads what is there into text. Another process that is at it keeps its own. */
llmd_error *llmd__cache_begin(const char *sha256, struct cache_part *part, struct buf *text);
void llmd__cache_add(struct cache_part *part, const void *data, size_t len);
void llmd__cache_restart(struct cache_part *part); /* what came was wrong */
void llmd__cache_keep(struct cache_part *part);    /* it is whole */
void llmd__cache_close(struct cache_part *part);   /* may be called again */

/* Against the working directory, which may be another one when a task runs. */
llmd_error *llmd__path_absolute(const char *path, char **out);
/* Makes a folder and those above it. */
llmd_error *llmd__folder_make(const char *path);
/* Writes a file as a whole or not at all. */
llmd_error *llmd__file_write(const char *path, const void *data, size_t len);
/* False: another is at it, in this process or elsewhere. *fd -1: it cannot be opened, which is told
   by whoever writes into it; where the file system has no locks, it is taken without. */
bool llmd__folder_lock(const char *path, int *fd);
void llmd__folder_unlock(int fd);

#endif
