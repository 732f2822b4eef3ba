/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration, manifests and keys: small texts, read whole. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Reads to the end, or until the buffer latches. */
static llmd_error *read_all(int fd, const char *path, struct buf *out)
{
    char chunk[16384];
    ssize_t got;

    do {
        got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno != EINTR)
            return llmd__error_errno(errno, "%s", path);
        if (got > 0)
            llmd__buf_add(out, chunk, (size_t)got);
    } while (got != 0 && !out->failed && !out->too_large);
    llmd__wipe(chunk, sizeof(chunk)); /* it may have been a key */
    return llmd__error_wrap(llmd__buf_check(out), "%s", path);
}

llmd_error *llmd__file_read(const char *path, size_t max_bytes, struct buf *out)
{
    __attribute__((cleanup(close_fd))) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return llmd__error_set_advice(llmd__error_errno(errno, "%s", path),
                                      "check the path and its rights; a relative one begins in the "
                                      "working directory");
    out->max = max_bytes;
    TRY(read_all(fd, path, out));
    if (out->len && memchr(out->data, 0, out->len))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "%s: holds a NUL byte, want text", path),
            "save it as UTF-8 text");
    return NULL;
}

/* FNV-1a over the words: a change of any of them must show. */
static uint64_t fold(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * 0x100000001b3ULL;
}

uint64_t llmd__file_stamp(const char *path)
{
    struct stat status;
    uint64_t hash = 0xcbf29ce484222325ULL;

    if (stat(path, &status) != 0)
        return 0;
    hash = fold(hash, (uint64_t)status.st_mtim.tv_sec);
    hash = fold(hash, (uint64_t)status.st_mtim.tv_nsec);
    hash = fold(hash, (uint64_t)status.st_size);
    hash = fold(hash, (uint64_t)status.st_ino);
    return hash ? hash : 1;
}

char *llmd__file_beside(const char *base_file, const char *path)
{
    const char *slash = strrchr(base_file, '/');

    if (*path == '/' || !slash)
        return llmd__strdup(path);
    return llmd__format("%.*s/%s", (int)(slash - base_file), base_file, path);
}
