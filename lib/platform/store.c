/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/store.h"

#include "auth/crypto.h"

#include "base/environment.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE ((size_t)64 << 20)
#define PART_TRIES 10
#define MAX_DRAFTS 1000 /* of one file at a time */

/* ---- files and folders ---- */

llmd_error *llmd__path_absolute(const char *path, char **out)
{
    char here[PATH_MAX];

    if (*path == '/')
        *out = llmd__strdup(path);
    else if (getcwd(here, sizeof(here)))
        *out = llmd__format("%s/%s", here, path);
    else
        return llmd__error_errno(errno, "%s: the working directory", path);
    return *out ? NULL : NO_MEMORY;
}

llmd_error *llmd__folder_make(const char *path)
{
    AUTO(str) char *part = llmd__strdup(path);

    CHECK_MEMORY(part);
    for (char *slash = part + 1; *slash; slash++) {
        if (*slash != '/')
            continue;
        *slash = '\0';
        mkdir(part, 0777); /* it is there, or the last one fails and tells why */
        *slash = '/';
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return llmd__error_errno(errno, "%s", path);
    return NULL;
}

static llmd_error *write_all(int fd, const char *path, const char *data, size_t len)
{
    while (len) {
        ssize_t written = write(fd, data, len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return llmd__error_errno(errno, "%s", path);
        data += written;
        len -= (size_t)written;
    }
    return NULL;
}

/* Never what somebody else put there: another thread's draft, or a link to elsewhere. No mkstemp():
   its files are the owner's alone, and only open() goes by the umask in a process with threads. */
static llmd_error *open_draft(const char *path, char **draft, int *fd)
{
    *fd = -1;
    errno = EEXIST;
    for (int i = 0; i < MAX_DRAFTS && *fd < 0 && errno == EEXIST; i++) {
        llmd__free(*draft);
        *draft = llmd__format("%s.%ld-%d", path, (long)getpid(), i);
        CHECK_MEMORY(*draft);
        *fd = open(*draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return *fd < 0 ? llmd__error_errno(errno, "%s", *draft) : NULL;
}

llmd_error *llmd__file_write(const char *path, const void *data, size_t len)
{
    AUTO(str) char *draft = NULL;
    llmd_error *error;
    int fd;

    TRY(open_draft(path, &draft, &fd));
    error = write_all(fd, draft, data, len);
    if (close(fd) != 0 && !error)
        error = llmd__error_errno(errno, "%s", draft);
    if (!error && rename(draft, path) != 0)
        error = llmd__error_errno(errno, "%s", path);
    if (error)
        unlink(draft);
    return error;
}

bool llmd__folder_lock(const char *path, int *fd)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true;
    llmd__folder_unlock(*fd);
    return false;
}

void llmd__folder_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* ---- digests ---- */

llmd_error *llmd__sha256_text(const struct buf *text, char out[LLMD__SHA256_TEXT])
{
    unsigned char digest[SHA256_SIZE];

    TRY(llmd__sha256(text->data ? text->data : "", text->len, digest));
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return NULL;
}

bool llmd__sha256_is(const struct buf *text, const char *sha256)
{
    char hex[LLMD__SHA256_TEXT];
    llmd_error *error = llmd__sha256_text(text, hex);

    if (!error)
        return strcmp(hex, sha256) == 0;
    llmd_error_free(error);
    return false;
}

/* ---- the cache ---- */

/* NULL without memory; "" where there is no place for one. */
static char *cache_folder(void)
{
    const char *cache = llmd__environment("XDG_CACHE_HOME");
    const char *home = llmd__environment("HOME");

    if (cache && cache[0] == '/')
        return llmd__format("%s/libllmd/bundles", cache);
    return home && home[0] == '/' ? llmd__format("%s/.cache/libllmd/bundles", home)
                                  : llmd__strdup("");
}

/* What the file system says is no news; want of memory is. */
static llmd_error *only_memory(llmd_error *error)
{
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    llmd_error_free(error);
    return NULL;
}

llmd_error *llmd__cache_read(const char *sha256, struct buf *text, bool *found)
{
    AUTO(str) char *folder = cache_folder();
    AUTO(str) char *path = folder ? llmd__format("%s/%s", folder, sha256) : NULL;
    llmd_error *error;

    *found = false;
    CHECK_MEMORY(path);
    error = llmd__file_read(path, MAX_FILE, text);
    *found = !error && llmd__sha256_is(text, sha256);
    if (*found)
        return NULL;
    if (!error)
        unlink(path); /* a disk's or an editor's doing */
    llmd__buf_free(text);
    return only_memory(error);
}

/* Whether it is still what its path leads to: before the lock another process may have kept it. */
static bool is_there(const struct cache_part *part)
{
    struct stat open_file, named;

    return fstat(part->fd, &open_file) == 0 && stat(part->part, &named) == 0 &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* False: it was kept in between, and another one may be begun. */
static bool lock_part(struct cache_part *part)
{
    bool locked;

    part->fd = open(part->part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (part->fd < 0)
        return true;
    locked = flock(part->fd, LOCK_EX | LOCK_NB) == 0;
    if (locked && is_there(part))
        return true;
    close(part->fd);
    part->fd = -1;
    return !locked; /* another process is at it: both would append */
}

static llmd_error *open_part(struct cache_part *part, const char *folder, const char *sha256)
{
    part->part = llmd__format("%s/%s.part", folder, sha256);
    part->whole = llmd__format("%s/%s", folder, sha256);
    if (!part->part || !part->whole)
        return NO_MEMORY;
    TRY(llmd__folder_make(folder));
    for (int i = 0; i < PART_TRIES && !lock_part(part); i++)
        ;
    return NULL;
}

llmd_error *llmd__cache_begin(const char *sha256, struct cache_part *part, struct buf *text)
{
    AUTO(str) char *folder = cache_folder();
    llmd_error *error = NULL;

    *part = CACHE_PART_INIT;
    CHECK_MEMORY(folder);
    if (!*folder)
        return NULL;
    error = open_part(part, folder, sha256);
    if (!error && part->fd >= 0)
        error = llmd__file_read(part->part, MAX_FILE, text);
    if (error) {
        llmd__buf_free(text);
        llmd__cache_restart(part);
    }
    return only_memory(error);
}

void llmd__cache_add(struct cache_part *part, const void *data, size_t len)
{
    llmd_error *error = part->fd < 0 ? NULL : write_all(part->fd, part->part, data, len);

    if (!error)
        return;
    llmd_error_free(error);
    llmd__cache_restart(part); /* half a piece would spoil the rest */
    llmd__cache_close(part);
}

void llmd__cache_restart(struct cache_part *part)
{
    if (part->fd >= 0 && ftruncate(part->fd, 0) != 0)
        unlink(part->part);
}

void llmd__cache_keep(struct cache_part *part)
{
    if (part->fd >= 0)
        rename(part->part, part->whole);
}

void llmd__cache_close(struct cache_part *part)
{
    if (part->fd >= 0)
        close(part->fd); /* and its lock goes */
    llmd__free(part->part);
    llmd__free(part->whole);
    *part = CACHE_PART_INIT;
}
